/** The values of SIP header fields: lists, parameters, and the few fields that matter here. Pure; whatever is wrong reads as undefined. */
import type { Header } from './message.ts';

/** Anything that has headers. */
interface Headed {
  readonly headers: readonly Header[];
}

const MOST_ITEMS = 300;

/** First value of a header. `name` in lower case, in its long form. */
export function headerOf(message: Headed, name: string): string | undefined {
  return message.headers.find((each) => each.name === name)?.value;
}

/** All values of a header that is a list, over all its lines; at most 300. */
export function listOf(message: Headed, name: string): string[] {
  const values: string[] = [];
  for (const header of message.headers) {
    if (header.name !== name) continue;
    for (const item of splitOutside(header.value, ',')) {
      if (values.length >= MOST_ITEMS) return values;
      values.push(item);
    }
  }
  return values;
}

/** Pieces between separators that stand outside quotes and angle brackets (§7.3.1, §25.1), trimmed, empty ones left out. */
export function splitOutside(text: string, separator: ',' | ';'): string[] {
  const pieces: string[] = [];
  let from = 0;
  let quoted = false;
  let angled = false;
  for (let at = 0; at < text.length && pieces.length < MOST_ITEMS; at += 1) {
    const c = text[at];
    if (quoted && c === '\\') at += 1;
    else if (c === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (c === '<') angled = true;
    else if (c === '>') angled = false;
    else if (c === separator && !angled) {
      pieces.push(text.slice(from, at));
      from = at + 1;
    }
  }
  if (pieces.length < MOST_ITEMS) pieces.push(text.slice(from));
  return pieces.map((piece) => piece.trim()).filter((piece) => piece !== '');
}

/** Value of a parameter such as `branch` or `tag`; an empty text when it stands there without one. */
export function parameterOf(value: string, name: string): string | undefined {
  for (const piece of splitOutside(value, ';').slice(1)) {
    const equals = piece.indexOf('=');
    const key = (equals === -1 ? piece : piece.slice(0, equals)).trim().toLowerCase();
    if (key === name) return equals === -1 ? '' : piece.slice(equals + 1).trim();
  }
  return undefined;
}

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

export function cseqOf(message: Headed): CSeq | undefined {
  const match = /^(\d{1,10})\s+(\S{1,64})$/.exec(headerOf(message, 'cseq') ?? '');
  return match === null ? undefined : { number: Number(match[1]), method: match[2] ?? '' };
}

/** The URI of `"Name" <sip:…>;tag=…` or of a bare `sip:…;tag=…`. */
export function uriOf(value: string): string {
  const bare = value.replace(/"(?:[^"\\]|\\.)*"/g, '');
  const open = bare.indexOf('<');
  const close = bare.indexOf('>', open);
  if (open !== -1 && close !== -1) return bare.slice(open + 1, close).trim();
  return (splitOutside(bare, ';')[0] ?? '').trim();
}

export interface RetryAfter {
  readonly seconds: number;
  /** What stands in parentheses. */
  readonly comment: string;
}

/** `Retry-After: 120 (in maintenance);duration=60` (§20.33); a negative or absurd number of seconds is none. */
export function retryAfterOf(message: Headed): RetryAfter | undefined {
  const match = /^(\d{1,9})(?!\d)\s*(?:\(([^)]{0,500})\))?/.exec(headerOf(message, 'retry-after') ?? '');
  return match === null ? undefined : { seconds: Number(match[1]), comment: match[2] ?? '' };
}
