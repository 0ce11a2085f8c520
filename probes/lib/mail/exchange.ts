/** One visit to one mail exchanger, within a slice of the look's time. It knows nothing of the other exchangers. */
import { isIP } from 'node:net';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { dial } from '../connector.ts';
import type { Reach } from '../reach.ts';
import { converse } from './session.ts';
import type { Terms } from './session.ts';
import type { Visit } from './verdict.ts';

export interface Itinerary extends Pick<Terms, 'security' | 'ehlo' | 'from' | 'rcpt'> {
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
  const slice = new AbortController();
  const signal = AbortSignal.any([to.signal, slice.signal]);
  const whole = setTimeout(() => {
    slice.abort();
  }, to.sliceMs);
  // TCP has a shorter deadline of its own, or a silent first exchanger would leave no time to say so.
  const knocking = setTimeout(
    () => {
      slice.abort();
    },
    Math.min(10_000, to.sliceMs * 0.6),
  );
  try {
    return await knockAndTalk(to, signal, () => {
      clearTimeout(knocking);
    });
  } finally {
    clearTimeout(whole);
    clearTimeout(knocking);
  }
}

async function knockAndTalk(to: Itinerary, signal: AbortSignal, entered: () => void): Promise<Visit> {
  const { host, preference, security, reach } = to;
  const tls = security === 'implicit' ? { tls: { name: host } } : {};
  const dialled = await dial({ host, port: to.port, reach, signal, ...tls });
  entered();
  const { phases } = dialled;
  if (!dialled.ok) return { ...lost(to, dialled.fault), reached: dialled.address !== undefined, phases };
  const { connection } = dialled;
  try {
    const patience = { bannerMs: Math.min(30_000, to.sliceMs * 0.6), commandMs: Math.min(15_000, to.sliceMs * 0.5) };
    const session = await converse(connection, { ...to, ...patience, name: host, signal });
    return {
      host,
      preference,
      session,
      reached: true,
      phases: { ...phases, ...session.phases },
      outcome: session.outcome,
    };
  } finally {
    connection.socket.destroy();
  }
}

function lost({ host, preference }: Itinerary, why: Fault): Visit {
  return { host, preference, session: undefined, reached: false, phases: {}, outcome: { kind: 'dead', fault: why } };
}
