/** Where a request to a SIP URI goes (RFC 3263), by A and AAAA records alone: NAPTR and SRV have their place here. It sends nothing. */
import type { Fault } from '../../../src/core/fault.ts';
import { fault } from '../../../src/core/fault.ts';
import { resolve } from '../connector.ts';
import type { Reach } from '../reach.ts';
import { formatUri, nextHop } from './uri.ts';
import type { SipUri } from './uri.ts';

export type Route =
  /** Addresses that the policy allows, in the order to try them. */
  | { readonly kind: 'datagram'; readonly addresses: readonly string[]; readonly port: number; readonly dnsMs: number }
  /** A name still: the connector resolves it and races its addresses. */
  | { readonly kind: 'stream'; readonly transport: 'tcp' | 'tls'; readonly host: string; readonly port: number };

export type Located =
  { readonly ok: true; readonly route: Route } | { readonly ok: false; readonly fault: Fault; readonly dnsMs: number };

/** Never throws. */
export async function locate(uri: SipUri, reach: Reach, signal: AbortSignal): Promise<Located> {
  const hop = nextHop(uri);
  if (hop === undefined) {
    return { ok: false, fault: fault('SETTINGS', `no transport of ours fits ${formatUri(uri)}`), dnsMs: 0 };
  }
  const { transport, host, port } = hop;
  if (transport !== 'udp') return { ok: true, route: { kind: 'stream', transport, host, port } };
  const resolved = await resolve(host, reach, signal);
  if (!resolved.ok) return { ok: false, fault: resolved.fault, dnsMs: resolved.ms };
  return { ok: true, route: { kind: 'datagram', addresses: resolved.addresses, port, dnsMs: resolved.ms } };
}
