/** A real browser for tests: Debian's Chromium, headless, asking nobody but us. It knows no page of ours. */
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { describeWith } from './needs.ts';

const CHROMIUM = process.env['RINGBACK_CHROMIUM'] ?? '/usr/bin/chromium';

/** Nothing in the background, so that what the browser asks for is what the page asks for. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Close it in `afterAll`. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
}

/** `describe` for tests that need the browser; skipped with one line where it is missing, unless peers are required. */
export function describeInBrowser(name: string, body: () => void): void {
  describeWith({ [CHROMIUM]: 'chromium' }, name, body);
}
