/** Trouble of our own: what opens, comes back and ends, who hears of it and how often. */
import { describe, expect, it } from 'vitest';
import type { OwnIncident, OwnTrouble } from '../../src/core/model.ts';
import { calmMs, hearers, mend, strike, type OwnRuling } from '../../src/core/ours.ts';
import type { Route } from '../../src/core/routing.ts';
import { wordOwn } from '../../src/receivers/ownwording.ts';

const MORNING = Date.UTC(2026, 10, 22, 2, 41);
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const route = (to: readonly string[], match: Route['match'] = {}): Route => ({
  match,
  to,
  continue: false,
  groupWaitMs: 0,
});
const SETTING = { routes: [route(['ops', 'hook'])], location: 'jakarta', timezone: 'Asia/Jakarta' };

const sign = (at: number, trouble: OwnTrouble = 'network', other: { since?: number; occasion?: string } = {}) => ({
  trouble,
  at,
  since: at,
  detail: 'our own network: there is no default route',
  ...other,
});
const struck = (...args: Parameters<typeof sign>): OwnRuling => must(strike(undefined, sign(...args), SETTING));
const ended = (known: OwnIncident, at: number): OwnRuling => must(mend(known, { at, endedAt: at }, SETTING));
const events = ({ notifications }: OwnRuling) =>
  notifications.map(({ message, receiver }) => `${message.event} ${receiver}`);

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('nothing came of it');
  return value;
}

describe('an incident about ourselves', () => {
  it('is told once to everybody who hears of everything, after a moment, and its end with it', () => {
    const opened = struck(MORNING, 'network', { since: MORNING - 7 * SECOND });
    expect(opened.incident).toMatchObject({ openedAt: MORNING - 7 * SECOND, spells: 1, told: ['ops', 'hook'] });
    expect(events(opened)).toEqual(['opened ops', 'opened hook']);
    expect(opened.notifications.map(({ dueAt }) => dueAt)).toEqual([MORNING + 15 * SECOND, MORNING + 15 * SECOND]);
    expect(strike(opened.incident, sign(MORNING + MINUTE), SETTING)).toBeUndefined();
    const over = ended(opened.incident, MORNING + 12 * MINUTE);
    expect(events(over)).toEqual(['resolved ops', 'resolved hook']);
    expect(mend(over.incident, { at: MORNING + 13 * MINUTE, endedAt: MORNING }, SETTING)).toBeUndefined();
  });

  it('is the same however often it is replayed', () => {
    const twice = [struck(MORNING), struck(MORNING)].map((each) => [each, ended(each.incident, MORNING + MINUTE)]);
    expect(twice[0]).toEqual(twice[1]);
  });

  it('is recorded and told to nobody when it was over in seconds', () => {
    const { incident, notifications } = ended(struck(MORNING).incident, MORNING + 9 * SECOND);
    expect(incident.resolvedAt).toBe(MORNING + 9 * SECOND);
    expect(notifications).toEqual([]);
  });

  it('is told at once where the disk is full', () => {
    const { notifications } = struck(MORNING, 'disk');
    expect(notifications.map(({ dueAt }) => dueAt)).toEqual([MORNING, MORNING]);
  });

  it('F10 of a flapping network is one: a second word when it comes back, and no third until it held for ten minutes', () => {
    const first = ended(struck(MORNING).incident, MORNING + MINUTE);
    const again = must(strike(first.incident, sign(MORNING + 3 * MINUTE), SETTING));
    expect(events(again)).toEqual(['again ops', 'again hook']);
    expect(again.incident).toMatchObject({ id: first.incident.id, openedAt: MORNING, spells: 2 });
    expect(again.incident.resolvedAt).toBeUndefined();
    expect([calmMs(first.incident), calmMs(again.incident)]).toEqual([0, 10 * MINUTE]);
    const later = must(strike(first.incident, sign(MORNING + 12 * MINUTE), SETTING));
    expect([events(later)[0], later.incident.id === first.incident.id]).toEqual(['opened ops', false]);
  });

  it('of a refused configuration is told once for each version that is refused', () => {
    const first = struck(MORNING, 'configuration', { occasion: 'a' });
    expect(strike(first.incident, sign(MORNING + MINUTE, 'configuration', { occasion: 'a' }), SETTING)).toBeUndefined();
    const second = must(strike(first.incident, sign(MORNING + MINUTE, 'configuration', { occasion: 'b' }), SETTING));
    expect(events(second)).toEqual(['again ops', 'again hook']);
    expect(second.incident.id).toBe(first.incident.id);
    expect(calmMs(second.incident)).toBe(0);
    const keys = [first, second, ended(second.incident, MORNING + 2 * MINUTE)].flatMap(({ notifications }) =>
      notifications.map(({ key }) => key),
    );
    expect(new Set(keys).size).toBe(6);
  });

  it('never lasts less than nothing, and a moment that is over when it is seen is told in one message', () => {
    const clock = struck(MORNING, 'clock');
    const over = ended(clock.incident, MORNING - MINUTE);
    expect(over.incident.resolvedAt).toBe(MORNING);
    expect(events(over)).toEqual(['resolved ops', 'resolved hook']);
  });
});

describe('who hears of ourselves', () => {
  it('is everybody in a route without a match, and without such a route everybody that is routed to', () => {
    const phone = route(['pager'], { kind: 'phone' });
    expect(hearers([phone, route(['ops', 'ops'])])).toEqual(['ops']);
    expect(hearers([phone, route(['ops'], { provider: 'wallet' }), phone])).toEqual(['pager', 'ops']);
    expect(hearers([])).toEqual([]);
  });
});

describe('the words about ourselves', () => {
  const message = (ruling: OwnRuling) => must(ruling.notifications[0]).message;

  it('say who, since when, what it means and what to do', () => {
    const { subject, text } = wordOwn(message(struck(MORNING)));
    expect(subject).toBe('[Ringback] Ringback cannot see: its own network is lost, since 09:41 WIB');
    expect(text).toBe(`Ringback at jakarta cannot see: its own network is lost.

Since: Sun 22 November 2026, 09:41:00 WIB (2026-11-22 02:41:00 UTC)
What: our own network: there is no default route
Meaning: We cannot see: nothing is known about the channels. Every look counts as unknown, nobody is accused, and the status page says so.
To do: Look at the link, the default route, the gateway, the name server and the way beyond, on the machine where Ringback runs.
Told: ops, hook

Incident ringback.network.${MORNING.toString(36)}, severity critical. It is about Ringback itself, not about a channel.
`);
  });

  it('say at the end how long it was', () => {
    const { subject, text } = wordOwn(message(ended(struck(MORNING).incident, MORNING + 65 * MINUTE)));
    expect(subject).toBe('[Ringback] Ringback can see again after 1 h 5 min');
    expect(text).toContain('\nDuration: 1 h 5 min\n');
  });

  it('count how often it came back', () => {
    const first = ended(struck(MORNING).incident, MORNING + MINUTE);
    const { subject, text } = wordOwn(message(must(strike(first.incident, sign(MORNING + 2 * MINUTE), SETTING))));
    expect(subject).toBe('[Ringback] Ringback cannot see: its own network is lost, for the 2nd time since 09:41 WIB');
    expect(text).toContain('The next message comes when it has held for ten minutes.');
  });
});
