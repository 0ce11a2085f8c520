/** Reads the maintenance window out of an announcement's text. Pure: it has no clock, and never uses the zone of the process. */
import { Temporal } from 'temporal-polyfill';
import type { Instant } from '../../src/core/model.ts';
import { moments, plain } from './moments.ts';
import type { Half, Moment, Zone } from './moments.ts';

export interface Window {
  readonly from: Instant;
  /** Absent when the text names only a beginning. */
  readonly until?: Instant;
  /** False: no zone was named (or one that means several), and the source's own was assumed. */
  readonly zoneExplicit: boolean;
  /** True when the text can be read in another way too, such as 5/11 for the fifth of November. */
  readonly ambiguous: boolean;
  /** The words it was read from. */
  readonly matched: string;
}

export interface Source {
  /** When it was published or, where that is unknown, first seen: the year of a date without one is the nearest to it. */
  readonly near: Instant;
  /** The zone to assume, an IANA name. */
  readonly timezone: string;
}

type Clock = Moment & { readonly is: 'time' };
type Day = Moment & { readonly is: 'date' | 'relative' };

const TEXT_CAP = 4_000;
const LONGEST_MS = 31 * 86_400_000;
const FARTHEST_MS = 400 * 86_400_000;

/** Words and signs that stand between a beginning and an end. */
const BETWEEN =
  /(?:^|\s)(?:to|until|till|through|thru|and|hingga|sampai|s\/d|s\.d\.|sd|dan|end|ends|ending|selesai|berakhir)(?![a-z])|[-–—~〜至到]|结束|結束|截止/i;
/** A date behind one of these says when the text was written, not when something happens. */
const WRITTEN =
  /(?:publish|posted|updated|diterbitkan|diumumkan|diperbarui|dipublikasikan|tayang|发布|發布|更新|公告日期)[^\n。]{0,24}$/i;

const ENDS_BEFORE =
  /\bby\s{0,3}$|(?:until|restored|resume|back to normal|normal kembali|kembali normal|hingga|sampai|selesai|berakhir|pulih|恢复至|截止|结束)[^.\n。]{0,45}$/i;
const ENDS_AFTER = /^[前之]{0,2}(?:恢复|恢復|结束|結束|完成)/;

/** The first window that a text names, or nothing. A date without a time of day is no window: nobody is silenced for a whole day on a guess. */
export function findWindow(text: string, source: Source): Window | undefined {
  const clean = plain(text.slice(0, TEXT_CAP)).slice(0, TEXT_CAP);
  const all = moments(clean);
  const clocks = all.filter((each): each is Clock => each.is === 'time');
  const pair = firstPair(clean, all, clocks);
  const first = pair?.first ?? clocks.find((each) => !isWritten(clean, each) && !isEnd(clean, each));
  if (first === undefined) return undefined;
  return assemble({ clean, all, first, second: pair?.second }, source);
}

/** The instant that a date says, with or without a time of day; a day alone is its beginning. Nothing when it is no date. */
export function findInstant(text: string, source: Source): Instant | undefined {
  const clean = plain(text.slice(0, 200));
  const all = moments(clean);
  const day = all.find((each): each is Day => each.is === 'date' || each.is === 'relative');
  if (day === undefined) return undefined;
  const clock = all.find((each): each is Clock => each.is === 'time');
  const zone = all.find((each): each is Moment & { readonly is: 'zone' } => each.is === 'zone')?.zone;
  const id = identifier(zone, source.timezone);
  const near = Temporal.Instant.fromEpochMilliseconds(source.near).toZonedDateTimeISO(id);
  return instant(onDay(day, near), clock === undefined ? 0 : hourOf(clock, undefined), clock?.minute ?? 0, id);
}

interface Reading {
  readonly clean: string;
  readonly all: readonly Moment[];
  readonly first: Clock;
  readonly second: Clock | undefined;
}

/** Two times with a sign for "until" between them, and no other time. */
function firstPair(
  clean: string,
  all: readonly Moment[],
  clocks: readonly Clock[],
): { first: Clock; second: Clock } | undefined {
  for (const [index, first] of clocks.entries()) {
    const second = clocks[index + 1];
    if (second === undefined) return undefined;
    if (second.start === first.start) return { first, second };
    const gap = words(clean, all, first.end, second.start);
    if (gap.length <= 60 && BETWEEN.test(gap) && !isWritten(clean, first)) return { first, second };
  }
  return undefined;
}

/** What stands between two places when everything that was understood is taken out: the hyphens of a date are no range. */
function words(clean: string, all: readonly Moment[], from: number, to: number): string {
  let [rest, at] = ['', from];
  for (const each of all.filter((one) => one.start >= from && one.end <= to)) {
    rest += `${clean.slice(at, Math.max(at, each.start))} `;
    at = Math.max(at, each.end);
  }
  return rest + clean.slice(at, to);
}

function isWritten(clean: string, clock: Moment): boolean {
  return WRITTEN.test(clean.slice(Math.max(0, clock.start - 40), clock.start));
}

/** "Back to normal at 05:00" names an end without a beginning. */
function isEnd(clean: string, clock: Moment): boolean {
  const [before, after] = [
    clean.slice(Math.max(0, clock.start - 60), clock.start),
    clean.slice(clock.end, clock.end + 12),
  ];
  return ENDS_BEFORE.test(before) || ENDS_AFTER.test(after);
}

function assemble(reading: Reading, source: Source): Window | undefined {
  const { clean, all, first, second } = reading;
  const last = second ?? first;
  const zone = zoneOf(clean, all, first, last);
  const id = identifier(zone, source.timezone);
  const published = Temporal.Instant.fromEpochMilliseconds(source.near).toZonedDateTimeISO(id);
  const startDay = dayOfStart(clean, all, first, last);
  // "08:00 to 20:00" alone are service hours as often as a maintenance.
  if (startDay === undefined) return undefined;
  const from = instant(onDay(startDay, published), hourOf(first, undefined), first.minute, id);
  if (from === undefined || Math.abs(from - source.near) > FARTHEST_MS) return undefined;
  const ended = endOf(reading, { from, id, published });
  const until = ended !== undefined && ended > from && ended - from <= LONGEST_MS ? ended : undefined;
  // Two times that make no window were misread, and half of a misreading is no better.
  if (second !== undefined && until === undefined) return undefined;
  const used = all.filter((each) => each === startDay || each === first || each === last);
  return {
    from,
    ...(until === undefined ? {} : { until }),
    zoneExplicit: zone !== undefined && zone.kind !== 'ambiguous',
    ambiguous: zone?.kind === 'ambiguous' || (startDay.is === 'date' && startDay.doubtful),
    matched: clean
      .slice(Math.min(...used.map((each) => each.start)), Math.max(...used.map((each) => each.end)))
      .slice(0, 200),
  };
}

/** The date that belongs to the start: the nearest before it, or the nearest after the end; written dates and other sentences are far. */
function dayOfStart(clean: string, all: readonly Moment[], first: Clock, last: Clock): Day | undefined {
  const days = all.filter((each): each is Day => each.is === 'date' || each.is === 'relative');
  const scored = days
    .filter((each) => each.end <= first.start || each.start >= last.end || each.start === first.start)
    .map((each) => {
      const before = each.end <= first.start;
      const gap = before ? clean.slice(each.end, first.start) : clean.slice(last.end, each.start);
      const sentence = /[.!?]\s|[\n。;；]/.test(gap) ? 40 : 0;
      const written = isWritten(clean, each) ? 2_000 : 0;
      return { each, score: gap.length + sentence + written + (before ? 0 : 8) };
    });
  // "Between" belongs to the end, unless there is nothing else: "22:00 on 25 November to 02:00".
  const inner = days.filter((each) => each.start >= first.end && each.end <= last.start);
  const opening = inner.find((each) => !BETWEEN.test(clean.slice(first.end, each.start)));
  if (opening !== undefined) return opening;
  const best = scored.toSorted((a, b) => a.score - b.score)[0];
  return best?.each ?? inner[0];
}

function onDay(day: Day, published: Temporal.ZonedDateTime): Temporal.PlainDate | undefined {
  if (day.is === 'relative') return published.toPlainDate().add({ days: day.days });
  const years = day.year === undefined ? [published.year - 1, published.year, published.year + 1] : [day.year];
  return years
    .map((year) => plainDate(year, day.month, day.day))
    .filter((each) => each !== undefined)
    .toSorted((a, b) => away(a, published) - away(b, published))[0];
}

const away = (each: Temporal.PlainDate, published: Temporal.ZonedDateTime): number =>
  Math.abs(published.toPlainDate().until(each).total('days'));

/** Undefined for the thirtieth of February. */
function plainDate(year: number, month: number, day: number): Temporal.PlainDate | undefined {
  const first = Temporal.PlainDate.from({ year, month, day: 1 });
  return day <= first.daysInMonth ? first.with({ day }) : undefined;
}

/** Hours since midnight; 24 is the midnight after. A missing half of the day is taken from `carried`. */
function hourOf(clock: Clock, carried: Half): number {
  const said = clock.half ?? carried;
  if (said === 'am') return clock.hour === 12 ? 0 : clock.hour;
  if (said === 'pm' && clock.hour < 12) return clock.hour + 12;
  // "Twelve at night" is midnight, "twelve in the afternoon" is noon; the words before it are gone here, so noon it is.
  return clock.hour;
}

function instant(day: Temporal.PlainDate | undefined, hour: number, minute: number, id: string): Instant | undefined {
  if (day === undefined) return undefined;
  const date = hour === 24 ? day.add({ days: 1 }) : day;
  // A time in the spring gap moves to the first valid instant; one in the autumn fold takes the first.
  const zoned = date.toZonedDateTime({ timeZone: id, plainTime: { hour: hour % 24, minute } });
  return zoned.epochMilliseconds;
}

interface Begun {
  readonly from: Instant;
  readonly id: string;
  readonly published: Temporal.ZonedDateTime;
}

function endOf(reading: Reading, begun: Begun): Instant | undefined {
  const { clean, all, first, second } = reading;
  if (second === undefined) {
    const span = all.find((each): each is Moment & { readonly is: 'span' } => each.is === 'span');
    return span && begun.from + span.minutes * 60_000;
  }
  const between = all.filter((each) => each.start >= first.end && each.end <= second.start);
  const nextDay = between.some((each) => each.is === 'nextday') || followsNextDay(clean, all, second);
  const own = dayOfEnd(clean, between, second, all);
  const start = Temporal.Instant.fromEpochMilliseconds(begun.from).toZonedDateTimeISO(begun.id).toPlainDate();
  const day = own === undefined ? start.add({ days: nextDay ? 1 : 0 }) : onDay(own, begun.published);
  const asWritten = instant(day, hourOf(second, undefined), second.minute, begun.id);
  if (asWritten === undefined || asWritten > begun.from) return asWritten;
  // 下午2点半至6点: the half of the day carries over before the day does.
  const carried = second.half === undefined && first.half === 'pm' && second.hour < 12;
  const later = carried ? instant(day, second.hour + 12, second.minute, begun.id) : undefined;
  if (later !== undefined && later > begun.from) return later;
  return instant(day?.add({ days: 1 }), hourOf(second, undefined), second.minute, begun.id);
}

/** "23:00 to 02:00 the next day": the words may stand behind the time. */
function followsNextDay(clean: string, all: readonly Moment[], second: Clock): boolean {
  return all.some(
    (each) =>
      each.is === 'nextday' && each.start >= second.end && words(clean, all, second.end, each.start).trim().length <= 4,
  );
}

/** The date of the end: one between the two times behind the sign, or one right behind the second time when the start has its own. */
function dayOfEnd(clean: string, between: readonly Moment[], second: Clock, all: readonly Moment[]): Day | undefined {
  const days = between.filter((each): each is Day => each.is === 'date' || each.is === 'relative');
  const last = days.at(-1);
  const first = between[0];
  if (
    last !== undefined &&
    first !== undefined &&
    BETWEEN.test(words(clean, all, first.start, last.start) + clean.slice(Math.max(0, last.start - 12), last.start))
  )
    return last;
  if (last === undefined) {
    // "22:00 on 25 Nov to 02:00 on 26 Nov" has its first date between, so this is only reached with the start's date before.
    return undefined;
  }
  const after = all.find((each): each is Day => each.is === 'date' && each.start >= second.end);
  if (after !== undefined && clean.slice(second.end, after.start).trim().length <= 8) return after;
  return undefined;
}

/** The zone written nearest behind the range, or inside it, or before it. */
function zoneOf(clean: string, all: readonly Moment[], first: Clock, last: Clock): Zone | undefined {
  const zones = all.filter((each): each is Moment & { readonly is: 'zone' } => each.is === 'zone');
  const distance = (each: Moment): number => {
    if (each.start >= last.start) return Math.max(0, each.start - last.end);
    if (each.start >= first.start) return 1;
    return first.start - each.end + (/[.\n。]/.test(clean.slice(each.end, first.start)) ? 60 : 5);
  };
  return zones.toSorted((a, b) => distance(a) - distance(b))[0]?.zone;
}

/** What Temporal understands: `+08:00` or an IANA name that it knows. */
function identifier(zone: Zone | undefined, assumed: string): string {
  if (zone === undefined || zone.kind === 'ambiguous') return assumed;
  if (zone.kind === 'named') return isZone(zone.id) ? zone.id : assumed;
  const size = Math.abs(zone.minutes);
  if (size > 14 * 60) return assumed;
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${zone.minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Whether Temporal knows a zone by this name. */
export function isZone(id: string): boolean {
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(id).timeZoneId !== '';
  } catch {
    return false;
  }
}
