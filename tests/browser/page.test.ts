/** The page in a real browser: to a screen reader, in the dark, without script, and with nobody else asked. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { pages } from '../../src/page/pages.ts';
import { openOperator, openPublic } from '../../src/server.ts';
import { describeInBrowser, openBrowser } from '../lib/browser.ts';
import * as day from '../lib/snapshots.ts';

const ANY = { host: '127.0.0.1', port: 0 };
const { id } = day.DOMPET;

describeInBrowser('the page', () => {
  let browser: Browser;
  let shown: Snapshot = day.hotlineDown;
  let front: Awaited<ReturnType<typeof openPublic>>;
  let back: Awaited<ReturnType<typeof openOperator>>;

  beforeAll(async () => {
    browser = await openBrowser();
    front = await openPublic({ pages, snapshot: () => shown, listen: ANY, now: () => day.NOW });
    back = await openOperator({
      pages,
      listen: ANY,
      tokens: [],
      metrics: () => Promise.resolve({ type: 'text/plain', text: '' }),
      healthz: () => ({ ok: true, detail: '' }),
      readyz: () => ({ ok: true, detail: '' }),
      panels: [
        {
          path: '/demo',
          title: 'Demo wallet',
          html: () =>
            '<section class="desk good" aria-labelledby="a"><h2 id="a">Hotline</h2><form method="post" action="/demo"><button name="fault" value="none" aria-pressed="true">works</button> <button name="fault" value="down" aria-pressed="false">port closed</button></form></section><article class="mail"><h3>Hotline is down</h3><p>now</p><pre>text</pre></article>',
        },
      ],
    });
  });
  afterAll(async () => {
    await Promise.all([browser.close(), front.close(), back.close()]);
  });

  const places: readonly (readonly [string, Snapshot, string])[] = [
    ['a good day', day.good, '/en/'],
    ['a hotline that is down', day.hotlineDown, '/id/'],
    ['everything down', day.allDown, '/zh/'],
    ['a night', day.night, '/en/'],
    ['hostile texts', day.hostile, '/en/'],
    ['one channel', day.hotlineDown, `/en/${id}/hotline`],
    ['two wallets', day.two, '/id/'],
    ['a page that is not there', day.good, '/zh/nothing/'],
  ];

  it.each(
    places.flatMap(([name, snapshot, path]) =>
      (['light', 'dark'] as const).map((scheme) => ({ name, snapshot, path, scheme })),
    ),
  )('has nothing for axe to complain of: $name, $scheme', async ({ snapshot, path, scheme }) => {
    shown = snapshot;
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width: 360, height: 800 } });
    const page = await context.newPage();
    await page.goto(new URL(path, front.url).href);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((each) => `${each.id}: ${each.nodes[0]?.html ?? ''}`)).toEqual([]);
    await context.close();
  });

  it.each(['/', '/demo'])('has nothing for axe to complain of on the operator’s %s', async (path) => {
    const context = await browser.newContext({ colorScheme: 'dark' });
    const page = await context.newPage();
    await page.goto(new URL(path, back.url).href);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((each) => `${each.id}: ${each.nodes[0]?.html ?? ''}`)).toEqual([]);
    await context.close();
  });

  it('S-B1 asks nobody else, breaks no policy of its own and runs no foreign script, whatever it shows', async () => {
    for (const snapshot of [day.hotlineDown, day.hostile]) {
      shown = snapshot;
      const page = await browser.newPage();
      const asked: string[] = [];
      const said: string[] = [];
      page.on('request', (request) => asked.push(new URL(request.url()).origin));
      page.on('console', (message) => said.push(message.text()));
      page.on('pageerror', (error) => said.push(error.message));
      page.on('dialog', (dialog) => {
        said.push(`dialog ${dialog.message()}`);
        void dialog.dismiss();
      });
      await page.goto(new URL('/en/', front.url).href, { waitUntil: 'networkidle' });
      expect(new Set(asked)).toEqual(new Set([new URL(front.url).origin]));
      expect(said).toEqual([]);
      await page.close();
    }
  });

  it('says everything without script, and fits a phone of 320 pixels', async () => {
    shown = day.hotlineDown;
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 320, height: 700 } });
    const page = await context.newPage();
    await page.goto(new URL('/en/', front.url).href);
    const text = await page.locator('main').innerText();
    expect(text).toContain('Chat answers now');
    expect(text).toContain('+62 21 5084 9000');
    expect(text).toMatch(/PIN/);
    const width = await page.evaluate('document.documentElement.scrollWidth').catch(() => 320);
    expect(width).toBeLessThanOrEqual(320);
    await context.close();
  });

  it('leads the keyboard past the head of the page first', async () => {
    shown = day.good;
    const page = await browser.newPage();
    await page.goto(new URL('/en/', front.url).href);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.className')).toBe('skip');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.close();
  });
});
