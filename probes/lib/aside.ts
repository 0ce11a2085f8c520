/** Reads big pages in a thread of their own, so that no page can hold up the other looks. It knows no format. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import type { Reading } from './item.ts';
import { read } from './reading.ts';
import type { Manner } from './reading.ts';

/** Up to here reading takes about 20 ms, less than starting a thread. */
const ASIDE_FROM = 64 * 1024;

/** The thread's file lies beside this one, with the same ending: .ts in a checkout, .js when built. */
const THREAD = new URL(`./readerthread${extname(fileURLToPath(import.meta.url))}`, import.meta.url);

/** Reads a text. Never throws; a thread that is not done when `signal` fires is ended. */
export function readAside(text: string, manner: Manner, signal: AbortSignal): Promise<Reading | Fault> {
  if (text.length < ASIDE_FROM) return Promise.resolve(read(text, manner));
  if (signal.aborted) return Promise.resolve(fault('DEADLINE', 'no time was left to read the page'));
  const thread = new Worker(THREAD, {
    workerData: { text, manner },
    // Nothing of ours is needed there, least of all our secrets.
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 192 },
  });
  return new Promise((resolve) => {
    const finish = (result: Reading | Fault) => {
      signal.removeEventListener('abort', expire);
      // Settles after the thread has gone; nobody has to wait for it.
      void thread.terminate();
      resolve(result);
    };
    const expire = () => finish(fault('DEADLINE', `a page of ${text.length} characters could not be read in time`));
    signal.addEventListener('abort', expire, { once: true });
    thread.once('message', (reading: Reading) => finish(reading));
    thread.once('error', () =>
      finish(fault('TOO_DEEP', `a page of ${text.length} characters is more than a reader can take`)),
    );
  });
}
