/** The whole decision of one look, pure: the judge, the vote of the places, the incident, and who is told. */
import { diagnose, type Surroundings } from './diagnosis.ts';
import { fold } from './incident.ts';
import { judge } from './judge.ts';
import type { Ruling, Standing } from './ledger.ts';
import type { ChannelId, Observation, Target } from './model.ts';
import { plan, type Setting } from './routing.ts';
import { staleFrom } from './slots.ts';
import type { Turns } from './suspension.ts';
import { standOf, vote, type Stand } from './vote.ts';

/** What does not change from look to look of one target. */
export interface Brief {
  readonly target: Target;
  readonly setting: Setting;
  readonly calendar: Turns;
}

/**
 * Rules on one look. The same standing and the same look give the same ruling. `surroundings`: what else is known, asked only
 * when there is something to explain.
 */
export function rule(
  standing: Standing,
  observation: Observation,
  brief: Brief,
  surroundings?: (target: Target) => Surroundings,
): Ruling {
  const { target, setting, calendar } = brief;
  const { at } = observation;
  const expected = calendar.expectation(at);
  const { health } = judge(standing.health, observation, expected, target.policy);
  const change = fold(standing.incidents, standAfter(standing, { ...standing, health }, target, at), {
    target,
    observation,
    calendar,
    parents: setting.channel.dependsOn.map((each) => `${target.provider}/${each}`),
    mayJoin: (channel) => isPrivate(channel, setting) === setting.channel.private,
    unstable: health.unstable === true,
    explain: (members) => diagnose(members, surroundings?.(target)),
  });
  if (change === undefined) return { health, expected, notifications: [] };
  const planned = plan(change, at, setting);
  return change.update === undefined
    ? { health, expected, ...planned }
    : { health, expected, ...planned, update: change.update };
}

/** What all places say after a look. Trouble that was there before and is in no incident was left behind: it counts from now. */
function standAfter(before: Standing, after: Standing, target: Target, at: number): Stand | undefined {
  const own = standOf(after.health, at);
  const fresh = after.elsewhere.filter((each) => at <= staleFrom(target, each.seenAt));
  const others = fresh.flatMap((each) => standOf(each.health, at) ?? []);
  const stand = vote(own === undefined ? others : [own, ...others]);
  const earlier = standOf(before.health, at);
  if (stand?.impact === undefined || stand.impact !== earlier?.impact || earlier.restless !== stand.restless)
    return stand;
  return { ...stand, since: at };
}

function isPrivate(id: ChannelId, { channels }: Setting): boolean {
  return channels?.find((each) => each.id === id)?.private ?? false;
}
