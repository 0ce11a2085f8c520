/** What earlier round trips of one target left to know, across restarts. It reads no mail. */
import { z } from 'zod';
import type { Instant } from '../../../src/core/model.ts';

const OUTSTANDING_CAP = 8;

const count = () => z.int().nonnegative();

const outstanding = z.object({
  /** Which of all our mails it is, in the order in which they were handed over. */
  number: count(),
  token: z.string().regex(/^[0-9a-f]{32}$/),
  handedOverAt: z.number().nonnegative(),
  /** Receipts seen so far; a mail that had one is remembered for one more look, which may find another. */
  receipts: count(),
});

const shape = z.object({
  /** Who writes to whom: what is known of one responder says nothing of another. */
  pair: z.string(),
  outstanding: z.array(outstanding).max(OUTSTANDING_CAP),
  /** How many mails were handed over. */
  sent: count(),
  /** The newest mail that was answered; absent: none was. */
  answered: count().optional(),
  /**
   * Two mails in a row were answered: this responder does not answer a sender once in days only, so its silence counts. RFC 5230
   * §4.2: a standard vacation responder is silent for seven days.
   */
  answersAgain: z.boolean(),
});

/** A mail of ours that may still be answered. */
export type Outstanding = z.output<typeof outstanding>;
export type Memory = z.output<typeof shape>;

/** What was kept of this pair; nothing when it is of another pair or another making. */
export function readMemory(kept: unknown, from: string, to: string): Memory {
  const pair = `${from} ${to}`.toLowerCase();
  const read = shape.safeParse(kept);
  if (read.success && read.data.pair === pair) return read.data;
  return { pair, outstanding: [], sent: 0, answersAgain: false };
}

export function remember(memory: Memory, token: string, handedOverAt: Instant): void {
  const mail = { number: memory.sent, token, handedOverAt, receipts: 0 };
  memory.sent += 1;
  memory.outstanding = [...memory.outstanding, mail].slice(-OUTSTANDING_CAP);
}

/** A mail that needs to be looked for no longer. */
export function settle(memory: Memory, token: string): void {
  memory.outstanding = memory.outstanding.filter((each) => each.token !== token);
}

/** A mail was answered, in time or late. `receipts`: how many came for it so far. */
export function noteAnswer(memory: Memory, token: string, receipts: number): void {
  const mail = memory.outstanding.find((each) => each.token === token);
  if (mail === undefined) return;
  const { answered } = memory;
  if (answered !== undefined && Math.abs(mail.number - answered) === 1) memory.answersAgain = true;
  memory.answered = Math.max(mail.number, answered ?? 0);
  memory.outstanding = memory.outstanding.map((each) => (each === mail ? { ...each, receipts } : each));
}

/** Whether silence may be the responder's courtesy: it has answered this sender, and never two mails in a row. */
export const mayBeSuppressed = (memory: Memory): boolean => memory.answered !== undefined && !memory.answersAgain;
