/** One visit to one mail exchanger, within a slice of the look's time. It knows nothing of the other exchangers. */
import { isIP } from 'node:net';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { aliasOf, dial } from '../connector.ts';
import type { Reach } from '../reach.ts';
import { converse } from './session.ts';
import type { Terms } from './session.ts';
import type { Visit } from './verdict.ts';
import { within } from './within.ts';

/** Longest waits, in milliseconds, where the slice allows more. A banner may be held back on purpose to catch spammers. */
const KNOCK_MS = 10_000;
const BANNER_MS = 30_000;
const COMMAND_MS = 15_000;
/** A question beside the visit, which takes about as long as it. */
const ALIAS_MS = 1_000;

export interface Itinerary extends Pick<Terms, 'security' | 'ehlo' | 'from' | 'rcpt' | 'stranger'> {
  readonly host: string;
  readonly preference: number | undefined;
  readonly port: number;
  readonly reach: Reach;
  readonly signal: AbortSignal;
  /** Milliseconds for everything. */
  readonly sliceMs: number;
}

/** Connects and converses. Never throws; returns within the slice. */
export async function visit(to: Itinerary): Promise<Visit> {
  const { host, preference } = to;
  // RFC 5321 §5.1: an exchanger is a name. Many senders look up the digits as a name and find nothing.
  if (preference !== undefined && isIP(host.replace(/\.$/, '')) !== 0)
    return lost(to, fault('DNS_NXDOMAIN', `${host} is an address, not the name of an exchanger`));
  return await within(to.signal, to.sliceMs, async (signal) => {
    // Meanwhile: whether the name is an alias decides nothing, so it may cost next to no time.
    const asked = preference === undefined ? undefined : within(signal, ALIAS_MS, (limit) => aliasOf(host, limit));
    const seen = await knockAndTalk(to, signal);
    return { ...seen, alias: await asked };
  });
}

async function knockAndTalk(to: Itinerary, signal: AbortSignal): Promise<Omit<Visit, 'alias'>> {
  const { host, preference, security, reach, sliceMs } = to;
  const tls = security === 'implicit' ? { tls: { name: host } } : {};
  const dialled = await within(signal, Math.min(KNOCK_MS, sliceMs * 0.6), (knocking) =>
    dial({ host, port: to.port, reach, signal: knocking, ...tls }),
  );
  const { phases } = dialled;
  if (!dialled.ok) return { ...lost(to, dialled.fault), reached: dialled.address !== undefined, phases };
  const { connection } = dialled;
  try {
    const bannerMs = Math.min(BANNER_MS, sliceMs * 0.6);
    const commandMs = Math.min(COMMAND_MS, sliceMs * 0.5);
    const session = await converse(connection, { ...to, bannerMs, commandMs, name: host, signal });
    const all = { ...phases, ...session.phases };
    return { host, preference, session, reached: true, phases: all, outcome: session.outcome };
  } finally {
    connection.socket.destroy();
  }
}

function lost({ host, preference }: Itinerary, why: Fault): Visit {
  const outcome = { kind: 'dead', fault: why } as const;
  return { host, preference, alias: undefined, session: undefined, reached: false, phases: {}, outcome };
}
