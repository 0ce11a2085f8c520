/** Part of metrics: the series of each target. Looks are only noted; they are written down when somebody asks. */
import { setImmediate } from 'node:timers/promises';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Observation, Target, TargetId } from '../core/model.ts';
import { localId } from '../core/view.ts';

const TARGET_LABELS = ['provider', 'channel', 'kind', 'target', 'probe', 'location'] as const;
type Labels = Readonly<Record<(typeof TARGET_LABELS)[number], string>>;

export interface LookMetrics {
  /** A look is noted: finding its series would cost more than judging it. */
  note(observation: Observation, target: Target): void;
  /** Series of these targets, at once; those of other targets go. */
  arm(targets: readonly Target[], location: string): void;
  /** Writes down what was noted, with a turn of the loop in between now and then. */
  write(): Promise<void>;
}

/** What was noted of a target since it was last written down. */
interface Notes {
  /** Absent: nothing was. */
  newest: Observation | undefined;
  /** Looks by outcome, a blank, and cause. */
  counts: Readonly<Record<string, number>>;
}

/** Targets between two turns of the loop. */
const AT_ONCE = 50;

export function lookMetrics(registers: Registry[]): LookMetrics {
  const series = openSeries(registers);
  const armed = new Map<TargetId, Labels>();
  const notes = new Map<TargetId, Notes>();
  return {
    note: (observation, target) => {
      const { finding } = observation;
      const result = finding.kind === 'ok' ? 'ok ' : `${finding.kind} ${finding.fault.cause}`;
      const known = notes.get(target.id);
      if (known === undefined) notes.set(target.id, { newest: observation, counts: { [result]: 1 } });
      else {
        known.newest = observation;
        known.counts = { ...known.counts, [result]: (known.counts[result] ?? 0) + 1 };
      }
    },
    arm: (targets, location) => {
      const ids = new Set(targets.map((target) => target.id));
      for (const [id, labels] of armed) {
        if (ids.has(id)) continue;
        armed.delete(id);
        notes.delete(id);
        series.forget(id, labels);
      }
      for (const target of targets) {
        if (armed.has(target.id)) continue;
        const labels = labelsOf(target, location);
        armed.set(target.id, labels);
        series.begin(labels);
      }
    },
    write: async () => {
      let written = 0;
      for (const [id, noted] of notes) {
        const labels = armed.get(id);
        // Its look ended after it was taken out of the configuration.
        if (labels === undefined) notes.delete(id);
        if (noted.newest === undefined || labels === undefined) continue;
        series.put(id, labels, noted.newest, noted.counts);
        Object.assign(noted, { newest: undefined, counts: {} });
        written += 1;
        if (written % AT_ONCE === 0) await setImmediate();
      }
    },
  };
}

function openSeries(registers: Registry[]) {
  const labelNames = [...TARGET_LABELS];
  const gauge = (name: string, help: string, further: readonly string[] = []): Gauge =>
    new Gauge({ name, help, labelNames: [...labelNames, ...further], registers });
  const success = gauge('probe_success', 'Whether the newest look got an answer; absent while it is unknown');
  const duration = gauge('probe_duration_seconds', 'How long the newest look took');
  const phase = gauge('probe_phase_duration_seconds', 'How long each phase of the newest look took', ['phase']);
  const lastRun = gauge('probe_last_run_timestamp_seconds', 'When the newest look began');
  const results = new Counter({
    name: 'support_probe_result_total',
    help: 'Looks by outcome and cause',
    labelNames: [...labelNames, 'outcome', 'cause'],
    registers,
  });
  /** Phases that have a series, by target: one that a newer look did not reach is taken away. */
  const shown = new Map<TargetId, readonly string[]>();

  function putPhases(id: TargetId, labels: Labels, phases: Readonly<Record<string, number>>): void {
    const names = Object.keys(phases);
    for (const name of shown.get(id) ?? []) if (!names.includes(name)) phase.remove({ ...labels, phase: name });
    for (const [name, ms] of Object.entries(phases)) phase.set({ ...labels, phase: name }, ms / 1000);
    shown.set(id, names);
  }

  return {
    begin: (labels: Labels): void => {
      results.inc({ ...labels, outcome: 'ok', cause: '' }, 0);
      for (const outcome of ['degraded', 'failed', 'unknown']) results.inc({ ...labels, outcome, cause: 'unknown' }, 0);
    },
    put: (id: TargetId, labels: Labels, newest: Observation, counts: Notes['counts']): void => {
      for (const [result, count] of Object.entries(counts)) {
        const [outcome = '', cause = ''] = result.split(' ');
        results.inc({ ...labels, outcome, cause }, count);
      }
      duration.set(labels, newest.durationMs / 1000);
      lastRun.set(labels, newest.at / 1000);
      if (newest.finding.kind === 'unknown') success.remove(labels);
      else success.set(labels, newest.finding.kind === 'failed' ? 0 : 1);
      putPhases(id, labels, newest.finding.phases);
    },
    forget: (id: TargetId, labels: Labels): void => {
      shown.delete(id);
      for (const metric of [success, duration, lastRun, phase, results]) void forget(metric, labels);
    },
  };
}

/** Takes away every series that has these labels, whatever others it has. */
async function forget(metric: Gauge | Counter, labels: Labels): Promise<void> {
  const { values } = await metric.get();
  for (const value of values) {
    const same = TARGET_LABELS.every((label) => value.labels[label] === labels[label]);
    if (same) metric.remove(value.labels);
  }
}

function labelsOf(target: Target, location: string): Labels {
  return {
    provider: target.provider,
    channel: localId(target.channel),
    kind: target.channelKind,
    target: localId(target.id),
    probe: target.probe,
    location,
  };
}
