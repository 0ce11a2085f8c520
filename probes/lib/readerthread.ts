/** The thread that reads one big page and ends. Started by `aside.ts`, which is the only one to know it. */
import { parentPort, workerData } from 'node:worker_threads';
import { read } from './reading.ts';
import type { Manner } from './reading.ts';

const { text, manner } = workerData as { readonly text: string; readonly manner: Manner };
parentPort?.postMessage(read(text, manner));
