/** Written dates and ranges of dates, such as `Dec 24-26`: what they mean of a day. It knows no hours, zone or clock. */

/** Both ends belong to it. `yearly` counts in month * 100 + day and may run over new year; `dated` in days since 1970-01-01. */
export interface DateRange {
  readonly kind: 'yearly' | 'dated';
  readonly from: number;
  readonly until: number;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAY_MS = 86_400_000;

const DATES =
  /^(?:(\d{4})(?![\dA-Z])\s*)?(?:([A-Z][a-z]{2})(?:\s+(\d{1,2}))?)?(?:\s*-\s*(?:(\d{4})(?![\dA-Z])\s*)?(?:([A-Z][a-z]{2})(?!\S)\s*)?(\d{1,2})?)?$/;

interface DatePoint {
  readonly year: number | undefined;
  readonly month: number | undefined;
  readonly day: number | undefined;
}

/** Reads one date or range of dates; undefined when it is none. */
export function parseDates(text: string): DateRange | undefined {
  const match = DATES.exec(text);
  const from = pointOf(match?.[1], match?.[2], match?.[3]);
  const until = text.includes('-') ? endOf(from, pointOf(match?.[4], match?.[5], match?.[6])) : from;
  return match === null || from === undefined || until === undefined ? undefined : rangeOf(from, until);
}

/** The end of a range, with what it leaves out as at the start: `Dec 24-26`. */
function endOf(from: DatePoint | undefined, end: DatePoint | undefined): DatePoint | undefined {
  if (from === undefined || end === undefined) return undefined;
  if ((from.day === undefined) !== (end.day === undefined)) return undefined;
  if (end.month !== undefined || end.day === undefined) return end;
  return end.day < (from.day ?? 0) ? undefined : { ...end, month: from.month };
}

/** Undefined: a month or day that there is not. */
function pointOf(year: string | undefined, month: string | undefined, day: string | undefined): DatePoint | undefined {
  const index = month === undefined ? 0 : MONTHS.indexOf(month);
  const last = LONGEST_MONTHS[index];
  const number = day === undefined ? undefined : Number(day);
  if (last === undefined || (number !== undefined && (number < 1 || number > last))) return undefined;
  return {
    year: year === undefined ? undefined : Number(year),
    month: month === undefined ? undefined : index + 1,
    day: number,
  };
}

function rangeOf(from: DatePoint, until: DatePoint): DateRange | undefined {
  if ((from.month === undefined) !== (until.month === undefined)) return undefined;
  // Neither a year nor a month: nothing is written, or nothing behind the hyphen.
  if (until.month === undefined && until.year === undefined) return undefined;
  return from.year === undefined ? yearlyOf(from, until) : datedOf(from.year, from, until);
}

function yearlyOf(from: DatePoint, until: DatePoint): DateRange | undefined {
  if (from.month === undefined || until.month === undefined || until.year !== undefined) return undefined;
  const longest = LONGEST_MONTHS[until.month - 1] ?? 0;
  const last = until.day ?? longest;
  // A month without a day is a whole one.
  return last > longest
    ? undefined
    : { kind: 'yearly', from: from.month * 100 + (from.day ?? 1), until: until.month * 100 + last };
}

function datedOf(year: number, from: DatePoint, until: DatePoint): DateRange | undefined {
  const first = dayNumber(year, from.month ?? 1, from.day ?? 1);
  const month = until.month ?? 12;
  const lastOf = (inYear: number): number | undefined => dayNumber(inYear, month, until.day ?? lastDay(inYear, month));
  const same = lastOf(until.year ?? year);
  // `2026 Dec 30-Jan 2` ends in the next year.
  const last = until.year === undefined && first !== undefined && (same ?? 0) < first ? lastOf(year + 1) : same;
  if (first === undefined || last === undefined || last < first) return undefined;
  return { kind: 'dated', from: first, until: last };
}

function lastDay(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** Days since 1970-01-01; undefined for a day that there is not. Years before 1900 are somebody's slip. */
export function dayNumber(year: number, month: number, day: number): number | undefined {
  const at = Date.UTC(year, month - 1, day);
  const exists = month >= 1 && month <= 12 && new Date(at).getUTCDate() === day;
  return year >= 1900 && exists ? at / DAY_MS : undefined;
}

/** Whether one of the ranges has a day, given as days since 1970-01-01. */
export function isAmong(dates: readonly DateRange[], day: number): boolean {
  const date = new Date(day * DAY_MS);
  const key = (date.getUTCMonth() + 1) * 100 + date.getUTCDate();
  return dates.some(({ kind, from, until }) => {
    if (kind === 'dated') return day >= from && day <= until;
    return from <= until ? key >= from && key <= until : key >= from || key <= until;
  });
}
