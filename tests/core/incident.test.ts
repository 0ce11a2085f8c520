/** One outage is one incident, however many targets and channels fail in it. */
import { describe, expect, it } from 'vitest';
import { degraded, failed, fault, ok } from '../../src/core/fault.ts';
import { abandon, REOPEN_MS } from '../../src/core/incident.ts';
import type { Expectation } from '../../src/core/model.ts';
import { address, plan, type Route } from '../../src/core/routing.ts';
import { channelStatus } from '../../src/core/status.ts';
import { promisedMs } from '../../src/core/suspension.ts';
import { day, MINUTE, world, type World } from '../lib/world.ts';

const REFUSED = failed('none', fault('TCP_REFUSED', 'nobody listens'));
const EXPIRED = failed('accepting', fault('CERT_EXPIRED', 'expired yesterday'));
const GOOD = ok('answered');
const SLOW = degraded('answered', fault('SLOW', 'late'));
const HASTY = { failures: 1, successes: 1, recheckMs: 1_000, slow: { atLeast: 1, of: 1 } };

const wallet = (extra: Parameters<typeof world>[0] = {}): World =>
  world({ channels: ['hotline', 'chat', 'sso'], targets: ['a', 'b'], policy: HASTY, ...extra });

describe('an incident', () => {
  it('has the same id when the same looks are replayed', () => {
    const [one, two] = [wallet(), wallet()];
    for (const each of [one, two]) each.look('hotline/a', 10, REFUSED);
    expect(one.incidents()).toEqual(two.incidents());
    expect(one.incidents()[0]?.id).toBe(`w.hotline.${day(10).toString(36)}`);
  });

  it('has an id of its own when its streak began with that of another one that is over', () => {
    const story = wallet({ policy: { ...HASTY, failures: 2 } });
    story.look('chat/a', 0, REFUSED).look('chat/b', 0, REFUSED).look('chat/a', 1, REFUSED).look('chat/a', 3, GOOD);
    story.look('chat/b', 20, REFUSED);
    expect(story.incidents().map((each) => [each.openedAt, each.resolvedAt])).toEqual([
      [day(0), day(3)],
      [day(0), undefined],
    ]);
  });

  it('takes in a second target instead of a second incident, and tells nobody again', () => {
    const story = wallet();
    story.look('hotline/a', 10, REFUSED).look('hotline/b', 15, REFUSED);
    expect(story.told()).toEqual(['opened hotline']);
    expect(story.only().members.map((each) => each.target)).toEqual(['w/hotline/a', 'w/hotline/b']);
    expect(story.only().openedAt).toBe(day(10));
  });

  it('resolves when its last member has, at the latest of their ends', () => {
    const story = wallet();
    story.look('hotline/a', 10, REFUSED).look('hotline/b', 15, REFUSED);
    story.look('hotline/b', 20, GOOD).look('hotline/a', 18, GOOD);
    expect(story.told()).toEqual(['opened hotline', 'resolved hotline']);
    expect(story.only().resolvedAt).toBe(day(20));
  });

  it('names the most telling cause of its members', () => {
    const story = wallet();
    story.look('hotline/a', 10, failed('none', fault('DEADLINE', 'no reply'))).look('hotline/b', 15, EXPIRED);
    expect(story.only().cause).toBe('tls');
    expect(story.only().because).toContain('b: expired yesterday');
  });

  it('becomes worse when a target goes down in a degradation', () => {
    const story = wallet();
    story.look('hotline/a', 10, SLOW).look('hotline/a', 11, REFUSED).look('hotline/a', 12, GOOD);
    expect(story.told()).toEqual(['opened hotline', 'worsened hotline', 'resolved hotline']);
    expect(story.only()).toMatchObject({ impact: 'outage', cause: 'refused', openedAt: day(10), resolvedAt: day(12) });
  });

  it('of an advisory target is a degradation at most', () => {
    const story = wallet({ advisory: ['hotline/a'] });
    story.look('hotline/a', 10, REFUSED);
    expect(story.only()).toMatchObject({ impact: 'degraded', channels: [{ impact: 'degraded' }] });
    story.look('hotline/b', 11, REFUSED);
    expect(story.only().impact).toBe('outage');
    expect(story.told()).toEqual(['opened hotline', 'worsened hotline']);
  });

  it('is not resolved by a target that is no part of it', () => {
    const story = wallet();
    story.look('hotline/a', 10, REFUSED).look('hotline/b', 11, GOOD).look('hotline/b', 12, GOOD);
    expect(story.only().resolvedAt).toBeUndefined();
  });
});

describe('channels of one provider', () => {
  it('that fail within two minutes are one incident with a list, and each is told', () => {
    const story = wallet();
    story.look('hotline/a', 10, REFUSED).look('chat/a', 12, EXPIRED);
    expect(story.told()).toEqual(['opened hotline', 'joined chat']);
    expect(story.only().channels.map((each) => [each.channel, each.cause])).toEqual([
      ['w/hotline', 'refused'],
      ['w/chat', 'tls'],
    ]);
    story.look('hotline/a', 14, GOOD);
    expect(story.only().channels.map((each) => each.resolvedAt)).toEqual([day(14), undefined]);
    story.look('chat/a', 15, GOOD);
    expect(story.told()).toEqual(['opened hotline', 'joined chat', 'resolved chat']);
    expect(story.only().resolvedAt).toBe(day(15));
  });

  it('that fail further apart are two', () => {
    const story = wallet();
    story.look('hotline/a', 10, REFUSED).look('chat/a', 12.1, REFUSED);
    expect(story.incidents()).toHaveLength(2);
    expect(story.told()).toEqual(['opened hotline', 'opened chat']);
  });

  it('are one with the one that failed closest to it, where two would do; and with the older, where both are as close', () => {
    const closest = wallet();
    closest.look('hotline/a', 10, REFUSED).look('sso/a', 13, REFUSED).look('chat/a', 11.9, REFUSED);
    expect(closest.incident('w/chat')?.channels.map((each) => each.channel)).toEqual(['w/sso', 'w/chat']);
    const between = wallet();
    between.look('sso/a', 13, REFUSED).look('hotline/a', 10, REFUSED).look('chat/a', 11.5, REFUSED);
    expect(between.incident('w/chat')?.channels.map((each) => each.channel)).toEqual(['w/hotline', 'w/chat']);
  });

  it('are never in one incident when one of them is private and the other is not', () => {
    const story = wallet({ private: ['chat'] });
    story.look('hotline/a', 10, REFUSED).look('chat/a', 11, REFUSED);
    expect(story.incidents().map((each) => each.channels.length)).toEqual([1, 1]);
  });
});

describe('a channel that depends on another', () => {
  const dependent = (): World => wallet({ dependsOn: { chat: ['sso'] } });

  it('is recorded and not told while the other one is down', () => {
    const story = dependent();
    story.look('sso/a', 10, REFUSED).look('chat/a', 11, REFUSED);
    const child = story.incident('w/chat');
    expect(child?.suppressedBy).toBe(story.incident('w/sso')?.id);
    story.look('chat/a', 20, GOOD);
    expect(story.told()).toEqual(['opened sso']);
    expect(story.incident('w/chat')?.resolvedAt).toBe(day(20));
  });

  it('is told when the other one is back and it is still down', () => {
    const story = dependent();
    story.look('sso/a', 10, REFUSED).look('chat/a', 11, REFUSED).look('chat/a', 12, REFUSED);
    story.look('sso/a', 20, GOOD).look('chat/a', 21, REFUSED).look('chat/a', 22, REFUSED).look('chat/a', 30, GOOD);
    expect(story.told()).toEqual(['opened sso', 'resolved sso', 'opened chat', 'resolved chat']);
    expect(story.incident('w/chat')).toMatchObject({ openedAt: day(11), confirmedAt: day(21) });
  });

  it('is told as usual while the other one is only slow', () => {
    const story = dependent();
    story.look('sso/a', 10, SLOW).look('chat/a', 20, REFUSED);
    expect(story.told()).toEqual(['opened sso', 'opened chat']);
  });
});

describe('what breaks again', () => {
  it('within ten minutes is the same incident, told once, and over when it has held for half an hour', () => {
    const story = wallet();
    for (const minute of [10, 20, 30, 40]) {
      story.look('hotline/a', minute, REFUSED).look('hotline/a', minute + 5, GOOD);
    }
    expect(story.told()).toEqual(['opened hotline', 'resolved hotline', 'reopened hotline']);
    story.look('hotline/a', 74, GOOD);
    expect(story.only().resolvedAt).toBeUndefined();
    story.look('hotline/a', 75, GOOD);
    expect(story.told()).toEqual(['opened hotline', 'resolved hotline', 'reopened hotline', 'resolved hotline']);
    expect(story.only()).toMatchObject({ openedAt: day(10), resolvedAt: day(45) });
    expect(new Set(story.keys()).size).toBe(4);
  });

  it('later is another incident, and within half an hour of the first told as unstable', () => {
    const story = wallet();
    story.look('hotline/a', 10, REFUSED).look('hotline/a', 15, GOOD).look('hotline/a', 26, REFUSED);
    expect(story.incidents()).toHaveLength(2);
    expect(story.told()).toEqual(['opened hotline', 'resolved hotline', 'unstable hotline']);
    story.look('hotline/a', 28, GOOD).look('hotline/a', 50, REFUSED).look('hotline/a', 52, GOOD);
    expect(story.told()).toHaveLength(3);
    story.look('hotline/a', 82, GOOD);
    expect(story.told()).toEqual(['opened hotline', 'resolved hotline', 'unstable hotline', 'resolved hotline']);
  });

  it('half an hour later is told as anything else', () => {
    const story = wallet();
    story.look('hotline/a', 10, REFUSED).look('hotline/a', 15, GOOD).look('hotline/a', 40, REFUSED);
    expect(story.told()).toEqual(['opened hotline', 'resolved hotline', 'opened hotline']);
    // The third in half an hour is not told: it is over a little later.
    story.look('hotline/a', 44, GOOD);
    expect(story.incidents().at(-1)?.resolvedAt).toBeUndefined();
    story.look('hotline/a', 46, GOOD);
    expect(story.incidents().at(-1)?.resolvedAt).toBe(day(44));
  });

  it('in an incident that others keep open is told again when it was well for more than ten minutes', () => {
    const story = wallet();
    story.look('hotline/a', 10, REFUSED).look('chat/a', 11, REFUSED).look('chat/a', 12, GOOD);
    story.look('chat/a', 20, REFUSED).look('chat/a', 21, GOOD).look('chat/a', 60, REFUSED);
    expect(story.told()).toEqual(['opened hotline', 'joined chat', 'joined chat']);
    expect(new Set(story.keys()).size).toBe(3);
  });
});

describe('a target that changes all the time', () => {
  it('F10: is told once, and not at each change', () => {
    const story = wallet();
    for (let minute = 0; minute < 120; minute++) story.look('hotline/a', minute, minute % 2 === 0 ? REFUSED : GOOD);
    expect(story.told()).toEqual(['opened hotline', 'resolved hotline', 'reopened hotline']);
    for (let minute = 120; minute < 150; minute++) story.look('hotline/a', minute, GOOD);
    expect(story.only().resolvedAt).toBe(day(119));
  });

  it('F10: is told once as unstable when it was down before, and calm when it is', () => {
    const story = wallet({ policy: { ...HASTY, successes: 3 } });
    for (let minute = 0; minute < 60; minute++) story.look('hotline/a', minute, minute % 2 === 0 ? REFUSED : GOOD);
    expect(story.told()).toEqual(['opened hotline', 'unstable hotline']);
    for (let minute = 60; minute < 89; minute++) story.look('hotline/a', minute, GOOD);
    expect(story.told()).toHaveLength(2);
    story.look('hotline/a', 89, GOOD);
    expect(story.told()).toEqual(['opened hotline', 'unstable hotline', 'resolved hotline']);
  });

  it('R-16: is no incident while no outage is confirmed, and shown as impaired', () => {
    const story = wallet({ policy: { ...HASTY, failures: 3 } });
    for (let minute = 0; minute < 60; minute++) story.look('hotline/a', minute, minute % 2 === 0 ? REFUSED : GOOD);
    expect(story.incidents()).toEqual([]);
    const standing = { health: story.health('hotline/a'), advisory: false, stale: false };
    expect(channelStatus('open', [standing])).toBe('degraded_performance');
  });

  it('is told to be unstable when it stays down', () => {
    const story = wallet({ policy: { ...HASTY, failures: 3 } });
    for (let minute = 0; minute < 40; minute++) story.look('hotline/a', minute, minute % 2 === 0 ? REFUSED : GOOD);
    for (let minute = 40; minute < 80; minute++) story.look('hotline/a', minute, REFUSED);
    expect(story.told()).toEqual(['unstable hotline']);
    expect(story.only()).toMatchObject({ impact: 'outage', openedAt: day(40) });
  });
});

describe('a closed door', () => {
  const hours = (closed: number, open: number, to: Expectation = 'closed') => ({
    expectation: (at: number) => (at >= day(closed) && at < day(open) ? to : ('open' as const)),
    nextChange: (at: number) =>
      at < day(closed) ? { at: day(closed), to } : at < day(open) ? { at: day(open), to: 'open' as const } : undefined,
  });

  it('stops the clock of an incident, and it goes on when the door opens', () => {
    const story = wallet({ calendar: hours(20, 100) });
    story.look('hotline/a', 10, REFUSED).look('hotline/a', 25, REFUSED);
    expect(story.only().channels[0]?.suspended).toEqual([{ from: day(20) }]);
    story.look('hotline/a', 60, GOOD).look('hotline/a', 105, REFUSED);
    expect(story.only().channels[0]?.suspended).toEqual([{ from: day(20), until: day(100) }]);
    story.look('hotline/a', 110, GOOD);
    expect(story.told()).toEqual(['opened hotline', 'resolved hotline']);
    const incident = story.only();
    expect((incident.resolvedAt ?? 0) - incident.openedAt).toBe(100 * MINUTE);
    expect(promisedMs(incident, 0)).toBe(20 * MINUTE);
    expect(incident.updates.map((each) => each.change)).toEqual(['opened', 'suspended', 'continued', 'resolved']);
  });

  it('counts as closed although nobody looked while it was', () => {
    const story = wallet({ calendar: hours(20, 100, 'maintenance') });
    story.look('hotline/a', 10, REFUSED).look('hotline/a', 110, GOOD);
    expect(promisedMs(story.only(), 0)).toBe(20 * MINUTE);
  });

  it('of one channel does not stop the clock of another in the same incident', () => {
    const story = wallet({ calendar: hours(20, 100), always: ['chat'] });
    story.look('hotline/a', 10, REFUSED).look('chat/a', 11, REFUSED).look('hotline/a', 25, REFUSED);
    story.look('chat/a', 40, GOOD).look('hotline/a', 110, GOOD);
    expect(promisedMs(story.only(), 0)).toBe(40 * MINUTE);
  });
});

describe('several places', () => {
  it('accuse when at least half of those with a fresh look do', () => {
    const story = wallet();
    story
      .look('hotline/a', 10, GOOD, 'jakarta')
      .look('hotline/a', 10.1, GOOD, 'batam')
      .look('hotline/a', 10.2, GOOD, 'bali');
    story.look('hotline/a', 11, REFUSED, 'jakarta');
    expect(story.incidents()).toEqual([]);
    story.look('hotline/a', 11.2, REFUSED, 'bali');
    expect(story.only().openedAt).toBe(day(11.2));
    story.look('hotline/a', 12, GOOD, 'jakarta');
    expect(story.only().resolvedAt).toBe(day(12));
  });

  it('count only while they look', () => {
    const story = wallet();
    story
      .look('hotline/a', 10, GOOD, 'jakarta')
      .look('hotline/a', 10.1, GOOD, 'batam')
      .look('hotline/a', 10.2, GOOD, 'bali');
    for (let minute = 11; minute < 30; minute++) story.look('hotline/a', minute, REFUSED, 'jakarta');
    expect(story.incidents()).toHaveLength(1);
  });
});

describe('a target that is no longer configured', () => {
  it('leaves its incident, which is over when it was the last one', () => {
    const story = wallet();
    story.look('hotline/a', 10, REFUSED).look('hotline/b', 11, REFUSED);
    const incident = story.only();
    const left = abandon(incident, (id) => id === 'w/hotline/b', day(30));
    expect(left?.event).toBeUndefined();
    expect(left?.incident.members.map((each) => each.resolvedAt)).toEqual([day(30), undefined]);
    const over = abandon(incident, () => false, day(30));
    expect(over).toMatchObject({ event: 'resolved', incident: { resolvedAt: day(30) } });
    expect(abandon(incident, () => true, day(30))).toBeUndefined();
  });
});

describe('routing', () => {
  const route = (match: Route['match'], to: string[], rest: Partial<Route> = {}): Route => ({
    match,
    to,
    continue: false,
    groupWaitMs: 0,
    ...rest,
  });
  const story = wallet().look('hotline/a', 10, REFUSED);
  const change = { event: 'opened' as const, incident: story.only() };
  const setting = story.setting('hotline');

  it.each([
    ['takes the first match', [route({ kind: 'phone' }, ['a']), route({}, ['b'])], ['a']],
    ['goes on when told to', [route({ kind: 'phone' }, ['a'], { continue: true }), route({}, ['b'])], ['a', 'b']],
    ['passes by what does not agree', [route({ kind: 'chat' }, ['a']), route({}, ['b'])], ['b']],
    ['matches severity and cause', [route({ severity: 'critical', cause: 'refused' }, ['a'])], ['a']],
    ['knows a channel by its short and its full name', [route({ channel: 'hotline' }, ['a'])], ['a']],
    ['tells one receiver once', [route({}, ['a', 'a'], { continue: true }), route({}, ['a'])], ['a']],
    ['tells nobody when nothing matches', [route({ provider: 'dana' }, ['a'])], []],
  ])('%s', (_name, routes, expected) => {
    expect(address(change, setting.channel, routes).map((each) => each.receiver)).toEqual(expected);
  });

  it('gives the same change to the same receiver the same key', () => {
    const routes = [route({}, ['night'], { groupWaitMs: 10_000 })];
    const bare = { ...change, incident: { ...change.incident, told: [] } };
    const first = plan(bare, 30, { ...setting, routes });
    expect(first.notifications).toEqual(plan(bare, 30, { ...setting, routes }).notifications);
    const id = change.incident.id;
    expect(first.notifications[0]).toMatchObject({ key: `${id}:opened:night`, dueAt: 10_030, createdAt: 30 });
    expect(first.notifications[0]?.message.url).toBe(`https://status.example/en/incidents/${id}`);
  });

  it('tells who was told that it broke that it works and that it broke again, although the cause has changed', () => {
    const routes = [route({ cause: 'refused' }, ['network-team']), route({}, ['ops'])];
    const told = { ...change.incident, cause: 'tls' as const, told: ['network-team'] };
    const to = (event: 'resolved' | 'reopened') =>
      address({ event, incident: told }, setting.channel, routes).map((each) => each.receiver);
    expect(to('resolved')).toEqual(['network-team']);
    expect(to('reopened')).toEqual(['ops', 'network-team']);
  });

  it('names every channel of the incident', () => {
    const both = wallet().look('hotline/a', 10, REFUSED).look('chat/a', 11, REFUSED);
    const message = both.messages().at(-1);
    expect(message).toMatchObject({ event: 'joined', channelName: 'chat', channelNames: ['hotline', 'chat'] });
    expect(REOPEN_MS).toBe(10 * MINUTE);
  });
});
