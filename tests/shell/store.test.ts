/** The store on a real file: one transaction per look, what it remembers over a restart, and what it refuses. */
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { degraded, fault, ok, unknown } from '../../src/core/fault.ts';
import { UNKNOWN_HEALTH } from '../../src/core/judge.ts';
import { STEPS } from '../../src/store/migrations.ts';
import { openStore } from '../../src/store/store.ts';
import { figure, rounds } from '../lib/figures.ts';
import { BAD, folder, freshStore, GOOD, lookAt, MINUTE, MORNING, ruleFor, targetOf, tell } from '../lib/ledger.ts';
import { idleBeside, watchLoop } from '../lib/loop.ts';
import { oldStore } from '../lib/oldstore.ts';

const trunk = targetOf();
const DAY = 1_440 * MINUTE;

describe('a look', () => {
  it('is written with health, incident and notifications, and all of it is there after a restart', async () => {
    const path = join(folder(), 'ringback.db');
    const first = openStore(path);
    const rulings = await tell(first, trunk, [GOOD, BAD, BAD], 0, ['ops-mail', 'hook']);
    await first.close();
    const second = openStore(path);
    const [standing] = await second.health();
    expect(standing).toEqual({
      target: trunk.id,
      location: 'jakarta',
      health: rulings[2]?.health,
      last: { ...lookAt(trunk, 2, BAD), finding: { ...BAD, evidence: undefined } },
    });
    expect(await second.openIncidents()).toEqual([rulings[2]?.incident]);
    expect(await second.due(MORNING + MINUTE * 9, 9, [])).toEqual(
      rulings[2]?.notifications.map((each) => ({ ...each, attempts: 0 })),
    );
    await second.close();
  });

  it('R-6: recorded twice changes nothing, and says so', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [GOOD, BAD, BAD]);
    const again = await tell(store, trunk, [GOOD, BAD, BAD]);
    expect(again).toEqual([undefined, undefined, undefined]);
    expect(await store.openIncidents()).toHaveLength(1);
    expect(await store.outboxDepth()).toMatchObject({ waiting: 1 });
  });

  it('R-6: the same change ruled in two stores opens the same incident with the same keys', async () => {
    const one = await tell(freshStore().store, trunk, [BAD, BAD]);
    const two = await tell(freshStore().store, trunk, [BAD, BAD]);
    expect(one[1]?.incident?.id).toBe(two[1]?.incident?.id);
    expect(one[1]?.notifications.map((each) => each.key)).toEqual(two[1]?.notifications.map((each) => each.key));
  });

  it('whose rule throws is refused alone: those beside it in the transaction stand', async () => {
    const { store } = freshStore();
    const looks = [0, 1, 2, 3].map((minute) => lookAt(trunk, minute, GOOD));
    const results = await Promise.allSettled(
      looks.map((look, index) =>
        store.record(look, trunk.channel, (standing) => {
          if (index === 1) throw new Error('a defect of the rule');
          return ruleFor(trunk, look)(standing);
        }),
      ),
    );
    expect(results.map((each) => each.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(await store.observations(trunk.id, 0, Infinity, 9)).toHaveLength(3);
  });

  it('that would open a second incident of a channel is refused, and the first one stays', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD]);
    const [open] = await store.openIncidents();
    const look = lookAt(trunk, 5, BAD);
    const second = store.record(look, trunk.channel, ({ health }) => ({
      health,
      incident: { ...open!, id: 'another' },
      notifications: [],
    }));
    await expect(second).rejects.toThrow(/UNIQUE/);
    expect((await store.openIncidents()).map((each) => each.id)).toEqual([open?.id]);
    expect(await store.observations(trunk.id, look.slotAt, Infinity, 9)).toEqual([]);
  });

  it('is judged on what the looks before it in the same transaction left behind', async () => {
    const { store } = freshStore();
    const looks = [GOOD, BAD, BAD, GOOD, GOOD].map((finding, minute) => lookAt(trunk, minute, finding));
    const rulings = await Promise.all(looks.map((look) => store.record(look, trunk.channel, ruleFor(trunk, look))));
    expect(rulings.map((each) => each?.health.phase)).toEqual(['up', 'pending', 'down', 'recovering', 'up']);
    expect(await store.openIncidents()).toEqual([]);
    const [incident] = await store.recentIncidents(MORNING, 9);
    expect(incident).toMatchObject({ openedAt: MORNING + MINUTE + 3, resolvedAt: MORNING + 3 * MINUTE + 3 });
  });

  it('comes back as it was: fault, phases, facts and rung', async () => {
    const { store } = freshStore();
    const slow = degraded('answered', fault('SLOW', 'answered after 9 s', { blame: 'trunk' }), {
      phases: { reply: 9_000.25 },
      facts: { server: 'Kamailio', codecs: ['PCMA', 'opus'], secure: true, expires: null },
    });
    const blind = unknown(fault('OFFLINE', 'our own network is gone'));
    await tell(store, trunk, [slow, blind, GOOD]);
    const looks = await store.observations(trunk.id, 0, Infinity, 9);
    expect(looks.map((each) => each.finding)).toEqual([slow, blind, GOOD]);
  });

  it('counts against a budget from an instant on', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [GOOD, GOOD, GOOD, GOOD]);
    expect(await store.looksSince(trunk.id, MORNING + 2 * MINUTE)).toBe(2);
    expect(await store.looksSince('gopay/hotline/none', 0)).toBe(0);
  });
});

describe('evidence', () => {
  it('of the whole streak hangs on the incident, from before anybody knew that it was one', async () => {
    const { store } = freshStore();
    const rulings = await tell(store, trunk, [BAD, BAD, BAD]);
    const kept = await store.evidence(rulings[1]?.incident?.id ?? '');
    expect(kept.map((each) => each.at)).toEqual([0, 1, 2].map((minute) => lookAt(trunk, minute, BAD).at));
    expect(kept[0]).toMatchObject({ target: trunk.id, name: 'dialogue', type: 'text/plain' });
  });

  it('is capped per look and per target, and a good look leaves none', async () => {
    const { store } = freshStore();
    const text = 'x'.repeat(50_000);
    const big = { ...BAD, evidence: [1, 2, 3].map((n) => ({ name: `${n}`, type: 'text/plain', text })) };
    const [first] = await tell(store, { ...trunk, policy: { ...trunk.policy, failures: 1 } }, [big]);
    const kept = await store.evidence(first?.incident?.id ?? '');
    expect(kept.map((each) => each.text.length)).toEqual([50_000, 65_536 - 50_000]);
    await tell(store, trunk, Array<typeof BAD>(30).fill(BAD), 1);
    expect(await store.evidence(first?.incident?.id ?? '')).toHaveLength(20);
    await tell(store, trunk, [{ ...GOOD, evidence: [{ name: 'page', type: 'text/html', text }] }], 40);
    expect(await store.evidence(first?.incident?.id ?? '')).toHaveLength(20);
  });

  it('of many recorded failures keeps every dialogue that it would have kept without the recordings', async () => {
    const { store } = freshStore();
    const evidence = [
      { name: 'sip-trace.txt', type: 'text/plain', text: 'INVITE' },
      { name: 'call.wav', type: 'audio/wav;base64', text: 'UklGRg==' },
    ];
    const once = { ...trunk, policy: { ...trunk.policy, failures: 1 } };
    const [first] = await tell(store, once, Array<typeof BAD>(25).fill({ ...BAD, evidence }));
    const kept = await store.evidence(first?.incident?.id ?? '');
    const count = (name: string): number => kept.filter((each) => each.name === name).length;
    expect([count('sip-trace.txt'), count('call.wav')]).toEqual([20, 10]);
    expect(Math.max(...kept.map((each) => each.at))).toBe(lookAt(trunk, 24, BAD).at);
  });

  it('that somebody asked for is kept of a good look, and the sound of a call whole beside any text', async () => {
    const { store } = freshStore();
    const once = { ...trunk, policy: { ...trunk.policy, failures: 1 } };
    const sound = (length: number) => ({ name: 'call.wav', type: 'audio/wav;base64', text: 'A'.repeat(length) });
    const text = { name: 'dialogue', type: 'text/plain', text: 'x'.repeat(70_000) };
    const [first] = await tell(store, once, [{ ...BAD, evidence: [text, sound(192_000), sound(20_000)] }]);
    const incident = first?.incident?.id ?? '';
    expect((await store.evidence(incident)).map((each) => each.text.length)).toEqual([65_536, 192_000]);
    const recorded = [{ ...text, kept: true as const }, { ...sound(204_800), kept: true as const }, sound(8)];
    await tell(store, once, [{ ...GOOD, evidence: recorded }], 1);
    const lengths = (await store.evidence(incident)).slice(2).map((each) => each.text.length);
    expect(lengths).toEqual([65_536, 204_800]);
  });
});

describe('notices', () => {
  const notice = { title: 'Maintenance', channels: [], kind: 'maintenance' as const, matched: 'maintenance' };
  const page = targetOf('gopay/news/page');
  const saw = (...titles: string[]) =>
    ok('answered', { phases: {}, facts: {}, notices: titles.map((title) => ({ ...notice, title })) });

  it('are one row however often they are seen, from the first time to the last', async () => {
    const { store } = freshStore();
    await tell(store, page, [saw('a'), saw('a'), saw('a')]);
    const rows = await store.notices(0);
    expect(rows).toEqual([
      {
        ...notice,
        title: 'a',
        target: page.id,
        channel: page.channel,
        firstSeenAt: MORNING + 3,
        lastSeenAt: MORNING + 2 * MINUTE + 3,
      },
    ]);
  });

  it('keep what is known of their window: its zone, its doubts, and whether it may count by itself', async () => {
    const { store } = freshStore();
    const window = { ...notice, from: MORNING, until: MORNING + MINUTE };
    const all = [
      { ...window, title: 'plain', zoneExplicit: true },
      { ...window, title: 'assumed', zoneExplicit: false, ambiguous: true as const },
      { ...window, title: 'doubtful', zoneExplicit: true, ambiguous: true as const },
      { ...window, title: 'trusted', zoneExplicit: true, accepted: true as const },
    ];
    await tell(store, page, [ok('answered', { phases: {}, facts: {}, notices: all })]);
    const rows = (await store.notices(0)).map(
      ({ target: _t, channel: _c, firstSeenAt: _f, lastSeenAt: _l, ...row }) => row,
    );
    expect(rows.toSorted((a, b) => a.title.localeCompare(b.title))).toEqual(
      all.toSorted((a, b) => a.title.localeCompare(b.title)),
    );
  });

  it('on the newest good look count as seen, however long ago that was; a failed look takes nothing away', async () => {
    const { store } = freshStore();
    await tell(store, page, [saw('gone', 'stays'), saw('stays'), BAD]);
    expect((await store.notices(MORNING + 99 * MINUTE)).map((each) => each.title)).toEqual(['stays']);
    expect((await store.notices(MORNING)).map((each) => each.title).sort()).toEqual(['gone', 'stays']);
  });
});

describe('the queue of notifications', () => {
  const later = MORNING + 99 * MINUTE;

  it('R-8: keeps a resolved message back until the opened one before it is settled', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD, GOOD, GOOD]);
    const [opened, ...none] = await store.due(later, 9, []);
    expect([opened?.message.event, none]).toEqual(['opened', []]);
    await store.settle(opened!.key, { kind: 'retry', detail: 'later' }, later, later + MINUTE);
    expect(await store.due(later, 9, [])).toEqual([]);
    expect(await store.nextDueAt([])).toBe(later + MINUTE);
    const [retried] = await store.due(later + MINUTE, 9, []);
    expect(retried).toMatchObject({ key: opened?.key, attempts: 1 });
    await store.settle(opened!.key, { kind: 'sent', detail: 'ok' }, later + MINUTE);
    const [resolved] = await store.due(later + MINUTE, 9, []);
    expect(resolved?.message.event).toBe('resolved');
  });

  it('leaves out excluded receivers, and what is settled is never due again', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['ops-mail', 'hook']);
    const due = await store.due(later, 9, ['hook']);
    expect(due.map((each) => each.receiver)).toEqual(['ops-mail']);
    await store.settle(due[0]!.key, { kind: 'rejected', detail: 'no' }, later);
    await store.settle(due[0]!.key, { kind: 'retry', detail: 'too late' }, later, 0);
    expect((await store.due(later, 9, [])).map((each) => each.receiver)).toEqual(['hook']);
    expect(await store.outboxDepth()).toEqual({ waiting: 1, oldestAt: MORNING + MINUTE + 3 });
    expect(await store.nextDueAt(['hook'])).toBeUndefined();
  });
});

describe('retention', () => {
  it('drops what is old in slices and keeps the newest look of every target', async () => {
    const { store } = freshStore();
    const looks = Array.from({ length: 4_500 }, (_, minute) => lookAt(trunk, minute, GOOD));
    await Promise.all(looks.map((look) => store.record(look, trunk.channel, ruleFor(trunk, look))));
    const now = MORNING + 99_999 * MINUTE;
    const dropped = await store.prune(now, { observationsMs: 1, evidenceMs: 1 });
    expect(dropped.observations).toBe(4_499);
    expect((await store.health())[0]?.last.slotAt).toBe(looks.at(-1)?.slotAt);
    expect(await store.prune(now, { observationsMs: 1, evidenceMs: 1 })).toMatchObject({
      observations: 0,
      evidence: 0,
      rolled: 0,
    });
  });

  it('goes through more targets than fit on one page, and leaves none out', async () => {
    const { store } = freshStore();
    const targets = Array.from({ length: 430 }, (_, index) => targetOf(`gopay/hotline/target${index}`));
    const looks = targets.flatMap((each) => [0, 1, 2].map((minute) => lookAt(each, minute, GOOD)));
    const ruled = () => ({ health: UNKNOWN_HEALTH, notifications: [] });
    await Promise.all(looks.map((look) => store.record(look, trunk.channel, ruled)));
    const pruned = await store.prune(MORNING + 99_999 * MINUTE, { observationsMs: 1, evidenceMs: 1 });
    expect(pruned).toMatchObject({ observations: 2 * targets.length, rolled: 3 * targets.length });
    expect(new Set((await store.health()).map((each) => each.last.slotAt))).toEqual(new Set([looks[2]?.slotAt]));
  });

  it('takes up again what a transaction that failed had begun', async () => {
    const { store, path } = freshStore();
    const looks = Array.from({ length: 900 }, (_, minute) => lookAt(trunk, minute, GOOD));
    await Promise.all(looks.map((look) => store.record(look, trunk.channel, ruleFor(trunk, look))));
    const other = new Database(path);
    other.exec('begin immediate');
    const pruning = store.prune(MORNING + 99_999 * MINUTE, { observationsMs: 1, evidenceMs: 1 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    other.exec('commit');
    other.close();
    expect(await pruning).toMatchObject({ observations: 899, rolled: 900 });
    const days = await store.rollups(trunk.id, 'day', 0, 1e15);
    expect(days.reduce((sum, each) => sum + each.looks.ok, 0)).toBe(900);
  });

  it('goes by the span that is configured for each, and sums by the minute go after two days', async () => {
    const path = join(folder(), 'ringback.db');
    const now = Math.floor(MORNING / DAY) * DAY + 1_000 * DAY;
    const aged = (sql: (at: number, age: number) => string, ...ages: number[]): string =>
      ages.map((age) => sql(now - age * DAY, age)).join(';');
    oldStore(
      path,
      STEPS.length,
      `insert into target (id, name, channel) values (1, '${trunk.id}', '${trunk.channel}');
       insert into location (id, name) values (1, 'jakarta');
       insert into standing (target, location, health, rolled_to) values (1, 1, '{"phase":"unknown"}', ${now});
       ${aged((at) => `insert into observation values (1, 1, ${at}, ${at}, 1, 0, 1, null, null, null)`, 0, 34, 36)};
       ${aged((at, age) => `insert into evidence values (null, 1, ${at}, null, '${age}', 'text/plain', 'x')`, 89, 91)};
       ${aged((at, age) => `insert into notice values (null, 1, '${age}', '', 0, null, null, null, '[]', 'other', '', ${at}, ${at})`, 89, 91)};
       ${aged((at, age) => `insert into notification values (null, '${age}', 'hook', 'x', 0, 0, 1, 'sent', ${at}, 'ok', '{}', 0, null)`, 89, 91)};
       insert into notification values (null, 'waits', 'hook', 'x', 0, 0, 1, 'waiting', null, null, '{}', 0, null);
       ${[0, 1, 2].map((span) => aged((at) => `insert into rollup values (1, 1, ${span}, ${at}, 0, 1, 0, 0, 0, 0, 0, null, null, null)`, 1, 3, 499, 501)).join(';')}`,
    );
    const store = openStore(path);
    await store.prune(now, { observationsMs: 35 * DAY, evidenceMs: 90 * DAY, rollupsMs: 500 * DAY });
    await store.close();
    const db = new Database(path, { readonly: true });
    const left = (sql: string): unknown[] => db.prepare(sql).pluck().all();
    const ages = (at: string, table: string): unknown[] =>
      left(`select (${now} - ${at}) / ${DAY} from ${table} order by 1`);
    expect(ages('slot_at', 'observation')).toEqual([0, 34]);
    expect(left('select name from evidence')).toEqual(['89']);
    expect(left('select title from notice')).toEqual(['89']);
    expect(left('select key from notification')).toEqual(['89', 'waits']);
    expect(ages('from_at', 'rollup where span = 0')).toEqual([1]);
    expect(ages('from_at', 'rollup where span = 1')).toEqual([1, 3, 499]);
    expect(ages('from_at', 'rollup where span = 2')).toEqual([1, 3, 499]);
    db.close();
  });

  it('drops old evidence and leaves the incident', async () => {
    const { store } = freshStore();
    const rulings = await tell(store, trunk, [BAD, BAD]);
    const id = rulings[1]?.incident?.id ?? '';
    expect(await store.prune(MORNING + 99 * MINUTE, { observationsMs: 1, evidenceMs: 1 })).toMatchObject({
      evidence: 2,
    });
    expect(await store.evidence(id)).toEqual([]);
    expect(await store.incident(id)).toMatchObject({ id });
  });
});

describe('a store that somebody else holds', () => {
  it('R-37: waits without stopping the loop for long, and writes all that came meanwhile when the lock is gone', async () => {
    const heldMs = rounds('R37_MS', 700);
    const troubles: string[] = [];
    const { store, path } = freshStore({ onTrouble: (code) => troubles.push(code) });
    const other = new Database(path);
    other.exec('begin immediate');
    const recorded: Promise<unknown>[] = [];
    const looking = setInterval(() => {
      const look = lookAt(trunk, recorded.length, GOOD);
      recorded.push(store.record(look, trunk.channel, ruleFor(trunk, look)));
    }, 10);
    const beside = await idleBeside(dirname(path));
    const loop = watchLoop();
    await new Promise((resolve) => setTimeout(resolve, heldMs));
    other.exec('commit');
    other.close();
    clearInterval(looking);
    await Promise.all(recorded);
    const stallMs = Math.round(loop.end().stallMs);
    const idleMs = Math.round(await beside.end());
    expect(await store.looksSince(trunk.id, 0)).toBe(recorded.length);
    const times = { 'held ms': heldMs, 'stall ms': stallMs, 'an idle process ms': idleMs };
    figure('R-37', { looks: recorded.length, lost: 0, ...times });
    expect(troubles).toContain('SQLITE_BUSY');
    // What the machine does to anybody is not the lock's doing.
    expect(stallMs).toBeLessThan(Math.max(250, 2 * idleMs));
  }, 60_000);

  it('refuses further looks when too many wait, and says which trouble it is', async () => {
    const { store, path } = freshStore({ queueLimit: 3 });
    const other = new Database(path);
    other.exec('begin immediate');
    const looks = [0, 1, 2, 3].map((minute) => lookAt(trunk, minute, GOOD));
    const results = Promise.allSettled(looks.map((look) => store.record(look, trunk.channel, ruleFor(trunk, look))));
    await new Promise((resolve) => setTimeout(resolve, 100));
    other.exec('commit');
    other.close();
    const [, , , fourth] = await results;
    expect(fourth).toMatchObject({ status: 'rejected', reason: { name: 'StoreError', trouble: 'full' } });
    expect(await store.observations(trunk.id, 0, Infinity, 9)).toHaveLength(3);
  });
});

describe('closing', () => {
  it('writes what waits first, and refuses what comes after', async () => {
    const { store, path } = freshStore();
    const look = lookAt(trunk, 0, GOOD);
    const waiting = store.record(look, trunk.channel, ruleFor(trunk, look));
    await store.close();
    expect((await waiting)?.health.phase).toBe('up');
    await expect(tell(store, trunk, [GOOD], 5)).rejects.toMatchObject({ trouble: 'closed' });
    const reopened = openStore(path);
    expect(await reopened.looksSince(trunk.id, 0)).toBe(1);
    await reopened.close();
  });
});
