/** Which of our own ports a call's sound comes to: any even one, or one of a range that a firewall lets through. It hears nothing. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { PortRange } from './range.ts';

/** Rejects when no port is to be had. `turn` counts calls: each begins with another port of the range. */
export function bindSound(host: string, ports: PortRange | undefined, turn: number): Promise<Socket> {
  return ports === undefined ? bindEven(host) : bindWithin(host, ports, turn);
}

/** RFC 3550 §11: RTP on an even port. The kernel gives any; a few tries find one. */
async function bindEven(host: string): Promise<Socket> {
  for (let left = 12; ; left -= 1) {
    const socket = await bind(host, 0);
    if (socket.address().port % 2 === 0 || left === 0) return socket;
    socket.close();
  }
}

/** Not the port of the call before: what still comes for that one would be heard in this one. */
async function bindWithin(host: string, { from, to }: PortRange, turn: number): Promise<Socket> {
  const first = from + (from % 2);
  const count = Math.floor((to - first) / 2) + 1;
  for (let tried = 0; tried < Math.min(count, MOST_TRIES); tried += 1) {
    const socket = await bind(host, first + ((turn + tried) % count) * 2).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined;
      throw error;
    });
    if (socket !== undefined) return socket;
  }
  throw Object.assign(new Error(`no port from ${from} to ${to} is free`), { code: 'EADDRINUSE' });
}

const MOST_TRIES = 50;

async function bind(host: string, port: number): Promise<Socket> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.bind({ address: host, port, exclusive: true });
  try {
    await once(socket, 'listening');
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
