/** The `help-center` kind against small sites: articles right, wrong and stale, and the way to support open, long, dead and walled. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import helpCenter from '../../probes/help-center.ts';
import { goal } from '../../probes/lib/crawl.ts';
import type { Finding } from '../../src/core/model.ts';
import { closedPort, portOf } from '../lib/servers.ts';
import { contract, HOST, near } from '../contract/contract.ts';

const NOW = Date.UTC(2026, 10, 22, 6);
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Answer = string | { readonly status?: number; readonly headers?: Record<string, string>; readonly body?: string };

async function site(
  pages: Readonly<Record<string, Answer>>,
): Promise<{ url: string; asked: string[]; most: () => number }> {
  const asked: string[] = [];
  let at = 0;
  let most = 0;
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    most = Math.max(most, (at += 1));
    response.once('close', () => (at -= 1));
    const answer = pages[request.url ?? ''] ?? { status: 404, body: '<h1>Not found</h1>' };
    const { status = 200, headers = {}, body = '' } = typeof answer === 'string' ? { body: answer } : answer;
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', ...headers }).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return { url: `http://127.0.0.1:${portOf(server)}`, asked, most: () => most };
}

function look(settings: Record<string, unknown>, timeoutMs = 10_000): Promise<Finding> {
  const parsed = helpCenter.schema.parse({ allow_private: true, ...settings });
  const runId = '0123456789abcdef0123456789abcdef';
  const signal = AbortSignal.timeout(timeoutMs);
  return helpCenter.look(parsed, { signal, startedAt: NOW, timeoutMs, runId, timezone: 'UTC' });
}

const faultOf = (finding: Finding) => (finding.kind === 'ok' ? undefined : finding.fault);
const page = (body: string, head = ''): string =>
  `<!doctype html><html><head><title>Bantuan</title>${head}</head><body>${body}</body></html>`;
const link = (to: string, text = 'link'): string => `<a href="${to}">${text}</a>`;
const UNLOCK = page(
  '<h1>Membuka akun yang terkunci</h1><p>Akun terbuka sendiri setelah 30 menit. Jika tidak, hubungi kami.</p>',
);
const FILLER =
  '<p>Silakan pilih topik yang ingin Anda ketahui, atau gunakan kolom pencarian untuk menemukan jawaban dari kami.</p>';

describe('articles', () => {
  const articles = {
    '/': page(FILLER),
    '/unlock': UNLOCK,
    '/refund': page('<p>Refunds: the money is back in your balance within 3 days.</p>'),
  };

  it('that are there and say what they should are fine', async () => {
    const { url, asked } = await site(articles);
    const finding = await look({
      home: url,
      pages: [
        { url: `${url}/unlock`, contains: ['terkunci', '30 menit'], language: 'id' },
        { url: `${url}/refund`, contains: '3 days', language: ['id', 'en'] },
      ],
    });
    expect(finding).toMatchObject({
      kind: 'ok',
      rung: 'answered',
      facts: { pages: 2, pages_lost: 0, languages: ['id', 'en'] },
    });
    expect(asked).toEqual(['/', '/unlock', '/refund']);
  });

  it('in another language than promised are a barrier and no outage', async () => {
    const { url } = await site(articles);
    const finding = await look({ home: url, pages: [{ url: `${url}/refund`, language: 'zh' }] });
    expect(finding).toMatchObject({ kind: 'degraded', fault: { code: 'LANGUAGE', cause: 'wrong_content' } });
    expect(faultOf(finding)?.message).toContain('/refund: the text is in English, not in Chinese');
  });

  it('of which one is gone degrade, of which all are gone fail', async () => {
    const { url } = await site(articles);
    const [gone, there] = [{ url: `${url}/gone` }, { url: `${url}/unlock` }];
    expect(await look({ home: url, pages: [there, gone] })).toMatchObject({
      kind: 'degraded',
      fault: { code: 'STATUS' },
      facts: { pages_lost: 1 },
    });
    expect(await look({ home: url, pages: [gone] })).toMatchObject({ kind: 'failed', fault: { code: 'STATUS' } });
  });

  it('with the words only where nobody sees them do not have them [MC-10]', async () => {
    const { url } = await site({
      '/': page(FILLER),
      '/a': page(`${FILLER}${FILLER}<!-- OTP --><template>OTP</template><p hidden>OTP</p><script>"OTP"</script>`),
    });
    const finding = await look({ home: url, pages: [{ url: `${url}/a`, contains: 'OTP' }] });
    expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'CONTENT' } });
  });

  it.each([
    ['<time datetime="2026-11-01">', {}, 'ok'],
    ['<time datetime="2025-01-01">', {}, 'degraded'],
    ['<time datetime="2025-01-01"><time datetime="2026-11-10">', {}, 'ok'],
    ['<meta property="article:modified_time" content="2024-05-05T00:00:00Z">', {}, 'degraded'],
    ['', { 'last-modified': 'Wed, 01 Jan 2025 00:00:00 GMT' }, 'degraded'],
    ['<time datetime="2999-01-01">', {}, 'ok'],
    ['<time datetime="soon">', {}, 'ok'],
    ['', {}, 'ok'],
  ])('dated %s %j are %s with a greatest age of 90 days (S-H3)', async (date, headers, kind) => {
    const { url } = await site({ '/': page(FILLER), '/a': { headers, body: page(FILLER + date) } });
    expect(await look({ home: url, pages: [{ url: `${url}/a`, max_age: '90d' }] })).toMatchObject({ kind });
  });

  it.each([
    ['that only scripts can show', page('<div id="root"></div><script src="/app.js"></script>')],
    ['behind a wall against robots', { status: 403, body: '<title>Just a moment</title><script>cf-chl</script>' }],
    ['behind a captcha with status 200', page('<h1>请输入验证码</h1>')],
    ['behind a login', { status: 302, headers: { location: '/login?next=/a' } }],
    ['behind a login that says so', { status: 401, body: 'who are you' }],
  ])('%s cannot be judged [MC-7]', async (_how, answer) => {
    const { url } = await site({ '/': page(FILLER), '/a': answer, '/login?next=/a': page('<form>Masuk</form>') });
    const finding = await look({ home: url, pages: [{ url: `${url}/a`, contains: 'terkunci' }] });
    expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'CANNOT_JUDGE' } });
  });

  it('are not judged while the site finds that we ask too often, and it is told when to come again [MC-9]', async () => {
    const busy = { status: 429, headers: { 'retry-after': '90' }, body: 'slow down' };
    const { url } = await site({ '/': page(FILLER), '/a': busy });
    const settings = { home: url, pages: [{ url: `${url}/a`, contains: 'terkunci' }] };
    const seen = { kind: 'unknown', fault: { code: 'RATE_LIMITED', cause: 'overload' } };
    expect(await look(settings)).toMatchObject(seen);
    const home = await site({ '/': busy, '/a': busy });
    const settingsOfHome = { home: home.url, pages: [{ url: `${home.url}/a`, contains: 'terkunci' }] };
    expect(await look(settingsOfHome)).toMatchObject({ ...seen, facts: { retry_after: 90 } });
  });

  it('that is gone with a good status is gone [MC-7]', async () => {
    const { url } = await site({ '/': page(FILLER), '/a': '<title>Halaman tidak ditemukan</title>' + FILLER });
    const finding = await look({ home: url, pages: [{ url: `${url}/a` }] });
    expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'CONTENT' } });
    expect(faultOf(finding)?.message).toContain('soft 404');
  });

  it('that come as JSON are read as well', async () => {
    const body = JSON.stringify({
      the: 1,
      you: 2,
      your: 3,
      title: { id: 'Membuka akun yang terkunci', x: 'Hubungi kami jika tidak bisa' },
    });
    const { url } = await site({ '/': '{}', '/a': { headers: { 'content-type': 'application/json' }, body } });
    const finding = await look({ home: url, pages: [{ url: `${url}/a`, contains: 'terkunci', language: 'id' }] });
    expect(finding).toMatchObject({ kind: 'ok', facts: { languages: ['id'] } });
  });
});

describe('the home page', () => {
  it.each([
    [{ status: 500 }, 'SERVER_ERROR'],
    [{ status: 503, body: 'Sedang dalam pemeliharaan' }, 'MAINTENANCE'],
    [{ status: 302, headers: { location: 'file:///etc/passwd' } }, 'REDIRECT'],
  ])('that answers %j fails the whole', async (answer, code) => {
    const { url, asked } = await site({ '/': answer });
    expect(await look({ home: url, pages: [{ url: `${url}/a` }] })).toMatchObject({ kind: 'failed', fault: { code } });
    expect(asked).toHaveLength(1);
  });

  it('behind a closed port is refused', async () => {
    const url = `http://127.0.0.1:${await closedPort()}/`;
    expect(await look({ home: url, pages: [{ url }] })).toMatchObject({
      kind: 'failed',
      rung: 'none',
      fault: { code: 'TCP_REFUSED' },
    });
  });
});

describe('the way to support', () => {
  const seek = (url: string, entry: Record<string, unknown>, timeoutMs?: number) =>
    look({ home: url, pages: [{ url: `${url}/` }], contact_entry: entry }, timeoutMs);

  it('is found over the fewest clicks, and its last page is opened', async () => {
    const { url, asked } = await site({
      '/': page(
        FILLER +
          link('/a') +
          link('/help#top', 'Bantuan') +
          link('/logout') +
          link('/guide.pdf') +
          link('https://elsewhere.example/x'),
      ),
      '/a': page(FILLER + link('/deep')),
      '/help': page(FILLER + link('contact/?x=1')),
      '/contact/?x=1': page(FILLER),
    });
    const finding = await seek(url, { leads_to: '/contact?x=1' });
    expect(finding).toMatchObject({
      kind: 'ok',
      facts: { contact_clicks: 2, contact_path: [`${url}/help`, `${url}/contact/?x=1`], contact_pages: 2 },
    });
    // The inviting link is tried first; no logout, no file, no other site.
    expect(asked).toEqual(['/', '/help', '/contact/?x=1']);
  });

  it('is hidden when it takes more clicks than users have patience', async () => {
    const { url } = await site({
      '/': page(FILLER + link('/1')),
      '/1': page(FILLER + link('/2')),
      '/2': page(FILLER + link('/contact')),
      '/contact': page(FILLER),
    });
    const hidden = await seek(url, { leads_to: '/contact', max_clicks: 2 });
    // The articles answer: a customer who needs a person is worse off, and nobody else.
    expect(hidden).toMatchObject({ kind: 'degraded', rung: 'answered' });
    expect(hidden).toMatchObject({ fault: { code: 'CONTACT_HIDDEN', cause: 'contact_hidden' } });
    expect(faultOf(hidden)?.message).toContain('within 2 clicks (2 pages looked at)');
    expect(await seek(url, { leads_to: '/contact', max_clicks: 3 })).toMatchObject({
      kind: 'ok',
      facts: { contact_clicks: 3 },
    });
    expect(await seek(url, { leads_to: '/contact', max_clicks: 1, from: `${url}/2` })).toMatchObject({ kind: 'ok' });
  });

  it('is hidden when its link is there and nobody sees it, or leads to nothing', async () => {
    const { url } = await site({
      '/': page(`${FILLER}<div hidden>${link('/contact')}</div><!-- ${link('/contact')} -->`),
      '/contact': page(FILLER),
    });
    expect(faultOf(await seek(url, { leads_to: '/contact' }))?.code).toBe('CONTACT_HIDDEN');
    const dead = await site({ '/': page(FILLER + link('/contact')) });
    const finding = await seek(dead.url, { leads_to: '/contact' });
    expect(faultOf(finding)).toMatchObject({ code: 'CONTACT_HIDDEN', cause: 'contact_hidden' });
    expect(faultOf(finding)?.message).toContain('status 404');
  });

  it.each([
    ['tel:+622150849000', 'tel:+62 21-5084-9000'],
    ['mailto:help@example.id', 'mailto:Help@example.id?subject=x'],
    ['https://chat.example.id/', 'https://chat.example.id'],
    ['wa\\.me/62[0-9]+', 'https://wa.me/6221500900'],
  ])('%s is met by %s', async (leadsTo, href) => {
    const parsed = goal().parse(leadsTo);
    expect(parsed.fits(new URL(href), new URL('https://help.example.id/'))).toBe(true);
    expect(parsed.fits(new URL('tel:110'), new URL('https://help.example.id/'))).toBe(false);
  });

  it('is not judged when it may be where only a browser or a customer gets', async () => {
    for (const [from, words] of [
      [page(`<div id="app"></div><script src="x.js"></script>${link('/x')}`), 'without running its scripts'],
      [page(FILLER + link('/vip')), 'redirects to a login'],
      [page('x'.repeat(300_000)), 'larger than what we read'],
    ] as const) {
      const { url } = await site({
        '/': from,
        '/x': page(FILLER),
        '/vip': { status: 302, headers: { location: '/sso/login' } },
        '/sso/login': page(FILLER),
      });
      const finding = await seek(url, { leads_to: '/contact' });
      expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'CANNOT_JUDGE' } });
      expect(faultOf(finding)?.message).toContain(words);
    }
  });

  it('is looked for on twenty pages at most, one at a time', async () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`/${n}`, page(FILLER)]));
    const { url, asked, most } = await site({
      '/': page(
        FILLER +
          Object.keys(many)
            .map((to) => link(to))
            .join(''),
      ),
      ...many,
    });
    const finding = await seek(url, { leads_to: '/contact', max_clicks: 3 });
    expect(faultOf(finding)?.code).toBe('CONTACT_HIDDEN');
    expect(asked).toHaveLength(20);
    expect(most()).toBe(1);
  });

  it('is not judged when time runs out', async () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`/${n}`, page(FILLER)]));
    const { url } = await site({
      '/': page(
        FILLER +
          Object.keys(many)
            .map((to) => link(to))
            .join(''),
      ),
      ...many,
    });
    expect(await seek(url, { leads_to: '/contact' }, 700)).toMatchObject({
      kind: 'unknown',
      fault: { code: 'CANNOT_JUDGE' },
    });
  });

  it('S-A4: is not followed to where nobody may go', async () => {
    const { url } = await site({
      '/': page(FILLER + link('/contact')),
      '/contact': { status: 302, headers: { location: 'http://169.254.169.254/' } },
    });
    expect(await seek(url, { leads_to: '/contact' })).toMatchObject({
      kind: 'degraded',
      fault: { code: 'ADDR_BLOCKED' },
    });
  });
});

contract('help-center', {
  transports: ['tcp', 'tls'],
  with: (port, transport) => {
    const home = `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}/`;
    const pages = [{ url: `${home}unlock`, contains: 'support is open' }];
    return { ...near, home, pages, contact_entry: { leads_to: '/contact' } };
  },
});
