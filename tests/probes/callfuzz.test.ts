/** Twenty thousand damaged replies to calls, over the socket: nothing throws, nothing hangs, nothing is taken for an answer. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { headerOf } from '../../probes/lib/sip/header.ts';
import { damage, damaged, rich } from '../lib/damage.ts';
import { call, callTo, openFarEnd } from '../lib/farside.ts';

const CALLS = 20;
const EACH = 1_000;

it(`${CALLS * EACH} damaged replies end ${CALLS} calls in peace`, { timeout: 120_000 }, async () => {
  const damages = fc.sample(damage, { numRuns: CALLS * EACH, seed: 20_261_122 });
  let next = 0;
  let sent = 0;
  let over = false;
  const begun = new Set<string>();
  const end = await openFarEnd((request, far) => {
    if (request.method !== 'INVITE' || begun.has(headerOf(request, 'call-id') ?? '')) return;
    begun.add(headerOf(request, 'call-id') ?? '');
    const mine = damages.slice(next, (next += EACH));
    // A few at a time: what the kernel drops damages nothing.
    const send = (): void => {
      if (over) return;
      for (const each of mine.splice(0, 25)) {
        far.send(damaged(rich(request, each.status), each));
        sent += 1;
      }
      if (mine.length > 0) setImmediate(send);
    };
    send();
  });
  const memory = process.memoryUsage().heapUsed;
  try {
    for (let turn = 0; turn < CALLS; turn += 1) {
      const began = performance.now();
      const finding = await call(callTo(end.port, { hangup: 'on_answer', ring_timeout: '300ms' }), 1_200);
      expect(performance.now() - began).toBeLessThan(5_000);
      expect([finding.kind, finding.facts['outcome']]).not.toContain('ok');
      expect(finding.facts['outcome']).not.toBe('answered');
      expect(Object.values(finding.phases).every((ms) => Number.isFinite(ms) && ms >= 0)).toBe(true);
    }
  } finally {
    over = true;
    await end.close();
  }
  expect(sent).toBeGreaterThan(CALLS * EACH * 0.9);
  expect(process.memoryUsage().heapUsed - memory).toBeLessThan(150 * 1_048_576);
});
