/** Names to addresses by our own resolver, timed and within the address policy. It opens no connection. */
// The module itself, not a view of it: `setServers` replaces its functions, and a view would go on asking the old servers.
import dns from 'node:dns';
import type { MxRecord } from 'node:dns';
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { fault } from '../../src/core/fault.ts';
import type { Fault, FaultCode } from '../../src/core/fault.ts';
import { canonicalHost, placeOf } from './address.ts';
import type { Reach } from './reach.ts';

export type Resolved =
  | { readonly ok: true; readonly addresses: readonly string[]; readonly ms: number }
  | { readonly ok: false; readonly fault: Fault; readonly ms: number };

export interface MailExchanger {
  readonly host: string;
  readonly preference: number;
}

export type ResolvedMx =
  | { readonly ok: true; readonly exchangers: readonly MailExchanger[]; readonly ms: number }
  | { readonly ok: false; readonly fault: Fault; readonly ms: number };

/** c-ares waits this long for one server, and asks each twice: a lost datagram must not become an outage. */
const SERVER_TIMEOUT_MS = 1_500;
/** Once one family has answered, the other gets this much more (RFC 8305 §3 in spirit): some boxes swallow AAAA. */
const OTHER_FAMILY_MS = 250;
/** More addresses than this are not tried: the far side chooses how many it lists, we how many we dial. */
const ADDRESSES = 8;

/** Addresses of a name or literal that the policy allows, in the order to try them. Never throws. For UDP, and for `dial`. */
export async function resolve(host: string, reach: Reach, signal: AbortSignal): Promise<Resolved> {
  const began = performance.now();
  const found = await lookUp(host, reach, signal);
  const ms = performance.now() - began;
  if (!Array.isArray(found)) return { ok: false, fault: found, ms };
  const refusal = judgeAddresses(host, found, reach);
  return refusal === undefined
    ? { ok: true, addresses: found.slice(0, ADDRESSES), ms }
    : { ok: false, fault: refusal, ms };
}

/** One forbidden address spoils the whole answer: a mix of public and private is how rebinding looks. */
export function judgeAddresses(host: string, addresses: readonly string[], reach: Reach): Fault | undefined {
  const bad = addresses.find((each) => !isAllowed(each, reach));
  if (bad === undefined) return undefined;
  const why =
    placeOf(bad) === 'private'
      ? 'which is private; say allow_private: true if that is meant'
      : 'which is link-local, metadata or multicast and never allowed';
  return fault('ADDR_BLOCKED', `${host} leads to ${bad}, ${why}`);
}

export function isAllowed(address: string, reach: Reach): boolean {
  const place = placeOf(address);
  return place === 'open' || (place === 'private' && reach.allow_private);
}

async function lookUp(written: string, reach: Reach, signal: AbortSignal): Promise<string[] | Fault> {
  const host = canonicalHost(written);
  if (host === undefined) return fault('SETTINGS', `"${written}" is no host name`);
  const known = isIP(host) !== 0 ? [host] : (wellKnown(host) ?? (await hostsFile()).get(host));
  if (known === undefined) return query(host, reach, signal);
  const fitting = known.filter((each) => reach.ip === undefined || isIP(each) === reach.ip);
  return fitting.length > 0
    ? fitting
    : fault('SETTINGS', `${host} has no IPv${reach.ip ?? 4} address, which ip: asks for`);
}

/** RFC 6761 §6.3: localhost is never asked of a server. */
function wellKnown(host: string): string[] | undefined {
  return host === 'localhost' || host.endsWith('.localhost') ? ['127.0.0.1', '::1'] : undefined;
}

type Answer = readonly string[] | Fault;

/** Asks A and AAAA together. IPv4 first: a missing IPv6 route of ours must not cost a try on every look. */
async function query(host: string, reach: Reach, signal: AbortSignal): Promise<string[] | Fault> {
  return asking(host, signal, async (resolver) => {
    const none: Promise<Answer> = Promise.resolve(fault('DNS_NODATA', `${host} has no address`));
    const ask = (asked: Promise<string[]>): Promise<Answer> => asked.catch((error: unknown) => dnsFault(error, host));
    const four = reach.ip === 6 ? none : ask(resolver.resolve4(host));
    const six = reach.ip === 4 ? none : ask(resolver.resolve6(host));
    const answers = await bothFamilies(four, six);
    const addresses = answers.flatMap((answer) => (isFault(answer) ? [] : answer));
    return addresses.length > 0 ? addresses : mostTelling(answers, host);
  });
}

/** Both answers, or the one that has addresses when the other one keeps us waiting. */
async function bothFamilies(four: Promise<Answer>, six: Promise<Answer>): Promise<readonly Answer[]> {
  const [first, other] = await Promise.race([
    four.then((answer) => [answer, six] as const),
    six.then((answer) => [answer, four] as const),
  ]);
  if (isFault(first)) return Promise.all([four, six]);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((tell) => {
    timer = setTimeout(tell, OTHER_FAMILY_MS, []);
  });
  const second = await Promise.race([other, late]);
  clearTimeout(timer);
  return other === six ? [first, second] : [second, first];
}

const isFault = (answer: Answer): answer is Fault => !Array.isArray(answer);

/** Of two failures the one that says more: a server in trouble over "no such record". */
const TELLING: readonly FaultCode[] = ['DNS_SERVFAIL', 'DNS_TIMEOUT', 'DNS_REFUSED', 'DNS_NXDOMAIN', 'DNS_NODATA'];
function mostTelling(answers: readonly Answer[], host: string): Fault {
  const faults = answers.filter(isFault);
  const code = TELLING.find((each) => faults.some((one) => one.code === each));
  return faults.find((one) => one.code === code) ?? faults[0] ?? fault('DNS_NODATA', `${host} has no address`);
}

/** Mail exchangers, best first. `DNS_NODATA`: the name exists and has none (then RFC 5321 §5.1 says: try its address). */
export async function resolveMx(domain: string, signal: AbortSignal): Promise<ResolvedMx> {
  const began = performance.now();
  const host = canonicalHost(domain);
  const found =
    host === undefined
      ? fault('SETTINGS', `"${domain}" is no domain`)
      : await asking(host, signal, (resolver) =>
          resolver.resolveMx(host).then(
            (records) => exchangersOf(host, records),
            (error: unknown) => dnsFault(error, host),
          ),
        );
  const ms = performance.now() - began;
  return Array.isArray(found) ? { ok: true, exchangers: found, ms } : { ok: false, fault: found, ms };
}

function exchangersOf(domain: string, records: readonly MxRecord[]): MailExchanger[] | Fault {
  // RFC 7505: a lone record with the root as exchanger says "no mail here".
  const real = records.filter((record) => record.exchange !== '' && record.exchange !== '.');
  if (real.length === 0) return fault('MX_NULL', `${domain} says by a null MX that it takes no mail`);
  return real
    .map((record) => ({ host: record.exchange, preference: record.priority }))
    .sort((one, other) => one.preference - other.preference);
}

/** The name that a name is an alias of; undefined when it is none, or nobody tells. */
export async function aliasOf(name: string, signal: AbortSignal): Promise<string | undefined> {
  const found = await asking(name, signal, (resolver) =>
    resolver.resolveCname(name).catch((error: unknown) => dnsFault(error, name)),
  );
  return Array.isArray(found) ? found[0] : undefined;
}

/** A server that a service of a domain is at (RFC 2782). */
export interface ServiceRecord {
  readonly host: string;
  readonly port: number;
  /** The lower one first. */
  readonly priority: number;
  /** Share of those with the same priority. */
  readonly weight: number;
}

/** The far side chooses how many it lists, we how many we read. */
const MOST_RECORDS = 64;

/** Servers of a service as they came. Undefined: there is no record, or nobody tells; empty: the service is not offered. */
export async function resolveService(name: string, signal: AbortSignal): Promise<readonly ServiceRecord[] | undefined> {
  const found = await asking(name, signal, (resolver) =>
    resolver.resolveSrv(name).catch((error: unknown) => dnsFault(error, name)),
  );
  if (!Array.isArray(found)) return undefined;
  // RFC 2782: a lone record with the root as its target says that there is no such service.
  return found
    .filter((each) => canonicalHost(each.name) !== undefined)
    .slice(0, MOST_RECORDS)
    .map(({ name: host, port, priority, weight }) => ({ host, port, priority, weight }));
}

/** What a domain offers and where that is looked up next (NAPTR, RFC 3403), as far as RFC 3263 §4.1 uses it. */
export interface Pointer {
  /** Such as `SIPS+D2T`, in upper case. */
  readonly service: string;
  /** The name to ask for SRV records. */
  readonly name: string;
}

/** A box that swallows what it does not know must not eat a whole look. */
const POINTERS_MS = 1_500;

/** Best first; none when there is no record, or nobody tells in time. */
export async function resolvePointers(domain: string, signal: AbortSignal): Promise<readonly Pointer[]> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(POINTERS_MS)]);
  const found = await asking(domain, limit, (resolver) =>
    resolver.resolveNaptr(domain).catch((error: unknown) => dnsFault(error, domain)),
  );
  if (!Array.isArray(found)) return [];
  return found
    .filter((each) => each.flags.toLowerCase() === 's' && canonicalHost(each.replacement) !== undefined)
    .sort((one, other) => one.order - other.order || one.preference - other.preference)
    .map((each) => ({ service: each.service.toUpperCase(), name: each.replacement }));
}

/**
 * Runs queries on a resolver of their own, so that cancelling one look's queries leaves all others alone. Never `dns.lookup`: it
 * shares four threads with the file system, and a busy disk would look like a slow name server.
 */
async function asking<Result>(
  host: string,
  signal: AbortSignal,
  ask: (resolver: dns.promises.Resolver) => Promise<Result | Fault>,
): Promise<Result | Fault> {
  const resolver = new dns.promises.Resolver({ timeout: SERVER_TIMEOUT_MS, tries: 2 });
  resolver.setServers(dns.getServers());
  const timedOut = () => fault('DNS_TIMEOUT', `${host}: no answer from ${dns.getServers().join(', ')} in time`);
  if (signal.aborted) return timedOut();
  let giveUp: () => void = () => undefined;
  const aborted = new Promise<Fault>((tell) => {
    giveUp = () => {
      tell(timedOut());
    };
  });
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([ask(resolver), aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
    resolver.cancel();
  }
}

const DNS_CODES: Readonly<Record<string, readonly [code: FaultCode, says: string]>> = {
  ENOTFOUND: ['DNS_NXDOMAIN', 'no such name'],
  ENODATA: ['DNS_NODATA', 'the name has no such record'],
  ESERVFAIL: ['DNS_SERVFAIL', 'the name server failed (SERVFAIL)'],
  EREFUSED: ['DNS_REFUSED', 'the name server refuses to answer (REFUSED)'],
  ETIMEOUT: ['DNS_TIMEOUT', 'no answer from the name server'],
  ECANCELLED: ['DNS_TIMEOUT', 'no answer from the name server in time'],
  EBADNAME: ['SETTINGS', 'no possible name'],
};

function dnsFault(error: unknown, host: string): Fault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // Nobody listens where our own resolver should be: that says nothing about the name.
  if (code === 'ECONNREFUSED')
    return fault('DNS_REFUSED', `${host}: our name server cannot be reached`, {
      blame: 'network',
      cause: 'our_network',
    });
  const [known, says] = DNS_CODES[code] ?? ['DNS_SERVFAIL', `unusable answer (${code})`];
  return fault(known, `${host}: ${says}`);
}

const HOSTS_PATH = '/etc/hosts';
const HOSTS_FRESH_MS = 1_000;
let hosts: { readonly table: ReadonlyMap<string, string[]>; readonly mtimeMs: number; readonly checkedAt: number } = {
  table: new Map(),
  mtimeMs: Number.NaN,
  checkedAt: Number.NEGATIVE_INFINITY,
};

/** The hosts file, read again when it changed; looked at once a second at most, for thousands of looks share it. */
async function hostsFile(): Promise<ReadonlyMap<string, string[]>> {
  const now = performance.now();
  if (now - hosts.checkedAt < HOSTS_FRESH_MS) return hosts.table;
  if (Number.isFinite(hosts.checkedAt)) hosts = { ...hosts, checkedAt: now };
  try {
    const { mtimeMs } = await stat(HOSTS_PATH);
    const table = mtimeMs === hosts.mtimeMs ? hosts.table : parseHosts(await readFile(HOSTS_PATH, 'utf8'));
    hosts = { table, mtimeMs, checkedAt: now };
  } catch {
    hosts = { table: new Map(), mtimeMs: Number.NaN, checkedAt: now };
  }
  return hosts.table;
}

function parseHosts(text: string): ReadonlyMap<string, string[]> {
  const table = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) table.set(name.toLowerCase(), [...(table.get(name.toLowerCase()) ?? []), address]);
  }
  return table;
}
