/** The media thread as the rest of a probe sees it: one for all calls, started with the first and ended some time after the last. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import type { LegReport } from './leg.ts';
import type { Direction } from './mouth.ts';
import type { PortRange } from './range.ts';
import type { Awaited } from './watch.ts';

/** What the thread is asked; each has a number under which it is answered. */
export type Ask =
  | { readonly kind: 'open'; readonly host: string; readonly ports: PortRange | undefined }
  | { readonly kind: 'direct'; readonly direction: Direction }
  | { readonly kind: 'press'; readonly keys: string }
  | { readonly kind: 'wait'; readonly sound: Awaited; readonly withinMs: number }
  | { readonly kind: 'close' };
export interface Asked {
  readonly leg: number;
  readonly ask: Ask;
  readonly number: number;
}

export type Answer =
  | { readonly kind: 'opened'; readonly port: number }
  | { readonly kind: 'done'; readonly met: boolean }
  | { readonly kind: 'closed'; readonly report: LegReport; readonly lagMs: number }
  /** `code`: of the system's error, if it was one. */
  | { readonly kind: 'failed'; readonly why: string; readonly code?: string | undefined };
export interface Answered {
  readonly number: number;
  readonly answer: Answer;
}

export interface Heard extends LegReport {
  /** How late the media thread was at worst while it heard the answer: what sound seems to suffer then may be our own doing. */
  readonly lagMs: number;
}

/** One call's sound, seen from outside of the thread. Nothing here rejects. */
export interface Line {
  readonly port: number;
  direct(direction: Direction): void;
  press(keys: string): Promise<void>;
  wait(sound: Awaited, withinMs: number): Promise<boolean>;
  /** Undefined when the thread has died. */
  close(): Promise<Heard | undefined>;
}

export type Opened = { readonly ok: true; readonly line: Line } | { readonly ok: false; readonly fault: Fault };

const THREAD = new URL(`../mediathread${extname(fileURLToPath(import.meta.url))}`, import.meta.url);

interface Studio {
  readonly ask: (leg: number, ask: Ask) => Promise<Answer>;
  readonly leave: () => void;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, (answer: Answer) => void>;
  users: number;
  dead: boolean;
  /** Runs while nobody calls. */
  standby: NodeJS.Timeout | undefined;
}

/** A thread takes up to a second of a busy machine to start: it waits this long for the next call, and keeps no process up. */
const STANDBY_MS = 10_000;

let running: Thread | undefined;
let numbers = 0;
let legs = 0;

export const NO_TIME = fault('DEADLINE', 'no time was left for the call', { blame: 'probe' });

export interface Patience {
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** Opens an RTP port on one of our addresses, of a range if there is one, while patience lasts. Never throws. */
export async function openLine(host: string, ports?: PortRange, patience?: Patience): Promise<Opened> {
  const opening = open(host, ports);
  if (patience === undefined) return opening;
  const waiting = new AbortController();
  const signal = AbortSignal.any([patience.signal, waiting.signal]);
  const late = sleep(patience.withinMs, undefined, { signal }).catch(() => undefined);
  const opened = await Promise.race([opening, late]);
  waiting.abort();
  if (opened !== undefined) return opened;
  // On a busy machine the thread may be slow to start; what comes now, nobody wants.
  void opening.then((each) => (each.ok ? each.line.close() : undefined));
  return { ok: false, fault: NO_TIME };
}

async function open(host: string, ports: PortRange | undefined): Promise<Opened> {
  const studio = enter();
  const leg = (legs += 1);
  const opened = await studio.ask(leg, { kind: 'open', host, ports });
  if (opened.kind !== 'opened') {
    studio.leave();
    const { why, code } = opened.kind === 'failed' ? opened : { why: 'it answers nonsense', code: undefined };
    const taken = code === 'EADDRINUSE' ? 'PORTS_TAKEN' : 'SELF_OVERLOAD';
    return { ok: false, fault: fault(taken, `no sound for the test call: ${why}`) };
  }
  let isOpen = true;
  return {
    ok: true,
    line: {
      port: opened.port,
      direct: (direction) => void studio.ask(leg, { kind: 'direct', direction }),
      async press(keys) {
        await studio.ask(leg, { kind: 'press', keys });
      },
      async wait(sound, withinMs) {
        const answer = await studio.ask(leg, { kind: 'wait', sound, withinMs });
        return answer.kind === 'done' && answer.met;
      },
      async close() {
        if (!isOpen) return undefined;
        isOpen = false;
        const answer = await studio.ask(leg, { kind: 'close' });
        studio.leave();
        return answer.kind === 'closed' ? { ...answer.report, lagMs: answer.lagMs } : undefined;
      },
    },
  };
}

function enter(): Studio {
  const thread = (running ??= start());
  clearTimeout(thread.standby);
  thread.worker.ref();
  thread.users += 1;
  return {
    ask(leg, ask) {
      const number = (numbers += 1);
      return new Promise((resolve) => {
        if (thread.dead) return resolve(DEAD);
        thread.waiting.set(number, resolve);
        thread.worker.postMessage({ leg, ask, number } satisfies Asked);
        return undefined;
      });
    },
    leave() {
      thread.users -= 1;
      if (thread.users > 0 || thread.dead) return;
      thread.worker.unref();
      thread.standby = setTimeout(() => end(thread), STANDBY_MS).unref();
    },
  };
}

function end(thread: Thread): void {
  if (running === thread) running = undefined;
  void thread.worker.terminate();
}

const DEAD: Answer = { kind: 'failed', why: 'the media thread has ended' };

function start(): Thread {
  const worker = new Worker(THREAD, {
    // Nothing of ours is needed there, least of all our secrets.
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  });
  const thread: Thread = { worker, waiting: new Map(), users: 0, dead: false, standby: undefined };
  const bury = (): void => {
    thread.dead = true;
    if (running === thread) running = undefined;
    for (const settle of thread.waiting.values()) settle(DEAD);
    thread.waiting.clear();
  };
  worker.on('message', ({ number, answer }: Answered) => {
    thread.waiting.get(number)?.(answer);
    thread.waiting.delete(number);
  });
  worker.on('error', bury);
  worker.on('exit', bury);
  return thread;
}
