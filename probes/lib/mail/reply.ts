/** SMTP replies out of bytes (RFC 5321 §4.2). It knows no socket and no clock. */
import { fault, printable } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';

export interface Reply {
  readonly code: number;
  /** Enhanced status code of RFC 3463, such as `5.1.1`. */
  readonly enhanced: string | undefined;
  /** Text of each line, read as Latin-1: what a server writes here is often not UTF-8 and never has to be. */
  readonly lines: readonly string[];
}

export type Reading =
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** The bytes so far are the beginning of a reply. */
  | { readonly kind: 'more' }
  /** This can no longer become a reply. Final: the stream is out of step. */
  | { readonly kind: 'broken'; readonly fault: Fault };

const LINE_CAP = 2_048;
const REPLY_CAP = 65_536;
const LINES_CAP = 200;
const LINE_FEED = 10;

/** How other protocols begin to speak, so that a wrong port is named and not only called garbage. */
const STRANGERS: readonly (readonly [RegExp, string])[] = [
  [/^SSH-/, 'an SSH server'],
  [/^HTTP\//, 'an HTTP server'],
  [/^\* (OK|BYE|PREAUTH)/, 'an IMAP server'],
  [/^(\+OK|-ERR)/, 'a POP3 server'],
  [/^[\x15-\x17]\x03/, 'a TLS server'],
];

/** Reply lines with what has been read of the reply in hand. */
export class ReplyReader {
  #bytes: Buffer = Buffer.alloc(0);
  #code: string | undefined;
  #lines: string[] = [];
  #size = 0;
  #broken: Fault | undefined;

  /** Bytes that belong to no reply read so far. */
  get unread(): number {
    return this.#bytes.length;
  }

  /** Takes bytes in; more than one reply may hold are not kept. */
  push(chunk: Buffer): void {
    if (this.#broken !== undefined) return;
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, REPLY_CAP + 1 - this.#bytes.length)]);
  }

  /** The next reply, if it is complete. */
  next(): Reading {
    while (this.#broken === undefined) {
      const end = this.#bytes.indexOf(LINE_FEED);
      const line = this.#bytes.subarray(0, end === -1 ? this.#bytes.length : end + 1);
      const why = this.#judge(line, end !== -1);
      if (why !== undefined) this.#break(why);
      else if (end === -1) return { kind: 'more' };
      else {
        const reply = this.#accept(line);
        if (reply !== undefined) return { kind: 'reply', reply };
      }
    }
    return { kind: 'broken', fault: this.#broken };
  }

  /** Beginning of what was left unfinished, for a message. */
  partial(): string {
    const text = [...this.#lines, this.#bytes.toString('latin1')].join(' ');
    return printable(text.slice(0, 80)).trim();
  }

  #break(why: Fault): void {
    this.#broken = why;
    this.#bytes = Buffer.alloc(0);
  }

  #judge(line: Buffer, complete: boolean): Fault | undefined {
    if (line.length > LINE_CAP) return fault('TOO_LARGE', `a reply line is longer than ${LINE_CAP} bytes`);
    if (this.#size + line.length > REPLY_CAP) return fault('TOO_LARGE', `a reply is longer than ${REPLY_CAP} bytes`);
    if (this.#lines.length >= LINES_CAP) return fault('TOO_LARGE', `a reply has more than ${LINES_CAP} lines`);
    // Four bytes are enough to see that this is no reply: without a line feed one would wait for the deadline.
    if (!complete && line.length < 4) return undefined;
    const text = line.toString('latin1');
    if (!/^[2-5]\d\d(?:[ -]|\r?\n)/.test(text)) return fault('PROTO_GARBAGE', `no SMTP: ${stranger(text)}`);
    const code = text.slice(0, 3);
    if (this.#code !== undefined && this.#code !== code)
      return fault('PROTO_GARBAGE', `one reply carries both ${this.#code} and ${code}`);
    return undefined;
  }

  #accept(line: Buffer): Reply | undefined {
    const text = line.toString('latin1').replace(/\r?\n$/, '');
    this.#bytes = this.#bytes.subarray(line.length);
    this.#size += line.length;
    this.#code = text.slice(0, 3);
    this.#lines.push(text.slice(4));
    if (text[3] === '-') return undefined;
    const reply = { code: Number(this.#code), enhanced: enhancedOf(this.#code, this.#lines), lines: this.#lines };
    this.#code = undefined;
    this.#lines = [];
    this.#size = 0;
    return reply;
  }
}

/** The enhanced code that the text begins with, if its class agrees with the reply code (RFC 2034 §4). */
function enhancedOf(code: string, lines: readonly string[]): string | undefined {
  const match = /^([245])\.\d{1,3}\.\d{1,3}(?= |$)/.exec(lines[0] ?? '');
  return match?.[1] === code[0] ? match?.[0] : undefined;
}

function stranger(text: string): string {
  const who = STRANGERS.find(([pattern]) => pattern.test(text))?.[1];
  const quote = `"${printable(text.slice(0, 80)).trim()}"`;
  return who === undefined ? `it said ${quote}` : `${who} answered with ${quote}`;
}

/** A reply on one line, for people: `550 5.1.1 no such user`. */
export function sayReply(reply: Reply): string {
  return printable(`${reply.code} ${reply.lines.join(' / ')}`.slice(0, 300)).trim();
}
