/** Waits for a kind of sound while it comes: a voice, quiet, a tone. It hears from a tape and knows no packet. */
import { BLOCK, BLOCK_MS, blockOf } from './tones.ts';
import type { Block } from './tones.ts';
import type { Tape } from './tape.ts';

export type Awaited = 'voice' | 'quiet' | 'tone';

export interface Watch {
  /** Something new is on the tape. */
  heard(): void;
  /** True as soon as it is heard, false when the time is over. What was heard before does not count. */
  wait(sound: Awaited, withinMs: number): Promise<boolean>;
  close(): void;
}

/** A voice: 300 of the last 600 ms. Quiet: the last 700 ms, longer than a pause between words. A tone: 150 ms without a break. */
const VOICE = { of: 600 / BLOCK_MS, atLeast: 300 / BLOCK_MS } as const;
const QUIET_MS = 700;
const TONE_MS = 150;
const LOOK_MS = 50;

interface Waiting {
  readonly sound: Awaited;
  readonly from: number;
  readonly startedAt: number;
  readonly until: number;
  readonly settle: (met: boolean) => void;
}

export function openWatch(tape: Tape): Watch {
  const blocks: Block[] = [];
  let waiting: Waiting | undefined;
  let timer: NodeJS.Timeout | undefined;
  let lastHeardAt = performance.now();

  const listen = (): void => {
    const samples = tape.samples();
    for (let at = blocks.length * BLOCK; at + BLOCK <= samples.length; at += BLOCK)
      blocks.push(blockOf(samples.subarray(at, at + BLOCK)));
  };
  const settle = (met: boolean): void => {
    clearInterval(timer);
    waiting?.settle(met);
    waiting = undefined;
  };
  const look = (): void => {
    if (waiting === undefined) return;
    listen();
    const now = performance.now();
    const silentMs = now - Math.max(lastHeardAt, waiting.startedAt);
    // A far side that sends nothing while it has nothing to say is quiet too.
    if (isThere(blocks.slice(waiting.from), waiting.sound) || (waiting.sound === 'quiet' && silentMs >= QUIET_MS))
      settle(true);
    else if (now >= waiting.until) settle(false);
  };

  return {
    heard() {
      lastHeardAt = performance.now();
      look();
    },
    wait(sound, withinMs) {
      settle(false);
      listen();
      const startedAt = performance.now();
      return new Promise((resolve) => {
        waiting = { sound, from: blocks.length, startedAt, until: startedAt + withinMs, settle: resolve };
        timer = setInterval(look, LOOK_MS);
      });
    },
    close: () => settle(false),
  };
}

function isThere(blocks: readonly Block[], sound: Awaited): boolean {
  switch (sound) {
    case 'voice':
      return blocks.slice(-VOICE.of).filter((block) => block.kind === 'sound').length >= VOICE.atLeast;
    case 'quiet':
      return endsWith(blocks, QUIET_MS, (kind) => kind === 'quiet');
    case 'tone':
      return endsWith(blocks, TONE_MS, (kind) => kind === 'tone');
  }
}

function endsWith(blocks: readonly Block[], ms: number, fits: (kind: Block['kind']) => boolean): boolean {
  const last = blocks.slice(-Math.ceil(ms / BLOCK_MS));
  return last.length >= ms / BLOCK_MS && last.every((block) => fits(block.kind));
}
