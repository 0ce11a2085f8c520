/** Reading a far side's JSON without trusting its depth, and pointing into it. It judges nothing. */
import { z } from 'zod';
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';

const DEPTH_CAP = 16;
/** A pointer with `*` may lead to many places; more than these are not looked at. */
const PLACES_CAP = 1_000;

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The value of a JSON text, or the fault of it. */
export function parseJson(
  text: string,
): { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly fault: Fault } {
  if (depthOf(text) > DEPTH_CAP)
    return { ok: false, fault: fault('TOO_DEEP', `JSON nested deeper than ${DEPTH_CAP} levels`) };
  try {
    return { ok: true, value: JSON.parse(text.replace(/^\ufeff/, '')) as Json };
  } catch {
    // The parser's own words quote the text: they stay out of a message.
    return {
      ok: false,
      fault: fault('PROTO_GARBAGE', `expected JSON, got ${text.trim() === '' ? 'nothing' : 'something else'}`),
    };
  }
}

/** How deep brackets nest outside of strings. Counted before parsing, so that depth costs us nothing. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    const c = text.charCodeAt(at);
    if (c === 0x22) at = endOfString(text, at);
    else if (c === 0x5b || c === 0x7b) deepest = Math.max(deepest, (depth += 1));
    else if (c === 0x5d || c === 0x7d) depth -= 1;
  }
  return deepest;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}

/** One step of a pointer: a name or index, every child, or the children whose member equals a text. */
type Step =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'every' }
  | { readonly kind: 'where'; readonly key: string; readonly value: string };

export interface Pointer {
  readonly source: string;
  readonly steps: readonly Step[];
}

/** RFC 6901 with two additions: a token `*` is every child, `[key=value]` every child whose `key` is `value`. */
export function parsePointer(source: string): Pointer | undefined {
  if (source !== '' && !source.startsWith('/')) return undefined;
  const tokens = source.split('/').slice(1);
  if (tokens.length > 32 || tokens.some((token) => /~(?![01])/.test(token))) return undefined;
  return { source, steps: tokens.map((token) => stepOf(token.replaceAll('~1', '/').replaceAll('~0', '~'))) };
}

function stepOf(token: string): Step {
  if (token === '*') return { kind: 'every' };
  const where = /^\[([^=\]]+)=(.*)\]$/.exec(token);
  return where === null ? { kind: 'name', name: token } : { kind: 'where', key: where[1] ?? '', value: where[2] ?? '' };
}

/** All values that a pointer leads to; none when it leads nowhere. Inherited members (`__proto__`) are not there. */
export function select(value: Json, pointer: Pointer): readonly Json[] {
  return pointer.steps.reduce<readonly Json[]>(
    (places, step) => places.flatMap((place) => follow(place, step)).slice(0, PLACES_CAP),
    [value],
  );
}

function follow(place: Json, step: Step): readonly Json[] {
  if (typeof place !== 'object' || place === null) return [];
  if (step.kind === 'every') return Object.values(place);
  if (step.kind === 'name') return memberOf(place, step.name);
  return Object.values(place).filter((child: Json) =>
    memberOf(child, step.key).some((each) => textOf(each) === step.value),
  );
}

function memberOf(place: Json, name: string): readonly Json[] {
  if (typeof place !== 'object' || place === null) return [];
  // RFC 6901 §4: an index of an array is digits without a leading zero; `length` is none.
  if (Array.isArray(place) && !/^(?:0|[1-9]\d*)$/.test(name)) return [];
  return Object.hasOwn(place, name) ? [(place as Readonly<Record<string, Json>>)[name] ?? null] : [];
}

/** A value as it stands in a message or a pattern's way: strings bare, the rest as JSON. */
export const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Schema of a pointer, compiled at load. */
export function pointer() {
  return z.string().transform((source, ctx) => {
    const parsed = parsePointer(source);
    if (parsed !== undefined) return parsed;
    ctx.addIssue({
      code: 'custom',
      message: `"${source}" is no JSON pointer; write /result/0/status, /items/*/id or /items/[name=chat]/up`,
    });
    return z.NEVER;
  });
}
