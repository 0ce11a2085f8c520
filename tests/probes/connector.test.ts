/** The guarded connector against real sockets, a real name server on loopback and certificates that are bad in every way. */
import { createSocket } from 'node:dgram';
import dns from 'node:dns';
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { canonicalHost, parseAuthority, placeOf } from '../../probes/lib/address.ts';
import { dial, faultOf, findingOf, resolve, resolveMx, upgrade } from '../../probes/lib/connector.ts';
import type { Dialled } from '../../probes/lib/connector.ts';
import { fault } from '../../src/core/fault.ts';
import { certificates } from '../lib/certs.ts';
import type { Certificates } from '../lib/certs.ts';
import { openNameServer } from '../lib/mail.ts';
import { closedPort, listening, openTcp, portOf } from '../lib/servers.ts';

const near = { allow_private: true };
const far = { allow_private: false };
const soon = (ms = 3_000) => AbortSignal.timeout(ms);
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const codeOf = (dialled: Dialled): string => (dialled.ok ? 'ok' : dialled.fault.code);
function done(dialled: Dialled): Dialled {
  if (dialled.ok) dialled.connection.socket.destroy();
  return dialled;
}

describe('the place of an address', () => {
  it.each([
    ['127.0.0.1', 'private'],
    ['0.0.0.0', 'private'],
    ['10.255.0.1', 'private'],
    ['100.64.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.1', 'open'],
    ['192.0.2.9', 'private'],
    ['198.19.0.1', 'private'],
    ['8.8.8.8', 'open'],
    ['169.254.169.254', 'forbidden'],
    ['100.100.100.200', 'forbidden'],
    ['224.0.0.1', 'forbidden'],
    ['239.255.255.255', 'forbidden'],
    ['255.255.255.255', 'forbidden'],
    ['::1', 'private'],
    ['::', 'private'],
    ['::ffff:7f00:1', 'private'],
    ['::ffff:127.0.0.1', 'private'],
    ['::ffff:169.254.169.254', 'forbidden'],
    ['64:ff9b::a9fe:a9fe', 'forbidden'],
    ['64:ff9b::808:808', 'open'],
    ['64:ff9b:1::a9fe:a9fe', 'forbidden'],
    ['2002:a9fe:a9fe::', 'forbidden'],
    ['2002:7f00:1::', 'private'],
    ['2001:0:808:808::5601:5601', 'forbidden'],
    ['::169.254.169.254', 'forbidden'],
    ['::127.0.0.1', 'private'],
    ['fe81::1', 'forbidden'],
    ['fe80::1%eth0', 'forbidden'],
    ['ff02::1', 'forbidden'],
    ['fd00:ec2::254', 'forbidden'],
    ['fc00::1', 'private'],
    ['2001:db8::1', 'private'],
    ['3fff::1', 'private'],
    ['2606:4700::1111', 'open'],
    ['4000::1', 'private'],
    ['nonsense', 'forbidden'],
  ])('%s is %s [S-A1]', (address, place) => {
    expect(placeOf(address)).toBe(place);
  });

  it('is the same however an IPv4 address is wrapped in IPv6 [S-A1]', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => placeOf(`::ffff:${address}`) === placeOf(address)),
      { numRuns: 2_000 },
    );
  });
});

describe('a host as written', () => {
  it.each([
    ['0x7f.1', '127.0.0.1'],
    ['0177.0.0.1', '127.0.0.1'],
    ['012.0.0.1', '10.0.0.1'],
    ['2130706433', '127.0.0.1'],
    ['0', '0.0.0.0'],
    ['１２７.0.0.1', '127.0.0.1'],
    ['127。0。0。1', '127.0.0.1'],
    ['[::1]', '::1'],
    ['localhost.', 'localhost'],
    ['PBX.Example.ID', 'pbx.example.id'],
    ['münchen.example', 'xn--mnchen-3ya.example'],
    ['a\u0000b.test', undefined],
    ['a b', undefined],
    ['user@host', undefined],
    ['', undefined],
    ['..', undefined],
  ])('%j is dialled as %s [S-A1]', (written, host) => {
    expect(canonicalHost(written)).toBe(host);
  });

  it('takes a port from one to 65535 and brackets around IPv6', () => {
    expect(parseAuthority('[2001:db8::1]:443')).toEqual({ host: '2001:db8::1', port: 443 });
    expect(parseAuthority('desk.example')).toBeUndefined();
    expect(parseAuthority('desk.example', 25)).toEqual({ host: 'desk.example', port: 25 });
    expect(parseAuthority('desk.example:0')).toBeUndefined();
    expect(parseAuthority('desk.example:65536')).toBeUndefined();
  });
});

describe('the address policy', () => {
  it.each(['127.0.0.1', 'localhost', '0x7f.1', '[::ffff:7f00:1]', '::1', '0'])(
    'keeps %s closed unless it is allowed, and dials nothing [S-A1]',
    async (host) => {
      let knocks = 0;
      const desk = await listening(() => (knocks += 1));
      closers.push(desk.close);
      const dialled = done(await dial({ host, port: desk.port, reach: far, signal: soon() }));
      expect(codeOf(dialled)).toBe('ADDR_BLOCKED');
      expect(knocks).toBe(0);
      expect(!dialled.ok && findingOf(dialled.fault, 'none').kind).toBe('unknown');
    },
  );

  it('never allows metadata, even when private addresses are allowed [S-A1]', async () => {
    expect(codeOf(await dial({ host: '169.254.169.254', port: 80, reach: near, signal: soon() }))).toBe('ADDR_BLOCKED');
    expect(codeOf(await dial({ host: '::ffff:a9fe:a9fe', port: 80, reach: near, signal: soon() }))).toBe(
      'ADDR_BLOCKED',
    );
  });

  it('holds for a pinned address as well [S-A2]', async () => {
    const pinned = await dial({ host: 'desk.example', port: 80, at: '10.0.0.1', reach: far, signal: soon() });
    expect(codeOf(pinned)).toBe('ADDR_BLOCKED');
  });

  it('ignores proxy variables of the environment [S-A10]', async () => {
    const desk = await openTcp('silent');
    closers.push(desk.close);
    const before = { ...process.env };
    Object.assign(process.env, { HTTP_PROXY: 'http://127.0.0.1:1', ALL_PROXY: 'http://127.0.0.1:1' });
    const dialled = done(await dial({ host: '127.0.0.1', port: desk.port, reach: near, signal: soon() }));
    process.env = before;
    expect(codeOf(dialled)).toBe('ok');
  });
});

describe('connecting', () => {
  it('tells refused, silent and connected apart, and times each phase', async () => {
    const desk = await openTcp('silent');
    closers.push(desk.close);
    const dialled = done(await dial({ host: 'localhost', port: desk.port, reach: near, signal: soon() }));
    expect(dialled.phases).toEqual({ dns: expect.any(Number), connect: expect.any(Number) });
    expect(dialled.ok && dialled.connection.address).toBe('127.0.0.1');
    expect(codeOf(await dial({ host: '127.0.0.1', port: await closedPort(), reach: near, signal: soon() }))).toBe(
      'TCP_REFUSED',
    );
  });

  it('goes on to the next address when the first refuses, and remembers that', async () => {
    const six = await listening(() => undefined, '::1');
    closers.push(six.close);
    const dialled = done(await dial({ host: 'localhost', port: six.port, reach: near, signal: soon() }));
    expect(dialled.ok && dialled.connection.address).toBe('::1');
    expect(dialled.ok && dialled.connection.attempts).toMatchObject([
      { address: '127.0.0.1', fault: { code: 'TCP_REFUSED' } },
    ]);
  });

  it('uses only the version of IP that it is told to', async () => {
    const desk = await openTcp('silent');
    closers.push(desk.close);
    const dialled = await dial({ host: 'localhost', port: desk.port, reach: { ...near, ip: 6 }, signal: soon() });
    expect(codeOf(dialled)).toBe('TCP_REFUSED');
    expect(codeOf(await dial({ host: '127.0.0.1', port: 1, reach: { ...near, ip: 6 }, signal: soon() }))).toBe(
      'SETTINGS',
    );
  });

  it('destroys the connection when the signal fires', async () => {
    const desk = await openTcp('silent');
    closers.push(desk.close);
    const stop = new AbortController();
    const dialled = await dial({ host: '127.0.0.1', port: desk.port, reach: near, signal: stop.signal });
    stop.abort();
    expect(dialled.ok && dialled.connection.socket.destroyed).toBe(true);
    expect(codeOf(await dial({ host: '127.0.0.1', port: desk.port, reach: near, signal: stop.signal }))).toBe(
      'TCP_TIMEOUT',
    );
  });

  it('says whose fault an error of a socket is', () => {
    const coded = (code: string) => Object.assign(new Error(code), { code });
    expect(faultOf(coded('ENETUNREACH'), 'connect').code).toBe('NO_ROUTE');
    expect(findingOf(faultOf(coded('ENETUNREACH'), 'connect'), 'none').kind).toBe('unknown');
    expect(findingOf(faultOf(coded('EMFILE'), 'connect'), 'none').kind).toBe('unknown');
    expect(faultOf(coded('EHOSTUNREACH'), 'connect').code).toBe('TCP_UNREACHABLE');
    expect(faultOf(coded('ECONNRESET'), 'talk').code).toBe('TCP_RESET');
    expect(faultOf(coded('ECONNRESET'), 'tls').code).toBe('TLS_FAILED');
    expect(faultOf(new DOMException('late', 'TimeoutError'), 'talk').code).toBe('DEADLINE');
    expect(findingOf(fault('TCP_REFUSED', 'no'), 'none').kind).toBe('failed');
  });
});

describe('resolving', () => {
  const servers = dns.getServers();
  afterAll(() => {
    dns.setServers(servers);
  });

  const naming = async (table: Parameters<typeof openNameServer>[0]) => {
    const names = await openNameServer(table);
    closers.push(() => {
      names.close();
      return Promise.resolve();
    });
  };

  it('refuses a mixed answer of public and private addresses and dials neither [S-A3]', async () => {
    await naming({ 'A mixed.test': { a: ['8.8.8.8', '10.0.0.1'] }, 'A fine.test': { a: ['8.8.8.8', '1.1.1.1'] } });
    expect(await resolve('mixed.test', far, soon())).toMatchObject({ ok: false, fault: { code: 'ADDR_BLOCKED' } });
    expect(await resolve('fine.test', far, soon())).toMatchObject({ ok: true, addresses: ['8.8.8.8', '1.1.1.1'] });
  });

  it('blocks a name that leads to loopback or metadata [S-A2]', async () => {
    await naming({ 'A rebinding.test': { a: ['127.0.0.1'] }, 'A metadata.test': { a: ['169.254.169.254'] } });
    expect(codeOf(await dial({ host: 'rebinding.test', port: 80, reach: far, signal: soon() }))).toBe('ADDR_BLOCKED');
    expect(codeOf(await dial({ host: 'metadata.test', port: 80, reach: near, signal: soon() }))).toBe('ADDR_BLOCKED');
  });

  it.each([
    ['NXDOMAIN', 'DNS_NXDOMAIN'],
    ['NODATA', 'DNS_NODATA'],
    ['SERVFAIL', 'DNS_SERVFAIL'],
    ['REFUSED', 'DNS_REFUSED'],
  ] as const)('tells %s as %s', async (code, told) => {
    await naming({ 'A desk.test': { code }, 'AAAA desk.test': { code }, 'MX desk.test': { code } });
    expect(await resolve('desk.test', far, soon())).toMatchObject({ ok: false, fault: { code: told } });
    expect(await resolveMx('desk.test', soon())).toMatchObject({ ok: false, fault: { code: told } });
  });

  it('does not wait for IPv6 when IPv4 has answered', async () => {
    await naming({ 'A desk.test': { a: ['8.8.8.8'] }, 'AAAA desk.test': 'silence' });
    const resolved = await resolve('desk.test', far, soon());
    expect(resolved).toMatchObject({ ok: true, addresses: ['8.8.8.8'] });
    expect(resolved.ms).toBeLessThan(1_400);
  });

  it('sorts exchangers and knows a null MX', async () => {
    await naming({
      'MX desk.test': {
        mx: [
          [20, 'two.test'],
          [10, 'one.test'],
        ],
      },
      'MX none.test': { mx: [[0, '']] },
    });
    expect(await resolveMx('desk.test', soon())).toMatchObject({
      exchangers: [{ host: 'one.test' }, { host: 'two.test' }],
    });
    expect(await resolveMx('none.test', soon())).toMatchObject({ ok: false, fault: { code: 'MX_NULL' } });
  });

  it('gives up on a silent name server at the deadline', async () => {
    const silent = createSocket('udp4').bind(0, '127.0.0.1');
    await once(silent, 'listening');
    closers.push(async () => {
      silent.close();
      await once(silent, 'close');
    });
    dns.setServers([`127.0.0.1:${silent.address().port}`]);
    const began = performance.now();
    expect(await resolve('desk.test', far, soon(200))).toMatchObject({ ok: false, fault: { code: 'DNS_TIMEOUT' } });
    expect(await resolveMx('desk.test', soon(200))).toMatchObject({ ok: false, fault: { code: 'DNS_TIMEOUT' } });
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  it('knows by itself that a name server of ours which nobody runs is our network', async () => {
    dns.setServers([`127.0.0.1:${await closedPort()}`]);
    const resolved = await resolve('desk.test', far, soon(5_000));
    expect(resolved).toMatchObject({ ok: false, fault: { blame: 'network', cause: 'our_network' } });
  });
});

describe('certificates', () => {
  let made: Certificates;
  beforeAll(async () => {
    made = await certificates();
  });

  async function desk(options: TlsOptions): Promise<number> {
    const server = createTlsServer(options, (socket) => {
      socket.on('error', () => undefined);
      socket.resume();
    }).listen(0, '127.0.0.1');
    server.on('tlsClientError', () => undefined);
    await once(server, 'listening');
    closers.push(async () => {
      server.close();
      await once(server, 'close');
    });
    return portOf(server);
  }
  const greet = async (port: number, ca?: string, name = 'localhost') =>
    done(await dial({ host: '127.0.0.1', port, reach: { ...near, ca }, signal: soon(), tls: { name } }));

  it.each([
    ['good', undefined],
    ['soon', undefined],
    ['expired', 'CERT_EXPIRED'],
    ['early', 'CERT_EXPIRED'],
    ['wrongName', 'CERT_NAME'],
    ['selfSigned', 'CERT_UNTRUSTED'],
  ] as const)('that are %s are read and judged: %s [S-A8]', async (kind, code) => {
    const dialled = await greet(await desk(made[kind]), made.caFile);
    expect(dialled.ok && dialled.connection.certificate?.fault?.code).toBe(code);
    expect(dialled.ok && Number.isFinite(dialled.connection.certificate?.daysLeft)).toBe(true);
    expect(dialled.phases).toHaveProperty('tls');
  });

  it('count their days and name names', async () => {
    const few = await greet(await desk(made.soon), made.caFile);
    expect(few.ok && few.connection.certificate?.daysLeft).toBe(5);
    const other = await greet(await desk(made.wrongName), made.caFile);
    expect(other.ok && other.connection.certificate?.fault?.message).toContain(
      'elsewhere.example.id, not for localhost',
    );
  });

  it('of an unknown authority are not trusted, and an unreadable CA file is a setting of ours [S-A8]', async () => {
    const port = await desk(made.good);
    const stranger = await greet(port);
    expect(stranger.ok && stranger.connection.certificate?.fault?.code).toBe('CERT_UNTRUSTED');
    const missing = await greet(port, '/nonexistent/ca.pem');
    expect(!missing.ok && findingOf(missing.fault, 'none')).toMatchObject({
      kind: 'unknown',
      fault: { code: 'SETTINGS' },
    });
  });

  it('are not asked for below TLS 1.2 [S-A8]', async () => {
    const port = await desk({
      ...made.good,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    expect(codeOf(await greet(port, made.caFile))).toBe('TLS_FAILED');
  });

  it('are for an address when an address is dialled', async () => {
    const dialled = done(
      await dial({
        host: '127.0.0.1',
        port: await desk(made.good),
        reach: { ...near, ca: made.caFile },
        signal: soon(),
        tls: {},
      }),
    );
    expect(dialled.ok && dialled.connection.certificate?.fault).toBeUndefined();
  });

  it.each([
    ['silent', 'TLS_TIMEOUT'],
    ['hanging up', 'TLS_FAILED'],
    ['babbling', 'TLS_NOT_TLS'],
    ['endless', 'TLS_NOT_TLS'],
    ['dripping', 'TLS_NOT_TLS'],
  ] as const)('a far side that is %s instead of speaking TLS is %s', async (manner, code) => {
    const odd = await openTcp(manner);
    closers.push(odd.close);
    const dialled = await dial({ host: '127.0.0.1', port: odd.port, reach: near, signal: soon(500), tls: {} });
    expect(codeOf(dialled)).toBe(code);
    expect(!dialled.ok && dialled.address).toBe('127.0.0.1');
  });

  it('come with STARTTLS as well', async () => {
    const port = await desk(made.good);
    const plain = await dial({ host: '127.0.0.1', port, reach: near, signal: soon() });
    expect(plain.ok).toBe(true);
    if (!plain.ok) return;
    const up = done(
      await upgrade(plain.connection, { name: 'localhost', reach: { ...near, ca: made.caFile }, signal: soon() }),
    );
    expect(up.ok && up.connection.certificate?.fault).toBeUndefined();
    expect(up.ok && plain.connection.socket.destroyed).toBe(true);
  });
});
