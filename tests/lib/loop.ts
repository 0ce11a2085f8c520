/** Watches how long the loop of this process stands still, and how much of that is the machine's. It knows nothing of why. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Turns {
  /** The longest time between two turns of the loop, in milliseconds: our work, the disk, and whoever else wanted the processor. */
  readonly stallMs: number;
  /** The most that this thread worked between two turns, in milliseconds of processor time: what is ours of a stall. */
  readonly workMs: number;
}

/** Starts now. */
export function watchLoop(): { readonly end: () => Turns } {
  const everyMs = 5;
  const longest = { stallMs: 0, workMs: 0 };
  let last = performance.now();
  let { user, system } = process.threadCpuUsage();
  const see = (): void => {
    const now = performance.now();
    const used = process.threadCpuUsage();
    longest.stallMs = Math.max(longest.stallMs, now - last - everyMs);
    longest.workMs = Math.max(longest.workMs, (used.user - user + used.system - system) / 1_000);
    [last, user, system] = [now, used.user, used.system];
  };
  const timer = setInterval(see, everyMs);
  return {
    end: () => {
      clearInterval(timer);
      see();
      return longest;
    },
  };
}

const IDLER = fileURLToPath(new URL('idler.ts', import.meta.url));

/**
 * A process beside this one that does next to nothing: a page to the disk of `folder` every ten milliseconds. How long its loop
 * stood still is what the machine does to anybody at that time.
 */
export async function idleBeside(folder: string): Promise<{ readonly end: () => Promise<number> }> {
  const child = spawn(process.execPath, [IDLER, join(folder, 'idler')], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  await once(child.stdout, 'data');
  return {
    end: async () => {
      child.stdin.end();
      await once(child, 'close');
      return Number(said.trim().split('\n').at(-1));
    },
  };
}
