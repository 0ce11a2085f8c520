/** A child that looks, records and tells until it is killed: by its parent at random, or by itself at a point named in code. */
import { writeSync } from 'node:fs';
import type { Finding, Observation, Target } from '../../src/core/model.ts';
import type { Receiver } from '../../src/core/receiver.ts';
import { openOutbox } from '../../src/outbox.ts';
import webhook from '../../src/receivers/webhook.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { BAD, GOOD, lookAt, MINUTE, MORNING, ruleFor, targetOf } from '../lib/story.ts';

export const POINTS = [
  'before commit',
  'after acknowledgement',
  'after commit, before send',
  'after send, before mark',
] as const;
export type Point = (typeof POINTS)[number];
/** Passed by messages that waited for each other. */
export const BINDING = 'after binding, before send';

export const RECEIVERS = ['a', 'b'];
export const TARGETS: readonly Target[] = Array.from({ length: 5 }, (_, index) =>
  targetOf(`wallet${index}/hotline/only`),
);

/** Minutes between two looks: what breaks again within ten minutes would be the same incident. */
export const STRIDE = 5;

/** Three good looks, three bad ones, and so on: an incident every six looks. */
export function findingAt(step: number): Finding {
  return Math.floor(step / 3) % 2 === 0 ? GOOD : BAD;
}

export function lookOf(target: Target, step: number): Observation {
  return lookAt(target, step * STRIDE, findingAt(step));
}

export interface ChildOptions {
  readonly path: string;
  /** Where the parent's sink listens. */
  readonly sink: string;
  readonly point?: Point | typeof BINDING;
  /** So long messages of one route wait for each other, by the story's clock; absent: not at all. */
  readonly groupWaitMs?: number;
  /** Looks of each target, then wait until everything is told; absent: until killed. */
  readonly steps?: number;
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal arrives before the next instruction of script; this line is for the type.
  throw new Error('still alive');
}

/** Kills at the named point the `countdown`-th time that it is passed. */
function trap(wanted: ChildOptions['point'], countdown: number): (point: Point | typeof BINDING) => void {
  let left = countdown;
  return (point) => {
    if (point !== wanted) return;
    left -= 1;
    if (left === 0) die();
  };
}

function trapped(receiver: Receiver, pass: Hooks['pass']): Receiver {
  return {
    name: receiver.name,
    send: async (message, signal) => {
      pass('after commit, before send');
      const delivery = await receiver.send(message, signal);
      if (delivery.kind === 'sent') pass('after send, before mark');
      return delivery;
    },
  };
}

/** The step after the newest one that the store knows. */
async function nextStep(store: Store, target: Target): Promise<number> {
  const row = (await store.health()).find((each) => each.target === target.id);
  return row === undefined ? 0 : (row.last.slotAt - MORNING) / (STRIDE * MINUTE) + 1;
}

async function watch(store: Store, target: Target, options: ChildOptions, hooks: Hooks): Promise<void> {
  const first = await nextStep(store, target);
  hooks.advance(lookOf(target, first).at);
  // What a killed child left behind became due when the clock was set, not later.
  hooks.wake();
  for (let step = first; options.steps === undefined || step < options.steps; step += 1) {
    const look = lookOf(target, step);
    hooks.advance(look.at);
    const ruling = await store.record(look, target.channel, (standing) => {
      const ruled = ruleFor(target, look, RECEIVERS, options.groupWaitMs)(standing);
      if (ruled.notifications.length > 0) hooks.pass('before commit');
      return ruled;
    });
    // Straight into the pipe, which outlives this process: what the parent hears there was promised.
    writeSync(1, `ack ${target.id} ${look.slotAt}\n`);
    hooks.pass('after acknowledgement');
    if (ruling !== undefined && ruling.notifications.length > 0) hooks.wake();
    // As much told as seen, or the outbox would only grow.
    const most = options.groupWaitMs === undefined ? 4 : 40;
    while ((await store.outboxDepth()).waiting > most) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

interface Hooks {
  readonly pass: ReturnType<typeof trap>;
  readonly wake: () => void;
  /** The story's clock goes as far as its looks. */
  readonly advance: (at: number) => void;
}

async function run(options: ChildOptions): Promise<void> {
  const store = openStore(options.path, { lingerMs: 1 });
  const pass = trap(options.point, 3);
  const settings = webhook.schema.parse({ url: options.sink, allow_private: true });
  const receivers = new Map(RECEIVERS.map((name) => [name, trapped(webhook.open(name, settings), pass)]));
  // The story's time, so that nothing expires; what is to be retried is due at once.
  let latest = MORNING;
  const clock = () => latest + Math.round(performance.now());
  const advance = (at: number) => {
    latest = Math.max(latest, at);
  };
  const bundle: Store['bundle'] = async (key) => {
    const bound = await store.bundle(key);
    pass(BINDING);
    return bound;
  };
  const outbox = openOutbox({
    ledger: { ...store, bundle },
    receiver: (name) => receivers.get(name),
    clock,
    random: () => 0,
    onDelivery: () => undefined,
  });
  process.stdout.write('ready\n');
  await Promise.all(TARGETS.map((target) => watch(store, target, options, { pass, wake: outbox.wake, advance })));
  advance(latest + (options.groupWaitMs ?? 0) + MINUTE);
  outbox.wake();
  while ((await store.outboxDepth()).waiting > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await outbox.stop(1_000);
  await store.close();
}

if (import.meta.main) await run(JSON.parse(process.argv[2] ?? '{}') as ChildOptions);
