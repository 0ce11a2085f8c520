/** Several requests as one customer makes them: logged in by cookies, with what one answer said carried into the next. */
import { z } from 'zod';
import { degraded, fault, ok } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import type { Fact, Finding, Rung, Sight } from '../../src/core/model.ts';
import type { ProbeContext } from '../../src/core/probe.ts';
import { Secret, secret, secretsIn } from '../../src/core/secret.ts';
import { answerExpectation, answerFacts, answerFault, replyText } from './answer.ts';
import { capture, take } from './capture.ts';
import { expiring } from './certificate.ts';
import { findingOf } from './connector.ts';
import { discreet } from './discretion.ts';
import { exchange } from './http.ts';
import type { Exchange } from './http.ts';
import { Jar } from './jar.ts';
import { promised } from './language.ts';
import type { Reach } from './reach.ts';
import { headerName, headerValue, METHODS, takesBody } from './request.ts';
import type { Ask } from './request.ts';
import { fillBody, fillHeaders, fillUrl, holeName, namesIn, urlTemplate } from './template.ts';

import { transcript } from './transcript.ts';

const STEPS_CAP = 10;

const step = z
  .strictObject({
    url: urlTemplate().meta({ description: 'http or https address; {{name}} in path and query is filled in' }),
    method: z.enum(METHODS).default('GET'),
    headers: z.record(headerName(), z.union([secret(), headerValue()])).default({}),
    body: z
      .union([z.string().max(65_536), z.json()])
      .optional()
      .meta({ description: 'text, or a JSON value that is sent as JSON; {{name}} is filled in' }),
    follow: z.int().min(0).max(3).default(0).meta({ description: 'redirects to follow' }),
    expect: answerExpectation.prefault({}),
    capture: z
      .record(holeName(), capture())
      .default({})
      .meta({ description: 'name: JSON pointer (/id), pattern whose first group is taken, or header:name' }),
  })
  .refine((each) => each.body === undefined || takesBody(each.method), {
    path: ['body'],
    error: 'a body is not sent with GET or HEAD; say method: POST',
  });

export const steps = () =>
  z
    .array(step)
    .min(1)
    .max(STEPS_CAP)
    .meta({ description: 'several requests in a row; cookies stay, and {{name}} is what was captured before' });

/** Schema of the secrets that steps may fill in by name. */
export const secrets = () =>
  z
    .record(holeName(), secret())
    .default({})
    .meta({ description: 'name: env:… or file:…; for {{name}} in headers and bodies of steps, never in an address' });

export type Step = z.output<typeof step>;

/** The first name that nobody knows by then, or a secret in an address, where every log would keep it. */
export function misnamed(
  all: readonly Step[],
  hidden: Readonly<Record<string, unknown>>,
): { readonly step: number; readonly message: string } | undefined {
  const known = new Set(['run_id', ...Object.keys(hidden)]);
  for (const [index, { url, headers, body, capture: captures }] of all.entries()) {
    const shown = namesIn(url.source).find((name) => Object.hasOwn(hidden, name));
    if (shown !== undefined) return { step: index, message: `{{${shown}}} is a secret and stays out of addresses` };
    const lost = namesIn([url.source, headers, body]).find((name) => !known.has(name));
    if (lost !== undefined) return { step: index, message: `{{${lost}}} is not captured by an earlier step` };
    for (const name of Object.keys(captures)) known.add(name);
  }
  return undefined;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly secrets: Readonly<Record<string, Secret>>;
  readonly decompress: boolean;
  readonly resolve?: string | undefined;
  readonly reach: Reach;
}

/** Everything that is gathered on the way. */
interface Way {
  readonly phases: Record<string, number>;
  readonly facts: Record<string, Fact>;
  readonly names: Map<string, string | Secret>;
  readonly jar: Jar;
  rung: Rung;
  /** What is amiss without stopping anybody: a certificate that should have been renewed by now, another language. */
  soon: Fault | undefined;
}

/** Goes through the steps in order and stops at the first that is not answered as it should be. */
export async function walk(plan: Plan, context: ProbeContext): Promise<Finding> {
  const names = new Map<string, string | Secret>([['run_id', context.runId], ...Object.entries(plan.secrets)]);
  const way: Way = { phases: {}, facts: {}, names, jar: new Jar(), rung: 'none', soon: undefined };
  const finding = await goThrough(plan, way, context);
  const cookies = way.jar.values().map((value) => new Secret(value, 'cookie'));
  // What was captured and what keeps us logged in is as good as a password while it lives.
  return discreet(finding, [plan, ...secretsIn([...names.values()]), ...cookies]);
}

async function goThrough(plan: Plan, way: Way, context: ProbeContext): Promise<Finding> {
  for (const [index, each] of plan.steps.entries()) {
    const taken = await takeStep(each, index + 1, { plan, way, context });
    if (taken !== undefined) return taken;
  }
  const sight: Sight = { phases: way.phases, facts: way.facts };
  return way.soon === undefined ? ok('answered', sight) : degraded('answered', way.soon, sight);
}

interface Setting {
  readonly plan: Plan;
  readonly way: Way;
  readonly context: ProbeContext;
}

/** Undefined when the step went well. */
async function takeStep(each: Step, number: number, { plan, way, context }: Setting): Promise<Finding | undefined> {
  const named = (why: Fault): Fault => {
    const { pathname } = new URL(each.url.source.replaceAll(/[{}]/g, ''));
    const place = `step ${number} of ${plan.steps.length} (${each.method} ${pathname})`;
    return fault(why.code, `${place}: ${why.message}`, why);
  };
  const ask = askOf(each, plan, way, context.signal);
  if ('blame' in ask) return findingOf(named(ask), way.rung, { phases: way.phases, facts: way.facts });
  const went = await exchange(ask);
  note(went, number, way, context);
  const carried = went.ok ? carry(each, went, way.names) : undefined;
  const refusals = usesOwnSecret(each, plan) ? [401, 403] : [];
  const wrong = await answerFault(went, each.expect, refusals, context.signal, promised(undefined, context));
  // A customer who does not understand a page still gets to the next one.
  const isForeign = wrong?.code === 'LANGUAGE';
  if (isForeign) way.soon ??= named(wrong);
  const why = isForeign ? carried : (wrong ?? carried);
  if (why !== undefined) {
    const rung = way.rung === 'none' ? went.rung : way.rung;
    return findingOf(named(why), rung, { phases: way.phases, facts: way.facts, evidence: [transcript(went)] });
  }
  way.soon ??= expiring(went.certificate, each.expect.certificate_days);
  way.rung = 'accepting';
  return undefined;
}

function askOf(each: Step, plan: Plan, { names, jar }: Way, signal: AbortSignal): Ask | Fault {
  const url = fillUrl(each.url, names);
  if ('blame' in url) return url;
  const headers = fillHeaders(each.headers, names);
  if (isFault(headers)) return headers;
  const asJson = each.body !== undefined && typeof each.body !== 'string';
  const type = headers['content-type'] ?? (asJson ? 'application/json' : '');
  const body = each.body === undefined ? undefined : fillBody(each.body, names, typeof type === 'string' ? type : '');
  const { method, follow } = each;
  const { decompress, resolve, reach } = plan;
  const all = asJson ? { 'content-type': type, ...headers } : headers;
  return { url, method, headers: all, body, follow, decompress, resolve, reach, signal, jar };
}

const isFault = (value: object): value is Fault => 'blame' in value && 'cause' in value && 'code' in value;

function note(went: Exchange, number: number, way: Way, { startedAt }: ProbeContext): void {
  let ms = 0;
  for (const [name, took] of Object.entries(went.phases)) {
    way.phases[name] = (way.phases[name] ?? 0) + took;
    ms += took;
  }
  const least = way.facts['certificate_days'];
  Object.assign(way.facts, answerFacts(went, startedAt));
  const days = way.facts['certificate_days'];
  if (typeof least === 'number' && (typeof days !== 'number' || least < days)) way.facts['certificate_days'] = least;
  way.facts[`step_${number}_ms`] = Math.round(ms * 10) / 10;
  if (went.reply !== undefined) way.facts[`step_${number}_status`] = went.reply.status;
}

/** Takes what the step captures; before the answer is judged, so that evidence of a bad one is free of it too. */
function carry(
  each: Step,
  went: Exchange & { readonly ok: true },
  names: Map<string, string | Secret>,
): Fault | undefined {
  const captures = Object.entries(each.capture);
  if (captures.length === 0) return undefined;
  const source = { headers: went.reply.headers, text: replyText(went.reply) };
  let missed: Fault | undefined;
  for (const [name, what] of captures) {
    const value = take(what, source);
    if (typeof value === 'string') names.set(name, new Secret(value, `captured ${name}`));
    else missed ??= fault(value.code, `${name} cannot be captured: ${value.message}`, value);
  }
  return missed;
}

/** A refusal of what we brought along ourselves is for us to mend; of what the far side gave us a moment ago, it is not. */
function usesOwnSecret({ headers, body }: Step, plan: Plan): boolean {
  const own = Object.values(headers).some((value) => value instanceof Secret);
  return own || namesIn([headers, body]).some((name) => Object.hasOwn(plan.secrets, name));
}
