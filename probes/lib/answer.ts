/** What one HTTP answer is worth: status, headers, text, JSON and language against what was expected. It asks nobody. */
import { z } from 'zod';
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import type { Fact, Instant, Language } from '../../src/core/model.ts';
import { certificateDays } from './certificate.ts';
import { decode } from './charset.ts';
import { bodyExpectation, bodyFault, headerExpectation, headersFault, jsonExpectation, jsonFault } from './expect.ts';
import { guiseOf, guiseOfWrong, isWall } from './guise.ts';
import type { Exchange } from './http.ts';
import { languageFault, languageOf, languages } from './language.ts';
import { headerName } from './request.ts';
import type { Reply } from './request.ts';
import { visibleText } from './visible.ts';

/** A status such as 204, or a class of them such as 2xx. */
const status = z.union([
  z.int().min(200).max(599),
  z.string().regex(/^[2-5]xx$/, 'write a status such as 204 or a class such as 2xx'),
]);

/** Schema of `expect`. */
export const answerExpectation = z.strictObject({
  status: z
    .union([status, z.array(status).min(1).max(32)])
    .default('2xx')
    .transform((value) => [value].flat()),
  headers: z.record(headerName(), headerExpectation).default({}),
  body: bodyExpectation.prefault({}),
  json: z.array(jsonExpectation).max(32).default([]),
  language: languages().optional(),
  certificate_days: certificateDays(),
});
export type AnswerExpectation = z.output<typeof answerExpectation>;

/** What is expected where nothing is said. */
export const USUAL: AnswerExpectation = answerExpectation.parse({});

/**
 * What is wrong with an answer, if anything; its language last. `refusals`: statuses by which our own credentials are refused.
 * `promise`: languages that a page must be in where `expect` names none; what is written for programs has none.
 */
export async function answerFault(
  went: Exchange,
  expect: AnswerExpectation,
  refusals: readonly number[],
  signal: AbortSignal,
  promise: readonly Language[] = [],
): Promise<Fault | undefined> {
  // A redirect that leads nowhere says more than its status; a cut-off 503 is first of all a 503.
  const { reply } = went;
  if (!went.ok && (reply === undefined || went.fault.code === 'REDIRECT' || went.fault.code === 'ADDR_BLOCKED'))
    return went.fault;
  const wrong = reply === undefined ? undefined : statusFault(reply, expect.status, { refusals });
  if (wrong !== undefined) return wrong;
  if (!went.ok) return went.fault;
  const content = guiseFault(went, expect, contentFault(went.reply, expect));
  const wanted = expect.language ?? (isPage(went.reply) ? promise : []);
  if (content !== undefined || wanted.length === 0) return content;
  const visible = await visibleText(replyText(went.reply), signal);
  return typeof visible === 'string' ? languageFault(languageOf(visible), wanted) : visible;
}

/** Under maintenance as providers say it, in the languages of the page. */
const MAINTENANCE = /maintenance|pemeliharaan|perawatan sistem|维护|維護/i;

/**
 * What is wrong with a status: the one rule for every kind that speaks HTTP. `refusals`: statuses by which our own credentials
 * are refused. `charset`: of a page that does not say.
 */
export function statusFault(
  reply: Reply,
  expected: AnswerExpectation['status'],
  { refusals = [], charset }: { readonly refusals?: readonly number[]; readonly charset?: string } = {},
): Fault | undefined {
  const code = reply.status;
  const fits = expected.some((each) => each === code || each === `${Math.floor(code / 100)}xx`);
  if (fits) return undefined;
  const says = `status ${code}, expected ${expected.join(', ')}`;
  if ((code === 403 || code === 429 || code === 503) && isWall(replyText(reply, charset)))
    return fault('CANNOT_JUDGE', `${says}; a wall against robots`);
  // RFC 6585 §4: it is we who ask too often, and that says nothing about what others get.
  if (code === 429) return fault('RATE_LIMITED', `${says}; it finds that we ask too often`);
  if (code === 503) return unavailableFault(reply, says, charset);
  if (code >= 500) return fault('SERVER_ERROR', says);
  // Our own credentials were refused: that is for us to mend, and no customer notices.
  if (refusals.includes(code)) return fault('AUTH', `${says}; our credentials were refused`);
  if (code >= 300 && code < 400)
    return fault('REDIRECT', `${says}; it redirects to ${reply.headers['location'] ?? 'nowhere'}`);
  return fault('STATUS', says);
}

function unavailableFault(reply: Reply, says: string, charset: string | undefined): Fault {
  if (MAINTENANCE.test(replyText(reply, charset).normalize('NFKC')))
    return fault('MAINTENANCE', `${says}; the page speaks of maintenance`);
  if (reply.headers['retry-after'] !== undefined) return fault('OVERLOAD', `${says}; it asks to come back later`);
  return fault('SERVER_ERROR', says);
}

type Answered = Extract<Exchange, { readonly ok: true }>;

/** A page that is another one than was asked for explains why it does not say what it should. Where nothing is expected of it, too. */
function guiseFault(went: Answered, expect: AnswerExpectation, wrong: Fault | undefined): Fault | undefined {
  const { reply, ask } = went;
  if (!isPage(reply) || (wrong === undefined && asksForText(expect))) return wrong;
  const journey = { asked: ask.asked ?? ask.url, reached: ask.url };
  const guise = wrong === undefined ? guiseOf(replyText(reply), journey) : guiseOfWrong(replyText(reply), journey);
  if (guise === undefined || wrong === undefined) return guise ?? wrong;
  return fault(guise.code, `${wrong.message}; ${guise.message}`, guise);
}

/** With a good status and in HTML. What has no text is no page. */
const isPage = ({ status: code, body, headers }: Reply): boolean =>
  code < 300 && body.length > 0 && /^[^;]{0,40}html/i.test(headers['content-type'] ?? 'text/html');

function contentFault(reply: Reply, expect: AnswerExpectation): Fault | undefined {
  const header = headersFault(reply.headers, expect.headers);
  if (header !== undefined || !asksForText(expect)) return header;
  const text = replyText(reply);
  return bodyFault(text, expect.body, reply.truncated) ?? jsonFault(text, expect.json, reply.truncated);
}

/** Most looks ask for a status only: nothing is decoded then. */
function asksForText({ body, json }: AnswerExpectation): boolean {
  return json.length > 0 || body.contains !== undefined || body.matches !== undefined || body.not_matches !== undefined;
}

/** The body as text, whatever its label says. */
export const replyText = ({ body, headers, truncated }: Reply, charset?: string): string =>
  decode(body, headers['content-type'] ?? '', charset, truncated).text;

/** What can be told of an exchange in figures, however far it got. */
export function answerFacts(went: Exchange, now: Instant): Record<string, Fact> {
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
  return { ...facts, ...waitFacts(reply, now) };
}

/** When it asks to be asked again; the runner waits for it. */
export function waitFacts(reply: Reply | undefined, now: Instant): { readonly retry_after?: number } {
  const wait = retryAfter(reply?.headers['retry-after'], now);
  return wait === undefined ? {} : { retry_after: wait };
}

/** Seconds to wait, from seconds or from a date (RFC 9110 §10.2.3). */
function retryAfter(value: string | undefined, now: Instant): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  // What else JavaScript takes for a date (`-5`) is none of HTTP's.
  const at = /^[A-Z][a-z]{2}/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1_000));
}
