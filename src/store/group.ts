/** Group commit: what arrives within a few milliseconds is written in one transaction. It knows no table. */
import type { Database } from 'better-sqlite3';
import { isPassing, sqliteCode, StoreError } from './error.ts';

/** What has to forget or keep its memory with the transaction. */
export interface Memory {
  readonly keep: () => void;
  readonly forget: () => void;
}

export interface GroupOptions {
  /** How long the first of a group waits for company. */
  readonly lingerMs: number;
  /** Jobs in one transaction at most. */
  readonly most: number;
  /** Jobs that may wait for the disk. */
  readonly queueLimit: number;
  /** Told of each transaction that failed and will be tried again. */
  readonly onTrouble: (code: string, waiting: number) => void;
}

/** Runs jobs in one transaction; throws when none of them was written, or when that is not known. */
export type Transact = (jobs: readonly Job[]) => Outcome[];

export interface Group {
  /** Runs `apply` in the next transaction, perhaps more than once; settles after the commit, or with what it threw. */
  readonly add: <T>(apply: () => T) => Promise<T>;
  readonly waiting: () => number;
  /** Writes what waits, for at most `graceMs`; what is left then is refused. */
  end(graceMs: number): Promise<void>;
}

interface Job {
  readonly apply: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
  /** What came out of a transaction of which nobody knows whether the disk has it. */
  unsure?: unknown;
}

type Outcome = { readonly done: true; readonly value: unknown } | { readonly done: false; readonly error: unknown };

const RETRY_MS = { first: 20, longest: 1_000 };

/** Bound to one connection and to what is remembered of it. */
export function transactor(db: Database, memory: Memory): Transact {
  const begin = db.prepare('begin immediate');
  const commit = db.prepare('commit');
  const savepoint = db.prepare('savepoint job');
  const release = db.prepare('release job');

  /**
   * Jobs run bare at first; only when one of them throws is the whole group run again with a savepoint around each, so that
   * the one is refused and the others stand. Savepoints for every look would cost more than the looks.
   */
  function run(jobs: readonly Job[]): Outcome[] {
    try {
      return attempt(jobs, (job) => ({ done: true, value: job.apply() }));
    } catch (error) {
      if (isPassing(error)) throw error;
      return attempt(jobs, alone);
    }
  }

  function attempt(jobs: readonly Job[], each: (job: Job) => Outcome): Outcome[] {
    begin.run();
    try {
      const outcomes = jobs.map(each);
      seal(jobs, outcomes);
      memory.keep();
      return outcomes;
    } catch (error) {
      memory.forget();
      // SQLite has rolled back by itself after some errors (disk full, I/O).
      if (db.inTransaction) db.exec('rollback');
      throw error;
    }
  }

  /**
   * A commit that fails may have reached the disk all the same. It is run again, and finds its own rows: then what was ruled
   * the first time is what was written.
   */
  function seal(jobs: readonly Job[], outcomes: readonly Outcome[]): void {
    try {
      commit.run();
    } catch (error) {
      for (const [index, job] of jobs.entries()) {
        const outcome = outcomes[index];
        if (outcome?.done === true) job.unsure ??= outcome.value;
      }
      throw error;
    }
  }

  function alone(job: Job): Outcome {
    savepoint.run();
    try {
      const value = job.apply();
      release.run();
      return { done: true, value };
    } catch (error) {
      if (isPassing(error) || !db.inTransaction) throw error;
      db.exec('rollback to job; release job');
      return { done: false, error };
    }
  }

  return run;
}

/** `mend` is called after a transaction that may succeed later has failed, and before it is tried again. */
export function openGroup(run: Transact, mend: (code: string) => void, options: GroupOptions): Group {
  const queue: Job[] = [];
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;
  let ended = false;
  let drained: (() => void) | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const jobs = queue.slice(0, options.most);
    if (jobs.length > 0) {
      try {
        const outcomes = run(jobs);
        failures = 0;
        queue.splice(0, jobs.length);
        for (const [index, job] of jobs.entries()) answer(job, outcomes[index]);
      } catch (error) {
        failed(jobs, error);
      }
    }
    if (queue.length > 0) timer ??= setTimeout(flush, failures > 0 ? pause(failures) : 0);
    else drained?.();
  }

  /** What may pass is tried again; anything else (a damaged file) is told to every caller of the group. */
  function failed(jobs: readonly Job[], error: unknown): void {
    if (isPassing(error)) {
      failures += 1;
      const code = sqliteCode(error);
      options.onTrouble(code, queue.length);
      mend(code);
      return;
    }
    queue.splice(0, jobs.length);
    for (const job of jobs) job.reject(error);
  }

  function add<T>(apply: () => T): Promise<T> {
    if (ended) return Promise.reject(new StoreError('closed', 'the store is closed'));
    if (queue.length >= options.queueLimit) {
      return Promise.reject(
        new StoreError('full', `${queue.length} writes wait for the disk; no further one is taken`),
      );
    }
    return new Promise<T>((resolve, reject) => {
      queue.push({ apply, resolve, reject });
      if (queue.length >= options.most && failures === 0) flush();
      else timer ??= setTimeout(flush, options.lingerMs);
    });
  }

  async function end(graceMs: number): Promise<void> {
    ended = true;
    if (queue.length > 0) {
      const empty = new Promise<void>((resolve) => {
        drained = resolve;
      });
      const late = setTimeout(() => drained?.(), graceMs);
      flush();
      await empty;
      clearTimeout(late);
    }
    clearTimeout(timer);
    for (const job of queue.splice(0))
      job.reject(new StoreError('closed', 'the store was closed before this was written'));
  }

  return { add, waiting: () => queue.length, end };
}

function pause(failures: number): number {
  return Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
}

function answer(job: Job, outcome: Outcome | undefined): void {
  if (outcome?.done === true) job.resolve((outcome.value ?? job.unsure) as never);
  else job.reject(outcome?.error);
}
