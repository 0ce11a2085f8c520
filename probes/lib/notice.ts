/** What an item of news is about: kind, channels, window, age. Its words are data; they decide nothing but how it is filed (S-H5). */
import { printable } from '../../src/core/fault.ts';
import type { Instant, Notice } from '../../src/core/model.ts';
import type { Item } from './item.ts';
import { line } from './item.ts';
import { findInstant, findWindow } from './window.ts';
import type { Source } from './window.ts';

type Kind = Exclude<Notice['kind'], 'other'>;
export type Words = Readonly<Record<Kind, readonly string[]>>;

/** Words that providers use, in Indonesian, English and Chinese (both scripts: 維護 is not 维护). */
const USUAL: Words = {
  maintenance: [
    ...[
      'maintenance',
      'planned downtime',
      'scheduled downtime',
      'system upgrade',
      'scheduled upgrade',
      'system update',
    ],
    ...[
      'pemeliharaan',
      'perawatan sistem',
      'perbaikan sistem',
      'peningkatan sistem',
      'pembaruan sistem',
      'penghentian sementara',
    ],
    ...[
      '维护',
      '維護',
      '系统升级',
      '系統升級',
      '升级公告',
      '升級公告',
      '停机',
      '停機',
      '暂停服务',
      '暫停服務',
      '服务暂停',
    ],
  ],
  incident: [
    ...[
      'incident',
      'outage',
      'disruption',
      'service interruption',
      'degraded performance',
      'currently unavailable',
      'service issue',
    ],
    ...['gangguan', 'kendala', 'tidak dapat diakses', 'tidak bisa diakses'],
    ...['故障', '中断', '中斷', '异常', '異常', '无法使用', '無法使用', '无法访问'],
  ],
  resolved: [
    ...['resolved', 'restored', 'back to normal', 'maintenance completed', 'maintenance complete', 'has been fixed'],
    ...['telah selesai', 'sudah selesai', 'sudah normal', 'kembali normal', 'telah pulih', 'sudah pulih', 'teratasi'],
    ...[
      '已恢复',
      '已恢復',
      '恢复正常',
      '恢復正常',
      '已修复',
      '已修復',
      '已解决',
      '已解決',
      '维护完成',
      '維護完成',
      '已完成',
    ],
  ],
};

export interface Filing {
  readonly page: string;
  readonly now: Instant;
  readonly timezone: string;
  /** The operator said that zone of this very source; else it is that of the provider, and a guess. */
  readonly isZoneTold: boolean;
  /** Windows of this source count at once. */
  readonly isTrusted: boolean;
  readonly words: Words;
  /** Channel id -> words that mean it. */
  readonly channels: Readonly<Record<string, readonly string[]>>;
}

const DAY_MS = 86_400_000;
/** Clocks differ; what lies further ahead was not published yet and is a mistake or a trick (S-H3). */
const AHEAD_MS = 2 * DAY_MS;
const OLDEST_MS = 20 * 365 * DAY_MS;

/** The usual words and the operator's own, in the form in which texts are searched. */
export function wordsWith(own: Partial<Words>): Words {
  const of = (kind: Kind) => [...(own[kind] ?? []), ...USUAL[kind]].map(folded);
  return { maintenance: of('maintenance'), incident: of('incident'), resolved: of('resolved') };
}

export const folded = (text: string): string => text.normalize('NFKC').toLowerCase();

/** One item as a notice. */
export function noticeOf(item: Item, filing: Filing): Notice {
  const publishedAt = publicationOf(item.date, filing);
  const [title, body] = [folded(item.title), folded(item.body)];
  const { kind, matched } =
    item.kind === undefined ? kindOf(title, body, filing.words) : { kind: item.kind, matched: item.kind };
  const window =
    kind === 'maintenance' || kind === 'incident'
      ? windowOf(item, { near: publishedAt ?? filing.now, timezone: filing.timezone })
      : undefined;
  const link = linkOf(item.link, filing.page);
  const words = [matched, window?.matched].filter((each) => each !== undefined && each !== '').join(' · ');
  return {
    title: line(printable(item.title === '' ? item.body : item.title), 300),
    ...(link === undefined ? {} : { link }),
    ...(publishedAt === undefined ? {} : { publishedAt }),
    ...(window === undefined ? {} : { from: window.from, zoneExplicit: window.zoneExplicit }),
    ...(window?.until === undefined ? {} : { until: window.until }),
    ...standingOf(kind, window, filing),
    channels: channelsOf(`${title}\n${body}`, filing.channels),
    kind,
    matched: line(printable(words), 300),
  };
}

/** Who is not sure asks a person: a wrong window hides an outage. */
function standingOf(kind: Notice['kind'], window: Span | undefined, filing: Filing): Partial<Notice> {
  if (window === undefined) return {};
  if (window.ambiguous || !(window.zoneExplicit || filing.isZoneTold)) return { ambiguous: true };
  const isWhole = kind === 'maintenance' && window.until !== undefined;
  return filing.isTrusted && isWhole ? { accepted: true } : {};
}

/** A title that says "over" is believed; in a body the same word may speak of what will be. */
function kindOf(title: string, body: string, words: Words): { kind: Notice['kind']; matched: string } {
  const order = [
    ['resolved', title],
    ['maintenance', title],
    ['incident', title],
    ['maintenance', body],
    ['incident', body],
  ] as const;
  for (const [kind, text] of order) {
    const matched = words[kind].find((word) => occurs(text, word));
    if (matched !== undefined) return { kind, matched };
  }
  return { kind: 'other', matched: '' };
}

/** Whether a word stands in a text; one in letters stands alone, for `incident` is not in `coincidental`. Both are folded. */
export function occurs(text: string, word: string): boolean {
  if (word === '') return false;
  const letters = /^[a-z0-9]/.test(word);
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (!letters || !/[a-z0-9]/.test(text[at - 1] ?? ' ')) return true;
  }
  return false;
}

/** What "remains open" in a notice is not touched by it: such a sentence names no channel. */
const UNTOUCHED =
  /remains?\b|still available|as usual|not affected|unaffected|\btetap\b|seperti biasa|tidak terdampak|tidak terganggu|不受影响|不受影響|照常|正常使用|仍可/;

function channelsOf(text: string, channels: Filing['channels']): readonly string[] {
  const touched = text
    .split(/[.!?;。！？；，\n]/)
    .filter((sentence) => !UNTOUCHED.test(sentence))
    .join('\n');
  return Object.entries(channels)
    .filter(([, words]) => words.some((word) => occurs(touched, folded(word))))
    .map(([id]) => id);
}

interface Span {
  readonly from: Instant;
  readonly until?: Instant;
  readonly zoneExplicit: boolean;
  readonly ambiguous: boolean;
  readonly matched: string;
}

function windowOf(item: Item, source: Source): Span | undefined {
  const from = item.from === undefined ? undefined : exact(item.from);
  if (from === undefined) return findWindow(`${item.title}\n${item.body}`, source);
  const until = item.until === undefined ? undefined : exact(item.until);
  return {
    from,
    zoneExplicit: true,
    ambiguous: false,
    matched: '',
    ...(until === undefined || until <= from ? {} : { until }),
  };
}

/** ISO 8601 or RFC 822 with a zone. Without one JavaScript would take the zone of this process. */
function exact(text: string): Instant | undefined {
  const iso = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})$/.test(text);
  const mail =
    /^(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}(?::\d{2})? (?:GMT|UTC|UT|Z|[+-]\d{4})$/.test(text);
  const at = iso || mail ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** When it was published; unknown rather than now. */
function publicationOf(written: string, { now, timezone }: Filing): Instant | undefined {
  if (written === '') return undefined;
  const at = exact(written) ?? findInstant(written, { near: now, timezone });
  return at === undefined || at > now + AHEAD_MS || at < now - OLDEST_MS ? undefined : at;
}

/** Only addresses of the web; a user name in one is a disguise. */
function linkOf(written: string, page: string): string | undefined {
  if (written === '') return undefined;
  const url = URL.parse(written, page);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return undefined;
  return url.href.length > 1_000 ? undefined : url.href;
}
