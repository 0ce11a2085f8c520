/**
 * Tells another program by an HTTP POST with a signed JSON body. It knows HTTP's verdicts, not what is worth telling.
 *
 * `Ringback-Signature: t=<unix seconds>,v1=<hex>` is the HMAC-SHA256 of `<t>.<body>` with the shared secret. A receiver
 * checks it over the raw bytes before parsing, refuses what is older than five minutes, and drops an `Idempotency-Key` that
 * it has seen (delivery is at least once):
 *
 *     const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(request.headers['ringback-signature'] ?? '') ?? [];
 *     if (t === undefined || Math.abs(Date.now() / 1000 - Number(t)) > 300) return refuse(401);
 *     const expected = createHmac('sha256', secret).update(`${t}.`).update(rawBody).digest();
 *     if (!timingSafeEqual(expected, Buffer.from(v1, 'hex'))) return refuse(401);
 */
import { createHmac } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import { Agent, request, type Dispatcher } from 'undici';
import { z } from 'zod';
import { printable } from '../core/fault.ts';
import type { ChannelMessage, Message, OwnMessage } from '../core/model.ts';
import { defineReceiver, type Delivery, type Receiver } from '../core/receiver.ts';
import { redact, Secret, secret, secretsIn } from '../core/secret.ts';
import { promisedMs } from '../core/suspension.ts';
import { authorities, reach, reachHost } from './private.ts';
import { word } from './wording.ts';

const OURS =
  /^(?:host|content-type|content-length|transfer-encoding|connection|upgrade|expect|te|trailer|idempotency-key|ringback-signature)$/i;

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, { error: 'the name of a header' })
  .refine((name) => !OURS.test(name), { error: 'this header is set by the receiver itself' });
const headerValue = z
  .string()
  .max(4_096)
  .regex(/^[\t\x20-\x7e]*$/, { error: 'one line of printable ASCII' });

const schema = z.strictObject({
  url: z
    .union([
      secret(),
      z.string().refine(isHttp, { error: 'an http:// or https:// address, or a secret that holds one' }),
    ])
    .meta({ description: 'where to POST; by reference (env:NAME) when the address itself is the secret' }),
  secret: secret().optional().meta({ description: 'signs the body: Ringback-Signature' }),
  headers: z.record(headerName, z.union([secret(), headerValue])).default({}),
  ...reach,
});

type Settings = z.output<typeof schema>;

const BODY_CAP = 64 * 1024;
/** How long the rest of an answer may take that is thrown away anyhow. */
const DRAIN_MS = 1_000;
const AGAIN: ReadonlySet<number> = new Set([408, 425, 429]);

function isHttp(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

export default defineReceiver<Settings>({
  summary: 'A signed JSON POST to an HTTP address',
  schema,
  open: (name, settings): Receiver => {
    const secrets = secretsIn(settings);
    return {
      name,
      send: async (message, signal) => {
        const delivery = await post(settings, message, signal);
        return { ...delivery, detail: redact(delivery.detail, secrets) };
      },
    };
  },
});

async function post(settings: Settings, message: Message, signal: AbortSignal): Promise<Delivery> {
  const written = settings.url instanceof Secret ? settings.url.reveal() : settings.url;
  if (!isHttp(written)) return { kind: 'rejected', detail: 'the url setting holds no http(s) address' };
  const url = new URL(written);
  const reached = await reachHost(url.hostname, settings.allow_private, signal);
  if (!reached.ok) return { kind: reached.final ? 'rejected' : 'retry', detail: reached.detail };
  const agent = await agentFor(reached, settings).catch(() => undefined);
  if (agent === undefined) return { kind: 'retry', detail: 'the ca file cannot be read' };
  try {
    const body = JSON.stringify(payload(message));
    const headers = headersFor(url, settings, message.key, body);
    const target = `${url.origin}${url.pathname}${url.search}`;
    // undici follows no redirect and decodes no body unless told to.
    const answer = await request(target, { method: 'POST', headers, body, dispatcher: agent, signal });
    const delivery = classify(url.host, answer);
    await drain(answer.body);
    return delivery;
  } catch (error) {
    if (signal.aborted) return { kind: 'retry', detail: `${url.host}: no answer within the deadline` };
    return { kind: 'retry', detail: `${url.host}: ${reasonOf(error)}` };
  } finally {
    await agent.destroy();
  }
}

/** Connects to the address that was checked, whatever the name leads to by then. */
async function agentFor(to: { readonly address: string; readonly family: 4 | 6 }, settings: Settings): Promise<Agent> {
  const pinned: LookupFunction = (_host, { all }, answer) => {
    if (all === true) answer(null, [to]);
    else answer(null, to.address, to.family);
  };
  const ca = await authorities(settings.ca);
  return new Agent({
    connect: { lookup: pinned, rejectUnauthorized: true, timeout: 5_000, ...(ca && { ca }) },
    allowH2: false,
    pipelining: 0,
    maxHeaderSize: 16 * 1024,
  });
}

function headersFor(url: URL, settings: Settings, key: string, body: string): Record<string, string> {
  const own = Object.entries(settings.headers).map(([name, value]) => [
    name,
    value instanceof Secret ? value.reveal() : value,
  ]);
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    ...(login === ':' ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
    ...(Object.fromEntries(own) as Record<string, string>),
    'content-type': 'application/json; charset=utf-8',
    'user-agent': 'Ringback',
    'idempotency-key': key,
    ...(settings.secret && { 'ringback-signature': sign(body, settings.secret, Math.floor(Date.now() / 1_000)) }),
  };
}

function sign(body: string, key: Secret, seconds: number): string {
  return `t=${seconds},v1=${createHmac('sha256', key.reveal()).update(`${seconds}.${body}`).digest('hex')}`;
}

/** The whole body. Instants are ISO 8601 in UTC; fields may be added, none changes its meaning. */
function payload(message: Message) {
  const { subject, text } = word(message);
  const { key, event, severity, timezone, told, refused } = message;
  const subjectMatter = message.own === undefined ? aboutChannel(message) : aboutUs(message);
  // Each of the others as it would have come alone.
  const others = message.own === undefined ? message.others?.map(aboutOther) : undefined;
  return { version: 1, key, event, severity, ...subjectMatter, others, timezone, told, refused, title: subject, text };
}

function aboutOther(message: ChannelMessage) {
  const { event, severity } = message;
  return { event, severity, ...aboutChannel(message) };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

/** Trouble of our own: there is no provider and no channel in it, and nothing that they are accused of. */
function aboutUs({ own, location }: OwnMessage) {
  const { id, trouble, detail, openedAt, resolvedAt } = own;
  return {
    about: 'ringback',
    location,
    incident: {
      id,
      trouble,
      because: detail,
      opened_at: iso(openedAt),
      ...(resolvedAt !== undefined && {
        resolved_at: iso(resolvedAt),
        duration_seconds: Math.max(0, Math.round((resolvedAt - openedAt) / 1_000)),
      }),
    },
  };
}

function aboutChannel(message: ChannelMessage) {
  const { incident } = message;
  return {
    about: 'channel',
    provider: { id: incident.provider, name: message.providerName },
    channel: {
      id: message.channel ?? incident.channel,
      name: message.channelName,
      kind: message.channelKind,
      contact: message.contact,
    },
    incident: {
      id: incident.id,
      impact: incident.impact,
      cause: incident.cause,
      because: incident.because,
      opened_at: iso(incident.openedAt),
      confirmed_at: iso(incident.confirmedAt),
      ...(incident.resolvedAt !== undefined && {
        resolved_at: iso(incident.resolvedAt),
        duration_seconds: Math.max(0, Math.round((incident.resolvedAt - incident.openedAt) / 1_000)),
        promised_seconds: Math.round(promisedMs(incident, incident.resolvedAt) / 1_000),
      }),
      channels: incident.channels.map(({ channel, since, resolvedAt, impact, cause }) => ({
        id: channel,
        impact,
        cause,
        since: iso(since),
        ...(resolvedAt !== undefined && { resolved_at: iso(resolvedAt) }),
      })),
      targets: incident.members.map(({ target, probe, impact, since, resolvedAt, fault }) => ({
        id: target,
        probe,
        impact,
        since: iso(since),
        ...(resolvedAt !== undefined && { resolved_at: iso(resolvedAt) }),
        fault: { code: fault.code, cause: fault.cause, message: fault.message },
      })),
    },
    runbook: message.runbook,
    url: message.url,
  };
}

/** Accepted is a 2xx status with its whole header; what stands in the body changes nothing. */
function classify(host: string, { statusCode: status, headers }: Dispatcher.ResponseData): Delivery {
  const detail = `${host}: answered ${status}`;
  if (status >= 200 && status < 300) return { kind: 'sent', detail };
  if (status >= 300 && status < 400) return { kind: 'rejected', detail: `${detail}; redirects are not followed` };
  if (status < 500 && !AGAIN.has(status)) return { kind: 'rejected', detail };
  const afterMs = retryAfter(headers['retry-after']);
  return { kind: 'retry', detail, ...(afterMs !== undefined && { afterMs }) };
}

/** RFC 9110 §10.2.3: seconds or a date. */
function retryAfter(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

/** Reads a little of the answer, so that a well-behaved server is not cut off in its sentence; then closes. */
async function drain(body: Dispatcher.ResponseData['body']): Promise<void> {
  body.on('error', () => undefined);
  const late = setTimeout(() => body.destroy(), DRAIN_MS);
  try {
    await body.dump({ limit: BODY_CAP });
  } catch {
    // The status was there; the rest is not needed.
  } finally {
    clearTimeout(late);
  }
}

/** The name of what went wrong. The message of such an error may hold the address with its secrets, so it is not told. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return printable(code).slice(0, 80);
}
