/** Whether an HTTP address answers, and answers what it should. One request; it follows no script and knows no vendor. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { degraded, fault, ok } from '../src/core/fault.ts';
import type { Fault } from '../src/core/fault.ts';
import type { Fact, Finding, Instant } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import { secret } from '../src/core/secret.ts';
import { certificateDays, expiring } from './lib/certificate.ts';
import { decode } from './lib/charset.ts';
import { findingOf } from './lib/connector.ts';
import { discreet } from './lib/discretion.ts';
import {
  bodyExpectation,
  bodyFault,
  headerExpectation,
  headersFault,
  jsonExpectation,
  jsonFault,
} from './lib/expect.ts';
import { exchange } from './lib/http.ts';
import type { Exchange } from './lib/http.ts';
import { reach } from './lib/reach.ts';
import { headerName, headerValue, httpUrl } from './lib/request.ts';
import type { Reply } from './lib/request.ts';
import { transcript } from './lib/transcript.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** A status such as 204, or a class of them such as 2xx. */
const status = z.union([
  z.int().min(200).max(599),
  z.string().regex(/^[2-5]xx$/, 'write a status such as 204 or a class such as 2xx'),
]);

const schema = z
  .strictObject({
    ...reach,
    url: httpUrl().meta({ description: 'http or https address, without user name' }),
    method: z.enum(METHODS).default('GET'),
    headers: z
      .record(headerName(), z.union([secret(), headerValue()]))
      .default({})
      .meta({ description: 'headers to send; a value may be a secret by reference' }),
    body: z.string().max(65_536).optional().meta({ description: 'text to send; not with GET or HEAD' }),
    follow: z.int().min(0).max(3).default(0).meta({ description: 'redirects to follow; each hop is checked again' }),
    decompress: z.boolean().default(false).meta({ description: 'ask for gzip or deflate, and test that' }),
    resolve: z
      .string()
      .refine((text) => isIP(text) !== 0, 'write an IP address')
      .optional()
      .meta({ description: 'connect to this address instead of asking the name server' }),
    expect: z
      .strictObject({
        status: z
          .union([status, z.array(status).min(1).max(32)])
          .default('2xx')
          .transform((value) => [value].flat()),
        headers: z.record(headerName(), headerExpectation).default({}),
        body: bodyExpectation.prefault({}),
        json: z.array(jsonExpectation).max(32).default([]),
        certificate_days: certificateDays(),
      })
      .prefault({}),
  })
  .refine((settings) => settings.body === undefined || (settings.method !== 'GET' && settings.method !== 'HEAD'), {
    path: ['body'],
    error: 'a body is not sent with GET or HEAD; say method: POST',
  });

type Settings = z.output<typeof schema>;

export default defineProbe<Settings>({
  summary: 'Asks an http or https address and checks status, headers, text and JSON of the answer',
  example: {
    url: 'https://help.example.id/api/health',
    expect: { status: 200, json: [{ pointer: '/status', equals: 'ok' }] },
  },
  schema,
  phases: ['dns', 'connect', 'tls', 'first_byte', 'body'],
  host: (settings) => settings.url.hostname,
  timeoutMs: 10_000,
  look: async (settings, { signal, startedAt }) => {
    const { url, method, headers, body, follow, decompress, resolve } = settings;
    const went = await exchange({ url, method, headers, body, follow, decompress, resolve, reach: settings, signal });
    return discreet(judge(settings, went, startedAt), settings);
  },
});

function judge(settings: Settings, went: Exchange, now: Instant): Finding {
  const { phases } = went;
  const sight = { phases, facts: factsOf(went, now) };
  const why = faultIn(settings, went);
  // What broke before any status came keeps the rung that it reached; everything later was at least accepted.
  if (why !== undefined) return findingOf(why, went.rung, { ...sight, evidence: [transcript(went)] });
  const soon = expiring(went.certificate, settings.expect.certificate_days);
  return soon === undefined ? ok('answered', sight) : degraded('answered', soon, sight);
}

function faultIn(settings: Settings, went: Exchange): Fault | undefined {
  // A redirect that leads nowhere says more than its status; a cut-off 503 is first of all a 503.
  const { reply } = went;
  if (!went.ok && (reply === undefined || went.fault.code === 'REDIRECT' || went.fault.code === 'ADDR_BLOCKED'))
    return went.fault;
  const wrong = reply === undefined ? undefined : statusFault(settings, reply);
  if (wrong !== undefined) return wrong;
  return went.ok ? contentFault(settings, went.reply) : went.fault;
}

/** Under maintenance as providers say it, in the languages of the page. */
const MAINTENANCE = /maintenance|pemeliharaan|维护|維護/i;

function statusFault({ expect, headers }: Settings, reply: Reply): Fault | undefined {
  const code = reply.status;
  const fits = expect.status.some((each) => each === code || each === `${Math.floor(code / 100)}xx`);
  if (fits) return undefined;
  const says = `status ${code}, expected ${expect.status.join(', ')}`;
  if (code === 503 && MAINTENANCE.test(textOf(reply).normalize('NFKC')))
    return fault('MAINTENANCE', `${says}; the page speaks of maintenance`);
  if (code === 503 && reply.headers['retry-after'] !== undefined)
    return fault('OVERLOAD', `${says}; it asks to come back later`);
  if (code >= 500) return fault('SERVER_ERROR', says);
  if (code === 429) return fault('RATE_LIMITED', `${says}; it finds that we ask too often`);
  // Our own credentials were refused: that is for us to mend, and no customer notices.
  if (code === 401 && headers['authorization'] !== undefined)
    return fault('AUTH', `${says}; our credentials were refused`);
  if (code >= 300 && code < 400)
    return fault('REDIRECT', `${says}; it redirects to ${reply.headers['location'] ?? 'nowhere'}`);
  return fault('STATUS', says);
}

function contentFault({ expect }: Settings, reply: Reply): Fault | undefined {
  const header = headersFault(reply.headers, expect.headers);
  if (header !== undefined || !asksForText(expect)) return header;
  const text = textOf(reply);
  return bodyFault(text, expect.body, reply.truncated) ?? jsonFault(text, expect.json, reply.truncated);
}

/** Most looks ask for a status only: nothing is decoded then. */
function asksForText({ body, json }: Settings['expect']): boolean {
  return json.length > 0 || body.contains !== undefined || body.matches !== undefined || body.not_matches !== undefined;
}

const textOf = ({ body, headers, truncated }: Reply): string =>
  decode(body, headers['content-type'] ?? '', undefined, truncated).text;

function factsOf(went: Exchange, now: Instant): Record<string, Fact> {
  const { address, certificate, attempts, redirects, reply } = went;
  const facts: Record<string, Fact> = {};
  if (address !== undefined) facts['address'] = address;
  if (certificate !== undefined) facts['certificate_days'] = certificate.daysLeft;
  if (attempts.length > 0) facts['failed_addresses'] = attempts.map((each) => each.address);
  if (redirects.length > 0) facts['redirects'] = redirects;
  if (reply === undefined) return facts;
  facts['status'] = reply.status;
  facts['bytes'] = reply.bytes;
  if (reply.truncated) facts['truncated'] = true;
  const server = reply.headers['server'];
  if (server !== undefined) facts['server'] = server.slice(0, 100);
  const wait = retryAfter(reply.headers['retry-after'], now);
  if (wait !== undefined) facts['retry_after'] = wait;
  return facts;
}

/** Seconds to wait, from seconds or from a date (RFC 9110 §10.2.3). */
function retryAfter(value: string | undefined, now: Instant): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1_000));
}
