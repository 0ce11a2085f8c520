/** What a call that is over tells: its phases, its facts, the signal that the verdict is made of, and words for people. Pure. */
import { printable } from '../../../src/core/fault.ts';
import type { Evidence, Fact } from '../../../src/core/model.ts';
import type { Hearing } from '../media/hearing.ts';
import { estimateMos } from '../media/rtp.ts';
import { sharedMs } from '../media/clock.ts';
import type { PhaseReport } from '../media/leg.ts';
import type { Heard } from '../media/studio.ts';
import { formatWav } from '../media/wav.ts';
import type { Outcome, Signal } from '../verdict.ts';
import type { Call } from './call.ts';
import { headerOf, listOf, retryAfterOf, uriOf } from './header.ts';
import { wasDropped } from './manners.ts';
import type { Conduct } from './manners.ts';
import type { SipResponse } from './message.ts';
import type { Trace } from './trace.ts';
import { placeText } from './transaction.ts';

/** A call that is over, and everything that was noticed of it. */
export interface Past {
  readonly call: Call;
  readonly conduct: Conduct;
  readonly heard: Heard | undefined;
}

const NOTHING: Hearing = { sound: 'none', tone: undefined, lengthMs: 0, activeMs: 0 };

export function signalOf({ call, conduct, heard }: Past): Signal {
  const { ending, marks } = call;
  const early = heard?.phases.early?.hearing;
  if (ending?.kind === 'login') return { kind: 'login' };
  if (ending?.kind === 'refused') return refusalOf(ending.response, isAlerted(call), early);
  if (marks.answered !== undefined) return talkOf(call, conduct, heard);
  if (marks.trying === undefined) return { kind: 'unreached' };
  if (marks.progress === undefined || ending?.kind === 'failed') return { kind: 'stalled' };
  return { kind: conduct.left === 'ringing' ? 'rang' : 'unanswered', early, alerted: isAlerted(call) };
}

function talkOf(call: Call, { deaf, walked }: Conduct, heard: Heard | undefined): Signal {
  const hearing = deaf ? undefined : (heard?.phases.answered?.hearing ?? NOTHING);
  return { kind: 'answered', hearing, dropped: wasDropped(call, walked), stepFailed: walked?.ok === false };
}

/** 180 rings; 181 and 182 say that somebody is looked for. */
const isAlerted = ({ marks, progress }: Call): boolean =>
  marks.ringing !== undefined || progress?.status === 181 || progress?.status === 182;

function refusalOf(response: SipResponse, rang: boolean, early: Hearing | undefined): Signal {
  const warning = Number(headerOf(response, 'warning')?.charAt(0) ?? 0);
  return { kind: 'refused', status: response.status, q850: causeOf(response), tone: early?.tone, rang, warning };
}

/** Cause of Q.850 in the Reason header (RFC 3326). */
function causeOf(response: SipResponse): number | undefined {
  const reason = listOf(response, 'reason').find((each) => /^Q\.850\b/i.test(each)) ?? '';
  const cause = /;\s*cause\s*=\s*(\d{1,3})(?!\d)/i.exec(reason)?.[1];
  return cause === undefined ? undefined : Number(cause);
}

/** Milliseconds. The digest round is no delay of the line (RFC 6076 §4.3), so it stands apart. */
export function phasesOf({ call, heard }: Past): Record<string, number> {
  const { marks, counts } = call;
  const phases: Record<string, number> = {};
  const put = (name: string, from: number | undefined, to: number | undefined): void => {
    if (from !== undefined && to !== undefined && to >= from) phases[name] = to - from;
  };
  if (counts.rounds > 0) put('challenge', marks.first, marks.dialled);
  put('post_dial_delay', marks.dialled, marks.progress ?? marks.answered);
  put('ringing', marks.ringing, marks.answered ?? marks.over);
  put('answer', marks.dialled, marks.answered);
  const firstAt = heard?.phases.answered?.firstAt;
  // Sound may begin before the answer.
  if (firstAt !== undefined && marks.answered !== undefined)
    phases['first_rtp'] = Math.max(0, firstAt - (sharedMs() - performance.now()) - marks.answered);
  return phases;
}

const short = (text: string): string => printable(text).slice(0, 200);
const rounded = (value: number): number => Math.round(value * 100) / 100;

export function factsOf(past: Past): Record<string, Fact> {
  const { call, conduct } = past;
  const { counts, ending } = call;
  const response = ending?.kind === 'refused' || ending?.kind === 'login' ? ending.response : call.answer;
  return {
    ...(response === undefined ? {} : saidBy(response)),
    ...soundFacts(past),
    ...endFacts(call),
    ...wayFacts(call),
    ...(conduct.walked?.ok === false ? { failed_step: conduct.walked.at } : {}),
    ...(conduct.stalled ? { stalled: true } : {}),
    ...above0({ challenges: counts.rounds, forks: counts.forks, ignored: counts.strangers }),
    transmissions: counts.transmissions,
  };
}

/** Where we were sent instead, and what a NAT makes of us. */
function wayFacts({ uri, plan: { wire, outside }, counts }: Call): Record<string, Fact> {
  const seen = placeText(outside);
  return {
    ...(counts.redirects > 0 ? { followed_to: uri } : {}),
    ...(seen === placeText(wire.here) ? {} : { seen_as: seen }),
  };
}

const above0 = (counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));

function endFacts({ ending, soundless }: Call): Record<string, Fact> {
  const facts: Record<string, Fact> = soundless === undefined ? {} : { no_sound_because: short(soundless) };
  if (ending?.kind !== 'hung_up') return facts;
  const reason = ending.reason === undefined ? {} : { hangup_reason: short(ending.reason) };
  return { ...facts, ...reason, hung_up_by: ending.by };
}

function saidBy(response: SipResponse): Record<string, Fact> {
  const facts: Record<string, Fact> = { status: response.status, reason: short(response.reason) };
  const server = headerOf(response, 'server') ?? headerOf(response, 'user-agent');
  if (server !== undefined) facts['server'] = short(server);
  const q850 = causeOf(response);
  if (q850 !== undefined) facts['q850'] = q850;
  const retry = retryAfterOf(response);
  if (retry !== undefined) facts['retry_after'] = retry.seconds;
  const warning = headerOf(response, 'warning');
  if (warning !== undefined) facts['warning'] = short(warning);
  const [contact] = response.status >= 300 && response.status < 400 ? listOf(response, 'contact') : [];
  if (contact !== undefined) facts['redirected'] = short(uriOf(contact));
  return facts;
}

function soundFacts({ conduct, heard, call }: Past): Record<string, Fact> {
  const facts: Record<string, Fact> = {};
  const { early, answered } = heard?.phases ?? {};
  if (early !== undefined) facts['audio_early'] = soundOf(early.hearing);
  if (call.marks.answered === undefined || conduct.deaf || heard === undefined) return facts;
  facts['audio'] = soundOf(answered?.hearing);
  if (call.codec !== undefined) facts['codec'] = call.codec;
  if (answered === undefined) return facts;
  return { ...facts, ...rtpFacts(answered), ...qualityFacts(answered, heard.lagMs), lag_ms: heard.lagMs };
}

/** A thread that is late by more than one packet hears jitter where there is none: then nothing is said of quality. */
const MOST_LAG_MS = 20;

function qualityFacts({ rtp }: PhaseReport, lagMs: number): Record<string, Fact> {
  if (lagMs > MOST_LAG_MS && rtp.received > 0) return { quality: 'untrusted' };
  // Estimated, one way, by the E-model: nobody has listened.
  return { jitter_ms: rounded(rtp.jitterMs), mos_estimated: rtp.received === 0 ? null : estimateMos(rtp.loss) };
}

function rtpFacts({ rtp, hearing, elsewhere }: PhaseReport): Record<string, Fact> {
  return {
    ...(hearing.tone === undefined ? {} : { tone: hearing.tone }),
    packets: rtp.received,
    loss: Math.round(rtp.loss * 10_000) / 10_000,
    ...above0({ reordered: rtp.reordered, duplicates: rtp.duplicates, other_sources: rtp.strangers }),
    ...(elsewhere ? { sound_from_elsewhere: true } : {}),
  };
}

const soundOf = (hearing: Hearing | undefined): string => hearing?.sound ?? 'none';

/** One sentence for operators. */
export function wordsFor(outcome: Outcome, past: Past): string {
  const { call, heard } = past;
  const { ending } = call;
  if (ending?.kind === 'login') return `the trunk says ${saying(ending.response)}: ${ending.why}`;
  if (ending?.kind === 'refused') return `the call was answered with ${saying(ending.response)}${tones(heard)}`;
  const words = WORDS[outcome];
  if (words !== undefined) return words(secondsOf(call), past);
  return `the call ended as ${outcome.replaceAll('_', ' ')}${tones(heard)}`;
}

/** Of talk, or of waiting for it. */
function secondsOf({ marks }: Call): string {
  return (((marks.over ?? 0) - (marks.answered ?? marks.dialled ?? 0)) / 1_000).toFixed(1);
}

const WORDS: Partial<Record<Outcome, (seconds: string, past: Past) => string>> = {
  no_answer: (seconds, { heard }) => `nobody answered within ${seconds} s${tones(heard)}`,
  answered_silent: (seconds) => `answered, and silent for ${seconds} s`,
  answered_no_media: (seconds, { call }) =>
    `answered, and no sound came within ${seconds} s${call.soundless === undefined ? '' : `: ${call.soundless}`}`,
  dropped: (seconds) => `answered, and ended by the line after ${seconds} s`,
  step_failed: (_, { conduct }) =>
    conduct.walked?.ok === false ? `step ${conduct.walked.at}: ${conduct.walked.why}` : 'a step failed',
  stalled: () => 'the trunk took the call and nothing came of it: it never rang',
};

function saying(response: SipResponse): string {
  const q850 = causeOf(response);
  return `${response.status} ${short(response.reason)}${q850 === undefined ? '' : ` (Q.850 cause ${q850})`}`.trimEnd();
}

function tones(heard: Heard | undefined): string {
  const tone = heard?.phases.answered?.hearing.tone ?? heard?.phases.early?.hearing.tone;
  return tone === undefined ? '' : `; the tone for ${tone.replaceAll('_', ' ')} was heard`;
}

/** What a server may say or do that the next one need not (RFC 3263 §4.3), before anybody was reached through it. */
export function passedFor({ ending, marks }: Call): string | undefined {
  if (marks.progress !== undefined || marks.answered !== undefined) return undefined;
  // Who has taken the call on may go on with it without us: another one would ring the line twice.
  if (ending?.kind === 'failed') return marks.trying === undefined ? ending.fault.code : undefined;
  if (ending?.kind !== 'refused' || ending.response.status !== 503) return undefined;
  return `${ending.response.status} ${short(ending.response.reason)}`.slice(0, 100).trimEnd();
}

/** The dialogue, and what was heard: 18 seconds of G.711 are 192 KB of base64. */
export function evidenceOf({ heard }: Past, trace: Trace, asked: boolean): Evidence[] {
  const found: Evidence[] = [trace.evidence()];
  if (heard !== undefined && heard.sound.length > 0)
    found.push({ name: 'call.wav', type: 'audio/wav;base64', text: formatWav(heard.sound).toString('base64') });
  return asked ? found.map((each) => ({ ...each, kept: true })) : found;
}
