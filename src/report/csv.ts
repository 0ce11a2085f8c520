/** A report for spreadsheets: one table, a row per channel and per incident. It knows what a spreadsheet would take for a formula. */
import { nameOf } from '../core/figures.ts';
import type { ChannelQuality, Figures, Lapse, Pace, ProviderQuality, Quality } from '../core/quality.ts';
import { localId } from '../core/view.ts';

type Cell = string | number | undefined;
type Row = Readonly<Partial<Record<(typeof COLUMNS)[number], Cell>>>;

const COLUMNS = [
  'record',
  'provider',
  'channel',
  'kind',
  'name',
  'private',
  'from',
  'to',
  'promised_ratio',
  'promised_ratio_before',
  'promised_up_seconds',
  'promised_limited_seconds',
  'promised_down_seconds',
  'promised_unknown_seconds',
  'promised_maintenance_seconds',
  'calendar_ratio',
  'calendar_ratio_before',
  'calendar_up_seconds',
  'calendar_limited_seconds',
  'calendar_down_seconds',
  'calendar_unknown_seconds',
  'calendar_maintenance_seconds',
  'incidents',
  'incidents_before',
  'detect_seconds',
  'detect_seconds_before',
  'answer_median_seconds',
  'answer_p95_seconds',
  'answer_median_seconds_before',
  'recover_seconds',
  'recover_seconds_before',
  'incident',
  'since',
  'until',
  'impact',
  'cause',
  'because',
  'lasted_seconds',
  'promised_seconds',
] as const;

/** RFC 4180: commas, CRLF, the names of the columns first. */
export function csv(quality: Quality): string {
  const rows = quality.providers.flatMap((provider) =>
    provider.channels.flatMap((channel) => [
      channelRow(channel, provider, quality),
      ...channel.lapses.map((lapse) => ({ ...lapseRow(lapse, channel, provider), from: quality.from, to: quality.to })),
    ]),
  );
  const lines = [COLUMNS.join(','), ...rows.map((row) => COLUMNS.map((name) => cell(row[name])).join(','))];
  return lines.map((line) => `${line}\r\n`).join('');
}

/** Full-width signs too: some spreadsheets in East Asia read them as the others. */
const FORMULA = /^\s*[=+\-@＝＋－＠\t\r\n]|^[\t\r\n]/;

/**
 * A text that a spreadsheet would evaluate gets an apostrophe before it, which spreadsheets do not show, and quotes around
 * it. Numbers are ours and stay numbers.
 */
function cell(value: Cell): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  // Spreadsheets cut at a NUL.
  const clean = value.replaceAll('\0', '\ufffd');
  const text = FORMULA.test(clean) ? `'${clean}` : clean;
  return text !== value || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function channelRow(channel: ChannelQuality, provider: ProviderQuality, { from, to }: Quality): Row {
  const { promised, calendar, pace, before } = channel;
  return {
    record: 'channel',
    ...named(channel, provider),
    from,
    to,
    ...figures('promised', promised, before.promised),
    ...figures('calendar', calendar, before.calendar),
    ...paces(pace, before),
  };
}

function named(channel: ChannelQuality, provider: ProviderQuality): Row {
  const { id, kind, name, private: isPrivate } = channel;
  return {
    provider: provider.id,
    channel: localId(id),
    kind,
    name: nameOf(name, id),
    private: isPrivate ? 'yes' : 'no',
  };
}

function figures(basis: 'promised' | 'calendar', now: Figures, before: Figures): Row {
  return {
    [`${basis}_ratio`]: now.ratio === undefined ? undefined : Math.floor(now.ratio * 1e6) / 1e6,
    [`${basis}_ratio_before`]: before.ratio === undefined ? undefined : Math.floor(before.ratio * 1e6) / 1e6,
    [`${basis}_up_seconds`]: seconds(now.upMs),
    [`${basis}_limited_seconds`]: seconds(now.limitedMs),
    [`${basis}_down_seconds`]: seconds(now.downMs),
    [`${basis}_unknown_seconds`]: seconds(now.unknownMs),
    [`${basis}_maintenance_seconds`]: seconds(now.maintenanceMs),
  };
}

function paces(now: Pace, { pace: before, promised }: ChannelQuality['before']): Row {
  return {
    incidents: now.incidents,
    // Where nothing was seen, none is no figure.
    incidents_before: promised.ratio === undefined ? undefined : before.incidents,
    detect_seconds: seconds(now.detectMs),
    detect_seconds_before: seconds(before.detectMs),
    answer_median_seconds: exactly(now.answer?.medianMs),
    answer_p95_seconds: exactly(now.answer?.p95Ms),
    answer_median_seconds_before: exactly(before.answer?.medianMs),
    recover_seconds: seconds(now.recoverMs),
    recover_seconds_before: seconds(before.recoverMs),
  };
}

function lapseRow(lapse: Lapse, channel: ChannelQuality, provider: ProviderQuality): Row {
  return {
    record: 'incident',
    ...named(channel, provider),
    incident: lapse.id,
    since: new Date(lapse.since).toISOString(),
    until: lapse.until === undefined ? undefined : new Date(lapse.until).toISOString(),
    impact: lapse.impact,
    cause: lapse.cause,
    because: lapse.because,
    detect_seconds: seconds(lapse.detectMs),
    lasted_seconds: seconds(lapse.lastedMs),
    promised_seconds: seconds(lapse.promisedMs),
  };
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms / 1_000);
}

function exactly(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms) / 1_000;
}
