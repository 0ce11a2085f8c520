/** The kind `mail-roundtrip` against a real mail server (Postfix) and real mailboxes that answer (Dovecot, Sieve). */
import { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, expect, it } from 'vitest';
import kind from '../../probes/mail-roundtrip.ts';
import { Secret } from '../../src/core/secret.ts';
import { Diary } from '../lib/diary.ts';
import { ROOT, describeWith } from '../lib/needs.ts';
import { removeFolder, stateFolder, stopAll } from './daemon.ts';
import { codeOf, lookWith } from './look.ts';
import { startPostOffice } from './postoffice.ts';
import type { Manner, PostOffice, Received } from './postoffice.ts';

const header = (mail: Received, name: string): string =>
  new RegExp(`^${name}: *((?:.|\\r\\n[ \\t])*)`, 'im').exec(mail.raw)?.[1]?.replace(/\r\n\s*/g, ' ') ?? '';

/** An automatic answer as help desks write them. `number` makes two of them two. */
function receipt(mail: Received, number: string, more: readonly string[] = []): string {
  const lines = [
    `From: Help desk <${mail.to}>`,
    `To: ${mail.from}`,
    `Subject: [Ticket #${number}] Re: ${header(mail, 'Subject')}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${number}@helpdesk.test>`,
    `In-Reply-To: ${header(mail, 'Message-ID')}`,
    'Auto-Submitted: auto-replied',
    ...more,
    '',
    `Ticket #${number}`,
    '',
  ];
  return lines.join('\r\n');
}

let tickets = 5_000;
const next = (): string => String((tickets += 1));

/** "您的工单 … 已受理", the subject in an encoded word, text in base64, both GB18030. */
function chinese(mail: Received): string {
  const words = (bytes: readonly number[]): Buffer => Buffer.from(bytes);
  const subject = Buffer.concat([
    words([0xc4, 0xfa, 0xb5, 0xc4, 0xb9, 0xa4, 0xb5, 0xa5]),
    Buffer.from(` TCK-${next()} `),
  ]);
  const text = Buffer.concat([
    words([0xb9, 0xa4, 0xb5, 0xa5, 0xb1, 0xe0, 0xba, 0xc5, 0xa3, 0xba]),
    Buffer.from(header(mail, 'Subject')),
  ]);
  return [
    `From: <${mail.to}>`,
    `To: ${mail.from}`,
    `Subject: =?gb18030?B?${subject.toString('base64')}?=`,
    'Message-ID: <gb@helpdesk.test>',
    'Auto-Submitted: auto-replied',
    'Content-Type: text/plain; charset=gb18030',
    'Content-Transfer-Encoding: base64',
    '',
    text.toString('base64'),
    '',
  ].join('\r\n');
}

const MANNERS: Readonly<Record<string, Manner>> = {
  'desk@helpdesk.test': { reply: (mail) => [receipt(mail, next())] },
  'twice@helpdesk.test': { reply: (mail) => [receipt(mail, next()), receipt(mail, next())] },
  'junk@helpdesk.test': { reply: (mail) => [receipt(mail, next(), ['X-Spam-Flag: YES'])] },
  'chinese@helpdesk.test': { reply: (mail) => [chinese(mail)] },
  'late@helpdesk.test': { reply: (mail) => [receipt(mail, next())], afterMs: 2_500 },
  'never@helpdesk.test': {},
  'bounce@helpdesk.test': { refuse: [550, '5.1.1 no such user here'] },
  'delay@helpdesk.test': { refuse: [450, '4.3.2 come again later'] },
};

describeWith(
  {
    postfix: 'postfix',
    dovecot: 'dovecot-imapd',
    '/usr/lib/dovecot/lmtp': 'dovecot-lmtpd',
    sievec: 'dovecot-sieve',
    openssl: 'openssl',
    ...ROOT,
  },
  'mail-roundtrip and a real post office',
  () => {
    let folder: string;
    let office: PostOffice;

    beforeAll(async () => {
      folder = await stateFolder('roundtrip');
      office = await startPostOffice(folder, MANNERS);
    });
    afterAll(async () => {
      await office.close();
      await stopAll(office.daemons);
      await removeFolder(folder);
    });

    const login = { user: 'probe@monitor.test', password: new Secret('probe-pass', 'env:PROBE') };
    // One for each address that is written to, as there is one for each target.
    const diaries = new Map<string, Diary>();
    const look = (to: string, more: Record<string, unknown> = {}, timeoutMs = 12_000) => {
      const diary = diaries.get(to) ?? new Diary();
      diaries.set(to, diary);
      return diary.of((context) =>
        lookWith(
          kind,
          {
            ca: office.ca,
            submit: { host: '127.0.0.1', port: office.submissionPort, ...login },
            from: 'probe@monitor.test',
            to: `${to}@helpdesk.test`,
            mailbox: { host: '127.0.0.1', port: office.imapsPort, ...login },
            receipt: { within: '6s', ticket: '(?:Ticket #|TCK-)([0-9]+)' },
            ...more,
          },
          timeoutMs,
          context,
        ),
      );
    };
    const short = { within: '1500ms', ticket: 'Ticket #([0-9]+)' };

    it('finds the receipt of a Sieve script, its ticket number and its times, over STARTTLS with a login', async () => {
      const finding = await look('support');
      expect(finding).toMatchObject({ kind: 'ok', rung: 'answered' });
      expect(finding.facts).toMatchObject({
        folder: 'INBOX',
        junk: false,
        duplicates: 0,
        responder: 'auto',
        resolution_ms: 1_000,
      });
      expect(finding.facts['ticket']).toMatch(/^[0-9]{10,}$/);
      expect(finding.phases['submit']).toBeGreaterThan(0);
      for (const phase of ['delivery', 'receipt']) expect(finding.phases[phase], phase).toBeGreaterThanOrEqual(0);
    });

    it('goes the same way over TLS from the first byte, and STARTTLS to the mailbox', async () => {
      const finding = await look('support', {
        submit: { host: '127.0.0.1', port: office.smtpsPort, security: 'implicit', ...login },
        mailbox: { host: '127.0.0.1', port: office.imapPort, security: 'starttls', ...login },
      });
      expect(finding).toMatchObject({ kind: 'ok', rung: 'answered' });
    });

    it('sends an ordinary mail with a tag, from a plus address where that is wanted', async () => {
      const finding = await look('desk', { plus_token: true });
      expect(finding).toMatchObject({ kind: 'ok', facts: { matched_by: ['token', 'reference', 'plus_address'] } });
      const mail = office.received.findLast(({ to }) => to === 'desk@helpdesk.test');
      const token = /\[rb-([0-9a-f]{32})\]/.exec(mail?.raw ?? '')?.[1] ?? 'none';
      expect(mail?.from).toBe(`probe+${token}@monitor.test`);
      expect(mail?.raw).toMatch(/^To: <desk@helpdesk\.test>\r$/m);
      expect(mail?.raw).toMatch(/^X-Ringback-Probe: desk@helpdesk\.test /m);
      expect(mail?.raw).not.toMatch(/^(?:Auto-Submitted|Precedence|List-Id):/im);
    });

    it('takes greylisting for a deferral, an unknown recipient for a refusal and a wrong password for our own trouble', async () => {
      const findings = [
        await look('grey'),
        await look('nobody'),
        await look('desk', {
          submit: {
            host: '127.0.0.1',
            port: office.submissionPort,
            ...login,
            password: new Secret('wrong-pass', 'env:X'),
          },
        }),
        await look('desk', {
          mailbox: { host: '127.0.0.1', port: office.imapsPort, ...login, password: new Secret('wrong-pass', 'env:X') },
        }),
      ];
      expect(findings.map((each) => [each.kind, codeOf(each), each.rung])).toEqual([
        ['degraded', 'DEFERRED', 'reachable'],
        ['failed', 'MAIL_REFUSED', 'reachable'],
        ['unknown', 'AUTH', 'none'],
        ['unknown', 'AUTH', 'none'],
      ]);
      expect(JSON.stringify(findings)).not.toContain('wrong-pass');
    });

    it('takes a bounce for a refusal, with its status', async () => {
      const finding = await look('bounce');
      expect([finding.kind, codeOf(finding), finding.rung]).toEqual(['failed', 'MAIL_REFUSED', 'reachable']);
      expect(finding.facts['bounce']).toBe('5.1.1');
    });

    it('takes a report that delivery is delayed for no bounce', async () => {
      const finding = await look('delay', { receipt: { within: '5s' } });
      expect([finding.kind, codeOf(finding)]).toEqual(['degraded', 'DEFERRED']);
      expect(finding.facts).toMatchObject({ delayed: true });
      expect(finding.facts['bounce']).toBeUndefined();
    });

    it('finds a receipt in Junk and says so [MC-21]', async () => {
      const finding = await look('junk');
      expect([finding.kind, codeOf(finding), finding.rung]).toEqual(['degraded', 'JUNKED', 'answered']);
      expect(finding.facts).toMatchObject({ folder: 'Junk', junk: true });
    });

    it('counts a receipt that comes twice [MC-18]', async () => {
      expect(await look('twice')).toMatchObject({ kind: 'ok', facts: { duplicates: 1 } });
    });

    it('reads a receipt in GB18030', async () => {
      const finding = await look('chinese');
      expect(finding).toMatchObject({ kind: 'ok', rung: 'answered', facts: { matched_by: ['token'] } });
      expect(finding.facts['ticket']).toMatch(/^5[0-9]{3}$/);
    });

    it('takes an out-of-office reply for none, a mail without any reply for no receipt', async () => {
      const away = await look('away', { receipt: short });
      const never = await look('never', { receipt: short });
      expect([away.kind, codeOf(away)]).toEqual(['failed', 'OUT_OF_OFFICE']);
      expect([never.kind, codeOf(never), never.rung]).toEqual(['failed', 'NO_RECEIPT', 'accepting']);
    });

    it('tells a receipt that comes after the look in the next look', async () => {
      expect(codeOf(await look('late', { receipt: short }))).toBe('NO_RECEIPT');
      await expect.poll(() => office.received.filter(({ to }) => to === 'late@helpdesk.test').length).toBe(1);
      const finding = await look('late');
      expect(finding.kind).toBe('ok');
      expect(finding.facts['late']).toEqual([
        expect.stringMatching(/^receipt after \d+ s \(rb-[0-9a-f]{8} of \S+Z\)$/),
      ]);
    });

    it('calls it unknown when a responder that answered before is silent, and not with a plus address', async () => {
      expect((await look('once', { receipt: short })).kind).toBe('ok');
      const silent = await look('once', { receipt: short });
      expect([silent.kind, codeOf(silent), silent.facts['suppressed']]).toEqual(['unknown', 'SUPPRESSED', true]);
      expect((await look('once', { receipt: short, plus_token: true })).kind).toBe('ok');
    });

    it('says that our mailbox is full, by the server’s own quota, and sends no mail [MC-17: quota full]', async () => {
      const small = { user: 'small@monitor.test', password: new Secret('small-pass', 'env:SMALL') };
      const mailbox = { host: '127.0.0.1', port: office.imapsPort, ...small };
      const before = office.received.length;
      // There is room at first.
      expect(await look('desk', { from: small.user, mailbox })).toMatchObject({ kind: 'ok' });
      const box = new ImapFlow({
        host: '127.0.0.1',
        port: office.imapPort,
        auth: { user: small.user, pass: 'small-pass' },
        logger: false,
        tls: { rejectUnauthorized: false },
      });
      await box.connect();
      await box.append(
        'INBOX',
        `From: <a@else.test>\r\nSubject: large\r\n\r\n${'x'.repeat(70)}\r\n`.padEnd(50_000, 'y'),
      );
      await box.logout();
      const finding = await look('desk', { from: small.user, mailbox });
      expect([finding.kind, codeOf(finding)]).toEqual(['unknown', 'SETTINGS']);
      expect('fault' in finding ? finding.fault.message : '').toMatch(/no mail was sent.*by its quota: \d\d of 64 KiB/);
      expect(office.received.length).toBe(before + 1);
    });

    it('deletes old mail of its own and leaves foreign mail unread where it is [S-F8]', async () => {
      const box = new ImapFlow({
        host: '127.0.0.1',
        port: office.imapPort,
        auth: { user: login.user, pass: 'probe-pass' },
        logger: false,
        tls: { rejectUnauthorized: false },
      });
      await box.connect();
      const old = new Date(Date.now() - 30 * 86_400_000);
      const mail = (from: string, subject: string, more = ''): string =>
        `From: <${from}>\r\nTo: <probe@monitor.test>\r\n${more}Subject: ${subject}\r\n\r\ntext\r\n`;
      await box.append(
        'INBOX',
        mail('probe+1@monitor.test', 'ours', 'X-Ringback-Probe: desk@helpdesk.test 1\r\n'),
        [],
        old,
      );
      await box.append(
        'INBOX',
        mail('somebody@else.test', 'forged', 'X-Ringback-Probe: desk@helpdesk.test 1\r\n'),
        [],
        old,
      );
      await box.append('INBOX', mail('somebody@else.test', 'foreign'), ['\\Deleted'], old);
      const finding = await look('desk');
      expect(finding).toMatchObject({ kind: 'ok', facts: { cleaned_up: 1 } });
      await box.mailboxOpen('INBOX');
      const left = await box.fetchAll({ before: new Date(Date.now() - 86_400_000) }, { envelope: true, flags: true });
      expect(
        left.map((each) => [each.envelope?.subject, [...(each.flags ?? [])].filter((flag) => flag !== '\\Recent')]),
      ).toEqual([
        ['forged', []],
        ['foreign', ['\\Deleted']],
      ]);
      await box.logout();
    });
  },
);
