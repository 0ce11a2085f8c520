/** A slow oracle for calendars: it reads what Intl says a clock shows, minute by minute, and knows no rule of ours but the words. */
import { Temporal } from 'temporal-polyfill';

export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

/** Numbers that look like chance and are the same in each run (mulberry32). */
export function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What a clock in the zone shows, as the epoch milliseconds that it would be in UTC. */
export function shown(zone: string, at: number): number {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium', calendar: 'iso8601' });
  formats.set(zone, format);
  return Date.parse(`${format.format(at).replace(' ', 'T')}Z`);
}

/** Clock changes of a zone between two years. */
export function changesOf(zone: string, firstYear: number, lastYear: number): number[] {
  const found: number[] = [];
  const end = Date.UTC(lastYear + 1, 0);
  let moment = Temporal.Instant.fromEpochMilliseconds(Date.UTC(firstYear, 0)).toZonedDateTimeISO(zone);
  for (;;) {
    const next = moment.getTimeZoneTransition('next');
    if (next === null || next.epochMilliseconds >= end) return found;
    found.push(next.epochMilliseconds);
    moment = next;
  }
}

/** What the clock shows in each minute of a stretch around an instant. */
export interface Film {
  readonly zone: string;
  readonly from: number;
  readonly walls: Float64Array;
}

/** Half of what is compared, and of what is filmed so that spans of days before are seen whole. */
export const COMPARED = 26 * HOUR;
const FILMED = 78 * HOUR;
/** Further from a change than this the clock goes on evenly; the ends are looked at to be sure. */
const UNEVEN = 3 * HOUR;

/** Undefined: there is another change near, which would have to be filmed as well. */
export function film(zone: string, change: number): Film | undefined {
  const middle = Math.floor(change / MINUTE) * MINUTE;
  const from = middle - FILMED;
  const walls = new Float64Array((2 * FILMED) / MINUTE);
  const [first, last] = [(FILMED - UNEVEN) / MINUTE, (FILMED + UNEVEN) / MINUTE];
  for (let i = first; i <= last; i++) walls[i] = shown(zone, from + i * MINUTE);
  for (let i = first - 1; i >= 0; i--) walls[i] = (walls[i + 1] ?? 0) - MINUTE;
  for (let i = last + 1; i < walls.length; i++) walls[i] = (walls[i - 1] ?? 0) + MINUTE;
  const even = walls[0] === shown(zone, from) && walls.at(-1) === shown(zone, from + (walls.length - 1) * MINUTE);
  return even ? { zone, from, walls } : undefined;
}

/** The minute at which a window begins: the first that shows its time, or the first after a gap that leaves it out. */
function beginning(walls: Float64Array, wall: number): number {
  let index = 0;
  while (index < walls.length && (walls[index] ?? 0) < wall) index++;
  return index;
}

/** The minute at which it ends: the last that shows its time, or the first after a gap that leaves it out. */
function ending(walls: Float64Array, wall: number): number {
  const index = walls.lastIndexOf(wall);
  return index < 0 ? beginning(walls, wall) : index;
}

export interface Rule {
  /** ISO weekdays. */
  readonly weekdays: readonly number[];
  readonly holidays: boolean;
  /** Days since 1970-01-01; undefined: any. */
  readonly day: number | undefined;
  /** Minutes from midnight. */
  readonly spans: readonly (readonly [number, number])[];
}

export interface Schedule {
  readonly rules: readonly Rule[];
  readonly holidays: readonly number[];
  readonly workdays: readonly number[];
  readonly onHolidays: 'open' | 'closed';
}

const NAMES = ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
export const dateOf = (day: number): string => new Date(day * DAY).toISOString().slice(0, 10);

/** As an operator writes it. */
export function written({ rules }: Schedule): string {
  return rules
    .map((rule) => {
      const days = [...rule.weekdays.map((each) => NAMES[each - 1]), ...(rule.holidays ? ['PH'] : [])].join(',');
      const times = rule.spans.map(([from, until]) => `${clock(from)}-${clock(until)}`).join(',');
      return [rule.day === undefined ? '' : dateWords(rule.day), days, times || 'off'].filter((each) => each).join(' ');
    })
    .join('; ');
}

function dateWords(day: number): string {
  const date = new Date(day * DAY);
  return `${date.getUTCFullYear()} ${MONTHS[date.getUTCMonth()] ?? ''} ${date.getUTCDate()}`;
}

export function clock(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

/** A schedule whose edges lie near what the clock shows at a change. */
export function anySchedule(roll: (below: number) => number, wall: number): Schedule {
  const day = Math.floor(wall / DAY);
  const near = Math.floor((wall % DAY) / MINUTE);
  const span = (): readonly [number, number] => {
    const from = roll(2) === 0 ? roll(1_440) : (near + roll(361) - 180 + 1_440) % 1_440;
    if (roll(8) === 0) return [0, 1_440];
    if (roll(8) === 0) return [from, from + 1_440];
    const length = 1 + (roll(2) === 0 ? roll(180) : roll(1_440));
    return [from, from + length];
  };
  const spans = (): (readonly [number, number])[] => Array.from({ length: roll(4) }, span);
  const some = (): number[] => [1, 2, 3, 4, 5, 6, 7].filter(() => roll(3) > 0);
  const rules: Rule[] = [
    { weekdays: [1, 2, 3, 4, 5, 6, 7], holidays: roll(4) === 0, day: undefined, spans: [span(), ...spans()] },
  ];
  if (roll(2) === 0) {
    const weekdays = some();
    rules.push({ weekdays, holidays: weekdays.length === 0 || roll(4) === 0, day: undefined, spans: spans() });
  }
  if (roll(3) === 0) rules.push({ weekdays: [], holidays: true, day: undefined, spans: spans() });
  if (roll(3) === 0) {
    rules.push({ weekdays: [1, 2, 3, 4, 5, 6, 7], holidays: false, day: day + roll(3) - 1, spans: spans() });
  }
  const days = [day - 2, day - 1, day, day + 1].filter(() => roll(3) === 0);
  const workdays = [day - 1, day].filter((each) => !days.includes(each) && roll(3) === 0);
  return { rules, holidays: days, workdays, onHolidays: roll(2) === 0 ? 'open' : 'closed' };
}

/** For each minute of the film 1 when somebody is there. */
export function openMinutes({ walls }: Film, schedule: Schedule): Uint8Array {
  const open = new Uint8Array(walls.length);
  const [first, last] = [Math.floor((walls[0] ?? 0) / DAY) - 2, Math.floor((walls.at(-1) ?? 0) / DAY)];
  for (let day = first; day <= last; day++) {
    for (const [from, until] of promised(schedule, day)) {
      const begins = beginning(walls, day * DAY + from * MINUTE);
      const ends = ending(walls, day * DAY + until * MINUTE);
      if (ends > begins) open.fill(1, begins, ends);
    }
  }
  return open;
}

function promised(schedule: Schedule, day: number): Rule['spans'] {
  const names = schedule.rules.some((rule) => rule.holidays);
  const matter = names || schedule.onHolidays === 'closed';
  const works = matter && schedule.workdays.includes(day);
  const free = matter && !works && schedule.holidays.includes(day);
  const weekday = works ? 1 : new Date(day * DAY).getUTCDay() || 7;
  const rules = schedule.rules.filter((rule) => {
    const byDay = rule.weekdays.includes(weekday) || (rule.holidays && free);
    return byDay && (rule.day === undefined || rule.day === day);
  });
  const rule = rules.at(-1);
  const shut = free && !names && rule?.day === undefined;
  return rule === undefined || shut ? [] : rule.spans;
}

export interface Clockwork {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  /** Dates on which it runs at all. */
  readonly isDay: (date: Date) => boolean;
  readonly running: boolean;
  readonly text: string;
}

/** A cron expression, and the same in plain values. */
export function anyCron(roll: (below: number) => number, wall: number): Clockwork {
  const date = new Date(wall);
  const near = (date.getUTCHours() + roll(5) - 2 + 24) % 24;
  const range = (from: number, to: number, by = 1): number[] =>
    Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, i) => from + i * by);
  const by = [5, 7, 10, 15, 30][roll(5)] ?? 5;
  const minuteForms: [string, number[]][] = [
    ['*', range(0, 59)],
    [`*/${by}`, range(0, 59, by)],
    ['0,30', [0, 30]],
  ];
  const single = roll(60);
  const [minuteText, minutes] = minuteForms[roll(6)] ?? [String(single), [single]];
  const until = Math.min(23, near + roll(6));
  const hourForms: [string, number[]][] = [
    ['*', range(0, 23)],
    ['*/2', range(0, 22, 2)],
    [`${near}-${until}`, range(near, until)],
  ];
  const [hourText, hours] = hourForms[roll(6)] ?? [String(near), [near]];
  const dayOfMonth = roll(3) === 0 ? date.getUTCDate() : undefined;
  const weekday = roll(3) === 0 ? (date.getUTCDay() + roll(2)) % 7 : undefined;
  const isDay = (each: Date): boolean => {
    const [first, second] = [each.getUTCDate() === dayOfMonth, each.getUTCDay() === weekday];
    if (dayOfMonth !== undefined && weekday !== undefined) return first || second;
    return dayOfMonth === undefined ? weekday === undefined || second : first;
  };
  const text = `${minuteText} ${hourText} ${dayOfMonth ?? '*'} * ${weekday ?? '*'}`;
  return { minutes, hours, isDay, running: minuteText.startsWith('*') || hourText.startsWith('*'), text };
}

/** Minutes of the film in which it fires. */
export function firingMinutes({ walls }: Film, work: Clockwork): number[] {
  const found = new Set<number>();
  if (work.running) {
    // Every so often: whenever the clock shows it, twice in a repeated hour.
    for (const [index, wall] of walls.entries()) {
      const now = work.minutes.includes((wall / MINUTE) % 60) && work.hours.includes(Math.floor((wall % DAY) / HOUR));
      if (now && work.isDay(new Date(wall))) found.add(index);
    }
    return [...found];
  }
  const [first, last] = [Math.floor((walls[0] ?? 0) / DAY) + 1, Math.floor((walls.at(-1) ?? 0) / DAY) - 1];
  for (let day = first; day <= last; day++) {
    if (!work.isDay(new Date(day * DAY))) continue;
    for (const hour of work.hours) {
      for (const minute of work.minutes) found.add(beginning(walls, day * DAY + hour * HOUR + minute * MINUTE));
    }
  }
  return [...found].sort((a, b) => a - b);
}
