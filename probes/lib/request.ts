/** An HTTP request as configured and as sent, and the reply to it as plain data. It opens nothing and judges nothing. */
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import { Secret } from '../../src/core/secret.ts';
import { canonicalHost } from './address.ts';
import type { Jar } from './jar.ts';
import type { Reach } from './reach.ts';

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

export const takesBody = (method: (typeof METHODS)[number]): boolean => method !== 'GET' && method !== 'HEAD';

export type Headers = Readonly<Record<string, string | Secret>>;

export interface Ask {
  readonly url: URL;
  /** Where it began, once redirects led elsewhere. */
  readonly asked?: URL;
  readonly method: Dispatcher.HttpMethod;
  /** Names in lower case. */
  readonly headers: Headers;
  readonly body?: string | undefined;
  /** Redirects to follow. */
  readonly follow: number;
  /** Ask for gzip or deflate and undo it. */
  readonly decompress: boolean;
  /** Connect to this address on the first hop. */
  readonly resolve?: string | undefined;
  readonly reach: Reach;
  readonly signal: AbortSignal;
  /** Where cookies are kept and taken from; absent: nowhere. */
  readonly jar?: Jar;
}

export interface Reply {
  readonly status: number;
  /** Names in lower case; repeated headers joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** Lines of `Set-Cookie`, which a comma cannot join. */
  readonly cookies: readonly string[];
  readonly body: Buffer;
  /** Bytes of body on the wire. */
  readonly bytes: number;
  /** True when the body went on beyond the cap and was cut there. */
  readonly truncated: boolean;
}

/** Header values as sent. A secret is revealed here and nowhere earlier. */
export function wireHeaders(ask: Ask): Record<string, string> {
  const wire: Record<string, string> = {
    'user-agent': 'Ringback (support reachability check)',
    accept: '*/*',
    'accept-encoding': ask.decompress ? 'gzip, deflate' : 'identity',
  };
  for (const [name, value] of Object.entries(ask.headers))
    wire[name] = value instanceof Secret ? value.reveal() : value;
  const kept = ask.jar?.for(ask.url);
  if (kept !== undefined) wire['cookie'] = wire['cookie'] === undefined ? kept : `${wire['cookie']}; ${kept}`;
  return wire;
}

/** A secret's value is seen for the first time when it is sent: a line end in it would forge a header. */
export function unsendable(wire: Readonly<Record<string, string>>): Fault | undefined {
  const bad = Object.entries(wire).find(([, value]) => /[^\t\u0020-\u007e\u0080-\u00ff]/.test(value));
  return bad === undefined ? undefined : fault('SETTINGS', `the value of header ${bad[0]} cannot be sent as it is`);
}

/** Schema of an address to ask. A user name in it would be a secret in plain sight. */
export function httpUrl() {
  return z.string().transform((text, ctx) => {
    const url = URL.parse(text);
    const fits = url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && !/[\s\u0000]/.test(text);
    if (fits && url.username === '' && url.password === '' && canonicalHost(url.hostname) !== undefined) {
      url.hash = '';
      return url;
    }
    ctx.addIssue({ code: 'custom', message: `"${text}" is no http or https address (without user name)` });
    return z.NEVER;
  });
}

/** What frames a message is undici's business, not the operator's. */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Schema of a header's name: in lower case once loaded. */
export function headerName() {
  return z
    .string()
    .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'this is no name of a header')
    .transform((name) => name.toLowerCase())
    .refine((name) => !FRAMING.has(name), 'this header is set by the connection itself');
}

/** Schema of a header's value that is no secret. */
export function headerValue() {
  return z
    .string()
    .max(4_096)
    .regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, 'a header takes one line of plain characters');
}
