/** Whether we ourselves can see: our own network by canaries, our own loop by its stalls. It accuses nobody. */
import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { Lost } from './core/model.ts';
import { findLost } from './sight/lost.ts';

/** An address of somebody else's that answers when we are online. */
export interface Canary {
  readonly host: string;
  readonly port: number;
}

export interface Sight {
  /** The last two rounds were bad (canaries or our name server): nothing we see now says anything about others. */
  blind(): boolean;
  /** While blind: which part of our own way, where that can be told. */
  lost(): Lost | undefined;
  /**
   * Whether a failure seen just now, by a look that took so many milliseconds, may be believed: no round was bad meanwhile,
   * and one that begins after this question is good. `byName`: a name did not resolve, so our name server has to answer now
   * if it never did. Never rejects.
   */
  check(ms: number, byName?: boolean): Promise<boolean>;
  /** Longest stall of the loop, in milliseconds, that ended within the last `ms` milliseconds. */
  stalledWithin(ms: number): number;
  /** Loop delay since the last call, in seconds. */
  loopDelay(): { readonly p50: number; readonly p99: number; readonly max: number };
  close(): void;
}

export interface SightOptions {
  readonly canaries: readonly Canary[];
  /** Told first when the first round says that we see, or the second that we do not. `forMs`: how long we have been blind. */
  readonly onChange: (blind: boolean, lost?: Lost, forMs?: number) => void;
  /** The loop stood still for so long that looks were not made. */
  readonly onStall?: (ms: number) => void;
  readonly everyMs?: number;
  readonly monotonic: () => number;
}

const CANARY_EVERY_MS = 5_000;
const CANARY_TIMEOUT_MS = 2_000;
/** However many looks fail at once, the canaries belong to others and are asked no more often than this. */
const PACE_MS = 500;
const PULSE_MS = 50;
/** How often the delay of the loop is sampled. What Node tells includes that wait: a loop that does nothing would be 10 ms late. */
const SAMPLE_MS = 10;
const STALL_MS = 100;
const STALLS_KEPT = 64;
/** Of a stall that is trouble by itself, whatever was under way. */
const LONG_STALL_MS = 5_000;

export function openSight(options: SightOptions): Sight {
  const stalls: { at: number; ms: number }[] = [];
  const delay = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  delay.enable();

  let beat = options.monotonic();
  const pulse = setInterval(() => {
    const now = options.monotonic();
    const late = now - beat - PULSE_MS;
    beat = now;
    if (late >= STALL_MS && stalls.push({ at: now, ms: late }) > STALLS_KEPT) stalls.shift();
    if (late >= LONG_STALL_MS) options.onStall?.(late);
  }, PULSE_MS).unref();

  const rounds = watchCanaries(options);

  return {
    blind: rounds.blind,
    lost: rounds.lost,
    check: rounds.check,
    stalledWithin: (ms) => {
      const now = options.monotonic();
      // A stall that is still going on has not been seen by the pulse yet.
      const current = now - beat - PULSE_MS;
      return Math.max(0, current, ...stalls.filter((each) => now - each.at <= ms).map((each) => each.ms));
    },
    loopDelay: () => {
      const seconds = (ns: number): number => (Number.isFinite(ns) ? Math.max(0, ns / 1e9 - SAMPLE_MS / 1e3) : 0);
      const values = {
        p50: seconds(delay.percentile(50)),
        p99: seconds(delay.percentile(99)),
        max: seconds(delay.max),
      };
      delay.reset();
      return values;
    },
    close: () => {
      clearInterval(pulse);
      rounds.close();
      delay.disable();
    },
  };
}

type Rounds = Pick<Sight, 'blind' | 'lost' | 'check' | 'close'>;

/** Without canaries nothing is doubted. */
function trusting(onChange: SightOptions['onChange']): Rounds {
  queueMicrotask(() => {
    onChange(false);
  });
  return { blind: () => false, lost: () => undefined, check: () => Promise.resolve(true), close: () => undefined };
}

/** Asks all witnesses every few seconds, and out of turn when somebody doubts; one round at a time. */
function watchCanaries({ canaries, monotonic, onChange, everyMs }: SightOptions): Rounds {
  if (canaries.length === 0) return trusting(onChange);
  const closing = new AbortController();
  let blind: boolean | undefined;
  let lost: Lost | undefined;
  let bad = 0;
  let firstBadAt = -Infinity;
  let badAt = -Infinity;
  let begunAt = -Infinity;
  let vouchedAt = -Infinity;
  /** Only a name server that has answered once, or that a look needed, is missed: some hosts have none. */
  let hasNames = false;

  const ask = async (): Promise<void> => {
    begunAt = monotonic();
    const naming = isNaming().then((answered) => {
      hasNames ||= answered;
      return answered;
    });
    const reached = await areReached(canaries);
    const isGood = reached && (!hasNames || (await naming));
    if (isGood) vouchedAt = begunAt;
    // Nobody knows when it came back: what began before the first good round was over says nothing, either.
    if (!isGood || bad > 0) badAt = monotonic();
    if (!isGood && bad === 0) firstBadAt = begunAt;
    bad = isGood ? 0 : bad + 1;
    const now = blindAfter(bad, blind);
    if (now === undefined || now === blind || closing.signal.aborted) return;
    blind = now;
    // Told before the next round begins, so that what is told keeps its order.
    lost = blind ? (reached ? 'name server' : await findLost()) : undefined;
    onChange(blind, lost, blind ? monotonic() - firstBadAt : undefined);
  };
  let next: Promise<void> | undefined;
  const round = (): Promise<void> => {
    next ??= pause(Math.max(0, begunAt + PACE_MS - monotonic()), undefined, { ref: false })
      .then(ask)
      .finally(() => {
        next = undefined;
      });
    return next;
  };
  const watch = setInterval(() => void round(), everyMs ?? CANARY_EVERY_MS).unref();
  void round();

  return {
    blind: () => blind === true,
    lost: () => lost,
    check: async (ms, byName = false) => {
      const now = monotonic();
      hasNames ||= byName;
      const isDoubted = (): boolean => blind === true || badAt >= now - ms;
      // A round that was under way already may have begun before the network was lost: it vouches for nothing.
      const isSettled = (): boolean => isDoubted() || vouchedAt >= now || closing.signal.aborted;
      while (!isSettled()) await round();
      return !isDoubted();
    },
    close: () => {
      closing.abort();
      clearInterval(watch);
    },
  };
}

/** Two bad rounds in a row blind us, a good one ends it; a single bad one says nothing yet. */
function blindAfter(bad: number, before: boolean | undefined): boolean | undefined {
  if (bad === 0) return false;
  return bad >= 2 ? true : before;
}

/** Whether two of three answer; known as soon as they did, so that one dead canary delays nobody. */
function areReached(canaries: readonly Canary[]): Promise<boolean> {
  const needed = Math.ceil((canaries.length * 2) / 3);
  return new Promise((resolve) => {
    let [answered, asked] = [0, canaries.length];
    for (const each of canaries)
      void isAnswering(each).then((answers) => {
        if (answers) answered += 1;
        asked -= 1;
        if (answered >= needed || asked === 0) resolve(answered >= needed);
      });
  });
}

/** Whether our name server answers. The root is what each of them knows without asking anybody. */
async function isNaming(): Promise<boolean> {
  const resolver = new Resolver({ timeout: CANARY_TIMEOUT_MS / 2, tries: 2 });
  const limit = setTimeout(() => {
    resolver.cancel();
  }, CANARY_TIMEOUT_MS);
  try {
    await resolver.resolveNs('.');
    return true;
  } catch (error) {
    // That there is nothing of that name is an answer as well.
    return ['ENOTFOUND', 'ENODATA'].includes((error as NodeJS.ErrnoException).code ?? '');
  } finally {
    clearTimeout(limit);
  }
}

function isAnswering(canary: Canary): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: canary.host, port: canary.port, timeout: CANARY_TIMEOUT_MS });
    const end = (answered: boolean) => (): void => {
      socket.destroy();
      resolve(answered);
    };
    // A refusal is an answer, too: the packet went there and came back.
    socket.once('error', (error: NodeJS.ErrnoException) => {
      end(error.code === 'ECONNREFUSED')();
    });
    socket.once('connect', end(true)).once('timeout', end(false));
  });
}
