/** The kind `smtp` against a server that misbehaves by script. */
import { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import kind from '../../probes/smtp.ts';
import type { Finding } from '../../src/core/model.ts';
import { openMemory } from '../../src/core/recall.ts';
import { codeOf, lookAt, messageOf, openAuthority, openScript, startTls } from '../lib/mail.ts';
import type { Answer, Authority, Pem } from '../lib/mail.ts';
import { contract, HOST, near as nearby } from '../contract/contract.ts';

const RCPT = 'support@helpdesk.test';
const OFFERS = '250-mx.test\r\n250-STARTTLS\r\n250 ENHANCEDSTATUSCODES\r\n';

let authority: Authority;
let good: Pem;
let expired: Pem;
let stranger: Pem;

beforeAll(async () => {
  authority = await openAuthority();
  good = await authority.issue(['127.0.0.1'], 20);
  expired = await authority.issue(['127.0.0.1'], -3);
  stranger = await authority.issue(['mx.elsewhere.test'], 20);
});
afterAll(() => authority.close());

/** Looks at a server that follows the script; `settings` go over the defaults of these tests. */
async function lookAtScript(
  answers: Readonly<Record<string, Answer>>,
  settings: Record<string, unknown> = {},
  timeoutMs?: number,
): Promise<{ finding: Finding; heard: readonly string[] }> {
  const server = await openScript(answers);
  try {
    const defaults = { host: '127.0.0.1', port: server.port, security: 'none', rcpt: RCPT, from: 'probe@monitor.test' };
    const finding = await lookAt(kind, { ...defaults, ...settings }, timeoutMs);
    return { finding, heard: server.heard };
  } finally {
    await server.close();
  }
}

/** Sends a piece over and over until nobody listens any more. */
const endless =
  (piece: string): Answer =>
  (socket) => {
    const more = setInterval(() => socket.write(piece.repeat(50), 'latin1'), 2);
    socket.once('close', () => {
      clearInterval(more);
    });
  };

/** One byte now and then, never a whole reply. */
const drip =
  (text: string, everyMs: number): Answer =>
  (socket) => {
    let at = 0;
    const timer = setInterval(() => socket.write(text.charAt(at++ % text.length)), everyMs);
    socket.once('close', () => {
      clearInterval(timer);
    });
  };

const nothing: Answer = () => undefined;

const verbsOf = (heard: readonly string[]): (string | undefined)[] => heard.map((line) => line.split(' ', 1)[0]);

/** A server's answer to the first RCPT, and to those after it. */
function recipients(...answers: readonly Answer[]): Answer {
  let at = 0;
  return (socket, swap) => {
    const answer = answers[Math.min(at++, answers.length - 1)] ?? '';
    if (typeof answer === 'string') socket.write(answer);
    else answer(socket, swap);
  };
}

/** The misbehaviour, the script, the finding, and what its message must tell. */
const MISBEHAVIOURS: readonly (readonly [
  name: string,
  script: Readonly<Record<string, Answer>>,
  kind: Finding['kind'],
  code: string,
  tells: RegExp,
])[] = [
  ['S-F1 a banner that never comes', { banner: nothing }, 'failed', 'DEADLINE', /no banner within/],
  ['a banner cut off in its middle', { banner: '220-half a' }, 'failed', 'DEADLINE', /no banner.*"half a|220-half a/],
  ['S-F1 lines of 220- without end', { banner: endless('220-still here\r\n') }, 'failed', 'TOO_LARGE', /200 lines/],
  ['S-F1 a banner of 1 MB', { banner: `220 ${'x'.repeat(1_048_576)}` }, 'failed', 'TOO_LARGE', /2048 bytes/],
  ['bytes without a line end', { banner: endless('\x00\xff~~') }, 'failed', 'PROTO_GARBAGE', /no SMTP/],
  ['an SSH server', { banner: 'SSH-2.0-OpenSSH_9.6\r\n' }, 'failed', 'PROTO_GARBAGE', /an SSH server/],
  ['an HTTP server', { banner: 'HTTP/1.1 400 Bad Request\r\n\r\n' }, 'failed', 'PROTO_GARBAGE', /an HTTP server/],
  ['an IMAP server', { banner: '* OK ready\r\n' }, 'failed', 'PROTO_GARBAGE', /an IMAP server/],
  ['421 for a banner', { banner: '421 too busy\r\n' }, 'failed', 'OVERLOAD', /banner is 421 too busy/],
  ['554 for a banner', { banner: '554 5.7.1 go away\r\n' }, 'failed', 'MAIL_REFUSED', /banner is 554 5.7.1 go away/],
  ['two codes in one reply', { EHLO: '250-mx.test\r\n550 no\r\n' }, 'failed', 'PROTO_GARBAGE', /both 250 and 550/],
  ['EHLO and HELO refused', { EHLO: '502 no\r\n', HELO: '550 no\r\n' }, 'failed', 'MAIL_REFUSED', /HELO is 550/],
  ['a reply to EHLO that never ends', { EHLO: endless('250-X\r\n') }, 'failed', 'TOO_LARGE', /200 lines/],
  ['S-F1 220, then a reset', { banner: resetAfter('220 hi\r\n'), EHLO: nothing }, 'failed', 'TCP_RESET', /reset/],
  ['S-F7 goodbye in mid-command', { MAIL: (s) => s.end('421 4.3.2 shutting down\r\n') }, 'degraded', 'DEFERRED', /421/],
  ['a connection closed after RCPT', { RCPT: (s) => s.end() }, 'failed', 'PROTO_CLOSED', /before the reply to RCPT/],
  ['a tarpit', { RCPT: drip('250-slowly ', 40) }, 'failed', 'DEADLINE', /no reply to RCPT within/],
  ['greylisting', { RCPT: '450 4.2.0 Greylisted\r\n' }, 'degraded', 'DEFERRED', /greylisting/],
  ['too much load', { RCPT: '452 4.3.1 no space\r\n' }, 'degraded', 'DEFERRED', /452 4.3.1 no space/],
  ['a recipient refused', { RCPT: '550 5.1.1 unknown\r\n' }, 'failed', 'MAIL_REFUSED', /550 5.1.1 unknown/],
  ['a sender distrusted', { MAIL: '553 5.1.8 no such domain\r\n' }, 'unknown', 'SETTINGS', /`from`/],
  ['a sender distrusted late', { RCPT: '450 4.1.8 no such domain\r\n' }, 'unknown', 'SETTINGS', /`from`/],
  ['an answer to a question not asked', { EHLO: '250 a\r\n250 b\r\n' }, 'failed', 'PROTO_GARBAGE', /before MAIL/],
  ['a reply of the first class', { RCPT: '150 wait\r\n' }, 'failed', 'PROTO_GARBAGE', /no SMTP/],
  ['a reply that asks for more', { RCPT: '354 go on\r\n' }, 'failed', 'PROTO_REFUSED', /354/],
];

function resetAfter(text: string): Answer {
  return (socket) => {
    socket.write(text, () => {
      setTimeout(() => socket.resetAndDestroy(), 20);
    });
  };
}

describe('smtp', () => {
  it('finds a support address accepted, asks in the right order and sends no mail', async () => {
    const { finding, heard } = await lookAtScript({});
    expect(finding).toMatchObject({ kind: 'ok', rung: 'accepting', facts: { verdict: 'accepted', enhanced: '2.1.5' } });
    expect(Object.keys(finding.phases).sort()).toEqual(['banner', 'connect', 'dns', 'ehlo', 'rcpt']);
    expect(verbsOf(heard)).toEqual(['EHLO', 'MAIL', 'RCPT', 'RCPT', 'RSET', 'QUIT']);
    expect(heard.slice(1, 3)).toEqual(['MAIL FROM:<probe@monitor.test>', `RCPT TO:<${RCPT}>`]);
    expect(finding.evidence).toBeUndefined();
  });

  it.each(MISBEHAVIOURS)('survives %s [MC-13, MC-15]', async (_name, script, outcome, code, tells) => {
    const { finding } = await lookAtScript(script, {}, code === 'DEADLINE' ? 1_200 : 5_000);
    expect([finding.kind, codeOf(finding)]).toEqual([outcome, code]);
    expect(messageOf(finding)).toMatch(tells);
    expect(finding.evidence?.[0]?.text).toContain('==');
    for (const { text } of finding.evidence ?? []) expect(text.length).toBeLessThanOrEqual(16_384);
  });

  it('takes a late banner, bare line feeds and Latin-1 as they come [MC-13]', async () => {
    const late: Answer = (socket) => setTimeout(() => socket.write('220-caf\xe9\n220 \x00bon\n', 'latin1'), 300);
    const { finding } = await lookAtScript({ banner: late, RCPT: '250 ok\n' });
    expect(finding).toMatchObject({ kind: 'ok', facts: { banner: '220 café / \\x00bon' } });
    expect(finding.phases['banner']).toBeGreaterThan(250);
  });

  it.each<[string, Answer, boolean | undefined]>([
    ['takes mail for anybody', '250 2.1.5 fine\r\n', true],
    ['knows who is there', '550 5.1.1 unknown\r\n', false],
    ['would rather not say', '450 4.2.0 later\r\n', undefined],
    ['dislikes us for asking', '550 5.7.25 client host rejected\r\n', undefined],
    ['hangs up on that', (socket) => socket.end(), undefined],
  ])('tells as a fact whether a server %s, and never as a fault [MC-15]', async (_name, second, expected) => {
    const { finding, heard } = await lookAtScript({ RCPT: recipients('250 2.1.5 fine\r\n', second) });
    expect([finding.kind, finding.facts['verdict'], finding.facts['catch_all']]).toEqual(['ok', 'accepted', expected]);
    const asked = heard.filter((line) => line.startsWith('RCPT'));
    expect(asked).toHaveLength(2);
    expect(asked[1]).toMatch(/^RCPT TO:<ringback-[0-9a-f]{20}@helpdesk\.test>$/);
  });

  it('asks for nobody only once a day, only after the support address was accepted, and always by the same name', async () => {
    const refused = await lookAtScript({ RCPT: '550 5.1.1 unknown\r\n' });
    expect(refused.heard.filter((line) => line.startsWith('RCPT'))).toEqual([`RCPT TO:<${RCPT}>`]);
    const { lookAgain, close, asked } = await openRemembering({});
    const facts = [];
    for (const hours of [0, 1, 23, 25]) facts.push((await lookAgain(hours * 3_600_000)).facts['catch_all']);
    expect(facts).toEqual([true, true, true, true]);
    const strangers = asked().filter((line) => line.startsWith('RCPT TO:<ringback-'));
    expect([strangers.length, new Set(strangers).size]).toEqual([2, 1]);
    await close();
  });

  it('says HELO to a server that knows no EHLO', async () => {
    const { finding, heard } = await lookAtScript({ EHLO: '502 5.5.1 what?\r\n' });
    expect(finding.kind).toBe('ok');
    expect(heard[1]).toMatch(/^HELO /);
  });

  it('asks for no recipient when none is given, and then says only that the server is there', async () => {
    const { finding, heard } = await lookAtScript({}, { rcpt: undefined });
    expect(finding).toMatchObject({ kind: 'ok', rung: 'reachable', facts: { verdict: null } });
    expect(heard.some((line) => /^(MAIL|RCPT)/.test(line))).toBe(false);
  });

  it('names itself by its address or its configured name, and never sends an empty reverse path', async () => {
    const named = await lookAtScript({}, { ehlo: 'watch.example.id', from: undefined });
    expect(named.heard.slice(0, 2)).toEqual(['EHLO watch.example.id', 'MAIL FROM:<postmaster@watch.example.id>']);
    const unnamed = await lookAtScript({}, { from: undefined });
    expect(unnamed.heard[0]).toMatch(/^EHLO (\[127\.0\.0\.1\]|[\w-]+(\.[\w-]+)+)$/);
    expect(unnamed.heard[1]).not.toContain('<>');
  });

  it('stops at once when the process stops', async () => {
    const server = await openScript({ banner: nothing });
    const stop = new AbortController();
    setTimeout(() => {
      stop.abort();
    }, 100);
    const from = performance.now();
    const settings = { host: '127.0.0.1', port: server.port, rcpt: RCPT };
    const finding = await lookAt(kind, settings, 20_000, stop.signal);
    expect(finding.kind).toBe('failed');
    expect(performance.now() - from).toBeLessThan(5_000);
    await server.close();
  });
});

/** Looks at one server time and again, each time as another process that has only what was kept. */
async function openRemembering(first: Readonly<Record<string, Answer>>, settings: Record<string, unknown> = {}) {
  const answers: Record<string, Answer> = { ...first };
  // Taken anew for each answer, so that the server can change.
  const server = await openScript({
    EHLO: (socket, swap) => {
      const answer = answers['EHLO'] ?? '250 mx.test\r\n';
      if (typeof answer === 'string') socket.write(answer);
      else answer(socket, swap);
    },
    ...('STARTTLS' in first ? { STARTTLS: first['STARTTLS'] ?? '' } : {}),
  });
  let kept: string | undefined;
  const from = Date.now();
  return {
    asked: () => server.heard,
    answer: (verb: string, answer: Answer) => void (answers[verb] = answer),
    forget: () => void (kept = JSON.stringify({ another: 'making' })),
    async lookAgain(afterMs: number): Promise<Finding> {
      const memory = openMemory(kept);
      const fixed = { host: '127.0.0.1', port: server.port, security: 'none', rcpt: RCPT, from: 'probe@monitor.test' };
      const more = { memory, startedAt: from + afterMs };
      const finding = await lookAt(kind, { ...fixed, ...settings }, 4_000, AbortSignal.timeout(4_000), more);
      kept = memory.left() ?? kept;
      return finding;
    },
    close: () => server.close(),
  };
}

describe('smtp with STARTTLS', () => {
  const secure = (
    answers: Readonly<Record<string, Answer>>,
    settings: Record<string, unknown> = {},
    timeoutMs?: number,
  ) => lookAtScript({ EHLO: OFFERS, ...answers }, { security: 'starttls', ca: authority.path, ...settings }, timeoutMs);

  it('speaks TLS, greets a second time and reports the certificate', async () => {
    const { finding, heard } = await secure({ STARTTLS: startTls(good) });
    expect(finding).toMatchObject({ kind: 'ok', facts: { starttls: true, certificate_days: 20 } });
    expect(finding.phases['tls']).toBeGreaterThan(0);
    expect(verbsOf(heard)).toEqual(['EHLO', 'STARTTLS', 'EHLO', 'MAIL', 'RCPT', 'RCPT', 'RSET', 'QUIT']);
  });

  it('goes on without TLS where it is not offered or refused, and says that it is missing [MC-14]', async () => {
    const absent = await secure({ EHLO: '250 mx.test\r\n' });
    const refused = await secure({ STARTTLS: '454 4.7.0 TLS not available\r\n' });
    for (const { finding } of [absent, refused])
      expect([finding.kind, finding.rung, codeOf(finding)]).toEqual(['degraded', 'accepting', 'TLS_MISSING']);
    expect(messageOf(refused.finding)).toContain('454 4.7.0');
    expect(absent.finding.facts['starttls']).toBe(false);
  });

  it('tells a server that offered it before and does not any more, across restarts and for a month [MC-14]', async () => {
    const settings = { security: 'starttls', ca: authority.path };
    const server = await openRemembering({ EHLO: OFFERS, STARTTLS: startTls(good) }, settings);
    const DAY = 86_400_000;
    expect((await server.lookAgain(0)).kind).toBe('ok');
    server.answer('EHLO', '250 mx.test\r\n');
    const stripped = await server.lookAgain(DAY);
    expect([stripped.kind, stripped.rung, codeOf(stripped)]).toEqual(['degraded', 'accepting', 'TLS_DOWNGRADED']);
    expect(messageOf(stripped)).toContain(`until ${new Date().toISOString().slice(0, 10)}`);
    expect(stripped.facts).toMatchObject({ starttls: false, downgraded: ['127.0.0.1'] });
    expect(stripped.evidence?.[0]?.text).toContain('EHLO');
    expect(codeOf(await server.lookAgain(29 * DAY))).toBe('TLS_DOWNGRADED');
    expect(codeOf(await server.lookAgain(31 * DAY))).toBe('TLS_MISSING');
    server.answer('EHLO', OFFERS);
    expect((await server.lookAgain(32 * DAY)).kind).toBe('ok');
    server.answer('EHLO', '250 mx.test\r\n');
    server.forget();
    expect(codeOf(await server.lookAgain(33 * DAY))).toBe('TLS_MISSING');
    await server.close();
  });

  it('S-F2, MC-14 discards plain text slipped in behind the reply to STARTTLS, and fails', async () => {
    const { finding } = await secure({ STARTTLS: startTls(good, '220 go ahead\r\n250 2.1.5 recipient fine\r\n') });
    expect([finding.kind, codeOf(finding)]).toEqual(['failed', 'TLS_INJECTION']);
    expect(finding.facts['verdict']).toBe(null);
  });

  it('S-F7, MC-14 fails when the capability was a lie: plain text or silence instead of TLS', async () => {
    const mute: Answer = (socket) => {
      socket.removeAllListeners('data');
      socket.write('220 go ahead\r\n');
      socket.resume();
    };
    const hang = await secure({ STARTTLS: mute }, {}, 1_500);
    expect([hang.finding.kind, codeOf(hang.finding)]).toEqual(['failed', 'TLS_TIMEOUT']);
    const plain: Answer = (socket) => {
      socket.removeAllListeners('data');
      socket.write('220 go ahead\r\n');
      socket.once('data', () => socket.write('500 what is this?\r\n'));
    };
    const { finding } = await secure({ STARTTLS: plain });
    expect([finding.kind, codeOf(finding)]).toEqual(['failed', 'TLS_NOT_TLS']);
  });

  it('degrades for a certificate that is expired, for another name or of an unknown authority, though mail is taken', async () => {
    const codes = [];
    for (const [pem, ca] of [
      [expired, authority.path],
      [stranger, authority.path],
      [good, undefined],
    ] as const) {
      const { finding } = await secure({ STARTTLS: startTls(pem) }, { ca });
      expect([finding.kind, finding.rung]).toEqual(['degraded', 'accepting']);
      expect(finding.facts['certificate_days']).toBe(pem === expired ? -3 : 20);
      codes.push(codeOf(finding));
    }
    expect(codes).toEqual(['CERT_EXPIRED', 'CERT_NAME', 'CERT_UNTRUSTED']);
  });

  it('tells a certificate that ends sooner than expected', async () => {
    const near = await secure({ STARTTLS: startTls(good) }, { expect: { certificate_days: 21 } });
    expect([near.finding.kind, codeOf(near.finding)]).toEqual(['degraded', 'CERT_EXPIRING']);
    const far = await secure({ STARTTLS: startTls(good) }, { expect: { certificate_days: 20 } });
    expect(far.finding.kind).toBe('ok');
    const soon = await authority.issue(['127.0.0.1'], 13);
    const usual = await secure({ STARTTLS: startTls(soon) });
    expect([usual.finding.kind, codeOf(usual.finding)]).toEqual(['degraded', 'CERT_EXPIRING']);
    expect(usual.finding.facts['certificate_days']).toBe(13);
  });

  it('lets a refusal weigh more than a bad certificate', async () => {
    const { finding } = await secure({ STARTTLS: startTls(expired), RCPT: '550 5.1.1 unknown\r\n' });
    expect([finding.kind, codeOf(finding)]).toEqual(['failed', 'MAIL_REFUSED']);
  });
});

describe('smtp with TLS from the first byte', () => {
  const implicit = (pem: Pem): Readonly<Record<string, Answer>> => ({
    banner: (socket, listen) => {
      socket.removeAllListeners('data');
      const secured = new TLSSocket(socket, { isServer: true, key: pem.key, cert: pem.cert });
      listen(secured);
      secured.write('220 mx.test ESMTP\r\n');
    },
  });

  it('accepts with a good certificate and fails with an expired one', async () => {
    const settings = { security: 'implicit', ca: authority.path };
    const fine = await lookAtScript(implicit(good), settings);
    expect(fine.finding).toMatchObject({ kind: 'ok', facts: { certificate_days: 20 } });
    const bad = await lookAtScript(implicit(expired), settings);
    expect([bad.finding.kind, codeOf(bad.finding)]).toEqual(['failed', 'CERT_EXPIRED']);
  });

  it('tells a server that does not speak TLS there', async () => {
    const { finding } = await lookAtScript({}, { security: 'implicit' });
    expect([finding.kind, finding.rung, codeOf(finding)]).toEqual(['failed', 'reachable', 'TLS_NOT_TLS']);
  });
});

describe('settings of smtp', () => {
  it.each([
    ['neither domain nor host', {}],
    ['both domain and host', { domain: 'example.id', host: 'mx.example.id' }],
    ['an address for a domain', { domain: '192.0.2.1' }],
    ['an unknown key', { host: 'mx.example.id', recipient: 'a@b.id' }],
    ['S-F9 a line break in the recipient', { host: 'mx.example.id', rcpt: 'a@b.id>\r\nRSET' }],
    ['a bracket in the sender', { host: 'mx.example.id', from: 'a@b.id> SIZE=1' }],
    ['a space in the name it gives', { host: 'mx.example.id', ehlo: 'a b' }],
    ['port 0', { host: 'mx.example.id', port: 0 }],
  ])('refuse %s', (_name, settings) => {
    expect(kind.schema.safeParse(settings).success).toBe(false);
  });

  it('pass for the example that is shown', () => {
    expect(kind.schema.safeParse(kind.example).success).toBe(true);
  });
});

contract('smtp', {
  transports: ['tcp', 'tls'],
  with: (port, transport) => ({
    ...nearby,
    host: HOST,
    port,
    security: transport === 'tls' ? 'implicit' : 'starttls',
    rcpt: 'support@example.id',
    from: 'probe@example.id',
  }),
});
