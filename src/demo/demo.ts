/** The demo wallet: a support desk that really answers, each way in breakable from one page. It knows nothing of the monitor. */
import type { Instant } from '../core/model.ts';
import type { Panel } from '../core/panel.ts';
import { makeCertificates } from './certificates.ts';
import { openChatDesk } from './chat.ts';
import { openHooks, type Hooks } from './hooks.ts';
import { openMailDesk, type MailFault } from './mail.ts';
import { openMessenger } from './messenger.ts';
import { openPanel, type Switch } from './panel.ts';
import { openPostbox, type Postbox } from './postbox.ts';
import { openSipDesk } from './sip.ts';
import { openWebDesk } from './web.ts';
import { openXmppDesk } from './xmpp.ts';

/** The ports that `config/demo.yaml` names. When one of them is taken, that desk gets a free one. */
export const PORTS = {
  sip: 47060,
  sips: 47061,
  trunk: 47062,
  smtp: 47025,
  imap: 47143,
  chat: 47080,
  help: 47081,
  announcements: 47082,
  xmpp: 47083,
  messenger: 47084,
  postbox: 47026,
  hooks: 47027,
} as const;
export type DeskPort = keyof typeof PORTS;
export type Ports = Readonly<Record<DeskPort, number>>;

export interface Demo {
  /** Where each desk listens, on 127.0.0.1. */
  readonly ports: Ports;
  /** PEM of the authority that signed the desks' certificates. */
  readonly ca: string;
  /** Of the watcher's own mailbox at the support desk. */
  readonly password: string;
  readonly switches: readonly Switch[];
  /** The page with all switches and the mailbox of the people on call. */
  readonly panel: Panel;
  /** Where the mails to the people on call arrive. */
  readonly postbox: Postbox;
  /** Where webhooks to them arrive. */
  readonly hooks: Hooks;
  close(): Promise<void>;
}

export interface DemoOptions {
  /** Dates the certificates. */
  readonly now: Instant;
  /** Ports to ask for; default `PORTS`. 0 picks a free one. */
  readonly ports?: Ports;
}

/** How late a desk under `slow` answers: past what `config/demo.yaml` promises, and within the deadline of a look. */
const SLOW_MS = 2_500;
/** Web servers answer several times in one look, up to five, and so do mail servers: three. */
const SLOW_WEB_MS = 2_200;
const SLOW_MAIL_MS = 900;
/** Of the watcher's own mailbox at the support desk, where receipts arrive. */
const PASSWORD = 'watcher';
const WATCHER = { 'watcher@demo.test': PASSWORD };

/** Opens every desk. */
export async function openDemo({ now, ports = PORTS }: DemoOptions): Promise<Demo> {
  const { ca, good, expired } = await makeCertificates(now);
  const tls = { tls: good, expired };
  const sip = await orFree([ports.sip, ports.sips, ports.trunk], ([udpPort = 0, tlsPort = 0, trunkPort = 0]) =>
    openSipDesk({ ...tls, udpPort, tlsPort, trunkPort, slowMs: SLOW_MS }),
  );
  const mail = await orFree([ports.smtp, ports.imap], ([smtpPort = 0, imapPort = 0]) =>
    openMailDesk({
      ...tls,
      smtpPort,
      imapPort,
      slowMs: SLOW_MAIL_MS,
      support: 'help@demo.test',
      users: WATCHER,
    }),
  );
  const chat = await orFree([ports.chat], ([port = 0]) => openChatDesk({ ...tls, port, slowMs: SLOW_MS }));
  const xmpp = await orFree([ports.xmpp], ([port = 0]) => openXmppDesk({ ...tls, port, slowMs: SLOW_MS }));
  const messenger = await orFree([ports.messenger], ([port = 0]) => openMessenger({ ...tls, port, slowMs: SLOW_MS }));
  const web = await orFree([ports.help, ports.announcements], ([help = 0, announcements = 0]) =>
    openWebDesk({
      help: { ...tls, port: help },
      announcements: { port: announcements },
      slowMs: SLOW_WEB_MS,
    }),
  );
  const postbox = await orFree([ports.postbox], ([port = 0]) => openPostbox({ port }));
  const hooks = await orFree([ports.hooks], ([port = 0]) => openHooks(port));
  const switches = [
    switchOf('phone', 'Hotline (SIP)', sip, `sip:127.0.0.1:${sip.address.udpPort}`),
    switchOf('chat', 'Live chat (WebSocket)', chat, chat.address.url),
    switchOf('app-chat', 'Chat in the app (Rocket.Chat)', messenger, messenger.url),
    switchOf('merchant-chat', 'Merchant chat (XMPP)', xmpp, xmpp.address.url),
    switchOf(
      'email',
      'E-mail (SMTP)',
      { faults: mail.faults, set: (fault) => mail.set(fault as MailFault) },
      `smtp://127.0.0.1:${mail.smtp.port}`,
    ),
    switchOf('help', 'App help (HTTP)', web.help, web.help.url),
    switchOf('announcements', 'Announcements (HTTP)', web.announcements, web.announcements.url),
  ];
  return {
    ca,
    password: PASSWORD,
    postbox,
    hooks,
    switches,
    panel: openPanel('/demo', switches, { mails: () => postbox.mails, hooks: () => hooks.hooks }),
    ports: {
      sip: sip.address.udpPort,
      sips: sip.address.tlsPort,
      trunk: sip.trunkPort,
      smtp: mail.smtp.port,
      imap: mail.imap.port,
      chat: chat.address.port,
      help: web.help.port,
      announcements: web.announcements.port,
      xmpp: xmpp.address.port,
      messenger: messenger.port,
      postbox: postbox.port,
      hooks: hooks.port,
    },
    close: async () => {
      const desks = [sip, mail, chat, xmpp, messenger, web, postbox, hooks];
      await Promise.all(desks.map((each) => each.close()));
    },
  };
}

/** Opens on the ports asked for or, when one of them is taken, on free ones. */
async function orFree<Desk>(
  ports: readonly number[],
  open: (ports: readonly number[]) => Promise<Desk>,
): Promise<Desk> {
  try {
    return await open(ports);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return await open(ports.map(() => 0));
  }
}

interface Breakable {
  readonly faults: readonly string[];
  set(fault: string): Promise<void>;
}

function switchOf(id: string, title: string, desk: Breakable, where: string): Switch {
  let now = 'none';
  return {
    id,
    title,
    where,
    faults: desk.faults,
    fault: () => now,
    set: async (fault) => {
      await desk.set(fault);
      now = fault;
    },
  };
}
