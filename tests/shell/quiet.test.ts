/** When nobody is to be disturbed by a look: from the words of a file to the hours in which a target is left alone. Nothing is looked at. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config/load.ts';
import { openKinds } from '../../src/main/kinds.ts';
import { makeOrder } from '../../src/main/order.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringback-quiet-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const CALL = 'with: { trunk: { address: "sip:trunk.example.id" }, call: "+622150849000", allow: ["+622150849000"] }';

/** Whether a target is left alone at some instants. */
async function quietAt(target: string, ...instants: string[]): Promise<boolean[]> {
  const file = join(folder, 'ringback.yaml');
  writeFileSync(
    file,
    `providers:
  - id: w
    name: W
    timezone: Asia/Jakarta
    channels:
      - id: hotline
        kind: phone
        name: { en: Hotline }
        hours: { weekly: "Mo-Fr 08:00-20:00" }
        targets:
          - { id: line, every: 15m, ${target} }
`,
  );
  const kinds = await openKinds();
  const { assignments } = makeOrder(await loadConfig(file, kinds, {}), kinds);
  const isQuiet = assignments.get('w/hotline/line')?.isQuiet;
  return instants.map((each) => isQuiet?.(Date.parse(`${each}+07:00`)) ?? false);
}

const [MONDAY, NIGHT, SUNDAY] = ['2026-11-23T10:00', '2026-11-23T22:30', '2026-11-22T12:00'] as const;

describe('nobody is rung', () => {
  it.each([
    ['sip-call', CALL],
    [
      'twilio-call',
      'with: { account: AC1, token: "file:/etc/hostname", from: "+622150849123", to: "+622150849000", allow: ["+622150849000"] }',
    ],
  ])('while the channel is closed (%s)', async (kind, settings) => {
    const target = `probe: ${kind}, budget: { per_hour: 4 }, ${settings}`;
    expect(await quietAt(target, MONDAY, NIGHT, SUNDAY)).toEqual([false, true, true]);
  });

  it('in hours of the target’s own, over midnight, in the provider’s zone', async () => {
    const target = `probe: sip-call, quiet: "Mo-Su 22:00-08:00", budget: { per_day: 4 }, ${CALL}`;
    expect(await quietAt(target, MONDAY, NIGHT, SUNDAY, '2026-11-24T07:59', '2026-11-24T08:00')).toEqual([
      ...[false, true, false],
      ...[true, false],
    ]);
  });

  it('never, when that is what the target says', async () => {
    const target = `probe: sip-call, quiet: never, budget: { per_day: 4 }, ${CALL}`;
    expect(await quietAt(target, MONDAY, NIGHT, SUNDAY)).toEqual([false, false, false]);
  });
});

it('who rings at nobody looks day and night, unless told otherwise', async () => {
  const options = 'probe: sip-options, with: { address: "sip:trunk.example.id" }';
  expect(await quietAt(options, NIGHT, SUNDAY)).toEqual([false, false]);
  expect(await quietAt(`quiet: "Su 00:00-24:00", ${options}`, NIGHT, SUNDAY)).toEqual([false, true]);
});

it.each([
  ['quiet: sometimes', 'quiet'],
  ['budget: {}', 'per_day, per_hour or both'],
  ['budget: { per_hour: 0 }', 'budget'],
])('%s is a mistake', async (written, words) => {
  const wrong = quietAt(`probe: sip-options, ${written}, with: { address: "sip:trunk.example.id" }`);
  const error: unknown = await wrong.catch((each: unknown) => each);
  expect(error).toBeInstanceOf(ConfigError);
  expect(JSON.stringify((error as ConfigError).problems)).toContain(words);
});
