/** Edge 31: a trunk of several servers is asked at every one of them, and judged by the one that calls would go to. */
import { afterEach, expect, it } from 'vitest';
import type { Finding } from '../../src/core/model.ts';
import { openFarEnd } from '../lib/farside.ts';
import type { FarEnd } from '../lib/farside.ts';
import { openNameServer } from '../lib/mail.ts';
import type { NameServer } from '../lib/mail.ts';
import { closedPort, look } from '../lib/sip.ts';

let names: NameServer | undefined;
const open: FarEnd[] = [];
afterEach(async () => {
  names?.close();
  names = undefined;
  for (const each of open.splice(0)) await each.close();
});

/** A server that answers with a status, or with nothing. */
async function server(status: number | undefined, headers = {}): Promise<number> {
  const end = await openFarEnd((request, far) => {
    if (status !== undefined) far.reply(request, status, status === 200 ? 'OK' : 'No', { headers });
  });
  open.push(end);
  return end.port;
}

/** One look at a trunk whose servers are at these ports, the best one first. */
async function lookAt(ports: readonly number[], timeoutMs = 2_000): Promise<Finding> {
  const srv = ports.map((port, at) => [at + 1, 1, port, `s${at}.test`] as const);
  const hosts = Object.fromEntries(ports.map((_, at) => [`A s${at}.test`, { a: ['127.0.0.1'] }]));
  names = await openNameServer({ ...hosts, 'SRV _sip._udp.trunk.test': { srv } });
  return look({ address: 'sip:trunk.test;transport=udp' }, timeoutMs);
}

const place = (port: number): string => `127.0.0.1:${port} over UDP`;

it('all are told, and the best one’s answer is the answer', async () => {
  const [good, full, gone] = [await server(200), await server(503), await closedPort()];
  const finding = await lookAt([good, full, gone]);
  expect(finding).toMatchObject({ kind: 'ok', rung: 'accepting', facts: { status: 200, servers_reachable: 2 } });
  expect(finding.facts['servers']).toEqual([
    `${place(good)}: 200 OK`,
    `${place(full)}: 503 No`,
    `${place(gone)}: UDP_REFUSED`,
  ]);
  expect(finding.facts).not.toHaveProperty('other_address');
});

it.each([
  ['is silent', undefined, {}, 'UDP_SILENT'],
  ['is full', 503, { 'retry-after': '60' }, 'OVERLOAD'],
])('callers get through, and later than they should, when the best one %s', async (_, status, headers, code) => {
  const [bad, good] = [await server(status, headers), await server(200)];
  const finding = await lookAt([bad, good]);
  expect(finding).toMatchObject({ kind: 'degraded', rung: 'accepting', fault: { code, blame: 'line' } });
  expect(finding).toMatchObject({ fault: { message: expect.stringContaining(`calls go to ${place(good)}`) } });
  expect(finding.evidence?.[0]?.text).toContain(`to 127.0.0.1:${good}`);
});

it('nobody gets through when there is none', async () => {
  const [gone, full] = [await closedPort(), await server(503)];
  const finding = await lookAt([gone, full]);
  expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'UDP_REFUSED' }, facts: { servers_reachable: 1 } });
});

it('one that says no is not passed over: that is the word that callers get', async () => {
  const finding = await lookAt([await server(486), await server(200)]);
  expect(finding).toMatchObject({ kind: 'degraded', rung: 'reachable', fault: { code: 'BUSY' } });
});

it('one that is silent does not hold up the look when the best one answers', async () => {
  const began = performance.now();
  const finding = await lookAt([await server(200), await server(undefined)], 30_000);
  expect(finding).toMatchObject({ kind: 'ok', facts: { servers_reachable: 1 } });
  expect(performance.now() - began).toBeLessThan(15_000);
});
