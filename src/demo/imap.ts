/** A small IMAP4rev1 server over mailboxes in memory (RFC 3501, IDLE, UIDPLUS, SPECIAL-USE). It knows no SMTP and no faults. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { OpenFolder } from './imapfolder.ts';
import type { Done } from './imapfolder.ts';
import { ImapReader, stringOf, wordsOf } from './imapwords.ts';
import type { Word } from './imapwords.ts';
import { readMail } from './letter.ts';
import type { Folder, Mailbox } from './mailbox.ts';

export interface ImapOptions {
  readonly host: string;
  readonly port: number;
  /** By user name, in lower case. */
  readonly mailboxes: ReadonlyMap<string, Mailbox>;
}

export interface ImapServer {
  readonly port: number;
  close(): Promise<void>;
}

const CAPABILITIES = 'IMAP4rev1 IDLE UIDPLUS SPECIAL-USE LITERAL+ SASL-IR AUTH=PLAIN';
/** RFC 3501 §5.4: not before half an hour. */
const IDLE_MS = 30 * 60_000;
const LOGINS_CAP = 3;

export async function openImap({ host, port, mailboxes }: ImapOptions): Promise<ImapServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const session = new Session(socket, mailboxes);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      session.take(chunk);
    });
    socket.once('close', () => {
      session.close();
      sockets.delete(socket);
    });
    socket.setTimeout(IDLE_MS, () => socket.destroy());
  });
  server.maxConnections = 100;
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

class Session {
  readonly #socket: Socket;
  readonly #mailboxes: ReadonlyMap<string, Mailbox>;
  readonly #reader = new ImapReader();
  #mailbox: Mailbox | undefined;
  #open: OpenFolder | undefined;
  /** Takes the next line instead of the command reader: a continuation of AUTHENTICATE or IDLE. */
  #continue: ((line: string) => void) | undefined;
  #logins = 0;

  constructor(socket: Socket, mailboxes: ReadonlyMap<string, Mailbox>) {
    this.#socket = socket;
    this.#mailboxes = mailboxes;
    this.#say(`* OK [CAPABILITY ${CAPABILITIES}] demo desk ready`);
  }

  take(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (;;) {
      const input = this.#reader.next();
      if (input.kind === 'more') return;
      if (input.kind === 'too long') {
        this.#bye('the command is too long');
        return;
      }
      if (input.kind === 'line') this.#line(input.line);
      else if (input.wait) this.#say('+ go on');
    }
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
  }

  #line(line: string): void {
    const resume = this.#continue;
    this.#continue = undefined;
    if (resume !== undefined) {
      resume(line);
      return;
    }
    const [tag, verb, ...args] = wordsOf(line) ?? [];
    if (typeof tag !== 'string' || typeof verb !== 'string') {
      this.#say(`${/^[\w.]{1,32}(?= )/.exec(line)?.[0] ?? '*'} BAD no command`);
      return;
    }
    this.#finish(tag, this.#run(tag, verb.toUpperCase(), args));
  }

  #finish(tag: string, done: Done): void {
    if (done !== undefined) this.#say(`${tag} ${done}`);
  }

  #run(tag: string, verb: string, args: readonly Word[]): Done {
    const [first = '', second = ''] = args.map((arg) => (typeof arg === 'string' ? arg : ''));
    switch (verb) {
      case 'CAPABILITY':
        this.#say(`* CAPABILITY ${CAPABILITIES}`);
        return 'OK done';
      case 'NOOP':
      case 'CHECK':
        this.#open?.sync();
        return 'OK done';
      case 'LOGOUT':
        this.#say('* BYE good bye', `${tag} OK done`);
        this.#socket.end();
        return undefined;
      case 'LOGIN':
        return this.#login(first, second);
      case 'AUTHENTICATE':
        return this.#authenticate(tag, first, second);
    }
    return this.#mailbox === undefined ? 'NO log in first' : this.#serve(tag, verb, args, this.#mailbox);
  }

  #serve(tag: string, verb: string, args: readonly Word[], mailbox: Mailbox): Done {
    const first = typeof args[0] === 'string' ? args[0] : '';
    switch (verb) {
      case 'LIST':
      case 'LSUB':
        return this.#list(verb, typeof args[1] === 'string' ? args[1] : '', mailbox);
      case 'STATUS':
        return this.#status(first, args[1] ?? [], mailbox);
      case 'SELECT':
      case 'EXAMINE':
        return this.#select(mailbox.folder(first), verb === 'EXAMINE');
      case 'APPEND':
        return this.#append(mailbox.folder(first), args);
      case 'SUBSCRIBE':
      case 'UNSUBSCRIBE':
        return 'OK done';
    }
    return this.#open === undefined ? 'NO select a folder first' : this.#work(tag, verb, args, this.#open);
  }

  #work(tag: string, verb: string, args: readonly Word[], at: OpenFolder): Done {
    switch (verb) {
      case 'IDLE':
        return this.#idle(tag, at);
      case 'CLOSE':
        if (!at.readOnly) at.expunge(() => true, true);
        this.close();
        return 'OK done';
      case 'UNSELECT':
        this.close();
        return 'OK done';
      default:
        return at.run(verb, args);
    }
  }

  #login(user: string, password: string): Done {
    const mailbox = this.#mailboxes.get(user.toLowerCase());
    if (mailbox?.password === password) {
      this.#mailbox = mailbox;
      return `OK [CAPABILITY ${CAPABILITIES}] welcome`;
    }
    if (++this.#logins < LOGINS_CAP) return 'NO [AUTHENTICATIONFAILED] wrong user or password';
    this.#bye('too many attempts');
    return undefined;
  }

  #authenticate(tag: string, mechanism: string, initial: string): Done {
    if (mechanism.toUpperCase() !== 'PLAIN') return 'NO only PLAIN';
    const judge = (encoded: string): Done => {
      const [, user = '', password = ''] = Buffer.from(encoded, 'base64').toString('latin1').split('\0');
      return this.#login(user, password);
    };
    if (initial !== '') return judge(initial);
    this.#continue = (line) => {
      this.#finish(tag, line === '*' ? 'BAD cancelled' : judge(line));
    };
    this.#say('+ ');
    return undefined;
  }

  #list(verb: string, pattern: string, mailbox: Mailbox): Done {
    if (pattern === '') this.#say(`* ${verb} (\\Noselect) "/" ""`);
    const wanted = pattern.toLowerCase();
    for (const { name, use } of mailbox.folders)
      if (/^[*%]$/.test(wanted) || wanted === name.toLowerCase())
        this.#say(`* ${verb} (\\HasNoChildren${use === undefined ? '' : ` ${use}`}) "/" ${stringOf(name)}`);
    return 'OK done';
  }

  #status(name: string, items: Word, mailbox: Mailbox): Done {
    const folder = mailbox.folder(name);
    if (folder === undefined) return 'NO no such folder';
    const values: Readonly<Record<string, number>> = {
      MESSAGES: folder.letters.length,
      RECENT: 0,
      UIDNEXT: folder.nextUid,
      UIDVALIDITY: folder.uidValidity,
      UNSEEN: folder.letters.filter(({ flags }) => !flags.has('\\Seen')).length,
    };
    const asked = [items].flat().map((item) => String(item).toUpperCase());
    const told = asked.flatMap((item) => (values[item] === undefined ? [] : [`${item} ${values[item]}`]));
    this.#say(`* STATUS ${stringOf(folder.name)} (${told.join(' ')})`);
    return 'OK done';
  }

  #select(folder: Folder | undefined, readOnly: boolean): Done {
    this.close();
    if (folder === undefined) return 'NO no such folder';
    this.#open = new OpenFolder(folder, readOnly, (line) => {
      this.#say(line);
    });
    this.#say(
      `* ${folder.letters.length} EXISTS`,
      '* 0 RECENT',
      '* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)',
      '* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft \\*)] flags',
      `* OK [UIDVALIDITY ${folder.uidValidity}] valid`,
      `* OK [UIDNEXT ${folder.nextUid}] next`,
    );
    return `OK [READ-${readOnly ? 'ONLY' : 'WRITE'}] selected`;
  }

  #append(folder: Folder | undefined, args: readonly Word[]): Done {
    const text = args.at(-1);
    if (folder === undefined) return 'NO [TRYCREATE] no such folder';
    if (typeof text !== 'string' || args.length < 2) return 'BAD no mail';
    const flags = args.slice(1, -1).flatMap((word) => (typeof word === 'string' ? [] : word.map(String)));
    const mail = readMail(Buffer.from(text, 'latin1'), { from: '', to: [] }, Date.now());
    const { uid } = folder.append(mail, flags);
    this.#open?.sync();
    return `OK [APPENDUID ${folder.uidValidity} ${uid}] done`;
  }

  #idle(tag: string, at: OpenFolder): Done {
    at.idling = true;
    this.#continue = (line) => {
      at.idling = false;
      this.#finish(tag, line.toUpperCase() === 'DONE' ? 'OK done' : 'BAD expected DONE');
    };
    this.#say('+ idling');
    at.sync();
    return undefined;
  }

  #bye(why: string): void {
    this.#say(`* BYE ${why}`);
    this.#socket.destroySoon();
  }

  #say(...lines: readonly string[]): void {
    if (this.#socket.writable) this.#socket.write(`${lines.join('\r\n')}\r\n`, 'latin1');
  }
}
