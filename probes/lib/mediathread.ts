/** The thread in which all calls' sound is received, kept, understood and sent, so that a busy main loop is not heard as jitter. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parentPort } from 'node:worker_threads';
import { openLeg } from './media/leg.ts';
import type { Leg } from './media/leg.ts';
import type { Answer, Answered, Ask, Asked } from './media/studio.ts';

const legs = new Map<number, Leg>();
const RESOLUTION_MS = 10;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

/** Percentile 99 in milliseconds; the timer's own resolution is not lateness. */
const lagMs = (): number => Math.max(0, Math.round((delay.percentile(99) / 1e6 - RESOLUTION_MS) * 10) / 10);

async function answer(number: number, ask: Ask): Promise<Answer> {
  if (ask.kind === 'open') {
    const leg = await openLeg(ask.host, ask.ports, number);
    legs.set(number, leg);
    return { kind: 'opened', port: leg.port };
  }
  const leg = legs.get(number);
  if (leg === undefined) return { kind: 'failed', why: 'this call is over' };
  switch (ask.kind) {
    case 'direct':
      leg.direct(ask.direction);
      return { kind: 'done', met: true };
    case 'press':
      await leg.press(ask.keys);
      return { kind: 'done', met: true };
    case 'wait':
      return { kind: 'done', met: await leg.wait(ask.sound, ask.withinMs) };
    case 'close':
      legs.delete(number);
      return { kind: 'closed', report: leg.close(), lagMs: lagMs() };
  }
}

parentPort?.on('message', ({ leg, ask, number }: Asked) => {
  void answer(leg, ask)
    .catch((error: unknown): Answer => ({ kind: 'failed', why: error instanceof Error ? error.message : 'unknown' }))
    .then((reply) => parentPort?.postMessage({ number, answer: reply } satisfies Answered));
});
