/** Whether we ourselves can see: our own network by canaries, our own loop by its stalls. It accuses nobody. */
import { connect } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** An address of somebody else's that answers when we are online. */
export interface Canary {
  readonly host: string;
  readonly port: number;
}

export interface Sight {
  /** Fewer than two of three canaries answered at the last two rounds: nothing we see now says anything about others. */
  blind(): boolean;
  /** Longest stall of the loop, in milliseconds, that ended within the last `ms` milliseconds. */
  stalledWithin(ms: number): number;
  /** Loop delay since the last call, in seconds. */
  loopDelay(): { readonly p50: number; readonly p99: number; readonly max: number };
  close(): void;
}

export interface SightOptions {
  readonly canaries: readonly Canary[];
  readonly onChange: (blind: boolean) => void;
  readonly everyMs?: number;
  readonly monotonic: () => number;
}

const CANARY_EVERY_MS = 5_000;
const CANARY_TIMEOUT_MS = 2_000;
const PULSE_MS = 50;
const STALL_MS = 100;
const STALLS_KEPT = 64;

export function openSight(options: SightOptions): Sight {
  const stalls: { at: number; ms: number }[] = [];
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();

  let beat = options.monotonic();
  const pulse = setInterval(() => {
    const now = options.monotonic();
    const late = now - beat - PULSE_MS;
    beat = now;
    if (late >= STALL_MS && stalls.push({ at: now, ms: late }) > STALLS_KEPT) stalls.shift();
  }, PULSE_MS).unref();

  let blind = false;
  let bad = 0;
  const round = async (): Promise<void> => {
    const answers = await Promise.all(options.canaries.map(isAnswering));
    const needed = Math.ceil((options.canaries.length * 2) / 3);
    bad = answers.filter(Boolean).length >= needed ? 0 : bad + 1;
    const now = bad >= 2 || (blind && bad > 0);
    if (now === blind) return;
    blind = now;
    options.onChange(blind);
  };
  const watch =
    options.canaries.length === 0
      ? undefined
      : setInterval(() => void round(), options.everyMs ?? CANARY_EVERY_MS).unref();
  if (watch !== undefined) void round();

  return {
    blind: () => blind,
    stalledWithin: (ms) => {
      const now = options.monotonic();
      // A stall that is still going on has not been seen by the pulse yet.
      const current = now - beat - PULSE_MS;
      return Math.max(0, current, ...stalls.filter((each) => now - each.at <= ms).map((each) => each.ms));
    },
    loopDelay: () => {
      const seconds = (ns: number): number => (Number.isFinite(ns) ? ns / 1e9 : 0);
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
      clearInterval(watch);
      delay.disable();
    },
  };
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
