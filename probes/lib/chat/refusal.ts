/** What an HTTP status instead of a chat means, by the one rule of all kinds that speak HTTP. It knows no vendor. */
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { statusFault } from '../answer.ts';
import type { Reply } from '../request.ts';

const SHUT = [401, 403, 407];

/**
 * What is wrong with the status, in the words of `said`; undefined when nothing is. `known`: we show who we are. Who shows no
 * credential cannot have the wrong one: then the door is shut for everybody.
 */
export function refusalFault(reply: Reply, said: string, known: boolean): Fault | undefined {
  const why = statusFault(reply, ['2xx'], { refusals: known ? [401, 407] : [] });
  if (why === undefined) return undefined;
  return why.code === 'STATUS' && SHUT.includes(reply.status) ? fault('REJECTED', said) : fault(why.code, said, why);
}
