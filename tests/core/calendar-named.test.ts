/** The calendar's hard days by name: odd clock changes, a day that was skipped, long closures, windows that hide one another. */
import { describe, expect, it } from 'vitest';
import { openCalendar, type Calendar } from '../../src/core/calendar.ts';
import { instantOf as instantOfMoment, parseMoment } from '../../src/config/moment.ts';
import type { Hours, MaintenanceRule } from '../../src/core/model.ts';
import { instantOf, wallOf } from '../../src/core/zone.ts';
import { anySchedule, changesOf, clock, dateOf, DAY, dice, HOUR, MINUTE, shown, written } from '../lib/wallclock.ts';

const at = (iso: string): number => Date.parse(iso);
const iso = (instant: number | undefined): string | undefined =>
  instant === undefined ? undefined : new Date(instant).toISOString().slice(0, 16);
const hoursOf = (weekly: string, timezone: string, more: Partial<Hours> = {}): Hours => ({
  weekly,
  timezone,
  holidays: [],
  onHolidays: 'open',
  workdays: [],
  ...more,
});
const calendarOf = (weekly: string, timezone: string, maintenance: MaintenanceRule[] = []): Calendar =>
  openCalendar(hoursOf(weekly, timezone), maintenance);
const today = (weekly: string, timezone: string, instant: string): unknown[] =>
  calendarOf(weekly, timezone)
    .today(at(instant))
    .map((each) => [iso(each.from), iso(each.until)]);
const next = (calendar: Calendar, instant: string): unknown => {
  const change = calendar.nextChange(at(instant));
  return change === undefined ? undefined : [iso(change.at), change.to];
};

describe('Lord Howe, whose clock moves by half an hour', () => {
  it('opens at the end of the gap when the time is left out', () => {
    expect(today('02:15-05:00', 'Australia/Lord_Howe', '2026-10-04T00:00Z')).toEqual([
      ['2026-10-03T15:30', '2026-10-03T18:00'],
    ]);
  });

  it('opens at the first and closes at the second of two', () => {
    expect(today('01:45-03:00', 'Australia/Lord_Howe', '2026-04-05T00:00Z')).toEqual([
      ['2026-04-04T14:45', '2026-04-04T16:30'],
    ]);
    expect(today('00:00-01:45', 'Australia/Lord_Howe', '2026-04-05T00:00Z')).toEqual([
      ['2026-04-04T13:00', '2026-04-04T15:15'],
    ]);
  });
});

describe('Casablanca, whose clock goes back for Ramadan and forth after it', () => {
  it('keeps local hours before, in and after it', () => {
    const opens = ['2025-02-22', '2025-02-24', '2025-04-07'].map((date) =>
      today('09:00-18:00', 'Africa/Casablanca', `${date}T12:00Z`),
    );
    expect(opens).toEqual([
      [['2025-02-22T08:00', '2025-02-22T17:00']],
      [['2025-02-24T09:00', '2025-02-24T18:00']],
      [['2025-04-07T08:00', '2025-04-07T17:00']],
    ]);
  });

  it('has a night of an hour more and one of an hour less', () => {
    expect(today('00:00-24:00', 'Africa/Casablanca', '2025-02-23T12:00Z')).toEqual([
      ['2025-02-22T23:00', '2025-02-24T00:00'],
    ]);
    expect(today('00:00-24:00', 'Africa/Casablanca', '2025-04-06T12:00Z')).toEqual([
      ['2025-04-06T00:00', '2025-04-06T23:00'],
    ]);
  });
});

describe('Apia, which had no 30 December 2011', () => {
  it('opens on Saturday after Thursday, and not at all on that Friday', () => {
    expect(next(calendarOf('08:00-20:00', 'Pacific/Apia'), '2011-12-30T06:00Z')).toEqual(['2011-12-30T18:00', 'open']);
    expect(next(calendarOf('Fr 08:00-20:00', 'Pacific/Apia'), '2011-12-28T12:00Z')).toEqual([
      '2012-01-05T18:00',
      'open',
    ]);
  });

  it('is open round the clock through it', () => {
    const calendar = calendarOf('Th-Sa 00:00-24:00', 'Pacific/Apia');
    expect(next(calendar, '2011-12-29T12:00Z')).toEqual(['2011-12-31T10:00', 'closed']);
    // What there is of the night shift that would have begun on that Friday, and Saturday's own.
    expect(today('22:00-26:00', 'Pacific/Apia', '2011-12-30T12:00Z')).toEqual([
      ['2011-12-30T10:00', '2011-12-30T12:00'],
      ['2011-12-31T08:00', '2011-12-31T12:00'],
    ]);
  });
});

describe('midnight', () => {
  it('lies inside a night shift, also where the clock changes at it', () => {
    // Havana, 1 November 2026: after 00:59 it is 00:00 again.
    expect(today('22:00-00:30', 'America/Havana', '2026-10-31T18:00Z').at(-1)).toEqual([
      '2026-11-01T02:00',
      '2026-11-01T05:30',
    ]);
    // Cairo, 24 April 2026: midnight itself is left out.
    expect(today('00:00-08:00', 'Africa/Cairo', '2026-04-24T10:00Z')).toEqual([
      ['2026-04-23T22:00', '2026-04-24T05:00'],
    ]);
  });

  it('does not part days that follow one another, and the whole week never changes', () => {
    const calendar = calendarOf('Mo-Su 00:00-24:00', 'Europe/Berlin');
    expect(calendar.nextChange(at('2026-11-23T10:00Z'))).toBeUndefined();
    expect(calendar.expectation(at('2027-10-31T01:30Z'))).toBe('open');
    expect(next(calendarOf('Mo-Fr 00:00-24:00', 'Asia/Jakarta'), '2026-11-23T10:00Z')).toEqual([
      '2026-11-27T17:00',
      'closed',
    ]);
  });

  it('ends a window of 24 hours a day later', () => {
    expect(next(calendarOf('Mo 08:00-32:00', 'Asia/Jakarta'), '2026-11-23T10:00Z')).toEqual([
      '2026-11-24T01:00',
      'closed',
    ]);
  });
});

describe('the next change', () => {
  it('is found over a closure of three weeks', () => {
    const calendar = calendarOf('Mo-Fr 08:00-20:00; 2026 Dec 14-2027 Jan 3 off', 'Asia/Jakarta');
    expect(next(calendar, '2026-12-13T10:00Z')).toEqual(['2027-01-04T01:00', 'open']);
  });

  it('is found on the next leap day, and not looked for beyond 400 days', () => {
    const calendar = calendarOf('Feb 29 10:00-12:00', 'Asia/Jakarta');
    expect(next(calendar, '2026-11-22T00:00Z')).toBeUndefined();
    expect(next(calendar, '2027-02-01T00:00Z')).toEqual(['2028-02-29T03:00', 'open']);
  });

  it('comes back into sight as time goes on', () => {
    const calendar = calendarOf('Feb 29 10:00-12:00', 'Asia/Jakarta');
    expect(next(calendar, '2027-01-24T00:00Z')).toBeUndefined();
    expect(next(calendar, '2027-01-26T00:00Z')).toEqual(['2028-02-29T03:00', 'open']);
  });

  it('is the end of all maintenance that touches, with what holds then', () => {
    const calendar = calendarOf('Mo-Su 08:00-20:00', 'Asia/Jakarta', [
      { kind: 'once', from: at('2026-11-23T11:00Z'), until: at('2026-11-23T12:30Z') },
      { kind: 'cron', cron: '30 19 * * *', durationMs: HOUR, timezone: 'Asia/Jakarta' },
      { kind: 'cron', cron: '*/10 20 * * *', durationMs: 10 * MINUTE, timezone: 'Asia/Jakarta' },
    ]);
    expect(next(calendar, '2026-11-23T10:00Z')).toEqual(['2026-11-23T11:00', 'maintenance']);
    expect(next(calendar, '2026-11-23T11:30Z')).toEqual(['2026-11-23T14:00', 'closed']);
    expect(next(calendar, '2026-11-23T14:00Z')).toEqual(['2026-11-24T01:00', 'open']);
  });

  it('sees windows that an operator or a notice announced, over an opening that they hide', () => {
    const announced = [{ from: at('2026-11-23T00:30Z'), until: at('2026-11-23T02:00Z') }];
    const calendar = openCalendar(hoursOf('Mo-Su 08:00-20:00', 'Asia/Jakarta'), [], announced);
    expect(next(calendar, '2026-11-23T00:00Z')).toEqual(['2026-11-23T00:30', 'maintenance']);
    expect(next(calendar, '2026-11-23T01:30Z')).toEqual(['2026-11-23T02:00', 'open']);
    expect(calendar.maintenances(at('2026-11-23T01:00Z'), at('2026-11-30T00:00Z'))).toEqual(announced);
  });
});

describe('one rule for gaps and folds', () => {
  it('gives a window of the configuration and opening hours the same edges in every zone with a change in 2027', () => {
    const roll = dice(27);
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      for (const change of changesOf(zone, 2027, 2027)) {
        const wall = shown(zone, change) + (roll(240) - 120) * MINUTE;
        const text = new Date(wall).toISOString().slice(0, 16);
        const moment = parseMoment(text);
        if (moment === undefined) throw new Error(text);
        const minute = (wall % DAY) / MINUTE;
        const [, day, month, year] = new Date(wall).toUTCString().split(' ');
        const date = [year, month, Number(day)].join(' ');
        const calendar = calendarOf(`${date} ${clock(minute)}-${clock(minute + 480)}`, zone);
        const start = instantOfMoment(moment, zone, 'start');
        const opened = calendar.nextChange(start - 2 * HOUR);
        expect([zone, text, opened?.at]).toEqual([zone, text, start]);
        expect(instantOf(wall, zone, 'end')).toBeGreaterThanOrEqual(start);
      }
    }
  });

  it('leads from every instant to what the clock shows, and back when it shows it once', () => {
    const roll = dice(28);
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      const instant = at('2024-01-01T00:00Z') + roll(12 * 365 * 24 * 60) * MINUTE;
      expect([zone, wallOf(instant, zone)]).toEqual([zone, shown(zone, instant)]);
      const both = [instantOf(wallOf(instant, zone), zone, 'start'), instantOf(wallOf(instant, zone), zone, 'end')];
      expect(both).toContain(instant);
    }
  });
});

describe('what is remembered', () => {
  it('answers the same whatever was asked before', () => {
    const roll = dice(11);
    for (let round = 0; round < 60; round++) {
      const zone = ['Europe/Berlin', 'Africa/Casablanca', 'Asia/Jakarta', 'Africa/Cairo'][roll(4)] ?? 'UTC';
      const middle = changesOf(zone, 2026, 2027)[roll(4)] ?? at('2027-03-01T00:00Z');
      const schedule = anySchedule(roll, shown(zone, middle));
      const hours = hoursOf(written(schedule), zone, {
        holidays: schedule.holidays.map(dateOf),
        workdays: schedule.workdays.map(dateOf),
        onHolidays: schedule.onHolidays,
      });
      const rules: MaintenanceRule[] = [
        {
          kind: 'cron',
          cron: `${roll(60)} */${1 + roll(6)} * * *`,
          durationMs: (1 + roll(90)) * MINUTE,
          timezone: zone,
        },
      ];
      const asked = openCalendar(hours, rules);
      for (let question = 0; question < 60; question++) {
        const instant = middle + (roll(8 * 24 * 60) - 4 * 24 * 60) * MINUTE;
        const fresh = openCalendar(hours, rules);
        const told = [hours.weekly, new Date(instant).toISOString()];
        expect([...told, asked.expectation(instant)]).toEqual([...told, fresh.expectation(instant)]);
        expect([...told, asked.nextChange(instant)]).toEqual([...told, fresh.nextChange(instant)]);
      }
    }
  });

  it('says nothing about the week before', () => {
    const calendar = calendarOf('Mo 08:00-20:00', 'Asia/Jakarta', [
      { kind: 'cron', cron: '0 9 * * 2', durationMs: HOUR, timezone: 'Asia/Jakarta' },
    ]);
    const told = ['2026-11-29T10:00Z', '2026-11-24T02:30Z', '2026-11-28T10:00Z', '2026-11-23T02:00Z'].map((each) =>
      calendar.expectation(at(each)),
    );
    expect(told).toEqual(['closed', 'maintenance', 'closed', 'open']);
    expect(next(calendar, '2026-11-29T10:00Z')).toEqual(['2026-11-30T01:00', 'open']);
    expect(next(calendar, '2026-11-23T02:00Z')).toEqual(['2026-11-23T13:00', 'closed']);
  });

  it('makes a million answers within one stretch cost next to nothing', () => {
    const calendar = calendarOf('Mo-Fr 08:00-20:00', 'Asia/Jakarta', [
      { kind: 'cron', cron: '0 2 * * 0', durationMs: 2 * HOUR, timezone: 'Asia/Jakarta' },
    ]);
    const started = performance.now();
    let open = 0;
    for (let i = 0; i < 1_000_000; i++) if (calendar.expectation(at('2026-11-23T02:00Z') + i) === 'open') open++;
    expect(open).toBe(1_000_000);
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it('survives maintenance that never ends and windows of every minute', () => {
    const always = calendarOf('24/7', 'Asia/Jakarta', [
      { kind: 'cron', cron: '* * * * *', durationMs: HOUR, timezone: 'Asia/Jakarta' },
    ]);
    expect(always.expectation(at('2026-11-23T02:00Z'))).toBe('maintenance');
    expect(always.nextChange(at('2026-11-23T02:00Z'))).toBeUndefined();
    expect(always.maintenances(at('2026-11-23T02:00Z'), at('2026-12-23T02:00Z'))).toHaveLength(1);
  });
});
