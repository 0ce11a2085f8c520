/** The way out when the far side, its names, its certificates or our own environment are against us: whole looks of the kind `http`. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import dns from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createTlsServer } from 'node:tls';
import { syncBuiltinESMExports } from 'node:module';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import http from '../../probes/http.ts';
import type { Finding } from '../../src/core/model.ts';
import { certificates } from '../lib/certs.ts';
import { listening, portOf } from '../lib/servers.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function look(settings: Record<string, unknown>, timeoutMs = 4_000): Promise<Finding> {
  const context = { startedAt: Date.now(), timeoutMs, runId: '0123456789abcdef'.repeat(2), timezone: 'UTC' };
  const parsed = http.schema.parse({ allow_private: true, ...settings });
  return http.look(parsed, { ...context, signal: AbortSignal.timeout(timeoutMs) });
}
const codeOf = (finding: Finding): string => (finding.kind === 'ok' ? 'ok' : finding.fault.code);

/** A name server that gives its answers to questions for an address (A) in turn; the last one for good. */
async function naming(...answers: readonly string[]): Promise<{ asked: () => number }> {
  let asked = 0;
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const end = query.indexOf(0, 12) + 5;
    const isAddress = query.readUInt16BE(end - 4) === 1;
    const address = isAddress ? (answers[Math.min(asked++, answers.length - 1)] ?? '') : '';
    const head = Buffer.from([...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0]);
    // It may be kept for no second: TTL 0.
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]);
    const parts = [head, query.subarray(12, end), ...(isAddress ? [record] : [])];
    socket.send(Buffer.concat(parts), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const before = dns.getServers();
  const ask = (servers: readonly string[]): void => {
    dns.setServers(servers);
    syncBuiltinESMExports();
  };
  ask([`127.0.0.1:${socket.address().port}`]);
  closers.push(async () => {
    ask(before);
    socket.close();
    await once(socket, 'close');
  });
  return { asked: () => asked };
}

/** Desks on two addresses at one port, and who knocked. */
async function twoDesks(answer: (path: string, port: number) => Record<string, string> | undefined) {
  const knocks: string[] = [];
  let port = 0;
  for (const address of ['127.0.0.2', '127.0.0.3']) {
    const server = createServer((request, response) => {
      const headers = answer(request.url ?? '', port);
      response.writeHead(headers === undefined ? 200 : 302, headers ?? {}).end('ok');
    });
    server.on('connection', () => knocks.push(address));
    server.listen(port, address);
    await once(server, 'listening');
    port = portOf(server);
    closers.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
  }
  return { port, knocks };
}

describe('S-A2: a name that leads elsewhere the second time', () => {
  it('is asked for once per hop: the address that was checked is the one that is connected', async () => {
    const names = await naming('127.0.0.2', '127.0.0.3');
    const desks = await twoDesks(() => undefined);
    const finding = await look({ url: `http://rebinding.test:${desks.port}/` });
    expect([finding.kind, finding.facts['address'], names.asked()]).toEqual(['ok', '127.0.0.2', 1]);
    expect(desks.knocks).toEqual(['127.0.0.2']);
  });

  it('is checked again at each hop of a redirect, even back to itself', async () => {
    const names = await naming('127.0.0.2', '169.254.169.254');
    const desks = await twoDesks((path) => (path === '/next' ? undefined : { location: '/next' }));
    const finding = await look({ url: `http://rebinding.test:${desks.port}/`, follow: 3 });
    expect([finding.kind, codeOf(finding), names.asked()]).toEqual(['failed', 'ADDR_BLOCKED', 2]);
    expect(desks.knocks).toEqual(['127.0.0.2']);
  });

  it('is checked again at each step of several', async () => {
    await naming('127.0.0.2', '169.254.169.254');
    const desks = await twoDesks(() => undefined);
    const url = `http://rebinding.test:${desks.port}/`;
    const finding = await look({ url: undefined, steps: [{ url }, { url: `${url}two` }] });
    expect(codeOf(finding)).toBe('ADDR_BLOCKED');
    expect(desks.knocks).toEqual(['127.0.0.2']);
  });
});

describe('S-A7: headers that no honest server sends', () => {
  const answer = (...lines: readonly string[]): string =>
    `HTTP/1.1 200 OK\r\n${lines.join('')}content-length: 2\r\n\r\nok`;
  it.each([
    ['2,000 of them', answer(...Array.from({ length: 2_000 }, (_, at) => `x-${at}: y\r\n`)), /more than 512 headers/],
    ['2,000 of one name', answer('x: y\r\n'.repeat(2_000)), /more than 512 headers/],
    ['a line of 64 KiB', answer(`x: ${'y'.repeat(65_536)}\r\n`), /more than 65536 bytes/],
    ['a bare CR in a value', answer('x: a\rset-cookie: b\r\n'), /HTTP/],
    ['a bare CR for a line end', 'HTTP/1.1 200 OK\rcontent-length: 2\r\n\r\nok', /HTTP/],
    ['bare line feeds', 'HTTP/1.1 200 OK\ncontent-length: 2\n\nok', /HTTP/],
    ['a folded line', answer('x: a\r\n b\r\n'), /HTTP/],
    ['a space before the colon', answer('x : a\r\n'), /HTTP/],
    ['a NUL', answer('x: a\0b\r\n'), /HTTP/],
    ['a negative length', 'HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok', /HTTP/],
    ['the length twice', answer('content-length: 3\r\n'), /[Cc]ontent-[Ll]ength/],
    [
      'a chunk larger than memory',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff1\r\nok',
      /HTTP/,
    ],
    ['another protocol after 101', 'HTTP/1.1 101 Go\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nok', /HTTP/],
  ])('%s: a fault that says so, at once', async (_name, text, says) => {
    const far = await listening((socket) => socket.once('data', () => socket.end(text, 'latin1')));
    closers.push(far.close);
    const began = performance.now();
    const finding = await look({ url: `http://127.0.0.1:${far.port}/` }, 20_000);
    expect(finding.kind).toBe('failed');
    expect(['PROTO_GARBAGE', 'TOO_LARGE']).toContain(codeOf(finding));
    expect(finding.kind !== 'ok' && finding.fault.message).toMatch(says);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('512 of them are still read', async () => {
    const text = answer(...Array.from({ length: 511 }, (_, at) => `x-${at}: y\r\n`));
    const far = await listening((socket) => socket.once('data', () => socket.end(text, 'latin1')));
    closers.push(far.close);
    expect(codeOf(await look({ url: `http://127.0.0.1:${far.port}/` }))).toBe('ok');
  });
});

describe('S-A8: TLS', () => {
  it('never says anything before the handshake is done (0-RTT): no look resumes what an earlier one had', async () => {
    const made = await certificates();
    const resumed: boolean[] = [];
    const server = createSecureServer(made.good, (_request, response) => response.end('ok')).listen(0, '127.0.0.1');
    server.on('secureConnection', (socket) => resumed.push(socket.isSessionReused()));
    await once(server, 'listening');
    closers.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    const settings = { url: `https://localhost:${portOf(server)}/`, ca: made.caFile };
    for (let each = 0; each < 3; each++) expect(codeOf(await look(settings))).toBe('ok');
    expect(resumed).toEqual([false, false, false]);
  });

  it('takes a chain of a hundred certificates in its stride and refuses one of a thousand', async () => {
    const made = await certificates();
    for (const [pair, code] of [
      [made.crowded, 'ok'],
      [made.overcrowded, 'TLS_FAILED'],
    ] as const) {
      const server = createTlsServer(pair, (socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
      }).listen(0, '127.0.0.1');
      server.on('tlsClientError', () => undefined);
      await once(server, 'listening');
      closers.push(async () => {
        server.close();
        await once(server, 'close');
      });
      const before = process.memoryUsage().rss;
      expect(codeOf(await look({ url: `https://localhost:${portOf(server)}/`, ca: made.caFile }))).toBe(code);
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1_048_576);
    }
  });
});

it('S-A10: proxies in the environment are ignored by a whole process, whatever they are called', async () => {
  let knocks = 0;
  const trap = await listening((socket: Socket) => {
    knocks += 1;
    socket.destroy();
  });
  closers.push(trap.close);
  const desk = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(desk, 'listening');
  closers.push(async () => {
    desk.closeAllConnections();
    desk.close();
    await once(desk, 'close');
  });
  const proxy = `http://127.0.0.1:${trap.port}`;
  const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
  const env = {
    ...process.env,
    NODE_USE_ENV_PROXY: '1',
    NO_PROXY: '',
    ...Object.fromEntries(names.map((name) => [name, proxy])),
  };
  const entry = fileURLToPath(new URL('../../src/ringback.js', import.meta.url));
  const args = [entry, 'try', 'http', `url=http://127.0.0.1:${portOf(desk)}/`, '--allow-private', '--json'];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'close');
  const { finding } = JSON.parse(text) as { finding: Finding };
  expect([finding.kind, finding.facts['address'], knocks]).toEqual(['ok', '127.0.0.1', 0]);
});
