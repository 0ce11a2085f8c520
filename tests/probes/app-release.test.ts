/** The `app-release` kind against stand-ins of the App Store's lookup, and the memory of releases by itself. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import appRelease from '../../probes/app-release.ts';
import { heard, readReleases } from '../../probes/lib/release.ts';
import type { Releases, Sighting } from '../../probes/lib/release.ts';
import type { Finding } from '../../src/core/model.ts';
import { portOf } from '../lib/servers.ts';
import { contract, HOST, near } from '../contract/contract.ts';

const ID = 944875099;
const NOW = Date.UTC(2026, 10, 22, 6);
const HOUR = 3_600_000;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function store(say: (url: URL) => [status: number, body: string]): Promise<{ url: string; asked: URL[] }> {
  const asked: URL[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://store.test');
    asked.push(url);
    const [status, body] = say(url);
    response.writeHead(status, { 'content-type': 'text/javascript; charset=utf-8' }).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return { url: `http://127.0.0.1:${portOf(server)}`, asked };
}

const lookup = (version: string, date?: string, trackId = ID): string =>
  JSON.stringify({
    resultCount: 1,
    results: [{ trackId, version, currentVersionReleaseDate: date, bundleId: 'com.x' }],
  });

/** One target's memory, kept as the store keeps it. */
function memory() {
  let kept: string | undefined;
  return {
    get: (): unknown => (kept === undefined ? undefined : JSON.parse(kept)),
    set: (value: unknown) => {
      kept = JSON.stringify(value);
    },
  };
}

function look(baseUrl: string, at = NOW, kept = memory()): Promise<Finding> {
  const settings = appRelease.schema.parse({ allow_private: true, app_store_id: ID, country: 'ID', base_url: baseUrl });
  const runId = '0123456789abcdef0123456789abcdef';
  const signal = AbortSignal.timeout(5_000);
  return appRelease.look(settings, { signal, startedAt: at, timeoutMs: 5_000, runId, timezone: 'UTC', memory: kept });
}

describe('the version in the App Store', () => {
  it('is asked for by number and country, with a value that gets round caches once an hour', async () => {
    const { url, asked } = await store(() => [200, lookup('4.98.1', '2026-11-20T03:00:00Z')]);
    const finding = await look(url);
    expect(finding).toMatchObject({
      kind: 'ok',
      rung: 'answered',
      facts: { version: '4.98.1', released_at: Date.UTC(2026, 10, 20, 3) },
    });
    await look(url, NOW + HOUR);
    expect(asked[0]?.pathname).toBe('/lookup');
    expect(Object.fromEntries(asked[0]?.searchParams ?? [])).toMatchObject({ id: String(ID), country: 'id' });
    expect(asked[0]?.search).not.toBe(asked[1]?.search);
  });

  it('is a release from the second sighting on, back-dated, and at once when its date is newer', async () => {
    let told = lookup('4.98.1', '2026-11-20T03:00:00Z');
    const { url } = await store(() => [200, told]);
    const kept = memory();
    expect((await look(url, NOW, kept)).facts).not.toHaveProperty('release_at');
    expect((await look(url, NOW + HOUR, kept)).facts).toMatchObject({
      release: '4.98.1',
      release_at: Date.UTC(2026, 10, 20, 3),
    });
    told = lookup('4.99.0', '2026-11-22T05:30:00Z');
    expect((await look(url, NOW + 2 * HOUR, kept)).facts).toMatchObject({
      release: '4.99.0',
      release_at: Date.UTC(2026, 10, 22, 5, 30),
    });
    told = lookup('4.98.1', '2026-11-20T03:00:00Z');
    expect((await look(url, NOW + 3 * HOUR, kept)).facts).toMatchObject({ version: '4.98.1', release: '4.99.0' });
  });

  it.each([
    ['an empty answer', 200, '{"resultCount":0,"results":[]}'],
    ['another app', 200, lookup('1.0', '2026-11-20T03:00:00Z', 1)],
    ['no version', 200, JSON.stringify({ results: [{ trackId: ID }] })],
    ['a version that is markup', 200, lookup('<b>1</b>')],
    ['no JSON', 200, '<html>'],
    ['JSON that is no lookup', 200, '[]'],
    ['a refusal', 403, ''],
    ['an outage of the store', 503, 'maintenance'],
  ])('is not known from %s, and nobody is accused', async (_what, status, body) => {
    const { url } = await store(() => [status, body]);
    const kept = memory();
    expect(await look(url, NOW, kept)).toMatchObject({ kind: 'unknown', fault: { code: 'CANNOT_JUDGE' } });
    expect(kept.get()).toBeUndefined();
  });

  it('is not known while the store finds that we ask too often [MC-9]', async () => {
    const { url } = await store(() => [429, 'slow down']);
    const kept = memory();
    expect(await look(url, NOW, kept)).toMatchObject({
      kind: 'unknown',
      fault: { code: 'RATE_LIMITED', cause: 'overload' },
    });
    expect(kept.get()).toBeUndefined();
  });

  it('takes a number and no bundle id', () => {
    for (const wrong of ['com.gojek.app', 0, -1, 1.5])
      expect(appRelease.schema.safeParse({ app_store_id: wrong }).success).toBe(false);
  });
});

describe('what is heard of releases', () => {
  const tell = (...sightings: Sighting[]): Releases[] => {
    const all: Releases[] = [];
    for (const [index, each] of sightings.entries()) all.push(heard(all.at(-1) ?? {}, each, NOW + index * HOUR));
    return all;
  };
  const day = (n: number): number => Date.UTC(2026, 10, n);

  it('from nodes that disagree is the newest, announced once', () => {
    const [a, b] = [
      { version: '1', releasedAt: day(1) },
      { version: '2', releasedAt: day(2) },
    ];
    const known = tell(a, a, b, a, a, a, b, b).map((each) => each.known?.version);
    expect(known).toEqual([undefined, '1', '2', '2', '2', '2', '2', '2']);
  });

  it('without dates needs two sightings in a row, and counts from the first of them', () => {
    const [a, b] = [
      { version: '1', releasedAt: undefined },
      { version: '2', releasedAt: undefined },
    ];
    const told = tell(a, a, b, a, b, b);
    expect(told.map((each) => each.known?.version)).toEqual([undefined, '1', '1', '1', '1', '2']);
    expect(told.at(-1)?.known?.at).toBe(NOW + 4 * HOUR);
  });

  it('a date that lies ahead is no date', async () => {
    const { url } = await store(() => [200, lookup('9', '2999-01-01T00:00:00Z')]);
    expect((await look(url)).facts).not.toHaveProperty('released_at');
  });

  it('from a memory of another making starts anew', () => {
    for (const kept of [undefined, null, 7, 'x', { known: 7 }, { known: { version: 1, at: 'x' } }])
      expect(readReleases(kept)).toEqual({});
  });
});

contract('app-release', {
  transports: ['tcp', 'tls'],
  with: (port, transport) => ({
    ...near,
    app_store_id: 944875099,
    base_url: `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}/`,
  }),
});
