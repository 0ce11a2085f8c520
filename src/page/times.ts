/** Instants and spans in words, in the provider's time zone. It has no clock: what is "now" arrives as an argument. */
import type { Instant } from '../core/model.ts';
import type { Words } from './words.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What the zones of Indonesia are called by those who live there; `Intl` says so in Indonesian only. */
const LOCAL_NAMES: Readonly<Record<string, string>> = {
  'Asia/Jakarta': 'WIB',
  'Asia/Pontianak': 'WIB',
  'Asia/Makassar': 'WITA',
  'Asia/Ujung_Pandang': 'WITA',
  'Asia/Jayapura': 'WIT',
  UTC: 'UTC',
};

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making a format costs a thousand times what using it does. */
function format(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale} ${JSON.stringify(options)}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat(locale, options);
  formats.set(key, made);
  return made;
}

/** `08.00`, `08:00`; the midnight that ends a day is 24.00 when `ending` says so. */
function bare(at: Instant, zone: string, words: Words, ending = false): string {
  const text = format(words.locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone }).format(
    at,
  );
  return ending ? text.replace(/^00(?=\D00)/, '24') : text;
}

function zoneName(at: Instant, zone: string, words: Words): string {
  const known = LOCAL_NAMES[zone];
  if (known !== undefined) return known;
  const parts = format(words.locale, { timeZone: zone, timeZoneName: 'short', hour: '2-digit' }).formatToParts(at);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone;
}

/** `08.00 WIB` */
export function clock(at: Instant, zone: string, words: Words): string {
  return `${bare(at, zone, words)} ${zoneName(at, zone, words)}`;
}

/** Days since the epoch of the local date: what "tomorrow" is counted in. */
function dayNumber(at: Instant, zone: string): number {
  const date = format('en-CA', { year: 'numeric', month: '2-digit', day: '2-digit', timeZone: zone }).format(at);
  return Math.floor(Date.parse(`${date}T00:00:00Z`) / DAY);
}

/** The time, with as much of the date as is needed: none today, `besok`, a weekday within a week, else the date. */
export function moment(at: Instant, zone: string, now: Instant, words: Words): string {
  const time = clock(at, zone, words);
  const days = dayNumber(at, zone) - dayNumber(now, zone);
  if (days === 0) return time;
  if (days === 1) return words.tomorrow(time);
  if (days === -1) return words.yesterday(time);
  if (days > 1 && days < 7)
    return words.dated(format(words.locale, { weekday: 'long', timeZone: zone }).format(at), time);
  return words.dated(day(at, zone, words), time);
}

/** `22 Nov 2026` */
function day(at: Instant, zone: string, words: Words): string {
  return format(words.locale, { day: 'numeric', month: 'short', year: 'numeric', timeZone: zone }).format(at);
}

/** A local date `YYYY-MM-DD` in words; as it stands when it is none. */
export function date(text: string, words: Words): string {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(at) ? text : day(at, 'UTC', words);
}

/** `08.00–20.00 WIB` */
export function hours(from: Instant, until: Instant, zone: string, words: Words): string {
  return `${bare(from, zone, words)}–${bare(until, zone, words, true)} ${zoneName(from, zone, words)}`;
}

type Unit = 'second' | 'minute' | 'hour' | 'day';

function count(amount: number, unit: Unit, words: Words): string {
  const text = new Intl.NumberFormat(words.locale, { style: 'unit', unit, unitDisplay: 'long' }).format(amount);
  // Chinese sets a space between figures and words in running text; `Intl` does so for some units only.
  return words.spanGap === '' ? text.replace(/(\d)\s*([^\d.])/, '$1 $2') : text;
}

/** How long something has lasted, in at most two units; below a minute it says so, for the figure would be old when read. */
export function span(ms: number, words: Words): string {
  const minutes = Math.floor(ms / MINUTE);
  if (minutes < 1) return words.lessThanMinute;
  if (minutes < 60) return count(minutes, 'minute', words);
  if (ms < DAY) return pair(Math.floor(minutes / 60), 'hour', minutes % 60, 'minute', words);
  const full = Math.floor(minutes / 60);
  return pair(Math.floor(full / 24), 'day', full % 24, 'hour', words);
}

function pair(large: number, largeUnit: Unit, small: number, smallUnit: Unit, words: Words): string {
  const first = count(large, largeUnit, words);
  return small === 0 ? first : `${first}${words.spanGap === '' ? ' ' : words.spanGap}${count(small, smallUnit, words)}`;
}

/** A wait, rounded to what it is worth: seconds by tens, then minutes. */
export function wait(ms: number, words: Words): string {
  if (ms < 10_000) return words.wait.moments;
  if (ms < 95_000) return words.wait.about(count(Math.round(ms / 10_000) * 10, 'second', words));
  return words.wait.about(count(Math.round(ms / MINUTE), 'minute', words));
}

/** A wait that is itself the trouble: to the second while it is short. */
export function delay(ms: number, words: Words): string {
  return ms < 10_000 ? words.wait.about(count(Math.max(1, Math.round(ms / 1000)), 'second', words)) : wait(ms, words);
}

/** A promise such as 30 s or 2 min, exact. */
export function promise(ms: number, words: Words): string {
  if (ms < 2 * MINUTE) return count(ms / 1000, 'second', words);
  return span(ms, words);
}

const DAY_NAMES = ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su'];

/** The written weekly hours with the days in words; the notation itself is readable enough to stay. */
export function weekly(text: string, words: Words): string {
  if (text.trim() === '24/7') return words.always;
  const clockwise = text.replace(/\b(\d{2}):(\d{2})\b/g, words.locale.startsWith('id') ? '$1.$2' : '$1:$2');
  return clockwise
    .replace(/\b(?:Mo|Tu|We|Th|Fr|Sa|Su)\b/g, (name) => words.weekdays[DAY_NAMES.indexOf(name)] ?? name)
    .replace(/\bPH\b/g, words.holiday)
    .replace(/\b(?:off|closed)\b/g, words.closedWord)
    .replaceAll('-', '–');
}
