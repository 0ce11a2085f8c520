/** A way for SIP messages to one trunk and back, over UDP, TCP or TLS alike. It knows no transaction and no call. */
import type { Socket as Datagrams } from 'node:dgram';
import type { Socket } from 'node:net';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { authority } from '../address.ts';
import { dial, faultOf } from '../connector.ts';
import type { Certificate, DialPhases } from '../connector.ts';
import type { Reach } from '../reach.ts';
import { openFramer } from './framer.ts';
import { parseMessage } from './message.ts';
import type { SipMessage } from './message.ts';
import type { Server } from './locate.ts';
import type { Trace } from './trace.ts';
import { faultOfFlaw } from './stream.ts';
import { bindUdp, connectUdp, faultOfUdp, sendUdp } from './udp.ts';
import type { Place } from './udp.ts';
import type { Transport } from './uri.ts';

export interface Wire {
  readonly transport: Transport;
  /** Our own address, as the far side is to know it. */
  readonly here: Place;
  /** The trunk. */
  readonly there: Place;
  /** Elsewhere: only over UDP, and only to an address that passed the policy. */
  send(bytes: Buffer, elsewhere?: Place): void;
  /** Whom to tell, from now on. Over UDP, strangers must know `mark` (the Call-ID) to be read at all. */
  listen(ears: Ears, mark: string): void;
  close(): void;
}

export interface Ears {
  readonly hear: (message: SipMessage, from: Place) => void;
  /** What came was no SIP; over a stream nothing else can follow, and `fail` says so. */
  readonly garbled: (detail: string) => void;
  /** Nothing more will come. */
  readonly fail: (why: Fault) => void;
}

export interface Journey {
  readonly phases: DialPhases;
  readonly certificate: Certificate | undefined;
}

export type Wired =
  | ({ readonly ok: true; readonly wire: Wire } & Journey)
  | ({ readonly ok: false; readonly fault: Fault; readonly reached: boolean } & Journey);

/** A far side that babbles more than this during one call is not listened to any longer. */
const MOST_MESSAGES = 5_000;
const MOST_BYTES = 4 * 1_048_576;

/** Opens the way to a server. Never throws. What it opened lives until `close` or `signal`. `port`: our own, over UDP; 0: any. */
export async function openWire(
  server: Server,
  reach: Reach,
  signal: AbortSignal,
  trace: Trace,
  port = 0,
): Promise<Wired> {
  if (server.transport === 'udp') {
    const opened = await openDatagrams(server, port, signal, trace);
    if (!opened.ok) return { ok: false, fault: opened.fault, reached: false, phases: {}, certificate: undefined };
    return { ok: true, wire: opened.wire, phases: {}, certificate: undefined };
  }
  const tls = server.transport === 'tls' ? { tls: { name: server.name } } : {};
  const dialled = await dial({ host: server.host, port: server.port, reach, signal, ...tls });
  if (!dialled.ok) {
    const { fault: why, phases, address } = dialled;
    return { ok: false, fault: why, reached: address !== undefined, phases, certificate: undefined };
  }
  const { socket, certificate } = dialled.connection;
  if (certificate?.fault !== undefined) {
    // Where a customer's telephone would hang up, we do too; and a login is not told to strangers.
    socket.destroy();
    return { ok: false, fault: certificate.fault, reached: true, phases: dialled.phases, certificate };
  }
  return { ok: true, wire: overStream(socket, server.transport, trace), phases: dialled.phases, certificate };
}

type Opened = { readonly ok: true; readonly wire: Wire } | { readonly ok: false; readonly fault: Fault };

/** An empty line over a connected socket: a keep-alive that every server ignores (§7.5), but a closed port is told by the kernel. */
const KNOCK = Buffer.from('\r\n\r\n');
const KNOCK_MS = 250;

async function openDatagrams(
  { address, port }: Place,
  ours: number,
  signal: AbortSignal,
  trace: Trace,
): Promise<Opened> {
  const there = { address, port };
  const pinned = await connectUdp(there, signal);
  if (!pinned.ok) return pinned;
  const open = await bindUdp({ address: pinned.socket.address().address, port: ours }, signal);
  if (!open.ok) {
    pinned.socket.close();
    return open;
  }
  return { ok: true, wire: overDatagrams(open.socket, pinned.socket, there, trace) };
}

function overDatagrams(open: Datagrams, pinned: Datagrams, there: Place, trace: Trace): Wire {
  const server = authority(there.address, there.port);
  const local = open.address();
  let ears: Ears | undefined;
  let marks = Buffer.alloc(0);
  let datagrams = 0;
  let answered = false;
  const fail = (error: unknown): void => ears?.fail(faultOfUdp(error, server));
  let knock: NodeJS.Timeout | undefined;
  open.on('error', fail);
  pinned.on('error', fail);
  open.on('message', (bytes, { address, port }) => {
    // Neither keep-alives nor strangers count: they could use up our patience with the trunk.
    if (bytes.length <= 4 || (address !== there.address && !bytes.includes(marks))) return;
    datagrams += 1;
    if (datagrams > MOST_MESSAGES) return;
    answered = true;
    trace.received(authority(address, port), bytes);
    const parsed = parseMessage(bytes);
    if (parsed.ok) ears?.hear(parsed.message, { address, port });
    else ears?.garbled(parsed.flaw.detail);
  });
  return {
    transport: 'udp',
    here: { address: local.address, port: local.port },
    there,
    send(bytes, elsewhere = there) {
      knock ??= setTimeout(() => {
        if (!answered) sendUdp(pinned, KNOCK, undefined, fail);
      }, KNOCK_MS);
      trace.sent(authority(elsewhere.address, elsewhere.port), bytes);
      sendUdp(open, bytes, elsewhere, (error) => {
        // Somewhere else may be unreachable; the trunk's own address says it all.
        if (elsewhere === there) fail(error);
      });
    },
    listen(wanted, mark) {
      ears = wanted;
      marks = Buffer.from(mark);
    },
    close() {
      clearTimeout(knock);
      ears = undefined;
      open.close();
      pinned.close();
    },
  };
}

function overStream(socket: Socket, transport: 'tcp' | 'tls', trace: Trace): Wire {
  const there = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
  const server = authority(there.address, there.port);
  const framer = openFramer();
  let ears: Ears | undefined;
  let received = 0;
  let over = false;
  let lost: Fault | undefined;
  const fail = (why: Fault): void => {
    if (over) return;
    over = true;
    lost = why;
    trace.note(why.message);
    ears?.fail(why);
    socket.destroy();
  };
  socket.on('data', (chunk: Buffer) => {
    if (over) return;
    received += chunk.length;
    trace.received(server, chunk);
    const { messages, flaw } = framer.push(chunk);
    for (const message of messages) ears?.hear(message, there);
    if (flaw !== undefined) fail(faultOfFlaw(server, flaw));
    else if (received > MOST_BYTES) fail(fault('TOO_LARGE', `${server} sent ${received} bytes`));
  });
  const end = (): void => fail(fault('PROTO_CLOSED', `${server} closed the connection`));
  socket.once('end', end);
  socket.once('close', end);
  socket.on('error', (error) => fail(faultOf(error, 'talk', server)));
  return {
    transport,
    here: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 },
    there,
    send(bytes) {
      trace.sent(server, bytes);
      if (socket.writable) socket.write(bytes);
    },
    listen(wanted) {
      ears = wanted;
      // The connection may have ended while nobody listened yet.
      if (lost !== undefined) wanted.fail(lost);
    },
    close() {
      over = true;
      ears = undefined;
      socket.destroy();
    },
  };
}
