/** Folds what targets say into incidents: one for each outage, of one channel or of several. It knows no receiver and no page. */
import type { Fault } from './fault.ts';
import type { ChannelId, Finding, Incident, IncidentUpdate, Instant, Member, MessageEvent, TargetId } from './model.ts';
import {
  clock,
  covers,
  endOf,
  isOver,
  localName,
  partFor,
  partOf,
  recover,
  replace,
  withoutEnd,
  withTrouble,
  type Scene,
  type Trouble,
} from './part.ts';
import { isSuspended } from './suspension.ts';
import type { Stand } from './vote.ts';

/** What broke again so soon after it was mended is the same incident. */
export const REOPEN_MS = 10 * 60_000;
/** In so long a channel is told of twice at most, and once that it is unstable; what broke twice is over when it has held as long. */
const NEWS_MS = 30 * 60_000;
const NEWS_MOST = 2;
/** An incident that is over for longer says nothing about a new one: one that broke twice is over when it has held for `NEWS_MS`. */
export const RECALL_MS = 2 * NEWS_MS;
/** Channels of one provider that fail so close to each other fail together. */
const TOGETHER_MS = 2 * 60_000;
const UPDATES_KEPT = 100;

export interface Change {
  readonly incident: Incident;
  /** What people are told; absent when only the record changes. */
  readonly event?: MessageEvent;
  /** What was added to the incident's story, if anything. */
  readonly update?: IncidentUpdate;
}

/**
 * Brings the provider's incidents in line with what a target is now. `incidents` are the open ones and those resolved within
 * `RECALL_MS`. It looks at what is, not at what moved: an incident that a crash or a changed configuration left behind is
 * put right by the next look. Only a look that itself sees trouble accuses; nothing opens or resolves while closed.
 */
export function fold(incidents: readonly Incident[], stand: Stand | undefined, scene: Scene): Change | undefined {
  const { observation, target, calendar } = scene;
  if (observation.finding.kind === 'unknown') return undefined;
  const open = incidents.find((each) => each.resolvedAt === undefined && partOf(each, target.channel) !== undefined);
  const isOpen = calendar.expectation(observation.at) === 'open';
  const clocked = open && keepClock(open, isOpen, scene);
  if (!isOpen || stand === undefined) return clocked;
  const change = move(incidents, clocked?.incident ?? open, stand, scene) ?? clocked;
  return change && measured(change, incidents, scene);
}

/** News that would be the third in half an hour says that it is unstable, and is the last until it is steady. */
function measured(change: Change, incidents: readonly Incident[], scene: Scene): Change {
  const { incident, event } = change;
  if (event === undefined) return change;
  const { at } = scene.observation;
  const { channel } = scene.target;
  const isThird = BREAKS.has(event) && newsOf(channel, [...incidents, incident], at) >= NEWS_MOST;
  const told = isThird ? 'unstable' : event;
  const news = [...(incident.news ?? []).filter((each) => at - each.at < NEWS_MS), { at, channel, event: told }];
  const next = isThird ? noted(incident, updateOf('unstable', incident.because, scene, at)) : incident;
  return { ...change, incident: { ...next, news }, event: told };
}

const BREAKS: ReadonlySet<MessageEvent> = new Set(['opened', 'joined']);

/** How often people were told of a channel lately. That it is worse is no new story. */
function newsOf(channel: ChannelId, incidents: readonly Incident[], at: Instant): number {
  const known = new Map(incidents.map((each) => [each.id, each]));
  const news = [...known.values()].filter((each) => partOf(each, channel)).flatMap((each) => each.news ?? []);
  return news
    .filter((each) => at - each.at < NEWS_MS && each.event !== 'worsened')
    .filter((each) => each.channel === channel || each.event === 'resolved').length;
}

/** Without the targets that are no longer looked at: what nobody looks at cannot keep an incident open. */
export function abandon(open: Incident, isKept: (target: TargetId) => boolean, at: Instant): Change | undefined {
  const gone = open.members.filter((each) => each.resolvedAt === undefined && !isKept(each.target));
  if (gone.length === 0) return undefined;
  const names = gone.map((each) => localName(each.target)).join(', ');
  const update: IncidentUpdate = { at, change: 'abandoned', text: `${names}: no longer configured` };
  const left = gone.reduce((rest, each) => recover(rest, each.target, Math.max(each.since, at)), noted(open, update));
  return isOver(left) ? resolve(left, at) : { incident: left, update };
}

function move(
  incidents: readonly Incident[],
  open: Incident | undefined,
  stand: Stand,
  scene: Scene,
): Change | undefined {
  const { target, observation } = scene;
  const member = open?.members.find((each) => each.target === target.id && each.resolvedAt === undefined);
  const trouble = troubleOf(stand, observation.finding, target.advisory);
  if (open !== undefined && member !== undefined) {
    if (stand.impact === undefined) return leave(incidents, open, Math.max(stand.since, member.since), scene);
    return trouble && goOn(incidents, { open, member }, trouble, scene);
  }
  if (stand.restless === true) return undefined;
  if (trouble !== undefined) return fail(incidents, open, trouble, scene);
  return open && mayEnd(open, incidents, scene) ? resolve(open, observation.at) : undefined;
}

/** What broke twice may break again: it is over when it has held. And nobody is told a third time in half an hour. */
function mayEnd(open: Incident, incidents: readonly Incident[], { target, observation: { at } }: Scene): boolean {
  if (!isOver(open)) return false;
  if (isRestless(open)) return at - endOf(open) >= NEWS_MS;
  return open.suppressedBy !== undefined || newsOf(target.channel, [...incidents, open], at) < NEWS_MOST;
}

/** It broke twice, or changes all the time. */
function isRestless(incident: Incident): boolean {
  return hasChange(incident, 'reopened') || hasChange(incident, 'unstable');
}

/** A target that was in trouble still is. */
function goOn(
  incidents: readonly Incident[],
  { open, member }: { readonly open: Incident; readonly member: Member },
  trouble: Trouble,
  scene: Scene,
): Change | undefined {
  if (trouble.impact === 'outage' && member.impact === 'degraded') return rejoin(open, trouble, scene);
  if (open.suppressedBy !== undefined && suppressor(incidents, scene) === undefined) return release(open, scene);
  return scene.unstable && !isRestless(open) ? waver(open, trouble.fault, scene) : undefined;
}

/**
 * What this look accuses its target of. A look that has seen nothing bad itself accuses nobody on the word of others, and one
 * that got a slow answer does not speak of an outage. An advisory target at most degrades.
 */
function troubleOf({ impact, since }: Stand, finding: Finding, advisory: boolean): Trouble | undefined {
  if (impact === undefined || finding.kind === 'ok' || finding.kind === 'unknown') return undefined;
  if (impact === 'outage' && finding.kind === 'degraded') return undefined;
  return { impact: advisory ? 'degraded' : impact, since, fault: finding.fault };
}

/** A target that was well fails: in its channel's incident, in one just over, in one that began beside it, or in a new one. */
function fail(incidents: readonly Incident[], open: Incident | undefined, trouble: Trouble, scene: Scene): Change {
  if (open !== undefined) return rejoin(open, trouble, scene);
  const suppressedBy = suppressor(incidents, scene);
  const ended = incidents
    .filter((each) => isJustOver(each, incidents, scene))
    .toSorted(byEnd)
    .at(-1);
  if (ended !== undefined) return reopen(ended, trouble, suppressedBy, scene);
  const together = suppressedBy === undefined ? nearest(incidents, trouble.since, scene) : undefined;
  return together === undefined ? start(trouble, suppressedBy, scene) : spread(together, trouble, scene);
}

const byEnd = (one: Incident, other: Incident): number => (one.resolvedAt ?? 0) - (other.resolvedAt ?? 0);

/** The open incident of which a channel failed closest to `since`; of two as close, the one that began first. */
function nearest(incidents: readonly Incident[], since: Instant, scene: Scene): Incident | undefined {
  return incidents
    .filter((each) => mayTake(each, scene))
    .map((incident) => ({ incident, ms: Math.min(...incident.channels.map((each) => Math.abs(since - each.since))) }))
    .filter(({ ms }) => ms <= TOGETHER_MS)
    .toSorted((one, other) => one.ms - other.ms)[0]?.incident;
}

/** Over for at most ten minutes, and none of its channels is in another open incident, which would then have two. */
function isJustOver(each: Incident, incidents: readonly Incident[], { target, observation }: Scene): boolean {
  if (each.resolvedAt === undefined || observation.at - each.resolvedAt > REOPEN_MS) return false;
  if (partOf(each, target.channel) === undefined) return false;
  const open = incidents.filter((other) => other.resolvedAt === undefined);
  return !each.channels.some((part) => open.some((other) => partOf(other, part.channel) !== undefined));
}

function mayTake({ resolvedAt, suppressedBy, channels }: Incident, { mayJoin }: Scene): boolean {
  return resolvedAt === undefined && suppressedBy === undefined && channels.every((each) => mayJoin(each.channel));
}

/** The open outage of a channel that this one depends on. */
function suppressor(incidents: readonly Incident[], { parents }: Scene): Incident['id'] | undefined {
  return incidents.find((each) =>
    parents.some((parent) => covers(each, parent) && partOf(each, parent)?.impact === 'outage'),
  )?.id;
}

function start(trouble: Trouble, suppressedBy: string | undefined, scene: Scene): Change {
  const { target, observation, unstable } = scene;
  const blank: Incident = {
    // Not by the start of the streak: one target's may have begun with that of another, whose outage is long over.
    id: `${target.channel.replaceAll('/', '.')}.${observation.at.toString(36)}`,
    provider: target.provider,
    channel: target.channel,
    channels: [],
    openedAt: trouble.since,
    confirmedAt: observation.at,
    impact: trouble.impact,
    cause: 'unknown',
    because: '',
    members: [],
    updates: [],
    told: [],
    ...(suppressedBy !== undefined && { suppressedBy }),
  };
  const next = withTrouble(blank, partFor(trouble, scene), trouble, scene);
  const update = updateOf('opened', next.because, scene, observation.at);
  const opened = noted(next, update);
  if (!unstable) return tellUnless(suppressedBy, opened, update, 'opened');
  return tellUnless(suppressedBy, noted(opened, { ...update, change: 'unstable' }), update, 'unstable');
}

/** A target of a channel that the incident knows fails, again or worse. */
function rejoin(open: Incident, trouble: Trouble, scene: Scene): Change {
  const { target, observation } = scene;
  const part = partOf(open, target.channel) ?? partFor(trouble, scene);
  const restedMs = part.resolvedAt === undefined ? 0 : trouble.since - part.resolvedAt;
  const wasWell = part.resolvedAt !== undefined;
  const next = withTrouble(open, withoutEnd(part, trouble.since), trouble, scene);
  const isNews = restedMs > REOPEN_MS && !isRestless(open);
  const event = next.impact !== open.impact ? 'worsened' : isNews ? 'joined' : undefined;
  // What comes and goes within minutes is neither told nor written down each time.
  if (event === undefined && wasWell) return { incident: next };
  const update = updateOf(event ?? 'joined', next.because, scene, observation.at);
  return tellUnless(open.suppressedBy, noted(next, update), update, event);
}

/** Another channel fails beside the first ones. */
function spread(open: Incident, trouble: Trouble, scene: Scene): Change {
  const next = withTrouble(open, partFor(trouble, scene), trouble, scene);
  const update = updateOf('joined', next.because, scene, scene.observation.at);
  return { incident: noted(next, update), update, event: 'joined' };
}

function reopen(ended: Incident, trouble: Trouble, suppressedBy: string | undefined, scene: Scene): Change {
  const { resolvedAt: _over, suppressedBy: _before, ...rest } = ended;
  const part = partOf(ended, scene.target.channel) ?? partFor(trouble, scene);
  const open: Incident = { ...rest, ...(suppressedBy !== undefined && { suppressedBy }) };
  const next = withTrouble(open, withoutEnd(part, trouble.since), trouble, scene);
  const update = updateOf('reopened', next.because, scene, scene.observation.at);
  return tellUnless(suppressedBy, noted(next, update), update, 'reopened');
}

/** The channel that it depended on works again and this one does not: now it is news of its own. */
function release(open: Incident, scene: Scene): Change {
  const { suppressedBy: _parent, ...rest } = open;
  const explained = scene.explain(rest.members);
  const event = hasChange(open, 'reopened') ? 'reopened' : 'opened';
  return { incident: { ...rest, ...explained, confirmedAt: scene.observation.at }, event };
}

function waver(open: Incident, fault: Fault, scene: Scene): Change {
  const update = updateOf('unstable', `${localName(scene.target.id)}: ${fault.message}`, scene, scene.observation.at);
  return tellUnless(open.suppressedBy, noted(open, update), update, 'unstable');
}

function leave(incidents: readonly Incident[], open: Incident, endedAt: Instant, scene: Scene): Change {
  const left = recover(open, scene.target.id, endedAt, scene.calendar);
  return mayEnd(left, incidents, scene) ? resolve(left, scene.observation.at) : { incident: left };
}

function resolve(left: Incident, at: Instant): Change {
  const update: IncidentUpdate = { at, change: 'resolved', text: left.because };
  const incident = noted({ ...left, resolvedAt: endOf(left) }, update);
  return tellUnless(left.suppressedBy, incident, update, 'resolved');
}

/** Stops or starts the channel's clock at closing and opening time. */
function keepClock(open: Incident, isOpen: boolean, scene: Scene): Change | undefined {
  const { target, observation, calendar } = scene;
  const part = partOf(open, target.channel);
  if (part === undefined || part.resolvedAt !== undefined || isSuspended(part) !== isOpen) return undefined;
  const clocked = clock(part, observation.at, calendar);
  if (isSuspended(clocked) === isOpen) return undefined;
  const update = updateOf(isOpen ? 'continued' : 'suspended', open.because, scene, observation.at);
  return { incident: noted({ ...open, channels: replace(open.channels, clocked) }, update), update };
}

function noted(incident: Incident, update: IncidentUpdate): Incident {
  const updates = [...incident.updates, update];
  return { ...incident, updates: updates.length > UPDATES_KEPT ? updates.toSpliced(UPDATES_KEPT / 2, 1) : updates };
}

function tellUnless(
  suppressedBy: string | undefined,
  incident: Incident,
  update: IncidentUpdate,
  event: MessageEvent | undefined,
): Change {
  return suppressedBy !== undefined || event === undefined ? { incident, update } : { incident, update, event };
}

function updateOf(change: IncidentUpdate['change'], text: string, { target }: Scene, at: Instant): IncidentUpdate {
  return { at, change, text, channel: target.channel };
}

function hasChange(incident: Incident, change: IncidentUpdate['change']): boolean {
  return incident.updates.some((each) => each.change === change);
}
