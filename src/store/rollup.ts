/** Adds looks up by minute, hour and day, so that months are cheap to read. It knows columns, not what availability is. */
import type { Database } from 'better-sqlite3';
import { ANSWER_BOUNDS_MS, type Answers, type Rollup, type Span } from '../core/ledger.ts';
import type { Expectation, Instant, Observation } from '../core/model.ts';
import type { Remembered } from './memory.ts';
import { unpackObservation, type ObservationRow } from './rows.ts';

/** The order is the number in the file: append only. */
const SPANS = ['minute', 'hour', 'day'] as const satisfies readonly Span[];
const SPAN_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
const EXPECTED = ['open', 'closed', 'maintenance'] as const satisfies readonly Expectation[];
const NONE: Answers = { count: 0, sumMs: 0, histogram: Array<number>(ANSWER_BOUNDS_MS.length + 1).fill(0) };

/** The part of a look that adds up. */
export interface Part {
  readonly slotAt: Instant;
  readonly kind: Observation['finding']['kind'];
  readonly expected: Expectation;
  /** Absent when nobody answered. */
  readonly answerMs?: number;
}

/** How long a look waited for its answer, by the rule of its probe's kind. */
export type AnswerMs = (observation: Observation) => number;

type Sum = Omit<Rollup, 'target' | 'location'> & { readonly span: Span };

export function partOf(observation: Observation, expected: Expectation, answerMs: AnswerMs): Part {
  const { slotAt, finding } = observation;
  const isAnswered = finding.kind === 'ok' || finding.kind === 'degraded';
  return { slotAt, kind: finding.kind, expected, ...(isAnswered && { answerMs: answerMs(observation) }) };
}

/** As the number that stands in a look's row; null is open, which is the most. */
export function packExpected(expected: Expectation | undefined): number | null {
  return expected === undefined || expected === 'open' ? null : EXPECTED.indexOf(expected);
}

export interface RollRow extends ObservationRow {
  readonly expected: number | null;
}

export interface Rollups {
  /** Adds looks of one target and place to what stands in the file. */
  add(target: number, location: number, parts: readonly Part[], spans?: readonly Span[]): void;
  /** Looks of earlier slots are in. */
  rolledTo(target: number, location: number): Instant;
  /**
   * Adds the looks up to an instant that are not in yet, at most `most` of them; how many there were. Those before
   * `minutesFrom` are not added up by the minute: that would be dropped at once.
   */
  roll(target: number, location: number, until: Instant, most: number, minutesFrom: Instant): number;
  /** What stands in the file, and the looks that are not in yet. */
  read(target: string, span: Span, since: Instant, until: Instant): readonly Rollup[];
}

export function rollups(db: Database, memory: Pick<Remembered, 'rolled'>, answerMs: AnswerMs): Rollups {
  const sql = statements(db);
  const partOfRow = (row: RollRow): Part =>
    partOf(unpackObservation(row), EXPECTED[row.expected ?? 0] ?? 'open', answerMs);

  function add(target: number, location: number, parts: readonly Part[], spans: readonly Span[] = SPANS): void {
    for (const sum of sums(parts, spans)) {
      const span = SPANS.indexOf(sum.span);
      const expected = EXPECTED.indexOf(sum.expected);
      const before = sql.one.get(target, location, span, sum.fromAt, expected);
      const { looks, answers } = before === undefined ? sum : merge(unpackSum(before), sum);
      const { count, sumMs, minMs = null, maxMs = null, histogram } = answers;
      const kinds = [looks.ok, looks.degraded, looks.failed, looks.unknown] as const;
      const bars = count === 0 ? null : JSON.stringify(histogram);
      sql.put.run(target, location, span, sum.fromAt, expected, ...kinds, count, sumMs, minMs, maxMs, bars);
    }
  }

  function rolledTo(target: number, location: number): Instant {
    const key = `${target} ${location}`;
    const known = memory.rolled.get(key);
    if (known !== undefined) return known;
    const read = sql.rolledTo.get(target, location)?.rolled_to ?? 0;
    memory.rolled.set(key, read);
    return read;
  }

  function roll(target: number, location: number, until: Instant, most: number, minutesFrom: Instant): number {
    const rows = sql.looks.all(target, location, rolledTo(target, location), until, most);
    const last = rows.at(-1);
    if (last === undefined) return 0;
    const parts = rows.map(partOfRow);
    add(target, location, parts, ['hour', 'day']);
    const fresh = parts.filter(({ slotAt }) => slotAt >= minutesFrom);
    add(target, location, fresh, ['minute']);
    sql.mark.run(last.slot_at + 1, target, location);
    memory.rolled.set(`${target} ${location}`, last.slot_at + 1);
    return rows.length;
  }

  function read(name: string, span: Span, since: Instant, until: Instant): readonly Rollup[] {
    const from = floor(since, span);
    return sql.places.all(name).flatMap(({ target, location, place, rolled_to: freshFrom }) => {
      const done = sql.range.all(target, location, SPANS.indexOf(span), from, until).map(unpackSum);
      const fresh = sql.looks.all(target, location, Math.max(freshFrom, from), until, -1).map(partOfRow);
      const whole = new Map(done.map((each) => [keyOf(each), each]));
      for (const each of sums(fresh, [span])) {
        const before = whole.get(keyOf(each));
        whole.set(keyOf(each), before === undefined ? each : merge(before, each));
      }
      const ordered = [...whole.values()].toSorted((a, b) => a.fromAt - b.fromAt);
      return ordered.map(({ span: _, ...each }) => ({ target: name, location: place, ...each }));
    });
  }

  return { add, rolledTo, roll, read };
}

function floor(at: Instant, span: Span): Instant {
  return Math.floor(at / SPAN_MS[span]) * SPAN_MS[span];
}

function keyOf({ span, fromAt, expected }: Sum): string {
  return `${span} ${fromAt} ${expected}`;
}

function sums(parts: readonly Part[], spans: readonly Span[]): readonly Sum[] {
  const found = new Map<string, Sum>();
  for (const part of parts) {
    for (const span of spans) {
      const one = sumOf(part, span);
      const before = found.get(keyOf(one));
      found.set(keyOf(one), before === undefined ? one : merge(before, one));
    }
  }
  return [...found.values()];
}

function sumOf({ slotAt, kind, expected, answerMs }: Part, span: Span): Sum {
  const looks = { ok: 0, degraded: 0, failed: 0, unknown: 0, [kind]: 1 };
  const answers = answerMs === undefined ? NONE : answered(answerMs);
  return { span, fromAt: floor(slotAt, span), expected, looks, answers };
}

function answered(ms: number): Answers {
  const place = ANSWER_BOUNDS_MS.findIndex((bound) => ms <= bound);
  const histogram = NONE.histogram.with(place < 0 ? ANSWER_BOUNDS_MS.length : place, 1);
  return { count: 1, sumMs: ms, minMs: ms, maxMs: ms, histogram };
}

function merge(a: Sum, b: Sum): Sum {
  const looks = {
    ok: a.looks.ok + b.looks.ok,
    degraded: a.looks.degraded + b.looks.degraded,
    failed: a.looks.failed + b.looks.failed,
    unknown: a.looks.unknown + b.looks.unknown,
  };
  return { ...a, looks, answers: mergeAnswers(a.answers, b.answers) };
}

function mergeAnswers(a: Answers, b: Answers): Answers {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  return {
    count: a.count + b.count,
    sumMs: a.sumMs + b.sumMs,
    minMs: Math.min(a.minMs ?? Infinity, b.minMs ?? Infinity),
    maxMs: Math.max(a.maxMs ?? 0, b.maxMs ?? 0),
    histogram: a.histogram.map((count, index) => count + (b.histogram[index] ?? 0)),
  };
}

interface SumRow {
  readonly span: number;
  readonly from_at: number;
  readonly expected: number;
  readonly ok: number;
  readonly degraded: number;
  readonly failed: number;
  readonly unknown: number;
  readonly answers: number;
  readonly sum_ms: number;
  readonly min_ms: number | null;
  readonly max_ms: number | null;
  readonly histogram: string | null;
}

function unpackSum(row: SumRow): Sum {
  const { ok, degraded, failed, unknown, answers: count, sum_ms: sumMs, histogram } = row;
  const ends = { ...(row.min_ms !== null && { minMs: row.min_ms }), ...(row.max_ms !== null && { maxMs: row.max_ms }) };
  const bars = histogram === null ? NONE.histogram : (JSON.parse(histogram) as number[]);
  return {
    span: SPANS[row.span] ?? 'day',
    fromAt: row.from_at,
    expected: EXPECTED[row.expected] ?? 'open',
    looks: { ok, degraded, failed, unknown },
    answers: { count, sumMs, ...ends, histogram: bars },
  };
}

interface Place {
  readonly target: number;
  readonly location: number;
  readonly place: string;
  readonly rolled_to: number;
}

type SumColumns = [number, number, number, number, number, ...number[]];

function statements(db: Database) {
  return {
    one: db.prepare<[number, number, number, number, number], SumRow>(
      'select * from rollup where target = ? and location = ? and span = ? and from_at = ? and expected = ?',
    ),
    put: db.prepare<[...SumColumns, number | null, number | null, string | null]>(
      'insert or replace into rollup values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    range: db.prepare<[number, number, number, number, number], SumRow>(
      `select * from rollup where target = ? and location = ? and span = ? and from_at >= ? and from_at < ?
       order by from_at`,
    ),
    looks: db.prepare<[number, number, number, number, number], RollRow>(
      `select t.name as target, '' as location, o.slot_at, o.at, o.duration_ms, o.kind, o.rung, o.fault, o.detail, o.expected
       from target t join observation o on o.target = t.id
       where t.id = ? and o.location = ? and o.slot_at >= ? and o.slot_at < ? order by o.slot_at limit ?`,
    ),
    rolledTo: db.prepare<[number, number], { rolled_to: number }>(
      'select rolled_to from standing where target = ? and location = ?',
    ),
    mark: db.prepare<[number, number, number]>('update standing set rolled_to = ? where target = ? and location = ?'),
    places: db.prepare<[string], Place>(
      `select s.target, s.location, l.name as place, s.rolled_to from target t join standing s on s.target = t.id
       join location l on l.id = s.location where t.name = ?`,
    ),
  };
}
