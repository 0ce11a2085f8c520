/** A chat that tells nothing unless it is asked, as a chat line: it asks again and again, and leaves the room tidy. It judges nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import type { Json } from '../json.ts';
import type { Event, Line } from './line.ts';

/** What a vendor's preset has to be able to do. Nothing of it throws. */
export interface Room {
  say(words: string, signal: AbortSignal): Promise<Fault | undefined>;
  /** What is new since it was asked last. */
  news(signal: AbortSignal): Promise<News>;
  /** Closes the conversation; false when it stays open. */
  leave(signal: AbortSignal): Promise<boolean>;
}

export type News =
  | {
      readonly ok: true;
      readonly said: readonly Words[];
      /** The far side has ended it. */
      readonly over?: Fault;
    }
  | Unheard;

/** `retry_after`: seconds that it wants to be left alone for. */
interface Unheard {
  readonly ok: false;
  readonly fault: Fault;
  readonly retry_after?: number;
}

export interface Words {
  /** In the form in which `hear` tells who speaks. */
  readonly raw: string;
  /** Milliseconds after our own words, both by the far side's clock, where it tells them. */
  readonly afterMs?: number;
}

/** A vendor's own messages, those that were not there before. */
export type Fresh = { readonly ok: true; readonly messages: readonly Json[] } | Unheard;

export interface Polling {
  readonly room: Room;
  readonly everyMs: number;
  readonly farewellMs: number;
  readonly signal: AbortSignal;
}

/** One request of a chat that answers at all is quicker. */
const REQUEST_MS = 8_000;
/** A poll may be lost on the way; a desk that fails so often in a row has broken down. */
const MISSES = 3;

export interface Polled {
  readonly line: Line;
  /** Whether the room was closed; undefined before. */
  readonly wasClosed: () => boolean | undefined;
  /** What was said of when to come back, for the facts of the look. */
  readonly wait: () => { readonly retry_after?: number };
}

export function polled({ room, everyMs, farewellMs, signal }: Polling): Polled {
  const queue: Event[] = [];
  let sending = Promise.resolve();
  let ended: (Event & { kind: 'ended' }) | undefined;
  let closed: boolean | undefined;
  let [misses, askedAt, sentAt] = [0, -Infinity, 0];
  /** We asked too often: then nobody can say that nobody answered. */
  let tooOften: Fault | undefined;
  let wait: ReturnType<Polled['wait']> = {};

  const end = (why: Fault) => {
    ended ??= { kind: 'ended', fault: why, reason: '', at: performance.now() };
  };
  const request = async (ms: number) => {
    const before = askedAt;
    askedAt = performance.now();
    const news = await limited(signal, Math.min(ms, REQUEST_MS), (inner) => room.news(inner));
    if (!news.ok) {
      if (news.retry_after !== undefined) wait = { retry_after: news.retry_after };
      miss(news.fault, ms < REQUEST_MS);
      return;
    }
    [misses, tooOften] = [0, undefined];
    const now = performance.now();
    for (const { raw, afterMs } of news.said) {
      // The far side's clock is more exact than our asking, and is believed only as far as our asking bears it out.
      const at = afterMs === undefined ? now : Math.min(now, Math.max(before, sentAt + Math.max(0, afterMs)));
      queue.push({ kind: 'message', raw, binary: false, at });
    }
    if (news.over !== undefined) end(news.over);
  };
  const miss = (why: Fault, isCut: boolean) => {
    if (why.code === 'RATE_LIMITED') {
      tooOften = why;
      askedAt += everyMs;
      return;
    }
    // Cut short by our own patience, it says nothing of the desk.
    if (!isCut || why.code !== 'DEADLINE') misses += 1;
    if (misses >= MISSES || why.blame === 'probe') end(why);
  };
  const line: Line = {
    subprotocol: '',
    send(words) {
      if (ended !== undefined) return false;
      sentAt = performance.now();
      // The first time soon, for bots are quick.
      askedAt = sentAt - everyMs * 0.75;
      sending = limited(signal, REQUEST_MS, (inner) => room.say(words, inner)).then((why) => {
        if (why !== undefined) end(why);
      });
      return true;
    },
    async next(ms) {
      const until = performance.now() + ms;
      await sending;
      for (;;) {
        const event = queue.shift() ?? ended;
        if (event !== undefined) return event;
        const pause = Math.min(askedAt + everyMs, until) - performance.now();
        if (pause > 0) await sleep(pause, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) end(fault('DEADLINE', 'nobody answered in time'));
        const left = until - performance.now();
        if (left <= 0 && tooOften !== undefined) end(tooOften);
        if (left <= 0) return queue.shift() ?? ended;
        if (ended === undefined) await request(left);
      }
    },
    arrived: () => queue.splice(0),
    async close() {
      closed ??= await limited(signal, farewellMs, (inner) => room.leave(inner));
    },
  };
  return { line, wasClosed: () => closed, wait: () => wait };
}

/** Gives a task less time than the whole look has. */
export async function limited<Value>(
  signal: AbortSignal,
  ms: number,
  task: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const own = new AbortController();
  const timer = setTimeout(
    () => {
      own.abort(new DOMException('over', 'TimeoutError'));
    },
    Math.max(1, ms),
  );
  try {
    return await task(AbortSignal.any([signal, own.signal]));
  } finally {
    clearTimeout(timer);
  }
}
