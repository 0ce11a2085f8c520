/**
 * What earlier round trips of this process between one sender and one support address left to know. A restart forgets it: then
 * a receipt that comes late is not recognised, and the first silence is taken at its word.
 */
import type { Instant } from '../../../src/core/model.ts';

/** A mail of ours that has had no receipt yet. */
export interface Outstanding {
  readonly token: string;
  readonly handedOverAt: Instant;
}

export interface Memory {
  outstanding: readonly Outstanding[];
  /** How many looks brought a receipt. */
  receipts: number;
  /** Whether the look before this one did. */
  lastAnswered: boolean;
  /**
   * Two looks in a row brought one: this responder does not answer a sender once in days only, so its silence counts. RFC 5230
   * §4.2: a standard vacation responder is silent for seven days.
   */
  answersAgain: boolean;
}

const PAIRS_CAP = 1_000;
const OUTSTANDING_CAP = 8;

const pairs = new Map<string, Memory>();

/** The memory of a pair, made when there is none; the pair that was used longest ago is forgotten first. */
export function memoryOf(...names: readonly string[]): Memory {
  const key = names.join('\n').toLowerCase();
  const memory = pairs.get(key) ?? { outstanding: [], receipts: 0, lastAnswered: false, answersAgain: false };
  pairs.delete(key);
  pairs.set(key, memory);
  const [oldest] = pairs.keys();
  if (pairs.size > PAIRS_CAP && oldest !== undefined) pairs.delete(oldest);
  return memory;
}

export function remember(memory: Memory, sent: Outstanding): void {
  memory.outstanding = [...memory.outstanding, sent].slice(-OUTSTANDING_CAP);
}

/** A token is used up by its first answer. */
export function settle(memory: Memory, token: string): void {
  memory.outstanding = memory.outstanding.filter((each) => each.token !== token);
}

export function noteAnswer(memory: Memory): void {
  if (memory.lastAnswered) memory.answersAgain = true;
  memory.lastAnswered = true;
  memory.receipts += 1;
}

export function noteSilence(memory: Memory): void {
  memory.lastAnswered = false;
}

/** Whether silence may be the responder's courtesy: it has answered this sender, and never twice in a row. */
export const mayBeSuppressed = (memory: Memory): boolean => memory.receipts > 0 && !memory.answersAgain;
