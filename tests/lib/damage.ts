/** Replies to an INVITE with everything in them that we read, and ways to damage them; it sends nothing. */
import fc from 'fast-check';
import { headerOf, listOf, uriOf } from '../../probes/lib/sip/header.ts';
import { formatMessage } from '../../probes/lib/sip/message.ts';
import type { SipRequest } from '../../probes/lib/sip/message.ts';
import { sdpFor } from './farside.ts';

/** A reply with everything in it that we read, and a status that is no good news. */
export function rich(request: SipRequest, status: number): Buffer {
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

/** A request of the far side's own within the call of an INVITE that `rich` replies were given to. */
export function asked(invite: SipRequest, method: string, cseq: number): Buffer {
  const value = (name: string): string => headerOf(invite, name) ?? '';
  const headers = [
    { name: 'via', value: `SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKask${cseq};rport` },
    { name: 'from', value: `${value('to')};tag=fuzz` },
    { name: 'to', value: value('from') },
    { name: 'call-id', value: value('call-id') },
    { name: 'cseq', value: `${cseq} ${method}` },
    { name: 'session-expires', value: '120;refresher=uac' },
    { name: 'reason', value: 'Q.850;cause=16;text="a;b"' },
    { name: 'content-type', value: 'application/sdp' },
  ];
  const uri = uriOf(value('contact'));
  return formatMessage({ kind: 'request', method, uri, headers, body: Buffer.from(sdpFor(9)) });
}

/** Bytes changed, cut out and doubled, but for the three digits of the status: a 200 would be an answer. */
export const damage = fc.record({
  flips: fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { maxLength: 6 }),
  cut: fc.option(fc.tuple(fc.nat(2_000), fc.nat(400)), { freq: 3 }),
  twice: fc.option(fc.tuple(fc.nat(2_000), fc.nat(400)), { freq: 5 }),
  status: fc.constantFrom(101, 404, 407, 422, 480, 503, 699),
});

export type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

/** `spared`: so many bytes at the beginning stay as they are. */
export function damaged(bytes: Buffer, { flips, cut, twice }: Damage, spared = 12): Buffer {
  const head = bytes.subarray(0, spared);
  let rest = Buffer.from(bytes.subarray(spared));
  for (const [at, value] of flips) rest[at % rest.length] = value;
  if (cut !== null)
    rest = Buffer.concat([rest.subarray(0, cut[0] % rest.length), rest.subarray((cut[0] % rest.length) + cut[1])]);
  if (twice !== null)
    rest = Buffer.concat([rest, rest.subarray(twice[0] % Math.max(rest.length, 1)).subarray(0, twice[1])]);
  return Buffer.concat([head, rest]);
}
