/** The probe kind `sip-options` against hand-driven servers: lost, foreign, late, wrong and hostile answers over UDP, TCP and TLS. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import kind from '../../probes/sip-options.ts';
import { askByUdp } from '../../probes/lib/sip/udp.ts';
import { ask } from '../../probes/lib/sip/exchange.ts';
import { headerOf, parameterOf } from '../../probes/lib/sip/header.ts';
import { openTrace } from '../../probes/lib/sip/trace.ts';
import { parseUri } from '../../probes/lib/sip/uri.ts';
import { certificates } from '../lib/certs.ts';
import { closedPort, look, openTcp, openUdp, reply, requestOf } from '../lib/sip.ts';
import { contract, HOST, near } from '../contract/contract.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});
async function keep<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
  const one = await opening;
  opened.push(one);
  return one;
}

/** A UDP server that answers each request with `status`. */
const answering = (status: number, reason = '', change: Record<string, string | undefined> = {}) =>
  keep(
    openUdp((bytes, from, socket) => {
      socket.send(reply(requestOf(bytes), status, reason, change), from.port, from.address);
    }),
  );
const udp = (port: number, more = {}, timeoutMs = 3_000) =>
  look({ address: `sip:127.0.0.1:${port}`, ...more }, timeoutMs);
const tcp = (port: number, more = {}, timeoutMs = 3_000) =>
  look({ address: `sip:127.0.0.1:${port};transport=tcp`, ...more }, timeoutMs);

describe('sip-options over UDP', () => {
  it('says ok with status, server and the time of the reply', async () => {
    const server = await answering(200, 'OK', { server: 'pbx 1.0' });
    const finding = await udp(server.port);
    expect(finding).toMatchObject({ kind: 'ok', rung: 'accepting' });
    expect(finding.facts).toMatchObject({ status: 200, reason: 'OK', server: 'pbx 1.0', transmissions: 1 });
    expect(finding.facts).toMatchObject({ address: '127.0.0.1', transport: 'udp' });
    expect(Object.keys(finding.phases).sort()).toEqual(['dns', 'reply']);
    expect(finding.evidence).toBeUndefined();
  });

  it('sends a request that RFC 3261 §8.1.1 calls complete', async () => {
    const server = await answering(200);
    await udp(server.port, { from: 'sip:watch@example.id' });
    const request = requestOf(server.received[0] ?? Buffer.alloc(0));
    expect(request).toMatchObject({ method: 'OPTIONS', uri: `sip:127.0.0.1:${server.port}` });
    expect(headerOf(request, 'from')).toMatch(/^<sip:watch@example\.id>;tag=[0-9a-f]{16}$/);
    expect(headerOf(request, 'to')).toBe(`<sip:127.0.0.1:${server.port}>`);
    expect(headerOf(request, 'max-forwards')).toBe('70');
    expect(headerOf(request, 'cseq')).toBe('1 OPTIONS');
    expect(headerOf(request, 'via')).toMatch(/^SIP\/2\.0\/UDP 127\.0\.0\.1:\d+;branch=z9hG4bK[0-9a-f]{32};rport$/);
  });

  it.each([1, 2])('edge 1: sees a server behind a way that loses the first %i datagrams', async (lost) => {
    const server = await keep(
      openUdp((bytes, from, socket, count) => {
        if (count > lost) socket.send(reply(requestOf(bytes), 200, 'OK'), from.port, from.address);
      }),
    );
    const finding = await udp(server.port, {}, 4_000);
    expect(finding).toMatchObject({ kind: 'ok', facts: { transmissions: lost + 1 } });
    expect(finding.phases['reply']).toBeGreaterThan(lost === 1 ? 450 : 1_400);
    const branches = server.received.map((bytes) => parameterOf(headerOf(requestOf(bytes), 'via') ?? '', 'branch'));
    expect(new Set(branches).size).toBe(1);
  });

  it('tells a closed port at once, long before the deadline', async () => {
    const began = performance.now();
    const finding = await udp(await closedPort(), {}, 8_000);
    expect(finding).toMatchObject({ kind: 'failed', rung: 'none', fault: { code: 'UDP_REFUSED', cause: 'refused' } });
    expect(performance.now() - began).toBeLessThan(4_000);
  });

  it('tells a silent server from a closed port, with the trace as evidence', async () => {
    const server = await keep(openUdp(() => undefined));
    const finding = await udp(server.port, {}, 1_800);
    expect(finding).toMatchObject({ kind: 'failed', rung: 'none', fault: { code: 'UDP_SILENT', cause: 'timeout' } });
    expect(server.received.length).toBe(finding.facts['transmissions']);
    expect(server.received.length).toBeGreaterThanOrEqual(3);
    expect(finding.evidence?.[0]?.text).toContain('OPTIONS sip:127.0.0.1');
  });

  it('S-I2 ignores a reply with a wrong branch, Call-ID, CSeq or one Via too many, and counts it', async () => {
    const wrong: Record<string, string>[] = [
      { via: 'SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKother' },
      { 'call-id': 'other' },
      { cseq: '1 INVITE' },
      { cseq: '2 OPTIONS' },
    ];
    const server = await keep(
      openUdp((bytes, from, socket) => {
        const request = requestOf(bytes);
        const via = headerOf(request, 'via') ?? '';
        for (const change of [...wrong, { via: `${via}, ${via}` }])
          socket.send(reply(request, 200, 'OK', change), from.port, from.address);
        socket.send(bytes, from.port, from.address);
      }),
    );
    const finding = await udp(server.port, {}, 700);
    expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'UDP_SILENT' } });
    expect(finding.facts['ignored']).toBe(6 * server.received.length);
  });

  it('S-I2 ignores what a stranger sends, and still hears the server', async () => {
    const stranger = await keep(openUdp(() => undefined));
    const server = await keep(
      openUdp((bytes, from, socket) => {
        const forged = reply(requestOf(bytes), 503, 'Gone', { via: 'SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKguess' });
        stranger.socket.send(forged, from.port, from.address, () => {
          setTimeout(() => socket.send(reply(requestOf(bytes), 200, 'OK'), from.port, from.address), 50);
        });
      }),
    );
    expect(await udp(server.port)).toMatchObject({ kind: 'ok', facts: { status: 200, ignored: 1 } });
  });

  it.skipIf(networkInterfaces()['lo']?.every(({ family }) => family !== 'IPv6') ?? true)(
    'goes on to the next address of a name when the first one refuses',
    async () => {
      const six = createSocket('udp6');
      six.on('message', (bytes, from) => six.send(reply(requestOf(bytes), 200, 'OK'), from.port, from.address));
      await new Promise<void>((done) => {
        six.bind(0, '::1', done);
      });
      const finding = await look({ address: `sip:localhost:${six.address().port}` });
      six.close();
      expect(finding).toMatchObject({ kind: 'ok', facts: { address: '::1' } });
    },
  );

  it('edge 12: takes an answer from another address of the server, and says so', async () => {
    const other = await keep(openUdp(() => undefined));
    const server = await keep(
      openUdp((bytes, from) => {
        other.socket.send(reply(requestOf(bytes), 200, 'OK'), from.port, from.address);
      }),
    );
    expect(await udp(server.port)).toMatchObject({ kind: 'ok', facts: { other_address: `127.0.0.1:${other.port}` } });
  });

  it('says "not SIP" when random garbage is all that comes back', async () => {
    const server = await keep(
      openUdp((_, from, socket) => {
        for (let i = 0; i < 50; i += 1) socket.send(randomBytes(i * 20), from.port, from.address);
      }),
    );
    const finding = await udp(server.port, {}, 900);
    expect(finding).toMatchObject({ kind: 'failed', rung: 'reachable', fault: { code: 'PROTO_GARBAGE' } });
    expect(finding.evidence?.[0]?.text).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f]*$/);
  });

  it('edge 14, S-I5: reads a datagram of 64 KB and 1,000 Vias as no answer, within the deadline', async () => {
    const server = await keep(
      openUdp((bytes, from, socket) => {
        const request = requestOf(bytes);
        const fat = reply(request, 200, 'OK', { 'x-fat': 'x'.repeat(64_000) });
        const vias = Array.from({ length: 1_000 }, () => headerOf(request, 'via') ?? '').join(',');
        socket.send(reply(request, 200, 'OK', { via: vias.slice(0, 60_000) }), from.port, from.address);
        socket.send(Buffer.from(String(fat).replace('SIP/2.0 200', 'SIP/9.9 200')), from.port, from.address);
      }),
    );
    expect(await udp(server.port, {}, 700)).toMatchObject({ kind: 'failed', fault: { code: 'PROTO_GARBAGE' } });
  });

  it('S-I5 survives a server that babbles without end, within the deadline', async () => {
    let babbling: NodeJS.Timeout | undefined;
    const server = await keep(
      openUdp((_, from, socket, count) => {
        if (count > 1) return;
        const noise = randomBytes(30_000);
        babbling = setInterval(() => {
          for (let i = 0; i < 200; i += 1) socket.send(noise, from.port, from.address, () => undefined);
        }, 1);
      }),
    );
    const began = performance.now();
    const finding = await udp(server.port, {}, 1_000);
    clearInterval(babbling);
    expect(finding).toMatchObject({ kind: 'failed', rung: 'reachable', fault: { code: 'PROTO_GARBAGE' } });
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(finding.evidence?.[0]?.text.length).toBeLessThan(30_000);
  });

  it('waits on after 100 Trying, and does not call a server that never decides healthy', async () => {
    const server = await answering(100, 'Trying');
    const finding = await udp(server.port, {}, 900);
    expect(finding).toMatchObject({ kind: 'failed', rung: 'reachable', fault: { code: 'DEADLINE' } });
  });

  it('S-I8 F19 makes a finding of a place to which there is no way', async () => {
    const finding = await look({ address: 'sip:[2001:db8::1]' }, 1_500);
    expect(['unknown', 'failed']).toContain(finding.kind);
    expect(['NO_ROUTE', 'UDP_SILENT', 'ADDR_BLOCKED', 'UDP_UNREACHABLE']).toContain(
      finding.kind === 'ok' ? '' : finding.fault.code,
    );
    // What the address policy never lets through: dgram throws for such a port, and that must stay inside.
    const uri = parseUri('sip:127.0.0.1');
    if (uri === undefined) throw new Error('a URI');
    const question = ask({ method: 'OPTIONS', uri, runId: '0'.repeat(32) });
    const within = { signal: AbortSignal.timeout(1_000), timeoutMs: 1_000 };
    for (const port of [0, 70_000]) {
      const answer = await askByUdp(question, { address: '127.0.0.1', port }, within, openTrace());
      expect(answer).toMatchObject({ transmissions: 0, rung: 'none', fault: { code: 'NO_ROUTE' } });
    }
    const broadcast = await askByUdp(question, { address: '255.255.255.255', port: 5060 }, within, openTrace());
    expect(broadcast).toMatchObject({ rung: 'none', fault: { code: 'NO_ROUTE', cause: 'our_network' } });
  });

  it('refuses private addresses unless told otherwise', async () => {
    const finding = await look({ address: 'sip:127.0.0.1:5060', allow_private: false });
    expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'ADDR_BLOCKED' } });
  });

  it('closes its sockets when it is done, whatever came of it', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((each) => /udp/i.test(each)).length;
    const server = await answering(200);
    await expect.poll(sockets).toBe(1);
    await Promise.all([udp(server.port), udp(await closedPort()), udp(server.port, {}, 1)]);
    await expect.poll(sockets).toBe(1);
  });
});

describe('what a response means', () => {
  const table: [number, string, string | undefined, Record<string, string>?][] = [
    [200, 'ok', undefined],
    [202, 'ok', undefined],
    [302, 'degraded', 'REDIRECT', { contact: '<sip:other@10.0.0.1>;q=1' }],
    [400, 'degraded', 'PROTO_REFUSED'],
    [401, 'ok', undefined],
    [403, 'ok', undefined],
    [404, 'ok', undefined],
    [405, 'ok', undefined],
    [407, 'ok', undefined],
    [408, 'failed', 'UPSTREAM'],
    [410, 'failed', 'NOT_IN_SERVICE'],
    [480, 'failed', 'UNAVAILABLE'],
    [481, 'ok', undefined],
    [483, 'ok', undefined],
    [486, 'degraded', 'BUSY'],
    [500, 'failed', 'SERVER_ERROR'],
    [501, 'ok', undefined],
    [503, 'failed', 'SERVER_ERROR'],
    [503, 'failed', 'OVERLOAD', { 'retry-after': '120' }],
    [503, 'failed', 'MAINTENANCE', { 'retry-after': '120 (maintenance)' }],
    [504, 'failed', 'UPSTREAM'],
    [600, 'degraded', 'BUSY'],
    [603, 'failed', 'REJECTED'],
    [604, 'failed', 'NOT_IN_SERVICE'],
    [607, 'unknown', 'REJECTED'],
  ];
  it.each(table)('%i is %s (%s) when nothing else is said', async (status, outcome, code, change = {}) => {
    const server = await answering(status, 'Lab Reply', change);
    const finding = await udp(server.port);
    expect(finding.kind).toBe(outcome);
    expect(finding.kind === 'ok' ? undefined : finding.fault.code).toBe(code);
    expect(finding.facts).toMatchObject({ status, reason: 'Lab Reply' });
    expect(finding.rung).toBe({ ok: 'accepting', unknown: 'none' }[outcome] ?? 'reachable');
  });

  it('takes the operator at his word about what is fine and what is not', async () => {
    const busy = await answering(486, 'Busy Here');
    expect((await udp(busy.port, { accept: ['2xx', 486] })).kind).toBe('ok');
    const lost = await answering(404, 'Not Found');
    expect(await udp(lost.port, { accept: ['2xx'] })).toMatchObject({ kind: 'failed', fault: { code: 'STATUS' } });
    expect((await udp(lost.port, { accept: ['4xx'] })).kind).toBe('ok');
  });

  it('edge 18: keeps Retry-After and does not believe a negative one', async () => {
    const told = await answering(503, 'Service Unavailable', { 'retry-after': '120 (soon);duration=60' });
    expect((await udp(told.port)).facts['retry_after']).toBe(120);
    const odd = await answering(503, 'Service Unavailable', { 'retry-after': '-5', expires: '-1' });
    expect(await udp(odd.port)).toMatchObject({ fault: { code: 'SERVER_ERROR' }, facts: { status: 503 } });
  });

  it('S-I6 reports a redirection to a private host and does not follow it', async () => {
    const trap = await keep(openUdp(() => undefined));
    const server = await answering(302, 'Moved', { contact: `<sip:127.0.0.1:${trap.port}>` });
    expect(await udp(server.port)).toMatchObject({
      kind: 'degraded',
      facts: { redirected: `sip:127.0.0.1:${trap.port}` },
    });
    expect(trap.received).toEqual([]);
  });

  it('S-J3 lets no control character of the far side into facts or evidence', async () => {
    const server = await answering(500, 'Oops \u001b[31m\u0007 red', { server: 'a\u0000b\u202ec' });
    const finding = await udp(server.port);
    expect(JSON.stringify([finding.facts, finding.kind])).not.toMatch(/\\u00|\u202e/);
    expect(finding.evidence?.[0]?.text).not.toMatch(/[\u0000\u001b\u0007\u202e]/);
  });
});

describe('sip-options over TCP', () => {
  it('edge 15: reads an answer that drips byte by byte, after keep-alives and a message that is not for us', async () => {
    const server = await keep(
      openTcp((socket) => {
        socket.setNoDelay();
        socket.once('data', (bytes) => {
          const request = requestOf(bytes);
          const other = reply(request, 200, 'OK', { 'call-id': 'other' });
          const all = Buffer.concat([Buffer.from('\r\n\r\n'), other, reply(request, 200, 'OK', { server: 'drip' })]);
          void (async () => {
            for (const byte of all) {
              socket.write(Buffer.from([byte]));
              await setImmediate();
            }
          })();
        });
      }),
    );
    const finding = await tcp(server.port, {}, 5_000);
    expect(finding).toMatchObject({ kind: 'ok', facts: { server: 'drip', ignored: 1, transport: 'tcp' } });
    expect(Object.keys(finding.phases).sort()).toEqual(['connect', 'dns', 'reply']);
  });

  it.each([
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'PROTO_GARBAGE'],
    ['a mail server', '220 mail.example.id ESMTP\r\n', 'PROTO_GARBAGE'],
    ['endless bytes', 'x'.repeat(100_000), 'PROTO_GARBAGE'],
    ['endless headers', `SIP/2.0 200 OK\r\n${'x: y\r\n'.repeat(50_000)}`, 'TOO_LARGE'],
    ['a Content-Length of 999999999', 'SIP/2.0 200 OK\r\nContent-Length: 999999999\r\n\r\n', 'TOO_LARGE'],
    ['a Content-Length below zero', 'SIP/2.0 200 OK\r\nl: -1\r\n\r\n', 'PROTO_GARBAGE'],
    ['two Content-Lengths', 'SIP/2.0 200 OK\r\nl: 1\r\nContent-Length: 2\r\n\r\n', 'PROTO_GARBAGE'],
  ])('S-I5 says what is wrong with %s on the SIP port', async (_, text, code) => {
    const server = await keep(openTcp((socket) => socket.once('data', () => socket.write(text))));
    const finding = await tcp(server.port);
    expect(finding).toMatchObject({ kind: 'failed', rung: 'reachable', fault: { code } });
  });

  it('ends at its byte cap when a server never stops talking SIP to itself', async () => {
    const server = await keep(
      openTcp((socket) => {
        const chatter = Buffer.from('SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'.repeat(200));
        const more = () => {
          while (socket.writable && socket.write(chatter));
          socket.once('drain', more);
        };
        more();
      }),
    );
    expect(await tcp(server.port)).toMatchObject({ kind: 'failed', fault: { code: 'TOO_LARGE' } });
  });

  it('tells closed, hanging up and silent apart', async () => {
    expect(await tcp(await closedPort())).toMatchObject({
      kind: 'failed',
      rung: 'none',
      fault: { code: 'TCP_REFUSED' },
    });
    const rude = await keep(openTcp((socket) => socket.once('data', () => socket.end())));
    expect(await tcp(rude.port)).toMatchObject({ kind: 'failed', rung: 'reachable', fault: { code: 'PROTO_CLOSED' } });
    const mute = await keep(openTcp(() => undefined));
    expect(await tcp(mute.port, {}, 600)).toMatchObject({
      kind: 'failed',
      rung: 'reachable',
      fault: { code: 'DEADLINE' },
    });
  });
});

describe('sip-options over TLS', () => {
  const secure = async (which: 'good' | 'expired' | 'wrongName' | 'soon') => {
    const made = await certificates();
    const server = await keep(
      openTcp((socket) => {
        socket.once('data', (bytes) => socket.write(reply(requestOf(bytes), 200, 'OK')));
      }, createTlsServer(made[which])),
    );
    return (more = {}) => look({ address: `sip:127.0.0.1:${server.port};transport=tls`, ca: made.caFile, ...more });
  };

  it('says ok and how long the certificate is still valid', async () => {
    const tls = await secure('soon');
    const finding = await tls({ expect: { certificate_days: 3 } });
    expect(finding).toMatchObject({ kind: 'ok', facts: { transport: 'tls', certificate_days: 5 } });
    expect(Object.keys(finding.phases).sort()).toEqual(['connect', 'dns', 'reply', 'tls']);
    // 14 days, when nothing is said.
    for (const more of [{}, { expect: {} }, { expect: { certificate_days: 6 } }])
      expect(await tls(more)).toMatchObject({
        kind: 'degraded',
        rung: 'accepting',
        fault: { code: 'CERT_EXPIRING' },
      });
  });

  it.each([
    ['an expired certificate', 'expired', 'CERT_EXPIRED', -1],
    ['a certificate for another name', 'wrongName', 'CERT_NAME', 89],
  ] as const)('fails for %s, and still says how old it is', async (_, which, code, days) => {
    const finding = await (await secure(which))();
    expect(finding).toMatchObject({ kind: 'failed', rung: 'reachable', fault: { code, cause: 'tls' } });
    expect(Math.abs(Number(finding.facts['certificate_days']) - days)).toBeLessThanOrEqual(1);
  });

  it('fails for a certificate that nobody vouches for, and for a port that speaks no TLS', async () => {
    const tls = await secure('good');
    expect(await tls({ ca: undefined })).toMatchObject({ kind: 'failed', fault: { code: 'CERT_UNTRUSTED' } });
    const plain = await keep(openTcp((socket) => socket.once('data', () => socket.write('SIP/2.0 400 No\r\n\r\n'))));
    expect(await look({ address: `sips:127.0.0.1:${plain.port}` })).toMatchObject({
      kind: 'failed',
      fault: { cause: 'tls' },
    });
  });
});

describe('settings', () => {
  it.each([
    [{ address: 'tel:+622150849000' }],
    [{ address: 'sip:user:password@pbx.example.id' }],
    [{ address: 'sip:pbx.example.id;transport=ws' }],
    [{ address: 'sips:pbx.example.id;transport=udp' }],
    [{ address: 'sip:pbx.example.id', accept: [] }],
    [{ address: 'sip:pbx.example.id', accept: ['9xx'] }],
    [{ address: 'sip:pbx.example.id', accept: [100] }],
    [{ address: 'sip:pbx.example.id', adress: 'x' }],
    [{}],
  ])('refuses %j', (settings) => {
    expect(kind.schema.safeParse(settings).success).toBe(false);
  });

  it('takes its own example, and knows whose patience it spends', () => {
    expect(kind.host(kind.schema.parse(kind.example))).toBe('pbx.example.id');
  });
});

contract('sip-options', {
  transports: ['udp', 'tcp', 'tls'],
  with: (port, transport) => ({ ...near, address: `sip:${HOST}:${port};transport=${transport}` }),
});
