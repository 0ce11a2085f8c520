/** What looks at a telephone line leave for the next one: how the last calls went, and until when it wants no more of them. It makes no call. */
import { z } from 'zod';
import type { Instant } from '../../src/core/model.ts';
import type { Memory } from '../../src/core/probe.ts';

const rest = z.object({
  /** Caller and number: other settings are not bound by it. */
  who: z.string().max(1_000),
  until: z.number(),
  /** How long this rest is; the next one is longer. */
  ms: z.number().nonnegative(),
});
/** A time in which a number is not called. */
export type Rest = z.output<typeof rest>;

const shape = z.object({
  /** A letter for each of the last calls; what they mean is known where they are counted. */
  calls: z
    .string()
    .regex(/^[a-z]{0,20}$/)
    .optional()
    .catch(undefined),
  rest: rest.optional().catch(undefined),
});
export type CallMemory = z.output<typeof shape>;

/** What was kept; nothing of what is of another making. */
export function recallCalls(memory: Memory | undefined): CallMemory {
  const read = shape.safeParse(memory?.get());
  return read.success ? read.data : {};
}

/** Changes what is named and leaves the rest as it is. */
export function rememberCalls(memory: Memory | undefined, change: Partial<CallMemory>): void {
  memory?.set({ ...recallCalls(memory), ...change });
}

/** Whether a rest still holds at an instant, and for how many milliseconds; a clock that was set back makes none longer. */
export const restLeft = (kept: Rest | undefined, who: string, now: Instant): number =>
  kept?.who === who ? Math.min(Math.max(0, kept.until - now), kept.ms) : 0;
