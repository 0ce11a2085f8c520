/** A report for a wiki, a ticket or a mail: Markdown tables. It knows no markup but Markdown's, and lets none in. */
import {
  clockTime,
  comparisons,
  incidentsOf,
  lasting,
  lastingOr,
  titleOf,
  NOT_KNOWN,
  NOTES,
  percent,
  period,
  points,
} from '../core/figures.ts';
import type { ChannelQuality, Lapse, ProviderQuality, Quality } from '../core/quality.ts';

export function markdown(quality: Quality): string {
  const parts = [
    `# Support quality: ${period(quality)}`,
    `Compared with ${period(quality.before)}. Written ${new Date(quality.generatedAt).toISOString()}${quality.unfinished ? '; **the period is not over**' : ''}.`,
    ...quality.providers.flatMap(providerParts),
    ...compared(quality),
    '## How to read this',
    NOTES.map((each) => `* ${each}`).join('\n'),
  ];
  return `${parts.join('\n\n')}\n`;
}

function providerParts(provider: ProviderQuality): string[] {
  const head = [
    'Channel',
    'Promised hours',
    'Change',
    'Calendar',
    'Unreachable',
    'Limited',
    'Unknown',
    'Maintenance',
    'Incidents',
    'Detect',
    'Answer',
    'Recover',
  ];
  return [
    `## ${plain(provider.name)}`,
    `Times by the clock of ${plain(provider.timezone)}.`,
    table(head, provider.channels.map(channelCells)),
    ...provider.channels.flatMap((channel) => incidents(channel, provider)),
  ];
}

function channelCells(channel: ChannelQuality): string[] {
  const { promised, calendar, pace, before } = channel;
  return [
    plain(titleOf(channel)),
    percent(promised.ratio),
    points(promised.ratio, before.promised.ratio) ?? '–',
    percent(calendar.ratio),
    promised.ratio === undefined ? NOT_KNOWN : lasting(promised.downMs),
    promised.ratio === undefined ? NOT_KNOWN : lasting(promised.limitedMs),
    promised.shares === undefined ? '–' : percent(promised.shares.unknown),
    promised.shares === undefined ? '–' : percent(promised.shares.maintenance),
    `${incidentsOf(channel)} (before: ${incidentsOf(before)})`,
    `${lastingOr(pace.detectMs)} (${lastingOr(before.pace.detectMs)})`,
    `${lastingOr(pace.answer?.medianMs)} (${lastingOr(before.pace.answer?.medianMs)})`,
    `${lastingOr(pace.recoverMs)} (${lastingOr(before.pace.recoverMs)})`,
  ];
}

function incidents(channel: ChannelQuality, provider: ProviderQuality): string[] {
  if (channel.lapses.length === 0) return [];
  const head = ['Began', 'Lasted', 'In promised hours', 'Noticed after', 'What', 'Cause', 'Evidence'];
  return [
    `### Incidents: ${plain(titleOf(channel))}`,
    table(
      head,
      channel.lapses.map((lapse) => lapseCells(lapse, provider)),
    ),
  ];
}

function lapseCells(lapse: Lapse, { timezone }: ProviderQuality): string[] {
  return [
    clockTime(lapse.since, timezone),
    `${lasting(lapse.lastedMs)}${lapse.until === undefined ? ', goes on' : ''}`,
    lasting(lapse.promisedMs),
    lasting(lapse.detectMs),
    lapse.impact === 'outage' ? 'unreachable' : 'slow or limited',
    lapse.cause.replaceAll('_', ' '),
    plain(lapse.because),
  ];
}

function compared(quality: Quality): string[] {
  const found = comparisons(quality);
  if (found.length === 0) return [];
  const head = [
    'Provider',
    'Channel',
    'Promised hours',
    'Before',
    'Unreachable',
    'Unknown',
    'Incidents',
    'Detect',
    'Answer',
    'Recover',
  ];
  return [
    '## Against the other providers',
    ...found.flatMap(({ kind, rows }) => [
      `### ${kind.replaceAll('_', ' ')}`,
      table(
        head,
        rows.map(({ provider, channel }) => comparedCells(provider, channel)),
      ),
    ]),
  ];
}

function comparedCells(provider: ProviderQuality, channel: ChannelQuality): string[] {
  const { promised, before, pace } = channel;
  return [
    plain(provider.name),
    plain(titleOf(channel)),
    percent(promised.ratio),
    percent(before.promised.ratio),
    promised.ratio === undefined ? NOT_KNOWN : lasting(promised.downMs),
    promised.shares === undefined ? '–' : percent(promised.shares.unknown),
    incidentsOf(channel),
    lastingOr(pace.detectMs),
    lastingOr(pace.answer?.medianMs),
    lastingOr(pace.recoverMs),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A text from outside as text: on one line, and no sign of it means anything. */
function plain(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/[\\`*_{}[\]()#|~!>]/g, String.raw`\$&`)
    .replace(/(https?|www)(?=[:.])/gi, '$1\u200b');
}
