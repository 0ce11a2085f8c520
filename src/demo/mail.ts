/** The demo wallet's mail: a desk that takes mail for support and answers with a ticket number, and that can be broken. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerOptions } from 'smtp-server';
import { openImap } from './imap.ts';
import { headerOf, readMail, writeMail } from './letter.ts';
import type { Mail } from './letter.ts';
import { Mailbox } from './mailbox.ts';
import { envelopeOf, refuse } from './postbox.ts';

export const MAIL_FAULTS = [
  'none',
  /** The port is closed. */
  'down',
  /** Banner and replies come late. */
  'slow',
  /** 421 instead of a banner. */
  'busy',
  /** 450 to every recipient. */
  'overload',
  /** 550 to the support address. */
  'wrong',
  /** Something that is no SMTP. */
  'garbage',
  /** A connection, and never a banner. */
  'silence',
  'expired',
  'nostarttls',
  /** Mail is taken and nobody confirms it. */
  'noreceipt',
] as const;
export type MailFault = (typeof MAIL_FAULTS)[number];

/** A private key and its certificate chain, as PEM. */
export interface Pem {
  readonly key: string;
  readonly cert: string;
}

export interface MailDeskOptions {
  readonly tls: Pem;
  /** What the fault `expired` shows; without it that fault is not offered. */
  readonly expired?: Pem;
  /** The address that takes mail. */
  readonly support?: string;
  /** Mailboxes to be read by IMAP, with their passwords. A receipt goes to the sender's, if it has one here. */
  readonly users?: Readonly<Record<string, string>>;
  readonly host?: string;
  /** 0, the default, picks a free one. */
  readonly smtpPort?: number;
  readonly imapPort?: number;
  /** How long the receipt takes; null: no receipts. */
  readonly receiptMs?: number | null;
  /** How late banner and replies are under the fault `slow`. */
  readonly slowMs?: number;
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface MailDesk {
  readonly smtp: Endpoint;
  /** Not touched by faults: it stands for the watcher's own mailbox, where receipts arrive. */
  readonly imap: Endpoint;
  /** The faults that this desk has. */
  readonly faults: readonly MailFault[];
  /** The fault in force. */
  readonly fault: MailFault;
  /** Breaks or mends; what comes after it has resolved meets the new state. */
  set(fault: MailFault): Promise<void>;
  /** Mails in the inbox of that address, oldest first; none for an address without a mailbox. */
  mailbox(name: string): readonly Mail[];
  close(): Promise<void>;
}

const SIZE_CAP = 262_144;

export async function openMailDesk(options: MailDeskOptions): Promise<MailDesk> {
  const desk = new Desk(options);
  await desk.open();
  return desk;
}

class Desk implements MailDesk {
  readonly #options: MailDeskOptions;
  readonly #host: string;
  readonly #support: string;
  readonly #mailboxes: ReadonlyMap<string, Mailbox>;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  // In front of the SMTP server, because some faults speak before SMTP does or never.
  readonly #door = createServer((socket) => {
    this.#enter(socket);
  });
  #imap: Awaited<ReturnType<typeof openImap>> | undefined;
  #port: number;
  #server: SMTPServer;
  #fault: MailFault = 'none';
  #tickets = 0;

  constructor(options: MailDeskOptions) {
    this.#options = options;
    this.#host = options.host ?? '127.0.0.1';
    this.#port = options.smtpPort ?? 0;
    this.#support = (options.support ?? 'support@helpdesk.test').toLowerCase();
    const users = { [this.#support]: 'support', 'probe@monitor.test': 'probe', ...options.users };
    this.#mailboxes = new Map(Object.entries(users).map(([name, word]) => [name.toLowerCase(), new Mailbox(word)]));
    this.#server = this.#serve('none');
  }

  get smtp(): Endpoint {
    return { host: this.#host, port: this.#port };
  }

  get imap(): Endpoint {
    return { host: this.#host, port: this.#imap?.port ?? 0 };
  }

  get fault(): MailFault {
    return this.#fault;
  }

  get faults(): readonly MailFault[] {
    return MAIL_FAULTS.filter((each) => each !== 'expired' || this.#options.expired !== undefined);
  }

  /** Rejects when a port is taken, and leaves nothing open then. */
  async open(): Promise<void> {
    await this.#listen();
    this.#port = (this.#door.address() as AddressInfo).port;
    try {
      this.#imap = await openImap({ host: this.#host, port: this.#options.imapPort ?? 0, mailboxes: this.#mailboxes });
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async set(fault: MailFault): Promise<void> {
    this.#fault = fault;
    this.#server = this.#serve(fault);
    if (fault === 'down') await this.#shut();
    else if (!this.#door.listening) await this.#listen();
  }

  mailbox(name: string): readonly Mail[] {
    return this.#mailboxOf(name)?.inbox.letters.map(({ mail }) => mail) ?? [];
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all([this.#shut(), this.#imap?.close()]);
  }

  async #listen(): Promise<void> {
    this.#door.listen(this.#port, this.#host);
    await once(this.#door, 'listening');
  }

  /** Closes the port and whatever came in through it. */
  async #shut(): Promise<void> {
    const closed = this.#door.listening ? once(this.#door, 'close') : undefined;
    this.#door.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #enter(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#fault === 'silence') socket.resume();
    else if (this.#fault === 'garbage') socket.end('* the demo desk is broken on purpose *\r\n');
    else this.#server.connect(socket);
  }

  /** An SMTP server as one fault wants it; it listens nowhere, the door hands it connections. */
  #serve(fault: MailFault): SMTPServer {
    const slow = (step: () => void): void => {
      this.#later(fault === 'slow' ? (this.#options.slowMs ?? 3_000) : 0, step);
    };
    const options: SMTPServerOptions = {
      ...((fault === 'expired' ? this.#options.expired : undefined) ?? this.#options.tls),
      disabledCommands: fault === 'nostarttls' ? ['AUTH', 'STARTTLS'] : ['AUTH'],
      hideENHANCEDSTATUSCODES: false,
      disableReverseLookup: true,
      logger: false,
      size: SIZE_CAP,
      onConnect(_session, done) {
        slow(() => {
          done(fault === 'busy' ? refuse(421, 'too many connections, try again later') : null);
        });
      },
      onMailFrom(_address, _session, done) {
        slow(done);
      },
      onRcptTo: ({ address }, _session, done) => {
        slow(() => {
          done(this.#refusalOf(address, fault));
        });
      },
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => {
          if (stream.byteLength <= SIZE_CAP) chunks.push(chunk);
        });
        stream.on('end', () => {
          if (stream.sizeExceeded) done(refuse(552, 'too large for the demo desk'));
          else done(null, this.#take(readMail(Buffer.concat(chunks), envelopeOf(session), Date.now())));
        });
      },
    };
    const server = new SMTPServer(options);
    server.on('error', () => undefined);
    return server;
  }

  #refusalOf(recipient: string, fault: MailFault): Error | null {
    if (fault === 'overload') return refuse(450, 'greylisted, please try again in 300 seconds');
    if (fault === 'wrong' || this.#mailboxOf(recipient) === undefined)
      return refuse(550, `no mailbox ${recipient} here`);
    return null;
  }

  /** Delivers, and answers what came for support. */
  #take(mail: Mail): string {
    const boxes = new Set(mail.to.map((each) => this.#mailboxOf(each)));
    for (const box of boxes) box?.inbox.append(mail);
    if (!boxes.has(this.#mailboxOf(this.#support)) || !wantsReceipt(mail)) return 'taken';
    const ticket = `RB-${String(++this.#tickets).padStart(6, '0')}`;
    const { receiptMs = 200 } = this.#options;
    if (receiptMs !== null && this.#fault !== 'noreceipt')
      this.#later(receiptMs, () => this.#mailboxOf(mail.from)?.inbox.append(this.#receipt(mail, ticket)));
    return `taken as ${ticket}`;
  }

  #receipt(mail: Mail, ticket: string): Mail {
    const id = headerOf(mail.raw.toString('latin1'), 'message-id');
    const raw = writeMail(
      {
        From: `Demo support <${this.#support}>`,
        To: mail.from,
        Subject: `[Ticket #${ticket}] Re: ${mail.subject}`,
        Date: new Date().toUTCString().replace('GMT', '+0000'),
        'Message-ID': `<${ticket}@${this.#support.split('@')[1] ?? 'helpdesk.test'}>`,
        'Auto-Submitted': 'auto-replied',
        ...(id === undefined ? {} : { 'In-Reply-To': id, References: id }),
      },
      `Your ticket number is ${ticket}.\r\nNomor tiket Anda ${ticket}.\r\n您的工单编号：${ticket}。\r\n`,
    );
    return readMail(raw, { from: '', to: [mail.from] }, Date.now());
  }

  /** `name+tag@host` is the mailbox of `name@host`. */
  #mailboxOf(address: string): Mailbox | undefined {
    return this.#mailboxes.get(address.toLowerCase().replace(/\+[^@]*(?=@)/, ''));
  }

  #later(ms: number, step: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      step();
    }, ms);
    this.#timers.add(timer);
  }
}

/** RFC 3834 §2: no answer to a bounce, to an automatic mail or to a list, or two machines write to each other for ever. */
function wantsReceipt(mail: Mail): boolean {
  const text = mail.raw.toString('latin1');
  const automatic = (headerOf(text, 'auto-submitted') ?? 'no').toLowerCase() !== 'no';
  const bulk =
    headerOf(text, 'list-id') !== undefined || /^(bulk|list|junk)$/i.test(headerOf(text, 'precedence') ?? '');
  return mail.from !== '' && !automatic && !bulk;
}
