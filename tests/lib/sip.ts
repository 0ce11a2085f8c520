/** Far sides and tools for the SIP tests: hand-driven servers and one look at a time; it judges nothing. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket as Datagrams } from 'node:dgram';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Finding } from '../../src/core/model.ts';
import kind from '../../probes/sip-options.ts';
import { headerOf, listOf } from '../../probes/lib/sip/header.ts';
import { formatMessage, parseMessage } from '../../probes/lib/sip/message.ts';
import type { Header, SipMessage, SipRequest } from '../../probes/lib/sip/message.ts';

/** One look of `sip-options`. */
export async function look(settings: Record<string, unknown>, timeoutMs = 3_000): Promise<Finding> {
  return kind.look(kind.schema.parse({ allow_private: true, ...settings }), {
    signal: AbortSignal.timeout(timeoutMs),
    startedAt: Date.now(),
    timeoutMs,
    runId: randomBytes(16).toString('hex'),
    timezone: 'Asia/Jakarta',
  });
}

export function requestOf(bytes: Buffer): SipRequest {
  const message = messageOf(bytes);
  if (message.kind !== 'request') throw new Error('this is a response');
  return message;
}

export function messageOf(bytes: Buffer): SipMessage {
  const parsed = parseMessage(bytes);
  if (!parsed.ok) throw new Error(parsed.flaw.detail);
  return parsed.message;
}

/** A response as a correct server gives it, but for `change`: values of headers, or none for a header to leave out. */
export function reply(
  request: SipRequest,
  status: number,
  reason: string,
  change: Readonly<Record<string, string | undefined>> = {},
): Buffer {
  const copied = ['from', 'to', 'call-id', 'cseq'].map((name) => ({ name, value: headerOf(request, name) ?? '' }));
  const vias = listOf(request, 'via').map((value) => ({ name: 'via', value }));
  const extra: Header[] = [...vias, ...copied].filter(({ name }) => !(name in change));
  for (const [name, value] of Object.entries(change)) if (value !== undefined) extra.push({ name, value });
  return formatMessage({ kind: 'response', status, reason, headers: extra, body: Buffer.alloc(0) });
}

export interface UdpServer {
  readonly port: number;
  /** Everything that came in. */
  readonly received: Buffer[];
  readonly socket: Datagrams;
  close(): Promise<void>;
}

export async function openUdp(
  hear: (bytes: Buffer, from: RemoteInfo, socket: Datagrams, count: number) => void,
): Promise<UdpServer> {
  const socket = createSocket('udp4');
  const received: Buffer[] = [];
  socket.on('message', (bytes, from) => {
    received.push(bytes);
    hear(bytes, from, socket, received.length);
  });
  socket.on('error', () => undefined);
  await new Promise<void>((done) => {
    socket.bind(0, '127.0.0.1', done);
  });
  const close = () =>
    new Promise<void>((done) => {
      socket.close(done);
    });
  return { port: socket.address().port, received, socket, close };
}

export interface TcpServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function openTcp(serve: (socket: Socket) => void, server: Server = createServer()): Promise<TcpServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  const event = 'setSecureContext' in server ? 'secureConnection' : 'connection';
  server.on(event, (socket: Socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A port on which nothing listens, for UDP and TCP alike. */
export async function closedPort(): Promise<number> {
  const server = await openTcp(() => undefined);
  await server.close();
  return server.port;
}
