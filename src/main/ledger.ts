/** Part of main: the store as the monitor keeps it, and what is said in the log when it cannot. */
import { performance } from 'node:perf_hooks';
import { schedule } from 'node-cron';
import type { Config } from '../config/load.ts';
import type { Log } from '../log.ts';
import { openStore, type Store } from '../store/store.ts';
import type { Kinds } from './kinds.ts';
import type { Signs } from './ours.ts';

const HOURLY = '0 * * * *';
const BALLAST_BYTES = 16 * 2 ** 20;
const COMPLAIN_EVERY_MS = 60_000;
/** A look that is written so much later is seen no later by anybody, and several of them cost one fsync. */
const LINGER_MS = 100;

interface Ground {
  readonly config: Config;
  readonly kinds: Kinds;
  readonly log: Log;
  readonly signs: Signs;
}

/** Throws a StoreError that says in words why it cannot; what is broken is moved aside, and a new one begun. */
export function openLedger(path: string, { config, kinds, log, signs }: Ground): Store {
  const targets = config.providers.flatMap(({ channels }) => channels.flatMap((channel) => channel.targets));
  const answers = new Map(targets.map((target) => [target.id, kinds.probes.get(target.probe)?.answer]));
  let complainedAt = -Infinity;
  const broken: string[] = [];
  const store = openStore(path, {
    ballastBytes: BALLAST_BYTES,
    lingerMs: LINGER_MS,
    answerMs: ({ target, finding, durationMs }) => finding.phases[answers.get(target) ?? ''] ?? durationMs,
    onBroken: ({ movedTo, why }) => {
      broken.push(why);
      const then = movedTo === undefined ? 'At the next start it is moved aside' : `It is kept as ${movedTo}`;
      log.error({ event: 'store', movedTo }, `${why}. ${then}; a new store is begun`);
      signs.strike('file', { detail: `${why}. ${then}`, occasion: movedTo ?? path });
    },
    onFull: (isFull) => {
      if (isFull) log.error({ event: 'store', full: true }, 'the disk is full: alerts go on, history waits in memory');
      else log.warn({ event: 'store', full: false }, 'the disk has room again');
      if (isFull) dropOld({ store, config, log });
      if (isFull) signs.strike('disk', { detail: `${path}: the disk is full` });
      else signs.mend('disk');
    },
    onTrouble: (code, waiting) => {
      if (!code.startsWith('SQLITE_FULL')) signs.strike('store', { detail: `${path}: ${code}` });
      if (performance.now() - complainedAt < COMPLAIN_EVERY_MS) return;
      complainedAt = performance.now();
      log.error({ event: 'store', code, waiting }, 'the store cannot be written; trying again');
    },
  });
  if (broken.length === 0) signs.mend('file');
  return store;
}

interface Kept {
  readonly store: Store;
  readonly config: Config;
  readonly log: Log;
}

/** Adds up the hours that are over and drops what is older than the operator wants to keep: now, and every hour. */
export function keepTidy(kept: Kept): { close(): void } {
  dropOld(kept);
  const task = schedule(HOURLY, () => {
    dropOld(kept);
  });
  return {
    close: () => {
      void task.destroy();
    },
  };
}

function dropOld({ store, config, log }: Kept): void {
  store.prune(Date.now(), config.retention).catch((error: unknown) => {
    const words = error instanceof Error ? `${error.name}: ${error.message}` : undefined;
    log.error({ event: 'prune', error: words }, 'old rows could not be dropped');
  });
}
