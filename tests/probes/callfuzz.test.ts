/** Twenty thousand damaged replies to calls, over the socket: nothing throws, nothing hangs, nothing is taken for an answer. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatMessage } from '../../probes/lib/sip/message.ts';
import type { SipRequest } from '../../probes/lib/sip/message.ts';
import { headerOf, listOf } from '../../probes/lib/sip/header.ts';
import { call, callTo, openFarEnd, sdpFor } from '../lib/farside.ts';

const CALLS = 20;
const EACH = 1_000;

/** A reply with everything in it that we read, and a status that is no good news. */
function rich(request: SipRequest, status: number): Buffer {
  const copied = ['from', 'call-id', 'cseq'].map((name) => ({ name, value: headerOf(request, name) ?? '' }));
  const body = Buffer.from(sdpFor(9));
  const headers = [
    ...listOf(request, 'via').map((value) => ({ name: 'via', value })),
    ...copied,
    { name: 'to', value: `${headerOf(request, 'to') ?? ''};tag=fuzz` },
    { name: 'contact', value: '<sip:far@127.0.0.1:9;transport=udp>' },
    { name: 'record-route', value: '<sip:127.0.0.1:9;lr>, "a,b" <sip:[::1]:9>' },
    { name: 'require', value: '100rel' },
    { name: 'rseq', value: '7' },
    { name: 'min-se', value: '120' },
    { name: 'reason', value: 'Q.850;cause=17;text="a;b"' },
    { name: 'retry-after', value: '120 (soon);duration=9' },
    { name: 'warning', value: '304 x "media"' },
    { name: 'proxy-authenticate', value: 'Digest realm="r", nonce="n\\"x", qop="auth,auth-int", algorithm=SHA-256' },
    { name: 'content-type', value: 'application/sdp' },
  ];
  return formatMessage({ kind: 'response', status, reason: 'Fuzz', headers, body });
}

/** Bytes changed, cut out and doubled, but for the three digits of the status: a 200 would be an answer. */
const damage = fc.record({
  flips: fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { maxLength: 6 }),
  cut: fc.option(fc.tuple(fc.nat(2_000), fc.nat(400)), { freq: 3 }),
  twice: fc.option(fc.tuple(fc.nat(2_000), fc.nat(400)), { freq: 5 }),
  status: fc.constantFrom(101, 404, 407, 422, 480, 503, 699),
});

function apply(bytes: Buffer, { flips, cut, twice }: typeof damage extends fc.Arbitrary<infer T> ? T : never): Buffer {
  const head = bytes.subarray(0, 12);
  let rest = Buffer.from(bytes.subarray(12));
  for (const [at, value] of flips) rest[at % rest.length] = value;
  if (cut !== null)
    rest = Buffer.concat([rest.subarray(0, cut[0] % rest.length), rest.subarray((cut[0] % rest.length) + cut[1])]);
  if (twice !== null)
    rest = Buffer.concat([rest, rest.subarray(twice[0] % Math.max(rest.length, 1)).subarray(0, twice[1])]);
  return Buffer.concat([head, rest]);
}

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
        far.send(apply(rich(request, each.status), each));
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
