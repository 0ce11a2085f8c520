/** The calendar against a scan of every minute: every zone, sampled clock changes, random schedules. */
import { describe, expect, it } from 'vitest';
import { compareZones } from '../abuse/calendar.ts';
import { changesOf } from '../lib/wallclock.ts';

describe('a calendar and a scan of every minute', () => {
  it(
    'agree on hours, cron expressions and windows around a clock change of every zone (R-19)',
    { timeout: 90_000 },
    () => {
      const found = compareZones({ schedules: 8, expressions: 4, seed: 19, changes: 1, tell: () => undefined });
      expect(found.differences).toEqual([]);
      // What was compared is what was meant: all zones, over a hundred of which change their clocks.
      expect(found.zones).toBeGreaterThan(400);
      expect(found.changes).toBeGreaterThan(100);
      expect(found.schedules).toBe(found.zones * 8);
      expect(found.minutes).toBe((found.schedules + found.expressions) * 3_120);
    },
  );

  it('look at clock changes that Intl shows, twice a year where clocks change twice', () => {
    expect(changesOf('Europe/Berlin', 2024, 2035)).toHaveLength(24);
    expect(changesOf('Asia/Jakarta', 2024, 2035)).toEqual([]);
    expect(changesOf('Australia/Lord_Howe', 2026, 2026).map((each) => new Date(each).toISOString())).toEqual([
      '2026-04-04T15:00:00.000Z',
      '2026-10-03T15:30:00.000Z',
    ]);
  });
});
