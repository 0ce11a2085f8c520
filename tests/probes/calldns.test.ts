/** Edge 31: trunks that are found by SRV records, told by a scripted name server. */
import { afterEach, beforeEach, expect, it } from 'vitest';
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
) {
  names = await openNameServer({ 'A one.test': { a: ['127.0.0.1'] }, ...table });
  return call(callTo(0, { trunk: { address }, ...settings }), 6_000);
}

it('the best server of a domain is called, at the port that its record names', async () => {
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

it('over TCP the next server is called when the first one takes no connection', async () => {
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
