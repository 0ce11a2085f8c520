/** a target that fails and answers in a square wave, of every period and duty: how many incidents, how many messages. */
import { describe, expect, it } from 'vitest';
import { failed, fault, ok } from '../../src/core/fault.ts';
import { isUnsettled } from '../../src/core/judge.ts';
import { day, MINUTE, world, type World } from '../lib/world.ts';

const GOOD = ok('answered');
const BAD = failed('none', fault('TCP_REFUSED', 'nobody listens'));
const HALF_HOUR = 30 * MINUTE;
const LASTS = 5 * 60;

interface Wave {
  /** All in minutes. */
  readonly period: number;
  readonly down: number;
  readonly recheck: number;
}

/** A look each minute, and sooner while unconfirmed; the wave begins somewhere between two looks. */
function ride({ period, down, recheck }: Wave): { story: World; at: number[] } {
  const story = world({
    policy: { failures: 3, successes: 2, recheckMs: recheck * MINUTE, slow: { atLeast: 3, of: 5 } },
  });
  const at: number[] = [];
  const lag = (period * 0.37) % 1;
  for (let minute = 0; minute < LASTS;) {
    const bad = (minute + period - lag) % period < down;
    story.look('hotline/a', minute, bad ? BAD : GOOD);
    while (at.length < story.messages().length) at.push(day(minute));
    const slot = Math.floor(minute) + 1;
    minute = isUnsettled(story.health('hotline/a')) ? minute + recheck : slot;
  }
  return { story, at };
}

/** Messages in the half hour that begins with one of them, and the notices among these. */
function halves(told: readonly string[], at: readonly number[]): { messages: number; notices: number }[] {
  return at.map((from) => {
    const within = told.filter((_, index) => (at[index] ?? 0) >= from && (at[index] ?? 0) < from + HALF_HOUR);
    const notices = within.filter((each) => each.startsWith('unstable') || each.startsWith('reopened')).length;
    return { messages: within.length - notices, notices };
  });
}

const PERIODS = Array.from({ length: 120 }, (_, index) => index + 1);
const DUTIES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

describe.each([
  ['5 s', 5 / 60],
  ['20 s', 20 / 60],
])('R-16: a square wave, looked at again after %s', (_name, recheck) => {
  const waves = PERIODS.flatMap((period) => DUTIES.map((duty) => ({ period, down: period * duty, recheck })));
  const confirming = 2 * recheck;

  it('faster than confirmation is no incident', () => {
    const fast = waves.filter((each) => each.down <= confirming);
    expect(fast.length).toBeGreaterThan(0);
    for (const wave of fast) expect([wave, ride(wave).story.incidents()]).toEqual([wave, []]);
  });

  it('slower is told twice in half an hour at most, and once that it is unstable', () => {
    for (const wave of waves.filter((each) => each.down > confirming)) {
      const { story, at } = ride(wave);
      const worst = halves(story.told(), at).filter((each) => each.messages > 2 || each.notices > 1);
      expect([wave, worst, story.told()]).toEqual([wave, [], story.told()]);
      if (wave.down >= 1 + confirming) expect([wave, story.told().length > 0]).toEqual([wave, true]);
    }
  });
});
