/** SIP messages: bytes to a message and back (RFC 3261 §7), with hard limits. Pure; it knows no socket and no transaction. */

export interface Header {
  /** Lower case, compact forms expanded. */
  readonly name: string;
  /** Unfolded, without the spaces around it. */
  readonly value: string;
}

export interface SipRequest {
  readonly kind: 'request';
  readonly method: string;
  readonly uri: string;
  readonly headers: readonly Header[];
  readonly body: Buffer;
}

export interface SipResponse {
  readonly kind: 'response';
  /** 100 to 699. */
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly Header[];
  readonly body: Buffer;
}

export type SipMessage = SipRequest | SipResponse;

/** Why bytes are no message. `not_sip`: another protocol speaks; `malformed`: SIP was meant; `too_large`: beyond the limits. */
export interface Flaw {
  readonly problem: 'not_sip' | 'malformed' | 'too_large';
  readonly detail: string;
}

export type Parsed = { readonly ok: true; readonly message: SipMessage } | { readonly ok: false; readonly flaw: Flaw };

/** What stands before the body. */
export type Head = Omit<SipRequest, 'body'> | Omit<SipResponse, 'body'>;
export type ParsedHead =
  | { readonly ok: true; readonly head: Head; readonly contentLength: number | undefined }
  | { readonly ok: false; readonly flaw: Flaw };

/** A far side makes us keep no more than this. UDP itself ends at 64 KB; no honest message has 300 header lines. */
export const LIMITS = { bytes: 65_536, headers: 300, startLine: 2_048 } as const;

// RFC 3261 §7.3.3 and the registry of header fields: one letter each.
const COMPACT = new Map(
  Object.entries({
    a: 'accept-contact',
    b: 'referred-by',
    c: 'content-type',
    d: 'request-disposition',
    e: 'content-encoding',
    f: 'from',
    i: 'call-id',
    j: 'reject-contact',
    k: 'supported',
    l: 'content-length',
    m: 'contact',
    o: 'event',
    r: 'refer-to',
    s: 'subject',
    t: 'to',
    u: 'allow-events',
    v: 'via',
    x: 'session-expires',
  }),
);

const TOKEN = /^[\w\-.!%*+`'~]+$/;
const STATUS_LINE = /^SIP\/2\.0 +([1-6]\d\d)(?: +(.*))?$/i;
const REQUEST_LINE = /^([\w\-.!%*+`'~]{1,64}) +(\S+) +SIP\/2\.0 *$/i;

const flawed = (problem: Flaw['problem'], detail: string) => ({ ok: false, flaw: { problem, detail } }) as const;

/** Reads one whole message, such as a datagram. Never throws; what is behind Content-Length is left out (§18.3). */
export function parseMessage(bytes: Buffer): Parsed {
  if (bytes.length > LIMITS.bytes) return flawed('too_large', `${bytes.length} bytes`);
  const start = skipBlank(bytes, 0);
  const end = headEnd(bytes, start) ?? { at: bytes.length, next: bytes.length };
  const parsed = parseHead(bytes.subarray(start, end.at));
  if (!parsed.ok) return parsed;
  const length = parsed.contentLength ?? bytes.length - end.next;
  if (end.next + length > bytes.length) return flawed('malformed', 'Content-Length is larger than the message');
  return { ok: true, message: { ...parsed.head, body: bytes.subarray(end.next, end.next + length) } };
}

/** Reads start line and headers. Lines that are no header are skipped: one odd line is no reason to lose a message. */
export function parseHead(bytes: Buffer): ParsedHead {
  if (bytes.length > LIMITS.bytes) return flawed('too_large', `${bytes.length} bytes of headers`);
  const [first = '', ...lines] = bytes.toString('utf8').split(/\r?\n/);
  const start = parseStartLine(first);
  if (!start.ok) return start;
  const headers = unfold(lines).flatMap(parseHeader);
  if (headers.length > LIMITS.headers) return flawed('too_large', `${headers.length} headers`);
  const lengths = new Set(headers.filter(({ name }) => name === 'content-length').map(({ value }) => value));
  const [length, ...others] = lengths;
  // Two different lengths are how one message is smuggled inside another; a wrong one cannot be believed either.
  if (others.length > 0) return flawed('malformed', 'several Content-Lengths that differ');
  if (length !== undefined && !/^\d{1,9}$/.test(length)) return flawed('malformed', 'Content-Length is no number');
  const contentLength = length === undefined ? undefined : Number(length);
  return { ok: true, head: { ...start.start, headers }, contentLength };
}

type StartLine =
  | { readonly ok: true; readonly start: Omit<SipRequest, 'headers' | 'body'> | Omit<SipResponse, 'headers' | 'body'> }
  | { readonly ok: false; readonly flaw: Flaw };

/** Tells a status line from a request line, and both from what is not SIP. */
export function parseStartLine(line: string): StartLine {
  if (line.length > LIMITS.startLine) return flawed('not_sip', 'an endless first line');
  const status = STATUS_LINE.exec(line);
  if (status !== null) {
    return { ok: true, start: { kind: 'response', status: Number(status[1]), reason: (status[2] ?? '').trim() } };
  }
  const request = REQUEST_LINE.exec(line);
  if (request !== null)
    return { ok: true, start: { kind: 'request', method: request[1] ?? '', uri: request[2] ?? '' } };
  if (/^SIP\/|SIP\/\d+\.\d+ *$/i.test(line)) return flawed('malformed', `first line "${line.slice(0, 80)}"`);
  return flawed('not_sip', `it begins with "${line.slice(0, 80)}"`);
}

// §7.3.1: a line that begins with white space continues the one before it.
function unfold(lines: readonly string[]): string[] {
  const whole: string[][] = [];
  for (const line of lines) {
    const last = whole.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) last.push(line.trim());
    else if (line !== '') whole.push([line]);
  }
  return whole.map((parts) => parts.join(' '));
}

function parseHeader(line: string): Header[] {
  const colon = line.indexOf(':');
  const written = line.slice(0, Math.max(colon, 0)).trimEnd().toLowerCase();
  if (!TOKEN.test(written)) return [];
  return [{ name: COMPACT.get(written) ?? written, value: line.slice(colon + 1).trim() }];
}

/** Where the headers end and the body begins; undefined while the empty line is not there yet. */
export function headEnd(bytes: Buffer, from: number): { readonly at: number; readonly next: number } | undefined {
  for (let at = bytes.indexOf(10, from); at !== -1; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at + 1] === 10) return { at: at + 1, next: at + 2 };
    if (bytes[at + 1] === 13 && bytes[at + 2] === 10) return { at: at + 1, next: at + 3 };
  }
  return undefined;
}

/** First byte that is no line end: empty lines before a message are to be ignored (§7.5), and are keep-alives (RFC 5626 §3.5.1). */
export function skipBlank(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 13 || bytes[at] === 10) at += 1;
  return at;
}

/** The bytes of a message. Content-Length is added here; a line end inside a value cannot forge another header. */
export function formatMessage(message: SipMessage): Buffer {
  const first =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.reason}`;
  const lines = [
    first,
    ...message.headers.filter(({ name }) => name !== 'content-length').map((h) => `${capitalise(h.name)}: ${h.value}`),
    `Content-Length: ${message.body.length}`,
  ].map((line) => line.replace(/[\r\n]+/g, ' '));
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), message.body]);
}

const SPELLING = new Map([
  ['call-id', 'Call-ID'],
  ['cseq', 'CSeq'],
]);
const capitalise = (name: string): string =>
  SPELLING.get(name) ?? name.replace(/(?:^|-)[a-z]/g, (letters) => letters.toUpperCase());
