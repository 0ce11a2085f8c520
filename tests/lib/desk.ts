/** A JSON API on loopback, answered by one function: the ground on which the stand-ins for chat vendors stand. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { portOf } from './servers.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  /** Parsed; undefined when there is none. */
  readonly body: unknown;
}

export interface Answered {
  readonly status?: number;
  /** An object is sent as JSON, a text as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Desk {
  readonly url: string;
  /** `GET /path` of every question, in order. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

export async function openDesk(answer: (asked: Asked) => Answered | Promise<Answered>): Promise<Desk> {
  const log: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '/', 'http://desk.test');
      const method = request.method ?? 'GET';
      log.push(`${method} ${url.pathname}`);
      const text = await bodyOf(request);
      const asked = {
        method,
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: request.headers,
      };
      const {
        status = 200,
        body = {},
        headers = {},
      } = await answer({
        ...asked,
        body: text === '' ? undefined : (JSON.parse(text) as unknown),
      });
      const type = typeof body === 'string' ? 'text/plain' : 'application/json';
      response.writeHead(status, { 'content-type': type, ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    asked: log,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** A member of a member of what was sent. */
export function sent(body: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>(
    (place, name) =>
      typeof place === 'object' && place !== null ? (place as Record<string, unknown>)[name] : undefined,
    body,
  );
}
