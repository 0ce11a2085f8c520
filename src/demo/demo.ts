/** The demo wallet: a support desk that really answers, each way in breakable from one page. It knows nothing of the monitor. */
import type { Instant } from '../core/model.ts';
import type { Panel } from '../core/panel.ts';
import { makeCertificates, type Certificates } from './certificates.ts';
import { openChatDesk } from './chat.ts';
import { openMailDesk } from './mail.ts';
import { openPanel, type Switch } from './panel.ts';
import { openPostbox, type Postbox } from './postbox.ts';
import { openSipDesk } from './sip.ts';
import { openWebDesk } from './web.ts';

/** The ports that `config/demo.yaml` names. A desk whose port is taken gets a free one. */
export const PORTS = {
  sip: 47060,
  sips: 47061,
  smtp: 47025,
  imap: 47143,
  chat: 47080,
  web: 47088,
  postbox: 47026,
} as const;
export type Ports = Readonly<Record<keyof typeof PORTS, number>>;

export interface Demo {
  /** Where each desk listens, on 127.0.0.1. */
  readonly ports: Ports;
  /** PEM of the authority that signed the desks' certificates. */
  readonly ca: string;
  readonly panel: Panel;
  /** Where the mails to the people on call arrive. */
  readonly postbox: Postbox;
  close(): Promise<void>;
}

/** How late a desk under `slow` answers: past what `config/demo.yaml` promises, and within the deadline of a look. */
const SLOW_MS = 2_500;
const HOST = '127.0.0.1';

/** Opens every desk. `now` dates the certificates. */
export async function openDemo(now: Instant): Promise<Demo> {
  const { ca, good, expired } = await makeCertificates(now);
  const tls = { tls: good, expired };
  const sip = await onPort(PORTS.sip, (udpPort) => openSipDesk({ ...tls, udpPort, tlsPort: 0, slowMs: SLOW_MS }));
  const mail = await onPort(PORTS.smtp, (smtpPort) => openMailDesk({ ...tls, smtpPort, imapPort: 0, slowMs: 600, users: { [WATCHER]: 'demo' } }));
  const chat = await onPort(PORTS.chat, (port) => openChatDesk({ port, slowMs: SLOW_MS }));
  const web = await onPort(PORTS.web, (port) => openWebDesk({ port, slowMs: SLOW_MS }));
  const postbox = await onPort(PORTS.postbox, (port) => openPostbox({ port }));
}
