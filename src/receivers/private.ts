/** Where a receiver may connect to: resolves a name once and checks every address. It knows no protocol above TCP. */
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { BlockList, isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import { z } from 'zod';

/** The settings that say how far a receiver may reach. */
export const reach = {
  allow_private: z
    .boolean()
    .default(false)
    .meta({ description: 'allow addresses in private and loopback ranges (link-local and metadata stay forbidden)' }),
  ca: z.string().min(1).optional().meta({ description: 'PEM file with further certificate authorities to trust' }),
};

/** Never allowed: nobody's alerts are received there, and a cloud's metadata service answers with its keys. */
const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet('0.0.0.0', 8);
FORBIDDEN.addSubnet('169.254.0.0', 16);
FORBIDDEN.addSubnet('224.0.0.0', 4);
FORBIDDEN.addAddress('255.255.255.255');
FORBIDDEN.addAddress('100.100.100.200');
FORBIDDEN.addAddress('::', 'ipv6');
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6');
FORBIDDEN.addSubnet('ff00::', 8, 'ipv6');
FORBIDDEN.addAddress('fd00:ec2::254', 'ipv6');

/** RFC 6890: private, loopback, shared, documentation and benchmark ranges. */
const PRIVATE = new BlockList();
PRIVATE.addSubnet('10.0.0.0', 8);
PRIVATE.addSubnet('100.64.0.0', 10);
PRIVATE.addSubnet('127.0.0.0', 8);
PRIVATE.addSubnet('172.16.0.0', 12);
PRIVATE.addSubnet('192.0.0.0', 24);
PRIVATE.addSubnet('192.0.2.0', 24);
PRIVATE.addSubnet('192.168.0.0', 16);
PRIVATE.addSubnet('198.18.0.0', 15);
PRIVATE.addSubnet('198.51.100.0', 24);
PRIVATE.addSubnet('203.0.113.0', 24);
PRIVATE.addSubnet('240.0.0.0', 4);

/** IPv6 that is public at all, and what of it only wraps an IPv4 address or is documentation (6to4, Teredo, 2001:db8). */
const GLOBAL = new BlockList();
GLOBAL.addSubnet('2000::', 3, 'ipv6');
const WRAPPED = new BlockList();
WRAPPED.addSubnet('2001::', 32, 'ipv6');
WRAPPED.addSubnet('2001:db8::', 32, 'ipv6');
WRAPPED.addSubnet('2002::', 16, 'ipv6');

export type Reached =
  | { readonly ok: true; readonly address: string; readonly family: 4 | 6 }
  /** `final`: trying again changes nothing as long as the settings are what they are. */
  | { readonly ok: false; readonly detail: string; readonly final: boolean };

/**
 * The address to connect to. It is resolved here once and connected as it is, so that a second answer of DNS (rebinding)
 * cannot lead elsewhere. A name with any address that is not allowed is refused whole.
 */
export async function reachHost(host: string, allowPrivate: boolean, signal: AbortSignal): Promise<Reached> {
  const name = host.replace(/^\[|\]$/g, '');
  const found = await addressesOf(name, signal);
  const [first] = found;
  if (first === undefined) return { ok: false, detail: `${name}: the name does not resolve`, final: false };
  for (const { address } of found) {
    if (FORBIDDEN.check(address, familyOf(address))) {
      return { ok: false, detail: `${name}: the address ${address} is never connected to`, final: true };
    }
    if (!allowPrivate && isPrivate(address)) {
      return {
        ok: false,
        detail: `${name}: the address ${address} is private; allow it with allow_private: true`,
        final: true,
      };
    }
  }
  return { ok: true, address: first.address, family: first.family === 6 ? 6 : 4 };
}

async function addressesOf(name: string, signal: AbortSignal): Promise<{ address: string; family: number }[]> {
  if (isIP(name) !== 0) return [{ address: name, family: isIP(name) }];
  const late = aborted(signal);
  try {
    return await Promise.race([lookup(name, { all: true }), late.promise]);
  } catch {
    return [];
  } finally {
    late.cancel();
  }
}

/** `dns.lookup` cannot be cancelled; it is left behind when the signal fires. */
function aborted(signal: AbortSignal): { promise: Promise<never[]>; cancel: () => void } {
  const { promise, resolve } = Promise.withResolvers<never[]>();
  const give = () => {
    resolve([]);
  };
  if (signal.aborted) give();
  signal.addEventListener('abort', give, { once: true });
  return {
    promise,
    cancel: () => {
      signal.removeEventListener('abort', give);
    },
  };
}

function isPrivate(address: string): boolean {
  const family = familyOf(address);
  // An IPv4 address written as ::ffff:a.b.c.d is held against the IPv4 rules by BlockList itself.
  if (PRIVATE.check(address, family)) return true;
  if (family === 'ipv4') return false;
  if (/^::ffff:/i.test(address)) return false;
  return !GLOBAL.check(address, 'ipv6') || WRAPPED.check(address, 'ipv6');
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** The authorities to trust: the usual ones and those of a file; undefined: the usual ones. Throws when it cannot be read. */
export async function authorities(file: string | undefined): Promise<string[] | undefined> {
  return file === undefined ? undefined : [...rootCertificates, await readFile(file, 'utf8')];
}
