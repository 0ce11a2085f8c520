/** The demo's mail desk and postbox, spoken to by the probe, by nodemailer and by a plain IMAP client. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { createTransport } from 'nodemailer';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import kind from '../../probes/smtp.ts';
import { headerOf, readMail, writeMail } from '../../src/demo/letter.ts';
import { MAIL_FAULTS, openMailDesk } from '../../src/demo/mail.ts';
import type { MailDesk, MailFault } from '../../src/demo/mail.ts';
import { openPostbox } from '../../src/demo/postbox.ts';
import type { Postbox } from '../../src/demo/postbox.ts';
import { codeOf, lookAt, openAuthority } from '../lib/mail.ts';
import type { Authority } from '../lib/mail.ts';

const SUPPORT = 'support@helpdesk.test';
const PROBE = 'probe@monitor.test';

let authority: Authority;
let desk: MailDesk;

beforeAll(async () => {
  authority = await openAuthority();
  desk = await openMailDesk({
    tls: await authority.issue(['127.0.0.1'], 20),
    expired: await authority.issue(['127.0.0.1'], -3),
    receiptMs: 20,
    slowMs: 300,
  });
});
afterEach(() => desk.set('none'));
afterAll(async () => {
  await desk.close();
  await authority.close();
});

/** Waits until something is so; the test's own deadline ends it. */
async function until<T>(look: () => T | undefined): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const box = await openPostbox();
  await box.close();
  return box.port;
}

/** Sends a mail as a customer would; rejects as nodemailer does. */
async function send(to: { host: string; port: number }, mail: Record<string, unknown>): Promise<void> {
  const transport = createTransport({ ...to, tls: { rejectUnauthorized: false }, socketTimeout: 5_000 });
  try {
    await transport.sendMail({ from: PROBE, to: SUPPORT, subject: 'hello', text: 'world', ...mail });
  } finally {
    transport.close();
  }
}

describe('the mail desk, looked at by smtp', () => {
  const look = async (): Promise<string> => {
    const finding = await lookAt(kind, { ...desk.smtp, ca: authority.path, rcpt: SUPPORT, from: PROBE }, 3_000);
    return `${finding.kind} ${codeOf(finding)}`;
  };

  const EXPECTED: Readonly<Record<MailFault, string>> = {
    none: 'ok ok',
    down: 'failed TCP_REFUSED',
    slow: 'ok ok',
    busy: 'failed OVERLOAD',
    overload: 'degraded DEFERRED',
    wrong: 'failed MAIL_REFUSED',
    garbage: 'failed PROTO_GARBAGE',
    silence: 'failed DEADLINE',
    expired: 'degraded CERT_EXPIRED',
    nostarttls: 'degraded TLS_MISSING',
    // Whoever only asks whether mail would be taken sees nothing of it.
    noreceipt: 'ok ok',
  };

  it.each(MAIL_FAULTS)('shows the fault %s and is well again on the same port', async (fault) => {
    const { port } = desk.smtp;
    await desk.set(fault);
    expect(desk.fault).toBe(fault);
    expect(await look()).toBe(EXPECTED[fault]);
    await desk.set('none');
    expect(await look()).toBe('ok ok');
    expect(desk.smtp.port).toBe(port);
  });

  it('is slow by what was said', async () => {
    await desk.set('slow');
    const finding = await lookAt(kind, { ...desk.smtp, ca: authority.path, rcpt: SUPPORT, from: PROBE });
    expect(finding.phases['banner']).toBeGreaterThan(280);
    expect(finding.phases['rcpt']).toBeGreaterThan(560);
  });

  it('offers the fault of an expired certificate only when it has one', async () => {
    const bare = await openMailDesk({ tls: await authority.issue(['127.0.0.1'], 20) });
    expect(bare.faults).not.toContain('expired');
    expect(desk.faults).toEqual(MAIL_FAULTS);
    await bare.close();
  });

  it('does not open on a port that is taken, and leaves no other port open then', async () => {
    const tls = await authority.issue(['127.0.0.1'], 20);
    const smtpPort = await freePort();
    await expect(openMailDesk({ tls, smtpPort, imapPort: desk.imap.port })).rejects.toThrow('EADDRINUSE');
    const again = await openMailDesk({ tls, smtpPort });
    expect(again.smtp.port).toBe(smtpPort);
    await again.close();
    await expect(openPostbox({ port: desk.smtp.port })).rejects.toThrow('EADDRINUSE');
  });

  it('does not know other recipients', async () => {
    const finding = await lookAt(kind, { ...desk.smtp, ca: authority.path, rcpt: 'nobody@helpdesk.test' });
    expect([codeOf(finding), finding.facts['enhanced']]).toEqual(['MAIL_REFUSED', '5.1.1']);
  });
});

describe('the mail desk, written to', () => {
  it('keeps the mail and sends one receipt with a ticket number into the sender’s mailbox', async () => {
    const before = desk.mailbox(PROBE).length;
    await send(desk.smtp, {
      subject: 'Dompet terkunci 钱包',
      text: 'Tolong bantu 请帮助',
      messageId: '<x1@monitor.test>',
    });
    expect(desk.mailbox(SUPPORT).at(-1)).toMatchObject({
      from: PROBE,
      to: [SUPPORT],
      subject: 'Dompet terkunci 钱包',
      text: 'Tolong bantu 请帮助',
    });
    const receipt = await until(() => desk.mailbox(PROBE)[before]);
    expect(receipt.subject).toMatch(/^\[Ticket #RB-\d{6}\] Re: Dompet terkunci 钱包$/);
    expect(receipt.text).toContain(/RB-\d{6}/.exec(receipt.subject)?.[0]);
    const raw = receipt.raw.toString('latin1');
    expect([headerOf(raw, 'in-reply-to'), headerOf(raw, 'auto-submitted')]).toEqual([
      '<x1@monitor.test>',
      'auto-replied',
    ]);
  });

  it('answers no machine and no list', async () => {
    const before = desk.mailbox(PROBE).length;
    await send(desk.smtp, { headers: { 'Auto-Submitted': 'auto-generated' } });
    await send(desk.smtp, { headers: { Precedence: 'bulk' } });
    await send(desk.smtp, { envelope: { from: '', to: SUPPORT } });
    await send(desk.smtp, { subject: 'the last one' });
    const receipts = await until(() =>
      desk.mailbox(PROBE).length > before ? desk.mailbox(PROBE).slice(before) : undefined,
    );
    expect(receipts.map(({ subject }) => subject)).toEqual([expect.stringContaining('the last one')]);
  });

  it('puts mail and receipt for plus addresses into the plain mailbox', async () => {
    const before = desk.mailbox(PROBE).length;
    await send(desk.smtp, { from: 'probe+t0k3n@monitor.test', to: 'support+a@helpdesk.test', subject: 'plus' });
    expect((await until(() => desk.mailbox(PROBE)[before])).to).toEqual(['probe+t0k3n@monitor.test']);
  });
});

/** A client that says what it is told and collects what comes back. */
class ImapClient {
  readonly #socket: Socket;
  #text = '';
  #tag = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
    });
  }

  /** Everything up to and with the first match, taken away. */
  async expect(pattern: RegExp): Promise<string> {
    const end = await until(() => {
      const match = pattern.exec(this.#text);
      return match === null ? undefined : match.index + match[0].length;
    });
    const text = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    return text;
  }

  say(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  async run(command: string): Promise<string> {
    const tag = `t${++this.#tag}`;
    this.say(`${tag} ${command}\r\n`);
    return await this.expect(new RegExp(`^${tag} .*\r\n`, 'm'));
  }

  close(): void {
    this.#socket.destroy();
  }
}

describe('the mail desk, read by IMAP', () => {
  let client: ImapClient;
  beforeAll(async () => {
    const socket = connect(desk.imap);
    await once(socket, 'connect');
    client = new ImapClient(socket);
    await client.expect(/^\* OK .*\r\n/);
  });
  afterAll(() => {
    client.close();
  });

  it('lets nobody in with a wrong password, nor before a login', async () => {
    expect(await client.run('SELECT INBOX')).toContain('NO log in first');
    expect(await client.run(`LOGIN ${PROBE} wrong`)).toContain('NO [AUTHENTICATIONFAILED]');
  });

  it('takes a password as a string, a literal or by AUTHENTICATE PLAIN', async () => {
    client.say(`a LOGIN "${PROBE}" {5}\r\n`);
    await client.expect(/^\+ .*\r\n/m);
    client.say('probe\r\n');
    expect(await client.expect(/^a .*\r\n/m)).toContain('a OK');
    const plain = Buffer.from(`\0${PROBE}\0probe`).toString('base64');
    expect(await client.run(`AUTHENTICATE PLAIN ${plain}`)).toContain('OK');
    client.say('b AUTHENTICATE PLAIN\r\n');
    await client.expect(/^\+ \r\n/m);
    client.say(`${plain}\r\n`);
    expect(await client.expect(/^b .*\r\n/m)).toContain('b OK');
  });

  it('lists its folders and counts them', async () => {
    const list = await client.run('LIST "" "*"');
    expect(list).toContain('* LIST (\\HasNoChildren \\Junk) "/" "Junk"');
    expect(list).toContain('"INBOX"');
    expect(await client.run('STATUS Junk (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)')).toMatch(
      /\* STATUS "Junk" \(MESSAGES 0 UIDNEXT 1 UIDVALIDITY \d+ UNSEEN 0\)/,
    );
    expect(await client.run('SELECT Nowhere')).toContain('NO no such folder');
  });

  it('appends, finds, fetches, flags and removes a mail', async () => {
    const mail = writeMail({ From: '"Ani, S." <ani@x.test>', To: 'b@x.test', Subject: 'satu', 'X-Token': 'T1' }, 'isi');
    await client.run('SELECT Sent');
    client.say(`c APPEND Sent (\\Seen) {${mail.length}+}\r\n${mail.toString('latin1')}\r\n`);
    expect(await client.expect(/^c .*\r\n/m)).toMatch(/\* 1 EXISTS\r\nc OK \[APPENDUID \d+ 1\]/);
    for (const keys of [
      'ALL',
      'HEADER X-Token t1',
      'SUBJECT "SATU" SINCE 1-Jan-2020',
      'NOT UNSEEN',
      'OR UNSEEN (UID 1:*)',
    ])
      expect(await client.run(`UID SEARCH ${keys}`), keys).toContain('* SEARCH 1\r\n');
    for (const keys of ['UNSEEN', 'SUBJECT dua', 'BEFORE 1-Jan-2020', 'UID 2'])
      expect(await client.run(`UID SEARCH ${keys}`), keys).toContain('* SEARCH\r\n');
    const fetched = await client.run(
      'UID FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[]<0.5>)',
    );
    expect(fetched).toContain('* 1 FETCH (UID 1 FLAGS (\\Seen) ENVELOPE (NIL "satu" (("Ani, S." NIL "ani" "x.test"))');
    expect(fetched).toContain('BODY[HEADER.FIELDS (SUBJECT)] {17}\r\nSubject: satu\r\n\r\n BODY[]<0> {5}\r\nFrom:)');
    expect(await client.run('FETCH 1 BODY[]')).toContain(mail.toString('latin1'));
    expect(await client.run('UID STORE 1 +FLAGS (\\Deleted)')).toContain('* 1 FETCH (UID 1 FLAGS (\\Seen \\Deleted))');
    expect(await client.run('UID EXPUNGE 2')).not.toContain('EXPUNGE\r\n');
    expect(await client.run('EXPUNGE')).toContain('* 1 EXPUNGE\r\n');
    expect(await client.run('SEARCH ALL')).toContain('* SEARCH\r\n');
  });

  it('tells an idle client of new mail, and changes nothing in a folder opened to be read only', async () => {
    const opened = await client.run('EXAMINE INBOX');
    const count = Number(/\* (\d+) EXISTS/.exec(opened)?.[1]);
    client.say('i IDLE\r\n');
    await client.expect(/^\+ idling\r\n/m);
    await send(desk.smtp, { subject: 'while you wait' });
    await client.expect(new RegExp(`^\\* ${count + 1} EXISTS\r\n`, 'm'));
    client.say('DONE\r\n');
    expect(await client.expect(/^i .*\r\n/m)).toContain('i OK');
    expect(await client.run(`FETCH ${count + 1} (FLAGS BODY[TEXT])`)).toContain('FLAGS ()');
    expect(await client.run(`STORE ${count + 1} +FLAGS (\\Deleted)`)).toContain('NO ');
  });

  it('answers nonsense and goes on', async () => {
    expect(await client.run('FROBNICATE (((')).toMatch(/^t\d+ BAD/);
    for (const nonsense of ['UID', 'UID UID FETCH 1', 'FETCH x y', 'STORE 1 FLAGS', 'SEARCH WHATEVER', 'APPEND'])
      expect(await client.run(nonsense), nonsense).toMatch(/^t\d+ (BAD|NO)/m);
    expect(await client.run('NOOP')).toContain('OK');
  });
});

it('S-F4 the desk refuses a literal of 4 GB without waiting for it', async () => {
  const socket = connect(desk.imap);
  const client = new ImapClient(socket);
  const closed = once(socket, 'close');
  client.say('a LOGIN {4294967295}\r\n');
  expect(await client.expect(/\* BYE .*\r\n/)).toContain('too long');
  await closed;
});

describe('the postbox', () => {
  let box: Postbox;
  beforeAll(async () => {
    box = await openPostbox();
  });
  afterEach(() => {
    box.refuse();
    box.slow(0);
  });
  afterAll(() => box.close());

  it('tells of a mail that comes, decoded, with all its recipients', async () => {
    const arrived = box.arrived((mail) => mail.subject.startsWith('[DOWN]'), AbortSignal.timeout(5_000));
    const mail = {
      to: 'a@ops.test, b@ops.test',
      subject: '[DOWN] GoPay · 客服电话',
      text: 'sejak 08.00\nWIB',
      html: '<p>x</p>',
    };
    await send(box, mail);
    expect(await arrived).toMatchObject({ from: PROBE, to: ['a@ops.test', 'b@ops.test'], subject: mail.subject });
    expect((await arrived).text).toBe('sejak 08.00\nWIB');
    expect(Date.now() - (await arrived).at).toBeLessThan(5_000);
  });

  it('refuses for now or for good, and takes mail again, whatever the desk does', async () => {
    const before = box.mails.length;
    for (const code of [450, 550]) {
      box.refuse(code);
      await expect(send(box, {})).rejects.toMatchObject({ responseCode: code });
    }
    expect(box.mails).toHaveLength(before);
    box.refuse();
    await desk.set('down');
    await send(box, { subject: 'desk is down' });
    expect(box.mails.at(-1)?.subject).toBe('desk is down');
  });

  it('is slow when it is told to be', async () => {
    box.slow(300);
    const from = performance.now();
    await send(box, {});
    expect(performance.now() - from).toBeGreaterThan(290);
  });

  it('says what there is when no such mail comes', async () => {
    await expect(box.arrived(() => false, AbortSignal.timeout(50))).rejects.toThrow(/no such mail came; there are \d+/);
  });
});

describe('a letter', () => {
  const read = (raw: Buffer) => readMail(raw, { from: 'a@x.test', to: ['b@x.test'] }, 0);

  it('comes back as it was written, in any script', () => {
    const subject = 'Gangguan: layanan telepon — 客服热线中断，请使用在线聊天；预计三小时内恢复 🙏';
    const raw = writeMail({ Subject: subject }, 'Baris satu\nbaris dua 客服\n');
    expect(read(raw)).toMatchObject({ subject, text: 'Baris satu\nbaris dua 客服' });
    for (const line of raw.toString('latin1').split('\r\n')) expect(line.length).toBeLessThanOrEqual(78);
  });

  it('lets no value begin a header of its own', () => {
    const raw = writeMail({ Subject: 'x\r\nBcc: everybody@x.test' }, '').toString('latin1');
    expect(headerOf(raw, 'bcc')).toBeUndefined();
  });

  it('is read whatever it is', () => {
    for (const text of ['', '\r\n', 'no header', 'Content-Type: text/plain; charset=klingon\r\n\r\n\xff', NESTED])
      expect(read(Buffer.from(text, 'latin1')).to, text.slice(0, 40)).toEqual(['b@x.test']);
  });
});

const NESTED = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n'.repeat(5_000);
