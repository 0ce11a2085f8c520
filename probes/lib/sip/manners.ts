/** When a test call hangs up: on ring, on answer or after it has listened, and always before its time is over. It reads no settings. */
import type { Line } from '../media/studio.ts';
import { walk } from '../ivr.ts';
import type { Step, Walked } from '../ivr.ts';
import { changed, isOver, until } from './call.ts';
import type { Call } from './call.ts';
import { hangUp } from './caller.ts';

export interface Manners {
  readonly hangup: 'on_ring' | 'on_answer' | 'after_listen';
  readonly ringMs: number;
  /** Another server is called when this one has not reacted by then; undefined: there is none. */
  readonly patienceMs: number | undefined;
  /** What is pressed as soon as it is answered. */
  readonly extension: string | undefined;
  readonly listenMs: number;
  readonly steps: readonly Step[];
  /** No call is up for longer, whatever the steps want. */
  readonly talkMs: number;
}

/** The end of a call's time: the deadline of the look, or that the process stops. */
export interface Clock {
  readonly stopped: () => boolean;
  /** True when it was not our own deadline: what was seen until then proves little. */
  readonly told: () => boolean;
  /** Milliseconds that are left for the call. */
  readonly leftMs: () => number;
  /** Milliseconds that are left to say good-bye, at most so many. */
  readonly farewellMs: (mostMs: number) => number;
  close(): void;
}

/** A good-bye takes a round trip; over a lossy way a repetition too. */
const RESERVE_MS = 2_000;
/** The process that stops waits no longer. */
const HASTE_MS = 700;
const FAREWELL_MS = 5_000;

/** Watches the clock for a call, so that there is always time left for CANCEL or BYE. */
export function openClock(call: () => Call | undefined, timeoutMs: number, signal: AbortSignal): Clock {
  const reserve = Math.min(RESERVE_MS, timeoutMs / 4);
  const endAt = performance.now() + timeoutMs;
  let stopped: 'late' | 'told' | undefined;
  const stop = (why: 'late' | 'told'): void => {
    stopped ??= why;
    const holding = call();
    if (holding !== undefined) changed(holding);
  };
  const told = (): void => stop('told');
  const timer = setTimeout(() => stop('late'), timeoutMs - reserve);
  signal.addEventListener('abort', told, { once: true });
  if (signal.aborted) told();
  return {
    stopped: () => stopped !== undefined,
    told: () => stopped === 'told',
    leftMs: () => (stopped === undefined ? Math.max(0, endAt - reserve - performance.now()) : 0),
    farewellMs: (mostMs) =>
      stopped === 'told' ? HASTE_MS : Math.max(Math.min(mostMs, endAt - performance.now() - 50), HASTE_MS / 7),
    close() {
      clearTimeout(timer);
      signal.removeEventListener('abort', told);
    },
  };
}

/** What we did with the call, as far as its messages do not tell. */
export interface Conduct {
  readonly left: 'ringing' | 'unanswered' | 'answered' | 'stopped' | 'over' | 'ignored';
  readonly walked: Walked | undefined;
  /** True: we hung up as soon as we could, and what was heard means nothing. */
  readonly deaf: boolean;
  /** We cancelled the call and gave it its time, and no word of theirs ever ended it (§9.1). */
  readonly stalled: boolean;
}

/** A ring that is only heard (183 without 180, RFC 3960): nobody needs more than one period of it. */
const EARLY_MS = 5_000;

/** Asked anew after each wait. */
const isAnswered = ({ marks }: Call): boolean => marks.answered !== undefined;

/** Holds the call as long as manners want and no longer than the clock allows; ends with the call hung up, but for one that was ignored. */
export async function conduct(call: Call, line: Line, manners: Manners, clock: Clock): Promise<Conduct> {
  const done = await hold(call, line, manners, clock);
  if (done.left === 'ignored') return { ...done, stalled: false };
  // §9.1: who was called and has not answered may do so until then, and would hear nobody if we were gone.
  const withinMs = clock.farewellMs(call.confirmed === undefined ? 64 * call.plan.t1 : FAREWELL_MS);
  await hangUp(call, { withinMs, hurried: clock.told, hasteMs: HASTE_MS });
  return { ...done, stalled: !clock.told() && isStalled(call) };
}

const isStalled = ({ ending, marks }: Call): boolean =>
  ending?.kind === 'cancelled' && !ending.answeredLate && !ending.acknowledged && marks.trying !== undefined;

type Held = Omit<Conduct, 'stalled'>;

async function hold(call: Call, line: Line, manners: Manners, clock: Clock): Promise<Held> {
  const done = (left: Conduct['left'], deaf = true): Held => ({ left, deaf, walked: undefined });
  const reached = (holding: Call): boolean =>
    holding.marks.answered !== undefined || isOver(holding) || clock.stopped();
  const rings = (holding: Call): boolean => holding.marks.progress !== undefined || reached(holding);

  if (!(await isNoticed(call, manners, reached))) return done('ignored');
  const alerted = await until(call, manners.hangup === 'on_ring' ? rings : reached, manners.ringMs);
  if (clock.stopped()) return done('stopped');
  if (isOver(call)) return done('over', call.marks.answered === undefined);
  if (!alerted) return done('unanswered');
  if (call.marks.answered === undefined) {
    const certain = (holding: Call): boolean => holding.marks.ringing !== undefined || reached(holding);
    if (call.marks.early !== undefined) await until(call, certain, EARLY_MS);
    if (isOver(call)) return done('over');
    if (clock.stopped()) return done('stopped');
    if (!isAnswered(call)) return done('ringing');
  }
  return manners.hangup === 'after_listen' ? talk(call, line, manners, clock) : done('answered');
}

/** False: nothing at all has come back for as long as we wait while there is another server. */
async function isNoticed(call: Call, manners: Manners, reached: (call: Call) => boolean): Promise<boolean> {
  if (manners.patienceMs === undefined) return true;
  const noticed = (holding: Call): boolean => holding.marks.trying !== undefined || reached(holding);
  return until(call, noticed, Math.min(manners.patienceMs, manners.ringMs));
}

/** Somebody has answered: keys, steps, and listening. */
async function talk(call: Call, line: Line, manners: Manners, clock: Clock): Promise<Held> {
  const over = (): boolean => clock.stopped() || performance.now() > (call.marks.answered ?? 0) + manners.talkMs;
  const ended = (holding: Call): boolean => isOver(holding) || over();
  // Whoever waits is told when the longest talk is over.
  const last = setTimeout(() => changed(call), manners.talkMs + 1);
  if (manners.extension !== undefined) await dialOn(call, line, manners.extension, ended);
  const walked = manners.steps.length === 0 ? undefined : await walk(manners.steps, call, line, over);
  if (walked?.ok !== false) await until(call, ended, manners.listenMs);
  clearTimeout(last);
  return { left: isOver(call) ? 'over' : 'answered', deaf: false, walked };
}

/** Exchanges listen for an extension once they have picked up, and not in the same moment. */
const BEFORE_EXTENSION_MS = 1_000;

async function dialOn(call: Call, line: Line, keys: string, ended: (call: Call) => boolean): Promise<void> {
  if (await until(call, ended, BEFORE_EXTENSION_MS)) return;
  await Promise.race([line.press(keys), until(call, ended, 20_000)]);
}

/** A final response that is repeated has not seen our ACK (Timer D); the most likely repetition is waited for. */
export async function linger(call: Call, clock: Clock): Promise<void> {
  const { wire, t1 } = call.plan;
  if (call.ending?.kind !== 'refused' || wire.transport !== 'udp') return;
  await until(call, clock.stopped, clock.farewellMs(t1 * 1.2));
}

/** A line that hangs up before this has said nothing that anybody could use. */
const EARLY_END_MS = 2_000;

/** Whether the far side ended it too early. A menu that expects to be hung up on has nothing against it. */
export function wasDropped({ ending, marks }: Call, walked: Walked | undefined): boolean {
  if (ending?.kind !== 'hung_up' || ending.by === 'us') return false;
  if (walked !== undefined) return !walked.ok && walked.hungUp;
  return (marks.over ?? 0) - (marks.answered ?? 0) < EARLY_END_MS;
}
