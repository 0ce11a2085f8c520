/** What a look costs the store: looks a second and CPU per look. Run it with `node tests/bench/store.ts [looks]`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ok } from '../../src/core/fault.ts';
import { judge } from '../../src/core/judge.ts';
import type { Observation, Policy } from '../../src/core/model.ts';
import { openStore, type Store } from '../../src/store/store.ts';

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
const store = openStore(join(folder, 'ringback.db'));
await measure('as fast as they are taken', 0, looks, 0, store);
await measure('2,000 looks a second', looks, 6_000, 2_000, store);
await measure('100 looks a second', looks + 6_000, 300, 100, store);
const begun = performance.now();
await store.prune(1_795_000_000_000 * 2, { observationsMs: 0, evidenceMs: 0 });
console.log(`retention: ${Math.round(looks / ((performance.now() - begun) / 1_000))} looks/s dropped`);
console.log(`${store.bytes()} bytes after retention`);
await store.close();
rmSync(folder, { recursive: true });
