/** Probe kind `twilio-call`: rings a telephone line through a vendor's Calls API. It knows no sound, no scheduler and no budget. */
import { z } from 'zod';
import { duration, formatDuration } from '../src/core/duration.ts';
import { degraded, failed, fault, ok, unknown } from '../src/core/fault.ts';
import type { Fault } from '../src/core/fault.ts';
import type { Fact, Finding, Instant, Sight } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { Secret, secret } from '../src/core/secret.ts';
import { waitFacts } from './lib/answer.ts';
import { authorize, DIALECTS } from './lib/callsapi.ts';
import type { Access, Fields } from './lib/callsapi.ts';
import { discreet } from './lib/discretion.ts';
import { telephone } from './lib/numbers.ts';
import { counted } from './lib/ratios.ts';
import { reach } from './lib/reach.ts';
import { httpUrl } from './lib/request.ts';
import { releaseLine, takeLine } from './lib/sip/patience.ts';
import { isFinal, isWaiting, makeCall, POLL_MS } from './lib/vendorcall.ts';
import type { Course } from './lib/vendorcall.ts';
import { judgeCall, MEANINGS } from './lib/verdict.ts';
import type { Outcome, Signal, Verdict } from './lib/verdict.ts';

/** The vendor ends the call after this, whatever becomes of us. */
const LONGEST_TALK_S = 55;
/** Vendors count whole seconds, and a script takes a moment to begin. */
const SLACK_S = 3;

const span = (least: number, most: number, otherwise: number) =>
  duration()
    .refine((ms) => ms >= least && ms <= most, {
      error: `between ${formatDuration(least)} and ${formatDuration(most)}`,
    })
    .default(otherwise);

const DIGITS = /^[0-9*#wW]{1,32}$/;

const schema = z
  .strictObject({
    ...reach,
    account: z
      .string()
      .regex(/^[\w-]{1,100}$/, { error: 'the account, such as AC followed by 32 letters and digits' })
      .meta({ description: 'account (Twilio, Telnyx) or project (SignalWire) that pays for the call' }),
    token: secret(),
    from: telephone().meta({ description: 'our caller id: a number of this account' }),
    to: telephone().meta({ description: 'whom to call: +622150849000' }),
    allow: z.array(telephone()).min(1).max(100).meta({
      description: 'every number that this target may ever call; `to` must be among them',
    }),
    base_url: httpUrl().prefault('https://api.twilio.com/2010-04-01').meta({
      description: 'what stands before /Accounts: another region, SignalWire, Telnyx',
    }),
    auth: z.enum(['basic', 'bearer']).default('basic'),
    dialect: z.enum(DIALECTS).default('twilio').meta({ description: 'texml: the Calls API of Telnyx' }),
    application: z
      .string()
      .regex(/^[\w-]{1,100}$/)
      .optional()
      .meta({ description: 'ApplicationSid, which texml wants' }),
    twiml: z.string().min(1).max(4_000).optional().meta({ description: 'what is played to whoever answers' }),
    send_digits: z
      .union([secret(), z.string().regex(DIGITS, { error: 'digits, * and #; w waits half a second, W a whole one' })], {
        error: 'digits, * and #; w waits half a second, W a whole one; or env:NAME, file:/path when they are secret',
      })
      .optional()
      .meta({ description: 'keys that are pressed once it is answered' }),
    ring_timeout: span(5_000, 120_000, 30_000).meta({ description: 'how long it may ring, such as 30s' }),
    listen: span(1_000, 50_000, 8_000).meta({ description: 'how long to stay once it is answered, such as 8s' }),
    hangup: z.enum(['on_ring', 'on_answer', 'after_listen']).optional().meta({
      description: 'when to hang up; default on_ring, and after_listen with twiml or send_digits',
    }),
  })
  .superRefine(({ to, allow, dialect, application, twiml, send_digits: digits, hangup = 'after_listen' }, ctx) => {
    const complain = (path: string, message: string) => ctx.addIssue({ code: 'custom', path: [path], message });
    if (!allow.includes(to)) complain('to', `${to} is not in \`allow\`, and nobody else is called`);
    if (dialect === 'texml' && application === undefined)
      complain('application', 'texml makes no call without an application');
    if ((twiml ?? digits) !== undefined && hangup !== 'after_listen')
      complain('hangup', 'twiml and digits are for whoever answers: hang up after_listen');
  });
type Settings = z.output<typeof schema>;

/** For the example: there is no value, and help shows how to refer to one. */
const REFERENCE = Object.assign(new Secret('', 'env:TWILIO_TOKEN'), { toJSON: () => 'env:TWILIO_TOKEN' });

export default defineProbe<Settings>({
  summary: 'rings a telephone line through a Calls API (Twilio, SignalWire, Telnyx) and tells what became of it',
  example: {
    account: 'AC00000000000000000000000000000000',
    token: REFERENCE,
    from: '+622150849123',
    to: '+622150849000',
    allow: ['+622150849000'],
    hangup: 'on_answer',
  },
  schema,
  phases: ['queued', 'ringing', 'answer'],
  answer: 'answer',
  host: ({ base_url: url }) => url.hostname,
  costly: true,
  rings: true,
  remembers: true,
  timeoutMs: 60_000,
  look,
});

/** Lines that this process has called before: what an earlier one left up has been looked for. */
const called = new Set<string>();

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const { send_digits: digits } = settings;
  if (digits instanceof Secret && !DIGITS.test(digits.reveal()))
    return unknown(fault('SETTINGS', `${digits.reference} holds something else than digits, *, #, w and W`));
  const { to, account, token, auth, base_url: base, dialect } = settings;
  // A second call to a number would only find it busy with the first one.
  if (!takeLine(to)) return unknown(fault('CANNOT_JUDGE', `another test call to ${to} is under way`));
  try {
    const authorization = authorize(auth, account, token);
    const access: Access = { base, account, authorization, dialect, reach: settings };
    const finding = await ring(settings, access, context);
    return counted(discreet(finding, [settings, authorization]), context.memory);
  } finally {
    releaseLine(to);
  }
}

async function ring(settings: Settings, access: Access, context: ProbeContext): Promise<Finding> {
  const { to, from } = settings;
  const { startedAt, timeoutMs, signal } = context;
  const hangup = hangupOf(settings);
  const line = JSON.stringify([access.base.href, access.account, from, to]);
  const course = await makeCall({
    ...{ access, fields: fieldsOf(settings), to, from, hangup, startedAt, timeoutMs, signal },
    isFirst: !called.has(line),
  });
  if (course.reconciled) called.add(line);
  return conclude(course, settings, startedAt);
}

const isScripted = ({ twiml, send_digits: digits }: Settings): boolean => (twiml ?? digits) !== undefined;
const hangupOf = (settings: Settings) => settings.hangup ?? (isScripted(settings) ? 'after_listen' : 'on_ring');

function fieldsOf(settings: Settings): Fields {
  const { to, from, dialect, application, send_digits: digits, ring_timeout: ringMs, listen } = settings;
  const seconds = Math.ceil(listen / 1_000);
  const script = settings.twiml ?? `<Response><Pause length="${seconds}"/></Response>`;
  return {
    ...{ To: to, From: from, [dialect === 'texml' ? 'Texml' : 'Twiml']: script },
    Timeout: String(Math.ceil(ringMs / 1_000)),
    TimeLimit: String(isScripted(settings) ? LONGEST_TALK_S : Math.min(seconds + SLACK_S, LONGEST_TALK_S)),
    ...(application === undefined ? {} : { ApplicationSid: application }),
    ...(digits === undefined ? {} : { SendDigits: digits instanceof Secret ? digits.reveal() : digits }),
  };
}

function conclude(course: Course, settings: Settings, now: Instant): Finding {
  const { verdict, why } = judge(course, settings);
  const blame = why?.blame ?? verdict.blame;
  const sight: Sight = {
    phases: phasesOf(course),
    facts: { ...factsOf(course), ...waitFacts(course.trouble?.went?.reply, now), outcome: verdict.outcome, blame },
    ...(why === undefined ? {} : { evidence: [{ name: 'calls', type: 'text/plain', text: course.log.join('\n') }] }),
  };
  const { kind, rung } = MEANINGS[verdict.outcome];
  if (why === undefined) return ok(rung, sight);
  // Only the line's own faults make the channel bad; the others are for those who run this.
  if (blame !== 'line') return unknown(why, sight);
  return kind === 'degraded' ? degraded(rung, why, sight) : failed(rung, why, sight);
}

interface Judgement {
  readonly verdict: Verdict;
  /** Undefined: a plain success. */
  readonly why: Fault | undefined;
}

function judge(course: Course, settings: Settings): Judgement {
  const { trouble, last, left, stopped } = course;
  if (stopped === 'told' && left === undefined && (last === undefined || !isFinal(last)))
    return lost('the look was ended before the call could tell anything');
  if (trouble !== undefined) return judgeTrouble(trouble);
  const signal = last === undefined ? undefined : signalOf(course, last.status, settings);
  if (signal === undefined) return lost(`the call ended as ${last?.status ?? 'nothing'}, and not by us`);
  const verdict = judgeCall(signal);
  const { kind, code } = MEANINGS[verdict.outcome];
  if (kind === 'ok') return { verdict, why: undefined };
  return { verdict, why: fault(code, wordsFor(verdict.outcome, course), { blame: verdict.blame }) };
}

const lost = (words: string): Judgement => ({
  verdict: { outcome: 'stalled', blame: 'probe' },
  why: fault('CANNOT_JUDGE', words),
});

/** What the vendor says about us, or that it says nothing: none of it is a word of the line. */
function judgeTrouble({ fault: why, refused }: NonNullable<Course['trouble']>): Judgement {
  if (refused === 401 || refused === 402 || refused === 403)
    return { verdict: judgeCall({ kind: 'refused', status: refused }), why };
  if (refused === undefined)
    return {
      verdict: { outcome: 'unreachable', blame: 'trunk' },
      why: why.blame === 'line' ? { ...why, blame: 'trunk' } : why,
    };
  return { verdict: { outcome: refused >= 500 ? 'upstream_failure' : 'rejected', blame: why.blame }, why };
}

function signalOf(course: Course, status: string, settings: Settings): Signal | undefined {
  if (course.left === 'ringing') return { kind: 'rang', alerted: true };
  const answered = { kind: 'answered', hearing: undefined, dropped: false, stepFailed: false } as const;
  switch (status) {
    case 'completed':
      return { ...answered, dropped: course.left === undefined && wasDropped(course, settings) };
    case 'in-progress':
      return answered;
    case 'busy':
      return { kind: 'refused', status: 486 };
    case 'no-answer':
    case 'ringing':
      return { kind: 'unanswered', alerted: true };
    case 'failed':
      // One word for a wrong number, a refusal and a network that is full: the vendor does not say which.
      return { kind: 'refused', status: 500 };
    case 'canceled':
      return undefined;
    default:
      return { kind: 'stalled' };
  }
}

/** Our own script waits for as long as we listen: who ends the call sooner is the line. */
const wasDropped = ({ last }: Course, settings: Settings): boolean =>
  !isScripted(settings) && last?.duration !== undefined && last.duration + SLACK_S <= settings.listen / 1_000;

function phasesOf({ marks: { asked, dialled, rung, answered, over }, last }: Course): Record<string, number> {
  const phases: Record<string, number> = {};
  if (dialled !== undefined && (rung ?? answered) !== undefined) phases['queued'] = dialled - asked;
  const end = answered ?? over;
  if (rung !== undefined && end !== undefined && end >= rung) phases['ringing'] = end - rung;
  if (answered !== undefined && last !== undefined && !isWaiting(last)) phases['answer'] = answered - asked;
  return phases;
}

function factsOf({ last, polls, unsure, leftovers }: Course): Record<string, Fact> {
  return {
    ...(last?.sid === undefined ? {} : { sid: last.sid }),
    ...(last === undefined ? {} : { status: last.status }),
    ...(last?.duration === undefined ? {} : { talk_seconds: last.duration }),
    ...(unsure ? { perhaps_up: true } : {}),
    ...(leftovers > 0 ? { left_over: leftovers } : {}),
    // Seen by asking: each time is late by up to this.
    ...(last === undefined ? {} : { polls, resolution_ms: POLL_MS }),
  };
}

function wordsFor(outcome: Outcome, { last, marks }: Course): string {
  const seconds = (((marks.over ?? marks.asked) - (marks.answered ?? marks.asked)) / 1_000).toFixed(1);
  if (outcome === 'dropped') return `answered, and ended by the line after ${last?.duration ?? 0} s`;
  if (outcome === 'no_answer') return `nobody answered within ${seconds} s`;
  if (outcome === 'stalled') return 'the vendor took the call and nothing came of it: it never rang';
  return `the vendor says that the call ended as ${last?.status ?? 'nothing'}`;
}
