/** Where a request to a SIP URI goes (RFC 3263): by SRV where it says no port, then by A and AAAA. NAPTR is left out. It sends nothing. */
import { isIP } from 'node:net';
import type { Fault } from '../../../src/core/fault.ts';
import { fault } from '../../../src/core/fault.ts';
import { resolve } from '../connector.ts';
import type { Reach } from '../reach.ts';
import { resolveService } from '../resolver.ts';
import type { ServiceTarget } from '../resolver.ts';
import { formatUri, nextHop } from './uri.ts';
import type { NextHop, SipUri } from './uri.ts';

export type Route =
  /** Addresses that the policy allows, in the order to try them. */
  | { readonly kind: 'datagram'; readonly addresses: readonly string[]; readonly port: number; readonly dnsMs: number }
  /** A name still: the connector resolves it and races its addresses. Its certificate is for `name` (RFC 5922 §7.1). */
  | {
      readonly kind: 'stream';
      readonly transport: 'tcp' | 'tls';
      readonly host: string;
      readonly port: number;
      readonly name: string;
    };

export type Located =
  | {
      readonly ok: true;
      readonly route: Route;
      /** Further servers of the same domain, for when this one cannot be reached. */
      readonly others: readonly Route[];
    }
  | { readonly ok: false; readonly fault: Fault; readonly dnsMs: number };

const SERVICES = { udp: '_sip._udp', tcp: '_sip._tcp', tls: '_sips._tcp' } as const;

/** Never throws. */
export async function locate(uri: SipUri, reach: Reach, signal: AbortSignal): Promise<Located> {
  const hop = nextHop(uri);
  if (hop === undefined) {
    return { ok: false, fault: fault('SETTINGS', `no transport of ours fits ${formatUri(uri)}`), dnsMs: 0 };
  }
  const began = performance.now();
  const targets = await targetsOf(uri, hop, signal);
  const { transport, host: name } = hop;
  if (transport !== 'udp') {
    const [route, ...others] = targets.map((each): Route => ({ kind: 'stream', transport, ...each, name }));
    if (route !== undefined) return { ok: true, route, others };
  }
  const resolved = await Promise.all(targets.map(({ host }) => resolve(host, reach, signal)));
  const dnsMs = performance.now() - began;
  const [route, ...others] = resolved.flatMap((each, index): Route[] => {
    const port = targets[index]?.port ?? hop.port;
    return each.ok ? [{ kind: 'datagram', addresses: each.addresses, port, dnsMs }] : [];
  });
  if (route !== undefined) return { ok: true, route, others };
  const first = resolved.find((each) => !each.ok);
  return { ok: false, fault: first?.fault ?? fault('DNS_NODATA', `${name} has no address`), dnsMs };
}

/** §4.2: who names a port or an address means it. Where no SRV record is, the name itself is the server. */
async function targetsOf(uri: SipUri, hop: NextHop, signal: AbortSignal): Promise<readonly ServiceTarget[]> {
  const itself = { host: hop.host, port: hop.port };
  if (uri.port !== undefined || isIP(uri.host) !== 0 || !uri.host.includes('.')) return [itself];
  const found = await resolveService(`${SERVICES[hop.transport]}.${uri.host}`, signal);
  return found.length === 0 ? [itself] : found;
}
