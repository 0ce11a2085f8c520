/** Edge 31: trunks that are found by SRV records, told by a scripted name server. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call, callTo, openFarEnd } from '../lib/farside.ts';
import type { FarEnd } from '../lib/farside.ts';
import { openNameServer } from '../lib/mail.ts';
import type { DnsAnswer, NameServer } from '../lib/mail.ts';
import { closedPort } from '../lib/sip.ts';
import { openSipDesk } from '../../src/demo/sip.ts';
import { certificates } from '../lib/certs.ts';

let far: FarEnd;
let names: NameServer | undefined;
beforeEach(async () => {
  far = await openFarEnd((request, end) => {
    if (request.method === 'INVITE') end.reply(request, 486, 'Busy Here');
  });
});
afterEach(async () => {
  names?.close();
  await far.close();
});

async function lookAt(
  address: string,
  table: Readonly<Record<string, DnsAnswer>>,
  settings: Record<string, unknown> = {},
  timeoutMs = 15_000,
) {
  names = await openNameServer({ 'A one.test': { a: ['127.0.0.1'] }, ...table });
  return call(callTo(0, { trunk: { address }, ...settings }), timeoutMs);
}

it('edge 31: the best server of a domain is called, at the port that its record names', async () => {
  const srv = [
    [20, 0, 9, 'two.test'],
    [10, 1, 9, 'gone.test'],
    [10, 5, far.port, 'one.test'],
  ] as const;
  const finding = await lookAt('sip:trunk.test', { 'SRV _sip._udp.trunk.test': { srv } });
  expect(finding).toMatchObject({ kind: 'failed', facts: { outcome: 'busy' } });
});

it('who names a port means it: no record is asked for', async () => {
  const table: Record<string, DnsAnswer> = {
    'A trunk.test': { a: ['127.0.0.1'] },
    'SRV _sip._udp.trunk.test': { srv: [[1, 1, 9, 'one.test']] },
  };
  expect((await lookAt(`sip:trunk.test:${far.port}`, table)).facts['outcome']).toBe('busy');
});

it('without a record the name itself is the server, and a name that is nobody is the trunk’s fault', async () => {
  const finding = await lookAt('sip:nobody.test', {});
  expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'DNS_NXDOMAIN', blame: 'trunk' } });
});

it('edge 31: over TCP the next server is called when the first one takes no connection', async () => {
  const { good, expired } = await certificates();
  const desk = await openSipDesk({ tls: good, expired, ringMs: 200 });
  const srv = [
    [1, 1, await closedPort(), 'one.test'],
    [2, 1, desk.address.udpPort, 'one.test'],
  ] as const;
  const finding = await lookAt('sip:trunk.test;transport=tcp', { 'SRV _sip._tcp.trunk.test': { srv } });
  expect(finding).toMatchObject({ kind: 'ok', facts: { outcome: 'rang', transport: 'tcp' } });
  await desk.close();
});

/** Two servers in this order. */
const two = (first: number, second: number): Record<string, DnsAnswer> => ({
  'SRV _sip._udp.trunk.test': {
    srv: [
      [1, 1, first, 'one.test'],
      [2, 1, second, 'one.test'],
    ],
  },
});

describe('edge 31, RFC 3263 §4.3: the next server of the trunk is called', () => {
  const refusing = (status: number, headers = {}) =>
    openFarEnd((request, end) => {
      if (request.method !== 'INVITE') return;
      end.reply(request, 100, 'Trying');
      end.reply(request, status, 'Not Here', { headers });
    });

  it('when one says 503, and the facts say so', async () => {
    const full = await refusing(503, { 'retry-after': '60' });
    const finding = await lookAt('sip:trunk.test', two(full.port, far.port));
    expect(finding).toMatchObject({ kind: 'failed', facts: { outcome: 'busy', status: 486 } });
    expect(finding.facts['servers']).toEqual([
      `127.0.0.1:${full.port} over UDP: 503 Not Here`,
      `127.0.0.1:${far.port} over UDP: took the call`,
    ]);
    expect(full.requests('ACK')).toHaveLength(1);
    await full.close();
  });

  it('when nobody listens at one', async () => {
    const finding = await lookAt('sip:trunk.test', two(await closedPort(), far.port));
    expect(finding.facts['outcome']).toBe('busy');
    expect(finding.facts['servers']).toEqual([expect.stringMatching(/: UDP_REFUSED$/), expect.any(String)]);
  });

  it('when one is silent; and if that one wakes up meanwhile, it is cancelled', async () => {
    const late = await openFarEnd((request, end) => {
      if (request.method !== 'CANCEL') return;
      end.reply(request, 200, 'OK');
      end.reply(late.requests('INVITE')[0] ?? expect.fail(), 487, 'Request Terminated');
    });
    const slow = await openFarEnd((request, end) => {
      if (request.method !== 'INVITE') return;
      end.reply(request, 100, 'Trying');
      late.reply(late.requests('INVITE')[0] ?? expect.fail(), 180, 'Ringing');
      setTimeout(() => end.reply(request, 486, 'Busy Here'), 500);
    });
    const finding = await lookAt('sip:trunk.test', two(late.port, slow.port), {}, 14_000);
    expect(finding).toMatchObject({ kind: 'failed', facts: { outcome: 'busy' } });
    expect(finding.facts['servers']).toEqual([expect.stringMatching(/: UDP_SILENT$/), expect.any(String)]);
    expect(late.requests('INVITE').length).toBeGreaterThan(1);
    expect(late.requests('CANCEL')).toHaveLength(1);
    expect(late.requests('ACK')).toHaveLength(1);
    await Promise.all([late.close(), slow.close()]);
  });

  it('and when none takes it, that is no word of the line', async () => {
    const full = await refusing(503);
    const finding = await lookAt('sip:trunk.test', two(await closedPort(), full.port));
    expect(finding).toMatchObject({ kind: 'unknown', fault: { blame: 'trunk' }, facts: { status: 503 } });
    expect(finding.facts['servers']).toHaveLength(2);
    await full.close();
  });

  it.each([486, 404, 603, 500])('and not when one says %s: that is an answer', async (status) => {
    const said = await refusing(status);
    const finding = await lookAt('sip:trunk.test', two(said.port, far.port));
    expect(finding.facts).toMatchObject({ status });
    expect(finding.facts).not.toHaveProperty('servers');
    expect(far.requests('INVITE')).toHaveLength(0);
    await said.close();
  });
});
