/** The command as people and scripts run it: a process, its output and its exit code. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

/** Each test starts processes, which a busy machine is slow with. */
vi.setConfig({ testTimeout: 120_000 });

const ENTRY = new URL('../../src/ringback.js', import.meta.url).pathname;

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function ringback(...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [ENTRY, ...words], (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

let folder: string;
/** A server that greets, and a port where nobody listens. */
let greeting: string;
let closed: string;
const server = createServer((socket) => {
  socket.on('error', () => undefined).end('220 hello\r\n');
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringback-cli-'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  greeting = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  closed = `127.0.0.1:${(other.address() as AddressInfo).port}`;
  other.close();
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

function config(name: string, address: string, extra = ''): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    `listen: 127.0.0.1:0
operator: { listen: "127.0.0.1:0" }
store: ${join(folder, `${name}.db`)}
canaries: []
providers:
  - id: wallet
    name: Wallet
    timezone: Asia/Jakarta
    channels:
      - id: chat
        kind: chat
        name: { en: Chat }
        ${extra}
        targets:
          - { id: port, probe: tcp, every: 5s, timeout: 2s, with: { address: "${address}", expect: "^220", allow_private: true } }
`,
  );
  return path;
}

describe('ringback', () => {
  it('teaches with --help, and its kinds with try --help', async () => {
    const help = await ringback('--help');
    expect(help.code).toBe(0);
    expect(help.out).toContain('Examples:');
    expect(help.out).toContain('Exit codes: 0 ok');
    const kinds = await ringback('try', '--help');
    for (const kind of ['http', 'sip-options', 'smtp', 'chat-websocket', 'announcements', 'tcp']) {
      expect(kinds.out).toContain(`ringback try ${kind} `);
    }
  });

  it.each([
    ['an unknown verb', ['dance'], /unknown command|too many arguments/],
    ['an unknown kind', ['try', 'telepathy'], /no kind of probe is called "telepathy"; there are: /],
    ['an unknown option', ['validate', '--loud'], /unknown option/],
    ['an address that is none', ['serve', '--listen', 'here'], /Write host:port/],
  ])('ends with 2 for %s', async (_name, words, message) => {
    const { code, err } = await ringback(...words);
    expect([code, message.test(err)]).toEqual([2, true]);
  });

  it('validates: 0 and what it read, or 3 and every problem with its place', async () => {
    const good = await ringback('validate', config('good.yaml', greeting));
    expect(good).toMatchObject({ code: 0, err: '' });
    expect(good.out).toContain('1 providers, 1 channels, 1 targets');
    const path = config('bad.yaml', greeting, 'hours: { weekly: "Mo-Xx 08:00-20:00" }\n        colour: red');
    const bad = await ringback('validate', path);
    expect(bad.code).toBe(3);
    const lines = bad.err.trim().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line.startsWith(`${path}:`)).toBe(true);
    expect(lines[0]).toMatch(/:13:\d+ providers\[0\]\.channels\[0\]\.hours\.weekly: .*Mo-Xx/);
    expect(lines[1]).toMatch(/:14:\d+ providers\[0\]\.channels\[0\]\.colour: /);
  });

  it('tries: 0 when it answers, 1 when it does not, 4 when it could not look, 3 when the settings are wrong', async () => {
    const answers = await ringback('try', 'tcp', `address=${greeting}`, 'expect=^220', '--allow-private');
    expect([answers.code, answers.out]).toEqual([0, expect.stringContaining('✓ ok')]);
    const silent = await ringback('try', 'tcp', `address=${closed}`, '--allow-private');
    expect([silent.code, silent.out]).toEqual([1, expect.stringContaining('TCP_REFUSED')]);
    const blocked = await ringback('try', 'tcp', `address=${greeting}`);
    expect([blocked.code, blocked.out]).toEqual([4, expect.stringContaining('ADDR_BLOCKED')]);
    const wrong = await ringback('try', 'tcp', `adress=${greeting}`);
    expect([wrong.code, wrong.err]).toEqual([3, expect.stringContaining('adress')]);
  });

  it('prints one object with --json, and no colour where there is no terminal', async () => {
    const { out } = await ringback('try', 'tcp', `address=${closed}`, '--allow-private', '--json');
    expect(JSON.parse(out)).toMatchObject({
      kind: 'tcp',
      at: expect.any(Number) as number,
      durationMs: expect.any(Number) as number,
      finding: {
        kind: 'failed',
        rung: 'none',
        fault: { code: 'TCP_REFUSED', cause: 'refused', blame: 'line', message: expect.any(String) as string },
        phases: {},
        facts: {},
      },
    });
    const plain = await ringback('try', 'tcp', `address=${closed}`, '--allow-private');
    expect(plain.out).not.toContain('\u001b[');
  });

  it('probes a target by the end of its id, and says which there are when there is none', async () => {
    const path = config('probe.yaml', greeting);
    const found = await ringback('probe', 'port', '--config', path, '--json');
    expect(found.code).toBe(0);
    expect(JSON.parse(found.out)).toMatchObject({ target: 'wallet/chat/port', kind: 'tcp', finding: { kind: 'ok' } });
    const missing = await ringback('probe', 'nothing', '--config', path);
    expect([missing.code, missing.err]).toEqual([2, expect.stringContaining('wallet/chat/port')]);
  });

  it('serves until it is told to stop: says where, looks, and ends with 0', async () => {
    const path = config('serve.yaml', greeting);
    const child = spawn(process.execPath, [ENTRY, 'serve', '--config', path], { stdio: ['ignore', 'pipe', 'ignore'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const [page, operator] = [(await lines.next()).value!, (await lines.next()).value!];
    expect(page).toMatch(/^listening public http:\/\/127\.0\.0\.1:\d+$/);
    expect(operator).toMatch(/^listening operator http:\/\/127\.0\.0\.1:\d+$/);
    const url = operator.slice('listening operator '.length);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const second = await ringback('serve', '--config', path);
    expect([second.code, second.err]).toEqual([1, expect.stringMatching(/in use|another process/i)]);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('says which port is taken, and how to choose another', async () => {
    const path = config('taken.yaml', greeting);
    const { code, err } = await ringback('serve', '--config', path, '--listen', greeting);
    expect(code).toBe(1);
    expect(err).toContain('EADDRINUSE');
    expect(err).toContain('--listen');
  });

  it('is not upset when nobody reads on', async () => {
    const child = spawn('sh', ['-c', `"${process.execPath}" "${ENTRY}" schema | head -c 10`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    await once(child, 'close');
    expect(err).toBe('');
  });
});
