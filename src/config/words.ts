/** From a schema's issues to sentences with a place. It knows zod's issues and no setting. */
import type { z } from 'zod';
import { SECRET_REFERENCE } from '../core/secret.ts';
import type { Problem } from './error.ts';
import { find, problemAt } from './tree.ts';
import type { Path, Tree } from './tree.ts';

export type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issues: Issues };
export type Issues = readonly z.core.$ZodIssue[];

/** Checks a value. The words of a schema's own `error` win over the ones made here. */
export function check<T>(schema: z.ZodType<T>, value: unknown): Checked<T> {
  const result = schema.safeParse(value, { error: phrase, reportInput: true });
  return result.success ? { ok: true, value: result.data } : { ok: false, issues: result.error.issues };
}

/** Keys of spec that belong to a later version: to accept one that does nothing would be a lie. */
const LATER: ReadonlyMap<string, string> = new Map([
  ['schedules', 'on-call schedules are not built yet'],
  ['escalate', 'escalation is not built yet'],
  ['repeat', 'repeated notifications are not built yet'],
  ['active_time', 'routes by time of day are not built yet'],
  ['quiet', 'quiet hours are not built yet'],
]);

function unknownKey(key: string, known: readonly string[]): string {
  const later = LATER.get(key);
  if (later !== undefined) return `unknown key: ${later}, so it would be ignored; remove it`;
  const near = nearest(key, known);
  return near === undefined ? `unknown key; known here: ${known.join(', ')}` : `unknown key; did you mean "${near}"?`;
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map of settings',
  record: 'a map',
  array: 'a list',
};

const nameOf = (type: string): string => NAMES[type] ?? type;

/** What a value is, without telling it: it may be a password in the wrong place. */
function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (value === undefined) return 'no value';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number' && !Number.isInteger(value)) return 'a fraction';
  return { string: 'text', number: 'a number', boolean: 'true or false' }[typeof value as string] ?? 'a map';
}

/** Keys of the strict object that raised an issue; none when it is something else. */
function knownKeys(schema: unknown): string[] {
  return Object.keys((schema as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape ?? {});
}

/** zod asks here for the words of an issue. Unknown keys are told one to a line, in the order of `keys`. */
function phrase(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'unrecognized_keys': {
      return issue.keys.map((key) => unknownKey(key, knownKeys(issue.inst))).join('\n');
    }
    case 'invalid_type':
      return `expected ${nameOf(issue.expected)}, found ${kindOf(issue.input)}`;
    case 'invalid_value':
      return `expected ${alternatives(issue.values.map(String))}${suggestion(issue.input, issue.values)}`;
    case 'too_small':
      return tooSmall(issue);
    case 'too_big':
      return tooBig(issue);
    case 'invalid_union':
    case 'invalid_format':
    case 'invalid_key':
    case 'invalid_element':
    case 'not_multiple_of':
    case 'custom':
      return undefined;
  }
}

function suggestion(input: unknown, values: readonly unknown[]): string {
  const near = typeof input === 'string' ? nearest(input, values.map(String)) : undefined;
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

interface Bound {
  readonly origin: string;
  readonly inclusive?: boolean;
}

function tooSmall({ origin, minimum, inclusive = true }: Bound & { readonly minimum: number | bigint }): string {
  if (origin === 'string') return minimum === 1 ? 'must not be empty' : `needs at least ${minimum} characters`;
  if (origin === 'array' || origin === 'set' || origin === 'map') return `needs at least ${minimum} of them`;
  return inclusive ? `must be at least ${minimum}` : `must be more than ${minimum}`;
}

function tooBig({ origin, maximum, inclusive = true }: Bound & { readonly maximum: number | bigint }): string {
  if (origin === 'string') return `must have at most ${maximum} characters`;
  if (origin === 'array' || origin === 'set' || origin === 'map') return `at most ${maximum} are allowed`;
  return inclusive ? `must be at most ${maximum}` : `must be less than ${maximum}`;
}

const alternatives = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;

interface Flat {
  readonly path: Path;
  readonly message: string;
  readonly onKey: boolean;
}

/** Issues as problems: each at its value, an unknown key at the key, a missing one at what should contain it. */
export function explain(issues: Issues, root: Tree, prefix: Path): Problem[] {
  return issues.flatMap((issue) => flatten(issue, prefix)).map((flat) => place(flat, root));
}

function flatten(issue: z.core.$ZodIssue, prefix: Path): Flat[] {
  const path = [...prefix, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const lines = issue.message.split('\n');
      return issue.keys.map((key, index) => ({
        path: [...path, key],
        message: lines[index] ?? 'unknown key',
        onKey: true,
      }));
    }
    case 'invalid_union':
      return flattenUnion(issue, path);
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.flatMap((inner) => flatten(inner, path));
    case 'invalid_type':
    case 'invalid_value':
    case 'too_small':
    case 'too_big':
    case 'invalid_format':
    case 'not_multiple_of':
    case 'custom':
      return [{ path, message: issue.message, onKey: false }];
  }
}

/** Of the forms that a value may have, the one that it resembles most is told about; when it resembles none, all are named. */
function flattenUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path): Flat[] {
  const inside = issue.errors.filter((branch) => !branch.some(missesForm));
  const [best] = inside.toSorted((a, b) => weigh(a) - weigh(b));
  if (best !== undefined) return best.flatMap((inner) => flatten(inner, path));
  const forms = new Set(issue.errors.map((branch) => formOf(branch[0])));
  const message = forms.size === 0 ? 'none of the allowed forms' : `expected ${alternatives([...forms])}`;
  return [{ path, message: `${message}, found ${kindOf(issue.input)}`, onKey: false }];
}

/** How far a value is from a form: each unknown key counts. */
const weigh = (branch: Issues): number =>
  branch.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);

/** True when the value is of another form altogether, not one of this form with a fault inside. */
const missesForm = (issue: z.core.$ZodIssue): boolean =>
  issue.path.length === 0 &&
  (issue.code === 'invalid_type' || issue.code === 'invalid_value' || issue.code === 'custom');

function formOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.message.startsWith('expected ') !== true) return issue?.message ?? 'something else';
  if (issue.code === 'invalid_type') return nameOf(issue.expected);
  if (issue.code === 'invalid_value') return alternatives(issue.values.map(String));
  return issue.message;
}

function place(flat: Flat, root: Tree): Problem {
  const reference = referenceAbove(flat.path, root);
  if (reference !== undefined) return reference;
  const { tree, mark, key } = find(root, flat.path);
  if (flat.onKey) return problemAt(key, flat.path, flat.message);
  if (tree === undefined) {
    return problemAt(mark, flat.path, `is required: ${flat.message.replace(/, found .*$/, '')}`);
  }
  return problemAt(mark, flat.path, quoteHint(flat.message, tree) ?? flat.message);
}

/** A reference to a secret where no secret belongs is told as that, not as what a schema makes of it. */
function referenceAbove(path: Path, root: Tree): Problem | undefined {
  for (let length = path.length; length > 0; length--) {
    const { tree, mark } = find(root, path.slice(0, length));
    if (tree?.kind !== 'scalar' || typeof tree.value !== 'string' || !SECRET_REFERENCE.test(tree.value)) continue;
    return problemAt(
      mark,
      path.slice(0, length),
      'a secret has no place here: write the value itself, not a reference to one',
    );
  }
  return undefined;
}

/** YAML reads an unquoted telephone number or code as a number, and drops the zero in front. */
function quoteHint(message: string, tree: Tree): string | undefined {
  if (!message.startsWith('expected text') || tree.kind !== 'scalar') return undefined;
  if (tree.value === null) return 'expected text, but nothing is written here';
  if (typeof tree.value === 'string') return undefined;
  const what = typeof tree.value === 'number' ? 'a number' : 'no text';
  return `expected text, but ${tree.text} without quotes is ${what}: quote it, "${tree.text}"`;
}

/** The known word that somebody most likely meant; undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(Math.min(word.length, 40) / 3));
  let best: string | undefined;
  let least = limit + 1;
  for (const each of known) {
    const steps = Math.abs(each.length - word.length) > limit ? limit + 1 : distance(word, each);
    if (steps < least) [best, least] = [each, steps];
  }
  return best;
}

/** Edits from one word to the other; two letters swapped count once (Damerau's restricted distance). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    [before, above] = [above, row];
  }
  return above[b.length] ?? 0;
}
