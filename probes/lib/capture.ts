/** A value out of a reply: by JSON pointer, by pattern or from a header. It knows no use of it. */
import { z } from 'zod';
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import { parseJson, parsePointer, select, textOf } from './json.ts';
import type { Pointer } from './json.ts';
import { Pattern } from './pattern.ts';

const VALUE_CAP = 1_000;

export type Capture =
  | { readonly kind: 'pointer'; readonly pointer: Pointer }
  | { readonly kind: 'pattern'; readonly pattern: Pattern }
  | { readonly kind: 'header'; readonly header: string };

/** Schema of a capture: `/id` is a JSON pointer, `header:location` a header, anything else a pattern whose first group counts. */
export function capture() {
  return z
    .string()
    .min(1)
    .max(1_000)
    .transform((source, ctx): Capture => {
      const read = readCapture(source);
      if (read !== undefined) return read;
      ctx.addIssue({
        code: 'custom',
        message: `"${source}" is neither a JSON pointer (/a/b) nor header:name nor a pattern (RE2 syntax)`,
      });
      return z.NEVER;
    });
}

function readCapture(source: string): Capture | undefined {
  const header = /^header:\s?([A-Za-z0-9!#$%&'*+.^_`|~-]{1,100})$/.exec(source)?.[1];
  if (header !== undefined) return { kind: 'header', header: header.toLowerCase() };
  if (source.startsWith('/')) {
    const pointer = parsePointer(source);
    return pointer && { kind: 'pointer', pointer };
  }
  try {
    return { kind: 'pattern', pattern: new Pattern(source) };
  } catch {
    return undefined;
  }
}

export interface Source {
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** The value, or why there is none. A far side's control characters and novels are no values. */
export function take(what: Capture, { headers, text }: Source): string | Fault {
  const found = find(what, headers, text);
  if (typeof found !== 'string') return found;
  if (found === '' || found.length > VALUE_CAP || /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(found))
    return fault('CONTENT', `${placeOf(what)} has no value that can be carried on`);
  return found;
}

function find(what: Capture, headers: Readonly<Record<string, string>>, text: string): string | Fault {
  switch (what.kind) {
    case 'header':
      return headers[what.header] ?? fault('CONTENT', `there is no header ${what.header}`);
    case 'pattern':
      return what.pattern.find(text) ?? fault('CONTENT', `nothing matches ${what.pattern.source}`);
    case 'pointer': {
      const parsed = parseJson(text);
      if (!parsed.ok) return parsed.fault;
      const [value] = select(parsed.value, what.pointer);
      if (value === undefined || value === null)
        return fault('CONTENT', `the JSON has nothing at ${what.pointer.source}`);
      return textOf(value);
    }
  }
}

function placeOf(what: Capture): string {
  switch (what.kind) {
    case 'header':
      return `the header ${what.header}`;
    case 'pattern':
      return `what matches ${what.pattern.source}`;
    case 'pointer':
      return what.pointer.source;
  }
}
