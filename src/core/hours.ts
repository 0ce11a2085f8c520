/** Reads weekly service hours: a documented subset of OpenStreetMap's opening_hours. It knows no zone and no clock. */
import { isAmong, parseDates, type DateRange } from './dates.ts';

/**
 * The subset, as in https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification. Either `24/7`, or rules separated by
 * `;`, each `[dates] [days] times`. A later rule replaces the earlier ones on the days that it names.
 *
 * - days: `Mo-Fr`, `Mo,We`, `Sa-Mo`, `PH` (public holidays), `Mo-Sa,PH`. None: every day. A rule for weekdays alone holds on
 *   public holidays too; `Mo-Fr 08:00-20:00; PH off` closes on them, `Mo-Su,PH 08:00-20:00` says that it does not.
 * - dates: `Dec 25`, `Dec 24-26`, `Dec 30-Jan 2`, `Dec`, `Jun-Aug`, with a year `2026 Dec 24-2027 Jan 2`, `2026 Jun`, `2026`;
 *   several with commas. With days behind them both must match: `2026 Feb 18-Mar 19 Mo-Fr 08:00-15:00`.
 * - times: `08:00-12:00,13:00-17:00`, past midnight `22:00-02:00` or `22:00-26:00`, a whole day `00:00-24:00`, `off`, `closed`.
 *   A span belongs to the day on which it begins, beyond midnight too.
 *
 * Ours beside the standard's: a make-up working day (a weekend day on which a government moves work) has the hours of a
 * Monday and is no public holiday; a rule with dates wins on it as on any day.
 */
export interface WeeklyHours {
  /** Round the clock, every day, without exception. */
  readonly always: boolean;
  readonly rules: readonly HoursRule[];
}

export interface HoursRule {
  readonly days: DaySelector;
  /** Minutes from local midnight; `until` above 1440 runs into the next day. Empty: closed. */
  readonly spans: readonly MinuteSpan[];
}

export interface MinuteSpan {
  readonly from: number;
  readonly until: number;
}

export interface DaySelector {
  /** ISO weekdays, 1 is Monday. */
  readonly weekdays: ReadonlySet<number>;
  /** The rule names `PH`. */
  readonly publicHolidays: boolean;
  /** Empty: on any date. */
  readonly dates: readonly DateRange[];
}

/** `at` is the offset of the piece that is wrong. */
export interface Mistake {
  readonly ok: false;
  readonly message: string;
  readonly at: number;
}

export type ParsedHours = ({ readonly ok: true } & WeeklyHours) | Mistake;

/** A part of the text, and where it stands. */
interface Piece {
  readonly text: string;
  readonly at: number;
}

type Read<T> = { readonly ok: true; readonly value: T } | Mistake;

const WEEKDAYS = ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su'];
const EVERY_WEEKDAY: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7]);
const ALL_DAYS: DaySelector = { weekdays: EVERY_WEEKDAY, publicHolidays: false, dates: [] };
const DAY = 24 * 60;
const LONGEST_TEXT = 2_000;
/** The weekday whose hours a make-up working day has. */
const ORDINARY_WEEKDAY = 1;

/** Reads the text; on failure says which piece is wrong and what is expected. */
export function parseHours(text: string): ParsedHours {
  if (text.length > LONGEST_TEXT) return mistake({ text, at: 0 }, 'longer than 2,000 characters');
  if (text.trim() === '24/7') {
    return { ok: true, always: true, rules: [{ days: ALL_DAYS, spans: [{ from: 0, until: DAY }] }] };
  }
  const pieces = split({ text, at: 0 }, ';').filter((each) => each.text !== '');
  const rules = readAll(pieces, readRule);
  if (!rules.ok) return rules;
  if (rules.value.length === 0) {
    return mistake({ text, at: 0 }, 'no hours; write for example Mo-Fr 08:00-20:00 or 24/7');
  }
  return { ok: true, always: false, rules: rules.value };
}

/** True when a rule says itself what holds on public holidays. */
export function namesHolidays(hours: WeeklyHours): boolean {
  return hours.rules.some((rule) => rule.days.publicHolidays);
}

function mistake(piece: Piece, message: string): Mistake {
  return { ok: false, message, at: piece.at };
}

/** Without the white space around it. */
function trimmed({ text, at }: Piece): Piece {
  return { text: text.trim(), at: at + text.length - text.trimStart().length };
}

function split(piece: Piece, separator: string): Piece[] {
  let at = piece.at;
  return piece.text.split(separator).map((text) => {
    const part = trimmed({ text, at });
    at += text.length + separator.length;
    return part;
  });
}

function readAll<T>(pieces: readonly Piece[], read: (piece: Piece) => Read<T>): Read<T[]> {
  const value: T[] = [];
  for (const piece of pieces) {
    const each = read(piece);
    if (!each.ok) return each;
    value.push(each.value);
  }
  return { ok: true, value };
}

function readRule(piece: Piece): Read<HoursRule> {
  const times = /(?:^|\s)(off|closed|24\/7|\d{1,2}:\d{2}.*)$/is.exec(piece.text);
  if (times === null) return mistake(piece, `"${piece.text}" has no times; write 08:00-20:00 or off behind the days`);
  const written = times[1] ?? '';
  const days = readSelector(trimmed({ text: piece.text.slice(0, times.index), at: piece.at }));
  if (!days.ok) return days;
  const spans = readSpans({ text: written, at: piece.at + piece.text.length - written.length });
  return spans.ok ? { ok: true, value: { days: days.value, spans: spans.value } } : spans;
}

function readSelector(piece: Piece): Read<DaySelector> {
  if (piece.text === '') return { ok: true, value: ALL_DAYS };
  if (!beginsWithDate(piece.text)) return readWeekdays(piece);
  // Months have three letters, weekdays two: the first weekday ends the dates.
  const cut = /(?<=\s)(?:Mo|Tu|We|Th|Fr|Sa|Su|PH)(?![a-z])/.exec(piece.text)?.index ?? piece.text.length;
  const written = piece.text.slice(0, cut).trimEnd().replace(/:$/, '');
  const dates = readAll(split({ text: written, at: piece.at }, ','), readDates);
  if (!dates.ok) return dates;
  const rest = { text: piece.text.slice(cut), at: piece.at + cut };
  const days = rest.text === '' ? { ok: true as const, value: ALL_DAYS } : readWeekdays(rest);
  return days.ok ? { ok: true, value: { ...days.value, dates: dates.value } } : days;
}

function beginsWithDate(text: string): boolean {
  return /^(?:\d{4}(?!\d)|(?!Mon|Tue|Wed|Thu|Fri|Sat|Sun)[A-Z][a-z]{2}(?![a-z]))/.test(text);
}

function readDates(piece: Piece): Read<DateRange> {
  const value = parseDates(piece.text);
  if (value !== undefined) return { ok: true, value };
  return mistake(piece, `"${piece.text}" is no date; write Dec 25, 2026 Dec 25 or Dec 24-26`);
}

function readWeekdays(piece: Piece): Read<DaySelector> {
  const weekdays = new Set<number>();
  let publicHolidays = false;
  for (const part of split(piece, ',')) {
    const ends = part.text.split('-').map((each) => WEEKDAYS.indexOf(each.trim()));
    const [first = -1, last = first] = ends;
    if (part.text === 'PH') publicHolidays = true;
    else if (first < 0 || last < 0 || ends.length > 2) {
      return mistake(part, `"${part.text}" is no day; write Mo Tu We Th Fr Sa Su, PH or a date such as Dec 25`);
    } else for (let ahead = 0; ahead <= (last - first + 7) % 7; ahead++) weekdays.add(((first + ahead) % 7) + 1);
  }
  return { ok: true, value: { weekdays, publicHolidays, dates: [] } };
}

function readSpans(piece: Piece): Read<readonly MinuteSpan[]> {
  if (/^(?:off|closed)$/i.test(piece.text)) return { ok: true, value: [] };
  if (piece.text === '24/7') return { ok: true, value: [{ from: 0, until: DAY }] };
  const spans = readAll(split(piece, ','), readSpan);
  return spans.ok ? { ok: true, value: spans.value.sort((a, b) => a.from - b.from) } : spans;
}

function readSpan(piece: Piece): Read<MinuteSpan> {
  const match = /^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/.exec(piece.text);
  const [from, end] = [minutesOf(match?.[1], match?.[2]), minutesOf(match?.[3], match?.[4])];
  if (from === undefined || end === undefined || from >= DAY) {
    const hint = /^(?:Mo|Tu|We|Th|Fr|Sa|Su|PH)/.test(piece.text) ? '; rules are separated by ;' : '; write 08:00-20:00';
    return mistake(piece, `"${piece.text}" is no range of times${hint}`);
  }
  if (from === end) {
    return mistake(piece, `"${piece.text}" begins and ends at the same minute; write 00:00-24:00 for a whole day`);
  }
  const until = end > from ? end : end + DAY;
  if (until - from > DAY) return mistake(piece, `"${piece.text}" is longer than 24 hours`);
  return { ok: true, value: { from, until } };
}

/** Minutes from midnight; hours above 24 are of the next day. */
function minutesOf(hour: string | undefined, minute: string | undefined): number | undefined {
  const minutes = Number(hour) * 60 + Number(minute);
  return Number(minute) <= 59 && minutes <= 2 * DAY ? minutes : undefined;
}

/** What a date is besides a date. */
export interface DayKind {
  readonly holiday: boolean;
  /** A make-up working day. */
  readonly workday: boolean;
}

/**
 * The spans of one local date, given as days since 1970-01-01: the last rule that names it decides. With `closedOnHolidays` no
 * rule without a date opens a public holiday, unless the hours say themselves, with `PH`, what holds on one.
 */
export function spansOn(
  hours: WeeklyHours,
  day: number,
  { holiday, workday }: DayKind,
  closedOnHolidays: boolean,
): readonly MinuteSpan[] {
  // 1970-01-01 was a Thursday.
  const weekday = workday ? ORDINARY_WEEKDAY : ((((day + 3) % 7) + 7) % 7) + 1;
  const shut = holiday && closedOnHolidays && !namesHolidays(hours);
  for (let index = hours.rules.length - 1; index >= 0; index--) {
    const rule = hours.rules[index];
    if (rule === undefined || (shut && rule.days.dates.length === 0)) continue;
    const { weekdays, publicHolidays, dates } = rule.days;
    if (!weekdays.has(weekday) && !(holiday && publicHolidays)) continue;
    if (dates.length === 0 || isAmong(dates, day)) return rule.spans;
  }
  return [];
}
