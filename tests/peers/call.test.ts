/** The kind `sip-call` through a real trunk (Kamailio) to real telephones (baresip). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import kind from '../../probes/sip-call.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Finding } from '../../src/core/model.ts';
import { describeWith } from '../lib/needs.ts';
import { join, voice } from '../lib/sounds.ts';
import { freePort, removeFolder, stateFolder, stopAll } from './daemon.ts';
import type { Daemon } from './daemon.ts';
import { agrees, hears, makeTls, says, startHotline, startPhone, startScene } from './hotline.ts';
import type { Hotline } from './hotline.ts';
import { codeOf, lookWith } from './look.ts';

const NEEDS = {
  kamailio: 'kamailio',
  [`/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/kamailio/modules/tls.so`]:
    'kamailio-tls-modules',
  baresip: 'baresip-core',
  sipp: 'sip-tester',
  openssl: 'openssl',
};
const password = new Secret('s3cret', 'env:TRUNK');

describeWith(NEEDS, 'sip-call and a real trunk', () => {
  const daemons: Daemon[] = [];
  let folder: string;
  let hotline: Hotline;
  let phone: number;
  let phoneDaemon: Daemon;
  let scenes: readonly [number, number];

  beforeAll(async () => {
    folder = await stateFolder('hotline');
    await makeTls(folder);
    phone = await freePort(2);
    scenes = [await freePort(), await freePort()];
    hotline = await startHotline(folder, phone, scenes);
    daemons.push(hotline.daemon);
    phoneDaemon = await startPhone(folder, phone, hotline.port, join(voice(), voice(), voice()));
    daemons.push(phoneDaemon);
  });
  afterAll(async () => {
    await stopAll(daemons);
    await removeFolder(folder);
  });

  const lines = new Map<string, Promise<unknown>>();
  /** A call of a user of the trunk; one line is called once at a time. */
  function dial(
    user: string,
    settings: Record<string, unknown> = {},
    trunk: Record<string, unknown> = {},
  ): Promise<Finding> {
    const call = `sip:${user}@127.0.0.1`;
    const account = { address: `sip:127.0.0.1:${hotline.port}`, user: 'probe', password, ...trunk };
    const look = () => lookWith(kind, { trunk: account, call, allow: [call], ...settings }, 20_000);
    const going = Promise.resolve(lines.get(user)).then(look);
    lines.set(user, going);
    return going;
  }

  const over = (transport: string): Record<string, unknown> =>
    transport === 'tls'
      ? { address: `sip:127.0.0.1:${hotline.tlsPort};transport=tls` }
      : { address: `sip:127.0.0.1:${hotline.port};transport=${transport}` };

  describe.concurrent('a call', () => {
    it.each(['udp', 'tcp', 'tls'])('hears a telephone speak, over %s and with a login', async (transport) => {
      const settings = { hangup: 'after_listen', listen: '3s', ca: hotline.ca };
      const finding = await dial('1002', settings, over(transport));
      expect(finding).toMatchObject({
        kind: 'ok',
        rung: 'answered',
        facts: {
          transport,
          outcome: 'answered',
          audio: 'voice',
          codec: 'PCMU',
          challenges: 1,
          hung_up_by: 'us',
          loss: 0,
        },
      });
      expect(finding.phases['challenge']).toBeGreaterThan(0);
      expect(finding.phases['first_rtp']).toBeGreaterThanOrEqual(0);
    });

    it('speaks to a telephone without any trunk between, over UDP, TCP and TLS', async () => {
      for (const transport of ['udp', 'tcp', 'tls']) {
        const address = `sip:1002@127.0.0.1:${transport === 'tls' ? phone + 1 : phone};transport=${transport}`;
        const settings = { trunk: { address }, call: address, allow: [address], hangup: 'on_answer', ca: hotline.ca };
        const finding = await lookWith(kind, settings, 20_000);
        expect(finding).toMatchObject({ kind: 'ok', facts: { transport, hung_up_by: 'us' } });
      }
    });

    it('is led to where a telephone registered', async () => {
      expect(await dial('1001', { hangup: 'on_answer' })).toMatchObject({ kind: 'ok', rung: 'answered' });
    });

    it('edge 30: tells a trunk no login whose certificate has expired', async () => {
      const address = `sip:127.0.0.1:${hotline.expiredPort};transport=tls`;
      expect(await dial('5556', { ca: hotline.ca }, { address })).toMatchObject({
        kind: 'unknown',
        fault: { code: 'CERT_EXPIRED', blame: 'trunk' },
      });
    });

    it('edge 4: two telephones that are picked up at once are both acknowledged, and one is told good-bye', async () => {
      const turns = [hears('INVITE'), says(200, 'OK', { sdp: true }), hears('ACK'), hears('BYE'), agrees];
      const both = await Promise.all(scenes.map((port) => startScene(folder, port, voice(), turns)));
      const finding = await dial('3000', { hangup: 'after_listen', listen: '1s' });
      await stopAll(both);
      expect(finding.facts).toMatchObject({ forks: 1, hung_up_by: 'us' });
      // sipp counts a call whose last message came as it should.
      for (const { log } of both) expect(log()).toMatch(/Successful call\s+\|[^|]*\|\s+1\s/);
    });

    it('hears A-law too', async () => {
      const finding = await dial('1002', { hangup: 'after_listen', listen: '4s', codecs: ['PCMA'] });
      expect(finding.facts).toMatchObject({ audio: 'voice', codec: 'PCMA' });
    });

    it('hangs up on ring, and on answer', async () => {
      expect(await dial('1003')).toMatchObject({ kind: 'ok', rung: 'accepting', facts: { outcome: 'rang' } });
      expect(await dial('1002', { hangup: 'on_answer' })).toMatchObject({ kind: 'ok', rung: 'answered' });
      const missed = await dial('1003', { hangup: 'on_answer', ring_timeout: '1s' });
      expect(missed).toMatchObject({ kind: 'failed', fault: { code: 'NO_ANSWER' }, facts: { outcome: 'no_answer' } });
    });

    it('presses keys that the telephone hears', async () => {
      const steps = [{ wait: 'voice', within: '5s' }, { send: '159#' }, { wait: 'quiet', within: '8s' }];
      expect((await dial('1002', { steps })).kind).toBe('ok');
      for (const key of '159#') expect(phoneDaemon.log()).toMatch(new RegExp(`received event: '${key}' \\(end=1\\)`));
    });

    it('edge 29: speaks SRTP over TLS, and says so when a telephone insists on it and was not offered any', async () => {
      const call = `sip:1005@127.0.0.1:${phone + 1}`;
      const trunk = { address: `sip:127.0.0.1:${phone + 1};transport=tls` };
      const settings = { trunk, call, allow: [call], hangup: 'after_listen', listen: '4s', ca: hotline.ca };
      const finding = await lookWith(kind, { ...settings, srtp: true }, 20_000);
      expect(finding).toMatchObject({ kind: 'ok', facts: { audio: 'voice', loss: 0 } });
      const plain = await lookWith(kind, settings, 20_000);
      expect(plain).toMatchObject({
        kind: 'unknown',
        fault: { code: 'MEDIA_MISMATCH', blame: 'probe' },
        facts: { status: 488 },
      });
    });

    it.each([
      ['90302', 'degraded', 'redirected', 'line'],
      ['90403', 'unknown', 'rejected', 'trunk'],
      ['90404', 'failed', 'not_in_service', 'line'],
      ['90480', 'failed', 'unavailable', 'line'],
      ['90486', 'failed', 'busy', 'line'],
      ['90488', 'unknown', 'media_mismatch', 'probe'],
      ['90500', 'unknown', 'upstream_failure', 'trunk'],
      ['90503', 'unknown', 'congested', 'trunk'],
      ['90600', 'failed', 'busy', 'line'],
      ['90603', 'unknown', 'caller_unwanted', 'probe'],
      ['90604', 'failed', 'not_in_service', 'line'],
      ['90607', 'unknown', 'caller_unwanted', 'probe'],
      ['90608', 'unknown', 'caller_unwanted', 'probe'],
      ['5555', 'failed', 'not_in_service', 'line'],
    ])('finds %s %s: %s by the %s', async (user, found, outcome, blame) => {
      const finding = await dial(user);
      expect([finding.kind, finding.facts['outcome'], finding.facts['blame']]).toEqual([found, outcome, blame]);
    });

    it('tells a wrong password, and answers 401 like 407', async () => {
      const wrong = await dial('1003', {}, { password: new Secret('wrong-one', 'env:X') });
      expect([wrong.kind, codeOf(wrong), wrong.facts['blame']]).toEqual(['unknown', 'AUTH', 'probe']);
      const right = await dial('1003', {}, { user: 'www', password: new Secret('wsecret', 'env:W') });
      expect(right).toMatchObject({ kind: 'ok', facts: { challenges: 1 } });
    });

    it('edge 7: answers a trunk that wants SHA-256', async () => {
      const modern = await startHotline(folder, phone, scenes, 'SHA-256');
      daemons.push(modern.daemon);
      const finding = await dial('1003', { record: true }, { address: `sip:127.0.0.1:${modern.port}` });
      expect(finding).toMatchObject({ kind: 'ok', facts: { outcome: 'rang', challenges: 1 } });
      expect(finding.evidence?.[0]?.text).toContain('algorithm=SHA-256');
    });

    it('edge 33: does not take the 408 of a proxy for a line that nobody answers', async () => {
      const finding = await dial('4000', { ring_timeout: '60s' });
      expect(finding).toMatchObject({
        kind: 'unknown',
        facts: { status: 408, outcome: 'upstream_failure', blame: 'trunk' },
      });
    });
  });
});
