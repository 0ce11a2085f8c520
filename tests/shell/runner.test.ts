/** One look, with a real store and probes that behave well and badly. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { failed, fault, ok, unknown } from '../../src/core/fault.ts';
import type { Ruling } from '../../src/core/ledger.ts';
import type { Channel, Expectation, Finding, Lost, Observation, Target } from '../../src/core/model.ts';
import { defineProbe, type ProbeContext } from '../../src/core/probe.ts';
import { Secret } from '../../src/core/secret.ts';
import { openRunner, type Runner } from '../../src/runner.ts';
import { openStore, type Store } from '../../src/store/store.ts';

const CHANNEL: Channel = {
  id: 'w/chat',
  provider: 'w',
  kind: 'chat',
  name: { en: 'Chat' },
  languages: ['en'],
  hours: { weekly: '24/7', timezone: 'UTC', holidays: [], onHolidays: 'open', workdays: [] },
  maintenance: [],
  dependsOn: [],
  private: false,
  targets: [],
};
const TARGET: Target = {
  id: 'w/chat/t',
  provider: 'w',
  channel: 'w/chat',
  channelKind: 'chat',
  probe: 'scripted',
  with: {},
  schedule: { kind: 'every', everyMs: 10_000 },
  timeoutMs: 200,
  advisory: false,
  policy: { failures: 2, successes: 2, recheckMs: 1_500, slow: { atLeast: 2, of: 3 } },
};
const REFUSED = failed('none', fault('TCP_REFUSED', 'refused'));

const stores: Store[] = [];
afterEach(async () => {
  for (const each of stores.splice(0)) await each.close();
});

function bench(look: (context: ProbeContext) => Promise<Finding>, extra: Partial<Target> = {}) {
  const store = openStore(join(mkdtempSync(join(tmpdir(), 'ringback-runner-')), 'store.db'));
  stores.push(store);
  const state = {
    blind: false,
    lost: undefined as Lost | undefined,
    stalledMs: 0,
    aheadMs: 0,
    restedMs: 0,
    quiet: false,
    expectation: 'open' as Expectation,
  };
  const looks: { observation: Observation; ruling: Ruling }[] = [];
  const trouble: string[] = [];
  const kind = defineProbe({
    summary: 'Does what the test says.',
    example: {},
    schema: z.unknown(),
    phases: ['reply'],
    answer: 'reply',
    host: () => null,
    timeoutMs: 200,
    look: (_settings, context) => look(context),
  });
  const setting = {
    providerName: 'W',
    timezone: 'UTC',
    channel: CHANNEL,
    routes: [{ match: {}, to: ['ops'], continue: false, groupWaitMs: 0 }],
    publicUrl: undefined,
  };
  const calendar = { expectation: () => state.expectation, nextChange: () => undefined };
  const target = { ...TARGET, ...extra };
  let slot = Date.now();
  const runner: Runner = openRunner({
    ledger: store,
    location: 'here',
    assignment: () => ({ target, kind, setting, calendar, isQuiet: () => state.quiet }),
    blind: () => state.blind,
    lost: () => state.lost,
    stalledWithin: () => state.stalledMs,
    now: () => Date.now() + state.aheadMs,
    monotonic: () => performance.now() + state.restedMs,
    onLook: (observation, _target, ruling) => looks.push({ observation, ruling }),
    onTrouble: (_target, what) => trouble.push(what),
  });
  return { store, state, looks, trouble, runner, look: () => runner.look(target, (slot += 1_000)) };
}

const found = (looks: readonly { observation: Observation }[]): string[] =>
  looks.map(({ observation: { finding } }) => (finding.kind === 'ok' ? 'ok' : `${finding.kind} ${finding.fault.code}`));

describe('a look', () => {
  it('is recorded, judged and told in one go', async () => {
    const { look, looks, store } = bench(() => Promise.resolve(REFUSED));
    expect(await look()).toBe(1_500);
    expect(await look()).toBeUndefined();
    expect(looks.map(({ ruling }) => ruling.health.phase)).toEqual(['pending', 'down']);
    const [incident] = await store.openIncidents();
    expect(incident).toMatchObject({ channel: 'w/chat', cause: 'refused', told: ['ops'] });
    expect((await store.due(Date.now() + 1_000, 10, [])).map((each) => each.key)).toEqual([
      `${incident?.id ?? ''}:opened:ops`,
    ]);
  });

  it('is not repeated before the far side wants to be asked again, when it finds that we ask too often [MC-9]', async () => {
    let asked = 0;
    let wait = 120;
    const limited = () => {
      asked += 1;
      return Promise.resolve(unknown(fault('RATE_LIMITED', 'no'), { phases: {}, facts: { retry_after: wait } }));
    };
    const { look, looks, state } = bench(limited);
    for (let each = 0; each < 3; each++) expect(await look()).toBeUndefined();
    expect(asked).toBe(1);
    expect(found(looks)).toEqual(Array(3).fill('unknown RATE_LIMITED'));
    state.restedMs = state.aheadMs = 121_000;
    wait = 1e9;
    await look();
    await look();
    expect(asked).toBe(2);
    // Nobody silences us for more than an hour.
    state.restedMs = state.aheadMs = 121_000 + 3_601_000;
    await look();
    expect(asked).toBe(3);
  });

  it('edge 18: is not repeated before our own trunk wants to be called again', async () => {
    let asked = 0;
    const { look, looks, state } = bench(() => {
      asked += 1;
      const full = fault('OVERLOAD', 'full', { blame: 'trunk' });
      return Promise.resolve(unknown(full, { phases: {}, facts: { retry_after: 120 } }));
    });
    for (let each = 0; each < 3; each++) await look();
    expect(asked).toBe(1);
    expect(found(looks)).toEqual(Array(3).fill('unknown OVERLOAD'));
    expect(looks.at(-1)?.observation.finding).toMatchObject({ fault: { blame: 'trunk' } });
    state.restedMs = state.aheadMs = 121_000;
    await look();
    expect(asked).toBe(2);
  });

  it('out of turn waits for as long as an overloaded far side asks, and the schedule goes on [MC-9]', async () => {
    let asked = 0;
    const { look, looks } = bench(() => {
      asked += 1;
      return Promise.resolve(
        failed('accepting', fault('OVERLOAD', 'later'), { phases: {}, facts: { retry_after: 30 } }),
      );
    });
    expect(await look()).toBe(30_000);
    await look();
    expect(asked).toBe(2);
    expect(looks.map(({ ruling }) => ruling.health.phase)).toEqual(['pending', 'down']);
  });

  it('F20 turns a throw into unknown, and says that it is our defect', async () => {
    const { look, looks, trouble } = bench(() => Promise.reject(new TypeError('bug')));
    await look();
    expect(found(looks)).toEqual(['unknown PROBE_DEFECT']);
    expect(trouble).toEqual(['threw']);
  });

  it('is abandoned when it ignores its deadline', async () => {
    const { look, looks, trouble } = bench(() => new Promise<Finding>(() => undefined));
    await look();
    expect(found(looks)).toEqual(['unknown PROBE_DEFECT']);
    expect(trouble).toEqual(['abandoned']);
  });

  it('hears of its deadline by the signal', async () => {
    const { look, looks } = bench(
      ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            resolve(failed('none', fault('DEADLINE', 'no reply')));
          });
        }),
    );
    await look();
    expect(found(looks)).toEqual(['failed DEADLINE']);
  });

  it('R-11 accuses nobody while our own network is lost', async () => {
    const { look, looks, state, store } = bench(() => Promise.resolve(REFUSED));
    state.blind = true;
    for (let each = 0; each < 5; each++) await look();
    expect(found(looks)).toEqual(Array(5).fill('unknown OFFLINE'));
    expect(await store.openIncidents()).toEqual([]);
  });

  it('R-11 believes what answered by its address while only our name server is lost', async () => {
    for (const [lost, kind] of [
      ['name server', 'ok'],
      ['upstream', 'unknown OFFLINE'],
    ] as const) {
      const { look, looks, state } = bench(() => Promise.resolve(ok('answered', { phases: {}, facts: {} })));
      Object.assign(state, { blind: true, lost });
      await look();
      expect(found(looks)).toEqual([kind]);
    }
  });

  it('R-15 accuses nobody when our own loop stood still, and believes what answered all the same', async () => {
    const bad = bench(() => Promise.resolve(REFUSED));
    bad.state.stalledMs = 400;
    await bad.look();
    expect(found(bad.looks)).toEqual(['unknown SELF_OVERLOAD']);
    const good = bench(() => Promise.resolve(ok('answered', { phases: { reply: 9_000 }, facts: {} })), {
      promiseMs: 10,
    });
    good.state.stalledMs = 400;
    await good.look();
    expect(found(good.looks)).toEqual(['ok']);
  });

  it.each([3_600_000, -5_000])('R-14 accuses nobody when our own clock moved by %i ms meanwhile', async (ms) => {
    const { look, looks, state } = bench(() => {
      state.aheadMs += ms;
      return Promise.resolve(REFUSED);
    });
    await look();
    expect(found(looks)).toEqual(['unknown CANNOT_JUDGE']);
  });

  it('holds the answer against the promise', async () => {
    const { look, looks } = bench(() => Promise.resolve(ok('answered', { phases: { reply: 50 }, facts: {} })), {
      promiseMs: 40,
    });
    await look();
    expect(found(looks)).toEqual(['degraded SLOW']);
  });

  it('holds nothing against a line that only rang: nobody waited for an answer', async () => {
    const slow = () => sleep(60).then(() => ok('accepting', { phases: {}, facts: {} }));
    const { look, looks } = bench(slow, { promiseMs: 40 });
    await look();
    expect(found(looks)).toEqual(['ok']);
  });

  it('costs no more than its budget, and what was not looked at is unknown', async () => {
    const { look, looks } = bench(() => Promise.resolve(ok('answered')), { budgetPerDay: 2 });
    for (let each = 0; each < 4; each++) await look();
    expect(found(looks)).toEqual(['ok', 'ok', 'unknown BUDGET', 'unknown BUDGET']);
  });

  it('costs no more than its budget of an hour either', async () => {
    const { look, looks } = bench(() => Promise.resolve(ok('answered')), { budgetPerDay: 3, budgetPerHour: 1 });
    await look();
    await look();
    expect(found(looks)).toEqual(['ok', 'unknown BUDGET']);
  });

  it('disturbs nobody in quiet hours, and that costs no budget', async () => {
    const { look, looks, state } = bench(() => Promise.resolve(ok('answered')), { budgetPerDay: 1 });
    state.quiet = true;
    await look();
    await look();
    state.quiet = false;
    await look();
    expect(found(looks)).toEqual(['unknown QUIET', 'unknown QUIET', 'ok']);
  });

  it('opens nothing while closed', async () => {
    const { look, state, store } = bench(() => Promise.resolve(REFUSED));
    state.expectation = 'closed';
    for (let each = 0; each < 5; each++) await look();
    expect(await store.openIncidents()).toEqual([]);
  });

  it('lets no secret of its settings out, whatever the probe says', async () => {
    const secret = new Secret('hunter2-hunter2', 'env:X');
    const leak = `token ${secret.reveal()}`;
    const { look, looks, store } = bench(
      () =>
        Promise.resolve(
          failed('none', fault('AUTH', leak), {
            phases: {},
            facts: { said: leak },
            evidence: [
              {
                name: 'dialogue',
                type: 'text/plain',
                text: `${leak} ${Buffer.from(secret.reveal()).toString('base64')}`,
              },
            ],
          }),
        ),
      { with: { password: secret } },
    );
    await look();
    await look();
    const [incident] = await store.openIncidents();
    const everything = JSON.stringify([looks, incident, await store.evidence(incident?.id ?? '')]);
    expect(everything).toContain('[redacted]');
    expect(everything).not.toContain('hunter2');
  });

  it('that was aborted because we stop is not recorded', async () => {
    const { runner, look, looks } = bench(
      ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            resolve(REFUSED);
          });
        }),
      { timeoutMs: 60_000 },
    );
    const running = look();
    setTimeout(() => void runner.stop(), 20);
    await running;
    expect(looks).toEqual([]);
  });
});
