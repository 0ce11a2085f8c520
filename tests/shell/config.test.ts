/** Loading a configuration: what a right one becomes, what a wrong one is told, and how secrets are read. */
import { chmod, mkdir, mkdtemp, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, type Config } from '../../src/config/load.ts';
import { Secret } from '../../src/core/secret.ts';
import { fixtures } from '../lib/drawers.ts';

const HEAD = `providers:
  - id: wallet
    name: Wallet
    timezone: Asia/Jakarta
    holidays: ID
    channels:
      - id: hotline
        kind: phone
        name: { en: Hotline }
`;
const TARGETS = `        targets:
          - { id: door, probe: knock, every: 30s, with: { address: door.example } }
`;

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ringback-config-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

async function load(text: string, environment: NodeJS.ProcessEnv = {}): Promise<Config> {
  return loadConfig(join(await folderOf({ 'a.yaml': text }), 'a.yaml'), fixtures, environment);
}

/** The printed problems, without the folder. */
async function problemsOf(path: string, environment: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const error: unknown = await loadConfig(path, fixtures, environment).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConfigError)) throw new Error('it was loaded, or failed otherwise', { cause: error });
  return error.message.replaceAll(/\S*\//g, (folder) => (folder.startsWith(tmpdir()) ? '' : folder)).split('\n');
}

const wrong = async (text: string, environment: NodeJS.ProcessEnv = {}): Promise<string[]> =>
  problemsOf(join(await folderOf({ 'a.yaml': text }), 'a.yaml'), environment);

describe('a right configuration', () => {
  it('becomes complete targets, with the defaults of policy and schedule', async () => {
    const { providers } = await load(HEAD + TARGETS);
    expect(providers[0]?.channels[0]?.targets).toEqual([
      {
        id: 'wallet/hotline/door',
        provider: 'wallet',
        channel: 'wallet/hotline',
        channelKind: 'phone',
        probe: 'knock',
        with: { address: 'door.example', allow_private: false, count: 1, headers: {}, steps: [] },
        schedule: { kind: 'every', everyMs: 30_000 },
        timeoutMs: 10_000,
        advisory: false,
        policy: { failures: 3, successes: 2, recheckMs: 5_000, slow: { atLeast: 3, of: 5 } },
      },
    ]);
  });

  it('has defaults for everything but its providers', async () => {
    const config = await load(HEAD + TARGETS);
    expect(config).toMatchObject({
      listen: { host: '0.0.0.0', port: 8080 },
      operator: { listen: { host: '127.0.0.1', port: 8081 }, tokens: [] },
      store: './data/ringback.db',
      location: 'local',
      canaries: [],
      retention: { observationsMs: 35 * 86_400_000, rollupsMs: 3 * 365 * 86_400_000 },
      receivers: [],
      routes: [],
      warnings: [],
    });
    expect(config.providers[0]?.channels[0]).toMatchObject({
      languages: ['id', 'en', 'zh'],
      hours: { weekly: '24/7', timezone: 'Asia/Jakarta', holidays: [], onHolidays: 'open', workdays: [] },
      dependsOn: [],
      private: false,
    });
  });

  it('hands everything on that it says', async () => {
    const config = await load(`listen: "[::1]:0"
location: jakarta
canaries: [tcp:1.1.1.1:443, "tcp:[2606:4700:4700::1111]:53", tcp:one.example:443]
public_url: https://status.example/wallet
${HEAD}        contact: tel:131
        cost: { en: local rate }
        runbook: https://wiki.example/hotline
        private: true
        promise: { answer: 1500ms }
        policy: { failures: 2, slow: 1 of 1 }
        hours: { weekly: "Mo-Fr 08:00-20:00" }
        targets:
          - { id: door, probe: call, cron: "*/15 8-20 * * 1-5", advisory: true, budget: { per_day: 60 }, with: { number: "131" } }
receivers:
  - { name: hook, webhook: { url: "https://hook.example/x" } }
routes:
  - { match: { kind: phone, channel: wallet/hotline, severity: critical }, to: [hook], group_wait: 10s, continue: true }
`);
    expect(config).toMatchObject({
      listen: { host: '::1', port: 0 },
      location: 'jakarta',
      canaries: [
        { host: '1.1.1.1', port: 443 },
        { host: '2606:4700:4700::1111', port: 53 },
        { host: 'one.example', port: 443 },
      ],
      publicUrl: 'https://status.example/wallet/',
      receivers: [{ name: 'hook', kind: 'webhook', settings: { url: 'https://hook.example/x' } }],
    });
    expect(config.routes).toEqual([
      {
        match: { kind: 'phone', channel: 'wallet/hotline', severity: 'critical' },
        to: ['hook'],
        continue: true,
        groupWaitMs: 10_000,
      },
    ]);
    const channel = config.providers[0]?.channels[0];
    expect(channel).toMatchObject({ contact: 'tel:131', cost: { en: 'local rate' }, private: true });
    expect(channel?.targets[0]).toMatchObject({
      schedule: { kind: 'cron', expression: '*/15 8-20 * * 1-5', timezone: 'Asia/Jakarta' },
      promiseMs: 1_500,
      budgetPerDay: 60,
      advisory: true,
      policy: { failures: 2, successes: 2, slow: { atLeast: 1, of: 1 } },
    });
  });

  it('lets timeout and allow_private of a target win over those in `with`', async () => {
    const config = await load(`${HEAD}        targets:
          - { id: a, probe: knock, every: 30s, timeout: 4s, allow_private: true, with: { address: a, timeout: 6s, allow_private: false } }
          - { id: b, probe: knock, every: 30s, with: { address: a, timeout: 6s } }
`);
    const [a, b] = config.providers[0]?.channels[0]?.targets ?? [];
    expect(a).toMatchObject({ timeoutMs: 4_000, with: { timeout: 4_000, allow_private: true } });
    expect(b).toMatchObject({ timeoutMs: 6_000, with: { timeout: 6_000, allow_private: false } });
  });

  it('closes a channel on the public holidays of its country only where it says so', async () => {
    const hours = (text: string) => load(`${HEAD}        hours: ${text}\n${TARGETS}`);
    const datesOf = (config: Config) => config.providers[0]?.channels[0]?.hours.holidays;
    const independence = `${new Date().getUTCFullYear()}-08-17`;
    expect(datesOf(await hours('{ weekly: "Mo-Fr 08:00-20:00", holidays: closed }'))).toContain(independence);
    expect(datesOf(await hours('{ weekly: "Mo-Fr 08:00-20:00; PH 10:00-12:00" }'))).toContain(independence);
    expect(datesOf(await hours('{ weekly: "Mo-Fr 08:00-20:00", holidays: open }'))).toEqual([]);
    expect(datesOf(await hours('24/7'))).toEqual([]);
  });

  it('reads maintenance windows on the provider’s clock, or with their own offset', async () => {
    const config = await load(`${HEAD}        maintenance:
          - { from: 2026-11-23T02:00, until: 2026-11-23T04:00+08:00 }
          - { cron: "0 2 * * 0", duration: 2h }
${TARGETS}`);
    expect(config.providers[0]?.channels[0]?.maintenance).toEqual([
      { kind: 'once', from: Date.UTC(2026, 10, 22, 19), until: Date.UTC(2026, 10, 22, 20) },
      { kind: 'cron', cron: '0 2 * * 0', durationMs: 7_200_000, timezone: 'Asia/Jakarta' },
    ]);
  });

  it('never makes a window shorter than it is written when the clock changes inside', async () => {
    const config = await load(`${HEAD.replace('Asia/Jakarta', 'Europe/Berlin')}        maintenance:
          - { from: 2026-10-25T02:30, until: 2026-10-25T02:45 }
          - { from: 2027-03-28T02:30, until: 2027-03-28T04:00 }
${TARGETS}`);
    expect(config.providers[0]?.channels[0]?.maintenance).toEqual([
      { kind: 'once', from: Date.UTC(2026, 9, 25, 0, 30), until: Date.UTC(2026, 9, 25, 1, 45) },
      { kind: 'once', from: Date.UTC(2027, 2, 28, 1, 0), until: Date.UTC(2027, 2, 28, 2, 0) },
    ]);
  });

  it('may use an alias for a whole value', async () => {
    const config = await load(`${HEAD}        targets:
          - { id: a, probe: knock, every: 30s, with: &door { address: door.example } }
          - { id: b, probe: knock, every: 60s, with: *door }
`);
    expect(config.providers[0]?.channels[0]?.targets[1]?.with).toMatchObject({ address: 'door.example' });
  });
});

describe('a wrong configuration', () => {
  const folder = new URL('badconfig/', import.meta.url).pathname;

  it('is told its fault with line and column, and nothing else (S-K1, S-K2, S-K5, S-B2, S-A1)', async () => {
    const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
    expect(files.length).toBeGreaterThan(70);
    for (const file of files) {
      const expected = await readFile(join(folder, file.replace('.yaml', '.expected')), 'utf8');
      const found = await problemsOf(join(folder, file), { WALLET_NAME: 'secret-name' });
      expect(`${found.map((each) => each.replaceAll(folder, '')).join('\n')}\n`).toBe(expected);
    }
  });

  it('is told all its faults at once, in the order of the file', async () => {
    const problems = await wrong(`listen: nowhere
${HEAD.replace('phone', 'fax').replace('Asia/Jakarta', 'Mars/Base')}        depends_on: [chat]
        targets:
          - { id: a, probe: knock, every: 30s, with: { adress: a, count: 10 } }
          - { id: a, probe: call, every: 1h, with: { number: 131 } }
routes: [{ to: [nobody] }]
store: postgres://db.example/x
`);
    const places = problems.map((each) => each.split(' ').slice(0, 2).join(' '));
    const channel = 'providers[0].channels[0]';
    expect(places).toEqual([
      'a.yaml:1:9 listen:',
      'a.yaml:5:15 providers[0].timezone:',
      `a.yaml:9:15 ${channel}.kind:`,
      `a.yaml:11:22 ${channel}.depends_on[0]:`,
      `a.yaml:13:48 ${channel}.targets[0].with.address:`,
      `a.yaml:13:56 ${channel}.targets[0].with.adress:`,
      `a.yaml:13:74 ${channel}.targets[0].with.count:`,
      `a.yaml:14:13 ${channel}.targets[1]:`,
      `a.yaml:14:19 ${channel}.targets[1].id:`,
      `a.yaml:14:62 ${channel}.targets[1].with.number:`,
      'a.yaml:15:17 routes[0].to[0]:',
      'a.yaml:16:8 store:',
    ]);
  });

  it('is not read when it is larger than any configuration (S-K1)', async () => {
    const dir = await folderOf({ 'a.yaml': HEAD });
    await truncate(join(dir, 'a.yaml'), 10 * 1_048_576);
    expect(await problemsOf(join(dir, 'a.yaml'))).toEqual(['a.yaml:1:1: has 10.0 MiB; at most 4.0 MiB are read']);
  });

  it('is told in words when its nesting would exhaust the parser', async () => {
    const [only, ...more] = await wrong(`location: ${'['.repeat(20_000)}`);
    expect(only).toMatch(/^a\.yaml:1:\d+: nested too deeply; at most 32 levels$/);
    expect(more).toEqual([]);
    const [first, ...rest] = await wrong(`location: ${'['.repeat(40)}${']'.repeat(40)}\n${HEAD}${TARGETS}`);
    expect(first).toMatch(/^a\.yaml:1:43 location(\[0\])+: nested too deeply; at most 32 levels$/);
    expect(rest).toEqual([]);
  });

  it('is told when it is no text, is not there or cannot be read', async () => {
    const dir = await folderOf({ 'a.yaml': '' });
    await writeFile(join(dir, 'a.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]));
    expect(await problemsOf(join(dir, 'a.yaml'))).toEqual(['a.yaml:1:1: cannot be read: it is not UTF-8 text']);
    expect(await problemsOf(join(dir, 'b.yaml'))).toEqual(['b.yaml:1:1: cannot be read: there is no such file']);
  });

  it('does not expand ${NAME}, neither in text nor as a secret (S-K2)', async () => {
    const text = HEAD.replace('name: Wallet', 'name: ${HOME}') + TARGETS;
    const config = await load(text, { HOME: '/root' });
    expect(config.providers[0]?.name).toBe('${HOME}');
    const inSlot = TARGETS.replace('address: door.example', 'address: a, token: "${TOKEN}"');
    expect((await wrong(HEAD + inSlot, { TOKEN: 'x' }))[0]).toContain('a secret is given by reference');
  });

  it('survives 100 random cuts and swaps of a right one with problems or a configuration, never anything else', async () => {
    const whole = await readFile(new URL('../../config/gopay.yaml', import.meta.url), 'utf8');
    const dir = await folderOf({});
    let seed = 7;
    const dice = (sides: number): number => (seed = (seed * 48_271) % 2_147_483_647) % sides;
    const bits = ['[', '}', ':', '&a', '*a', '!!x', '\t', '"', '- ', 'null', '-1', '.nan', '\u0000', '\n', '>', '%'];
    for (let round = 0; round < 100; round++) {
      const at = dice(whole.length);
      const mutated = whole.slice(0, at) + (bits[dice(bits.length)] ?? '') + whole.slice(at + dice(30));
      await writeFile(join(dir, 'a.yaml'), mutated);
      const outcome = await loadConfig(join(dir, 'a.yaml'), fixtures, {}).then(
        () => 'loaded',
        (error: unknown) => (error instanceof ConfigError && error.problems.length > 0 ? 'refused' : error),
      );
      expect(['loaded', 'refused']).toContain(outcome);
    }
  });
});

describe('a folder of files', () => {
  it('is one configuration, its lists joined in the order of the names', async () => {
    const dir = await folderOf({
      '10-base.yaml': 'location: jakarta\noperator: { listen: 127.0.0.1:9000 }\n',
      '20-a.yaml': HEAD + TARGETS,
      '30-b.yaml': HEAD.replace('id: wallet', 'id: purse') + TARGETS,
      '40-c.yaml': 'operator: { tokens: [env:TOKEN] }\n',
      'notes.txt': 'not: [read',
      '.hidden.yaml': 'not: [read',
    });
    const config = await loadConfig(dir, fixtures, { TOKEN: 'abcdef' });
    expect(config.providers.map((each) => each.id)).toEqual(['wallet', 'purse']);
    expect(config.operator.listen.port).toBe(9000);
    expect(config.operator.tokens).toHaveLength(1);
  });

  it('is told in which file a fault stands, and both places of what is set twice', async () => {
    const dir = await folderOf({
      'a.yaml': `location: jakarta\n${HEAD}${TARGETS}`,
      'b.yaml': `\nlocation: bandung\n`,
    });
    const [twice] = await problemsOf(dir);
    expect(twice).toMatch(/^b\.yaml:2:1 location: is set in two files; first in (.*\/)?a\.yaml:1$/);
    const other = await folderOf({ 'a.yaml': HEAD + TARGETS, 'b.yaml': HEAD.replace('Jakarta', 'Djakarta') + TARGETS });
    const problems = await problemsOf(other);
    expect(problems.map((each) => each.split(': ')[0])).toEqual([
      'b.yaml:2:9 providers[1].id',
      'b.yaml:4:15 providers[1].timezone',
    ]);
  });

  it('is told when there is nothing in it', async () => {
    const dir = await folderOf({});
    await mkdir(join(dir, 'empty'));
    expect(await problemsOf(join(dir, 'empty'))).toEqual(['empty:1:1: there is no *.yaml file in this folder']);
  });
});

describe('secrets', () => {
  const withToken = (reference: string): string =>
    HEAD +
    TARGETS.replace('address: door.example', `address: a, token: "${reference}", headers: { key: "${reference}" }`);
  const tokenOf = (config: Config): unknown =>
    (config.providers[0]?.channels[0]?.targets[0]?.with as { token?: unknown } | undefined)?.token;

  async function secretFile(content: string | Buffer, mode = 0o600): Promise<string> {
    const path = join(await folderOf({}), 'token');
    await writeFile(path, content);
    await chmod(path, mode);
    return path;
  }

  it('come from variables and files, lose one line end, and print as nothing (S-K3)', async () => {
    const fromEnv = await load(withToken('env:TOKEN'), { TOKEN: 'hunter2-hunter2' });
    const path = await secretFile('hunter3-hunter3\n\n');
    const fromFile = await load(withToken(`file:${path}`));
    const [one, two] = [tokenOf(fromEnv), tokenOf(fromFile)];
    expect(one instanceof Secret && one.reveal()).toBe('hunter2-hunter2');
    expect(two instanceof Secret && two.reveal()).toBe('hunter3-hunter3\n');
    expect(JSON.stringify([fromEnv, fromFile])).not.toMatch(/hunter/);
    expect(fromFile.warnings).toEqual([]);
  });

  it('that everybody on the machine can read are a warning with its place, once (S-K3)', async () => {
    const path = await secretFile('hunter3', 0o644);
    const { warnings } = await load(withToken(`file:${path}`));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(
      `a.yaml:11:78 providers[0].channels[0].targets[0].with.token: everybody on this machine can read`,
    );
  });

  it('follow the links of a mounted secret, and no link that leads elsewhere (S-K3)', async () => {
    const dir = await folderOf({});
    await mkdir(join(dir, '..data'));
    await writeFile(join(dir, '..data', 'token'), 'hunter4', { mode: 0o600 });
    await symlink(join('..data', 'token'), join(dir, 'token'));
    const token = tokenOf(await load(withToken(`file:${dir}/token`)));
    expect(token instanceof Secret && token.reveal()).toBe('hunter4');
    const elsewhere = await secretFile('hunter5');
    await symlink(elsewhere, join(dir, 'linked'));
    const problems = await wrong(withToken(`file:${dir}/linked`));
    expect(problems[0]).toContain('is a link that leads out of its folder');
  });

  it('that are missing, empty, folders or endless are told in words, and nothing hangs (S-K3)', async () => {
    const dir = await folderOf({ empty: '\n', big: 'x'.repeat(70_000) });
    const why = async (name: string): Promise<string> => (await wrong(withToken(`file:${join(dir, name)}`)))[0] ?? '';
    expect(await why('none')).toContain('there is no such file');
    expect(await why('empty')).toContain('is empty');
    expect(await why('big')).toContain('has 70000 bytes');
    expect((await wrong(withToken('file:/dev/zero')))[0]).toContain('is no regular file');
    expect((await wrong(withToken('file:/tmp')))[0]).toMatch(/is no regular file|leads out/);
    expect((await wrong(withToken('env:TOKEN'), { TOKEN: '' }))[0]).toContain('TOKEN is empty');
  });

  it('never stand in a problem, wherever they were put (S-J1)', async () => {
    const environment = { TOKEN: 'hunter2-hunter2' };
    const texts = [
      HEAD.replace('name: Wallet', 'name: env:TOKEN') + TARGETS,
      HEAD.replace('kind: phone', 'kind: env:TOKEN') + TARGETS,
      HEAD + TARGETS.replace('30s', 'env:TOKEN'),
      HEAD + TARGETS.replace('knock', 'env:TOKEN'),
      HEAD + TARGETS.replace('address: door.example', 'address: a, expect: env:TOKEN'),
      HEAD + TARGETS.replace('address: door.example', 'address: a, token: hunter2-hunter2'),
      `listen: env:TOKEN\n${HEAD}${TARGETS}`,
    ];
    for (const text of texts) {
      const problems = await wrong(text, environment);
      expect(problems.join('\n')).not.toContain('hunter2');
    }
  });
});

describe('warnings', () => {
  const withRoutes = (routes: string): string => `${HEAD.replace('kind: phone', 'kind: email')}${TARGETS}receivers:
  - { name: mail, email: { to: [a@b.example] } }
  - { name: hook, webhook: { url: "https://hook.example/" } }
routes:
${routes}`;

  it('name a route that tells of a mail outage by mail alone', async () => {
    const { warnings } = await load(withRoutes('  - { to: [mail] }\n'));
    expect(warnings.map((each) => basename(each.slice(0, each.indexOf(': '))))).toEqual(['a.yaml:16:11 routes[0].to']);
    expect(warnings[0]).toContain('wallet/hotline would be told by mail alone');
  });

  it('are none when another receiver is told too, earlier, or by going on', async () => {
    const routes = [
      '  - { to: [mail, hook] }\n',
      '  - { match: { kind: email }, to: [hook] }\n  - { to: [mail] }\n',
      '  - { to: [mail], continue: true }\n  - { to: [hook] }\n',
      '  - { match: { kind: phone }, to: [mail] }\n',
    ];
    for (const each of routes) expect((await load(withRoutes(each))).warnings).toEqual([]);
  });

  it('come for a route that takes only some of the outages', async () => {
    const { warnings } = await load(withRoutes('  - { match: { cause: refused }, to: [mail] }\n  - { to: [hook] }\n'));
    expect(warnings).toHaveLength(1);
  });

  it('come for an operator listener that others reach without a token', async () => {
    const { warnings } = await load(`operator: { listen: 0.0.0.0:8081 }\n${HEAD}${TARGETS}`);
    expect(warnings[0]).toContain('operator.listen: other machines can reach this listener');
  });
});

describe('a large configuration', () => {
  it('of 1,000 targets is loaded whole, and not in minutes', async () => {
    const target = (n: number): string =>
      `          - { id: t${n}, probe: knock, every: 30s, timeout: 4s, with: { address: "host${n}.example" } }\n`;
    const text = `${HEAD}        targets:\n${Array.from({ length: 1_000 }, (_, n) => target(n)).join('')}`;
    const config = await load(text);
    expect(config.providers[0]?.channels[0]?.targets).toHaveLength(1_000);
  }, 120_000);
});
