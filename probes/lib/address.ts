/** What kind of place an IP address leads to, by its number alone. It knows nothing of names and asks nobody. */
import { isIP, isIPv4 } from 'node:net';
import { domainToASCII } from 'node:url';
import { z } from 'zod';

/**
 * `open`: anybody's Internet. `private`: reachable only when a target says `allow_private`. `forbidden`: never, because the
 * machine's own cloud keeps credentials there (link-local, metadata) or because it is no single machine (multicast, broadcast).
 */
export type Place = 'open' | 'private' | 'forbidden';

type Rule = readonly [prefix: string, bits: number, place: Place];

/** IANA special-purpose registry, plus the metadata services that do not live in link-local space (Alibaba, Oracle, Azure). */
const RULES4: readonly Rule[] = [
  ['169.254.0.0', 16, 'forbidden'],
  ['224.0.0.0', 4, 'forbidden'],
  ['255.255.255.255', 32, 'forbidden'],
  ['100.100.100.200', 32, 'forbidden'],
  ['192.0.0.192', 32, 'forbidden'],
  ['168.63.129.16', 32, 'forbidden'],
  // On Linux 0.0.0.0 connects to this very machine.
  ['0.0.0.0', 8, 'private'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'private'],
  ['127.0.0.0', 8, 'private'],
  ['172.16.0.0', 12, 'private'],
  ['192.0.0.0', 24, 'private'],
  ['192.0.2.0', 24, 'private'],
  ['192.88.99.0', 24, 'private'],
  ['192.168.0.0', 16, 'private'],
  ['198.18.0.0', 15, 'private'],
  ['198.51.100.0', 24, 'private'],
  ['203.0.113.0', 24, 'private'],
  ['240.0.0.0', 4, 'private'],
];

/** The same for IPv6. What is not in 2000::/3 and not listed is private: nothing there is routed. */
const RULES6: readonly Rule[] = [
  ['fe80::', 10, 'forbidden'],
  ['ff00::', 8, 'forbidden'],
  ['fd00:ec2::254', 128, 'forbidden'],
  ['fd20:ce::254', 128, 'forbidden'],
  ['2001::', 23, 'private'],
  ['2001:db8::', 32, 'private'],
  ['3fff::', 20, 'private'],
  ['2000::', 3, 'open'],
];

/** Prefixes that carry an IPv4 address: where it starts (byte), and whether it is written inverted (Teredo, RFC 4380 §4). */
const CARRIERS: readonly {
  readonly prefix: string;
  readonly bits: number;
  readonly at: number;
  readonly inverted?: true;
}[] = [
  { prefix: '::ffff:0:0', bits: 96, at: 12 },
  { prefix: '::ffff:0:0:0', bits: 96, at: 12 },
  { prefix: '64:ff9b::', bits: 96, at: 12 },
  { prefix: '64:ff9b:1::', bits: 48, at: 12 },
  { prefix: '2002::', bits: 16, at: 2 },
  { prefix: '2001::', bits: 32, at: 4 },
  { prefix: '2001::', bits: 32, at: 12, inverted: true },
  // IPv4-compatible addresses are long dead, yet some stacks still dial them.
  { prefix: '::', bits: 96, at: 12 },
];

const PLACES4 = RULES4.map(([prefix, bits, place]) => ({
  first: numberOf(bytesOf(prefix)),
  size: 2 ** (32 - bits),
  place,
}));
const PLACES6 = RULES6.map(([prefix, bits, place]) => ({ prefix: bytesOf(prefix), bits, place }));
const CARRIED = CARRIERS.map((each) => ({ ...each, prefix: bytesOf(each.prefix) }));

/** The place of a written IP address. What is no address is forbidden. */
export function placeOf(address: string): Place {
  const version = isIP(address);
  if (version === 0) return 'forbidden';
  const bytes = bytesOf(address);
  return version === 4 ? placeOf4(bytes) : placeOf6(bytes);
}

/** An IPv6 address that carries an IPv4 one is as dangerous as the worst address it can lead to. */
function placeOf6(bytes: readonly number[]): Place {
  const carried = CARRIED.filter((each) => startsWith(bytes, each.prefix, each.bits)).map((each) =>
    placeOf4(bytes.slice(each.at, each.at + 4).map((byte) => (each.inverted === true ? byte ^ 0xff : byte))),
  );
  if (carried.length > 0) return worst(carried);
  return PLACES6.find((rule) => startsWith(bytes, rule.prefix, rule.bits))?.place ?? 'private';
}

function placeOf4(bytes: readonly number[]): Place {
  const number = numberOf(bytes);
  return PLACES4.find(({ first, size }) => number >= first && number < first + size)?.place ?? 'open';
}

function numberOf(bytes: readonly number[]): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

const worst = (places: readonly Place[]): Place =>
  places.includes('forbidden') ? 'forbidden' : places.includes('private') ? 'private' : 'open';

function startsWith(bytes: readonly number[], prefix: readonly number[], bits: number): boolean {
  return bytes.every((byte, index) => {
    const left = Math.min(8, Math.max(0, bits - index * 8));
    return ((byte ^ (prefix[index] ?? 0)) & (0xff << (8 - left)) & 0xff) === 0;
  });
}

/** The 4 or 16 bytes of an address that is known to be one. A zone (`%eth0`) says only by which card: it is left out. */
function bytesOf(address: string): number[] {
  if (isIPv4(address)) return address.split('.').map(Number);
  const [bare = ''] = address.split('%');
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(bare);
  const hex = (high?: string, low?: string) => (Number(high) * 256 + Number(low)).toString(16);
  const plain = dotted === null ? bare : `${dotted[1] ?? ''}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}`;
  const [head = '', tail] = plain.split('::');
  const groups = (text: string) => text.split(':').filter((group) => group !== '');
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return all.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]);
}

/**
 * A host as it will be dialled: lower case, punycode, odd spellings of IPv4 (`0x7f.1`, `2130706433`, full-width digits) written
 * out, brackets and the root's dot gone. Undefined when it is no host at all (empty, a NUL, a space, a slash …).
 */
export function canonicalHost(host: string): string | undefined {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (isIP(bare) !== 0) return bare.toLowerCase();
  if (bare.length > 255 || /[\s\u0000-\u0020/?#@:%\\[\]]/.test(bare)) return undefined;
  const ascii = domainToASCII(bare).replace(/\.$/, '');
  return ascii === '' || ascii.startsWith('.') || ascii.includes('..') ? undefined : ascii;
}

/** Host and port of `host:port`, `[::1]:port`; the port may be left out when `port` is given. */
export function parseAuthority(
  text: string,
  port?: number,
): { readonly host: string; readonly port: number } | undefined {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(text);
  const host = canonicalHost(match?.[1] ?? '');
  const number = match?.[2] === undefined ? port : Number(match[2]);
  if (host === undefined || number === undefined || number < 1 || number > 65_535) return undefined;
  return { host, port: number };
}

/** `host:port` as people write it: brackets around IPv6. */
export const authority = (host: string, port: number): string =>
  isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;

/** Schema of a `host:port` setting. */
export function hostport(port?: number) {
  return z.string().transform((text, ctx) => {
    const parsed = parseAuthority(text, port);
    if (parsed !== undefined) return parsed;
    ctx.addIssue({
      code: 'custom',
      message: `"${text}" is no host and port; write chat.example.id:443 or [2001:db8::1]:443`,
    });
    return z.NEVER;
  });
}
