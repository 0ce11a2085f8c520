/** Canaries on real ports: when a failure may be believed, and when we are blind. The name server is the machine's own. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSight, type Sight } from '../../src/sight.ts';
import { defaultOf } from '../../src/sight/lost.ts';
import { until } from '../lib/demo.ts';

/** The kernel has no route for TCP there, and says so at once. */
const NOWHERE = '255.255.255.255';
const HERE = '127.0.0.1';

let server: Server;
let asked: number;
let canaries: { host: string; port: number }[];
let sight: Sight;
let said: (readonly [boolean, string | undefined])[];

beforeEach(async () => {
  asked = 0;
  server = createServer((socket) => {
    asked += 1;
    socket.on('error', () => undefined).end();
  }).listen(0, HERE);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  canaries = [1, 2, 3].map(() => ({ host: HERE, port }));
  said = [];
});
afterEach(() => {
  sight.close();
  server.close();
});

function open(everyMs = 3_600_000): void {
  const monotonic = (): number => performance.now();
  sight = openSight({ canaries, everyMs, monotonic, onChange: (blind, lost) => said.push([blind, lost]) });
}

const lose = (count: number): void => {
  for (const each of canaries.slice(0, count)) each.host = NOWHERE;
};
const find = (): void => {
  for (const each of canaries) each.host = HERE;
};

describe('a failure', () => {
  it('is believed while two of three canaries answer', async () => {
    open();
    expect(await sight.check(0)).toBe(true);
    lose(1);
    expect(await sight.check(0)).toBe(true);
  });

  it('F8 is not believed when the network went since the newest round, long before we are known to be blind', async () => {
    open();
    expect(await sight.check(0)).toBe(true);
    lose(2);
    expect(await sight.check(0)).toBe(false);
    expect(sight.blind()).toBe(false);
  });

  it('F8 is not believed when a round was bad while the look was under way, though all is well again', async () => {
    open();
    lose(3);
    expect(await sight.check(0)).toBe(false);
    find();
    expect(await sight.check(60_000)).toBe(false);
    // It may have come back a moment ago only: what ended before the first good round was over is in doubt.
    expect(await sight.check(0)).toBe(false);
    expect(await sight.check(0)).toBe(true);
  });

  it('costs the canaries one round, however many looks fail at once', async () => {
    open();
    await sight.check(0);
    const before = asked;
    expect(await Promise.all(Array.from({ length: 200 }, () => sight.check(0)))).not.toContain(false);
    // The round under way, if there was one, and the one that began after the question.
    expect(asked - before).toBeLessThanOrEqual(2 * canaries.length);
  });

  it('is believed at once where there are no canaries', async () => {
    canaries = [];
    open();
    expect(await sight.check(60_000)).toBe(true);
  });
});

describe('blindness', () => {
  it('R-11 comes with the second bad round and ends with the first good one, each said once', async () => {
    lose(2);
    open(50);
    await until('blindness', () => sight.blind() || undefined);
    expect(await sight.check(0)).toBe(false);
    find();
    await until('sight', () => !sight.blind() || undefined);
    expect(said.map(([blind]) => blind)).toEqual([true, false]);
  });

  it('is ended by being closed, for everybody who waits', async () => {
    open();
    const waiting = sight.check(0);
    sight.close();
    expect(await waiting).toBeTypeOf('boolean');
  });
});

describe('our own loop', () => {
  it('R-15 a stall is known before the pulse saw it and after, by those who looked meanwhile', async () => {
    open();
    await sight.check(0);
    const end = performance.now() + 400;
    while (performance.now() < end);
    expect(sight.stalledWithin(1_000)).toBeGreaterThan(250);
    await sight.check(0);
    await until('the pulse', () => sight.stalledWithin(0) < 250 || undefined);
    expect(sight.stalledWithin(10_000)).toBeGreaterThan(250);
  });
});

describe('the default route', () => {
  it.each([
    ['eth0\t00000000\t010013AC\t0003\t0\t0\t0\t00000000\t0\t0\t0', { link: 'eth0', gateway: '172.19.0.1' }],
    ['eth0\t000013AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0', undefined],
    // Down, or half of everything as some tunnels write it.
    ['eth0\t00000000\t010013AC\t0002\t0\t0\t0\t00000000\t0\t0\t0', undefined],
    ['tun0\t00000000\t010013AC\t0003\t0\t0\t0\t00000080\t0\t0\t0', undefined],
    ['Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT', undefined],
    ['', undefined],
  ])('is read from the line %j', (line, way) => {
    expect(defaultOf(line)).toEqual(way);
  });
});

describe("the loop's delay", () => {
  it('is told without the wait between two samples, which Node counts as a delay', async () => {
    open();
    const asNodeTells = monitorEventLoopDelay({ resolution: 10 });
    asNodeTells.enable();
    await sleep(500);
    const told = asNodeTells.percentile(50) / 1e9;
    asNodeTells.disable();
    expect(told - sight.loopDelay().p50).toBeGreaterThan(0.005);
  });
});
