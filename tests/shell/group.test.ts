/** Messages that wait together go out together, and what nobody takes goes to somebody else: on a real store, to real far sides. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ChannelMessage, Finding, Target } from '../../src/core/model.ts';
import type { Delivery, Receiver } from '../../src/core/receiver.ts';
import { standIn } from '../../src/core/routing.ts';
import { openOutbox, type OutboxOptions } from '../../src/outbox.ts';
import email from '../../src/receivers/email.ts';
import webhook from '../../src/receivers/webhook.ts';
import type { Store } from '../../src/store/store.ts';
import { BAD, freshStore, GOOD, lookAt, MINUTE, MORNING, ruleFor, targetOf } from '../lib/ledger.ts';
import { hookSink, mailSink } from '../lib/sinks.ts';

const WAIT = 30 * MINUTE;
const SENT: Delivery = { kind: 'sent', detail: 'ok' };
const trunk = targetOf();
const chat = targetOf('dana/chat/socket');

/** A look each minute from `from` on; every change is told to `receivers` by one route that waits half an hour. */
async function tell(store: Store, target: Target, findings: readonly Finding[], from: number, receivers = ['a']) {
  for (const [index, finding] of findings.entries()) {
    const look = lookAt(target, from + index, finding);
    await store.record(look, target.channel, ruleFor(target, look, receivers, WAIT));
  }
}

function keeper(name: string, answer: (attempt: number) => Delivery = () => SENT, alone?: true) {
  const got: ChannelMessage[] = [];
  const send: Receiver['send'] = (message) => {
    if (message.own === undefined) got.push(message);
    return Promise.resolve(answer(got.length));
  };
  return { name, got, send, ...(alone === true && { alone }) };
}

/** An outbox whose clock stands still at a minute of the story, until nothing that is due is left. */
async function deliver(
  store: Store,
  minute: number,
  receivers: readonly Receiver[],
  other: Partial<OutboxOptions> = {},
) {
  const now = MORNING + minute * MINUTE;
  const outbox = openOutbox({
    ledger: store,
    receiver: (name) => receivers.find((each) => each.name === name),
    clock: () => now,
    random: () => 0,
    onDelivery: () => undefined,
    ...other,
  });
  onTestFinished(() => outbox.stop(0));
  // A receiver that refused for now rests, and its message stays due.
  for (let tries = 0; tries < 20; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (tries >= 4 && (await store.due(now, 1, [])).length === 0) break;
  }
  await outbox.stop(1_000);
}

const itemsOf = (message: ChannelMessage | undefined): readonly ChannelMessage[] =>
  message === undefined ? [] : [message, ...(message.others ?? [])];
const briefly = (message: ChannelMessage | undefined): string[] =>
  itemsOf(message).map((each) => `${each.event} ${each.incident.provider}`);

describe('group_wait', () => {
  it('holds back what one route tells, and tells it as one message under one key', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0);
    await tell(store, chat, [BAD, BAD], 10);
    const a = keeper('a');
    await deliver(store, 29, [a]);
    expect(a.got).toEqual([]);
    await deliver(store, 32, [a]);
    expect(a.got).toHaveLength(1);
    expect(briefly(a.got[0])).toEqual(['opened gopay', 'opened dana']);
    expect(await store.outboxDepth()).toMatchObject({ waiting: 0 });
  });

  it('tells what comes later by itself', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0);
    const a = keeper('a');
    await deliver(store, 32, [a]);
    await tell(store, trunk, [GOOD, GOOD], 40);
    await deliver(store, 42, [a]);
    expect(a.got.map(briefly)).toEqual([['opened gopay'], ['resolved gopay']]);
    expect(a.got[1]?.brief).toBeUndefined();
  });

  it('R-7: tells what broke and was mended within it once, as over', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD, GOOD, GOOD], 0);
    const a = keeper('a');
    await deliver(store, 20, [a]);
    expect(a.got).toEqual([]);
    await deliver(store, 32, [a]);
    expect(a.got.map(briefly)).toEqual([['resolved gopay']]);
    expect(a.got[0]?.brief).toBe(true);
    expect(await store.outboxDepth()).toMatchObject({ waiting: 0 });
  });

  it('says the same under the same key when it has to say it again, whatever came meanwhile', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0);
    await tell(store, chat, [BAD, BAD], 5);
    const a = keeper('a', (attempt) => (attempt === 1 ? { kind: 'retry', detail: 'lost the answer' } : SENT));
    await deliver(store, 32, [a]);
    // Before the first answer was understood, more had come: it must not be added under a key that is known over there.
    await tell(store, targetOf('ovo/mail/mx'), [BAD, BAD], 6);
    await deliver(store, 40, [a]);
    expect(a.got.slice(0, 2).map(briefly)).toEqual([
      ['opened gopay', 'opened dana'],
      ['opened gopay', 'opened dana'],
    ]);
    expect(new Set(a.got.slice(0, 2).map((each) => each.key)).size).toBe(1);
    expect(a.got.slice(2).map(briefly)).toEqual([['opened ovo']]);
  });

  it('gives a receiver that keeps a record for each incident one message for each', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0);
    await tell(store, chat, [BAD, BAD], 0);
    const pager = keeper('a', undefined, true);
    await deliver(store, 35, [pager]);
    expect(pager.got.map(briefly)).toEqual([['opened gopay'], ['opened dana']]);
  });

  it('keeps the order of an incident when a part of it is on its way already', async () => {
    const { store } = freshStore();
    await tell(store, trunk, [BAD, BAD], 0);
    const a = keeper('a', (attempt) => (attempt <= 2 ? { kind: 'retry', detail: 'no' } : SENT));
    await deliver(store, 32, [a]);
    await tell(store, chat, [BAD, BAD], 33);
    await tell(store, trunk, [GOOD, GOOD], 34);
    for (const minute of [70, 71, 72]) await deliver(store, minute, [a]);
    expect(a.got.flatMap(briefly).filter((each) => each.endsWith('gopay'))).toEqual([
      'opened gopay',
      'opened gopay',
      'opened gopay',
      'resolved gopay',
    ]);
    expect(await store.outboxDepth()).toMatchObject({ waiting: 0 });
  });
});

describe('a receiver that refuses for good', () => {
  const routes = [
    { match: { provider: 'gopay' }, to: ['mail', 'hook'], continue: false, groupWaitMs: 0 },
    { match: {}, to: ['ops'], continue: false, groupWaitMs: 0 },
  ];
  const options: Partial<OutboxOptions> = { standIn: (message, refused) => standIn(message, refused, routes) };

  async function open() {
    const { store } = freshStore();
    const look = [BAD, BAD].map((finding, minute) => lookAt(trunk, minute, finding));
    for (const each of look) await store.record(each, trunk.channel, ruleFor(trunk, each, ['mail']));
    return store;
  }

  it('F7: a mail that is answered 550 goes to the other receiver of its route, which is told who refused it and why', async () => {
    const store = await open();
    const server = await mailSink({
      onRcptTo: (_address, _session, done) => {
        done(Object.assign(new Error('no such mailbox'), { responseCode: 550 }));
      },
    });
    const sink = await hookSink((response) => response.writeHead(204).end());
    const mail = email.open(
      'mail',
      email.schema.parse({
        to: ['ops@example.id'],
        from: 'ringback@example.id',
        smtp: `smtp://127.0.0.1:${server.port}`,
        allow_private: true,
      }),
    );
    const hook = webhook.open('hook', webhook.schema.parse({ url: sink.url, allow_private: true }));
    await deliver(store, 10, [mail, hook], options);
    expect(sink.hooks).toHaveLength(1);
    const body = JSON.parse(sink.hooks[0]?.body ?? '{}') as {
      event: string;
      text: string;
      refused: { receiver: string }[];
    };
    expect(body).toMatchObject({ event: 'opened', refused: [{ receiver: 'mail' }] });
    expect(body.text).toContain('mail refused');
    expect(body.text).toContain('550');
  });

  it('F7: a webhook that is gone (410), after it another one, until somebody of the route for everything takes it', async () => {
    const { store } = freshStore();
    const look = [BAD, BAD].map((finding, minute) => lookAt(trunk, minute, finding));
    for (const each of look) await store.record(each, trunk.channel, ruleFor(trunk, each, ['hook']));
    const sink = await hookSink((response) => response.writeHead(410).end());
    const hook = webhook.open('hook', webhook.schema.parse({ url: sink.url, allow_private: true }));
    const mail = keeper('mail', () => ({ kind: 'rejected', detail: '553 not here' }));
    const ops = keeper('ops');
    await deliver(store, 10, [hook, mail, ops], options);
    expect(sink.hooks).toHaveLength(1);
    expect(mail.got).toHaveLength(1);
    expect(ops.got.map((each) => [each.event, each.refused?.map((one) => one.receiver)])).toEqual([
      ['opened', ['hook', 'mail']],
    ]);
    expect(await store.outboxDepth()).toMatchObject({ waiting: 0 });
  });

  it('is told once of an incident to whoever hears of that incident anyhow', async () => {
    const { store } = freshStore();
    const story = [BAD, BAD, GOOD, GOOD].map((finding, minute) => lookAt(trunk, minute, finding));
    for (const each of story) await store.record(each, trunk.channel, ruleFor(trunk, each, ['mail', 'hook']));
    const mail = keeper('mail', () => ({ kind: 'rejected', detail: '550' }));
    const hook = keeper('hook');
    await deliver(store, 10, [mail, hook], options);
    expect(mail.got.map((each) => each.event)).toEqual(['opened', 'resolved']);
    expect(hook.got.filter((each) => each.refused === undefined).map((each) => each.event)).toEqual([
      'opened',
      'resolved',
    ]);
    expect(hook.got.filter((each) => each.refused !== undefined).map((each) => each.event)).toEqual(['opened']);
  });

  it('and all the others do, too: it is given up', async () => {
    const store = await open();
    const all = ['mail', 'hook', 'ops'].map((name) => keeper(name, () => ({ kind: 'rejected', detail: 'no' })));
    await deliver(store, 10, all, options);
    expect(all.map((each) => each.got.length)).toEqual([1, 1, 1]);
    expect(await store.outboxDepth()).toMatchObject({ waiting: 0 });
  });
});
