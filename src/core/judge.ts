/** How the health of one target moves. Pure: (health, observation, expectation, policy) -> verdict; it knows no clock and no channel. */
import { fault as slowFault, type Fault } from './fault.ts';
import { isUnstable, nextFlips, type Flips } from './flap.ts';
import type { Expectation, Finding, Impact, Instant, Observation, Policy } from './model.ts';

/**
 * Which of the newest looks that got an answer were slow or impaired, oldest first. At most `policy.slow.of` long; while up it
 * begins with a slow one.
 */
export type SlowWindow = readonly { readonly at: Instant; readonly slow: boolean }[];

/**
 * Health of one target as seen from one location. `since` is back-dated to the first look of the streak. Whether support
 * was promised at that hour is another axis and stands nowhere in here.
 */
export type Health = Course & Phase;

/** How restless the newest looks were. Left out while nothing changes. */
export interface Course {
  readonly flips?: Flips;
  /** Flapping: nothing that its looks say is news until they calm down. */
  readonly unstable?: true;
}

type Phase =
  | { readonly phase: 'unknown' }
  | { readonly phase: 'up'; readonly since: Instant; readonly window: SlowWindow }
  /** Degraded for certain: an incident of impact `degraded` names this target. */
  | { readonly phase: 'degraded'; readonly since: Instant; readonly window: SlowWindow }
  /** Failing, not yet for certain. `from` is what it was before. */
  | {
      readonly phase: 'pending';
      readonly since: Instant;
      readonly streak: number;
      readonly from: Exclude<Phase, { phase: 'pending' | 'down' | 'recovering' }>;
    }
  | { readonly phase: 'down'; readonly since: Instant }
  /** Answering again, not yet for certain. `since` is the first good look. */
  | {
      readonly phase: 'recovering';
      readonly since: Instant;
      readonly streak: number;
      readonly downSince: Instant;
      readonly window: SlowWindow;
    };

/** A move that people are to be told about. `at` is back-dated to the first look of the streak. */
export type Transition =
  | { readonly kind: 'opened'; readonly at: Instant; readonly impact: Impact; readonly fault: Fault }
  /** From degraded to down: the same incident, worse. */
  | { readonly kind: 'worsened'; readonly at: Instant; readonly fault: Fault }
  | { readonly kind: 'resolved'; readonly at: Instant };

export interface Verdict {
  readonly health: Health;
  readonly transition?: Transition;
}

export const UNKNOWN_HEALTH: Health = { phase: 'unknown' };

/**
 * Moves a target's health by one observation.
 *
 * Laws, walked exhaustively in the tests: `unknown` moves nothing; nothing opens while the channel is closed or under
 * maintenance; only what is open resolves; both ends are back-dated to the first look of their streak.
 */
export function judge(health: Health, observation: Observation, expectation: Expectation, policy: Policy): Verdict {
  const { finding, at } = observation;
  if (finding.kind === 'unknown') return { health };
  const calm = withoutCourse(health);
  if (expectation !== 'open') {
    const kept = outsideHours(calm, finding, at);
    return { health: kept === calm ? health : withCourse(kept, health.flips ?? 0, health.unstable === true) };
  }
  const verdict =
    finding.kind === 'failed' ? failure(calm, finding.fault, at, policy) : answer(calm, finding, at, policy);
  const flips = nextFlips(health.flips ?? 0, hasTurned(health, finding));
  if (flips === 0) return verdict;
  return { ...verdict, health: withCourse(verdict.health, flips, isUnstable(flips, health.unstable === true)) };
}

/** A turn is from failing to answering or back. Slow is an answer. */
function hasTurned(health: Health, finding: Answer): boolean {
  if (health.phase === 'unknown') return false;
  return (health.phase === 'pending' || health.phase === 'down') !== (finding.kind === 'failed');
}

function withoutCourse(health: Health): Health {
  if (health.flips === undefined) return health;
  const { flips: _flips, unstable: _unstable, ...calm } = health;
  return calm;
}

function withCourse(calm: Health, flips: Flips, unstable: boolean): Health {
  if (flips === 0) return calm;
  return unstable ? { ...calm, flips, unstable } : { ...calm, flips };
}

/** Behind a closed door nothing opens or resolves, and a streak that was not confirmed is forgotten: its clock would span the night. */
function outsideHours(health: Health, finding: Finding, at: Instant): Health {
  switch (health.phase) {
    case 'pending':
      return outsideHours(health.from, finding, at);
    case 'unknown':
      return finding.kind === 'failed' ? health : { phase: 'up', since: at, window: [] };
    case 'recovering':
      return { phase: 'down', since: health.downSince };
    case 'up':
    case 'degraded':
    case 'down':
      return health;
  }
}

function failure(health: Health, fault: Fault, at: Instant, policy: Policy): Verdict {
  switch (health.phase) {
    case 'down':
      return { health };
    case 'recovering':
      return { health: { phase: 'down', since: health.downSince } };
    case 'pending':
      return confirm({ ...health, streak: health.streak + 1 }, fault, policy);
    case 'unknown':
    case 'up':
      return confirm({ phase: 'pending', since: at, streak: 1, from: health }, fault, policy);
    case 'degraded': {
      // A failure among them ends a run of calm looks, even when it is forgiven.
      const window = [...health.window, { at, slow: true }].slice(-policy.slow.of);
      return confirm({ phase: 'pending', since: at, streak: 1, from: { ...health, window } }, fault, policy);
    }
  }
}

function confirm(pending: Health & { phase: 'pending' }, fault: Fault, policy: Policy): Verdict {
  if (pending.streak < policy.failures) return { health: pending };
  const health: Health = { phase: 'down', since: pending.since };
  return pending.from.phase === 'degraded'
    ? { health, transition: { kind: 'worsened', at: pending.since, fault } }
    : { health, transition: { kind: 'opened', at: pending.since, impact: 'outage', fault } };
}

type Answer = Extract<Finding, { kind: 'ok' | 'degraded' | 'failed' }>;

function answer(health: Health, finding: Answer, at: Instant, policy: Policy): Verdict {
  switch (health.phase) {
    case 'down':
      return recover(
        { phase: 'recovering', since: at, streak: 0, downSince: health.since, window: [] },
        finding,
        at,
        policy,
      );
    case 'recovering':
      return recover(health, finding, at, policy);
    case 'pending':
      return answer(health.from, finding, at, policy);
    case 'unknown':
      return weigh({ phase: 'up', since: at, window: [] }, finding, at, policy);
    case 'up':
    case 'degraded':
      return weigh(health, finding, at, policy);
  }
}

function recover(health: Health & { phase: 'recovering' }, finding: Answer, at: Instant, policy: Policy): Verdict {
  const next = { ...health, streak: health.streak + 1, window: extend(health.window, finding, at, policy) };
  if (next.streak < policy.successes) return { health: next };
  return {
    health: { phase: 'up', since: next.since, window: fromFirstSlow(next.window) },
    transition: { kind: 'resolved', at: next.since },
  };
}

/** Up or degraded, by `slow: x of y`. */
function weigh(health: Health & { phase: 'up' | 'degraded' }, finding: Answer, at: Instant, policy: Policy): Verdict {
  const window = extend(health.window, finding, at, policy);
  const slow = window.filter((each) => each.slow);
  const first = slow[0];
  if (health.phase === 'up') {
    if (first === undefined || slow.length < policy.slow.atLeast || finding.kind === 'ok')
      return { health: stayUp(health, window) };
    return {
      health: { phase: 'degraded', since: first.at, window },
      transition: { kind: 'opened', at: first.at, impact: 'degraded', fault: faultIn(finding) },
    };
  }
  const calm = calmTail(window);
  const calmSince = calm[0];
  if (calmSince === undefined || calm.length < policy.successes || slow.length >= policy.slow.atLeast) {
    return { health: { ...health, window } };
  }
  return {
    health: { phase: 'up', since: calmSince.at, window: fromFirstSlow(window) },
    transition: { kind: 'resolved', at: calmSince.at },
  };
}

/** The same health when there is nothing to remember: most looks change nothing, and then nothing has to be written. */
function stayUp(health: Health & { phase: 'up' }, window: SlowWindow): Health {
  const kept = fromFirstSlow(window);
  return kept.length === 0 && health.window.length === 0 ? health : { ...health, window: kept };
}

/** While a target is up, the calm looks before the first slow one decide nothing. */
function fromFirstSlow(window: SlowWindow): SlowWindow {
  const first = window.findIndex((each) => each.slow);
  return first < 0 ? [] : window.slice(first);
}

function extend(window: SlowWindow, finding: Answer, at: Instant, policy: Policy): SlowWindow {
  return [...window, { at, slow: finding.kind !== 'ok' }].slice(-policy.slow.of);
}

/** The looks since the last slow one. */
function calmTail(window: SlowWindow): SlowWindow {
  return window.slice(window.findLastIndex((each) => each.slow) + 1);
}

function faultIn(finding: Exclude<Answer, { kind: 'ok' }>): Fault {
  return finding.fault;
}

/** True while the newest look contradicts the phase: then the next look comes after `recheck`, not after a whole interval. */
export function isUnsettled(health: Health): boolean {
  switch (health.phase) {
    case 'pending':
    case 'recovering':
      return true;
    case 'up':
      return health.window.at(-1)?.slow === true;
    case 'degraded':
      return health.window.at(-1)?.slow === false;
    case 'unknown':
    case 'down':
      return false;
  }
}

/** Holds a good look against the promise: an answer that took longer than promised is degraded with cause `slow`. */
export function holdPromise(finding: Finding, answerMs: number, promiseMs: number | undefined): Finding {
  if (finding.kind !== 'ok' || promiseMs === undefined || answerMs <= promiseMs) return finding;
  const text = `answered after ${seconds(answerMs)}, promised within ${seconds(promiseMs)}`;
  return {
    ...finding,
    kind: 'degraded',
    fault: { ...slowFault('SLOW', text), took: { ms: answerMs, promisedMs: promiseMs } },
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
