/** Which part of our own way out is lost, as far as Linux and the gateway tell. It knows no canaries and accuses nobody. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Lost } from '../core/model.ts';

const GATEWAY_TIMEOUT_MS = 1_000;
/** RTF_UP of route.h. */
const UP = 1;

/** Asked after the canaries fell silent. Undefined: it cannot be told (yet). */
export async function findLost(): Promise<Lost | undefined> {
  const routes = linesOf('/proc/net/route');
  if (routes === undefined) return undefined;
  const links = Object.entries(networkInterfaces()).filter(([, each]) => each?.some(({ internal }) => !internal));
  // Node lists only links that are up and have a carrier.
  if (links.length === 0) return 'link';
  const way = routes.map(defaultOf).find((each) => each !== undefined);
  if (way === undefined) return hasDefault6() ? 'upstream' : 'route';
  if (!links.some(([name]) => name === way.link)) return 'link';
  if (await isAnswering(way.gateway)) return 'upstream';
  // Many gateways are silent to us, and the kernel keeps the hardware address of one that died for up to a minute.
  return isKnown(way.gateway) ? undefined : 'gateway';
}

interface Way {
  readonly link: string;
  readonly gateway: string;
}

/** The default route in one line of the kernel's table: link, destination, gateway, flags, …, mask at the eighth place. */
export function defaultOf(line: string): Way | undefined {
  const [link = '', destination, gateway = '', flags = '', , , , mask] = line.trim().split(/\s+/);
  if (destination !== '00000000' || mask !== '00000000' || (parseInt(flags, 16) & UP) === 0) return undefined;
  // The bytes stand as the machine keeps them: the last one comes first on all that Node runs on.
  return { link, gateway: [...Buffer.from(gateway, 'hex').reverse()].join('.') };
}

/** A route to ::/0 that leaves the machine. The kernel keeps one on lo that says "nowhere". */
function hasDefault6(): boolean {
  return (linesOf('/proc/net/ipv6_route') ?? []).some((line) => /^0{32} 00 /.test(line) && !/\slo$/.test(line));
}

/** Answers or refuses TCP. */
function isAnswering(gateway: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: gateway, port: 53, timeout: GATEWAY_TIMEOUT_MS });
    const end = (there: boolean): void => {
      socket.destroy();
      resolve(there);
    };
    socket.once('error', (error: NodeJS.ErrnoException) => {
      end(error.code === 'ECONNREFUSED');
    });
    socket.once('connect', () => {
      end(true);
    });
    socket.once('timeout', () => {
      end(false);
    });
  });
}

/** Whether it told us its hardware address, as far as the kernel has not forgotten it. Flags 0x2: the address is complete. */
function isKnown(gateway: string): boolean {
  return (linesOf('/proc/net/arp') ?? []).some((line) => line.startsWith(`${gateway} `) && line.includes(' 0x2 '));
}

/** Read at once, for /proc never waits; the pool of threads may be full of name look-ups that hang. */
function linesOf(path: string): string[] | undefined {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return undefined;
  }
}
