/** A provider's holidays as they are written: a country, dates of one's own, an iCalendar file; what of it reaches the hours. */
import { execFile } from 'node:child_process';
import { mkdtemp, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { resolveHolidays, type ResolvedHolidays } from '../../src/config/holidays.ts';
import { ConfigError, loadConfig, type Config } from '../../src/config/load.ts';
import { parseText } from '../../src/config/position.ts';
import { fileSchema } from '../../src/config/schema.ts';
import { bare, rootOf } from '../../src/config/tree.ts';
import { warningsOf } from '../../src/config/warnings.ts';
import { openCalendar } from '../../src/core/calendar.ts';
import { fixtures } from '../lib/drawers.ts';

const fileOf = (holidays: string, hours: string): string => `providers:
  - id: wallet
    name: Wallet
    timezone: Asia/Shanghai
    holidays: ${holidays}
    channels:
      - id: hotline
        kind: phone
        name: { en: Hotline }
        hours: ${hours}
        targets:
          - { id: door, probe: knock, every: 30s, with: { address: door.example } }
`;
const OFFICE = '{ weekly: "Mo-Fr 09:00-18:00", holidays: closed }';

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ringback-calendar-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

async function load(holidays: string, hours = OFFICE, files: Record<string, string> = {}): Promise<Config> {
  const folder = await folderOf({ ...files, 'a.yaml': fileOf(holidays, hours) });
  return loadConfig(join(folder, 'a.yaml'), fixtures, {});
}

async function wrong(holidays: string, files: Record<string, string> = {}, folder?: string): Promise<string[]> {
  const place = folder ?? (await folderOf({ ...files, 'a.yaml': fileOf(holidays, OFFICE) }));
  if (folder !== undefined) await writeFile(join(folder, 'a.yaml'), fileOf(holidays, OFFICE));
  const error: unknown = await loadConfig(join(place, 'a.yaml'), fixtures, {}).catch((thrown: unknown) => thrown);
  if (!(error instanceof ConfigError)) throw new Error('it was loaded, or failed otherwise', { cause: error });
  return error.problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
}

/** As in a year of ours, so that the lists of governments that come later change nothing here. */
async function resolved(holidays: string, year: number): Promise<{ found: ResolvedHolidays; warnings: string[] }> {
  const { tree } = parseText('a.yaml', fileOf(holidays, OFFICE));
  if (tree === undefined) throw new Error('no tree');
  const found = await resolveHolidays(rootOf(tree), year);
  const file = fileSchema.parse(bare(tree, new Map()));
  const settled = { probes: new Map(), receivers: new Map(), problems: [] };
  return { found, warnings: warningsOf(file, { settled, holidays: found.byProvider }, rootOf(tree)) };
}

const hoursOf = (config: Config) => {
  const hours = config.providers[0]?.channels[0]?.hours;
  if (hours === undefined) throw new Error('no hours');
  return hours;
};

const ICAL = `BEGIN:VCALENDAR\r
BEGIN:VEVENT\r
SUMMARY:春节假期\r
DTSTART;VALUE=DATE:20260215\r
DTEND;VALUE=DATE:20260224\r
END:VEVENT\r
BEGIN:VEVENT\r
SUMMARY:上班(补春节假期)\r
DTSTART;VALUE=DATE:20260214\r
END:VEVENT\r
END:VCALENDAR\r
`;

describe('the holidays of a provider', () => {
  it('are those of a country, with its make-up working days', async () => {
    const { found, warnings } = await resolved('CN', 2026);
    const holidays = found.byProvider.get('providers[0]');
    expect(holidays?.holidays).toEqual(expect.arrayContaining(['2025-10-08', '2026-02-23', '2027-02-06']));
    expect(holidays?.workdays).toEqual(expect.arrayContaining(['2025-10-11', '2026-02-14', '2026-10-10']));
    expect(warnings).toEqual([]);
  });

  it('warn when hours depend on them and this year’s official list is not built in', async () => {
    expect((await resolved('CN', 2027)).warnings).toEqual([
      expect.stringContaining("a.yaml:5:15 providers[0].holidays: this year's official list of CN is not built in"),
    ]);
    expect((await resolved('ID', 2027)).warnings).toEqual([]);
    expect((await resolved('DE', 2027)).warnings).toEqual([]);
  });

  it('count joint leave only when they are told to', async () => {
    const dates = async (text: string) => (await resolved(text, 2026)).found.byProvider.get('providers[0]')?.holidays;
    expect(await dates('ID')).not.toContain('2026-12-24');
    expect(await dates('{ country: ID, joint_leave: true }')).toEqual(
      expect.arrayContaining(['2026-12-24', '2026-12-25']),
    );
  });

  it('are overridden by dates of one’s own, which win over country and file', async () => {
    const config = await load(
      '{ country: CN, add: [2026-02-14, 2026-12-24], remove: [2026-02-23], workdays: [2026-02-22], ical: days.ics }',
      OFFICE,
      { 'days.ics': ICAL },
    );
    const { holidays, workdays } = hoursOf(config);
    expect(holidays).toEqual(expect.arrayContaining(['2026-02-14', '2026-02-21', '2026-12-24']));
    expect(holidays.filter((date) => ['2026-02-22', '2026-02-23'].includes(date))).toEqual([]);
    expect(workdays).toContain('2026-02-22');
    expect(workdays).not.toContain('2026-02-14');
  });

  it('are imported from an iCalendar file beside the configuration, make-up days told apart', async () => {
    const config = await load('{ ical: ./days.ics }', OFFICE, { 'days.ics': ICAL });
    expect(hoursOf(config)).toMatchObject({ workdays: ['2026-02-14'], onHolidays: 'closed' });
    expect(hoursOf(config).holidays).toHaveLength(9);
    const calendar = openCalendar(hoursOf(config), []);
    expect(calendar.expectation(Date.parse('2026-02-14T10:00+08:00'))).toBe('open');
    expect(calendar.expectation(Date.parse('2026-02-16T10:00+08:00'))).toBe('closed');
    expect(calendar.nextChange(Date.parse('2026-02-14T20:00+08:00'))?.at).toBe(Date.parse('2026-02-24T09:00+08:00'));
  });

  it('reach only the hours that they matter to', async () => {
    const own = '{ add: [2026-12-24], workdays: [2026-12-26] }';
    const none = { holidays: [], workdays: [], onHolidays: 'open' };
    expect(hoursOf(await load(own, '24/7'))).toMatchObject(none);
    expect(hoursOf(await load(own, '{ weekly: "Mo-Fr 09:00-18:00" }'))).toMatchObject(none);
    expect(hoursOf(await load(own, '{ weekly: "Mo-Su,PH 09:00-18:00" }'))).toMatchObject({
      holidays: ['2026-12-24'],
      workdays: ['2026-12-26'],
      onHolidays: 'open',
    });
  });
});

describe('holidays that are wrong', () => {
  it('are told with their place', async () => {
    expect(await wrong('{ country: Indonesia, add: [2026-02-30], nope: 1 }')).toEqual([
      '5:26 providers[0].holidays.country: expected a country of ISO 3166 in capitals, such as ID',
      '5:43 providers[0].holidays.add[0]: expected a date such as 2026-11-01',
      expect.stringContaining('providers[0].holidays.nope: unknown key; known here: country, joint_leave, add'),
    ]);
    expect(await wrong('{ add: [2026-12-24], workdays: [2026-12-26], remove: [2026-12-24] }')).toEqual([
      '5:69 providers[0].holidays.remove[0]: 2026-12-24 stands in `add` already',
    ]);
    expect(await wrong('7')).toEqual([expect.stringContaining('5:15 providers[0].holidays: expected text')]);
  });

  it('are a calendar that is missing, none, wrong, of another alphabet or far too large', async () => {
    const told = async (text: string) => wrong('{ ical: days.ics }', { 'days.ics': text });
    const at = '5:23 providers[0].holidays.ical: days.ics';
    expect(await wrong('{ ical: days.ics }')).toEqual([`${at} cannot be read: there is no such file`]);
    expect(await told('<html>')).toEqual([`${at}, line 1: is no iCalendar: it does not begin with BEGIN:VCALENDAR`]);
    expect(await told(ICAL.replace('20260215', '20260230'))).toEqual([
      expect.stringContaining(`${at}, line 4: has no date`),
    ]);
    const folder = await folderOf({ 'days.ics': ICAL });
    await truncate(join(folder, 'days.ics'), 2 ** 21);
    expect(await wrong('{ ical: days.ics }', {}, folder)).toEqual([
      `${at} has 2097152 bytes; at most 1048576 are read`,
    ]);
    await writeFile(join(folder, 'days.ics'), Buffer.from([0x42, 0xff, 0xfe]));
    expect(await wrong('{ ical: days.ics }', {}, folder)).toEqual([`${at} cannot be read: it is not UTF-8 text`]);
  });

  it('are a folder or a pipe that nobody writes to, without waiting for it', async () => {
    const folder = await folderOf({});
    await promisify(execFile)('mkfifo', [join(folder, 'days.ics')]);
    expect(await wrong('{ ical: days.ics }', {}, folder)).toEqual([
      expect.stringContaining('days.ics is no regular file'),
    ]);
    expect(await wrong('{ ical: "." }', {}, folder)).toEqual([expect.stringContaining('. is no regular file')]);
  });
});

describe('moments of a maintenance window', () => {
  it('are read to the second, and by the same rule as hours where the clock changes', async () => {
    const config = await load(
      'CN',
      '24/7\n        maintenance: [{ from: 2026-11-23T02:00:30, until: 2026-11-23T04:00:15+08:00 }]',
    );
    expect(config.providers[0]?.channels[0]?.maintenance).toEqual([
      { kind: 'once', from: Date.parse('2026-11-23T02:00:30+08:00'), until: Date.parse('2026-11-23T04:00:15+08:00') },
    ]);
  });
});
