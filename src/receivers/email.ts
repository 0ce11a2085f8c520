/** Tells people by mail through an SMTP server. It knows SMTP's verdicts, not what is worth telling. */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import { printable } from '../core/fault.ts';
import type { Message } from '../core/model.ts';
import { defineReceiver, type Delivery, type Receiver } from '../core/receiver.ts';
import { redact, secret, secretsIn } from '../core/secret.ts';
import { authorities, reach, reachHost } from './private.ts';
import { word } from './wording.ts';

/**
 * One plain address: a dot-atom of RFC 5322 before the @, a host name after it. What SMTP servers have been fooled with is
 * not in the alphabet: quotes, comments, angle brackets, `%` and `!` routes, a second @, line ends, anything but ASCII.
 */
const ADDRESS =
  /^(?=.{3,254}$)(?=[^@]{1,64}@)[A-Za-z0-9_+=~&'*/^{}|?$#-]+(?:\.[A-Za-z0-9_+=~&'*/^{}|?$#-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

const address = () =>
  z.string().regex(ADDRESS, {
    error: 'one plain mail address, such as ops@example.id (an international domain in its xn-- form)',
  });

const schema = z
  .strictObject({
    to: z.array(address()).min(1).max(50).meta({ description: 'who gets the mail' }),
    from: address().meta({ description: 'the sender, such as ringback@example.id' }),
    smtp: z
      .string()
      .refine((text) => serverOf(text) !== undefined, {
        error: 'smtp://host:port (with STARTTLS) or smtps://host:port; user and password have keys of their own',
      })
      .meta({ description: 'the server to hand mail to; port 587, or 465 for smtps, when none is given' }),
    user: z.string().min(1).max(256).optional(),
    password: secret().optional(),
    tls: z.enum(['required', 'opportunistic']).optional().meta({
      description: 'required: no mail without TLS (the default with a password); opportunistic: TLS when offered',
    }),
    ...reach,
  })
  .refine((all) => (all.user === undefined) === (all.password === undefined), {
    error: 'user and password come together',
  });

type Settings = z.output<typeof schema>;

interface Server {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. */
  readonly secure: boolean;
}

function serverOf(text: string): Server | undefined {
  if (!/^smtps?:\/\/[^/?#@\s]+\/?$/.test(text) || !URL.canParse(text)) return undefined;
  const { protocol, hostname, port } = new URL(text);
  const secure = protocol === 'smtps:';
  const usual = secure ? 465 : 587;
  return hostname === '' ? undefined : { host: hostname, port: port === '' ? usual : Number(port), secure };
}

/** Each shorter than the outbox's deadline, so that the reason has a name when one of them passes. */
const TIMEOUTS = { dnsTimeout: 3_000, connectionTimeout: 5_000, greetingTimeout: 5_000, socketTimeout: 8_000 };
/** Of what the server said: for operators, in a log line. */
const SAID_CAP = 200;

export default defineReceiver<Settings>({
  summary: 'Mail through an SMTP server',
  schema,
  open: (name, settings): Receiver => {
    const secrets = secretsIn(settings);
    return {
      name,
      send: async (message, signal) => {
        const delivery = await submit(name, settings, message, signal);
        return { ...delivery, detail: redact(delivery.detail, secrets) };
      },
    };
  },
});

async function submit(name: string, settings: Settings, message: Message, signal: AbortSignal): Promise<Delivery> {
  const server = serverOf(settings.smtp);
  if (server === undefined) return { kind: 'rejected', detail: 'the smtp setting names no server' };
  const where = `${server.host}:${server.port}`;
  const reached = await reachHost(server.host, settings.allow_private, signal);
  if (!reached.ok) return { kind: reached.final ? 'rejected' : 'retry', detail: reached.detail };
  try {
    const { createTransport } = await import('nodemailer');
    const transport = createTransport({
      host: reached.address,
      port: server.port,
      secure: server.secure,
      requireTLS: isTlsRequired(settings),
      tls: {
        servername: isIP(server.host) === 0 ? server.host : '',
        rejectUnauthorized: true,
        ca: await authorities(settings.ca),
      },
      auth: settings.password && { user: settings.user, pass: settings.password.reveal() },
      disableFileAccess: true,
      disableUrlAccess: true,
      ...TIMEOUTS,
    });
    try {
      return verdict(where, await transport.sendMail({ ...compose(name, settings, message), signal }));
    } finally {
      transport.close();
    }
  } catch (error) {
    return failure(where, error, signal);
  }
}

/** A password never goes out in clear unless the operator said so. */
function isTlsRequired({ tls, password }: Settings): boolean {
  return tls === undefined ? password !== undefined : tls === 'required';
}

function compose(name: string, settings: Settings, message: Message) {
  const { subject, text, html } = word(message);
  const first = threadId(name, settings, message);
  const isFirst = message.event === 'opened';
  return {
    from: { name: 'Ringback', address: settings.from },
    to: [...settings.to],
    subject,
    text,
    html,
    messageId: isFirst ? first : idOf(message.key, settings),
    // Resolved and worsened stand under the mail that opened.
    ...(isFirst || message.event === 'test' ? {} : { inReplyTo: first, references: [first] }),
    headers: {
      'X-Ringback-Key': message.key,
      // RFC 3834: no out-of-office answers to a machine.
      'Auto-Submitted': 'auto-generated',
    },
  };
}

/** The same incident told to the same receiver always opens with the same id, so a mail sent twice is seen to be one. */
function threadId(name: string, settings: Settings, { incident, own }: Message): string {
  return idOf(`${(own ?? incident).id}\n${name}`, settings);
}

function idOf(key: string, { from }: Settings): string {
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 40);
  return `<${digest}@${from.slice(from.lastIndexOf('@') + 1)}>`;
}

function verdict(where: string, info: { accepted?: unknown[]; rejected?: unknown[]; response?: string }): Delivery {
  const accepted = info.accepted?.length ?? 0;
  const refused = info.rejected?.length ?? 0;
  if (accepted === 0) return { kind: 'retry', detail: `${where}: no recipient was accepted` };
  const said = quote(info.response);
  if (refused === 0) return { kind: 'sent', detail: `${where}: ${said}` };
  return { kind: 'sent', detail: `${where}: ${said}; ${refused} of ${accepted + refused} recipients were refused` };
}

/** Stages at which a 5xx is about this mail or this account; before them it is about the server's day. */
const FINAL_STAGES: ReadonlySet<string> = new Set(['EENVELOPE', 'EMESSAGE', 'EAUTH', 'ENOAUTH']);

function failure(where: string, error: unknown, signal: AbortSignal): Delivery {
  if (signal.aborted) return { kind: 'retry', detail: `${where}: not done within the deadline` };
  const code = field(error, 'code');
  const status = Number(field(error, 'responseCode'));
  // 503 is about the order of commands, not about this mail.
  const isFinal = FINAL_STAGES.has(code) && status >= 500 && status < 600 && status !== 503;
  if (code === 'EAUTH') {
    // What the server says to a password may repeat it.
    const detail = `${where}: the server refused user and password (${status || code})`;
    return { kind: isFinal ? 'rejected' : 'retry', detail };
  }
  const said = field(error, 'response') || (error instanceof Error ? error.message : '');
  return { kind: isFinal ? 'rejected' : 'retry', detail: `${where}: ${[code, quote(said)].filter(Boolean).join(' ')}` };
}

function field(error: unknown, name: 'code' | 'response' | 'responseCode'): string {
  if (typeof error !== 'object' || error === null) return '';
  const value: unknown = (error as Record<string, unknown>)[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function quote(said: string | undefined): string {
  return printable(said ?? '').slice(0, SAID_CAP);
}
