/** Promised against delivered time: stories with their figures, and what holds for every one of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accountOf,
  availability,
  BASES,
  deliveredBy,
  sharesOf,
  troublesOf,
  type Account,
} from '../../src/core/availability.ts';
import { openCalendar } from '../../src/core/calendar.ts';
import { coverageOf, HOUR_MS as HOUR, type Watched } from '../../src/core/coverage.ts';
import { fault } from '../../src/core/fault.ts';
import type { Rollup } from '../../src/core/ledger.ts';
import type { Expectation, Impact, Incident, Instant, MaintenanceRule, Suspension } from '../../src/core/model.ts';
import { stretchesOf } from '../../src/core/stretch.ts';

const MINUTE = 60_000;
const DAY = 24 * HOUR;
/** Monday 2 November 2026, 00:00 in Jakarta. */
const MONDAY = Date.parse('2026-11-01T17:00:00Z');
const CHANNEL = 'gopay/hotline';
const TRUNK = `${CHANNEL}/trunk`;
const at = (day: number, hour: number, minute = 0): Instant => MONDAY + day * DAY + hour * HOUR + minute * MINUTE;

function calendarOf(weekly = '24/7', maintenance: readonly MaintenanceRule[] = [], timezone = 'Asia/Jakarta') {
  return openCalendar({ weekly, timezone, holidays: [], onHolidays: 'closed', workdays: [] }, maintenance);
}

function watched(id = TRUNK, other: Partial<Watched> = {}): Watched {
  return { id, schedule: { kind: 'every', everyMs: MINUTE }, timeoutMs: 4_000, advisory: false, ...other };
}

const ANSWERS = { count: 0, sumMs: 0, histogram: [] };

function hour(
  fromAt: Instant,
  looks: Partial<Rollup['looks']>,
  expected: Expectation = 'open',
  target = TRUNK,
): Rollup {
  const counts = { ok: 0, degraded: 0, failed: 0, unknown: 0, ...looks };
  return { target, location: 'jakarta', fromAt, expected, looks: counts, answers: ANSWERS };
}

/** A look a minute, all of them good. */
function hours(from: Instant, until: Instant, target = TRUNK, looks: Partial<Rollup['looks']> = { ok: 60 }): Rollup[] {
  return Array.from({ length: (until - from) / HOUR }, (_, index) => hour(from + index * HOUR, looks, 'open', target));
}

interface Outage {
  readonly from: Instant;
  readonly until?: Instant;
  readonly targets?: readonly string[];
  readonly impact?: Impact;
  readonly suspended?: readonly Suspension[];
}

function incidentOf({ from, until, targets = [TRUNK], impact = 'outage', suspended = [] }: Outage): Incident {
  const end = until === undefined ? {} : { resolvedAt: until };
  return {
    id: `gopay.hotline.${from}`,
    provider: 'gopay',
    channel: CHANNEL,
    channels: [{ channel: CHANNEL, since: from, impact, cause: 'refused', suspended, ...end }],
    openedAt: from,
    confirmedAt: from + MINUTE,
    impact,
    cause: 'refused',
    because: 'refused',
    members: targets.map((target) => ({
      target,
      since: from,
      impact,
      fault: fault('TCP_REFUSED', 'refused'),
      probe: 'sip-options',
      ...end,
    })),
    updates: [],
    told: [],
    ...end,
  };
}

interface Story {
  readonly weekly?: string;
  readonly timezone?: string;
  readonly maintenance?: readonly MaintenanceRule[];
  readonly rows: readonly Rollup[];
  readonly outages?: readonly Outage[];
  readonly targets?: readonly Watched[];
  readonly span: readonly [Instant, Instant];
  readonly now?: Instant;
}

function account(story: Story): Account {
  const { weekly, timezone, maintenance, rows, outages = [], targets = [watched()], span } = story;
  const [from, until] = span;
  const now = story.now ?? until + DAY;
  const stretches = stretchesOf(calendarOf(weekly, maintenance, timezone), { from, until: Math.min(until, now) });
  const coverage = coverageOf(rows, targets, { from, until: now });
  return accountOf({ stretches, coverage, troubles: troublesOf(CHANNEL, outages.map(incidentOf), now) });
}

/** `up down unknown maintenance` in minutes, and the availability. */
function printed(of: Account, basis: (typeof BASES)[number] = 'promised'): string {
  const delivered = deliveredBy(of, basis);
  const minutes = [delivered.upMs, delivered.downMs, delivered.unknownMs, delivered.maintenanceMs].map(
    (ms) => Math.round((ms / MINUTE) * 100) / 100,
  );
  const ratio = availability(delivered);
  return `${minutes.join(' ')} ${ratio === undefined ? 'not known' : ratio.toFixed(4)}`;
}

const DAY_ONE: readonly [Instant, Instant] = [at(0, 0), at(1, 0)];
const OFFICE = 'Mo-Fr 08:00-20:00';

const STORIES: readonly (readonly [string, Story, string, string])[] = [
  [
    'a day without a failure is whole',
    { rows: hours(at(0, 0), at(1, 0)), span: DAY_ONE },
    '1440 0 0 0 1.0000',
    '1440 0 0 0 1.0000',
  ],
  ['a day without looks is not known', { rows: [], span: DAY_ONE }, '0 0 1440 0 not known', '0 0 1440 0 not known'],
  [
    'days before the first look are never a hundred per cent, they are not known',
    { rows: hours(at(2, 12), at(3, 0)), span: [at(0, 0), at(3, 0)] },
    '720 0 3600 0 1.0000',
    '720 0 3600 0 1.0000',
  ],
  [
    'F17: we were not running for six hours',
    { rows: [...hours(at(0, 0), at(0, 6)), ...hours(at(0, 12), at(1, 0))], span: DAY_ONE },
    '1080 0 360 0 1.0000',
    '1080 0 360 0 1.0000',
  ],
  [
    'looks that could not see are no looks',
    {
      rows: [...hours(at(0, 0), at(0, 20)), ...hours(at(0, 20), at(1, 0), TRUNK, { ok: 15, unknown: 45 })],
      span: DAY_ONE,
    },
    '1260 0 180 0 1.0000',
    '1260 0 180 0 1.0000',
  ],
  [
    'the first hour is known only from the first look on',
    { rows: [hour(at(0, 0), { ok: 30 }), ...hours(at(0, 1), at(1, 0))], span: DAY_ONE },
    '1410 0 30 0 1.0000',
    '1410 0 30 0 1.0000',
  ],
  [
    'an outage counts from the first failing look to the first good one',
    {
      rows: hours(at(0, 0), at(1, 0), TRUNK, { ok: 50, failed: 10 }),
      outages: [{ from: at(0, 9, 58), until: at(0, 10, 10) }],
      span: DAY_ONE,
    },
    '1428 12 0 0 0.9917',
    '1428 12 0 0 0.9917',
  ],
  [
    'an outage that is not over lasts until now, and what is to come is in no account',
    { rows: hours(at(0, 0), at(0, 12)), outages: [{ from: at(0, 11) }], span: DAY_ONE, now: at(0, 12) },
    '660 60 0 0 0.9167',
    '660 60 0 0 0.9167',
  ],
  [
    'closed is not down: an outage over night counts for the hours that were promised',
    {
      weekly: OFFICE,
      rows: [
        ...hours(at(0, 8), at(0, 20)),
        ...Array.from({ length: 12 }, (_, index) => hour(at(0, 20 + index), { failed: 60 }, 'closed')),
        ...hours(at(1, 8), at(2, 0)),
      ],
      outages: [{ from: at(0, 19), until: at(1, 9), suspended: [{ from: at(0, 20), until: at(1, 8) }] }],
      span: [at(0, 8), at(1, 20)],
    },
    '1320 120 0 0 0.9167',
    '1320 840 0 0 0.6111',
  ],
  [
    'maintenance is in neither part, within hours and outside of them',
    {
      weekly: OFFICE,
      maintenance: [{ kind: 'once', from: at(0, 19), until: at(0, 22) }],
      rows: hours(at(0, 0), at(1, 0)),
      span: DAY_ONE,
    },
    '660 0 0 60 1.0000',
    '1260 0 0 180 1.0000',
  ],
  [
    'a failure during maintenance is nobody’s outage',
    {
      maintenance: [{ kind: 'once', from: at(0, 1), until: at(0, 3) }],
      rows: hours(at(0, 0), at(1, 0)),
      outages: [{ from: at(0, 1), until: at(0, 3), suspended: [{ from: at(0, 1), until: at(0, 3) }] }],
      span: DAY_ONE,
    },
    '1320 0 0 120 1.0000',
    '1320 0 0 120 1.0000',
  ],
  [
    'an outage of which we saw half is down for half',
    {
      rows: [
        ...hours(at(0, 0), at(0, 10)),
        hour(at(0, 10), { failed: 30, unknown: 30 }),
        ...hours(at(0, 11), at(1, 0)),
      ],
      outages: [{ from: at(0, 10), until: at(0, 11) }],
      span: DAY_ONE,
    },
    '1380 30 30 0 0.9787',
    '1380 30 30 0 0.9787',
  ],
  [
    'of two targets one that fails makes the channel limited and not unreachable',
    {
      targets: [watched(), watched(`${CHANNEL}/spare`)],
      rows: [...hours(at(0, 0), at(1, 0)), ...hours(at(0, 0), at(1, 0), `${CHANNEL}/spare`)],
      outages: [{ from: at(0, 10), until: at(0, 12) }],
      span: DAY_ONE,
    },
    '1440 0 0 0 1.0000',
    '1440 0 0 0 1.0000',
  ],
  [
    'of two targets both that fail make it unreachable for as long as both do',
    {
      targets: [watched(), watched(`${CHANNEL}/spare`)],
      rows: [...hours(at(0, 0), at(1, 0)), ...hours(at(0, 0), at(1, 0), `${CHANNEL}/spare`)],
      outages: [
        { from: at(0, 10), until: at(0, 12) },
        { from: at(0, 11), until: at(0, 13), targets: [`${CHANNEL}/spare`] },
      ],
      span: DAY_ONE,
    },
    '1380 60 0 0 0.9583',
    '1380 60 0 0 0.9583',
  ],
  [
    'an advisory target neither makes it unreachable nor keeps it reachable',
    {
      targets: [watched(), watched(`${CHANNEL}/page`, { advisory: true })],
      rows: [...hours(at(0, 0), at(1, 0)), ...hours(at(0, 0), at(1, 0), `${CHANNEL}/page`)],
      outages: [
        { from: at(0, 10), until: at(0, 11) },
        { from: at(0, 20), until: at(0, 22), targets: [`${CHANNEL}/page`], impact: 'degraded' },
      ],
      span: DAY_ONE,
    },
    '1380 60 0 0 0.9583',
    '1380 60 0 0 0.9583',
  ],
  [
    'a target that is configured no more still tells of its time',
    {
      targets: [watched(`${CHANNEL}/new`)],
      rows: [...hours(at(0, 0), at(0, 12)), ...hours(at(0, 12), at(1, 0), `${CHANNEL}/new`)],
      outages: [{ from: at(0, 2), until: at(0, 4) }],
      span: DAY_ONE,
    },
    '1320 120 0 0 0.9167',
    '1320 120 0 0 0.9167',
  ],
  [
    'slow is reachable',
    {
      rows: hours(at(0, 0), at(1, 0), TRUNK, { degraded: 60 }),
      outages: [{ from: at(0, 0), until: at(1, 0), impact: 'degraded' }],
      span: DAY_ONE,
    },
    '1440 0 0 0 1.0000',
    '1440 0 0 0 1.0000',
  ],
  [
    'a look every six hours speaks for six hours, and one that is missing for none',
    {
      targets: [
        watched(TRUNK, { schedule: { kind: 'cron', expression: '0 0,6,12,18 * * *', timezone: 'Asia/Jakarta' } }),
      ],
      rows: [0, 6, 18].map((each) => hour(at(0, each), { ok: 1 })),
      span: DAY_ONE,
    },
    '1080 0 360 0 1.0000',
    '1080 0 360 0 1.0000',
  ],
  [
    'a schedule that was slower in those days is not a gap',
    { rows: hours(at(0, 0), at(1, 0), TRUNK, { ok: 12 }), span: DAY_ONE },
    '1440 0 0 0 1.0000',
    '1440 0 0 0 1.0000',
  ],
  [
    'looks every few seconds while it is not sure do not make up for those that are missing elsewhere',
    {
      rows: [...hours(at(0, 0), at(0, 12)), hour(at(0, 12), { ok: 20, failed: 90 }), ...hours(at(0, 14), at(1, 0))],
      span: DAY_ONE,
    },
    '1380 0 60 0 1.0000',
    '1380 0 60 0 1.0000',
  ],
];

describe('availability', () => {
  it.each(STORIES)('%s', (_name, story, promised, calendar) => {
    const found = account(story);
    expect(printed(found, 'promised')).toBe(promised);
    expect(printed(found, 'calendar')).toBe(calendar);
  });

  it('says how much of what was reachable was limited', () => {
    const [, slow] = STORIES.find(([name]) => name === 'slow is reachable') ?? [];
    const [, partly] = STORIES.find(([name]) => name.startsWith('of two targets one')) ?? [];
    expect(slow && account(slow).promised.limitedMs).toBe(DAY);
    expect(partly && account(partly).promised.limitedMs).toBe(2 * HOUR);
  });

  it.each([
    ['spring, 23 hours are lost to nobody', '2026-03-01T00:00:00+01:00', '2026-04-01T00:00:00+02:00', 31 * 24 - 1],
    [
      'autumn, the hour that comes twice is promised twice',
      '2026-10-01T00:00:00+02:00',
      '2026-11-01T00:00:00+01:00',
      31 * 24 + 1,
    ],
  ])('of a month with a clock change: %s', (_name, from, until, expected) => {
    const [start, end] = [Date.parse(from), Date.parse(until)];
    const found = account({ timezone: 'Europe/Berlin', rows: hours(start, end), span: [start, end] });
    expect(deliveredBy(found, 'promised').upMs).toBe(expected * HOUR);
    const nights = account({
      weekly: '00:00-06:00',
      timezone: 'Europe/Berlin',
      rows: hours(start, end),
      span: [start, end],
    });
    expect(nights.promised.upMs).toBe((31 * 6 + (expected - 31 * 24)) * HOUR);
    expect(deliveredBy(nights, 'calendar').upMs).toBe(expected * HOUR);
  });
});

const minutes = fc.integer({ min: 0, max: 7 * 24 * 60 });
const anyStory = fc.record({
  weekly: fc.constantFrom('24/7', OFFICE, 'Mo-Su 22:00-02:00', 'Sa,Su 10:00-12:00,13:00-18:30', 'Mo 00:00-24:00'),
  timezone: fc.constantFrom('Asia/Jakarta', 'Europe/Berlin', 'Australia/Lord_Howe'),
  windows: fc.array(fc.tuple(minutes, fc.integer({ min: 1, max: 1_500 })), { maxLength: 3 }),
  outages: fc.array(fc.tuple(minutes, fc.integer({ min: 0, max: 2_000 }), fc.boolean(), fc.boolean()), {
    maxLength: 5,
  }),
  looks: fc.array(
    fc.record({
      hour: fc.integer({ min: 0, max: 7 * 24 }),
      spare: fc.boolean(),
      expected: fc.constantFrom<Expectation>('open', 'closed', 'maintenance'),
      ok: fc.integer({ min: 0, max: 80 }),
      failed: fc.integer({ min: 0, max: 80 }),
      unknown: fc.integer({ min: 0, max: 80 }),
    }),
    { maxLength: 120 },
  ),
  span: fc.tuple(minutes, minutes),
  now: minutes,
});

describe('availability of any story', () => {
  it('has every millisecond once, promises no more than the calendar has, and is never above one', () => {
    fc.assert(
      fc.property(anyStory, ({ weekly, timezone, windows, outages, looks, span, now }) => {
        // Around the end of daylight saving in Berlin.
        const start = Date.parse('2026-10-21T22:00:00Z');
        const at = (minute: number): Instant => start + minute * MINUTE;
        const [a, b] = span.toSorted((x, y) => x - y);
        const period: readonly [Instant, Instant] = [at(a ?? 0), at(b ?? 0)];
        const ids = [TRUNK, `${CHANNEL}/spare`];
        const found = account({
          weekly,
          timezone,
          maintenance: windows.map(([from, length]) => ({ kind: 'once', from: at(from), until: at(from + length) })),
          targets: ids.map((id) => watched(id)),
          rows: looks.map(({ hour: index, spare, expected, ...counts }) =>
            hour(start + index * HOUR, counts, expected, ids[Number(spare)]),
          ),
          outages: outages.map(([from, length, both, open]) => ({
            from: at(from),
            ...(!open && { until: at(from + length) }),
            targets: both ? ids : [TRUNK],
          })),
          span: period,
          now: at(now),
        });
        const length = Math.max(0, Math.min(period[1], at(now)) - period[0]);
        const total = (basis: (typeof BASES)[number]): number => {
          const { upMs, limitedMs, downMs, unknownMs, maintenanceMs } = deliveredBy(found, basis);
          for (const each of [upMs, limitedMs, downMs, unknownMs, maintenanceMs])
            expect(each).toBeGreaterThanOrEqual(0);
          expect(limitedMs).toBeLessThanOrEqual(upMs + 1e-6);
          return upMs + downMs + unknownMs + maintenanceMs;
        };
        expect(total('calendar')).toBeCloseTo(length, 3);
        expect(total('promised')).toBeLessThanOrEqual(total('calendar') + 1e-3);
        for (const basis of BASES) {
          const delivered = deliveredBy(found, basis);
          const ratio = availability(delivered);
          if (ratio !== undefined) expect(ratio >= 0 && ratio <= 1).toBe(true);
          const shares = sharesOf(delivered);
          if (shares !== undefined)
            expect(shares.up + shares.down + shares.unknown + shares.maintenance).toBeCloseTo(1, 9);
        }
        if (looks.every((each) => each.ok + each.failed === 0)) expect(availability(found.promised)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});
