/** What Prometheus scrapes: every metric name of the house, and no other room knows one. Closed label sets only. */
import { setImmediate } from 'node:timers/promises';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Finding, Incident, Instant, Observation, Target } from './core/model.ts';
import { localId } from './core/view.ts';

const STATES = [
  'operational',
  'degraded_performance',
  'partial_outage',
  'major_outage',
  'under_maintenance',
  'closed',
  'unknown',
] as const;

const TARGET_LABELS = ['provider', 'channel', 'kind', 'target', 'probe', 'location'] as const;
const CHANNEL_LABELS = ['provider', 'channel'] as const;
const REPLY_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300];
/** Mail and cases take minutes to days. */
const PATIENT_BUCKETS = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 259_200, 604_800];
const LAG_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];
const SKIP_REASONS = ['overlap', 'late', 'capacity', 'budget', 'blind', 'unrecorded', 'abandoned'] as const;
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
    ...looks,
    ...own,
    incidentOpened: (incident) => {
      incidents.inc({ provider: incident.provider, channel: localId(incident.channel), cause: incident.cause });
    },
    scrape: async () => {
      await own.refresh();
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

function lookMetrics(registers: Registry[]): Pick<Metrics, 'look' | 'arm'> {
  const labelNames = [...TARGET_LABELS];
  const success = new Gauge({
    name: 'probe_success',
    help: 'Whether the newest look got an answer; absent while it is unknown',
    labelNames,
    registers,
  });
  const duration = new Gauge({
    name: 'probe_duration_seconds',
    help: 'How long the newest look took',
    labelNames,
    registers,
  });
  const phase = new Gauge({
    name: 'probe_phase_duration_seconds',
    help: 'How long each phase of the newest look took',
    labelNames: [...labelNames, 'phase'],
    registers,
  });
  const lastRun = new Gauge({
    name: 'probe_last_run_timestamp_seconds',
    help: 'When the newest look began',
    labelNames,
    registers,
  });
  const results = new Counter({
    name: 'support_probe_result_total',
    help: 'Looks by outcome and cause',
    labelNames: [...labelNames, 'outcome', 'cause'],
    registers,
  });
  const answers = answerMetrics(registers);
  /** Phases that have a series, by target: one that a newer look did not reach is taken away. */
  const shown = new Map<string, readonly string[]>();
  /** Labels of the targets that are looked at. */
  const armed = new Map<string, Labels>();
  return {
    arm: (targets, location) => {
      const ids = new Set(targets.map((target) => target.id));
      for (const [id, labels] of armed) {
        if (ids.has(id)) continue;
        armed.delete(id);
        shown.delete(id);
        for (const metric of [success, duration, lastRun, phase, results]) void forget(metric, labels);
      }
      for (const target of targets) {
        if (armed.has(target.id)) continue;
        const labels = targetLabels(target, location);
        armed.set(target.id, labels);
        results.inc({ ...labels, outcome: 'ok', cause: '' }, 0);
        for (const outcome of ['degraded', 'failed', 'unknown'])
          results.inc({ ...labels, outcome, cause: 'unknown' }, 0);
      }
    },
    look: (observation, target) => {
      const { finding } = observation;
      const labels = targetLabels(target, observation.location);
      results.inc({ ...labels, outcome: finding.kind, cause: finding.kind === 'ok' ? '' : finding.fault.cause });
      duration.set(labels, observation.durationMs / 1000);
      lastRun.set(labels, observation.at / 1000);
      if (finding.kind === 'unknown') success.remove(labels);
      else success.set(labels, finding.kind === 'failed' ? 0 : 1);
      const before = shown.get(target.id) ?? [];
      const names = Object.keys(finding.phases);
      for (const name of before) if (!names.includes(name)) phase.remove({ ...labels, phase: name });
      for (const [name, ms] of Object.entries(finding.phases)) phase.set({ ...labels, phase: name }, ms / 1000);
      shown.set(target.id, names);
      answers(observation, target);
    },
  };
}

/** What a customer waits for, as histograms by channel. */
function answerMetrics(registers: Registry[]): (observation: Observation, target: Target) => void {
  const connect = new Histogram({
    name: 'support_chat_connect_seconds',
    help: 'From the first packet to an open chat',
    labelNames: CHANNEL_LABELS,
    buckets: REPLY_BUCKETS,
    registers,
  });
  const reply = new Histogram({
    name: 'support_chat_first_reply_seconds',
    help: 'From our first message to the first reply, by who replied',
    labelNames: [...CHANNEL_LABELS, 'responder'],
    buckets: REPLY_BUCKETS,
    registers,
  });
  const waits = WAITS.map(({ name, help, buckets, ...wait }) => ({
    ...wait,
    histogram: new Histogram({ name, help, labelNames: CHANNEL_LABELS, buckets, registers }),
  }));
  const age = new Gauge({
    name: 'support_announcement_age_seconds',
    help: 'Age of the newest announcement',
    labelNames: [...CHANNEL_LABELS, 'target'],
    registers,
  });
  return ({ finding }, target) => {
    const labels = { provider: target.provider, channel: localId(target.channel) };
    if (target.probe.startsWith('chat-') && isOpened(finding))
      connect.observe(labels, OPENING.reduce((sum, name) => sum + (finding.phases[name] ?? 0), 0) / 1000);
    for (const [responder, ms] of repliesIn(finding)) reply.observe({ ...labels, responder }, ms / 1000);
    for (const { probe, phase: name, histogram } of waits) {
      const ms = target.probe === probe ? finding.phases[name] : undefined;
      if (ms !== undefined) histogram.observe(labels, ms / 1000);
    }
    const newest = finding.facts['newest_age_seconds'];
    if (typeof newest === 'number') age.set({ ...labels, target: localId(target.id) }, newest);
  };
}

/** One phase of one kind each. A round of digest is no delay of the line (RFC 6076 §4.3): it is a phase of its own. */
const WAITS = [
  {
    name: 'support_phone_post_dial_delay_seconds',
    help: 'From the call that was let through to the first sign of the far end, without the round of digest',
    ...{ probe: 'sip-call', phase: 'post_dial_delay', buckets: REPLY_BUCKETS },
  },
  {
    name: 'support_phone_answer_seconds',
    help: 'From the call that was let through to its answer',
    ...{ probe: 'sip-call', phase: 'answer', buckets: REPLY_BUCKETS },
  },
  {
    name: 'support_mail_delivery_seconds',
    help: 'From our mail handed over until the desk took up its answer, by the stamps on that answer',
    ...{ probe: 'mail-roundtrip', phase: 'delivery', buckets: PATIENT_BUCKETS },
  },
  {
    name: 'support_mail_receipt_seconds',
    help: 'From our mail handed over until the answer lay in our mailbox',
    ...{ probe: 'mail-roundtrip', phase: 'receipt', buckets: PATIENT_BUCKETS },
  },
  {
    name: 'support_ticket_first_response_seconds',
    help: 'From a case filed to its first response',
    ...{ probe: 'ticket', phase: 'first_response', buckets: PATIENT_BUCKETS },
  },
] as const;

/** What stands before an open chat, by the names of all kinds of chat. */
const OPENING = ['dns', 'connect', 'tls', 'upgrade', 'open', 'auth', 'bind'];

/** A chat that took us in, and not one that was only asked who is there. */
const isOpened = ({ rung, phases }: Finding): boolean =>
  rung !== 'none' && rung !== 'reachable' && (phases['upgrade'] ?? phases['open']) !== undefined;

/** A bot's quick word and a person's later one are two waits, each its own. */
function repliesIn({ phases, facts }: Finding): readonly (readonly [Responder, number])[] {
  const { first_reply: first, first_person_reply: person } = phases;
  if (first === undefined) return [];
  if (person === undefined) return [[responderOf(facts['responder']), first]];
  return person === first
    ? [['person', person]]
    : [
        ['bot', first],
        ['person', person],
      ];
}

type Responder = 'bot' | 'person' | 'system';

/** A far side's words never become a label. */
function responderOf(fact: unknown): Responder {
  return fact === 'person' || fact === 'bot' ? fact : 'system';
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
      const { p50, p99, max } = gauged.loopDelay();
      loop.set({ statistic: 'p50' }, p50);
      loop.set({ statistic: 'p99' }, p99);
      loop.set({ statistic: 'max' }, max);
    },
  };
}

type Labels = Readonly<Record<(typeof TARGET_LABELS)[number], string>>;

/** Takes away every series that has these labels, whatever others it has. */
async function forget(metric: Gauge | Counter, labels: Labels): Promise<void> {
  const { values } = await metric.get();
  for (const value of values) {
    const same = TARGET_LABELS.every((label) => value.labels[label] === labels[label]);
    if (same) metric.remove(value.labels);
  }
}

function targetLabels(target: Target, location: string): Labels {
  return {
    provider: target.provider,
    channel: localId(target.channel),
    kind: target.channelKind,
    target: localId(target.id),
    probe: target.probe,
    location,
  };
}
