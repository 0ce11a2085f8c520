/** Public holidays against the governments' own lists, written down here a second time from the decrees and notices. */
import Holidays from 'date-holidays';
import { describe, expect, it } from 'vitest';
import { hasOfficialLists, holidaysOf } from '../../src/core/holidays.ts';
import { knowsCountry } from '../../src/core/holidays/countries.ts';

/** `1.1 5.6-8`: 1 January, 6 to 8 May... month first. */
function dates(year: number, words: string): string[] {
  return words.split(' ').flatMap((word) => {
    const [month = 0, first = 0, last = first] = word.split(/[.-]/).map(Number);
    return Array.from({ length: last - first + 1 }, (_, ahead) =>
      new Date(Date.UTC(year, month - 1, first + ahead)).toISOString().slice(0, 10),
    );
  });
}

/**
 * Indonesia: Surat Keputusan Bersama of the ministers of religion, of manpower and of administrative reform.
 * 2025: 1017/2024, 2/2024, 2/2024 of 14 October 2024, changed by 933/2025, 1/2025, 3/2025 of 7 August 2025 (18 August added).
 * 2026: 1497/2025, 2/2025, 5/2025 of 19 September 2025.
 * 2027: 1205/2026, 3/2026, 2/2026 of 15 September 2026: 18 and 8 days; https://data-jdih.menpan.go.id/dokumen/2026skb002.pdf.
 */
const INDONESIA = [
  {
    year: 2025,
    national: '1.1 1.27 1.29 3.29 3.31 4.1 4.18 4.20 5.1 5.12 5.29 6.1 6.6 6.27 8.17 9.5 12.25',
    leave: '1.28 3.28 4.2-4 4.7 5.13 5.30 6.9 8.18 12.26',
    counts: [17, 11],
  },
  {
    year: 2026,
    national: '1.1 1.16 2.17 3.19 3.21-22 4.3 4.5 5.1 5.14 5.27 5.31 6.1 6.16 8.17 8.25 12.25',
    leave: '2.16 3.18 3.20 3.23-24 5.15 5.28 12.24',
    counts: [17, 8],
  },
  {
    year: 2027,
    national: '1.1 1.5 2.6 3.8 3.10-11 3.26 3.28 5.1 5.6 5.17 5.20 6.1 6.6 8.15 8.17 12.25-26',
    leave: '2.5 3.9 3.12 3.15 3.25 5.18-19 12.24',
    counts: [18, 8],
  },
] as const;

/**
 * China: notices of the General Office of the State Council on the arrangement of holidays.
 * 2025: 国办发明电〔2024〕12号 of 12 November 2024, https://www.gov.cn/zhengce/zhengceku/202411/content_6986383.htm.
 * 2026: 国办发明电〔2025〕7号 of 4 November 2025, https://www.gov.cn/zhengce/zhengceku/202511/content_7047091.htm.
 */
const CHINA = [
  {
    year: 2025,
    off: '1.1 1.28-31 2.1-4 4.4-6 5.1-5 5.31 6.1-2 10.1-8',
    work: '1.26 2.8 4.27 9.28 10.11',
    counts: [28, 5],
  },
  {
    year: 2026,
    off: '1.1-3 2.15-23 4.4-6 5.1-5 6.19-21 9.25-27 10.1-7',
    work: '1.4 2.14 2.28 5.9 9.20 10.10',
    counts: [33, 6],
  },
] as const;

const weekdayOf = (date: string): number => new Date(`${date}T00:00Z`).getUTCDay();

describe('public holidays of Indonesia', () => {
  it.each(INDONESIA)('of $year are those of the three ministers, with joint leave kept apart', (list) => {
    const found = holidaysOf('ID', list.year);
    expect(found).toMatchObject({ basis: 'official', workdays: [] });
    expect(found.source).toContain('SKB 3 Menteri');
    expect(found.holidays).toEqual(dates(list.year, list.national));
    expect(found.jointLeave).toEqual(dates(list.year, list.leave));
    expect([found.holidays.length, found.jointLeave.length]).toEqual(list.counts);
  });

  it('have Isra Mikraj on 16 January 2026 and once, and twice in 2027', () => {
    expect(holidaysOf('ID', 2026).holidays).toContain('2026-01-16');
    expect(holidaysOf('ID', 2027).holidays).toEqual(expect.arrayContaining(['2027-01-05', '2027-12-26']));
  });

  it('give no leave on a weekend or on a holiday', () => {
    for (const { year } of INDONESIA) {
      const { holidays, jointLeave } = holidaysOf('ID', year);
      expect(jointLeave.filter((date) => weekdayOf(date) % 6 === 0 || holidays.includes(date))).toEqual([]);
    }
  });

  it('are computed, and say so, where no decree is built in', () => {
    const found = holidaysOf('ID', 2028);
    expect(found).toMatchObject({ basis: 'computed', jointLeave: [] });
    expect(found.holidays).toEqual(expect.arrayContaining(['2028-01-01', '2028-04-14', '2028-04-16', '2028-08-17']));
  });
});

describe('public holidays of China', () => {
  it.each(CHINA)('of $year are those of the State Council, with its make-up working days', (list) => {
    const found = holidaysOf('CN', list.year);
    expect(found).toMatchObject({ basis: 'official', jointLeave: [] });
    expect(found.holidays).toEqual(dates(list.year, list.off));
    expect(found.workdays).toEqual(dates(list.year, list.work));
    expect([found.holidays.length, found.workdays.length]).toEqual(list.counts);
  });

  it('move work to weekends only, and never to a holiday', () => {
    for (const { year } of CHINA) {
      const { holidays, workdays } = holidaysOf('CN', year);
      expect(workdays.filter((date) => weekdayOf(date) % 6 !== 0 || holidays.includes(date))).toEqual([]);
    }
  });

  // By 22 November 2026 no notice for 2027 was known here: these are the thirteen days of the law, without moved ones.
  it('of 2027 are computed from the law: thirteen days, no make-up days, no half holidays', () => {
    const found = holidaysOf('CN', 2027);
    expect(found).toMatchObject({ basis: 'computed', workdays: [] });
    expect(found.holidays).toEqual(dates(2027, '1.1 2.5-8 4.5 5.1-2 6.9 9.15 10.1-3'));
  });

  it('computed for a year that has a notice lie within it', () => {
    for (const { year } of CHINA) {
      const lawful = { 2025: '1.1 1.28-31 4.4 5.1-2 5.31 10.1-3 10.6', 2026: '1.1 2.16-19 4.5 5.1-2 6.19 9.25 10.1-3' }[
        year
      ];
      expect(holidaysOf('CN', year).holidays).toEqual(expect.arrayContaining(dates(year, lawful)));
    }
  });
});

describe('public holidays of other countries', () => {
  it('come from the general tables, each day of a long one', () => {
    expect(holidaysOf('DE', 2026)).toMatchObject({ basis: 'computed', jointLeave: [], workdays: [] });
    expect(holidaysOf('DE', 2026).holidays).toEqual(expect.arrayContaining(['2026-04-03', '2026-10-03', '2026-12-26']));
    expect(holidaysOf('SG', 2026).holidays).toEqual(expect.arrayContaining(['2026-02-17', '2026-02-18', '2026-08-09']));
  });

  it('are unknown for a country that is none', () => {
    expect(knowsCountry('XX') || knowsCountry('id') || knowsCountry('__proto__')).toBe(false);
    expect(hasOfficialLists('constructor')).toBe(false);
    expect(knowsCountry('ID')).toBe(true);
  });

  it('can be computed for every country that is known by name', () => {
    const all = Array.from({ length: 26 * 26 }, (_, at) =>
      String.fromCharCode(65 + Math.floor(at / 26), 65 + (at % 26)),
    );
    expect(all.filter(knowsCountry)).toEqual(Object.keys(new Holidays().getCountries()).sort());
  });
});
