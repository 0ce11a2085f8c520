/** One outage of a channel is one incident, however many of its targets fail. */
import { describe, expect, it } from 'vitest';
import { fault, ok } from '../../src/core/fault.ts';
import { fold } from '../../src/core/incident.ts';
import type { Transition } from '../../src/core/judge.ts';
import type { Channel, Incident, Observation, Target } from '../../src/core/model.ts';
import { address, plan, type Route } from '../../src/core/routing.ts';

const refused = fault('TCP_REFUSED', 'nobody listens');
const expired = fault('CERT_EXPIRED', 'expired yesterday');

function target(name: string): Target {
  return {
    id: `gopay/hotline/${name}`,
    provider: 'gopay',
    channel: 'gopay/hotline',
    channelKind: 'phone',
    probe: 'sip-options',
    with: {},
    schedule: { kind: 'every', everyMs: 30_000 },
    timeoutMs: 4_000,
    advisory: false,
    policy: { failures: 3, successes: 2, recheckMs: 5_000, slow: { atLeast: 3, of: 5 } },
  };
}

function seen(name: string, at: number): Observation {
  return { target: `gopay/hotline/${name}`, location: 'here', slotAt: at, at, durationMs: 1, finding: ok('accepting') };
}

function after(story: readonly (readonly [string, number, Transition])[]): { incident: Incident; events: string[] } {
  let incident: Incident | undefined;
  const events: string[] = [];
  for (const [name, at, transition] of story) {
    const change = fold(incident, transition, target(name), seen(name, at));
    if (change === undefined) continue;
    incident = change.incident;
    events.push(change.event ?? '-');
  }
  if (incident === undefined) throw new Error('no incident');
  return { incident, events };
}

const opened = (at: number, why = refused): Transition => ({ kind: 'opened', at, impact: 'outage', fault: why });
const slowed = (at: number): Transition => ({ kind: 'opened', at, impact: 'degraded', fault: fault('SLOW', 'late') });
const resolved = (at: number): Transition => ({ kind: 'resolved', at });

describe('an incident', () => {
  it('has the same id when the same observations are replayed', () => {
    const once = after([['trunk', 30, opened(10)]]).incident;
    expect(after([['trunk', 30, opened(10)]]).incident).toEqual(once);
    expect(once.id).toBe('gopay.hotline.a');
  });

  it('takes in a second target instead of a second incident, and tells nobody again', () => {
    const { incident, events } = after([
      ['trunk', 30, opened(10)],
      ['testcall', 50, opened(40)],
    ]);
    expect(events).toEqual(['opened', '-']);
    expect(incident.members.map((each) => each.target)).toEqual(['gopay/hotline/trunk', 'gopay/hotline/testcall']);
    expect(incident.openedAt).toBe(10);
  });

  it('resolves when its last member has, at the latest of their ends', () => {
    const { incident, events } = after([
      ['trunk', 30, opened(10)],
      ['testcall', 50, opened(40)],
      ['testcall', 90, resolved(80)],
      ['trunk', 75, resolved(70)],
    ]);
    expect(events).toEqual(['opened', '-', '-', 'resolved']);
    expect(incident.resolvedAt).toBe(80);
  });

  it('names the most telling cause of its members', () => {
    const { incident } = after([
      ['trunk', 30, opened(10, fault('DEADLINE', 'no reply'))],
      ['testcall', 50, opened(40, expired)],
    ]);
    expect(incident.cause).toBe('tls');
    expect(incident.because).toContain('testcall: expired yesterday');
  });

  it('becomes worse when a target goes down in a degradation', () => {
    const { incident, events } = after([
      ['trunk', 30, slowed(10)],
      ['trunk', 60, { kind: 'worsened', at: 50, fault: refused }],
      ['trunk', 90, resolved(80)],
    ]);
    expect(events).toEqual(['opened', 'worsened', 'resolved']);
    expect(incident).toMatchObject({ impact: 'outage', cause: 'refused', openedAt: 10, resolvedAt: 80 });
  });

  it('is not resolved by a target that is no part of it', () => {
    const { incident } = after([['trunk', 30, opened(10)]]);
    expect(fold(incident, resolved(40), target('other'), seen('other', 50))).toBeUndefined();
  });
});

const CHANNEL: Channel = {
  id: 'gopay/hotline',
  provider: 'gopay',
  kind: 'phone',
  name: { en: 'Hotline' },
  contact: 'tel:+622150849000',
  languages: ['en'],
  hours: { weekly: '24/7', timezone: 'Asia/Jakarta', holidays: [], onHolidays: 'open', workdays: [] },
  maintenance: [],
  dependsOn: [],
  private: false,
  targets: [],
};
const route = (match: Route['match'], to: string[], rest: Partial<Route> = {}): Route => ({
  match,
  to,
  continue: false,
  groupWaitMs: 0,
  ...rest,
});
const SETTING = {
  providerName: 'GoPay',
  timezone: 'Asia/Jakarta',
  channel: CHANNEL,
  publicUrl: 'https://status.example/',
};

describe('routing', () => {
  const change = { event: 'opened' as const, incident: after([['trunk', 30, opened(10)]]).incident };

  it.each([
    ['takes the first match', [route({ kind: 'phone' }, ['a']), route({}, ['b'])], ['a']],
    ['goes on when told to', [route({ kind: 'phone' }, ['a'], { continue: true }), route({}, ['b'])], ['a', 'b']],
    ['passes by what does not agree', [route({ kind: 'chat' }, ['a']), route({}, ['b'])], ['b']],
    ['matches severity and cause', [route({ severity: 'critical', cause: 'refused' }, ['a'])], ['a']],
    ['knows a channel by its short and its full name', [route({ channel: 'hotline' }, ['a'])], ['a']],
    ['tells one receiver once', [route({}, ['a', 'a'], { continue: true }), route({}, ['a'])], ['a']],
    ['tells nobody when nothing matches', [route({ provider: 'dana' }, ['a'])], []],
  ])('%s', (_name, routes, expected) => {
    expect(address(change, CHANNEL, routes).map((each) => each.receiver)).toEqual(expected);
  });

  it('gives the same change to the same receiver the same key', () => {
    const routes = [route({}, ['ops'], { groupWaitMs: 10_000 })];
    const first = plan(change, 30, { ...SETTING, routes });
    expect(first.notifications).toEqual(plan(change, 30, { ...SETTING, routes }).notifications);
    expect(first.notifications[0]).toMatchObject({ key: 'gopay.hotline.a:opened:ops', dueAt: 10_030, createdAt: 30 });
    expect(first.notifications[0]?.message.url).toBe('https://status.example/en/incidents/gopay.hotline.a');
  });

  it('tells who was told that it broke that it works, although the cause has changed', () => {
    const routes = [route({ cause: 'refused' }, ['network-team']), route({}, ['ops'])];
    const told = plan(change, 30, { ...SETTING, routes }).incident;
    const end = fold({ ...told, cause: 'tls' }, resolved(40), target('trunk'), seen('trunk', 50));
    expect(end).toBeDefined();
    expect(end && plan(end, 50, { ...SETTING, routes }).notifications.map((each) => each.receiver)).toEqual([
      'network-team',
    ]);
  });
});
