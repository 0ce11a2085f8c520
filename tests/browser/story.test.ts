/**
 * One story per kind of channel: it goes bad, then good; the page in a real browser, /metrics and the mail tell it. All break at
 * about the same time, so that they are one incident: each is told when it breaks, and that they are back when all of them are.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeInBrowser, openBrowser } from '../lib/browser.ts';
import { series, startDemo, until, type RunningDemo } from '../lib/demo.ts';

interface Story {
  /** Id of the desk on the page that breaks it, and of the channel. */
  readonly desk: string;
  readonly channel: string;
  /** What the button is called. */
  readonly button: string;
  readonly cause: string;
  /** Words of the mail's evidence. */
  readonly evidence: RegExp;
  /** The channel on the English page while it is bad. */
  readonly page: RegExp;
}

const STORIES: readonly Story[] = [
  {
    desk: 'phone',
    channel: 'Hotline',
    button: 'port closed',
    cause: 'refused',
    evidence: /trunk.*refused/i,
    page: /Cannot be reached/,
  },
  {
    desk: 'chat',
    channel: 'Live chat',
    button: 'connects, says nothing',
    cause: 'no_answer',
    evidence: /conversation.*NO_REPLY/,
    page: /Cannot be reached/,
  },
  {
    desk: 'email',
    channel: 'E-mail',
    button: 'wrong answer',
    cause: 'rejected',
    evidence: /(mx|receipt).*550/,
    page: /Cannot be reached/,
  },
  {
    desk: 'help',
    channel: 'Help in the app',
    button: 'certificate expired',
    cause: 'tls',
    evidence: /(health|screen).*expired/,
    page: /Cannot be reached/,
  },
  {
    desk: 'announcements',
    channel: 'Announcements',
    button: 'answers late',
    cause: 'slow',
    evidence: /page.*promised within 2\.0 s/,
    page: /Slow or limited/,
  },
];

describeInBrowser('a customer, an operator and the engineer on call', () => {
  let service: RunningDemo;
  let browser: Browser;

  beforeAll(async () => {
    [service, browser] = await Promise.all([startDemo(), openBrowser()]);
    await until('every channel to work', () =>
      service.board.channels().every((each) => each.status === 'operational') ? true : undefined,
    );
  });
  afterAll(async () => {
    await Promise.all([browser.close(), service.close()]);
  });

  it.concurrent.each(STORIES)(
    'hear that $desk broke ($button), why and since when, and that it works again',
    async (story) => {
      const page = await browser.newPage({ locale: 'en-GB' });
      const brokenAt = Date.now();
      await press(page, story, story.button);

      const bad = await mailAbout(story, /down|impaired/);
      expect(bad.subject).toContain('[Dompet Demo]');
      expect(bad.text).toMatch(story.evidence);
      const since = /\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC\)/.exec(bad.text)?.[1];
      const sinceAt = Date.parse(`${since ?? ''}Z`.replace(' ', 'T'));
      // The demo looks every five seconds: the first bad look is that soon after the break, and was not before it.
      expect(sinceAt).toBeGreaterThanOrEqual(brokenAt - 1_000);
      expect(sinceAt).toBeLessThan(brokenAt + 20_000);

      const channel = { provider: 'demo', channel: story.desk };
      expect(await series(service, 'support_incident_open', channel)).toBe(1);
      expect(await series(service, 'support_incidents_total', { ...channel, cause: story.cause })).toBe(1);
      expect(await series(service, 'support_channel_state', { ...channel, state: 'operational' })).toBe(0);
      expect(await until('the page to tell', () => told(page, story, story.page))).toMatch(story.page);

      await press(page, story, 'works');
      const good = await mailAbout(story, /(is|are) back/);
      expect(good.text).toMatch(/\d+ (s|sec|min)/);
      expect(await series(service, 'support_incident_open', channel)).toBe(0);
      expect(await series(service, 'support_channel_state', { ...channel, state: 'operational' })).toBe(1);
      expect(await until('the page to tell', () => told(page, story, /Working/))).toMatch(/Working/);
      await page.close();
    },
    120_000,
  );

  it('tells each of them in the order in which it happened, once', () => {
    const subjects = service.desks.postbox.mails.map((mail) => mail.subject);
    for (const { channel } of STORIES) {
      const mine = subjects.filter((subject) => subject.includes(channel));
      expect(mine.map((subject) => (/(is|are) back/.test(subject) ? 'good' : 'bad'))).toEqual(['bad', 'good']);
    }
  });

  async function press(page: Page, { desk }: Story, button: string): Promise<void> {
    await page.goto(new URL('/demo', service.operatorUrl).href);
    const section = page.locator(`section[aria-labelledby="desk-${desk}"]`);
    await section.getByRole('button', { name: button, exact: true }).click();
    await section.getByRole('button', { name: button, exact: true, pressed: true }).waitFor();
  }

  function mailAbout({ channel }: Story, event: RegExp) {
    return service.desks.postbox.arrived(
      ({ subject }) => subject.includes(channel) && event.test(subject),
      AbortSignal.timeout(60_000),
    );
  }

  /** The channel's part of the English page, once it says what is expected. */
  async function told(page: Page, { channel }: Story, expected: RegExp): Promise<string | undefined> {
    await page.goto(new URL('/en/demo/', service.publicUrl).href);
    const heading = page.getByRole('heading', { name: channel, exact: true }).first();
    const text = await heading.locator('xpath=ancestor::*[self::article or self::section or self::li][1]').innerText();
    return expected.test(text) ? text : undefined;
  }
});
