/** What became of a test call and whose doing it was: signals to an outcome, by a table. Pure; it knows no message and no socket. */
import type { Blame, FaultCode } from '../../src/core/fault.ts';
import type { Rung } from '../../src/core/model.ts';
import type { Hearing, Tone } from './media/hearing.ts';

export type Outcome =
  | 'answered'
  | 'rang'
  | 'answered_silent'
  | 'answered_no_media'
  | 'answered_tone'
  | 'dropped'
  | 'step_failed'
  | 'busy'
  | 'no_answer'
  | 'unavailable'
  | 'congested'
  | 'not_in_service'
  | 'redirected'
  | 'rejected'
  | 'caller_unwanted'
  | 'auth_failed'
  | 'no_credit'
  | 'media_mismatch'
  | 'upstream_failure'
  | 'stalled'
  | 'unreachable';

/** How a call ended, as far as it matters for a verdict. */
export type Signal =
  | {
      readonly kind: 'refused';
      readonly status: number;
      /** Cause of ITU-T Q.850, from the Reason header (RFC 3326). */
      readonly q850?: number | undefined;
      /** Heard before the refusal. */
      readonly tone?: Tone | undefined;
      /** A 180 was seen. */
      readonly rang?: boolean;
      /** First digit of a Warning code: 3 speaks of sound (§20.43). */
      readonly warning?: number | undefined;
    }
  /** We ended it while it rang, as told. */
  | { readonly kind: 'rang'; readonly early?: Hearing | undefined; readonly alerted: boolean }
  /** It rang for as long as we were willing to wait. */
  | { readonly kind: 'unanswered'; readonly early?: Hearing | undefined; readonly alerted: boolean }
  | { readonly kind: 'stalled' }
  | { readonly kind: 'login' }
  | { readonly kind: 'unreached' }
  | {
      readonly kind: 'answered';
      /** Undefined: we hung up at once and heard nothing on purpose. */
      readonly hearing: Hearing | undefined;
      readonly dropped: boolean;
      readonly stepFailed: boolean;
    };

export interface Verdict {
  readonly outcome: Outcome;
  readonly blame: Blame;
}

type Refused = Extract<Signal, { kind: 'refused' }>;
interface Row {
  readonly when: (signal: Refused) => boolean;
  readonly outcome: Outcome;
  readonly blame: Blame;
}

const status =
  (...codes: readonly number[]) =>
  (signal: Refused): boolean =>
    codes.includes(signal.status);
const cause =
  (...causes: readonly number[]) =>
  (signal: Refused): boolean =>
    signal.q850 !== undefined && causes.includes(signal.q850);
const heard =
  (tone: Tone) =>
  (signal: Refused): boolean =>
    signal.tone === tone;
const either =
  (...all: readonly Row['when'][]) =>
  (signal: Refused): boolean =>
    all.some((each) => each(signal));

/** Q.850 causes of a network that has no way left. */
const NO_WAY = cause(34, 38, 41, 42, 44, 47);

/**
 * The first row that fits decides. What was heard comes before what was said, and what the telephone network says (Q.850) before
 * what a gateway made of it (RFC 3398), but for those codes that speak about us.
 */
export const REFUSALS: readonly Row[] = [
  { when: status(607, 608), outcome: 'caller_unwanted', blame: 'probe' },
  { when: status(402), outcome: 'no_credit', blame: 'probe' },
  { when: status(401, 407), outcome: 'auth_failed', blame: 'probe' },
  { when: heard('special_information'), outcome: 'not_in_service', blame: 'line' },
  { when: either(heard('busy'), cause(17), status(486, 600)), outcome: 'busy', blame: 'line' },
  { when: heard('congestion'), outcome: 'congested', blame: 'line' },
  // 603 is what networks say that block a caller, too (RFC 8197): until somebody has looked, it is our caller id.
  { when: status(603), outcome: 'caller_unwanted', blame: 'probe' },
  { when: either(cause(1, 22, 28), status(404, 410, 484, 604)), outcome: 'not_in_service', blame: 'line' },
  { when: cause(18, 19), outcome: 'no_answer', blame: 'line' },
  { when: cause(20), outcome: 'unavailable', blame: 'line' },
  { when: cause(21), outcome: 'rejected', blame: 'probe' },
  { when: (signal) => NO_WAY(signal) && signal.status === 480, outcome: 'congested', blame: 'line' },
  { when: either(NO_WAY, status(503)), outcome: 'congested', blame: 'trunk' },
  { when: status(480), outcome: 'unavailable', blame: 'line' },
  { when: status(403), outcome: 'rejected', blame: 'trunk' },
  {
    when: (signal) => status(415, 488, 606)(signal) || signal.warning === 3,
    outcome: 'media_mismatch',
    blame: 'probe',
  },
  // A proxy gave up waiting (§16.8). Only a telephone that rang has not been answered.
  { when: (signal) => status(408, 487)(signal) && signal.rang === true, outcome: 'no_answer', blame: 'line' },
  { when: (signal) => signal.status < 400, outcome: 'redirected', blame: 'line' },
  {
    when: either(status(408, 487), (signal) => signal.status >= 500 && signal.status < 600),
    outcome: 'upstream_failure',
    blame: 'trunk',
  },
  { when: (signal) => signal.status >= 600, outcome: 'rejected', blame: 'probe' },
  { when: () => true, outcome: 'rejected', blame: 'trunk' },
];

export function judgeCall(signal: Signal): Verdict {
  switch (signal.kind) {
    case 'refused': {
      const row = REFUSALS.find((each) => each.when(signal));
      return { outcome: row?.outcome ?? 'rejected', blame: row?.blame ?? 'trunk' };
    }
    case 'rang':
      return judgeRinging(signal.early, signal.alerted, 'rang');
    case 'unanswered':
      return judgeRinging(signal.early, signal.alerted, 'no_answer');
    case 'stalled':
      return { outcome: 'stalled', blame: 'trunk' };
    case 'login':
      return { outcome: 'auth_failed', blame: 'probe' };
    case 'unreached':
      return { outcome: 'unreachable', blame: 'trunk' };
    case 'answered':
      return { outcome: outcomeOf(signal), blame: 'line' };
  }
}

/** The sound of a line before it is answered says more than its signals do: many play busy without ever saying so. */
function judgeRinging(early: Hearing | undefined, alerted: boolean, otherwise: 'rang' | 'no_answer'): Verdict {
  const by = outcomeOfTone(early?.tone);
  if (by !== undefined && early?.tone !== 'ringback') return { outcome: by, blame: 'line' };
  const rings = alerted || early?.tone === 'ringback' || early?.sound === 'voice' || early?.sound === 'noise';
  return rings ? { outcome: otherwise, blame: 'line' } : { outcome: 'stalled', blame: 'trunk' };
}

function outcomeOf({ hearing, dropped, stepFailed }: Extract<Signal, { kind: 'answered' }>): Outcome {
  // Answered by signal, not by anybody: the tone goes on (false answer supervision).
  const by = hearing?.sound === 'tone' ? outcomeOfTone(hearing.tone) : undefined;
  if (by !== undefined) return by;
  if (dropped) return 'dropped';
  if (hearing?.sound === 'none') return 'answered_no_media';
  if (hearing?.sound === 'silence') return 'answered_silent';
  if (stepFailed) return 'step_failed';
  return hearing?.sound === 'tone' ? 'answered_tone' : 'answered';
}

function outcomeOfTone(tone: Tone | undefined): Outcome | undefined {
  switch (tone) {
    case 'busy':
      return 'busy';
    case 'congestion':
      return 'congested';
    case 'special_information':
      return 'not_in_service';
    case 'ringback':
      return 'no_answer';
    case 'steady':
    case 'fax':
    case 'other':
    case undefined:
      return undefined;
  }
}

export interface Meaning {
  readonly kind: 'ok' | 'degraded' | 'failed';
  readonly code: FaultCode;
  readonly rung: Rung;
}

/** What an outcome makes of a look when the line is to blame; with anybody else to blame it is `unknown`. */
export const MEANINGS: Readonly<Record<Outcome, Meaning>> = {
  answered: { kind: 'ok', code: 'CANNOT_JUDGE', rung: 'answered' },
  rang: { kind: 'ok', code: 'CANNOT_JUDGE', rung: 'accepting' },
  answered_silent: { kind: 'failed', code: 'SILENCE', rung: 'answered' },
  answered_no_media: { kind: 'failed', code: 'SILENCE', rung: 'answered' },
  answered_tone: { kind: 'failed', code: 'CONTENT', rung: 'answered' },
  dropped: { kind: 'failed', code: 'DROPPED', rung: 'answered' },
  step_failed: { kind: 'failed', code: 'CONTENT', rung: 'answered' },
  busy: { kind: 'failed', code: 'BUSY', rung: 'reachable' },
  no_answer: { kind: 'failed', code: 'NO_ANSWER', rung: 'accepting' },
  unavailable: { kind: 'failed', code: 'UNAVAILABLE', rung: 'reachable' },
  congested: { kind: 'failed', code: 'OVERLOAD', rung: 'reachable' },
  not_in_service: { kind: 'failed', code: 'NOT_IN_SERVICE', rung: 'reachable' },
  // A customer's own carrier follows; we do not.
  redirected: { kind: 'degraded', code: 'REDIRECT', rung: 'reachable' },
  rejected: { kind: 'failed', code: 'TRUNK_REFUSED', rung: 'reachable' },
  caller_unwanted: { kind: 'failed', code: 'CALLER_UNWANTED', rung: 'reachable' },
  auth_failed: { kind: 'failed', code: 'AUTH', rung: 'reachable' },
  no_credit: { kind: 'failed', code: 'NO_CREDIT', rung: 'reachable' },
  media_mismatch: { kind: 'failed', code: 'MEDIA_MISMATCH', rung: 'reachable' },
  upstream_failure: { kind: 'failed', code: 'UPSTREAM', rung: 'reachable' },
  stalled: { kind: 'failed', code: 'STALLED', rung: 'reachable' },
  unreachable: { kind: 'failed', code: 'UPSTREAM', rung: 'none' },
};
