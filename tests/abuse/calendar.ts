/**
 * The calendar against a scan of every minute, in every zone that Intl knows. A part of it is in `npm test`; the full
 * figure is `node tests/abuse/calendar.ts [schedules] [seed]`: each clock change from 2024 to 2035 with 200 random schedules
 * and 50 cron expressions. It takes a quarter of an hour, shows how far it is, and exits 1 at a difference.
 */
import { duelOfCron, duelOfHours } from '../lib/duel.ts';
import { changesOf, dice, film } from '../lib/wallclock.ts';
import type { Film } from '../lib/wallclock.ts';

export interface Plan {
  /** Random schedules at each clock change, and cron expressions. */
  readonly schedules: number;
  readonly expressions: number;
  readonly seed: number;
  /** At most so many clock changes of a zone, chosen by chance. */
  readonly changes: number;
  readonly tell: (line: string) => void;
}

export interface Figures {
  readonly zones: number;
  readonly changes: number;
  readonly schedules: number;
  readonly expressions: number;
  readonly minutes: number;
  /** The first of them, in words. */
  readonly differences: readonly string[];
}

const [FIRST_YEAR, LAST_YEAR] = [2024, 2035];
/** Where the clock of a zone never changes, the rules are compared on a leap day. */
const LEAP_DAY = Date.UTC(2028, 1, 29);
const MOST_TOLD = 20;

/** Goes through every zone. With the same seed two runs compare the same. */
export function compareZones(plan: Plan): Figures {
  const zones = Intl.supportedValuesOf('timeZone');
  const roll = dice(plan.seed);
  const started = performance.now();
  const sum = {
    zones: zones.length,
    changes: 0,
    schedules: 0,
    expressions: 0,
    minutes: 0,
    differences: [] as string[],
  };
  const fight = (taken: Film, duel: typeof duelOfHours, rounds: number): number => {
    for (let round = 0; round < rounds && sum.differences.length < MOST_TOLD; round++) {
      const { minutes, difference } = duel(taken, roll);
      sum.minutes += minutes;
      if (difference !== undefined) sum.differences.push(difference);
    }
    return rounds;
  };
  for (const [index, zone] of zones.entries()) {
    const all = changesOf(zone, FIRST_YEAR, LAST_YEAR);
    const some =
      all.length <= plan.changes ? all : Array.from({ length: plan.changes }, () => all[roll(all.length)] ?? 0);
    for (const change of some.length === 0 ? [LEAP_DAY] : some) {
      const taken = film(zone, change);
      if (taken === undefined) throw new Error(`${zone}: another clock change within three days of ${change}`);
      sum.schedules += fight(taken, duelOfHours, plan.schedules);
      sum.expressions += fight(taken, duelOfCron, plan.expressions);
    }
    sum.changes += some.length;
    const seconds = Math.round((performance.now() - started) / 1_000);
    if (index % 20 === 19)
      plan.tell(`${index + 1} of ${zones.length} zones, ${sum.changes} clock changes, ${seconds} s`);
  }
  return sum;
}

if (import.meta.main) {
  const [schedules, seed] = [Number(process.argv[2] ?? 200), Number(process.argv[3] ?? 20_261_122)];
  const expressions = Math.ceil(schedules / 4);
  const found = compareZones({ schedules, expressions, seed, changes: Infinity, tell: console.log });
  for (const difference of found.differences) console.log(`difference: ${difference}`);
  console.log(
    `${found.zones} zones, ${found.changes} clock changes, ${found.schedules} schedules, ${found.expressions} cron ` +
      `expressions, ${found.minutes} minutes compared, ${found.differences.length} differences, seed ${seed}, ` +
      `tzdata ${process.versions['tz'] ?? '?'}`,
  );
  process.exitCode = found.differences.length === 0 ? 0 : 1;
}
