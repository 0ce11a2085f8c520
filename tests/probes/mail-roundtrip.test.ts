/** What answers to a probe mail mean, and mails that no reader should be given whole. */
import { describe, expect, it } from 'vitest';
import { classify, signsOf } from '../../probes/lib/mail/classify.ts';
import type { Hope } from '../../probes/lib/mail/classify.ts';
import { compose } from '../../probes/lib/mail/compose.ts';
import { readLetter, takenUpAt } from '../../probes/lib/mail/letter.ts';
import { mayBeSuppressed, noteAnswer, readMemory, remember } from '../../probes/lib/mail/memory.ts';
import { Pattern } from '../../probes/lib/pattern.ts';
import kind from '../../probes/mail-roundtrip.ts';
import { Secret } from '../../src/core/secret.ts';
import { contract, HOST, near } from '../contract/contract.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const HOPE: Hope = {
  from: 'probe@monitor.test',
  senders: ['wallet.example'],
  matches: undefined,
  ticket: new Pattern('(?:Ticket #|工单编号：)([A-Z0-9-]+)'),
};
const DESK = 'From: Help <support@wallet.example>\r\nTo: <probe@monitor.test>\r\n';

const read = (raw: string | Buffer) => readLetter(Buffer.from(raw));
async function meaningOf(raw: string | Buffer, hope: Partial<Hope> = {}) {
  return classify(await read(raw), { ...HOPE, ...hope });
}

describe('an answer', () => {
  it.each([
    [
      'an automatic one with a number',
      `${DESK}Subject: Ticket #A-7\r\nAuto-Submitted: auto-replied\r\n\r\nthanks`,
      { kind: 'receipt', ticket: 'A-7', isAutomatic: true },
    ],
    [
      'one by a person',
      `${DESK}Subject: Re: Test message\r\n\r\nHello, what is it?`,
      { kind: 'receipt', ticket: undefined, isAutomatic: false },
    ],
    [
      'one whose number stands in HTML alone [MC-32]',
      `${DESK}Subject: Re\r\nContent-Type: text/html\r\n\r\n<html><head><style>${'p{color:red}'.repeat(3_000)}</style></head><body><td>Ticket&nbsp;#H-1<td>open</body>`,
      { kind: 'receipt', ticket: 'H-1', isAutomatic: false },
    ],
    [
      'one with full-width digits',
      `${DESK}Subject: =?utf-8?B?${Buffer.from('Ticket ＃７７').toString('base64')}?=\r\n\r\n`,
      { kind: 'receipt', ticket: '77', isAutomatic: false },
    ],
    [
      'an out-of-office reply',
      `${DESK}Subject: Automatic reply\r\nX-Autoreply: yes\r\n\r\nI am out of the office until Monday.`,
      { kind: 'away' },
    ],
    [
      'an Indonesian one',
      `${DESK}Subject: Balasan otomatis\r\nAuto-Submitted: auto-replied\r\n\r\nSaya sedang cuti sampai Senin.`,
      { kind: 'away' },
    ],
    [
      'a Chinese one',
      `${DESK}Subject: =?utf-8?B?${Buffer.from('自动回复：我正在休假').toString('base64')}?=\r\nAuto-Submitted: auto-replied\r\n\r\n.`,
      { kind: 'away' },
    ],
    [
      'a receipt that mentions the office',
      `${DESK}Subject: Ticket #5\r\nAuto-Submitted: auto-replied\r\n\r\nWe are out of office; your ticket waits.`,
      { kind: 'receipt', ticket: '5', isAutomatic: true },
    ],
    [
      'an address in a display name',
      `From: "support@wallet.example" <thief@evil.test>\r\nSubject: Ticket #5\r\n\r\n`,
      { kind: 'stranger' },
    ],
    [
      'our own mail, come back [MC-20]',
      `From: Ringback <probe+x@monitor.test>\r\nX-Ringback-Probe: support@wallet.example 1\r\nSubject: x\r\n\r\n`,
      { kind: 'echo' },
    ],
  ] as const)('%s is told [MC-26]', async (_what, raw, meaning) => {
    expect(await meaningOf(raw)).toEqual(meaning);
  });

  it('that does not match what a receipt says is none', async () => {
    const hope = { matches: new Pattern('(?i)we have received'), ticket: undefined };
    expect(await meaningOf(`${DESK}Subject: Newsletter\r\n\r\nBuy now`, hope)).toEqual({ kind: 'mismatch' });
    expect(await meaningOf(`${DESK}Subject: Re\r\n\r\nWe have received your mail`, hope)).toMatchObject({
      kind: 'receipt',
    });
  });

  const report = (lines: string): string =>
    `From: MAILER-DAEMON@mx.test\r\nSubject: Undelivered\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\n${lines}\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <rb-${TOKEN}@monitor.test>\r\n\r\n--b--\r\n`;

  it.each([
    ['failed', 'Action: failed\r\nStatus: 5.1.1\r\n', { kind: 'bounce', status: '5.1.1' }],
    ['given up after days', 'Action: failed\r\nStatus: 4.4.7\r\n', { kind: 'bounce', status: '4.4.7' }],
    ['still trying', 'Action: delayed\r\nStatus: 4.4.1\r\n', { kind: 'delay', status: '4.4.1' }],
    ['of class 4 without action', 'Status: 4.2.0\r\n', { kind: 'delay', status: '4.2.0' }],
    ['delivered', 'Action: delivered\r\nStatus: 2.0.0\r\n', { kind: 'echo' }],
  ] as const)('that is a report "%s" is told from a reply [MC-19]', async (_what, lines, meaning) => {
    expect(await meaningOf(report(lines))).toMatchObject(meaning);
    expect(signsOf(await read(report(lines)), TOKEN)).toEqual(['token']);
  });

  it('that is a report without its parts is known by who writes it [MC-19]', async () => {
    const from = 'From: <postmaster@mx.test>\r\n';
    expect(await meaningOf(`${from}Subject: failure notice\r\n\r\n550 5.1.1 unknown`)).toMatchObject({
      kind: 'bounce',
      status: '5.1.1',
    });
    expect(await meaningOf(`${from}Subject: Delivery delayed\r\n\r\nwill try again`)).toMatchObject({ kind: 'delay' });
  });
});

describe('our token', () => {
  const signs = async (raw: string | Buffer) => signsOf(await read(raw), TOKEN);

  it('is found where the reply has it: subject, reference, plus address, HTML, base64, raw GBK [MC-22]', async () => {
    const gbk = Buffer.concat([
      Buffer.from(`${DESK}Subject: `),
      Buffer.from([0xc4, 0xfa, 0xb5, 0xc4]),
      Buffer.from(` [rb-${TOKEN}] TCK-9\r\n\r\n`),
    ]);
    expect(await signs(`${DESK}Subject: Re: [RB-${TOKEN.toUpperCase()}]\r\n\r\n`)).toEqual(['token']);
    expect(await signs(`${DESK}Subject: Re: [rb-0123\r\nIn-Reply-To: <rb-${TOKEN}@monitor.test>\r\n\r\n`)).toContain(
      'reference',
    );
    expect(
      await signs(`From: <a@wallet.example>\r\nTo: <probe+${TOKEN}@monitor.test>\r\nSubject: x\r\n\r\n`),
    ).toContain('plus_address');
    expect(await signs(`${DESK}Content-Type: text/html\r\n\r\n<b>${TOKEN.slice(0, 8)}</b><i>${TOKEN}</i>`)).toEqual([
      'token',
    ]);
    expect(
      await signs(`${DESK}Content-Transfer-Encoding: base64\r\n\r\n${Buffer.from(`see ${TOKEN}`).toString('base64')}`),
    ).toEqual(['token']);
    expect(await signs(gbk)).toEqual(['token']);
    expect((await read(gbk)).subject).toBe(`您的 [rb-${TOKEN}] TCK-9`);
    expect(await signs(`${DESK}Subject: Re: [rb-${TOKEN.slice(0, 31)}]\r\n\r\n`)).toEqual([]);
  });

  it('goes out in an ordinary mail that any desk answers', () => {
    const wish = {
      token: TOKEN,
      from: 'probe@monitor.test',
      to: 'support@wallet.example',
      plusToken: true,
      subject: 'Uji 测试 mail',
      text: '.first\nsecond',
      at: 0,
    };
    const errand = compose(wish);
    expect(errand.from).toBe(`probe+${TOKEN}@monitor.test`);
    expect(errand.raw).toMatch(/^[\t\r\n\x20-\x7e]+$/);
    expect(errand.raw).not.toMatch(/^(?:Auto-Submitted|Precedence|List-|Bcc)/im);
    for (const line of errand.raw.split('\r\n')) expect(line.length).toBeLessThan(100);
  });

  it('comes back whole from a reader', async () => {
    const errand = compose({
      token: TOKEN,
      from: 'a@b.test',
      to: 'c@d.test',
      plusToken: false,
      subject: 'Uji 测试',
      text: '你好\n.',
      at: 0,
    });
    const mail = await read(errand.raw);
    expect([mail.subject, mail.text.trim().replaceAll('\r\n', '\n')]).toEqual([
      `Uji 测试 [rb-${TOKEN}]`,
      `你好\n.\n\nRingback [rb-${TOKEN}]`,
    ]);
  });
});

describe('a mail made to hurt its reader [S-F5, MC-32]', () => {
  const nested = (depth: number): string =>
    Array.from({ length: depth }, (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\r\n\r\n--b${at}\r\n`).join(
      '',
    );
  it.each([
    ['nested 10,000 deep', nested(10_000)],
    ['nested 17 deep', nested(17)],
    ['of a million parts', `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\n'.repeat(37_000)}`],
    ['with headers of 200 KB', `X: ${'y'.repeat(200_000)}\r\n\r\n`],
    ['with 8,000 beginnings of encoded words', `${DESK}Subject: ${'=?'.repeat(8_000)}\r\n\r\n`],
    ['with 8,000 encoded words', `${DESK}Subject: ${'=?utf-8?Q?a?= '.repeat(4_000)}\r\n\r\n`],
    ['with 100,000 tags left open', `${DESK}Content-Type: text/html\r\n\r\n${'<style><b>'.repeat(25_000)}`],
    ['with a header of opening brackets', `From: ${'<'.repeat(60_000)}\r\n\r\n`],
    ['of NUL bytes', '\0'.repeat(262_144)],
  ])('%s is done with at once', async (_what, raw) => {
    const began = performance.now();
    const mail = await read(raw.slice(0, 262_144));
    classify(mail, HOPE);
    signsOf(mail, TOKEN);
    expect(performance.now() - began).toBeLessThan(1_500);
    expect(mail.subject.length + mail.text.length).toBeLessThan(131_072);
  });

  it('counts only by its bytes when it cannot be read', async () => {
    const raw = `${DESK}Subject: Ticket #1 rb-${TOKEN}\r\n${nested(17)}`;
    expect(signsOf(await read(raw), TOKEN)).toEqual(['token']);
    expect(await meaningOf(raw)).toEqual({ kind: 'unreadable' });
  });
});

describe('times', () => {
  it('come from the first server that took the answer, comments left out', async () => {
    const received = (text: string): string => `Received: from a by b; ${text}\r\n`;
    const mail = await read(
      `${received('Sun, 22 Nov 2026 07:00:09 +0700 (WIB)')}${received('Sun, 22 Nov 2026 07:00:05 +0700 (WIB)')}${DESK}\r\n`,
    );
    expect(takenUpAt(mail)).toBe(Date.parse('2026-11-22T00:00:05Z'));
    expect(takenUpAt(await read(`${received('yesterday')}${DESK}\r\n`))).toBeUndefined();
  });
});

describe('silence', () => {
  it('may be courtesy after one answer, and is silence after two in a row [MC-25]', () => {
    const memory = readMemory(undefined, 'probe@monitor.test', 'support@wallet.example');
    const token = (): string => memory.sent.toString(16).padStart(32, '0');
    const silent = (): void => remember(memory, token(), 0);
    const answered = (): void => {
      const one = token();
      remember(memory, one, 0);
      noteAnswer(memory, one, 1);
    };
    const story = [silent, answered, silent, answered, silent, answered, answered, silent];
    const said = story.map((step) => {
      step();
      return mayBeSuppressed(memory);
    });
    expect(said).toEqual([false, true, true, true, true, true, false, false]);
  });
});

describe('what is remembered', () => {
  const from = 'probe@monitor.test';
  const to = 'support@wallet.example';

  it('outlives the process as JSON, and stays small however many mails are never answered', () => {
    const memory = readMemory(undefined, from, to);
    for (let at = 0; at < 1_000; at += 1) remember(memory, TOKEN, at);
    const kept = JSON.stringify(memory);
    expect(kept.length).toBeLessThan(2_000);
    expect(readMemory(JSON.parse(kept), from.toUpperCase(), to)).toEqual(memory);
    expect(memory.outstanding.map((each) => each.handedOverAt)).toEqual([992, 993, 994, 995, 996, 997, 998, 999]);
  });

  it('of another pair or of another making is forgotten', () => {
    const memory = readMemory(undefined, from, to);
    remember(memory, TOKEN, 0);
    noteAnswer(memory, TOKEN, 1);
    expect(mayBeSuppressed(readMemory(memory, from, to))).toBe(true);
    expect(mayBeSuppressed(readMemory(memory, from, 'help@wallet.example'))).toBe(false);
    for (const kept of [
      null,
      7,
      'x',
      [],
      { pair: `${from} ${to}` },
      { ...memory, sent: -1 },
      { ...memory, outstanding: [{ token: 'a OR b' }] },
    ])
      expect(readMemory(kept, from, to).sent).toBe(0);
  });
});

describe('settings', () => {
  const password = new Secret('secret', 'env:X');
  const good = {
    submit: { host: 'a.test' },
    from: 'probe@a.test',
    to: 'b@c.test',
    mailbox: { host: 'a.test', user: 'u', password },
  };
  it.each([
    ['an answer to ourselves [MC-20]', { to: 'Probe+x@a.test' }, 'to'],
    ['a token where there is one already', { from: 'probe+x@a.test', plus_token: true }, 'from'],
    ['a password without a user', { submit: { host: 'a.test', password } }, 'submit.user'],
    ['less time than a receipt may take', { timeout: '30s', receipt: { within: '1m' } }, 'timeout'],
    ['a command in an address', { to: 'b@c.test>\r\nDATA' }, 'to'],
    ['a line end in a user name', { mailbox: { ...good.mailbox, user: 'u\r\nA LOGOUT' } }, 'mailbox.user'],
    ['a line end in a subject', { message: { subject: 'a\r\nBcc: x@y.test' } }, 'message.subject'],
  ])('refuse %s', (_what, more, path) => {
    expect(kind.schema.safeParse(good).success).toBe(true);
    expect(kind.schema.safeParse({ ...good, ...more }).error?.issues.map((each) => each.path.join('.'))).toEqual([
      path,
    ]);
  });
});

contract('mail-roundtrip', {
  transports: ['tcp', 'tls'],
  with: (port, transport, canary) => {
    const security = transport === 'tls' ? 'implicit' : 'none';
    const server = { host: HOST, port, security, user: 'probe@example.id', password: canary };
    return {
      ...near,
      submit: server,
      mailbox: server,
      from: 'probe@example.id',
      to: 'support@wallet.example',
      receipt: { within: '200ms', ticket: 'Ticket #([0-9]+)' },
    };
  },
});
