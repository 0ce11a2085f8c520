/** A case that support has taken on: what is known of it from look to look, and what a state it shows means. Pure. */
import { z } from 'zod';
import type { Expectation, Fact, Instant } from '../../src/core/model.ts';

const instant = z.number().nonnegative();

const shape = z.object({
  number: z.string().min(1).max(100),
  filedAt: instant,
  /** The first state seen: nobody had looked at the case then. */
  newState: z.string().max(200).optional(),
  /** The newest look that saw no answer yet: the true time lies between it and `answeredAt`. */
  waitedAt: instant,
  answeredAt: instant.optional(),
  resolvedAt: instant.optional(),
});
/** A case; resolved ones are kept until the next is filed. */
export type Case = z.output<typeof shape>;

const memory = z.object({
  case: shape.optional(),
  /** The newest attempt to file that may have reached somebody. */
  triedAt: instant.optional(),
});
export type CaseMemory = z.output<typeof memory>;

/** What was kept, or nothing when it is of another making. */
export function readCases(kept: unknown): CaseMemory {
  const read = memory.safeParse(kept);
  return read.success ? read.data : {};
}

/** What the desk says of a case. */
export interface State {
  readonly text: string;
  /** By the operator's own rule; undefined when there is none. */
  readonly answered: boolean | undefined;
  readonly done: boolean;
}

/** The case after a look. Who has closed it has answered it. */
export function progressed(known: Case, state: State, now: Instant): Case {
  const newState = known.newState ?? state.text.slice(0, 200);
  const isAnswered = state.done || (state.answered ?? state.text.slice(0, 200) !== newState);
  const answeredAt = known.answeredAt ?? (isAnswered ? now : undefined);
  const resolvedAt = known.resolvedAt ?? (state.done ? now : undefined);
  return {
    ...known,
    newState,
    waitedAt: answeredAt === undefined ? now : known.waitedAt,
    ...(answeredAt === undefined ? {} : { answeredAt }),
    ...(resolvedAt === undefined ? {} : { resolvedAt }),
  };
}

const MINUTE_MS = 60_000;
const STEPS_CAP = 20_000;

/** How much of the time between two instants the channel promised to be open, to the minute; long spans more coarsely. */
export function serviceMs(from: Instant, until: Instant, expectation: (at: Instant) => Expectation): number {
  const step = Math.max(MINUTE_MS, Math.ceil((until - from) / STEPS_CAP));
  let open = 0;
  for (let at = from; at < until; at += step) if (expectation(at) === 'open') open += Math.min(step, until - at);
  return open;
}

/** Times of a case in calendar time and, where the hours are known, in service hours; in seconds. */
export function caseFacts(known: Case, now: Instant, expectation?: (at: Instant) => Expectation): Record<string, Fact> {
  const { number, filedAt, answeredAt, resolvedAt, waitedAt } = known;
  const facts: Record<string, Fact> = { number, filed_at: filedAt };
  const tell = (name: string, until: Instant): void => {
    facts[`${name}_seconds`] = seconds(until - filedAt);
    if (expectation !== undefined) facts[`${name}_service_seconds`] = seconds(serviceMs(filedAt, until, expectation));
  };
  if (answeredAt === undefined) tell('waiting', now);
  else {
    tell('first_response', answeredAt);
    // It came at some time since the look before.
    facts['first_response_precision_seconds'] = seconds(answeredAt - waitedAt);
    if (resolvedAt === undefined) tell('open', now);
    else tell('resolved', resolvedAt);
  }
  return facts;
}

const seconds = (ms: number): number => Math.round(ms / 1_000);
