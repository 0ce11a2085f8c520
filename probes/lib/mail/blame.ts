/** Whose trouble a fault is when it is met at a server of ours. */
import type { Fault } from '../../../src/core/fault.ts';

/** It is our account on our server: whatever is wrong with it, nobody else is accused. */
export const ours = (why: Fault): Fault => ({ ...why, cause: 'unknown', blame: 'probe' });
