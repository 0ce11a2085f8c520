/** The receiver `email` against a real mail server: what arrives, and what becomes of each refusal. */
import { describe, expect, it } from 'vitest';
import type { Delivery, Receiver } from '../../src/core/receiver.ts';
import { Secret } from '../../src/core/secret.ts';
import email from '../../src/receivers/email.ts';
import { word } from '../../src/receivers/wording.ts';
import { messageOf, MINUTE, MORNING } from '../lib/ledger.ts';
import { closedPort, headerOf, mailSink, rawSink } from '../lib/sinks.ts';

const PASSWORD = new Secret('correct horse battery', 'env:SMTP_PASSWORD');

function settings(port: number, other: object = {}): Record<string, unknown> {
  return {
    to: ['ops@wallet.test'],
    from: 'ringback@wallet.test',
    smtp: `smtp://127.0.0.1:${port}`,
    allow_private: true,
    ...other,
  };
}

function open(port: number, other: object = {}): Receiver {
  return email.open('ops-mail', email.schema.parse(settings(port, other)));
}

function send(receiver: Receiver, message = messageOf('opened'), ms = 5_000): Promise<Delivery> {
  return receiver.send(message, AbortSignal.timeout(ms));
}

describe('a mail', () => {
  it('says in its subject what, why and since when in local time, and in its text everything else', async () => {
    const sink = await mailSink();
    expect(await send(open(sink.port, { to: ['ops@wallet.test', 'lead@wallet.test'] }))).toMatchObject({
      kind: 'sent',
    });
    const [mail] = sink.mails;
    expect(mail).toMatchObject({ from: 'ringback@wallet.test', to: ['ops@wallet.test', 'lead@wallet.test'] });
    expect(headerOf(mail, 'Subject')).toBe('[GoPay] Hotline is down: refused since 09:41 WIB');
    expect(headerOf(mail, 'X-Ringback-Key')).toBe('gopay.hotline.mi9ku8qw:opened:ops-mail');
    expect(headerOf(mail, 'Auto-Submitted')).toBe('auto-generated');
    expect(mail?.raw).toContain('multipart/alternative');
    expect(mail?.raw).toContain('Calls do not get through.');
  });

  it('sent twice has the same Message-ID; the one that tells the end stands under it', async () => {
    const sink = await mailSink();
    const receiver = open(sink.port);
    for (const event of ['opened', 'opened', 'worsened', 'resolved'] as const) await send(receiver, messageOf(event));
    const ids = sink.mails.map((each) => headerOf(each, 'Message-ID'));
    expect(ids[0]).toMatch(/^<[0-9a-f]{40}@wallet\.test>$/);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(3);
    expect(sink.mails.map((each) => headerOf(each, 'In-Reply-To'))).toEqual([undefined, undefined, ids[0], ids[0]]);
    expect(headerOf(sink.mails[3], 'References')).toBe(ids[0]);
    expect(headerOf(sink.mails[3], 'Subject')).toBe('[GoPay] Hotline is back after 12 min');
  });

  it('S-E3: with line ends, NUL, direction marks and 20,000 characters in a name has one short subject and no header more', async () => {
    const sink = await mailSink();
    const channelName = `Hot\r\nBcc: evil@x.test\0\u202eline ${'☎'.repeat(20_000)}`;
    expect(await send(open(sink.port), messageOf('opened', { channelName }))).toMatchObject({ kind: 'sent' });
    expect(sink.mails[0]?.to).toEqual(['ops@wallet.test']);
    expect(headerOf(sink.mails[0], 'Bcc')).toBeUndefined();
    expect(headerOf(sink.mails[0], 'Subject')).toBeDefined();
    const { subject } = word(messageOf('opened', { channelName }));
    expect(subject.length).toBeLessThanOrEqual(200);
    expect(subject).not.toMatch(/[\r\n\0\u202e]/);
  });

  it('logs in with user and password where TLS is not asked for', async () => {
    const logins: string[] = [];
    const sink = await mailSink({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (auth, _session, done) => {
        logins.push(`${auth.username ?? ''}:${auth.password ?? ''}`);
        done(null, { user: auth.username });
      },
    });
    const delivery = await send(open(sink.port, { user: 'ring', password: PASSWORD, tls: 'opportunistic' }));
    expect(delivery.kind).toBe('sent');
    expect(logins).toEqual([`ring:${PASSWORD.reveal()}`]);
  });
});

describe('what becomes of a refusal', () => {
  const refuse = (code: number, text: string) => Object.assign(new Error(text), { responseCode: code });

  const stages: [name: string, options: Parameters<typeof mailSink>[0], kind: Delivery['kind']][] = [
    ['a recipient for good', { onRcptTo: (_to, _s, done) => done(refuse(550, 'no such user')) }, 'rejected'],
    ['a recipient for now', { onRcptTo: (_to, _s, done) => done(refuse(450, 'greylisted')) }, 'retry'],
    ['the sender for good', { onMailFrom: (_from, _s, done) => done(refuse(553, 'not you')) }, 'rejected'],
    ['the connection with 554', { onConnect: (_s, done) => done(refuse(554, 'no service here')) }, 'retry'],
    ['the connection with 421', { onConnect: (_s, done) => done(refuse(421, 'too many')) }, 'retry'],
    [
      'the text for good',
      { onData: (stream, _s, done) => void stream.resume().on('end', () => done(refuse(554, 'spam'))) },
      'rejected',
    ],
    [
      'the text for now',
      { onData: (stream, _s, done) => void stream.resume().on('end', () => done(refuse(452, 'full'))) },
      'retry',
    ],
  ];
  for (const [name, options, kind] of stages) {
    it(`${name}: ${kind}`, async () => {
      const sink = await mailSink(options);
      expect(await send(open(sink.port))).toMatchObject({ kind });
      expect(sink.mails).toEqual([]);
    });
  }

  it('one recipient of two: sent, and said', async () => {
    const sink = await mailSink({
      onRcptTo: ({ address }, _s, done) => done(address.startsWith('lead') ? refuse(550, 'gone') : null),
    });
    const delivery = await send(open(sink.port, { to: ['ops@wallet.test', 'lead@wallet.test'] }));
    expect(delivery).toMatchObject({ kind: 'sent', detail: expect.stringContaining('1 of 2 recipients were refused') });
  });

  it('user and password: rejected in words that hold neither', async () => {
    const sink = await mailSink({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (auth, _s, done) => done(new Error(`wrong password ${auth.password ?? ''}`)),
    });
    const delivery = await send(open(sink.port, { user: 'ring', password: PASSWORD, tls: 'opportunistic' }));
    expect(delivery.kind).toBe('rejected');
    expect(delivery.detail).toMatch(/refused user and password \(535\)/);
    expect(delivery.detail).not.toContain(PASSWORD.reveal());
  });

  it('no TLS where a password needs it: nothing is sent, and it is tried again', async () => {
    const sink = await mailSink({ allowInsecureAuth: true, onAuth: (_a, _s, done) => done(null, { user: 'x' }) });
    const delivery = await send(open(sink.port, { user: 'ring', password: PASSWORD }));
    expect(delivery.kind).toBe('retry');
    expect(sink.mails).toEqual([]);
  });

  it('nobody listens: retry with the reason', async () => {
    expect(await send(open(await closedPort()))).toMatchObject({
      kind: 'retry',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('a server that never speaks: over when the signal fires', async () => {
    const port = await rawSink(() => undefined);
    const begun = performance.now();
    expect(await send(open(port), messageOf('opened'), 200)).toMatchObject({ kind: 'retry' });
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('a private address that nobody allowed: rejected without a connection', async () => {
    const sink = await mailSink();
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]']) {
      const delivery = await send(open(sink.port, { allow_private: false, smtp: `smtp://${host}:${sink.port}` }));
      expect(delivery).toMatchObject({ kind: 'rejected', detail: expect.stringContaining('is private') });
    }
    expect(sink.mails).toEqual([]);
  });

  it('a link-local address: never, allowed or not', async () => {
    expect(await send(open(25, { smtp: 'smtp://169.254.169.254:25' }))).toMatchObject({
      kind: 'rejected',
      detail: expect.stringContaining('never connected to'),
    });
  });
});

describe('settings', () => {
  const refused = (other: object) => !email.schema.safeParse(settings(25, other)).success;

  it.each([
    'a@x.test\r\nRCPT TO:<b@y.test>',
    'a@x.test\n',
    'a(comment)@x.test',
    '"a@evil,"@x.test',
    'a@x.test, b@y.test',
    'a@x.test b@y.test',
    'A <a@x.test>',
    'a%b.test@x.test',
    'b.test!a@x.test',
    '@b.test:a@x.test',
    'a@@x.test',
    'a@[127.0.0.1]',
    'a..b@x.test',
    '.a@x.test',
    'ö@x.test',
    'a@bücher.test',
    `${'a'.repeat(65)}@x.test`,
    `a@${'b.'.repeat(130)}test`,
    'a@-x.test',
    '',
  ])('S-E4: %j is no address', (address) => {
    expect(refused({ to: [address] })).toBe(true);
    expect(refused({ from: address })).toBe(true);
  });

  it.each(['a@x.test', 'first.last+tag@sub.x.test', "o'neil@x.test", 'root@localhost', 'a@xn--bcher-kva.test'])(
    '%j is one',
    (address) => {
      expect(refused({ to: [address] })).toBe(false);
    },
  );

  it.each([
    'http://x.test',
    'smtp://',
    'smtp://user:pass@x.test',
    'smtp://x.test/path',
    'x.test:25',
    'smtp://x.test:99999',
  ])('%j is no mail server', (smtp) => {
    expect(refused({ smtp })).toBe(true);
  });

  it('take no recipient list without a recipient, no password in clear, no user without one, and no unknown key', () => {
    expect([{ to: [] }, { password: 'clear', user: 'x' }, { user: 'x' }, { recipients: [] }].map(refused)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });
});

describe('the wording', () => {
  it('answers in plain text what, since when, why, what customers see, who was told, and where to read on', () => {
    expect(word(messageOf('opened')).text).toBe(
      [
        'Hotline of GoPay is down.',
        '',
        'Since: Sun 22 November 2026, 09:41:07 WIB (2026-11-22 02:41:07 UTC)',
        'Cause: refused: the far side refuses connections',
        'Evidence: trunk: 192.0.2.7:5060 refused the connection (TCP_REFUSED)',
        'Customers: Calls do not get through.',
        'Contact: tel:+622150849000',
        'Told: ops-mail, hook',
        'Runbook: https://wiki.example/hotline',
        'Incident: https://status.example.id/en/incidents/gopay.hotline.mi9ku8qw',
        '',
        'Incident gopay.hotline.mi9ku8qw, severity critical.',
        '',
      ].join('\n'),
    );
  });

  it.each([
    ['worsened', {}, '[GoPay] Hotline is now down: refused since 09:41 WIB'],
    ['opened', { impact: 'degraded', cause: 'slow' }, '[GoPay] Hotline is impaired: slow since 09:41 WIB'],
    ['resolved', { resolvedAt: MORNING + 45_000 }, '[GoPay] Hotline is back after 45 s'],
    ['resolved', { resolvedAt: MORNING + 65 * MINUTE }, '[GoPay] Hotline is back after 1 h 5 min'],
    ['resolved', { resolvedAt: MORNING + 51 * 60 * MINUTE }, '[GoPay] Hotline is back after 2 d 3 h'],
    ['test', {}, '[GoPay] Test message about Hotline: nothing is wrong'],
  ] as const)('of %s with %j begins with %j', (event, incident, subject) => {
    expect(word(messageOf(event, {}, incident)).subject).toBe(subject);
  });

  it.each([
    ['Asia/Makassar', 'WITA'],
    ['Asia/Jayapura', 'WIT'],
    ['Asia/Shanghai', 'UTC+8'],
    ['Asia/Kolkata', 'UTC+5:30'],
    ['UTC', 'UTC'],
  ])('names the zone %s as %s', (timezone, name) => {
    expect(word(messageOf('opened', { timezone })).subject.endsWith(` ${name}`)).toBe(true);
  });

  it('S-B4: escapes what others wrote in its HTML, links only harmless addresses, and loads nothing', () => {
    const because = '<img src=x onerror=alert(1)>"\'&';
    const { html } = word(messageOf('opened', { runbook: 'javascript:alert(1)' }, { because }));
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;');
    expect(html).not.toContain('href="javascript:');
    expect(html).not.toMatch(/<(?:img|link|script|style|iframe)\b|url\(/i);
    expect(html).toContain('<a href="tel:+622150849000"');
  });
});
