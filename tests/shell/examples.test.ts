/** The configurations that people start from: they load as they stand, and so does what stands in them as a comment to be taken in. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, type Config } from '../../src/config/load.ts';
import { realKinds } from '../lib/drawers.ts';

const GOPAY = new URL('../../config/gopay.yaml', import.meta.url).pathname;
const DEMO = new URL('../../config/demo.yaml', import.meta.url).pathname;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringback-examples-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** With everything behind `#:` taken in. */
async function whole(path: string, environment: NodeJS.ProcessEnv): Promise<Config> {
  const file = join(folder, 'whole.yaml');
  await writeFile(file, (await readFile(path, 'utf8')).replaceAll(/^( *)#: /gm, '$1'));
  return await loadConfig(file, await realKinds(), environment);
}

const targets = ({ providers }: Config) =>
  providers.flatMap(({ channels }) => channels.flatMap((each) => each.targets));

describe('the worked example', () => {
  it('loads without any environment variable, has every kind of channel, and warns of nothing', async () => {
    const config = await loadConfig(GOPAY, await realKinds(), {});
    const kinds = config.providers.flatMap((provider) => provider.channels.map((channel) => channel.kind));
    expect(kinds).toEqual(['phone', 'chat', 'email', 'app_help', 'social', 'announcements', 'community', 'form']);
    expect(config.warnings).toEqual([]);
    expect(config.canaries).toHaveLength(3);
    expect(config.receivers).toEqual([]);
  });

  it('calls nobody and writes to nobody as it stands, and warns of nothing with the rest of it taken in', async () => {
    const drawer = await realKinds();
    const asItStands = targets(await loadConfig(GOPAY, drawer, {})).map((each) => each.probe);
    expect(asItStands).not.toContain('sip-call');
    expect(asItStands).not.toContain('mail-roundtrip');
    const config = await whole(GOPAY, { SIP_PASSWORD: 'pw-1', PROBE_MAIL_PASSWORD: 'pw-2' });
    expect(config.warnings).toEqual([]);
    const call = targets(config).find((each) => each.probe === 'sip-call');
    expect(call).toMatchObject({ budgetPerDay: 20, with: { hangup: 'on_ring', ring_timeout: 30_000 } });
    expect(targets(config).find((each) => each.probe === 'mail-roundtrip')).toMatchObject({ budgetPerDay: 30 });
  });

  it('has the holidays of the country, and what the provider does differently once that is taken in', async () => {
    const days = async (config: Promise<Config>) => (await config).providers[0]?.channels[0]?.hours;
    const usual = await days(loadConfig(GOPAY, await realKinds(), {}));
    const own = await days(whole(GOPAY, { SIP_PASSWORD: 'pw-1', PROBE_MAIL_PASSWORD: 'pw-2' }));
    expect(usual?.holidays).toContain('2026-12-25');
    expect(own?.holidays).toContain('2026-12-31');
    expect(own?.holidays).not.toContain('2026-12-25');
    expect([usual?.workdays, own?.workdays]).toEqual([[], ['2026-12-26']]);
  });
});

describe('the demo', () => {
  it('looks at every kind of desk that it has, and calls the hotline within a budget', async () => {
    const config = await loadConfig(DEMO, await realKinds(), {});
    const probes = new Set(targets(config).map((each) => each.probe));
    for (const kind of ['sip-options', 'sip-call', 'chat-websocket', 'chat-xmpp', 'chat-presence', 'chat-conversation'])
      expect(probes).toContain(kind);
    expect(targets(config).find((each) => each.probe === 'sip-call')?.budgetPerDay).toBeGreaterThan(0);
  });
});

it.each([GOPAY, DEMO])('%s tells editors in its first line where the schema is', async (path) => {
  const text = await readFile(path, 'utf8');
  expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./ringback.schema.json');
});
