/** The kind `mail-roundtrip` and a mailbox that misbehaves: whatever it does is our own trouble, and ends in time. */
import { afterEach, describe, expect, it } from 'vitest';
import kind from '../../probes/mail-roundtrip.ts';
import type { Finding } from '../../src/core/model.ts';
import { Secret } from '../../src/core/secret.ts';
import { certificates } from '../lib/certs.ts';
import type { ScriptedImap, Turn, Wish } from '../lib/imap.ts';
import { CLOSED } from '../lib/imapstories.ts';
import { codeOf, messageOf } from '../lib/mail.ts';
import { FROM, openScene, PASSWORD, receipt, TO } from '../lib/roundtrip.ts';
import type { Scene } from '../lib/roundtrip.ts';
import type { Taken } from '../lib/submission.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function stage(
  wish: Wish = {},
  onMail: (mail: Taken, imap: ScriptedImap) => void = () => undefined,
): Promise<Scene> {
  const scene = await openScene(wish, onMail);
  closers.push(scene.close);
  return scene;
}

const answering = (mail: Taken, imap: ScriptedImap): void => imap.deliver(receipt(mail));

/** Our own trouble, said without the password, and nothing left open. */
async function expectOurs(finding: Finding, imap: ScriptedImap): Promise<void> {
  expect(finding.kind, messageOf(finding)).toBe('unknown');
  expect(finding.kind === 'ok' ? '' : finding.fault.blame).toBe('probe');
  expect(JSON.stringify(finding)).not.toContain(PASSWORD);
  await expect.poll(() => imap.open()).toBe(0);
}

describe('a mailbox that cannot be opened', () => {
  it.each(CLOSED)('that %s is our own trouble, and no mail goes out [MC-17]', async (_what, wish, code) => {
    const scene = await stage(wish);
    const before = process.memoryUsage().arrayBuffers;
    const finding = await scene.look({}, 2_500);
    expect(codeOf(finding), messageOf(finding)).toBe(code);
    await expectOurs(finding, scene.imap);
    expect(scene.smtp.taken).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64_000_000);
  });

  it('without a folder that is to be watched is a setting of ours [MC-17]', async () => {
    const { imap, look } = await stage();
    const mailbox = {
      host: '127.0.0.1',
      port: imap.port,
      security: 'none',
      user: FROM,
      password: new Secret(PASSWORD, 'env:X'),
    };
    const finding = await look({ mailbox: { ...mailbox, folders: ['INBOX', 'Tickets'] } });
    expect([codeOf(finding), messageOf(finding)]).toEqual(['SETTINGS', expect.stringContaining('no folder Tickets')]);
  });
});

describe('TLS to the mailbox', () => {
  const secured = (imap: ScriptedImap, more: Record<string, unknown> = {}) => ({
    mailbox: {
      host: '127.0.0.1',
      port: imap.port,
      security: 'starttls',
      user: FROM,
      password: new Secret(PASSWORD, 'env:X'),
    },
    ...more,
  });
  const offering = { capabilities: 'IMAP4rev1 STARTTLS AUTH=PLAIN' };

  it('that is required is not given up for a PREAUTH greeting [S-F3]', async () => {
    const { imap, smtp, look } = await stage({ ...offering, greeting: '* PREAUTH you are probe already' });
    const finding = await look(secured(imap));
    await expectOurs(finding, imap);
    expect(smtp.taken).toEqual([]);
    expect(imap.heard.join('\n')).not.toMatch(/EXAMINE|SELECT|AUTHENTICATE|LOGIN/);
  });

  it('that is not offered, refused, or followed by plain text ends the look before the password', async () => {
    const { good } = await certificates();
    const wishes: readonly Wish[] = [
      { capabilities: 'IMAP4rev1 AUTH=PLAIN' },
      offering,
      {
        ...offering,
        tls: good,
        on: {
          STARTTLS: ({ say, tag }) => say(`${tag} OK go ahead`, '* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] injected'),
        },
      },
    ];
    const codes = [];
    for (const wish of wishes) {
      const { imap, look } = await stage(wish);
      const finding = await look(secured(imap));
      await expectOurs(finding, imap);
      expect(imap.heard.join('\n')).not.toMatch(/AUTHENTICATE|LOGIN/);
      codes.push(codeOf(finding));
    }
    expect(codes).toEqual(['TLS_MISSING', 'TLS_MISSING', 'TLS_INJECTION']);
  });

  it('with a bad certificate ends the look before the password, and says what is bad', async () => {
    const { expired, wrongName, selfSigned, caFile } = await certificates();
    const codes = [];
    for (const tls of [expired, wrongName, selfSigned]) {
      const { imap, look } = await stage({ ...offering, tls });
      const finding = await look(secured(imap, { ca: caFile }));
      await expectOurs(finding, imap);
      expect(imap.heard.join('\n')).not.toMatch(/AUTHENTICATE|LOGIN/);
      codes.push(codeOf(finding));
    }
    expect(codes).toEqual(['CERT_EXPIRED', 'CERT_NAME', 'CERT_UNTRUSTED']);
  });
});

describe('a mailbox in trouble while we wait', () => {
  it('that floods for a while and then answers is read all the same', async () => {
    const flood = ({ say, usual }: Turn): void => (
      say(...Array.from({ length: 4_000 }, (_, at) => `* ${at} EXISTS`)),
      usual()
    );
    const { look } = await stage({ on: { SEARCH: flood } }, answering);
    expect(await look({ receipt: { within: '3s' } }, 8_000)).toMatchObject({ kind: 'ok', rung: 'answered' });
  });

  it.each([
    ['drops the connection while idling', { IDLE: ({ socket }: Turn) => socket.destroy() }],
    ['says BYE while idling', { IDLE: ({ say, socket }: Turn) => (say('+ idling', '* BYE autologout'), socket.end()) }],
    ['breaks one search', { SEARCH: (turn: Turn) => (turn.times === 2 ? turn.socket.destroy() : turn.usual()) }],
  ])('that %s is opened again, and the receipt found [MC-17]', async (_what, on) => {
    const { look, imap } = await stage({ on }, (mail, box) => {
      setTimeout(() => box.deliver(receipt(mail)), 700);
    });
    const finding = await look({ receipt: { within: '3s' } }, 8_000);
    expect(finding, messageOf(finding)).toMatchObject({ kind: 'ok', rung: 'answered' });
    expect(imap.heard.filter((line) => line.includes('AUTHENTICATE')).length).toBeGreaterThan(1);
  });

  it.each([
    ['refuses IDLE', { on: { IDLE: ({ say, tag }: Turn) => say(`${tag} NO not for you`) } }],
    ['knows no IDLE although it says so [S-F7]', { on: { IDLE: ({ say, tag }: Turn) => say(`${tag} BAD what?`) } }],
    ['has no IDLE', { capabilities: 'IMAP4rev1 AUTH=PLAIN' }],
    [
      'tells nothing while idling',
      { on: { IDLE: ({ say, usual, socket }: Turn) => (usual(), say(), socket.uncork()) } },
    ],
    [
      'speaks NUL, 8-bit and lone line feeds between its lines [S-F7]',
      {
        on: {
          SEARCH: ({ say, usual, socket }: Turn) => (
            socket.write('* OK \xe9\xff here\n', 'latin1'),
            say('* OK a\0b'),
            usual()
          ),
        },
      },
    ],
  ])('that %s is looked into from time to time [MC-17]', async (_what, wish) => {
    const { look } = await stage(wish, (mail, box) => {
      setTimeout(() => box.deliver(receipt(mail)), 500);
    });
    const finding = await look({ receipt: { within: '3s' } }, 8_000);
    expect(finding, messageOf(finding)).toMatchObject({ kind: 'ok', rung: 'answered' });
  });

  it.each([
    ['goes silent at every second search', { SEARCH: (turn: Turn) => (turn.times >= 2 ? undefined : turn.usual()) }],
    [
      'announces a literal of 4 GB instead of the mail [S-F4]',
      { FETCH: ({ say }: Turn) => say('* 1 FETCH (UID 1 BODY[]<0> {4294967295}', 'x') },
    ],
    [
      'sends a mail of 3 MB though asked for less',
      {
        FETCH: ({ say, tag }: Turn) =>
          say(`* 1 FETCH (UID 1 BODY[]<0> {3000000}`, 'x'.repeat(3_000_000), `)`, `${tag} OK done`),
      },
    ],
  ])('that %s makes it unknown, not a missing receipt', async (_what, on) => {
    const { look, imap } = await stage({ on }, answering);
    const finding = await look({}, 4_000);
    await expectOurs(finding, imap);
  });

  it('that never ends an idle is opened again, and then seen to have no receipt', async () => {
    const { look, imap } = await stage({ on: { IDLE: ({ say }) => say('+ idling') } });
    const finding = await look({ receipt: { within: '2500ms' } }, 5_000);
    expect([finding.kind, codeOf(finding)]).toEqual(['failed', 'NO_RECEIPT']);
    expect(imap.heard.filter((line) => line.includes('AUTHENTICATE')).length).toBeGreaterThan(1);
  });

  it('that numbers its mails anew is searched from the first one on [MC-17]', async () => {
    const { look } = await stage({ on: { IDLE: ({ socket }) => socket.destroy() } }, (mail, box) => {
      box.renumber();
      box.deliver(receipt(mail));
    });
    expect(await look({ receipt: { within: '3s' } }, 8_000)).toMatchObject({ kind: 'ok' });
  });
});

describe('several answers', () => {
  const reply = ({ token }: Taken, number: number): string =>
    `From: <${TO}>\r\nMessage-ID: <${number}@wallet.example>\r\nSubject: Re: [rb-${token}]\r\n\r\nHello, this is Sari.\r\n`;

  it('by a machine and by a person are one of each: the first of its kind counts, and neither is a duplicate [MC-18]', async () => {
    const { look } = await stage({}, (mail, box) => {
      box.deliver(reply(mail, 1));
      box.deliver(receipt(mail));
    });
    const finding = await look({ receipt: { within: '1500ms' } });
    expect(finding).toMatchObject({ kind: 'ok', rung: 'answered', facts: { responder: 'auto', duplicates: 0 } });
  });

  it('in one thread each belong to the newest mail that they name [MC-24]', async () => {
    const mails: Taken[] = [];
    const { look } = await stage({}, (mail, box) => {
      mails.push(mail);
      const ids = mails.map(({ token }) => `<rb-${token}@monitor.test>`).join(' ');
      if (mails.length === 2) box.deliver(receipt(mail, `References: ${ids}\r\n`));
    });
    expect(codeOf(await look({ receipt: { within: '400ms' } }))).toBe('NO_RECEIPT');
    const finding = await look();
    expect(finding).toMatchObject({ kind: 'ok', facts: { matched_by: ['token', 'reference'] } });
    expect(finding.facts['late']).toBeUndefined();
  });

  it('of which one lies in Junk as well are one [MC-21]', async () => {
    const { look } = await stage({}, (mail, box) => {
      const copy = receipt(mail, 'Message-ID: <1@wallet.example>\r\n');
      box.deliver(copy);
      box.deliver(copy, 'Junk');
    });
    expect(await look()).toMatchObject({ kind: 'ok', facts: { folder: 'INBOX', duplicates: 0 } });
  });
});

describe('the language of a receipt', () => {
  it.each([
    ['Terima kasih, pesan Anda sudah kami terima.', 'ok'],
    ['Thank you, we have your message and will answer soon.', 'LANGUAGE'],
    ['Thank you, we have your message and will answer soon.\r\nTerima kasih, pesan Anda sudah kami terima.', 'ok'],
    // Our own words, quoted below the desk's, are not theirs.
    ['Terima kasih, pesan Anda sudah kami terima.\r\n\r\n> You have written to us and asked for your help', 'ok'],
    ['OK', 'ok'],
  ])('%j is judged %s where Indonesian was promised', async (text, code) => {
    const { look } = await stage({}, ({ token }, box) => {
      box.deliver(`From: <${TO}>\r\nAuto-Submitted: auto-replied\r\nSubject: [rb-${token}]\r\n\r\n${text}\r\n`);
    });
    const finding = await look({ receipt: { within: '3s', language: 'id' } });
    expect([codeOf(finding), finding.rung]).toEqual([code, 'answered']);
  });
});

describe('foreign mail', () => {
  it('of any number is neither fetched nor changed nor deleted [S-F8]', async () => {
    const { imap, look } = await stage({}, (mail, box) => {
      for (let at = 0; at < 3_000; at += 1)
        box.deliver(`From: <a@b.test>\r\nSubject: rb-${'f'.repeat(32)} ${at}\r\n\r\nspam\r\n`);
      box.deliver(receipt(mail));
    });
    imap.deliver('From: <friend@else.test>\r\nSubject: private\r\n\r\nletter\r\n');
    expect(await look()).toMatchObject({ kind: 'ok', rung: 'answered' });
    const fetched = imap.heard.filter((line) => / (?:FETCH|STORE|EXPUNGE|COPY|MOVE) /.test(line));
    expect(fetched.filter((line) => line.includes('FETCH'))).toHaveLength(1);
    for (const line of fetched) expect(line).toMatch(/UID (?:FETCH|STORE) 3002 /);
    expect(imap.heard.join('\n')).not.toMatch(/EXPUNGE|\\Deleted|CLOSE/);
  });

  it('with our token from somebody else counts for nothing, whatever its Authentication-Results claim [S-F6]', async () => {
    const { look } = await stage({}, ({ token }, box) => {
      const claim = 'Authentication-Results: mx.monitor.test; dkim=pass header.d=wallet.example; spf=pass\r\n';
      for (const from of ['thief@wallet.example.evil.test', `"${TO}" <thief@evil.test>`, 'support@notwallet.example'])
        box.deliver(`${claim}From: ${from}\r\nSubject: [rb-${token}] Ticket #9\r\n\r\nyour PIN, please\r\n`);
    });
    const finding = await look();
    expect([finding.kind, codeOf(finding), finding.facts['strangers']]).toEqual(['failed', 'NO_RECEIPT', 3]);
    expect(JSON.stringify(finding)).not.toMatch(/evil|PIN/);
  });

  it('with the token of an earlier look is no receipt of this one [S-F6]', async () => {
    const first: Taken[] = [];
    const { look } = await stage({}, (mail, box) => {
      first.push(mail);
      const [old] = first;
      if (old !== undefined) box.deliver(receipt(old));
    });
    expect((await look()).kind).toBe('ok');
    expect(codeOf(await look())).toBe('NO_RECEIPT');
  });
});

describe('passwords', () => {
  const odd = 'p"a\\ß密 {3}%';
  it.each([
    ['by AUTHENTICATE', 'IMAP4rev1 AUTH=PLAIN'],
    ['by LOGIN', 'IMAP4rev1'],
  ])('with quotes, backslashes and other letters arrive as they are %s [S-F9]', async (_how, capabilities) => {
    const { look, imap } = await stage({ capabilities, password: odd }, answering);
    const mailbox = {
      host: '127.0.0.1',
      port: imap.port,
      security: 'none',
      user: FROM,
      password: new Secret(odd, 'env:X'),
    };
    const finding = await look({ mailbox });
    expect(finding, messageOf(finding)).toMatchObject({ kind: 'ok' });
  });

  it.each(['a\r\nA1 DELETE INBOX', 'a\nb', 'a\0b'])(
    'with a line end or a NUL are refused at load [S-F9]',
    (password) => {
      const settings = {
        submit: { host: 'a.test', user: 'u', password: new Secret(password, 'env:X') },
        from: FROM,
        to: TO,
        mailbox: { host: 'a.test', user: 'u', password: new Secret(password, 'env:X') },
      };
      const { error } = kind.schema.safeParse(settings);
      expect(error?.issues.map((each) => each.path.join('.'))).toEqual(['submit.password', 'mailbox.password']);
      expect(JSON.stringify(error?.issues)).not.toContain('DELETE');
    },
  );
});
