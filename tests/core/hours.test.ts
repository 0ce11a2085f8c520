/** Reading weekly hours: what the subset of OpenStreetMap's notation means, and where a mistake is. */
import { describe, expect, it } from 'vitest';
import { openCalendar } from '../../src/core/calendar.ts';
import { namesHolidays, parseHours } from '../../src/core/hours.ts';
import type { Hours } from '../../src/core/model.ts';
import { dice } from '../lib/wallclock.ts';

const at = (iso: string): number => Date.parse(iso);

/** Jakarta is seven hours ahead, and its clock never changes. */
const state = (weekly: string, local: string, more: Partial<Hours> = {}): string =>
  openCalendar(
    { weekly, timezone: 'Asia/Jakarta', holidays: [], onHolidays: 'open', workdays: [], ...more },
    [],
  ).expectation(at(`${local}+07:00`));

describe('days and times', () => {
  it.each([
    ['a week that runs over Sunday', 'Sa-Mo 09:00-12:00', '2026-11-23T10:00', 'open'],
    ['a day outside it', 'Sa-Mo 09:00-12:00', '2026-11-24T10:00', 'closed'],
    ['an end beyond midnight, as the next day’s hour', 'Fr 22:00-26:00', '2026-11-28T01:59', 'open'],
    ['the same, over', 'Fr 22:00-26:00', '2026-11-28T02:00', 'closed'],
    ['24 hours that begin at eight', 'Fr 08:00-32:00', '2026-11-28T07:59', 'open'],
    ['the same, before', 'Fr 08:00-32:00', '2026-11-27T07:59', 'closed'],
    ['the whole week', 'Mo-Su 00:00-24:00', '2026-11-29T23:59', 'open'],
    ['a night shift that a closed Saturday does not cut', 'Fr 22:00-02:00; Sa off', '2026-11-28T01:00', 'open'],
    ['a month', 'Mo-Su 08:00-20:00; Dec 10:00-12:00', '2026-12-31T15:00', 'closed'],
    ['months', 'Jun-Aug 08:00-20:00', '2026-08-31T10:00', 'open'],
    ['a year', '2027 08:00-20:00', '2026-12-31T10:00', 'closed'],
    ['years', '2026-2027 08:00-20:00', '2027-12-31T10:00', 'open'],
    ['a month of one year', '2026 Dec 08:00-20:00', '2027-12-01T10:00', 'closed'],
    ['a range of one year over new year', '2026 Dec 30-Jan 2 08:00-20:00', '2027-01-02T10:00', 'open'],
    ['the same a year before', '2026 Dec 30-Jan 2 08:00-20:00', '2026-01-02T10:00', 'closed'],
    ['a range between two years', '2026 Dec 24-2027 Jan 2 08:00-20:00', '2027-01-02T10:00', 'open'],
    [
      'dates and weekdays, both',
      'Mo-Su 08:00-20:00; 2026 Feb 18-Mar 19 Mo-Fr 08:00-15:00',
      '2026-02-23T16:00',
      'closed',
    ],
    [
      'dates without their weekdays',
      'Mo-Su 08:00-20:00; 2026 Feb 18-Mar 19 Mo-Fr 08:00-15:00',
      '2026-02-22T16:00',
      'open',
    ],
    ['a colon behind dates', 'Dec 25: 08:00-20:00', '2026-12-25T10:00', 'open'],
    ['a leap day', '24/7; Feb 29 off', '2028-02-29T10:00', 'closed'],
    ['the day after it', '24/7; Feb 29 off', '2028-03-01T10:00', 'open'],
    ['a range over the end of February in a common year', 'Feb 28-Mar 1 08:00-20:00', '2027-03-01T10:00', 'open'],
  ])('reads %s', (_name, weekly, local, expected) => {
    expect(state(weekly, local)).toBe(expected);
  });
});

describe('public holidays, as OpenStreetMap means them', () => {
  // A Sunday and a Monday.
  const holidays = ['2026-05-31', '2026-06-01'];
  it.each([
    ['a rule for weekdays alone holds on them', 'Mo-Fr 08:00-20:00', '2026-06-01T10:00', 'open', 'open'],
    ['PH off closes', 'Mo-Fr 08:00-20:00; PH off', '2026-06-01T10:00', 'open', 'closed'],
    [
      'PH beside weekdays opens on a holiday that is a Sunday',
      'Mo-Sa,PH 08:00-20:00',
      '2026-05-31T10:00',
      'open',
      'open',
    ],
    ['and not on other Sundays', 'Mo-Sa,PH 08:00-20:00', '2026-06-07T10:00', 'open', 'closed'],
    ['a PH that is named wins over `holidays: closed`', 'Mo-Su,PH 08:00-20:00', '2026-06-01T10:00', 'closed', 'open'],
    ['PH off before the weekdays is replaced by them', 'PH off; Mo-Fr 08:00-20:00', '2026-06-01T10:00', 'open', 'open'],
    ['`holidays: closed` closes', 'Mo-Fr 08:00-20:00', '2026-06-01T10:00', 'closed', 'closed'],
    ['on round-the-clock hours too', '24/7', '2026-06-01T10:00', 'closed', 'closed'],
    [
      'but not where a rule names the date',
      'Mo-Fr 08:00-20:00; Jun 1 09:00-11:00',
      '2026-06-01T10:00',
      'closed',
      'open',
    ],
  ] as const)('%s', (_name, weekly, local, onHolidays, expected) => {
    expect(state(weekly, local, { holidays, onHolidays })).toBe(expected);
  });
});

describe('make-up working days', () => {
  // A Saturday and a Sunday.
  const workdays = ['2026-02-14', '2026-09-20'];
  it.each([
    ['have the hours of a Monday', 'Mo-Fr 09:00-18:00; PH off', '2026-02-14T17:00', 'open'],
    ['and not their own', 'Mo-Fr 09:00-18:00; Sa,Su 20:00-22:00; PH off', '2026-09-20T21:00', 'closed'],
    ['are no public holidays', 'Mo-Fr 09:00-18:00; PH off', '2026-09-20T10:00', 'open'],
    [
      'yield to a rule for the date',
      'Mo-Fr 09:00-18:00; PH off; 2026 Feb 14 09:00-12:00',
      '2026-02-14T17:00',
      'closed',
    ],
    ['change nothing where holidays change nothing', 'Mo-Fr 09:00-18:00', '2026-02-14T17:00', 'closed'],
  ])('%s', (_name, weekly, local, expected) => {
    expect(state(weekly, local, { workdays, holidays: ['2026-09-20'] })).toBe(expected);
  });
});

describe('mistakes', () => {
  it.each([
    ['Mo-Fr 08:00-20:00; Sa 09:00-15:00, Su 10:00-12:00', 'Su 10:00-12:00', 'rules are separated by ;'],
    ['Mo-Fr 08:00-20:00; Sa,Xx 09:00-15:00', 'Xx', 'is no day'],
    ['Mon-Fri 08:00-20:00', 'Mon-Fri', 'is no day'],
    ['Mo-Fr 08:00-12:00,  13:00-25:61', '13:00-25:61', 'no range of times'],
    ['  Dec 24, Foo 12 08:00-10:00', 'Foo 12', 'no date'],
    ['Feb 30 08:00-10:00', 'Feb 30', 'no date'],
    ['2027 Feb 29 08:00-10:00', '2027 Feb 29', 'no date'],
    ['2026 Dec 24-20 08:00-10:00', '2026 Dec 24-20', 'no date'],
    ['2027 Jan 1-2026 Dec 1 off', '2027 Jan 1-2026 Dec 1', 'no date'],
    ['Dec - off', 'Dec -', 'no date'],
    ['Mo 08:00-08:00', '08:00-08:00', 'same minute'],
    ['Mo 08:00-33:00', '08:00-33:00', 'longer than 24 hours'],
    ['Mo 24:00-26:00', '24:00-26:00', 'no range of times'],
    ['PH Mo-Fr 08:00-12:00', 'PH Mo-Fr', 'is no day'],
    ['SH off', 'SH', 'is no day'],
    ['Mo[1] 08:00-12:00', 'Mo[1]', 'is no day'],
    ['Mo-Fr sunrise-sunset', 'Mo-Fr sunrise-sunset', 'no times'],
    ['Mo-Fr 08:00+', '08:00+', 'no range of times'],
  ])('in "%s" are told at "%s"', (text, piece, words) => {
    const parsed = parseHours(text);
    expect(parsed).toMatchObject({ ok: false, at: text.indexOf(piece), message: expect.stringContaining(words) });
  });

  it('are answered with words for 20,000 random texts, never with an exception, and what is read is understood', () => {
    const pieces = [
      ...['Mo', 'Fr', 'Su', 'PH', 'SH', 'Jan', 'Feb', 'Dec', 'Foo', '2026', '2027', '0000', '31', '29', '0'],
      ...['08:00', '20:00', '24:00', '26:30', '48:00', '99:99', '-', ',', ';', ' ', ':', '24/7', 'off', 'closed'],
      ...['Mo-Fr 08:00-20:00', 'Dec 24-26', ' ', ' ', '-', '"', '||', '[', '\u0000', '\n', '\u202e', '💬', '/', '+'],
    ];
    const roll = dice(7);
    let read = 0;
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: 1 + roll(10) }, () => pieces[roll(pieces.length)]).join('');
      const parsed = parseHours(text);
      if (!parsed.ok) {
        expect(parsed.at >= 0 && parsed.at <= text.length && parsed.message.length > 0).toBe(true);
        continue;
      }
      read++;
      expect(['open', 'closed']).toContain(state(text, '2026-12-25T10:00', { holidays: ['2026-12-25'] }));
      expect(typeof namesHolidays(parsed)).toBe('boolean');
    }
    expect(read).toBeGreaterThan(200);
  });

  it('are found in a long text in good time', () => {
    const started = performance.now();
    for (const text of ['Jan' + ' '.repeat(1_990), '2026 '.repeat(390), 'Mo,'.repeat(660), '0'.repeat(2_001)]) {
      expect(parseHours(text).ok).toBe(false);
    }
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
