/** All-day events of an iCalendar text (RFC 5545) as dates of holidays and make-up working days. It reads no file and no zone. */
import { dayNumber } from './dates.ts';

export type ReadCalendar =
  | {
      readonly ok: true;
      /** Local dates `YYYY-MM-DD`, in order. */
      readonly holidays: readonly string[];
      readonly workdays: readonly string[];
      /** Events with a time of day, or cancelled: no holidays. */
      readonly skipped: number;
    }
  /** `line` is counted from 1. */
  | { readonly ok: false; readonly message: string; readonly line: number };

/** The whole of what is read is bounded: a calendar of holidays has some dozens of events. */
const MOST_LINES = 50_000;
const LONGEST_LINE = 8_000;
const MOST_EVENTS = 2_000;
const MOST_DATES = 5_000;
const LONGEST_EVENT_DAYS = 60;
const DAY_MS = 86_400_000;

/** A line with its continuation lines, as `NAME;PARAMETER=VALUE:value`. */
interface Property {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

class Unreadable {
  readonly message: string;
  readonly line: number;
  constructor(message: string, line: number) {
    this.message = message;
    this.line = line;
  }
}

/** Reads all-day events; those that come back each year are given for the years from `first` to `last`. */
export function readCalendar(text: string, first: number, last: number): ReadCalendar {
  const properties = unfold(text);
  if (properties instanceof Unreadable) return { ok: false, message: properties.message, line: properties.line };
  if (properties[0]?.name !== 'BEGIN' || properties[0].value.toUpperCase() !== 'VCALENDAR') {
    return { ok: false, message: 'is no iCalendar: it does not begin with BEGIN:VCALENDAR', line: 1 };
  }
  const events = eventsOf(properties);
  if (events instanceof Unreadable) return { ok: false, message: events.message, line: events.line };
  const [holidays, workdays] = [new Set<string>(), new Set<string>()];
  let skipped = 0;
  for (const event of events) {
    const dates = datesOf(event, first, last);
    if (dates instanceof Unreadable) return { ok: false, message: dates.message, line: dates.line };
    if (dates === undefined) skipped++;
    for (const date of dates ?? []) (isWorkday(event) ? workdays : holidays).add(date);
    if (holidays.size + workdays.size > MOST_DATES) {
      return { ok: false, message: `has more than ${MOST_DATES} dates`, line: event.line };
    }
  }
  return { ok: true, holidays: [...holidays].sort(), workdays: [...workdays].sort(), skipped };
}

/** A line that begins with white space continues the one before it (RFC 5545 §3.1). */
function unfold(text: string): Property[] | Unreadable {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/, MOST_LINES + 1);
  if (lines.length > MOST_LINES) return new Unreadable(`has more than ${MOST_LINES} lines`, MOST_LINES);
  const whole: { text: string; line: number }[] = [];
  for (const [index, line] of lines.entries()) {
    const before = whole.at(-1);
    const continued = /^[ \t]/.test(line);
    if (continued && before !== undefined) before.text += line.slice(1);
    else if (line !== '') whole.push({ text: line, line: index + 1 });
    if ((whole.at(-1)?.text.length ?? 0) > LONGEST_LINE) {
      return new Unreadable(`has a line of more than ${LONGEST_LINE} characters`, index + 1);
    }
  }
  return whole.map((each) => propertyOf(each.text, each.line));
}

/** Parameters are dropped: which form a date has is seen in the date. A colon may stand in a quoted parameter. */
function propertyOf(text: string, line: number): Property {
  const match = /^([A-Za-z0-9-]+)((?:;[^":;]*(?:"[^"]*"[^":;]*)*)*):(.*)$/s.exec(text);
  if (match === null) return { name: '', value: '', line };
  return { name: (match[1] ?? '').toUpperCase(), value: (match[3] ?? '').trim(), line };
}

interface CalendarEvent {
  readonly line: number;
  readonly properties: readonly Property[];
}

/** The properties of each event, without those of the alarms inside it. */
function eventsOf(properties: readonly Property[]): CalendarEvent[] | Unreadable {
  const events: CalendarEvent[] = [];
  const open: { readonly name: string; readonly inside: Property[]; readonly line: number }[] = [];
  for (const property of properties) {
    const value = property.value.toUpperCase();
    if (property.name === 'BEGIN') open.push({ name: value, inside: [], line: property.line });
    else if (property.name !== 'END') open.at(-1)?.inside.push(property);
    else {
      const closed = open.pop();
      if (closed?.name !== value) return new Unreadable(`END:${value.slice(0, 40)} ends nothing`, property.line);
      if (value === 'VEVENT') events.push({ line: closed.line, properties: closed.inside });
      if (events.length > MOST_EVENTS) return new Unreadable(`has more than ${MOST_EVENTS} events`, property.line);
    }
  }
  const [unclosed] = open;
  return unclosed === undefined ? events : new Unreadable(`${unclosed.name.slice(0, 40)} never ends`, unclosed.line);
}

function find(event: CalendarEvent, name: string): Property | undefined {
  return event.properties.find((each) => each.name === name);
}

/** Chinese calendars list the make-up days beside the holidays: Apple's with a property, others in the summary. */
function isWorkday(event: CalendarEvent): boolean {
  return (
    find(event, 'X-APPLE-SPECIAL-DAY')?.value.toUpperCase() === 'ALTERNATE-WORKDAY' ||
    /上班|补班|補班|[（(]班[）)]/.test(find(event, 'SUMMARY')?.value ?? '')
  );
}

/** The dates of an event; undefined: none of ours. */
function datesOf(event: CalendarEvent, first: number, last: number): string[] | undefined | Unreadable {
  const start = find(event, 'DTSTART');
  if (start === undefined) return new Unreadable('has an event without DTSTART', event.line);
  if (find(event, 'STATUS')?.value.toUpperCase() === 'CANCELLED') return undefined;
  if (/^\d{8}T/.test(start.value)) return undefined;
  const from = dayOfDate(start.value);
  if (from === undefined) return new Unreadable(`has no date such as 20261225 in DTSTART`, start.line);
  const unread = event.properties.find((each) => each.name === 'RDATE' || each.name === 'RECURRENCE-ID');
  if (unread !== undefined) return new Unreadable(`has ${unread.name}, which is not read`, unread.line);
  const days = lengthOf(event, from);
  if (days instanceof Unreadable) return days;
  const starts = startsOf(event, from, first, last);
  if (starts instanceof Unreadable) return starts;
  const without = new Set(
    event.properties.filter((each) => each.name === 'EXDATE').flatMap((each) => each.value.split(',').map(dayOfDate)),
  );
  return starts
    .filter((each) => !without.has(each))
    .flatMap((each) => Array.from({ length: days }, (_, ahead) => dateOfDay(each + ahead)));
}

/** Days of an event: its end does not belong to it, and one without an end has one day (RFC 5545 §3.6.1). */
function lengthOf(event: CalendarEvent, from: number): number | Unreadable {
  const written = find(event, 'DTEND') ?? find(event, 'DURATION');
  if (written === undefined) return 1;
  const until = dayOfDate(written.value);
  const days = written.name === 'DURATION' ? daysIn(written.value) : until === undefined ? undefined : until - from;
  if (days === undefined) return new Unreadable('has an all-day event whose end is no date', written.line);
  // Some programs write the same date twice for one day.
  if (days === 0) return 1;
  if (days > 0 && days <= LONGEST_EVENT_DAYS) return days;
  return new Unreadable(`has an event of ${days} days; 1 to ${LONGEST_EVENT_DAYS} are read`, written.line);
}

/** `P1D` and `P2W`. */
function daysIn(duration: string): number | undefined {
  const match = /^\+?P(\d{1,3})([DW])$/.exec(duration);
  return match === null ? undefined : Number(match[1]) * (match[2] === 'W' ? 7 : 1);
}

/** One date, or the same one of each year. */
function startsOf(event: CalendarEvent, from: number, first: number, last: number): number[] | Unreadable {
  const rule = find(event, 'RRULE');
  if (rule === undefined) return [from];
  const [year = 0, month = 0, day = 0] = dateOfDay(from).split('-').map(Number);
  const yearly = yearlyOf(rule, month, day);
  if (yearly === undefined) {
    const message = 'has an RRULE other than FREQ=YEARLY on the same date; write those dates one by one';
    return new Unreadable(message, rule.line);
  }
  const found: number[] = [];
  let seen = 0;
  for (let each = year; each <= last && seen < yearly.count; each += yearly.interval) {
    const start = dayNumber(each, month, day);
    // 29 February comes in leap years only.
    if (start === undefined) continue;
    if (start > yearly.until) break;
    seen++;
    if (each >= first) found.push(start);
  }
  return found;
}

interface Yearly {
  readonly interval: number;
  readonly count: number;
  readonly until: number;
}

/** Undefined: it comes back in another way than on the same date of a year. */
function yearlyOf(rule: Property, month: number, day: number): Yearly | undefined {
  const parts = new Map(
    rule.value.split(';').map((part) => {
      const [name = '', value = ''] = part.toUpperCase().split('=');
      return [name, value] as const;
    }),
  );
  const restated: Readonly<Record<string, number>> = { BYMONTH: month, BYMONTHDAY: day };
  const said = (name: string, value: string): boolean => YEARLY_PARTS.has(name) || restated[name] === Number(value);
  const [interval, count] = [Number(parts.get('INTERVAL') ?? 1), Number(parts.get('COUNT') ?? Infinity)];
  const until = dayOfDate((parts.get('UNTIL') ?? '99991231').slice(0, 8));
  if (parts.get('FREQ') !== 'YEARLY' || ![...parts].every(([name, value]) => said(name, value))) return undefined;
  return Number.isInteger(interval) && interval >= 1 && count >= 1 && until !== undefined
    ? { interval, count, until }
    : undefined;
}

const YEARLY_PARTS: ReadonlySet<string> = new Set(['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'WKST']);

function dayOfDate(text: string): number | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(text.trim());
  return match === null ? undefined : dayNumber(Number(match[1]), Number(match[2]), Number(match[3]));
}

function dateOfDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
