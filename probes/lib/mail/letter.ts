/** A mail out of hostile bytes: what its headers and its text say, within caps. It knows nothing of what we sent. */
import type { Email } from 'postal-mime';
import type { Instant } from '../../../src/core/model.ts';
import { decode } from '../charset.ts';
import { textOf } from '../markup.ts';

export interface Mail {
  /** Undefined when it could not be read as a mail: then only its bytes speak. */
  readonly isReadable: boolean;
  /** Unfolded, undecoded; names in lower case, in the order of the mail. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Address in From, in lower case. */
  readonly from: string;
  /** Addresses that it was sent to, in lower case: To, Cc, Delivered-To and their like. */
  readonly to: readonly string[];
  readonly subject: string;
  /** What a reader sees, from the HTML where there is no plain text. */
  readonly text: string;
  /** Machine-readable part of a report about a mail (RFC 3464). */
  readonly report: string | undefined;
  /** All that was taken in, as Latin-1. */
  readonly raw: string;
}

const TEXT_CAP = 65_536;
/** Depth of parts and bytes of headers; beyond it is no mail of a support desk. */
const CAPS = { maxNestingDepth: 16, maxHeadersSize: 65_536, maxRfc822NestingDepth: 2 } as const;
/** Parts are counted before they are made: each costs far more than the few bytes that ask for it. */
const PARTS_CAP = 200;

/** Reads a mail. Never throws; what no reader can take leaves only the raw bytes. */
export async function readLetter(source: Buffer): Promise<Mail> {
  const raw = source.toString('latin1');
  if (hasTooManyParts(raw)) return unreadable(raw);
  try {
    const { default: PostalMime } = await import('postal-mime');
    const email = await PostalMime.parse(source, CAPS);
    const headers = email.headers.map(({ key, value }) => ({ name: key, value: value.slice(0, 2_000) }));
    return {
      isReadable: true,
      headers,
      from: addressIn(headers.find(({ name }) => name === 'from')?.value ?? ''),
      to: headers.filter(({ name }) => RECIPIENTS.has(name)).flatMap(({ value }) => addressesIn(value)),
      subject: subjectOf(email, raw, source),
      text: visibleText(email),
      report: reportOf(email),
      raw,
    };
  } catch {
    return unreadable(raw);
  }
}

/** The first value of a header, or an empty text. */
export const headerOf = (mail: Mail, name: string): string =>
  mail.headers.find((each) => each.name === name)?.value ?? '';

const RECIPIENTS: ReadonlySet<string> = new Set(['to', 'cc', 'delivered-to', 'x-original-to', 'envelope-to']);

function unreadable(raw: string): Mail {
  return { isReadable: false, headers: [], from: '', to: [], subject: '', text: '', report: undefined, raw };
}

function hasTooManyParts(raw: string): boolean {
  let count = 0;
  for (let at = raw.indexOf('\n--'); at !== -1; at = raw.indexOf('\n--', at + 3))
    if ((count += 1) > PARTS_CAP) return true;
  return false;
}

/** The last address in angle brackets, else the first bare one: a display name may look like an address. */
function addressIn(value: string): string {
  const inBrackets = /<([^<>\s]{3,254})>[^<>]*$/.exec(value)?.[1];
  return (inBrackets ?? addressesIn(value)[0] ?? '').toLowerCase();
}

function addressesIn(value: string): string[] {
  return (value.match(/[^\s<>,;:"()]{1,64}@[^\s<>,;:"()]{1,190}/g) ?? [])
    .slice(0, 50)
    .map((each) => each.toLowerCase());
}

/** Some desks send the subject as raw GBK or UTF-8 bytes, which no header may hold and no parser can read. */
function subjectOf({ subject = '' }: Email, raw: string, source: Buffer): string {
  const end = raw.search(/\r?\n\r?\n/);
  const head = raw.slice(0, end === -1 ? 65_536 : Math.min(end, 65_536));
  const line = /^subject:((?:.|\r?\n[ \t])*)/im.exec(head);
  if (line === null || !/[\x80-\xff]/.test(line[1] ?? '')) return subject;
  const from = line.index + 'subject:'.length;
  const bytes = source.subarray(from, line.index + line[0].length);
  return decode(bytes, '', 'gb18030').text.replace(/\s+/g, ' ').trim();
}

function visibleText({ text = '', html = '' }: Email): string {
  if (text.trim() !== '' || html === '') return text.slice(0, TEXT_CAP);
  // What begins a block or a cell begins a word: a number in the next cell is not part of this one.
  const apart = withoutBlocks(html).replace(/<(?:p|div|br|li|tr|td|th|h[1-6])\b/gi, '\n$&');
  return textOf(apart).slice(0, TEXT_CAP);
}

/** Style sheets stand before the first word and may be longer than it takes to give up. One pass: this is hostile input. */
function withoutBlocks(html: string): string {
  const lower = html.toLowerCase();
  let kept = '';
  let at = 0;
  for (const name of ['head', 'style', 'script']) {
    // Only the first of each kind, which is where mail writers put them; the rest is cut by the reader's own cap.
    const open = lower.indexOf(`<${name}`, at);
    const close = open === -1 ? -1 : lower.indexOf(`</${name}>`, open);
    if (close === -1) continue;
    kept += html.slice(at, open);
    at = close + name.length + 3;
  }
  return kept + html.slice(at);
}

function reportOf({ attachments }: Email): string | undefined {
  const part = attachments.find(({ mimeType }) => mimeType === 'message/delivery-status');
  if (part === undefined) return undefined;
  const { content } = part;
  return (typeof content === 'string' ? content : Buffer.from(content as ArrayBuffer).toString('latin1')).slice(
    0,
    8_192,
  );
}

/** The stamp of the first server that took the mail (RFC 5321 §4.4: each adds its line on top), else its own Date. */
export function takenUpAt(mail: Mail): Instant | undefined {
  const stamps = mail.headers.filter(({ name }) => name === 'received').map(({ value }) => value);
  const first = stamps.at(-1);
  const stamp = first === undefined ? headerOf(mail, 'date') : first.slice(first.lastIndexOf(';') + 1);
  // Comments such as "(UTC)" or "(WIB)" are no part of the date.
  const at = Date.parse(stamp.replace(/\([^()]*\)/g, ' ').trim());
  return Number.isFinite(at) ? at : undefined;
}
