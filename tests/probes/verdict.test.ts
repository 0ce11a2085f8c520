/** The table from what happened in a call to outcome and blame, row by row, and that nothing falls through it. */
import { describe, expect, it } from 'vitest';
import { FAULTS } from '../../src/core/fault.ts';
import type { Hearing, Tone } from '../../probes/lib/media/hearing.ts';
import { judgeCall, MEANINGS, REFUSALS } from '../../probes/lib/verdict.ts';
import type { Signal } from '../../probes/lib/verdict.ts';

type Refused = Extract<Signal, { kind: 'refused' }>;
const refused = (status: number, more: Partial<Refused> = {}): Refused => ({ kind: 'refused', status, ...more });
const sound = (kind: Hearing['sound'], tone?: Tone): Hearing => ({ sound: kind, tone, lengthMs: 8_000, activeMs: 0 });
const answered = (hearing: Hearing | undefined, more: object = {}): Signal => ({
  kind: 'answered',
  hearing,
  dropped: false,
  stepFailed: false,
  ...more,
});

const TABLE: readonly (readonly [says: string, signal: Signal, outcome: string, blame: string])[] = [
  ['486', refused(486), 'busy', 'line'],
  ['600', refused(600), 'busy', 'line'],
  ['503 with Q.850 17', refused(503, { q850: 17 }), 'busy', 'line'],
  ['480', refused(480), 'unavailable', 'line'],
  ['480 with Q.850 18', refused(480, { q850: 18 }), 'no_answer', 'line'],
  ['480 with Q.850 19', refused(480, { q850: 19 }), 'no_answer', 'line'],
  ['480 with Q.850 20', refused(480, { q850: 20 }), 'unavailable', 'line'],
  ...[34, 38, 41, 42, 47].map(
    (q850) => [`480 with Q.850 ${q850}`, refused(480, { q850 }), 'congested', 'line'] as const,
  ),
  ['503', refused(503), 'congested', 'trunk'],
  ...[34, 38, 41, 42, 44, 47].map(
    (q850) => [`500 with Q.850 ${q850}`, refused(500, { q850 }), 'congested', 'trunk'] as const,
  ),
  ...[404, 410, 484, 604].map((status) => [String(status), refused(status), 'not_in_service', 'line'] as const),
  ...[1, 22, 28].map((q850) => [`500 with Q.850 ${q850}`, refused(500, { q850 }), 'not_in_service', 'line'] as const),
  [
    'edge 36: 503 after a special information tone',
    refused(503, { tone: 'special_information' }),
    'not_in_service',
    'line',
  ],
  ['edge 36: 500 after a busy tone', refused(500, { tone: 'busy' }), 'busy', 'line'],
  ['edge 36: 500 after a congestion tone', refused(500, { tone: 'congestion' }), 'congested', 'line'],
  ['403', refused(403), 'rejected', 'trunk'],
  ['edge 37: 603', refused(603), 'caller_unwanted', 'probe'],
  ['edge 37: 607', refused(607), 'caller_unwanted', 'probe'],
  ['edge 37: 608, whatever was heard', refused(608, { tone: 'busy' }), 'caller_unwanted', 'probe'],
  ['480 with Q.850 21', refused(480, { q850: 21 }), 'rejected', 'probe'],
  ['402', refused(402), 'no_credit', 'probe'],
  ['a refused login', { kind: 'login' }, 'auth_failed', 'probe'],
  ...[415, 488, 606].map((status) => [String(status), refused(status), 'media_mismatch', 'probe'] as const),
  ['400 with Warning 304', refused(400, { warning: 3 }), 'media_mismatch', 'probe'],
  ['edge 33: 408 that never rang', refused(408), 'upstream_failure', 'trunk'],
  ['edge 33: 408 after ringing', refused(408, { rang: true }), 'no_answer', 'line'],
  ['487 that nobody asked for', refused(487), 'upstream_failure', 'trunk'],
  ...[500, 502, 504, 505, 580].map((status) => [String(status), refused(status), 'upstream_failure', 'trunk'] as const),
  ['edge 17: 302', refused(302), 'redirected', 'line'],
  ...[400, 481, 482, 483, 491].map((status) => [`edge 32: ${status}`, refused(status), 'rejected', 'trunk'] as const),
  ['699', refused(699), 'rejected', 'probe'],
  ['100 and nothing else', { kind: 'stalled' }, 'stalled', 'trunk'],
  ['nothing at all', { kind: 'unreached' }, 'unreachable', 'trunk'],
  ['180, then hung up as told', { kind: 'rang', alerted: true }, 'rang', 'line'],
  ['ringback in band', { kind: 'rang', alerted: false, early: sound('tone', 'ringback') }, 'rang', 'line'],
  ['an announcement before the answer', { kind: 'rang', alerted: false, early: sound('voice') }, 'rang', 'line'],
  ['180 and a busy tone', { kind: 'rang', alerted: true, early: sound('tone', 'busy') }, 'busy', 'line'],
  ['183 and silence', { kind: 'rang', alerted: false, early: sound('silence') }, 'stalled', 'trunk'],
  ['edge 20: ringing in vain', { kind: 'unanswered', alerted: true }, 'no_answer', 'line'],
  [
    'ringing in vain with congestion in band',
    { kind: 'unanswered', alerted: true, early: sound('tone', 'congestion') },
    'congested',
    'line',
  ],
  ['a voice', answered(sound('voice')), 'answered', 'line'],
  ['music', answered(sound('noise')), 'answered', 'line'],
  ['hung up on answer', answered(undefined), 'answered', 'line'],
  ['ringback, then a voice', answered(sound('voice', 'ringback')), 'answered', 'line'],
  ['answered silence', answered(sound('silence')), 'answered_silent', 'line'],
  ['edge 27: answered without a packet', answered(sound('none')), 'answered_no_media', 'line'],
  ['false answer: busy', answered(sound('tone', 'busy')), 'busy', 'line'],
  ['false answer: ringback', answered(sound('tone', 'ringback')), 'no_answer', 'line'],
  ['false answer: congestion', answered(sound('tone', 'congestion')), 'congested', 'line'],
  ['false answer: special information', answered(sound('tone', 'special_information')), 'not_in_service', 'line'],
  ['a facsimile machine', answered(sound('tone', 'fax')), 'answered_tone', 'line'],
  ['a steady tone', answered(sound('tone', 'steady')), 'answered_tone', 'line'],
  ['edge 25: hung up at once', answered(sound('voice'), { dropped: true }), 'dropped', 'line'],
  ['a step that failed', answered(sound('voice'), { stepFailed: true }), 'step_failed', 'line'],
];

describe('the verdict on a call', () => {
  it.each(TABLE)('%s', (_, signal, outcome, blame) => {
    expect(judgeCall(signal)).toEqual({ outcome, blame });
  });

  it('uses every row of its table', () => {
    const refusals = TABLE.map(([, signal]) => signal).filter((signal) => signal.kind === 'refused');
    const used = new Set(refusals.map((signal) => REFUSALS.findIndex((row) => row.when(signal))));
    // A login that the server refuses by 401 ends as `login`; its row is for those that come late.
    used.add(REFUSALS.findIndex((row) => row.when(refused(401))));
    expect([...used].sort((a, b) => a - b)).toEqual([...REFUSALS.keys()]);
  });

  it('has a meaning for every outcome, and a row for every status from 300 to 699', () => {
    const outcomes = new Set(TABLE.map(([, , outcome]) => outcome));
    expect(Object.keys(MEANINGS).sort()).toEqual([...outcomes].sort());
    for (let status = 300; status < 700; status += 1) expect(judgeCall(refused(status)).outcome in MEANINGS).toBe(true);
  });

  it('never blames the line with a code that stands for somebody else', () => {
    for (const [, signal, outcome, blame] of TABLE) {
      const { code } = MEANINGS[judgeCall(signal).outcome];
      if (blame === 'line' && MEANINGS[judgeCall(signal).outcome].kind !== 'ok')
        expect([outcome, FAULTS[code].blame]).toEqual([outcome, 'line']);
    }
  });
});
