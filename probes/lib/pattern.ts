/** Patterns from a configuration, run in linear time whatever they say and whatever they run on. It keeps RE2's syntax. */
import { RE2JS } from 're2js';
import { z } from 'zod';

const SOURCE_CAP = 1_000;
/** Instructions: time is this times the length of the text, in the worst case. */
const PROGRAM_CAP = 2_000;
/** Characters: a longer text is cut, for linear time is still time. */
const TEXT_CAP = 262_144;

export class Pattern {
  readonly source: string;
  /** Hidden, so that whoever walks over settings does not walk into an automaton. */
  readonly #compiled: RE2JS;
  constructor(source: string) {
    this.#compiled = RE2JS.compile(source);
    this.source = source;
    if (this.#compiled.programSize() > PROGRAM_CAP) throw new Error('the pattern is too big: fewer or smaller repeats');
  }
  /** Whether it occurs anywhere in the text. */
  test(text: string): boolean {
    return this.#compiled.matcher(clip(text)).find();
  }
  /** The first occurrence's first group, or the whole of it when the pattern has none; undefined when it does not occur. */
  find(text: string): string | undefined {
    const matcher = this.#compiled.matcher(clip(text));
    if (!matcher.find()) return undefined;
    return (matcher.groupCount() > 0 ? matcher.group(1) : matcher.group()) ?? '';
  }
  toJSON(): string {
    return this.source;
  }
}

const clip = (text: string): string => (text.length > TEXT_CAP ? text.slice(0, TEXT_CAP) : text);

/** Full-width and other compatibility forms hide words from patterns; a text is looked at as sent and as meant. */
export function occursIn(text: string, test: (text: string) => boolean): boolean {
  if (test(text)) return true;
  const plain = text.normalize('NFKC');
  return plain !== text && test(plain);
}

/** Schema of a pattern: in the file RE2 syntax, once loaded a compiled `Pattern`. A bad one is refused at load. */
export function pattern() {
  return z
    .string()
    .min(1)
    .max(SOURCE_CAP)
    .transform((source, ctx) => {
      try {
        return new Pattern(source);
      } catch (error) {
        ctx.addIssue({
          code: 'custom',
          message: `no usable pattern (RE2 syntax): ${error instanceof Error ? error.message : source}`,
        });
        return z.NEVER;
      }
    });
}
