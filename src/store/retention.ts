/** Forgets what is older than the operator wants to keep, in slices between which looks go on. */
import type { Database } from 'better-sqlite3';
import type { Instant } from '../core/model.ts';
import type { Group } from './group.ts';

/** How long each is kept, in milliseconds. Incidents and what was told about them stay. */
export interface Retention {
  readonly observationsMs: number;
  readonly evidenceMs: number;
}

export interface Pruned {
  readonly observations: number;
  readonly evidence: number;
}

/** Rows in one transaction: a few milliseconds. */
const SLICE = 2_000;
const PAGES_GIVEN_BACK = 200;

/** Resolves when nothing old is left. The newest look of each target stays, however old: its health rests on it. */
export async function prune(db: Database, group: Group, now: Instant, policy: Retention): Promise<Pruned> {
  const sql = statements(db);
  const observationsBefore = now - policy.observationsMs;
  const evidenceBefore = now - policy.evidenceMs;
  const watched = sql.watched.all();
  let observations = 0;
  for (let from = 0; from < watched.length;) {
    const slice = await group.add(() => dropLooks(sql, watched.slice(from), observationsBefore));
    observations += slice.dropped;
    from += slice.done;
  }
  const evidence = await inSlices(group, () => sql.evidence.run(evidenceBefore, SLICE).changes);
  await inSlices(group, () => sql.notices.run(evidenceBefore, SLICE).changes);
  await inSlices(group, () => sql.notifications.run(evidenceBefore, SLICE).changes);
  await giveBack(db, group);
  return { observations, evidence };
}

interface Watched {
  readonly target: number;
  readonly location: number;
  readonly newest: number;
}

/** Old looks of as many targets as fit in one slice; `done` counts the targets of which none is left. */
function dropLooks(sql: Statements, watched: readonly Watched[], old: Instant): { dropped: number; done: number } {
  let dropped = 0;
  for (const [done, { target, location, newest }] of watched.entries()) {
    dropped += sql.observations.run(target, location, Math.min(old, newest), SLICE - dropped).changes;
    if (dropped >= SLICE) return { dropped, done };
  }
  return { dropped, done: watched.length };
}

/** Each slice is a job of the group: it shares a transaction with the looks of that moment and never delays them by more. */
async function inSlices(group: Group, slice: () => number): Promise<number> {
  let total = 0;
  for (;;) {
    const changed = await group.add(slice);
    total += changed;
    if (changed < SLICE) return total;
  }
}

/** Returns freed pages to the file system, some at a time. */
async function giveBack(db: Database, group: Group): Promise<void> {
  const free = () => Number(db.pragma('freelist_count', { simple: true }));
  for (let before = free(); before > 0;) {
    await group.add(() => db.pragma(`incremental_vacuum(${PAGES_GIVEN_BACK})`));
    const after = free();
    if (after >= before) return;
    before = after;
  }
}

type Statements = ReturnType<typeof statements>;

function statements(db: Database) {
  return {
    watched: db.prepare<[], Watched>(
      `select s.target, s.location, coalesce((select max(slot_at) from observation o
         where o.target = s.target and o.location = s.location), 0) as newest from standing s`,
    ),
    observations: db.prepare<[number, number, number, number]>(
      'delete from observation where target = ? and location = ? and slot_at < ? limit ?',
    ),
    evidence: db.prepare<[number, number]>('delete from evidence where at < ? limit ?'),
    notices: db.prepare<[number, number]>('delete from notice where last_seen_at < ? limit ?'),
    notifications: db.prepare<[number, number]>('delete from notification where settled_at < ? limit ?'),
  };
}
