/** The kind `sip-options` against a real trunk (Kamailio) and a real telephone (baresip). */
import { afterAll, beforeAll, expect, it } from 'vitest';
import kind from '../../probes/sip-options.ts';
import { describeWith } from '../lib/needs.ts';
import { freePort, removeFolder, stateFolder, stopAll } from './daemon.ts';
import type { Daemon } from './daemon.ts';
import { codeOf, lookWith } from './look.ts';
import { startTelephone, startTrunk } from './telephone.ts';
import type { Telephone, Trunk } from './telephone.ts';

const NEEDS = {
  kamailio: 'kamailio',
  [`/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/kamailio/modules/tls.so`]:
    'kamailio-tls-modules',
  baresip: 'baresip-core',
  openssl: 'openssl',
};

describeWith(NEEDS, 'sip-options and a real trunk', () => {
  const daemons: Daemon[] = [];
  let folder: string;
  let trunk: Trunk;
  let telephone: Telephone;

  beforeAll(async () => {
    folder = await stateFolder('telephone');
    trunk = await startTrunk(folder);
    daemons.push(trunk.daemon);
    telephone = await startTelephone(folder, trunk);
    daemons.push(telephone.daemon);
  });
  afterAll(async () => {
    await stopAll(daemons);
    await removeFolder(folder);
  });

  it.each(['udp', 'tcp'])('finds the trunk accepting over %s', async (transport) => {
    const finding = await lookWith(kind, { address: `sip:127.0.0.1:${trunk.port};transport=${transport}` });
    expect(finding).toMatchObject({
      kind: 'ok',
      rung: 'accepting',
      facts: { status: 200, server: 'lab-trunk', transport },
    });
    expect(finding.phases['reply']).toBeGreaterThan(0);
  });

  it('finds the trunk accepting over TLS, and reads how long its certificate lasts', async () => {
    const finding = await lookWith(kind, { address: `sip:127.0.0.1:${trunk.tlsPort};transport=tls`, ca: trunk.ca });
    expect(finding).toMatchObject({ kind: 'ok', rung: 'accepting', facts: { status: 200, transport: 'tls' } });
    expect(finding.facts['certificate_days']).toBeGreaterThan(18);
    expect(finding.phases['tls']).toBeGreaterThan(0);
  });

  it('tells an expired certificate from an unknown authority', async () => {
    const expired = await lookWith(kind, { address: `sip:127.0.0.1:${trunk.expiredPort};transport=tls`, ca: trunk.ca });
    expect([expired.kind, codeOf(expired)]).toEqual(['failed', 'CERT_EXPIRED']);
    const untrusted = await lookWith(kind, { address: `sip:127.0.0.1:${trunk.tlsPort};transport=tls` });
    expect([untrusted.kind, codeOf(untrusted)]).toEqual(['failed', 'CERT_UNTRUSTED']);
  });

  it('tells a trunk that says 503 with the wait it asks for', async () => {
    const finding = await lookWith(kind, { address: `sip:full@127.0.0.1:${trunk.port}` });
    expect(finding.kind).not.toBe('ok');
    expect(finding.facts).toMatchObject({ status: 503, retry_after: 120 });
  });

  it('tells a trunk that is silent from a port where nobody listens', async () => {
    const silent = await lookWith(kind, { address: `sip:silent@127.0.0.1:${trunk.port}` }, 2_000);
    expect([silent.kind, codeOf(silent)]).toEqual(['failed', 'UDP_SILENT']);
    expect(silent.facts['transmissions']).toBeGreaterThan(1);
    const port = await freePort();
    const refused = await lookWith(kind, { address: `sip:127.0.0.1:${port}` });
    expect([refused.kind, codeOf(refused)]).toEqual(['failed', 'UDP_REFUSED']);
  });

  it('reaches a registered telephone through the trunk', async () => {
    const finding = await lookWith(kind, { address: `sip:1001@127.0.0.1:${trunk.port}` });
    expect(finding).toMatchObject({ kind: 'ok', rung: 'accepting', facts: { status: 200 } });
    expect(String(finding.facts['server'])).toMatch(/baresip/);
  });

  it('tells a telephone that is not registered', async () => {
    const finding = await lookWith(kind, { address: `sip:1002@127.0.0.1:${trunk.port}` });
    expect(finding.kind).not.toBe('ok');
    expect(finding.facts['status']).toBe(480);
  });

  it.each(['udp', 'tcp'])(
    'takes 404 of a telephone over %s as a sign of life, unless only 2xx is accepted',
    async (transport) => {
      const address = `sip:nobody@127.0.0.1:${telephone.port};transport=${transport}`;
      const alive = { kind: 'ok', rung: 'accepting', facts: { status: 404 } };
      expect(await lookWith(kind, { address })).toMatchObject(alive);
      expect(await lookWith(kind, { address, accept: ['2xx', 404] })).toMatchObject(alive);
      expect(codeOf(await lookWith(kind, { address, accept: ['2xx'] }))).toBe('STATUS');
    },
  );
});
