/** A mailbox on loopback that speaks as much IMAP as a client needs, and misbehaves where a test tells it to. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Pem } from './mail.ts';
import { listening } from './servers.ts';

export interface Mail {
  readonly uid: number;
  readonly raw: Buffer;
  readonly at: Date;
}

/** One command of a client, and ways to answer it. */
export interface Turn {
  readonly tag: string;
  readonly verb: string;
  readonly line: string;
  readonly socket: Socket;
  /** How often this verb was heard in all, this time included. */
  readonly times: number;
  /** Sends lines, each ended by CRLF. */
  say(...lines: readonly string[]): void;
  /** Answers as if the test had said nothing. */
  usual(): void;
}

export interface Wish {
  /** Instead of the usual greeting; a function does with the connection what it likes. */
  readonly greeting?: string | ((socket: Socket) => void);
  readonly capabilities?: string;
  /** What to do with a verb instead of answering it as usual. */
  readonly on?: Readonly<Record<string, (turn: Turn) => void>>;
  readonly tls?: Pem;
  readonly password?: string;
}

export interface ScriptedImap {
  readonly port: number;
  /** Lines that clients said. */
  readonly heard: readonly string[];
  /** Connections still open. */
  open(): number;
  /** Puts a mail into a folder, now; tells whoever idles there. */
  deliver(raw: string | Buffer, folder?: string): void;
  /** As if the folder had been made anew: numbers start again and mean other mails. */
  renumber(folder?: string): void;
  close(): Promise<void>;
}

interface Folder {
  validity: number;
  mails: Mail[];
}

const CAPABILITIES = 'IMAP4rev1 IDLE UIDPLUS SPECIAL-USE AUTH=PLAIN';

export async function openScriptedImap(wish: Wish = {}): Promise<ScriptedImap> {
  const folders = new Map<string, Folder>([
    ['INBOX', { validity: 1, mails: [] }],
    ['Junk', { validity: 1, mails: [] }],
  ]);
  const heard: string[] = [];
  const counts = new Map<string, number>();
  const idlers = new Set<() => void>();
  const far = await listening((socket) => {
    if (typeof wish.greeting === 'function') wish.greeting(socket);
    else socket.write(`${wish.greeting ?? '* OK scripted'}\r\n`);
    new Session(socket, { wish, folders, heard, counts, idlers });
  });
  return {
    port: far.port,
    heard,
    open: far.open,
    deliver(raw, name = 'INBOX') {
      const folder = folders.get(name);
      folder?.mails.push({ uid: (folder.mails.at(-1)?.uid ?? 0) + 1, raw: Buffer.from(raw), at: new Date() });
      for (const tell of idlers) tell();
    },
    renumber(name = 'INBOX') {
      const folder = folders.get(name);
      if (folder === undefined) return;
      folder.validity += 1;
      folder.mails = folder.mails.map((mail, index) => ({ ...mail, uid: index + 1 }));
    },
    close: far.close,
  };
}

interface Shared {
  readonly wish: Wish;
  readonly folders: ReadonlyMap<string, Folder>;
  readonly heard: string[];
  readonly counts: Map<string, number>;
  readonly idlers: Set<() => void>;
}

class Session {
  #socket: Socket;
  readonly #shared: Shared;
  #folder: Folder | undefined;
  #rest = '';
  /** Takes the next line instead of the command reader. */
  #next: ((line: string) => void) | undefined;

  constructor(socket: Socket, shared: Shared) {
    this.#socket = socket;
    this.#shared = shared;
    this.#listen(socket);
  }

  #listen(socket: Socket): void {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#rest += chunk.toString('latin1');
      for (let end = this.#rest.indexOf('\n'); end !== -1; end = this.#rest.indexOf('\n')) {
        const line = this.#rest.slice(0, end).replace(/\r$/, '');
        this.#rest = this.#rest.slice(end + 1);
        this.#take(line);
      }
    });
  }

  #take(line: string): void {
    this.#shared.heard.push(line);
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) return next(line);
    const [tag = '*', first = '', second = ''] = line.split(' ');
    const verb = (first.toUpperCase() === 'UID' ? second : first).toUpperCase();
    const times = (this.#shared.counts.get(verb) ?? 0) + 1;
    this.#shared.counts.set(verb, times);
    const usual = (): void => {
      this.#answer(tag, verb, line);
    };
    const { on = {} } = this.#shared.wish;
    const turn = {
      tag,
      verb,
      line,
      times,
      socket: this.#socket,
      usual,
      say: (...lines: readonly string[]) => this.#say(...lines),
    };
    (on[verb] ?? usual)(turn);
  }

  #answer(tag: string, verb: string, line: string): void {
    const capabilities = this.#shared.wish.capabilities ?? CAPABILITIES;
    switch (verb) {
      case 'CAPABILITY':
        return this.#say(`* CAPABILITY ${capabilities}`, `${tag} OK done`);
      case 'STARTTLS':
        return this.#startTls(tag);
      case 'AUTHENTICATE':
        this.#next = (word) => this.#logIn(tag, Buffer.from(word, 'base64').toString('utf8').split('\0')[2] ?? '');
        return this.#say('+ ');
      case 'LOGIN':
        return this.#readLogin(tag, line);
      case 'LIST':
      case 'LSUB':
        // The question for the separator alone.
        if (line.endsWith('""')) return this.#say(`* ${verb} (\\Noselect) "/" ""`, `${tag} OK done`);
        return this.#say(
          `* ${verb} (\\HasNoChildren) "/" INBOX`,
          `* ${verb} (\\HasNoChildren \\Junk) "/" Junk`,
          `${tag} OK done`,
        );
      case 'SELECT':
      case 'EXAMINE':
        return this.#select(tag, line);
      case 'SEARCH':
        return this.#search(tag, line);
      case 'FETCH':
        return this.#fetch(tag, line);
      case 'IDLE':
        return this.#idle(tag);
      case 'LOGOUT':
        this.#say('* BYE bye', `${tag} OK done`);
        this.#socket.end();
        return;
      case 'NAMESPACE':
        return this.#say('* NAMESPACE (("" "/")) NIL NIL', `${tag} OK done`);
      default:
        return this.#say(`${tag} OK done`);
    }
  }

  #startTls(tag: string): void {
    const { tls } = this.#shared.wish;
    if (tls === undefined) return this.#say(`${tag} BAD no TLS here`);
    this.#say(`${tag} OK go ahead`);
    this.#socket.removeAllListeners('data');
    this.#socket = new TLSSocket(this.#socket, { isServer: true, key: tls.key, cert: tls.cert });
    this.#listen(this.#socket);
  }

  #readLogin(tag: string, line: string): void {
    const literal = /\{(\d+)\}$/.exec(line);
    if (literal !== null) {
      // The password as a literal: it comes on the next line after the consent.
      this.#next = (word) => this.#logIn(tag, Buffer.from(word, 'latin1').toString('utf8'));
      return this.#say('+ go on');
    }
    const quoted = /"((?:[^"\\]|\\.)*)"$/.exec(line)?.[1]?.replace(/\\(.)/g, '$1');
    return this.#logIn(tag, Buffer.from(quoted ?? line.split(' ').at(-1) ?? '', 'latin1').toString('utf8'));
  }

  #logIn(tag: string, password: string): void {
    const isRight = password === (this.#shared.wish.password ?? 'mailbox-secret');
    this.#say(isRight ? `${tag} OK welcome` : `${tag} NO [AUTHENTICATIONFAILED] not with ${password}`);
  }

  #select(tag: string, line: string): void {
    const name = (line.split(' ')[2] ?? '').replaceAll('"', '');
    this.#folder = this.#shared.folders.get(name);
    if (this.#folder === undefined) return this.#say(`${tag} NO no such folder`);
    const { mails, validity } = this.#folder;
    const next = (mails.at(-1)?.uid ?? 0) + 1;
    this.#say(
      `* ${mails.length} EXISTS`,
      '* FLAGS (\\Seen \\Deleted)',
      '* OK [PERMANENTFLAGS (\\Seen \\Deleted \\*)] flags',
      `* OK [UIDVALIDITY ${validity}] valid`,
      `* OK [UIDNEXT ${next}] next`,
      `${tag} OK [READ-ONLY] done`,
    );
  }

  /** Knows `UID n:*` and `TEXT word`, in any combination of OR; anything else finds nothing. */
  #search(tag: string, line: string): void {
    const from = Number(/UID SEARCH .*?UID (\d+):\*/.exec(line)?.[1] ?? 1);
    const words = [...line.matchAll(/TEXT "?([0-9a-f]+)"?/g)].map((match) => match[1] ?? '');
    const found = (this.#folder?.mails ?? []).filter(
      ({ uid, raw }) => uid >= from && words.some((word) => readable(raw).includes(word)),
    );
    this.#say(['* SEARCH', ...found.map(({ uid }) => uid)].join(' '), `${tag} OK done`);
  }

  #fetch(tag: string, line: string): void {
    const uid = Number(/UID FETCH (\d+)/.exec(line)?.[1]);
    const mail = this.#folder?.mails.find((each) => each.uid === uid);
    if (mail !== undefined) {
      const [, day = '', month = '', year = '', time = ''] = mail.at.toUTCString().split(' ');
      const bytes = mail.raw.subarray(0, 262_144);
      const date = `"${day}-${month}-${year} ${time} +0000"`;
      this.#socket.write(`* ${uid} FETCH (UID ${uid} INTERNALDATE ${date} BODY[]<0> {${bytes.length}}\r\n`);
      this.#socket.write(bytes);
      this.#socket.write(')\r\n');
    }
    this.#say(`${tag} OK done`);
  }

  #idle(tag: string): void {
    const tell = (): void => this.#say(`* ${this.#folder?.mails.length ?? 0} EXISTS`);
    this.#shared.idlers.add(tell);
    this.#next = () => {
      this.#shared.idlers.delete(tell);
      this.#say(`${tag} OK done`);
    };
    this.#say('+ idling');
  }

  #say(...lines: readonly string[]): void {
    if (this.#socket.writable) this.#socket.write(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
  }
}

/** A mail as a server searches it: what is in base64 is seen through, whatever part it is in. */
function readable(raw: Buffer): string {
  const text = raw.toString('latin1').toLowerCase();
  const body = /\r\n\r\n([A-Za-z0-9+/=\r\n]+)$/.exec(raw.toString('latin1'))?.[1] ?? '';
  return `${text} ${Buffer.from(body, 'base64').toString('latin1').toLowerCase()}`;
}
