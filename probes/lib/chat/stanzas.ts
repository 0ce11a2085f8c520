/** An XMPP stream as a chat line: words go out as messages, messages come in as plain JSON, pings are answered. It judges nothing. */
import { child, escapeXml } from '../xml.ts';
import type { Element } from '../xml.ts';
import type { Event, Line } from './line.ts';
import { elementOf, FAREWELL, stanzaFault } from './xmpp.ts';

export interface Talking {
  readonly line: Line;
  /** Address of the desk: only its words count. */
  readonly to: string;
  /** XMPP does not say whether a person types; the operator may know. */
  readonly who: 'unknown' | 'bot' | 'person';
}

const FAREWELL_MS = 300;

export function stanzas({ line, to, who }: Talking): Line {
  let count = 0;
  const read = (event: Event): Event | undefined => {
    if (event.kind === 'ended') return event;
    const element = elementOf(event, to);
    if (!element.ok) return { kind: 'ended', fault: element.fault, reason: '', at: event.at };
    if (element.value.name === 'iq') answer(line, element.value);
    if (element.value.name !== 'message') return undefined;
    if (element.value.attributes['type'] === 'error')
      return { kind: 'ended', fault: stanzaFault(element.value, to), reason: '', at: event.at };
    const raw = rawOf(element.value, to, who);
    return raw === undefined ? undefined : { ...event, raw };
  };
  return {
    subprotocol: line.subprotocol,
    send(words) {
      count += 1;
      const body = `<body>${escapeXml(words)}</body>`;
      return line.send(
        `<message xmlns="jabber:client" type="chat" id="m${count}" to="${escapeXml(to)}">${body}</message>`,
      );
    },
    async next(ms) {
      const until = performance.now() + ms;
      for (;;) {
        const event = await line.next(until - performance.now());
        if (event === undefined) return undefined;
        const said = read(event);
        if (said !== undefined) return said;
      }
    },
    arrived: () => line.arrived().flatMap((event) => read(event) ?? []),
    silence: () => line.silence?.(),
    close: (code) => leave(line, code),
  };
}

/** Ends the stream, waits a moment for the other half of it, and ends the WebSocket. */
export async function leave(line: Line, code?: number): Promise<void> {
  if (line.send(FAREWELL)) {
    const until = performance.now() + FAREWELL_MS;
    for (;;) {
      const event = await line.next(until - performance.now());
      if (event === undefined || !elementOf(event, '').ok) break;
    }
  }
  await line.close(code);
}

/** RFC 6120 §8.2.3: a request must be answered; a client that is deaf to pings is thrown out (XEP-0199). */
function answer(line: Line, { attributes, children }: Element): void {
  if (attributes['type'] !== 'get' && attributes['type'] !== 'set') return;
  const isPing = children.some((each) => each.name === 'ping' && each.namespace === 'urn:xmpp:ping');
  const to = attributes['from'] === undefined ? '' : ` to="${escapeXml(attributes['from'])}"`;
  const id = escapeXml(attributes['id'] ?? '');
  const error = '<error type="cancel"><service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error>';
  line.send(
    `<iq xmlns="jabber:client" type="${isPing ? 'result' : 'error'}" id="${id}"${to}>${isPing ? '' : error}</iq>`,
  );
}

/** A message in the form in which `hear` tells who speaks; undefined when it has no words ("is typing"). */
function rawOf(message: Element, to: string, who: Talking['who']): string | undefined {
  const text = child(message, 'body')?.text;
  if (text === undefined || text === '') return undefined;
  const from = message.attributes['from'] ?? to;
  // Kept for somebody who was away (XEP-0203), or from somebody else: nobody has answered us.
  const isOld = message.children.some((each) => each.name === 'delay');
  if (isOld || bare(from) !== bare(to) || message.attributes['type'] === 'headline')
    return JSON.stringify({ type: 'system', from: { name: from }, text });
  const role = who === 'person' ? { role: 'agent' } : who === 'bot' ? { role: 'bot' } : {};
  return JSON.stringify({ type: 'message', from: { name: from, ...role }, text });
}

const bare = (jid: string): string => (jid.split('/')[0] ?? '').toLowerCase();
