/** What was promised when: hours, holidays and maintenance in the channel's own zone, clock changes included. */
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import { openCalendar } from '../../src/core/calendar.ts';
import { parseCron } from '../../src/core/cron.ts';
import { parseHours } from '../../src/core/hours.ts';
import type { Hours, MaintenanceRule } from '../../src/core/model.ts';

const hoursOf = (weekly: string, timezone = 'Asia/Jakarta', holidays: readonly string[] = []): Hours => ({
  weekly,
  timezone,
  holidays,
  onHolidays: 'closed',
  workdays: [],
});
const OFFICE = 'Mo-Fr 08:00-20:00; Sa 09:00-15:00';
const at = (iso: string): number => Date.parse(iso);
const iso = (instant: number | undefined): string | undefined =>
  instant === undefined ? undefined : new Date(instant).toISOString();

describe('service hours', () => {
  it.each([
    ['an open minute', OFFICE, '2026-11-23T01:00:00Z', 'open'],
    ['the last minute', OFFICE, '2026-11-23T12:59:59Z', 'open'],
    ['closing time itself', OFFICE, '2026-11-23T13:00:00Z', 'closed'],
    ['Saturday, shorter', OFFICE, '2026-11-28T08:00:00Z', 'closed'],
    ['Sunday', OFFICE, '2026-11-22T05:00:00Z', 'closed'],
    ['round the clock', '24/7', '2026-11-22T05:00:00Z', 'open'],
    ['past midnight', 'Fr 22:00-02:00', '2026-11-27T18:30:00Z', 'open'],
    ['after it', 'Fr 22:00-02:00', '2026-11-27T19:00:00Z', 'closed'],
    ['the lunch break', 'Mo-Fr 08:00-12:00,13:00-17:00', '2026-11-23T05:30:00Z', 'closed'],
    ['a later rule for one weekday', 'Mo-Fr 08:00-20:00; Mo off', '2026-11-23T05:00:00Z', 'closed'],
    ['a dated exception', '24/7; Nov 23 off', '2026-11-23T05:00:00Z', 'closed'],
    ['a dated exception of another year', '24/7; 2025 Nov 23 off', '2026-11-23T05:00:00Z', 'open'],
    ['a range of dates over new year', '24/7; Dec 30-Jan 2 off', '2027-01-01T05:00:00Z', 'closed'],
    ['a day that ends at midnight', '00:00-24:00', '2026-11-22T16:59:59Z', 'open'],
  ])('%s', (_name, weekly, instant, expected) => {
    expect(openCalendar(hoursOf(weekly), []).expectation(at(instant))).toBe(expected);
  });

  it('is closed on a public holiday, unless the hours have a rule for it', () => {
    const noon = at('2026-12-25T05:00:00Z');
    expect(openCalendar(hoursOf('Mo-Su 08:00-20:00', undefined, ['2026-12-25']), []).expectation(noon)).toBe('closed');
    const kind = hoursOf('Mo-Su 08:00-20:00; PH 10:00-14:00', undefined, ['2026-12-25']);
    expect(openCalendar(kind, []).expectation(noon)).toBe('open');
    expect(openCalendar(kind, []).expectation(at('2026-12-25T08:00:00Z'))).toBe('closed');
  });

  it('says when it opens and closes next', () => {
    const calendar = openCalendar(hoursOf(OFFICE), []);
    const next = (instant: string): unknown => {
      const change = calendar.nextChange(at(instant));
      return [iso(change?.at), change?.to];
    };
    expect(next('2026-11-23T02:00:00Z')).toEqual(['2026-11-23T13:00:00.000Z', 'closed']);
    expect(next('2026-11-28T08:00:00Z')).toEqual(['2026-11-30T01:00:00.000Z', 'open']);
    expect(openCalendar(hoursOf('24/7'), []).nextChange(at('2026-11-28T08:00:00Z'))).toBeUndefined();
  });

  it('lists the hours of today, those that began yesterday included', () => {
    const spans = openCalendar(hoursOf('Mo-Su 22:00-02:00'), []).today(at('2026-11-23T05:00:00Z'));
    expect(spans.map((each) => [iso(each.from), iso(each.until)])).toEqual([
      ['2026-11-22T15:00:00.000Z', '2026-11-22T19:00:00.000Z'],
      ['2026-11-23T15:00:00.000Z', '2026-11-23T19:00:00.000Z'],
    ]);
  });

  it.each([
    ['Mo-Fr', 'no times'],
    ['Mo-Xx 08:00-20:00', 'no day'],
    ['08:00-08:00', 'same minute'],
    ['25:00-26:00', 'no range of times'],
    ['Foo 12 08:00-10:00', 'no date'],
    ['', 'no hours'],
    ['Mo 08:00-20:00; nonsense', 'no times'],
  ])('refuses "%s" in words', (text, words) => {
    const parsed = parseHours(text);
    expect(parsed.ok).toBe(false);
    if (!parsed.ok) expect(parsed.message).toContain(words);
  });

  it('says where in the text the mistake is', () => {
    const parsed = parseHours('Mo 08:00-20:00; nonsense');
    expect(parsed.ok ? 0 : parsed.at).toBe(16);
  });
});

describe('maintenance', () => {
  const weekly: MaintenanceRule = { kind: 'cron', cron: '0 2 * * 0', durationMs: 7_200_000, timezone: 'Asia/Jakarta' };
  const once: MaintenanceRule = { kind: 'once', from: at('2026-11-23T03:00:00Z'), until: at('2026-11-23T05:00:00Z') };

  it('covers a half-open window, and stands above open and closed', () => {
    const calendar = openCalendar(hoursOf(OFFICE), [weekly, once]);
    expect(calendar.expectation(at('2026-11-23T02:59:59Z'))).toBe('open');
    expect(calendar.expectation(at('2026-11-23T03:00:00Z'))).toBe('maintenance');
    expect(calendar.expectation(at('2026-11-23T05:00:00Z'))).toBe('open');
    expect(calendar.expectation(at('2026-11-21T20:00:00Z'))).toBe('maintenance');
    expect(calendar.expectation(at('2026-11-21T21:00:00Z'))).toBe('closed');
  });

  it('is known ahead', () => {
    const calendar = openCalendar(hoursOf('24/7'), [weekly, once]);
    const ahead = calendar.maintenances(at('2026-11-22T00:00:00Z'), at('2026-11-30T00:00:00Z'));
    expect(ahead.map((each) => iso(each.from))).toEqual(['2026-11-23T03:00:00.000Z', '2026-11-28T19:00:00.000Z']);
    expect(calendar.nextChange(at('2026-11-23T04:00:00Z'))).toEqual({ at: at('2026-11-23T05:00:00Z'), to: 'open' });
  });
});

describe('clock changes', () => {
  const span = (weekly: string, zone: string, day: string): unknown[] =>
    openCalendar(hoursOf(weekly, zone), [])
      .today(at(day))
      .map((each) => [iso(each.from), iso(each.until)]);

  it('moves a start that lies in a gap to the first valid instant', () => {
    expect(span('02:30-05:00', 'Europe/Berlin', '2027-03-28T10:00Z')).toEqual([
      ['2027-03-28T01:00:00.000Z', '2027-03-28T03:00:00.000Z'],
    ]);
  });

  it('takes the first of two for a start and the second for an end', () => {
    expect(span('02:30-05:00', 'Europe/Berlin', '2027-10-31T10:00Z')).toEqual([
      ['2027-10-31T00:30:00.000Z', '2027-10-31T04:00:00.000Z'],
    ]);
    expect(span('01:00-02:30', 'Europe/Berlin', '2027-10-31T10:00Z')).toEqual([
      ['2027-10-30T23:00:00.000Z', '2027-10-31T01:30:00.000Z'],
    ]);
  });

  it('agrees with a scan of every minute around the clock changes of several zones', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Asia/Jakarta'];
    const times = fc.tuple(fc.integer({ min: 0, max: 47 }), fc.integer({ min: 1, max: 47 }));
    fc.assert(
      fc.property(fc.constantFrom(...zones), times, fc.integer({ min: 0, max: 3 }), (zone, [start, length], change) => {
        const [from, until] = [start * 30, (start * 30 + length * 30) % 1440];
        const weekly = `${clock(from)}-${clock(until === 0 ? 1440 : until)}`;
        const calendar = openCalendar(hoursOf(weekly, zone), []);
        const middle = transition(zone, change);
        for (let minute = -1_500; minute <= 1_500; minute += 10) {
          const instant = middle + minute * 60_000;
          const open = isOpenByWall(zone, instant, from, until === 0 ? 1440 : until);
          // In a repeated hour the rule is about starts and ends, which a wall clock alone cannot tell apart.
          if (open !== undefined)
            expect([minute, calendar.expectation(instant)]).toEqual([minute, open ? 'open' : 'closed']);
        }
      }),
      { numRuns: 60, seed: 7 },
    );
  });
});

function clock(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

function transition(zone: string, index: number): number {
  let moment = Temporal.Instant.from('2026-12-01T00:00Z').toZonedDateTimeISO(zone);
  for (let each = 0; each <= index; each++) moment = moment.getTimeZoneTransition('next') ?? moment.add({ days: 30 });
  return moment.epochMilliseconds;
}

/** The slow way: read the wall clock. Undefined where the wall clock shows the same time twice. */
function isOpenByWall(zone: string, instant: number, from: number, until: number): boolean | undefined {
  const zoned = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(zone);
  const wall = zoned.toPlainDateTime();
  const twice =
    wall.toZonedDateTime(zone, { disambiguation: 'earlier' }).epochMilliseconds !==
    wall.toZonedDateTime(zone, { disambiguation: 'later' }).epochMilliseconds;
  if (twice) return undefined;
  const minute = zoned.hour * 60 + zoned.minute;
  return until > from ? minute >= from && minute < until : minute >= from || minute < until;
}

describe('cron', () => {
  it.each([
    ['* * * *', 'five fields'],
    ['60 * * * *', 'no minute'],
    ['* 24 * * *', 'no hour'],
    ['* * 0 * *', 'no day of month'],
    ['* * * foo *', 'no month'],
    ['*/0 * * * *', 'no minute'],
    ['5-1 * * * *', 'no minute'],
    ['0 0 30 2 *', 'never comes'],
    ['*-5 * * * *', 'no minute'],
  ])('refuses "%s" in words', (text, words) => {
    const parsed = parseCron(text);
    expect(parsed.ok).toBe(false);
    if (!parsed.ok) expect(parsed.message).toContain(words);
  });

  it('reads names, lists, ranges and steps', () => {
    const parsed = parseCron('0,30 8-20/4 * jan-mar mon-fri');
    expect(parsed).toMatchObject({ ok: true, cron: { minutes: [0, 30], hours: [8, 12, 16, 20] } });
    if (parsed.ok) expect([...parsed.cron.weekdays]).toEqual([1, 2, 3, 4, 5]);
  });
});
