/** The wall clock is moved under a whole monitor: nobody is accused, and what goes on keeps its length. */
import { uptime } from 'node:os';
import { describe, expect, it } from 'vitest';
import { describeWith, ROOT } from '../lib/needs.ts';
import { FAKETIME, moveClock } from './clock.ts';

const LONG_MS = 120_000;
/** A kernel that has time namespaces, and the program that enters one. */
const TIMENS = { '/proc/self/ns/time': 'a kernel with time namespaces', unshare: 'util-linux', ...FAKETIME, ...ROOT };

describeWith(FAKETIME, 'a wall clock that jumps', () => {
  describe.concurrent('under a whole monitor', () => {
    it(
      'R-14 F2: accuses nobody, starts no burst, and the looks go on',
      async ({ expect }) => {
        const steps = [86_400_000, -86_400_000, -3_600_000, 3_600_000, 1_000];
        const { incidents, jumps, negative, most, looksAfter, own } = await moveClock(steps, {
          everyMs: 2_500,
          outage: false,
        });
        expect(incidents).toEqual([]);
        expect(jumps).toBeGreaterThanOrEqual(4);
        expect(negative).toEqual([]);
        // Five desks a second: one look each, perhaps one more at the turn of two seconds.
        expect(most).toBeLessThanOrEqual(15);
        expect(looksAfter).toBeGreaterThanOrEqual(5);
        expect(own).toMatchObject([{ trouble: 'clock' }]);
      },
      LONG_MS,
    );

    it(
      'R-14: an outage across steps back and forth is one, as long as it was',
      async ({ expect }) => {
        const { incidents, trueMs, negative } = await moveClock([-3_600_000, 90_000, -1_000, 86_400_000], {
          everyMs: 2_500,
          outage: true,
        });
        expect(incidents).toHaveLength(1);
        // From the look that began it to the one that ended it, whatever the wall clock said meanwhile.
        expect(Math.abs((incidents[0]?.ms ?? Infinity) - trueMs)).toBeLessThan(1_000);
        expect(negative).toEqual([]);
      },
      LONG_MS,
    );
  });
});

describeWith(TIMENS, 'a machine in a time namespace', () => {
  // The monotonic clock of a machine that has run for months, and of one that began a minute ago.
  it.concurrent.each([10_000_000, 60 - Math.floor(uptime())])(
    'R-14: with clocks since the boot that are moved by %i s, it starts, looks and knows no negative time',
    async (bootS) => {
      const moves = { everyMs: 2_500, outage: true, bootS };
      const { incidents, trueMs, negative, looksAfter } = await moveClock([3_600_000, -3_600_000], moves);
      expect(incidents).toHaveLength(1);
      expect(Math.abs((incidents[0]?.ms ?? Infinity) - trueMs)).toBeLessThan(1_000);
      expect(negative).toEqual([]);
      expect(looksAfter).toBeGreaterThanOrEqual(5);
    },
    LONG_MS,
  );
});

describe('libfaketime', () => {
  it('is asked for by the name of its package', () => {
    expect(Object.values(FAKETIME)).toEqual(['faketime']);
  });
});
