/** Announcements as maintenance: only beyond doubt, only from when they were known, and only as long as they stand. */
import { describe, expect, it } from 'vitest';
import { announcedWindows } from '../../src/core/announced.ts';
import type { NoticeRow } from '../../src/core/ledger.ts';
import type { Provider } from '../../src/core/model.ts';

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 24, 12);

const channel = (id: string, targets: readonly object[] = []) => ({ id: `w/${id}`, targets });
const wallet = (accept: string) =>
  [
    {
      channels: [
        channel('hotline'),
        channel('chat'),
        channel('news', [{ id: 'w/news/page', provider: 'w', with: { accept } }]),
      ],
    },
  ] as unknown as readonly Provider[];

const notice = (other: Partial<NoticeRow> = {}): NoticeRow => ({
  target: 'w/news/page',
  channel: 'w/news',
  title: 'Pemeliharaan hotline',
  link: 'https://wallet.example/news/7',
  from: NOON,
  until: NOON + 2 * HOUR,
  zoneExplicit: true,
  channels: ['hotline'],
  accepted: true,
  kind: 'maintenance',
  matched: 'pemeliharaan',
  firstSeenAt: NOON - 24 * HOUR,
  lastSeenAt: NOON - HOUR,
  ...other,
});

const windows = (notices: readonly NoticeRow[], accept = 'auto') =>
  Object.fromEntries(
    [...announcedWindows(notices, wallet(accept))].map(([id, spans]) => [
      id,
      spans.map(({ from, until }) => [(from - NOON) / HOUR, (until - NOON) / HOUR]),
    ]),
  );

describe('an announcement', () => {
  it('is maintenance of the channels that it names', () => {
    expect(windows([notice()])).toEqual({ 'w/hotline': [[0, 2]] });
    expect(windows([notice({ channels: ['hotline', 'chat'] })])).toEqual({ 'w/hotline': [[0, 2]], 'w/chat': [[0, 2]] });
  });

  it.each<[string, Partial<NoticeRow>]>([
    ['that a person is to look at first', {}],
    ['that leaves open which day it means', { ambiguous: true, accepted: undefined as never }],
    ['of something else', { kind: 'incident' }],
    ['that names no channel', { channels: [] }],
    ['that names a channel that we do not know', { channels: ['hotline', 'fax'] }],
    ['without an end', { until: undefined as never }],
    ['of more than a week', { until: NOON + 169 * HOUR }],
  ])('%s is not', (_name, other) => {
    const accept = Object.keys(other).length === 0 ? 'review' : 'auto';
    expect(windows([notice(other)], accept)).toEqual({});
  });

  it('S-H5: that comes after it began counts from then on: no outage is made maintenance afterwards', () => {
    const late = notice({ firstSeenAt: NOON + HOUR, lastSeenAt: NOON + HOUR });
    expect(windows([late])).toEqual({ 'w/hotline': [[1, 2]] });
    expect(windows([notice({ firstSeenAt: NOON + 3 * HOUR, lastSeenAt: NOON + 3 * HOUR })])).toEqual({});
  });

  it('with a new window takes the place of the old one', () => {
    const moved = notice({
      from: NOON + 24 * HOUR,
      until: NOON + 26 * HOUR,
      firstSeenAt: NOON - HOUR,
      lastSeenAt: NOON,
    });
    expect(windows([notice({ lastSeenAt: NOON - 2 * HOUR }), moved])).toEqual({ 'w/hotline': [[24, 26]] });
  });

  it('that is called off, or said to be over, counts until then', () => {
    const off = notice({ title: 'DIBATALKAN', kind: 'other', from: undefined as never, lastSeenAt: NOON });
    expect(windows([notice({ lastSeenAt: NOON - 2 * HOUR }), { ...off, firstSeenAt: NOON - HOUR }])).toEqual({});
    const over = { ...off, kind: 'resolved' as const, firstSeenAt: NOON + HOUR, lastSeenAt: NOON + HOUR };
    expect(windows([notice({ lastSeenAt: NOON + 0.5 * HOUR }), over])).toEqual({ 'w/hotline': [[0, 1]] });
  });

  it('that is gone from the page before it began is none; one that is gone afterwards stays what it was', () => {
    const other = notice({ title: 'Promo', link: 'https://wallet.example/news/8', kind: 'other', lastSeenAt: NOON });
    expect(windows([notice({ lastSeenAt: NOON - 2 * HOUR }), other])).toEqual({});
    const later = { ...other, lastSeenAt: NOON + 9 * HOUR };
    expect(windows([notice({ lastSeenAt: NOON + HOUR }), later])).toEqual({ 'w/hotline': [[0, 2]] });
  });

  it('beside another one under the same address is another one', () => {
    const second = notice({ title: 'Chat', channels: ['chat'], from: NOON + HOUR });
    expect(windows([notice(), second])).toEqual({ 'w/hotline': [[0, 2]], 'w/chat': [[1, 2]] });
  });
});
