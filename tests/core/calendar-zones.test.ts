/** The calendar against a scan of every minute: every zone, sampled clock changes, random schedules. The full run is tests/abuse/calendar.ts. */
import { describe, expect, it } from 'vitest';
import { duelOfCron, duelOfHours } from '../lib/duel.ts';
import type { Outcome } from '../lib/duel.ts';
import { changesOf, dice, film } from '../lib/wallclock.ts';
import type { Film } from '../lib/wallclock.ts';

const ZONES = Intl.supportedValuesOf('timeZone');
const LEAP_DAY = Date.UTC(2028, 1, 29);

/** One clock change of each zone, another in each; of a zone without any, a leap day. */
function films(roll: (below: number) => number): Film[] {
  return ZONES.map((zone) => {
    const changes = changesOf(zone, 2024, 2035);
    const found = film(zone, changes[roll(changes.length)] ?? LEAP_DAY);
    if (found === undefined) throw new Error(`${zone}: two clock changes within three days`);
    return found;
  });
}

const roll = dice(19);
const taken = films(roll);

function fight(duel: (film: Film, roll: (below: number) => number) => Outcome, rounds: number): string[] {
  const differences: string[] = [];
  for (const each of taken) {
    for (let round = 0; round < rounds; round++) {
      const { difference } = duel(each, roll);
      if (difference !== undefined) differences.push(difference);
    }
  }
  return differences.slice(0, 5);
}

describe('a calendar and a scan of every minute (R-19)', () => {
  it('knows every zone that Intl knows, most of them with clock changes of their own', () => {
    expect(ZONES.length).toBeGreaterThan(400);
    expect(ZONES.filter((zone) => changesOf(zone, 2027, 2027).length > 0).length).toBeGreaterThan(100);
  });

  it('agree on opening hours around a clock change of every zone', { timeout: 60_000 }, () => {
    expect(fight(duelOfHours, 12)).toEqual([]);
  });

  it('agree on cron expressions and their windows around a clock change of every zone', { timeout: 60_000 }, () => {
    expect(fight(duelOfCron, 6)).toEqual([]);
  });
});
