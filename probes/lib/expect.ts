/** What an operator expects of a reply's headers, text and JSON, and how to say that it is not so. It sends nothing. */
import { z } from 'zod';
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import { parseJson, pointer, select, textOf } from './json.ts';
import type { Json } from './json.ts';
import { occursIn, pattern } from './pattern.ts';

const oneOrMore = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .union([schema, z.array(schema).min(1).max(32)])
    .transform((value) => (Array.isArray(value) ? value : [value]) as z.output<Schema>[]);

/** Every entry must hold; `not_matches` holds when none of its patterns occurs. */
export const bodyExpectation = z.strictObject({
  contains: oneOrMore(z.string().min(1).max(1_000))
    .optional()
    .meta({ description: 'text that must be there, or several' }),
  matches: oneOrMore(pattern()).optional().meta({ description: 'pattern (RE2) that must occur, or several' }),
  not_matches: oneOrMore(pattern()).optional().meta({ description: 'pattern that must not occur, such as a soft 404' }),
});

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const jsonExpectation = z
  .strictObject({
    pointer: pointer().meta({
      description: 'JSON pointer; * is every child, [key=value] the children with that member',
    }),
    equals: scalar.optional(),
    in: z.array(scalar).min(1).max(100).optional(),
    matches: pattern().optional(),
    gt: z.number().optional(),
    lt: z.number().optional(),
  })
  .meta({ description: 'every value that the pointer leads to must fit, and there must be one' });

export type BodyExpectation = z.output<typeof bodyExpectation>;
export type JsonExpectation = z.output<typeof jsonExpectation>;

/** Whether a header says what it should: text that it contains (letter case aside), `true` present, `false` absent. */
export const headerExpectation = z.union([z.boolean(), z.string().min(1).max(1_000)]);
export type HeaderExpectation = z.output<typeof headerExpectation>;

export function headersFault(
  headers: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, HeaderExpectation>>,
): Fault | undefined {
  for (const [name, wanted] of Object.entries(expected)) {
    const value = headers[name];
    if (value === undefined && wanted === false) continue;
    if (value !== undefined && wanted === true) continue;
    if (wanted === false) return fault('CONTENT', `header ${name} is there and should not be`);
    if (value === undefined) return fault('CONTENT', `header ${name} is missing`);
    if (typeof wanted === 'string' && !value.toLowerCase().includes(wanted.toLowerCase()))
      return fault('CONTENT', `header ${name} is "${value.slice(0, 100)}", not "${wanted}"`);
  }
  return undefined;
}

/** `cut`: the text goes on beyond what we read, so that "not found" is no answer. */
export function bodyFault(text: string, expected: BodyExpectation, cut: boolean): Fault | undefined {
  const { contains = [], matches = [], not_matches: unwanted = [] } = expected;
  const bad = unwanted.find((each) => occursIn(text, (form) => each.test(form)));
  if (bad !== undefined) return fault('CONTENT', `the body matches ${bad.source}, which it should not`);
  const missing =
    contains.find((each) => !occursIn(text, (form) => form.includes(each))) ??
    matches.find((each) => !occursIn(text, (form) => each.test(form)))?.source;
  if (cut && (missing !== undefined || unwanted.length > 0))
    return fault(
      'TOO_LARGE',
      `the body is larger than what we read (${text.length} characters): ${missing ?? 'the rest'} was not seen`,
    );
  return missing === undefined ? undefined : fault('CONTENT', `the body has no ${missing}`);
}

export function jsonFault(text: string, expected: readonly JsonExpectation[], cut: boolean): Fault | undefined {
  if (expected.length === 0) return undefined;
  if (cut) return fault('TOO_LARGE', `the JSON is larger than what we read (${text.length} characters)`);
  const parsed = parseJson(text);
  if (!parsed.ok) return parsed.fault;
  for (const each of expected) {
    const values = select(parsed.value, each.pointer);
    if (values.length === 0) return fault('CONTENT', `the JSON has nothing at ${each.pointer.source}`);
    const bad = values.find((value) => !fits(value, each));
    if (bad !== undefined)
      return fault('CONTENT', `${each.pointer.source} is ${textOf(bad).slice(0, 100)}, expected ${wish(each)}`);
  }
  return undefined;
}

function fits(value: Json, { equals, in: among, matches, gt, lt }: JsonExpectation): boolean {
  if (equals !== undefined && value !== equals) return false;
  if (among !== undefined && !among.some((each) => each === value)) return false;
  if (matches !== undefined && !matches.test(textOf(value))) return false;
  if (gt !== undefined && !(typeof value === 'number' && value > gt)) return false;
  return lt === undefined || (typeof value === 'number' && value < lt);
}

function wish({ equals, in: among, matches, gt, lt }: JsonExpectation): string {
  return [
    equals === undefined ? '' : JSON.stringify(equals),
    among === undefined ? '' : `one of ${JSON.stringify(among)}`,
    matches === undefined ? '' : `a match of ${matches.source}`,
    gt === undefined ? '' : `more than ${gt}`,
    lt === undefined ? '' : `less than ${lt}`,
  ]
    .filter((each) => each !== '')
    .join(' and ');
}
