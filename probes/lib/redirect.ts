/** Where a redirect leads and what may go along: no downgrade, no foreign scheme, no loop, no secret to a stranger. */
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import { Secret } from '../../src/core/secret.ts';
import { DISCREET_HEADERS } from './discretion.ts';
import type { Ask, Reply } from './request.ts';

const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The next request; undefined when the reply is no redirect; a fault when it leads where nobody may follow. */
export function redirected(ask: Ask, reply: Reply, seen: readonly string[], most: number): Ask | Fault | undefined {
  const location = reply.headers['location'];
  if (!STATUSES.has(reply.status) || location === undefined) return undefined;
  const url = URL.parse(location, ask.url.href);
  const chain = (why: string) => fault('REDIRECT', `${why} (${[...seen, url?.href ?? location].join(' -> ')})`);
  if (url === null) return chain('redirected to what is no address');
  url.hash = '';
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return chain(`redirected to the scheme ${url.protocol}`);
  if (url.protocol === 'http:' && ask.url.protocol === 'https:') return chain('redirected from https down to http');
  if (url.username !== '' || url.password !== '') return chain('redirected to an address with a user name');
  if (seen.includes(url.href)) return chain('redirects in a loop');
  if (seen.length > most) return chain(`redirected more than ${most} times`);
  return carried(ask, reply.status, url) ?? chain('redirected elsewhere with a body, which is not sent to strangers');
}

/** RFC 9110 §15.4: 303 always becomes GET, 301 and 302 do for POST as browsers have it, 307 and 308 keep all. */
function carried(ask: Ask, status: number, url: URL): Ask | undefined {
  const foreign = url.origin !== ask.url.origin;
  const dropsBody = status === 303 ? ask.method !== 'HEAD' : status < 303 && ask.method === 'POST';
  if (foreign && !dropsBody && ask.body !== undefined) return undefined;
  const headers = Object.entries(ask.headers).filter(([name, value]) => {
    if (dropsBody && name.startsWith('content-')) return false;
    return !foreign || (!(value instanceof Secret) && !DISCREET_HEADERS.has(name) && name !== 'host');
  });
  return {
    ...ask,
    url,
    asked: ask.asked ?? ask.url,
    headers: Object.fromEntries(headers),
    method: dropsBody ? 'GET' : ask.method,
    body: dropsBody ? undefined : ask.body,
    resolve: foreign ? undefined : ask.resolve,
  };
}
