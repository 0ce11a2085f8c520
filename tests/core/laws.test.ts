/** Incidents against their laws: every short story of three channels, walked to the end; and the vote of several places. */
import { describe, expect, it } from 'vitest';
import { failed, fault, ok, unknown } from '../../src/core/fault.ts';
import type { Finding, Incident } from '../../src/core/model.ts';
import { vote, type Stand } from '../../src/core/vote.ts';
import { day, world, type Plot, type World } from '../lib/world.ts';

const GOOD = ok('answered');
const BAD = failed('none', fault('TCP_REFUSED', 'refused'));
const BLIND = unknown(fault('OFFLINE', 'offline'));
const HASTY = { failures: 1, successes: 1, recheckMs: 1_000, slow: { atLeast: 1, of: 1 } };
/** The hotline is closed from minute 3 to 6 and from 20 to 30. */
const CLOSED = [
  [3, 6],
  [20, 30],
] as const;
const isClosed = (minute: number): boolean => CLOSED.some(([from, until]) => from <= minute && minute < until);
const TURNS = CLOSED.flatMap(([from, until]) => [
  { at: day(from), to: 'closed' as const },
  { at: day(until), to: 'open' as const },
]);
const PLOT: Plot = {
  channels: ['hotline', 'chat', 'sso'],
  targets: ['a'],
  policy: HASTY,
  dependsOn: { chat: ['sso'] },
  always: ['chat', 'sso'],
  calendar: {
    expectation: (at) => TURNS.findLast((turn) => turn.at <= at)?.to ?? 'open',
    nextChange: (at) => TURNS.find((turn) => turn.at > at),
  },
};

interface Letter {
  readonly target: string;
  readonly finding: Finding;
  readonly later: number;
}

/** The first law that a story breaks. */
function breach(story: readonly Letter[], told: World = world(PLOT)): string | undefined {
  let minute = 0;
  for (const { target, finding, later } of story) {
    minute += later;
    const [before, messages] = [new Map(told.incidents().map((each) => [each.id, each])), told.messages().length];
    told.look(target, minute, finding);
    const closed = target.startsWith('hotline') && isClosed(minute);
    const fresh = told.messages().slice(messages);
    const law =
      lawOfLook(told, before, { fresh: fresh.length, mute: closed || finding.kind === 'unknown' }) ??
      told
        .incidents()
        .map((each) => lawOfIncident(each, before.get(each.id)))
        .find((each) => each !== undefined);
    if (law !== undefined) return law;
  }
  const keys = told.keys();
  return new Set(keys).size === keys.length ? undefined : 'the same key was told twice';
}

function lawOfLook(
  told: World,
  before: ReadonlyMap<string, Incident>,
  { fresh, mute }: { readonly fresh: number; readonly mute: boolean },
): string | undefined {
  if (fresh > 1) return 'one look told two things';
  if (mute && (fresh > 0 || told.incidents().length > before.size))
    return 'something was told by a look that says nothing';
  const open = told.incidents().filter((each) => each.resolvedAt === undefined);
  const listed = open.flatMap((each) => each.channels.map((part) => part.channel));
  if (new Set(listed).size < listed.length) return 'two open incidents of one channel';
  const newest = told.messages().at(-1);
  const was = newest && before.get(newest.incident.id);
  if (fresh === 1 && newest?.event === 'resolved' && was?.resolvedAt !== undefined) return 'resolved what was over';
  if (fresh === 1 && newest?.event === 'resolved' && was === undefined) return 'resolved what never was';
  if (fresh === 1 && newest?.incident.suppressedBy !== undefined) return 'told what is suppressed';
  return undefined;
}

function lawOfIncident(now: Incident, before: Incident | undefined): string | undefined {
  const ends = now.members.map((each) => each.resolvedAt);
  if (now.resolvedAt !== undefined && ends.includes(undefined)) return 'over with a member that is not';
  if (now.resolvedAt !== undefined && now.resolvedAt < now.openedAt) return 'over before it began';
  if (now.members.some((each) => (each.resolvedAt ?? Infinity) < each.since)) return 'a member left before it came';
  if (before?.impact === 'outage' && now.impact !== 'outage') return 'an impact fell';
  if (before !== undefined && now.openedAt > before.openedAt) return 'an incident began later than it had';
  for (const part of now.channels) {
    const mine = now.members.filter((each) => each.target.startsWith(`${part.channel}/`));
    if (mine.length === 0) return 'a channel without a target';
    if ((part.resolvedAt === undefined) !== mine.some((each) => each.resolvedAt === undefined))
      return 'a channel that is over with a target that is not';
  }
  return undefined;
}

function* stories(letters: readonly Letter[], length: number): Generator<Letter[]> {
  if (length === 0) {
    yield [];
    return;
  }
  for (const rest of stories(letters, length - 1)) for (const letter of letters) yield [...rest, letter];
}

function walk(letters: readonly Letter[], length: number): { walked: number; broken: string[] } {
  let walked = 0;
  const broken: string[] = [];
  for (const story of stories(letters, length)) {
    walked++;
    const law = breach(story);
    if (law === undefined || broken.length >= 5) continue;
    broken.push(`${law}: ${story.map((each) => `+${each.later} ${each.target} ${each.finding.kind}`).join(', ')}`);
  }
  return { walked, broken };
}

const lettersOf = (findings: readonly Finding[], laters: readonly number[]): Letter[] =>
  ['hotline/a', 'chat/a', 'sso/a'].flatMap((target) =>
    findings.flatMap((finding) => laters.map((later) => ({ target, finding, later }))),
  );

describe('incidents', () => {
  it('keep every law in every story of six looks, a minute apart', () => {
    expect(walk(lettersOf([GOOD, BAD], [1]), 6)).toEqual({ walked: 6 ** 6, broken: [] });
  }, 60_000);

  it('keep every law in every story of four looks, together, apart and long apart', () => {
    expect(walk(lettersOf([GOOD, BAD], [0.5, 4, 11]), 4)).toEqual({ walked: 18 ** 4, broken: [] });
  }, 60_000);

  it('keep every law in every story of four looks of which some could not see', () => {
    expect(walk(lettersOf([GOOD, BAD, BLIND], [1, 9]), 4).broken).toEqual([]);
  }, 60_000);

  it('are watched by laws that can be broken', () => {
    const [incident] = world(PLOT).look('chat/a', 1, BAD).incidents();
    if (incident === undefined) throw new Error('no incident');
    expect(lawOfIncident(incident, undefined)).toBeUndefined();
    expect(lawOfIncident({ ...incident, resolvedAt: 1 }, undefined)).toBe('over with a member that is not');
    expect(lawOfIncident({ ...incident, impact: 'degraded' }, incident)).toBe('an impact fell');
    const twice = { ...world(PLOT), incidents: () => [incident, { ...incident, id: 'another' }] };
    expect(lawOfLook(twice, new Map(), { fresh: 0, mute: false })).toBe('two open incidents of one channel');
    expect(lawOfLook(twice, new Map(), { fresh: 2, mute: false })).toBe('one look told two things');
  });
});

describe('the vote of several places', () => {
  const down = (since: number): Stand => ({ impact: 'outage', since });
  const slow = (since: number): Stand => ({ impact: 'degraded', since });
  const well = (since: number): Stand => ({ impact: undefined, since });

  it.each<readonly [string, readonly Stand[], Stand | undefined]>([
    ['nobody says anything', [], undefined],
    ['one place is believed', [down(5)], down(5)],
    ['half of two accuse, from the first on', [down(5), well(1)], down(5)],
    ['one of three is not enough', [down(5), well(1), well(2)], well(2)],
    ['two of three accuse, from the second on', [down(9), well(1), down(5)], down(9)],
    ['two of four accuse', [down(9), well(1), down(5), well(1)], down(9)],
    ['two of five do not', [down(9), well(1), down(5), well(3), well(2)], well(3)],
    ['slow and down together degrade', [down(9), well(1), slow(5), well(1)], slow(9)],
    ['all are well since the last that had to agree', [well(3), well(8), well(5)], well(5)],
  ])('%s', (_name, stands, expected) => {
    expect(vote(stands)).toEqual(expected);
  });
});
