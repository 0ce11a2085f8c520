/** The kind `sip-call` through a real trunk (Kamailio) to real telephones (baresip) and to scenes that sipp plays. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import kind from '../../probes/sip-call.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Finding } from '../../src/core/model.ts';
import { describeWith } from '../lib/needs.ts';
import { cadence, join, voice } from '../lib/sounds.ts';
import { freePort, removeFolder, stateFolder, stopAll } from './daemon.ts';
import type { Daemon } from './daemon.ts';
import {
  agrees,
  concludes,
  hears,
  makeTls,
  plays,
  remembers,
  says,
  startHotline,
  startPhone,
  startScene,
  waits,
} from './hotline.ts';
import type { Hotline, Turn } from './hotline.ts';
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
  let scene: number;

  beforeAll(async () => {
    folder = await stateFolder('hotline');
    await makeTls(folder);
    phone = await freePort(2);
    scene = await freePort();
    hotline = await startHotline(folder, phone, scene);
    daemons.push(hotline.daemon);
    phoneDaemon = await startPhone(folder, phone, join(voice(), voice(), voice()));
    daemons.push(phoneDaemon);
  });
  afterAll(async () => {
    await stopAll(daemons);
    await removeFolder(folder);
  });

  /** A call of a user of the trunk. */
  function dial(
    user: string,
    settings: Record<string, unknown> = {},
    trunk: Record<string, unknown> = {},
  ): Promise<Finding> {
    const call = `sip:${user}@127.0.0.1`;
    const account = { address: `sip:127.0.0.1:${hotline.port}`, user: 'probe', password, ...trunk };
    return lookWith(kind, { trunk: account, call, allow: [call], ...settings }, 20_000);
  }

  const over = (transport: string): Record<string, unknown> =>
    transport === 'tls'
      ? { address: `sip:127.0.0.1:${hotline.tlsPort};transport=tls` }
      : { address: `sip:127.0.0.1:${hotline.port};transport=${transport}` };

  it.each(['udp', 'tcp', 'tls'])('hears a telephone speak, over %s and with a login', async (transport) => {
    const settings = { hangup: 'after_listen', listen: '5s', ca: hotline.ca };
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
    const modern = await startHotline(folder, phone, scene, 'SHA-256');
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

  describe('and sipp', () => {
    /** Calls a scene directly: sipp keeps one Via only. */
    async function act(
      sound: Int16Array,
      turns: readonly Turn[],
      settings: Record<string, unknown> = {},
    ): Promise<Finding> {
      const port = await freePort();
      const daemon = await startScene(folder, port, sound, turns);
      try {
        const call = `sip:2000@127.0.0.1:${port}`;
        const defaults = { hangup: 'after_listen', listen: '5s' };
        return await lookWith(
          kind,
          { trunk: { address: call }, call, allow: [call], ...defaults, ...settings },
          20_000,
        );
      } finally {
        await daemon.stop();
      }
    }
    const talk = [hears('ACK'), plays, hears('BYE'), agrees];

    it('hears an answer after ringing', async () => {
      const finding = await act(voice(), [
        hears('INVITE'),
        says(180, 'Ringing'),
        waits(500),
        says(200, 'OK', { sdp: true }),
        ...talk,
      ]);
      expect(finding).toMatchObject({ kind: 'ok', facts: { audio: 'voice' } });
      expect(finding.phases['ringing']).toBeGreaterThan(400);
    });

    it('hears a busy tone after a false answer', async () => {
      const finding = await act(cadence([480, 620], [0.5, 0.5], 8), [
        hears('INVITE'),
        says(200, 'OK', { sdp: true }),
        ...talk,
      ]);
      expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'BUSY' }, facts: { tone: 'busy' } });
    });

    it('edge 5, 36: hears a busy tone before the refusal', async () => {
      const turns = [hears('INVITE'), says(183, 'Progress', { sdp: true }), plays, waits(4_000)];
      const refusal = says(503, 'Service Unavailable', { headers: 'Reason: Q.850;cause=34\n' });
      const finding = await act(cadence([425], [0.5, 0.5], 8), [...turns, refusal, hears('ACK')]);
      expect(finding).toMatchObject({ kind: 'failed', facts: { outcome: 'busy', q850: 34, audio_early: 'tone' } });
    });

    it('edge 6: acknowledges a reliable response before the answer', async () => {
      const reliable = says(183, 'Progress', { headers: 'Require: 100rel\nRSeq: 101\n' });
      const turns = [remembers, reliable, hears('PRACK'), agrees, waits(200), concludes(200, 'OK'), ...talk];
      expect(await act(voice(), turns, { listen: '3s' })).toMatchObject({ kind: 'ok', facts: { audio: 'voice' } });
    });

    it('edge 20: cancels a call that nobody takes', async () => {
      const turns = [remembers, says(180, 'Ringing'), hears('CANCEL'), agrees];
      const finding = await act(voice(), [...turns, concludes(487, 'Request Terminated'), hears('ACK')], {
        hangup: 'on_answer',
        ring_timeout: '1s',
      });
      expect(finding).toMatchObject({ kind: 'failed', facts: { outcome: 'no_answer' } });
    });

    it('edge 21: ends a call whose answer crosses the CANCEL', async () => {
      const turns = [
        remembers,
        says(180, 'Ringing'),
        hears('CANCEL'),
        agrees,
        concludes(200, 'OK'),
        ...talk.slice(0, 1),
      ];
      const finding = await act(voice(), [...turns, hears('BYE'), agrees], { hangup: 'on_answer', ring_timeout: '1s' });
      expect(finding).toMatchObject({ kind: 'failed', facts: { outcome: 'no_answer' } });
    });

    it('finds no media where none comes', async () => {
      const turns = [hears('INVITE'), says(200, 'OK', { sdp: true }), hears('ACK'), hears('BYE'), agrees];
      expect(await act(voice(), turns, { listen: '1s' })).toMatchObject({
        kind: 'failed',
        facts: { outcome: 'answered_no_media' },
      });
    });
  });
});
