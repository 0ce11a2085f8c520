/**
 * The judge and a slow reference through random stories of a provider with three channels, side by side. For as many as are
 * asked for: `node tests/abuse/judge.ts [stories] [seed]`.
 */
import * as fc from 'fast-check';
import { failed, fault, ok, unknown } from '../../src/core/fault.ts';
import type { Turns } from '../../src/core/suspension.ts';
import { Reference } from '../lib/reference.ts';
import { day, MINUTE, world, type World } from '../lib/world.ts';

const FINDINGS = {
  good: ok('answered'),
  bad: failed('none', fault('TCP_REFUSED', 'refused')),
  blind: unknown(fault('OFFLINE', 'offline')),
};
const CHANNELS = ['hotline', 'chat', 'sso'];
const TARGETS = CHANNELS.flatMap((channel) => [`${channel}/a`, `${channel}/b`]);
const PARENTS = { chat: ['sso'] };

interface Model {
  minute: number;
  readonly reference: Reference;
}

type Command = fc.Command<Model, World>;

class Look implements Command {
  readonly target: string;
  readonly what: keyof typeof FINDINGS;
  readonly later: number;

  constructor(target: string, what: keyof typeof FINDINGS, later: number) {
    [this.target, this.what, this.later] = [target, what, later];
  }
  check = () => true;
  toString = () => `+${this.later} ${this.target} ${this.what}`;
  run(model: Model, real: World): void {
    model.minute += this.later;
    real.look(this.target, model.minute, FINDINGS[this.what]);
    if (this.what !== 'blind') model.reference.look(this.target, model.minute, this.what === 'bad');
    compare(model.reference, real);
  }
}

/** A target that goes on as it is for a while: chance alone would confirm little. */
class Spell implements Command {
  readonly target: string;
  readonly pattern: readonly boolean[];

  constructor(target: string, pattern: readonly boolean[]) {
    [this.target, this.pattern] = [target, pattern];
  }
  check = () => true;
  toString = () => `${this.target} ${this.pattern.map((bad) => (bad ? 'x' : '.')).join('')}`;
  run(model: Model, real: World): void {
    for (const bad of this.pattern) new Look(this.target, bad ? 'bad' : 'good', 1).run(model, real);
  }
}

class Restart implements Command {
  check = () => true;
  toString = () => 'restart';
  run(_model: Model, real: World): void {
    real.restart();
  }
}

function compare(reference: Reference, real: World): void {
  const expected = JSON.stringify([reference.told, reference.cases.map(summaryOfCase)]);
  const found = JSON.stringify([real.told(), real.incidents().map(summaryOf)]);
  if (expected !== found) throw new Error(`reference ${expected}\nhouse     ${found}`);
}

const minuteOf = (at: number): number => (at - day(0)) / MINUTE;

function summaryOf(incident: ReturnType<World['incidents']>[number]) {
  return {
    id: incident.id.replace(/[^.]+$/, (at) => String(minuteOf(Number.parseInt(at, 36)))),
    bad: incident.impact,
    end: incident.resolvedAt === undefined ? null : minuteOf(incident.resolvedAt),
    suppressed: incident.suppressedBy !== undefined,
    targets: incident.members
      .map((each) => [
        each.target.slice(2),
        each.impact,
        minuteOf(each.since),
        each.resolvedAt === undefined ? null : minuteOf(each.resolvedAt),
      ])
      .toSorted(),
    channels: incident.channels.map((each) => [each.channel.slice(2), each.impact, each.resolvedAt !== undefined]),
  };
}

function summaryOfCase(each: Reference['cases'][number]) {
  return {
    id: each.id,
    bad: each.bad,
    end: each.end ?? null,
    suppressed: each.suppressed,
    targets: [...each.targets].map(([id, part]) => [id, part.bad, part.from, part.to ?? null]).toSorted(),
    channels: [...each.stints].map(([channel, stints]) => [
      channel,
      each.channelImpact.get(channel),
      stints.at(-1)?.to !== undefined,
    ]),
  };
}

/** Closed spans in minutes, in order, that hold for the hotline alone. */
function calendarOf(closed: readonly (readonly [number, number])[]): Turns {
  const turns = closed.flatMap(([from, until]) => [
    { at: day(from), to: 'closed' as const },
    { at: day(until), to: 'open' as const },
  ]);
  return {
    expectation: (at) => turns.findLast((turn) => turn.at <= at)?.to ?? 'open',
    nextChange: (at) => turns.find((turn) => turn.at > at),
  };
}

const target = fc.constantFrom(...TARGETS);
const what = fc.constantFrom<keyof typeof FINDINGS>('good', 'good', 'bad', 'bad', 'bad', 'blind');
const policy = fc.record({ failures: fc.integer({ min: 1, max: 3 }), successes: fc.integer({ min: 1, max: 3 }) });
const gaps = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })), { maxLength: 3 });

/** Stories between two words of how far it is. */
const AT_ONCE = 10_000;

/** `runs` stories of up to 50 commands each, or the one at `path`; throws with the smallest story in which the two differ. */
export function duel(runs: number, seed?: number, path?: string): void {
  const commands = fc.commands(
    [
      fc.tuple(target, what, fc.integer({ min: 0, max: 6 })).map((args) => new Look(...args)),
      fc.tuple(target, fc.array(fc.boolean(), { minLength: 2, maxLength: 12 })).map((args) => new Spell(...args)),
      fc
        .tuple(target, fc.boolean(), fc.integer({ min: 2, max: 25 }))
        .map(([id, bad, length]) => new Spell(id, Array<boolean>(length).fill(bad))),
      fc.constant(new Restart()),
    ],
    { maxCommands: 50, size: 'max' },
  );
  fc.assert(
    fc.property(policy, gaps, commands, ({ failures, successes }, pairs, story) => {
      const closed = pairs.reduce<[number, number][]>((spans, [wait, length]) => {
        const from = (spans.at(-1)?.[1] ?? 0) + wait;
        return [...spans, [from, from + length]];
      }, []);
      const isOpen = (channel: string, minute: number): boolean =>
        channel !== 'hotline' || !closed.some(([from, until]) => from <= minute && minute < until);
      fc.modelRun(
        () => ({
          model: { minute: 0, reference: new Reference({ failures, successes, parents: PARENTS, isOpen }) },
          real: world({
            channels: CHANNELS,
            targets: ['a', 'b'],
            policy: { failures, successes, recheckMs: 1, slow: { atLeast: 3, of: 5 } },
            dependsOn: PARENTS,
            calendar: calendarOf(closed),
            always: ['chat', 'sso'],
          }),
        }),
        story,
      );
    }),
    { numRuns: runs, ...(seed !== undefined && { seed }), ...(path !== undefined && { path }) },
  );
}

if (import.meta.main) {
  const [stories = '20000', seed] = process.argv.slice(2);
  const all = Number(stories);
  const begun = performance.now();
  for (let done = 0; done < all;) {
    const some = Math.min(AT_ONCE, all - done);
    duel(some, seed === undefined ? undefined : Number(seed) + done);
    done += some;
    console.log(`${done} of ${all} stories, no difference, ${((performance.now() - begun) / 1_000).toFixed(0)} s`);
  }
}
