/** The parts of an incident: how targets and channels enter it, go on in it and leave it. It decides nothing and tells nobody. */
import type { Diagnosis } from './diagnosis.ts';
import type { Fault } from './fault.ts';
import type {
  Affected,
  ChannelId,
  Impact,
  Incident,
  IncidentUpdate,
  Instant,
  Member,
  Observation,
  Target,
  TargetId,
} from './model.ts';
import { suspensions, type Turns } from './suspension.ts';

/** A look and what is known around it. */
export interface Scene {
  readonly target: Pick<Target, 'id' | 'channel' | 'provider' | 'probe' | 'advisory'>;
  readonly observation: Observation;
  readonly calendar: Turns;
  /** Channels whose outage explains this one's. */
  readonly parents: readonly ChannelId[];
  /** Channels that may be in one incident with this one: private ones stay among themselves. */
  readonly mayJoin: (channel: ChannelId) => boolean;
  readonly unstable: boolean;
  readonly explain: (members: readonly Member[]) => Diagnosis;
}

/** What a look accuses its target of. */
export interface Trouble {
  readonly impact: Impact;
  readonly since: Instant;
  readonly fault: Fault;
}

/** A channel's part, over or not. */
export function partOf(incident: Incident, channel: ChannelId): Affected | undefined {
  return incident.channels.find((each) => each.channel === channel);
}

/** Whether the incident says that the channel is in trouble now. */
export function covers(incident: Incident, channel: ChannelId): boolean {
  const part = partOf(incident, channel);
  return incident.resolvedAt === undefined && part !== undefined && part.resolvedAt === undefined;
}

/** The channel that was drawn into the incident by an update, if one was: by its first target in trouble. */
export function enteredBy(incident: Incident, update: IncidentUpdate | undefined): Affected | undefined {
  if (update?.channel === undefined || (update.change !== 'opened' && update.change !== 'joined')) return undefined;
  const open = incident.members.filter(
    (each) => each.resolvedAt === undefined && channelOf(each.target) === update.channel,
  );
  return open.length === 1 ? partOf(incident, update.channel) : undefined;
}

/** The suspensions up to an instant; those that are over stay as they were found. */
export function clock(part: Affected, at: Instant, calendar: Turns): Affected {
  const over = part.suspended.filter((each) => each.until !== undefined);
  const from = over.at(-1)?.until ?? part.since;
  return { ...part, suspended: [...over, ...suspensions(from, at, calendar)] };
}

export function recover(open: Incident, target: TargetId, endedAt: Instant, calendar?: Turns): Incident {
  const members = open.members.map((each) =>
    each.target === target && each.resolvedAt === undefined ? { ...each, resolvedAt: endedAt } : each,
  );
  const channels = open.channels.map((part) => {
    const mine = members.filter((each) => channelOf(each.target) === part.channel);
    if (part.resolvedAt !== undefined || mine.some((each) => each.resolvedAt === undefined)) return part;
    const resolvedAt = Math.max(...mine.map((each) => each.resolvedAt ?? endedAt));
    return { ...(calendar === undefined ? part : clock(part, resolvedAt, calendar)), resolvedAt };
  });
  return { ...open, members, channels };
}

export function withTrouble(open: Incident, part: Affected, trouble: Trouble, scene: Scene): Incident {
  const before = open.members.find((each) => each.target === scene.target.id);
  const since =
    before?.resolvedAt === undefined ? Math.min(before?.since ?? trouble.since, trouble.since) : trouble.since;
  const others = open.members.filter((each) => each.target !== scene.target.id);
  const members = [...others, memberOf({ ...trouble, since }, scene)];
  const { cause, because, reason } = scene.explain(members);
  const own = scene.explain(members.filter((each) => channelOf(each.target) === part.channel));
  const affected: Affected = {
    ...part,
    cause: own.cause,
    impact: worse(part.impact, trouble.impact),
    since: Math.min(part.since, trouble.since),
  };
  const channels = replace(open.channels, affected);
  const openedAt = Math.min(open.openedAt, trouble.since);
  return { ...open, openedAt, members, channels, cause, because, reason, impact: worse(open.impact, trouble.impact) };
}

/** A part that was over goes on; the time in between counts for nobody. */
export function withoutEnd(part: Affected, since: Instant): Affected {
  const { resolvedAt, ...rest } = part;
  if (resolvedAt === undefined || since <= resolvedAt) return rest;
  return { ...rest, suspended: [...rest.suspended, { from: resolvedAt, until: since }] };
}

export function partFor({ since, impact }: Trouble, { target, observation, calendar }: Scene): Affected {
  const { channel } = target;
  return { channel, since, impact, cause: 'unknown', suspended: suspensions(since, observation.at, calendar) };
}

function memberOf({ since, impact, fault }: Trouble, { target }: Scene): Member {
  return { target: target.id, since, impact, fault, probe: target.probe };
}

export function replace(parts: readonly Affected[], part: Affected): readonly Affected[] {
  if (!parts.some((each) => each.channel === part.channel)) return [...parts, part];
  return parts.map((each) => (each.channel === part.channel ? part : each));
}

export function isOver({ members }: Incident): boolean {
  return members.every((each) => each.resolvedAt !== undefined);
}

export function endOf({ members, openedAt }: Incident): Instant {
  return Math.max(openedAt, ...members.map((each) => each.resolvedAt ?? openedAt));
}

function worse(one: Impact, other: Impact): Impact {
  return one === 'outage' ? one : other;
}

export function channelOf(target: TargetId): ChannelId {
  return target.slice(0, target.lastIndexOf('/'));
}

export function localName(target: TargetId): string {
  return target.slice(target.lastIndexOf('/') + 1);
}
