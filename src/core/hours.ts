/** Reads weekly service hours: a documented subset of OpenStreetMap's opening_hours. It knows no zone and no clock. */

/**
 * The subset: `24/7`, or rules separated by `;`, each `[days] times` where days are `Mo-Fr`, `Mo,We`, `PH` (public holidays),
 * `Dec 25`, `2026 Dec 24-26`, and times are `08:00-12:00,13:00-17:00`, `22:00-02:00` (past midnight), `00:00-24:00`, `off` or
 * `closed`. A later rule replaces an earlier one on the days it names.
 */
export interface WeeklyHours {
  /** Round the clock, every day, without exception. */
  readonly always: boolean;
  readonly rules: readonly HoursRule[];
}

export interface HoursRule {
  readonly days: DaySelector;
  /** Minutes from local midnight; `until` above 1440 runs into the next day. Empty: closed. */
  readonly spans: readonly { readonly from: number; readonly until: number }[];
}

export interface DaySelector {
  /** ISO weekdays, 1 is Monday. */
  readonly weekdays: ReadonlySet<number>;
  readonly publicHolidays: boolean;
  readonly dates: readonly DateRange[];
}

export interface DateRange {
  readonly year: number | undefined;
  readonly from: { readonly month: number; readonly day: number };
  readonly until: { readonly month: number; readonly day: number };
}

export type ParsedHours =
  | ({ readonly ok: true } & WeeklyHours)
  /** `at` is the offset of the piece that is wrong. */
  | { readonly ok: false; readonly message: string; readonly at: number };

const WEEKDAYS = ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const ALL_DAYS: DaySelector = { weekdays: new Set([1, 2, 3, 4, 5, 6, 7]), publicHolidays: true, dates: [] };
const DAY = 24 * 60;
const LONGEST_TEXT = 2_000;

/** Reads the text; on failure says which piece is wrong and what is expected. */
export function parseHours(text: string): ParsedHours {
  if (text.length > LONGEST_TEXT) return { ok: false, message: 'longer than 2,000 characters', at: 0 };
  if (text.trim() === '24/7') {
    return { ok: true, always: true, rules: [{ days: ALL_DAYS, spans: [{ from: 0, until: DAY }] }] };
  }
  const rules: HoursRule[] = [];
  let at = 0;
  for (const piece of text.split(';')) {
    if (piece.trim() !== '') {
      const rule = readRule(piece.trim());
      if (typeof rule === 'string')
        return { ok: false, message: rule, at: at + piece.length - piece.trimStart().length };
      rules.push(rule);
    }
    at += piece.length + 1;
  }
  if (rules.length === 0) return { ok: false, message: 'no hours; write for example Mo-Fr 08:00-20:00 or 24/7', at: 0 };
  return { ok: true, always: false, rules };
}

function readRule(text: string): HoursRule | string {
  const times = /(?:^|\s)(off|closed|24\/7|\d{1,2}:\d{2}\s*-.*)$/i.exec(text);
  if (times === null) return `"${text}" has no times; write 08:00-20:00 or off behind the days`;
  const days = readDays(text.slice(0, times.index).trim());
  if (typeof days === 'string') return days;
  const spans = readSpans(times[1] ?? '');
  return typeof spans === 'string' ? spans : { days, spans };
}

function readDays(text: string): DaySelector | string {
  if (text === '') return ALL_DAYS;
  if (/^(?:\d{4}\s+)?[A-Z][a-z]{2}\s+\d/.test(text)) return readDates(text);
  const weekdays = new Set<number>();
  let publicHolidays = false;
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === 'PH') publicHolidays = true;
    else {
      const [first = '', last = first] = part.split('-').map((each) => WEEKDAYS.indexOf(each.trim()) + 1);
      if (!first || !last || part.split('-').length > 2)
        return `"${part}" is no day; write Mo Tu We Th Fr Sa Su, PH or a date such as Dec 25`;
      for (let day = first; ; day = (day % 7) + 1) {
        weekdays.add(day);
        if (day === last) break;
      }
    }
  }
  return { weekdays, publicHolidays, dates: [] };
}

function readDates(text: string): DaySelector | string {
  const dates: DateRange[] = [];
  for (const part of text.split(',').map((each) => each.trim())) {
    const range = readDateRange(part);
    if (range === undefined) return `"${part}" is no date; write Dec 25, 2026 Dec 25 or Dec 24-26`;
    dates.push(range);
  }
  return { weekdays: new Set(), publicHolidays: false, dates };
}

function readDateRange(text: string): DateRange | undefined {
  const match = /^(?:(\d{4})\s+)?([A-Z][a-z]{2})\s+(\d{1,2})(?:\s*-\s*(?:([A-Z][a-z]{2})\s+)?(\d{1,2}))?$/.exec(text);
  if (match === null) return undefined;
  const [, year, month = '', day = '', untilMonth = month, untilDay = day] = match;
  const from = { month: MONTHS.indexOf(month) + 1, day: Number(day) };
  const until = { month: MONTHS.indexOf(untilMonth) + 1, day: Number(untilDay) };
  if (from.month === 0 || until.month === 0 || !isDay(from.day) || !isDay(until.day)) return undefined;
  return { year: year === undefined ? undefined : Number(year), from, until };
}

function isDay(day: number): boolean {
  return day >= 1 && day <= 31;
}

function readSpans(text: string): HoursRule['spans'] | string {
  if (/^(?:off|closed)$/i.test(text)) return [];
  if (text === '24/7') return [{ from: 0, until: DAY }];
  const spans: { from: number; until: number }[] = [];
  for (const part of text.split(',').map((each) => each.trim())) {
    const match = /^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/.exec(part);
    const [from, end] = [minutesOf(match?.[1], match?.[2]), minutesOf(match?.[3], match?.[4])];
    if (from === undefined || end === undefined || from === DAY)
      return `"${part}" is no range of times; write 08:00-20:00`;
    if (from === end) return `"${part}" begins and ends at the same minute; write 00:00-24:00 for a whole day`;
    spans.push({ from, until: end > from ? end : end + DAY });
  }
  return spans.sort((a, b) => a.from - b.from);
}

function minutesOf(hour: string | undefined, minute: string | undefined): number | undefined {
  const [h, m] = [Number(hour), Number(minute)];
  return h <= 24 && m <= 59 && h * 60 + m <= DAY ? h * 60 + m : undefined;
}

/** The spans of one local date: the last rule that names it decides. `holiday` is whether the date is a public holiday. */
export function spansOn(
  hours: WeeklyHours,
  date: { readonly year: number; readonly month: number; readonly day: number; readonly dayOfWeek: number },
  holiday: boolean,
): HoursRule['spans'] {
  return hours.rules.findLast(({ days }) => names(days, date, holiday))?.spans ?? [];
}

function names(
  days: DaySelector,
  date: { readonly year: number; readonly month: number; readonly day: number; readonly dayOfWeek: number },
  holiday: boolean,
): boolean {
  if (days.weekdays.has(date.dayOfWeek) || (holiday && days.publicHolidays)) return true;
  const key = date.month * 100 + date.day;
  return days.dates.some(({ year, from, until }) => {
    if (year !== undefined && year !== date.year) return false;
    const [first, last] = [from.month * 100 + from.day, until.month * 100 + until.day];
    return first <= last ? key >= first && key <= last : key >= first || key <= last;
  });
}
