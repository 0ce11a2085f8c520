/** Cron expressions across clock changes, by name. The scan of every minute is in calendar-zones.test.ts. */
import { describe, expect, it } from 'vitest';
import { nextFiring, parseCron } from '../../src/core/cron.ts';

function firings(text: string, zone: string, after: string, count: number): string[] {
  const parsed = parseCron(text);
  if (!parsed.ok) throw new Error(parsed.message);
  const found: string[] = [];
  let at: number | undefined = Date.parse(after);
  while (found.length < count) {
    at = nextFiring(parsed.cron, zone, at);
    if (at === undefined) break;
    found.push(new Date(at).toISOString().slice(0, 16));
  }
  return found;
}

describe('a cron expression', () => {
  it('runs a time that the spring leaves out at the first valid instant, once', () => {
    expect(firings('0,30 2 * * *', 'Europe/Berlin', '2027-03-27T12:00Z', 3)).toEqual([
      '2027-03-28T01:00',
      '2027-03-29T00:00',
      '2027-03-29T00:30',
    ]);
  });

  it('runs a time that the autumn repeats the first time only', () => {
    expect(firings('30 2 * * *', 'Europe/Berlin', '2027-10-30T12:00Z', 2)).toEqual([
      '2027-10-31T00:30',
      '2027-11-01T01:30',
    ]);
  });

  it('that means every so often runs through both', () => {
    expect(firings('*/30 * * * *', 'Europe/Berlin', '2027-10-31T00:00Z', 4)).toEqual([
      '2027-10-31T00:30',
      '2027-10-31T01:00',
      '2027-10-31T01:30',
      '2027-10-31T02:00',
    ]);
  });

  it('runs through an evening that comes twice, where clocks are set back at midnight', () => {
    // Cairo, 30 October 2026: after 23:59 it is 23:00 again.
    expect(firings('*/30 23 * * *', 'Africa/Cairo', '2026-10-29T19:59Z', 5)).toEqual([
      '2026-10-29T20:00',
      '2026-10-29T20:30',
      '2026-10-29T21:00',
      '2026-10-29T21:30',
      '2026-10-30T21:00',
    ]);
  });

  it('knows a clock that moves by half an hour', () => {
    expect(firings('15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T20:00Z', 2)).toEqual([
      '2026-10-03T15:30',
      '2026-10-04T15:15',
    ]);
  });

  it('finds the next leap day, eight years on where a century is none', () => {
    expect(firings('0 0 29 2 *', 'UTC', '2096-03-01T00:00Z', 1)).toEqual(['2104-02-29T00:00']);
  });

  it.each([
    ['* * * *', 0],
    ['60 * * * *', 0],
    ['0  25 * * *', 3],
    ['0 0 32 * *', 4],
    ['0 0 30 2 *', 4],
    ['0 0 * * mon-foo', 8],
  ])('tells where "%s" is wrong', (text, at) => {
    expect(parseCron(text)).toMatchObject({ ok: false, at });
  });
});
