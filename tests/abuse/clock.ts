/** A whole monitor whose wall clock is moved by libfaketime, the monotonic one left alone: what it told and counted meanwhile. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '../lib/demo.ts';
import { rowsOf } from '../lib/rows.ts';

const ENTRY = fileURLToPath(new URL('../../src/ringback.js', import.meta.url));
const LIBRARY = ['x86_64-linux-gnu', 'aarch64-linux-gnu']
  .map((machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path));
/** What a machine needs for it: Debian package by path. */
export const FAKETIME: Readonly<Record<string, string>> = { [LIBRARY ?? '/usr/lib/faketime']: 'faketime' };

const SECOND = 1_000;

export interface Outcome {
  /** Incidents of channels, with their length by the store, in milliseconds. */
  readonly incidents: readonly { readonly channel: string; readonly ms: number | undefined }[];
  /** From the first look that was turned away to the first that was welcome again, by the monotonic clock of this process. */
  readonly trueMs: number;
  readonly jumps: number;
  /** Series of a duration or an age that were below zero at any time, and spans that the page wrote with a minus. */
  readonly negative: readonly string[];
  /** Most looks at the desks within any second, and looks after the last step. */
  readonly most: number;
  readonly looksAfter: number;
  readonly own: readonly { readonly trouble: string; readonly ms: number | undefined }[];
}

const DESKS = 5;

class Desks {
  readonly servers: Server[] = [];
  /** When each look came, by the monotonic clock. */
  readonly looks: number[] = [];
  /** The first desk turns everybody away. Its looks since that changed, by the monotonic clock. */
  #isSick = false;
  #since: number[] = [];

  /** Whether the first desk turns everybody away from now on; when the first look came since that changed the last time. */
  turn(isSick: boolean): number {
    const [first = NaN] = this.#since;
    [this.#isSick, this.#since] = [isSick, []];
    return first;
  }

  async open(): Promise<readonly number[]> {
    for (let each = 0; each < DESKS; each += 1) {
      const server = createServer((socket) => {
        this.looks.push(performance.now());
        if (each === 0) this.#since.push(performance.now());
        socket.on('error', () => undefined).end(each === 0 && this.#isSick ? '421 closed\r\n' : '220 hello\r\n');
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      this.servers.push(server);
    }
    return this.servers.map((server) => (server.address() as AddressInfo).port);
  }

  /** Most that came within any second. */
  most(): number {
    return Math.max(0, ...this.looks.map((from) => this.looks.filter((at) => at >= from && at < from + SECOND).length));
  }

  close(): void {
    for (const server of this.servers) server.close();
  }
}

function configuration(folder: string, ports: readonly number[]): string {
  const channels = ports.map(
    (port, index) => `
      - id: desk-${index}
        kind: chat
        name: { en: Desk ${index} }
        policy: { failures: 2, successes: 2, recheck: 1s }
        targets: [{ id: port, probe: tcp, every: 1s, timeout: 900ms, with: { address: "127.0.0.1:${port}", expect: "^220", allow_private: true } }]`,
  );
  return `listen: 127.0.0.1:0
operator: { listen: "127.0.0.1:0" }
store: ${join(folder, 'ringback.db')}
canaries: []
receivers:
  - { name: ops, webhook: { url: "http://127.0.0.1:9/hook", allow_private: true } }
routes:
  - { to: [ops] }
providers:
  - id: wallet
    name: Wallet
    timezone: Asia/Jakarta
    channels:${channels.join('')}
`;
}

export interface Moves {
  readonly everyMs: number;
  readonly outage: boolean;
  /** Seconds that the monotonic clock and that since the boot are moved by from the beginning, in a time namespace. */
  readonly bootS?: number;
}

/**
 * Takes the steps of the wall clock, in milliseconds, one every `everyMs`. With `outage` one desk turns everybody away from
 * before the first step until after the last.
 */
export async function moveClock(steps: readonly number[], { everyMs, outage, bootS }: Moves): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'ringback-clock-'));
  const desks = new Desks();
  const ports = await desks.open();
  const [config, stamp] = [join(folder, 'ringback.yaml'), join(folder, 'faketime')];
  writeFileSync(config, configuration(folder, ports));
  let offset = 0;
  const set = (): void => {
    writeFileSync(stamp, `${offset < 0 ? '-' : '+'}${(Math.abs(offset) / SECOND).toFixed(3)}\n`);
  };
  set();
  const place =
    bootS === undefined ? [] : ['unshare', '--time', '--monotonic', String(bootS), '--boottime', String(bootS)];
  const [program, ...words] = [...place, process.execPath, ENTRY, 'serve', '--config', config];
  const monitor = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: stamp,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_NO_CACHE: '1',
    },
  });
  try {
    const page = await openPage(monitor);
    await until('looks at every desk', () => (desks.looks.length > 2 * DESKS ? true : undefined));
    await until('a page', async () => ((await page.read()).isGood ? true : undefined));
    if (outage) {
      desks.turn(true);
      await until('the outage', () => (incidentsOf(folder).length > 0 ? true : undefined));
    }
    for (const step of steps) {
      offset += step;
      set();
      await pause(everyMs / 2);
      await page.read();
      await pause(everyMs / 2);
    }
    const before = desks.looks.length;
    const fellAt = desks.turn(false);
    await pause(4 * SECOND);
    if (outage) await until('its end', () => (incidentsOf(folder)[0]?.ms === undefined ? undefined : true));
    await page.read();
    return {
      incidents: incidentsOf(folder),
      trueMs: desks.turn(false) - fellAt,
      jumps: page.jumps(),
      negative: [...page.negative],
      most: desks.most(),
      looksAfter: desks.looks.length - before,
      own: ownOf(folder),
    };
  } finally {
    monitor.kill('SIGKILL');
    desks.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function incidentsOf(folder: string): Outcome['incidents'] {
  return lengths(folder, 'select channel, opened_at, resolved_at from incident order by opened_at');
}

function ownOf(folder: string): Outcome['own'] {
  return lengths(folder, 'select trouble, opened_at, resolved_at from own_incident order by opened_at');
}

function lengths<Kind>(folder: string, sql: string): Kind[] {
  return rowsOf<{ opened_at: number; resolved_at: number | null }>(join(folder, 'ringback.db'), sql).map(
    ({ opened_at, resolved_at, ...rest }) =>
      ({ ...rest, ms: resolved_at === null ? undefined : resolved_at - opened_at }) as Kind,
  );
}

/** Series that count time that has passed. */
const PASSED = /^(?:\w+_(?:seconds|seconds_sum)|ringback_outbox_oldest_age_seconds)(?:\{[^}]*\})? -/;

async function openPage(monitor: ChildProcess) {
  let said = '';
  monitor.stdout?.on('data', (bytes: Buffer) => {
    said += String(bytes);
  });
  const url = (which: string) =>
    until(`the ${which} address`, () => new RegExp(`listening ${which} (\\S+)`).exec(said)?.[1]);
  const [front, back] = [await url('public'), await url('operator')];
  const negative = new Set<string>();
  let metrics = '';
  return {
    negative,
    jumps: () => Number(/^ringback_clock_jumps_total (\d+)/m.exec(metrics)?.[1] ?? 0),
    read: async () => {
      metrics = await (await fetch(new URL('/metrics', back))).text();
      for (const line of metrics.split('\n')) if (PASSED.test(line)) negative.add(line);
      const html = await (await fetch(new URL('/en/wallet/', front))).text();
      // A span of time with a minus before its number.
      for (const [span] of html.matchAll(/[-−]\d+ (?:s|min|h|d|seconds?|minutes?|hours?|days?)\b/g)) negative.add(span);
      return { isGood: html.includes('Desk 0') };
    },
  };
}
