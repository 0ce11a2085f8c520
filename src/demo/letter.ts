/** Mails as the demo writes and reads them: headers and the text part, lightly parsed. It is no MIME library. */
import type { Instant } from '../core/model.ts';

export interface Mail {
  /** Envelope sender; empty for a bounce. */
  readonly from: string;
  /** Envelope recipients. */
  readonly to: readonly string[];
  readonly subject: string;
  /** When it was received. */
  readonly at: Instant;
  /** The first plain text part, decoded. */
  readonly text: string;
  /** The mail as it came, headers and all. */
  readonly raw: Buffer;
}

export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
}

/** Multiparts within multiparts are followed so far and no further. */
const DEPTH_CAP = 8;

/** Reads a mail of any shape; what cannot be understood is kept as it is. */
export function readMail(raw: Buffer, envelope: Envelope, at: Instant): Mail {
  const text = raw.toString('latin1');
  return { ...envelope, subject: decodeWords(headerOf(text, 'subject') ?? ''), at, text: textOf(text, 0), raw };
}

/** Value of the first header of that name, unfolded; `text` is a mail or a part of one, as Latin-1. */
export function headerOf(text: string, name: string): string | undefined {
  const wanted = `${name.toLowerCase()}:`;
  const line = headersOf(text).find((each) => each.toLowerCase().startsWith(wanted));
  return line?.slice(wanted.length).replace(/\r?\n/g, '').trim();
}

/** Headers of a mail, each with its continuation lines. */
export function headersOf(text: string): readonly string[] {
  return split(text).head.split(/\r?\n(?![ \t])/);
}

/** A mail in bytes. Header values must not hold line breaks; they are cut there. */
export function writeMail(headers: Readonly<Record<string, string>>, body: string): Buffer {
  const lines = Object.entries({ ...headers, 'MIME-Version': '1.0', 'Content-Type': 'text/plain; charset=utf-8' });
  const head = lines.map(([name, value]) => `${name}: ${encodeWords(value.split(/[\r\n]/, 1)[0] ?? '')}`);
  const base64 = Buffer.from(body).toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.from([...head, 'Content-Transfer-Encoding: base64', '', base64, ''].join('\r\n'));
}

function split(text: string): { head: string; body: string } {
  const match = /\r?\n\r?\n/.exec(text);
  if (match === null) return { head: text, body: '' };
  return { head: text.slice(0, match.index), body: text.slice(match.index + match[0].length) };
}

/** The first plain text in a part; that of an HTML mail is its source. */
function textOf(part: string, depth: number): string {
  const type = headerOf(part, 'content-type') ?? 'text/plain';
  const boundary = /^multipart\/.*boundary="?([^";]{1,70})"?/i.exec(type)?.[1];
  if (boundary === undefined) return decodeBody(part, type);
  if (depth === DEPTH_CAP) return '';
  const parts = split(part)
    .body.split(`--${boundary}`)
    .slice(1, -1)
    .map((each) => each.replace(/^\r?\n/, ''));
  const plain = parts.find((each) =>
    /^(text\/plain|multipart\/)/i.test(headerOf(each, 'content-type') ?? 'text/plain'),
  );
  return textOf(plain ?? parts[0] ?? '', depth + 1);
}

function decodeBody(part: string, type: string): string {
  const { body } = split(part);
  const coding = (headerOf(part, 'content-transfer-encoding') ?? '').toLowerCase();
  const bytes = coding === 'base64' ? Buffer.from(body, 'base64') : Buffer.from(plainOf(body, coding), 'latin1');
  return decode(bytes, /charset="?([^";\s]+)/i.exec(type)?.[1] ?? 'utf-8')
    .replaceAll('\r\n', '\n')
    .trimEnd();
}

function plainOf(body: string, coding: string): string {
  return coding === 'quoted-printable' ? unquote(body.replace(/=\r?\n/g, '')) : body;
}

function unquote(text: string): string {
  return text.replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

function decode(bytes: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    // A label that nobody knows: the bytes are shown as they are.
    return bytes.toString('latin1');
  }
}

/** Encoded words of RFC 2047; white space between two of them belongs to neither. */
function decodeWords(text: string): string {
  return text
    .replace(/(\?=)\s+(?==\?)/g, '$1')
    .replace(/=\?([^?]{1,40})\?([BQ])\?([^?]*)\?=/gi, (_, charset: string, coding: string, data: string) =>
      decode(
        coding.toUpperCase() === 'B'
          ? Buffer.from(data, 'base64')
          : Buffer.from(unquote(data.replaceAll('_', ' ')), 'latin1'),
        charset,
      ),
    );
}

/** ASCII stays; anything else becomes encoded words of whole characters, none longer than RFC 2047 allows. */
function encodeWords(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const words: string[] = [];
  for (const char of text) {
    const last = words.at(-1);
    if (last !== undefined && Buffer.byteLength(last + char) <= 42) words[words.length - 1] = last + char;
    else words.push(char);
  }
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString('base64')}?=`).join('\r\n ');
}
