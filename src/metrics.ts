/** What Prometheus scrapes: every metric name of the house, and no other room knows one. Closed label sets only. */
import { setImmediate } from 'node:timers/promises';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { OWN_TROUBLES, type Incident, type Instant, type Observation } from './core/model.ts';
import type { OwnTrouble, Target } from './core/model.ts';
import { localId } from './core/view.ts';
import { answerMetrics, CHANNEL_LABELS } from './metrics/answers.ts';
import { lookMetrics } from './metrics/looks.ts';

const STATES = [
  'operational',
  'degraded_performance',
  'partial_outage',
  'major_outage',
  'under_maintenance',
  'closed',
  'unknown',
] as const;

const LAG_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];
const SKIP_REASONS = ['overlap', 'late', 'capacity', 'budget', 'quiet', 'blind', 'unrecorded', 'abandoned'] as const;
export type SkipLabel = (typeof SKIP_REASONS)[number];

/** What is read from the other rooms at each scrape. */
export interface Gauged {
  readonly channels: () => readonly {
    readonly provider: { readonly id: string };
    readonly channel: { readonly id: string; readonly kind: string; readonly name: object; readonly contact?: string };
    readonly status: (typeof STATES)[number];
    readonly expectation: string;
    readonly nextChangeAt: Instant | undefined;
    readonly incident: Incident | undefined;
  }[];
  /** Where something is known. */
  readonly availability?: () => readonly {
    readonly channel: string;
    readonly window: string;
    readonly basis: string;
    readonly ratio: number;
  }[];
  readonly outbox: () => Promise<{ readonly waiting: number; readonly oldestAt: Instant | undefined }>;
  readonly storeBytes: () => number;
  readonly blind: () => boolean;
  /** What is wrong with ourselves. */
  readonly troubles?: () => readonly OwnTrouble[];
  readonly loopDelay: () => { readonly p50: number; readonly p99: number; readonly max: number };
  readonly now: () => Instant;
}

export interface Metrics {
  look(observation: Observation, target: Target): void;
  /** An incident that was opened by this look. */
  incidentOpened(incident: Incident): void;
  /**
   * The targets from now on. Their series exist at once, so that the first failure is a rise and not a birth; those of
   * targets that are gone go with them.
   */
  arm(targets: readonly Target[], location: string): void;
  skipped(reason: SkipLabel, count: number): void;
  lag(seconds: number): void;
  clockJump(): void;
  notified(receiver: string, outcome: 'sent' | 'retry' | 'rejected'): void;
  reloaded(successful: boolean): void;
  /** Content type and text of one scrape. */
  scrape(): Promise<{ readonly type: string; readonly text: string }>;
}

export function openMetrics(version: string, gauged: Gauged): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const looks = lookMetrics(registers);
  const answers = answerMetrics(registers);
  const own = ownMetrics(registers, version, gauged);
  const channels = channelMetrics(registers);
  const available = availabilityMetric(registers);
  const incidents = new Counter({
    name: 'support_incidents_total',
    help: 'Incidents opened, by the cause diagnosed when they were opened',
    labelNames: [...CHANNEL_LABELS, 'cause'],
    registers,
  });
  return {
    arm: (targets, location) => {
      looks.arm(targets, location);
    },
    look: (observation, target) => {
      looks.note(observation, target);
      answers(observation, target);
    },
    ...own,
    incidentOpened: (incident) => {
      incidents.inc({ provider: incident.provider, channel: localId(incident.channel), cause: incident.cause });
    },
    scrape: async () => {
      await Promise.all([own.refresh(), looks.write()]);
      channels(gauged.channels());
      available(gauged.availability?.() ?? []);
      return { type: registry.contentType, text: await render(registry) };
    },
  };
}

/** Family by family with a turn of the loop in between: one call would stand still for 0.2 s at 50,000 series. */
async function render(registry: Registry): Promise<string> {
  const parts: string[] = [];
  for (const metric of registry.getMetricsAsArray()) {
    parts.push(await registry.getSingleMetricAsString(metric.name));
    await setImmediate();
  }
  return `${parts.join('\n\n')}\n`;
}

function channelMetrics(registers: Registry[]): (rows: ReturnType<Gauged['channels']>) => void {
  const gauge = (name: string, help: string, labelNames: readonly string[] = CHANNEL_LABELS): Gauge =>
    new Gauge({ name, help, labelNames, registers });
  const state = gauge('support_channel_state', 'One for the state the channel is in, zero for the others', [
    ...CHANNEL_LABELS,
    'state',
  ]);
  const open = gauge('support_channel_open', 'Whether support is promised now');
  const maintenance = gauge('support_channel_maintenance', 'Whether a maintenance window covers now');
  const next = gauge(
    'support_channel_next_change_timestamp_seconds',
    'When open turns to closed or back; absent when not within 15 days',
  );
  const info = gauge('support_channel_info', 'What the channel is', [...CHANNEL_LABELS, 'kind', 'contact']);
  const incident = gauge('support_incident_open', 'Whether an incident of the channel is open');
  return (rows) => {
    for (const metric of [state, open, maintenance, next, info, incident]) metric.reset();
    for (const row of rows) {
      const labels = { provider: row.provider.id, channel: localId(row.channel.id) };
      for (const each of STATES) state.set({ ...labels, state: each }, each === row.status ? 1 : 0);
      open.set(labels, row.expectation === 'closed' ? 0 : 1);
      maintenance.set(labels, row.expectation === 'maintenance' ? 1 : 0);
      if (row.nextChangeAt !== undefined) next.set(labels, row.nextChangeAt / 1000);
      info.set({ ...labels, kind: row.channel.kind, contact: row.channel.contact ?? '' }, 1);
      incident.set(labels, row.incident === undefined ? 0 : 1);
    }
  };
}

function availabilityMetric(registers: Registry[]): (rows: ReturnType<NonNullable<Gauged['availability']>>) => void {
  const ratio = new Gauge({
    name: 'support_channel_availability_ratio',
    help: 'Time reachable, of the time that is known, of promised hours or of the calendar; absent where nothing is known',
    labelNames: [...CHANNEL_LABELS, 'window', 'basis'],
    registers,
  });
  return (rows) => {
    ratio.reset();
    for (const { channel: id, window, basis, ratio: value } of rows) {
      const [provider = '', channel = ''] = id.split('/');
      ratio.set({ provider, channel, window, basis }, value);
    }
  };
}

type Own = Pick<Metrics, 'skipped' | 'lag' | 'clockJump' | 'notified' | 'reloaded'> & { refresh(): Promise<void> };

function ownMetrics(registers: Registry[], version: string, gauged: Gauged): Own {
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name, help, labelNames, registers });
  const skipped = new Counter({
    name: 'ringback_looks_skipped_total',
    help: 'Looks that were due and not made, or made and not kept',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of SKIP_REASONS) skipped.inc({ reason }, 0);
  const lag = new Histogram({
    name: 'ringback_schedule_lag_seconds',
    help: 'From when a look was due to when it began',
    buckets: LAG_BUCKETS,
    registers,
  });
  const jumps = new Counter({
    name: 'ringback_clock_jumps_total',
    help: 'Times that the wall clock moved against the monotonic one',
    registers,
  });
  const notified = new Counter({
    name: 'ringback_notifications_total',
    help: 'Attempts to tell a receiver, by outcome',
    labelNames: ['receiver', 'outcome'],
    registers,
  });
  const reloaded = gauge('ringback_config_last_reload_successful', 'Whether the newest configuration was taken');
  gauge('ringback_build_info', 'Version of the program and of its runtime', ['version', 'node']).set(
    { version, node: process.versions.node },
    1,
  );
  const depth = gauge('ringback_outbox_depth', 'Notifications not yet accepted by their receiver');
  const oldest = gauge('ringback_outbox_oldest_age_seconds', 'Age of the oldest of them; zero when there is none');
  const bytes = gauge('ringback_store_bytes', 'Bytes of the store on disk');
  const blind = gauge('ringback_blind', 'Whether our own network is lost');
  const own = gauge('ringback_own_incident_open', 'Whether an incident about ourselves is open', ['trouble']);
  const loop = gauge('ringback_event_loop_delay_seconds', 'Delay of the event loop since the last scrape', [
    'statistic',
  ]);
  reloaded.set(1);
  return {
    skipped: (reason, count) => {
      skipped.inc({ reason }, count);
    },
    lag: (seconds) => {
      lag.observe(seconds);
    },
    clockJump: () => {
      jumps.inc();
    },
    notified: (receiver, outcome) => {
      notified.inc({ receiver, outcome });
    },
    reloaded: (successful) => {
      reloaded.set(successful ? 1 : 0);
    },
    refresh: async () => {
      const { waiting, oldestAt } = await gauged.outbox();
      depth.set(waiting);
      oldest.set(oldestAt === undefined ? 0 : Math.max(0, gauged.now() - oldestAt) / 1000);
      bytes.set(gauged.storeBytes());
      blind.set(gauged.blind() ? 1 : 0);
      const troubles = gauged.troubles?.() ?? [];
      for (const each of OWN_TROUBLES) own.set({ trouble: each }, troubles.includes(each) ? 1 : 0);
      const { p50, p99, max } = gauged.loopDelay();
      loop.set({ statistic: 'p50' }, p50);
      loop.set({ statistic: 'p99' }, p99);
      loop.set({ statistic: 'max' }, max);
    },
  };
}
