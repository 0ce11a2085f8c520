/** The `tcp` kind against real servers of this process. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import tcp from '../../probes/tcp.ts';
import type { Finding } from '../../src/core/model.ts';
import { Secret } from '../../src/core/secret.ts';
import { certificates } from '../lib/certs.ts';
import { closedPort, garbage, listening, portOf } from '../lib/servers.ts';
import { contract, HOST, near } from '../contract/contract.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function desk(serve: (socket: Socket) => unknown): Promise<string> {
  const far = await listening((socket) => void serve(socket));
  closers.push(far.close);
  return `127.0.0.1:${far.port}`;
}

async function look(settings: Record<string, unknown>, timeoutMs = 3_000): Promise<Finding> {
  const parsed = tcp.schema.parse({ allow_private: true, ...settings });
  const runId = '0123456789abcdef0123456789abcdef';
  return tcp.look(parsed, {
    signal: AbortSignal.timeout(timeoutMs),
    startedAt: Date.now(),
    timeoutMs,
    runId,
    timezone: 'UTC',
  });
}

const codeOf = (finding: Finding): string => (finding.kind === 'ok' ? 'ok' : finding.fault.code);

describe('a port', () => {
  it('that takes connections is reachable, and no more is claimed', async () => {
    const finding = await look({ address: await desk((socket) => socket.resume()) });
    expect(finding).toMatchObject({ kind: 'ok', rung: 'reachable', facts: { address: '127.0.0.1' } });
    expect(Object.keys(finding.phases)).toEqual(['dns', 'connect']);
  });

  it('that is closed is refused', async () => {
    const finding = await look({ address: `127.0.0.1:${await closedPort()}` });
    expect(finding).toMatchObject({ kind: 'failed', rung: 'none', fault: { code: 'TCP_REFUSED' } });
  });
});

describe('a banner', () => {
  it('is found in pieces, and timed', async () => {
    const address = await desk((socket) => {
      socket.write('220 mail.ex');
      setTimeout(() => socket.write('ample.id ESMTP\r\n'), 30);
    });
    const finding = await look({ address, expect: '^220 mail.example.id' });
    expect(finding).toMatchObject({ kind: 'ok', rung: 'answered' });
    expect(finding.phases).toHaveProperty('banner');
  });

  it('answers what was sent', async () => {
    const address = await desk((socket) => socket.on('data', (said: Buffer) => socket.write(`got ${said.toString()}`)));
    expect(codeOf(await look({ address, send: 'PING\r\n', expect: { matches: 'got PING' } }))).toBe('ok');
  });

  it.each([
    ['never comes', () => undefined, 'DEADLINE'],
    ['is another one', (socket: Socket) => socket.write('554 closed\r\n'), 'CONTENT'],
    ['is another one and ends', (socket: Socket) => socket.end('554 closed\r\n'), 'CONTENT'],
    ['is an end', (socket: Socket) => socket.end(), 'PROTO_CLOSED'],
    ['is a reset', (socket: Socket) => socket.resetAndDestroy(), 'TCP_RESET'],
    ['is too long', (socket: Socket) => socket.write(garbage(200_000)), 'TOO_LARGE'],
  ] as const)('that %s fails', async (_name, serve, code) => {
    const finding = await look({ address: await desk(serve), expect: '^220 ' }, 500);
    expect(finding.kind).toBe('failed');
    expect(codeOf(finding)).toBe(code);
  });

  it('that repeats our secret keeps it out of the evidence', async () => {
    const address = await desk((socket) => socket.pipe(socket));
    const finding = await look({ address, send: new Secret('pass-4711-word', 'env:P'), expect: '^welcome' }, 300);
    expect(finding.kind === 'failed' && finding.evidence?.[0]?.text).toBe('[redacted]');
  });
});

describe('over TLS', () => {
  it.each([
    ['good', 'ok'],
    ['soon', 'CERT_EXPIRING'],
    ['expired', 'CERT_EXPIRED'],
    ['wrongName', 'CERT_NAME'],
  ] as const)('a certificate that is %s is told: %s [S-A8]', async (kind, code) => {
    const made = await certificates();
    const server = createTlsServer(made[kind], (socket) => socket.on('error', () => undefined).resume()).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    closers.push(async () => {
      server.close();
      await once(server, 'close');
    });
    const finding = await look({ address: `localhost:${portOf(server)}`, tls: true, ca: made.caFile });
    expect(codeOf(finding)).toBe(code);
    expect(finding.facts['certificate_days']).toEqual(expect.any(Number));
  });
});

contract('tcp', {
  transports: ['tcp', 'tls'],
  with: (port, transport, canary) => ({
    ...near,
    address: `${HOST}:${port}`,
    tls: transport === 'tls',
    send: canary,
    expect: '^support is open$',
  }),
});
