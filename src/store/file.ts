/** Opens the database file, or says in words why not; takes the lock that keeps a second process out. It knows no table. */
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { checkAside, isMarked, unmark } from './check.ts';
import { StoreError, sqliteCode } from './error.ts';
import { migrate, moveInto, STEPS, versionOf } from './migrations.ts';

/** "Ring" in ASCII: how a file of ours is told from any other SQLite file. */
const APPLICATION_ID = 0x52696e67;
const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;
/** SQLite's own default, on which the library is built. */
export const PAGE_BYTES = 4_096;
/** Bigger files are read from end to end after the start, in a thread: it takes seconds for each GiB. */
const CHECK_UP_TO_BYTES = 128 * 2 ** 20;
const WAL_KEEP_BYTES = 8 * 2 ** 20;

export interface OpenFile {
  readonly db: Database.Database;
  readonly path: string;
  /**
   * Closes the connection and makes a new one, whose log is safe in the file; one that only reads when no other can be had.
   * Throws when not even that can be had: all is closed then.
   */
  readonly reconnect: () => Database.Database;
  /** When a big file has been read from end to end; until then its log cannot be begun anew. */
  readonly checked: Promise<void>;
  /** Closes the connection and lets the next process in. */
  readonly release: () => void;
}

/** What was found to be broken, where it lies now, and why it is of no use. */
export interface Broken {
  /** Absent: it is at work, was too big to be read before that, and is moved aside at the next start. */
  readonly movedTo?: string;
  readonly why: string;
}

export interface OpenOptions {
  /** Milliseconds that a statement waits for another process's lock; the loop stands still meanwhile. */
  readonly busyMs: number;
  readonly steps: readonly string[];
  /** Bigger files are opened unchecked, unless they were found broken before. */
  readonly checkUpToBytes?: number;
  /** A broken file is moved aside and a new one begun, now or at the next start; absent: it is refused. */
  readonly onBroken?: (broken: Broken) => void;
}

/** Opens or creates. Throws a StoreError; a file that is refused is not modified. */
export function openFile(wanted: string, options: OpenOptions = { busyMs: 50, steps: STEPS }): OpenFile {
  const { busyMs, steps } = options;
  const path = settle(resolve(wanted));
  const unlock = lock(path);
  try {
    const opened = openOrBegin(path, options);
    let { db } = opened;
    const checking = opened.isChecked ? undefined : checkAside(path, onDamage);
    return {
      db,
      path,
      checked: checking?.done ?? Promise.resolve(),
      reconnect: () => {
        db.close();
        db = revive(path, busyMs);
        return db;
      },
      release: () => {
        checking?.end();
        db.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw inWords(path, error);
  }

  function onDamage(found: string): void {
    options.onBroken?.({ why: damaged(path, found) });
  }

  function openOrBegin(at: string, { onBroken }: OpenOptions): Opened {
    try {
      if (!existsSync(at)) create(at, steps);
      return open(at, options);
    } catch (error) {
      const found = inWords(at, error);
      if (onBroken === undefined || !isBroken(found)) throw found;
      const movedTo = moveAside(at);
      create(at, steps);
      const begun = open(at, options);
      onBroken({ movedTo, why: found.message });
      return begun;
    }
  }
}

interface Opened {
  readonly db: Database.Database;
  /** Read from end to end before it was opened; else that is still to be done. */
  readonly isChecked: boolean;
}

function open(path: string, { busyMs, steps, checkUpToBytes }: OpenOptions): Opened {
  const isChecked = refuse(path, steps.length, checkUpToBytes);
  const db = connect(path, busyMs);
  try {
    migrate(db, path, steps);
    return { db, isChecked };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Ours, and of no use any more. What was never ours is not ours to move. */
function isBroken(error: unknown): error is StoreError {
  return error instanceof StoreError && ['damaged', 'truncated', 'empty'].includes(error.trouble);
}

/** Gives a store and its log another name beside it, which no file has yet; says which. */
function moveAside(path: string): string {
  const name = freeName(path, 'broken');
  // The log first: left behind, it would be read into the file that comes next.
  for (const suffix of ['-wal', '-shm', '']) {
    if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${name}${suffix}`);
  }
  unmark(path);
  return name;
}

/** A name beside a file that says why it is there and since when, and that no file has. */
export function freeName(path: string, why: string): string {
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const wanted = `${path}.${why}-${stamp}`;
  let name = wanted;
  for (let count = 2; existsSync(name); count += 1) name = `${wanted}-${count}`;
  return name;
}

/**
 * After a failed fsync the kernel takes for clean what it could not write, so that a second fsync proves nothing. Closing
 * forgets what SQLite holds; all that the log then says is written once more, into the file, and synced there.
 */
function revive(path: string, busyMs: number): Database.Database {
  let db: Database.Database | undefined;
  try {
    db = connect(path, busyMs);
    const [state] = db.pragma('wal_checkpoint(full)') as [{ busy: number; log: number; checkpointed: number }];
    if (state.busy === 0 && state.checkpointed >= state.log) return db;
  } catch {
    // Said by whatever is written next.
  }
  db?.close();
  return new Database(path, { readonly: true, fileMustExist: true, timeout: busyMs });
}

/** The real path, so that two links to one file are one store; refuses what is no regular file before anything is opened. */
export function settle(path: string): string {
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    throw new StoreError('unwritable', `cannot create the folder ${dirname(path)}`, { cause: error });
  }
  const link = lstatSync(path, { throwIfNoEntry: false });
  if (link === undefined) return path;
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new StoreError('not_a_file', `${path} is a link that leads nowhere`);
  if (found.isDirectory()) throw new StoreError('not_a_file', `${path} is a folder; name a file inside it`);
  if (!found.isFile())
    throw new StoreError('not_a_file', `${path} is not a regular file (a pipe, a socket or a device)`);
  return realpathSync(path);
}

/**
 * One process per store. The lock is SQLite's own on a file beside the store, held as an open exclusive transaction: the
 * operating system drops it with the process, so a kill -9 leaves nothing to clean up. The file itself stays: deleting it
 * while another process opens it would let two of them in.
 */
export function lock(path: string): () => void {
  let held: Database.Database | undefined;
  try {
    held = new Database(`${path}.lock`, { timeout: 0 });
    held.exec('begin exclusive');
  } catch (error) {
    held?.close();
    if (!sqliteCode(error).startsWith('SQLITE_BUSY')) throw inWords(`${path}.lock`, error);
    throw new StoreError('in_use', `${path} is in use by another Ringback; a store belongs to one process`);
  }
  const taken = held;
  return () => {
    taken.close();
  };
}

/**
 * Looks at the header without SQLite, which would already touch the file (recovery, checkpoint), then at every page unless
 * there are too many. Whether it did.
 */
export function refuse(path: string, newest: number, checkUpToBytes = CHECK_UP_TO_BYTES): boolean {
  const header = Buffer.alloc(HEADER_BYTES);
  const { size } = statSync(path);
  if (size === 0) throw new StoreError('empty', `${path} is empty: it is no store; delete it to start anew`);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(file);
  }
  // What a power cut can leave of a file of ours; another program's begins with something.
  if (header.every((byte) => byte === 0)) {
    throw new StoreError('damaged', `${path} begins with zeros: its first page is gone; restore a backup`);
  }
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new StoreError('not_a_database', `${path} is not an SQLite database; it is left as it is`);
  }
  const application = header.readUInt32BE(68);
  if (application !== APPLICATION_ID) {
    throw new StoreError(
      'foreign',
      `${path} is the SQLite database of another program (application_id ${application})`,
    );
  }
  refuseNewer(path, header.readUInt32BE(60), newest);
  // With a log beside it the file may lag behind its header in the middle of a checkpoint; without one it may not.
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  if (!hasLog(path) && size < pageBytes * header.readUInt32BE(28)) {
    throw new StoreError(
      'truncated',
      `${path} is shorter than its header says: part of it is missing; restore a backup`,
    );
  }
  const isToBeChecked = size <= checkUpToBytes || isMarked(path);
  inspect(path, newest, isToBeChecked);
  return isToBeChecked;
}

/** Reads through a connection that cannot write. The version may stand in the log only. */
function inspect(path: string, newest: number, isToBeChecked: boolean): void {
  rollBack(path);
  const db = new Database(path, { readonly: true, fileMustExist: true });
  try {
    refuseNewer(path, versionOf(db), newest);
    if (!isToBeChecked) return;
    const found = quickCheck(db);
    if (found !== 'ok') throw new StoreError('damaged', damaged(path, found));
    // What was found broken once has been mended or replaced.
    unmark(path);
  } finally {
    db.close();
  }
}

/**
 * A kill while the file goes over to its log (after a restore, or at its very first start) leaves a journal beside it, and
 * until that is undone nobody can read who cannot write.
 */
function rollBack(path: string): void {
  if (!existsSync(`${path}-journal`)) return;
  const db = new Database(path, { fileMustExist: true });
  try {
    db.prepare('select count(*) from sqlite_schema').get();
  } finally {
    db.close();
  }
}

/** `ok`, or what is wrong first. */
export function quickCheck(db: Database.Database): string {
  try {
    return String(db.pragma('quick_check(1)', { simple: true }));
  } catch (error) {
    if (/^SQLITE_(?:CORRUPT|NOTADB)/.test(sqliteCode(error))) return sqliteCode(error);
    throw error;
  }
}

function damaged(path: string, found: string): string {
  return `${path} is damaged (${found}); restore a backup`;
}

function refuseNewer(path: string, version: number, newest: number): void {
  if (version <= newest) return;
  throw new StoreError(
    'newer',
    `${path} was written by a newer Ringback (schema ${version}; this one knows up to ${newest}); update Ringback or restore an older backup`,
  );
}

function hasLog(path: string): boolean {
  return (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** Makes the file under another name and moves it into place whole: a kill in between leaves no half-made store. */
function create(path: string, steps: readonly string[]): void {
  const draft = `${path}.new`;
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${draft}${suffix}`, { force: true });
  const db = new Database(draft);
  try {
    // Only before the first table: pages freed by retention can then be given back in small steps.
    db.pragma('auto_vacuum = incremental');
    db.pragma(`application_id = ${APPLICATION_ID}`);
    migrate(db, draft, steps);
  } finally {
    db.close();
  }
  for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
  moveInto(path, draft);
}

function connect(path: string, busyMs: number): Database.Database {
  const db = new Database(path, { timeout: busyMs, fileMustExist: true });
  db.pragma('journal_mode = wal');
  // The library is compiled with NORMAL for WAL, which acknowledges before the disk has it.
  db.pragma('synchronous = full');
  db.pragma('foreign_keys = on');
  db.pragma('trusted_schema = off');
  db.pragma('cell_size_check = on');
  db.pragma(`journal_size_limit = ${WAL_KEEP_BYTES}`);
  if (db.pragma('journal_mode', { simple: true }) !== 'wal' || db.pragma('synchronous', { simple: true }) !== 2) {
    db.close();
    throw new StoreError('unwritable', `${path} cannot be kept safe here: WAL with synchronous=FULL was refused`);
  }
  return db;
}

export function inWords(path: string, error: unknown): unknown {
  if (error instanceof StoreError) return error;
  const code = sqliteCode(error);
  if (/^SQLITE_(?:CORRUPT|NOTADB)/.test(code)) {
    return new StoreError('damaged', `${path} is damaged (${code}); restore a backup`, { cause: error });
  }
  if (/^SQLITE_(?:CANTOPEN|READONLY|PERM|FULL|IOERR|BUSY)/.test(code) || isSystemError(error)) {
    const why = code === '' && error instanceof Error ? error.message : code;
    return new StoreError(
      'unwritable',
      `${path} cannot be written (${why}); check the folder, its owner and the disk`,
      { cause: error },
    );
  }
  return error;
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'errno' in error;
}
