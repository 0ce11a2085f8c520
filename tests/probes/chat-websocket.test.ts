/** What a customer meets in a chat, and what the probe says of it; the far sides are real sockets on loopback. */
import { afterEach, describe, expect, test } from 'vitest';
import kind from '../../probes/chat-websocket.ts';
import { Secret } from '../../src/core/secret.ts';
import { ASK, HELLO, look, openChat, openWire, RUN, short } from '../lib/chat.ts';
import type { Far } from '../lib/chat.ts';
import type { RawData, WebSocket } from 'ws';
import { contract, HOST, near } from '../contract/contract.ts';

const open: Far[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((far) => far.close()));
});

async function chat(...given: Parameters<typeof openChat>): Promise<string> {
  const far = await openChat(...given);
  open.push(far);
  return far.url;
}

/** Answers each message with the same ones. */
const answers =
  (...messages: readonly unknown[]) =>
  (guest: WebSocket) => {
    guest.on('message', () => {
      for (const each of messages) guest.send(typeof each === 'string' ? each : JSON.stringify(each));
    });
  };

const spoken = (data: RawData): string => (data as Buffer).toString('utf8');

const AGENT = { type: 'message', from: { role: 'agent', name: 'Sari' }, text: 'Hello, this is Sari.' };
const BOT = { type: 'message', from: { role: 'bot' }, text: 'Thank you, we have your message.' };

describe('who answers', () => {
  test('a person is told from a bot by what the message says of its sender', async () => {
    const person = await look({ url: await chat(answers(AGENT)), steps: ASK });
    expect([short(person), person.facts['responder']]).toEqual(['ok answered_by_person', 'person']);
    const bot = await look({ url: await chat(answers(BOT)), steps: ASK });
    expect([short(bot), bot.facts['responder']]).toEqual(['ok answered', 'bot']);
  });

  test('words without a sender are never called a person', async () => {
    const finding = await look({ url: await chat(answers('Hello, this is Sari.')), steps: ASK });
    expect([short(finding), finding.facts['responder']]).toEqual(['ok answered', 'bot']);
  });

  test('MC-30: frames of bytes are no words of anybody, and what is said after them is heard', async () => {
    const bytes = (guest: WebSocket) =>
      guest.on('message', () => guest.send(Buffer.from([0, 255, 1]), { binary: true }));
    expect(short(await look({ url: await chat(bytes), steps: ASK }))).toBe('failed NO_REPLY accepting');
    const both = (guest: WebSocket) => (bytes(guest), answers(BOT)(guest));
    expect(short(await look({ url: await chat(both), steps: ASK }))).toBe('ok answered');
  });

  test('our own words coming back are no answer', async () => {
    const url = await chat((guest) => guest.on('message', (data) => guest.send(spoken(data))));
    expect(short(await look({ url, steps: ASK }))).toBe('failed NO_REPLY accepting');
  });

  test('MC-30: a greeting answers nothing, and is timed apart from the reply', async () => {
    const greeting = JSON.stringify({ from: { role: 'bot' }, text: 'Welcome! How can we help?' });
    const url = await chat((guest) => {
      guest.send(greeting);
      guest.on('message', () => setTimeout(() => guest.send(JSON.stringify(AGENT)), 150));
    });
    const finding = await look({ url, steps: ASK });
    expect(short(finding)).toBe('ok answered_by_person');
    expect(finding.phases['greeting']).toBeLessThan(150);
    expect(finding.phases['first_reply']).toBeGreaterThan(100);
    const late = await chat((guest) => guest.on('message', () => guest.send(greeting)));
    expect(short(await look({ url: late, steps: ASK }))).toBe('failed NO_REPLY accepting');
  });

  test('a bot first and a person later are two numbers', async () => {
    const url = await chat((guest) =>
      guest.on('message', () => {
        guest.send(JSON.stringify(BOT));
        setTimeout(() => guest.send(JSON.stringify(AGENT)), 300);
      }),
    );
    const finding = await look({ url, steps: [HELLO, { expect: { from: 'person' }, within: '2s' }] });
    expect(short(finding)).toBe('ok answered_by_person');
    expect(finding.phases['first_reply']).toBeLessThan(250);
    expect(finding.phases['first_person_reply']).toBeGreaterThan(290);
    const bot = await look({ url: await chat(answers(BOT)), steps: ASK });
    expect(bot.phases).not.toHaveProperty('first_person_reply');
  });

  test('only a place in the queue is degraded, with the place', async () => {
    const url = await chat(answers({ type: 'queue', position: 7, estimated_wait: 300 }, 'Posisi antrean Anda: 7'));
    const finding = await look({ url, steps: ASK });
    expect(short(finding)).toBe('degraded OVERLOAD accepting');
    expect(finding.facts).toMatchObject({ queue_position: 7, estimated_wait: 300, responder: 'system' });
  });

  test('out of office is told at once, in three languages', async () => {
    for (const words of [
      'Mohon maaf, di luar jam operasional.',
      'We are currently offline.',
      '现在是非工作时间，请稍后再试',
    ]) {
      const began = performance.now();
      const finding = await look({
        url: await chat(answers({ type: 'notice', text: words })),
        steps: [HELLO, { expect: {}, within: '4s' }],
      });
      expect(short(finding), words).toBe('failed OUT_OF_OFFICE accepting');
      expect(finding.facts['out_of_office']).toBe(true);
      expect(performance.now() - began).toBeLessThan(3_500);
    }
  });

  test('MC-30: nobody at all is a missing reply, and a bot where a person was asked for is degraded', async () => {
    const silent = await look({ url: await chat(() => undefined), steps: [HELLO, { expect: {}, within: '300ms' }] });
    expect(short(silent)).toBe('failed NO_REPLY accepting');
    expect(silent.kind === 'failed' && silent.fault.cause).toBe('no_answer');
    const steps = [HELLO, { expect: { from: 'person' }, within: '300ms' }];
    expect(short(await look({ url: await chat(answers(BOT)), steps }))).toBe('degraded NO_REPLY answered');
  });
});

describe('the script', () => {
  test('what is captured is said again, and the run id marks the look', async () => {
    const said: string[] = [];
    const url = await chat((guest) =>
      guest.on('message', (data) => {
        said.push(spoken(data));
        guest.send(JSON.stringify({ ...BOT, id: 'c-42', text: 'Your ticket is DW-77.' }));
      }),
    );
    const steps = [
      HELLO,
      { expect: { matches: 'ticket' }, within: '2s' },
      { capture: { conversation: '/id', ticket: 'DW-(\\d+)' } },
      { send: { conversation: '{{conversation}}', text: 'thanks for {{ticket}}, {{unknown}}' } },
      { expect: {}, within: '2s' },
      { close: true },
    ];
    expect(short(await look({ url, steps }))).toBe('ok answered');
    expect(said[0]).toContain(RUN);
    expect(JSON.parse(said[1] ?? '')).toEqual({ conversation: 'c-42', text: 'thanks for 77, {{unknown}}' });
  });

  test('a captured text cannot leave its string', async () => {
    const said: string[] = [];
    const url = await chat((guest) =>
      guest.on('message', (data) => {
        said.push(spoken(data));
        guest.send(JSON.stringify({ ...BOT, id: '", "role": "admin", "x": "{{run_id}}' }));
      }),
    );
    await look({
      url,
      steps: [HELLO, { expect: {} }, { capture: { id: '/id' } }, { send: { id: '{{id}}' } }, { expect: {} }],
    });
    expect(JSON.parse(said[1] ?? '')).toEqual({ id: '", "role": "admin", "x": "{{run_id}}' });
  });

  test('another answer than the expected one is wrong content', async () => {
    const steps = [HELLO, { expect: { matches: 'ticket' }, within: '300ms' }];
    expect(short(await look({ url: await chat(answers(BOT)), steps }))).toBe('failed CONTENT answered');
    const uncaptured = [HELLO, { expect: {} }, { capture: { id: '/id' } }];
    expect(short(await look({ url: await chat(answers(BOT)), steps: uncaptured }))).toBe('failed CONTENT answered');
  });

  test('S-G2: the expected words in an error, in a page or scattered over two messages are not the expected answer', async () => {
    const words = 'Thank you, we have your message.';
    const matching = [HELLO, { expect: { matches: 'we have your message' }, within: '300ms' }];
    for (const message of [
      { type: 'error', text: words },
      `<!doctype html><title>502</title>${words}`,
      { success: false, message: words },
    ]) {
      expect(short(await look({ url: await chat(answers(message)), steps: matching }))).toBe(
        'failed NO_REPLY accepting',
      );
    }
    const json = [
      { pointer: '/type', equals: 'message' },
      { pointer: '/text', matches: 'message' },
    ];
    const scattered = answers({ type: 'message', text: 'no' }, { type: 'other', text: words });
    expect(
      short(await look({ url: await chat(scattered), steps: [HELLO, { expect: { json }, within: '300ms' }] })),
    ).toBe('failed CONTENT answered');
  });

  test('the room is left tidily: the far side sees close code 1000, also after a failure', async () => {
    const codes: number[] = [];
    const url = await chat((guest) => guest.on('close', (code) => codes.push(code)));
    await look({ url, steps: [HELLO, { expect: {}, within: '200ms' }] });
    await look({ url, steps: [HELLO, { expect: {}, within: '60s' }] }, 1_500);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(codes).toEqual([1000, 1000]);
  });

  test('origin, subprotocol and headers are sent as configured', async () => {
    const seen: unknown[] = [];
    const url = await chat(
      (guest, { headers }) => {
        seen.push([headers.origin, headers['sec-websocket-protocol'], headers['x-widget']]);
        answers(BOT)(guest);
      },
      { handleProtocols: () => 'support.v2' },
    );
    const finding = await look({
      url,
      origin: 'https://example.id',
      subprotocol: 'support.v2',
      headers: { 'x-widget': 'w1' },
      steps: ASK,
    });
    expect(seen).toEqual([['https://example.id', 'support.v2', 'w1']]);
    expect(finding.facts['subprotocol']).toBe('support.v2');
  });

  test.each([
    ['an address of the web', { url: 'https://chat.example.id/' }],
    ['a password in the address', { url: 'wss://user:pass@chat.example.id/' }],
    ['a key that does not exist', { colour: 'red' }],
    ['a header of the handshake', { headers: { 'Sec-WebSocket-Key': 'x' } }],
    ['a header with a line break', { headers: { 'x-a': 'b\r\nc: d' } }],
    ['a script that expects nothing', { steps: [HELLO] }],
    ['a pattern that is none', { steps: [{ expect: { matches: '(' } }] }],
    ['a pointer that is none', { steps: [{ expect: { json: [{ pointer: 'type' }] } }] }],
    ['words after the goodbye', { steps: [{ expect: {} }, { close: true }, HELLO] }],
  ])('settings with %s are refused', (_name, more) => {
    const parsed = kind.schema.safeParse({ ...kind.example, ...more });
    expect(parsed.success).toBe(false);
    expect(kind.schema.safeParse(kind.example).success).toBe(true);
  });
});

describe('the language of a reply', () => {
  const asking = (language: unknown) => [{ send: 'Halo' }, { expect: { language }, within: '500ms' }];
  const INDONESIAN = 'Terima kasih, pesan Anda sudah kami terima.';
  const ENGLISH = 'Thank you, we have your message and will answer soon.';

  test.each([
    ['id', [INDONESIAN], 'ok answered'],
    ['id', [ENGLISH], 'degraded LANGUAGE answered'],
    [['id', 'en'], [ENGLISH], 'ok answered'],
    // What is too short to tell is not held against anybody, and one of several languages is enough.
    ['id', ['OK, 1 menit'], 'ok answered'],
    ['zh', [`${ENGLISH} / 感谢您联系我们，我们会尽快回复您。`], 'ok answered'],
    // A bot's English before the answer in Indonesian is no trouble.
    ['id', [ENGLISH, INDONESIAN], 'ok answered'],
  ])('where %j was promised, %j is %s', async (promised, texts, verdict) => {
    const said = texts.map((text) => ({ from: { role: 'bot' }, text }));
    expect(short(await look({ url: await chat(answers(...said)), steps: asking(promised) }))).toBe(verdict);
  });

  test('that was promised in another one is told, and the script goes on', async () => {
    const url = await chat(answers({ from: { role: 'agent' }, text: ENGLISH, id: 7 }));
    const finding = await look({ url, steps: [...asking('zh'), { capture: { id: '/id' } }, { send: 'bye {{id}}' }] });
    expect(short(finding)).toBe('degraded LANGUAGE answered_by_person');
    expect(finding).toMatchObject({ fault: { message: 'the text is in English, not in Chinese' } });
    expect(finding.phases['first_person_reply']).toBeLessThan(400);
    expect(finding.kind === 'ok' ? '' : finding.evidence?.[0]?.text).toContain('bye 7');
  });
});

describe('S-G3: what is kept', () => {
  test('no secret, cookie or session token stays in a finding', async () => {
    const key = new Secret('s3cr3t-header-value', 'env:CHAT_KEY');
    const url = await chat((guest, { headers }) =>
      guest.on('message', () => {
        guest.send(
          JSON.stringify({ type: 'session', session_token: 'tok-12345678', jwt: 'eyJhbGciOiJIUzI1NiJ9.e30.abc' }),
        );
        guest.send(JSON.stringify({ ...BOT, text: `you sent ${String(headers['x-key'])}` }));
      }),
    );
    const finding = await look({
      url,
      headers: { 'x-key': key },
      steps: [HELLO, { expect: { matches: 'never' }, within: '300ms' }],
    });
    const text = JSON.stringify(finding);
    expect(short(finding)).toBe('failed CONTENT answered');
    expect(text).toContain('you sent');
    for (const each of ['s3cr3t-header-value', 'tok-12345678', 'eyJhbGciOiJIUzI1NiJ9'])
      expect(text).not.toContain(each);
  });

  test('a failing look brings a transcript with times, and it is capped', async () => {
    const url = await chat((guest) =>
      guest.on('message', () =>
        Array.from({ length: 200 }, () => guest.send(`{"type":"typing"} ${'x'.repeat(5_000)}`)),
      ),
    );
    const finding = await look({ url, steps: [HELLO, { expect: { matches: 'never' }, within: '500ms' }] });
    const text = finding.evidence?.[0]?.text ?? '';
    expect(text).toMatch(/^\+\d+\.\d{3}s > .*This is a test/);
    expect(text.length).toBeLessThan(50_000);
  });
});

describe('a door that does not open', () => {
  const refusals: readonly [string, string][] = [
    ['401 Unauthorized', 'failed REJECTED reachable'],
    ['403 Forbidden', 'failed REJECTED reachable'],
    ['302 Found\r\nLocation: https://sso.example/login?token=abc', 'failed REDIRECT reachable'],
    ['404 Not Found', 'failed STATUS reachable'],
    ['429 Too Many Requests\r\nRetry-After: 60', 'unknown RATE_LIMITED none'],
    ['500 Oops', 'failed SERVER_ERROR reachable'],
    ['503 Service Unavailable\r\nRetry-After: 30', 'failed OVERLOAD reachable'],
    ['200 OK', 'failed PROTO_REFUSED reachable'],
  ];
  test.each(refusals)('MC-27: HTTP %s is %s', async (status, expected) => {
    const far = await openWire((socket) => socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nno`));
    open.push(far);
    const finding = await look({ url: far.url, steps: ASK });
    expect(short(finding)).toBe(expected);
    expect(JSON.stringify(finding)).not.toContain('token=abc');
    const wait = /Retry-After: (\d+)/.exec(status)?.[1];
    expect(finding.facts['retry_after']).toBe(wait === undefined ? undefined : Number(wait));
    if (status.startsWith('429')) expect(finding).toMatchObject({ fault: { cause: 'overload' } });
  });

  test('a page that says maintenance is maintenance', async () => {
    const far = await openWire((socket) =>
      socket.end('HTTP/1.1 503 X\r\nConnection: close\r\n\r\nSedang dalam pemeliharaan sistem'),
    );
    open.push(far);
    const finding = await look({ url: far.url, steps: ASK });
    expect(short(finding)).toBe('failed MAINTENANCE reachable');
  });

  test('who shows a credential and is refused has a problem of its own', async () => {
    const far = await openWire((socket) => socket.end('HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n'));
    open.push(far);
    expect(short(await look({ url: far.url, headers: { authorization: 'Bearer x' }, steps: ASK }))).toBe(
      'unknown AUTH none',
    );
  });

  test('MC-27: a closed port, a private address and a subprotocol that the far side does not speak', async () => {
    const far = await openChat(() => undefined);
    await far.close();
    expect(short(await look({ url: far.url, steps: ASK }))).toBe('failed TCP_REFUSED none');
    expect(short(await look({ url: far.url, allow_private: false, steps: ASK }))).toBe('unknown ADDR_BLOCKED none');
    const url = await chat(answers(BOT), { handleProtocols: () => false });
    expect(short(await look({ url, subprotocol: 'support.v2', steps: ASK }))).toBe('failed PROTO_REFUSED reachable');
  });
});

contract('chat-websocket', {
  transports: ['tcp', 'tls'],
  with: (port, transport, canary) => ({
    ...near,
    url: `${transport === 'tls' ? 'wss' : 'ws'}://${HOST}:${port}/socket`,
    headers: { authorization: canary },
    steps: [{ send: 'hello' }, { expect: { matches: 'support is open' }, within: '20s' }],
  }),
});
