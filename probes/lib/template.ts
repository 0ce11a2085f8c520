/** Names in braces (`{{token}}`): where they may stand and how they are filled in. What is filled in is data and is not read again. */
import { z } from 'zod';
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Json } from './json.ts';
import type { Headers } from './request.ts';
import { httpUrl } from './request.ts';

const HOLE = /\{\{\s?([a-z][a-z0-9_]{0,31})\s?\}\}/g;

export type Names = ReadonlyMap<string, string | Secret>;

/** Schema of a name that a value is kept under. */
export function holeName() {
  return z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,31}$/, { error: 'a name is lower-case letters, digits and _, such as ticket_id' })
    .refine((name) => name !== 'run_id', { error: 'run_id is the name of this look itself' });
}

/** An address with names in its path or query. */
export interface UrlTemplate {
  readonly source: string;
  /** Where it leads whatever is filled in. */
  readonly origin: string;
  readonly hostname: string;
}

const filledWith = (source: string, text: string): string => source.replace(HOLE, text);

/** Schema of an address with names in it. None in the origin: what a far side says must not choose whom we ask. */
export function urlTemplate() {
  const plain = httpUrl();
  return z
    .string()
    .max(4_096)
    .transform((source, ctx): UrlTemplate => {
      const one = plain.safeParse(filledWith(source, 'one'));
      if (!one.success) {
        ctx.addIssue({ code: 'custom', message: one.error.issues[0]?.message ?? `"${source}" is no address` });
        return z.NEVER;
      }
      if (one.data.origin === URL.parse(filledWith(source, 'two'))?.origin)
        return { source, origin: one.data.origin, hostname: one.data.hostname };
      ctx.addIssue({ code: 'custom', message: `"${source}": names in braces go into the path or the query only` });
      return z.NEVER;
    });
}

/** All names that stand in a text, a JSON value or headers. */
export function namesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return Array.from(value.matchAll(HOLE), (match) => match[1] ?? '');
  if (typeof value !== 'object' || value === null || value instanceof Secret) return [];
  return Object.values(value).flatMap(namesIn);
}

const reveal = (value: string | Secret): string => (value instanceof Secret ? value.reveal() : value);

function fill(text: string, names: Names, encode: (value: string) => string): string {
  return text.replace(HOLE, (whole, name: string) => {
    const value = names.get(name);
    return value === undefined ? whole : encode(reveal(value));
  });
}

/** The address itself. */
export function fillUrl({ source, origin }: UrlTemplate, names: Names): URL | Fault {
  const url = URL.parse(fill(source, names, encodeURIComponent));
  if (url?.origin !== origin) return fault('CONTENT', 'what was captured makes no address');
  url.hash = '';
  return url;
}

/** Headers as sent. One that took up a secret is a secret. */
export function fillHeaders(headers: Headers, names: Names): Headers | Fault {
  const filled: Record<string, string | Secret> = {};
  for (const [name, value] of Object.entries(headers)) {
    const holes = value instanceof Secret ? [] : namesIn(value);
    if (value instanceof Secret || holes.length === 0) {
      filled[name] = value;
      continue;
    }
    const text = fill(value, names, (each) => each);
    if (/[^\t\u0020-\u007e\u0080-\u00ff]/.test(text))
      return fault('CONTENT', `what was captured cannot stand in the header ${name}`);
    const hidden = holes.some((hole) => names.get(hole) instanceof Secret);
    filled[name] = hidden ? new Secret(text, `header ${name}`) : text;
  }
  return filled;
}

export type Body = string | Json;

/** A body as sent: a JSON value as JSON; in a text what is filled in is written as its content type wants it. */
export function fillBody(body: Body, names: Names, contentType: string): string {
  if (typeof body !== 'string') return JSON.stringify(fillJson(body, names));
  if (/x-www-form-urlencoded/i.test(contentType)) return fill(body, names, encodeURIComponent);
  if (/json/i.test(contentType)) return fill(body, names, (value) => JSON.stringify(value).slice(1, -1));
  return fill(body, names, (value) => value);
}

function fillJson(value: Json, names: Names): Json {
  if (typeof value === 'string') return fill(value, names, (each) => each);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each: Json) => fillJson(each, names));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fillJson(each, names)]));
}
