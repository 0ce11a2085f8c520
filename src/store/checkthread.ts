/** A thread that reads one store from end to end, and says `ok` or what is wrong first. It writes nothing. */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { quickCheck } from './file.ts';

// As fast as it can: what it reads is of one moment, and while it lasts the log of the store only grows.
const db = new Database(String(workerData), { readonly: true, fileMustExist: true, timeout: 5_000 });
parentPort?.postMessage(quickCheck(db));
db.close();
