/** Writes what a look leaves behind besides what was decided: observation, notices, evidence. Held back in memory while the disk is full. */
import type { Database } from 'better-sqlite3';
import type { Evidence, Expectation, Finding, Instant, Observation } from '../core/model.ts';
import { packExpected, partOf, type AnswerMs, type Rollups } from './rollup.ts';
import { packDetail, packKind, packNotice, packRung, type NoticeColumns } from './rows.ts';

/** Per look, all texts together. */
const EVIDENCE_CAP = 64 * 1024;
/** Per look, all sound together: 18 seconds of a telephone call in base64 fit. */
const SOUND_CAP = 200 * 1024;
const EVIDENCE_ROWS_PER_TARGET = 20;
/** Apart from the texts, so that recordings do not push out the dialogues that explain them. */
const SOUND_ROWS_PER_TARGET = 10;
const NOTICES_PER_LOOK = 200;
/** Looks held back; with more, the oldest are given up. */
const HELD_MOST = 20_000;

export interface Trace {
  readonly observation: Observation;
  readonly target: number;
  readonly location: number;
  readonly expected: Expectation | undefined;
  readonly incident: string | undefined;
}

/** What waits for room on the disk. Outlives a connection; with a transaction that fails, what it held back is forgotten. */
export interface Held {
  pause(): void;
  resume(): void;
  isPaused(): boolean;
  has(target: number, location: number, slotAt: Instant): boolean;
  add(trace: Trace): void;
  first(most: number): readonly Trace[];
  drop(traces: readonly Trace[]): void;
  keep(): void;
  forget(): void;
}

export function holdBack(): Held {
  const sure = new Map<string, Trace>();
  const fresh = new Map<string, Trace>();
  let paused = false;
  return {
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
    },
    isPaused: () => paused,
    has: (...identity) => {
      if (sure.size === 0 && fresh.size === 0) return false;
      const key = identity.join(' ');
      return sure.has(key) || fresh.has(key);
    },
    add: (trace) => {
      fresh.set(keyOf(trace), trace);
    },
    first: (most) => [...sure.values().take(most)],
    drop: (traces) => {
      for (const each of traces) sure.delete(keyOf(each));
    },
    keep: () => {
      if (fresh.size === 0 && sure.size === 0) return;
      for (const [key, trace] of fresh) sure.set(key, trace);
      fresh.clear();
      for (const key of sure.keys().take(Math.max(0, sure.size - HELD_MOST))) sure.delete(key);
    },
    forget: () => {
      fresh.clear();
    },
  };
}

function keyOf({ target, location, observation }: Trace): string {
  return `${target} ${location} ${observation.slotAt}`;
}

export interface History {
  /** Whether this look was recorded before. `newest`: the latest slot in the file, beyond which nobody has to read. */
  has(target: number, location: number, slotAt: Instant, newest: Instant): boolean;
  write(trace: Trace): void;
  /** Writes although the disk was full a moment ago. */
  readonly catchUp: (trace: Trace) => void;
}

export function historyWriter(db: Database, held: Held, rolls: Rollups, answerMs: AnswerMs): History {
  const sql = statements(db);

  function catchUp(trace: Trace): void {
    const { observation, target, location, expected, incident } = trace;
    const { finding, slotAt } = observation;
    const inserted = sql.observation.run(
      target,
      location,
      slotAt,
      observation.at,
      observation.durationMs,
      packKind(finding),
      packRung(finding),
      finding.kind === 'ok' ? null : finding.fault.code,
      packDetail(finding),
      packExpected(expected),
    );
    if (inserted.changes === 0) return;
    // Its slot has been added up already, without it.
    if (slotAt < rolls.rolledTo(target, location)) {
      rolls.add(target, location, [partOf(observation, expected ?? 'open', answerMs)]);
    }
    writeNotices(sql, target, observation);
    writeEvidence(sql, target, observation, incident);
  }

  return {
    has: (target, location, slotAt, newest) =>
      (slotAt <= newest && sql.has.get(target, location, slotAt) !== undefined) || held.has(target, location, slotAt),
    write: (trace) => {
      if (held.isPaused()) held.add(trace);
      else catchUp(trace);
    },
    catchUp,
  };
}

type Statements = ReturnType<typeof statements>;

function writeNotices(sql: Statements, target: number, { finding, at }: Observation): void {
  if (finding.notices === undefined || finding.kind === 'failed' || finding.kind === 'unknown') return;
  sql.noticed.run(at, target);
  for (const each of finding.notices.slice(0, NOTICES_PER_LOOK)) sql.notice.run(packNotice(target, each, at));
}

function writeEvidence(sql: Statements, target: number, look: Observation, incident: string | undefined): void {
  const kept = evidenceOf(look.finding);
  if (kept.length === 0) return;
  for (const each of kept) sql.evidence.run(target, look.at, incident ?? null, each.name, each.type, each.text);
  sql.trimEvidence.run({ target, sound: 0, most: EVIDENCE_ROWS_PER_TARGET });
  sql.trimEvidence.run({ target, sound: 1, most: SOUND_ROWS_PER_TARGET });
}

/** Of a good look what was asked for; of any other what fits under the caps, the last text cut, sound whole or not at all. */
function evidenceOf({ kind, evidence = [] }: Finding): readonly Evidence[] {
  let room = EVIDENCE_CAP;
  let soundRoom = SOUND_CAP;
  const kept: Evidence[] = [];
  for (const each of evidence.slice(0, EVIDENCE_ROWS_PER_TARGET)) {
    if (kind === 'ok' && each.kept !== true) continue;
    if (each.type.startsWith('audio/')) {
      // Half a file in base64 is one that nobody can play.
      if (each.text.length > soundRoom) continue;
      soundRoom -= each.text.length;
      kept.push(each);
    } else if (room > 0) {
      const text = each.text.slice(0, room);
      room -= text.length;
      kept.push({ ...each, text });
    }
  }
  return kept;
}

function statements(db: Database) {
  return {
    has: db.prepare<[number, number, number]>(
      'select 1 from observation where target = ? and location = ? and slot_at = ?',
    ),
    observation: db.prepare<
      [number, number, number, number, number, number, number, string | null, string | null, number | null]
    >(
      `insert into observation (target, location, slot_at, at, duration_ms, kind, rung, fault, detail, expected)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing`,
    ),
    noticed: db.prepare<[number, number]>('update target set noticed_at = ? where id = ?'),
    notice: db.prepare<[NoticeColumns]>(
      `insert into notice (target, title, link, from_at, until_at, published_at, zone_explicit, channels, kind,
         matched, first_seen_at, last_seen_at)
       values (@target, @title, @link, @from_at, @until_at, @published_at, @zone_explicit, @channels, @kind,
         @matched, @seen_at, @seen_at)
       on conflict (target, title, link, from_at) do update set until_at = excluded.until_at,
         published_at = excluded.published_at, zone_explicit = excluded.zone_explicit, channels = excluded.channels,
         kind = excluded.kind, matched = excluded.matched, last_seen_at = excluded.last_seen_at`,
    ),
    evidence: db.prepare<[number, number, string | null, string, string, string]>(
      'insert into evidence (target, at, incident, name, type, text) values (?, ?, ?, ?, ?, ?)',
    ),
    trimEvidence: db.prepare<[{ target: number; sound: 0 | 1; most: number }]>(
      `delete from evidence where target = @target and (type like 'audio/%') = @sound and id <= coalesce(
         (select id from evidence where target = @target and (type like 'audio/%') = @sound
          order by id desc limit 1 offset @most), 0)`,
    ),
  };
}
