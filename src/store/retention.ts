/** Forgets what is older than the operator wants to keep, in slices between which looks go on. */
import type { Database } from 'better-sqlite3';
import type { Instant } from '../core/model.ts';
import type { Group } from './group.ts';
import type { Rollups } from './rollup.ts';

/** The connection of the moment. */
interface Bound {
  readonly db: Database;
  readonly rolls: Rollups;
}

/** How long each is kept, in milliseconds. Incidents and what was told about them stay. */
export interface Retention {
  readonly observationsMs: number;
  readonly evidenceMs: number;
  /** Absent: for good. Those by the minute go after two days. */
  readonly rollupsMs?: number;
}

export interface Pruned {
  readonly observations: number;
  readonly evidence: number;
  /** Looks added to the roll-ups. */
  readonly rolled: number;
}

const HOUR_MS = 3_600_000;
const MINUTES_KEPT_MS = 48 * HOUR_MS;
/** Looks added up in one transaction. */
const ROLL_SLICE = 500;
/** Rows in one transaction: a few milliseconds. */
const SLICE = 2_000;
const PAGES_GIVEN_BACK = 200;

/**
 * Resolves when nothing old is left. The newest look of each target stays, however old: its health rests on it. No look goes
 * before it is in the roll-ups.
 */
export async function prune(bound: () => Bound, add: Group['add'], now: Instant, policy: Retention): Promise<Pruned> {
  const sql = statements(bound().db);
  const observationsBefore = now - policy.observationsMs;
  const evidenceBefore = now - policy.evidenceMs;
  const rolled = await rollUp(bound, add, sql.watched.all(), Math.floor(now / HOUR_MS) * HOUR_MS);
  const watched = sql.watched.all();
  let observations = 0;
  for (let from = 0; from < watched.length;) {
    const slice = await add(() => dropLooks(sql, watched.slice(from), observationsBefore));
    observations += slice.dropped;
    from += slice.done;
  }
  const evidence = await inSlices(add, () => sql.evidence.run(evidenceBefore, SLICE).changes);
  await inSlices(add, () => sql.notices.run(evidenceBefore, SLICE).changes);
  await inSlices(add, () => sql.notifications.run(evidenceBefore, SLICE).changes);
  for (const each of watched) await dropRollups(add, sql, each, now, policy.rollupsMs ?? Infinity);
  await giveBack(bound().db, add);
  return { observations, evidence, rolled };
}

/** Hours that are over. A slice leaves off anywhere: what comes later is added to what stands. */
async function rollUp(
  bound: () => Bound,
  add: Group['add'],
  watched: readonly Watched[],
  until: Instant,
): Promise<number> {
  let rolled = 0;
  for (let from = 0; from < watched.length;) {
    const slice = await add(() => rollSome(bound().rolls, watched.slice(from), until));
    rolled += slice.rolled;
    from += slice.done;
  }
  return rolled;
}

/** Looks of as many targets as fit in one slice; `done` counts the targets of which none is left. */
function rollSome(rolls: Rollups, watched: readonly Watched[], until: Instant): { rolled: number; done: number } {
  let rolled = 0;
  for (const [done, { target, location }] of watched.entries()) {
    rolled += rolls.roll(target, location, until, ROLL_SLICE - rolled, until - MINUTES_KEPT_MS);
    if (rolled >= ROLL_SLICE) return { rolled, done };
  }
  return { rolled, done: watched.length };
}

async function dropRollups(
  add: Group['add'],
  sql: Statements,
  { target, location }: Watched,
  now: Instant,
  keptMs: number,
): Promise<void> {
  for (const [span, ms] of [Math.min(MINUTES_KEPT_MS, keptMs), keptMs, keptMs].entries()) {
    if (ms === Infinity || sql.oldRollup.get(target, location, span, now - ms) === undefined) continue;
    await inSlices(add, () => sql.rollups.run(target, location, span, now - ms, SLICE).changes);
  }
}

interface Watched {
  readonly target: number;
  readonly location: number;
  readonly newest: number;
  readonly rolled_to: number;
}

/** Old looks of as many targets as fit in one slice; `done` counts the targets of which none is left. */
function dropLooks(sql: Statements, watched: readonly Watched[], old: Instant): { dropped: number; done: number } {
  let dropped = 0;
  for (const [done, { target, location, newest, rolled_to: rolledTo }] of watched.entries()) {
    dropped += sql.observations.run(target, location, Math.min(old, newest, rolledTo), SLICE - dropped).changes;
    if (dropped >= SLICE) return { dropped, done };
  }
  return { dropped, done: watched.length };
}

/** Each slice is a job of the group: it shares a transaction with the looks of that moment and never delays them by more. */
async function inSlices(add: Group['add'], slice: () => number): Promise<number> {
  let total = 0;
  for (;;) {
    const changed = await add(slice);
    total += changed;
    if (changed < SLICE) return total;
  }
}

/** Returns freed pages to the file system, some at a time. */
async function giveBack(db: Database, add: Group['add']): Promise<void> {
  const free = () => Number(db.pragma('freelist_count', { simple: true }));
  for (let before = free(); before > 0;) {
    await add(() => db.pragma(`incremental_vacuum(${PAGES_GIVEN_BACK})`));
    const after = free();
    if (after >= before) return;
    before = after;
  }
}

type Statements = ReturnType<typeof statements>;

function statements(db: Database) {
  return {
    watched: db.prepare<[], Watched>(
      `select s.target, s.location, s.rolled_to, coalesce((select max(slot_at) from observation o
         where o.target = s.target and o.location = s.location), 0) as newest from standing s`,
    ),
    observations: db.prepare<[number, number, number, number]>(
      'delete from observation where target = ? and location = ? and slot_at < ? limit ?',
    ),
    evidence: db.prepare<[number, number]>('delete from evidence where at < ? limit ?'),
    notices: db.prepare<[number, number]>('delete from notice where last_seen_at < ? limit ?'),
    oldRollup: db.prepare<[number, number, number, number]>(
      'select 1 from rollup where target = ? and location = ? and span = ? and from_at < ? limit 1',
    ),
    rollups: db.prepare<[number, number, number, number, number]>(
      'delete from rollup where target = ? and location = ? and span = ? and from_at < ? limit ?',
    ),
    notifications: db.prepare<[number, number]>('delete from notification where settled_at < ? limit ?'),
  };
}
