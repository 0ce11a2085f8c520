/** The calendar against the slow oracle on one clock change: the first difference in words, or nothing. */
import { openCalendar } from '../../src/core/calendar.ts';
import { nextFiring, parseCron } from '../../src/core/cron.ts';
import type { Calendar } from '../../src/core/calendar.ts';
import { anyCron, anySchedule, COMPARED, dateOf, firingMinutes, MINUTE, openMinutes, written } from './wallclock.ts';
import type { Film } from './wallclock.ts';

/** How many minutes were compared, and what differed first. */
export interface Outcome {
  readonly minutes: number;
  readonly difference: string | undefined;
}

const EDGE = (COMPARED / MINUTE) * 2;

/** One random schedule: the expectation of each minute around the change, and the next change from each quarter of an hour. */
export function duelOfHours(film: Film, roll: (below: number) => number): Outcome {
  const middle = film.walls.length / 2;
  const schedule = anySchedule(roll, film.walls[middle] ?? 0);
  const weekly = written(schedule);
  const calendar = openCalendar(
    {
      weekly,
      timezone: film.zone,
      holidays: schedule.holidays.map(dateOf),
      onHolidays: schedule.onHolidays,
      workdays: schedule.workdays.map(dateOf),
    },
    [],
  );
  const open = openMinutes(film, schedule);
  const wrong = compare(calendar, film, open, ['closed', 'open']);
  return { minutes: EDGE, difference: wrong && `${film.zone} "${weekly}" ${JSON.stringify(schedule)}: ${wrong}` };
}

/** One random cron expression: its firings, and the windows of maintenance that begin with them. */
export function duelOfCron(film: Film, roll: (below: number) => number): Outcome {
  const middle = film.walls.length / 2;
  const work = anyCron(roll, film.walls[middle] ?? 0);
  const length = 1 + roll(roll(2) === 0 ? 90 : 600);
  const fired = firingMinutes(film, work);
  const parsed = parseCron(work.text);
  if (!parsed.ok) return { minutes: 0, difference: `"${work.text}" does not parse: ${parsed.message}` };
  const [from, until] = [middle - EDGE / 2, middle + EDGE / 2];
  const expected = fired.filter((each) => each > from && each < until);
  const found: number[] = [];
  const next = (minute: number): number =>
    ((nextFiring(parsed.cron, film.zone, film.from + minute * MINUTE) ?? Infinity) - film.from) / MINUTE;
  for (let minute = next(from); minute < until; minute = next(minute)) found.push(minute);
  const told = `${film.zone} "${work.text}"`;
  if (String(found) !== String(expected)) {
    const index = expected.findIndex((each, i) => found[i] !== each);
    const words = `${told} fires at minute ${found[index] ?? 'never'}, expected ${expected[index] ?? 'never'}`;
    return { minutes: EDGE, difference: words };
  }
  const rule = { kind: 'cron' as const, cron: work.text, durationMs: length * MINUTE, timezone: film.zone };
  const hours = { weekly: '24/7', timezone: film.zone, holidays: [], onHolidays: 'open' as const, workdays: [] };
  const busy = new Uint8Array(film.walls.length);
  for (const each of fired) busy.fill(1, each, each + length);
  const wrong = compare(openCalendar(hours, [rule]), film, busy, ['open', 'maintenance']);
  return { minutes: EDGE, difference: wrong && `${told} for ${length} minutes: ${wrong}` };
}

function compare(
  calendar: Calendar,
  film: Film,
  states: Uint8Array,
  words: readonly [string, string],
): string | undefined {
  const middle = film.walls.length / 2;
  const [from, until] = [middle - EDGE / 2, middle + EDGE / 2];
  for (let minute = from; minute < until; minute++) {
    const found = calendar.expectation(film.from + minute * MINUTE);
    const expected = words[states[minute] === 1 ? 1 : 0];
    if (found !== expected) return `${place(film, minute)} is ${found}, expected ${expected}`;
  }
  for (let minute = from; minute < until; minute += 15) {
    const state = states[minute];
    let turn = minute;
    while (turn < until && states[turn] === state) turn++;
    const change = calendar.nextChange(film.from + minute * MINUTE);
    const found = change === undefined ? until : (change.at - film.from) / MINUTE;
    if (turn < until ? found !== turn : found < until) {
      return `${place(film, minute)} changes next at minute ${found}, expected ${turn}`;
    }
  }
  return undefined;
}

function place(film: Film, minute: number): string {
  return `${new Date(film.from + minute * MINUTE).toISOString()} (minute ${minute})`;
}
