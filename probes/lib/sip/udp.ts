/** One request over UDP: retransmission until something answers, and refused told from silent. It knows no DNS and no verdict. */
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { authority } from '../address.ts';
import { faultOf } from '../connector.ts';
import { openEar } from './exchange.ts';
import type { Answer, Question } from './exchange.ts';
import { parseMessage } from './message.ts';
import type { Trace } from './trace.ts';

/** RFC 3261 §17.1.2.2: Timer E starts at T1 and doubles up to T2, Timer F ends everything after 64 T1. */
const T1 = 500;
const T2 = 4_000;
/** A far side that babbles more than this is not listened to any longer. Strangers do not count: they could silence it. */
const MOST_DATAGRAMS = 10_000;

export interface Place {
  /** An address, never a name: it has passed the address policy. */
  readonly address: string;
  readonly port: number;
}

export interface Within {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/**
 * Asks by two sockets in turn. The open one hears an answer from whatever address it comes, as a server with several may
 * send it; but only a connected one is told by the kernel that the port is closed. So every second transmission leaves by a
 * connected socket, and a closed port is known after the first retransmission instead of at the deadline.
 */
export async function askByUdp(question: Question, to: Place, within: Within, trace: Trace): Promise<Answer> {
  const pinned = await connectUdp(to, within.signal);
  if (!pinned.ok) return { fault: pinned.fault, rung: 'none', transmissions: 0, ignored: 0 };
  const open = await bindUdp({ address: pinned.socket.address().address, port: 0 }, within.signal);
  if (!open.ok) {
    pinned.socket.close();
    return { fault: open.fault, rung: 'none', transmissions: 0, ignored: 0 };
  }
  try {
    return await converse(question, to, { open: open.socket, pinned: pinned.socket }, within, trace);
  } finally {
    open.socket.close();
    pinned.socket.close();
  }
}

type Sockets = Readonly<Record<'open' | 'pinned', Socket>>;

function converse(question: Question, to: Place, sockets: Sockets, within: Within, trace: Trace): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const ear = openEar(question);
  const startedAt = performance.now();
  const there = authority(to.address, to.port);
  const marks = Buffer.from(question.branch);
  const requests = { open: composeFor(question, sockets.open), pinned: composeFor(question, sockets.pinned) };
  let transmissions = 0;
  let strangers = 0;
  let timer: NodeJS.Timeout | undefined;

  const tally = () => ({ transmissions, ignored: ear.ignored + strangers });
  const giveUp = (why: Fault, rung: 'none' | 'reachable' = 'none') => {
    trace.note(why.message);
    resolve({ fault: why, rung, ...tally() });
  };
  const stop = () => giveUp(...silence(there, ear.provisional !== undefined, ear.flaw?.detail, transmissions));

  const hear = (bytes: Buffer, { address, port }: RemoteInfo): void => {
    const from = authority(address, port);
    const theirs = from === there;
    if (ear.ignored > MOST_DATAGRAMS) {
      stop();
      return;
    }
    // Whatever comes from elsewhere without our branch is not even parsed: nobody but the server can know it.
    if (!theirs && !bytes.includes(marks)) {
      strangers += 1;
      return;
    }
    trace.received(from, bytes);
    const response = ear.hear(parseMessage(bytes));
    if (response !== undefined) resolve({ response, ms: performance.now() - startedAt, from, ...tally() });
  };

  const transmit = (waitMs: number): void => {
    const by = transmissions % 2 === 0 ? 'open' : 'pinned';
    transmissions += 1;
    trace.sent(there, requests[by]);
    sendUdp(sockets[by], requests[by], by === 'open' ? to : undefined, (error) => giveUp(faultOfUdp(error, there)));
    // §17.1.2.2: once a provisional response is there, the wait is T2.
    timer = setTimeout(() => transmit(ear.provisional === undefined ? Math.min(waitMs * 2, T2) : T2), waitMs);
  };

  for (const socket of [sockets.open, sockets.pinned]) {
    socket.on('message', hear);
    socket.on('error', (error) => giveUp(faultOfUdp(error, there)));
  }
  within.signal.addEventListener('abort', stop, { once: true });
  const last = setTimeout(stop, 64 * T1);
  if (within.signal.aborted) stop();
  // A look shorter than two seconds still gets its retransmission, and with it the chance to hear a refusal.
  else transmit(Math.max(Math.min(T1, within.timeoutMs / 4), 20));

  return promise.finally(() => {
    clearTimeout(timer);
    clearTimeout(last);
    within.signal.removeEventListener('abort', stop);
  });
}

function silence(
  there: string,
  trying: boolean,
  garbage: string | undefined,
  times: number,
): [Fault, 'none' | 'reachable'] {
  if (trying) return [fault('DEADLINE', `${there} said that it is trying, and never answered`), 'reachable'];
  if (garbage !== undefined)
    return [fault('PROTO_GARBAGE', `${there} answers, but not in SIP: ${garbage}`), 'reachable'];
  return [fault('UDP_SILENT', `no answer from ${there} to ${times} requests over UDP`), 'none'];
}

function composeFor(question: Question, socket: Socket): Buffer {
  const { address, port } = socket.address();
  return question.compose('udp', address, port);
}

type Opened = { readonly ok: true; readonly socket: Socket } | { readonly ok: false; readonly fault: Fault };

/** A socket that takes datagrams from one place only. Connecting sends nothing, but it picks the route and our own address. */
export function connectUdp({ address, port }: Place, signal: AbortSignal): Promise<Opened> {
  return opened(address, 'connect', signal, (socket) => socket.connect(port, address));
}

/** `port` 0: any that is free. */
export function bindUdp({ address, port }: Place, signal: AbortSignal): Promise<Opened> {
  return opened(address, 'listening', signal, (socket) => socket.bind({ address, port, exclusive: true }));
}

// dgram tells its errors in three ways: by event, by callback and by throwing (F19). All of them end here.
async function opened(
  address: string,
  event: 'connect' | 'listening',
  signal: AbortSignal,
  start: (socket: Socket) => void,
): Promise<Opened> {
  const { promise, resolve } = Promise.withResolvers<Opened>();
  let socket: Socket;
  try {
    socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  } catch (error) {
    return { ok: false, fault: faultOfUdp(error, address) };
  }
  const fail = (error: unknown) => resolve({ ok: false, fault: faultOfUdp(error, address) });
  const stop = () => fail(new Error('stopped'));
  socket.once('error', fail);
  socket.once(event, () => resolve({ ok: true, socket }));
  signal.addEventListener('abort', stop, { once: true });
  try {
    start(socket);
  } catch (error) {
    fail(error);
  }
  const result = await promise;
  signal.removeEventListener('abort', stop);
  socket.off('error', fail);
  if (!result.ok) {
    // A connect that failed may still report a second time.
    socket.on('error', () => undefined);
    socket.close();
  }
  return result;
}

export function sendUdp(socket: Socket, bytes: Buffer, to: Place | undefined, fail: (error: unknown) => void): void {
  const done = (error: Error | null) => {
    if (error !== null) fail(error);
  };
  try {
    if (to === undefined) socket.send(bytes, done);
    else socket.send(bytes, to.port, to.address, done);
  } catch (error) {
    fail(error);
  }
}

/** The fault of a UDP socket's error: the connector's table, but for what UDP says in its own way. */
export function faultOfUdp(error: unknown, there: string): Fault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ECONNREFUSED') return fault('UDP_REFUSED', `${there} is closed: nothing listens there`);
  // What `send` throws on a socket whose connect has failed (F19).
  if (code === 'ERR_SOCKET_BAD_PORT') return fault('NO_ROUTE', `no way from here to ${there} (${code})`);
  // None is left of those that we may use.
  if (code === 'EADDRINUSE') return fault('PORTS_TAKEN', `${there} was not looked at: no local port is free`);
  const why = faultOf(error, 'connect', there);
  return why.code.startsWith('TCP_') ? fault('UDP_UNREACHABLE', why.message) : why;
}
