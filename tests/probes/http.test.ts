/** The `http` kind against real servers of this process, well-behaved and hostile. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import http from '../../probes/http.ts';
import { decode } from '../../probes/lib/charset.ts';
import { parseJson, parsePointer, select } from '../../probes/lib/json.ts';
import { Pattern } from '../../probes/lib/pattern.ts';
import type { Fault } from '../../src/core/fault.ts';
import type { Finding } from '../../src/core/model.ts';
import { Secret } from '../../src/core/secret.ts';
import { certificates } from '../lib/certs.ts';
import type { Certificates } from '../lib/certs.ts';
import { closedPort, garbage, listening, portOf } from '../lib/servers.ts';
import { contract, HOST, near } from '../contract/contract.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

async function desk(serve: Serve): Promise<string> {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${portOf(server)}`;
}

/** A far side that writes raw bytes as soon as it has been asked. */
async function raw(write: (socket: Socket) => void): Promise<string> {
  const far = await listening((socket) => {
    socket.once('data', () => {
      write(socket);
    });
  });
  closers.push(far.close);
  return `http://127.0.0.1:${far.port}`;
}

async function look(settings: Record<string, unknown>, timeoutMs = 5_000): Promise<Finding> {
  const parsed = http.schema.parse({ allow_private: true, ...settings });
  const runId = '0123456789abcdef0123456789abcdef';
  return http.look(parsed, {
    signal: AbortSignal.timeout(timeoutMs),
    startedAt: Date.now(),
    timeoutMs,
    runId,
    timezone: 'UTC',
  });
}

const faultOf = (finding: Finding): Fault | undefined => (finding.kind === 'ok' ? undefined : finding.fault);
const codeOf = (finding: Finding): string => faultOf(finding)?.code ?? 'ok';
const answering =
  (status: number, body: string | Buffer = '', headers: Record<string, string> = {}): Serve =>
  (_request, response) => {
    response.writeHead(status, headers).end(body);
  };

describe('a status', () => {
  it('of 2xx is fine, with every phase and fact', async () => {
    const finding = await look({ url: await desk(answering(204, '', { server: 'desk/1.2' })) });
    expect(finding).toMatchObject({
      kind: 'ok',
      rung: 'answered',
      facts: { status: 204, server: 'desk/1.2', address: '127.0.0.1' },
    });
    expect(Object.keys(finding.phases).sort()).toEqual(['body', 'connect', 'dns', 'first_byte']);
  });

  it.each([
    [404, '', {}, 'STATUS', 'wrong_content'],
    [500, '', {}, 'SERVER_ERROR', 'server_error'],
    [503, 'try later', {}, 'SERVER_ERROR', 'server_error'],
    [503, 'try later', { 'retry-after': '120' }, 'OVERLOAD', 'overload'],
    [503, 'Sedang dalam PEMELIHARAAN', { 'retry-after': '120' }, 'MAINTENANCE', 'maintenance'],
    [503, '系统维护中', {}, 'MAINTENANCE', 'maintenance'],
    [503, '系統維護中', {}, 'MAINTENANCE', 'maintenance'],
    [503, 'ＭＡＩＮＴＥＮＡＮＣＥ', {}, 'MAINTENANCE', 'maintenance'],
    [302, '', { location: '/elsewhere' }, 'REDIRECT', 'wrong_content'],
  ])('of %i with "%s" and %o is %s [MC-9]', async (status, body, headers, code, cause) => {
    const finding = await look({ url: await desk(answering(status, body, headers)) });
    expect(finding).toMatchObject({ kind: 'failed', rung: 'accepting', fault: { code, cause }, facts: { status } });
    if ('retry-after' in headers) expect(finding.facts['retry_after']).toBe(Number(headers['retry-after']));
  });

  it.each([
    ['60', 60],
    [new Date(Date.now() + 3_600_000).toUTCString(), 3_600],
    [new Date(Date.now() - 3_600_000).toUTCString(), 0],
    ['soon', undefined],
    ['-5', undefined],
    ['1e9', undefined],
  ])('of 429 with Retry-After: %s is nobody’s outage: we ask too often [MC-9]', async (value, seconds) => {
    const finding = await look({ url: await desk(answering(429, 'slow down', { 'retry-after': value })) });
    expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'RATE_LIMITED', cause: 'overload' } });
    const told = finding.facts['retry_after'];
    if (seconds === undefined) expect(told).toBeUndefined();
    else expect(Math.abs(Number(told) - seconds)).toBeLessThan(60);
  });

  it('of 403, 429 or 503 with a wall against robots cannot be judged [MC-7]', async () => {
    const wall = '<title>Just a moment...</title><script src="/cdn-cgi/challenge-platform/x.js"></script>';
    for (const status of [403, 429, 503]) {
      const finding = await look({ url: await desk(answering(status, wall, { 'content-type': 'text/html' })) });
      expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'CANNOT_JUDGE' } });
    }
  });

  it('of 503 says until when as a date too [MC-9]', async () => {
    const headers = { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() };
    const finding = await look({ url: await desk(answering(503, '', headers)) });
    expect(codeOf(finding)).toBe('OVERLOAD');
    expect(Number(finding.facts['retry_after'])).toBeGreaterThan(3_500);
    expect(Number(finding.facts['retry_after'])).toBeLessThanOrEqual(3_600);
  });

  it('is fine when it is the one that was expected', async () => {
    const url = await desk(answering(503));
    expect(codeOf(await look({ url, expect: { status: 503 } }))).toBe('ok');
    expect(codeOf(await look({ url, expect: { status: [200, '5xx'] } }))).toBe('ok');
  });

  it('of 401 to our own credentials is our affair', async () => {
    const key = new Secret('a long enough key', 'env:KEY');
    const finding = await look({ url: await desk(answering(401)), headers: { authorization: key } });
    expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'AUTH' } });
  });
});

describe('an expectation', () => {
  const body = JSON.stringify({
    up: true,
    wait: 40,
    channels: [
      { name: 'chat', state: 'ok' },
      { name: 'phone', state: 'busy' },
    ],
  });
  const cases: readonly (readonly [unknown, string])[] = [
    [{ body: { contains: '"up":true' } }, 'ok'],
    [{ body: { contains: ['chat', 'phone'] } }, 'ok'],
    [{ body: { contains: ['chat', 'fax'] } }, 'CONTENT'],
    [{ body: { matches: '"wait":[0-9]+' } }, 'ok'],
    [{ body: { not_matches: 'busy' } }, 'CONTENT'],
    [{ headers: { 'Content-Type': 'application/json' } }, 'ok'],
    [{ headers: { 'content-type': 'text/html' } }, 'CONTENT'],
    [{ headers: { 'x-gone': false, 'content-type': true } }, 'ok'],
    [{ headers: { 'x-gone': true } }, 'CONTENT'],
    [{ json: [{ pointer: '/up', equals: true }] }, 'ok'],
    [{ json: [{ pointer: '/up', equals: 'true' }] }, 'CONTENT'],
    [{ json: [{ pointer: '/wait', gt: 10, lt: 60 }] }, 'ok'],
    [{ json: [{ pointer: '/wait', lt: 40 }] }, 'CONTENT'],
    [{ json: [{ pointer: '/channels/*/state', in: ['ok', 'busy'] }] }, 'ok'],
    [{ json: [{ pointer: '/channels/*/state', equals: 'ok' }] }, 'CONTENT'],
    [{ json: [{ pointer: '/channels/[name=chat]/state', equals: 'ok' }] }, 'ok'],
    [{ json: [{ pointer: '/channels/0/name', matches: '^ch' }] }, 'ok'],
    [{ json: [{ pointer: '/nothing' }] }, 'CONTENT'],
    [{ json: [{ pointer: '/__proto__' }] }, 'CONTENT'],
  ];
  it.each(cases)('%j is judged %s', async (expectation, code) => {
    const url = await desk(answering(200, body, { 'content-type': 'application/json; charset=utf-8' }));
    const finding = await look({ url, expect: expectation });
    expect(codeOf(finding)).toBe(code);
    expect(finding.rung).toBe(code === 'ok' ? 'answered' : 'accepting');
  });

  it('of JSON is not met by HTML, nor by what is nested too deep', async () => {
    const json = [{ pointer: '/up' }];
    expect(codeOf(await look({ url: await desk(answering(200, '<h1>Login</h1>')), expect: { json } }))).toBe(
      'PROTO_GARBAGE',
    );
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(codeOf(await look({ url: await desk(answering(200, deep)), expect: { json } }))).toBe('TOO_DEEP');
  });
});

describe('a page that is another one than its status says [MC-7]', () => {
  const html = (title: string, body = ''): string =>
    `<!doctype html><html><head><title>${title}</title></head><body>${body}</body></html>`;
  const filler = '<p>Silakan pilih topik yang ingin Anda ketahui.</p>'.repeat(200);
  const page = async (body: string, settings: Record<string, unknown> = {}, type = 'text/html; charset=utf-8') => {
    const finding = await look({ url: await desk(answering(200, body, { 'content-type': type })), ...settings });
    return `${finding.kind} ${codeOf(finding)}`;
  };

  it.each([
    ['soft 404, in English', html('Page not found')],
    ['soft 404 by number', html('404')],
    ['soft 404 of a shop', html('Bantuan', '<h1>Error 404</h1>')],
    ['soft 404, in Indonesian', html('Halaman tidak ditemukan | Bantuan')],
    ['soft 404, in Indonesian, by its heading', html('', '<h1 class="t">Artikel ini sudah <b>dihapus</b></h1>')],
    ['soft 404, in simplified Chinese', html('', '<h1>页面不存在</h1>')],
    ['soft 404, in traditional Chinese', html('找不到網頁')],
  ])('%s: it failed', async (_name, body) => {
    expect(await page(body + filler)).toBe('failed CONTENT');
  });

  it.each([
    ['maintenance, in English', html('We are down for scheduled maintenance')],
    ['maintenance, in Indonesian', html('GoPay', '<h1>Sistem sedang dalam pemeliharaan</h1>')],
    ['maintenance, in Chinese', html('系统维护中')],
    ['maintenance, in full width', html('ＭＡＩＮＴＥＮＡＮＣＥ　ＭＯＤＥ')],
  ])('%s: it failed', async (_name, body) => {
    expect(await page(body + filler)).toBe('failed MAINTENANCE');
  });

  it.each([
    ['a captcha', html('Verify you are human')],
    ['a captcha, in Indonesian', html('', '<h1>Buktikan Anda bukan robot</h1>')],
    ['a captcha, in Chinese', html('安全验证', '<h1>请输入验证码</h1>')],
    ['a browser check', html('Just a moment...')],
  ])('%s: it cannot be judged', async (_name, body) => {
    expect(await page(body + filler)).toBe('unknown CANNOT_JUDGE');
  });

  it.each([
    ['help with captchas', html('Cara masuk', '<h1>Masuk ke akun</h1><p>Isi captcha.</p>')],
    ['news of maintenance', html('Scheduled maintenance on 25 November', '<h1>Pemeliharaan terjadwal</h1>')],
    ['no disturbance', html('Status', '<h1>Tidak ada gangguan</h1>')],
    ['an article about 404', html('What does error 404 mean?')],
    ['a login page that was asked for', html('Masuk', '<form><input type="password"></form>')],
  ])('%s is what it says it is', async (_name, body) => {
    expect(await page(body)).toBe('ok ok');
  });

  it('what is expected decides: found, it is there; not found, the page says why', async () => {
    const lost = html('Page not found', '<p>Try the search</p>');
    expect(await page(lost, { expect: { body: { contains: 'Try the search' } } })).toBe('ok ok');
    const login = html('Akun', '<form action="/in"><input name="p" type="password"></form>');
    const wanted = { expect: { body: { contains: 'Hubungi kami' } } };
    expect(await page(login, wanted)).toBe('unknown CANNOT_JUDGE');
    expect(await page(html('x', '<p>Please complete the captcha</p>'), wanted)).toBe('unknown CANNOT_JUDGE');
    expect(await page(html('x', '<p>Layanan sedang dalam perbaikan</p>'), wanted)).toBe('failed MAINTENANCE');
    expect(await page(html('Berita'), wanted)).toBe('failed CONTENT');
    expect(await page(html('Page not found'), {}, 'application/json')).toBe('ok ok');
  });

  it('a redirect to a login cannot be judged, unless a login was asked for', async () => {
    const url = await desk((request, response) => {
      const isDoor = request.url === '/sso/login';
      response
        .writeHead(isDoor ? 200 : 302, { 'content-type': 'text/html', location: '/sso/login' })
        .end('<h1>Hi</h1>');
    });
    expect(codeOf(await look({ url, follow: 1 }))).toBe('CANNOT_JUDGE');
    expect(codeOf(await look({ url: `${url}/login`, follow: 1 }))).toBe('ok');
  });

  it('S-H4: markup made to slow a pattern down costs no more than other markup', async () => {
    const texts = ['<title', '<title>', '<h1', '<h1>', '<input ', '<input type', '404 ', '<', ' '];
    for (const text of texts) {
      const body = `<html>${text.repeat(Math.floor(250_000 / text.length))}`;
      const began = performance.now();
      await page(body, { expect: { body: { contains: 'never there' } } });
      expect(performance.now() - began, text).toBeLessThan(3_000);
    }
  });
});

describe('settings', () => {
  it.each([
    [{ url: 'ftp://help.example.id/' }],
    [{ url: 'https://user:key@help.example.id/' }],
    [{ url: 'https://help.example.id/', follow: 4 }],
    [{ url: 'https://help.example.id/', body: 'x' }],
    [{ url: 'https://help.example.id/', headers: { 'transfer-encoding': 'chunked' } }],
    [{ url: 'https://help.example.id/', headers: { 'x-a': 'one\r\nx-b: two' } }],
    [{ url: 'https://help.example.id/', expect: { body: { matches: '(unclosed' } } }],
    [{ url: 'https://help.example.id/', expect: { body: { matches: '(a+)+\\1' } } }],
    [{ url: 'https://help.example.id/', expect: { json: [{ pointer: 'up' }] } }],
    [{ url: 'https://help.example.id/', expect: { certificate_day: 3 } }],
    [{ url: 'https://help.example.id/', resolve: 'not an address' }],
  ])('%j are refused', (settings) => {
    expect(http.schema.safeParse(settings).success).toBe(false);
  });
});

describe('redirects', () => {
  it('are followed when asked for, and told', async () => {
    const url = await desk((request, response) => {
      if (request.url === '/help') response.end('how can we help');
      else response.writeHead(302, { location: '/help' }).end();
    });
    const finding = await look({ url, follow: 1, expect: { body: { contains: 'help' } } });
    expect(finding).toMatchObject({ kind: 'ok', facts: { redirects: [`${url}/help`] } });
  });

  it.each([
    ['file:///etc/passwd', 'scheme file:'],
    ['gopher://127.0.0.1/', 'scheme gopher:'],
    ['data:text/plain,ok', 'scheme data:'],
    ['/', 'loop'],
    ['http://user:pass@127.0.0.1/', 'user name'],
    ['http://', 'no address'],
  ])('to %s are refused: %s [S-A4]', async (location, why) => {
    const finding = await look({ url: await desk(answering(302, '', { location })), follow: 3 });
    expect(codeOf(finding)).toBe('REDIRECT');
    expect(faultOf(finding)?.message).toContain(why);
  });

  it('to metadata are refused and are the far side’s doing [S-A4, MC-5]', async () => {
    const finding = await look({
      url: await desk(answering(302, '', { location: 'http://169.254.169.254/latest' })),
      follow: 3,
    });
    expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'ADDR_BLOCKED', blame: 'line' } });
  });

  it('end after three hops [S-A4, MC-5]', async () => {
    let asked = 0;
    const url = await desk((_request, response) => {
      asked += 1;
      response.writeHead(302, { location: `/${asked}` }).end();
    });
    expect(codeOf(await look({ url, follow: 3 }))).toBe('REDIRECT');
    expect(asked).toBe(4);
  });

  it('carry no credentials to another origin and no body to strangers [S-A4]', async () => {
    const seen: IncomingMessage['headers'][] = [];
    const stranger = await desk((request, response) => {
      seen.push(request.headers);
      response.end();
    });
    const headers = {
      authorization: 'Bearer abc',
      cookie: 'a=b',
      'x-key': new Secret('very secret', 'env:K'),
      'x-plain': 'kept',
    };
    expect(
      codeOf(await look({ url: await desk(answering(302, '', { location: stranger })), follow: 1, headers })),
    ).toBe('ok');
    expect(seen[0]).toMatchObject({ 'x-plain': 'kept' });
    expect(Object.keys(seen[0] ?? {})).not.toEqual(expect.arrayContaining(['authorization']));
    expect(JSON.stringify(seen)).not.toMatch(/very secret|Bearer|a=b/);
    const kept = await desk(answering(307, '', { location: stranger }));
    expect(codeOf(await look({ url: kept, follow: 1, method: 'POST', body: 'pin=1234' }))).toBe('REDIRECT');
    expect(seen).toHaveLength(1);
  });
});

describe('a hostile far side', () => {
  it.each([
    ['garbage', (socket: Socket) => socket.end(garbage(5_000)), 'PROTO_GARBAGE'],
    ['another protocol', (socket: Socket) => socket.write('220 mail.example.id ESMTP\r\n'), 'PROTO_GARBAGE'],
    ['nothing', (socket: Socket) => socket.end(), 'PROTO_CLOSED'],
    [
      'half a body',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf'),
      'PROTO_CLOSED',
    ],
    ['a reset', (socket: Socket) => socket.resetAndDestroy(), 'TCP_RESET'],
    [
      'two lengths [S-A7]',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok'),
      'PROTO_GARBAGE',
    ],
    [
      'both framings [S-A7]',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok'),
      'PROTO_GARBAGE',
    ],
    [
      'a huge header [S-A7]',
      (socket: Socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}`),
      'TOO_LARGE',
    ],
    [
      'headers without end [S-A7]',
      (socket: Socket) => socket.write(`HTTP/1.1 200 OK\r\n${'x: yyyyyyyy\r\n'.repeat(20_000)}`),
      'TOO_LARGE',
    ],
    [
      'interim answers without end [S-A7]',
      (socket: Socket) => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(500)),
      'PROTO_GARBAGE',
    ],
    ['headers that stop [MC-2]', (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\nx: y\r\n'), 'DEADLINE'],
    [
      'a body that stops [S-A5]',
      (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf'),
      'DEADLINE',
    ],
  ])('that sends %s is found out [MC-4]', async (_name, write, code) => {
    const finding = await look({ url: await raw((socket) => void write(socket)) }, 700);
    expect(finding.kind).toBe('failed');
    expect(codeOf(finding)).toBe(code);
  });

  it('that names an unfinished body with 503 is first of all a server error', async () => {
    const url = await raw((socket) => socket.write('HTTP/1.1 503 Down\r\ncontent-length: 50\r\n\r\nhalf'));
    expect(codeOf(await look({ url }, 500))).toBe('SERVER_ERROR');
  });

  it('that never ends is read up to a cap: its status counts, its text does not [S-A5, MC-3]', async () => {
    const url = await raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nhello ');
      const lump = Buffer.alloc(65_536, 'x');
      const more = () => {
        while (!socket.destroyed && socket.write(lump));
      };
      socket.on('drain', more);
      more();
    });
    expect(await look({ url })).toMatchObject({ kind: 'ok', facts: { bytes: 262_144, truncated: true } });
    expect(codeOf(await look({ url, expect: { body: { contains: 'hello' } } }))).toBe('ok');
    expect(codeOf(await look({ url, expect: { body: { contains: 'goodbye' } } }))).toBe('TOO_LARGE');
    expect(codeOf(await look({ url, expect: { body: { not_matches: 'error' } } }))).toBe('TOO_LARGE');
    expect(codeOf(await look({ url, expect: { json: [{ pointer: '' }] } }))).toBe('TOO_LARGE');
  });

  it('that encodes though identity was asked is flagged, never decoded [S-A6]', async () => {
    const url = await desk(answering(200, gzipSync('ok'), { 'content-encoding': 'gzip' }));
    expect(codeOf(await look({ url }))).toBe('ENCODING');
    expect(codeOf(await look({ url, decompress: true, expect: { body: { contains: 'ok' } } }))).toBe('ok');
  });

  it.each([
    ['deflate', deflateSync('ok'), 'deflate', 'ok'],
    ['bare deflate', deflateRawSync('ok'), 'deflate', 'ok'],
    ['two layers', gzipSync(gzipSync('ok')), 'gzip, gzip', 'ok'],
    ['three layers', gzipSync('ok'), 'gzip, gzip, gzip', 'ENCODING'],
    ['brotli', brotliCompressSync('ok'), 'br', 'ENCODING'],
    ['no gzip at all', Buffer.from('ok'), 'gzip', 'ENCODING'],
    ['a bomb', gzipSync(Buffer.alloc(50_000_000)), 'gzip', 'TOO_LARGE'],
  ])('that sends %s to who asked for compression is %s [S-A6, MC-3]', async (_name, body, encoding, code) => {
    const url = await desk(answering(200, body, { 'content-encoding': encoding }));
    expect(codeOf(await look({ url, decompress: true, expect: { body: { contains: 'ok' } } }))).toBe(code);
  });

  it('that echoes our secret does not get it into a finding', async () => {
    const key = new Secret('kQ9-very/secret+value=', 'env:KEY');
    const url = await desk((request, response) => {
      const echo = String(request.headers['x-key']);
      response
        .writeHead(500, { server: echo, 'x-echo': encodeURIComponent(echo), location: `/${echo}` })
        .end(`${echo} ${btoa(echo)}`);
    });
    const told = JSON.stringify(await look({ url, headers: { 'x-key': key } }));
    expect(told).toContain('[redacted]');
    expect(told).not.toMatch(/very|secret\+value/);
    expect(told).not.toContain(btoa(key.reveal()));
  });
});

describe('over TLS', () => {
  async function secure(kind: Exclude<keyof Certificates, 'ca' | 'caFile'>) {
    const made = await certificates();
    let asked = 0;
    const server = createSecureServer(made[kind], (_request, response) => {
      asked += 1;
      response.end('ok');
    }).listen(0, '127.0.0.1');
    server.on('tlsClientError', () => undefined);
    await once(server, 'listening');
    closers.push(async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
    return { url: `https://localhost:${portOf(server)}/`, ca: made.caFile, asked: () => asked };
  }

  it('a good certificate is fine and its days are told', async () => {
    const { url, ca } = await secure('good');
    const finding = await look({ url, ca });
    expect(finding).toMatchObject({ kind: 'ok', facts: { certificate_days: 89 } });
    expect(finding.phases).toHaveProperty('tls');
  });

  it('one that ends soon is degraded, by the days that are expected', async () => {
    const { url, ca } = await secure('soon');
    expect(await look({ url, ca })).toMatchObject({
      kind: 'degraded',
      rung: 'answered',
      fault: { code: 'CERT_EXPIRING' },
    });
    expect(codeOf(await look({ url, ca, expect: { certificate_days: 5 } }))).toBe('ok');
  });

  it.each([
    ['expired', 'CERT_EXPIRED'],
    ['wrongName', 'CERT_NAME'],
    ['selfSigned', 'CERT_UNTRUSTED'],
  ] as const)('one that is %s fails before anything is asked [S-A8, MC-6]', async (kind, code) => {
    const { url, ca, asked } = await secure(kind);
    const finding = await look({ url, ca, headers: { authorization: new Secret('secret key', 'env:K') } });
    expect(finding).toMatchObject({ kind: 'failed', rung: 'reachable', fault: { code, cause: 'tls' } });
    expect(finding.facts['certificate_days']).toEqual(expect.any(Number));
    expect(asked()).toBe(0);
  });

  it('one without that of its issuer is an incomplete chain, named as such and with its days; with it, all is well [MC-6]', async () => {
    const alone = await secure('incomplete');
    const finding = await look({ url: alone.url, ca: alone.ca });
    expect(finding).toMatchObject({ kind: 'failed', rung: 'reachable', fault: { code: 'CERT_UNTRUSTED' } });
    expect(faultOf(finding)?.message).toMatch(/chain of localhost is incomplete.*Ringback test intermediate/);
    expect(finding.facts['certificate_days']).toBe(89);
    const whole = await secure('chained');
    expect(codeOf(await look({ url: whole.url, ca: whole.ca }))).toBe('ok');
  });

  it('a redirect down to http is refused [S-A4, MC-5]', async () => {
    const made = await certificates();
    const server = createSecureServer(made.good, answering(301, '', { location: 'http://localhost/' })).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    closers.push(async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
    const finding = await look({ url: `https://localhost:${portOf(server)}/`, ca: made.caFile, follow: 3 });
    expect(faultOf(finding)?.message).toContain('https down to http');
  });

  it('the name is kept when the address is given', async () => {
    const { url, ca } = await secure('good');
    const pinned = url.replace('localhost', 'elsewhere.example.id');
    expect(codeOf(await look({ url: pinned, ca, resolve: '127.0.0.1' }))).toBe('CERT_NAME');
  });
});

describe('what the kind leans on', () => {
  it('reads charsets by BOM, header, meta, strict UTF-8, fallback [MC-8]', () => {
    const gb = Buffer.from([0xce, 0xac, 0xbb, 0xa4]);
    expect(decode(gb, 'text/html; charset=gb2312')).toEqual({ text: '维护', charset: 'gb18030', mislabelled: false });
    expect(decode(Buffer.concat([Buffer.from('<meta charset="gbk">'), gb]), 'text/html; charset=utf-8')).toMatchObject({
      text: '<meta charset="gbk">维护',
      mislabelled: true,
    });
    expect(decode(Buffer.from('维护'), 'text/html').text).toBe('维护');
    expect(decode(Buffer.from('\ufeff维护', 'utf16le'), 'text/html; charset=utf-8').text).toBe('维护');
    expect(decode(Buffer.from([0xe9]), 'text/html').text).toBe('é');
    expect(decode(gb, 'text/html', 'gb18030').text).toBe('维护');
    expect(decode(Buffer.from('é'), 'text/html; charset=nonsense').text).toBe('é');
  });

  it('runs patterns in linear time and without the far side’s help', () => {
    const began = performance.now();
    expect(new Pattern('(a+)+$').test('a'.repeat(100_000) + '!')).toBe(false);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(new Pattern('Ticket #([0-9]+)').find('see Ticket #4711 now')).toBe('4711');
    expect(() => new Pattern('((a{30}){30}[b-z]{900}){1}x{900}\\p{L}{1000}')).toThrow(/big|repeat/);
  });

  it('never lets a JSON text or a pointer throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json({ maxDepth: 20 }), fc.string()), fc.string(), (text, path) => {
        const parsed = parseJson(text);
        const pointer = parsePointer(`/${path}`);
        if (parsed.ok && pointer !== undefined) select(parsed.value, pointer);
        return true;
      }),
      { numRuns: 5_000 },
    );
  });

  it('answers a closed port with refused', async () => {
    expect(await look({ url: `http://127.0.0.1:${await closedPort()}/` })).toMatchObject({
      kind: 'failed',
      rung: 'none',
      fault: { code: 'TCP_REFUSED', cause: 'refused' },
    });
  });
});

contract('http', {
  transports: ['tcp', 'tls'],
  with: (port, transport, canary) => ({
    ...near,
    url: `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}/health`,
    headers: { authorization: canary, 'x-api-key': canary },
    expect: { body: { contains: 'support is open' } },
  }),
});
