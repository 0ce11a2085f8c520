/** IMAP's words out of bytes and back (RFC 3501 §4, §9). It knows no mailbox. */

/** An atom or string, as Latin-1; or a parenthesised list. */
export type Word = string | readonly Word[];

export type Input =
  | { readonly kind: 'line'; readonly line: string }
  /** A literal follows: the client waits for leave to send it, unless it is a non-synchronising one (RFC 7888). */
  | { readonly kind: 'literal'; readonly wait: boolean }
  | { readonly kind: 'more' }
  | { readonly kind: 'too long' };

const LINE_CAP = 16_384;
const LITERAL_CAP = 1_048_576;

/** Command lines with their literals put in place as quoted strings' content, between two NULs that no client may send. */
export class ImapReader {
  #bytes: Buffer = Buffer.alloc(0);
  #line = '';
  #literal: number | undefined;

  push(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
  }

  next(): Input {
    if (this.#literal !== undefined) {
      if (this.#bytes.length < this.#literal) return { kind: 'more' };
      this.#line += `\0${this.#take(this.#literal).replaceAll('\0', '')}\0`;
      this.#literal = undefined;
    }
    const end = this.#bytes.indexOf(10);
    if ((end === -1 ? this.#bytes.length : end) > LINE_CAP) return { kind: 'too long' };
    if (end === -1) return { kind: 'more' };
    const text = this.#take(end + 1).replace(/\r?\n$/, '');
    const literal = /\{(\d{1,10})(\+?)\}$/.exec(text);
    if (literal === null) return this.#finish(text);
    this.#literal = Number(literal[1]);
    if (this.#literal + this.#line.length > LITERAL_CAP) return { kind: 'too long' };
    this.#line += text.slice(0, literal.index);
    return { kind: 'literal', wait: literal[2] === '' };
  }

  #take(length: number): string {
    const text = this.#bytes.toString('latin1', 0, length);
    this.#bytes = this.#bytes.subarray(length);
    return text;
  }

  #finish(text: string): Input {
    const line = this.#line + text;
    this.#line = '';
    return { kind: 'line', line };
  }
}

const DEPTH_CAP = 16;
/** A quoted string, a literal, an atom that may hold a section in brackets, or a parenthesis. */
const WORD = / *(?:"((?:[^"\\]|\\.)*)"|\0([^\0]*)\0|([()])|((?:[^\s()"[\0]|\[[^\]]*\])+))/y;

/** The words of a line; undefined when it is none. */
export function wordsOf(line: string): readonly Word[] | undefined {
  const stack: Word[][] = [[]];
  WORD.lastIndex = 0;
  while (WORD.lastIndex < line.trimEnd().length) {
    const match = WORD.exec(line);
    if (match === null || stack.length > DEPTH_CAP) return undefined;
    const [, quoted, literal, parenthesis, atom] = match;
    if (parenthesis === '(') stack.push([]);
    else if (parenthesis === ')') {
      const list = stack.pop() ?? [];
      if (stack.length === 0) return undefined;
      stack.at(-1)?.push(list);
    } else stack.at(-1)?.push(quoted?.replace(/\\(.)/g, '$1') ?? literal ?? atom ?? '');
  }
  return stack.length === 1 ? stack[0] : undefined;
}

/** A string for the client: quoted where that is possible, else a literal; nothing as NIL. */
export function stringOf(text: string | undefined): string {
  if (text === undefined) return 'NIL';
  if (/^[\x20-\x7e]{0,500}$/.test(text)) return `"${text.replace(/["\\]/g, '\\$&')}"`;
  return `{${text.length}}\r\n${text}`;
}

/** Whether a number is in a set such as `1:3,7,9:*`; `last` is what the star stands for. */
export function isInSet(set: string, number: number, last: number): boolean {
  return set.split(',').some((range) => {
    const [from = 0, to = from] = range.split(':').map((end) => (end === '*' ? last : Number(end)));
    return number >= Math.min(from, to) && number <= Math.max(from, to);
  });
}

/** Day and time as IMAP writes them: `21-Nov-2026 08:00:00 +0000`. */
export function imapDate(at: number): string {
  const [, day = '', month = '', year = '', time = ''] = new Date(at).toUTCString().split(' ');
  return `${day}-${month}-${year} ${time} +0000`;
}
