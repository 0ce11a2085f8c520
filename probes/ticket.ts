/**
 * Whether a case that is filed is taken on and worked at: its tracking number, the first response, the end. One look files it, the
 * looks after it ask how it stands, over days and restarts; a case is never filed while another is open.
 */
import { z } from 'zod';
import { duration, formatDuration } from '../src/core/duration.ts';
import { degraded, fault, ok, unknown } from '../src/core/fault.ts';
import type { Fault } from '../src/core/fault.ts';
import type { Evidence, Fact, Finding, Rung, Sight } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { Secret, secret } from '../src/core/secret.ts';
import { answerExpectation, answerFault, replyText, USUAL, waitFacts } from './lib/answer.ts';
import { take } from './lib/capture.ts';
import type { Capture } from './lib/capture.ts';
import { caseFacts, progressed, readCases, serviceMs } from './lib/case.ts';
import type { Case, State } from './lib/case.ts';
import { expiring } from './lib/certificate.ts';
import { findingOf } from './lib/connector.ts';
import { discreet } from './lib/discretion.ts';
import { jsonExpectation, jsonFault } from './lib/expect.ts';
import { exchange } from './lib/http.ts';
import type { Exchange } from './lib/http.ts';
import { parseJson, pointer, select, textOf } from './lib/json.ts';
import { pattern } from './lib/pattern.ts';
import { reach } from './lib/reach.ts';
import { headerName, headerValue, METHODS, takesBody } from './lib/request.ts';
import type { Headers } from './lib/request.ts';
import { fillBody, fillHeaders, fillUrl, namesIn, urlTemplate } from './lib/template.ts';
import type { Names } from './lib/template.ts';
import { transcript } from './lib/transcript.ts';
import { secrets } from './lib/walk.ts';

const HOUR_MS = 3_600_000;
/** A filing that may have reached somebody is not repeated sooner, however eager the schedule. */
const PATIENCE_MS = HOUR_MS / 12;
const TAG_HEADER = 'x-ringback-probe';

const headers = () => z.record(headerName(), z.union([secret(), headerValue()])).default({});
const state = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const within = () => duration().optional();

const schema = z
  .strictObject({
    ...reach,
    submit: z
      .strictObject({
        url: urlTemplate(),
        method: z.enum(METHODS).default('POST'),
        headers: headers(),
        body: z.union([z.string().max(65_536), z.json()]).optional(),
        expect: answerExpectation.prefault({}),
      })
      .refine((each) => each.body === undefined || takesBody(each.method), {
        path: ['body'],
        error: 'a body is not sent with GET or HEAD',
      })
      .meta({ description: 'how a case is filed; {{run_id}} is filled in. Say in it that it is a test' }),
    number: z
      .strictObject({ pointer: pointer().optional(), matches: pattern().optional() })
      .refine((each) => (each.pointer === undefined) !== (each.matches === undefined), {
        error: 'where the tracking number stands: either pointer or matches',
      }),
    status: z
      .strictObject({
        url: urlTemplate().meta({ description: 'where its progress is asked for; {{number}} is filled in' }),
        headers: headers(),
        pointer: pointer().meta({ description: 'JSON pointer of the state of the case' }),
        answered: jsonExpectation.optional().meta({
          description: 'what the reply says once somebody has answered; default: another state than at first',
        }),
        done: z
          .union([state, z.array(state).min(1).max(32)])
          .transform((value) => [value].flat())
          .meta({ description: 'state in which the case is at its end, or several' }),
      })
      .meta({ description: 'how the progress of a case is asked for' }),
    within: z
      .strictObject({ first_response: within(), resolved: within() })
      .prefault({})
      .meta({ description: 'slower than this, in service hours, is degraded' }),
    again: duration()
      .default(24 * HOUR_MS)
      .meta({ description: 'time from one case to the next' }),
    give_up: duration()
      .default(30 * 24 * HOUR_MS)
      .meta({ description: 'a case open for longer is left behind and another one filed' }),
    secrets: secrets(),
  })
  .superRefine(({ submit, status, secrets: hidden }, ctx) => {
    const known = ['run_id', ...Object.keys(hidden)];
    const say = (path: string, names: readonly string[], allowed: readonly string[]): void => {
      const lost = names.find((name) => !allowed.includes(name));
      if (lost !== undefined) ctx.addIssue({ code: 'custom', path: [path], message: `{{${lost}}} is not known here` });
    };
    say('submit', namesIn([submit.headers, submit.body]), known);
    say('submit', namesIn(submit.url.source), ['run_id']);
    say('status', namesIn(status.headers), [...known, 'number']);
    say('status', namesIn(status.url.source), ['run_id', 'number']);
    if (!namesIn([status.url.source, status.headers]).includes('number'))
      ctx.addIssue({ code: 'custom', path: ['status', 'url'], message: 'the address must say which case: {{number}}' });
  });
type Settings = z.output<typeof schema>;

export default defineProbe<Settings>({
  summary: 'files a case, reads its tracking number and follows it to the first response and the end',
  example: {
    submit: { url: 'https://help.example.id/api/cases', body: { subject: 'Automatic test {{run_id}}, please close' } },
    number: { pointer: '/number' },
    status: { url: 'https://help.example.id/api/cases/{{number}}', pointer: '/state', done: 'closed' },
  },
  schema,
  phases: ['submitted', 'number', 'first_response', 'resolved'],
  answer: 'first_response',
  host: ({ submit }) => submit.url.hostname,
  costly: true,
  timeoutMs: 20_000,
  remembers: true,
  look: async (settings, context) => discreet(await look(settings, context), settings),
});

/** What this look brings home besides its verdict. */
interface Bag {
  readonly phases: Record<string, number>;
  readonly facts: Record<string, Fact>;
  readonly evidence: readonly Evidence[];
  soon: Fault | undefined;
}

const sightOf = ({ phases, facts, evidence }: Bag): Sight =>
  evidence.length === 0 ? { phases, facts } : { phases, facts, evidence };

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const { memory, startedAt: now, expectation } = context;
  const kept = readCases(memory?.get());
  const bag: Bag = { phases: {}, facts: {}, evidence: [], soon: undefined };
  const open = kept.case;
  if (open?.resolvedAt !== undefined && now - open.filedAt < settings.again) {
    Object.assign(bag.facts, caseFacts(open, now, expectation), { state: 'resolved' });
    return judge(settings, open, context, bag);
  }
  const isOpen = open !== undefined && open.resolvedAt === undefined && now - open.filedAt < settings.give_up;
  if (isOpen) return follow(settings, context, open, bag);
  if (open !== undefined && open.resolvedAt === undefined) bag.facts['left_behind'] = open.number;
  if (kept.triedAt !== undefined && now - kept.triedAt < PATIENCE_MS)
    return unknown(
      fault('BUDGET', `the last filing may have reached somebody: none for ${formatDuration(PATIENCE_MS)}`),
    );
  const filed = await file(settings, context, bag);
  if ('kind' in filed) return filed;
  memory?.set({ case: filed });
  return follow(settings, context, filed, bag);
}

const namesOf = (settings: Settings, { runId }: ProbeContext): Map<string, string | Secret> =>
  new Map<string, string | Secret>([['run_id', runId], ...Object.entries(settings.secrets)]);

/** Files a case: the case, or what came of it instead. */
async function file(settings: Settings, context: ProbeContext, bag: Bag): Promise<Case | Finding> {
  const { submit, number } = settings;
  const { memory, startedAt: now, runId } = context;
  const went = await send(
    settings,
    context,
    { ...submit, headers: { [TAG_HEADER]: runId, ...submit.headers } },
    namesOf(settings, context),
  );
  if ('blame' in went) return findingOf(went, 'none', sightOf(bag));
  const tookMs = Object.values(went.phases).reduce((sum, ms) => sum + ms, 0);
  const halt = (why: Fault): Finding => {
    const said = fault(why.code, `filing a case: ${why.message}`, why);
    return findingOf(said, went.rung, sightOf({ ...bag, evidence: [transcript(went)] }));
  };
  // Once it is on its way, somebody may find it, whatever we hear of it.
  if (went.phases['first_byte'] !== undefined) memory?.set({ ...readCases(memory.get()), triedAt: now });
  Object.assign(bag.facts, waitFacts(went.reply, now));
  const why = await answerFault(went, submit.expect, refusalsOf(settings, submit), context.signal);
  const isForeign = why?.code === 'LANGUAGE';
  if ((why !== undefined && !isForeign) || !went.ok) return halt(why ?? fault('PROTO_GARBAGE', 'no answer'));
  bag.phases['submitted'] = tookMs;
  bag.soon = expiring(went.certificate, submit.expect.certificate_days) ?? why;
  const found = take(captureOf(number), { headers: went.reply.headers, text: replyText(went.reply) });
  if (typeof found !== 'string') return halt(fault(found.code, `no tracking number: ${found.message}`, found));
  if (found.length > 100) return halt(fault('CONTENT', 'what should be a tracking number is a text'));
  bag.phases['number'] = tookMs;
  return { number: found, filedAt: now, waitedAt: now };
}

/** Asks how an open case stands and judges the time it takes. */
async function follow(settings: Settings, context: ProbeContext, known: Case, bag: Bag): Promise<Finding> {
  const { status } = settings;
  const { memory, startedAt: now, signal } = context;
  const names = namesOf(settings, context).set('number', known.number);
  const halt = (why: Fault, evidence: readonly Evidence[]): Finding => {
    Object.assign(bag.facts, caseFacts(known, now, context.expectation));
    const said = fault(why.code, `asking for the progress of case ${known.number}: ${why.message}`, why);
    return findingOf(said, 'accepting', sightOf({ ...bag, evidence }));
  };
  const went = await send(settings, context, { ...status, method: 'GET' }, names);
  if ('blame' in went) return halt(went, []);
  Object.assign(bag.facts, waitFacts(went.reply, now));
  const why = await answerFault(went, USUAL, refusalsOf(settings, status), signal);
  if (why !== undefined || !went.ok) return halt(why ?? fault('PROTO_GARBAGE', 'no answer'), [transcript(went)]);
  const told = stateOf(status, replyText(went.reply));
  if ('blame' in told) return halt(told, [transcript(went)]);
  bag.soon ??= expiring(went.certificate, settings.submit.expect.certificate_days);
  const after = progressed(known, told, now);
  memory?.set({ case: after });
  Object.assign(bag.facts, caseFacts(after, now, context.expectation), { state: told.text.slice(0, 100) });
  // An event is told by the look that sees it, so that it is counted once.
  if (known.answeredAt === undefined && after.answeredAt !== undefined)
    bag.phases['first_response'] = after.answeredAt - after.filedAt;
  if (after.resolvedAt !== undefined) bag.phases['resolved'] = after.resolvedAt - after.filedAt;
  return judge(settings, after, context, bag);
}

function judge({ within: limits }: Settings, known: Case, context: ProbeContext, bag: Bag): Finding {
  const { startedAt: now, expectation = () => 'open' as const } = context;
  const rung: Rung = known.answeredAt === undefined ? 'accepting' : 'answered';
  const tookUntil = (end: number | undefined): number => serviceMs(known.filedAt, end ?? now, expectation);
  const { first_response: answer = Infinity, resolved: end = Infinity } = limits;
  const late = (ms: number): string => `${formatDuration(Math.round(ms / 60_000) * 60_000)} of service hours`;
  const waited = tookUntil(known.answeredAt);
  if (known.answeredAt === undefined && waited > answer)
    return degraded(
      rung,
      fault('NO_REPLY', `case ${known.number} has had no response for ${late(waited)}`),
      sightOf(bag),
    );
  if (waited > answer)
    return degraded(
      rung,
      fault('SLOW', `case ${known.number} had its first response after ${late(waited)}`),
      sightOf(bag),
    );
  const took = tookUntil(known.resolvedAt);
  if (took > end) return degraded(rung, fault('SLOW', `case ${known.number} took ${late(took)} so far`), sightOf(bag));
  return bag.soon === undefined ? ok(rung, sightOf(bag)) : degraded(rung, bag.soon, sightOf(bag));
}

function stateOf({ pointer: place, answered, done }: Settings['status'], text: string): State | Fault {
  const parsed = parseJson(text);
  if (!parsed.ok) return parsed.fault;
  const [value] = select(parsed.value, place);
  if (value === undefined || value === null) return fault('CONTENT', `the JSON has no state at ${place.source}`);
  const told = textOf(value);
  return {
    text: told,
    answered: answered === undefined ? undefined : jsonFault(text, [answered], false) === undefined,
    done: done.includes(told),
  };
}

interface Request {
  readonly url: Settings['submit']['url'];
  readonly method: (typeof METHODS)[number];
  readonly headers: Headers;
  readonly body?: Settings['submit']['body'];
}

async function send(
  settings: Settings,
  { signal }: ProbeContext,
  wanted: Request,
  names: Names,
): Promise<Exchange | Fault> {
  const url = fillUrl(wanted.url, names);
  const filled = fillHeaders(wanted.headers, names);
  if ('blame' in url) return url;
  if (isFault(filled)) return filled;
  const { body, method } = wanted;
  const type = filled['content-type'] ?? (body === undefined || typeof body === 'string' ? '' : 'application/json');
  const text = body === undefined ? undefined : fillBody(body, names, typeof type === 'string' ? type : '');
  const all = type === '' ? filled : { ...filled, 'content-type': type };
  return exchange({ url, method, headers: all, body: text, follow: 0, decompress: false, reach: settings, signal });
}

const isFault = (value: Headers | Fault): value is Fault => 'blame' in value && 'cause' in value && 'code' in value;

/** Who brought credentials along may be refused for them, and that is our own affair. */
function refusalsOf(
  { secrets: hidden }: Settings,
  { headers: sent, ...rest }: { readonly headers: Headers; readonly body?: unknown },
): readonly number[] {
  const own = Object.values(sent).some((value) => value instanceof Secret);
  return own || namesIn([sent, rest.body]).some((name) => Object.hasOwn(hidden, name)) ? [401, 403] : [];
}

function captureOf({ pointer: place, matches }: Settings['number']): Capture {
  if (place !== undefined) return { kind: 'pointer', pointer: place };
  // The schema wants one of them.
  return matches === undefined ? { kind: 'header', header: 'x-none' } : { kind: 'pattern', pattern: matches };
}
