/** Runs the contract suite over every kind in the drawer, and over rude kinds to see that it is strict. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { MOODS, RUDE, rude, tidyUp } from './rude.ts';
import { CHECKS, complainAboutLooks, complainAboutSettings } from './suite.ts';
import type { Check } from './suite.ts';

const drawer = new URL('../../probes/', import.meta.url);
const kinds = readdirSync(drawer)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));

describe('the drawer', () => {
  it.each(kinds)('has a test of %s that runs the contract suite on it', (kind) => {
    const test = new URL(`../probes/${kind}.test.ts`, import.meta.url);
    expect(existsSync(test) && readFileSync(test, 'utf8')).toMatch(
      new RegExp(`\\b(?:contract|keepsContract)\\('${kind}', `),
    );
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
