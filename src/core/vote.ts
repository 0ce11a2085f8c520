/** What a target is when it is looked at from several places: at least half of those with a fresh look decide. Pure. */
import type { Health } from './judge.ts';
import type { Impact, Instant } from './model.ts';

/** What a place, or all of them together, says of a target. Without an impact it is well. */
export interface Stand {
  readonly impact: Impact | undefined;
  /** First look of the streak that says so. */
  readonly since: Instant;
  /** Nothing is confirmed, it only changes all the time: that keeps an incident open and opens none. */
  readonly restless?: true;
}

/** What one place says for certain; undefined: nothing yet. `at` is the look's instant. */
export function standOf(health: Health, at: Instant): Stand | undefined {
  const steady = steadyStand(health);
  if (health.unstable !== true || steady?.impact !== undefined) return steady;
  return { impact: 'degraded', since: health.phase === 'pending' ? health.since : at, restless: true };
}

function steadyStand(health: Health): Stand | undefined {
  switch (health.phase) {
    case 'unknown':
      return undefined;
    case 'up':
      return { impact: undefined, since: health.since };
    case 'degraded':
      return { impact: 'degraded', since: health.since };
    case 'pending':
      return steadyStand(health.from);
    case 'down':
      return { impact: 'outage', since: health.since };
    case 'recovering':
      return { impact: 'outage', since: health.downSince };
  }
}

/** The stands of all places with a fresh look as one: half of them are enough to accuse, more than half to acquit. */
export function vote(stands: readonly Stand[]): Stand | undefined {
  if (stands.length < 2) return stands[0];
  const half = Math.ceil(stands.length / 2);
  const outages = stands.filter((each) => each.impact === 'outage');
  if (outages.length >= half) return { impact: 'outage', since: nthSince(outages, half) };
  const troubled = stands.filter((each) => each.impact !== undefined);
  if (troubled.length >= half) {
    const sure = troubled.filter((each) => each.restless !== true);
    if (sure.length >= half) return { impact: 'degraded', since: nthSince(sure, half) };
    return { impact: 'degraded', since: nthSince(troubled, half), restless: true };
  }
  const well = stands.filter((each) => each.impact === undefined);
  return { impact: undefined, since: nthSince(well, Math.floor(stands.length / 2) + 1) };
}

/** When the n-th of them began to say so: only then were they enough. */
function nthSince(stands: readonly Stand[], n: number): Instant {
  const sinces = stands.map((each) => each.since).toSorted((a, b) => a - b);
  return sinces[n - 1] ?? Math.max(...sinces);
}
