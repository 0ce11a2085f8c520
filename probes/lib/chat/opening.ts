/** Reaches a chat's WebSocket: dials, judges the certificate, upgrades. Whatever refuses is a finding already; it speaks no chat. */
import { z } from 'zod';
import { printable } from '../../../src/core/fault.ts';
import type { Evidence, Finding, Sight } from '../../../src/core/model.ts';
import { waitFacts } from '../answer.ts';
import { dial, findingOf } from '../connector.ts';
import type { Connection } from '../connector.ts';
import type { Reach } from '../reach.ts';
import { unsendable } from '../request.ts';
import { upgrade } from './line.ts';
import type { Line, Upgraded } from './line.ts';

/** Schema of a chat's address. */
export function socketUrl() {
  return z
    .url({ protocol: /^wss?$/, error: 'an address such as wss://chat.example.id/socket' })
    .refine((text) => !/[#@]/.test(text.replace(/\?.*$/, '')), {
      error: 'no user name, password or fragment in the address',
    });
}

/** Schema of the site whose widget this is. */
export function siteOrigin() {
  return z
    .url({ protocol: /^https?$/ })
    .meta({ description: 'the site whose widget this is, such as https://example.id' });
}

export interface Wish {
  readonly url: string;
  readonly origin: string | undefined;
  readonly subprotocol: string | undefined;
  /** As sent; the caller reveals its secrets. */
  readonly headers: Readonly<Record<string, string>>;
  readonly reach: Reach;
  readonly signal: AbortSignal;
  /** By the monotonic clock. */
  readonly endsAt: number;
}

export type Opening =
  | { readonly ok: true; readonly line: Line; readonly connection: Connection; readonly sight: Sight }
  | { readonly ok: false; readonly finding: Finding };

/** Opens the socket. Never throws; when it is open, the caller destroys it in `finally`. */
export async function open(wish: Wish): Promise<Opening> {
  const url = new URL(wish.url);
  const secure = url.protocol === 'wss:';
  const dialled = await dial({
    ...{ host: url.hostname, reach: wish.reach, signal: wish.signal },
    port: Number(url.port === '' ? (secure ? 443 : 80) : url.port),
    ...(secure ? { tls: { alpn: ['http/1.1'] } } : {}),
  });
  if (!dialled.ok) {
    const rung = dialled.address === undefined ? 'none' : 'reachable';
    return { ok: false, finding: findingOf(dialled.fault, rung, { phases: dialled.phases, facts: {} }) };
  }
  const { connection, phases } = dialled;
  const { address, certificate } = connection;
  const facts = { address, ...(certificate === undefined ? {} : { certificate_days: certificate.daysLeft }) };
  // A browser stops at a bad certificate; and our headers may carry secrets that are nobody else's.
  const bad = certificate?.fault ?? unsendable(wish.headers);
  const opening: Opening =
    bad === undefined
      ? await handshake(wish, connection, { phases, facts })
      : { ok: false, finding: findingOf(bad, 'reachable', { phases, facts }) };
  if (!opening.ok) connection.socket.destroy();
  return opening;
}

async function handshake(wish: Wish, connection: Connection, sight: Sight): Promise<Opening> {
  const began = performance.now();
  const { url, origin, subprotocol, headers, signal } = wish;
  const call = { url, origin, subprotocol, headers, signal, connection, timeoutMs: wish.endsAt - began };
  const upgraded = await upgrade(call);
  const told = { ...sight, phases: { ...sight.phases, upgrade: performance.now() - began } };
  if (!upgraded.ok) return { ok: false, finding: turnedAway(upgraded, told) };
  return { ok: true, line: upgraded.line, connection, sight: told };
}

/** HTTP's own words instead of a chat. */
function turnedAway(refusal: Extract<Upgraded, { ok: false }>, sight: Sight): Finding {
  const { reply } = refusal;
  if (reply === undefined) return findingOf(refusal.fault, 'reachable', sight);
  const evidence: Evidence = {
    ...{ name: 'handshake', type: 'text/plain' },
    text: `HTTP ${reply.status}\n\n${printable(reply.body.toString('utf8').slice(0, 1_000))}`,
  };
  const facts = { ...sight.facts, status: reply.status, ...waitFacts(reply, Date.now()) };
  return { ...findingOf(refusal.fault, 'reachable', { ...sight, facts }), evidence: [evidence] };
}
