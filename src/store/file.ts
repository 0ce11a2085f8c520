/** Opens the database file, or says in words why not; takes the lock that keeps a second process out. It knows no table. */
import {
  closeSync,
  existsSync,
  fsyncSync,
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
import { StoreError, sqliteCode } from './error.ts';
import { migrate, STEPS, versionOf } from './migrations.ts';

/** "Ring" in ASCII: how a file of ours is told from any other SQLite file. */
const APPLICATION_ID = 0x52696e67;
const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;
/** Bigger files are not read from end to end at each start; SQLite still notices damage where it reads. */
const CHECK_UP_TO_BYTES = 128 * 2 ** 20;
const WAL_KEEP_BYTES = 8 * 2 ** 20;

export interface OpenFile {
  readonly db: Database.Database;
  readonly path: string;
  /** Closes the database and lets the next process in. */
  readonly release: () => void;
}

export interface OpenOptions {
  /** Milliseconds that a statement waits for another process's lock; the loop stands still meanwhile. */
  readonly busyMs: number;
  readonly steps: readonly string[];
}

/** Opens or creates. Throws a StoreError; a file that is refused is not modified. */
export function openFile(wanted: string, { busyMs, steps }: OpenOptions = { busyMs: 50, steps: STEPS }): OpenFile {
  const path = settle(resolve(wanted));
  const unlock = lock(path);
  try {
    if (existsSync(path)) refuse(path, steps.length);
    else create(path, steps);
    const db = connect(path, busyMs);
    try {
      migrate(db, path, steps);
    } catch (error) {
      db.close();
      throw error;
    }
    return {
      db,
      path,
      release: () => {
        db.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw inWords(path, error);
  }
}

/** The real path, so that two links to one file are one store; refuses what is no regular file before anything is opened. */
function settle(path: string): string {
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
function lock(path: string): () => void {
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

/** Looks at the header without SQLite, which would already touch the file (recovery, checkpoint). */
function refuse(path: string, newest: number): void {
  const header = Buffer.alloc(HEADER_BYTES);
  const { size } = statSync(path);
  if (size === 0) throw new StoreError('empty', `${path} is empty: it is no store; delete it to start anew`);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(file);
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
  inspect(path, size, newest);
}

/** Reads through a connection that cannot write. The version may stand in the log only. */
function inspect(path: string, size: number, newest: number): void {
  const db = new Database(path, { readonly: true, fileMustExist: true });
  try {
    refuseNewer(path, versionOf(db), newest);
    if (size > CHECK_UP_TO_BYTES) return;
    const found = String(db.pragma('quick_check(1)', { simple: true }));
    if (found !== 'ok') throw new StoreError('damaged', `${path} is damaged (${found}); restore a backup`);
  } finally {
    db.close();
  }
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
  renameSync(draft, path);
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
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

function inWords(path: string, error: unknown): unknown {
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
