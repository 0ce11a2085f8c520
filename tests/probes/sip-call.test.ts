/** Test calls to a far end that does what no decent telephone does, message by message; the edge cases by their number. */
import { afterEach, describe, expect, it } from 'vitest';
import kind from '../../probes/sip-call.ts';
import { headerOf, listOf, parameterOf } from '../../probes/lib/sip/header.ts';
import type { SipRequest } from '../../probes/lib/sip/message.ts';
import { Secret } from '../../src/core/secret.ts';
import { bound, call, callTo, closed, openFarEnd, openSpeaker, sdpFor } from '../lib/farside.ts';
import type { FarEnd } from '../lib/farside.ts';
import { garbage } from '../lib/servers.ts';
import { cadence, join, quiet, tone, voice } from '../lib/sounds.ts';
import { contract, HOST, near } from '../contract/contract.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

type Script = Parameters<typeof openFarEnd>[0];
async function farEnd(script: Script): Promise<FarEnd> {
  const end = await openFarEnd(script);
  open.push(end);
  return end;
}
/** What a decent telephone does with everything but INVITE. */
const decent = (request: SipRequest, end: FarEnd): void => {
  if (request.method === 'CANCEL') {
    end.reply(request, 200, 'OK');
    const [invite] = end.requests('INVITE').slice(-1);
    if (invite !== undefined) end.reply(invite, 487, 'Request Terminated');
  } else if (request.method !== 'ACK' && request.method !== 'INVITE') end.reply(request, 200, 'OK');
};

/** Rings and answers at once with sound at a port. */
const answers =
  (port = 9, reply: Parameters<FarEnd['reply']>[3] = {}): Script =>
  (request, end) => {
    if (request.method !== 'INVITE') return decent(request, end);
    end.reply(request, 180, 'Ringing', reply);
    end.reply(request, 200, 'OK', { body: sdpFor(port), ...reply });
    return undefined;
  };

const codeOf = (finding: object): unknown =>
  'fault' in finding ? (finding.fault as { code: string }).code : undefined;
const LOGIN = { user: 'probe', password: new Secret('s3cret-of-the-trunk', 'env:P') };

describe('setting up', () => {
  it('edge 1: sends again what was lost', async () => {
    const end = await farEnd((request, far, count) => {
      if (request.method === 'INVITE' && count === 1) return undefined;
      return answers()(request, far, count);
    });
    const finding = await call(callTo(end.port, { hangup: 'on_answer' }));
    expect(finding).toMatchObject({ kind: 'ok', rung: 'answered', facts: { transmissions: 2, outcome: 'answered' } });
  });

  it('edge 2: acknowledges each repetition of the 200', async () => {
    const end = await farEnd((request, far) => {
      if (request.method !== 'INVITE') return decent(request, far);
      for (let times = 0; times < 5; times += 1) far.reply(request, 200, 'OK', { body: sdpFor(9) });
      return undefined;
    });
    await call(callTo(end.port, { hangup: 'after_listen', listen: '300ms' }));
    const acks = end.requests('ACK');
    expect(acks).toHaveLength(5);
    expect(new Set(acks.map((each) => headerOf(each, 'cseq')))).toEqual(new Set(['1 ACK']));
  });

  it('edge 3: acknowledges a refusal each time, in the transaction of the INVITE', async () => {
    const end = await farEnd((request, far) => {
      if (request.method !== 'INVITE') return;
      for (const after of [0, 50, 100]) setTimeout(() => far.reply(request, 486, 'Busy Here'), after);
    });
    const finding = await call(callTo(end.port));
    expect(finding).toMatchObject({ kind: 'failed', facts: { outcome: 'busy', blame: 'line', status: 486 } });
    const branch = (each: SipRequest | undefined) =>
      parameterOf(listOf(each ?? expect.fail(), 'via')[0] ?? '', 'branch');
    expect(end.requests('ACK').map(branch)).toEqual(Array(3).fill(branch(end.requests('INVITE')[0])));
  });

  it('edge 4: keeps the first of several answers, and hangs up on the others', async () => {
    const end = await farEnd((request, far) => {
      if (request.method !== 'INVITE') return decent(request, far);
      for (let times = 0; times < 60; times += 1) far.reply(request, 180, 'Ringing', { tag: `early${times}` });
      for (const tag of ['one', 'two', 'three']) far.reply(request, 200, 'OK', { tag, body: sdpFor(9) });
      return undefined;
    });
    const finding = await call(callTo(end.port, { hangup: 'after_listen', listen: '300ms' }));
    expect(finding.facts).toMatchObject({ forks: 2 });
    const tags = (method: string) => end.requests(method).map((each) => parameterOf(headerOf(each, 'to') ?? '', 'tag'));
    expect(tags('ACK')).toEqual(['one', 'two', 'three']);
    expect(tags('BYE')).toEqual(['two', 'three', 'one']);
  });

  it('edge 6: acknowledges reliable responses in their order, each once', async () => {
    const end = await farEnd((request, far) => {
      const reliable = (rseq: number) =>
        far.reply(end.requests('INVITE')[0] ?? request, 183, 'Progress', {
          headers: { require: '100rel', rseq: String(rseq) },
        });
      if (request.method === 'INVITE') {
        for (const rseq of [101, 101, 103, 102]) reliable(rseq);
        setTimeout(() => far.reply(request, 200, 'OK', { body: sdpFor(9) }), 200);
      } else decent(request, far);
    });
    await call(callTo(end.port, { hangup: 'on_answer' }));
    expect(headerOf(end.requests('INVITE')[0] ?? expect.fail(), 'supported')).toMatch(/100rel/);
    expect(end.requests('PRACK').map((each) => headerOf(each, 'rack'))).toEqual(['101 1 INVITE', '102 1 INVITE']);
  });

  it('edge 6: asks for no reliable responses where the trunk is not to be asked', async () => {
    const end = await farEnd(answers());
    await call(callTo(end.port, { trunk: { reliable: false }, hangup: 'on_answer' }));
    expect(headerOf(end.requests('INVITE')[0] ?? expect.fail(), 'supported')).toBe('timer');
  });

  it('edge 9: goes the way that the proxies asked for', async () => {
    const routed: Script = (request, far, count) => {
      // As the proxies write them: the one nearest to the far end first, the one nearest to us last.
      const route = `<sip:10.1.1.1;lr>\n<sip:127.0.0.1:${far.port};lr>`;
      answers(9, { headers: { 'record-route': route } })(request, far, count);
    };
    const end = await farEnd(routed);
    await call(callTo(end.port, { hangup: 'on_answer' }));
    for (const method of ['ACK', 'BYE']) {
      const [request = expect.fail()] = end.requests(method);
      expect(listOf(request, 'route')).toEqual([`<sip:127.0.0.1:${end.port};lr>`, '<sip:10.1.1.1;lr>']);
      expect(request.uri).toBe(`sip:far@127.0.0.1:${end.port}`);
    }
  });

  it('edge 9: makes a strict router the Request-URI', async () => {
    const end = await farEnd((request, far, count) =>
      answers(9, { headers: { 'record-route': `<sip:127.0.0.1:${far.port}>` } })(request, far, count),
    );
    await call(callTo(end.port, { hangup: 'on_answer' }));
    const [bye = expect.fail()] = end.requests('BYE');
    expect(bye.uri).toBe(`sip:127.0.0.1:${end.port}`);
    expect(listOf(bye, 'route')).toEqual([`<sip:far@127.0.0.1:${end.port}>`]);
  });

  it.each([
    ['none', undefined],
    ['one of another network', '<sip:far@169.254.3.4:5060>'],
    ['a name', '<sip:far@far.invalid>'],
    ['garbage', '>>>'],
  ])('edge 10: hangs up although the Contact is %s', async (_, contact) => {
    const end = await farEnd((request, far, count) => answers(9, { headers: { contact } })(request, far, count));
    const finding = await call(callTo(end.port, { hangup: 'on_answer' }));
    expect(finding.kind).toBe('ok');
    expect(end.requests('BYE')).toHaveLength(1);
  });

  it('edge 10: a trunk that is pinned gets everything, wherever it says that it wants it', async () => {
    // Nobody listens there.
    const elsewhere = { contact: '<sip:far@127.0.0.1:9>', 'record-route': '<sip:127.0.0.1:9;lr>' };
    const end = await farEnd(answers(9, { headers: elsewhere }));
    const finding = await call(callTo(end.port, { trunk: { pin: true }, hangup: 'on_answer' }));
    expect(finding).toMatchObject({ kind: 'ok', facts: { hung_up_by: 'us' } });
    for (const method of ['ACK', 'BYE']) {
      const [request = expect.fail(`no ${method} came`)] = end.requests(method);
      expect([request.uri, listOf(request, 'route')]).toEqual(['sip:far@127.0.0.1:9', ['<sip:127.0.0.1:9;lr>']]);
    }
  });

  it('edge 11: asks for the way back through a NAT', async () => {
    const end = await farEnd(answers());
    await call(callTo(end.port));
    expect(listOf(end.requests('INVITE')[0] ?? expect.fail(), 'via')[0]).toMatch(/;rport$/);
  });

  it('edge 12: takes an answer from another port of the trunk', async () => {
    const other = await bound();
    const end = await farEnd((request, far) => {
      if (request.method !== 'INVITE') return decent(request, far);
      far.reply(request, 486, 'Busy Here', {}, other);
      return undefined;
    });
    expect((await call(callTo(end.port))).facts['outcome']).toBe('busy');
    await closed(other);
  });

  it('edge 13, S-I2: lives through garbage and answers to what it never asked', async () => {
    const end = await farEnd((request, far, count) => {
      if (request.method === 'INVITE') {
        for (let seed = 1; seed <= 100; seed += 1) far.send(garbage((seed * 13) % 1_300, seed));
        far.send(Buffer.from('SIP/2.0 999 Odd\r\n\r\n'));
        far.reply(request, 200, 'OK', { headers: { 'call-id': 'else' } });
        far.reply(request, 200, 'OK', { headers: { cseq: '1 BYE' } });
        far.reply(
          {
            ...request,
            headers: request.headers.map((h) =>
              h.name === 'via' ? { ...h, value: 'SIP/2.0/UDP x;branch=z9hG4bKx' } : h,
            ),
          },
          486,
          'No',
        );
        far.send(Buffer.from('\r\n\r\n'));
      }
      answers()(request, far, count);
    });
    const finding = await call(callTo(end.port, { hangup: 'on_answer' }));
    expect(finding).toMatchObject({ kind: 'ok', facts: { outcome: 'answered' } });
  });

  it('edge 17, S-I6: does not follow a call that is sent elsewhere', async () => {
    const elsewhere = await farEnd(() => undefined);
    const end = await farEnd((request, far) => {
      if (request.method === 'INVITE')
        far.reply(request, 302, 'Moved', { headers: { contact: `<sip:+19005551234@127.0.0.1:${elsewhere.port}>` } });
    });
    const finding = await call(callTo(end.port));
    expect(finding).toMatchObject({ kind: 'degraded', facts: { outcome: 'redirected', status: 302 } });
    expect(finding.facts['redirected']).toContain('+19005551234');
    expect(elsewhere.heard).toEqual([]);
  });

  it('edge 18: tells when to come back, and that the trunk is to blame', async () => {
    const end = await farEnd((request, far) => {
      if (request.method === 'INVITE')
        far.reply(request, 503, 'Full', { headers: { 'retry-after': '120 (soon);duration=9' } });
    });
    const finding = await call(callTo(end.port));
    expect(finding).toMatchObject({
      kind: 'unknown',
      fault: { code: 'OVERLOAD', blame: 'trunk' },
      facts: { retry_after: 120 },
    });
  });

  it('edge 19: asks once more for as long a session as they want, and not for an absurd one', async () => {
    const least = (seconds: string) => (request: SipRequest, far: FarEnd, count: number) => {
      if (request.method === 'INVITE' && count === 1)
        far.reply(request, 422, 'Interval Too Small', { headers: { 'min-se': seconds } });
      else answers()(request, far, count);
    };
    const patient = await farEnd(least('240'));
    expect((await call(callTo(patient.port))).kind).toBe('ok');
    expect(patient.requests('INVITE').map((each) => headerOf(each, 'session-expires'))).toEqual(['90', '240']);
    expect(patient.requests('INVITE').map((each) => headerOf(each, 'cseq'))).toEqual(['1 INVITE', '2 INVITE']);
    const absurd = await farEnd(least('999999'));
    expect(await call(callTo(absurd.port))).toMatchObject({ kind: 'unknown', facts: { status: 422 } });
  });

  it('edge 38: offers a session that the far side ends by itself when our process dies', async () => {
    const end = await farEnd(answers());
    await call(callTo(end.port));
    expect(headerOf(end.requests('INVITE')[0] ?? expect.fail(), 'session-expires')).toBe('90');
  });
});

describe('edge 7 and 8: logins', () => {
  const challenge = (change = '') =>
    `Digest realm="pbx", nonce="n${Math.floor(performance.now() * 1_000)}", qop="auth"${change}`;
  const trunk = (port: number) => ({ trunk: { address: `sip:127.0.0.1:${port}`, ...LOGIN } });
  const challenging =
    (rounds: number, change = '', status: 401 | 407 = 407): Script =>
    (request, far, count) => {
      const header = status === 407 ? 'proxy-authenticate' : 'www-authenticate';
      if (request.method === 'INVITE' && count <= rounds)
        far.reply(request, status, 'Login', { headers: { [header]: challenge(change) } });
      else answers()(request, far, count);
    };

  it.each([401, 407] as const)('%s is answered, and the round is no delay of the line', async (status) => {
    const end = await farEnd(challenging(1, '', status));
    const finding = await call(callTo(end.port, { ...trunk(end.port), hangup: 'on_answer' }));
    expect(finding).toMatchObject({ kind: 'ok', facts: { challenges: 1 } });
    expect(finding.phases['challenge']).toBeGreaterThan(0);
    const [first = expect.fail(), second = expect.fail()] = end.requests('INVITE');
    expect([headerOf(first, 'cseq'), headerOf(second, 'cseq')]).toEqual(['1 INVITE', '2 INVITE']);
    for (const name of ['call-id', 'from']) expect(headerOf(second, name)).toBe(headerOf(first, name));
    // RFC 3261 §22.1: the ACK of a 2xx carries what the INVITE carried.
    const name = status === 407 ? 'proxy-authorization' : 'authorization';
    expect(headerOf(end.requests('ACK').at(-1) ?? expect.fail(), name)).toBe(headerOf(second, name));
    expect(JSON.stringify(finding)).not.toContain(LOGIN.password.reveal());
  });

  it('a wrong password is our fault, and tried once', async () => {
    const end = await farEnd(challenging(100));
    const finding = await call(callTo(end.port, trunk(end.port)));
    expect(finding).toMatchObject({
      kind: 'unknown',
      fault: { code: 'AUTH', blame: 'probe' },
      facts: { outcome: 'auth_failed' },
    });
    expect(end.requests('INVITE')).toHaveLength(2);
  });

  it('S-I4: endless stale nonces end after three rounds', async () => {
    const end = await farEnd(challenging(100, ', stale=true'));
    expect(codeOf(await call(callTo(end.port, trunk(end.port))))).toBe('AUTH');
    expect(end.requests('INVITE')).toHaveLength(4);
  });

  it('another realm than the configured one does not get our login', async () => {
    const end = await farEnd(challenging(1));
    const finding = await call(callTo(end.port, { trunk: { ...trunk(end.port).trunk, realm: 'bank' } }));
    expect(codeOf(finding)).toBe('AUTH');
    expect(end.requests('INVITE')).toHaveLength(1);
  });

  it('edge 8: a BYE that is challenged is sent once more, or the call would go on', async () => {
    const end = await farEnd((request, far, count) => {
      if (request.method === 'BYE' && count === 1)
        far.reply(request, 407, 'Login', { headers: { 'proxy-authenticate': challenge() } });
      else answers()(request, far, count);
    });
    await call(callTo(end.port, { ...trunk(end.port), hangup: 'on_answer' }));
    const byes = end.requests('BYE');
    expect(byes.map((each) => headerOf(each, 'proxy-authorization') !== undefined)).toEqual([false, true]);
    expect(byes.map((each) => headerOf(each, 'cseq'))).toEqual(['2 BYE', '3 BYE']);
  });

  it('keeps credentials out of its evidence', async () => {
    const end = await farEnd(challenging(100));
    const finding = await call(callTo(end.port, trunk(end.port)));
    const text = finding.evidence?.map((each) => each.text).join('') ?? '';
    expect(text).toContain('Proxy-Authorization: [redacted]');
    expect(text).not.toMatch(/response="/);
  });
});

describe('giving up', () => {
  const rings: Script = (request, far) => {
    if (request.method === 'INVITE') far.reply(request, 180, 'Ringing');
    else decent(request, far);
  };

  it('hangs up on ring when nothing else is said: nobody is disturbed for longer', async () => {
    const end = await farEnd(rings);
    const finding = await call(callTo(end.port));
    expect(finding).toMatchObject({ kind: 'ok', rung: 'accepting', facts: { outcome: 'rang' } });
    const [invite = expect.fail()] = end.requests('INVITE');
    const [cancel = expect.fail()] = end.requests('CANCEL');
    // §9.1: the same in everything that finds its way.
    expect(listOf(cancel, 'via')).toEqual(listOf(invite, 'via'));
    expect([cancel.uri, headerOf(cancel, 'cseq'), headerOf(cancel, 'to')]).toEqual([
      invite.uri,
      '1 CANCEL',
      headerOf(invite, 'to'),
    ]);
    expect(end.requests('ACK')).toHaveLength(1);
  });

  it('edge 20: a line that rings in vain is a finding', async () => {
    const end = await farEnd(rings);
    const finding = await call(callTo(end.port, { hangup: 'on_answer', ring_timeout: '400ms' }));
    expect(finding).toMatchObject({
      kind: 'failed',
      fault: { code: 'NO_ANSWER', blame: 'line' },
      facts: { outcome: 'no_answer' },
    });
    expect(end.requests('CANCEL')).toHaveLength(1);
  });

  it('edge 20, 23: nothing is cancelled before the first provisional response', async () => {
    const silent = await farEnd(() => undefined);
    const finding = await call(callTo(silent.port), 5_000);
    expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'UDP_SILENT', blame: 'trunk' } });
    expect(silent.requests('CANCEL')).toEqual([]);
    const late = await farEnd((request, far, count) => {
      if (request.method === 'INVITE' && count === 1) setTimeout(() => far.reply(request, 180, 'Ringing'), 900);
      else if (request.method !== 'INVITE') decent(request, far);
    });
    await call(callTo(late.port, { hangup: 'on_answer', ring_timeout: '400ms' }));
    expect(late.requests('CANCEL')).toHaveLength(1);
  });

  it('edge 21: a 200 that crosses the CANCEL is acknowledged and ended, and was no answer', async () => {
    const end = await farEnd((request, far) => {
      if (request.method === 'CANCEL') {
        far.reply(far.requests('INVITE')[0] ?? request, 200, 'OK', { body: sdpFor(9) });
        far.reply(request, 200, 'OK');
      } else rings(request, far, 1);
    });
    const finding = await call(callTo(end.port, { hangup: 'on_answer', ring_timeout: '300ms' }));
    expect(finding.facts['outcome']).toBe('no_answer');
    expect([end.requests('ACK').length, end.requests('BYE').length]).toEqual([1, 1]);
  });

  const forgets: Script = (request, far) => {
    if (request.method === 'INVITE') far.reply(request, 180, 'Ringing');
    else far.reply(request, 200, 'OK');
  };

  it.each([
    [{}, 'ok', 'rang'],
    [{ hangup: 'on_answer', ring_timeout: '300ms' }, 'failed', 'no_answer'],
  ])(
    'edge 22: a CANCEL that is answered and never followed by 487 is told, and holds nobody: %j',
    async (settings, kind, outcome) => {
      const end = await farEnd(forgets);
      const began = performance.now();
      expect(await call(callTo(end.port, settings), 4_000)).toMatchObject({ kind, facts: { outcome, stalled: true } });
      expect(performance.now() - began).toBeLessThan(15_000);
      const well = await farEnd(rings);
      expect((await call(callTo(well.port, settings))).facts).not.toHaveProperty('stalled');
    },
  );

  it('edge 22: who stops meanwhile waits for no 487', async () => {
    const end = await farEnd(forgets);
    const stop = new AbortController();
    const going = call(callTo(end.port), 60_000, stop.signal);
    await expect.poll(() => end.requests('CANCEL').length, { timeout: 20_000 }).toBe(1);
    const began = performance.now();
    stop.abort();
    expect((await going).facts).not.toHaveProperty('stalled');
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  it('100 and nothing else is the trunk’s doing', async () => {
    const end = await farEnd((request, far) => {
      if (request.method === 'INVITE') far.reply(request, 100, 'Trying');
      else decent(request, far);
    });
    const finding = await call(callTo(end.port, { ring_timeout: '400ms' }));
    expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'STALLED', blame: 'trunk' } });
    expect(end.requests('CANCEL')).toHaveLength(1);
  });

  it.each([
    ['rings', rings, 'INVITE', 'CANCEL'],
    ['is up', answers(), 'ACK', 'BYE'],
  ] as const)('a process that stops ends a call that %s first', async (_, script, sign, method) => {
    const end = await farEnd(script);
    const stop = new AbortController();
    const going = call(callTo(end.port, { hangup: 'after_listen' }), 60_000, stop.signal);
    await expect.poll(() => end.requests(sign).length, { timeout: 20_000 }).toBe(1);
    const began = performance.now();
    stop.abort();
    const finding = await going;
    // It would ring or talk for minutes.
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(end.requests(method)).toHaveLength(1);
    expect([finding.kind, codeOf(finding)]).toEqual(['unknown', 'CANNOT_JUDGE']);
  });

  it('the deadline of the look leaves time for the BYE', async () => {
    const end = await farEnd(answers());
    await call(callTo(end.port, { hangup: 'after_listen', listen: '50s' }), 4_000);
    expect(end.requests('BYE')).toHaveLength(1);
  });
});

describe('during a call', () => {
  it('edge 19: answers a refresh by INVITE and by UPDATE, and goes on', async () => {
    const end = await farEnd((request, far, count) => {
      answers()(request, far, count);
      if (request.method !== 'ACK' || count > 1) return;
      const [invite = expect.fail()] = far.requests('INVITE');
      far.ask(invite, 'INVITE', 10, { 'session-expires': '120;refresher=uac' }, sdpFor(9));
      far.ask(invite, 'UPDATE', 11, { 'session-expires': '120' });
      far.ask(invite, 'OPTIONS', 12);
      far.ask(invite, 'REFER', 13, { 'refer-to': '<sip:+19005551234@x>' });
      far.ask(invite, 'INFO', 5);
    });
    await call(callTo(end.port, { hangup: 'after_listen', listen: '300ms' }));
    const word = (method: string) => end.responses(method).map(({ status }) => status);
    expect([word('INVITE'), word('UPDATE'), word('OPTIONS'), word('REFER'), word('INFO')]).toEqual([
      [200],
      [200],
      [200],
      [603],
      [500],
    ]);
    expect(end.responses('INVITE')[0]?.body.toString()).toMatch(/m=audio \d+ RTP\/AVP 0 /);
    expect(headerOf(end.responses('UPDATE')[0] ?? expect.fail(), 'session-expires')).toBe('120;refresher=uac');
    expect(end.requests('BYE')).toHaveLength(1);
  });

  it('edge 24: a stranger’s BYE ends nothing', async () => {
    const end = await farEnd((request, far, count) => {
      answers()(request, far, count);
      if (request.method !== 'ACK' || count > 1) return;
      const [invite = expect.fail()] = far.requests('INVITE');
      far.ask(invite, 'BYE', 10, { from: `<sip:x@y>;tag=stranger` });
      far.ask(invite, 'BYE', 10, { to: `<sip:x@y>;tag=stranger` });
      far.ask(invite, 'BYE', 10, { 'call-id': 'another' });
    });
    const finding = await call(callTo(end.port, { hangup: 'after_listen', listen: '300ms' }));
    expect(end.responses('BYE').map(({ status }) => status)).toEqual([481, 481, 481]);
    expect(finding.facts).toMatchObject({ hung_up_by: 'us', ignored: 3 });
  });

  it('edge 25: a line that hangs up at once is a finding, with its reason', async () => {
    const end = await farEnd((request, far, count) => {
      answers()(request, far, count);
      if (request.method === 'ACK' && count === 1)
        far.ask(far.requests('INVITE')[0] ?? request, 'BYE', 10, { reason: 'Q.850;cause=41' });
    });
    const finding = await call(callTo(end.port, { hangup: 'after_listen' }));
    expect(finding).toMatchObject({
      kind: 'failed',
      fault: { code: 'DROPPED' },
      facts: { outcome: 'dropped', hung_up_by: 'them', hangup_reason: 'Q.850;cause=41' },
    });
    expect(end.responses('BYE').map(({ status }) => status)).toEqual([200]);
  });

  it.each([
    ['no description', { body: '' }],
    ['port 0', { body: sdpFor(0) }],
    ['an unknown codec', { body: sdpFor(9, { 'm=': 'm=audio 9 RTP/AVP 18' }) }],
    ['no To-tag and no description', { body: '', tag: '' }],
  ])('edge 26: an answer with %s is hung up on, and nothing breaks', async (_, reply) => {
    const end = await farEnd((request, far) => {
      if (request.method === 'INVITE') far.reply(request, 200, 'OK', reply);
      else decent(request, far);
    });
    const finding = await call(callTo(end.port, { hangup: 'after_listen', listen: '200ms' }));
    expect(finding).toMatchObject({
      kind: 'failed',
      fault: { code: 'SILENCE' },
      facts: { outcome: 'answered_no_media' },
    });
    expect(finding.facts['no_sound_because']).toBeTruthy();
    expect([end.requests('ACK').length, end.requests('BYE').length]).toEqual([1, 1]);
  });

  it('edge 42: sends no sound to where the policy forbids', async () => {
    const end = await farEnd(answers(9, { body: sdpFor(9, { 'c=': 'c=IN IP4 169.254.169.254' }) }));
    const finding = await call(callTo(end.port, { hangup: 'after_listen', listen: '200ms' }));
    expect([finding.kind, codeOf(finding)]).toEqual(['unknown', 'ADDR_BLOCKED']);
    expect(end.requests('BYE')).toHaveLength(1);
  });
});

describe.concurrent('what is heard', () => {
  const plays = async (
    sound: Int16Array,
    settings: Record<string, unknown>,
    early?: { sound: Int16Array; then: (invite: SipRequest, far: FarEnd) => void; afterMs: number },
  ) => {
    const made = await openSpeaker();
    const far = await openFarEnd((request, end) => {
      if (request.method !== 'INVITE') return decent(request, end);
      if (early === undefined) {
        end.reply(request, 200, 'OK', { body: sdpFor(made.port) });
        made.play(request, sound);
      } else {
        end.reply(request, 183, 'Session Progress', { body: sdpFor(made.port) });
        made.play(request, early.sound);
        setTimeout(() => early.then(request, end), early.afterMs);
      }
      return undefined;
    });
    const finding = await call(callTo(far.port, settings));
    const [keys, packets] = [made.keys(), made.packets()];
    await Promise.all([made.close(), far.close()]);
    return { finding, keys, packets, far };
  };
  const LISTEN = { hangup: 'after_listen', listen: '5s' };

  it('a voice is heard, with what the network did to it', async () => {
    const { finding, packets } = await plays(voice(), LISTEN);
    expect(finding).toMatchObject({ kind: 'ok', rung: 'answered', facts: { audio: 'voice', codec: 'PCMU', loss: 0 } });
    // Where this very machine is too busy to hear well, it says so (edge 39).
    if (finding.facts['quality'] === undefined) expect(finding.facts['mos_estimated']).toBeGreaterThan(4);
    else expect(finding.facts['lag_ms']).toBeGreaterThan(20);
    expect(finding.phases['first_rtp']).toBeGreaterThanOrEqual(0);
    expect(finding.evidence).toBeUndefined();
    expect(packets).toBeGreaterThan(100);
  });

  it('a busy tone after the answer is busy, and is kept as evidence', async () => {
    const { finding } = await plays(cadence([480, 620], [0.5, 0.5], 6), LISTEN);
    expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'BUSY' }, facts: { audio: 'tone', tone: 'busy' } });
    const wav = finding.evidence?.find(({ name }) => name === 'call.wav');
    expect(Buffer.from(wav?.text ?? '', 'base64').toString('latin1', 0, 4)).toBe('RIFF');
    expect(wav?.text.length).toBeLessThan(200_000);
  });

  it('a call that is to be recorded leaves trace and sound although all is well', async () => {
    const { finding } = await plays(voice(), { ...LISTEN, listen: '1s', record: true });
    expect(finding).toMatchObject({ kind: 'ok', evidence: [{ kept: true }, { kept: true, name: 'call.wav' }] });
  });

  it('silence is silence, and sound from nowhere is none', async () => {
    expect((await plays(quiet(6), { ...LISTEN, listen: '2s' })).finding).toMatchObject({
      kind: 'failed',
      facts: { outcome: 'answered_silent', audio: 'silence' },
    });
    expect((await plays(quiet(0), { ...LISTEN, listen: '1s' })).finding).toMatchObject({
      kind: 'failed',
      facts: { outcome: 'answered_no_media', audio: 'none', mos_estimated: null },
    });
  });

  it('edge 5: ringback in band without any 180 is a line that rings', async () => {
    const { finding, far } = await plays(
      quiet(0),
      {},
      { sound: cadence([425], [1, 4], 9), then: () => undefined, afterMs: 1 },
    );
    expect(finding).toMatchObject({ kind: 'ok', facts: { outcome: 'rang', audio_early: 'tone' } });
    // Whoever waited for a 180 would count a whole period of the tone.
    expect(finding.phases['post_dial_delay']).toBeLessThan(4_500);
    expect(far.requests('CANCEL')).toHaveLength(1);
  });

  it('edge 5: what is heard before the answer is not taken for the answer', async () => {
    const then = (invite: SipRequest, far: FarEnd) => far.reply(invite, 200, 'OK', { body: sdpFor(9) });
    const { finding } = await plays(
      quiet(0),
      { ...LISTEN, listen: '2s' },
      { sound: join(voice().subarray(0, 8_000), quiet(5)), then, afterMs: 1_500 },
    );
    expect(finding.facts).toMatchObject({ audio_early: 'voice', audio: 'silence', outcome: 'answered_silent' });
  });

  it('edge 36: a special information tone decides what a 503 means', async () => {
    const sit = join(...[950, 1_400, 1_800].map((hertz) => tone([hertz], 0.33)), voice());
    const then = (invite: SipRequest, far: FarEnd) => far.reply(invite, 503, 'Service Unavailable');
    const { finding } = await plays(quiet(0), {}, { sound: sit, then, afterMs: 2_500 });
    expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'NOT_IN_SERVICE', blame: 'line' } });
  });

  it('a walk through a menu waits, presses keys and expects', async () => {
    const steps = [
      { wait: 'voice', within: '5s' },
      { wait: 'quiet', within: '6s' },
      { send: '1#' },
      { expect: 'voice', within: '8s', person: true },
    ];
    const menu = join(voice(), quiet(1.2), voice());
    const { finding, keys } = await plays(menu, { steps });
    expect(finding).toMatchObject({ kind: 'ok', rung: 'answered_by_person' });
    expect(keys).toBe('1#');
    const { finding: lost } = await plays(quiet(3), {
      steps: [{ wait: 'quiet' }, { expect: 'voice', within: '700ms' }],
    });
    expect(lost).toMatchObject({ kind: 'failed', facts: { failed_step: 2 } });
  });
});

describe('safety', () => {
  const example = { trunk: { address: 'sip:trunk.example.id' }, call: '+622150849000', allow: ['+62 21 5084 9000'] };
  const refusal = (change: Record<string, unknown>): string => {
    const parsed = kind.schema.safeParse({ ...example, ...change });
    return parsed.success ? '' : parsed.error.issues.map(({ message }) => message).join('; ');
  };

  it('S-I7: calls only whom the settings allow by name', () => {
    expect(refusal({})).toBe('');
    expect(refusal({ call: '+622150849001' })).toMatch(/not in `allow`/);
    expect(kind.schema.safeParse({ ...example, allow: undefined }).success).toBe(false);
    expect(refusal({ call: 'sip:Help@PBX.example.id', allow: ['sip:Help@pbx.example.id;transport=tcp'] })).toBe('');
  });

  it.each([
    '+62112',
    'sip:112@x',
    'sip:911@x',
    'sip:9911@x',
    'sip:0110@x',
    'sip:+1911@x',
    'sip:119;phone-context=+62@x',
  ])('never calls an emergency number: %s', (number) => {
    expect(refusal({ call: number, allow: [number] })).toMatch(/emergency|no number to call/);
  });

  it.each([
    '+19005551234',
    '+62809123456',
    '+449012345678',
    '+8816312345',
    '+9791234567',
    'sip:00449012345678@x',
    'sip:0809123456@x',
  ])('never calls a premium number: %s', (number) => {
    expect(refusal({ call: number, allow: [number] })).toMatch(/premium/);
  });

  it('takes what only looks like them', () => {
    for (const number of ['+62215089112', '+6221911000', 'sip:1001@x', 'sip:support@x', 'sip:9112345@x'])
      expect([number, refusal({ call: number, allow: [number] })]).toEqual([number, '']);
  });

  it('refuses SRTP in the clear, half a login and steps that never come', () => {
    expect(refusal({ srtp: true })).toMatch(/TLS|tls/);
    expect(refusal({ trunk: { address: 'sip:x', user: 'me' } })).toMatch(/belong together/);
    expect(refusal({ hangup: 'on_ring', steps: [{ send: '1' }] })).toMatch(/after_listen/);
    expect(refusal({ listen: '51s' })).toMatch(/50s/);
    expect(kind.costly).toBe(true);
  });

  it('calls a number once at a time', async () => {
    const end = await farEnd((request, far) => {
      if (request.method === 'INVITE') setTimeout(() => far.reply(request, 486, 'Busy Here'), 300);
    });
    const settings = callTo(end.port);
    const [first, second] = await Promise.all([call(settings), call(settings)]);
    expect([first.kind, second.kind, codeOf(second)]).toEqual(['failed', 'unknown', 'CANNOT_JUDGE']);
    expect(end.requests('INVITE')).toHaveLength(1);
    expect((await call(settings)).kind).toBe('failed');
  });

  it.each([603, 607, 608])('edge 37: after %s it leaves the line alone', async (status) => {
    const end = await farEnd((request, far) => {
      if (request.method === 'INVITE') far.reply(request, status, 'Unwanted');
    });
    const settings = callTo(end.port);
    expect(await call(settings)).toMatchObject({ kind: 'unknown', fault: { code: 'CALLER_UNWANTED', blame: 'probe' } });
    const again = await call(settings);
    expect([again.kind, codeOf(again)]).toEqual(['unknown', 'CALLER_UNWANTED']);
    expect(end.requests('INVITE')).toHaveLength(1);
  });
});

contract('sip-call', {
  transports: ['udp', 'tcp', 'tls'],
  with: (port, transport, canary) => {
    // A number for each far side: one number is called once at a time.
    const number = `+6221500${String(port).padStart(5, '0')}`;
    const trunk = { address: `sip:${HOST}:${port};transport=${transport}`, user: 'probe', password: canary };
    return { ...near, trunk, call: number, allow: [number], hangup: 'after_listen' };
  },
});
