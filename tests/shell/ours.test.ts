/** Our own trouble on a real store: it survives a restart, is told once, and also when the store takes nothing. */
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Notification, OwnMessage } from '../../src/core/model.ts';
import type { Delivery, Receiver } from '../../src/core/receiver.ts';
import { openOurs, type Ours, type OursOptions } from '../../src/ours.ts';
import { openOutbox, type Outbox } from '../../src/outbox.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { folder, freshStore, MINUTE, MORNING } from '../lib/ledger.ts';
import { until } from '../lib/demo.ts';

const SETTING = {
  routes: [{ match: {}, to: ['ops'], continue: false, groupWaitMs: 0 }],
  location: 'jakarta',
  timezone: 'Asia/Jakarta',
};
const LOST = { detail: 'our own network: no network link is up' };

/** A wall and a monotonic clock that go only when the test says so. */
function bench(store: OursOptions['ledger'], other: Partial<OursOptions> = {}) {
  const time = { now: MORNING };
  const rushed: string[] = [];
  const open = async (ledger = store): Promise<Ours> => {
    const ours = await openOurs({
      ledger,
      setting: () => SETTING,
      now: () => time.now,
      monotonic: () => time.now,
      onChange: () => undefined,
      wake: () => undefined,
      rush: (_, notifications) => rushed.push(...notifications.map(({ key }) => key)),
      ...other,
    });
    onTestFinished(() => {
      ours.close();
    });
    return ours;
  };
  return { time, rushed, open };
}

const waiting = async (store: Store): Promise<string[]> => {
  const due = await store.due(MORNING + 1_000 * MINUTE, 100, []);
  return due.map(({ message }) => message.event);
};

/** What was begun before is written. */
const settled = (store: Store): Promise<void> => store.own({ incident: NEVER, notifications: [] }, MORNING);
const NEVER = {
  id: 'ringback.file.0',
  trouble: 'file' as const,
  openedAt: 0,
  resolvedAt: 1,
  detail: '',
  spells: 1,
  tellAt: 0,
  told: [],
};

describe('our own trouble', () => {
  it('F8 leaves one message when nobody could be told before it was over', async () => {
    const { store } = freshStore();
    const { time, open } = bench(store);
    const ours = await open();
    ours.strike('network', LOST);
    await settled(store);
    expect(await waiting(store)).toEqual(['opened']);
    time.now += 10 * MINUTE;
    ours.mend('network');
    await settled(store);
    expect(await waiting(store)).toEqual(['resolved']);
    expect(await store.outboxDepth()).toMatchObject({ waiting: 1 });
  });

  it('F8 tells the end also to whoever heard of the beginning', async () => {
    const { store } = freshStore();
    const { time, open } = bench(store);
    const ours = await open();
    ours.strike('network', LOST);
    await settled(store);
    const [first] = await store.due(MORNING + MINUTE, 1, []);
    await store.settle(first?.key ?? '', { kind: 'sent', detail: 'ok' }, MORNING + MINUTE);
    time.now += 2 * MINUTE;
    ours.mend('network');
    await settled(store);
    expect(await waiting(store)).toEqual(['resolved']);
  });

  it('goes on over a restart, is not told anew, and ends after it', async () => {
    const path = join(folder(), 'ringback.db');
    const store = openStore(path);
    const { time, open } = bench(store);
    const ours = await open();
    ours.strike('network', LOST);
    await settled(store);
    await store.close();
    const reopened = openStore(path);
    onTestFinished(() => reopened.close());
    time.now += MINUTE;
    const again = await open(reopened);
    expect(again.incidents()).toMatchObject([{ trouble: 'network', openedAt: MORNING }]);
    again.strike('network', LOST);
    await settled(reopened);
    expect(await waiting(reopened)).toEqual(['opened']);
    again.mend('network');
    await settled(reopened);
    expect(await reopened.ownIncidents(MORNING, 9)).toMatchObject([
      { openedAt: MORNING, resolvedAt: MORNING + MINUTE },
    ]);
    expect(await waiting(reopened)).toEqual(['resolved']);
  });

  it('of a flapping network is one incident, whose end is held back', async () => {
    const { store } = freshStore();
    const { time, open } = bench(store);
    const ours = await open();
    for (let flap = 0; flap < 20; flap += 1) {
      ours.strike('network', LOST);
      time.now += MINUTE;
      ours.mend('network');
      time.now += MINUTE;
    }
    await settled(store);
    const found = ours.incidents().filter(({ trouble }) => trouble === 'network');
    expect(found).toMatchObject([{ spells: 2, openedAt: MORNING }]);
    expect(await waiting(store)).toEqual(['again']);
  });

  it('R-14 keeps its length when the clock is moved', async () => {
    const { store } = freshStore();
    const { time, open } = bench(store);
    const ours = await open();
    ours.strike('disk', { detail: 'the disk is full' });
    time.now += MINUTE - 86_400_000;
    ours.shift(-86_400_000);
    ours.mend('disk');
    await settled(store);
    const [disk] = await store.ownIncidents(0, 9);
    expect((disk?.resolvedAt ?? 0) - (disk?.openedAt ?? 0)).toBe(MINUTE);
  });

  it('R-34 is told without the store when the store refuses it', async () => {
    const refusing = { own: () => Promise.reject(new Error('full')), ownIncidents: () => Promise.resolve([]) };
    const { rushed, open } = bench(refusing);
    const ours = await open();
    ours.strike('disk', { detail: 'the disk is full' });
    await until('a rush', () => rushed[0]);
    expect(rushed).toEqual([`ringback.disk.${MORNING.toString(36)}:opened.1:ops`]);
  });
});

describe('a message that is rushed', () => {
  function outboxOn(store: Store, answers: readonly Delivery['kind'][]) {
    const got: string[] = [];
    const ops: Receiver = {
      name: 'ops',
      send: async ({ key }) => {
        got.push(key);
        return { kind: answers[got.length - 1] ?? 'sent', detail: 'as told' };
      },
    };
    const outbox: Outbox = openOutbox({
      ledger: store,
      receiver: () => ops,
      clock: Date.now,
      random: () => 0,
      onDelivery: () => undefined,
    });
    onTestFinished(() => outbox.stop(0));
    return { outbox, got };
  }

  const note = (key: string): Notification<OwnMessage> => {
    const own = { ...NEVER, id: 'ringback.disk.1', trouble: 'disk' as const };
    const message = { key, event: 'opened' as const, severity: 'critical' as const, own, ...SETTING, told: ['ops'] };
    return { key, receiver: 'ops', createdAt: Date.now(), dueAt: Date.now(), message };
  };

  it('R-34 is tried until it is accepted, and counts as told when the store has it in the end', async () => {
    const { store } = freshStore();
    const { outbox, got } = outboxOn(store, ['retry', 'sent']);
    const each = note('k');
    outbox.rush(each.message.own.id, [each]);
    await until('two attempts', () => got[1]);
    await store.own({ incident: each.message.own, notifications: [each] }, Date.now());
    outbox.wake();
    await until('an empty outbox', async () => ((await store.outboxDepth()).waiting === 0 ? true : undefined));
    expect(got).toEqual(['k', 'k']);
  });

  it('is given up for newer word of the same', async () => {
    const { store } = freshStore();
    const { outbox, got } = outboxOn(store, ['retry']);
    outbox.rush('ringback.disk.1', [note('old')]);
    outbox.rush('ringback.disk.1', [note('new')]);
    await until('the newer one', () => got.find((key) => key === 'new'));
    expect(got.filter((key) => key === 'old').length).toBeLessThanOrEqual(1);
  });

  it('F8 waits for sight when nobody could be reached without it', async () => {
    const { store } = freshStore();
    const each = note('k');
    await store.own({ incident: each.message.own, notifications: [each] }, Date.now());
    const got: string[] = [];
    let blind = true;
    const outbox = openOutbox({
      ledger: store,
      receiver: () => ({
        name: 'ops',
        send: async ({ key }) => {
          got.push(key);
          return { kind: blind ? 'retry' : 'sent', detail: '' };
        },
      }),
      clock: Date.now,
      random: () => 0,
      blind: () => blind,
      onDelivery: () => undefined,
    });
    onTestFinished(() => outbox.stop(0));
    await until('an attempt', () => got[0]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(got).toHaveLength(1);
    blind = false;
    outbox.resume();
    await until('an empty outbox', async () => ((await store.outboxDepth()).waiting === 0 ? true : undefined));
    expect(got).toHaveLength(2);
  });
});
