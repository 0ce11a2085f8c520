/** One outage of a channel is one incident: folds the transitions of its targets into it. It knows no receiver and no page. */
import { diagnose } from './diagnosis.ts';
import type { Transition } from './judge.ts';
import type { Channel, Impact, Incident, IncidentUpdate, Instant, Member, Observation, Target } from './model.ts';

export interface Change {
  readonly incident: Incident;
  /** What people are told; absent when only the record changes (a second target joined or left). */
  readonly event?: 'opened' | 'worsened' | 'resolved';
}

/**
 * Folds one target's transition into its channel's incident.
 *
 * The incident's id is the channel plus the start of the first streak, so that a replay of the same observations opens the
 * same incident. It resolves when its last member has: at the latest of their ends.
 */
export function fold(
  open: Incident | undefined,
  transition: Transition,
  target: Target,
  observation: Observation,
): Change | undefined {
  switch (transition.kind) {
    case 'opened':
      return open === undefined
        ? start(transition, target, observation)
        : join(open, member(transition, target), observation.at);
    case 'worsened':
      return open && join(open, { ...member({ ...transition, impact: 'outage' }, target) }, observation.at);
    case 'resolved':
      return open && leave(open, target, transition.at, observation.at);
  }
}

/** Drops a target that is no longer configured: what nobody looks at cannot keep an incident open. */
export function abandon(open: Incident, target: string, at: Instant): Change | undefined {
  return leave(open, { id: target }, at, at);
}

function incidentId(channel: Pick<Channel, 'id'>, at: Instant): string {
  return `${channel.id.replaceAll('/', '.')}.${at.toString(36)}`;
}

function member(transition: { at: Instant; impact: Impact; fault: Member['fault'] }, target: Target): Member {
  return {
    target: target.id,
    since: transition.at,
    impact: transition.impact,
    fault: transition.fault,
    probe: target.probe,
  };
}

function start(transition: Transition & { kind: 'opened' }, target: Target, observation: Observation): Change {
  const members = [member(transition, target)];
  const { cause, because } = diagnose(members);
  const update: IncidentUpdate = { at: observation.at, change: 'opened', text: because };
  return {
    event: 'opened',
    incident: {
      id: incidentId({ id: target.channel }, transition.at),
      provider: target.provider,
      channel: target.channel,
      openedAt: transition.at,
      confirmedAt: observation.at,
      impact: transition.impact,
      cause,
      because,
      members,
      updates: [update],
      told: [],
    },
  };
}

function join(open: Incident, joining: Member, at: Instant): Change {
  const others = open.members.filter((each) => each.target !== joining.target);
  const before = open.members.find((each) => each.target === joining.target && each.resolvedAt === undefined);
  const members = [
    ...others,
    before === undefined ? joining : { ...joining, since: Math.min(before.since, joining.since) },
  ];
  const impact = worst(members);
  const { cause, because } = diagnose(members);
  const worse = impact === 'outage' && open.impact === 'degraded';
  const update: IncidentUpdate = { at, change: worse ? 'worsened' : 'joined', text: because };
  const incident = { ...open, members, impact, cause, because, updates: [...open.updates, update] };
  return worse ? { incident, event: 'worsened' } : { incident };
}

function leave(open: Incident, target: { readonly id: string }, endedAt: Instant, at: Instant): Change | undefined {
  if (!open.members.some((each) => each.target === target.id && each.resolvedAt === undefined)) return undefined;
  const members = open.members.map((each) =>
    each.target === target.id && each.resolvedAt === undefined ? { ...each, resolvedAt: endedAt } : each,
  );
  if (members.some((each) => each.resolvedAt === undefined)) return { incident: { ...open, members } };
  const resolvedAt = Math.max(...members.map((each) => each.resolvedAt ?? endedAt));
  const update: IncidentUpdate = { at, change: 'resolved', text: open.because };
  return { event: 'resolved', incident: { ...open, members, resolvedAt, updates: [...open.updates, update] } };
}

function worst(members: readonly Member[]): Impact {
  return members.some((each) => each.impact === 'outage' && each.resolvedAt === undefined) ? 'outage' : 'degraded';
}
