/** Public holidays of a country as local dates: official lists where we have them, else computed. It knows no configuration. */
import Holidays from 'date-holidays';
import { CHINA } from './holidays/china.ts';
import { INDONESIA } from './holidays/indonesia.ts';
import type { OfficialYear } from './holidays/official.ts';

export interface HolidayYear {
  /** `computed`: no list of that country's government is built in, so late decisions and moved days are missing. */
  readonly basis: 'official' | 'computed';
  readonly source: string;
  /** Local dates `YYYY-MM-DD`, in order, like the other two. */
  readonly holidays: readonly string[];
  /** Leave that employers may grant beside the holidays: Indonesia's cuti bersama. */
  readonly jointLeave: readonly string[];
  /** Make-up working days. */
  readonly workdays: readonly string[];
}

/** Countries whose lists a general table gets wrong: China moves working days, Indonesia decrees its Islamic dates. */
const OFFICIAL: Readonly<Record<string, Readonly<Record<number, OfficialYear>>>> = { CN: CHINA, ID: INDONESIA };

const DAY_MS = 86_400_000;

/** True when official lists of the country are built in, so that a computed year is one that nobody has entered yet. */
export function hasOfficialLists(country: string): boolean {
  return Object.hasOwn(OFFICIAL, country);
}

/** What is known of a country's public holidays in a year; of an unknown country, nothing. */
export function holidaysOf(country: string, year: number): HolidayYear {
  const official = hasOfficialLists(country) ? OFFICIAL[country]?.[year] : undefined;
  if (official === undefined) return computed(country, year);
  return {
    basis: 'official',
    source: official.source,
    holidays: Object.keys(official.holidays),
    jointLeave: Object.keys(official.jointLeave),
    workdays: Object.keys(official.workdays),
  };
}

/** A holiday of date-holidays' tables, each of its days. */
interface Listed {
  readonly name: string;
  readonly days: readonly string[];
}

function computed(country: string, year: number): HolidayYear {
  const listed = new Holidays(country)
    .getHolidays(year)
    .filter((each) => each.type === 'public')
    .map((each): Listed => ({ name: each.name, days: daysOf(each.date.slice(0, 10), each.start, each.end) }));
  const days = country === 'CN' ? byChineseLaw(listed, year) : listed.flatMap((each) => each.days);
  if (country === 'ID') days.push(...easterOf(listed));
  const holidays = [...new Set(days)].sort();
  return { basis: 'computed', source: 'date-holidays', holidays, jointLeave: [], workdays: [] };
}

function daysOf(first: string, start: Date, end: Date): string[] {
  const count = Math.max(1, Math.round((end.getTime() - start.getTime()) / DAY_MS));
  return Array.from({ length: count }, (_, ahead) => later(first, ahead));
}

/** So many days after a date. */
function later(date: string, days: number): string {
  return new Date(Date.parse(`${date}T12:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/**
 * The thirteen days that the law gives everybody since 2025 (全国年节及纪念日放假办法, State Council decree 795): a notice moves
 * working days around them, and cannot be computed. The tables still have the Spring Festival of before, from its eve on, and
 * count half holidays of some people.
 */
function byChineseLaw(listed: readonly Listed[], year: number): string[] {
  const firstOf = (name: string): string | undefined =>
    listed
      .filter((each) => each.name.startsWith(name))
      .flatMap((each) => each.days)
      .sort()[0];
  const springEve = firstOf('春节');
  const moving = ['清明节', '端午节', '中秋节'].flatMap((name) => firstOf(name) ?? []);
  const fixed = ['01-01', '05-01', '05-02', '10-01', '10-02', '10-03'].map((day) => `${year}-${day}`);
  return [...fixed, ...moving, ...(springEve === undefined ? [] : [0, 1, 2, 3].map((days) => later(springEve, days)))];
}

/** Easter Sunday is a holiday since Keputusan Presiden 8/2024, two days after the Good Friday that the tables have. */
function easterOf(listed: readonly Listed[]): string[] {
  return listed.flatMap(({ name, days }) => (name.startsWith('Wafat') ? days.map((day) => later(day, 2)) : []));
}
