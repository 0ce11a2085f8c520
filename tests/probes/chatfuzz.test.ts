/** chance against the readers of chat messages, pages, feeds and windows; seeded, so that a failure can be told again. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hear } from '../../probes/lib/chat/heard.ts';
import { noticeOf, wordsWith } from '../../probes/lib/notice.ts';
import { read } from '../../probes/lib/reading.ts';
import { findWindow } from '../../probes/lib/window.ts';

const NOW = Date.parse('2026-11-22T03:00:00Z');
const SELECT = { item: 'li', title: 'h2', date: 'time', link: 'a' };
const FILING = {
  page: 'https://example.id/',
  now: NOW,
  timezone: 'Asia/Jakarta',
  words: wordsWith({}),
  isZoneTold: false,
  isTrusted: true,
  channels: {},
};
const RUNS = { seed: 20_261_122, numRuns: 3_000 };

const PIECES = [
  '<li>',
  '</li>',
  '<h2>',
  '<a href="',
  '">',
  '<!--',
  '<![CDATA[',
  ']]>',
  '<?xml version="1.0"?>',
  '<rss><channel>',
  '<item>',
  '<title>',
  '</title>',
  '</item></channel></rss>',
  '<feed>',
  '<entry>',
  '{"items":[',
  '{"title":',
  '"incidents":[',
  '&#x',
  '&amp;',
  '\u0000',
  '\ufeff',
  '<script>',
  '<template>',
  '维护',
  'pemeliharaan',
];
const DATES = [
  '25 November 2026',
  '2026-11-25',
  '11月26日',
  '二〇二六年十二月一日',
  '24/11/2026',
  'Dec 1',
  '30/02/2026',
  'besok',
  '00/00/0000',
];
const TIMES = [
  '01:00',
  '23.30 WIB',
  '下午2点半',
  '24:00',
  '10 malam',
  '2am',
  'pukul 05.00',
  '99:99',
  '00:00:00',
  '零点',
];
const LINKS = [
  ' ',
  ' - ',
  '至',
  ' hingga ',
  ' to ',
  ' s/d ',
  '次日',
  ' for 2 hours ',
  ' UTC+8 ',
  ' CST ',
  ' the next day ',
  '\n',
  '. ',
  ' Published ',
];
const ROLES = [
  'type',
  'role',
  'agent',
  'bot',
  'from',
  'text',
  'queue',
  'position',
  'offline',
  'online',
  'message',
  'data',
  '排队',
  'antrean',
];

/** Noise, now and then inside a skeleton that makes it a page or a feed. */
const SKELETONS = [
  ['', ''],
  ['<ul><li><h2>x</h2>', '</li></ul>'],
  [
    '<?xml version="1.0"?><rss version="2.0"><channel><title>t</title><item><title>x</title><description><![CDATA[',
    ']]></description></item></channel></rss>',
  ],
  [
    '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>x</title><content type="html"><![CDATA[',
    ']]></content></entry></feed>',
  ],
] as const;

const mixed = (pieces: readonly string[]) =>
  fc
    .array(
      fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...pieces) }, fc.string({ unit: 'binary', maxLength: 6 })),
      { maxLength: 60 },
    )
    .map((all) => all.join(''));

test('no page and no feed makes a reader throw, and what is read can be filed', () => {
  let filed = 0;
  const skeleton = fc.constantFrom(...SKELETONS);
  fc.assert(
    fc.property(
      mixed(PIECES),
      skeleton,
      fc.constantFrom('auto', 'html', 'rss', 'atom', 'json'),
      (noise, [before, after], format) => {
        const reading = read(before + noise + after, { format, select: SELECT });
        if (!reading.ok) return;
        for (const item of reading.items) {
          const notice = noticeOf(item, FILING);
          expect(notice.title.length).toBeLessThanOrEqual(300);
          expect(notice.link ?? 'https:').toMatch(/^https?:/);
          filed += 1;
        }
      },
    ),
    RUNS,
  );
  expect(filed).toBeGreaterThan(500);
});

test('no text makes a window that ends before it begins, or lies in another century', () => {
  let windows = 0;
  const part = fc.constantFrom(...DATES, ...TIMES, ...LINKS, ...TIMES, ...LINKS);
  const text = fc.array(part, { minLength: 3, maxLength: 16 }).map((all) => all.join(' '));
  fc.assert(
    fc.property(text, (words) => {
      const found = findWindow(words, { near: NOW, timezone: 'Asia/Jakarta' });
      if (found === undefined) return;
      expect(Math.abs(found.from - NOW)).toBeLessThan(401 * 86_400_000);
      expect((found.until ?? found.from + 1) - found.from).toBeGreaterThan(0);
      expect((found.until ?? found.from) - found.from).toBeLessThanOrEqual(31 * 86_400_000);
      windows += 1;
    }),
    RUNS,
  );
  expect(windows).toBeGreaterThan(500);
});

test('no JSON message is heard as a person unless some value of it names a person or denies a bot', () => {
  let persons = 0;
  const word = fc.constantFrom(...ROLES);
  const value = fc.oneof(word, fc.boolean(), fc.string({ maxLength: 8 }));
  const message = fc.object({ key: word, values: [value], maxDepth: 4, maxKeys: 6 });
  fc.assert(
    fc.property(message, (sent) => {
      const raw = JSON.stringify(sent);
      if (hear(raw, []).voice !== 'person') return;
      expect(raw).toMatch(/agent|false/);
      persons += 1;
    }),
    RUNS,
  );
  expect(persons).toBeGreaterThan(20);
});

test('no plain text is ever heard as a person', () => {
  fc.assert(
    fc.property(mixed([...ROLES, 'agent: hello', '"role":"agent"']), (text) => {
      if (!/^\s*[{[]/.test(text)) expect(hear(text, []).voice).not.toBe('person');
    }),
    RUNS,
  );
});
