/**
 * What the house itself costs: 50,000 targets at 60 s whose probe does nothing, scheduled, judged, stored, shown and counted by the
 * real program. Prints its figures; asserts none.
 *
 *   node --expose-gc tests/bench/many.ts [targets] [interval in s] [seconds]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { reach } from '../../probes/lib/reach.ts';
import { ok } from '../../src/core/fault.ts';
import { defineProbe } from '../../src/core/probe.ts';
import { serve } from '../../src/main.ts';

const [targets = 50_000, everySeconds = 60, seconds = 60] = process.argv.slice(2).map(Number);
/** A first look comes within a minute; then the house has settled. */
const WARM_UP_MS = 75_000;

let looks = 0;
const nothing = defineProbe({
  summary: 'looks at nothing',
  example: {},
  schema: z.strictObject(reach),
  phases: ['connect', 'first_byte'],
  host: () => null,
  timeoutMs: 5_000,
  look: async () => {
    looks += 1;
    await sleep(5);
    return ok('answered', { phases: { connect: 1.5, first_byte: 3.5 }, facts: { status: 200, bytes: 15 } });
  },
});

const folder = mkdtempSync(join(tmpdir(), 'ringback-many-'));
const channel = (index: number): object => ({
  id: `c${index}`,
  kind: 'app_help',
  name: { en: `Channel ${index}` },
  targets: [0, 1].map((each) => ({
    id: `t${each}`,
    probe: 'nothing',
    every: `${everySeconds}s`,
    timeout: '5s',
    with: {},
  })),
});
const PROVIDERS = 5;
for (let provider = 0; provider < PROVIDERS; provider++) {
  const channels = Array.from({ length: targets / PROVIDERS / 2 }, (_, index) => channel(index));
  const providers = [{ id: `p${provider}`, name: `Provider ${provider}`, timezone: 'Asia/Jakarta', channels }];
  const house = {
    listen: '127.0.0.1:0',
    operator: { listen: '127.0.0.1:0' },
    store: join(folder, 'many.db'),
    canaries: [],
  };
  writeFileSync(join(folder, `${provider}.yaml`), JSON.stringify({ ...(provider === 0 && house), providers }));
}

const began = performance.now();
const service = await serve(
  { config: folder, logLevel: 'error' },
  { probes: new Map([['nothing', nothing]]), receivers: new Map() },
);
console.log(
  `${targets} targets every ${everySeconds} s, ready after ${((performance.now() - began) / 1000).toFixed(1)} s`,
);
await sleep(WARM_UP_MS);
const [before, from] = [process.cpuUsage(), looks];
await sleep(seconds * 1_000);
const { user, system } = process.cpuUsage(before);
const done = looks - from;
const ms = (user + system) / 1_000;
console.log(
  `${done} looks, ${(done / seconds).toFixed(0)}/s: ${((ms / seconds / 1_000) * 100).toFixed(1)} % of a core, ${(ms / done).toFixed(3)} ms each, ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB resident`,
);
await service.stop();
rmSync(folder, { recursive: true, force: true });
