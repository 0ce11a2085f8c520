/** Schemas of single values: addresses, links, dates, zones. Each says what it expects in words. It knows no structure. */
import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';
import { parseCron } from '../core/cron.ts';
import { duration, formatDuration } from '../core/duration.ts';
import { knowsCountry } from '../core/holidays/countries.ts';
import { parseHours } from '../core/hours.ts';
import { LANGUAGES } from '../core/model.ts';
import { parseMoment } from './moment.ts';
import { nearest } from './words.ts';

/** A schema of text with a rule that answers in words, or not at all when the text is right. */
function ruled(rule: (text: string) => string | undefined, pattern?: RegExp) {
  const schema = z.string().superRefine((text, ctx) => {
    const message = rule(text);
    if (message !== undefined) ctx.addIssue({ code: 'custom', message });
  });
  return pattern === undefined ? schema : schema.meta({ pattern: pattern.source });
}

const SLUG = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;

/** Ids stand in addresses of pages, names of metrics and dedupe keys. */
export const slug = () =>
  ruled(
    (text) =>
      SLUG.test(text)
        ? undefined
        : 'an id has lower-case letters, digits, - and _ (at most 63), and begins with a letter or digit',
    SLUG,
  );

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** One line of text for people. */
export const line = (most = 200) =>
  ruled((text) => {
    if (text.trim() === '') return 'must not be empty';
    if (text.length > most) return `must have at most ${most} characters`;
    return CONTROL.test(text) ? 'must be one line, without control or direction characters' : undefined;
  });

export const language = () => z.enum(LANGUAGES);

export const localized = () =>
  z
    .strictObject(
      { id: line().optional(), en: line().optional(), zh: line().optional() },
      {
        error: (issue) =>
          issue.code === 'invalid_type' ? 'expected a text by language, such as { en: Hotline }' : undefined,
      },
    )
    .refine((names) => Object.keys(names).length > 0, { error: 'needs a text in at least one of id, en, zh' });

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port` or `[v6]:port`; a sentence when it is none. */
export function parseAddress(text: string, lowestPort: 0 | 1): Address | string {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return `"${text.slice(0, 100)}" is no HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080`;
  const port = Number(match[3]);
  if (port < lowestPort || port > 65_535) return `a port is a number from ${lowestPort} to 65535`;
  const [six, host = ''] = [match[1], match[1] ?? match[2]];
  if (six === undefined ? isHost(host) : isIP(six) === 6) return { host, port };
  return `"${host.slice(0, 100)}" is neither a host name nor an IP address`;
}

/** Names, and IPv4 in its one usual notation: `0x7f.1` and `2130706433` mean different hosts to different programs (S-A1). */
function isHost(host: string): boolean {
  const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;
  const labels = host.replace(/\.$/, '').split('.');
  const numeric = /^(?:0x[0-9a-f]*|\d+)$/i.test(labels.at(-1) ?? '');
  return numeric ? isIPv4(host) : host.length <= 253 && labels.every((each) => label.test(each));
}

function addressed(prefix: string, lowestPort: 0 | 1) {
  return z.string().transform((text, ctx): Address => {
    const found = text.startsWith(prefix)
      ? parseAddress(text.slice(prefix.length), lowestPort)
      : `expected ${prefix}HOST:PORT`;
    if (typeof found !== 'string') return found;
    ctx.addIssue({ code: 'custom', message: found });
    return z.NEVER;
  });
}

/** Where to listen; port 0 takes a free one. */
export const listener = () => addressed('', 0);
/** `tcp:HOST:PORT` */
export const canary = () => addressed('tcp:', 1);

/** A duration between two bounds, in milliseconds. */
export const between = (least: number, most: number) =>
  duration()
    .refine((ms) => ms >= least && ms <= most, {
      error: `must be from ${formatDuration(least)} to ${formatDuration(most)}`,
    })
    .meta({ pattern: '^\\d{1,9}(?:\\.\\d{1,3})?(?:ms|s|m|h|d|y)$' });

function parseUrl(text: string): URL | undefined {
  // The URL parser forgives white space and backslashes; browsers and people read them otherwise (S-B2).
  return /[\s\\]/.test(text) || CONTROL.test(text) || !URL.canParse(text) ? undefined : new URL(text);
}

/** A link to a page. */
export const link = () =>
  ruled((text) => {
    const url = /^https?:\/\//i.test(text) ? parseUrl(text) : undefined;
    if (url === undefined || text.length > 2_000) return 'expected a link that begins with https://';
    return url.username === '' && url.password === '' ? undefined : 'a link must not contain a user name or password';
  });

const MAILBOX =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}$/;

const CONTACTS: readonly { scheme: RegExp; valid: (text: string) => boolean; example: string }[] = [
  { scheme: /^tel:/i, valid: (text) => /^tel:\+?[0-9*#][0-9*#().-]{1,30}$/i.test(text), example: 'tel:+622150849000' },
  { scheme: /^mailto:/i, valid: (text) => MAILBOX.test(text.slice(7)), example: 'mailto:help@example.com' },
  { scheme: /^https:/i, valid: (text) => link().safeParse(text).success, example: 'https://example.com/help' },
  {
    scheme: /^sips?:/i,
    valid: (text) => /^sips?:[A-Za-z0-9.+_*#-]+@[A-Za-z0-9.-]+(?::\d{1,5})?$/i.test(text),
    example: 'sip:help@example.com',
  },
];

/** The official way in, as a link that a telephone or browser opens; no other scheme reaches a page (S-B2). */
export const contact = () =>
  ruled((text) => {
    const form = CONTACTS.find((each) => each.scheme.test(text));
    if (form === undefined) return 'expected a contact that begins with tel:, mailto:, https: or sip:';
    return form.valid(text) ? undefined : `is no valid contact; write it like ${form.example}`;
  });

/** A local date, in a form that YAML keeps as text. */
export const date = () =>
  ruled((text) => {
    const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
    // 31 February parses, as a day in March.
    return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
      ? undefined
      : 'expected a date such as 2026-11-01';
  });

const ABBREVIATIONS: Readonly<Record<string, string>> = {
  WIB: 'Asia/Jakarta',
  WITA: 'Asia/Makassar',
  WIT: 'Asia/Jayapura',
};
const knownZones = new Set<string>();

function zoneProblem(text: string): string | undefined {
  if (knownZones.has(text)) return undefined;
  try {
    // Offsets such as +07:00 pass for zones since ES2024, and know no clock changes.
    if (!/^[A-Za-z]/.test(text)) throw new RangeError('no name');
    new Intl.DateTimeFormat('en', { timeZone: text });
    knownZones.add(text);
    return undefined;
  } catch {
    const meant = ABBREVIATIONS[text.toUpperCase()] ?? nearest(text, Intl.supportedValuesOf('timeZone'));
    return `"${text.slice(0, 60)}" is no IANA time zone; ${meant === undefined ? 'write for example Asia/Jakarta' : `did you mean ${meant}?`}`;
  }
}

export const zone = () => ruled(zoneProblem);

const knownCountries = new Map<string, boolean>();

export const country = () =>
  ruled((text) => {
    const known = knownCountries.get(text) ?? (/^[A-Z]{2}$/.test(text) && knowsCountry(text));
    knownCountries.set(text, known);
    return known ? undefined : 'expected a country of ISO 3166 in capitals, such as ID';
  });

export const cron = () =>
  ruled((text) => {
    const parsed = parseCron(text);
    return parsed.ok ? undefined : parsed.message;
  });

/** Service hours; the syntax is the calendar's. */
export const weekly = () =>
  ruled((text) => {
    const parsed = parseHours(text);
    return parsed.ok ? undefined : `${parsed.message} (at character ${parsed.at + 1})`;
  });

/** A point in time, with an offset or by the provider's clock. */
export const moment = () =>
  ruled((text) =>
    parseMoment(text) === undefined
      ? 'expected a time such as 2026-11-23T02:00 (local) or 2026-11-23T02:00+07:00'
      : undefined,
  );

/** A channel: its id within the provider, or `provider/channel`. */
export const channelRef = () =>
  ruled((text) =>
    text.split('/').length <= 2 && text.split('/').every((each) => SLUG.test(each))
      ? undefined
      : 'expected the id of a channel, or provider/channel',
  );

/** `x of y`: that many slow looks of the last so many. */
export const slow = () =>
  z.string().transform((text, ctx): { readonly atLeast: number; readonly of: number } => {
    const match = /^(\d{1,3}) of (\d{1,3})$/.exec(text);
    const [atLeast, of] = [Number(match?.[1]), Number(match?.[2])];
    if (match !== null && atLeast >= 1 && atLeast <= of && of <= 100) return { atLeast, of };
    ctx.addIssue({
      code: 'custom',
      message: 'expected such as "3 of 5": 1 to 100 looks, the first number not above the second',
    });
    return z.NEVER;
  });

/** Where the database file lies. */
export const storePath = () =>
  ruled((text) => {
    if (/^postgres(?:ql)?:/i.test(text))
      return 'PostgreSQL is not built yet: write the path of a file, such as ./data/ringback.db';
    if (/^[a-z][a-z0-9+]+:/i.test(text)) return 'expected the path of a file, such as ./data/ringback.db';
    return text.trim() === '' || text.includes('\u0000') || text.endsWith('/')
      ? 'expected the path of a file'
      : undefined;
  });

/** The address under which customers see the status page. Ends in `/` once loaded. */
export const publicUrl = () =>
  link().transform((text, ctx) => {
    const url = new URL(text);
    if (url.search === '' && url.hash === '') return url.href.endsWith('/') ? url.href : `${url.href}/`;
    ctx.addIssue({ code: 'custom', message: 'must not contain ? or #' });
    return z.NEVER;
  });
