/** The judge against its laws: every short story, walked to the end. */
import { describe, expect, it } from 'vitest';
import { degraded, failed, fault, ok, unknown } from '../../src/core/fault.ts';
import { holdPromise, isUnsettled, judge, UNKNOWN_HEALTH, type Health, type Transition } from '../../src/core/judge.ts';
import type { Expectation, Finding, Observation, Policy } from '../../src/core/model.ts';

const FINDINGS: Readonly<Record<string, Finding>> = {
  ok: ok('answered'),
  slow: degraded('answered', fault('SLOW', 'late')),
  bad: failed('none', fault('TCP_REFUSED', 'refused')),
  blind: unknown(fault('OFFLINE', 'offline')),
};
const POLICY: Policy = { failures: 2, successes: 2, recheckMs: 1_000, slow: { atLeast: 2, of: 3 } };
const MINUTE = 60_000;

function observe(finding: Finding, at: number): Observation {
  return { target: 'w/c/t', location: 'here', slotAt: at, at, durationMs: 1, finding };
}

interface Step {
  readonly letter: string;
  readonly expectation: Expectation;
}

interface Told {
  readonly at: number;
  readonly transition: Transition;
}

/** Walks a story and checks every law at every step; returns the first broken one. */
function breach(story: readonly Step[], policy: Policy): string | undefined {
  let health: Health = UNKNOWN_HEALTH;
  let open: 'outage' | 'degraded' | undefined;
  const past: { at: number; letter: string; expectation: Expectation }[] = [];
  for (const [index, { letter, expectation }] of story.entries()) {
    const at = (index + 1) * MINUTE;
    const finding = FINDINGS[letter];
    if (finding === undefined) throw new Error(letter);
    const { health: next, transition } = judge(health, observe(finding, at), expectation, policy);
    past.push({ at, letter, expectation });
    if (letter === 'blind' && (next !== health || transition !== undefined)) return 'unknown moved something';
    if (expectation !== 'open' && transition !== undefined) return 'something moved behind a closed door';
    const law = transition && lawOf(transition, open, past, policy);
    if (law !== undefined) return law;
    if (transition?.kind === 'opened') open = transition.impact;
    if (transition?.kind === 'worsened') open = 'outage';
    if (transition?.kind === 'resolved') open = undefined;
    if ((next.phase === 'down' || next.phase === 'recovering') !== (open === 'outage')) return 'down without an outage';
    if (next.phase === 'degraded' && open !== 'degraded') return 'degraded without an incident';
    health = next;
  }
  return undefined;
}

function lawOf(
  transition: Transition,
  open: 'outage' | 'degraded' | undefined,
  past: readonly { at: number; letter: string; expectation: Expectation }[],
  policy: Policy,
): string | undefined {
  const seen = past.filter((each) => each.letter !== 'blind');
  const streak = (test: (letter: string) => boolean): { at: number; expectation: Expectation }[] =>
    seen.slice(seen.findLastIndex((each) => !test(each.letter)) + 1);
  const bad = streak((letter) => letter === 'bad').filter((_each, index, all) =>
    all.slice(index).every((later) => later.expectation === 'open'),
  );
  // What was seen behind a closed door counts neither for nor against.
  const awake = seen.filter((each) => each.expectation === 'open');
  const good = awake.slice(awake.findLastIndex((each) => each.letter === 'bad') + 1);
  switch (transition.kind) {
    case 'opened':
      if (open !== undefined) return 'opened twice';
      if (transition.impact === 'degraded') return undefined;
      if (bad.length !== policy.failures) return `opened after ${bad.length} failures`;
      return transition.at === bad[0]?.at ? undefined : 'not back-dated to the first failure';
    case 'worsened':
      if (open !== 'degraded') return 'worsened what was not degraded';
      return transition.at === bad[0]?.at ? undefined : 'worsening not back-dated';
    case 'resolved':
      if (open === undefined) return 'resolved what was not open';
      if (good.length < policy.successes) return `resolved after ${good.length} successes`;
      return good.some((each) => each.at === transition.at) ? undefined : 'resolution not back-dated to a good look';
  }
}

function* stories(letters: readonly Step[], length: number): Generator<Step[]> {
  if (length === 0) {
    yield [];
    return;
  }
  for (const rest of stories(letters, length - 1)) for (const letter of letters) yield [...rest, letter];
}

function walk(letters: readonly Step[], length: number, policy: Policy): { walked: number; broken: string[] } {
  let walked = 0;
  const broken: string[] = [];
  for (const story of stories(letters, length)) {
    walked++;
    const law = breach(story, policy);
    if (law !== undefined)
      broken.push(`${law}: ${story.map((each) => `${each.letter}/${each.expectation}`).join(' ')}`);
  }
  return { walked, broken: broken.slice(0, 5) };
}

function lettersOf(expectations: readonly Expectation[]): Step[] {
  return Object.keys(FINDINGS).flatMap((letter) => expectations.map((expectation) => ({ letter, expectation })));
}

function tell(story: string, policy: Policy = POLICY, expectation: Expectation = 'open'): Told[] {
  let health = UNKNOWN_HEALTH;
  return story.split(' ').flatMap((word, index): Told[] => {
    const [letter = '', hours] = word.split('/');
    const finding = FINDINGS[letter];
    if (finding === undefined) throw new Error(word);
    const at = index + 1;
    const verdict = judge(health, observe(finding, at), (hours as Expectation | undefined) ?? expectation, policy);
    health = verdict.health;
    return verdict.transition === undefined ? [] : [{ at, transition: verdict.transition }];
  });
}

function brief(told: readonly Told[]): string[] {
  return told.map(({ at, transition }) =>
    transition.kind === 'opened'
      ? `${at}: ${transition.impact} since ${transition.at}`
      : `${at}: ${transition.kind} since ${transition.at}`,
  );
}

describe('the judge', () => {
  it('keeps every law in every story of five looks, whatever the hour', () => {
    const { walked, broken } = walk(lettersOf(['open', 'closed', 'maintenance']), 5, POLICY);
    expect(walked).toBe(12 ** 5);
    expect(broken).toEqual([]);
  });

  it('keeps every law in every story of eight looks in open hours', () => {
    const { walked, broken } = walk(lettersOf(['open']), 8, POLICY);
    expect(walked).toBe(4 ** 8);
    expect(broken).toEqual([]);
  });

  it('keeps every law when one look is enough', () => {
    const hasty = { ...POLICY, failures: 1, successes: 1, slow: { atLeast: 1, of: 1 } };
    expect(walk(lettersOf(['open', 'closed']), 5, hasty).broken).toEqual([]);
  });

  it('is watched by laws that can be broken', () => {
    const story = [{ letter: 'bad', expectation: 'open' as const }];
    const told: Transition = { kind: 'opened', at: 1, impact: 'outage', fault: fault('TCP_REFUSED', 'x') };
    expect(lawOf(told, undefined, [{ at: 1, ...story[0]! }], POLICY)).toBe('opened after 1 failures');
    expect(lawOf(told, 'outage', [], POLICY)).toBe('opened twice');
    expect(lawOf({ kind: 'resolved', at: 1 }, undefined, [], POLICY)).toBe('resolved what was not open');
  });

  it.each([
    ['opens after two failures, back-dated', 'ok bad bad', ['3: outage since 2']],
    ['opens although nothing good was ever seen', 'bad bad', ['2: outage since 1']],
    ['forgives one failure', 'ok bad ok bad ok', []],
    ['is not moved by what it could not see', 'ok bad blind blind bad', ['5: outage since 2']],
    ['resolves after two successes, back-dated', 'bad bad ok ok', ['2: outage since 1', '4: resolved since 3']],
    ['stays down through one success', 'bad bad ok bad ok bad', ['2: outage since 1']],
    ['calls two slow looks of three degraded', 'ok slow ok slow', ['4: degraded since 2']],
    ['ends a degradation when it is calm', 'slow slow ok ok', ['2: degraded since 1', '4: resolved since 3']],
    [
      'makes a degradation worse, not a second incident',
      'slow slow bad bad',
      ['2: degraded since 1', '4: worsened since 3'],
    ],
    ['takes a slow answer as an answer', 'bad bad slow slow', ['2: outage since 1', '4: resolved since 3']],
    ['opens nothing at night', 'ok bad/closed bad/closed bad/closed', []],
    ['begins to count at opening time', 'ok bad/closed bad/closed bad bad', ['5: outage since 4']],
    ['forgets at closing time what was not confirmed', 'ok bad bad/closed bad ok', []],
    [
      'keeps an outage open over the night',
      'bad bad ok/closed ok/closed ok ok',
      ['2: outage since 1', '6: resolved since 5'],
    ],
    ['opens nothing under maintenance', 'ok bad/maintenance bad/maintenance ok', []],
  ])('%s', (_name, story, expected) => {
    expect(brief(tell(story))).toEqual(expected);
  });

  it('asks for another look soon while the newest one contradicts the phase, and only then', () => {
    const phases = (story: string): boolean[] => {
      let health = UNKNOWN_HEALTH;
      return story.split(' ').map((letter, index) => {
        const finding = FINDINGS[letter];
        if (finding === undefined) throw new Error(letter);
        health = judge(health, observe(finding, index), 'open', POLICY).health;
        return isUnsettled(health);
      });
    };
    expect(phases('ok bad bad bad ok ok ok')).toEqual([false, true, false, false, true, false, false]);
    expect(phases('ok slow slow slow ok ok')).toEqual([false, true, false, false, true, false]);
  });

  it('holds an answer against the promise, and only a good one', () => {
    const good = FINDINGS['ok']!;
    expect(holdPromise(good, 900, 1_000)).toBe(good);
    expect(holdPromise(good, 900, undefined)).toBe(good);
    expect(holdPromise(good, 2_500, 1_000)).toMatchObject({
      kind: 'degraded',
      rung: 'answered',
      fault: { code: 'SLOW', cause: 'slow', message: 'answered after 2.5 s, promised within 1.0 s' },
    });
    expect(holdPromise(FINDINGS['bad']!, 9_000, 1)).toBe(FINDINGS['bad']);
  });
});
