/** Our own network lost in four ways and our own process stopped: no channel is accused, and a real outage is told afterwards. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serve } from '../../src/main.ts';
import { describeWith, ROOT } from '../lib/needs.ts';
import { FAR, openNetns, type Netns, type Place } from '../lib/netns.ts';
import { until } from '../lib/demo.ts';
import type { ROLES } from './blindside.ts';

const PROGRAMS = { ip: 'iproute2', curl: 'curl', ...ROOT };
const ENTRY = fileURLToPath(new URL('../../src/ringback.js', import.meta.url));
const SIDE = fileURLToPath(new URL('blindside.ts', import.meta.url));
/** Two rounds of canaries at most, and what they take to time out. */
const SEEN_WITHIN_S = 25;
const LONG_MS = 90_000;

let net: Netns;
let folder: string;
let names: ChildProcess;
let desks: readonly ChildProcess[];
let monitor: ChildProcess;
let log = '';

function role(place: Place, name: keyof typeof ROLES, port: number): ChildProcess {
  return net.spawn(place, process.execPath, [SIDE, name, String(port)], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** One failure is an outage here, so that a single look believed wrongly shows. */
function configuration(addresses: readonly string[], canaries: readonly string[]): string {
  const channels = addresses.map(
    (address, index) => `
      - id: desk-${index}
        kind: chat
        name: { en: Desk ${index} }
        policy: { failures: 1, successes: 1, recheck: 1s }
        targets: [{ id: port, probe: tcp, every: 1s, timeout: 900ms, with: { address: "${address}", expect: "^220", allow_private: true } }]`,
  );
  return `listen: 127.0.0.1:7080
operator: { listen: "127.0.0.1:7081" }
store: ${join(folder, 'ringback.db')}
canaries: [${canaries.join(', ')}]
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

function ask(port: number, path: string): string | undefined {
  try {
    return net.read('us', 'curl', ['-sf', '-m', '2', `http://127.0.0.1:${port}${path}`]);
  } catch {
    return undefined;
  }
}

interface Summary {
  readonly components: readonly { readonly name: string; readonly status: string; readonly group: boolean }[];
  readonly incidents: readonly unknown[];
}

const summary = (): Summary | undefined => {
  const text = ask(7080, '/api/v2/summary.json');
  return text === undefined ? undefined : (JSON.parse(text) as Summary);
};
const isBlind = (): boolean => /^ringback_blind 1$/m.test(ask(7081, '/metrics') ?? '');
function works(): true | undefined {
  if (monitor.exitCode !== null) throw new Error(log);
  const channels = isBlind() ? [] : (summary()?.components ?? []);
  return channels.length > 0 && channels.every(({ status }) => status === 'operational') ? true : undefined;
}

/** Incidents and messages about channels as the file has them, whatever the pages say. */
function told(): { readonly incidents: unknown[]; readonly messages: unknown[] } {
  const db = new Database(join(folder, 'ringback.db'), { readonly: true });
  try {
    const incidents = db.prepare('select channel, cause from incident').all();
    const messages = db.prepare("select key from notification where incident not like 'ringback.%'").all();
    return { incidents, messages };
  } finally {
    db.close();
  }
}

/** What was written about ourselves: incidents, and receivers with the messages that they got or will get. */
function ofOurselves(): { readonly incidents: unknown[]; readonly most: number } {
  const db = new Database(join(folder, 'ringback.db'), { readonly: true });
  try {
    const incidents = db.prepare('select trouble, resolved_at is not null as over from own_incident').all();
    const most = db.prepare(
      `select coalesce(max(count), 0) from (select count(*) as count from notification
       where incident like 'ringback.network.%' and state in ('waiting', 'sent') group by receiver)`,
    );
    return { incidents, most: Number(most.pluck().get()) };
  } finally {
    db.close();
  }
}

function looks(fault?: string): number {
  const db = new Database(join(folder, 'ringback.db'), { readonly: true });
  try {
    const count = db.prepare('select count(*) from observation where ? is null or fault = ?').pluck();
    return Number(count.get(fault ?? null, fault ?? null));
  } finally {
    db.close();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGCONT');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function sees(): Promise<void> {
  await until('a sight of everything', works, SEEN_WITHIN_S);
}

describeWith(PROGRAMS, 'our own network and our own process', () => {
  beforeAll(() => {
    net = openNetns();
  });
  afterAll(() => {
    net.close();
  });

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ringback-blind-'));
    const path = join(folder, 'ringback.yaml');
    // One desk is known by its name alone. A refusal is an answer: nobody has to listen where the canaries are.
    const canaries = [1, 2, 3].map((port) => `tcp:${FAR}:${port}`);
    writeFileSync(path, configuration([`${FAR}:7001`, 'desk.wallet.test:7002'], canaries));
    names = role('gateway', 'names', 53);
    desks = [7001, 7002].map((port) => role('far', 'desk', port));
    monitor = net.spawn('us', process.execPath, [ENTRY, 'serve', '--config', path], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    log = '';
    for (const stream of [monitor.stdout, monitor.stderr])
      stream?.on('data', (bytes: Buffer) => {
        log += String(bytes);
      });
    await sees();
  });
  afterEach(async () => {
    for (const child of [monitor, names, ...desks]) await end(child);
    net.heal();
    rmSync(folder, { recursive: true, force: true });
  });

  const cuts: readonly [string, string, () => void, () => void][] = [
    ['link', 'link down', () => net.ip('us', 'link set down dev up0'), () => net.heal()],
    ['route', 'default route gone', () => net.ip('us', 'route del default'), () => net.heal()],
    ['name server', 'name server dead', () => names.kill('SIGSTOP'), () => names.kill('SIGCONT')],
    [
      'upstream',
      'gateway up, upstream black-holed',
      () => net.ip('gateway', 'route replace blackhole 10.77.2.0/24'),
      () => net.heal(),
    ],
  ].map(([lost, name, cut, mend]) => [lost, name, cut, mend] as [string, string, () => void, () => void]);

  it.each(cuts)(
    'R-11 F8: lost %s (%s): no channel is accused, and we say what is lost',
    async (lost, _name, cut, mend) => {
      cut();
      await until('blindness', () => isBlind() || undefined, SEEN_WITHIN_S);
      expect(summary()?.incidents).toEqual([]);
      await pause(3_000);
      expect(told()).toEqual({ incidents: [], messages: [] });
      mend();
      await sees();
      await pause(2_000);
      expect(told()).toEqual({ incidents: [], messages: [] });
      expect(log.match(/our own network is lost \([^)]*\)/g)).toEqual([`our own network is lost (${lost})`]);
      const { incidents, most } = ofOurselves();
      expect(incidents).toEqual([{ trouble: 'network', over: 1 }]);
      expect(most).toBeLessThanOrEqual(1);
    },
    LONG_MS,
  );

  it(
    'R-12: a desk that closes while we are blind is told after sight returned, and no other',
    async () => {
      net.ip('us', 'route del default');
      await until('blindness', () => isBlind() || undefined, SEEN_WITHIN_S);
      const [desk] = desks;
      if (desk !== undefined) await end(desk);
      expect(told().incidents).toEqual([]);
      net.heal();
      await until('the outage', () => told().incidents.length > 0 || undefined, SEEN_WITHIN_S);
      await pause(2_000);
      expect(told().incidents).toEqual([{ channel: 'wallet/desk-0', cause: 'refused' }]);
      expect(told().messages).toHaveLength(1);
    },
    LONG_MS,
  );

  it.each([3])(
    'R-13: stopped for %i s, we accuse nobody and look again',
    async (seconds) => {
      monitor.kill('SIGSTOP');
      await pause(seconds * 1_000);
      const before = looks();
      monitor.kill('SIGCONT');
      await until('looks', () => looks() > before + 3 || undefined, SEEN_WITHIN_S);
      await sees();
      expect(told()).toEqual({ incidents: [], messages: [] });
    },
    LONG_MS,
  );
});

describe('our own loop', () => {
  it(
    'R-15: blocked for 0.1 to 1.5 s at random, we accuse nobody, and our own overload is counted',
    async () => {
      folder = mkdtempSync(join(tmpdir(), 'ringback-blind-'));
      const desk = spawn(process.execPath, [SIDE, 'slow', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [port] = (await once(desk.stdout, 'data')) as [Buffer];
      const path = join(folder, 'ringback.yaml');
      writeFileSync(path, configuration([`127.0.0.1:${Number(String(port))}`], []));
      const any = { host: '127.0.0.1', port: 0 };
      const service = await serve({ config: path, listen: any, operator: any, logLevel: 'silent' });
      try {
        const limit = performance.now() + 25_000;
        for (let block = 0; block < 8 || (looks('SELF_OVERLOAD') === 0 && performance.now() < limit); block += 1) {
          await pause(200 + Math.random() * 800);
          // After a turn the timers come before what was received: the deadline strikes though the answer is there.
          await turn();
          const until = performance.now() + 100 + Math.random() * 1_400;
          while (performance.now() < until);
        }
        await pause(2_000);
        expect(looks('SELF_OVERLOAD')).toBeGreaterThan(0);
        expect(told()).toEqual({ incidents: [], messages: [] });
      } finally {
        await service.stop();
        await end(desk);
        rmSync(folder, { recursive: true, force: true });
      }
    },
    LONG_MS,
  );
});
