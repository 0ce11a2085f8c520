/** A provider in memory: looks go in, the house rules on them, incidents and messages come out. It has no store and no clock. */
import { UNKNOWN_HEALTH, type Health } from '../../src/core/judge.ts';
import type {
  Channel,
  ChannelId,
  Finding,
  Incident,
  ChannelMessage,
  Observation,
  Policy,
  Target,
} from '../../src/core/model.ts';
import { RECALL_MS } from '../../src/core/incident.ts';
import { partOf } from '../../src/core/part.ts';
import type { Setting } from '../../src/core/routing.ts';
import { rule } from '../../src/core/rule.ts';
import type { Ruling } from '../../src/core/ledger.ts';
import type { Turns } from '../../src/core/suspension.ts';

export const MINUTE = 60_000;
const DAY = Date.UTC(2026, 10, 24);
/** An instant, by the minute of the story. */
export const day = (minute: number): number => DAY + Math.round(minute * MINUTE);

const ALWAYS: Turns = { expectation: () => 'open', nextChange: () => undefined };

export interface Plot {
  readonly channels?: readonly string[];
  readonly targets?: readonly string[];
  readonly policy?: Policy;
  /** As `channel/target`. */
  readonly advisory?: readonly string[];
  readonly private?: readonly string[];
  readonly dependsOn?: Readonly<Record<string, readonly string[]>>;
  readonly calendar?: Turns;
  /** Channels that the calendar does not hold for. */
  readonly always?: readonly string[];
}

export interface World {
  /** One look at `channel/target` in a minute of the story. */
  look(id: string, minute: number, finding: Finding, location?: string): World;
  /** Everything that a store would keep goes through text and back. */
  restart(): World;
  /** All incidents, the oldest first. */
  incidents(): readonly Incident[];
  /** The newest one of a channel. */
  incident(channel: ChannelId): Incident | undefined;
  only(): Incident;
  messages(): readonly ChannelMessage[];
  /** What was told, such as `opened hotline`. */
  told(): string[];
  keys(): string[];
  health(id: string, location?: string): Health;
  rulings(): readonly Ruling[];
  setting(channel: string): Setting;
}

const HOUSE: Policy = { failures: 3, successes: 2, recheckMs: 5_000, slow: { atLeast: 3, of: 5 } };

export function world(plot: Plot = {}): World {
  const { channels: names = ['hotline'], targets = ['a'], policy = HOUSE } = plot;
  const channels = names.map((name) => channelOf(name, targets, policy, plot));
  const healths = new Map<string, { health: Health; seenAt: number }>();
  const incidents = new Map<string, Incident>();
  const messages: ChannelMessage[] = [];
  const rulings: Ruling[] = [];

  const setting = (name: string): Setting => {
    const channel = channels.find((each) => each.id === `w/${name}`);
    if (channel === undefined) throw new Error(name);
    const routes = [{ match: {}, to: ['ops'], continue: false, groupWaitMs: 0 }];
    return { providerName: 'W', timezone: 'UTC', channel, channels, routes, publicUrl: 'https://status.example/' };
  };

  const current = (at: number): Incident[] =>
    [...incidents.values()]
      .filter((each) => each.resolvedAt === undefined || each.resolvedAt >= at - RECALL_MS)
      .toSorted((a, b) => a.openedAt - b.openedAt || (a.id < b.id ? -1 : 1));

  const self: World = {
    look: (id, minute, finding, location = 'here') => {
      const [name = ''] = id.split('/');
      const target = setting(name).channel.targets.find((each) => each.id === `w/${id}`);
      if (target === undefined) throw new Error(id);
      const at = day(minute);
      const look: Observation = { target: target.id, location, slotAt: at, at, durationMs: 1, finding };
      const mine = `${target.id}@${location}`;
      const elsewhere = [...healths].flatMap(([key, each]) =>
        key.startsWith(`${target.id}@`) && key !== mine ? [each] : [],
      );
      const known = healths.get(mine);
      const ruling = rule({ health: known?.health ?? UNKNOWN_HEALTH, elsewhere, incidents: current(at) }, look, {
        target,
        setting: setting(name),
        calendar: plot.always?.includes(name) === true ? ALWAYS : (plot.calendar ?? ALWAYS),
      });
      rulings.push(ruling);
      healths.set(mine, { health: ruling.health, seenAt: finding.kind === 'unknown' ? (known?.seenAt ?? 0) : at });
      if (ruling.incident !== undefined) incidents.set(ruling.incident.id, ruling.incident);
      messages.push(...ruling.notifications.map((each) => each.message));
      return self;
    },
    restart: () => {
      for (const [key, value] of healths) healths.set(key, JSON.parse(JSON.stringify(value)) as typeof value);
      for (const [key, value] of incidents) incidents.set(key, JSON.parse(JSON.stringify(value)) as Incident);
      return self;
    },
    incidents: () => [...incidents.values()],
    incident: (channel) => [...incidents.values()].findLast((each) => partOf(each, channel) !== undefined),
    only: () => {
      const [first, ...more] = incidents.values();
      if (first === undefined || more.length > 0) throw new Error(`${more.length + Number(!!first)} incidents`);
      return first;
    },
    messages: () => messages,
    told: () => messages.map((each) => `${each.event} ${each.channelName}`),
    keys: () => messages.map((each) => each.key),
    health: (id, location = 'here') => healths.get(`w/${id}@${location}`)?.health ?? UNKNOWN_HEALTH,
    rulings: () => rulings,
    setting,
  };
  return self;
}

function channelOf(name: string, targets: readonly string[], policy: Policy, plot: Plot): Channel {
  const kind = name === 'chat' ? ('chat' as const) : ('phone' as const);
  const id = `w/${name}`;
  return {
    id,
    provider: 'w',
    kind,
    name: { en: name },
    languages: ['en'],
    hours: { weekly: '24/7', timezone: 'UTC', holidays: [], onHolidays: 'open', workdays: [] },
    maintenance: [],
    dependsOn: plot.dependsOn?.[name] ?? [],
    private: plot.private?.includes(name) ?? false,
    targets: targets.map((target): Target => ({
      id: `${id}/${target}`,
      provider: 'w',
      channel: id,
      channelKind: kind,
      probe: 'scripted',
      with: {},
      schedule: { kind: 'every', everyMs: MINUTE },
      timeoutMs: 4_000,
      advisory: plot.advisory?.includes(`${name}/${target}`) ?? false,
      policy,
    })),
  };
}
