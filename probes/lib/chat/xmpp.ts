/** A visitor's way into XMPP over one WebSocket (RFC 7395): stream, login, resource. It holds no conversation. */
import { fault } from '../../../src/core/fault.ts';
import type { Fault, FaultCode } from '../../../src/core/fault.ts';
import type { Secret } from '../../../src/core/secret.ts';
import { child, escapeXml, parseXml } from '../xml.ts';
import type { Element } from '../xml.ts';
import type { Event, Line } from './line.ts';

const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';
const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const BIND = 'urn:ietf:params:xml:ns:xmpp-bind';
const SESSION = 'urn:ietf:params:xml:ns:xmpp-session';
const STREAM = 'http://etherx.jabber.org/streams';

/** Leaves the stream, before the WebSocket itself is closed (RFC 7395 §3.6). */
export const FAREWELL = `<close xmlns="${FRAMING}"/>`;

export interface Login {
  readonly user: string;
  readonly password: Secret;
}

export interface Joining {
  readonly line: Line;
  readonly domain: string;
  /** Absent: as an anonymous visitor (RFC 4505), as chat widgets do. */
  readonly login: Login | undefined;
  /** By the monotonic clock. */
  readonly endsAt: number;
}

export type Joined = {
  /** Milliseconds of `open`, `auth` and `bind`, as far as it got. */
  readonly phases: Readonly<Record<string, number>>;
} & (
  | { readonly ok: true; readonly jid: string }
  /** `heard`: the last thing the server said. */
  | { readonly ok: false; readonly fault: Fault; readonly heard: string }
);

type Step<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly fault: Fault };
const refused = (why: Fault): Step<never> => ({ ok: false, fault: why });

/** Gets a resource of our own on the server. Never throws; the line stays open either way. */
export async function join(joining: Joining): Promise<Joined> {
  const talk = new Talk(joining);
  const phases: Record<string, number> = {};
  const timed = async <Value>(name: string, step: () => Promise<Step<Value>>): Promise<Step<Value>> => {
    const began = performance.now();
    const done = await step();
    phases[name] = performance.now() - began;
    return done;
  };
  const opened = await timed('open', () => talk.openStream());
  if (!opened.ok) return { ok: false, phases, fault: opened.fault, heard: talk.heard };
  const authenticated = await timed('auth', () => talk.logIn(opened.value));
  if (!authenticated.ok) return { ok: false, phases, fault: authenticated.fault, heard: talk.heard };
  const bound = await timed('bind', () => talk.bind(authenticated.value));
  if (!bound.ok) return { ok: false, phases, fault: bound.fault, heard: talk.heard };
  return { ok: true, phases, jid: bound.value };
}

/** Asks and hears answers, one element at a time. */
class Talk {
  heard = '';
  readonly #line: Line;
  readonly #domain: string;
  readonly #login: Login | undefined;
  readonly #endsAt: number;
  constructor({ line, domain, login, endsAt }: Joining) {
    this.#line = line;
    this.#domain = domain;
    this.#login = login;
    this.#endsAt = endsAt;
  }

  /** A stream, and what the server offers on it. */
  async openStream(): Promise<Step<Element>> {
    this.#line.send(`<open xmlns="${FRAMING}" to="${escapeXml(this.#domain)}" version="1.0" xml:lang="en"/>`);
    const opened = await this.#next('open');
    return opened.ok ? await this.#next('features') : opened;
  }

  async logIn(features: Element): Promise<Step<Element>> {
    const mechanism = this.#login === undefined ? 'ANONYMOUS' : 'PLAIN';
    const offered = (child(features, 'mechanisms', SASL)?.children ?? []).map((each) => each.text.slice(0, 40));
    if (!offered.includes(mechanism)) {
      const says = `${this.#domain} offers no login by ${mechanism}, only ${offered.slice(0, 8).join(', ') || 'none'}`;
      return refused(fault(this.#login === undefined ? 'REJECTED' : 'AUTH', says));
    }
    this.#line.send(`<auth xmlns="${SASL}" mechanism="${mechanism}">${this.#response()}</auth>`);
    const answer = await this.#next('success', 'failure');
    if (!answer.ok) return answer;
    if (answer.value.name === 'failure') return refused(this.#failure(answer.value));
    // RFC 7395 §3.4.1: the stream begins anew after the login.
    return await this.openStream();
  }

  /** RFC 4616; the equals sign is how an empty response is written (RFC 6120 §6.4.2). */
  #response(): string {
    if (this.#login === undefined) return '=';
    return Buffer.from(`\0${this.#login.user}\0${this.#login.password.reveal()}`, 'utf8').toString('base64');
  }

  #failure(failure: Element): Fault {
    const { name, says } = conditionOf(failure);
    if (name === 'temporary-auth-failure') return fault('SERVER_ERROR', `${this.#domain} cannot log anybody in${says}`);
    return fault(
      this.#login === undefined ? 'REJECTED' : 'AUTH',
      `${this.#domain} refuses the ${this.#login === undefined ? 'anonymous visitor' : 'account'}: ${name}${says}`,
    );
  }

  async bind(features: Element): Promise<Step<string>> {
    const bound = await this.#ask('bind', `<bind xmlns="${BIND}"/>`);
    if (!bound.ok) return bound;
    const jid = child(child(bound.value, 'bind', BIND) ?? bound.value, 'jid')?.text ?? '';
    if (jid === '') return refused(fault('PROTO_GARBAGE', `${this.#domain} gave us no address of our own`));
    // RFC 6121 made the session optional; older servers insist.
    const session = child(features, 'session', SESSION);
    if (session !== undefined && child(session, 'optional') === undefined) {
      const begun = await this.#ask('session', `<session xmlns="${SESSION}"/>`);
      if (!begun.ok) return begun;
    }
    return { ok: true, value: jid.slice(0, 3_071) };
  }

  async #ask(id: string, what: string): Promise<Step<Element>> {
    this.#line.send(`<iq xmlns="jabber:client" type="set" id="${id}">${what}</iq>`);
    for (;;) {
      const answer = await this.#next();
      if (!answer.ok) return answer;
      const { name, attributes } = answer.value;
      if (name !== 'iq' || attributes['id'] !== id) continue;
      if (attributes['type'] === 'result') return answer;
      return refused(stanzaFault(answer.value, this.#domain));
    }
  }

  /** A server may echo how we logged in, and in that form nobody else would know the password again. */
  #discreet(event: Event | undefined): Event | undefined {
    if (event?.kind !== 'message' || this.#login === undefined) return event;
    return { ...event, raw: event.raw.replaceAll(this.#response(), '[redacted]') };
  }

  /** The next element; of one of these names, when names are given. */
  async #next(...names: readonly string[]): Promise<Step<Element>> {
    const event = this.#discreet(await this.#line.next(this.#endsAt - performance.now()));
    if (event === undefined) {
      const wanted = names.length === 0 ? '' : ` (waiting for <${names.join('> or <')}>)`;
      return refused(fault('DEADLINE', `${this.#domain} did not go on with the login in time${wanted}`));
    }
    const read = elementOf(event, this.#domain);
    if (event.kind === 'message') this.heard = event.raw;
    if (!read.ok || names.length === 0 || names.includes(read.value.name)) return read;
    return refused(
      fault('PROTO_GARBAGE', `${this.#domain} said <${read.value.name}> where <${names[0] ?? ''}> was due`),
    );
  }
}

/** The element that an event brings; an end of the stream, said in whatever way, is a fault. */
export function elementOf(event: Event, where: string): Step<Element> {
  if (event.kind === 'ended') return refused(event.fault);
  if (event.binary) return refused(fault('PROTO_GARBAGE', `${where} sent a binary message: XMPP is text`));
  const parsed = parseXml(event.raw);
  if (!parsed.ok) return parsed;
  const { element } = parsed;
  if (element.name === 'close' && element.namespace === FRAMING) return refused(closeFault(element, where));
  if (element.name === 'error' && element.namespace === STREAM) return refused(streamFault(element, where));
  return { ok: true, value: element };
}

function closeFault(close: Element, where: string): Fault {
  const elsewhere = close.attributes['see-other-uri'];
  if (elsewhere === undefined) return fault('PROTO_CLOSED', `${where} closed the stream`);
  // Origin and path only: a query may carry a token.
  const url = URL.parse(elsewhere);
  const to = url === null ? 'nowhere' : `${url.protocol}//${url.host}${url.pathname}`;
  return fault('REDIRECT', `${where} sends us to ${to.slice(0, 200)} (see-other-uri)`);
}

/** What a stream error means for a customer (RFC 6120 §4.9.3); any other one is a refusal of the protocol. */
const STREAM_FAULTS: Readonly<Record<string, FaultCode>> = {
  'see-other-host': 'REDIRECT',
  'host-unknown': 'NOT_IN_SERVICE',
  'host-gone': 'NOT_IN_SERVICE',
  'resource-constraint': 'OVERLOAD',
  'internal-server-error': 'SERVER_ERROR',
  'undefined-condition': 'SERVER_ERROR',
  'remote-connection-failed': 'SERVER_ERROR',
  'system-shutdown': 'SERVER_ERROR',
  reset: 'SERVER_ERROR',
  'not-authorized': 'REJECTED',
  'policy-violation': 'REJECTED',
  conflict: 'REJECTED',
  'connection-timeout': 'DEADLINE',
};

function streamFault(error: Element, where: string): Fault {
  const { name, says } = conditionOf(error);
  const elsewhere = name === 'see-other-host' ? ` (${(child(error, name)?.text ?? '').slice(0, 200)})` : '';
  return fault(STREAM_FAULTS[name] ?? 'PROTO_REFUSED', `${where} ended the stream: ${name}${says}${elsewhere}`);
}

/** The same for the error of a stanza (RFC 6120 §8.3.3). */
const STANZA_FAULTS: Readonly<Record<string, FaultCode>> = {
  'service-unavailable': 'UNAVAILABLE',
  'recipient-unavailable': 'UNAVAILABLE',
  'item-not-found': 'NOT_IN_SERVICE',
  gone: 'NOT_IN_SERVICE',
  'jid-malformed': 'NOT_IN_SERVICE',
  'remote-server-not-found': 'NOT_IN_SERVICE',
  'resource-constraint': 'OVERLOAD',
  'remote-server-timeout': 'SERVER_ERROR',
  'internal-server-error': 'SERVER_ERROR',
  forbidden: 'REJECTED',
  'not-allowed': 'REJECTED',
  'not-authorized': 'REJECTED',
  'not-acceptable': 'REJECTED',
  'policy-violation': 'REJECTED',
  'registration-required': 'REJECTED',
  'subscription-required': 'REJECTED',
};

/** The fault in an `<iq type="error">` or `<message type="error">`. */
export function stanzaFault(stanza: Element, where: string): Fault {
  const error = child(stanza, 'error');
  const { name, says } = error === undefined ? { name: 'no reason', says: '' } : conditionOf(error);
  return fault(STANZA_FAULTS[name] ?? 'PROTO_REFUSED', `${where} answers with an error: ${name}${says}`);
}

/** The condition's name, and the server's own words for it. */
function conditionOf(of: Element): { readonly name: string; readonly says: string } {
  const name = of.children.find((each) => each.name !== 'text')?.name ?? 'no reason';
  const text = child(of, 'text')?.text.trim().slice(0, 200) ?? '';
  return { name, says: text === '' ? '' : ` ("${text}")` };
}
