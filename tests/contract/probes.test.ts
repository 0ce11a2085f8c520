/** Runs the contract suite over every kind in the drawer, and over rude kinds to see that it is strict. */
import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProbeKind } from '../../src/core/probe.ts';
import { ADAPTERS } from './adapters.ts';
import { MOODS, RUDE, rude, tidyUp } from './rude.ts';
import { CHECKS, complainAboutLooks, complainAboutSettings } from './suite.ts';
import type { Check } from './suite.ts';

const drawer = new URL('../../probes/', import.meta.url);
const kinds = readdirSync(drawer)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));

const load = async (name: string): Promise<ProbeKind> => {
  const { default: kind } = (await import(new URL(`${name}.ts`, drawer).href)) as { readonly default: ProbeKind };
  return kind;
};

describe('the drawer', () => {
  it('has an adapter for every kind, and none for a kind that is gone', () => {
    expect(Object.keys(ADAPTERS).sort()).toEqual(kinds.sort());
  });
});

describe.each(kinds)('%s', (name) => {
  it('refuses unknown keys and has an example that is true', async (test) => {
    const adapter = ADAPTERS[name];
    if (adapter === undefined) return test.skip();
    expect(complainAboutSettings(await load(name), adapter)).toEqual([]);
  });

  it('survives silent, babbling, hanging-up, echoing, dripping and endless far sides and closed ports [S-A5, MC-1, MC-2]', async (test) => {
    const adapter = ADAPTERS[name];
    if (adapter === undefined) return test.skip();
    expect(await complainAboutLooks(await load(name), adapter)).toEqual([]);
  });
});

describe('a rude kind', () => {
  afterEach(tidyUp);
  const fired = new Set<Check>();

  it.each([
    ['trusting', ['closed port is never ok', 'no nonsense is ok']],
    ['throwing', ['never throws']],
    ['patient', ['keeps the deadline', 'stops when told', 'leaves nothing open']],
    ['inventive', ['declared phases only']],
    ['dizzy', ['numbers are numbers']],
    ['indiscreet', ['tells no secret']],
    ['leaking', ['leaves nothing open']],
  ] as const)('that is %s is found out at every far side: %s', async (mood, checks) => {
    const complaints = await complainAboutLooks(rude(MOODS[mood] ?? expect.fail(mood)), RUDE);
    const found = new Set(complaints.map((each) => each.check));
    for (const check of found) fired.add(check);
    expect([...found].sort()).toEqual([...checks].sort());
    // Six manners, a closed port and a stop, over two transports; a leak is seen where there are connections.
    const places = new Set(complaints.map((each) => each.about.split(':')[0])).size;
    expect(places).toBeGreaterThanOrEqual(mood === 'leaking' ? 7 : mood === 'trusting' ? 14 : 16);
  });

  it('with careless settings is found out before it looks', () => {
    const found = complainAboutSettings(
      rude(() => expect.fail('it was not asked')),
      RUDE,
    );
    for (const { check } of found) fired.add(check);
    expect(found.map((each) => each.check)).toEqual([
      'example passes',
      ...RUDE.transports.map(() => 'refuses unknown keys'),
    ]);
  });

  it('has made every single check complain', () => {
    expect([...fired].sort()).toEqual([...CHECKS].sort());
  });
});
