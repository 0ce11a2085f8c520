/** Where a request to a SIP URI goes (RFC 3263): by NAPTR and SRV as far as it leaves that open, then by A and AAAA. It sends nothing. */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { Fault } from '../../../src/core/fault.ts';
import { fault } from '../../../src/core/fault.ts';
import { authority } from '../address.ts';
import type { Reach } from '../reach.ts';
import { resolve, resolvePointers, resolveService } from '../resolver.ts';
import type { ServiceRecord } from '../resolver.ts';
import { formatUri, nextHop } from './uri.ts';
import type { SipUri, Transport } from './uri.ts';

/** One of the places that a request may go to. */
export type Server =
  | { readonly transport: 'udp'; readonly host: string; readonly address: string; readonly port: number }
  /** A name still: the connector resolves it and races its addresses. Its certificate is for `name` (RFC 5922 §7.1). */
  | { readonly transport: 'tcp' | 'tls'; readonly host: string; readonly port: number; readonly name: string };

export type Located =
  | {
      readonly ok: true;
      readonly server: Server;
      /** For when that one cannot be reached (§4.3), in the order to try them. */
      readonly others: readonly Server[];
      readonly dnsMs: number;
    }
  | { readonly ok: false; readonly fault: Fault; readonly dnsMs: number };

/** The far side chooses how many servers it lists, we how many we try. */
const MOST_SERVERS = 8;

/**
 * The servers of a URI, best first. Never throws. `chance` (the look's id) decides between servers of one priority, by their
 * weights: the same look always chooses the same, and many looks spread as the domain asks for.
 */
export async function locate(uri: SipUri, reach: Reach, signal: AbortSignal, chance: string): Promise<Located> {
  const began = performance.now();
  const places = await placesOf(uri, signal, chance);
  if ('code' in places) return { ok: false, fault: places, dnsMs: performance.now() - began };
  const found = await Promise.all(places.map((each) => serversAt(each, uri.host, reach, signal)));
  const dnsMs = performance.now() - began;
  const [server, ...others] = found.flatMap((each) => ('code' in each ? [] : each));
  if (server !== undefined) return { ok: true, server, others: others.slice(0, MOST_SERVERS - 1), dnsMs };
  const why = found.find((each) => 'code' in each);
  return { ok: false, fault: why ?? fault('DNS_NODATA', `${uri.host} has no address`), dnsMs };
}

/** As people write it. */
export const serverText = (server: Server): string =>
  `${authority(server.transport === 'udp' ? server.address : server.host, server.port)} over ${server.transport.toUpperCase()}`;

interface Place {
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
}

async function serversAt(place: Place, name: string, reach: Reach, signal: AbortSignal): Promise<Server[] | Fault> {
  const { transport, host, port } = place;
  if (transport !== 'udp') return [{ transport, host, port, name }];
  const resolved = await resolve(host, reach, signal);
  return resolved.ok ? resolved.addresses.map((address) => ({ transport, host, address, port })) : resolved.fault;
}

async function placesOf(uri: SipUri, signal: AbortSignal, chance: string): Promise<readonly Place[] | Fault> {
  const itself = nextHop(uri);
  if (itself === undefined) return fault('SETTINGS', `no transport of ours fits ${formatUri(uri)}`);
  // §4.2: who names a port or an address means it.
  if (uri.port !== undefined || isIP(uri.host) !== 0 || !uri.host.includes('.')) return [itself];
  const services = await servicesOf(uri, itself.transport, signal);
  const told = await Promise.all(
    services.map(async ({ transport, name }) => ({ transport, records: await resolveService(name, signal) })),
  );
  const places = told.flatMap(({ transport, records = [] }) =>
    inOrder(records, chance).map(({ host, port }) => ({ transport, host, port })),
  );
  if (places.length > 0) return places.slice(0, MOST_SERVERS);
  if (told.some(({ records }) => records !== undefined))
    return fault('DNS_NODATA', `${uri.host} says that it has no SIP service there`);
  // §4.2: where no record is, the name itself is the server.
  return [itself];
}

interface Service {
  readonly transport: Transport;
  /** The name of its SRV records. */
  readonly name: string;
}

const NAMES: Readonly<Record<Transport, string>> = { udp: '_sip._udp', tcp: '_sip._tcp', tls: '_sips._tcp' };
const TRANSPORTS = new Map<string, Transport>([
  ['SIP+D2U', 'udp'],
  ['SIP+D2T', 'tcp'],
  ['SIPS+D2T', 'tls'],
]);

/** §4.1: the transport is the URI's, else what the domain prefers (NAPTR), else whatever it has. A `sips` URI is TLS or nothing. */
async function servicesOf(uri: SipUri, transport: Transport, signal: AbortSignal): Promise<readonly Service[]> {
  const usual = (each: Transport): Service => ({ transport: each, name: `${NAMES[each]}.${uri.host}` });
  if (uri.transport !== undefined) return [usual(transport)];
  const ours: readonly Transport[] = uri.scheme === 'sips' ? ['tls'] : ['udp', 'tcp', 'tls'];
  const preferred = (await resolvePointers(uri.host, signal)).flatMap(({ service, name }): Service[] => {
    const offered = TRANSPORTS.get(service);
    return offered !== undefined && ours.includes(offered) ? [{ transport: offered, name }] : [];
  });
  return preferred.length > 0 ? preferred.slice(0, ours.length) : ours.map(usual);
}

/** RFC 2782: by priority; within one, drawn one after the other with chances by weight. */
export function inOrder(records: readonly ServiceRecord[], chance: string): readonly ServiceRecord[] {
  // Those without weight first, so that they have a very small chance and not none.
  const left = [...records].sort((one, other) => one.priority - other.priority || one.weight - other.weight);
  const ordered: ServiceRecord[] = [];
  for (let first = left[0]; first !== undefined; first = left[0]) {
    const { priority } = first;
    const peers = left.filter((each) => each.priority === priority);
    const total = peers.reduce((sum, { weight }) => sum + weight, 0);
    const drawn = Math.floor(fraction(chance, ordered.length) * (total + 1));
    let sum = 0;
    const at = peers.findIndex(({ weight }) => (sum += weight) >= drawn);
    ordered.push(...left.splice(Math.max(0, at), 1));
  }
  return ordered;
}

/** 0 to below 1, evenly. */
const fraction = (chance: string, round: number): number =>
  createHash('sha256').update(`${chance} ${round}`).digest().readUInt32BE(0) / 2 ** 32;
