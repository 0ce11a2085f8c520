/** Puts a copy in the place of a store, after it has proved that it is one. Whatever it is given may be crafted. */
import { existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import Database from 'better-sqlite3';
import { unmark } from './check.ts';
import { StoreError } from './error.ts';
import { freeName, inWords, lock, PAGE_BYTES, refuse, settle } from './file.ts';
import { moveInto, schemaOf, STEPS, versionOf } from './migrations.ts';

export interface RestoreOptions {
  /** A store that is there already is moved aside; it is never deleted. */
  readonly force?: boolean;
  /** Told of what is being done, in words. */
  readonly onProgress?: (step: string) => void;
}

export interface Restored {
  readonly path: string;
  /** Where the store that was there before lies now. */
  readonly movedTo: string | undefined;
  /** Notifications that the copy held for waiting and that the store before it had sent: they are not sent again. */
  readonly sentSince: number;
}

/** Throws a StoreError when the copy is refused, when a store is there already, or when it is at work. */
export async function restoreFile(from: string, wanted: string, options: RestoreOptions = {}): Promise<Restored> {
  if (!existsSync(from)) throw new StoreError('not_a_file', `${resolve(from)} is not there`);
  const source = settle(resolve(from));
  const path = settle(resolve(wanted));
  const unlock = lock(path);
  const draft = `${path}.restoring`;
  try {
    if (existsSync(path) && options.force !== true) {
      throw new StoreError('exists', `${path} is there already; --force moves it aside and puts the copy in its place`);
    }
    clear(draft);
    options.onProgress?.('copying');
    await bring(source, draft);
    options.onProgress?.('checking');
    prove(draft);
    options.onProgress?.('comparing with what was sent since');
    const sentSince = existsSync(path) ? carryOver(path, draft) : 0;
    const movedTo = existsSync(path) ? setAside(path) : undefined;
    moveInto(path, draft);
    unmark(path);
    return { path, movedTo, sentSince };
  } catch (error) {
    clear(draft);
    throw inWords(source, error);
  } finally {
    unlock();
  }
}

function clear(draft: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${draft}${suffix}`, { force: true });
}

/** Nothing is opened where it lies: SQLite writes beside what it reads. */
async function bring(source: string, draft: string): Promise<void> {
  await copyFile(source, draft);
  if ((statSync(`${source}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) {
    await copyFile(`${source}-wal`, `${draft}-wal`);
  }
}

/**
 * Only the tables, indexes and triggers that our own steps make, word for word: a trigger or a view more would run with our
 * rights at the next look. Then every page, every reference and every JSON text is read once.
 */
function prove(path: string): void {
  refuse(path, STEPS.length);
  const db = new Database(path, { fileMustExist: true });
  try {
    db.pragma('trusted_schema = off');
    db.pragma('cell_size_check = on');
    const version = versionOf(db);
    if (Number(db.pragma('page_size', { simple: true })) !== PAGE_BYTES || version < 1) throw notOurs(path);
    if (JSON.stringify(schemaOf(db)) !== JSON.stringify(plan(version))) throw notOurs(path);
    const found = String(db.pragma('integrity_check(1)', { simple: true }));
    if (found !== 'ok') throw new StoreError('damaged', `${path} is damaged (${found}); it is not restored`);
    if ((db.pragma('foreign_key_check') as unknown[]).length > 0) throw notOurs(path);
    for (const [table, column] of TEXTS) {
      if (hasTable(db, table) && hasBadJson(db, table, column)) throw notOurs(path);
    }
    db.pragma('journal_mode = delete');
  } finally {
    db.close();
  }
}

const TEXTS = [
  ['standing', 'health'],
  ['incident', 'rest'],
  ['notification', 'message'],
  ['notice', 'channels'],
  ['observation', 'detail'],
  ['rollup', 'histogram'],
  ['audit', 'before'],
  ['audit', 'after'],
  ['memory', 'value'],
  ['own_incident', 'rest'],
] as const;

function hasTable(db: Database.Database, table: string): boolean {
  return db.prepare('select 1 from sqlite_schema where name = ?').get(table) !== undefined;
}

function hasBadJson(db: Database.Database, table: string, column: string): boolean {
  const bad = `select 1 from ${table} where ${column} is not null and not json_valid(${column}) limit 1`;
  return db.prepare(bad).get() !== undefined;
}

function notOurs(path: string): StoreError {
  return new StoreError('foreign', `${path} was not made by Ringback as it is: tables or texts in it are not ours`);
}

function plan(version: number): readonly unknown[] {
  const db = new Database(':memory:');
  try {
    for (const step of STEPS.slice(0, version)) db.exec(step);
    return schemaOf(db);
  } finally {
    db.close();
  }
}

interface Settled {
  readonly state: string;
  readonly settled_at: number;
  readonly detail: string | null;
}

/** What the store of before has sent and the copy knows only as waiting is sent; a store too broken to be asked says nothing. */
function carryOver(path: string, draft: string): number {
  const db = new Database(draft, { fileMustExist: true });
  let before: Database.Database | undefined;
  try {
    before = new Database(path, { readonly: true, fileMustExist: true });
    const sent = before.prepare<[string], Settled>(
      `select state, settled_at, detail from notification where key = ? and state <> 'waiting'`,
    );
    const mark = db.prepare<[string, number, string | null, string]>(
      'update notification set state = ?, settled_at = ?, detail = ? where key = ?',
    );
    const waiting = db.prepare<[], { key: string }>(`select key from notification where state = 'waiting'`).all();
    let count = 0;
    db.transaction(() => {
      for (const { key } of waiting) {
        const found = sent.get(key);
        if (found === undefined) continue;
        mark.run(found.state, found.settled_at, found.detail, key);
        count += 1;
      }
    })();
    return count;
  } catch {
    return 0;
  } finally {
    before?.close();
    db.close();
  }
}

/**
 * Leaves the store under a second name until the copy takes the first one, so that at no moment there is none. Its log goes
 * into it or with it: left behind, it would be read into the copy.
 */
function setAside(path: string): string {
  try {
    const db = new Database(path, { fileMustExist: true });
    db.pragma('wal_checkpoint(truncate)');
    db.close();
  } catch {
    // Too broken for that: the log goes with it.
  }
  const name = freeName(path, 'before-restore');
  linkSync(path, name);
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${name}${suffix}`);
  }
  return name;
}
