/** A scripted XMPP server over WebSocket that does what it is told at each step; real servers are in tests/peers. */
import type { WebSocket } from 'ws';
import { openChat } from './chat.ts';
import type { Far } from './chat.ts';

export interface Script {
  /** Answers to `<open>`: before and after the login. */
  readonly features?: string;
  readonly open?: string;
  readonly auth?: string;
  readonly bind?: string;
  /** What comes after a message of the visitor, as XML; `{id}` is the message's. */
  readonly answers?: readonly string[];
  /** As soon as the visitor has a resource. */
  readonly bound?: readonly string[];
}

export interface XmppServer extends Far {
  /** Everything that visitors sent. */
  readonly heard: readonly string[];
}

const CLIENT = 'xmlns="jabber:client"';
const OPEN = '<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" id="s1" from="guest.test" version="1.0"/>';
const MECHANISMS = '<mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>ANONYMOUS</mechanism></mechanisms>';
const BIND = '<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/>';
const features = (inner: string) =>
  `<stream:features xmlns:stream="http://etherx.jabber.org/streams">${inner}</stream:features>`;
const SUCCESS = '<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>';
const BOUND = `<iq ${CLIENT} type="result" id="bind"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><jid>v1@guest.test/r1</jid></bind></iq>`;

/** A message of the desk to the visitor. */
export const message = (body: string, more = '', from = 'desk@chat.test/web'): string =>
  `<message ${CLIENT} type="chat" from="${from}" to="v1@guest.test/r1"><body>${body}</body>${more}</message>`;

export async function openXmpp(script: Script = {}): Promise<XmppServer> {
  const heard: string[] = [];
  const talk = (guest: WebSocket) => {
    let isKnown = false;
    const say = (xml: string) => guest.send(xml);
    guest.on('message', (data) => {
      const text = (data as Buffer).toString('utf8');
      heard.push(text);
      if (text.startsWith('<open')) {
        say(script.open ?? OPEN);
        say(features(isKnown ? BIND : (script.features ?? MECHANISMS)));
      } else if (text.startsWith('<auth')) {
        isKnown = true;
        say(script.auth ?? SUCCESS);
      } else if (text.includes('xmpp-bind')) {
        say(script.bind ?? BOUND);
        script.bound?.forEach(say);
      } else if (text.startsWith('<message')) {
        const id = /id="([^"]+)"/.exec(text)?.[1] ?? '';
        for (const each of script.answers ?? []) say(each.replace('{id}', id));
      } else if (text.startsWith('<close')) say('<close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>');
    });
  };
  const far = await openChat(talk, { handleProtocols: () => 'xmpp' });
  return { ...far, heard };
}
