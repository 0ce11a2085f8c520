/** The kind `sip-call` and a far end that plays any scene (sipp), each on a port of its own and all at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import kind from '../../probes/sip-call.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Finding } from '../../src/core/model.ts';
import { describeWith } from '../lib/needs.ts';
import { cadence, quiet, voice } from '../lib/sounds.ts';
import { freePort, removeFolder, stateFolder } from './daemon.ts';
import {
  agrees,
  asks,
  checks,
  concludes,
  hears,
  isTold,
  plays,
  playsAlaw,
  remembers,
  says,
  startScene,
  waits,
} from './hotline.ts';
import type { Turn } from './hotline.ts';
import { lookWith } from './look.ts';

describeWith({ sipp: 'sip-tester' }, 'sip-call and sipp', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await stateFolder('scenes');
  });
  afterAll(() => removeFolder(folder));

  /** Calls a scene directly: sipp keeps one Via only. */
  async function act(
    sound: Int16Array,
    turns: readonly Turn[],
    settings: Record<string, unknown> = {},
    account: Record<string, unknown> = {},
  ): Promise<Finding> {
    const port = await freePort();
    const daemon = await startScene(folder, port, sound, turns);
    try {
      const call = `sip:2000@127.0.0.1:${port}`;
      const plan = { trunk: { address: call, ...account }, call, allow: [call], hangup: 'after_listen', listen: '5s' };
      return await lookWith(kind, { ...plan, ...settings }, 20_000);
    } finally {
      await daemon.stop();
    }
  }
  const answer = says(200, 'OK', { sdp: true });
  const talk = [hears('ACK'), plays, hears('BYE'), agrees];
  const LATE = { hangup: 'on_answer', ring_timeout: '1s' };

  describe.concurrent('a scene', () => {
    it('rings and answers', async () => {
      const finding = await act(voice(), [hears('INVITE'), says(180, 'Ringing'), waits(500), answer, ...talk]);
      expect(finding).toMatchObject({ kind: 'ok', facts: { audio: 'voice', codec: 'PCMU' } });
      expect(finding.phases['ringing']).toBeGreaterThan(400);
    });

    it('speaks A-law', async () => {
      const turns = [hears('INVITE'), says(200, 'OK', { sdp: true, law: 'PCMA' }), hears('ACK'), playsAlaw];
      const finding = await act(voice(), [...turns, hears('BYE'), agrees]);
      expect(finding).toMatchObject({ kind: 'ok', facts: { audio: 'voice', codec: 'PCMA' } });
    });

    it.each([
      ['a busy tone', cadence([480, 620], [0.5, 0.5], 8), 'BUSY', { audio: 'tone', tone: 'busy' }],
      ['reorder', cadence([480, 620], [0.25, 0.25], 8), 'OVERLOAD', { audio: 'tone', tone: 'congestion' }],
      ['silence', quiet(8), 'SILENCE', { audio: 'silence', outcome: 'answered_silent' }],
    ])('answers with %s', async (_, sound, code, facts) => {
      const finding = await act(sound, [hears('INVITE'), answer, ...talk]);
      expect(finding).toMatchObject({ kind: 'failed', fault: { code, blame: 'line' }, facts });
    });

    it('answers and sends no media', async () => {
      const turns = [hears('INVITE'), answer, hears('ACK'), hears('BYE'), agrees];
      const finding = await act(voice(), turns, { listen: '1s' });
      expect(finding).toMatchObject({ kind: 'failed', facts: { outcome: 'answered_no_media' } });
    });

    it('edge 5: plays ringback before it answers', async () => {
      const turns = [hears('INVITE'), says(183, 'Progress', { sdp: true }), plays, waits(7_000), answer];
      const finding = await act(cadence([440, 480], [2, 4], 12), [...turns, hears('ACK'), hears('BYE'), agrees], {
        hangup: 'on_answer',
      });
      expect(finding).toMatchObject({ kind: 'ok', facts: { outcome: 'answered', audio_early: 'tone' } });
      expect(finding.phases['post_dial_delay']).toBeLessThan(4_000);
      expect(finding.phases['answer']).toBeGreaterThan(6_500);
    });

    it.each([
      [486, 'Busy Here', 17],
      [503, 'Service Unavailable', 34],
    ])('edge 5, 36: plays a busy tone and refuses with %i', async (status, reason, cause) => {
      const turns = [hears('INVITE'), says(183, 'Progress', { sdp: true }), plays, waits(4_000)];
      const refusal = says(status, reason, { headers: `Reason: Q.850;cause=${cause}\n` });
      const finding = await act(cadence([425], [0.5, 0.5], 8), [...turns, refusal, hears('ACK')]);
      const facts = { outcome: 'busy', status, q850: cause, audio_early: 'tone' };
      expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'BUSY', blame: 'line' }, facts });
    });

    it('refuses our sound with 488 and says why', async () => {
      const refusal = says(488, 'Not Acceptable Here', { headers: 'Warning: 304 lab "Media type not available"\n' });
      const finding = await act(voice(), [hears('INVITE'), refusal, hears('ACK')]);
      expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'MEDIA_MISMATCH', blame: 'probe' } });
      expect(finding.facts['warning']).toBe('304 lab "Media type not available"');
    });

    it('edge 20: rings until it is cancelled', async () => {
      const turns = [remembers, says(180, 'Ringing'), hears('CANCEL'), agrees, concludes(487, 'Request Terminated')];
      const finding = await act(voice(), [...turns, hears('ACK')], LATE);
      expect(finding).toMatchObject({ kind: 'failed', facts: { outcome: 'no_answer' } });
    });

    it('edge 21: answers when it has been cancelled', async () => {
      const turns = [remembers, says(180, 'Ringing'), hears('CANCEL'), agrees, concludes(200, 'OK'), hears('ACK')];
      const finding = await act(voice(), [...turns, hears('BYE'), agrees], LATE);
      expect(finding).toMatchObject({ kind: 'failed', facts: { outcome: 'no_answer' } });
    });

    it('edge 22: says 100 and never anything final', async () => {
      const turns = [hears('INVITE'), says(100, 'Trying'), hears('CANCEL'), agrees, waits(20_000)];
      const finding = await act(voice(), turns, LATE);
      expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'STALLED', blame: 'trunk' } });
    });

    it('edge 6: wants its progress acknowledged', async () => {
      const reliable = says(183, 'Progress', { headers: 'Require: 100rel\nRSeq: 101\n' });
      const turns = [remembers, reliable, hears('PRACK'), agrees, waits(200), concludes(200, 'OK'), ...talk];
      expect(await act(voice(), turns, { listen: '3s' })).toMatchObject({ kind: 'ok', facts: { audio: 'voice' } });
    });

    it('edge 25: hangs up at once, and says why', async () => {
      const bye = asks('BYE', 1, { headers: 'Reason: Q.850;cause=41;text="Temporary failure"\n' });
      const finding = await act(voice(), [remembers, answer, hears('ACK'), plays, waits(700), bye, isTold(200)]);
      expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'DROPPED', blame: 'line' } });
      expect(finding.facts).toMatchObject({
        hung_up_by: 'them',
        hangup_reason: expect.stringContaining('cause=41') as string,
      });
    });

    it('edge 19: refreshes the session, and the call goes on', async () => {
      const refresh = asks('INVITE', 1, {
        sdp: true,
        headers: 'Session-Expires: 120;refresher=uac\nSupported: timer\n',
      });
      const turns = [remembers, answer, hears('ACK'), plays, waits(500), refresh, isTold(200), asks('ACK', 1)];
      const finding = await act(voice(), [...turns, hears('BYE'), agrees]);
      expect(finding).toMatchObject({ kind: 'ok', facts: { audio: 'voice', hung_up_by: 'us' } });
    });

    it.each([
      ['right', 's3cret', { kind: 'ok', facts: { outcome: 'answered', challenges: 1 } }],
      ['wrong', 'another', { kind: 'unknown', facts: { status: 403, challenges: 1 } }],
    ])('edge 7: checks a login that is %s', async (_, word, expected) => {
      const headers =
        'WWW-Authenticate: Digest realm="pbx.test", nonce="47ebe028cda119c3", algorithm=MD5, qop="auth"\n';
      const login = checks('probe', 's3cret', [answer, ...talk], [says(403, 'Forbidden'), hears('ACK')]);
      const turns = [hears('INVITE'), says(401, 'Unauthorized', { headers }), hears('ACK'), login];
      const account = { user: 'probe', password: new Secret(word, 'env:P') };
      expect(await act(voice(), turns, { hangup: 'on_answer' }, account)).toMatchObject(expected);
    });
  });
});
