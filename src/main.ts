/** Hands the rooms to each other. With the files of `main/` the only one that knows them all; it decides nothing itself. */
import { performance } from 'node:perf_hooks';
import { abandonGone } from './abandon.ts';
import { openBoard, type Board } from './board.ts';
import { loadConfig, type Config } from './config/load.ts';
import { openCalendar, type Calendar } from './core/calendar.ts';
import { enteredBy } from './core/part.ts';
import type { Channel, ChannelId, Observation, Provider, TargetId } from './core/model.ts';
import type { Panel } from './core/panel.ts';
import type { Receiver } from './core/receiver.ts';
import { openLog, type Log } from './log.ts';

import { openKinds, type Kinds } from './main/kinds.ts';
import { keepTidy, openLedger } from './main/ledger.ts';
import { openMetrics, type Metrics } from './metrics.ts';
import { openOutbox, type Outbox } from './outbox.ts';
import { pages } from './page/pages.ts';
import { openRunner, type Assignment, type Runner } from './runner.ts';
import { openScheduler, type Scheduler } from './scheduler.ts';
import { openOperator, openPublic } from './server.ts';
import { openSight, type Sight } from './sight.ts';
import type { Store } from './store/store.ts';

export const VERSION = '0.1.0';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ServeOptions {
  readonly config: string;
  /** These three win over the configuration. */
  readonly listen?: Address;
  readonly operator?: Address;
  readonly store?: string;
  readonly panels?: readonly Panel[];
  readonly logLevel?: string;
}

/** The monitor at work. */
export interface Service {
  readonly publicUrl: string;
  readonly operatorUrl: string;
  readonly config: Config;
  readonly board: Board;
  /** A line for whoever started it by hand. */
  readonly hint?: string;
  /** Stops looking, finishes what is being sent, writes what waits. */
  stop(): Promise<void>;
}

const now = (): number => Date.now();
const monotonic = (): number => performance.now();
const SEND_GRACE_MS = 8_000;
const TICK_LATE_MS = 5_000;
const SEEN_LATE_FLOOR_MS = 60_000;

/** Starts the monitor. Throws a ConfigError or StoreError that says in words why it cannot. */
export async function serve(options: ServeOptions): Promise<Service> {
  const kinds = await openKinds();
  const config = await loadConfig(options.config, kinds, process.env);
  const log = openLog(options.logLevel ?? 'info');
  for (const warning of config.warnings) log.warn({ event: 'config' }, warning);
  if (config.canaries.length === 0) log.info({ event: 'canaries' }, 'no canaries: our own network is not tested');
  // What was opened is closed in the reverse order, at the end and when a later step fails.
  await using opened = new AsyncDisposableStack();
  const store = openLedger(options.store ?? config.store, { config, kinds, log });
  opened.defer(() => store.close());
  return await start({ options, kinds, config, log, store }, opened);
}

interface Ground {
  readonly options: ServeOptions;
  readonly kinds: Kinds;
  readonly config: Config;
  readonly log: Log;
  readonly store: Store;
}

async function start(ground: Ground, opened: AsyncDisposableStack): Promise<Service> {
  const { options, config, log, store } = ground;
  const calendars = openCalendars(config.providers);
  const assignments = assign(ground, calendars);
  const sight = watch(config, log);
  opened.defer(() => {
    sight.close();
  });
  for (const { id } of await abandonGone(store, config, now()))
    log.warn({ event: 'incident', id, change: 'abandoned' }, 'targets of an open incident are no longer configured');
  const board = await openBoard({
    ledger: store,
    now,
    blind: () => sight.blind(),
    publicUrl: config.publicUrl,
    answerMs: (observation) => answerMs(assignments.get(observation.target), observation),
    hostOf: (id) => {
      const assignment = assignments.get(id);
      return assignment === undefined ? null : hostOf(assignment.kind.host(assignment.target.with));
    },
  });
  board.arrange(config.providers, calendars);
  const metrics = measure(ground, board, sight);
  const outbox = post(ground, metrics);
  opened.defer(() => outbox.stop(SEND_GRACE_MS));
  const runner = look(ground, { assignments, board, metrics, outbox, sight });
  const scheduler = schedule(log, metrics, runner);
  opened.defer(() => {
    scheduler.stop();
    runner.stop();
  });
  const { publicUrl, operatorUrl } = await open(ground, { board, metrics, scheduler }, opened);
  for (const { target } of assignments.values()) metrics.arm(target, config.location);
  scheduler.arm(
    [...assignments.values()].map(({ target, kind }) => ({
      target,
      host: hostOf(kind.host(target.with)),
      // A call or a mail at every start would be a nuisance.
      soon: kind.costly !== true && board.state(target.id) === undefined,
    })),
  );
  outbox.wake();
  const pruning = keepTidy(ground);
  opened.defer(() => {
    clearInterval(pruning);
  });
  const ending = opened.move();
  log.info({ event: 'started', targets: assignments.size, location: config.location }, 'looking');
  return {
    publicUrl,
    operatorUrl,
    config,
    board,
    stop: async () => {
      await ending.disposeAsync();
      log.info({ event: 'stopped' }, `stopped ${options.config}`);
    },
  };
}

function openCalendars(providers: readonly Provider[]): ReadonlyMap<ChannelId, Calendar> {
  const channels = providers.flatMap((provider) => provider.channels);
  return new Map(channels.map((channel) => [channel.id, openCalendar(channel.hours, channel.maintenance)]));
}

/** Everything that a look needs and that does not change, by target. */
function assign(
  { config, kinds }: Ground,
  calendars: ReadonlyMap<ChannelId, Calendar>,
): ReadonlyMap<TargetId, Assignment> {
  const assignmentsOf = (provider: Provider, channel: Channel): [TargetId, Assignment][] => {
    const { routes, publicUrl } = config;
    const { channels, timezone } = provider;
    const setting = { providerName: provider.name, timezone, channel, channels, routes, publicUrl };
    const calendar = calendars.get(channel.id);
    if (calendar === undefined) return [];
    return channel.targets.flatMap((target) => {
      const kind = kinds.probes.get(target.probe);
      return kind === undefined ? [] : [[target.id, { target, kind, setting, calendar }]];
    });
  };
  return new Map(
    config.providers.flatMap((provider) => provider.channels.flatMap((channel) => assignmentsOf(provider, channel))),
  );
}

function answerMs(assignment: Assignment | undefined, { finding, durationMs }: Observation): number {
  const answer = assignment?.kind.answer;
  return answer === undefined ? durationMs : (finding.phases[answer] ?? durationMs);
}

/** Courtesy is owed to other people's hosts: our own loopback is looked at as often as it is configured. */
function hostOf(host: string | null): string | null {
  return host === null || /^(?:localhost|127(?:\.\d+){3}|\[?::1\]?)$/.test(host) ? null : host;
}

function watch(config: Config, log: Log): Sight {
  return openSight({
    canaries: config.canaries,
    monotonic,
    onChange: (blind) => {
      log.warn({ event: 'sight', blind }, blind ? 'our own network is lost: nobody is accused' : 'we can see again');
    },
  });
}

function measure({ store }: Ground, board: Board, sight: Sight): Metrics {
  return openMetrics(VERSION, {
    channels: () => board.channels(),
    outbox: () => store.outboxDepth(),
    storeBytes: () => store.bytes(),
    blind: () => sight.blind(),
    loopDelay: () => sight.loopDelay(),
    now,
  });
}

function post({ config, kinds, log, store }: Ground, metrics: Metrics): Outbox {
  const receivers = config.receivers.flatMap(({ name, kind, settings }): [string, Receiver][] => {
    const receiver = kinds.receivers.get(kind);
    return receiver === undefined ? [] : [[name, receiver.open(name, settings)]];
  });
  return openOutbox({
    ledger: store,
    receivers: new Map(receivers),
    clock: now,
    random: Math.random,
    onDelivery: (receiver, delivery, notification) => {
      metrics.notified(receiver, delivery.kind);
      const entry = { event: 'notification', receiver, outcome: delivery.kind, key: notification.key };
      if (delivery.kind === 'rejected') log.error(entry, delivery.detail);
      else log.info(entry, delivery.detail);
    },
    onTrouble: (error) => {
      log.error({ event: 'outbox', error: wordsOf(error) }, 'the outbox could not read or write the store');
    },
  });
}

interface Crew {
  readonly assignments: ReadonlyMap<TargetId, Assignment>;
  readonly board: Board;
  readonly metrics: Metrics;
  readonly outbox: Outbox;
  readonly sight: Sight;
}

function look({ config, log, store }: Ground, { assignments, board, metrics, outbox, sight }: Crew): Runner {
  return openRunner({
    ledger: store,
    location: config.location,
    assignment: (target) => assignments.get(target.id),
    blind: () => sight.blind(),
    surroundings: (target) => board.surroundings(target),
    stalledWithin: (ms) => sight.stalledWithin(ms),
    now,
    monotonic,
    onLook: (observation, target, ruling) => {
      board.see(observation, ruling);
      metrics.look(observation, target);
      const { incident, update } = ruling;
      if (incident === undefined) return;
      const entered = enteredBy(incident, update);
      if (entered !== undefined) metrics.incidentOpened({ ...incident, ...entered });
      if (update !== undefined)
        log.warn(
          { event: 'incident', id: incident.id, change: update.change, cause: incident.cause },
          incident.because,
        );
      outbox.wake();
    },
    onTrouble: (target, what, error) => {
      if (what !== 'threw') metrics.skipped(what, 1);
      log.error({ event: 'look', target: target.id, what, error: wordsOf(error) }, `a look was ${what}`);
    },
  });
}

function schedule(log: Log, metrics: Metrics, runner: Runner): Scheduler {
  return openScheduler({
    look: (target, slotAt) => runner.look(target, slotAt),
    onSkip: (_target, reason, count) => {
      metrics.skipped(reason, count);
    },
    onStart: (lagMs) => {
      metrics.lag(lagMs / 1000);
    },
    onClockJump: (ms) => {
      metrics.clockJump();
      log.warn({ event: 'clock', ms: Math.round(ms) }, 'the wall clock jumped; the schedule starts anew from now');
    },
    now,
    monotonic,
  });
}

interface Windows {
  readonly board: Board;
  readonly metrics: Metrics;
  readonly scheduler: Scheduler;
}

async function open(
  { options, config, log }: Ground,
  { board, metrics, scheduler }: Windows,
  opened: AsyncDisposableStack,
): Promise<{ publicUrl: string; operatorUrl: string }> {
  const complain = (id: string, error: unknown): void => {
    log.error({ event: 'page', id, error: wordsOf(error) }, 'a page could not be made');
  };
  const ticking = (): boolean => monotonic() - scheduler.tickedAt() < TICK_LATE_MS;
  const front = await openPublic({
    pages,
    snapshot: () => board.snapshot(),
    listen: options.listen ?? config.listen,
    now,
    complain,
  });
  opened.defer(() => front.close());
  const back = await openOperator({
    pages,
    complain,
    listen: options.operator ?? config.operator.listen,
    tokens: config.operator.tokens,
    metrics: () => metrics.scrape(),
    healthz: () => ({ ok: ticking(), detail: ticking() ? 'looking' : 'the schedule stands still' }),
    readyz: () => freshness(board, ticking()),
    panels: options.panels ?? [],
  });
  opened.defer(() => back.close());
  return { publicUrl: front.url, operatorUrl: back.url };
}

/** Ready means that what we publish is fresh: looks come in and are stored. */
function freshness(board: Board, ticking: boolean): { ok: boolean; detail: string } {
  const seenAt = board.lastSeenAt();
  if (!ticking) return { ok: false, detail: 'the schedule stands still' };
  if (seenAt === undefined) return { ok: false, detail: 'no look has been recorded yet' };
  const limitMs = Math.max(SEEN_LATE_FLOOR_MS, board.snapshot().staleAfterMs);
  const fresh = now() - seenAt <= limitMs;
  return { ok: fresh, detail: fresh ? 'looks are fresh' : 'no look has been recorded for too long' };
}

function wordsOf(error: unknown): string | undefined {
  return error instanceof Error ? `${error.name}: ${error.message}` : undefined;
}
