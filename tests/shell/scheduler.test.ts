/** When looks start, under a clock that the tests hold. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Schedule, Target } from '../../src/core/model.ts';
import { nextSlot, phaseOf, staleFrom } from '../../src/core/slots.ts';
import { openScheduler, type Caps, type Scheduler } from '../../src/scheduler.ts';

const EVERY_10: Schedule = { kind: 'every', everyMs: 10_000 };
const EVERY_SECOND: Schedule = { kind: 'every', everyMs: 1_000 };

function target(id: string, schedule: Schedule = EVERY_10): Target {
  return {
    id: `w/c/${id}`,
    provider: 'w',
    channel: 'w/c',
    channelKind: 'chat',
    probe: 'tcp',
    with: {},
    schedule,
    timeoutMs: 1_000,
    advisory: false,
    policy: { failures: 3, successes: 2, recheckMs: 2_000, slow: { atLeast: 3, of: 5 } },
  };
}

const open: Scheduler[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.stop();
});

interface Started {
  readonly id: string;
  readonly slotAt: number;
  readonly at: number;
}

/** A scheduler whose clock moves only when it is told to. Looks end when their promise is settled by `finish`. */
function bench(options: { caps?: Partial<Caps>; recheckMs?: number; instant?: boolean } = {}) {
  const start = Date.UTC(2026, 10, 22, 0, 0, 0);
  const clock = { wall: start, monotonic: 0 };
  const started: Started[] = [];
  const skipped: string[] = [];
  const jumps: number[] = [];
  const running = new Map<string, () => void>();
  let peak = 0;
  const scheduler = openScheduler({
    look: ({ id }, slotAt) => {
      started.push({ id, slotAt, at: clock.wall });
      if (options.instant === true) return Promise.resolve(options.recheckMs);
      return new Promise((resolve) => {
        running.set(id, () => {
          running.delete(id);
          resolve(options.recheckMs);
        });
        peak = Math.max(peak, running.size);
      });
    },
    onSkip: ({ id }, reason, count) => skipped.push(`${id} ${reason} ${count}`),
    onStart: () => undefined,
    onClockJump: (ms) => jumps.push(ms),
    now: () => clock.wall,
    monotonic: () => clock.monotonic,
    ...(options.caps && { caps: options.caps }),
  });
  open.push(scheduler);
  const settle = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return {
    scheduler,
    clock,
    started,
    skipped,
    jumps,
    peak: () => peak,
    finish: async (id: string) => {
      running.get(id)?.();
      await settle();
    },
    /** Ticks once a second for so many seconds. */
    pass: async (seconds: number) => {
      for (let second = 0; second < seconds; second++) {
        clock.wall += 1_000;
        clock.monotonic += 1_000;
        scheduler.drain();
        await settle();
        await turns(clock, scheduler);
      }
    },
    /** The process stands still. */
    stall: (ms: number) => {
      clock.wall += ms;
      clock.monotonic += ms;
      scheduler.drain();
    },
  };
}

/** The turns of a second come by, but the wall clock, by which slots are told, stands. */
async function turns(clock: { monotonic: number }, scheduler: Scheduler): Promise<void> {
  clock.monotonic += 900;
  scheduler.drain();
  clock.monotonic -= 900;
  scheduler.drain();
  await new Promise((resolve) => setImmediate(resolve));
}

const appoint = (targets: readonly Target[], host: string | null = null) =>
  targets.map((each) => ({ target: each, host }));

describe('the schedule', () => {
  it('has the same whole-second phase for a target however often it starts', () => {
    expect(phaseOf('gopay/hotline/trunk', 30_000)).toBe(phaseOf('gopay/hotline/trunk', 30_000));
    expect(phaseOf('gopay/hotline/trunk', 30_000) % 1000).toBe(0);
    const slot = nextSlot(EVERY_10, 'a', 5_000) ?? 0;
    expect(nextSlot(EVERY_10, 'a', slot)).toBe(slot + 10_000);
    expect(nextSlot(EVERY_10, 'a', slot - 1)).toBe(slot);
  });

  it('R-20 spreads 500 targets over at least four fifths of their interval', () => {
    const phases = Array.from({ length: 500 }, (_, index) => phaseOf(`w/c${index}/t`, 60_000) / 1000);
    expect(new Set(phases).size).toBeGreaterThan(48);
    const fullest = Math.max(
      ...Array.from({ length: 60 }, (_, second) => phases.filter((each) => each === second).length),
    );
    expect(fullest).toBeLessThan(26);
  });

  it('calls a look stale three slots later', () => {
    const seen = nextSlot(EVERY_10, 'w/c/a', 0) ?? 0;
    expect(staleFrom(target('a'), seen)).toBe(seen + 30_000 + 1_000);
  });

  it('runs every fifteen minutes through the repeated hour of an autumn night', () => {
    const schedule: Schedule = { kind: 'cron', expression: '*/15 * * * *', timezone: 'America/New_York' };
    let at = Date.UTC(2026, 10, 1, 4, 59);
    const hits = Array.from({ length: 13 }, () => (at = nextSlot(schedule, 'x', at) ?? 0));
    expect(hits.map((hit, index) => hit - (hits[index - 1] ?? hit - 900_000))).toEqual(Array(13).fill(900_000));
  });

  it('runs a nightly job once on both nights of a clock change', () => {
    const schedule: Schedule = { kind: 'cron', expression: '30 2 * * *', timezone: 'Europe/Berlin' };
    const next = (iso: string) => new Date(nextSlot(schedule, 'x', Date.parse(iso)) ?? 0).toISOString();
    expect(next('2027-03-27T12:00Z')).toBe('2027-03-28T01:00:00.000Z');
    expect(next('2027-03-28T01:00Z')).toBe('2027-03-29T00:30:00.000Z');
    expect(next('2027-10-30T12:00Z')).toBe('2027-10-31T00:30:00.000Z');
    expect(next('2027-10-31T00:30Z')).toBe('2027-11-01T01:30:00.000Z');
  });
});

describe('the scheduler', () => {
  it('looks at each target once an interval', async () => {
    const { scheduler, started, pass } = bench({ instant: true });
    scheduler.arm(appoint([target('a'), target('b')]));
    await pass(40);
    for (const id of ['w/c/a', 'w/c/b']) {
      const mine = started.filter((each) => each.id === id);
      expect(mine).toHaveLength(4);
      expect(new Set(mine.map((each) => each.slotAt % 10_000)).size).toBe(1);
    }
  });

  it('does not start a look while the one before is under way, and counts it', async () => {
    const { scheduler, started, skipped, pass, finish } = bench();
    scheduler.arm(appoint([target('a')]));
    await pass(25);
    expect(started).toHaveLength(1);
    expect(skipped).toContain('w/c/a overlap 1');
    await finish('w/c/a');
    await pass(10);
    expect(started).toHaveLength(2);
  });

  it('looks again soon when the look asks for it', async () => {
    const { scheduler, started, pass } = bench({ instant: true, recheckMs: 2_000 });
    scheduler.arm(appoint([target('a')]));
    await pass(20);
    const gaps = started.slice(1).map((each, index) => each.at - (started[index]?.at ?? 0));
    expect(gaps.length).toBeGreaterThan(5);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2_000);
  });

  it('looks within a minute at what was never looked at, however long the interval', async () => {
    const { scheduler, started, pass } = bench({ instant: true });
    const slow: Schedule = { kind: 'every', everyMs: 3_600_000 };
    const targets = Array.from({ length: 20 }, (_, index) => target(`t${index}`, slow));
    scheduler.arm(targets.map((each) => ({ target: each, host: null, soon: true })));
    await pass(61);
    expect(new Set(started.map((each) => each.id)).size).toBe(20);
    expect(new Set(started.map((each) => each.at)).size).toBeGreaterThan(10);
  });

  it('keeps to the caps, in all and for one host', async () => {
    const all = bench({ caps: { global: 3, hostGapMs: 0 } });
    all.scheduler.arm(appoint(Array.from({ length: 20 }, (_, index) => target(`t${index}`))));
    await all.pass(12);
    expect(all.peak()).toBe(3);
    const one = bench({ caps: { perHost: 2, hostGapMs: 0 } });
    one.scheduler.arm(
      appoint(
        Array.from({ length: 20 }, (_, index) => target(`t${index}`)),
        'desk.example',
      ),
    );
    await one.pass(12);
    expect(one.peak()).toBe(2);
  });

  it('R-20 leaves a host alone for a second between two looks', async () => {
    const { scheduler, started, pass } = bench({ instant: true });
    scheduler.arm(
      appoint(
        Array.from({ length: 8 }, (_, index) => target(`t${index}`)),
        'desk.example',
      ),
    );
    await pass(30);
    const gaps = started.slice(1).map((each, index) => each.at - (started[index]?.at ?? 0));
    expect(started.length).toBeGreaterThan(16);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
  });

  it('starts what is due in the same second one after the other', async () => {
    const clock = { wall: Date.UTC(2026, 10, 22), monotonic: 0 };
    const lags: number[] = [];
    const scheduler = openScheduler({
      look: () => Promise.resolve(undefined),
      onSkip: () => undefined,
      onStart: (lagMs) => lags.push(lagMs),
      onClockJump: () => undefined,
      now: () => clock.wall,
      monotonic: () => clock.monotonic,
    });
    open.push(scheduler);
    scheduler.arm(appoint(Array.from({ length: 380 }, (_, index) => target(`t${index}`, EVERY_SECOND))));
    clock.wall += 1_000;
    clock.monotonic += 1_000;
    scheduler.drain();
    expect(lags).toHaveLength(4);
    clock.wall += 500;
    clock.monotonic += 500;
    await expect.poll(() => lags.length).toBe(204);
    clock.wall += 440;
    clock.monotonic += 440;
    await expect.poll(() => lags.length).toBe(380);
    // A turn that comes when it was meant to come is not late.
    expect(lags.filter((each) => each === 0)).toHaveLength(12);
  });

  it('R-13 catches nothing up in a burst after it stood still, and counts what it missed', async () => {
    const { scheduler, started, skipped, pass, stall } = bench({ instant: true });
    const targets = Array.from({ length: 30 }, (_, index) => target(`t${index}`));
    scheduler.arm(appoint(targets));
    await pass(10);
    started.length = 0;
    stall(60_000);
    expect(started.length).toBeLessThanOrEqual(30);
    expect(skipped.filter((each) => each.includes('late')).length + started.length).toBe(30);
    expect(started.every((each) => each.at - each.slotAt < 10_000)).toBe(true);
    started.length = 0;
    await pass(10);
    expect(started).toHaveLength(30);
  });

  it.each([3_600_000, -3_600_000])('R-14 goes on when the wall clock jumps by %d ms', async (ms) => {
    const { scheduler, clock, started, jumps, pass } = bench({ instant: true });
    scheduler.arm(appoint([target('a'), target('b')]));
    await pass(15);
    clock.wall += ms;
    started.length = 0;
    await pass(21);
    expect(jumps).toEqual([ms]);
    expect(started.length).toBeGreaterThanOrEqual(4);
  });

  it('keeps the slots of a target that stays, and drops one that goes', async () => {
    const { scheduler, started, pass } = bench({ instant: true });
    scheduler.arm(appoint([target('a'), target('b')]));
    await pass(15);
    scheduler.arm(appoint([target('a')]));
    started.length = 0;
    await pass(20);
    expect(started.map((each) => each.id)).toEqual(['w/c/a', 'w/c/a']);
    scheduler.arm(appoint([target('a', { kind: 'every', everyMs: 5_000 })]));
    started.length = 0;
    await pass(20);
    expect(started).toHaveLength(4);
  });

  it('starts nothing after it was stopped', async () => {
    const { scheduler, started, pass } = bench({ instant: true });
    scheduler.arm(appoint([target('a')]));
    scheduler.stop();
    await pass(20);
    expect(started).toEqual([]);
  });
});
