/** What looks leave for each other: with the look, across restarts, apart by target and place, and never more than a little. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ok } from '../../src/core/fault.ts';
import type { Channel, Target } from '../../src/core/model.ts';
import { defineProbe, MEMORY_CAP, type ProbeContext } from '../../src/core/probe.ts';
import { openRunner } from '../../src/runner.ts';
import { openStore, type Store } from '../../src/store/store.ts';

const CHANNEL: Channel = {
  id: 'w/form',
  provider: 'w',
  kind: 'form',
  name: { en: 'Form' },
  languages: ['en'],
  hours: { weekly: '24/7', timezone: 'UTC', holidays: [], onHolidays: 'open', workdays: [] },
  maintenance: [],
  dependsOn: [],
  private: false,
  targets: [],
};
const TARGET: Target = {
  id: 'w/form/case',
  provider: 'w',
  channel: 'w/form',
  channelKind: 'form',
  probe: 'scripted',
  with: {},
  schedule: { kind: 'every', everyMs: 10_000 },
  timeoutMs: 500,
  advisory: false,
  policy: { failures: 2, successes: 2, recheckMs: 1_500, slow: { atLeast: 2, of: 3 } },
};

const stores: Store[] = [];
afterEach(async () => {
  for (const each of stores.splice(0)) await each.close();
});

let slot = Date.now();

/** Looks once at a store on the file, from a place, as a process that starts and stops. */
async function lookAt(
  path: string,
  look: (context: ProbeContext) => void,
  { location = 'here', target = TARGET, remembers = true, slotAt = (slot += 1_000), now = () => Date.now() } = {},
): Promise<string[]> {
  const store = openStore(path);
  stores.push(store);
  const kind = defineProbe({
    summary: 'Does what the test says.',
    example: {},
    schema: z.unknown(),
    phases: [],
    host: () => null,
    timeoutMs: 500,
    remembers,
    look: (_settings, context) => {
      look(context);
      return Promise.resolve(ok('answered'));
    },
  });
  const setting = { providerName: 'W', timezone: 'UTC', channel: CHANNEL, routes: [], publicUrl: undefined };
  const calendar = { expectation: () => 'closed' as const, nextChange: () => undefined };
  const said: string[] = [];
  const runner = openRunner({
    ledger: store,
    location,
    assignment: () => ({ target, kind, setting, calendar }),
    blind: () => false,
    stalledWithin: () => 0,
    now,
    monotonic: () => performance.now(),
    onLook: ({ finding }) => said.push(finding.kind),
    onTrouble: (_target, what) => said.push(what),
  });
  await runner.look(target, slotAt);
  await store.close();
  stores.pop();
  return said;
}

const file = (): string => join(mkdtempSync(join(tmpdir(), 'ringback-memory-')), 'store.db');

describe('what a look leaves', () => {
  it('is there for the next one after a restart, and stays when nothing new is left', async () => {
    const path = file();
    const seen: unknown[] = [];
    await lookAt(path, ({ memory }) => memory?.set({ number: 'T-1', seen: 1 }));
    await lookAt(path, ({ memory }) => seen.push(memory?.get()));
    await lookAt(path, ({ memory }) => {
      seen.push(memory?.get());
      memory?.set({ number: 'T-2' });
      seen.push(memory?.get());
    });
    await lookAt(path, ({ memory }) => seen.push(memory?.get()));
    expect(seen).toEqual([
      { number: 'T-1', seen: 1 },
      { number: 'T-1', seen: 1 },
      { number: 'T-2' },
      { number: 'T-2' },
    ]);
  });

  it('belongs to one target and one place', async () => {
    const path = file();
    const seen: unknown[] = [];
    await lookAt(path, ({ memory }) => memory?.set('here'));
    await lookAt(path, ({ memory }) => seen.push(memory?.get()), { location: 'there' });
    await lookAt(path, ({ memory }) => seen.push(memory?.get()), { target: { ...TARGET, id: 'w/form/other' } });
    expect(seen).toEqual([undefined, undefined]);
  });

  it('is written with the look or not at all: a look that was recorded before leaves nothing', async () => {
    const path = file();
    const seen: unknown[] = [];
    // The same slot at the same instant: at another instant it would be a clock that was set back, and another look.
    const same = { slotAt: 7_000, now: () => 7_000 };
    await lookAt(path, ({ memory }) => memory?.set('first'), same);
    await lookAt(path, ({ memory }) => memory?.set('again'), same);
    await lookAt(path, ({ memory }) => seen.push(memory?.get()));
    expect(seen).toEqual(['first']);
  });

  it('is a little: more than its cap is a defect of the kind, and nothing of it is kept', async () => {
    const path = file();
    const seen: unknown[] = [];
    expect(await lookAt(path, ({ memory }) => memory?.set('x'.repeat(MEMORY_CAP - 2)))).toEqual(['ok']);
    expect(await lookAt(path, ({ memory }) => memory?.set('\u00e9'.repeat(MEMORY_CAP / 2)))).toEqual([
      'threw',
      'unknown',
    ]);
    await lookAt(path, ({ memory }) => seen.push(String(memory?.get()).length));
    expect(seen).toEqual([MEMORY_CAP - 2]);
  });

  it('is asked for by kinds that remember only; what the channel promises is known to all', async () => {
    const seen: unknown[] = [];
    await lookAt(file(), ({ memory, expectation, languages }) => seen.push(memory, expectation?.(0), languages), {
      remembers: false,
    });
    expect(seen).toEqual([undefined, 'closed', ['en']]);
  });
});
