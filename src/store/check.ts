/** Reads a big store from end to end beside the loop that works with it, and remembers what was found. It knows no table. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/** The thread's file lies beside this one, with the same ending: .ts in a checkout, .js when built. */
const THREAD = new URL(`./checkthread${extname(fileURLToPath(import.meta.url))}`, import.meta.url);

export interface Checking {
  /** When it is over, however it ended. */
  readonly done: Promise<void>;
  readonly end: () => void;
}

/**
 * About two seconds of CPU for each GiB, during which the log of the store is not begun anew. `onDamage` is told of the first thing that is wrong; a
 * thread that cannot be had says nothing, and damage is then noticed where it is read. `end` does not wait: SQLite in the
 * middle of a file cannot be interrupted, so the process goes when the file is through.
 */
export function checkAside(path: string, onDamage: (why: string) => void): Checking {
  const thread = new Worker(THREAD, { workerData: path, env: {}, execArgv: [] });
  thread.unref();
  thread.once('message', (found: string) => {
    if (found === 'ok') return;
    mark(path, found);
    onDamage(found);
  });
  thread.once('error', () => undefined);
  return {
    done: new Promise((resolve) => thread.once('exit', () => resolve())),
    end: () => {
      void thread.terminate();
    },
  };
}

/** Beside the store, so that the next start reads all of it before it is used. */
function mark(path: string, why: string): void {
  try {
    writeFileSync(markOf(path), `${why}\n`, { mode: 0o600 });
  } catch {
    // Where nothing can be written the next start looks for itself, as this one did.
  }
}

export function isMarked(path: string): boolean {
  return existsSync(markOf(path));
}

export function unmark(path: string): void {
  rmSync(markOf(path), { force: true });
}

function markOf(path: string): string {
  return `${path}.damaged`;
}
