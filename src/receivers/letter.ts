/** How a message to people is laid out, as plain text and as HTML, and how its times are written. It knows nothing that is told. */
import { printable } from '../core/fault.ts';
import type { Instant, Message } from '../core/model.ts';

export interface Wording {
  /** One line of at most 200 characters. */
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** A label and its lines. */
export type FactLine = readonly [label: string, ...values: readonly string[]];

/** What a message says; not yet escaped, cut or put into lines. */
export interface Letter {
  readonly headline: string;
  /** Whom it is about: stands before the headline in the subject. */
  readonly from: string;
  /** The first sentence. */
  readonly opening: string;
  readonly facts: readonly FactLine[];
  readonly footer: string;
  readonly mark: keyof typeof MARKS;
}

/** Why this receiver is told what somebody else should have been. */
export function refusals({ refused = [] }: Pick<Message, 'refused'>): readonly FactLine[] {
  if (refused.length === 0) return [];
  return [
    ['Refused', ...refused.map(({ receiver, detail }) => `receiver ${receiver} refused this message: ${detail}`)],
  ];
}

/** The beginning of a headline for whoever is told instead. */
export function refusedBy({ refused = [] }: Pick<Message, 'refused'>): string {
  return refused.length === 0 ? '' : `${refused.map((each) => each.receiver).join(', ')} refused: `;
}

const SUBJECT_CAP = 200;
const VALUE_CAP = 1_000;
const MARKS = { over: '#2e7d32', critical: '#c62828', warning: '#b26a00' };

export function layOut(letter: Letter): Wording {
  const facts = letter.facts.map(([label, ...values]): FactLine => [
    label,
    ...values.map((each) => oneLine(each, VALUE_CAP)),
  ]);
  return {
    subject: oneLine(`[${letter.from}] ${letter.headline}`, SUBJECT_CAP),
    text: plain(letter, facts),
    html: html(letter, facts),
  };
}

/** Short labelled lines: they wrap well on a telephone, where columns would not. */
function plain({ opening, footer }: Letter, facts: readonly FactLine[]): string {
  const lines = facts.flatMap(([label, first = '', ...more]) => [
    `${label}: ${first}`,
    ...more.map((each) => `  - ${each}`),
  ]);
  return [oneLine(opening, VALUE_CAP), '', ...lines, '', footer, ''].join('\n');
}

/** Nothing remote, no colours of its own for text or ground: it follows the reader's light or dark. */
function html({ headline, opening, footer, mark }: Letter, facts: readonly FactLine[]): string {
  const rows = facts.map(
    ([label, ...values]) =>
      `<p style="margin:0 0 10px"><strong>${escape(label)}</strong><br>${values.map(linked).join('<br>')}</p>`,
  );
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">',
    `<title>${escape(oneLine(headline, SUBJECT_CAP))}</title></head>`,
    '<body style="font-family:system-ui,sans-serif;font-size:16px;line-height:1.45">',
    `<div style="border-left:4px solid ${MARKS[mark]};padding-left:14px;max-width:640px">`,
    `<p style="font-size:20px;margin:0 0 14px"><strong>${escape(oneLine(opening, VALUE_CAP))}</strong></p>`,
    ...rows,
    `<p style="margin:14px 0 0;font-size:13px">${escape(footer)}</p></div></body></html>`,
  ].join('\n');
}

/** A link only for what is nothing but one address of a harmless kind. */
function linked(value: string): string {
  if (!/^(?:https?:\/\/|mailto:|tel:|sips?:)\S+$/i.test(value)) return escape(value);
  return `<a href="${escape(value)}" rel="noopener nofollow">${escape(value)}</a>`;
}

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (c) => entities[c] ?? c);
}

/** One line without control or direction characters, cut between characters rather than inside one. */
function oneLine(text: string, most: number): string {
  const line = printable(text).replace(/\s+/g, ' ').trim();
  if (line.length <= most) return line;
  return `${line.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Such as `45 s`, `12 min`, `1 h 5 min`, `2 d 3 h`. */
export function formatSpan(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joined(`${hours} h`, minutes % 60, 'min');
  return joined(`${Math.floor(hours / 24)} d`, hours % 24, 'h');
}

function joined(first: string, rest: number, unit: string): string {
  return rest === 0 ? first : `${first} ${rest} ${unit}`;
}

/** Such as `09:41 WIB`. */
export function clockTime(at: Instant, timezone: string): string {
  const time = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: '2-digit', minute: '2-digit' }).format(at);
  return `${time} ${zoneName(at, timezone)}`;
}

/** Local time first, then UTC, because logs are in UTC. Put together from parts: ICU changes its commas from year to year. */
export function fullTime(at: Instant, timezone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    weekday: 'short',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const [weekday, day, month, year] = (['weekday', 'day', 'month', 'year'] as const).map(
    (each) => parts.get(each) ?? '',
  );
  const time = (['hour', 'minute', 'second'] as const).map((each) => parts.get(each) ?? '').join(':');
  const utc = new Date(at).toISOString().slice(0, 19).replace('T', ' ');
  return `${weekday} ${day} ${month} ${year}, ${time} ${zoneName(at, timezone)} (${utc} UTC)`;
}

/** The abbreviation that people there use. English data knows none for Indonesia, Indonesian data does (WIB, WITA, WIT). */
function zoneName(at: Instant, timezone: string): string {
  for (const locale of ['en', 'id']) {
    const parts = new Intl.DateTimeFormat(locale, { timeZone: timezone, timeZoneName: 'short' }).formatToParts(at);
    const name = parts.find((each) => each.type === 'timeZoneName')?.value ?? '';
    if (/^[A-Z]{2,5}$/.test(name)) return name;
  }
  const parts = new Intl.DateTimeFormat('en', { timeZone: timezone, timeZoneName: 'shortOffset' }).formatToParts(at);
  return (parts.find((each) => each.type === 'timeZoneName')?.value ?? 'UTC').replace('GMT', 'UTC');
}
