/** Takes due notifications to their receivers until each was accepted or refused for good. It knows no protocol and no table. */
import { asOne } from './core/bundle.ts';
import type { Ledger, QueuedNotification } from './core/ledger.ts';
import type { Instant, Message, Notification } from './core/model.ts';
import { present } from './core/present.ts';
import type { Delivery, Receiver } from './core/receiver.ts';
import { openRush, type Rush } from './outbox/rush.ts';

export interface OutboxOptions {
  readonly ledger: Pick<Ledger, 'due' | 'nextDueAt' | 'bundle' | 'settle'>;
  /** The receiver of that name, if one is configured. Asked anew for every attempt. */
  readonly receiver: (name: string) => Receiver | undefined;
  /** Who is told instead of those that refused a message for good, if anybody. */
  readonly standIn?: (message: Message, refused: readonly string[]) => string | undefined;
  readonly clock: () => Instant;
  /** At least 0, less than 1. */
  readonly random: () => number;
  /** Told of every attempt, after it was written down. `rejected` is final: nobody was told. */
  readonly onDelivery: (receiver: string, delivery: Delivery, notification: QueuedNotification) => void;
  /** The ledger could not be read or written; the outbox tries again by itself. */
  readonly onTrouble?: (error: unknown) => void;
  /** Our own network is lost: whoever could not be reached is tried again when it is back. */
  readonly blind?: () => boolean;
  /** Longest that one attempt may take. */
  readonly deadlineMs?: number;
}

export interface Outbox {
  /** Something was committed that may be due now. */
  wake(): void;
  /** We see again: what has been on its way since we did not is called back, for it may be over. It stays due. */
  callBack(): void;
  /** Our own network is back: nobody is left alone any longer. */
  resume(): void;
  /**
   * Tells the newest of an incident, which the ledger does not take, and no more of what was rushed before. What was accepted
   * counts as told when the ledger has it in the end.
   */
  rush(incident: string, notifications: readonly Notification[]): void;
  /** Starts nothing more; lets what runs finish for `graceMs`, then cuts it off. What was not accepted stays due. */
  stop(graceMs: number): Promise<void>;
}

const DEADLINE_MS = 10_000;
/** A receiver that ignores its signal is left behind this long after the deadline. */
const ABANDON_MS = 1_000;
const KEPT_MS = 72 * 3_600_000;
const BACKOFF = { leastMs: 100, firstMs: 1_000, longestMs: 300_000 };
/** A receiver that refuses is left alone, whatever else waits for it; new messages wait no longer than this for a try. */
const PAUSE_LONGEST_MS = 60_000;
/** While our own network is lost. The canaries may be wrong, and a message not be lost. */
const BLIND_PAUSE_MS = 900_000;
/** What was called back is tried again when that we see again was written down, or after this at the latest. */
const CALLED_BACK_MS = 10_000;
const RETRY_AFTER_LONGEST_MS = 3_600_000;
/** Wakes at least this often: the wall clock, which `due` is held against, may jump. */
const SLEEP_LONGEST_MS = 30_000;
const LEDGER_PAUSE_MS = 1_000;
/** Clocks are set back by so much all the time. */
const CLOCK_SLACK_MS = 1_000;

/** What is known of one receiver while the process runs. */
interface Lane {
  running: Promise<void> | undefined;
  /** Attempts in a row that came to nothing. */
  failures: number;
  /** By the wall clock, which may be set back: a pause that has yet to begin is none. */
  pausedFrom: Instant;
  pausedUntil: Instant;
  /** What runs was begun while our own network was lost. */
  isBlind: boolean;
}

const newLane = (): Lane => ({ running: undefined, failures: 0, pausedFrom: 0, pausedUntil: 0, isBlind: false });

/**
 * One attempt at a time per receiver: what was said first arrives first, and a slow receiver holds up nobody else. Marked
 * sent only after the other side accepted; a crash between the two sends once more, with the same key.
 */
export function openOutbox(options: OutboxOptions): Outbox {
  const { ledger, clock } = options;
  const lanes = new Map<string, Lane>();
  const cut = new AbortController();
  const recall = openRecall(options, cut.signal);
  const rush = rushWith(options, cut.signal);
  let stopping = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let again = false;

  function wake(): void {
    if (stopping) return;
    again = true;
    looking ??= look().finally(() => {
      looking = undefined;
      if (again) wake();
    });
  }

  async function look(): Promise<void> {
    clearTimeout(timer);
    let sleepMs = LEDGER_PAUSE_MS;
    try {
      for (let more = true; more; more = await startNext()) again = false;
      sleepMs = await calm(ledger, lanes, clock());
    } catch (error) {
      options.onTrouble?.(error);
    }
    clearTimeout(timer);
    if (!isStopping()) timer = setTimeout(wake, sleepMs);
  }

  /** Starts the message that is due the longest for a receiver that is free; false when there is none. */
  async function startNext(): Promise<boolean> {
    const now = clock();
    const next = await bundled(options, (await ledger.due(now, 1, occupied(lanes, now)))[0]);
    if (next === undefined || isStopping()) return false;
    const lane = lanes.get(next.receiver) ?? newLane();
    lanes.set(next.receiver, lane);
    const sending = rush.sending(next.key);
    const called = recall.signalFor(lane);
    lane.running = deliver(options, next, { lane, cut: cut.signal, called, ...present({ sending }) }).finally(() => {
      [lane.running, lane.isBlind] = [undefined, false];
      wake();
    });
    return true;
  }

  // A function, because it changes while others are awaited.
  function isStopping(): boolean {
    return stopping;
  }

  async function stop(graceMs: number): Promise<void> {
    stopping = true;
    clearTimeout(timer);
    const cutOff = setTimeout(() => {
      cut.abort();
    }, graceMs);
    await looking;
    await Promise.all([...lanes.values()].flatMap((lane) => lane.running ?? []));
    clearTimeout(cutOff);
  }

  function resume(): void {
    for (const lane of lanes.values()) [lane.failures, lane.pausedUntil] = [0, 0];
    wake();
  }

  wake();
  const callBack = (): void => {
    recall.call(lanes.values());
  };
  return { wake, callBack, resume, rush: rush.tell, stop };
}

/** Milliseconds until something may be due, or a receiver may be tried again. */
async function calm(
  ledger: Pick<Ledger, 'nextDueAt'>,
  lanes: ReadonlyMap<string, Lane>,
  now: Instant,
): Promise<number> {
  const dueAt = await ledger.nextDueAt(occupied(lanes, now));
  const pauses = [...lanes.values()].filter((lane) => isPaused(lane, now)).map((lane) => lane.pausedUntil);
  return Math.max(1, Math.min(dueAt ?? Infinity, ...pauses, now + SLEEP_LONGEST_MS) - now);
}

function rushWith(options: OutboxOptions, cut: AbortSignal): Rush {
  return openRush({
    clock: options.clock,
    cut,
    attempt: (each) => attempt(options, each, cut),
    backoff: (attempts) => backoff(options.random(), attempts, PAUSE_LONGEST_MS),
    onDelivery: (delivery, each, attempts) => {
      options.onDelivery(each.receiver, delivery, { ...each, attempts });
    },
  });
}

/** Calls back what was begun while our own network was lost. */
function openRecall({ blind, clock }: OutboxOptions, cut: AbortSignal) {
  let call = new AbortController();
  return {
    signalFor: (lane: Lane): AbortSignal => {
      lane.isBlind = blind?.() === true;
      return lane.isBlind ? AbortSignal.any([cut, call.signal]) : cut;
    },
    call: (lanes: Iterable<Lane>): void => {
      const now = clock();
      for (const lane of lanes) if (lane.isBlind) [lane.pausedFrom, lane.pausedUntil] = [now, now + CALLED_BACK_MS];
      call.abort();
      call = new AbortController();
    },
  };
}

interface Passage {
  readonly lane: Lane;
  /** The stop of this process. */
  readonly cut: AbortSignal;
  /** That, or that it was called back. */
  readonly called: AbortSignal;
  /** It is told already, or just now. */
  readonly sending?: Promise<Delivery>;
}

/** With what waits in the same group, as one message under one key. */
async function bundled<Due extends QueuedNotification | undefined>({ ledger, receiver }: OutboxOptions, due: Due) {
  if (due === undefined || due.message.own !== undefined || due.message.group === undefined) return due;
  if (receiver(due.receiver)?.alone === true) return due;
  const bundle = await ledger.bundle(due.key);
  const [first, ...others] = bundle.flatMap(({ message }) => (message.own === undefined ? [message] : []));
  const [head] = bundle;
  return head === undefined || first === undefined ? due : { ...head, message: asOne(head.key, [first, ...others]) };
}

async function deliver(
  options: OutboxOptions,
  notification: QueuedNotification,
  { lane, cut, called, sending }: Passage,
): Promise<void> {
  const delivery = await (sending ?? attempt(options, notification, called));
  // Cut off by us, not by the far side: it stays due as it is.
  if (delivery.kind === 'retry' && called.aborted) return;
  const now = options.clock();
  const nextAt = delivery.kind === 'retry' ? now + hold(options, delivery, notification.attempts, lane) : undefined;
  if (delivery.kind !== 'retry') lane.failures = 0;
  const instead = delivery.kind === 'rejected' ? redirect(options, notification, delivery.detail, now) : undefined;
  await writeDown(() => options.ledger.settle(notification.key, delivery, now, nextAt, instead), options, cut);
  if (sending === undefined) options.onDelivery(notification.receiver, delivery, notification);
}

/**
 * The same for somebody else, who learns by it that the first one refused. Whoever is told of this incident anyhow hears of
 * the refusal once.
 */
function redirect(
  { standIn }: OutboxOptions,
  { key, receiver, message }: QueuedNotification,
  detail: string,
  now: Instant,
): Notification | undefined {
  const refused = [...(message.refused ?? []), { receiver, detail }];
  const names = refused.map((each) => each.receiver);
  const other = standIn?.(message, names);
  if (other === undefined) return undefined;
  const { id } = message.own ?? message.incident;
  const name = message.told.includes(other) ? `${id}:refused.${receiver}:${other}` : `${key}:instead.${other}`;
  return {
    key: name,
    receiver: other,
    createdAt: now,
    dueAt: now,
    message: { ...ungrouped(message), key: name, refused },
  };
}

function ungrouped(message: Message): Message {
  if (message.own !== undefined) return message;
  const { group: _waited, ...rest } = message;
  return rest;
}

/** Leaves the receiver alone for a while; milliseconds until this message is to be tried again. */
function hold(
  { clock, random, blind }: OutboxOptions,
  { afterMs }: Delivery & { readonly kind: 'retry' },
  attempts: number,
  lane: Lane,
): number {
  const asked = Math.min(afterMs ?? 0, RETRY_AFTER_LONGEST_MS);
  lane.pausedFrom = clock();
  if (blind?.() === true) {
    lane.pausedUntil = lane.pausedFrom + BLIND_PAUSE_MS;
    return BACKOFF.leastMs;
  }
  lane.pausedUntil = lane.pausedFrom + Math.max(asked, backoff(random(), lane.failures, PAUSE_LONGEST_MS));
  lane.failures += 1;
  return Math.max(asked, backoff(random(), attempts, BACKOFF.longestMs));
}

/** Receivers that are busy, or are left alone after a refusal. */
function occupied(lanes: ReadonlyMap<string, Lane>, now: Instant): string[] {
  return [...lanes].filter(([, lane]) => lane.running !== undefined || isPaused(lane, now)).map(([name]) => name);
}

function isPaused({ pausedFrom, pausedUntil }: Lane, now: Instant): boolean {
  return now < pausedUntil && now >= pausedFrom - CLOCK_SLACK_MS;
}

/** Exponential with full jitter: many monitors that lost the same receiver do not come back at the same moment. */
function backoff(chance: number, attempts: number, longestMs: number): number {
  const ceiling = Math.min(longestMs, BACKOFF.firstMs * 2 ** Math.min(attempts, 30));
  return Math.max(BACKOFF.leastMs, Math.round(chance * ceiling));
}

/** One attempt within its deadline, whatever the receiver does. */
async function attempt(options: OutboxOptions, notification: Notification, cut: AbortSignal): Promise<Delivery> {
  const receiver = options.receiver(notification.receiver);
  if (receiver === undefined) return rejected('no receiver of this name is configured any more');
  if (options.clock() - notification.createdAt > KEPT_MS) return rejected('expired: not accepted within 72 hours');
  const over = new AbortController();
  const given = Promise.withResolvers<Delivery>();
  let abandoning: NodeJS.Timeout | undefined;
  const end = () => {
    over.abort();
    abandoning ??= setTimeout(() => {
      given.resolve({ kind: 'retry', detail: 'the receiver did not come back from its deadline' });
    }, ABANDON_MS);
  };
  const deadline = setTimeout(end, options.deadlineMs ?? DEADLINE_MS);
  cut.addEventListener('abort', end, { once: true });
  if (cut.aborted) end();
  try {
    return await Promise.race([receiver.send(notification.message, over.signal), given.promise]);
  } catch {
    // The contract forbids it. What it threw may hold anything, so it is not repeated.
    return { kind: 'retry', detail: 'defect: the receiver threw' };
  } finally {
    clearTimeout(deadline);
    clearTimeout(abandoning);
    cut.removeEventListener('abort', end);
  }
}

function rejected(detail: string): Delivery {
  return { kind: 'rejected', detail };
}

/** What was accepted is written down however long the disk takes: not writing it means sending it again. */
async function writeDown(
  settle: () => Promise<void>,
  { onTrouble }: Pick<OutboxOptions, 'onTrouble'>,
  cut: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      await settle();
      return;
    } catch (error) {
      onTrouble?.(error);
      if (cut.aborted) return;
      await pause(LEDGER_PAUSE_MS, cut);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
