/** A webhook of the people on call: takes JSON by POST on loopback and keeps the newest. It answers 204 and knows no message. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Instant } from '../core/model.ts';

export interface Hook {
  readonly at: Instant;
  /** The dedupe key, by which a receiver knows a repetition. */
  readonly key: string;
  readonly body: string;
}

export interface Hooks {
  readonly url: string;
  readonly port: number;
  /** Oldest first, the newest 50. */
  readonly hooks: readonly Hook[];
  close(): Promise<void>;
}

const HOOKS_CAP = 50;
const BODY_CAP = 65_536;

/** Opens the listener. Rejects when the port is taken. */
export async function openHooks(port = 0): Promise<Hooks> {
  const hooks: Hook[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= BODY_CAP) chunks.push(chunk);
    });
    request.on('end', () => {
      const key = String(request.headers['idempotency-key'] ?? '');
      hooks.push({ at: Date.now(), key, body: Buffer.concat(chunks).toString('utf8') });
      if (hooks.length > HOOKS_CAP) hooks.shift();
      response.writeHead(204).end();
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    hooks,
    port: address.port,
    url: `http://127.0.0.1:${address.port}/`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
