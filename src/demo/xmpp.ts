/** The demo wallet's chat for merchants: a small XMPP server over WebSocket (RFC 7395) that lets visitors in without a name, and one desk on it. */
import { WebSocket } from 'ws';
import { child, escapeXml, parseXml } from '../../probes/lib/xml.ts';
import type { Element } from '../../probes/lib/xml.ts';
import { later, openParlour } from './parlour.ts';
import type { ChatDesk, ChatOptions } from './parlour.ts';
import { answerWith, CLOSED, NONSENSE, openTickets, QUEUE } from './words.ts';

/** Where visitors log in, and whom they write to. */
const GUESTS = 'guest.demo.test';
const DESK = 'merchants@chat.demo.test';

const FAULTS = [
  'none',
  'down',
  /** The agent answers late. */
  'slow',
  /** A place in the queue, and nobody. */
  'busy',
  /** The server has no room for another stream. */
  'overload',
  /** The server answers for the agent: not there. */
  'offline',
  /** Out of office. */
  'closed',
  'wrong',
  /** Messages are taken and nobody says a word. */
  'unanswered',
  /** The WebSocket opens, and no stream does. */
  'silence',
  'garbage',
  'expired',
] as const;
type Fault = (typeof FAULTS)[number];

const FRAMING = 'xmlns="urn:ietf:params:xml:ns:xmpp-framing"';
const SASL = 'xmlns="urn:ietf:params:xml:ns:xmpp-sasl"';
const BIND = 'xmlns="urn:ietf:params:xml:ns:xmpp-bind"';
const CLIENT = 'xmlns="jabber:client"';
const STREAM = 'xmlns:stream="http://etherx.jabber.org/streams"';

/** Opens the desk. Rejects when its port is taken. */
export function openXmppDesk(options: ChatOptions = {}): Promise<ChatDesk> {
  const { replyMs = 400, slowMs = 8_000 } = options;
  const ticketFor = openTickets();
  let visitors = 0;
  const receive = (guest: WebSocket, fault: () => Fault): void => {
    if (fault() === 'silence') return;
    visitors += 1;
    const visit = new Visit(guest, `v${visitors}@${GUESTS}/web`, {
      fault,
      ticketFor,
      delayMs: () => (fault() === 'slow' ? slowMs : replyMs),
    });
    guest.on('message', (data) => {
      visit.hear((data as Buffer).toString('utf8'));
    });
  };
  return openParlour({ name: 'merchant-chat', faults: FAULTS, path: '/xmpp', subprotocol: 'xmpp', receive }, options);
}

interface Manners {
  readonly fault: () => Fault;
  readonly ticketFor: () => string;
  readonly delayMs: () => number;
}

/** One visitor's stream, from `<open>` to `<close>`. */
class Visit {
  readonly #guest: WebSocket;
  readonly #jid: string;
  readonly #manners: Manners;
  #place: 'outside' | 'known' | 'bound' = 'outside';
  constructor(guest: WebSocket, jid: string, manners: Manners) {
    this.#guest = guest;
    this.#jid = jid;
    this.#manners = manners;
  }

  hear(text: string): void {
    const parsed = parseXml(text);
    if (!parsed.ok) this.#end('not-well-formed');
    else this.#take(parsed.element);
  }

  #take(element: Element): void {
    switch (element.name) {
      case 'open':
        this.#open(element);
        return;
      case 'auth':
        this.#logIn(element);
        return;
      case 'iq':
        this.#ask(element);
        return;
      case 'message':
        this.#answer(element);
        return;
      case 'presence':
        return;
      case 'close':
        this.#say(`<close ${FRAMING}/>`);
        this.#guest.close();
        return;
      default:
        this.#end('unsupported-stanza-type');
    }
  }

  /** RFC 7395 §3.4, and again after the login (RFC 6120 §6.4.6). */
  #open({ attributes }: Element): void {
    const fault = this.#manners.fault();
    if (fault === 'garbage') {
      this.#say('<open');
      return;
    }
    this.#say(`<open ${FRAMING} id="s${this.#place}" from="${GUESTS}" version="1.0" xml:lang="id"/>`);
    if (attributes['to'] !== GUESTS) this.#end('host-unknown');
    else if (fault === 'overload') this.#end('resource-constraint');
    else {
      const offer =
        this.#place === 'outside'
          ? `<mechanisms ${SASL}><mechanism>ANONYMOUS</mechanism></mechanisms>`
          : `<bind ${BIND}/>`;
      this.#say(`<stream:features ${STREAM}>${offer}</stream:features>`);
    }
  }

  /** RFC 4505: whoever comes is let in. */
  #logIn({ attributes }: Element): void {
    if (attributes['mechanism'] !== 'ANONYMOUS') {
      this.#say(`<failure ${SASL}><invalid-mechanism/></failure>`);
      return;
    }
    this.#place = 'known';
    this.#say(`<success ${SASL}/>`);
  }

  /** RFC 6120 §7 and §8.2.3: every request is answered, with an error if need be. */
  #ask(iq: Element): void {
    const { id = '', type = '' } = iq.attributes;
    if (type !== 'get' && type !== 'set') return;
    const answer = (kind: 'result' | 'error', inner: string): void => {
      this.#say(`<iq ${CLIENT} type="${kind}" id="${escapeXml(id)}">${inner}</iq>`);
    };
    if (this.#place === 'outside') this.#end('not-authorized');
    else if (child(iq, 'bind') !== undefined) {
      this.#place = 'bound';
      answer('result', `<bind ${BIND}><jid>${this.#jid}</jid></bind>`);
    } else if (child(iq, 'ping', 'urn:xmpp:ping') !== undefined) answer('result', '');
    else answer('error', errorOf('service-unavailable'));
  }

  #answer(message: Element): void {
    if (this.#place !== 'bound') {
      this.#end('not-authorized');
      return;
    }
    // "Is typing" and the like ask for nothing.
    if (child(message, 'body') === undefined || message.attributes['type'] === 'error') return;
    const { to = '', id = '' } = message.attributes;
    const fault = this.#manners.fault();
    const why = to.split('/')[0] === DESK ? undefined : 'item-not-found';
    if (why !== undefined || fault === 'offline') {
      const error = errorOf(why ?? 'recipient-unavailable');
      this.#say(
        `<message ${CLIENT} type="error" from="${escapeXml(to)}" to="${this.#jid}" id="${escapeXml(id)}">${error}</message>`,
      );
    } else this.#speak(fault);
  }

  #speak(fault: Fault): void {
    if (fault === 'unanswered') return;
    if (fault === 'busy') this.#write(QUEUE);
    else if (fault === 'closed') this.#write(CLOSED);
    else if (fault === 'wrong') this.#write(NONSENSE);
    else {
      const { ticketFor, delayMs } = this.#manners;
      // XEP-0085: words without a body are no words.
      this.#send('<composing xmlns="http://jabber.org/protocol/chatstates"/>');
      later(this.#guest, delayMs(), () => {
        this.#write(answerWith(ticketFor()));
      });
    }
  }

  #write(words: string): void {
    this.#send(`<body>${escapeXml(words)}</body>`);
  }

  #send(inner: string): void {
    this.#say(`<message ${CLIENT} type="chat" from="${DESK}/sari" to="${this.#jid}">${inner}</message>`);
  }

  /** A stream error ends the stream (RFC 6120 §4.9). */
  #end(condition: string): void {
    this.#say(`<stream:error ${STREAM}><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>`);
    this.#say(`<close ${FRAMING}/>`);
    this.#guest.close();
  }

  #say(xml: string): void {
    if (this.#guest.readyState === WebSocket.OPEN) this.#guest.send(xml);
  }
}

const errorOf = (condition: string): string =>
  `<error type="cancel"><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error>`;
