/**
 * The full figure of R-19: every zone that Intl knows, each of its clock changes from 2024 to 2035, 200 random schedules and 50
 * cron expressions each, against the scan of every minute. Run it with `node tests/abuse/calendar.ts [schedules] [seed]`; it
 * takes some minutes, shows how far it is, and exits 1 at a difference.
 */
import { duelOfCron, duelOfHours } from '../lib/duel.ts';
import { changesOf, dice, film } from '../lib/wallclock.ts';
import type { Film } from '../lib/wallclock.ts';

const [schedules, seed] = [Number(process.argv[2] ?? 200), Number(process.argv[3] ?? 20_261_122)];
const expressions = Math.ceil(schedules / 4);
const LEAP_DAY = Date.UTC(2028, 1, 29);
const MOST_TOLD = 20;

const zones = Intl.supportedValuesOf('timeZone');
const roll = dice(seed);
const started = performance.now();
const sum = { changes: 0, schedules: 0, expressions: 0, minutes: 0, differences: 0 };

function seconds(): string {
  return `${Math.round((performance.now() - started) / 1_000)} s`;
}

function fight(taken: Film, duel: typeof duelOfHours, rounds: number): number {
  for (let round = 0; round < rounds; round++) {
    const { minutes, difference } = duel(taken, roll);
    sum.minutes += minutes;
    if (difference === undefined) continue;
    sum.differences++;
    if (sum.differences <= MOST_TOLD) console.log(`difference: ${difference}`);
  }
  return rounds;
}

for (const [index, zone] of zones.entries()) {
  const changes = changesOf(zone, 2024, 2035);
  for (const change of changes.length === 0 ? [LEAP_DAY] : changes) {
    const taken = film(zone, change);
    if (taken === undefined) throw new Error(`${zone}: another clock change within three days of ${change}`);
    sum.changes += changes.length === 0 ? 0 : 1;
    sum.schedules += fight(taken, duelOfHours, schedules);
    sum.expressions += fight(taken, duelOfCron, expressions);
  }
  if (index % 20 === 19)
    console.log(`${index + 1} of ${zones.length} zones, ${sum.changes} clock changes, ${seconds()}`);
}

console.log(
  `${zones.length} zones, ${sum.changes} clock changes, ${sum.schedules} schedules, ${sum.expressions} cron expressions, ` +
    `${sum.minutes} minutes compared, ${sum.differences} differences, seed ${seed}, ${seconds()}, tzdata ${process.versions['tz'] ?? '?'}`,
);
process.exitCode = sum.differences === 0 ? 0 : 1;
