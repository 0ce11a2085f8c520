/** The demo wallet's hotline: a SIP desk on loopback over UDP, TCP and TLS that can be broken in every way a hotline breaks. */
import { createSocket } from 'node:dgram';
import type { Socket as Datagrams } from 'node:dgram';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Server as TlsServer } from 'node:tls';
import { openFramer } from '../../probes/lib/sip/framer.ts';
import { listOf, parameterOf } from '../../probes/lib/sip/header.ts';
import { parseMessage } from '../../probes/lib/sip/message.ts';
import type { SipMessage } from '../../probes/lib/sip/message.ts';
import { openAttendant } from './attendant.ts';
import type { Manners } from './attendant.ts';
import type { Line, Refusal } from './call.ts';
import { takeTurns } from './door.ts';

export const SIP_FAULTS = [
  'none',
  'down',
  'silence',
  'slow',
  'busy',
  'overload',
  'wrong',
  'unanswered',
  'mute',
  'dropped',
  'expired',
  'maintenance',
] as const;
export type SipFault = (typeof SIP_FAULTS)[number];

/** PEM texts. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

export interface SipDeskOptions {
  /** An IPv4 address of this machine; default 127.0.0.1. */
  readonly host?: string;
  /** Port of UDP and TCP; 0, the default, picks one that is free for both. */
  readonly udpPort?: number;
  readonly tlsPort?: number;
  /** UDP port of the telephone network in front of the desk, by which callers who are no neighbours reach it. */
  readonly trunkPort?: number;
  readonly tls: KeyPair;
  /** What the TLS port shows while the fault is `expired`. */
  readonly expired: KeyPair;
  /** How late `slow` answers; default 3 s. */
  readonly slowMs?: number;
  /** How long a call rings before it is answered; default 700 ms. */
  readonly ringMs?: number;
}

export interface SipDesk {
  readonly address: { readonly host: string; readonly udpPort: number; readonly tlsPort: number };
  /** The telephone network's: never broken itself, it tells callers what became of the desk. */
  readonly trunkPort: number;
  readonly faults: readonly string[];
  /** Breaks the desk in one way, or mends it (`none`); rejects for a word that is not among `faults`. */
  set(fault: string): Promise<void>;
  close(): Promise<void>;
}

const UNAVAILABLE: Refusal = { status: 480, reason: 'Temporarily Unavailable' };
const REFUSALS: Partial<Record<SipFault, Refusal>> = {
  busy: { status: 486, reason: 'Busy Here' },
  overload: { status: 503, reason: 'Service Unavailable', headers: [{ name: 'retry-after', value: '120' }] },
  maintenance: {
    status: 503,
    reason: 'Scheduled Maintenance',
    headers: [{ name: 'retry-after', value: '3600 (maintenance)' }],
  },
};

/** What a telephone network answers when the desk behind it cannot be had: a cause of ITU-T Q.850 stands in Reason (RFC 3326). */
const gone = (cause: number, text: string): Refusal => ({
  ...UNAVAILABLE,
  headers: [{ name: 'reason', value: `Q.850;cause=${cause};text="${text}"` }],
});
const NETWORK: Partial<Record<SipFault, Refusal>> = {
  down: gone(27, 'Destination out of order'),
  silence: gone(18, 'No user responding'),
  overload: gone(42, 'Switching equipment congestion'),
  maintenance: gone(41, 'Temporary failure'),
};

/** What `wrong` says to OPTIONS: another server has taken the port. */
const GARBAGE = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');

function mannersOf(fault: SipFault, ringMs: number): Manners {
  const refusal = REFUSALS[fault];
  return {
    // §11.2: OPTIONS is answered with what a call would get. Where every call rings in vain, that is 480.
    toOptions: fault === 'unanswered' ? UNAVAILABLE : refusal,
    toCalls: fault === 'wrong' ? { status: 404, reason: 'Not Found' } : refusal,
    answers: fault !== 'unanswered',
    ringMs,
    talk: fault === 'mute' || fault === 'dropped' ? fault : 'menu',
  };
}

/** Opens the desk. Rejects when its ports are taken. */
export async function openSipDesk(options: SipDeskOptions): Promise<SipDesk> {
  const { host = '127.0.0.1', slowMs = 3_000, ringMs = 700 } = options;
  const attendant = openAttendant();
  const late = new Set<NodeJS.Timeout>();
  let fault: SipFault = 'none';

  const take = (message: SipMessage, line: Line): void => {
    if (fault === 'silence') return;
    if (fault === 'wrong' && message.kind === 'request' && message.method === 'OPTIONS') {
      line.send(GARBAGE);
      return;
    }
    hand(message, line);
  };
  const hand = (message: SipMessage, line: Line): void => {
    if (fault !== 'slow') {
      attendant.receive(message, line, mannersOf(fault, ringMs));
      return;
    }
    const timer = setTimeout(() => {
      late.delete(timer);
      attendant.receive(message, line, mannersOf(fault, ringMs));
    }, slowMs);
    late.add(timer);
  };
  const carry = (message: SipMessage, line: Line): void => {
    const toCalls = NETWORK[fault];
    if (toCalls === undefined) hand(message, line);
    else attendant.receive(message, line, { ...mannersOf(fault, ringMs), toCalls });
  };
  const quieten = (): void => {
    for (const timer of late) clearTimeout(timer);
    late.clear();
  };

  const trunk = await openTrunk(host, options.trunkPort ?? 0, carry);
  let doors: Doors | undefined = await openDoors(
    { host, udpPort: options.udpPort ?? 0, tlsPort: options.tlsPort ?? 0 },
    options,
    take,
  ).catch(async (error: unknown) => {
    await closed(trunk);
    throw error;
  });
  const address = doors.address;
  const shut = async (): Promise<void> => {
    quieten();
    attendant.drop();
    await doors?.close();
    doors = undefined;
  };

  const change = async (wanted: SipFault): Promise<void> => {
    fault = wanted;
    quieten();
    if (wanted === 'down') return shut();
    doors ??= await openDoors(address, options, take);
    doors.show(wanted === 'expired' ? options.expired : options.tls);
    return undefined;
  };
  const inTurn = takeTurns();
  return {
    address,
    trunkPort: trunk.address().port,
    faults: SIP_FAULTS,
    async set(wanted) {
      const known = SIP_FAULTS.find((each) => each === wanted);
      if (known === undefined) throw new Error(`the SIP desk knows no fault "${wanted}"`);
      return inTurn(() => change(known));
    },
    close: () =>
      inTurn(async () => {
        await shut();
        await closed(trunk);
      }),
  };
}

async function openTrunk(host: string, wanted: number, carry: Take): Promise<Datagrams> {
  const socket = createSocket('udp4');
  const bound = Promise.withResolvers<undefined>();
  socket.once('error', bound.reject);
  socket.bind(wanted, host, () => bound.resolve(undefined));
  await bound.promise;
  hearDatagrams(socket, { host, port: socket.address().port }, carry);
  return socket;
}

type Take = (message: SipMessage, line: Line) => void;

interface Doors {
  readonly address: SipDesk['address'];
  /** Changes the certificate; who is connected by TLS has to come again. */
  show(pair: KeyPair): void;
  close(): Promise<void>;
}

async function openDoors(wanted: SipDesk['address'], { tls }: SipDeskOptions, take: Take): Promise<Doors> {
  const { host } = wanted;
  const [plain, datagrams] = await openPair(host, wanted.udpPort);
  const { port: udpPort } = plain.address() as AddressInfo;
  const secure: TlsServer = createTlsServer({ key: tls.key, cert: tls.cert });
  const tlsPort = await listen(secure, host, wanted.tlsPort).catch(async (error: unknown) => {
    await Promise.all([closed(plain), closed(datagrams)]);
    throw error;
  });
  const connections = new Set<Socket>();
  serve(plain, 'TCP', { host, port: udpPort }, connections, take);
  serve(secure, 'TLS', { host, port: tlsPort }, connections, take);
  hearDatagrams(datagrams, { host, port: udpPort }, take);
  return {
    address: { host, udpPort, tlsPort },
    show(pair) {
      secure.setSecureContext({ key: pair.key, cert: pair.cert });
      for (const socket of connections) if (socket.localPort === tlsPort) socket.destroy();
    },
    async close() {
      for (const socket of connections) socket.destroy();
      await Promise.all([closed(plain), closed(secure), closed(datagrams)]);
    },
  };
}

/** TCP and UDP on one port. Which one is free for both is only known by trying. */
async function openPair(host: string, port: number): Promise<[Server, Datagrams]> {
  for (let left = 20; ; left -= 1) {
    const server = createServer();
    const free = await listen(server, host, port);
    const socket = createSocket('udp4');
    const bound = Promise.withResolvers<boolean>();
    socket.once('error', () => bound.resolve(false));
    socket.bind(free, host, () => bound.resolve(true));
    if (await bound.promise) return [server, socket];
    await closed(server);
    if (port !== 0 || left === 0)
      throw Object.assign(new Error(`UDP port ${free} of ${host} is taken`), { code: 'EADDRINUSE' });
  }
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  server.listen(port, host, () => resolve(undefined));
  await promise;
  server.off('error', reject);
  return (server.address() as AddressInfo).port;
}

function closed(door: Server | Datagrams): Promise<void> {
  return new Promise((resolve) => {
    door.close(() => resolve());
  });
}

type Here = Line['here'];

function hearDatagrams(socket: Datagrams, here: Here, take: Take): void {
  socket.on('error', () => undefined);
  socket.on('message', (bytes, from) => {
    const parsed = parseMessage(bytes);
    if (!parsed.ok) return;
    const port = replyPort(parsed.message, from.port);
    const send = (reply: Buffer) => {
      try {
        socket.send(reply, port, from.address, () => undefined);
      } catch {
        // Closed meanwhile, or a port that no datagram can go to: nobody waits there.
      }
    };
    take(parsed.message, { transport: 'UDP', address: from.address, port: from.port, here, send });
  });
}

/** §18.2.2 and RFC 3581 §4: to the port that Via names, or with `rport` to the one it came from. */
function replyPort(message: SipMessage, source: number): number {
  const [via = ''] = listOf(message, 'via');
  if (parameterOf(via, 'rport') !== undefined) return source;
  const named = /^SIP\/2\.0\/\w+\s+(?:\[[^\]]*\]|[^\s:;]+):(\d{1,5})/i.exec(via)?.[1];
  return Number(named ?? 5_060);
}

const IDLE_MS = 120_000;

function serve(
  server: Server | TlsServer,
  transport: 'TCP' | 'TLS',
  here: Here,
  connections: Set<Socket>,
  take: Take,
): void {
  server.maxConnections = 100;
  // A handshake that fails is what the fault `expired` is for.
  server.on('tlsClientError', () => undefined);
  server.on(transport === 'TLS' ? 'secureConnection' : 'connection', (socket: Socket) => {
    const framer = openFramer();
    const { remoteAddress: address = '', remotePort: port = 0 } = socket;
    const send = (reply: Buffer) => {
      if (socket.writable) socket.write(reply);
    };
    socket.on('data', (chunk) => {
      const { messages, flaw } = framer.push(chunk);
      for (const message of messages) take(message, { transport, address, port, here, send });
      if (flaw !== undefined) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
  });
  // The raw connection counts from its first byte, or a handshake that never ends would keep the port open.
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => connections.delete(socket));
  });
}
