/** Which numbers this process is calling now, and which want to be left alone for a while, also after a restart. It knows no protocol. */
import type { Instant } from '../../../src/core/model.ts';
import type { Memory } from '../../../src/core/probe.ts';
import { recallCalls, rememberCalls, restLeft } from '../callmemory.ts';
import type { Rest } from '../callmemory.ts';

const calling = new Set<string>();
const resting = new Map<string, Rest>();

const FIRST_REST_MS = 3_600_000;
const LONGEST_REST_MS = 86_400_000;
const MOST = 1_000;

/** True when the line is ours now; then `releaseLine` has to follow. A second call to a number would only find it busy with us. */
export function takeLine(number: string): boolean {
  if (calling.has(number)) return false;
  calling.add(number);
  return true;
}

export function releaseLine(number: string): void {
  calling.delete(number);
}

/** Who rests from whom: a caller and a number. */
export const restKey = (caller: string, number: string): string => `${caller} ${number}`;

/** Milliseconds until the number may be tried again; 0: now. Another target may have learnt it, or an earlier process. */
export function restOf(who: string, now: Instant, memory: Memory | undefined): number {
  return Math.max(restLeft(resting.get(who), who, now), restLeft(recallCalls(memory).rest, who, now));
}

/** They do not want us: an hour at least, twice as long each time, a day at most. Each further call harms our caller id. */
export function rest(who: string, now: Instant, memory: Memory | undefined, atLeastMs = 0): void {
  const kept = recallCalls(memory).rest;
  const last = Math.max(resting.get(who)?.ms ?? 0, kept?.who === who ? kept.ms : 0);
  const ms = Math.min(Math.max(FIRST_REST_MS, last * 2, atLeastMs), LONGEST_REST_MS);
  const [oldest] = resting.keys();
  if (resting.size >= MOST && oldest !== undefined) resting.delete(oldest);
  resting.set(who, { who, until: now + ms, ms });
  rememberCalls(memory, { rest: { who, until: now + ms, ms } });
}

/** A call got through: what was, is forgotten. */
export function forgive(who: string, memory: Memory | undefined): void {
  resting.delete(who);
  if (recallCalls(memory).rest !== undefined) rememberCalls(memory, { rest: undefined });
}
