/**
 * Takes the picture of the README: the demo wallet's page with a hotline that is down, as a phone and a desk show it.
 *
 *   node tests/browser/screenshot.ts [FILE]
 */
import { fileURLToPath } from 'node:url';
import { openBrowser } from '../lib/browser.ts';
import { startDemo, until } from '../lib/demo.ts';

const file = process.argv[2] ?? fileURLToPath(new URL('./page.png', import.meta.url));
const demo = await startDemo();
const browser = await openBrowser();
try {
  const status = (id: string): string | undefined =>
    demo.board.channels().find(({ channel }) => channel.id === `demo/${id}`)?.status;
  await until('every channel to work', () =>
    demo.board.channels().every((each) => each.status === 'operational') ? true : undefined,
  );
  await demo.desks.switches.find((each) => each.id === 'phone')?.set('down');
  await until('the hotline to be down', () => (status('phone') === 'major_outage' ? true : undefined));
  const page = await browser.newPage({ viewport: { width: 900, height: 780 }, deviceScaleFactor: 1.5 });
  await page.goto(new URL('/en/demo/', demo.publicUrl).href);
  await page.screenshot({ path: file });
  console.log(`wrote ${file}`);
} finally {
  await browser.close();
  await demo.close();
}
