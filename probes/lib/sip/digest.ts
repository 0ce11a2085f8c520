/** Digest authentication (RFC 7616, RFC 8760): reading challenges, choosing the strongest, answering. Pure but for the caller's chance. */
import { createHash } from 'node:crypto';
import type { Header, SipResponse } from './message.ts';

const HASHES = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' } as const;
export type Algorithm = keyof typeof HASHES;
/** Strongest first (RFC 8760 §2.4). */
const STRENGTH: readonly Algorithm[] = ['SHA-512-256', 'SHA-256', 'MD5'];

export interface Challenge {
  /** 407: a proxy on the way asks, and is answered in a header of its own. */
  readonly proxy: boolean;
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: Algorithm;
  /** `-sess`: the nonces are part of the secret. */
  readonly session: boolean;
  readonly auth: boolean;
  readonly opaque: string | undefined;
  readonly stale: boolean;
}

/** Longer texts are not carried back and forth. */
const LONGEST = 2_048;
const MOST = 10;

/** All challenges of a response that we can answer, as they came. */
export function challengesOf(response: SipResponse): Challenge[] {
  const found: Challenge[] = [];
  for (const { name, value } of response.headers) {
    const proxy = name === 'proxy-authenticate';
    if (!proxy && name !== 'www-authenticate') continue;
    for (const parameters of splitChallenges(value)) {
      const challenge = readChallenge(parameters, proxy);
      if (challenge !== undefined && found.length < MOST) found.push(challenge);
    }
  }
  return found;
}

/** Of each realm the strongest one; a response may ask for several realms at once (RFC 3261 §22.3). */
export function strongest(challenges: readonly Challenge[]): Challenge[] {
  const chosen = new Map<string, Challenge>();
  for (const each of challenges) {
    const key = `${each.proxy ? 'proxy' : 'server'} ${each.realm}`;
    const rival = chosen.get(key);
    if (rival === undefined || weight(each) < weight(rival)) chosen.set(key, each);
  }
  return [...chosen.values()];
}

const weight = ({ algorithm }: Challenge): number => STRENGTH.indexOf(algorithm);

type Parameters = ReadonlyMap<string, string>;

/** One header may carry several challenges: a word that no `=` follows begins the next. */
function splitChallenges(value: string): Parameters[] {
  const all: Map<string, string>[] = [];
  let current: Map<string, string> | undefined;
  const token = /([\w.!%*+`'~-]+)\s*(=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?[\s,]*/gy;
  for (let match = token.exec(value); match !== null; match = token.exec(value)) {
    const [, word = '', assigned, quoted, bare = ''] = match;
    if (assigned === undefined) {
      current = word.toLowerCase() === 'digest' ? new Map() : undefined;
      if (current !== undefined) all.push(current);
    } else current?.set(word.toLowerCase(), quoted === undefined ? bare : quoted.replace(/\\(.)/g, '$1'));
  }
  return all;
}

function readChallenge(parameters: Parameters, proxy: boolean): Challenge | undefined {
  const [realm, nonce] = [parameters.get('realm'), parameters.get('nonce')];
  if (realm === undefined || nonce === undefined) return undefined;
  const opaque = parameters.get('opaque');
  if ([realm, nonce, opaque ?? ''].some((text) => text.length > LONGEST)) return undefined;
  const named = (parameters.get('algorithm') ?? 'MD5').toUpperCase();
  const session = named.endsWith('-SESS');
  const algorithm = STRENGTH.find((each) => each === (session ? named.slice(0, -5) : named));
  const qop = parameters
    .get('qop')
    ?.toLowerCase()
    .split(/[\s,]+/);
  // `auth-int` alone would need our body's hash in every answer; nobody asks for it without `auth`.
  if (algorithm === undefined || (qop !== undefined && !qop.includes('auth'))) return undefined;
  // RFC 7616 §3.4.1: -sess takes a client nonce, which only an answer with qop carries.
  if (session && qop === undefined) return undefined;
  const stale = parameters.get('stale')?.toLowerCase() === 'true';
  return { proxy, realm, nonce, algorithm, session, auth: qop !== undefined, opaque, stale };
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export interface Asked {
  readonly method: string;
  readonly uri: string;
  /** Our own chance, new for each answer. */
  readonly cnonce: string;
  /** How often this nonce has been used, this time included. */
  readonly count: number;
}

/** The header that answers a challenge. What came quoted goes back quoted and escaped: a nonce cannot forge a parameter. */
export function answerChallenge(challenge: Challenge, { user, password }: Credentials, asked: Asked): Header {
  const { realm, nonce, algorithm, session, auth, opaque, proxy } = challenge;
  const hash = (text: string): string => createHash(HASHES[algorithm]).update(text).digest('hex');
  const secret = hash(`${user}:${realm}:${password}`);
  const a1 = session ? hash(`${secret}:${nonce}:${asked.cnonce}`) : secret;
  const a2 = hash(`${asked.method}:${asked.uri}`);
  const nc = asked.count.toString(16).padStart(8, '0');
  const response = hash(auth ? `${a1}:${nonce}:${nc}:${asked.cnonce}:auth:${a2}` : `${a1}:${nonce}:${a2}`);
  const parts = [
    `username=${quote(user)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(asked.uri)}`,
    `response="${response}"`,
    `algorithm=${algorithm}${session ? '-sess' : ''}`,
    ...(auth ? [`cnonce="${asked.cnonce}"`, 'qop=auth', `nc=${nc}`] : []),
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
  ];
  return { name: proxy ? 'proxy-authorization' : 'authorization', value: `Digest ${parts.join(', ')}` };
}

const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&').replace(/[\r\n\u0000]/g, '')}"`;

/** One login for one call. */
export interface Keyring {
  /** Headers that answer a 401 or 407; why not, when there is no use in trying again. */
  answer(response: SipResponse, method: string, uri: string): readonly Header[] | string;
}

const MOST_ROUNDS = 3;

/** `chance`: new random text each time. `realm`: the only one that is told our login; undefined: whoever asks. */
export function openKeyring(credentials: Credentials | undefined, chance: () => string, realm?: string): Keyring {
  const rounds = new Map<string, number>();
  const tried = new Map<string, string>();
  const counts = new Map<string, number>();
  return {
    answer(response, method, uri) {
      if (credentials === undefined) return 'it asks for a login and none is configured';
      const round = (rounds.get(method) ?? 0) + 1;
      rounds.set(method, round);
      if (round > MOST_ROUNDS) return `it asked for a login ${round} times`;
      const asked = strongest(challengesOf(response));
      const chosen = asked.filter((each) => realm === undefined || each.realm === realm);
      if (asked.length > 0 && chosen.length === 0)
        return `it asks for realm "${asked[0]?.realm ?? ''}", not "${realm ?? ''}"`;
      if (chosen.length === 0) return 'it asks for a login in a way that we do not know';
      for (const each of chosen) {
        const key = `${method} ${each.proxy ? 'proxy' : 'server'} ${each.realm}`;
        // The same realm once more, and not because its nonce grew old: the login is wrong (§22.2).
        if (tried.has(key) && !each.stale) return `it refuses the login for realm "${each.realm}"`;
        tried.set(key, each.nonce);
      }
      return chosen.map((each) => {
        const count = (counts.get(each.nonce) ?? 0) + 1;
        counts.set(each.nonce, count);
        return answerChallenge(each, credentials, { method, uri, cnonce: chance(), count });
      });
    },
  };
}
