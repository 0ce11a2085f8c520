/** From the faults seen to one cause, with the evidence for it in one sentence. It knows no probe by name. */
import type { Fault } from './fault.ts';
import type { Cause, Member } from './model.ts';

/** The faults that explain most stand first: a name that does not resolve explains a timeout, never the other way round. */
const TELLING: readonly Cause[] = [
  'our_network',
  'maintenance',
  'name_resolution',
  'tls',
  'overload',
  'busy',
  'server_error',
  'not_in_service',
  'rejected',
  'refused',
  'unreachable',
  'protocol',
  'wrong_content',
  'contact_changed',
  'contact_hidden',
  'app_release',
  'no_answer',
  'no_receipt',
  'silence',
  'timeout',
  'slow',
  'unknown',
];

export interface Diagnosis {
  readonly cause: Cause;
  /** For operators: which target saw what. */
  readonly because: string;
}

/** One cause for an incident: of the members still failing, the worst impact first, then the most telling cause. */
export function diagnose(members: readonly Pick<Member, 'target' | 'impact' | 'fault' | 'resolvedAt'>[]): Diagnosis {
  const open = members.filter((each) => each.resolvedAt === undefined);
  const outages = open.filter((each) => each.impact === 'outage');
  const [first] = (outages.length > 0 ? outages : open).toSorted((a, b) => weight(a.fault) - weight(b.fault));
  if (first === undefined) return { cause: 'unknown', because: 'no failing target is left' };
  return {
    cause: first.fault.cause,
    because: `${localName(first.target)}: ${first.fault.message} (${first.fault.code})`,
  };
}

function weight(fault: Fault): number {
  return TELLING.indexOf(fault.cause);
}

function localName(target: string): string {
  return target.slice(target.lastIndexOf('/') + 1);
}
