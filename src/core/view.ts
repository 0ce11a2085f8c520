/** Builds the public snapshot from everything that is known, field by field: what is not named here is not public. */
import type { Calendar } from './calendar.ts';
import { publicReasonText } from './evidence.ts';
import type { Health } from './judge.ts';
import type { NoticeRow } from './ledger.ts';
import type {
  Affected,
  Cause,
  Channel,
  ChannelId,
  ChannelStatus,
  Expectation,
  Incident,
  Instant,
  Language,
  Observation,
  Provider,
  Reason,
  Target,
  TargetId,
} from './model.ts';
import { mostTelling } from './diagnosis.ts';
import { channelOf, covers, endOf, isOver, partOf } from './part.ts';
import { present } from './present.ts';
import { staleFrom } from './slots.ts';
import type {
  ChannelView,
  IncidentView,
  MaintenanceView,
  NoticeView,
  ProviderView,
  Snapshot,
  UpdateView,
} from './snapshot.ts';
import { isSuspended, promisedMs } from './suspension.ts';
import { channelStatus, isDown, providerIndicator, sinceOf, type TargetStanding } from './status.ts';

/** What is known of a target. */
export interface TargetState {
  readonly health: Health;
  /** Newest observation that could see. */
  readonly lastSeen: Observation | undefined;
  /** Newest observation that was good. */
  readonly lastGood: Observation | undefined;
}

export interface Situation {
  readonly now: Instant;
  readonly blind: boolean;
  readonly blindSince?: Instant | undefined;
  readonly publicUrl: string | undefined;
  readonly providers: readonly Provider[];
  readonly calendars: ReadonlyMap<ChannelId, Calendar>;
  readonly targets: ReadonlyMap<TargetId, TargetState>;
  readonly openIncidents: readonly Incident[];
  /** Resolved ones, newest first. */
  readonly recentIncidents: readonly Incident[];
  readonly notices: readonly NoticeRow[];
  /** How long the answer of a good look took, by its kind's own measure. */
  readonly answerMs: (observation: Observation) => number;
}

/** What is true of a channel now; private ones too. */
export interface ChannelStanding {
  readonly status: ChannelStatus;
  readonly expectation: Expectation;
  readonly nextChangeAt: Instant | undefined;
}

const MAINTENANCE_AHEAD_MS = 14 * 86_400_000;
const STALE_FLOOR_MS = 60_000;
const NOTICES_SHOWN = 10;

export function takeSnapshot(situation: Situation): Snapshot {
  const intervals = situation.providers
    .flatMap((provider) => publicChannels(provider).flatMap((channel) => channel.targets))
    .map(({ schedule }) => (schedule.kind === 'every' ? schedule.everyMs : 0));
  return {
    generatedAt: situation.now,
    staleAfterMs: Math.max(STALE_FLOOR_MS, 3 * Math.max(0, ...intervals)),
    blind: situation.blind,
    ...(situation.blind && present({ blindSince: situation.blindSince })),
    ...present({ publicUrl: situation.publicUrl }),
    providers: situation.providers.map((provider) => viewProvider(provider, situation)),
  };
}

/** Status, expectation and the next change of one channel. */
export function standingOf(channel: Channel, situation: Situation): ChannelStanding {
  const calendar = situation.calendars.get(channel.id);
  const expectation = calendar?.expectation(situation.now) ?? 'open';
  const targets = channel.targets.map((target) => standing(target, situation));
  return {
    expectation,
    status: channelStatus(expectation, targets),
    nextChangeAt: calendar?.nextChange(situation.now)?.at,
  };
}

/** While we are blind, what was seen before says nothing about now. */
function standing(target: Target, { targets, now, blind }: Situation): TargetStanding {
  const state = targets.get(target.id);
  const stale = blind || state?.lastSeen === undefined || now > staleFrom(target, state.lastSeen.at);
  return { health: state?.health ?? { phase: 'unknown' }, advisory: target.advisory, stale };
}

function publicChannels(provider: Provider): readonly Channel[] {
  return provider.channels.filter((channel) => !channel.private);
}

function viewProvider(provider: Provider, situation: Situation): ProviderView {
  const channels = publicChannels(provider);
  const views = channels.map((channel) => viewChannel(channel, provider, situation));
  const ids = new Set(channels.map((channel) => channel.id));
  const isPublic = (each: Incident): boolean => ids.has(each.channel);
  const open = situation.openIncidents.filter(isPublic);
  const recent = situation.recentIncidents.filter((each) => isPublic(each) && each.resolvedAt !== undefined);
  return {
    id: provider.id,
    name: provider.name,
    ...present({ homepage: provider.homepage }),
    timezone: provider.timezone,
    languages: provider.languages,
    indicator: providerIndicator(views.map((view) => view.status)),
    channels: views,
    fallbacks: provider.fallbacks,
    incidents: [...open, ...recent].map((each) => viewIncident(each, ids)),
    notices: viewNotices(situation.notices.filter((each) => ids.has(each.channel))),
    maintenances: channels.flatMap((channel) => maintenancesOf(channel, situation)),
  };
}

function viewChannel(channel: Channel, provider: Provider, situation: Situation): ChannelView {
  const { status } = standingOf(channel, situation);
  const states = channel.targets.flatMap((target) => situation.targets.get(target.id) ?? []);
  const newest = latest(states.map((state) => state.lastSeen));
  const good = latest(states.map((state) => state.lastGood));
  const incident = situation.openIncidents.find((each) => covers(each, channel.id));
  const part = incident && partOf(incident, channel.id);
  return {
    id: localId(channel.id),
    kind: channel.kind,
    name: channel.name,
    status,
    stale: channel.targets.every((target) => standing(target, situation).stale),
    rung: good?.finding.rung ?? 'none',
    languages: channel.languages,
    ...hoursOf(channel, situation),
    ...present({
      since: statusSince(status, states, part, situation.now),
      lastSeenAt: newest?.at,
      answerMs: good && situation.answerMs(good),
      promiseMs: channel.targets.find((target) => target.promiseMs !== undefined)?.promiseMs,
      contact: channel.contact,
      contactChecked: provider.contacts.find((each) => each.channel === localId(channel.id))?.checked,
      cost: channel.cost,
      incident: incident?.id,
      cause: incident && part && causeNow(incident, part, situation),
      impact: part?.impact,
    }),
  };
}

/** The incident's cause for the channel; or, where nobody sees that any more and it has not worked since, what is seen instead. */
function causeNow({ members }: Incident, { channel, cause }: Affected, { targets }: Situation): Cause {
  const open = members.filter((each) => each.resolvedAt === undefined && channelOf(each.target) === channel);
  // A cause that was concluded from more than one look stays what it was.
  if (!open.some((each) => each.fault.cause === cause)) return cause;
  const seen = open.flatMap(({ target }) => {
    const finding = targets.get(target)?.lastSeen?.finding;
    return finding?.kind === 'failed' || finding?.kind === 'degraded' ? [finding.fault] : [];
  });
  return seen.some((each) => each.cause === cause) ? cause : (mostTelling(seen)?.cause ?? cause);
}

type HoursView = Pick<ChannelView, 'timezone' | 'always' | 'today' | 'weekly' | 'nextChange'>;

function hoursOf(channel: Channel, { calendars, now }: Situation): HoursView {
  const { weekly, timezone } = channel.hours;
  const calendar = calendars.get(channel.id);
  if (calendar === undefined) return { weekly, timezone, always: false, today: [] };
  const nextChange = calendar.nextChange(now);
  return { weekly, timezone, always: calendar.always, today: calendar.today(now), ...present({ nextChange }) };
}

function latest(observations: readonly (Observation | undefined)[]): Observation | undefined {
  return observations.reduce(
    (newest, each) => (each !== undefined && each.at > (newest?.at ?? 0) ? each : newest),
    undefined,
  );
}

/** Since when the word on the page holds: an incident's start while there is one, else the start of the good streak. */
function statusSince(
  status: ChannelStatus,
  states: readonly TargetState[],
  part: Affected | undefined,
  now: Instant,
): Instant | undefined {
  switch (status) {
    case 'major_outage':
    case 'partial_outage':
    case 'degraded_performance':
      return part?.since;
    case 'operational': {
      const starts = states.filter((state) => !isDown(state.health)).flatMap((state) => sinceOf(state.health) ?? []);
      // The clock may have been set back since.
      return starts.length === 0 ? undefined : Math.min(Math.max(...starts), now);
    }
    case 'under_maintenance':
    case 'closed':
    case 'unknown':
      return undefined;
  }
}

function viewIncident(incident: Incident, publicIds: ReadonlySet<ChannelId>): IncidentView {
  return {
    id: incident.id,
    channel: localId(incident.channel),
    channels: incident.channels.flatMap(({ channel }) => (publicIds.has(channel) ? [localId(channel)] : [])),
    openedAt: incident.openedAt,
    impact: incident.impact,
    cause: incident.cause,
    ...(incident.reason !== undefined && { why: whyOf(incident.reason) }),
    updates: viewUpdates(incident, publicIds),
    ...courseOf(incident),
  };
}

/** How far it has come: over, mended and watched, at rest, or none of these. */
function courseOf(incident: Incident): Pick<IncidentView, 'resolvedAt' | 'promisedMs' | 'mendedAt' | 'suspended'> {
  const { resolvedAt, channels } = incident;
  if (resolvedAt !== undefined) return { resolvedAt, promisedMs: promisedMs(incident, resolvedAt) };
  if (isOver(incident)) return { mendedAt: endOf(incident) };
  const lasting = channels.filter((each) => each.resolvedAt === undefined);
  return lasting.every(isSuspended) ? { suspended: true } : {};
}

function viewUpdates({ updates }: Incident, publicIds: ReadonlySet<ChannelId>): UpdateView[] {
  return updates.flatMap(({ at, change, channel }) => {
    const isPublic = channel !== undefined && publicIds.has(channel);
    return change === 'abandoned' ? [] : [{ at, change, ...(isPublic && { channel: localId(channel) }) }];
  });
}

function whyOf(reason: Reason): Readonly<Record<Language, string>> {
  return {
    id: publicReasonText(reason, 'id'),
    en: publicReasonText(reason, 'en'),
    zh: publicReasonText(reason, 'zh'),
  };
}

function viewNotices(rows: readonly NoticeRow[]): NoticeView[] {
  return rows
    .toSorted((a, b) => (b.publishedAt ?? b.firstSeenAt) - (a.publishedAt ?? a.firstSeenAt))
    .slice(0, NOTICES_SHOWN)
    .map((row) => ({
      channel: localId(row.channel),
      title: row.title,
      kind: row.kind,
      zoneExplicit: row.zoneExplicit ?? false,
      touches: row.channels,
      ...present({
        link: row.link,
        publishedAt: row.publishedAt,
        from: row.from,
        until: row.until,
        ambiguous: row.ambiguous,
      }),
    }));
}

function maintenancesOf(channel: Channel, situation: Situation): MaintenanceView[] {
  const spans = situation.calendars.get(channel.id)?.maintenances(situation.now, situation.now + MAINTENANCE_AHEAD_MS);
  return (spans ?? []).map(({ from, until }) => ({ channel: localId(channel.id), from, until }));
}

/** The id within the provider, as in URLs and labels. */
export function localId(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1);
}
