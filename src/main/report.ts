/** Part of main: the report of a period, from a store that may be at work in another process. */
import { writeFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { loadConfig, type Config } from '../config/load.ts';
import { announcedWindows } from '../core/announced.ts';
import { openCalendar } from '../core/calendar.ts';
import { lookbackMs } from '../core/coverage.ts';
import { dayNumber } from '../core/dates.ts';
import type { Channel, Instant, Observation, Provider } from '../core/model.ts';
import { datesBefore, qualityOf, spanOf, today, written } from '../core/quality.ts';
import type { ChannelQuality, Dates, Quality } from '../core/quality.ts';
import { reportPage } from '../page/report.ts';
import { csv } from '../report/csv.ts';
import { json } from '../report/json.ts';
import { markdown } from '../report/markdown.ts';
import { openReader, type Reader } from '../store/reader.ts';
import { openKinds, type Kinds } from './kinds.ts';
import { UsageError } from './once.ts';

const FORMATS = { html: reportPage, csv, json, md: markdown } as const;
export type Format = keyof typeof FORMATS;
const REPORT_FORMATS = Object.keys(FORMATS) as Format[];

export interface ReportChoice {
  readonly config: string;
  readonly store?: string;
  /** `YYYY-MM`, or both of the other two as `YYYY-MM-DD`. None: last month. */
  readonly month?: string;
  readonly from?: string;
  readonly to?: string;
  readonly format?: Format;
  /** Absent: the text is only returned. */
  readonly out?: string;
  readonly onProgress?: (done: number, total: number) => void;
}

const LONGEST_DAYS = 400;

/** The text of a report. Throws a UsageError, ConfigError or StoreError that says in words why there is none. */
export async function report(choice: ReportChoice, now: Instant = Date.now()): Promise<string> {
  const format = choice.format ?? formatOf(choice.out);
  const kinds = await openKinds();
  const config = await loadConfig(choice.config, kinds, process.env);
  const dates = datesOf(choice, today(now, config.providers[0]?.timezone ?? 'UTC'));
  const reader = openReader(choice.store ?? config.store, answers(config, kinds));
  try {
    const announced = announcedWindows(reader.notices(), config.providers);
    const quality = await measure({ config, reader, announced, dates, now, onProgress: choice.onProgress });
    const text = FORMATS[format](quality);
    if (choice.out !== undefined) await write(choice.out, text);
    return text;
  } finally {
    reader.close();
  }
}

function formatOf(out: string | undefined): Format {
  const ending = out?.slice(out.lastIndexOf('.') + 1);
  return REPORT_FORMATS.find((each) => each === ending) ?? 'md';
}

async function write(out: string, text: string): Promise<void> {
  try {
    await writeFile(out, text);
  } catch (error) {
    throw new UsageError(`${out} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function datesOf({ month, from, to }: ReportChoice, day: number): Dates {
  if (month !== undefined && (from !== undefined || to !== undefined))
    throw new UsageError('--month, or --from and --to; not both');
  if ((from === undefined) !== (to === undefined)) throw new UsageError('--from and --to belong together');
  const dates =
    from !== undefined && to !== undefined
      ? range(from, to)
      : monthOf(month ?? written(day).slice(0, 7), month === undefined);
  if (dates.first > day) throw new UsageError(`nothing is known of ${written(dates.first)}: it has not come yet`);
  return dates;
}

/** `last`: the month before instead. */
function monthOf(text: string, last: boolean): Dates {
  const [, year = '', month = ''] = /^(\d{4})-(\d{2})$/.exec(text) ?? [];
  const first = dayNumber(Number(year), Number(month), 1);
  if (first === undefined) throw new UsageError(`"${text}" is no month; write YYYY-MM, such as 2026-10`);
  const next = dayNumber(Number(year) + (month === '12' ? 1 : 0), (Number(month) % 12) + 1, 1) ?? first;
  const dates = { first, last: next - 1 };
  return last ? datesBefore(dates) : dates;
}

function range(from: string, to: string): Dates {
  const [first, last] = [dayOfDate(from), dayOfDate(to)];
  if (last < first) throw new UsageError(`${to} is before ${from}`);
  if (last - first >= LONGEST_DAYS) throw new UsageError(`a report is of at most ${LONGEST_DAYS} days`);
  return { first, last };
}

function dayOfDate(text: string): number {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  const found = dayNumber(Number(year), Number(month), Number(day));
  if (found === undefined) throw new UsageError(`"${text}" is no date; write YYYY-MM-DD, such as 2026-10-31`);
  return found;
}

/** How long a look waited for its answer, by its kind: the newest looks are not added up yet. */
function answers({ providers }: Config, kinds: Kinds): (observation: Observation) => number {
  const targets = providers.flatMap(({ channels }) => channels.flatMap((channel) => channel.targets));
  const phases = new Map(targets.map(({ id, probe }) => [id, kinds.probes.get(probe)?.answer]));
  return ({ target, finding, durationMs }) => finding.phases[phases.get(target) ?? ''] ?? durationMs;
}

interface Task {
  readonly config: Config;
  readonly reader: Reader;
  /** Announced maintenance that counted, by channel. */
  readonly announced: ReturnType<typeof announcedWindows>;
  readonly dates: Dates;
  readonly now: Instant;
  readonly onProgress: ReportChoice['onProgress'];
}

async function measure(task: Task): Promise<Quality> {
  const { config, dates, now, onProgress } = task;
  const before = datesBefore(dates);
  const total = config.providers.reduce((sum, { channels }) => sum + channels.length, 0);
  let done = 0;
  const providers = [];
  for (const provider of config.providers) {
    const channels: ChannelQuality[] = [];
    for (const channel of provider.channels) {
      channels.push(measureChannel(channel, provider, task));
      onProgress?.((done += 1), total);
      await setImmediate();
    }
    providers.push({ id: provider.id, name: provider.name, timezone: provider.timezone, channels });
  }
  return {
    generatedAt: now,
    from: written(dates.first),
    to: written(dates.last),
    before: { from: written(before.first), to: written(before.last) },
    unfinished: config.providers.some(({ timezone }) => spanOf(dates, timezone).until > now),
    providers,
  };
}

function measureChannel(
  channel: Channel,
  { timezone }: Provider,
  { reader, announced, dates, now }: Task,
): ChannelQuality {
  const since = spanOf(datesBefore(dates), timezone).from - lookbackMs(channel.targets);
  const until = Math.min(now, spanOf(dates, timezone).until);
  const calendar = openCalendar(channel.hours, channel.maintenance, announced.get(channel.id));
  const rows = reader.hours(channel.id, since, until);
  const incidents = reader
    .incidents(since, until)
    .filter((each) => each.channels.some((part) => part.channel === channel.id));
  return qualityOf({ channel, timezone, calendar, rows, incidents, now }, dates);
}
