/** A provider's holidays: its country's, an iCalendar file's and its own, in that order. It knows no opening hours. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { knowsCountry } from '../core/holidays/countries.ts';
import { readCalendar } from '../core/ical.ts';
import type { Problem } from './error.ts';
import { reasonOf } from './secrets.ts';
import { printPath } from './tree.ts';
import type { Spot } from './tree.ts';

export interface ProviderHolidays {
  /** Local dates `YYYY-MM-DD`, in order. */
  readonly holidays: readonly string[];
  /** Make-up working days; none of them is a holiday. */
  readonly workdays: readonly string[];
  /** The country, when this year's holidays of it are computed although official lists of it are built in. */
  readonly computedCountry?: string;
}

export interface ResolvedHolidays {
  /** By the path of the provider, such as `providers[0]`. */
  readonly byProvider: ReadonlyMap<string, ProviderHolidays>;
  readonly problems: readonly Problem[];
}

const LARGEST_CALENDAR = 1_048_576;
/** Years before and after this one: a process may run for long, and reads its file at its start. */
const [YEARS_BACK, YEARS_AHEAD] = [1, 4];

/** Reads what every provider's `holidays` says. A file that is wrong elsewhere gives what it can. */
export async function resolveHolidays(root: Spot, year: number): Promise<ResolvedHolidays> {
  const byProvider = new Map<string, ProviderHolidays>();
  const problems: Problem[] = [];
  for (const provider of root.get('providers').items()) {
    const holidays = provider.get('holidays');
    const imported = await readImport(holidays.get('ical'), year);
    if ('problem' in imported) problems.push(imported.problem);
    else byProvider.set(printPath(provider.path), gather(holidays, imported, await ofCountry(holidays, year)));
    problems.push(...checkOwn(holidays));
  }
  return { byProvider, problems };
}

interface Dates {
  readonly holidays: readonly string[];
  readonly workdays: readonly string[];
}

/** What is written in the configuration wins over the file, and the file over the country's list. */
function gather(spot: Spot, imported: Dates, { dates, computedCountry }: National): ProviderHolidays {
  const [add, remove, workdays] = [datesOf(spot, 'add'), datesOf(spot, 'remove'), datesOf(spot, 'workdays')];
  const off = new Set(dates.holidays);
  const on = new Set(dates.workdays);
  const move = (days: readonly string[], to: Set<string>, from: Set<string>): void => {
    for (const day of days) {
      to.add(day);
      from.delete(day);
    }
  };
  move(imported.holidays, off, on);
  move(imported.workdays, on, off);
  for (const day of remove) off.delete(day);
  move(add, off, on);
  move(workdays, on, off);
  return {
    holidays: [...off].sort(),
    workdays: [...on].sort(),
    ...(computedCountry !== undefined && { computedCountry }),
  };
}

interface National {
  readonly dates: Dates;
  readonly computedCountry?: string;
}

async function ofCountry(spot: Spot, year: number): Promise<National> {
  const country = spot.text ?? spot.get('country').text;
  if (country === undefined || !knowsCountry(country)) return { dates: NO_DATES };
  // The tables of all countries: read only where one is named.
  const { hasOfficialLists, holidaysOf } = await import('../core/holidays.ts');
  const years = Array.from({ length: YEARS_BACK + 1 + YEARS_AHEAD }, (_, index) =>
    holidaysOf(country, year - YEARS_BACK + index),
  );
  const leave = spot.get('joint_leave').tree;
  const granted = leave?.kind === 'scalar' && leave.value === true;
  const dates = {
    holidays: years.flatMap((each) => [...each.holidays, ...(granted ? each.jointLeave : [])]),
    workdays: years.flatMap((each) => each.workdays),
  };
  const guessed = hasOfficialLists(country) && years[YEARS_BACK]?.basis === 'computed';
  return guessed ? { dates, computedCountry: country } : { dates };
}

const NO_DATES: Dates = { holidays: [], workdays: [] };

function datesOf(spot: Spot, key: string): string[] {
  return spot
    .get(key)
    .items()
    .flatMap((each) => each.text ?? []);
}

/** A date stands in one of the three lists. */
function checkOwn(spot: Spot): Problem[] {
  const first = new Map<string, string>();
  return ['add', 'remove', 'workdays'].flatMap((key) =>
    spot
      .get(key)
      .items()
      .flatMap((each) => {
        const date = each.text;
        const other = date === undefined ? undefined : first.get(date);
        if (date !== undefined && other === undefined) first.set(date, key);
        return other === undefined ? [] : [each.problem(`${date ?? ''} stands in \`${other}\` already`)];
      }),
  );
}

async function readImport(spot: Spot, year: number): Promise<Dates | { readonly problem: Problem }> {
  const path = spot.text;
  if (path === undefined) return NO_DATES;
  try {
    // Beside the file that names it, wherever the process was started.
    const text = await readCapped(resolve(dirname(spot.mark.file), path));
    if (typeof text !== 'string') return { problem: spot.problem(`${path} ${text.why}`) };
    const read = readCalendar(text, year - YEARS_BACK, year + YEARS_AHEAD);
    return read.ok ? read : { problem: spot.problem(`${path}, line ${read.line}: ${read.message}`) };
  } catch (error) {
    return { problem: spot.problem(`${path} cannot be read: ${reasonOf(error)}`) };
  }
}

async function readCapped(path: string): Promise<string | { readonly why: string }> {
  // Without O_NONBLOCK, opening a named pipe that nobody writes to would wait for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return { why: 'is no regular file' };
    if (stat.size > LARGEST_CALENDAR) return { why: `has ${stat.size} bytes; at most ${LARGEST_CALENDAR} are read` };
    return new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile());
  } finally {
    await file.close();
  }
}
