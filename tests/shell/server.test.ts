/** Both listeners over a real socket: what is served, what is refused, and what every answer carries. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { pages } from '../../src/page/pages.ts';
import { openOperator, openPublic } from '../../src/server.ts';
import * as day from '../lib/snapshots.ts';

const ANY = { host: '127.0.0.1', port: 0 };
let shown: Snapshot = day.hotlineDown;
let now = day.NOW;
let front: Awaited<ReturnType<typeof openPublic>>;
let back: Awaited<ReturnType<typeof openOperator>>;
let guarded: Awaited<ReturnType<typeof openOperator>>;
const posted: Readonly<Record<string, string>>[] = [];
let alive = true;

beforeAll(async () => {
  front = await openPublic({ pages, snapshot: () => shown, listen: ANY, now: () => now });
  const common = {
    pages,
    listen: ANY,
    metrics: () => Promise.resolve({ type: 'text/plain; version=0.0.4', text: 'ringback_blind 0\n' }),
    healthz: () => ({ ok: alive, detail: 'looking' }),
    readyz: () => ({ ok: false, detail: 'no look yet' }),
    panels: [
      {
        path: '/demo',
        title: 'Demo',
        html: () => '<p>break it</p>',
        post: (form: Readonly<Record<string, string>>) => {
          posted.push(form);
          return Promise.resolve();
        },
      },
    ],
  };
  back = await openOperator({ ...common, tokens: [] });
  guarded = await openOperator({ ...common, tokens: [new Secret('let-me-in-please', 'env:T')] });
});
afterAll(async () => {
  await Promise.all([front.close(), back.close(), guarded.close()]);
});

const get = (path: string, headers: Record<string, string> = {}, door = front) =>
  fetch(new URL(path, door.url), { headers, redirect: 'manual' });

/** The language that the page says it is in. */
const languageOf = (text: string): string | undefined => /<html lang="([a-z]{2})/.exec(text)?.[1];

/** A request as bytes: what fetch would tidy up first. */
async function raw(request: string, door = front): Promise<string> {
  const { hostname, port } = new URL(door.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  socket.write(request);
  await once(socket, 'close');
  return heard;
}

describe('the public listener', () => {
  it.each(['/en/', '/id/', '/zh/', '/en/dompet/', '/id/dompet/', '/zh/dompet/chat', '/en/dompet/hotline'])(
    'serves %s',
    async (path) => {
      const response = await get(path.replace('dompet', day.DOMPET.id));
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(languageOf(await response.text())).toBe(path.slice(1, 3));
    },
  );

  it.each([
    ['id-ID,id;q=0.9,en;q=0.5', 'id'],
    ['zh-CN', 'zh'],
    ['en-GB', 'en'],
    ['fr', 'id'],
  ])('picks the language by Accept-Language: %s', async (accepted, language) => {
    const response = await get('/', { 'accept-language': accepted });
    const place = response.headers.get('location')?.slice(1, 3);
    expect(place ?? languageOf(await response.text())).toBe(language);
    expect(response.headers.get('vary')).toMatch(/accept-language/i);
  });

  it('answers 304 to who has it already, and says for how long it may be kept', async () => {
    const first = await get('/en/');
    const etag = first.headers.get('etag') ?? '';
    expect(first.headers.get('cache-control')).toBe('public, max-age=5, stale-if-error=300');
    // fetch adds a request for a fresh copy to every conditional one, so this is written by hand.
    const ask = (tag: string) =>
      raw(`GET /en/ HTTP/1.1\r\nHost: x\r\nIf-None-Match: ${tag}\r\nConnection: close\r\n\r\n`);
    expect(await ask(etag)).toMatch(/^HTTP\/1\.1 304 [^]*\r\n\r\n$/);
    shown = day.good;
    expect(await ask(etag)).toMatch(/^HTTP\/1\.1 200 /);
    shown = day.hotlineDown;
  });

  it.each(['/en/', '/api/v2/summary.json', '/en/nowhere', '/..%2f..%2fetc/passwd'])(
    'carries the security headers on %s, whatever it answers',
    async (path) => {
      const { headers } = await get(path);
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('set-cookie')).toBeNull();
    },
  );

  it.each(['en', 'id', 'zh'])('has a real 404 in %s', async (language) => {
    const response = await get(`/${language}/${day.DOMPET.id}/nothing`);
    expect(response.status).toBe(404);
    expect(languageOf(await response.text())).toBe(language);
  });

  it.each(['/..%2f..%2fetc/passwd', '/%252e%252e/etc/passwd', '/en/%00', '/en\\..\\', '//evil.example/'])(
    'S-B8 reads nothing and leads nowhere for %s',
    async (path) => {
      const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 (?:400|404) /);
      expect(answer).not.toMatch(/root:|location: \/\/evil/i);
    },
  );

  it.each([
    ['CL.TE', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG'],
    ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['bare CR', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n'],
  ])('S-B10 refuses smuggling and closes: %s', async (_name, request) => {
    expect(await raw(request)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('only reads: %s is refused', async (method) => {
    const response = await fetch(new URL('/en/', front.url), { method });
    expect(response.status).toBe(405);
  });

  it('S-J4 has no metrics, health or panels', async () => {
    for (const path of ['/metrics', '/healthz', '/readyz', '/demo', '/debug'])
      expect((await get(path)).status).toBe(404);
  });

  it('says that its data is stale', async () => {
    now = day.NOW + day.hotlineDown.staleAfterMs + 60_000;
    const text = await (await get('/en/')).text();
    now = day.NOW;
    expect(/<p class="banner" id="stale"([^>]*)>/.exec(text)?.[1]).not.toContain('hidden');
    expect(/<p class="banner" id="stale"([^>]*)>/.exec(await (await get('/en/')).text())?.[1]).toContain('hidden');
  });

  it('S-J5 tells the reader of trouble in fixed words with an id, and us the rest', async () => {
    const told: unknown[] = [];
    let fail = false;
    const snapshot = () => {
      if (fail) throw new Error('secret-detail /etc/shadow');
      return day.good;
    };
    const door = await openPublic({
      pages,
      snapshot,
      listen: ANY,
      now: () => now,
      complain: (id, error) => told.push([id, error]),
    });
    fail = true;
    const response = await get('/en/', {}, door);
    const text = await response.text();
    await door.close();
    expect(response.status).toBe(500);
    expect(text).not.toMatch(/secret-detail|shadow|at /);
    expect(told).toHaveLength(1);
    expect(text).toContain((told[0] as [string])[0]);
  });

  it('keeps the page below 20 kB compressed', async () => {
    // The most that a page lists, and no two of them alike.
    const [allDown] = day.allDown.providers;
    const crowded = day.snapshot({
      channels: Array.from({ length: 12 }, (_, at) => ({ ...(allDown?.channels[at % 4] ?? day.CHAT), id: `c${at}` })),
      incidents: Array.from({ length: 40 }, (_, at) => ({
        ...{
          id: `dompet.c${at}.${(at * 7919).toString(36)}`,
          channel: `c${at % 12}`,
          openedAt: day.NOW - at * 7_919_000,
        },
        ...{ resolvedAt: day.NOW - at * 5_000_000, impact: 'outage', cause: 'refused', updates: [] },
      })),
      notices: Array.from({ length: 20 }, (_, at) => ({
        ...{ channel: 'c0', title: `${at} ${'Pemeliharaan sistem '.repeat(9)}`, link: `https://dompet.example/${at}` },
        ...{ kind: 'maintenance', from: day.NOW + at, until: day.NOW + at * 9, zoneExplicit: false, touches: [] },
      })),
    });
    for (const snapshot of [day.good, day.hotlineDown, day.allDown, day.rush, crowded])
      for (const language of ['id', 'en', 'zh']) {
        shown = snapshot;
        const text = await (await get(`/${language}/dompet/`)).text();
        expect(text).toContain('</html>');
        expect(gzipSync(text).length).toBeLessThan(20_000);
      }
    shown = day.hotlineDown;
  });
});

describe('the page', () => {
  it('S-B1 shows hostile texts as they are and runs none of them', async () => {
    shown = day.hostile;
    for (const path of ['/en/', `/en/${day.DOMPET.id}/c0`]) {
      const text = await (await get(path)).text();
      expect(text).not.toMatch(/<img src=x|<script>alert|<svg onload/);
      expect(text).not.toContain('\u0000');
    }
    const json = (await (await get('/api/v2/components.json')).json()) as { components: { name: string }[] };
    expect(json.components.map((each) => each.name)).toEqual(expect.arrayContaining([day.HOSTILE_TEXTS[0]]));
    shown = day.hotlineDown;
  });

  it('S-B2 links only where people may be led', async () => {
    shown = day.hostile;
    const text = await (await get('/en/')).text();
    shown = day.hotlineDown;
    const links = [...text.matchAll(/href="([^"]*)"/g)].map((match) => match[1] ?? '');
    for (const link of links) expect(link).toMatch(/^(?:\/(?!\/)|#|https?:\/\/(?!evil)|mailto:|tel:|sips?:|data:,$)/);
    expect(text).not.toMatch(/javascript:alert\(1\)"|vbscript:msgbox\(1\)"/);
  });

  it('S-B6 says the enumerated reason only', async () => {
    const text = await (await get('/en/')).text();
    expect(text).not.toMatch(/TCP_REFUSED|ECONNREFUSED|127\.0\.0\.1|target/);
  });

  it('has no inline script or style and asks nobody else', async () => {
    for (const snapshot of [day.good, day.allDown, day.two]) {
      shown = snapshot;
      const text = await (await get('/zh/')).text();
      expect(text).not.toMatch(/<style|style="|<script(?![^>]*src=)|\son[a-z]+="/);
      for (const [, source = ''] of text.matchAll(/(?:src|href)="([^"]*\.(?:js|css|svg|png)[^"]*)"/g))
        expect(source).toMatch(/^\/[^/]/);
    }
    shown = day.hotlineDown;
  });
});

describe('Statuspage’s JSON', () => {
  const json = async (name: string): Promise<Record<string, unknown>> =>
    (await (await get(`/api/v2/${name}.json`)).json()) as Record<string, unknown>;

  it('has the shape that clients know', async () => {
    const summary = await json('summary');
    expect(Object.keys(summary).sort()).toEqual([
      'components',
      'incidents',
      'page',
      'scheduled_maintenances',
      'status',
    ]);
    expect(summary['status']).toMatchObject({
      indicator: expect.stringMatching(/^(none|minor|major|critical|maintenance)$/) as string,
      description: expect.any(String) as string,
    });
    expect(summary['page']).toMatchObject({
      id: expect.any(String) as string,
      name: expect.any(String) as string,
      updated_at: expect.any(String) as string,
    });
    expect(await json('status')).toEqual({ page: summary['page'], status: summary['status'] });
    for (const name of [
      'components',
      'incidents',
      'incidents/unresolved',
      'scheduled-maintenances',
      'scheduled-maintenances/upcoming',
      'scheduled-maintenances/active',
    ])
      expect(Object.keys(await json(name))).toContain('page');
  });

  it('maps what Statuspage does not know: closed is operational with words, unknown is degraded', async () => {
    shown = day.snapshot({
      channels: [
        { ...day.HOTLINE, status: 'closed' },
        { ...day.CHAT, status: 'unknown' },
      ],
    });
    const { components } = (await json('components')) as {
      components: { id: string; status: string; description: string | null }[];
    };
    shown = day.hotlineDown;
    const of = (id: string) => components.find((each) => each.id.endsWith(`.${id}`));
    expect(of('hotline')).toMatchObject({
      status: 'operational',
      description: expect.stringMatching(/closed/i) as string,
    });
    expect(of('chat')?.status).toBe('degraded_performance');
  });

  it('lists the open incident as unresolved, with its updates', async () => {
    const { incidents } = (await json('incidents/unresolved')) as {
      incidents: { resolved_at: string | null; incident_updates: unknown[] }[];
    };
    expect(incidents.length).toBeGreaterThan(0);
    for (const each of incidents) {
      expect(each.resolved_at).toBeNull();
      expect(each.incident_updates.length).toBeGreaterThan(0);
    }
  });
});

describe('the operator listener', () => {
  it('lists what it has, and serves metrics and health', async () => {
    const home = await (await get('/', {}, back)).text();
    for (const path of ['/metrics', '/healthz', '/readyz', '/demo']) expect(home).toContain(`href="${path}"`);
    expect(await (await get('/metrics', {}, back)).text()).toBe('ringback_blind 0\n');
    expect((await get('/healthz', {}, back)).status).toBe(200);
    expect((await get('/readyz', {}, back)).status).toBe(503);
    alive = false;
    expect((await get('/healthz', {}, back)).status).toBe(503);
    alive = true;
  });

  const press = (headers: Record<string, string>, body = 'desk=phone&fault=busy') =>
    fetch(new URL('/demo', back.url), {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body,
    });

  it('S-D3 takes a form from its own page only', async () => {
    posted.length = 0;
    const own = await press({ origin: new URL(back.url).origin });
    expect([own.status, own.headers.get('location'), posted]).toEqual([
      303,
      '/demo',
      [{ desk: 'phone', fault: 'busy' }],
    ]);
    expect((await press({ origin: 'https://evil.example' })).status).toBe(403);
    expect((await press({ origin: 'null' })).status).toBe(403);
    expect((await press({ 'sec-fetch-site': 'cross-site', origin: new URL(back.url).origin })).status).toBe(403);
    expect(posted).toHaveLength(1);
  });

  it('S-C1 S-B9 reads small plain forms and nothing else', async () => {
    const origin = new URL(back.url).origin;
    expect((await press({ origin }, `x=${'a'.repeat(20_000)}`)).status).toBe(413);
    expect((await press({ origin, 'content-encoding': 'gzip' }, 'x')).status).toBe(415);
    posted.length = 0;
    await press({ origin }, 'a[__proto__][x]=1&constructor.prototype.y=2');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    expect(({} as Record<string, unknown>)['y']).toBeUndefined();
  });

  it('S-D1 S-D8 asks for the token, only in the header', async () => {
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    expect((await get('/demo', {}, guarded)).status).toBe(401);
    expect((await get('/demo', bearer('wrong'), guarded)).status).toBe(401);
    expect((await get('/demo', bearer('let-me-in-please'), guarded)).status).toBe(200);
    expect((await get('/demo?token=let-me-in-please', {}, guarded)).status).toBe(400);
    expect((await get('/healthz', {}, guarded)).status).toBe(200);
    expect((await get('/metrics', {}, guarded)).status).toBe(200);
  });
});
