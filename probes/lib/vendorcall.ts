/** One call through a Calls API, from asking for it to its end: never asked for twice, never left up. It judges nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../../src/core/fault.ts';
import type { Instant } from '../../src/core/model.ts';
import type { Exchange } from './http.ts';
import { createCall, endCall, findCalls, readCall } from './callsapi.ts';
import type { Access, CallRecord, Fields, Told } from './callsapi.ts';

export interface Plan {
  readonly access: Access;
  readonly fields: Fields;
  readonly to: string;
  readonly from: string;
  readonly hangup: 'on_ring' | 'on_answer' | 'after_listen';
  /** True: an earlier process may have died during a call like this one. */
  readonly isFirst: boolean;
  readonly startedAt: Instant;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Everything that was noticed of a call. Marks are of the monotonic clock, and late by up to one poll. */
export interface Course {
  /** As it stood when it was seen last; undefined: there was no call that we know of. */
  last: CallRecord | undefined;
  readonly marks: { readonly asked: number; dialled?: number; rung?: number; answered?: number; over?: number };
  /** What it was doing when we ended it as planned. */
  left: 'ringing' | 'talking' | undefined;
  /** Our time was over, or the process stops. */
  stopped: 'late' | 'told' | undefined;
  trouble: { readonly fault: Fault; readonly refused: number | undefined; readonly went?: Exchange } | undefined;
  /** We asked, and nobody said whether there is a call now; or it could not be ended. Its TimeLimit ends it then. */
  unsure: boolean;
  polls: number;
  /** Calls of an earlier process that were found up, and ended. */
  leftovers: number;
  /** True: none of those is up. */
  reconciled: boolean;
  readonly log: string[];
}

export const POLL_MS = 500;
/** A good-bye takes up to two requests. */
const RESERVE_MS = 4_000;
/** The process that stops waits no longer. */
const HASTE_MS = 700;
const MISSES = 3;
/** Whole seconds, and a clock that is not ours. */
const SKEW_MS = 5_000;

const FINAL: ReadonlySet<string> = new Set(['completed', 'busy', 'failed', 'no-answer', 'canceled']);
const WAITING: ReadonlySet<string> = new Set(['queued', 'initiated']);

export const isFinal = ({ status }: CallRecord): boolean => FINAL.has(status);
export const isWaiting = ({ status }: CallRecord): boolean => WAITING.has(status);

export async function makeCall(plan: Plan): Promise<Course> {
  const course: Course = {
    ...{ last: undefined, left: undefined, stopped: undefined, trouble: undefined, unsure: false, polls: 0 },
    ...{ leftovers: 0, reconciled: false },
    ...{ marks: { asked: performance.now() }, log: [] },
  };
  const endAt = course.marks.asked + plan.timeoutMs;
  const life = new AbortController();
  const stop = (why: 'late' | 'told'): void => {
    course.stopped ??= why;
    life.abort();
  };
  const told = (): void => stop('told');
  const timer = setTimeout(() => stop('late'), plan.timeoutMs - Math.min(RESERVE_MS, plan.timeoutMs / 4));
  plan.signal.addEventListener('abort', told, { once: true });
  if (plan.signal.aborted) told();
  const farewell = (): AbortSignal =>
    AbortSignal.timeout(
      course.stopped === 'told' ? HASTE_MS : Math.max(Math.floor(endAt - performance.now()) - 50, HASTE_MS / 7),
    );
  try {
    if (course.stopped === undefined && (await isClear(plan, course, life.signal)))
      await place(plan, course, life.signal, farewell);
    await follow(plan, course, life.signal);
    await end(plan, course, farewell);
    return course;
  } finally {
    clearTimeout(timer);
    plan.signal.removeEventListener('abort', told);
  }
}

/** No call of ours takes longer, from asking for it to its end. */
const LONGEST_CALL_MS = 240_000;
/** What a vendor says that keeps no list. */
const NO_LIST: ReadonlySet<number | undefined> = new Set([400, 404, 405, 501]);

/** A process that was killed says no good-bye: what it may have left up is ended before the line is called again. */
async function isClear(plan: Plan, course: Course, signal: AbortSignal): Promise<boolean> {
  const { access, to, from, startedAt, isFirst } = plan;
  if (!isFirst) return true;
  const found = await findCalls(access, to, from, signal);
  note(course, 'looks for calls that were left up', found);
  if (!found.ok && !NO_LIST.has(found.refused)) {
    course.trouble = found;
    return false;
  }
  // An older one is nobody's test call: it is left alone.
  const isOurs = ({ createdAt = startedAt }: CallRecord): boolean => createdAt >= startedAt - LONGEST_CALL_MS;
  for (const { sid } of (found.ok ? found.calls : []).filter((each) => !isFinal(each) && isOurs(each))) {
    if (sid === undefined) continue;
    const told = await endCall(access, sid, 'completed', signal);
    note(course, 'ends what was left up', told);
    // 400 or 404: it is over by now.
    if (!told.ok && told.refused !== 400 && told.refused !== 404) {
      course.trouble = told;
      return false;
    }
    course.leftovers += 1;
  }
  course.reconciled = true;
  return true;
}

async function place(
  { access, fields, to, from, startedAt }: Plan,
  course: Course,
  signal: AbortSignal,
  farewell: () => AbortSignal,
): Promise<void> {
  const made = await createCall(access, fields, signal);
  note(course, 'asks for a call', made);
  const [call] = made.ok ? made.calls : [];
  if (call?.sid !== undefined) return see(course, call);
  course.trouble = made.ok ? UNNAMED : made;
  if (isRefused(made)) return;
  // It may ring by now: whoever asked again would ring twice.
  for (let tries = 1; tries <= MISSES; tries += 1) {
    const found = await findCalls(access, to, from, signal.aborted ? farewell() : signal);
    note(course, 'looks for the call', found);
    const ours = (found.ok ? found.calls : []).find(
      (each) => each.sid !== undefined && (!isFinal(each) || (each.createdAt ?? 0) >= startedAt - SKEW_MS),
    );
    if (ours !== undefined) return see(course, ours);
    if (signal.aborted || tries === MISSES) break;
    await pause(signal);
  }
  course.unsure = true;
}

const UNNAMED = {
  fault: { code: 'UPSTREAM', cause: 'unreachable', blame: 'trunk', message: 'a call was taken on without a name' },
  refused: undefined,
} as const;

/** There is certainly no call: nothing was sent, or a clear no came back. */
function isRefused(made: Told): boolean {
  if (made.ok) return false;
  if (made.refused !== undefined) return made.refused >= 300 && made.refused < 500 && made.refused !== 408;
  return made.went.reply === undefined && made.went.phases['first_byte'] === undefined;
}

/** Asks how it stands until it is over, or until it is where we wanted it. */
async function follow({ access, hangup }: Plan, course: Course, signal: AbortSignal): Promise<void> {
  for (let misses = 0; course.last?.sid !== undefined && !isFinal(course.last) && misses < MISSES;) {
    course.left = leftAt(course.last, hangup);
    if (course.left !== undefined) return;
    await pause(signal);
    if (signal.aborted) return;
    const told = await readCall(access, course.last.sid, signal);
    course.polls += 1;
    const [call] = told.ok ? told.calls : [];
    if (call?.status !== course.last.status) note(course, 'asks', told);
    misses = call === undefined ? misses + 1 : 0;
    if (call !== undefined) see(course, { ...call, sid: course.last.sid });
    else if (!told.ok && misses === MISSES) course.trouble = told;
  }
}

function leftAt({ status }: CallRecord, hangup: Plan['hangup']): Course['left'] {
  if (hangup === 'on_ring' && status === 'ringing') return 'ringing';
  return hangup !== 'after_listen' && status === 'in-progress' ? 'talking' : undefined;
}

/** Nothing of ours stays up: not after a deadline, not after a stop, not when nobody tells how it stands. */
async function end({ access }: Plan, course: Course, farewell: () => AbortSignal): Promise<void> {
  const { last, stopped } = course;
  if (last?.sid === undefined || isFinal(last)) return;
  const bye = farewell();
  course.marks.over ??= performance.now();
  const tell = async (status: 'canceled' | 'completed'): Promise<Told> => {
    const told = await endCall(access, last.sid ?? '', status, bye);
    note(course, `ends it as ${status}`, told);
    return told;
  };
  // In haste one request must do, and `completed` ends a call in any state.
  const isGentle = stopped !== 'told' && last.status !== 'in-progress';
  if (isGentle && isOver(await tell('canceled'))) return;
  const told = await tell('completed');
  const status = told.went.reply?.status ?? 0;
  if (status >= 200 && status < 300) return;
  // It may have ended by itself a moment ago; then there is nothing left to end.
  const now = await readCall(access, last.sid, bye);
  note(course, 'asks', now);
  course.unsure = !isOver(now);
}

const isOver = (told: Told): boolean => told.ok && told.calls.some(isFinal);

function see(course: Course, call: CallRecord): void {
  const { marks } = course;
  const now = performance.now();
  course.last = call;
  course.trouble = undefined;
  if (!isWaiting(call)) marks.dialled ??= now;
  if (call.status === 'ringing') marks.rung ??= now;
  if (call.status === 'in-progress') marks.answered ??= now;
  // Between two polls a talk may begin and end; it tells how long it was.
  if (call.status === 'completed')
    marks.answered ??= Math.max(marks.rung ?? marks.asked, now - (call.duration ?? 0) * 1_000);
  if (isFinal(call)) marks.over ??= now;
}

/** No field of a request is noted: digits may be a PIN. */
function note(course: Course, what: string, told: Told): void {
  const at = Math.round(performance.now() - course.marks.asked);
  const states = told.ok ? told.calls.slice(0, 20).map(({ sid, status }) => `${sid ?? '(no name)'} ${status}`) : [];
  course.log.push(`${at} ms ${what}: ${told.ok ? states.join(', ') || 'no call' : told.fault.message}`);
}

const pause = (signal: AbortSignal): Promise<void> => sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
