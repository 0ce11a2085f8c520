/** The SIP parser, header readers, URIs and framer on good, tortured, mutated and random bytes; no socket is opened. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answers, ask, openEar } from '../../probes/lib/sip/exchange.ts';
import { openFramer } from '../../probes/lib/sip/framer.ts';
import {
  cseqOf,
  headerOf,
  listOf,
  parameterOf,
  retryAfterOf,
  splitOutside,
  uriOf,
} from '../../probes/lib/sip/header.ts';
import { formatMessage, LIMITS, parseMessage } from '../../probes/lib/sip/message.ts';
import type { SipMessage } from '../../probes/lib/sip/message.ts';
import { formatUri, nextHop, parseUri } from '../../probes/lib/sip/uri.ts';
import { openTrace } from '../../probes/lib/sip/trace.ts';
import { messageOf, reply, requestOf } from '../lib/sip.ts';

const lines = (...parts: string[]): Buffer => Buffer.from(`${parts.join('\r\n')}\r\n\r\n`);
const uri = parseUri('sip:desk@pbx.example.id');
if (uri === undefined) throw new Error('a URI');
const question = ask({ method: 'OPTIONS', uri, runId: 'a'.repeat(32) });
const request = requestOf(question.compose('udp', '192.0.2.1', 40_000));
const good = reply(request, 200, 'OK', { server: 'pbx', allow: 'INVITE, ACK', contact: '"A, B" <sip:a@b;x=1>;q=0.5' });

describe('a SIP message', () => {
  it('comes out as it went in', () => {
    expect(formatMessage(messageOf(good)).equals(good)).toBe(true);
    expect(formatMessage(request).equals(question.compose('udp', '192.0.2.1', 40_000))).toBe(true);
  });

  it('edge 16: is read with compact forms, folding, odd spaces and any case of a name', () => {
    const message = messageOf(
      lines('sip/2.0  200  Fine  ', 'v:SIP/2.0/UDP', ' h;branch=z9hG4bK1', 'I : x', 'cSeQ: 1', '\t OPTIONS', 'l: 0'),
    );
    expect(message).toMatchObject({ status: 200, reason: 'Fine' });
    expect(parameterOf(headerOf(message, 'via') ?? '', 'branch')).toBe('z9hG4bK1');
    expect(headerOf(message, 'call-id')).toBe('x');
    expect(cseqOf(message)).toEqual({ number: 1, method: 'OPTIONS' });
  });

  it('is read with bare line feeds and without a last empty line', () => {
    expect(messageOf(Buffer.from('SIP/2.0 486 Busy\nCall-ID: x\n\nbody'))).toMatchObject({ status: 486 });
    expect(messageOf(Buffer.from('SIP/2.0 486\r\nCall-ID: x'))).toMatchObject({ status: 486, reason: '' });
  });

  it('loses an odd line and nothing else', () => {
    const message = messageOf(lines('SIP/2.0 200 OK', 'no colon here', ': no name', 'b\u00e4d: x', 'Server: pbx'));
    expect(message.headers).toEqual([{ name: 'server', value: 'pbx' }]);
  });

  it('cannot be forged by a line end in a value', () => {
    const bytes = formatMessage({
      kind: 'response',
      status: 200,
      reason: 'OK\r\nX: 1',
      headers: [{ name: 'server', value: 'a\r\nEvil: 1\r\n\r\nbody' }],
      body: Buffer.alloc(0),
    });
    expect(messageOf(bytes).headers.map(({ name }) => name)).toEqual(['server', 'content-length']);
  });

  it('S-I5 leaves out what is behind Content-Length and refuses one that lies', () => {
    expect(messageOf(Buffer.from('SIP/2.0 200 OK\r\nl: 2\r\n\r\nabcd')).body.toString()).toBe('ab');
    for (const length of ['5', '-1', '0x10', '1e3', '99999999999', '1, 1', '']) {
      const parsed = parseMessage(Buffer.from(`SIP/2.0 200 OK\r\nContent-Length: ${length}\r\n\r\nabcd`));
      expect(parsed, length).toMatchObject({ ok: false, flaw: { problem: 'malformed' } });
    }
  });

  it('S-I5 is refused beyond 64 KB or 300 headers', () => {
    const headers = (count: number) => lines('SIP/2.0 200 OK', ...Array.from({ length: count }, () => 'v: x'));
    expect(parseMessage(headers(LIMITS.headers)).ok).toBe(true);
    expect(parseMessage(headers(LIMITS.headers + 1))).toMatchObject({ flaw: { problem: 'too_large' } });
    const fat = Buffer.from(`SIP/2.0 200 OK\r\nx: ${'y'.repeat(LIMITS.bytes)}\r\n\r\n`);
    expect(parseMessage(fat)).toMatchObject({ flaw: { problem: 'too_large' } });
  });

  it.each([
    ['HTTP/1.1 200 OK', 'not_sip'],
    ['220 mail.example.id ESMTP', 'not_sip'],
    ['', 'not_sip'],
    ['\u0000\u0001\u0002', 'not_sip'],
    ['SIP/2.0 999 Big', 'malformed'],
    ['SIP/2.0 099 Small', 'malformed'],
    ['SIP/2.0 4294967496 Huge', 'malformed'],
    ['SIP/2.0 20 Short', 'malformed'],
    ['SIP/7.0 200 Later', 'malformed'],
    ['SIP/2.0', 'malformed'],
    ['OPTIONS sip:a b SIP/2.0', 'malformed'],
    ['OPTIONS sip:a SIP/7.0', 'malformed'],
    ['OPTIONS  SIP/2.0', 'malformed'],
  ])('is not "%s"', (first, problem) => {
    expect(parseMessage(lines(first, 'Call-ID: x'))).toMatchObject({ ok: false, flaw: { problem } });
  });
});

describe('the answer to a question', () => {
  const told = (change: Record<string, string | undefined>) => {
    const message = messageOf(reply(request, 200, 'OK', change));
    return message.kind === 'response' && answers(message, question);
  };
  const via = headerOf(request, 'via') ?? '';

  it('is known by branch, Call-ID and CSeq, however they are written', () => {
    expect(told({})).toBe(true);
    expect(told({ via: `${via.replace(';branch', ' ; BRANCH')};received=192.0.2.9` })).toBe(true);
    expect(told({ cseq: '1   OPTIONS' })).toBe(true);
  });

  // In the spirit of RFC 4475: each is a reply that a parser may choke on, and none of them answers us.
  it.each([
    ['no Via', { via: undefined }],
    ['no Call-ID', { 'call-id': undefined }],
    ['no CSeq', { cseq: undefined }],
    ['an empty Via', { via: '' }],
    ['two Vias in one line', { via: `${via}, ${via}` }],
    ['a comma in the branch', { via: `${via},` + 'SIP/2.0/UDP x' }],
    ['the branch in quotes', { via: via.replace(question.branch, `"${question.branch}"`) }],
    ['the branch of another', { via: via.replace(question.branch, 'z9hG4bK') }],
    ['a branch that only begins like ours', { via: via.replace(question.branch, `${question.branch}0`) }],
    ['the branch inside a quoted parameter', { via: `SIP/2.0/UDP h;x=";branch=${question.branch}"` }],
    ['another method in CSeq', { cseq: '1 INVITE' }],
    ['a method of another case', { cseq: '1 options' }],
    ['a huge CSeq', { cseq: '36893488147419103232 OPTIONS' }],
    ['a negative CSeq', { cseq: '-1 OPTIONS' }],
    ['CSeq without a method', { cseq: '1' }],
    ['a Call-ID with something behind it', { 'call-id': `${headerOf(request, 'call-id') ?? ''}@x` }],
  ] as [string, Record<string, string | undefined>][])('S-I1 S-I2 is not one with %s', (_, change) => {
    expect(told(change)).toBe(false);
  });

  it.each([
    ['unbalanced quotes', { contact: '"Joe <sip:joe@a', to: '"Mr. J. User <sip:j@example.id>' }],
    ['escaped quotes and NULs', { from: '"\\"\\\\\\"" <sip:a%00b@c>;tag=1', to: '<sip:%25@x>' }],
    ['a URI in angle brackets with headers', { contact: '<sip:a@b?Route=%3Csip:c%3E>' }],
    ['an unknown scheme', { contact: '<nobodyKnowsThisScheme:totallyopaque>' }],
    ['odd dates and numbers', { date: 'Fri, 01 Jan 2010 16:00:00 EST', expires: '-1', 'max-forwards': '300' }],
    ['an unprintable reason', { reason: 'Q.850;cause=16;text="\u2063\u2063"' }],
    ['a body that is no UTF-8', { 'content-type': 'multipart/mixed;boundary=\u0080' }],
    ['a repeated header of which one is allowed', { 'content-type': 'application/sdp, text/plain' }],
    ['a value of 8 KB', { 'x-long': 'x'.repeat(8_192) }],
  ])('S-I1 is read although the rest holds %s', (_, change) => {
    expect(told(change)).toBe(true);
  });

  it('is final or provisional; a request and a flaw are ignored and counted', () => {
    const ear = openEar(question);
    expect(ear.hear(parseMessage(reply(request, 180, 'Ringing')))).toBeUndefined();
    expect(ear.hear({ ok: true, message: request })).toBeUndefined();
    expect(ear.hear(parseMessage(Buffer.from('noise')))).toBeUndefined();
    expect(ear).toMatchObject({ ignored: 2, provisional: { status: 180 }, flaw: { problem: 'not_sip' } });
    expect(ear.hear(parseMessage(good))).toMatchObject({ status: 200 });
  });
});

describe('header values', () => {
  it('edge 16: are split outside quotes and angle brackets only', () => {
    expect(splitOutside('"a, \\", b" <sip:x,y@z>;q=1, c ,, <d,>', ',')).toEqual([
      '"a, \\", b" <sip:x,y@z>;q=1',
      'c',
      '<d,>',
    ]);
    expect(splitOutside(','.repeat(100_000), ',')).toEqual([]);
    expect(splitOutside('a,'.repeat(100_000), ',')).toHaveLength(300);
  });

  it('of a list are gathered over all lines', () => {
    const message = messageOf(lines('SIP/2.0 200 OK', 'Via: a, b', 'v: c', 'Via:'));
    expect(listOf(message, 'via')).toEqual(['a', 'b', 'c']);
  });

  it('of Retry-After are seconds and a comment', () => {
    const of = (value: string) => retryAfterOf(messageOf(lines('SIP/2.0 503 No', `Retry-After: ${value}`)));
    expect(of('120 (in maintenance);duration=60')).toEqual({ seconds: 120, comment: 'in maintenance' });
    expect(of('18000;duration=3600')).toEqual({ seconds: 18_000, comment: '' });
    expect([of('-5'), of('soon'), of('')]).toEqual([undefined, undefined, undefined]);
  });

  it('hold a URI with or without a name and brackets', () => {
    expect(uriOf('"A <fake>" <sip:a@b;x=1>;tag=2')).toBe('sip:a@b;x=1');
    expect(uriOf('sip:a@b;tag=2')).toBe('sip:a@b');
    expect(uriOf('<sip:a')).toBe('<sip:a');
  });
});

describe('a SIP URI', () => {
  it.each([
    ['sip:pbx.example.id', 'udp', 'pbx.example.id', 5060],
    ['SIP:PBX.example.id:5070;transport=TCP', 'tcp', 'pbx.example.id', 5070],
    ['sip:+6221%20@pbx.example.id;user=phone;transport=tls', 'tls', 'pbx.example.id', 5061],
    ['sips:a@[2001:db8::1]', 'tls', '2001:db8::1', 5061],
    ['sips:host;transport=tcp', 'tls', 'host', 5061],
    ['sip:[::1]:5080;lr', 'udp', '::1', 5080],
  ])('%s leads to %s %s %i', (text, transport, host, port) => {
    const parsed = parseUri(text);
    expect(parsed && nextHop(parsed)).toEqual({ transport, host, port });
    expect(parsed && parseUri(formatUri(parsed))).toEqual(parsed);
  });

  it.each([
    'pbx.example.id',
    'tel:+622150849000',
    'sip:',
    'sip:user:secret@host',
    'sip:a@b@c',
    'sip:host:0',
    'sip:host:70000',
    'sip:host?Subject=x',
    'sip:host name',
    'sip:[::1',
    'sip:[fe80::1%25eth0]',
    'sip:host\r\nX: 1',
    `sip:${'a'.repeat(2_000)}`,
  ])('is not %j', (text) => {
    expect(parseUri(text)).toBeUndefined();
  });
});

describe('edge 15: a stream of messages', () => {
  const collect = (chunks: readonly Buffer[]) => {
    const framer = openFramer();
    const messages: SipMessage[] = [];
    for (const chunk of chunks) {
      const framed = framer.push(chunk);
      messages.push(...framed.messages);
      if (framed.flaw !== undefined) return { messages, flaw: framed.flaw };
    }
    return { messages };
  };
  const body = Buffer.from('v=0\r\n\r\nSIP/2.0 200 inside');
  const first = formatMessage({ ...messageOf(good), body });
  const whole = Buffer.concat([Buffer.from('\r\n\r\n'), first, Buffer.from('\r\n'), good, formatMessage(request)]);

  it('is cut at the same places however it arrives', () => {
    const once = collect([whole]).messages.map((each) => formatMessage(each).toString());
    expect(once).toEqual([first, good, formatMessage(request)].map(String));
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 40 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const chunks = at.slice(1).map((end, index) => whole.subarray(at[index], end));
        expect(collect(chunks).messages.map((each) => formatMessage(each).toString())).toEqual(once);
      }),
      { numRuns: 500 },
    );
    expect(collect([...whole].map((byte) => Buffer.from([byte]))).messages).toHaveLength(3);
  });

  it('ends at the first thing that is no SIP, and gives what came before', () => {
    expect(collect([good, Buffer.from('GET / HTTP/1.1\r\n')])).toMatchObject({
      messages: [{ status: 200 }],
      flaw: { problem: 'not_sip' },
    });
    expect(collect([Buffer.from('SIP/2.0 200 OK\r\nl: 70000\r\n\r\n')])).toMatchObject({
      flaw: { problem: 'too_large' },
    });
    expect(collect([Buffer.alloc(5_000, 'x')])).toMatchObject({ flaw: { problem: 'not_sip' } });
  });

  it('costs little when 60 KB drip in byte by byte', () => {
    const fat = formatMessage({ ...messageOf(good), body: Buffer.alloc(20_000, '\n') });
    const long = lines('SIP/2.0 200 OK', ...Array.from({ length: 250 }, () => `x: ${'y'.repeat(150)}`), 'l: 0');
    const began = performance.now();
    expect(collect([...Buffer.concat([fat, long])].map((byte) => Buffer.from([byte]))).messages).toHaveLength(2);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('a trace', () => {
  it('S-J1 S-J3 keeps no credentials and no control characters, and ends at its cap', () => {
    const trace = openTrace();
    trace.received(
      '192.0.2.1:5060',
      lines('SIP/2.0 200 OK', 'Proxy-Authorization: Digest response="5ec7e7"', 'X: \u001b[2J'),
    );
    const { text } = trace.evidence();
    expect(text).toContain('Proxy-Authorization: [redacted]');
    expect(text).not.toMatch(/5ec7e7|\u001b/);
    for (let i = 0; i < 100; i += 1) trace.received('192.0.2.1:5060', Buffer.alloc(60_000, 'x'));
    expect(trace.evidence().text.length).toBeLessThan(30_000);
    expect(trace.evidence().text).toMatch(/more entries left out\n$/);
  });
});

describe('20,000 mutated messages', () => {
  const seeds = [
    good,
    formatMessage(request),
    lines('SIP/2.0 200 OK', 'v: "a\\" <b>, c;d="e"', 'm: <sip:x>;y', 'l: 3'),
  ];
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom('\r\n', '\r\n\r\n', ' ', ',', '"', '<', '>', ';', ':', '\u0000', '-1', 'SIP/2.0 ', 'l: 5\r\n')
      .map((text) => Buffer.from(text)),
  );
  const mutation = fc.record({ at: fc.nat(600), cut: fc.nat(30), piece });
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), fc.array(mutation, { minLength: 1, maxLength: 6 }))
    .map(([seed, mutations]) =>
      mutations.reduce(
        (bytes, each) => Buffer.concat([bytes.subarray(0, each.at), each.piece, bytes.subarray(each.at + each.cut)]),
        seed,
      ),
    );

  it('S-I1 are read or refused, and never throw', () => {
    fc.assert(
      fc.property(mutated, (bytes) => {
        const parsed = parseMessage(bytes);
        openFramer().push(bytes);
        // The one thing that must never happen: healthy without our own marks in the answer.
        const heard = openEar(question).hear(parsed);
        if (heard !== undefined)
          expect([question.branch, question.callId, 'OPTIONS'].every((mark) => bytes.includes(mark))).toBe(true);
        if (!parsed.ok) return;
        const { message } = parsed;
        for (const { name, value } of message.headers) {
          listOf(message, name);
          uriOf(value);
          parameterOf(value, 'tag');
        }
        retryAfterOf(message);
        expect(message.headers.length).toBeLessThanOrEqual(LIMITS.headers);
        expect(parseMessage(formatMessage(message)).ok).toBe(true);
      }),
      { numRuns: 20_000 },
    );
  });
});
