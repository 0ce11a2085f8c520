/** The kind `mail-roundtrip` over several looks and restarts, in a mailbox that fills up, and with certificates that end. */
import { afterEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { certificates } from '../lib/certs.ts';
import { Diary } from '../lib/diary.ts';
import type { ScriptedImap, Turn, Wish } from '../lib/imap.ts';
import { codeOf, messageOf } from '../lib/mail.ts';
import { FROM, openScene, PASSWORD, receipt } from '../lib/roundtrip.ts';
import type { Scene } from '../lib/roundtrip.ts';
import { openSubmission } from '../lib/submission.ts';
import type { Taken } from '../lib/submission.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function stage(
  wish: Wish = {},
  onMail: (mail: Taken, imap: ScriptedImap) => void = () => undefined,
): Promise<Scene & { readonly diary: Diary; next(more?: Record<string, unknown>): ReturnType<Scene['look']> }> {
  const scene = await openScene(wish, onMail);
  closers.push(scene.close);
  const diary = new Diary();
  return { ...scene, diary, next: (more = {}) => diary.of((context) => scene.look(more, 4_000, context)) };
}

const BRIEF = { receipt: { within: '300ms' } };
const KNOWN = /\(rb-[0-9a-f]{8} of \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\)$/;

describe('an answer after its look has ended', () => {
  it('is late and not lost, also after a restart: the next look says to which mail and after how long [MC-23]', async () => {
    const mails: Taken[] = [];
    const { next, imap } = await stage({}, (mail) => mails.push(mail));
    const lost = await next(BRIEF);
    expect([lost.kind, codeOf(lost), lost.facts['unanswered']]).toEqual(['failed', 'NO_RECEIPT', undefined]);
    const again = await next(BRIEF);
    expect(again.facts['unanswered']).toBe(1);
    const [first] = mails;
    if (first !== undefined) imap.deliver(receipt(first));
    const finding = await next(BRIEF);
    expect(finding.facts['late']).toEqual([expect.stringMatching(/^receipt after \d+ s /)]);
    expect(String(finding.facts['late'])).toMatch(KNOWN);
    expect(String(finding.facts['late'])).toContain(first?.token.slice(0, 8));
    expect(finding.facts['unanswered']).toBe(1);
    // Told once.
    expect((await next(BRIEF)).facts['late']).toBeUndefined();
  });

  it('that is a second receipt is told by the look after it, and then no more [MC-18]', async () => {
    const mails: Taken[] = [];
    const { next, imap } = await stage({}, (mail, box) => {
      mails.push(mail);
      box.deliver(receipt(mail));
    });
    expect(await next()).toMatchObject({ kind: 'ok', facts: { duplicates: 0 } });
    const [first] = mails;
    if (first !== undefined) imap.deliver(receipt(first, 'Message-ID: <again@wallet.example>\r\n'));
    const finding = await next();
    expect(finding.kind).toBe('ok');
    expect(finding.facts['late']).toEqual([expect.stringMatching(/^1 more receipt \(rb-/)]);
    expect((await next()).facts['late']).toBeUndefined();
  });

  it('is not looked for without a memory, as in a look by hand', async () => {
    const mails: Taken[] = [];
    const { look, imap } = await stage({}, (mail) => mails.push(mail));
    await look(BRIEF);
    const [first] = mails;
    if (first !== undefined) imap.deliver(receipt(first));
    expect((await look(BRIEF)).facts['late']).toBeUndefined();
  });
});

describe('a responder that answers a sender once', () => {
  it('is known by it after a restart: its silence is unknown, until it has answered twice in a row [MC-25]', async () => {
    let answers = [true, false, true, true, false];
    const { next } = await stage({}, (mail, box) => {
      const [isAnswered, ...rest] = answers;
      answers = rest;
      if (isAnswered === true) box.deliver(receipt(mail));
    });
    const codes = [];
    for (let at = 0; at < 5; at += 1) codes.push(codeOf(await next(BRIEF)));
    expect(codes).toEqual(['ok', 'SUPPRESSED', 'ok', 'ok', 'NO_RECEIPT']);
  });

  it('is not taken for one when it is only slow [MC-25]', async () => {
    const mails: Taken[] = [];
    const { next, imap } = await stage({}, (mail) => {
      const before = mails.at(-1);
      if (before !== undefined) imap.deliver(receipt(before));
      mails.push(mail);
    });
    const codes = [];
    for (let at = 0; at < 4; at += 1) codes.push(codeOf(await next(BRIEF)));
    expect(codes).toEqual(['NO_RECEIPT', 'SUPPRESSED', 'NO_RECEIPT', 'NO_RECEIPT']);
  });
});

describe('a mailbox of ours with a quota', () => {
  const capabilities = 'IMAP4rev1 IDLE UIDPLUS SPECIAL-USE QUOTA AUTH=PLAIN';
  const quota =
    (...resources: readonly string[]) =>
    ({ say, tag, times }: Turn): void =>
      say(
        '* QUOTAROOT INBOX "all"',
        `* QUOTA "all" (${resources[Math.min(times, resources.length) - 1] ?? ''})`,
        `${tag} OK done`,
      );

  it.each([
    ['STORAGE 1000 1000', '1000 of 1000 KiB are used'],
    ['STORAGE 990 1000', '990 of 1000 KiB are used'],
    ['STORAGE 5 1000 MESSAGE 300 300', '300 of 300 mails are there'],
  ])(
    'that is full (%s) is our own trouble, it says so, and no mail goes out [MC-17: quota full]',
    async (all, words) => {
      const { next, smtp } = await stage({ capabilities, on: { GETQUOTAROOT: quota(all) } });
      const finding = await next();
      expect([finding.kind, codeOf(finding)]).toEqual(['unknown', 'SETTINGS']);
      expect(messageOf(finding)).toMatch(new RegExp(`no mail was sent.*is full, by its quota: ${words}`));
      expect(smtp.taken).toEqual([]);
    },
  );

  it('that fills up while we wait makes the silence ours, and says nothing of the responder [MC-17: quota full]', async () => {
    const on = { GETQUOTAROOT: quota('STORAGE 5 1000', 'STORAGE 1000 1000', 'STORAGE 5 1000') };
    const { next } = await stage({ capabilities, on });
    const finding = await next(BRIEF);
    expect([finding.kind, codeOf(finding)]).toEqual(['unknown', 'SETTINGS']);
    expect(messageOf(finding)).toContain('by its quota');
    expect(codeOf(await next(BRIEF))).toBe('NO_RECEIPT');
  });

  it.each([
    ['has room', quota('STORAGE 5 1000 MESSAGE 3 300')],
    ['has no limit', quota('')],
    ['tells no quota although it says that it can [S-F7]', ({ say, tag }: Turn) => say(`${tag} NO not for you`)],
    ['tells rubbish [S-F7]', quota('STORAGE 1e9 x ( NIL')],
  ])('that %s is used as any other', async (_what, answer) => {
    const { next } = await stage({ capabilities, on: { GETQUOTAROOT: answer } }, (mail, box) => {
      box.deliver(receipt(mail));
    });
    const finding = await next();
    expect(finding, messageOf(finding)).toMatchObject({ kind: 'ok', rung: 'answered' });
  });
});

describe('IDLE', () => {
  it('is asked for anew every few seconds, long before the 29 minutes after which servers end it [MC-17: 29-minute limit, RFC 2177]', async () => {
    const { look, imap } = await stage();
    // The pauses grow to their longest within these eleven seconds.
    await look({ receipt: { within: '11s' } }, 15_000);
    const said = imap.heard.map((line) => line.split(' ').at(-1));
    const [idles, ends] = [
      said.filter((line) => line === 'IDLE').length,
      said.filter((line) => line === 'DONE').length,
    ];
    expect([idles > 5, idles - ends <= 1]).toEqual([true, true]);
  }, 20_000);

  it('is not begun when new mail was told of before it: what comes during a search is looked for at once', async () => {
    let mail: Taken | undefined;
    const told = (turn: Turn): void => {
      if (mail === undefined || !turn.line.includes(mail.token)) return turn.usual();
      box?.deliver(receipt(mail));
      mail = undefined;
      turn.say('* SEARCH', '* 1 EXISTS', `${turn.tag} OK done`);
    };
    let box: ScriptedImap | undefined;
    // The search of Junk comes first, that of the inbox last.
    let searches = 0;
    const { look, imap } = await stage(
      { on: { SEARCH: (turn) => ((searches += 1) % 2 === 0 ? told(turn) : turn.usual()) } },
      (taken, scripted) => {
        box = scripted;
        mail = taken;
      },
    );
    expect(await look()).toMatchObject({ kind: 'ok', rung: 'answered' });
    const verbs = imap.heard.map((line) => /\b(?:IDLE|SEARCH|FETCH)\b/.exec(line)?.[0] ?? '').filter(Boolean);
    expect(verbs.slice(0, verbs.indexOf('FETCH'))).not.toContain('IDLE');
  });
});

describe('certificates that end soon', () => {
  it('are told of both servers, and degrade where days are expected, for they stop our tests and not the customers', async () => {
    const { soon, good, caFile } = await certificates();
    const findings = [];
    for (const [ofPost, ofBox] of [
      [good, good],
      [soon, good],
      [good, soon],
    ] as const) {
      const { imap, look } = await stage({ capabilities: 'IMAP4rev1 STARTTLS AUTH=PLAIN', tls: ofBox });
      const password = new Secret(PASSWORD, 'env:X');
      const post = await openSubmission({
        tls: ofPost,
        login: ['PLAIN'],
        onMail: (mail) => imap.deliver(receipt(mail)),
      });
      closers.push(post.close);
      const settings = {
        ca: caFile,
        submit: { host: '127.0.0.1', port: post.port, security: 'starttls', user: FROM, password },
        mailbox: { host: '127.0.0.1', port: imap.port, security: 'starttls', user: FROM, password },
      };
      findings.push(await look({ ...settings, expect: { certificate_days: 14 } }));
      findings.push(await look(settings));
    }
    expect(findings.map((each) => [each.kind, codeOf(each), 'fault' in each ? each.fault.blame : ''])).toEqual([
      ['ok', 'ok', ''],
      ['ok', 'ok', ''],
      ['degraded', 'CERT_EXPIRING', 'probe'],
      ['ok', 'ok', ''],
      ['degraded', 'CERT_EXPIRING', 'probe'],
      ['ok', 'ok', ''],
    ]);
    const days = findings.map(({ facts }) => [facts['submit_certificate_days'], facts['mailbox_certificate_days']]);
    expect([days[2], days[4]]).toEqual([
      [5, 89],
      [89, 5],
    ]);
  });
});
