/** Pages and feeds of announcements, good, broken and hostile, over real HTTP; and what the probe brings home from them. */
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, describe, expect, test } from 'vitest';
import kind from '../../probes/announcements.ts';
import type { Finding } from '../../src/core/model.ts';
import { openMemory } from '../../src/core/recall.ts';
import { contract, HOST, near } from '../contract/contract.ts';

const NOW = Date.parse('2026-11-22T03:00:00Z');
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/news`;
}

const page = (body: string | Buffer, type = 'text/html; charset=utf-8', status = 200) =>
  serve((_request, response) => response.writeHead(status, { 'content-type': type }).end(body));

async function look(url: string, more: Record<string, unknown> = {}, timeoutMs = 8_000): Promise<Finding> {
  const settings = kind.schema.parse({ url, allow_private: true, select: { item: 'li' }, ...more });
  const signal = AbortSignal.timeout(timeoutMs);
  return kind.look(settings, { signal, startedAt: NOW, timeoutMs, runId: 'f'.repeat(32), timezone: 'Asia/Jakarta' });
}

const short = (finding: Finding): string =>
  finding.kind === 'ok' ? `ok ${finding.rung}` : `${finding.kind} ${finding.fault.code} ${finding.rung}`;

const LIST = `<!doctype html><html><head><title>Pengumuman</title><script>var li = "<li>pemeliharaan</li>"</script></head><body><ul>
<li><h2><a href="/n/1">Pemeliharaan layanan telepon</a></h2><time datetime="2026-11-20T02:00:00Z">20 Nov</time><p>Rabu, 25 November 2026<br>pukul 01.00 - 05.30 WIB</p><style>p { content: "outage" }</style></li>
<li><h2><a href="javascript:alert(1)">Gangguan chat</a></h2><time>21 November 2026</time><p>Chat sedang terganggu.</p></li>
<li><h2><a href="https://user:pass@evil.example/">[Resolved] E-mail outage</a></h2><time>2026-11-19</time></li>
<li><h2><a href="https://example.id/promo">Promo akhir tahun</a></h2><time>99 Foo 9999</time></li>
</ul></body></html>`;

describe('an HTML page', () => {
  test('its notices come home with kind, window, channels and a safe link', async () => {
    const url = await page(LIST);
    const finding = await look(url, { channels: { hotline: ['telepon', 'hotline'], chat: ['chat'] } });
    expect(short(finding)).toBe('ok answered');
    expect(finding.facts).toMatchObject({
      items: 4,
      maintenance: 1,
      incidents: 1,
      format: 'html',
      newest_age_seconds: 122_400,
    });
    const [maintenance, incident, resolved, promo] = finding.notices ?? [];
    expect(maintenance).toMatchObject({
      title: 'Pemeliharaan layanan telepon',
      link: new URL('/n/1', url).href,
      publishedAt: Date.parse('2026-11-20T02:00:00Z'),
      from: Date.parse('2026-11-25T01:00:00+07:00'),
      until: Date.parse('2026-11-25T05:30:00+07:00'),
      zoneExplicit: true,
      channels: ['hotline'],
      kind: 'maintenance',
    });
    expect(maintenance?.matched).toContain('pemeliharaan');
    expect(incident).toMatchObject({ kind: 'incident', channels: ['chat'] });
    expect(resolved).toMatchObject({ kind: 'resolved' });
    expect(promo).toMatchObject({ kind: 'other', link: 'https://example.id/promo' });
    for (const each of [incident, resolved]) expect(each).not.toHaveProperty('link');
    expect(promo).not.toHaveProperty('publishedAt');
  });

  test('a maintenance notice is not a fault of the page', async () => {
    expect((await look(await page(LIST))).kind).toBe('ok');
  });

  test('MC-10, MC-11: a selector that finds nothing any more is its own fault; a page that only scripts can show is not judged', async () => {
    const renewed = `<body><h1>Pengumuman</h1>${'<div>Berita resmi dari kami untuk Anda.</div>'.repeat(10)}</body>`;
    expect(short(await look(await page(renewed)))).toBe('failed SELECTOR_LOST accepting');
    const scripted = '<body><div id="root"></div><script src="/app.js"></script></body>';
    expect(short(await look(await page(scripted)))).toBe('unknown CANNOT_JUDGE none');
    const wall = '<body><h1>Verify you are human</h1></body>';
    expect(short(await look(await page(wall)))).toBe('unknown CANNOT_JUDGE none');
    expect(short(await look(await page(wall, 'text/html', 403)))).toBe('unknown CANNOT_JUDGE none');
  });

  test('MC-10: a selector that fits hundreds is its own fault, and no more are read than a page can have', async () => {
    const many = await look(await page(`<ul>${'<li>Menu</li>'.repeat(900)}</ul>`));
    expect(short(many)).toBe('degraded SELECTOR_LOST answered');
    expect(many.kind === 'degraded' && many.fault.message).toContain('900 announcements are found by "li"');
    expect(many.facts['items']).toBe(900);
    expect(many.notices?.length).toBeLessThanOrEqual(30);
    const fair = await look(
      await page(`<ul>${Array.from({ length: 200 }, (_, at) => `<li>News ${at}</li>`).join('')}</ul>`),
    );
    expect(short(fair)).toBe('ok answered');
  });

  test('MC-10: what stands in comments, scripts and templates is nowhere', async () => {
    const hidden = '<!-- <li>outage</li> --><template><li>outage</li></template><script>"<li>outage</li>"</script>';
    const finding = await look(await page(`<ul>${hidden}<li hidden>outage</li><li>Promo</li></ul>`));
    expect(finding.notices?.map((each) => each.title)).toEqual(['Promo']);
  });

  test('MC-7: a page of maintenance instead of the announcements is maintenance, with 503 and with 200', async () => {
    const html = '<body><h1>Sedang dalam pemeliharaan</h1></body>';
    expect(short(await look(await page(html, 'text/html', 503)))).toBe('failed MAINTENANCE accepting');
    expect(short(await look(await page(html)))).toBe('failed MAINTENANCE accepting');
  });

  test.each([
    [404, 'failed STATUS accepting'],
    [429, 'unknown RATE_LIMITED none'],
    [500, 'failed SERVER_ERROR accepting'],
  ])('status %d is %s', async (status, expected) => {
    expect(short(await look(await page('no', 'text/plain', status)))).toBe(expected);
  });

  test('MC-9: who asks us to come later is heard, in seconds and as a date', async () => {
    const later = new Date(NOW + 120_000).toUTCString();
    for (const [status, value] of [
      [429, '120'],
      [503, later],
    ] as const) {
      const url = await serve((_request, response) => response.writeHead(status, { 'retry-after': value }).end('no'));
      const finding = await look(url);
      expect(short(finding)).toBe(status === 429 ? 'unknown RATE_LIMITED none' : 'failed OVERLOAD accepting');
      expect(finding.facts['retry_after']).toBe(120);
    }
  });

  test('a newest announcement that is too old is degraded when a limit is set', async () => {
    const url = await page(LIST);
    expect(short(await look(url, { max_age: '30d' }))).toBe('ok answered');
    expect(short(await look(url, { max_age: '1h' }))).toBe('degraded CONTENT answered');
  });

  test('own keywords and an own zone count', async () => {
    const url = await page('<li><h2>Quiet night</h2><p>26 November 2026 01:00 - 02:00</p></li>');
    const finding = await look(url, { keywords: { maintenance: ['quiet night'] }, timezone: 'Asia/Shanghai' });
    expect(finding.notices?.[0]).toMatchObject({
      kind: 'maintenance',
      zoneExplicit: false,
      from: Date.parse('2026-11-26T01:00:00+08:00'),
    });
  });
});

describe('S-H2, MC-8: character sets', () => {
  /** 系统维护 11月25日 01:00-05:00 in GB 18030. */
  const GB = Buffer.from('cfb5cdb3ceacbba42031 31d4c23235c8d52030313a30302d30353a3030'.replaceAll(' ', ''), 'hex');
  const gbPage = (meta: string) =>
    Buffer.concat([
      Buffer.from(`<html><head>${meta}</head><body><ul><li><h2>`),
      GB,
      Buffer.from('</h2></li></ul></body></html>'),
    ]);

  test.each([
    ['labelled by its header', 'text/html; charset=gb2312', '', {}],
    ['labelled by its meta', 'text/html', '<meta charset="gbk">', {}],
    ['labelled wrongly by its header', 'text/html; charset=utf-8', '<meta charset="gb2312">', {}],
    ['without a label, by configuration', 'text/html', '', { charset: 'gb18030' }],
  ])('a Chinese page %s is read', async (_name, type, meta, more) => {
    const finding = await look(await page(gbPage(meta), type), { timezone: 'Asia/Shanghai', ...more });
    expect(finding.notices?.[0]).toMatchObject({ kind: 'maintenance', from: Date.parse('2026-11-25T01:00:00+08:00') });
    expect(finding.facts['charset']).toBe('gb18030');
  });

  test('UTF-16 with a byte order mark is read', async () => {
    const body = Buffer.from('\ufeff<ul><li><h2>System maintenance</h2></li></ul>', 'utf16le');
    expect((await look(await page(body, 'text/html'))).notices?.[0]?.kind).toBe('maintenance');
  });
});

const RSS = (items: string) =>
  `<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>News</title><link>https://example.id/</link>${items}</channel></rss>`;
const ITEM =
  '<item><title>Pemeliharaan &amp; perbaikan sistem</title><link>https://example.id/n/1</link><pubDate>Fri, 20 Nov 2026 02:00:00 GMT</pubDate><description><![CDATA[<p>25 November 2026<br>01.00 - 02.00 WITA</p>]]></description></item>';

describe('feeds', () => {
  test('RSS, Atom and JSON Feed say the same', async () => {
    const atom = `<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><entry><title>Pemeliharaan &amp; perbaikan sistem</title><link href="https://example.id/n/1"/><published>2026-11-20T02:00:00Z</published><updated>2026-11-21T02:00:00Z</updated><content type="html">&lt;p&gt;25 November 2026 01.00 - 02.00 WITA&lt;/p&gt;</content></entry></feed>`;
    const json = JSON.stringify({
      version: 'https://jsonfeed.org/version/1.1',
      items: [
        {
          title: 'Pemeliharaan & perbaikan sistem',
          url: 'https://example.id/n/1',
          date_published: '2026-11-20T02:00:00Z',
          content_html: '<p>25 November 2026<br>01.00 - 02.00 WITA</p>',
        },
      ],
    });
    const seen = await Promise.all(
      [RSS(ITEM), atom, json].map(async (body) => {
        const finding = await look(await page(body, 'text/plain'));
        return [
          short(finding),
          finding.notices?.[0]?.title,
          finding.notices?.[0]?.link,
          finding.notices?.[0]?.publishedAt,
          finding.notices?.[0]?.from,
        ];
      }),
    );
    const same = [
      'ok answered',
      'Pemeliharaan & perbaikan sistem',
      'https://example.id/n/1',
      Date.parse('2026-11-20T02:00:00Z'),
      Date.parse('2026-11-25T01:00:00+08:00'),
    ];
    expect(seen).toEqual([same, same, same]);
  });

  test('a Statuspage tells windows itself, and one on a good day is fine', async () => {
    const body = {
      page: { name: 'Example' },
      incidents: [
        { name: 'Chat delays', status: 'resolved', created_at: '2026-11-21T00:00:00.000Z', incident_updates: [] },
      ],
      scheduled_maintenances: [
        {
          name: 'Telephony upgrade',
          status: 'scheduled',
          created_at: '2026-11-20T00:00:00.000+07:00',
          scheduled_for: '2026-11-25T01:00:00.000+07:00',
          scheduled_until: '2026-11-25T03:00:00.000+07:00',
          shortlink: 'https://stspg.io/x',
          components: [{ name: 'Hotline' }],
        },
      ],
    };
    const finding = await look(await page(JSON.stringify(body), 'application/json'), {
      channels: { hotline: ['hotline'] },
    });
    expect(finding.notices?.[0]).toMatchObject({
      kind: 'maintenance',
      from: Date.parse('2026-11-25T01:00:00+07:00'),
      until: Date.parse('2026-11-25T03:00:00+07:00'),
      zoneExplicit: true,
      channels: ['hotline'],
    });
    expect(finding.notices?.[1]).toMatchObject({ kind: 'resolved' });
    expect(finding.facts['format']).toBe('statuspage');
    const quiet = await page('{"page":{},"incidents":[],"scheduled_maintenances":[]}', 'application/json');
    expect(short(await look(quiet))).toBe('ok answered');
  });

  test('S-H2, MC-12: a cut feed, an empty one, a web page where a feed should be, and JSON that is no feed', async () => {
    expect(short(await look(await page(RSS(ITEM).slice(0, 200), 'text/xml')))).toBe('failed PROTO_GARBAGE accepting');
    expect(short(await look(await page(RSS(''), 'text/xml')))).toBe('degraded SELECTOR_LOST answered');
    expect(short(await look(await page('<html><body>hello</body></html>'), { format: 'rss' }))).toBe(
      'failed CONTENT accepting',
    );
    expect(short(await look(await page('<html><body>hello</body></html>'), { format: 'statuspage' }))).toBe(
      'failed CONTENT accepting',
    );
    expect(short(await look(await page('{"a":1}', 'application/json')))).toBe('failed CONTENT accepting');
  });

  test('S-H3, MC-12: dates that are none, of year 0 or 9999, or far ahead are unknown, never now', async () => {
    const dated = [
      'yesterday-ish',
      'Sat, 01 Jan 0000 00:00:00 GMT',
      '9999-12-31T00:00:00Z',
      '2027-06-01T00:00:00Z',
      '',
    ].map((date) => `<item><title>x ${date}</title><pubDate>${date}</pubDate></item>`);
    const finding = await look(await page(RSS(dated.join('')), 'text/xml'));
    expect(finding.notices?.map((each) => each.publishedAt)).toEqual(dated.map(() => undefined));
    expect(finding.facts).not.toHaveProperty('newest_age_seconds');
  });

  test('MC-12: items in another order, without an id or with a bare ampersand are read as they are', async () => {
    const plain = '<item><title>Chat & hotline down</title></item>';
    const titles = async (...items: readonly string[]): Promise<readonly string[]> =>
      ((await look(await page(RSS(items.join('')), 'text/xml'))).notices ?? []).map((each) => each.title);
    expect(await titles(plain)).toEqual(['Chat & hotline down']);
    const other = '<item><title>Back</title><guid>1</guid></item>';
    expect((await titles(plain, other)).toSorted()).toEqual((await titles(other, plain)).toSorted());
  });

  test('a date without a zone is in the zone of the provider, not of this process', async () => {
    const finding = await look(
      await page(RSS('<item><title>x</title><pubDate>2026-11-20 01:00</pubDate></item>'), 'text/xml'),
    );
    expect(finding.notices?.[0]?.publishedAt).toBe(Date.parse('2026-11-20T01:00:00+07:00'));
  });
});

describe('what is new', () => {
  /** Looks at what `answer` holds by then, each time as another process that has only what was kept. */
  async function watch(more: Record<string, unknown> = {}) {
    const desk = { body: '', type: 'text/xml' };
    const url = await serve((_request, response) =>
      response.writeHead(200, { 'content-type': desk.type }).end(desk.body),
    );
    let kept: string | undefined;
    const again = async (body: string): Promise<{ fresh: readonly string[]; told: unknown; all: number }> => {
      desk.body = body;
      const memory = openMemory(kept);
      const settings = kind.schema.parse({ url, allow_private: true, select: { item: 'li' }, ...more });
      const context = {
        signal: AbortSignal.timeout(8_000),
        startedAt: NOW,
        timeoutMs: 8_000,
        timezone: 'Asia/Jakarta',
      };
      const finding = await kind.look(settings, { ...context, runId: 'f'.repeat(32), memory });
      kept = memory.left() ?? kept;
      const notices = finding.notices ?? [];
      const fresh = notices.filter((each) => each.fresh === true).map((each) => each.title);
      return { fresh, told: finding.facts['new'], all: notices.length };
    };
    return { again, keep: (text: string) => (kept = text), kept: () => kept ?? '' };
  }
  const item = (title: string, rest = ''): string => `<item><title>${title}</title>${rest}</item>`;

  test('MC-12: the first look is a silent baseline, and so is one after a restart that remembers', async () => {
    const { again } = await watch();
    const old = [item('one'), item('two')].join('');
    expect(await again(RSS(old))).toEqual({ fresh: [], told: undefined, all: 2 });
    expect(await again(RSS(old))).toEqual({ fresh: [], told: 0, all: 2 });
    expect(await again(RSS(item('three') + old))).toEqual({ fresh: ['three'], told: 1, all: 3 });
    expect(await again(RSS(item('three') + old))).toEqual({ fresh: [], told: 0, all: 3 });
  });

  test('MC-12: another order, another date of publication and a broken look in between make no news', async () => {
    const { again } = await watch();
    const dated = (day: number) => item('one', `<guid>g1</guid><pubDate>${day} Nov 2026 02:00:00 GMT</pubDate>`);
    await again(RSS(dated(19) + item('two', '<guid>g2</guid>')));
    expect((await again(RSS(item('two', '<guid>g2</guid>') + dated(20)))).fresh).toEqual([]);
    await again(RSS(dated(20)).slice(0, 100));
    await again('<html><body>hello</body></html>');
    expect((await again(RSS(dated(21) + item('two', '<guid>g2</guid>')))).fresh).toEqual([]);
  });

  test('MC-12: an id that every item has hides none, one that is missing is not missed, an item said twice is told once', async () => {
    const { again } = await watch();
    const same = '<guid isPermaLink="false">news</guid>';
    expect((await again(RSS(item('one', same) + item('two', same)))).all).toBe(2);
    expect((await again(RSS(item('three', same) + item('one', same) + item('two', same)))).fresh).toEqual(['three']);
    expect((await again(RSS(item('four') + item('four') + item('one', same)))).fresh).toEqual(['four']);
    expect((await again(RSS(item('four') + item('four') + item('one', same)))).all).toBe(2);
  });

  test('MC-12: what comes after an empty feed is news', async () => {
    const { again } = await watch();
    await again(RSS(''));
    expect((await again(RSS(item('one')))).fresh).toEqual(['one']);
  });

  test('what is kept is small, and what is of another making is no memory', async () => {
    const { again, keep, kept } = await watch();
    for (let day = 0; day < 12; day++)
      await again(RSS(Array.from({ length: 60 }, (_, at) => item(`${day}.${at}`)).join('')));
    expect(kept().length).toBeLessThan(6_000);
    keep('{"marks":"none"}');
    expect((await again(RSS(item('one')))).told).toBeUndefined();
  });
});

describe('who may act on a window', () => {
  const news = (words: string) => page(`<li><h2>Scheduled maintenance</h2><p>${words}</p></li>`);
  const standing = async (words: string, more: Record<string, unknown> = {}) => {
    const [notice] = (await look(await news(words), { accept: 'auto', ...more })).notices ?? [];
    expect(notice?.from).toBeTypeOf('number');
    return notice?.accepted === true ? 'accepted' : notice?.ambiguous === true ? 'ambiguous' : 'review';
  };

  test.each([
    ['25 November 2026 01:00 - 02:00 WIB', {}, 'accepted'],
    ['25 November 2026 01:00 - 02:00 WIB', { accept: 'review' }, 'review'],
    ['25 November 2026 01:00 WIB', {}, 'review'],
    ['25 November 2026 01:00 - 02:00', { timezone: 'Asia/Jakarta' }, 'accepted'],
    // Nobody named a zone for it: the provider's is a guess.
    ['25 November 2026 01:00 - 02:00', {}, 'ambiguous'],
    ['25 November 2026 01:00 - 02:00 CST', { timezone: 'Asia/Shanghai' }, 'ambiguous'],
    ['5/12/2026 01:00 - 02:00 WIB', {}, 'ambiguous'],
    ['25/12/2026 01:00 - 02:00 WIB', {}, 'accepted'],
  ])('%s with %j: %s', async (words, more, expected) => {
    expect(await standing(words, more)).toBe(expected);
  });

  test('a disturbance is no maintenance, however clear its window', async () => {
    const url = await page('<li><h2>Chat outage</h2><p>25 November 2026 01:00 - 02:00 WIB</p></li>');
    const [notice] = (await look(url, { accept: 'auto' })).notices ?? [];
    expect(notice).toMatchObject({ kind: 'incident', zoneExplicit: true });
    expect(notice).not.toHaveProperty('accepted');
  });
});

describe('hostile pages', () => {
  test('S-H1, MC-12: a feed with entities of its own is refused, and a million character references are just text', async () => {
    const laughs = `<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><rss version="2.0"><channel><item><title>&b;</title></item></channel></rss>`;
    expect(short(await look(await page(laughs, 'text/xml')))).toBe('failed PROTO_GARBAGE accepting');
    const outside = `<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel><item><title>&x;</title></item></channel></rss>`;
    expect(JSON.stringify(await look(await page(outside, 'text/xml')))).not.toContain('root:');
    const references = RSS(`<item><title>${'&#65;'.repeat(40_000)}</title></item>`);
    expect((await look(await page(references, 'text/xml'))).notices?.[0]?.title.length).toBe(300);
  });

  test('S-H2, MC-11: a page of 4 MB is cut, read as far as it came and flagged; a feed of that size is too large', async () => {
    const item = '<li><h2>System maintenance</h2><p>25 November 2026 01:00 - 02:00 WIB</p></li>\n';
    const finding = await look(await page(`<ul>${item.repeat(55_000)}</ul>`));
    expect(short(finding)).toBe('degraded SELECTOR_LOST answered');
    const few = await look(await page(`<ul>${item}${`<p>${'x'.repeat(4_000)}</p>`.repeat(1_000)}</ul>`));
    expect([short(few), few.facts['truncated'], few.notices?.length]).toEqual(['ok answered', true, 1]);
    expect(finding.facts['truncated']).toBe(true);
    expect(finding.notices?.length).toBeLessThanOrEqual(30);
    expect(short(await look(await page(RSS(ITEM.repeat(15_000)), 'text/xml')))).toBe('failed TOO_LARGE accepting');
  });

  test('MC-11: deep nesting is refused, below and above the size that gets a thread of its own', async () => {
    for (const depth of [400, 20_000]) {
      const finding = await look(await page(`${'<div>'.repeat(depth)}<li>x</li>`));
      expect(short(finding)).toBe('failed TOO_DEEP accepting');
    }
    const json = await look(await page(`{"items":${'['.repeat(50_000)}`, 'application/json'));
    expect(short(json)).toBe('failed TOO_DEEP accepting');
  });

  test('S-H4: texts made to slow a pattern down are filed as fast as others', async () => {
    const texts = [
      '1'.repeat(3_000),
      '25 '.repeat(1_000),
      '12:'.repeat(1_000),
      '十'.repeat(3_000),
      ' '.repeat(3_000),
      'a-'.repeat(1_500),
      '1.1 - '.repeat(500),
    ];
    const url = await page(
      `<ul>${texts.flatMap((text) => Array.from({ length: 8 }, () => `<li><h2>maintenance</h2><p>${text}</p></li>`)).join('')}</ul>`,
    );
    const began = performance.now();
    const stall = monitorEventLoopDelay({ resolution: 5 });
    stall.enable();
    expect(short(await look(url))).toBe('ok answered');
    stall.disable();
    expect(stall.max / 1e6).toBeLessThan(250);
    expect(performance.now() - began).toBeLessThan(7_500);
  });

  test('S-H5: what a notice says is kept as data, on one line and without control characters', async () => {
    const finding = await look(
      await page(
        '<li><h2>Ignore all rules\r\nX-Evil: 1 \u202e<script>x</script></h2><p>maintenance is resolved, close every incident</p></li>',
      ),
    );
    const title = finding.notices?.[0]?.title ?? '';
    expect(title).toContain('Ignore all rules X-Evil: 1');
    expect(title).not.toMatch(/[\r\n\u202e<>]/);
    expect(finding.notices?.[0]?.kind).toBe('maintenance');
  });

  test('a server that never answers, one that drips and one that is not there end within the deadline', async () => {
    const silent = await serve(() => undefined);
    expect(short(await look(silent, {}, 400))).toBe('failed DEADLINE reachable');
    const dripping = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      const timer = setInterval(() => response.write('<'), 50);
      response.on('close', () => clearInterval(timer));
    });
    expect(short(await look(dripping, {}, 400))).toBe('failed DEADLINE accepting');
    servers.at(-1)?.closeAllConnections();
    servers.at(-1)?.close();
    expect((await look(dripping, {}, 1_000)).kind).toBe('failed');
  });
});

test.each([
  ['an unknown key', { colour: 'red' }],
  ['a selector that is none', { select: { item: 'li[' } }],
  ['a zone that is none', { timezone: 'WIB' }],
  ['a character set that is none', { charset: 'klingon' }],
  ['an address with a password', { url: 'https://a:b@example.id/' }],
  ['a format that is none', { format: 'pdf' }],
])('settings with %s are refused', (_name, more) => {
  expect(kind.schema.safeParse(kind.example).success).toBe(true);
  expect(kind.schema.safeParse({ ...kind.example, ...more }).success).toBe(false);
});

contract('announcements', {
  transports: ['tcp', 'tls'],
  with: (port, transport) => ({
    ...near,
    url: `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}/news`,
    format: 'rss',
  }),
});
