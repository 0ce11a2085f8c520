/** What is true now, in memory: the newest standing of every target, rebuilt from the store at start. It writes nothing. */
import { currentNotices } from './core/announced.ts';
import type { Calendar } from './core/calendar.ts';
import type { Neighbour, Release, Surroundings } from './core/diagnosis.ts';
import type { Ledger, NoticeRow, Ruling } from './core/ledger.ts';
import type {
  Channel,
  ChannelId,
  Incident,
  Instant,
  Lost,
  Observation,
  OwnIncident,
  Provider,
  Target,
  TargetId,
} from './core/model.ts';
import { covers } from './core/part.ts';
import { shiftHealth } from './core/shift.ts';
import { staleFrom } from './core/slots.ts';
import type { Snapshot } from './core/snapshot.ts';
import { standingOf, takeSnapshot, type ChannelStanding, type Situation, type TargetState } from './core/view.ts';

export interface BoardOptions {
  readonly ledger: Ledger;
  readonly now: () => Instant;
  readonly blind: () => boolean;
  readonly lost?: () => Lost | undefined;
  /** Trouble of our own, newest first. */
  readonly ours?: () => readonly OwnIncident[];
  readonly publicUrl: string | undefined;
  readonly answerMs: (observation: Observation) => number;
  /** The host that a target is on; null: none that says anything. */
  readonly hostOf?: (target: TargetId) => string | null;
}

export interface ChannelRow extends ChannelStanding {
  readonly provider: Provider;
  readonly channel: Channel;
  readonly incident: Incident | undefined;
}

export interface Board {
  /** The providers and calendars from now on. */
  arrange(providers: readonly Provider[], calendars: ReadonlyMap<ChannelId, Calendar>): void;
  /** Takes in what was changed outside of a look. */
  learn(incident: Incident): void;
  /** The wall clock was moved: what is known of targets moves along. Incidents are learnt from the store. */
  shift(ms: number): void;
  /** Takes in what a look changed. */
  see(observation: Observation, ruling: Ruling): void;
  /** Health by target, for counting and for the console. */
  state(target: TargetId): TargetState | undefined;
  /** Every channel, private ones too. */
  channels(): readonly ChannelRow[];
  /** What is known around a target, to explain an incident of its channel. */
  surroundings(target: Pick<Target, 'provider'>): Surroundings;
  /** What the public may see; at most a second old. */
  snapshot(): Snapshot;
  /** When the newest look that could see began. */
  lastSeenAt(): Instant | undefined;
}

const SNAPSHOT_KEPT_MS = 1_000;
const NEIGHBOURS_KEPT_MS = 1_000;
const RECENT_MS = 14 * 86_400_000;
const RECENT_MOST = 100;
const NOTICES_MS = 2 * 86_400_000;

/** Opens the board with what the store remembers. */
export async function openBoard(options: BoardOptions): Promise<Board> {
  const { ledger, now } = options;
  const targets = await statesIn(ledger);
  const open = new Map((await ledger.openIncidents()).map((each) => [each.id, each]));
  let recent = await resolvedSince(ledger, now() - RECENT_MS);
  let notices = currentNotices(await ledger.notices(now() - NOTICES_MS));
  let [providers, calendars]: Parameters<Board['arrange']> = [[], new Map()];
  let [kept, newest]: [Snapshot?, Instant?] = [];
  const near = keepNearby();

  const situation = (): Situation => ({
    now: now(),
    ...blindness(options),
    publicUrl: options.publicUrl,
    providers,
    calendars,
    targets,
    openIncidents: [...open.values()],
    recentIncidents: recent,
    notices,
    answerMs: options.answerMs,
  });

  const take = (rows: readonly NoticeRow[]): void => void ([notices, kept] = [currentNotices(rows), undefined]);

  function seeIncident(incident: Incident): void {
    recent = recent.filter((each) => each.id !== incident.id);
    if (incident.resolvedAt === undefined) open.set(incident.id, incident);
    else {
      open.delete(incident.id);
      recent = [incident, ...recent].slice(0, RECENT_MOST);
    }
    kept = undefined;
  }

  return {
    arrange: (nextProviders, nextCalendars) => {
      [providers, calendars, kept] = [nextProviders, nextCalendars, undefined];
    },
    learn: seeIncident,
    shift: (ms) => {
      shiftStates(targets, ms);
      [newest, kept] = [newest && newest + ms, undefined];
    },
    see: (observation, ruling) => {
      const before = targets.get(observation.target);
      targets.set(observation.target, stateAfter(ruling.health, observation, before));
      if (before?.health.phase !== ruling.health.phase) kept = undefined;
      if (observation.finding.kind !== 'unknown') newest = Math.max(newest ?? 0, observation.at);
      if (ruling.incident !== undefined) seeIncident(ruling.incident);
      if (observation.finding.notices !== undefined) {
        // When the store cannot be read, those that are known stay.
        ledger.notices(now() - NOTICES_MS).then(take, () => undefined);
      }
    },
    state: (target) => targets.get(target),
    channels: () => {
      const current = situation();
      return providers.flatMap((provider) =>
        provider.channels.map((channel) => ({
          provider,
          channel,
          incident: current.openIncidents.find((each) => covers(each, channel.id)),
          ...standingOf(channel, current),
        })),
      );
    },
    surroundings: ({ provider }) => {
      const nearby = near({ providers, targets, now: now(), hostOf: options.hostOf ?? (() => null) });
      return around(provider, { nearby, notices, blind: options.blind(), lost: options.lost?.() });
    },
    snapshot: () => {
      if (kept === undefined || now() - kept.generatedAt >= SNAPSHOT_KEPT_MS || now() < kept.generatedAt) {
        kept = takeSnapshot(situation());
      }
      return kept;
    },
    lastSeenAt: () => newest,
  };
}

function blindness({ blind, ours }: BoardOptions): Pick<Situation, 'blind' | 'blindSince'> {
  const lost = ours?.().find(({ trouble, resolvedAt }) => trouble === 'network' && resolvedAt === undefined);
  return { blind: blind(), blindSince: lost?.openedAt };
}

async function resolvedSince(ledger: Ledger, since: Instant): Promise<readonly Incident[]> {
  const recent = await ledger.recentIncidents(since, RECENT_MOST);
  return recent.filter((each) => each.resolvedAt !== undefined);
}

function stateAfter(health: TargetState['health'], last: Observation, before: TargetState | undefined): TargetState {
  const sees = last.finding.kind !== 'unknown';
  return {
    health,
    lastSeen: sees ? last : before?.lastSeen,
    lastGood: last.finding.kind === 'ok' || last.finding.kind === 'degraded' ? last : before?.lastGood,
  };
}

async function statesIn(ledger: Ledger): Promise<Map<TargetId, TargetState>> {
  const rows = await ledger.health();
  return new Map(rows.map(({ target, health, last }) => [target, stateAfter(health, last, undefined)]));
}

function shiftStates(targets: Map<TargetId, TargetState>, ms: number): void {
  const move = (look: Observation | undefined) => look && { ...look, at: look.at + ms };
  for (const [target, { health, lastSeen, lastGood }] of targets)
    targets.set(target, { health: shiftHealth(health, ms), lastSeen: move(lastSeen), lastGood: move(lastGood) });
}

interface Neighbourhood {
  readonly providers: readonly Provider[];
  readonly targets: ReadonlyMap<TargetId, TargetState>;
  readonly now: Instant;
  readonly hostOf: (target: TargetId) => string | null;
}

interface Nearby extends Pick<Surroundings, 'neighbours' | 'hosts'> {
  readonly releases: readonly (Release & { readonly channel: ChannelId })[];
  readonly now: Instant;
}

/** The part of it that concerns one provider; neighbours are everybody's. */
function around(
  provider: string,
  known: Pick<Surroundings, 'blind' | 'lost'> & { readonly nearby: Nearby; readonly notices: readonly NoticeRow[] },
): Surroundings {
  const isOwn = (each: { readonly channel: ChannelId }): boolean => each.channel.startsWith(`${provider}/`);
  const { nearby, notices, blind, lost } = known;
  return { ...nearby, releases: nearby.releases.filter(isOwn), notices: notices.filter(isOwn), blind, lost };
}

/** When much fails at once, much is explained at once: what is nearby is gathered once a second at most. */
function keepNearby(): (around: Neighbourhood) => Nearby {
  let kept: Nearby | undefined;
  return (around) => {
    if (kept === undefined || Math.abs(around.now - kept.now) >= NEIGHBOURS_KEPT_MS) kept = neighbourhood(around);
    return kept;
  };
}

/** Every target by its newest look, and the app releases that were seen. */
function neighbourhood(around: Neighbourhood): Nearby {
  const all = around.providers.flatMap((each) => each.channels.flatMap((channel) => channel.targets));
  const neighbours = all.map((target) => neighbourOf(target, around));
  const hosts = neighbours.flatMap(({ target, host }): [string, string][] => (host === null ? [] : [[target, host]]));
  const releases = all
    .filter((target) => target.probe === 'app-release')
    .flatMap(({ id, channel }) => releaseIn(around.targets.get(id)?.lastGood).map((each) => ({ ...each, channel })));
  return { neighbours, hosts: new Map(hosts), releases, now: around.now };
}

function neighbourOf(target: Target, { targets, now, hostOf }: Neighbourhood): Neighbour {
  const last = targets.get(target.id)?.lastSeen;
  const near = { target: target.id, provider: target.provider, host: hostOf(target.id) };
  if (last === undefined || now > staleFrom(target, last.at)) return { ...near, state: 'unknown' };
  const { finding } = last;
  return finding.kind === 'failed' ? { ...near, state: 'down', cause: finding.fault.cause } : { ...near, state: 'up' };
}

function releaseIn(look: Observation | undefined): Release[] {
  const { release, release_at: at } = look?.finding.facts ?? {};
  return typeof release === 'string' && typeof at === 'number' ? [{ version: release, at }] : [];
}
