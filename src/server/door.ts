/** A port that strangers knock at: limits on time, size and number, and what is answered to bytes that are no HTTP. */
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Listen {
  readonly host: string;
  readonly port: number;
}

export interface Door {
  /** `http://host:port`, with the port that was really taken. */
  readonly url: string;
  /** Stops listening, lets running answers end for a moment, then cuts. */
  close(): Promise<void>;
}

/** Node's own are 60 s, 300 s, 30 s and no limit: room for a thousand slow clients to sit in. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 15_000;
const CHECK_MS = 5_000;
const IDLE_MS = 30_000;
const KEEP_ALIVE_MS = 10_000;
const CONNECTIONS = 2_000;
const HEADER_BYTES = 16_384;
const CLOSE_GRACE_MS = 1_000;

/** Opens a port; rejects when it cannot be had. */
export async function openDoor(handler: RequestListener, listen: Listen): Promise<Door> {
  const server = createServer(
    {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEADER_BYTES,
    },
    handler,
  );
  server.maxConnections = CONNECTIONS;
  // A reader that takes nothing for this long is gone.
  server.setTimeout(IDLE_MS);
  server.on('clientError', refuse);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  return { url: urlOf(server, listen.host), close: () => shut(server) };
}

const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** What the parser refused (two lengths, a bad chunk, HTTP/2 without TLS) gets one fixed answer, and the connection ends. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = REFUSALS[error.code ?? ''] ?? '400 Bad Request';
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\nX-Content-Type-Options: nosniff\r\n` +
      `Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n\r\n`,
  );
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function shut(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(cut);
}
