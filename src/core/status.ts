/** The word on the page: from expectation and health to a status, per channel and per provider. Here the two axes meet. */
import type { Health } from './judge.ts';
import type { ChannelStatus, Expectation, Instant } from './model.ts';

export interface TargetStanding {
  readonly health: Health;
  readonly advisory: boolean;
  /** Nothing was seen for so long that the health says nothing about now. */
  readonly stale: boolean;
}

/** What a channel is now. Closed is not down, and what we cannot see is `unknown`, not up. */
export function channelStatus(expectation: Expectation, targets: readonly TargetStanding[]): ChannelStatus {
  if (expectation === 'maintenance') return 'under_maintenance';
  if (expectation === 'closed') return 'closed';
  const deciding = targets.filter((each) => !each.advisory);
  const seen = deciding.filter(isSeen);
  if (seen.length === 0) return deciding.length === 0 ? advised('operational', targets) : 'unknown';
  const down = seen.filter((each) => isDown(each.health)).length;
  if (down === deciding.length) return 'major_outage';
  if (down > 0) return 'partial_outage';
  return advised('operational', targets);
}

/** Degradation anywhere, or an advisory target in any trouble, at most degrades. */
function advised(status: 'operational', targets: readonly TargetStanding[]): ChannelStatus {
  const seen = targets.filter(isSeen);
  if (seen.length === 0) return 'unknown';
  const troubled = seen.some((each) => isDegraded(each.health) || (each.advisory && isDown(each.health)));
  return troubled ? 'degraded_performance' : status;
}

function isSeen(target: TargetStanding): boolean {
  return !target.stale && target.health.phase !== 'unknown' && !isFirstFailure(target.health);
}

/** Failing, but nothing good was ever seen: not yet known to be down, and nothing says it is up. */
function isFirstFailure(health: Health): boolean {
  return health.phase === 'pending' && health.from.phase === 'unknown';
}

export function isDown(health: Health): boolean {
  return health.phase === 'down' || health.phase === 'recovering';
}

/** What changes all the time is not well, though nobody is told of it before it is confirmed. */
function isDegraded(health: Health): boolean {
  if (health.unstable === true) return true;
  return health.phase === 'degraded' || (health.phase === 'pending' && health.from.phase === 'degraded');
}

/** Since when a health has been what it is; undefined while unknown. */
export function sinceOf(health: Health): Instant | undefined {
  switch (health.phase) {
    case 'unknown':
      return undefined;
    case 'pending':
      return sinceOf(health.from);
    case 'recovering':
      return health.downSince;
    case 'up':
    case 'degraded':
    case 'down':
      return health.since;
  }
}

/** Statuspage's indicator for a whole provider. */
export type Indicator = 'none' | 'minor' | 'major' | 'critical' | 'maintenance';

const SEVERITY: Readonly<Record<ChannelStatus, number>> = {
  operational: 0,
  closed: 0,
  under_maintenance: 1,
  unknown: 1,
  degraded_performance: 2,
  partial_outage: 3,
  major_outage: 4,
};

/** The worst of the channels: all that are open down is critical, one down is major. */
export function providerIndicator(channels: readonly ChannelStatus[]): Indicator {
  const awake = channels.filter((each) => each !== 'closed');
  if (awake.length > 0 && awake.every((each) => each === 'major_outage')) return 'critical';
  const worst = Math.max(0, ...channels.map((each) => SEVERITY[each]));
  if (worst >= 3) return 'major';
  if (worst === 2) return 'minor';
  if (worst === 0) return 'none';
  return channels.includes('under_maintenance') ? 'maintenance' : 'minor';
}
