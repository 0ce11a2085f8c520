/** Far sides that misbehave, on loopback and in this process; they know no protocol at all. */
import { createSocket } from 'node:dgram';
import type { Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export const MANNERS = ['silent', 'babbling', 'hanging up', 'echoing', 'dripping', 'endless'] as const;
/** What a far side does to whoever comes: nothing, garbage, leave, repeat, a byte at a time, without end. */
export type Manner = (typeof MANNERS)[number];

export interface FarSide {
  readonly port: number;
  /** Connections that the other end has not closed. */
  readonly open: () => number;
  readonly close: () => Promise<void>;
}

const DRIP_MS = 20;
const LUMP = 32 * 1024;

/** The same garbage on every run, so that a failure can be repeated. */
export function garbage(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export function openTcp(manner: Manner): Promise<FarSide> {
  return listening((socket) => {
    misbehave(manner, socket);
  });
}

/** A TCP server on a free port of loopback that closes whatever is open when it is closed. */
export async function listening(serve: (socket: Socket) => void, host = '127.0.0.1'): Promise<FarSide> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    serve(socket);
  }).listen(0, host);
  await once(server, 'listening');
  return { port: portOf(server), open: () => sockets.size, close: () => closeAll(server, sockets) };
}

async function closeAll(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close');
}

export const portOf = (server: Server): number => (server.address() as AddressInfo).port;

function misbehave(manner: Manner, socket: Socket): void {
  switch (manner) {
    case 'silent':
      socket.resume();
      return;
    case 'babbling':
      socket.resume();
      repeat(socket, DRIP_MS, (turn) => socket.write(garbage(200, turn + 1)));
      return;
    case 'hanging up':
      // Read before leaving, or the kernel would answer with a reset instead of an end.
      socket.once('data', () => socket.end());
      setTimeout(() => socket.end(), 50).unref();
      return;
    case 'echoing':
      socket.pipe(socket);
      return;
    case 'dripping':
      socket.resume();
      repeat(socket, DRIP_MS, () => socket.write('2'));
      return;
    case 'endless':
      socket.resume();
      pour(socket);
  }
}

function repeat(socket: Socket, ms: number, act: (turn: number) => void): void {
  let turn = 0;
  const timer = setInterval(() => {
    act((turn += 1));
  }, ms);
  socket.once('close', () => {
    clearInterval(timer);
  });
}

/** As fast as the other end takes it. */
function pour(socket: Socket): void {
  const lump = Buffer.alloc(LUMP, '220-endless ');
  const more = () => {
    while (!socket.destroyed && socket.write(lump));
  };
  socket.on('drain', more);
  more();
}

export async function openUdp(manner: Manner): Promise<FarSide> {
  const socket = createSocket('udp4');
  const timers = new Set<NodeJS.Timeout>();
  socket.on('error', () => undefined);
  socket.on('message', (message, { port, address }) => {
    answer(
      manner,
      message,
      (bytes) => {
        socket.send(bytes, port, address);
      },
      timers,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, open: () => 0, close: () => closeUdp(socket, timers) };
}

async function closeUdp(socket: Datagrams, timers: ReadonlySet<NodeJS.Timeout>): Promise<void> {
  for (const timer of timers) clearInterval(timer);
  socket.close();
  await once(socket, 'close');
}

function answer(manner: Manner, message: Buffer, send: (bytes: Buffer) => void, timers: Set<NodeJS.Timeout>): void {
  const every = (ms: number, act: (turn: number) => void) => {
    let turn = 0;
    timers.add(
      setInterval(() => {
        act((turn += 1));
      }, ms),
    );
  };
  switch (manner) {
    case 'silent':
      return;
    // There is nothing to hang up: an empty datagram is the nearest.
    case 'hanging up':
      send(Buffer.alloc(0));
      return;
    case 'echoing':
      send(message);
      return;
    case 'babbling':
      every(DRIP_MS, (turn) => {
        send(garbage(200, turn));
      });
      return;
    case 'dripping':
      every(DRIP_MS, (turn) => {
        send(message.subarray(turn % message.length, (turn % message.length) + 1));
      });
      return;
    case 'endless':
      every(1, () => {
        for (let count = 0; count < 50; count += 1) send(Buffer.alloc(1_200, 'SIP/2.0 200 endless '));
      });
  }
}

/** A port of loopback where nobody listens: it was free a moment ago. */
export async function closedPort(): Promise<number> {
  const far = await listening(() => undefined);
  await far.close();
  return far.port;
}
