/** The thread in which all calls' sound is received, kept, understood and sent, so that a busy main loop is not heard as jitter. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parentPort } from 'node:worker_threads';
import { openLeg } from './media/leg.ts';
import type { Leg } from './media/leg.ts';
import type { Answer, Answered, Ask, Asked } from './media/studio.ts';

/** A call's sound, and how late this thread was while it came. */
interface Seat {
  readonly leg: Leg;
  readonly delay: ReturnType<typeof monitorEventLoopDelay>;
}

const seats = new Map<number, Seat>();
/** The timer's own resolution is not lateness. */
const RESOLUTION_MS = 10;

const lagMs = ({ delay }: Seat): number => Math.max(0, Math.round((delay.max / 1e6 - RESOLUTION_MS) * 10) / 10);

async function answer(number: number, ask: Ask): Promise<Answer> {
  if (ask.kind === 'open') {
    const leg = await openLeg(ask.host, ask.ports, number);
    seats.set(number, { leg, delay: monitorEventLoopDelay({ resolution: RESOLUTION_MS }) });
    return { kind: 'opened', port: leg.port };
  }
  const seat = seats.get(number);
  if (seat === undefined) return { kind: 'failed', why: 'this call is over' };
  const { leg } = seat;
  switch (ask.kind) {
    case 'direct':
      leg.direct(ask.direction);
      if (ask.direction.phase === 'answered') seat.delay.enable();
      return { kind: 'done', met: true };
    case 'press':
      await leg.press(ask.keys);
      return { kind: 'done', met: true };
    case 'wait':
      return { kind: 'done', met: await leg.wait(ask.sound, ask.withinMs) };
    case 'close':
      seats.delete(number);
      seat.delay.disable();
      return { kind: 'closed', report: await leg.close(), lagMs: lagMs(seat) };
  }
}

function failure(error: unknown): Answer {
  if (!(error instanceof Error)) return { kind: 'failed', why: 'unknown' };
  return { kind: 'failed', why: error.message, code: 'code' in error ? String(error.code) : undefined };
}

parentPort?.on('message', ({ leg, ask, number }: Asked) => {
  void answer(leg, ask)
    .catch(failure)
    .then((reply) => parentPort?.postMessage({ number, answer: reply } satisfies Answered));
});
