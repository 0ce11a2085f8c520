/** A channel's month where several channels were in one incident: each is told of with its own cause, evidence and times. */
import { expect, it } from 'vitest';
import { openCalendar } from '../../src/core/calendar.ts';
import { failed, fault, ok } from '../../src/core/fault.ts';
import type { Channel } from '../../src/core/model.ts';
import { qualityOf } from '../../src/core/quality.ts';
import { day, world } from '../lib/world.ts';

const REFUSED = failed('none', fault('TCP_REFUSED', 'refused'));
const EXPIRED = failed('reachable', fault('TLS_FAILED', 'expired yesterday'));
const HOURS = { weekly: '24/7', timezone: 'UTC', holidays: [], onHolidays: 'open', workdays: [] } as const;

const channelOf = (id: string): Channel => ({
  ...{ id: `w/${id}`, provider: 'w', kind: 'phone', name: { en: id }, languages: ['en'], hours: HOURS },
  ...{ maintenance: [], dependsOn: [], private: false, targets: [] },
});

it('an incident of two channels is told of each with what was seen of it', () => {
  const policy = { failures: 1, successes: 1, recheckMs: 1, slow: { atLeast: 3, of: 5 } };
  const story = world({ channels: ['hotline', 'chat'], targets: ['a'], policy });
  story.look('hotline/a', 10, REFUSED).look('chat/a', 11, EXPIRED);
  story.look('hotline/a', 20, ok('answered')).look('chat/a', 41, ok('answered'));
  const date = Math.floor(day(0) / 86_400_000);
  const lapsesOf = (id: string) =>
    qualityOf(
      {
        ...{ channel: channelOf(id), timezone: 'UTC', calendar: openCalendar(HOURS, []), rows: [] },
        ...{ incidents: story.incidents(), now: day(60) },
      },
      { first: date, last: date },
    ).lapses;
  const id = story.only().id;
  expect(lapsesOf('hotline')).toMatchObject([
    { id, cause: 'refused', because: 'a: refused (TCP_REFUSED)', lastedMs: 10 * 60_000 },
  ]);
  expect(lapsesOf('chat')).toMatchObject([
    { id, cause: 'tls', because: 'a: expired yesterday (TLS_FAILED)', lastedMs: 30 * 60_000 },
  ]);
});
