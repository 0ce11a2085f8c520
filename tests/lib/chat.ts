/** Far sides for chat tests: a desk that speaks WebSocket as told, and one that breaks the protocol byte by byte. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { ServerOptions, WebSocket } from 'ws';
import type { IncomingMessage } from 'node:http';
import kind from '../../probes/chat-websocket.ts';
import type { Finding } from '../../src/core/model.ts';

export interface Far {
  readonly url: string;
  close(): Promise<void>;
}

/** A WebSocket server whose every conversation is `talk`. */
export async function openChat(
  talk: (guest: WebSocket, request: IncomingMessage) => void,
  options: ServerOptions = {},
): Promise<Far> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, ...options });
  server.on('connection', (guest, request) => {
    guest.on('error', () => undefined);
    talk(guest, request);
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/chat`,
    close: () =>
      new Promise((resolve) => {
        for (const guest of server.clients) guest.terminate();
        server.close(() => resolve());
      }),
  };
}

/** A TCP server that gets the handshake's key and may then write what it likes. */
export async function openWire(speak: (socket: Socket, key: string) => void): Promise<Far> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (bytes) => {
      speak(socket, /sec-websocket-key: (\S+)/i.exec(bytes.toString('latin1'))?.[1] ?? '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/chat`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** The right answer to a handshake (RFC 6455 §4.2.2). */
export function accept(key: string, more = ''): string {
  const digest = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${digest}\r\n${more}\r\n`;
}

/** A frame with a length of up to 64 bits; the payload may be shorter than it says. */
export function frame(first: number, payload: Buffer, length = payload.length): Buffer {
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), payload]);
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

export const RUN = '0123456789abcdef0123456789abcdef';

/** One look, as the runner makes it. `settings` are checked by the kind's own schema. */
export async function look(settings: Record<string, unknown>, timeoutMs = 5_000): Promise<Finding> {
  const signal = AbortSignal.timeout(timeoutMs);
  const parsed = kind.schema.parse({ allow_private: true, greeting: '200ms', ...settings });
  return kind.look(parsed, { signal, startedAt: Date.now(), timeoutMs, runId: RUN, timezone: 'Asia/Jakarta' });
}

export const HELLO = { send: { type: 'message', text: 'This is a test {{run_id}}' } };
export const ASK = [HELLO, { expect: {}, within: '1500ms' }];

/** What a look said, in short: the rung, or kind, code and rung. */
export function short(finding: Finding): string {
  return finding.kind === 'ok' ? `ok ${finding.rung}` : `${finding.kind} ${finding.fault.code} ${finding.rung}`;
}
