/** When the clock of an outage stands still, and how much of it was promised time. It knows no hours, only when they turn. */
import type { Calendar } from './calendar.ts';
import type { Affected, Incident, Instant, Suspension } from './model.ts';

export type Turns = Pick<Calendar, 'expectation' | 'nextChange'>;

/** A minute's maintenance every two minutes for four days; nobody is shown more. */
const MOST = 3_000;

/** The stretches from `from` to `at` when nothing was promised; the last one has no end when it goes on. */
export function suspensions(from: Instant, at: Instant, calendar: Turns): readonly Suspension[] {
  const found: Suspension[] = [];
  let begun = calendar.expectation(from) === 'open' ? undefined : from;
  let turn = from;
  for (let step = 0; step < MOST; step++) {
    const next = calendar.nextChange(turn);
    if (next === undefined || next.at > at) break;
    turn = next.at;
    if (next.to !== 'open') begun ??= turn;
    else if (begun !== undefined) {
      found.push({ from: begun, until: turn });
      begun = undefined;
    }
  }
  return begun === undefined ? found : [...found, { from: begun }];
}

export function isSuspended({ suspended }: Pick<Affected, 'suspended'>): boolean {
  const last = suspended.at(-1);
  return last !== undefined && last.until === undefined;
}

/** How long customers were let down in hours that were promised to them: the time when any of the channels was. */
export function promisedMs({ channels, resolvedAt }: Incident, now: Instant): number {
  const spans = channels.flatMap((each) => countingSpans(each, each.resolvedAt ?? resolvedAt ?? now));
  let total = 0;
  let reached = -Infinity;
  for (const { from, until } of spans.toSorted((a, b) => a.from - b.from)) {
    total += Math.max(0, until - Math.max(from, reached));
    reached = Math.max(reached, until);
  }
  return total;
}

function countingSpans({ since, suspended }: Affected, end: Instant): { from: Instant; until: Instant }[] {
  const spans = [];
  let from = since;
  for (const each of suspended) {
    if (each.from > from) spans.push({ from, until: Math.min(each.from, end) });
    from = Math.max(from, each.until ?? end);
  }
  return [...spans, { from, until: Math.max(from, end) }];
}
