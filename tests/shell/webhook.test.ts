/** The receiver `webhook` against a real HTTP server: what arrives, how it is signed, and what becomes of each answer. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Delivery, Receiver } from '../../src/core/receiver.ts';
import { Secret } from '../../src/core/secret.ts';
import webhook from '../../src/receivers/webhook.ts';
import { messageOf, MINUTE } from '../lib/ledger.ts';
import { hookSink, rawSink, type Hook } from '../lib/sinks.ts';

const KEY = new Secret('a shared secret', 'env:HOOK_SECRET');

function open(url: string | Secret, other: object = {}): Receiver {
  return webhook.open('hook', webhook.schema.parse({ url, allow_private: true, ...other }));
}

function send(receiver: Receiver, message = messageOf('opened'), ms = 5_000): Promise<Delivery> {
  return receiver.send(message, AbortSignal.timeout(ms));
}

/** The check that the receiver's first comment teaches. */
function isGenuine({ headers, body }: Hook, now = Date.now()): boolean {
  const [, t, v1 = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['ringback-signature'])) ?? [];
  if (t === undefined || Math.abs(now / 1_000 - Number(t)) > 300) return false;
  const expected = createHmac('sha256', KEY.reveal()).update(`${t}.`).update(body).digest();
  return timingSafeEqual(expected, Buffer.from(v1, 'hex'));
}

describe('a hook', () => {
  it('is one POST of JSON that says what, since when, why and where to read on', async () => {
    const sink = await hookSink();
    expect(await send(open(sink.url))).toEqual({ kind: 'sent', detail: `127.0.0.1:${sink.port}: answered 200` });
    const [hook] = sink.hooks;
    expect(hook).toMatchObject({ method: 'POST', path: '/hook' });
    expect(hook?.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'idempotency-key': 'gopay.hotline.mi9ku8qw:opened:ops-mail',
    });
    expect(hook?.headers).not.toHaveProperty('ringback-signature');
    expect(JSON.parse(hook?.body ?? '')).toMatchObject({
      version: 1,
      event: 'opened',
      severity: 'critical',
      channel: { id: 'gopay/hotline', name: 'Hotline', kind: 'phone' },
      incident: {
        id: 'gopay.hotline.mi9ku8qw',
        cause: 'refused',
        opened_at: '2026-11-22T02:41:07.000Z',
        targets: [{ id: 'gopay/hotline/trunk', probe: 'sip-options', fault: { code: 'TCP_REFUSED' } }],
      },
      title: '[GoPay] Hotline is down: refused since 09:41 WIB',
    });
  });

  it('about an end carries the duration', async () => {
    const sink = await hookSink();
    await send(open(sink.url), messageOf('resolved'));
    const { incident } = JSON.parse(sink.hooks[0]?.body ?? '');
    expect(incident).toMatchObject({ duration_seconds: 720, resolved_at: '2026-11-22T02:53:07.000Z' });
  });

  it('S-E5: is signed over time and body, so that a change of either, or an old one, is noticed', async () => {
    const sink = await hookSink();
    await send(open(sink.url, { secret: KEY }));
    const hook = sink.hooks[0]!;
    expect(isGenuine(hook)).toBe(true);
    expect(isGenuine({ ...hook, body: hook.body.replace('opened', 'resolved') })).toBe(false);
    expect(isGenuine(hook, Date.now() + 6 * MINUTE)).toBe(false);
    const moved = String(hook.headers['ringback-signature']).replace(
      /t=\d+/,
      `t=${Math.floor(Date.now() / 1_000) + 1}`,
    );
    expect(isGenuine({ ...hook, headers: { ...hook.headers, 'ringback-signature': moved } })).toBe(false);
  });

  it('carries headers of its own and the login of its address, both kept secret', async () => {
    const sink = await hookSink((response) => response.writeHead(500).end());
    const url = new Secret(`http://ring:pass%20word@127.0.0.1:${sink.port}/services/T0K3N?sig=s1gn`, 'env:HOOK_URL');
    const delivery = await send(open(url, { headers: { 'X-Team': 'wallet', 'X-Token': KEY } }));
    expect(sink.hooks[0]?.path).toBe('/services/T0K3N?sig=s1gn');
    expect(sink.hooks[0]?.headers).toMatchObject({
      'x-team': 'wallet',
      'x-token': KEY.reveal(),
      authorization: `Basic ${Buffer.from('ring:pass word').toString('base64')}`,
    });
    expect(delivery.detail).toBe(`127.0.0.1:${sink.port}: answered 500`);
  });
});

describe('S-E7: what becomes of an answer', () => {
  it.each([
    [200, 'sent'],
    [202, 'sent'],
    [204, 'sent'],
    [301, 'rejected'],
    [307, 'rejected'],
    [400, 'rejected'],
    [401, 'rejected'],
    [404, 'rejected'],
    [410, 'rejected'],
    [408, 'retry'],
    [425, 'retry'],
    [429, 'retry'],
    [500, 'retry'],
    [502, 'retry'],
    [503, 'retry'],
  ] as const)('%i: %s', async (status, kind) => {
    const elsewhere = await hookSink();
    const sink = await hookSink((response) => response.writeHead(status, { location: elsewhere.url }).end());
    expect(await send(open(sink.url))).toMatchObject({ kind });
    expect(elsewhere.hooks).toEqual([]);
  });

  it('Retry-After in seconds and as a date says when to try again', async () => {
    const seconds = await hookSink((response) => response.writeHead(429, { 'retry-after': '120' }).end());
    expect(await send(open(seconds.url))).toMatchObject({ kind: 'retry', afterMs: 120_000 });
    const at = new Date(Date.now() + 60_000).toUTCString();
    const date = await hookSink((response) => response.writeHead(503, { 'retry-after': at }).end());
    const delivery = await send(open(date.url));
    expect(delivery.kind === 'retry' && delivery.afterMs).toBeGreaterThan(50_000);
    const nonsense = await hookSink((response) => response.writeHead(503, { 'retry-after': 'soon' }).end());
    expect(await send(open(nonsense.url))).toEqual({ kind: 'retry', detail: expect.stringContaining('503') });
  });

  it('half a status line, then cut: not accepted', async () => {
    const port = await rawSink((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Le')));
    expect(await send(open(`http://127.0.0.1:${port}/`))).toMatchObject({ kind: 'retry' });
  });

  it('headers of a megabyte: not accepted', async () => {
    const port = await rawSink((socket) => {
      socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\nX-Big: ${'x'.repeat(1e6)}\r\n\r\n`));
    });
    expect(await send(open(`http://127.0.0.1:${port}/`))).toMatchObject({ kind: 'retry' });
  });
});

describe('where it may go', () => {
  it('S-A9: no private address, in whatever notation, unless allowed; never link-local', async () => {
    const sink = await hookSink();
    const hosts = [
      '127.0.0.1',
      'localhost',
      '2130706433',
      '0x7f.1',
      '0177.0.0.1',
      '[::1]',
      '[::ffff:7f00:1]',
      '10.0.0.1',
    ];
    for (const host of [...hosts, '[fd00::1]', '[2002:7f00:1::]', '[64:ff9b::7f00:1]']) {
      const delivery = await send(open(`http://${host}:${sink.port}/`, { allow_private: false }));
      expect(delivery, host).toMatchObject({ kind: 'rejected', detail: expect.stringContaining('is private') });
    }
    for (const host of ['169.254.169.254', '[fe80::1]', '0.0.0.0', '[::ffff:a9fe:a9fe]']) {
      const delivery = await send(open(`http://${host}:${sink.port}/`));
      expect(delivery, host).toMatchObject({ kind: 'rejected', detail: expect.stringContaining('never') });
    }
    expect(sink.hooks).toEqual([]);
  });

  it('a name that does not resolve is tried again', async () => {
    expect(await send(open('http://nowhere.invalid/'))).toMatchObject({ kind: 'retry' });
  });
});

describe('settings', () => {
  const refused = (other: object) => !webhook.schema.safeParse({ url: 'https://x.test/', ...other }).success;

  it('take http and https addresses, headers of one line, and no key that is unknown or ours', () => {
    expect(refused({})).toBe(false);
    for (const url of ['ftp://x.test/', 'x.test', 'file:///etc/passwd', '']) expect(refused({ url }), url).toBe(true);
    for (const name of ['Host', 'content-length', 'Ringback-Signature', 'a b', '']) {
      expect(refused({ headers: { [name]: 'x' } }), name).toBe(true);
    }
    expect(refused({ headers: { 'X-A': 'a\r\nX-B: b' } })).toBe(true);
    expect(refused({ secret: 'in clear' })).toBe(true);
    expect(refused({ retries: 3 })).toBe(true);
  });
});
