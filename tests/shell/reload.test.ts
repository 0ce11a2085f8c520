/** A running monitor whose configuration changes under it: what is unchanged goes on, what is wrong changes nothing. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serve, type Service } from '../../src/main.ts';
import { until } from '../lib/demo.ts';
import { rowsOf } from '../lib/rows.ts';

let folder: string;
let desk: Server;
let port: number;
let service: Service;
let path: string;

const ANY = { host: '127.0.0.1', port: 0 };

function write(channels: Readonly<Record<string, string>>, extra = ''): void {
  const list = Object.entries(channels).map(
    ([id, every]) => `
      - id: ${id}
        kind: chat
        name: { en: ${id} }
        policy: { failures: 1, successes: 1, recheck: 1s }
        targets: [{ id: port, probe: tcp, every: ${every}, timeout: 900ms, with: { address: "127.0.0.1:${port}", allow_private: true } }]`,
  );
  writeFileSync(
    path,
    `canaries: []
location: here
providers:
  - id: wallet
    name: Wallet
    timezone: Asia/Jakarta
    channels:${list.join('')}
${extra}`,
  );
}

async function metric(line: RegExp): Promise<string | undefined> {
  const text = await (await fetch(new URL('/metrics', service.operatorUrl))).text();
  return line.exec(text)?.[0];
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringback-reload-'));
  path = join(folder, 'ringback.yaml');
  desk = createServer((socket) => socket.on('error', () => undefined).end('hello\r\n'));
  desk.listen(0, '127.0.0.1');
  await once(desk, 'listening');
  ({ port } = desk.address() as AddressInfo);
  write({ first: '1s', second: '1s' });
  service = await serve({ config: path, store: join(folder, 'r.db'), listen: ANY, operator: ANY, logLevel: 'silent' });
});
afterEach(async () => {
  await service.stop();
  desk.close();
  rmSync(folder, { recursive: true, force: true });
});

const status = (id: string): string | undefined =>
  service.board.channels().find(({ channel }) => channel.id === `wallet/${id}`)?.status;

const ours = () =>
  rowsOf<{ trouble: string; resolved_at: number | null }>(
    join(folder, 'r.db'),
    "select trouble, resolved_at from own_incident where trouble = 'configuration'",
  );

describe('a reload', () => {
  it('takes what is new, drops what is gone, and lets the rest go on', async () => {
    await until(
      'the first looks',
      () => (status('first') === 'operational' && status('second') === 'operational') || undefined,
    );
    const since = service.board.state('wallet/first/port')?.health;
    write({ first: '1s', third: '1s' });
    expect(await service.reload()).toEqual({ ok: true, problems: [] });
    expect(service.board.channels().map(({ channel }) => channel.id)).toEqual(['wallet/first', 'wallet/third']);
    expect(service.board.state('wallet/first/port')?.health).toMatchObject({
      since: since?.phase === 'up' ? since.since : 0,
    });
    await until('a look at what is new', () => status('third') === 'operational' || undefined);
    expect(await metric(/^probe_success\{[^}]*channel="second".*$/m)).toBeUndefined();
    expect(await metric(/^probe_success\{[^}]*channel="third".* 1$/m)).toBeDefined();
    expect(await metric(/^ringback_config_last_reload_successful 1$/m)).toBeDefined();
  });

  it('changes nothing when the new configuration is bad, and says so until a good one comes', async () => {
    await until('the first look', () => status('first') === 'operational' || undefined);
    write({ first: '1s' }, 'colour: red\n');
    const refused = await service.reload();
    await service.reload();
    expect(refused.ok).toBe(false);
    // One incident about ourselves for one version, however often it is refused.
    await until('it', () => (ours().length === 1 && ours()[0]?.resolved_at === null ? true : undefined));
    expect(refused.problems).toEqual([expect.stringMatching(/ringback\.yaml:\d+:\d+ colour: /)]);
    expect(service.board.channels()).toHaveLength(2);
    expect(await metric(/^ringback_config_last_reload_successful 0$/m)).toBeDefined();
    write({ first: '1s' });
    expect((await service.reload()).ok).toBe(true);
    expect(await metric(/^ringback_config_last_reload_successful 1$/m)).toBeDefined();
    expect(await metric(/^ringback_own_incident_open\{trouble="configuration"\} 0$/m)).toBeDefined();
    await until('its end', () => (ours()[0]?.resolved_at === null ? undefined : true));
    expect(ours()).toMatchObject([{ trouble: 'configuration' }]);
  });

  it('is asked for on the operator listener, and says there what is wrong', async () => {
    const ask = () => fetch(new URL('/-/reload', service.operatorUrl), { method: 'POST' });
    write({ first: '1s' });
    const taken = await ask();
    expect([taken.status, await taken.json()]).toEqual([200, { ok: true, problems: [] }]);
    write({ first: '1s' }, 'colour: red\n');
    const refused = await ask();
    expect(refused.status).toBe(422);
    expect(await refused.json()).toEqual({ ok: false, problems: [expect.stringContaining('colour')] });
    expect((await fetch(new URL('/-/reload', service.publicUrl), { method: 'POST' })).status).toBeGreaterThan(403);
  });

  it('comes by itself when the file changes', async () => {
    write({ first: '1s', second: '1s', third: '1s' });
    await until('the change to be seen', () => service.board.channels().length === 3 || undefined);
  });

  it('ends the part of a channel that is gone in an incident that is open', async () => {
    await until('the first look', () => status('second') === 'operational' || undefined);
    desk.close();
    await until('the outage', () => status('second') === 'major_outage' || undefined);
    write({ first: '1s' });
    await service.reload();
    const [incident] = service.board.snapshot().providers[0]?.incidents ?? [];
    expect(incident?.resolvedAt).toBeUndefined();
    expect(JSON.stringify(incident)).not.toContain('second');
  });

  it('R-21 survives a file cut and swapped at random: the old configuration stays, or a right one is taken', async () => {
    write({ first: '1s', second: '1s' });
    const good = readFileSync(path, 'utf8');
    const edits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(40), fc.string({ maxLength: 6 })), {
      minLength: 1,
      maxLength: 3,
    });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(edits, async (cuts) => {
        const text = cuts.reduce((rest, [at, length, put]) => rest.slice(0, at) + put + rest.slice(at + length), good);
        writeFileSync(path, text);
        const before = service.board.channels().length;
        const { ok, problems } = await service.reload();
        if (ok) return;
        refused++;
        expect(problems.length).toBeGreaterThan(0);
        expect(service.board.channels()).toHaveLength(before);
      }),
      { numRuns: 200, seed: 21 },
    );
    expect(refused).toBeGreaterThan(20);
    writeFileSync(path, good);
    expect((await service.reload()).ok).toBe(true);
    expect(service.board.channels()).toHaveLength(2);
  });
});
