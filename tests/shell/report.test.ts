/** The report of a month, from a real store in which the monitor is still at work, in every format and as a browser shows it. */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Quality } from '../../src/core/quality.ts';
import { explain } from '../../src/main/once.ts';
import { report, type ReportChoice } from '../../src/main/report.ts';
import { csv } from '../../src/report/csv.ts';
import { openStore } from '../../src/store/store.ts';
import { describeInBrowser, openBrowser } from '../lib/browser.ts';
import { folder } from '../lib/ledger.ts';
import { EVIL, wib, writeMonths, type Months } from '../lib/months.ts';

/** A browser on a busy machine takes its time. */
vi.setConfig({ testTimeout: 150_000 });

const ENTRY = new URL('../../src/ringback.js', import.meta.url).pathname;
const NOVEMBER = wib(40);

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function ringback(...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [ENTRY, 'report', ...words], (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

let home: string;
let months: Months;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'ringback-report-'));
  months = await writeMonths(home, '@SUM(1+1)|<b>Hotline</b>');
});
afterAll(async () => {
  await months.store.close();
  rmSync(home, { recursive: true, force: true });
});

function october(other: Partial<ReportChoice> = {}, now = NOVEMBER): Promise<string> {
  return report({ config: months.config, month: '2026-10', format: 'json', ...other }, now);
}

interface Figures {
  readonly ratio?: number;
  readonly upMs: number;
  readonly downMs: number;
  readonly limitedMs: number;
  readonly unknownMs: number;
  readonly maintenanceMs: number;
}

interface Channel {
  readonly id: string;
  readonly promised: Figures;
  readonly calendar: Figures;
  readonly pace: { detectMs?: number; recoverMs?: number; answer?: { medianMs: number }; incidents: number };
  readonly lapses: readonly {
    since: string;
    until: string | null;
    cause: string;
    promisedMs: number;
    lastedMs: number;
  }[];
  readonly days: readonly { date: string; promised: Figures }[];
  readonly before: { readonly promised: Figures };
}

async function channels(text: Promise<string>): Promise<ReadonlyMap<string, Channel>> {
  const { providers } = JSON.parse(await text) as { providers: { channels: Channel[] }[] };
  return new Map(providers.flatMap((each) => each.channels).map((each) => [each.id, each]));
}

const HOUR = 3_600_000;
const MINUTE = 60_000;

describe('the report of a month', () => {
  it('has the figures of the story, while the store is at work', async () => {
    const found = await channels(october());
    const hotline = found.get('dompet/hotline');
    // Open on 27 days, 12 hours each; out from 18:38 to 20:00, from 8:00 to 9:38 and for 40 minutes.
    expect((hotline?.promised.upMs ?? 0) + (hotline?.promised.downMs ?? 0)).toBe(27 * 12 * HOUR);
    expect(hotline?.promised.downMs).toBe(220 * MINUTE);
    expect(hotline?.lapses.map((each) => [each.cause, each.promisedMs / MINUTE, each.lastedMs / MINUTE])).toEqual([
      ['refused', 180, 900],
      ['unreachable', 40, 40],
    ]);
    expect(hotline?.pace).toMatchObject({ incidents: 2, detectMs: 20 * MINUTE, recoverMs: 110 * MINUTE });
    expect(hotline?.pace.answer?.medianMs).toBeGreaterThan(80);
    expect(hotline?.before.promised.downMs).toBe(60 * MINUTE);
    expect(hotline?.calendar.downMs).toBe((900 + 40) * MINUTE);

    const chat = found.get('dompet/chat');
    expect(chat?.promised).toMatchObject({ downMs: HOUR, limitedMs: 7 * HOUR, maintenanceMs: 8 * HOUR });
    expect((chat?.promised.unknownMs ?? 0) / HOUR).toBeCloseTo(8, 0);
    const mail = found.get('dompet/mail');
    expect((mail?.promised.unknownMs ?? 0) / HOUR).toBeCloseTo(9 * 24 + 12, 0);
    expect(mail?.days[3]?.promised.ratio).toBeUndefined();
    expect(mail?.before.promised.ratio).toBeUndefined();
    expect(found.get('uang/hotline')?.promised.downMs).toBe(12 * HOUR);
  });

  it('tells operations in Markdown what a summary has to, and claims nothing of a month that nobody saw', async () => {
    const text = await october({ format: 'md' });
    const row = (name: string) => text.split('\n').find((line) => line.startsWith(`| ${name} |`));
    expect(row('Live chat')).toMatch(/\| 1 h \| 7 h \| 1\.07 % \| 1\.07 % \| 2 \(before: 0\) \| 20 min \(–\) \|/);
    expect(row('E-mail')).toMatch(
      /^\| E-mail \| 100\.00 % \| – \| 100\.00 % \| 0 \| 0 \| 30\.6\d % \| 0\.00 % \| 0 \(before: –\) \|/,
    );
    // Against the others: now and before, out and unknown, incidents, and the three times.
    expect(text).toMatch(
      /\| Uang &amp; Saku \| Call centre \| 98\.31 % \| 100\.00 % \| 12 h \| 4\.0\d % \| 1 \| 20 min \| \d+ ms \| 12 h \|/,
    );
  });

  it('has no digits in JSON that nobody knows, and the period in each row of the table', async () => {
    for (const [, digits = ''] of (await october()).matchAll(/: \d+\.(\d+)/g)) expect(digits.length).toBeLessThan(7);
    const [head = [], ...rows] = parse(await october({ format: 'csv' }));
    for (const row of rows)
      expect([row[head.indexOf('from')], row[head.indexOf('to')]]).toEqual(['2026-10-01', '2026-10-31']);
    const mail = rows.find((row) => row[head.indexOf('channel')] === 'mail');
    expect([mail?.[head.indexOf('incidents')], mail?.[head.indexOf('incidents_before')]]).toEqual(['0', '']);
  });

  it('ends at the present when the month is not over', async () => {
    const now = wib(6, 19, 38);
    const found = await channels(october({}, now));
    const { upMs = 0, downMs = 0, unknownMs = 0 } = found.get('dompet/chat')?.promised ?? {};
    expect(upMs + downMs + unknownMs + (found.get('dompet/chat')?.promised.maintenanceMs ?? 0)).toBe(now - wib(1));
    expect(await october({ format: 'md' }, now)).toContain('the period is not over');
  });

  it('is the same whether looks have been added up or not', async () => {
    const before = await october();
    await months.store.prune(NOVEMBER, { observationsMs: 20 * 24 * HOUR, evidenceMs: 1e13 });
    expect(await october()).toBe(before);
  });

  it('names the months of a period of months, and the days before one of days', async () => {
    const choice = { config: months.config, format: 'md' } as const;
    expect(await report({ ...choice, from: '2026-10-05', to: '2026-10-11' }, NOVEMBER)).toContain(
      'Support quality: 2026-10-05 to 2026-10-11\n\nCompared with 2026-09-28 to 2026-10-04.',
    );
    expect(await report(choice, NOVEMBER)).toContain('Support quality: October 2026\n\nCompared with September 2026');
  });
});

describe('S-B5: what looks like a formula', () => {
  it('is text to a spreadsheet', async () => {
    const text = await october({ format: 'csv' });
    const rows = parse(text);
    const [head = [], ...rest] = rows;
    expect(rest.every((row) => row.length === head.length)).toBe(true);
    expect(rest.filter((row) => row[0] === 'channel')).toHaveLength(4);
    expect(rest.filter((row) => row[0] === 'incident')).toHaveLength(5);
    for (const cell of rest.flat()) if (!/^-?\d/.test(cell)) expect(cell).not.toMatch(/^\s*[=+\-@\t\r＝＋－＠]/);
    expect(text).toContain(`"'@SUM(1+1)|<b>Hotline</b>"`);
    expect(text).toContain('""http://evil.example""');
    expect(text.endsWith('\r\n')).toBe(true);
  });

  it.each(['=1', '+1', '-1', '@x', '\tx', '\rx', ' =1', '＝1', '=a,"b"\r\nc', '\n=1'])('%j', (because) => {
    expect(evidenceIn(csv(qualityWith(because)))).toBe(`'${because}`);
  });

  it.each(['a=1', '3 - 4', 'x,y', '"', "it's", 'a\tb'])('%j is no formula and stays as it is', (because) => {
    expect(evidenceIn(csv(qualityWith(because)))).toBe(because);
  });
});

/** One channel of which nothing is known but one incident. */
function qualityWith(because: string): Quality {
  const none = { upMs: 0, limitedMs: 0, downMs: 0, unknownMs: 0, maintenanceMs: 0 };
  const both = { promised: none, calendar: none, pace: { incidents: 0 } };
  const lapse = {
    id: 'a.b.c',
    since: 0,
    impact: 'outage',
    cause: 'refused',
    because,
    promisedMs: 1,
    lastedMs: 1,
  } as const;
  const channel = { id: 'a/b', kind: 'phone', name: {}, private: false, weekly: '24/7', timezone: 'UTC' } as const;
  const rest = { ...both, before: both, days: [], lapses: [{ ...lapse, detectMs: 0 }] };
  const provider = { id: 'a', name: 'A', timezone: 'UTC', channels: [{ ...channel, ...rest }] };
  const dates = { from: '2026-10-01', to: '2026-10-31' };
  return { generatedAt: 0, ...dates, before: dates, unfinished: false, providers: [provider] };
}

/** The evidence of the first incident. */
function evidenceIn(text: string): string | undefined {
  const [head = [], , incident = []] = parse(text);
  return incident[head.indexOf('because')];
}

/** RFC 4180. */
function parse(text: string): string[][] {
  const rows: string[][] = [[]];
  const cells = /(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r\n)/gy;
  for (const [, quoted, bare, end] of text.matchAll(cells)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? bare ?? '');
    if (end !== ',') rows.push([]);
  }
  return rows.slice(0, -1);
}

describe('markup from outside', () => {
  it('is text in Markdown and in HTML', async () => {
    const page = await october({ format: 'html' });
    expect(page).not.toMatch(/<(?:img|b|script)\b/i);
    expect(page).toMatch(/&(?:lt|#60);img src/);
    expect(page).not.toMatch(/(?:src|href)="https?:/);
    const text = await october({ format: 'md' });
    expect(text).not.toMatch(/<img|<b>|[^\\]\|x"/);
    expect(text).not.toContain(EVIL);
  });
});

describe('the command', () => {
  it('writes the file by its ending, beside a monitor that holds the lock', async () => {
    const file = join(home, 'october.html');
    const { code, out } = await ringback('--config', months.config, '--month', '2026-10', '--out', file);
    expect([code, out.includes(file)]).toEqual([0, true]);
    expect(readFileSync(file, 'utf8')).toContain('<title>Support quality: October 2026</title>');
    expect(existsSync(`${months.path}.lock`)).toBe(true);
  });

  it.each([
    [{ month: '2026-13' }, 2, 'no month'],
    [{ from: '2026-10-01' }, 2, 'belong together'],
    [{ from: '2026-10-31', to: '2026-10-01' }, 2, 'before'],
    [{ from: '2026-02-30', to: '2026-03-01' }, 2, 'no date'],
    [{ from: '2024-01-01', to: '2026-03-01' }, 2, 'at most 400 days'],
    [{ month: '2026-10', from: '2026-10-01', to: '2026-10-02' }, 2, 'not both'],
    [{ month: '2199-01' }, 2, 'not come yet'],
    [{ month: '2026-10', store: '/nowhere/x.db' }, 1, 'is not there'],
    [{ month: '2026-10', out: '/nowhere/x.html' }, 2, 'cannot be written'],
  ])('says in words what is wrong with %j', async (choice, code, message) => {
    const error: unknown = await report({ config: months.config, ...choice }, NOVEMBER).catch(
      (reason: unknown) => reason,
    );
    const explained = explain(error);
    expect(explained?.exitCode).toBe(code);
    expect(explained?.lines.join()).toContain(message);
  });

  it('has the exit codes of the others, and nothing on its output but the report', async () => {
    const [wrong, text] = await Promise.all([
      ringback('--config', months.config, '--format', 'pdf'),
      ringback('--config', months.config, '--month', '2026-10', '--format', 'json'),
    ]);
    expect([wrong.code, wrong.out]).toEqual([2, '']);
    expect(wrong.err).toContain('html, csv, json, md');
    expect([text.code, text.err]).toEqual([0, '']);
    expect(JSON.parse(text.out)).toMatchObject({ schema: 1, from: '2026-10-01', to: '2026-10-31' });
  });
});

describe('a store that is only read', () => {
  it('is not changed, is read although nobody may write it, and is refused in words when its schema is older', async () => {
    const home = folder();
    const own = await writeMonths(home, 'Hotline', wib(-28));
    await own.store.close();
    const bytes = readFileSync(own.path);
    chmodSync(own.path, 0o400);
    const choice = { config: own.config, month: '2026-09', format: 'md' } as const;
    expect(await report(choice, NOVEMBER)).toContain('Hotline');
    chmodSync(own.path, 0o600);
    expect(readFileSync(own.path).equals(bytes)).toBe(true);
    const db = new Database(own.path);
    db.pragma('user_version = 1');
    db.close();
    await expect(report(choice, NOVEMBER)).rejects.toThrow(/older Ringback/);
    writeFileSync(own.path, 'no database at all');
    await expect(report(choice, NOVEMBER)).rejects.toThrow(/not an SQLite database/);
  });

  it('sees one moment of it while looks are written', async () => {
    const path = join(folder(), 'empty.db');
    const store = openStore(path);
    const text = await october({ store: path });
    expect(
      [...(await channels(Promise.resolve(text))).values()].every((each) => each.promised.ratio === undefined),
    ).toBe(true);
    await store.close();
  });
});

describeInBrowser('the page', () => {
  it('asks nobody for anything, runs nothing, fits a phone and prints, in both schemes', async () => {
    const file = join(home, 'page.html');
    await october({ format: 'html', out: file });
    const browser = await openBrowser();
    try {
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await browser.newPage({ colorScheme, viewport: { width: 390, height: 800 } });
        const asked: string[] = [];
        page.on('request', (request) => asked.push(request.url()));
        const said: string[] = [];
        page.on('console', (message) => said.push(message.text()));
        await page.goto(`file://${file}`);
        expect(asked.filter((url) => !url.startsWith('file:') && !url.startsWith('data:'))).toEqual([]);
        expect(said).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
        // Every chart has its words, and a table in the same part of the page.
        expect(await page.locator('svg[role=img]').count()).toBe(5);
        expect(await page.locator('svg[role=img]:not([aria-label])').count()).toBe(0);
        expect(await page.locator('article:has(svg[role=img]):not(:has(table))').count()).toBe(0);
        const paper = await page.evaluate("getComputedStyle(document.body).getPropertyValue('background-color')");
        expect(paper).toBe(colorScheme === 'dark' ? 'rgb(18, 22, 26)' : 'rgb(245, 246, 243)');
        if (colorScheme === 'light') expect((await page.pdf()).length).toBeGreaterThan(10_000);
        await page.close();
      }
    } finally {
      await browser.close();
    }
  });

  it('has no fault that a checker of WCAG 2.2 AA finds', async () => {
    const { AxeBuilder } = await import('@axe-core/playwright');
    const file = join(home, 'axe.html');
    await october({ format: 'html', out: file });
    const browser = await openBrowser();
    try {
      for (const colorScheme of ['light', 'dark'] as const) {
        const context = await browser.newContext({ colorScheme, bypassCSP: true });
        const page = await context.newPage();
        await page.goto(`file://${file}`);
        const { violations } = await new AxeBuilder({ page })
          .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'])
          .analyze();
        expect(violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
        await context.close();
      }
    } finally {
      await browser.close();
    }
  });
});
