/** Copies a store that is at work into one file. It knows pages, not tables. */
import { chmodSync, existsSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import Database from 'better-sqlite3';
import { StoreError } from './error.ts';
import { inWords, refuse, settle } from './file.ts';
import { moveInto, STEPS } from './migrations.ts';

export interface BackupOptions {
  /** Replaces what is there under that name. */
  readonly force?: boolean;
  /** Told of pages copied, and of all pages, as it goes on. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Copied {
  readonly path: string;
  readonly bytes: number;
}

/** About a millisecond of work at a time, between which the loop turns. */
const PAGES_AT_ONCE = 64;
const SYNC_EVERY_MS = 20;

/**
 * The copy is the store as it was when the copying began: a reader keeps that moment open, so that no writer, of this process
 * or of another, makes it start anew. A kill leaves a `.partial` file and never half a copy under the name that was asked for.
 */
export async function backupFile(from: string, wanted: string, options: BackupOptions = {}): Promise<Copied> {
  const to = resolve(wanted);
  if (existsSync(to) && options.force !== true) {
    throw new StoreError('exists', `${to} is there already; name another file, or replace it with --force`);
  }
  const partial = `${to}.partial`;
  let reader: Database.Database | undefined;
  try {
    for (const suffix of ['', '-journal']) rmSync(`${partial}${suffix}`, { force: true });
    reader = new Database(from, { readonly: true, fileMustExist: true, timeout: 5_000 });
    reader.exec('begin');
    reader.prepare('select count(*) from sqlite_schema').get();
    await copy(reader, partial, options.onProgress);
    single(partial);
    moveInto(to, partial);
    return { path: to, bytes: statSync(to).size };
  } catch (error) {
    rmSync(partial, { force: true });
    throw inWords(to, error);
  } finally {
    reader?.close();
  }
}

/** The file of a store that may be at work in another process. Throws a StoreError when it is none. */
export function storeFile(wanted: string): string {
  if (!existsSync(wanted)) throw new StoreError('not_a_file', `${resolve(wanted)} is not there`);
  const path = settle(resolve(wanted));
  refuse(path, STEPS.length);
  return path;
}

async function copy(reader: Database.Database, to: string, onProgress: BackupOptions['onProgress']): Promise<void> {
  const syncing = syncOften(to);
  try {
    await reader.backup(to, {
      progress: ({ totalPages, remainingPages }) => {
        onProgress?.(totalPages - remainingPages, totalPages);
        return PAGES_AT_ONCE;
      },
    });
  } finally {
    await syncing.end();
  }
}

/** SQLite syncs at the very end, on the loop. What went to the disk before, on other threads, is not waited for then. */
function syncOften(path: string): { readonly end: () => Promise<void> } {
  const ending = new AbortController();
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await new Promise((done) => setTimeout(done, SYNC_EVERY_MS));
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) continue;
      await using file = await open(path, 'r');
      await file.datasync();
    }
  };
  // A disk that fails says so to SQLite as well, which is asked.
  const running = run().catch(() => undefined);
  return {
    end: async () => {
      ending.abort();
      await running;
    },
  };
}

/** One file with no log beside it, for its owner only: it can be carried away as it is. */
function single(path: string): void {
  const db = new Database(path, { fileMustExist: true });
  try {
    db.pragma('journal_mode = delete');
  } finally {
    db.close();
  }
  chmodSync(path, 0o600);
}
