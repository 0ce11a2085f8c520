/** Who may pass the operator listener: tokens, hosts and origins. Pure questions about a request's headers. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { Secret } from '../core/secret.ts';

/** Whether the Authorization header carries one of the tokens. Every token is compared, each in constant time. */
export function bears(headers: IncomingHttpHeaders, tokens: readonly Secret[]): boolean {
  const [, given] = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(headers.authorization ?? '') ?? [];
  const offered = digest(given ?? '');
  const matches = tokens.map((token) => timingSafeEqual(digest(token.reveal()), offered));
  return given !== undefined && matches.includes(true);
}

/** Equal lengths, whatever was offered: nothing to learn from the time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A token in a URL ends in logs, histories and referrers: refused before anybody gets used to it. */
export function tokenInUrl(url: string, tokens: readonly Secret[]): boolean {
  const query = new URLSearchParams(url.split('?').slice(1).join('?'));
  const named = [...query.keys()].some((key) => /token|authorization|api_?key|secret|password/i.test(key));
  return named || tokens.some((token) => url.includes(encodeURIComponent(token.reveal())));
}

/**
 * DNS rebinding: a stranger's name that resolves to our loopback address makes a browser call us "same origin". On loopback
 * we therefore answer only to addresses and to `localhost`.
 */
export function hostAllowed(headers: IncomingHttpHeaders, listenHost: string): boolean {
  if (!isLoopback(listenHost)) return true;
  const name = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return name === 'localhost' || isIP(name) !== 0;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/**
 * Whether a form was sent from one of our own pages. Browsers say so in Sec-Fetch-Site, and where that is missing (plain
 * HTTP to another host than loopback) in Origin; a request with neither was sent by no browser.
 */
export function sameOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin } = headers;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === headers.host;
}
