/** Kills with -9 at points named in code and at random: nothing acknowledged is lost, everything is told, duplicates carry one key. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { UNKNOWN_HEALTH } from '../../src/core/judge.ts';
import type { Standing } from '../../src/core/ledger.ts';
import type { Message } from '../../src/core/model.ts';
import type { Receiver } from '../../src/core/receiver.ts';
import { openOutbox } from '../../src/outbox.ts';
import { openStore } from '../../src/store/store.ts';
import { BAD, folder, GOOD, MINUTE, MORNING, ruleFor, targetOf, tell } from '../lib/ledger.ts';
import { hookSink, type HookSink } from '../lib/sinks.ts';
import { lookOf, POINTS, RECEIVERS, STRIDE, TARGETS, type ChildOptions } from './crash.ts';

/** Never fewer than 50: that is what the project promises of every change. Before a release `CRASH_ROUNDS=1000`. */
const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 50);
/** Kills at each point that has a name. */
const NAMED = ROUNDS >= 1_000 ? 100 : 4;
const CHILD = fileURLToPath(new URL('crash.ts', import.meta.url));

interface Scene {
  readonly options: ChildOptions;
  readonly sink: HookSink;
  /** Idempotency keys in the order in which the sink accepted them. */
  readonly accepted: readonly string[];
}

/** A sink that is slow by up to 10 ms and refuses one hook in ten: the independent witness of what was told. */
async function scene(): Promise<Scene> {
  const accepted: string[] = [];
  const sink = await hookSink((response, hook) => {
    setTimeout(() => {
      const isRefused = Math.random() < 0.1;
      if (!isRefused) accepted.push(String(hook.headers['idempotency-key']));
      response.writeHead(isRefused ? 500 : 200).end();
    }, Math.random() * 10);
  });
  const home = folder();
  const options = { path: join(home, 'ringback.db'), truth: join(home, 'truth'), sink: sink.url };
  return { options, sink, accepted };
}

/** Runs a child until it dies or ends; `killAfter` milliseconds after it is ready, or after its start. */
async function live(
  options: ChildOptions,
  killAfter?: { ms: number; from: 'start' | 'ready' },
): Promise<NodeJS.Signals | number> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  if (killAfter !== undefined) {
    if (killAfter.from === 'ready') await Promise.race([once(child.stdout, 'data'), ended]);
    await new Promise((resolve) => setTimeout(resolve, killAfter.ms));
    child.kill('SIGKILL');
  }
  const [code, signal] = await ended;
  return signal ?? code ?? 0;
}

/** Keys that must have been told after so many looks of each target, from the pure rooms alone: the store is not asked. */
function expectedKeys(steps: number): string[] {
  return TARGETS.flatMap((target) => {
    let standing: Standing = { health: UNKNOWN_HEALTH, elsewhere: [], incidents: [] };
    return Array.from({ length: steps }, (_, step) => {
      const ruling = ruleFor(target, lookOf(target, step), RECEIVERS)(standing);
      const incidents = ruling.incident === undefined ? standing.incidents : [ruling.incident];
      standing = { health: ruling.health, elsewhere: [], incidents };
      return ruling.notifications.map((each) => each.key);
    }).flat();
  });
}

function integrityOf(path: string): unknown {
  const db = new Database(path, { readonly: true });
  try {
    return db.pragma('integrity_check', { simple: true });
  } finally {
    db.close();
  }
}

interface Acknowledged {
  readonly target: string;
  readonly slotAt: number;
}

function truthOf({ truth }: ChildOptions): Acknowledged[] {
  if (!existsSync(truth)) return [];
  const lines = readFileSync(truth, 'utf8').trim().split('\n');
  return lines.map((line) => ({ target: line.split(' ')[0] ?? '', slotAt: Number(line.split(' ')[1]) }));
}

/** Looks that were acknowledged and are not in the file. Asked right after a kill: the next child would look again. */
function lostIn(options: ChildOptions): Acknowledged[] {
  const acknowledged = truthOf(options);
  if (acknowledged.length === 0) return [];
  const db = new Database(options.path, { readonly: true });
  const found = db.prepare<[string, number]>(
    'select 1 from observation o join target t on t.id = o.target where t.name = ? and o.slot_at = ?',
  );
  try {
    return acknowledged.filter(({ target, slotAt }) => found.get(target, slotAt) === undefined);
  } finally {
    db.close();
  }
}

/** Lets a last child finish the story and tell everything, then holds sink and truth against each other. */
async function verify({ options, sink, accepted }: Scene, kills: number): Promise<void> {
  const newest = Math.max(0, ...truthOf(options).map(({ slotAt }) => (slotAt - MORNING) / (STRIDE * MINUTE)));
  const steps = newest + 12;
  expect(await live({ ...options, steps })).toBe(0);
  const store = openStore(options.path);
  for (const target of TARGETS) {
    const seen = new Set((await store.observations(target.id, 0, Infinity, 1e6)).map((each) => each.slotAt));
    expect(seen.size).toBe(steps);
  }
  await store.close();
  expect(integrityOf(options.path)).toBe('ok');
  const told = new Set(accepted);
  expect([...told].sort()).toEqual(expectedKeys(steps).sort());
  // At most what was in flight at a kill is told twice: one per receiver. The same key is always the same message.
  expect(accepted.length - told.size).toBeLessThanOrEqual(kills * RECEIVERS.length);
  const bodies = Map.groupBy(sink.hooks, (each) => String(each.headers['idempotency-key']));
  for (const same of bodies.values()) expect(new Set(same.map((each) => each.body)).size).toBe(1);
  for (const key of told) {
    const opened = accepted.indexOf(key.replace(':resolved:', ':opened:'));
    expect(opened).toBeLessThanOrEqual(accepted.indexOf(key));
  }
}

describe('kill -9', () => {
  for (const point of POINTS) {
    it(`R-5: ${point}: nothing acknowledged is lost, and everything is told`, async () => {
      const stage = await scene();
      for (let round = 0; round < NAMED; round += 1) {
        expect(await live({ ...stage.options, point })).toBe('SIGKILL');
        expect(lostIn(stage.options)).toEqual([]);
      }
      const sentTwice = stage.accepted.length - new Set(stage.accepted).size;
      await verify(stage, NAMED);
      // The trap was where it says: a kill between sending and marking makes people hear a thing twice.
      if (point === 'after send, before mark') expect(sentTwice).toBeGreaterThan(0);
    }, 60_000);
  }

  it(
    `R-1 R-2 R-6: ${ROUNDS} times at random, with a sink that is slow and refuses one in ten`,
    async () => {
      const stage = await scene();
      for (let round = 0; round < ROUNDS; round += 1) {
        // One in five dies while it is still opening the store.
        const killAfter =
          round % 5 === 4
            ? { from: 'start' as const, ms: 100 + Math.random() * 300 }
            : { from: 'ready' as const, ms: Math.random() * 150 };
        await live(stage.options, killAfter);
        expect(lostIn(stage.options)).toEqual([]);
        if (round % 20 === 19) expect(integrityOf(stage.options.path)).toBe('ok');
      }
      await verify(stage, ROUNDS);
    },
    60_000 + ROUNDS * 4_000,
  );
});

/** A receiver that accepts everything and keeps what it was told. */
function listener(): Receiver & { readonly got: Message[] } {
  const got: Message[] = [];
  const send: Receiver['send'] = (message) => {
    got.push(message);
    return Promise.resolve({ kind: 'sent', detail: 'ok' });
  };
  return { name: 'ops-mail', got, send };
}

/** Starts on a store, tells what is to be told, stops. */
async function restart(path: string, receiver: Receiver): Promise<void> {
  const store = openStore(path);
  const clock = () => MORNING + 99 * MINUTE;
  const named = (name: string) => (name === receiver.name ? receiver : undefined);
  const outbox = openOutbox({ ledger: store, receiver: named, clock, random: () => 0, onDelivery: () => undefined });
  await expect.poll(async () => (await store.outboxDepth()).waiting).toBe(0);
  await outbox.stop(1_000);
  await store.close();
}

describe('R-8: what ends while nobody can be told', () => {
  const runs = Number(process.env['R8_ROUNDS'] ?? 3);

  it(`is told after the restart, once, and after the message that it began, in ${runs} runs`, async () => {
    for (let run = 0; run < runs; run += 1) {
      const path = join(folder(), 'ringback.db');
      const target = targetOf();
      const receiver = listener();
      const one = openStore(path);
      await tell(one, target, [BAD, BAD]);
      await one.close();
      const two = openStore(path);
      await tell(two, target, [GOOD, GOOD], 2);
      await two.close();
      for (let count = 0; count < 3; count += 1) await restart(path, receiver);
      expect(receiver.got.map((each) => each.event)).toEqual(['opened', 'resolved']);
    }
  }, 600_000);
});

describe('R-6: a storm of restarts', () => {
  it('twenty in a row, each looking at the same looks again: one incident, one message', async () => {
    const path = join(folder(), 'ringback.db');
    const receiver = listener();
    for (let count = 0; count < 20; count += 1) {
      const store = openStore(path);
      await tell(store, targetOf(), [BAD, BAD, BAD]);
      expect(await store.openIncidents()).toHaveLength(1);
      await store.close();
      await restart(path, receiver);
    }
    expect(receiver.got.map((each) => each.event)).toEqual(['opened']);
  }, 60_000);
});
