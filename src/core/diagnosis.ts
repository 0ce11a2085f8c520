/** From what was seen to one cause, with the evidence for it. It knows no probe by name and words nothing for customers. */
import { reasonText } from './evidence.ts';
import type { Fault } from './fault.ts';
import type { Cause, ChannelId, Instant, Lost, Member, Notice, Reason } from './model.ts';

/** What else is known when an incident is explained. */
export interface Surroundings {
  /** The provider's newest notices. */
  readonly notices: readonly Notice[];
  readonly releases: readonly Release[];
  /** Other targets: of the same provider, or on the same host. */
  readonly neighbours: readonly Neighbour[];
  /** Hosts of the members, by target. */
  readonly hosts: ReadonlyMap<string, string>;
  /** Our own network is lost. */
  readonly blind: boolean;
  /** Which part of it, where that can be told. */
  readonly lost?: Lost | undefined;
}

/** A new version of the provider's app. */
export interface Release {
  readonly version: string;
  readonly at: Instant;
}

export interface Neighbour {
  readonly target: string;
  readonly provider: string;
  readonly host: string | null;
  readonly state: 'up' | 'down' | 'unknown';
  /** Of the newest look, when it failed. */
  readonly cause?: Cause;
}

export interface Diagnosis {
  readonly cause: Cause;
  /** For operators: which target saw what. */
  readonly because: string;
  readonly reason: Reason;
}

type Witness = Pick<Member, 'target' | 'impact' | 'fault' | 'since' | 'resolvedAt'>;

/** The faults that explain most stand first: a name that does not resolve explains a timeout, never the other way round. */
const TELLING: readonly Cause[] = [
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
  'our_network',
  'unknown',
];

/** What a new version of the app can break: not a telephone line, not the name in DNS. */
const BY_RELEASE: ReadonlySet<Cause> = new Set([
  'wrong_content',
  'contact_hidden',
  'contact_changed',
  'server_error',
  'protocol',
  'rejected',
]);
const RELEASE_MS = 6 * 3_600_000;
/** What is planned rarely begins on the minute. */
const NOTICE_EARLY_MS = 10 * 60_000;
const NOTICE_OPEN_MS = 4 * 3_600_000;
/** So many targets, of several hosts, and not one that works: the network in between, ours included, is the likeliest. */
const ALL_AT_LEAST = 3;
const ON_THE_WAY: ReadonlySet<Cause> = new Set(['unreachable', 'timeout', 'name_resolution', 'our_network']);

/**
 * One cause: ours before theirs, what they announced before what we saw, then the worst impact and the most telling fault.
 * Members that recovered say nothing any more.
 */
export function diagnose(members: readonly Witness[], around?: Surroundings): Diagnosis {
  const open = members.filter((each) => each.resolvedAt === undefined);
  const outages = open.filter((each) => each.impact === 'outage');
  const witnesses = (outages.length > 0 ? outages : open).toSorted((a, b) => weight(a.fault) - weight(b.fault));
  const [first] = witnesses;
  if (first === undefined) return conclude('unknown', { kind: 'nothing' });
  return (
    ours(witnesses, around) ??
    announced(witnesses, around) ??
    released(witnesses, around) ??
    shared(first, witnesses, around) ??
    conclude(first.fault.cause, {
      kind: 'seen',
      cause: first.fault.cause,
      target: first.target,
      fault: first.fault,
      of: open.length,
    })
  );
}

function conclude(cause: Cause, reason: Reason): Diagnosis {
  return { cause, reason, because: reasonText(reason, 'en') };
}

/** Our own network: we know it, every witness says so, or nothing at all answers on any host that we look at. */
function ours(witnesses: readonly Witness[], around: Surroundings | undefined): Diagnosis | undefined {
  if (around?.blind === true)
    return conclude('our_network', { kind: 'ours', detail: '', lost: around.lost ?? 'canaries' });
  const [first] = witnesses;
  if (first !== undefined && witnesses.every((each) => each.fault.blame === 'network'))
    return conclude('our_network', { kind: 'ours', detail: `${localName(first.target)}: ${first.fault.message}` });
  if (around === undefined || !witnesses.every((each) => ON_THE_WAY.has(each.fault.cause))) return undefined;
  const own = new Set(witnesses.map((each) => each.target));
  const strangers = around.neighbours.filter((each) => !own.has(each.target) && each.state !== 'unknown');
  const elsewhere = new Set(strangers.map((each) => each.provider));
  const silent = strangers.every((each) => each.state === 'down' && ON_THE_WAY.has(each.cause ?? 'unknown'));
  if (!silent || elsewhere.size < 2 || strangers.length < ALL_AT_LEAST) return undefined;
  const detail = `${strangers.length + witnesses.length} targets of ${elsewhere.size} providers fail alike and none answers`;
  return conclude('our_network', { kind: 'ours', detail });
}

/** A maintenance notice whose window covers the onset, and which names these channels or none. */
function announced(witnesses: readonly Witness[], around: Surroundings | undefined): Diagnosis | undefined {
  const channels = new Set(witnesses.map((each) => localName(channelOf(each.target))));
  const onset = Math.min(...witnesses.map((each) => each.since));
  const notice = around?.notices.find(
    ({ kind, from, until, channels: named }) =>
      kind === 'maintenance' &&
      from !== undefined &&
      from - NOTICE_EARLY_MS <= onset &&
      onset < (until ?? from + NOTICE_OPEN_MS) &&
      (named.length === 0 || named.some((each) => channels.has(each))),
  );
  if (notice?.from === undefined) return undefined;
  const { title, from, until } = notice;
  return conclude('maintenance', { kind: 'notice', title, from, ...(until !== undefined && { until }) });
}

/** The newest app release that precedes the onset by some hours at most, when what we see is what a release can break. */
function released(witnesses: readonly Witness[], around: Surroundings | undefined): Diagnosis | undefined {
  if (!witnesses.every((each) => BY_RELEASE.has(each.fault.cause))) return undefined;
  const onset = Math.min(...witnesses.map((each) => each.since));
  const before = around?.releases.filter((each) => each.at <= onset && onset - each.at <= RELEASE_MS) ?? [];
  const newest = before.toSorted((a, b) => b.at - a.at)[0];
  if (newest === undefined) return undefined;
  return conclude('app_release', { kind: 'release', version: newest.version, beforeMs: onset - newest.at });
}

/** One host, or the whole provider: the cause stays what was seen, the evidence says how far it reaches. */
function shared(
  first: Witness,
  witnesses: readonly Witness[],
  around: Surroundings | undefined,
): Diagnosis | undefined {
  if (around === undefined) return undefined;
  const provider = first.target.slice(0, first.target.indexOf('/'));
  const own = new Set(witnesses.map((each) => each.target));
  const others = around.neighbours.filter((each) => !own.has(each.target) && each.state !== 'unknown');
  const { fault } = first;
  const kin = others.filter((each) => each.provider === provider);
  const down = kin.filter((each) => each.state === 'down').length + witnesses.length;
  if (down >= ALL_AT_LEAST && kin.every((each) => each.state === 'down'))
    return conclude(fault.cause, { kind: 'everything', targets: down, fault });
  const host = around.hosts.get(first.target);
  if (host === undefined) return undefined;
  const beside = others.filter((each) => each.host === host);
  const alike = witnesses.filter((each) => around.hosts.get(each.target) === host).length;
  const failing = alike + beside.filter((each) => each.state === 'down').length;
  if (failing < 2 || beside.some((each) => each.state === 'up')) return undefined;
  return conclude(fault.cause, { kind: 'host', host, targets: failing, fault });
}

/** The fault that explains most. */
export const mostTelling = (faults: readonly Fault[]): Fault | undefined =>
  faults.toSorted((one, other) => weight(one) - weight(other))[0];

function weight(fault: Fault): number {
  return TELLING.indexOf(fault.cause);
}

function channelOf(target: string): ChannelId {
  return target.slice(0, target.lastIndexOf('/'));
}

function localName(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1);
}
