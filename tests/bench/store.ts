/** What a look costs the store: looks a second and CPU per look. Run it with `node tests/bench/store.ts [looks]`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ok } from '../../src/core/fault.ts';
import { judge } from '../../src/core/judge.ts';
import type { Observation, Policy } from '../../src/core/model.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { watchLoop } from '../lib/loop.ts';

const TARGETS = 1_000;
const POLICY: Policy = { failures: 3, successes: 2, recheckMs: 5_000, slow: { atLeast: 3, of: 5 } };
const looks = Number(process.argv[2] ?? 40_000);

function lookOf(index: number): Observation {
  const target = `wallet/channel${index % 20}/target${index % TARGETS}`;
  const at = 1_795_000_000_000 + Math.floor(index / TARGETS) * 10_000;
  const phases = { dns: 1.234, connect: 3.456, tls: 5.678, first_byte: 20.123 };
  const finding = ok('answered', { phases, facts: { status: 200, certificate_days: 61 } });
  return { target, location: 'here', slotAt: at, at: at + 3, durationMs: 31.25, finding };
}

async function record(store: Store, index: number): Promise<void> {
  const look = lookOf(index);
  const channel = look.target.slice(0, look.target.lastIndexOf('/'));
  await store.record(look, channel, ({ health }) => ({
    health: judge(health, look, 'open', POLICY).health,
    notifications: [],
  }));
}

/** Looks as they come in real life: `perSecond` of them spread over each second; 0: as fast as they are taken. */
async function measure(name: string, from: number, count: number, perSecond: number, store: Store): Promise<void> {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const running: Promise<void>[] = [];
  for (let index = from; index < from + count;) {
    const wanted =
      perSecond === 0 ? 200 : Math.ceil(((performance.now() - begun) / 1_000) * perSecond) - (index - from);
    for (const end = Math.min(index + Math.max(0, wanted), from + count); index < end; index += 1)
      running.push(record(store, index));
    if (perSecond === 0) await Promise.all(running.splice(0));
    else await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(running);
  const seconds = (performance.now() - begun) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const each = (user + system) / count;
  console.log(`${name}: ${Math.round(count / seconds)} looks/s, ${each.toFixed(1)} us of CPU per look`);
}

const folder = mkdtempSync(join(tmpdir(), 'ringback-bench-'));
const store = openStore(join(folder, 'ringback.db'), { queueLimit: 1e6 });
await measure('as fast as they are taken', 0, looks, 0, store);
await measure('2,000 looks a second', looks, 6_000, 2_000, store);
await measure('100 looks a second', looks + 6_000, 300, 100, store);
/** What it costs the loop: the longest time that it stands still meanwhile. */
async function stalled(name: string, work: () => Promise<unknown>): Promise<void> {
  const loop = watchLoop();
  const begun = performance.now();
  await work();
  const seconds = (performance.now() - begun) / 1_000;
  const { stallMs, workMs } = loop.end();
  const stall = `${stallMs.toFixed(0)} ms (${workMs.toFixed(0)} ms of work)`;
  console.log(`${name}: ${seconds.toFixed(1)} s, longest stall of the loop ${stall}`);
}

async function timed(name: string, work: () => Promise<readonly unknown[]>): Promise<void> {
  const begun = performance.now();
  const rows = await work();
  console.log(`${name}: ${(performance.now() - begun).toFixed(1)} ms for ${rows.length} rows`);
}

const NOW = 1_795_000_000_000;
const DAY = 86_400_000;
const FOREVER = { observationsMs: 1e13, evidenceMs: 1e13, rollupsMs: 1e13 };
/** Three months of one target, a look each minute. */
await Promise.all(
  Array.from({ length: 90 * 1_440 }, (_, minute) => minute).map(async (minute) => {
    if (minute % 5_000 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const look = {
      ...lookOf(0),
      target: 'wallet/long/target',
      slotAt: NOW - minute * 60_000,
      at: NOW - minute * 60_000,
    };
    return store.record(look, 'wallet/long', ({ health }) => ({ health, notifications: [] }));
  }),
);
console.log(`${Math.round(store.bytes() / (looks + 6_300 + 90 * 1_440))} bytes per look on disk`);
const span = (name: 'hour' | 'day') => store.rollups('wallet/long/target', name, NOW - 90 * DAY, NOW + DAY);
await stalled('adding up', () => store.prune(NOW + DAY, FOREVER));
await timed('90 days by the hour', () => span('hour'));
await timed('90 days by the day', () => span('day'));
await stalled('a copy', () => store.backup(join(folder, 'copy.db')));
await stalled('retention', () => store.prune(NOW * 2, { observationsMs: 0, evidenceMs: 0 }));
console.log(`${store.bytes()} bytes after retention`);
await store.close();
rmSync(folder, { recursive: true });
