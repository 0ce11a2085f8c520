/** The outbox on a real store: what is committed is delivered, in order, once accepted, whatever the receivers do. */
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { QueuedNotification } from '../../src/core/ledger.ts';
import type { Message } from '../../src/core/model.ts';
import type { Delivery, Receiver } from '../../src/core/receiver.ts';
import { openOutbox, type OutboxOptions } from '../../src/outbox.ts';
import { BAD, freshStore, GOOD, MINUTE, MORNING, targetOf, tell } from '../lib/ledger.ts';

const SENT: Delivery = { kind: 'sent', detail: 'ok' };
const HOUR = 60 * MINUTE;

/** A receiver that is told what to answer, attempt by attempt, and keeps what it was sent. */
function receiver(name: string, answer: (attempt: number, signal: AbortSignal) => Delivery | Promise<Delivery>) {
  const got: Message[] = [];
  const made: Receiver = {
    name,
    send: async (message, signal) => {
      got.push(message);
      return answer(got.length, signal);
    },
  };
  return { ...made, got };
}

interface Bench {
  /** The wall clock: real time from there on, and moved at will. */
  now: number;
  readonly deliveries: { receiver: string; delivery: Delivery; key: string }[];
  /** Resolves when so many deliveries were written down. */
  until(count: number): Promise<void>;
}

function run(
  store: OutboxOptions['ledger'],
  receivers: readonly Receiver[],
  other: Partial<OutboxOptions> = {},
): Bench & { outbox: ReturnType<typeof openOutbox> } {
  const begun = performance.now();
  const waiting: { count: number; resolve: () => void }[] = [];
  const bench: Bench = {
    now: MORNING + HOUR,
    deliveries: [],
    until: (count) =>
      new Promise((resolve) => {
        waiting.push({ count, resolve });
        settle();
      }),
  };
  const settle = () => {
    for (const each of waiting) if (bench.deliveries.length >= each.count) each.resolve();
  };
  const outbox = openOutbox({
    ledger: store,
    receiver: (name) => receivers.find((each) => each.name === name),
    clock: () => Math.round(bench.now + performance.now() - begun),
    random: () => 0,
    onDelivery: (name: string, delivery: Delivery, { key }: QueuedNotification) => {
      bench.deliveries.push({ receiver: name, delivery, key });
      settle();
    },
    ...other,
  });
  onTestFinished(() => outbox.stop(100));
  return Object.assign(bench, { outbox });
}

const trunk = targetOf();
const chat = targetOf('dana/chat/socket');
const mail = targetOf('gopay/mail/mx');

describe('delivery', () => {
  it('takes what was committed before it was opened, and what is committed while it sleeps once it is woken', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    const a = receiver('a', () => SENT);
    const bench = run(store, [a]);
    await bench.until(1);
    await tell(store, trunk, [GOOD, GOOD], 2, ['a']);
    bench.outbox.wake();
    await bench.until(2);
    expect(a.got.map((each) => each.event)).toEqual(['opened', 'resolved']);
    expect(await store.outboxDepth()).toEqual({ waiting: 0, oldestAt: undefined });
  });

  it('R-8: never tells a receiver that it is back before that receiver accepted that it was down', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD, GOOD, GOOD], 0, ['a']);
    const a = receiver('a', (attempt) => (attempt <= 3 ? { kind: 'retry', detail: 'not now' } : SENT));
    const bench = run(store, [a]);
    await bench.until(5);
    expect(a.got.map((each) => each.event)).toEqual(['opened', 'opened', 'opened', 'opened', 'resolved']);
    expect(new Set(a.got.slice(0, 4).map((each) => each.key)).size).toBe(1);
  });

  it('R-6: two incidents told to two receivers are four messages with four keys, each sent once', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a', 'b']);
    await tell(store, chat, [BAD, BAD], 0, ['a', 'b']);
    const [a, b] = [receiver('a', () => SENT), receiver('b', () => SENT)];
    const bench = run(store, [a, b]);
    await bench.until(4);
    bench.outbox.wake();
    await bench.outbox.stop(100);
    expect(new Set([...a.got, ...b.got].map((each) => each.key)).size).toBe(4);
    expect(bench.deliveries).toHaveLength(4);
  });

  it('waits for a message that is due later', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    const a = receiver('a', () => SENT);
    const [queued] = await store.due(MORNING + HOUR, 1, []);
    await store.settle(queued!.key, { kind: 'retry', detail: 'later' }, MORNING, MORNING + HOUR + 400);
    const begun = performance.now();
    const bench = run(store, [a]);
    await bench.until(1);
    expect(performance.now() - begun).toBeGreaterThan(350);
  });
});

describe('S-E8: a slow receiver', () => {
  it('holds up nobody else', async () => {
    const { store } = freshStore();
    const slow = receiver('slow', (_, signal) => whenAborted(signal));
    const quick = receiver('quick', () => SENT);
    for (const target of [trunk, chat, mail]) await tell(store, target, [BAD, BAD], 0, ['slow', 'quick']);
    const bench = run(store, [slow, quick]);
    await bench.until(3);
    expect(bench.deliveries.map((each) => each.receiver)).toEqual(['quick', 'quick', 'quick']);
    expect(slow.got).toHaveLength(1);
  });

  it('is cut off at its deadline, and tried again', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['slow']);
    const slow = receiver('slow', (attempt, signal) => (attempt === 1 ? whenAborted(signal) : SENT));
    const bench = run(store, [slow], { deadlineMs: 50 });
    await bench.until(2);
    expect(bench.deliveries.map((each) => each.delivery.kind)).toEqual(['retry', 'sent']);
  });

  it('that ignores its deadline is left behind', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['rude']);
    const rude = receiver('rude', (attempt) => (attempt === 1 ? new Promise(() => undefined) : SENT));
    const bench = run(store, [rude], { deadlineMs: 50 });
    await bench.until(2);
    expect(bench.deliveries.map((each) => each.delivery.detail)).toEqual([
      'the receiver did not come back from its deadline',
      'ok',
    ]);
  });

  function whenAborted(signal: AbortSignal): Promise<Delivery> {
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve({ kind: 'retry', detail: 'cut off' }));
    });
  }
});

describe('a receiver that refuses', () => {
  it('for now is left alone as long as it asked for, at most an hour, with all its messages', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    await tell(store, chat, [BAD, BAD], 0, ['a']);
    const a = receiver('a', (attempt) => (attempt === 1 ? { kind: 'retry', detail: '429', afterMs: 24 * HOUR } : SENT));
    const bench = run(store, [a]);
    await bench.until(1);
    bench.now += HOUR - 5_000;
    bench.outbox.wake();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(a.got).toHaveLength(1);
    bench.now += 5_000;
    bench.outbox.wake();
    await bench.until(3);
    expect(bench.deliveries.map((each) => each.delivery.kind)).toEqual(['retry', 'sent', 'sent']);
  });

  it('one message again and again does not keep the others from it', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    await tell(store, chat, [BAD, BAD], 0, ['a']);
    const got: string[] = [];
    const a: Receiver = {
      name: 'a',
      send: async ({ incident }) => {
        got.push(incident?.channel ?? '');
        return incident?.channel === trunk.channel ? { kind: 'retry', detail: 'poison' } : SENT;
      },
    };
    const bench = run(store, [a]);
    await bench.until(3);
    expect(got).toContain(chat.channel);
    expect(await store.outboxDepth()).toMatchObject({ waiting: 1 });
  });

  it('for good is told once, and that message is given up and reported', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    const a = receiver('a', () => ({ kind: 'rejected', detail: '410 gone' }));
    const bench = run(store, [a]);
    await bench.until(1);
    bench.outbox.wake();
    await bench.outbox.stop(100);
    expect(bench.deliveries).toMatchObject([{ delivery: { kind: 'rejected', detail: '410 gone' } }]);
    expect(a.got).toHaveLength(1);
  });

  it('for 72 hours: the message expires, and the resolved one behind it is sent', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    await tell(store, trunk, [GOOD, GOOD], 73 * 60, ['a']);
    const a = receiver('a', () => SENT);
    const bench = run(store, [a], { clock: () => MORNING + 74 * HOUR });
    await bench.until(2);
    expect(bench.deliveries[0]?.delivery).toEqual({
      kind: 'rejected',
      detail: 'expired: not accepted within 72 hours',
    });
    expect(a.got.map((each) => each.event)).toEqual(['resolved']);
  });

  it('by being gone from the configuration: its messages are given up, and said to be', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['gone']);
    const bench = run(store, []);
    await bench.until(1);
    expect(bench.deliveries[0]).toMatchObject({ receiver: 'gone', delivery: { kind: 'rejected' } });
  });

  it('by throwing, against the contract, is tried again, and what it threw is not repeated', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    const a = receiver('a', (attempt) => {
      if (attempt === 1) throw new Error('password hunter2');
      return SENT;
    });
    const bench = run(store, [a]);
    await bench.until(2);
    expect(bench.deliveries[0]?.delivery).toEqual({ kind: 'retry', detail: 'defect: the receiver threw' });
  });

  it('waits longer each time, from a second to five minutes, by chance within that', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    const waits: number[] = [];
    let now = MORNING + HOUR;
    const ledger: OutboxOptions['ledger'] = {
      ...store,
      settle: async (key, delivery, at, nextAt) => {
        waits.push((nextAt ?? 0) - at);
        await store.settle(key, delivery, at, nextAt);
      },
    };
    const a = receiver('a', () => ({ kind: 'retry', detail: 'no' }));
    const bench = run(ledger, [a], { random: () => 0.5, clock: () => now });
    for (let attempt = 1; attempt <= 12; attempt += 1) {
      await bench.until(attempt);
      now += HOUR;
      bench.outbox.wake();
    }
    expect(waits.slice(0, 4)).toEqual([500, 1_000, 2_000, 4_000]);
    expect(waits.slice(9, 12)).toEqual([150_000, 150_000, 150_000]);
  });
});

describe('trouble with the store', () => {
  it('R-2: what was accepted is not sent again while it cannot be written down', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    let refusals = 1;
    const troubles: unknown[] = [];
    const ledger: OutboxOptions['ledger'] = {
      ...store,
      settle: async (...settled) => {
        if (refusals-- > 0) throw new Error('disk full');
        await store.settle(...settled);
      },
    };
    const a = receiver('a', () => SENT);
    const bench = run(ledger, [a], { onTrouble: (error) => troubles.push(error) });
    await bench.until(1);
    expect(troubles).toHaveLength(1);
    expect(a.got).toHaveLength(1);
    expect(await store.outboxDepth()).toMatchObject({ waiting: 0 });
  });

  it('when it cannot be read passes: the outbox looks again by itself', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    let refusals = 1;
    const ledger: OutboxOptions['ledger'] = {
      ...store,
      due: async (...asked) => {
        if (refusals-- > 0) throw new Error('busy');
        return store.due(...asked);
      },
    };
    const bench = run(ledger, [receiver('a', () => SENT)]);
    await bench.until(1);
    expect(bench.deliveries[0]?.delivery).toEqual(SENT);
  });
});

describe('R-22: stopping', () => {
  it('lets a running send finish, and starts no other', async () => {
    const { store } = freshStore();
    for (const target of [trunk, chat]) await tell(store, target, [BAD, BAD], 0, ['a']);
    const started = Promise.withResolvers<undefined>();
    const a = receiver('a', async () => {
      started.resolve(undefined);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return SENT;
    });
    const bench = run(store, [a]);
    await started.promise;
    await bench.outbox.stop(5_000);
    expect(bench.deliveries.map((each) => each.delivery)).toEqual([SENT]);
    expect(await store.outboxDepth()).toMatchObject({ waiting: 1 });
  });

  it('cuts a send off after the grace, and that message stays due as it was', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    const started = Promise.withResolvers<undefined>();
    const a = receiver('a', (_, signal) => {
      started.resolve(undefined);
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ kind: 'retry', detail: 'cut off' }));
      });
    });
    const bench = run(store, [a]);
    await started.promise;
    await bench.outbox.stop(50);
    expect(bench.deliveries).toEqual([]);
    expect(await store.due(MORNING + HOUR, 9, [])).toMatchObject([{ attempts: 0 }]);
  });
});

describe('a wall clock that is set back by hours', () => {
  it('leaves nothing waiting for hours: neither the message nor the receiver', async () => {
    const { store } = freshStore();
    await tell(store, targetOf(), [BAD, BAD]);
    const mail = receiver('ops-mail', (attempt) =>
      attempt === 1 ? { kind: 'retry', detail: 'busy', afterMs: 1_500 } : SENT,
    );
    const bench = run(store, [mail]);
    await bench.until(1);
    bench.now -= 5 * HOUR;
    bench.outbox.wake();
    await bench.until(2);
    expect(bench.deliveries.map((each) => each.delivery.kind)).toEqual(['retry', 'sent']);
    expect(mail.got.map((each) => each.key)).toEqual([mail.got[0]?.key, mail.got[0]?.key]);
  });

  it('still lets a receiver that refuses rest after the first try at the new time', async () => {
    const { store } = freshStore();
    await tell(store, targetOf(), [BAD, BAD]);
    const mail = receiver('ops-mail', () => ({ kind: 'retry', detail: 'busy', afterMs: 60_000 }));
    const bench = run(store, [mail]);
    await bench.until(1);
    bench.now -= 5 * HOUR;
    bench.outbox.wake();
    await bench.until(2);
    bench.outbox.wake();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(mail.got).toHaveLength(2);
  });
});

describe('what is on its way while we are blind', () => {
  it('R-11 is called back when we see again, and waits until that is written', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    const begun = Promise.withResolvers<undefined>();
    const a = receiver('a', async (attempt, signal) => {
      begun.resolve(undefined);
      if (attempt > 1) return SENT;
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true });
      });
      return { kind: 'retry', detail: 'cut off' };
    });
    let blind = true;
    const bench = run(store, [a], { blind: () => blind });
    await begun.promise;
    blind = false;
    bench.outbox.callBack();
    await pause(300);
    expect([a.got.length, bench.deliveries]).toEqual([1, []]);
    bench.outbox.resume();
    await bench.until(1);
    expect(bench.deliveries.map(({ delivery }) => delivery.kind)).toEqual(['sent']);
  });

  it('is not called back when it was begun while we saw', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0, ['a']);
    const begun = Promise.withResolvers<undefined>();
    const go = Promise.withResolvers<Delivery>();
    const a = receiver('a', (_, signal) => {
      begun.resolve(undefined);
      signal.addEventListener('abort', () => {
        go.resolve({ kind: 'retry', detail: 'cut off' });
      });
      return go.promise;
    });
    const bench = run(store, [a], { blind: () => false });
    await begun.promise;
    bench.outbox.callBack();
    go.resolve(SENT);
    await bench.until(1);
    expect(bench.deliveries.map(({ delivery }) => delivery.kind)).toEqual(['sent']);
  });
});
