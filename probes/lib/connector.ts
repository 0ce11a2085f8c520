/**
 * The one guarded way out for every probe: resolve, check the address policy, connect, speak TLS; each phase timed, every
 * failure a fault. It never verifies by trust: certificates are read even when they are bad, then judged.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Fault } from '../../src/core/fault.ts';
import type { Reach } from './reach.ts';

/** What the far side's certificate says. */
export interface Certificate {
  readonly subject: string;
  readonly issuer: string;
  /** Epoch milliseconds. */
  readonly validTo: number;
  readonly daysLeft: number;
  /** Undefined when it is valid for the name and trusted. */
  readonly fault: Fault | undefined;
}

export interface Dial {
  readonly host: string;
  readonly port: number;
  readonly reach: Reach;
  readonly signal: AbortSignal;
  /** Present: speak TLS at once. `name` is the name to expect; default `host`. A bad certificate does not stop the dial. */
  readonly tls?: { readonly name?: string; readonly alpn?: readonly string[] };
}

export interface Connection {
  readonly socket: Socket | TLSSocket;
  /** The address that was checked and is connected: `1.2.3.4` or `2001:db8::1`. */
  readonly address: string;
  readonly certificate: Certificate | undefined;
}

/** Milliseconds of `dns`, `connect` and `tls`, as far as it got. */
export type DialPhases = Partial<Record<'dns' | 'connect' | 'tls', number>>;

export type Dialled = { readonly ok: true; readonly connection: Connection; readonly phases: DialPhases } | { readonly ok: false; readonly fault: Fault; readonly phases: DialPhases };

/** Opens one connection. Never throws; the socket is destroyed when `signal` fires. The caller destroys it in `finally`. */
export declare function dial(to: Dial): Promise<Dialled>;

/** Speaks TLS on a connection that is open already (STARTTLS). Never throws. */
export declare function upgrade(
  connection: Connection,
  tls: { readonly name: string; readonly reach: Reach; readonly signal: AbortSignal },
): Promise<Dialled>;

export type Resolved =
  | { readonly ok: true; readonly addresses: readonly string[]; readonly ms: number }
  | { readonly ok: false; readonly fault: Fault; readonly ms: number };

/** Addresses of a name or literal that the policy allows, in the order to try them. Never throws. For UDP, and for `dial`. */
export declare function resolve(host: string, reach: Reach, signal: AbortSignal): Promise<Resolved>;

export interface MailExchanger {
  readonly host: string;
  readonly preference: number;
}
/** MX, SRV and TXT by the same resolver; errors as faults. */
export declare function resolveMx(domain: string, signal: AbortSignal): Promise<{ readonly ok: true; readonly exchangers: readonly MailExchanger[]; readonly ms: number } | { readonly ok: false; readonly fault: Fault; readonly ms: number }>;

/** The fault of a socket's or TLS error (`ECONNREFUSED`, `ECONNRESET`, `EHOSTUNREACH`, `ERR_SSL_…`, …), `fallback` when it is none of ours. */
export declare function faultOf(error: unknown, during: 'connect' | 'tls' | 'talk'): Fault;
