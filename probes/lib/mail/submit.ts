/** Hands one mail to a mail server: banner, EHLO, TLS, AUTH, envelope, DATA (RFC 6409, RFC 4954). What comes of it is seen elsewhere. */
import { fault } from '../../../src/core/fault.ts';
import type { Fault, FaultCode } from '../../../src/core/fault.ts';
import type { Secret } from '../../../src/core/secret.ts';
import { dial, upgrade } from '../connector.ts';
import type { Certificate, Connection } from '../connector.ts';
import type { Reach } from '../reach.ts';
import type { Errand } from './compose.ts';
import { sayReply } from './reply.ts';
import type { Reply } from './reply.ts';
import { isAboutUs, literal, offers } from './session.ts';
import type { Security } from './session.ts';
import { Talk } from './talk.ts';
import type { Heard } from './talk.ts';
import { within } from './within.ts';

export interface Login {
  readonly user: string;
  readonly password: Secret;
}

export interface Post {
  readonly host: string;
  readonly port: number;
  readonly security: Security;
  /** Without one the server is taken for the support's own exchanger: nobody else takes mail from strangers. */
  readonly login: Login | undefined;
  readonly reach: Reach;
  readonly signal: AbortSignal;
  /** Milliseconds for everything. */
  readonly ms: number;
}

/** What became of the handing over. */
export type Handed = (
  | { readonly kind: 'taken'; readonly reply: Reply }
  /** 4xx to the recipient: greylisting or load. */
  | { readonly kind: 'deferred'; readonly reply: Reply }
  /** 5xx to the recipient. */
  | { readonly kind: 'refused'; readonly reply: Reply }
  /** Our name, sender or mail is not wanted: nothing was learnt about the recipient. */
  | { readonly kind: 'distrusted'; readonly reply: Reply }
  /** `maybeTaken`: the mail was sent and its verdict did not come. */
  | { readonly kind: 'lost'; readonly fault: Fault; readonly maybeTaken: boolean }
) & {
  readonly transcript: string;
  /** The server's, where TLS was spoken. */
  readonly certificate: Certificate | undefined;
};

type Outcome = Handed extends infer Each
  ? Each extends unknown
    ? Omit<Each, 'transcript' | 'certificate'>
    : never
  : never;

/** Longest waits for one answer and for the verdict on a mail, in milliseconds, where the time given allows more. */
const ANSWER_MS = 15_000;
const VERDICT_MS = 60_000;
const FAREWELL_MS = 300;

/** Hands it over. Never throws; returns within `ms`, with nothing left open. */
export async function submit(errand: Errand, post: Post): Promise<Handed> {
  return await within(post.signal, post.ms, async (signal) => {
    const { host, port, reach, security, ms } = post;
    const tls = security === 'implicit' ? { tls: { name: host } } : {};
    const dialled = await within(signal, Math.min(ANSWER_MS, ms * 0.5), (knocking) =>
      dial({ host, port, reach, signal: knocking, ...tls }),
    );
    if (!dialled.ok) {
      const none = { transcript: '', certificate: undefined };
      return { kind: 'lost', fault: dialled.fault, maybeTaken: false, ...none };
    }
    const handover = new Handover(dialled.connection, { ...post, signal });
    try {
      const outcome = await handover.run(errand);
      return { ...outcome, transcript: handover.transcript, certificate: handover.certificate };
    } finally {
      handover.destroy();
      dialled.connection.socket.destroy();
    }
  });
}

class Handover {
  readonly #post: Post;
  readonly #talk: Talk;
  readonly #until: number;
  #connection: Connection;

  constructor(connection: Connection, post: Post) {
    this.#connection = connection;
    this.#post = post;
    this.#talk = new Talk(connection.socket, post.signal);
    this.#until = performance.now() + post.ms;
  }

  get transcript(): string {
    return this.#talk.transcript;
  }

  get certificate(): Certificate | undefined {
    return this.#connection.certificate;
  }

  destroy(): void {
    this.#connection.socket.destroy();
  }

  async run(errand: Errand): Promise<Outcome> {
    const bad = this.#post.security === 'implicit' ? this.#distrust() : undefined;
    if (bad !== undefined) return lost(bad);
    const banner = failureOf(await this.#talk.hear('banner', this.#patience(ANSWER_MS)), 'the banner');
    if (banner !== undefined) return lost(banner);
    const greeted = await this.#greet();
    if ('blame' in greeted) return lost(greeted);
    const refused = await this.#authenticate(greeted);
    if (refused !== undefined) return lost(refused);
    const outcome = await this.#handOver(errand);
    await this.#talk.ask('QUIT', Math.min(FAREWELL_MS, this.#patience(FAREWELL_MS)));
    return outcome;
  }

  /** EHLO, and where TLS is to be started, once more within it. */
  async #greet(): Promise<Reply | Fault> {
    const clear = await this.#hello();
    if ('blame' in clear || this.#post.security !== 'starttls') return clear;
    if (!offers(clear, 'STARTTLS')) return this.#withoutTls(clear, 'the server does not offer STARTTLS');
    const heard = await this.#ask('STARTTLS');
    if (!heard.ok) return heard.fault;
    if (heard.reply.code !== 220) return this.#withoutTls(clear, `STARTTLS is refused: ${sayReply(heard.reply)}`);
    // RFC 3207 §4.2: whatever comes between this 220 and TLS was put there by somebody, and must not be taken for a reply.
    if (this.#talk.spokeAhead) return fault('TLS_INJECTION', 'plain text follows the reply to STARTTLS');
    return (await this.#startTls()) ?? (await this.#hello());
  }

  async #hello(): Promise<Reply | Fault> {
    const heard = await this.#ask(`EHLO ${literal(this.#connection.socket.localAddress)}`);
    if (!heard.ok) return heard.fault;
    return failureOf(heard, 'the reply to EHLO') ?? heard.reply;
  }

  async #startTls(): Promise<Fault | undefined> {
    this.#talk.detach();
    const { host: name, reach, signal } = this.#post;
    const dialled = await within(signal, this.#patience(ANSWER_MS), (limit) =>
      upgrade(this.#connection, { name, reach, signal: limit }),
    );
    if (!dialled.ok) return dialled.fault;
    this.#connection = dialled.connection;
    this.#talk.note('-- TLS');
    this.#talk.resume(dialled.connection.socket);
    return this.#distrust();
  }

  /** A password goes to nobody whose certificate is bad. Mail between servers is delivered all the same (RFC 7435). */
  #distrust(): Fault | undefined {
    return this.#post.login === undefined ? undefined : this.#connection.certificate?.fault;
  }

  #withoutTls(clear: Reply, why: string): Reply | Fault {
    return this.#post.login === undefined ? clear : fault('TLS_MISSING', why);
  }

  /** PLAIN, else LOGIN. What is said here never gets into the transcript, and neither does an answer that may repeat it. */
  async #authenticate(hello: Reply): Promise<Fault | undefined> {
    const { login } = this.#post;
    if (login === undefined) return undefined;
    const offered = mechanisms(hello);
    if (offered.includes('PLAIN')) {
      const initial = base64(`\0${login.user}\0${login.password.reveal()}`);
      return loginFault(await this.#ask(`AUTH PLAIN ${initial}`, 'AUTH PLAIN …'), 235);
    }
    if (!offered.includes('LOGIN')) {
      const has = offered.length === 0 ? 'no way to log in' : `only ${offered.join(', ')}`;
      return fault('AUTH', `the submission server offers ${has.slice(0, 100)}; PLAIN or LOGIN is needed`);
    }
    return (
      loginFault(await this.#ask('AUTH LOGIN', 'AUTH LOGIN'), 334) ??
      loginFault(await this.#ask(base64(login.user), '(user)'), 334) ??
      loginFault(await this.#ask(base64(login.password.reveal()), '(password)'), 235)
    );
  }

  async #handOver(errand: Errand): Promise<Outcome> {
    const sender = await this.#ask(`MAIL FROM:<${errand.from}>`);
    const unwanted = this.#judge(sender, 'sender');
    if (unwanted !== undefined) return unwanted;
    const recipient = await this.#ask(`RCPT TO:<${errand.to}>`);
    const refused = this.#judge(recipient, 'recipient');
    if (refused !== undefined) return refused;
    const data = await this.#ask('DATA');
    if (!data.ok) return lost(data.fault);
    if (data.reply.code !== 354) return this.#judge(data, 'recipient') ?? lost(oddReply(data.reply, 'DATA'));
    // RFC 5321 §4.5.2: a leading dot is doubled, so that none of ours ends the mail.
    const mail = errand.raw.replace(/^\./gm, '..').replace(/\r\n$/, '');
    const size = `(a mail of ${errand.raw.length} bytes)`;
    const verdict = await this.#talk.ask(`${mail}\r\n.`, this.#patience(VERDICT_MS), size);
    if (!verdict.ok) return lost(verdict.fault, true);
    return this.#judge(verdict, 'recipient') ?? { kind: 'taken', reply: verdict.reply };
  }

  /** How it ends with this answer; undefined: it goes on. */
  #judge(heard: Heard, about: 'sender' | 'recipient'): Outcome | undefined {
    if (!heard.ok) return lost(heard.fault);
    const { reply } = heard;
    if (reply.code >= 200 && reply.code < 300) return undefined;
    if (reply.code < 400) return lost(oddReply(reply, about));
    const isGreylisting = reply.code < 500 && /gr[ea]y.?list/i.test(reply.lines.join(' '));
    if (!isGreylisting && (isAboutUs(reply, about) || this.#isOurs(reply, about))) return { kind: 'distrusted', reply };
    return { kind: reply.code < 500 ? 'deferred' : 'refused', reply };
  }

  /** X.7.Z is policy: from a server that we log in to it is about our account, and so is all that it says of our sender. */
  #isOurs(reply: Reply, about: 'sender' | 'recipient'): boolean {
    if (/\brelay(?:ing)?\b/i.test(reply.lines.join(' '))) return true;
    return this.#post.login !== undefined && (about === 'sender' || /^[45]\.7\./.test(reply.enhanced ?? ''));
  }

  async #ask(line: string, shown?: string): Promise<Heard> {
    return await this.#talk.ask(line, this.#patience(ANSWER_MS), shown);
  }

  #patience(ms: number): number {
    return Math.max(1, Math.min(ms, this.#until - performance.now()));
  }
}

const lost = (why: Fault, maybeTaken = false): Outcome => ({ kind: 'lost', fault: why, maybeTaken });

const oddReply = (reply: Reply, what: string): Fault => fault('PROTO_REFUSED', `${what}: ${sayReply(reply)}`);

/** Before the envelope 4xx means that the server takes no mail from anybody just now, 5xx that it takes none at all. */
function failureOf(heard: Heard, what: string): Fault | undefined {
  if (!heard.ok) return heard.fault;
  const { reply } = heard;
  if (reply.code >= 200 && reply.code < 300) return undefined;
  const code: FaultCode = reply.code < 400 ? 'PROTO_REFUSED' : reply.code < 500 ? 'OVERLOAD' : 'MAIL_REFUSED';
  return fault(code, `${what} is ${sayReply(reply)}`);
}

/** The code alone: the text may repeat the password. */
function loginFault(heard: Heard, wanted: 235 | 334): Fault | undefined {
  if (!heard.ok) return heard.fault;
  const { code, enhanced = '' } = heard.reply;
  if (code === wanted) return undefined;
  // RFC 4954 §6: 454 is trouble of the server's, and no judgement of a password.
  const says = code < 500 ? 'cannot log anybody in just now' : 'refuses user and password';
  return fault('AUTH', `the submission server ${says} (${`${code} ${enhanced}`.trim()})`);
}

/** Also as old servers write it: `AUTH=PLAIN LOGIN`. */
function mechanisms(hello: Reply): readonly string[] {
  const lines = hello.lines.slice(1).map((line) => line.trim().toUpperCase());
  return lines.flatMap((line) => (/^AUTH[ =]/.test(line) ? line.slice(5).split(/\s+/) : [])).filter(Boolean);
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
