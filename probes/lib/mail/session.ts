/**
 * One conversation with a mail server that never sends a mail: banner, EHLO, STARTTLS, EHLO, MAIL FROM, RCPT TO, RSET, QUIT
 * (RFC 5321, RFC 3207). It says what happened; what that means for the channel is judged elsewhere.
 */
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { upgrade } from '../connector.ts';
import type { Certificate, Connection } from '../connector.ts';
import type { Reach } from '../reach.ts';
import { sayReply } from './reply.ts';
import type { Reply } from './reply.ts';
import { Talk } from './talk.ts';
import type { Heard } from './talk.ts';
import { within } from './within.ts';

/** Longest wait for the answer to a question that decides nothing, in milliseconds. */
const STRANGER_MS = 5_000;

export type Security = 'starttls' | 'implicit' | 'none';

/** What to say, and how long to wait for an answer. */
export interface Terms {
  /** Name to expect in the certificate. */
  readonly name: string;
  readonly security: Security;
  readonly ehlo: string | undefined;
  readonly from: string | undefined;
  readonly rcpt: string | undefined;
  /** An address that nobody has, to be asked for once `rcpt` is accepted; undefined: not asked. */
  readonly stranger?: string | undefined;
  readonly reach: Reach;
  readonly signal: AbortSignal;
  readonly bannerMs: number;
  readonly commandMs: number;
}

/** How a conversation ended. */
export type Outcome =
  /** RCPT TO was answered with 2xx. */
  | { readonly kind: 'accepted'; readonly reply: Reply }
  /** No recipient was to be asked for; the server greeted us. */
  | { readonly kind: 'greeted'; readonly reply: Reply }
  /** 4xx to MAIL FROM or RCPT TO: greylisting or load. */
  | { readonly kind: 'deferred'; readonly reply: Reply }
  /** 5xx to MAIL FROM or RCPT TO. */
  | { readonly kind: 'rejected'; readonly reply: Reply }
  /** The server dislikes our name or sender: nothing was learnt about the recipient. */
  | { readonly kind: 'distrusted'; readonly reply: Reply }
  /** It never came to that. */
  | { readonly kind: 'dead'; readonly fault: Fault };

export interface Session {
  readonly outcome: Outcome;
  /** What is wrong although the conversation went on: no TLS, a bad certificate. */
  readonly concerns: readonly Fault[];
  readonly phases: Readonly<Record<string, number>>;
  readonly banner: string | undefined;
  /** Whether the server offered STARTTLS; undefined when that was not seen. */
  readonly starttls: boolean | undefined;
  readonly certificate: Certificate | undefined;
  /** Whether an address that nobody has was accepted, too; null: it would not say; undefined: not asked. */
  readonly catchAll: boolean | null | undefined;
  readonly transcript: string;
}

/** Phases of a conversation; `dns` and `connect` come before it. */
type Phase = 'banner' | 'ehlo' | 'tls' | 'rcpt';

/** A step's value: what it was after, or how the conversation ended there. */
type Step<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly outcome: Outcome };

/** Holds the conversation on an open connection. The caller destroys `connection.socket`; what is opened here is destroyed here. */
export async function converse(connection: Connection, terms: Terms): Promise<Session> {
  const session = new Conversation(connection, terms);
  try {
    return session.result(await session.run());
  } finally {
    session.destroy();
  }
}

class Conversation {
  readonly #terms: Terms;
  readonly #talk: Talk;
  readonly #phases: Partial<Record<Phase, number>> = {};
  readonly #concerns: Fault[] = [];
  #connection: Connection;
  #banner: string | undefined;
  #starttls: boolean | undefined;
  #catchAll: boolean | null | undefined;

  constructor(connection: Connection, terms: Terms) {
    this.#connection = connection;
    this.#terms = terms;
    this.#talk = new Talk(connection.socket, terms.signal);
    if (terms.security === 'implicit') this.#judgeCertificate();
  }

  result(outcome: Outcome): Session {
    return {
      outcome,
      concerns: this.#concerns,
      phases: this.#phases,
      banner: this.#banner,
      starttls: this.#starttls,
      certificate: this.#connection.certificate,
      catchAll: this.#catchAll,
      transcript: this.#talk.transcript,
    };
  }

  destroy(): void {
    this.#connection.socket.destroy();
  }

  async run(): Promise<Outcome> {
    const banner = await this.#timed('banner', () => this.#greet());
    if (!banner.ok) return banner.outcome;
    const hello = await this.#timed('ehlo', () => this.#hello());
    if (!hello.ok) return hello.outcome;
    if (this.#terms.security !== 'implicit') this.#starttls = offers(hello.value, 'STARTTLS');
    const greeting = this.#terms.security === 'starttls' ? await this.#secure(hello.value) : hello;
    if (!greeting.ok) return greeting.outcome;
    const { rcpt } = this.#terms;
    const outcome: Outcome =
      rcpt === undefined
        ? { kind: 'greeted', reply: greeting.value }
        : await this.#timed('rcpt', () => this.#address(rcpt));
    if (outcome.kind === 'accepted') await this.#askForNobody();
    await this.#leave();
    return outcome;
  }

  async #greet(): Promise<Step<Reply>> {
    const heard = await this.#talk.hear('banner', this.#terms.bannerMs);
    if (heard.ok) this.#banner = sayReply(heard.reply);
    return expect2xx(heard, 'the banner');
  }

  /** EHLO, and HELO for a server that knows no EHLO (RFC 5321 §3.2). */
  async #hello(): Promise<Step<Reply>> {
    const name = this.#terms.ehlo ?? literal(this.#connection.socket.localAddress);
    const heard = await this.#ask(`EHLO ${name}`);
    const refused = heard.ok && heard.reply.code >= 500 && heard.reply.code !== 554;
    return refused ? expect2xx(await this.#ask(`HELO ${name}`), 'HELO') : expect2xx(heard, 'EHLO');
  }

  /** STARTTLS and the second EHLO. A server that does not offer or refuses it is noted and spoken to in the clear. */
  async #secure(hello: Reply): Promise<Step<Reply>> {
    if (this.#starttls !== true) {
      this.#concerns.push(fault('TLS_MISSING', 'the server does not offer STARTTLS'));
      return { ok: true, value: hello };
    }
    const secured = await this.#timed('tls', () => this.#startTls());
    if (!secured.ok) return secured;
    return secured.value ? await this.#timed('ehlo', () => this.#hello()) : { ok: true, value: hello };
  }

  async #startTls(): Promise<Step<boolean>> {
    const heard = await this.#ask('STARTTLS');
    if (!heard.ok) return dead(heard.fault);
    if (heard.reply.code !== 220) {
      this.#concerns.push(fault('TLS_MISSING', `STARTTLS is offered but refused: ${sayReply(heard.reply)}`));
      return { ok: true, value: false };
    }
    // RFC 3207 §4.2: whatever comes between this 220 and TLS was put there by somebody, and must not be taken for a reply.
    if (this.#talk.spokeAhead) return dead(fault('TLS_INJECTION', 'plain text follows the reply to STARTTLS'));
    this.#talk.detach();
    const { name, reach, signal, commandMs } = this.#terms;
    const dialled = await within(signal, commandMs, (limit) =>
      upgrade(this.#connection, { name, reach, signal: limit }),
    );
    if (!dialled.ok) {
      this.#talk.note(`-- ${dialled.fault.code}: ${dialled.fault.message}`);
      return dead(dialled.fault);
    }
    this.#connection = dialled.connection;
    this.#talk.note('-- TLS');
    this.#talk.resume(dialled.connection.socket);
    this.#judgeCertificate();
    return { ok: true, value: true };
  }

  async #address(rcpt: string): Promise<Outcome> {
    const name = this.#terms.ehlo ?? literal(this.#connection.socket.localAddress);
    const sender = await this.#ask(`MAIL FROM:<${this.#terms.from ?? `postmaster@${name}`}>`);
    const refused = refusal(sender, 'sender');
    return refused ?? weigh(await this.#ask(`RCPT TO:<${rcpt}>`));
  }

  /** Who takes mail for anybody has said nothing about the support address. The answer is no part of the outcome. */
  async #askForNobody(): Promise<void> {
    const { stranger, commandMs } = this.#terms;
    if (stranger === undefined) return;
    this.#catchAll = null;
    const heard = await this.#talk.ask(`RCPT TO:<${stranger}>`, Math.min(STRANGER_MS, commandMs));
    if (!heard.ok || isAboutUs(heard.reply, 'recipient')) return;
    const { code } = heard.reply;
    if (code < 300) this.#catchAll = true;
    else if (code >= 500) this.#catchAll = false;
  }

  /** Leaves politely and does not wait for it longer than politeness asks. */
  async #leave(): Promise<void> {
    const patience = Math.min(1_000, this.#terms.commandMs);
    if (this.#terms.rcpt !== undefined && !(await this.#talk.ask('RSET', patience)).ok) return;
    await this.#talk.ask('QUIT', patience);
  }

  async #ask(line: string): Promise<Heard> {
    return await this.#talk.ask(line, this.#terms.commandMs);
  }

  async #timed<T>(phase: Phase, step: () => Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      return await step();
    } finally {
      this.#phases[phase] = (this.#phases[phase] ?? 0) + performance.now() - from;
    }
  }

  #judgeCertificate(): void {
    const why = this.#connection.certificate?.fault;
    if (why !== undefined) this.#concerns.push(why);
  }
}

function dead(why: Fault): { ok: false; outcome: Outcome } {
  return { ok: false, outcome: { kind: 'dead', fault: why } };
}

/** 2xx goes on. 4xx here means that the server takes no mail from anybody just now, 5xx that it takes none at all. */
function expect2xx(heard: Heard, what: string): Step<Reply> {
  if (!heard.ok) return dead(heard.fault);
  const { reply } = heard;
  if (reply.code >= 200 && reply.code < 300) return { ok: true, value: reply };
  if (reply.code >= 400 && reply.code < 500) return dead(fault('OVERLOAD', `${what} is ${sayReply(reply)}`));
  if (reply.code >= 500) return dead(fault('MAIL_REFUSED', `${what} is ${sayReply(reply)}`));
  return dead(fault('PROTO_REFUSED', `${what} is ${sayReply(reply)}`));
}

/** The end of the conversation if MAIL FROM was refused. */
function refusal(heard: Heard, about: 'sender' | 'recipient'): Outcome | undefined {
  if (!heard.ok) return { kind: 'dead', fault: heard.fault };
  const { reply } = heard;
  if (reply.code >= 200 && reply.code < 300) return undefined;
  if (reply.code < 400) return { kind: 'dead', fault: fault('PROTO_REFUSED', `${about}: ${sayReply(reply)}`) };
  if (isAboutUs(reply, about)) return { kind: 'distrusted', reply };
  return { kind: reply.code < 500 ? 'deferred' : 'rejected', reply };
}

function weigh(heard: Heard): Outcome {
  const ended = refusal(heard, 'recipient');
  if (ended !== undefined) return ended;
  return heard.ok ? { kind: 'accepted', reply: heard.reply } : { kind: 'dead', fault: heard.fault };
}

/** X.1.7, X.1.8: the sender's address (RFC 3463 §3.2); X.7.20 to X.7.27: our SPF, DKIM or reverse name (RFC 7372). */
const ABOUT_US = /^[45]\.(?:1\.[78]|7\.2\d)$/;
/** How Postfix and Exim word what has no enhanced code of its own. */
const SAYS_ABOUT_US = /\b(?:sender address|client host|helo command) rejected\b|\bblocked using\b/i;

/**
 * Whether a refusal speaks of our sender, name or address instead of the recipient. Postfix gives these in answer to RCPT TO
 * too, since it delays every refusal until then.
 */
export function isAboutUs(reply: Reply, about: 'sender' | 'recipient'): boolean {
  if (reply.code === 504 || ABOUT_US.test(reply.enhanced ?? '') || SAYS_ABOUT_US.test(reply.lines.join(' ')))
    return true;
  return about === 'sender' && /^5\.(?:1|7)\./.test(reply.enhanced ?? '');
}

export function offers(hello: Reply, keyword: string): boolean {
  return hello.lines.slice(1).some((line) => line.trim().toUpperCase().split(/\s/, 1)[0] === keyword);
}

/** Our address as RFC 5321 §4.1.3 writes it: the name of a host that has none. */
export function literal(address = '127.0.0.1'): string {
  const plain = address.replace(/^::ffff:/i, '').replace(/%.*$/, '');
  return plain.includes(':') ? `[IPv6:${plain}]` : `[${plain}]`;
}
