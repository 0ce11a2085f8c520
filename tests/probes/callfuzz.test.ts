/** Twenty thousand damaged replies to calls, over the socket: nothing throws, nothing hangs, nothing is taken for an answer. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { headerOf } from '../../probes/lib/sip/header.ts';
import { Secret } from '../../src/core/secret.ts';
import { damage, damaged, rich } from '../lib/damage.ts';
import { call, callTo, openFarEnd } from '../lib/farside.ts';

const CALLS = 20;
const EACH = 1_000;
/** A look gets this long, and takes about a second: a busy machine is slow and no fault. */
const PATIENCE_MS = 60_000;
const LOGIN = { user: 'probe', password: new Secret('s3cret-of-the-trunk', 'env:P') };
const SETTINGS = { trunk: LOGIN, hangup: 'on_answer', ring_timeout: '300ms' };

it(`${CALLS * EACH} damaged replies end ${CALLS} calls in peace`, { timeout: 600_000 }, async () => {
  const damages = fc.sample(damage, { numRuns: CALLS * EACH, seed: 20_261_122 });
  let next = 0;
  let sent = 0;
  let closed = false;
  const begun = new Map<string, { out: boolean }>();
  const end = await openFarEnd((request, far) => {
    const name = headerOf(request, 'call-id') ?? '';
    const busy = (): void => far.reply(request, 486, 'Busy Here');
    const before = begun.get(name);
    // Who is cancelled, or asked for a login or a longer session, calls no end of times.
    if (request.method === 'CANCEL') far.reply(far.requests('INVITE').at(-1) ?? request, 487, 'Request Terminated');
    if (request.method !== 'INVITE') return;
    if (before !== undefined) {
      if (before.out) busy();
      return;
    }
    const here = { out: false };
    begun.set(name, here);
    const mine = damages.slice(next, (next += EACH));
    // A few at a time: what the kernel drops damages nothing.
    const send = (): void => {
      if (closed) return;
      for (const each of mine.splice(0, 25)) {
        far.send(damaged(rich(request, each.status), each));
        sent += 1;
      }
      if (mine.length > 0) setImmediate(send);
      else here.out = true;
    };
    send();
  });
  const memory = process.memoryUsage().heapUsed;
  try {
    for (let turn = 0; turn < CALLS; turn += 1) {
      const began = performance.now();
      const finding = await call(callTo(end.port, SETTINGS), PATIENCE_MS);
      expect(performance.now() - began).toBeLessThan(PATIENCE_MS);
      expect(finding.kind).not.toBe('ok');
      expect(finding.facts['outcome']).not.toBe('answered');
      expect(Object.values(finding.phases).every((ms) => Number.isFinite(ms) && ms >= 0)).toBe(true);
      // What is left of them meets a port that is closed, or the call after this one: both have to bear it.
      await expect.poll(() => sent, { timeout: PATIENCE_MS }).toBe((turn + 1) * EACH);
    }
  } finally {
    closed = true;
    await end.close();
  }
  expect(sent).toBe(CALLS * EACH);
  expect(process.memoryUsage().heapUsed - memory).toBeLessThan(150 * 1_048_576);
});
