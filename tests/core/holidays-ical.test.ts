/** Holidays from iCalendar texts: what is read, what is left out, and what is refused in words. */
import { describe, expect, it } from 'vitest';
import { readCalendar } from '../../src/core/ical.ts';
import { dice } from '../lib/wallclock.ts';

const calendar = (...events: string[]): string =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//x//EN', ...events, 'END:VCALENDAR', ''].join('\r\n');
const event = (...lines: string[]): string => ['BEGIN:VEVENT', 'UID:1', ...lines, 'END:VEVENT'].join('\r\n');
const read = (...events: string[]) => readCalendar(calendar(...events), 2025, 2028);
const holidays = (...lines: string[]): unknown => {
  const found = read(event(...lines));
  return found.ok ? found.holidays : found.message;
};

describe('an iCalendar text', () => {
  it.each([
    ['one day', ['DTSTART;VALUE=DATE:20261225', 'DTEND;VALUE=DATE:20261226'], ['2026-12-25']],
    ['one day without an end', ['DTSTART;VALUE=DATE:20261225'], ['2026-12-25']],
    ['one day whose end is itself', ['DTSTART;VALUE=DATE:20261225', 'DTEND;VALUE=DATE:20261225'], ['2026-12-25']],
    [
      'several days, the end excluded',
      ['DTSTART;VALUE=DATE:20261231', 'DTEND;VALUE=DATE:20270102'],
      ['2026-12-31', '2027-01-01'],
    ],
    ['a duration', ['DTSTART;VALUE=DATE:20261224', 'DURATION:P2D'], ['2026-12-24', '2026-12-25']],
    ['a quoted parameter with a colon', ['DTSTART;X-A="a:b;c";VALUE=DATE:20261225'], ['2026-12-25']],
    [
      'every year',
      ['DTSTART;VALUE=DATE:20200817', 'RRULE:FREQ=YEARLY'],
      ['2025-08-17', '2026-08-17', '2027-08-17', '2028-08-17'],
    ],
    [
      'every year until one',
      ['DTSTART;VALUE=DATE:20200817', 'RRULE:FREQ=YEARLY;UNTIL=20260817'],
      ['2025-08-17', '2026-08-17'],
    ],
    ['so many times', ['DTSTART;VALUE=DATE:20250817', 'RRULE:FREQ=YEARLY;COUNT=2'], ['2025-08-17', '2026-08-17']],
    ['every other year', ['DTSTART;VALUE=DATE:20260817', 'RRULE:FREQ=YEARLY;INTERVAL=2'], ['2026-08-17', '2028-08-17']],
    [
      'a leap day each year',
      ['DTSTART;VALUE=DATE:20200229', 'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29'],
      ['2028-02-29'],
    ],
    [
      'a year taken out',
      ['DTSTART;VALUE=DATE:20260817', 'RRULE:FREQ=YEARLY', 'EXDATE;VALUE=DATE:20270817'],
      ['2026-08-17', '2028-08-17'],
    ],
    ['a folded line', ['SUMMARY:Hari ra', ' ya', 'DTSTART;VALUE=', '\tDATE:20261225'], ['2026-12-25']],
    ['nothing for a time of day', ['DTSTART:20261225T080000Z'], []],
    ['nothing for what was cancelled', ['DTSTART;VALUE=DATE:20261225', 'STATUS:CANCELLED'], []],
    [
      'an alarm inside for nothing',
      ['BEGIN:VALARM', 'DURATION:PT15M', 'END:VALARM', 'DTSTART;VALUE=DATE:20261225'],
      ['2026-12-25'],
    ],
  ])('gives %s', (_name, lines, expected) => {
    expect(holidays(...lines)).toEqual(expected);
  });

  it('tells make-up working days from holidays as Chinese calendars mark them', () => {
    const found = read(
      event('SUMMARY:春节假期', 'DTSTART;VALUE=DATE:20260215', 'DTEND;VALUE=DATE:20260218'),
      event('SUMMARY:上班(补春节假期)', 'DTSTART;VALUE=DATE:20260214'),
      event('SUMMARY:春节（班）', 'DTSTART;VALUE=DATE:20260228'),
      event('SUMMARY:Labour Day', 'X-APPLE-SPECIAL-DAY:ALTERNATE-WORKDAY', 'DTSTART;VALUE=DATE:20260509'),
    );
    expect(found).toEqual({
      ok: true,
      holidays: ['2026-02-15', '2026-02-16', '2026-02-17'],
      workdays: ['2026-02-14', '2026-02-28', '2026-05-09'],
      skipped: 0,
    });
  });

  it.each([
    ['no date', ['DTSTART;VALUE=DATE:20260230'], 'no date', 6],
    ['a month that is none', ['DTSTART;VALUE=DATE:20261305'], 'no date', 6],
    ['no start', ['SUMMARY:x'], 'without DTSTART', 4],
    ['a weekly rule', ['DTSTART;VALUE=DATE:20261225', 'RRULE:FREQ=WEEKLY'], 'RRULE other than', 7],
    [
      'a rule for a weekday',
      ['DTSTART;VALUE=DATE:20261126', 'RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH'],
      'RRULE other',
      7,
    ],
    ['dates apart', ['DTSTART;VALUE=DATE:20261225', 'RDATE;VALUE=DATE:20261226'], 'RDATE', 7],
    ['an event of a year', ['DTSTART;VALUE=DATE:20260101', 'DTEND;VALUE=DATE:20270101'], '365 days', 7],
    ['an end before the start', ['DTSTART;VALUE=DATE:20260101', 'DTEND;VALUE=DATE:20251231'], '-1 days', 7],
  ])('is refused with its line for %s', (_name, lines, words, line) => {
    expect(read(event(...lines))).toMatchObject({ ok: false, message: expect.stringContaining(words), line });
  });

  it('is refused when it is none, is cut or is nested wrongly', () => {
    const refused = (text: string): unknown => {
      const found = readCalendar(text, 2025, 2028);
      return found.ok ? 'read' : found.message;
    };
    expect(refused('<html>')).toContain('no iCalendar');
    expect(refused('')).toContain('no iCalendar');
    expect(refused(calendar(event('DTSTART;VALUE=DATE:20261225')).slice(0, -32))).toContain('never ends');
    expect(refused(calendar('END:VEVENT'))).toContain('ends nothing');
  });

  it('is bounded in lines, events, dates and length of a line', () => {
    const many = (count: number, line: string): string => Array.from({ length: count }, () => line).join('\r\n');
    const told = (text: string): unknown => read(text);
    expect(told(many(60_000, 'X:1'))).toMatchObject({ ok: false, message: expect.stringContaining('50000 lines') });
    expect(told(many(3_000, event('DTSTART;VALUE=DATE:20261225')))).toMatchObject({
      ok: false,
      message: expect.stringContaining('2000 events'),
    });
    expect(told(`X:${'a'.repeat(9_000)}`)).toMatchObject({
      ok: false,
      message: expect.stringContaining('8000 characters'),
    });
    expect(told(`X:1\r\n${many(9_000, ' a')}`)).toMatchObject({
      ok: false,
      message: expect.stringContaining('8000 characters'),
    });
    const spread = Array.from({ length: 150 }, (_, i) =>
      event(`DTSTART;VALUE=DATE:${1950 + i}0101`, `DTEND;VALUE=DATE:${1950 + i}0225`),
    );
    expect(told(spread.join('\r\n'))).toMatchObject({ ok: false, message: expect.stringContaining('5000 dates') });
    const started = performance.now();
    told(event('DTSTART;VALUE=DATE:19000101', 'RRULE:FREQ=YEARLY;INTERVAL=1;COUNT=999999999'));
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('never throws for 5,000 texts cut and mixed at random', () => {
    const whole = calendar(
      event('DTSTART;VALUE=DATE:20261225', 'RRULE:FREQ=YEARLY;UNTIL=20270101', 'DTEND;VALUE=DATE:20261226'),
    );
    const roll = dice(3);
    for (let round = 0; round < 5_000; round++) {
      const [from, length] = [roll(whole.length), roll(12)];
      const instead = ['', ';', ':', '"', '\r\n', '99', '=', '\u0000'][roll(8)] ?? '';
      const text = whole.slice(0, from) + instead + whole.slice(from + length);
      const found = readCalendar(text, 2025, 2028);
      expect(found.ok || (found.message.length > 0 && found.line >= 1)).toBe(true);
    }
  });
});
