/** Public holidays of a country as local dates, from date-holidays' tables. Dated exceptions of the configuration are applied elsewhere. */
import Holidays from 'date-holidays';

/** True when the tables know the country (ISO 3166-1 alpha-2, upper case). */
export function knowsCountry(country: string): boolean {
  return Object.hasOwn(new Holidays().getCountries(), country);
}

/**
 * Local dates `YYYY-MM-DD` of a country's public holidays in the given years, each day of a holiday that lasts several.
 * Make-up working days and a government's late changes are not in the tables: a configuration names those itself.
 */
export function holidayDates(country: string, years: readonly number[]): readonly string[] {
  const table = new Holidays(country);
  const dates = years.flatMap((year) =>
    table
      .getHolidays(year)
      .filter((each) => each.type === 'public')
      .flatMap((each) => daysOf(each.date.slice(0, 10), each.start, each.end)),
  );
  return [...new Set(dates)].sort();
}

const DAY_MS = 86_400_000;

function daysOf(first: string, start: Date, end: Date): string[] {
  const count = Math.max(1, Math.round((end.getTime() - start.getTime()) / DAY_MS));
  const noon = Date.parse(`${first}T12:00:00Z`);
  return Array.from({ length: count }, (_, day) => new Date(noon + day * DAY_MS).toISOString().slice(0, 10));
}
