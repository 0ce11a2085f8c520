/** A thread that reads one store from end to end, and says `ok` or what is wrong first. It writes nothing. */
import { constants, platform, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { quickCheck } from './file.ts';

// Looks come first. Only Linux has priorities of threads; elsewhere the whole process would be put back.
if (platform() === 'linux') setPriority(constants.priority.PRIORITY_LOW);
const db = new Database(String(workerData), { readonly: true, fileMustExist: true, timeout: 5_000 });
parentPort?.postMessage(quickCheck(db));
db.close();
