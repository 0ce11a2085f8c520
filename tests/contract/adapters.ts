/** How each probe kind is pointed at a host and a port, with a canary in every slot for a secret. A new kind adds a row. */
import type { Secret } from '../../src/core/secret.ts';

export type Transport = 'tcp' | 'tls' | 'udp';

export interface Adapter {
  readonly transports: readonly Transport[];
  /** What stands under `with`; strict enough that no misbehaving far side can meet it by chance. */
  readonly with: (port: number, transport: Transport, canary: Secret) => Record<string, unknown>;
}

const HOST = '127.0.0.1';
const near = { allow_private: true };

export const ADAPTERS: Readonly<Record<string, Adapter>> = {
  http: {
    transports: ['tcp', 'tls'],
    with: (port, transport, canary) => ({
      ...near,
      url: `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}/health`,
      headers: { authorization: canary, 'x-api-key': canary },
      expect: { body: { contains: 'support is open' } },
    }),
  },
  tcp: {
    transports: ['tcp', 'tls'],
    with: (port, transport, canary) => ({
      ...near,
      address: `${HOST}:${port}`,
      tls: transport === 'tls',
      send: canary,
      expect: '^support is open$',
    }),
  },
  'sip-options': {
    transports: ['udp', 'tcp', 'tls'],
    with: (port, transport) => ({ ...near, address: `sip:${HOST}:${port};transport=${transport}` }),
  },
  'sip-call': {
    transports: ['udp', 'tcp', 'tls'],
    with: (port, transport, canary) => {
      // A number for each far side: one number is called once at a time.
      const number = `+6221500${String(port).padStart(5, '0')}`;
      const trunk = { address: `sip:${HOST}:${port};transport=${transport}`, user: 'probe', password: canary };
      return { ...near, trunk, call: number, allow: [number], hangup: 'after_listen' };
    },
  },
  'twilio-call': {
    transports: ['tcp', 'tls'],
    with: (port, transport, canary) => {
      const number = `+6221501${String(port).padStart(5, '0')}`;
      const base = `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}/2010-04-01`;
      return {
        ...near,
        account: 'AC0',
        token: canary,
        from: '+622150849123',
        to: number,
        allow: [number],
        base_url: base,
      };
    },
  },
  smtp: {
    transports: ['tcp', 'tls'],
    with: (port, transport) => ({
      ...near,
      host: HOST,
      port,
      security: transport === 'tls' ? 'implicit' : 'starttls',
      rcpt: 'support@example.id',
      from: 'probe@example.id',
    }),
  },
  'mail-roundtrip': {
    transports: ['tcp', 'tls'],
    with: (port, transport, canary) => {
      const security = transport === 'tls' ? 'implicit' : 'none';
      const server = { host: HOST, port, security, user: 'probe@example.id', password: canary };
      return {
        ...near,
        submit: server,
        mailbox: server,
        from: 'probe@example.id',
        to: 'support@wallet.example',
        receipt: { within: '200ms', ticket: 'Ticket #([0-9]+)' },
      };
    },
  },
  'app-release': {
    transports: ['tcp', 'tls'],
    with: (port, transport) => ({
      ...near,
      app_store_id: 944875099,
      base_url: `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}/`,
    }),
  },
  'help-center': {
    transports: ['tcp', 'tls'],
    with: (port, transport) => {
      const home = `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}/`;
      const pages = [{ url: `${home}unlock`, contains: 'support is open' }];
      return { ...near, home, pages, contact_entry: { leads_to: '/contact' } };
    },
  },
  ticket: {
    transports: ['tcp', 'tls'],
    with: (port, transport, canary) => {
      const origin = `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}`;
      return {
        ...near,
        submit: { url: `${origin}/cases`, headers: { authorization: canary }, body: { text: 'test {{key}}' } },
        number: { pointer: '/number' },
        status: { url: `${origin}/{{number}}`, headers: { authorization: canary }, pointer: '/state', done: 'closed' },
        secrets: { key: canary },
      };
    },
  },
  'chat-websocket': {
    transports: ['tcp', 'tls'],
    with: (port, transport, canary) => ({
      ...near,
      url: `${transport === 'tls' ? 'wss' : 'ws'}://${HOST}:${port}/socket`,
      headers: { authorization: canary },
      steps: [{ send: 'hello' }, { expect: { matches: 'support is open' }, within: '20s' }],
    }),
  },
  'chat-xmpp': {
    transports: ['tcp', 'tls'],
    with: (port, transport, canary) => ({
      ...near,
      url: `${transport === 'tls' ? 'wss' : 'ws'}://${HOST}:${port}/xmpp`,
      domain: 'example.id',
      user: 'probe',
      password: canary,
      to: 'support@example.id',
    }),
  },
  'chat-presence': {
    transports: ['tcp', 'tls'],
    with: (port, transport, canary) => ({
      ...near,
      preset: 'chatwoot',
      url: `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}`,
      website_token: canary,
    }),
  },
  'chat-conversation': {
    transports: ['tcp', 'tls'],
    with: (port, transport, canary) => ({
      ...near,
      preset: 'rocketchat',
      url: `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}`,
      visitor: canary,
    }),
  },
  announcements: {
    transports: ['tcp', 'tls'],
    with: (port, transport) => ({
      ...near,
      url: `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}/news`,
      format: 'rss',
    }),
  },
};
