/** Hands the rooms to each other. With the files of `main/` the only one that knows them all; it decides nothing itself. */
import { performance } from 'node:perf_hooks';
import { abandonGone } from './abandon.ts';
import { openBoard, type Board } from './board.ts';
import { ConfigError, loadConfig, printProblem, type Config } from './config/load.ts';
import { stampOf, watchConfig } from './config/watch.ts';
import { enteredBy } from './core/part.ts';
import { standIn } from './core/routing.ts';
import type { Incident } from './core/model.ts';
import type { Panel } from './core/panel.ts';
import { openLog, type Log } from './log.ts';
import { fitHeap } from './main/heap.ts';
import { openKinds, type Kinds } from './main/kinds.ts';
import { freshness } from './main/fresh.ts';
import { keepTidy, openLedger } from './main/ledger.ts';
import {
  announcements,
  answerMs,
  appointments,
  heed,
  hostOf,
  makeOrder,
  needsRestart,
  type Order,
} from './main/order.ts';
import { gatherSigns, moveAlong, ownSetting, refusal, tellAnew, watchSight, type Post } from './main/ours.ts';
import { openMetrics, type Metrics } from './metrics.ts';
import { openOurs, type Ours } from './ours.ts';
import { openOutbox, type Outbox } from './outbox.ts';
import { ownPanel } from './page/ourselves.ts';
import { pages } from './page/pages.ts';
import { openRunner, type Runner } from './runner.ts';
import { openScheduler, type Scheduler } from './scheduler.ts';
import { openOperator, openPublic } from './server.ts';
import type { Sight } from './sight.ts';
import type { Store } from './store/store.ts';
import { openTally, type Tally } from './tally.ts';

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
  /** Reads the configuration anew; a bad one changes nothing. */
  reload(): Promise<Reloaded>;
  /** A line for whoever started it by hand. */
  readonly hint?: string;
  /** Stops looking, finishes what is being sent, writes what waits. */
  stop(): Promise<void>;
}

const now = (): number => Date.now();
const monotonic = (): number => performance.now();
const SEND_GRACE_MS = 8_000;
const TICK_LATE_MS = 5_000;

/** Starts the monitor. Throws a ConfigError or StoreError that says in words why it cannot. Kinds are those of the folders, unless others are given. */
export async function serve(options: ServeOptions, given?: Kinds): Promise<Service> {
  const kinds = given ?? (await openKinds());
  const stamp = await stampOf(options.config);
  const config = await loadConfig(options.config, kinds, process.env);
  const log = openLog(options.logLevel ?? 'info');
  for (const warning of config.warnings) log.warn({ event: 'config' }, warning);
  if (config.canaries.length === 0) log.info({ event: 'canaries' }, 'no canaries: our own network is not tested');
  // What was opened is closed in the reverse order, at the end and when a later step fails.
  await using opened = new AsyncDisposableStack();
  const signs = gatherSigns();
  const store = openLedger(options.store ?? config.store, { config, kinds, log, signs });
  opened.defer(() => store.close());
  return await start({ options, kinds, config, stamp, log, store, signs }, opened);
}

interface Ground {
  readonly options: ServeOptions;
  readonly kinds: Kinds;
  readonly config: Config;
  /** Of the files that `config` was read from. */
  readonly stamp: string;
  readonly log: Log;
  readonly store: Store;
  readonly signs: ReturnType<typeof gatherSigns>;
}

async function start(ground: Ground, opened: AsyncDisposableStack): Promise<Service> {
  const { options, log, store } = ground;
  const force: Force = { order: makeOrder(ground.config, ground.kinds, await announcements(store, now())) };
  const post: Post = {};
  const ours = await keepOurs(ground, force, post);
  opened.defer(() => {
    ours.close();
  });
  const sight = watchSight({ ...ground, monotonic }, () => {
    tellAnew(ours, post);
  });
  opened.defer(() => {
    sight.close();
  });
  await leaveGone(ground, force.order.config);
  const board = await openBoard({
    ledger: store,
    now,
    blind: () => sight.blind(),
    lost: () => sight.lost(),
    ours: () => ours.incidents(),
    publicUrl: ground.config.publicUrl,
    answerMs: (observation) => answerMs(force.order, observation),
    hostOf: (target) => hostOf(force.order, target),
  });
  const tally = count(ground, force);
  opened.defer(() => {
    tally.close();
  });
  const metrics = measure(ground, { board, sight, tally, ours });
  const outbox = openPost(ground, { metrics, force, sight });
  post.outbox = outbox;
  ground.signs.handTo(ours);
  opened.defer(() => outbox.stop(SEND_GRACE_MS));
  const clock: Clock = {};
  const runner = look(ground, { clock, force, board, metrics, outbox, sight });
  const scheduler = schedule(ground, { metrics, board, ours, runner });
  clock.scheduler = scheduler;
  opened.defer(async () => {
    scheduler.stop();
    await runner.stop();
  });
  const crew = { force, board, metrics, outbox, scheduler };
  const reload = (): Promise<Reloaded> => renew(ground, crew);
  const { publicUrl, operatorUrl } = await open(ground, { ...crew, reload, ours }, opened);
  enforce(crew);
  outbox.wake();
  const pruning = keepTidy(ground);
  opened.defer(() => {
    pruning.close();
  });
  const watching = watchConfig(options.config, ground.stamp, () => void reload());
  opened.defer(() => {
    watching.close();
  });
  const ending = opened.move();
  log.info({ event: 'started', targets: force.order.assignments.size, location: ground.config.location }, 'looking');
  return {
    publicUrl,
    operatorUrl,
    config: ground.config,
    board,
    reload,
    stop: async () => {
      await ending.disposeAsync();
      log.info({ event: 'stopped' }, `stopped ${options.config}`);
    },
  };
}

/** What is in force now; a reload replaces it. */
interface Force {
  order: Order;
}

interface Crew {
  readonly force: Force;
  readonly board: Board;
  readonly metrics: Metrics;
  readonly outbox: Outbox;
  readonly scheduler: Scheduler;
}

/** What became of a reload: the problems that kept the old configuration in force, or none. */
export interface Reloaded {
  readonly ok: boolean;
  readonly problems: readonly string[];
}

/** Lets the order in force be looked at, shown and counted. Targets whose schedule is unchanged keep their slots. */
function enforce({ force: { order }, board, metrics, scheduler }: Crew): void {
  board.arrange(order.config.providers, order.calendars);
  metrics.arm(
    [...order.assignments.values()].map(({ target }) => target),
    order.config.location,
  );
  fitHeap(order.config.providers.flatMap(({ channels }) => channels.flatMap(({ targets }) => targets)));
  scheduler.arm(appointments(order, (target) => board.state(target) !== undefined));
}

/** Takes a new configuration, or leaves everything as it is and says why. */
async function renew(ground: Ground, crew: Crew): Promise<Reloaded> {
  const { log, options, kinds } = ground;
  try {
    const config = await loadConfig(options.config, kinds, process.env);
    const before = crew.force.order.config;
    for (const warning of config.warnings) log.warn({ event: 'config' }, warning);
    for (const name of needsRestart(before, config)) log.warn({ event: 'config', name }, `${name} waits for a restart`);
    crew.force.order = makeOrder(config, kinds, await announcements(ground.store, now()));
    enforce(crew);
    for (const incident of await leaveGone(ground, config)) crew.board.learn(incident);
    crew.outbox.wake();
    crew.metrics.reloaded(true);
    ground.signs.mend('configuration');
    log.info({ event: 'reloaded', targets: crew.force.order.assignments.size }, 'the new configuration is in force');
    return { ok: true, problems: [] };
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems.map(printProblem) : [wordsOf(error) ?? 'unknown'];
    crew.metrics.reloaded(false);
    ground.signs.strike('configuration', refusal(problems, await stampOf(options.config)));
    log.error({ event: 'reload', problems }, 'the configuration is refused; the old one stays in force');
    return { ok: false, problems };
  }
}

/** Maintenance that was announced, changed or taken back counts from now on. When the store cannot be read, at the next look. */
async function listen(
  { store, kinds, log }: Pick<Ground, 'store' | 'kinds' | 'log'>,
  { force, board }: Pick<Crew, 'force' | 'board'>,
): Promise<void> {
  const notices = await announcements(store, now()).catch(() => undefined);
  const order = notices === undefined ? force.order : heed(force.order, notices, kinds);
  if (order === force.order) return;
  force.order = order;
  board.arrange(order.config.providers, order.calendars);
  log.info({ event: 'maintenance', windows: Object.fromEntries(order.announced) }, 'announced maintenance has changed');
}

/** Targets that are no longer configured leave the incidents that are open. */
async function leaveGone({ store, log }: Ground, config: Config): Promise<readonly Incident[]> {
  const changed = await abandonGone(store, config, now());
  for (const { id } of changed)
    log.warn({ event: 'incident', id, change: 'abandoned' }, 'targets of an open incident are no longer configured');
  return changed;
}

async function keepOurs({ store, log }: Ground, force: Force, post: Post): Promise<Ours> {
  return openOurs({
    ledger: store,
    setting: () => ownSetting(force.order.config),
    now,
    monotonic,
    wake: () => post.outbox?.wake(),
    rush: (incident, notifications) => post.outbox?.rush(incident, notifications),
    onChange: ({ incident: { id, trouble, detail, resolvedAt } }) => {
      log.warn({ event: 'ours', id, trouble, change: resolvedAt === undefined ? 'opened' : 'resolved' }, detail);
    },
  });
}

function count({ store, log }: Ground, force: Force): Tally {
  const tally = openTally({
    ledger: store,
    channels: () =>
      force.order.config.providers.flatMap(({ channels }) =>
        channels.flatMap((channel) => {
          const calendar = force.order.calendars.get(channel.id);
          return calendar === undefined ? [] : [{ channel, calendar }];
        }),
      ),
    now,
    monotonic,
    onTrouble: (error) => {
      log.error({ event: 'availability', error: wordsOf(error) }, 'availability could not be added up');
    },
  });
  void tally.refresh();
  return tally;
}

interface Gauges {
  readonly board: Board;
  readonly sight: Sight;
  readonly tally: Tally;
  readonly ours: Ours;
}

function measure({ store }: Ground, { board, sight, tally, ours }: Gauges): Metrics {
  return openMetrics(VERSION, {
    channels: () => board.channels(),
    availability: () => tally.ratios(),
    outbox: () => store.outboxDepth(),
    storeBytes: () => store.bytes(),
    blind: () => sight.blind(),
    troubles: () => ours.incidents().flatMap(({ trouble, resolvedAt }) => (resolvedAt === undefined ? [trouble] : [])),
    loopDelay: () => sight.loopDelay(),
    now,
  });
}

function openPost(
  { log, store }: Ground,
  { metrics, force, sight }: Pick<Eyes, 'metrics' | 'force' | 'sight'>,
): Outbox {
  return openOutbox({
    ledger: store,
    receiver: (name) => force.order.receivers.get(name),
    standIn: (message, refused) => standIn(message, refused, force.order.config.routes),
    clock: now,
    random: Math.random,
    blind: () => sight.blind(),
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

/** Looks may be told of before there is a schedule. */
interface Clock {
  scheduler?: Scheduler;
}

interface Eyes {
  readonly clock: Clock;
  readonly force: Force;
  readonly board: Board;
  readonly metrics: Metrics;
  readonly outbox: Outbox;
  readonly sight: Sight;
}

function look(
  { config, kinds, log, store, signs }: Ground,
  { clock, force, board, metrics, outbox, sight }: Eyes,
): Runner {
  return openRunner({
    ledger: store,
    location: config.location,
    assignment: (target) => force.order.assignments.get(target.id),
    blind: () => sight.blind(),
    lost: () => sight.lost(),
    check: (ms, byName) => sight.check(ms, byName),
    heed: () => clock.scheduler?.heed(),
    surroundings: (target) => board.surroundings(target),
    stalledWithin: (ms) => sight.stalledWithin(ms),
    now,
    monotonic,
    onLook: (observation, target, ruling) => {
      board.see(observation, ruling);
      metrics.look(observation, target);
      const { finding, durationMs: agoMs } = observation;
      if (finding.kind === 'unknown') {
        const { code, message: detail } = finding.fault;
        if (code === 'BUDGET') metrics.skipped('budget', 1);
        if (code === 'QUIET') metrics.skipped('quiet', 1);
        if (code === 'SELF_OVERLOAD') signs.strike('loop', { detail, agoMs });
      }
      if (finding.notices !== undefined) void listen({ store, kinds, log }, { force, board });
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
      if (what === 'unrecorded') signs.strike('store', { detail: wordsOf(error) ?? 'a look could not be recorded' });
      log.error({ event: 'look', target: target.id, what, error: wordsOf(error) }, `a look was ${what}`);
    },
  });
}

interface Clocked {
  readonly metrics: Metrics;
  readonly board: Board;
  readonly ours: Ours;
  readonly runner: Runner;
}

function schedule(ground: Ground, { metrics, board, ours, runner }: Clocked): Scheduler {
  const { log } = ground;
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
      moveAlong(ms, { ...ground, board, ours, now: now() });
      log.warn({ event: 'clock', ms: Math.round(ms) }, 'the wall clock jumped; the schedule starts anew from now');
    },
    now,
    monotonic,
  });
}

async function open(
  { options, config, log }: Ground,
  { board, metrics, scheduler, reload, ours }: Crew & Pick<Service, 'reload'> & { readonly ours: Ours },
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
    readyz: () => freshness(board, ticking(), now()),
    reload,
    panels: [...(options.panels ?? []), ownPanel(() => ours.incidents(), config.providers[0]?.timezone ?? 'UTC')],
  });
  opened.defer(() => back.close());
  return { publicUrl: front.url, operatorUrl: back.url };
}

function wordsOf(error: unknown): string | undefined {
  return error instanceof Error ? `${error.name}: ${error.message}` : undefined;
}
