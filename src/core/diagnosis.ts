/** From the faults seen to one cause, with the evidence for it in one sentence. It knows no probe by name. */
import type { Fault } from './fault.ts';
import type { Cause, ChannelId, Instant, Member, Notice } from './model.ts';

/** What else is known when an incident is explained. */
export interface Surroundings {
  /** The provider's newest notices. */
  readonly notices: readonly Notice[];
  readonly releases: readonly Release[];
  /** Other targets: of the same provider, or on the same host. */
  readonly neighbours: readonly Neighbour[];
  /** Our own network is lost, or was when it began. */
  readonly blind: boolean;
}

/** A new version of the provider's app. */
export interface Release {
  readonly version: string;
  readonly at: Instant;
}

export interface Neighbour {
  readonly target: string;
  readonly channel: ChannelId;
  readonly host: string | null;
  readonly state: 'up' | 'down' | 'unknown';
}

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
export function diagnose(
  members: readonly Pick<Member, 'target' | 'impact' | 'fault' | 'resolvedAt'>[],
  _around?: Surroundings,
): Diagnosis {
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
