/** Part of main: how much memory the process keeps at hand. It knows how much there is to do, and nothing of what. */
import { setFlagsFromString } from 'node:v8';
import type { Target } from '../core/model.ts';

/** Looks a second above which short-lived objects need more room than the smallest, or collecting them costs more than looking. */
const BUSY = 250;

/**
 * Gives back what reading a configuration left behind, several times what is kept of it, and lets the room for short-lived
 * objects grow only where there is much to do. Without the flags that the command starts Node with, it does less.
 */
export function fitHeap(targets: Iterable<Pick<Target, 'schedule'>>): void {
  let perSecond = 0;
  for (const { schedule } of targets) if (schedule.kind === 'every') perSecond += 1_000 / schedule.everyMs;
  const isBusy = perSecond > BUSY;
  setFlagsFromString(`--semi-space-growth-factor=${isBusy ? 2 : 1}`);
  setFlagsFromString(isBusy ? '--parallel-scavenge' : '--no-parallel-scavenge');
  setFlagsFromString(`--heap-growing-percent=${isBusy ? 0 : 20}`);
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
