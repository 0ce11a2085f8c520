/** Forgets what is older than the operator wants to keep, in slices between which looks go on. */
import type { Database } from 'better-sqlite3';
import type { Instant } from '../core/model.ts';
import type { Group } from './group.ts';
import type { Rollups } from './rollup.ts';

/** The connection of the moment. */
interface Bound {
  readonly rolls: Rollups;
  readonly old: OldRows;
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
  readonly slices: number;
  /** The longest that one slice kept the loop from turning, without the commit that it shares with looks. */
  readonly longestMs: number;
}

/** One kind of work on one set of rows, done in bites so small that the clock can be asked between them. */
interface Chore {
  readonly part: 'rolled' | 'observations' | 'evidence' | 'other';
  /** Rows in one bite; fewer say that nothing is left. */
  readonly bite: number;
  /** Takes one bite; says how many rows it had. */
  readonly run: () => number;
}

const HOUR_MS = 3_600_000;
const MINUTES_KEPT_MS = 48 * HOUR_MS;
/** Work in one transaction; with it come the looks of the moment and the commit. */
const SLICE_MS = 8;
/** A millisecond or less each. A row of evidence may be a recording that fills fifty pages. */
const BITE = { looks: 200, rows: 200, evidence: 8 };
/** Targets whose chores are put together at one go. */
const TARGETS_AT_ONCE = 200;

/**
 * Resolves when nothing old is left. The newest look of each target stays, however old: its health rests on it. No look goes
 * before it is in the roll-ups.
 */
export async function prune(bound: () => Bound, add: Group['add'], now: Instant, policy: Retention): Promise<Pruned> {
  const done = { observations: 0, evidence: 0, rolled: 0, other: 0, slices: 0, longestMs: 0 };
  const all = async (chores: readonly Chore[]): Promise<void> => {
    for (let left = chores; left.length > 0;) {
      // What a slice did counts once it is committed: a transaction that fails is run again from where it began.
      const some = left;
      const slice = await add(() => work(some));
      left = left.slice(slice.finished);
      for (const part of PARTS) done[part] += slice.rows[part];
      done.slices += 1;
      done.longestMs = Math.max(done.longestMs, slice.ms);
      // No more than half of the loop's time, however short the group waits.
      await new Promise((resume) => setTimeout(resume, slice.ms));
    }
  };
  let last: Watched = { target: 0, location: 0, newest: 0 };
  for (;;) {
    const page = bound().old.watched.all(last.target, last.location, TARGETS_AT_ONCE);
    await all(page.flatMap((each) => choresOf(bound, each, now, policy)));
    if (page.length < TARGETS_AT_ONCE) break;
    last = page.at(-1) ?? last;
  }
  await all(commonChores(bound, now - policy.evidenceMs));
  const { observations, evidence, rolled, slices, longestMs } = done;
  return { observations, evidence, rolled, slices, longestMs };
}

const PARTS = ['rolled', 'observations', 'evidence', 'other'] as const satisfies readonly Chore['part'][];

interface Slice {
  /** Chores of which nothing is left. */
  readonly finished: number;
  readonly rows: Readonly<Record<Chore['part'], number>>;
  readonly ms: number;
}

/** As much as fits into one slice: a job of the group, which shares a transaction with the looks of that moment. */
function work(chores: readonly Chore[]): Slice {
  const begun = performance.now();
  const rows = { rolled: 0, observations: 0, evidence: 0, other: 0 };
  let finished = 0;
  for (const { part, bite, run } of chores) {
    for (let had = bite; had >= bite;) {
      if (performance.now() - begun >= SLICE_MS) return { finished, rows, ms: performance.now() - begun };
      had = run();
      rows[part] += had;
    }
    finished += 1;
  }
  return { finished, rows, ms: performance.now() - begun };
}

/** Hours that are over are added up; then the old looks go, and sums of stretches that are over for longer still. */
function choresOf(bound: () => Bound, { target, location, newest }: Watched, now: Instant, policy: Retention): Chore[] {
  const until = Math.floor(now / HOUR_MS) * HOUR_MS;
  const before = Math.min(now - policy.observationsMs, newest);
  const keptMs = policy.rollupsMs ?? Infinity;
  const sums = [Math.min(MINUTES_KEPT_MS, keptMs), keptMs, keptMs].flatMap((ms, span): Chore[] => {
    if (ms === Infinity) return [];
    const run = (): number => bound().old.rollups.run(target, location, span, now - ms, BITE.rows).changes;
    return [{ part: 'other', bite: BITE.rows, run }];
  });
  return [
    {
      part: 'rolled',
      bite: BITE.looks,
      run: () => bound().rolls.roll(target, location, until, BITE.looks, until - MINUTES_KEPT_MS),
    },
    {
      part: 'observations',
      bite: BITE.rows,
      run: () => {
        const { rolls, old } = bound();
        return old.observations.run(target, location, Math.min(before, rolls.rolledTo(target, location)), BITE.rows)
          .changes;
      },
    },
    ...sums,
  ];
}

function commonChores(bound: () => Bound, before: Instant): Chore[] {
  return [
    { part: 'evidence', bite: BITE.evidence, run: () => bound().old.evidence.run(before, BITE.evidence).changes },
    { part: 'other', bite: BITE.rows, run: () => bound().old.notices.run(before, BITE.rows).changes },
    { part: 'other', bite: BITE.rows, run: () => bound().old.notifications.run(before, BITE.rows).changes },
    { part: 'other', bite: 1, run: () => bound().old.giveBack() },
  ];
}

interface Watched {
  readonly target: number;
  readonly location: number;
  readonly newest: number;
}

export type OldRows = ReturnType<typeof oldRows>;

/** Pages returned to the file system in one bite. */
const PAGES_GIVEN_BACK = 16;

/** What drops rows, on one connection. */
export function oldRows(db: Database) {
  const free = (): number => Number(db.pragma('freelist_count', { simple: true }));
  return {
    watched: db.prepare<[number, number, number], Watched>(
      `select s.target, s.location, coalesce((select max(slot_at) from observation o
         where o.target = s.target and o.location = s.location), 0) as newest
       from standing s where (s.target, s.location) > (?, ?) order by s.target, s.location limit ?`,
    ),
    observations: db.prepare<[number, number, number, number]>(
      'delete from observation where target = ? and location = ? and slot_at < ? limit ?',
    ),
    evidence: db.prepare<[number, number]>('delete from evidence where at < ? limit ?'),
    notices: db.prepare<[number, number]>('delete from notice where last_seen_at < ? limit ?'),
    rollups: db.prepare<[number, number, number, number, number]>(
      'delete from rollup where target = ? and location = ? and span = ? and from_at < ? limit ?',
    ),
    notifications: db.prepare<[number, number]>('delete from notification where settled_at < ? limit ?'),
    /** Returns freed pages to the file system; says how many. */
    giveBack: (): number => {
      const before = free();
      if (before > 0) db.pragma(`incremental_vacuum(${PAGES_GIVEN_BACK})`);
      return before - free();
    },
  };
}
