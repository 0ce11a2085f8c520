/** Handing a mail over, and the whole trip by the demo wallet's mail desk. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import kind from '../../probes/mail-roundtrip.ts';
import type { Finding } from '../../src/core/model.ts';
import { Secret } from '../../src/core/secret.ts';
import { openMailDesk } from '../../src/demo/mail.ts';
import type { MailDeskOptions, MailFault } from '../../src/demo/mail.ts';
import type { ProbeContext } from '../../src/core/probe.ts';
import { certificates } from '../lib/certs.ts';
import { Diary } from '../lib/diary.ts';
import { openScriptedImap } from '../lib/imap.ts';
import { codeOf, messageOf, openScript, startTls } from '../lib/mail.ts';
import type { Answer } from '../lib/mail.ts';
import { closedPort } from '../lib/servers.ts';
import { openSubmission } from '../lib/submission.ts';
import type { Wish } from '../lib/submission.ts';
import { lookWith } from '../peers/look.ts';

const FROM = 'probe@monitor.test';
const TO = 'support@wallet.example';
const SECRET = 's3cret-of-the-probe';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

const look = (settings: Record<string, unknown>, timeoutMs = 5_000, context: Partial<ProbeContext> = {}) =>
  lookWith(kind, settings, timeoutMs, context);

const password = (word: string): Secret => new Secret(word, 'env:X');
const login = { user: FROM, password: password(SECRET) };

/** A mailbox that works, and a look that hands over at this port. */
async function handOver(submit: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Finding> {
  const imap = await openScriptedImap();
  closers.push(imap.close);
  const mailbox = {
    host: '127.0.0.1',
    port: imap.port,
    security: 'none',
    user: FROM,
    password: password('mailbox-secret'),
  };
  const finding = await look({
    submit: { host: '127.0.0.1', ...submit },
    from: FROM,
    to: TO,
    mailbox,
    receipt: { within: '300ms' },
    ...more,
  });
  expect(JSON.stringify(finding)).not.toContain(SECRET);
  expect(JSON.stringify(finding)).not.toContain(Buffer.from(SECRET).toString('base64').slice(0, 12));
  expect(JSON.stringify(finding)).not.toContain(Buffer.from(`\0${FROM}\0${SECRET}`).toString('base64'));
  return finding;
}

async function submission(wish: Wish) {
  const smtp = await openSubmission(wish);
  closers.push(smtp.close);
  return smtp;
}

async function script(answers: Readonly<Record<string, Answer>>) {
  const far = await openScript(answers);
  closers.push(far.close);
  return far;
}

describe('a login', () => {
  it.each(['PLAIN', 'LOGIN'])('by %s carries the password as it is, quotes and all [S-F9]', async (method) => {
    const { good, caFile } = await certificates();
    const odd = 'a"b\\c ß密';
    const smtp = await submission({ tls: good, login: [method] });
    const finding = await handOver({ port: smtp.port, user: FROM, password: password(odd) }, { ca: caFile });
    expect(smtp.passwords).toEqual([`${method} ${FROM} ${odd}`]);
    expect([finding.kind, codeOf(finding)]).toEqual(['failed', 'NO_RECEIPT']);
  });

  it('is not tried without TLS, nor with a certificate that is bad', async () => {
    const { good, expired, wrongName, caFile } = await certificates();
    const clear = await script({ EHLO: '250-mx\r\n250 AUTH PLAIN LOGIN\r\n' });
    const codes = [codeOf(await handOver({ port: clear.port, ...login }))];
    expect(clear.heard.join('\n')).not.toMatch(/AUTH/);
    for (const [tls, ca] of [
      [expired, caFile],
      [wrongName, caFile],
      [good, undefined],
    ] as const) {
      const smtp = await submission({ tls, login: ['PLAIN'] });
      const finding = await handOver({ port: smtp.port, ...login }, { ca });
      expect([finding.kind, finding.kind === 'ok' ? '' : finding.fault.blame, smtp.passwords]).toEqual([
        'unknown',
        'probe',
        [],
      ]);
      codes.push(codeOf(finding));
    }
    expect(codes).toEqual(['TLS_MISSING', 'CERT_EXPIRED', 'CERT_NAME', 'CERT_UNTRUSTED']);
  });

  it('that is refused, impossible or repeated to us is our own trouble and tells no secret', async () => {
    const echo: Answer = (socket) =>
      socket.write(`535 5.7.8 AUTH PLAIN ${Buffer.from(`\0${FROM}\0${SECRET}`).toString('base64')} ${SECRET}\r\n`);
    const cases: readonly Readonly<Record<string, Answer>>[] = [
      { EHLO: '250-mx\r\n250 AUTH PLAIN\r\n', AUTH: echo },
      { EHLO: '250-mx\r\n250 AUTH PLAIN\r\n', AUTH: '454 4.7.0 later\r\n' },
      { EHLO: '250-mx\r\n250 AUTH CRAM-MD5\r\n' },
      { EHLO: '250 mx\r\n' },
    ];
    for (const answers of cases) {
      const far = await script(answers);
      const finding = await handOver({ port: far.port, security: 'none', ...login });
      expect([finding.kind, codeOf(finding)], messageOf(finding)).toEqual(['unknown', 'AUTH']);
    }
  });

  it('is not given to whoever slips plain text in before TLS [S-F2]', async () => {
    const { good, caFile } = await certificates();
    const far = await script({
      EHLO: '250-mx\r\n250 STARTTLS\r\n',
      STARTTLS: startTls(good, '220 go ahead\r\n250 AUTH PLAIN\r\n'),
    });
    const finding = await handOver({ port: far.port, ...login }, { ca: caFile });
    expect([finding.kind, codeOf(finding)]).toEqual(['unknown', 'TLS_INJECTION']);
  });
});

describe('a server that does not take the mail', () => {
  const withLogin = { EHLO: '250-mx\r\n250 AUTH PLAIN\r\n', AUTH: '235 2.7.0 welcome\r\n' };
  it.each([
    ['our own, closed', undefined, login, 'unknown TCP_REFUSED none'],
    ['theirs, closed', undefined, {}, 'failed TCP_REFUSED none'],
    ['theirs, too busy', { banner: '421 4.3.2 too many\r\n' }, {}, 'failed OVERLOAD reachable'],
    ['theirs, not in service', { banner: '554 no mail here\r\n' }, {}, 'failed MAIL_REFUSED reachable'],
    [
      'our own, that refuses our sender',
      { ...withLogin, MAIL: '550 5.1.0 not yours\r\n' },
      login,
      'unknown SETTINGS none',
    ],
    ['theirs, that refuses our sender', { MAIL: '550 5.7.1 not you\r\n' }, {}, 'unknown SETTINGS none'],
    ['theirs, that greylists', { RCPT: '451 4.7.1 Greylisted, come again\r\n' }, {}, 'degraded DEFERRED reachable'],
    [
      'theirs, whose mailbox is full for now',
      { RCPT: '452 4.2.2 quota exceeded\r\n' },
      {},
      'degraded DEFERRED reachable',
    ],
    [
      'our own, over its own limit',
      { ...withLogin, RCPT: '450 4.7.1 too many mails today\r\n' },
      login,
      'unknown SETTINGS none',
    ],
    ['theirs, that knows nobody', { RCPT: '550 5.1.1 no such user\r\n' }, {}, 'failed MAIL_REFUSED reachable'],
    ['any, that will not relay', { RCPT: '554 5.7.1 Relay access denied\r\n' }, {}, 'unknown SETTINGS none'],
    ['theirs, that hangs up at RCPT', { RCPT: (socket) => socket.destroy() }, {}, 'failed PROTO_CLOSED reachable'],
    ['theirs, that dislikes DATA', { DATA: '451 4.3.0 disk full\r\n' }, {}, 'degraded DEFERRED reachable'],
    ['theirs, that speaks garbage', { banner: 'SSH-2.0-x\r\n' }, {}, 'failed PROTO_GARBAGE reachable'],
  ] as const satisfies readonly (readonly [string, Readonly<Record<string, Answer>> | undefined, object, string])[])(
    '(%s) is judged by whose it is',
    async (_what, answers, who, verdict) => {
      const port = answers === undefined ? await closedPort() : (await script(answers)).port;
      const finding = await handOver({ port, security: 'none', ...who });
      expect(`${finding.kind} ${codeOf(finding)} ${finding.rung}`, messageOf(finding)).toBe(verdict);
    },
  );

  it('after all of it was sent is judged by its verdict', async () => {
    const smtp = await submission({ refuse: [554, '5.6.0 we do not like it'] });
    const finding = await handOver({ port: smtp.port, security: 'none' });
    expect([finding.kind, codeOf(finding)]).toEqual(['failed', 'MAIL_REFUSED']);
  });
});

describe("the demo wallet's mail desk", () => {
  async function openDesk(options: Partial<MailDeskOptions> = {}) {
    const { good, expired, caFile } = await certificates();
    const desk = await openMailDesk({
      tls: good,
      expired,
      support: 'help@demo.test',
      users: { 'probe@monitor.example': 'probe-demo' },
      ...options,
    });
    closers.push(() => desk.close());
    const from = 'probe@monitor.example';
    const settings = {
      ca: caFile,
      submit: { host: '127.0.0.1', port: desk.smtp.port },
      from,
      to: 'help@demo.test',
      mailbox: {
        host: '127.0.0.1',
        port: desk.imap.port,
        security: 'none',
        user: from,
        password: password('probe-demo'),
      },
      receipt: { within: '2s', ticket: 'RB-[0-9]+' },
    };
    const diary = new Diary();
    const ask = (more: Record<string, unknown> = {}) =>
      diary.of((context) => look({ ...settings, ...more }, 6_000, context));
    return { desk, ask };
  }

  it('answers with a ticket, to a plus address as well, and its receipts are marked as ours', async () => {
    const { desk, ask } = await openDesk();
    expect(await ask()).toMatchObject({
      kind: 'ok',
      rung: 'answered',
      facts: { ticket: 'RB-000001', folder: 'INBOX', duplicates: 0 },
    });
    expect(await ask({ plus_token: true })).toMatchObject({
      kind: 'ok',
      facts: { ticket: 'RB-000002', matched_by: ['token', 'reference', 'plus_address'] },
    });
    expect(desk.mailbox('probe@monitor.example')).toHaveLength(2);
  });

  it.each([
    ['down', 'failed TCP_REFUSED'],
    ['busy', 'failed OVERLOAD'],
    ['overload', 'degraded DEFERRED'],
    ['wrong', 'failed MAIL_REFUSED'],
    ['garbage', 'failed PROTO_GARBAGE'],
    ['silence', 'failed DEADLINE'],
  ] as const satisfies readonly (readonly [MailFault, string])[])('broken by %s is %s', async (fault, verdict) => {
    const { desk, ask } = await openDesk();
    await desk.set(fault);
    const finding = await ask();
    expect(`${finding.kind} ${codeOf(finding)}`, messageOf(finding)).toBe(verdict);
  });

  it('that answers nobody any more is told; what it answers later is told by the next look [MC-23]', async () => {
    const { ask } = await openDesk({ receiptMs: 2_600 });
    expect(codeOf(await ask())).toBe('NO_RECEIPT');
    await sleep(1_000);
    const finding = await ask({ receipt: { within: '4s' } });
    expect(finding.facts['late']).toEqual([expect.stringMatching(/^receipt after \d s /)]);
  });

  it('is not written to when the mailbox cannot be read, nor when no time is left for its answer', async () => {
    const { desk, ask } = await openDesk();
    const mailbox = {
      host: '127.0.0.1',
      port: desk.imap.port,
      security: 'none',
      user: 'probe@monitor.example',
      password: password('wrong'),
    };
    expect(codeOf(await ask({ mailbox }))).toBe('AUTH');
    expect(codeOf(await ask({ receipt: { within: '1m' } }))).toBe('SETTINGS');
    expect(desk.mailbox('help@demo.test')).toEqual([]);
  });
});
