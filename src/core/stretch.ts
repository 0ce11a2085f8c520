/** Cuts time into stretches by what was promised: open, closed, maintenance within hours and outside of them. It knows no looks. */
import type { Calendar } from './calendar.ts';
import type { Expectation, Instant } from './model.ts';
import { merge, type Span } from './span.ts';
import { DAY_MS } from './zone.ts';

export interface Stretch extends Span {
  readonly expectation: Expectation;
  /** Within service hours, whether or not maintenance took them. */
  readonly promised: boolean;
}

export type Promises = Pick<Calendar, 'expectation' | 'nextChange' | 'today'>;

/** The stretches of a span, in order and without gaps. */
export function stretchesOf(calendar: Promises, { from, until }: Span): readonly Stretch[] {
  const found: Stretch[] = [];
  for (let at = from; at < until;) {
    const expectation = calendar.expectation(at);
    const next = Math.min(calendar.nextChange(at)?.at ?? until, until);
    const span = { from: at, until: next };
    if (expectation === 'maintenance') found.push(...withinHours(span, calendar));
    else found.push({ ...span, expectation, promised: expectation === 'open' });
    at = next;
  }
  return found;
}

/** Maintenance hides whether support would have been open; the openings of each date say so. */
function withinHours(span: Span, calendar: Promises): Stretch[] {
  const openings: Span[] = [];
  // A date may last 25 hours, and openings that reach over midnight are those of both dates.
  for (let at = span.from; at < span.until + DAY_MS; at += DAY_MS / 2) openings.push(...calendar.today(at));
  const found: Stretch[] = [];
  const put = (from: Instant, until: Instant, promised: boolean): void => {
    if (until > from) found.push({ from, until, expectation: 'maintenance', promised });
  };
  let reached = span.from;
  for (const opening of merge(openings)) {
    const [from, until] = [Math.max(opening.from, reached), Math.min(opening.until, span.until)];
    if (until <= from) continue;
    put(reached, from, false);
    put(from, until, true);
    reached = until;
  }
  put(reached, span.until, false);
  return found;
}
