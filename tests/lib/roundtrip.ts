/** A desk for `mail-roundtrip` on loopback: a server that takes our mail and a scripted mailbox where the answer may come. */
import type { Finding } from '../../src/core/model.ts';
import type { ProbeContext } from '../../src/core/probe.ts';
import { Secret } from '../../src/core/secret.ts';
import kind from '../../probes/mail-roundtrip.ts';
import { lookWith } from '../peers/look.ts';
import { openScriptedImap } from './imap.ts';
import type { ScriptedImap, Wish } from './imap.ts';
import { openSubmission } from './submission.ts';
import type { Submission, Taken } from './submission.ts';

export const PASSWORD = 'mailbox-secret';
export const FROM = 'probe@monitor.test';
export const TO = 'support@wallet.example';

export interface Scene {
  readonly imap: ScriptedImap;
  readonly smtp: Submission;
  /** Looks once; with a memory in `context`, as one look of many. */
  look(more?: Record<string, unknown>, timeoutMs?: number, context?: Partial<ProbeContext>): Promise<Finding>;
  close(): Promise<void>;
}

export async function openScene(wish: Wish, onMail: (mail: Taken, imap: ScriptedImap) => void): Promise<Scene> {
  const imap = await openScriptedImap(wish);
  const smtp = await openSubmission({ onMail: (mail) => onMail(mail, imap) });
  const settings = {
    submit: { host: '127.0.0.1', port: smtp.port, security: 'none' },
    from: FROM,
    to: TO,
    mailbox: {
      host: '127.0.0.1',
      port: imap.port,
      security: 'none',
      user: FROM,
      password: new Secret(PASSWORD, 'env:X'),
    },
    receipt: { within: '1500ms' },
  };
  return {
    imap,
    smtp,
    look: (more = {}, timeoutMs = 4_000, context = {}) => lookWith(kind, { ...settings, ...more }, timeoutMs, context),
    close: async () => {
      await Promise.all([imap.close(), smtp.close()]);
    },
  };
}

/** An automatic answer of the desk. */
export const receipt = ({ token, from }: Taken, more = '', text = 'Ticket #1'): string =>
  `From: <${TO}>\r\nTo: <${from}>\r\nSubject: Re: [rb-${token}]\r\nAuto-Submitted: auto-replied\r\n${more}\r\n${text}\r\n`;
