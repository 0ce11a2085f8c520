/** Part of main: everything that follows from a configuration, put together once and replaced as a whole by a reload. */
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/load.ts';
import { announcedWindows } from '../core/announced.ts';
import { openCalendar, type Calendar, type Span } from '../core/calendar.ts';
import type { Ledger, NoticeRow } from '../core/ledger.ts';
import type { Channel, ChannelId, Instant, Observation, Provider, Target, TargetId } from '../core/model.ts';
import type { ProbeKind } from '../core/probe.ts';
import type { Receiver } from '../core/receiver.ts';
import type { Assignment } from '../runner.ts';
import type { Appointment } from '../scheduler.ts';
import type { Kinds } from './kinds.ts';

export interface Order {
  readonly config: Config;
  /** Announced maintenance that counts; it is in the calendars. */
  readonly announced: Announced;
  readonly calendars: ReadonlyMap<ChannelId, Calendar>;
  /** Everything that a look needs and that does not change, by target. */
  readonly assignments: ReadonlyMap<TargetId, Assignment>;
  readonly receivers: ReadonlyMap<string, Receiver>;
}

/** A window of maintenance is shorter, and so is the time from its announcement. */
const ANNOUNCED_MS = 60 * 86_400_000;

/** What may count as maintenance, now or lately. */
export function announcements(ledger: Pick<Ledger, 'notices'>, now: Instant): Promise<readonly NoticeRow[]> {
  return ledger.notices(now - ANNOUNCED_MS);
}

/** `notices`: what is announced, some of which counts as maintenance. */
export function makeOrder(config: Config, kinds: Kinds, notices: readonly NoticeRow[] = []): Order {
  const announced = announcedWindows(notices, config.providers);
  const calendars = openCalendars(config.providers, announced);
  const assignments = assign(config, kinds, calendars);
  return { config, announced, calendars, assignments, receivers: openReceivers(config, kinds) };
}

/** The same order with other announcements; itself when nothing follows from them. */
export function heed(order: Order, notices: readonly NoticeRow[], kinds: Kinds): Order {
  const { config, receivers } = order;
  const announced = announcedWindows(notices, config.providers);
  if (isDeepStrictEqual(announced, order.announced)) return order;
  const calendars = openCalendars(config.providers, announced);
  return { config, announced, calendars, assignments: assign(config, kinds, calendars), receivers };
}

type Announced = ReadonlyMap<ChannelId, readonly Span[]>;

function openCalendars(providers: readonly Provider[], announced: Announced): ReadonlyMap<ChannelId, Calendar> {
  const channels = providers.flatMap((provider) => provider.channels);
  return new Map(
    channels.map(({ id, hours, maintenance }) => [id, openCalendar(hours, maintenance, announced.get(id))]),
  );
}

function assign(
  { providers, routes, publicUrl }: Config,
  kinds: Kinds,
  calendars: ReadonlyMap<ChannelId, Calendar>,
): ReadonlyMap<TargetId, Assignment> {
  const assignmentsOf = (provider: Provider, channel: Channel): [TargetId, Assignment][] => {
    const { channels, timezone } = provider;
    const setting = { providerName: provider.name, timezone, channel, channels, routes, publicUrl };
    const calendar = calendars.get(channel.id);
    if (calendar === undefined) return [];
    return channel.targets.flatMap((target) => {
      const kind = kinds.probes.get(target.probe);
      return kind === undefined
        ? []
        : [[target.id, { target, kind, setting, calendar, isQuiet: quietOf(target, kind, calendar) }]];
    });
  };
  return new Map(
    providers.flatMap((provider) => provider.channels.flatMap((channel) => assignmentsOf(provider, channel))),
  );
}

/** When nobody is to be disturbed by a look; undefined: there is no such hour. */
function quietOf({ quiet }: Target, { rings }: ProbeKind, calendar: Calendar): Assignment['isQuiet'] {
  if (quiet === 'never') return undefined;
  if (quiet === undefined) return rings === true ? (at) => calendar.expectation(at) === 'closed' : undefined;
  const hours = openCalendar(quiet, []);
  return (at) => hours.expectation(at) === 'open';
}

function openReceivers({ receivers }: Config, kinds: Kinds): ReadonlyMap<string, Receiver> {
  return new Map(
    receivers.flatMap(({ name, kind, settings }): [string, Receiver][] => {
      const receiver = kinds.receivers.get(kind);
      return receiver === undefined ? [] : [[name, receiver.open(name, settings)]];
    }),
  );
}

/** How long a look took to be answered, by its kind's own measure. */
export function answerMs(order: Order, { target, finding, durationMs }: Observation): number {
  const answer = order.assignments.get(target)?.kind.answer;
  return answer === undefined ? durationMs : (finding.phases[answer] ?? durationMs);
}

/** The host whose patience a target spends. Courtesy is owed to others: our own loopback is looked at as configured. */
export function hostOf(order: Order, target: TargetId): string | null {
  const assignment = order.assignments.get(target);
  const host = assignment?.kind.host(assignment.target.with) ?? null;
  return host === null || /^(?:localhost|127(?:\.\d+){3}|\[?::1\]?)$/.test(host) ? null : host;
}

/** What the scheduler is armed with. `known`: looked at before, by this process or an earlier one. */
export function appointments(order: Order, known: (target: TargetId) => boolean): readonly Appointment[] {
  return [...order.assignments.values()].map(({ target, kind }) => ({
    target,
    host: hostOf(order, target.id),
    // A call or a mail at every start would be a nuisance.
    soon: kind.costly !== true && !known(target.id),
  }));
}

/** Settings that a running process keeps until its next start. */
export function needsRestart(before: Config, after: Config): readonly string[] {
  const parts = (config: Config): Readonly<Record<string, unknown>> => ({
    listen: config.listen,
    'operator.listen': config.operator.listen,
    store: config.store,
    location: config.location,
    canaries: config.canaries,
    public_url: config.publicUrl,
  });
  const [old, fresh] = [parts(before), parts(after)];
  return Object.keys(old).filter((name) => JSON.stringify(old[name]) !== JSON.stringify(fresh[name]));
}
