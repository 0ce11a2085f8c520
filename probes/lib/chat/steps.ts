/** What a chat script may say: the steps as configured, and how names in braces are filled in. It opens nothing. */
import { z } from 'zod';
import { duration } from '../../../src/core/duration.ts';
import { jsonExpectation, jsonFault } from '../expect.ts';
import { parsePointer, select, textOf } from '../json.ts';
import type { Json } from '../json.ts';
import { languages } from '../language.ts';
import { occursIn, Pattern, pattern } from '../pattern.ts';
import type { Heard } from './heard.ts';

const NAME = /^[a-z][a-z0-9_]{0,31}$/;
const CAPTURE_CAP = 1_000;

/** What is said when nothing else is: nobody shall wonder what this is, or begin to help. */
export const TEST_WORDS =
  'Ini uji otomatis ({{run_id}}), tidak perlu bantuan. Terima kasih. / This is an automatic test ({{run_id}}), no help is needed. Thank you. / 这是自动测试（{{run_id}}），无需处理，谢谢。';

const send = z.strictObject({
  send: z.union([z.string().min(1).max(16_384), z.json()]).meta({
    description:
      'text, or a JSON value that is sent as JSON; {{run_id}}, {{visitor}} (the same in every look) and captured names are filled in',
  }),
});

export const expectation = z
  .strictObject({
    matches: pattern().optional().meta({ description: 'pattern (RE2) that words of a bot or a person must contain' }),
    json: z
      .array(jsonExpectation)
      .min(1)
      .max(32)
      .optional()
      .meta({ description: 'what a JSON message must say, all of it in one message' }),
    from: z
      .enum(['anyone', 'person'])
      .default('anyone')
      .meta({ description: 'whose reply counts: `person` waits on behind a bot' }),
    language: languages().optional(),
  })
  .meta({ description: 'an empty one is any reply' });

const expect = z.strictObject({
  expect: expectation,
  within: duration().default(10_000).meta({ description: 'how long to wait for it' }),
});

const capture = z.strictObject({
  capture: z.record(z.string().regex(NAME, { error: 'a name is lower-case letters, digits and _' }), where()).meta({
    description: 'name: JSON pointer (/id) or pattern whose first group is taken, out of the message expected last',
  }),
});

const close = z.strictObject({ close: z.union([z.literal(true), z.int().min(1000).max(4999)]) });

export const steps = () =>
  z
    .array(
      z.union([send, expect, capture, close], {
        error: 'a step is { send }, { expect, within }, { capture } or { close: true }',
      }),
    )
    .min(1)
    .max(30)
    .refine((all) => all.some((step) => 'expect' in step), {
      error: 'expect something at least once, or nothing is proved',
    })
    .refine((all) => all.slice(0, -1).every((step) => !('close' in step)), { error: 'nothing can follow `close`' });

export type Step = z.output<ReturnType<typeof steps>>[number];
export type Expectation = z.output<typeof expectation>;

/** A pointer begins with a slash, anything else is a pattern. */
function where() {
  return z
    .string()
    .max(1_000)
    .transform((source, ctx) => {
      if (source.startsWith('/')) {
        const parsed = parsePointer(source);
        if (parsed !== undefined) return parsed;
      } else {
        try {
          return new Pattern(source);
        } catch {
          // Told below, in one sentence for both.
        }
      }
      ctx.addIssue({
        code: 'custom',
        message: `"${source}" is neither a JSON pointer (/a/b) nor a pattern (RE2 syntax)`,
      });
      return z.NEVER;
    });
}

export type Names = ReadonlyMap<string, string>;

/** The message as it goes out. Filled once: what a far side made us capture is data and is not filled again. */
export function written(message: Extract<Step, { send: unknown }>['send'], names: Names): string {
  return typeof message === 'string' ? fill(message, names) : JSON.stringify(fillJson(message, names));
}

function fill(text: string, names: Names): string {
  return text.replace(/\{\{\s?([a-z][a-z0-9_]{0,31})\s?\}\}/g, (whole, name: string) => names.get(name) ?? whole);
}

function fillJson(value: Json, names: Names): Json {
  if (typeof value === 'string') return fill(value, names);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map((each) => fillJson(each, names));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fillJson(each, names)]));
}

/** What `capture` finds in a message; undefined when it is not there. */
export function captured(
  from: Heard,
  raw: string,
  at: Extract<Step, { capture: unknown }>['capture'][string],
): string | undefined {
  if (at instanceof Pattern) return at.find(from.text === '' ? raw : from.text)?.slice(0, CAPTURE_CAP);
  const found = from.json === undefined ? undefined : select(from.json, at)[0];
  return found === undefined ? undefined : textOf(found).slice(0, CAPTURE_CAP);
}

/**
 * Whether a message is what was expected. `matches` hears only words that a bot or a person said: an error page or a notice
 * that happens to contain the words is no answer (S-G2). `json` may ask for anything but our own echo.
 */
export function satisfies(heard: Heard, raw: string, expected: Expectation): boolean {
  if (heard.voice === 'echo') return false;
  const spoken = heard.voice === 'bot' || heard.voice === 'person';
  if (expected.from === 'person' && heard.voice !== 'person') return false;
  if (expected.json === undefined && !spoken) return false;
  const { matches } = expected;
  if (matches !== undefined && !(spoken && occursIn(heard.text, (text) => matches.test(text)))) return false;
  return (
    expected.json === undefined || (heard.json !== undefined && jsonFault(raw, expected.json, false) === undefined)
  );
}
