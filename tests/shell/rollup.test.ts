/** Roll-ups and the audit: every look is counted once, whatever the order, the slices and the restarts. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { degraded, fault, ok, unknown } from '../../src/core/fault.ts';
import type { Rollup, Span } from '../../src/core/ledger.ts';
import type { Expectation, Finding, Observation } from '../../src/core/model.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { BAD, folder, freshStore, lookAt, MINUTE, MORNING, ruleFor, targetOf } from '../lib/ledger.ts';

const trunk = targetOf();
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const FOREVER = { observationsMs: 1e13, evidenceMs: 1e13 };

const answered = (ms: number): Finding => ok('answered', { phases: { answer: ms }, facts: {} });
const answerMs = ({ finding }: Observation): number => finding.phases['answer'] ?? 0;

/** A look every seven minutes for four days, of every kind, closed for some hours of each day. */
const STORY = Array.from({ length: 800 }, (_, index) => {
  const findings = [
    answered(((index * 7_919) % 500_000) / 2),
    BAD,
    degraded('answered', fault('SLOW', 'slow'), { phases: { answer: 40_000.5 }, facts: {} }),
    unknown(fault('OFFLINE', 'offline')),
    answered(20),
  ];
  const look = lookAt(trunk, index * 7, findings[(index * index) % 5] ?? BAD);
  const hour = new Date(look.slotAt).getUTCHours();
  const expected: Expectation = hour < 3 ? 'maintenance' : hour < 9 ? 'closed' : 'open';
  return { look, expected };
});

function recordAll(store: Store, story: typeof STORY): Promise<unknown> {
  return Promise.all(
    story.map(({ look, expected }) =>
      store.record(look, trunk.channel, (standing) => ({ ...ruleFor(trunk, look)(standing), expected })),
    ),
  );
}

/** The same by the slow way: one sum after the other, over everything. */
function reference(span: Span): unknown[] {
  const size = { minute: MINUTE, hour: HOUR, day: DAY }[span];
  const groups = Map.groupBy(STORY, ({ look, expected }) => `${Math.floor(look.slotAt / size) * size} ${expected}`);
  return [...groups].map(([key, some]) => {
    const kinds = some.map(({ look }) => look.finding.kind);
    const times = some.flatMap(({ look }) =>
      look.finding.kind === 'ok' || look.finding.kind === 'degraded' ? [answerMs(look)] : [],
    );
    const count = (kind: string): number => kinds.filter((each) => each === kind).length;
    const sum = times.reduce((all, each) => all + each, 0);
    const looks = `${count('ok')} ${count('degraded')} ${count('failed')} ${count('unknown')}`;
    const ends = times.length === 0 ? 'none' : `${Math.min(...times)} ${Math.max(...times)}`;
    return `${key}: ${looks}, ${times.length} answers, ${sum.toFixed(3)}, ${ends}`;
  });
}

function printed({ fromAt, expected, looks, answers }: Rollup): string {
  const kinds = `${looks.ok} ${looks.degraded} ${looks.failed} ${looks.unknown}`;
  const ends = answers.count === 0 ? 'none' : `${answers.minMs ?? ''} ${answers.maxMs ?? ''}`;
  expect(answers.histogram.reduce((all, each) => all + each, 0)).toBe(answers.count);
  return `${fromAt} ${expected}: ${kinds}, ${answers.count} answers, ${answers.sumMs.toFixed(3)}, ${ends}`;
}

async function expectExact(store: Store, spans: readonly Span[] = ['minute', 'hour', 'day']): Promise<void> {
  for (const span of spans) {
    const rows = await store.rollups(trunk.id, span, 0, 1e14);
    expect(rows.map(printed).sort()).toEqual(reference(span).sort());
  }
}

describe('roll-ups', () => {
  it('are the same whether nothing, a part or everything has been added up', async () => {
    const { store } = freshStore({ answerMs });
    await recordAll(store, STORY);
    await expectExact(store);
    const middle = await store.prune(MORNING + 2 * DAY, FOREVER);
    expect(middle.rolled).toBeGreaterThan(300);
    // Minutes of two days and more ago are not kept.
    await expectExact(store, ['hour', 'day']);
    expect((await store.prune(MORNING + 9 * DAY, FOREVER)).rolled).toBe(STORY.length - middle.rolled);
    await expectExact(store, ['hour', 'day']);
    expect((await store.prune(MORNING + 9 * DAY, FOREVER)).rolled).toBe(0);
  });

  it('take in a look that comes late, and one that is recorded twice only once', async () => {
    const { store } = freshStore({ answerMs });
    const late = STORY.filter((_, index) => index % 3 === 1);
    await recordAll(
      store,
      STORY.filter((_, index) => index % 3 !== 1),
    );
    await store.prune(MORNING + 9 * DAY, FOREVER);
    await recordAll(store, late.toReversed());
    await recordAll(store, STORY);
    await expectExact(store, ['hour', 'day']);
  });

  it('stay when the looks go, and no look goes before it is in them', async () => {
    const path = join(folder(), 'ringback.db');
    const first = openStore(path, { answerMs });
    await recordAll(first, STORY);
    await first.prune(MORNING + 9 * DAY, { observationsMs: 1, evidenceMs: 1 });
    expect(await first.observations(trunk.id, 0, Infinity, 999)).toHaveLength(1);
    await first.close();
    const second = openStore(path, { answerMs });
    await expectExact(second, ['hour', 'day']);
    await second.prune(MORNING + 9 * DAY, { observationsMs: 1, evidenceMs: 1, rollupsMs: 7 * DAY });
    const days = await second.rollups(trunk.id, 'day', 0, 1e14);
    expect(new Set(days.map((each) => each.fromAt)).size).toBe(1);
    await second.close();
  });

  it('are of one target, from each place', async () => {
    const { store } = freshStore();
    await recordAll(store, STORY.slice(0, 3));
    const look = { ...lookAt(trunk, 1, answered(5)), location: 'singapore' };
    await store.record(look, trunk.channel, ruleFor(trunk, look));
    const rows = await store.rollups(trunk.id, 'day', 0, 1e14);
    expect(rows.map((each) => each.location).sort()).toEqual(['jakarta', 'singapore']);
    expect(await store.rollups('gopay/hotline/none', 'day', 0, 1e14)).toEqual([]);
  });
});

describe('the audit', () => {
  const entry = { at: MORNING, who: 'ani', what: 'acknowledge', subject: 'gopay.hotline.x' };

  it('says who did what to what and when, before and after, newest first, also after a restart', async () => {
    const path = join(folder(), 'ringback.db');
    const first = openStore(path);
    await first.audit({ ...entry, before: null, after: { by: 'ani' } });
    await first.audit({ ...entry, at: MORNING + 1, what: 'silence' });
    await first.close();
    const second = openStore(path);
    expect(await second.audited(0, 9)).toEqual([
      { ...entry, at: MORNING + 1, what: 'silence' },
      { ...entry, before: null, after: { by: 'ani' } },
    ]);
    expect(await second.audited(MORNING + 1, 9)).toHaveLength(1);
    await second.close();
  });

  it('can be neither changed nor shortened, not even by hand, and no retention touches it', async () => {
    const { store, path } = freshStore();
    await store.audit(entry);
    await store.prune(MORNING + 9_999 * DAY, { observationsMs: 1, evidenceMs: 1, rollupsMs: 1 });
    const hand = new Database(path);
    expect(() => hand.exec("update audit set who = 'nobody'")).toThrow(/append only/);
    expect(() => hand.exec('delete from audit')).toThrow(/append only/);
    hand.close();
    expect(await store.audited(0, 9)).toHaveLength(1);
  });
});
