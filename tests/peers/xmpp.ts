/** A real XMPP server (Prosody) with a guest domain, and an agent who answers on it, on free ports. It asserts nothing. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join as path } from 'node:path';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import { makeCertificates } from './certificates.ts';
import { accepts, freePort, start } from './daemon.ts';
import type { Daemon } from './daemon.ts';

const run = promisify(execFile);

export interface ChatServer {
  readonly daemon: Daemon;
  /** Plain and TLS. */
  readonly url: string;
  readonly secureUrl: string;
  readonly ca: string;
}

export const AGENT = { user: 'agent', domain: 'chat.helpdesk.test', password: 'agentpass' };

const settings = (folder: string, ports: { http: number; https: number }, tls: Tls): string => `
data_path = "${folder}/data"
pidfile = "${folder}/prosody.pid"
run_as_root = true
log = { info = "*console" }
interfaces = { "127.0.0.1" }
c2s_ports = { }
http_interfaces = { "127.0.0.1" }
https_interfaces = { "127.0.0.1" }
http_ports = { ${ports.http} }
https_ports = { ${ports.https} }
https_certificate = "${tls.certificate}"
https_ssl = { key = "${tls.key}", certificate = "${tls.certificate}" }
http_default_host = "chat.helpdesk.test"
consider_websocket_secure = true
modules_enabled = { "saslauth", "disco", "ping", "websocket", "roster" }
modules_disabled = { "s2s", "tls" }
VirtualHost "chat.helpdesk.test"
  authentication = "internal_hashed"
VirtualHost "guest.helpdesk.test"
  authentication = "anonymous"
`;

interface Tls {
  readonly certificate: string;
  readonly key: string;
}

export async function startChatServer(folder: string): Promise<ChatServer> {
  const { ca, good } = await makeCertificates(folder, ['DNS:chat.helpdesk.test', 'IP:127.0.0.1']);
  const ports = { http: await freePort(), https: await freePort() };
  for (const each of ['data', 'certs']) await mkdir(path(folder, each));
  const file = path(folder, 'prosody.cfg.lua');
  await writeFile(file, settings(folder, ports, good));
  await run('prosodyctl', ['--config', file, 'register', AGENT.user, AGENT.domain, AGENT.password]);
  const daemon = await start({
    program: 'prosody',
    args: ['--config', file, '-F'],
    folder,
    ready: async () => (await accepts(ports.http)) && (await accepts(ports.https)),
  });
  return {
    daemon,
    url: `ws://127.0.0.1:${ports.http}/xmpp-websocket`,
    secureUrl: `wss://127.0.0.1:${ports.https}/xmpp-websocket`,
    ca,
  };
}

export interface Agent {
  /** What was said to the agent. */
  readonly heard: readonly string[];
  leave(): void;
}

/** Logs in and answers each message after a while; `answer` may decline. Its own few lines of XMPP, none of the probe's. */
export async function seatAgent(
  url: string,
  answer: (body: string) => string | undefined,
  afterMs: number,
): Promise<Agent> {
  const heard: string[] = [];
  const socket = new WebSocket(url, ['xmpp']);
  socket.on('error', () => undefined);
  const hello = `<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="${AGENT.domain}" version="1.0"/>`;
  const plain = Buffer.from(`\0${AGENT.user}\0${AGENT.password}`).toString('base64');
  await new Promise<void>((seated, fail) => {
    socket.once('close', () => fail(new Error('the agent was turned away')));
    socket.on('open', () => socket.send(hello));
    socket.on('message', (data) => {
      const text = (data as Buffer).toString('utf8');
      if (text.includes('<mechanism>PLAIN<'))
        socket.send(`<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">${plain}</auth>`);
      else if (text.startsWith('<success')) socket.send(hello);
      else if (text.includes('xmpp-bind') && text.includes('features'))
        socket.send(
          '<iq xmlns="jabber:client" type="set" id="b"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>',
        );
      else if (text.startsWith('<iq') && text.includes('<jid>')) {
        socket.send('<presence xmlns="jabber:client"/>');
        seated();
      } else if (text.startsWith('<message')) {
        const from = /from='([^']+)'/.exec(text)?.[1] ?? /from="([^"]+)"/.exec(text)?.[1] ?? '';
        const body = /<body>([^<]*)<\/body>/.exec(text)?.[1];
        if (body === undefined) return;
        heard.push(body);
        const words = answer(body);
        const state = '<composing xmlns="http://jabber.org/protocol/chatstates"/>';
        socket.send(`<message xmlns="jabber:client" type="chat" to="${from}">${state}</message>`);
        if (words !== undefined)
          setTimeout(
            () =>
              socket.send(`<message xmlns="jabber:client" type="chat" to="${from}"><body>${words}</body></message>`),
            afterMs,
          );
      }
    });
  });
  return { heard, leave: () => socket.close() };
}
