/** Holds the connection, and mends what can be mended while the process runs: a failing disk, a full one. It knows no table. */
import type { Database } from 'better-sqlite3';
import { auditWriter } from './audit.ts';
import { openBallast, openRoom } from './ballast.ts';
import { StoreError } from './error.ts';
import { openFile, type Broken } from './file.ts';
import { openGroup, transactor, type Group, type GroupOptions } from './group.ts';
import { historyWriter, holdBack, type Held } from './history.ts';
import { lookWriter } from './look.ts';
import { remember } from './memory.ts';
import { STEPS } from './migrations.ts';
import { ownWriter } from './ours.ts';
import { oldRows } from './retention.ts';
import { rollups, type AnswerMs } from './rollup.ts';
import { shiftWriter } from './shift.ts';
import { statements } from './statements.ts';

export interface StoreOptions extends Partial<GroupOptions> {
  /** Milliseconds that a statement waits for another process's lock; the whole process stands still meanwhile. */
  readonly busyMs?: number;
  /** How long `close` goes on trying to write what waits. */
  readonly graceMs?: number;
  readonly steps?: readonly string[];
  /** How long a look waited for its answer; absent: as long as it took. */
  readonly answerMs?: AnswerMs;
  /** Room kept back for a full disk; absent: none. */
  readonly ballastBytes?: number;
  /** The disk is full (history is held back from now on), or is no longer. */
  readonly onFull?: (isFull: boolean) => void;
  /** Bigger files are not read from end to end before the start, but beside it. */
  readonly checkUpToBytes?: number;
  /** A broken file was moved aside and a new one begun, or will be at the next start; absent: a broken file is refused. */
  readonly onBroken?: (broken: Broken) => void;
}

export interface Hold {
  readonly path: string;
  readonly checked: Promise<void>;
  /** What belongs to the connection of the moment. Jobs ask each time: it may be another one by the time they run. */
  readonly alive: () => Bound;
  readonly add: Group['add'];
  readonly waiting: () => number;
  readonly close: () => Promise<void>;
}

const DEFAULTS: GroupOptions = { lingerMs: 10, most: 400, queueLimit: 10_000, onTrouble: () => undefined };
const BUSY_MS = 50;
const GRACE_MS = 5_000;
/** Pages in the log before they are brought into the file; 1,000 is SQLite's own figure. */
const LOG_PAGES = { usual: 1_000, scarce: 32 };
/** Looks that were held back, in one transaction. */
const CATCH_UP = 200;

export function openHold(wanted: string, options: StoreOptions): Hold {
  const { busyMs = BUSY_MS, steps = STEPS, answerMs = took } = options;
  const file = openFile(wanted, { ...options, busyMs, steps });
  const { path, checked } = file;
  const held = holdBack();
  let bound = bind(file.db, held, answerMs);
  const ballast = openBallast(path, options.ballastBytes ?? 0);
  const room = openRoom(ballast, { onFull, onRoom });
  const group = openGroup((jobs) => alive().transact(jobs), mend, { ...DEFAULTS, ...options });
  let closed: Promise<void> | undefined;
  if (options.ballastBytes !== undefined) void ballast.restore();

  function alive(): Bound {
    if (!bound.db.open) throw new StoreError('unwritable', `${path} cannot be opened any more; trying again`);
    return bound;
  }

  function mend(code: string): void {
    if (code.startsWith('SQLITE_FULL')) {
      room.ranOut();
      keepLog(LOG_PAGES.scarce);
    } else if (!/^SQLITE_(?:BUSY|LOCKED)/.test(code)) reconnect();
  }

  /** A short log is written over and over in the same place, and leaves the room to others. */
  function keepLog(pages: number): void {
    if (bound.db.open) bound.db.pragma(`wal_autocheckpoint = ${pages}`);
  }

  /** After an error of the disk nobody knows what this connection still believes and the disk never got. */
  function reconnect(): void {
    try {
      bound = bind(file.reconnect(), held, answerMs);
    } catch {
      // Nothing can be had at the moment; the next try of the group asks again.
    }
  }

  /** Decisions and messages go on, in the room that the ballast leaves; what was merely seen waits in memory. */
  function onFull(): void {
    held.pause();
    options.onFull?.(true);
  }

  function onRoom(): void {
    held.resume();
    keepLog(LOG_PAGES.usual);
    options.onFull?.(false);
    catchUp().catch(() => {
      // Closed meanwhile, or damaged: whoever writes next is told.
    });
  }

  async function catchUp(most = CATCH_UP): Promise<void> {
    for (let some = held.first(most); some.length > 0 && !held.isPaused(); some = held.first(most)) {
      const traces = some;
      await group.add(() => {
        for (const each of traces) alive().catchUp(each);
      });
      held.drop(traces);
    }
  }

  async function close(): Promise<void> {
    const hasRoom = await room.close();
    if (hasRoom) held.resume();
    const caughtUp = catchUp(Infinity).catch(() => undefined);
    await group.end(options.graceMs ?? GRACE_MS);
    await caughtUp;
    try {
      if (bound.db.open) bound.db.pragma('wal_checkpoint(truncate)');
    } catch {
      // What was acknowledged stands in the log, which stays beside the file for the next start.
    } finally {
      file.release();
    }
  }

  return { path, checked, alive, ...group, close: () => (closed ??= close()) };
}

const took: AnswerMs = ({ durationMs }) => durationMs;

/** Everything that belongs to one connection and goes with it. */
function bind(db: Database, held: Held, answerMs: AnswerMs) {
  const memory = remember();
  const rolls = rollups(db, memory, answerMs);
  const history = historyWriter(db, held, rolls, answerMs);
  const both = {
    keep: () => {
      memory.keep();
      held.keep();
    },
    forget: () => {
      memory.forget();
      held.forget();
    },
  };
  return {
    db,
    rolls,
    old: oldRows(db),
    ...lookWriter(db, memory, history),
    catchUp: history.catchUp,
    audit: auditWriter(db),
    ours: ownWriter(db),
    shift: shiftWriter(db, memory),
    sql: statements(db),
    transact: transactor(db, both),
  };
}

type Bound = ReturnType<typeof bind>;
