/** What months and years cost to read: one channel of a provider with forty targets and three years. Run it with `node tests/bench/rollup.ts`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ANSWER_BOUNDS_MS, type Span } from '../../src/core/ledger.ts';
import { openReader } from '../../src/store/reader.ts';
import { STEPS } from '../../src/store/migrations.ts';
import { openStore } from '../../src/store/store.ts';
import { oldStore } from '../lib/oldstore.ts';
import { MORNING } from '../lib/story.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEARS = 3;
const TARGETS = 40;
/** A channel has so many of them. */
const OWN = 4;
const END = Math.floor(MORNING / DAY) * DAY;
const histogram = JSON.stringify([...ANSWER_BOUNDS_MS.map(() => 3), 0]);

/** Sums of looks a minute each, as the roll-ups leave them, and two days of looks that are not in yet. */
function rows(span: number, sizeMs: number, ratio: number): string {
  const count = (YEARS * 365 * DAY) / sizeMs;
  return `insert into rollup with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})
    select t.id, 1, ${span}, ${END} - i * ${sizeMs}, 0, ${ratio} - 2, 1, 1, 0, ${ratio} - 1, ${ratio} * 20.5, 3.25, 950.75, '${histogram}'
    from target t, n`;
}

const folder = mkdtempSync(join(tmpdir(), 'ringback-bench-'));
const path = join(folder, 'ringback.db');
oldStore(
  path,
  STEPS.length,
  `insert into location (id, name) values (1, 'jakarta');
   insert into target (id, name, channel)
     with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < ${TARGETS})
     select i + 1, 'wallet/channel' || (i / ${OWN}) || '/target' || i, 'wallet/channel' || (i / ${OWN}) from n;
   insert into standing (target, location, health, rolled_to) select id, 1, '{"phase":"unknown"}', ${END} from target;
   ${rows(1, HOUR, 60)}; ${rows(2, DAY, 1_440)};
   insert into observation (target, location, slot_at, at, duration_ms, kind, rung)
     with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < 60)
     select t.id, 1, ${END} + i * 60000, ${END} + i * 60000, 21.5, 0, 1 from target t, n`,
);
const store = openStore(path);
const channel = Array.from({ length: OWN }, (_, index) => `wallet/channel0/target${index}`);
console.log(`${TARGETS} targets, ${YEARS} years: ${(store.bytes() / 2 ** 20).toFixed(0)} MiB`);

/** The best of five, so that it is the store and not the machine; the first one finds nothing in the cache. */
async function timed(name: string, span: Span, days: number): Promise<void> {
  const times: number[] = [];
  let found = 0;
  for (let round = 0; round < 5; round += 1) {
    const begun = performance.now();
    found = 0;
    for (const target of channel) found += (await store.rollups(target, span, END - days * DAY, END + HOUR)).length;
    times.push(performance.now() - begun);
  }
  const [first = 0] = times;
  console.log(`${name}: ${Math.min(...times).toFixed(1)} ms (at first ${first.toFixed(1)} ms) for ${found} rows`);
}

await timed('a channel, 90 days by the day', 'day', 90);
await timed('a channel, 90 days by the hour', 'hour', 90);
await timed('a channel, 3 years by the day', 'day', YEARS * 365);
await timed('a channel, 3 years by the hour', 'hour', YEARS * 365);
await store.close();
const reader = openReader(path, () => 0);
const begun = performance.now();
const { length } = reader.hours('wallet/channel0', END - 31 * DAY, END);
console.log(`a channel's month for the report: ${(performance.now() - begun).toFixed(1)} ms for ${length} rows`);
reader.close();
rmSync(folder, { recursive: true });
