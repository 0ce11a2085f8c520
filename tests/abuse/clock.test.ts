/** The wall clock is moved under a whole monitor: nobody is accused, and what goes on keeps its length. */
import { describe, expect, it } from 'vitest';
import { describeWith } from '../lib/needs.ts';
import { FAKETIME, moveClock } from './clock.ts';

const LONG_MS = 120_000;

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
        // The looks that begin and end it come within an interval each.
        expect(Math.abs((incidents[0]?.ms ?? Infinity) - trueMs)).toBeLessThan(4_000);
        expect(negative).toEqual([]);
      },
      LONG_MS,
    );
  });
});

describe('libfaketime', () => {
  it('is asked for by the name of its package', () => {
    expect(Object.values(FAKETIME)).toEqual(['faketime']);
  });
});
