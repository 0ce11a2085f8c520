/** What goes on keeps its length when the wall clock is moved: its instants move along. Pure; it knows neither clock. */
import type { Health } from './judge.ts';
import type { Affected, Incident, Instant, Member } from './model.ts';
import { present } from './present.ts';

/** The same health, told by a clock that was moved by so many milliseconds. */
export function shiftHealth(health: Health, ms: number): Health {
  switch (health.phase) {
    case 'unknown':
      return health;
    case 'down':
      return { ...health, since: health.since + ms };
    case 'up':
    case 'degraded':
      return { ...health, since: health.since + ms, window: shiftAll(health.window, ms) };
    case 'pending': {
      const { from } = health;
      const before =
        from.phase === 'unknown' ? from : { ...from, since: from.since + ms, window: shiftAll(from.window, ms) };
      return { ...health, since: health.since + ms, from: before };
    }
    case 'recovering': {
      const { since, downSince, window } = health;
      return { ...health, since: since + ms, downSince: downSince + ms, window: shiftAll(window, ms) };
    }
  }
}

/** The same incident, told by a clock that was moved. Its id stays: it is the same one. */
export function shiftIncident(incident: Incident, ms: number): Incident {
  const { openedAt, confirmedAt, channels, members, updates } = incident;
  return {
    ...incident,
    openedAt: openedAt + ms,
    confirmedAt: confirmedAt + ms,
    ...ended(incident, ms),
    channels: channels.map((each): Affected => ({
      ...each,
      since: each.since + ms,
      ...ended(each, ms),
      suspended: each.suspended.map(({ from, until }) => ({
        from: from + ms,
        ...present({ until: moved(until, ms) }),
      })),
    })),
    members: members.map((each): Member => ({ ...each, since: each.since + ms, ...ended(each, ms) })),
    updates: shiftAll(updates, ms),
  };
}

function ended({ resolvedAt }: { readonly resolvedAt?: Instant }, ms: number): { readonly resolvedAt?: Instant } {
  return present({ resolvedAt: moved(resolvedAt, ms) });
}

function moved(at: Instant | undefined, ms: number): Instant | undefined {
  return at === undefined ? undefined : at + ms;
}

function shiftAll<Kind extends { readonly at: Instant }>(all: readonly Kind[], ms: number): readonly Kind[] {
  return all.map((each) => ({ ...each, at: each.at + ms }));
}
