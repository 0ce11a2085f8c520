/** The `http` kind over several requests: a help screen that is logged in to, a conversation opened and read, and desks that cheat. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { afterEach, describe, expect, it } from 'vitest';
import http from '../../probes/http.ts';
import { Jar } from '../../probes/lib/jar.ts';
import type { Finding } from '../../src/core/model.ts';
import { Secret } from '../../src/core/secret.ts';
import { certificates } from '../lib/certs.ts';
import { closedPort, portOf } from '../lib/servers.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
type Serve = (asked: Asked, response: ServerResponse) => void;

async function desk(serve: Serve): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
      asked.push(one);
      serve(one, response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return { url: `http://127.0.0.1:${portOf(server)}`, asked };
}

async function look(settings: Record<string, unknown>, timeoutMs = 5_000): Promise<Finding> {
  const parsed = http.schema.parse({ allow_private: true, ...settings });
  return http.look(parsed, {
    signal: AbortSignal.timeout(timeoutMs),
    startedAt: Date.now(),
    timeoutMs,
    runId: '0123456789abcdef0123456789abcdef',
    timezone: 'UTC',
  });
}

const messagesOf = (settings: Record<string, unknown>): string[] =>
  http.schema.safeParse(settings).error?.issues.map((each) => `${each.path.join('.')}: ${each.message}`) ?? [];

const TOKEN = 'csrf "quoted" & 1=2';
const SESSION = 'session-9f3a7c';

/** Logs in by a form, hands out a cookie on the redirect and a token in JSON, and shows conversations to those who have both. */
const helpScreen: Serve = ({ method, url, headers, body }, response) => {
  const say = (status: number, value: unknown, more: Record<string, string | string[]> = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...more }).end(JSON.stringify(value));
  if (url === '/login') {
    const form = new URLSearchParams(body);
    if (method !== 'POST' || form.get('user') !== 'probe' || form.get('password') !== 'p&ss word=1')
      return say(401, { error: 'no' });
    const cookies = [`sid=${SESSION}; Path=/; HttpOnly; Expires=Wed, 09 Jun 2100 10:18:14 GMT`, 'lang=id; Max-Age=60'];
    return say(302, {}, { location: '/home', 'set-cookie': cookies });
  }
  if (headers.cookie !== `sid=${SESSION}; lang=id`) return say(403, { error: 'who are you?' });
  if (url === '/home') return say(200, { csrf: TOKEN });
  if (method === 'POST' && url === '/conversations') {
    const { text } = JSON.parse(body) as { text: string };
    if (headers['x-csrf'] !== TOKEN || headers['content-type'] !== 'application/json')
      return say(403, { error: 'csrf' });
    return say(201, { id: 'a/b 7', text }, { location: '/conversations/a%2Fb%207' });
  }
  if (url === '/conversations/a%2Fb%207')
    return say(200, { messages: [{ from: 'bot', text: 'Halo, ada yang bisa kami bantu?' }] });
  return say(404, { error: 'not found' });
};

const visit = (url: string, last: Record<string, unknown> = {}) => ({
  secrets: { password: new Secret('p&ss word=1', 'env:PASSWORD') },
  steps: [
    {
      url: `${url}/login`,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'user=probe&password={{password}}',
      follow: 1,
      capture: { csrf: '/csrf' },
    },
    {
      url: `${url}/conversations`,
      method: 'POST',
      headers: { 'x-csrf': '{{csrf}}' },
      body: { text: 'Test {{run_id}}, token {{csrf}}' },
      expect: { status: 201 },
      capture: { id: '/id', where: 'header:location', number: '"id":"a/b ([0-9]+)"' },
    },
    {
      url: `${url}/conversations/{{id}}`,
      expect: { json: [{ pointer: '/messages/0/text', matches: 'bantu' }], language: 'id' },
      ...last,
    },
  ],
});

describe('several requests in a row', () => {
  it('log in, open a conversation and read it, with cookies and captured values carried on', async () => {
    const { url, asked } = await desk(helpScreen);
    const finding = await look(visit(url));
    expect(finding).toMatchObject({
      kind: 'ok',
      rung: 'answered',
      facts: { status: 200, step_1_status: 200, step_2_status: 201, step_3_status: 200 },
    });
    expect(asked.map((each) => `${each.method} ${each.url}`)).toEqual([
      'POST /login',
      'GET /home',
      'POST /conversations',
      'GET /conversations/a%2Fb%207',
    ]);
    const { text } = JSON.parse(asked[2]?.body ?? '') as { text: string };
    expect(text).toBe(`Test 0123456789abcdef0123456789abcdef, token ${TOKEN}`);
    const sum = [1, 2, 3].reduce((ms, n) => ms + Number(finding.facts[`step_${n}_ms`]), 0);
    const phases = Object.values(finding.phases).reduce((ms, each) => ms + each, 0);
    expect(Math.abs(sum - phases)).toBeLessThan(1);
  });

  it('name the step that goes wrong, and S-G3: keep session, token and password out of the evidence', async () => {
    const { url } = await desk(helpScreen);
    const finding = await look(visit(url, { expect: { body: { contains: `never said` } } }));
    expect(finding).toMatchObject({ kind: 'failed', rung: 'accepting', fault: { code: 'CONTENT' } });
    expect(finding.kind !== 'ok' && finding.fault.message).toMatch(/^step 3 of 3 \(GET \/conversations\/id\): /);
    const all = JSON.stringify(finding);
    for (const hidden of [SESSION, 'csrf \\"quoted', 'p&ss', encodeURIComponent('p&ss word=1')])
      expect(all).not.toContain(hidden);
  });

  it('end when our own credentials are refused, which is our affair', async () => {
    const { url, asked } = await desk(helpScreen);
    const settings = visit(url);
    const finding = await look({ ...settings, secrets: { password: new Secret('wrong one', 'env:PASSWORD') } });
    expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'AUTH' }, facts: { step_1_status: 401 } });
    expect(asked).toHaveLength(1);
  });

  it('are theirs to answer for when they refuse what they have just handed out', async () => {
    const { url } = await desk(({ url: path }, response) => {
      response.writeHead(path === '/token' ? 200 : 403).end('{"token":"abcdef123456"}');
    });
    const steps = [
      { url: `${url}/token`, capture: { token: '/token' } },
      { url: `${url}/help`, headers: { authorization: 'Bearer {{token}}' } },
    ];
    expect(await look({ steps })).toMatchObject({ kind: 'failed', fault: { code: 'STATUS' } });
  });

  it('say what could not be captured', async () => {
    const { url } = await desk((_asked, response) =>
      response.end('{"id":null,"long":"' + 'x'.repeat(2_000) + '","nl":"a\\nb"}'),
    );
    for (const [what, words] of [
      ['/id', 'nothing at /id'],
      ['/long', 'no value that can be carried on'],
      ['/nl', 'no value that can be carried on'],
      ['header:x-ticket', 'no header x-ticket'],
      ['T-([0-9]+)', 'nothing matches'],
    ] as const) {
      const finding = await look({ steps: [{ url, capture: { id: what } }, { url: `${url}/{{id}}` }] });
      expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'CONTENT' } });
      expect(finding.kind !== 'ok' && finding.fault.message).toContain(words);
    }
  });

  it('keep to the host that was configured, whatever is captured', async () => {
    const { url, asked } = await desk((_asked, response) => response.end('{"id":"@evil.example/../../x?y#z"}'));
    const finding = await look({ steps: [{ url, capture: { id: '/id' } }, { url: `${url}/a/{{id}}` }] });
    expect(finding.kind).toBe('ok');
    expect(asked[1]?.url).toBe('/a/%40evil.example%2F..%2F..%2Fx%3Fy%23z');
  });

  it('tell a closed second door as what it is', async () => {
    const { url } = await desk((_asked, response) => response.end('{}'));
    const finding = await look({ steps: [{ url }, { url: `http://127.0.0.1:${await closedPort()}/` }] });
    expect(finding).toMatchObject({
      kind: 'failed',
      rung: 'accepting',
      fault: { code: 'TCP_REFUSED', cause: 'refused' },
    });
  });

  it('with a certificate that runs out soon are degraded before it fails', async () => {
    const { soon, caFile } = await certificates();
    const server = createSecureServer(soon, (_request, response) => response.end('{}')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
    const { url } = await desk((_asked, response) => response.end('{}'));
    const steps = [{ url: `https://localhost:${portOf(server)}/` }, { url }];
    const finding = await look({ ca: caFile, ip: 4, steps });
    expect(finding).toMatchObject({ kind: 'degraded', rung: 'answered', fault: { code: 'CERT_EXPIRING' } });
    expect(finding.facts['certificate_days']).toBeLessThan(6);
  });

  it('S-A5, MC-6: that are silent over TLS are late, not cut off', async () => {
    const { good, caFile } = await certificates();
    const server = createSecureServer(good, () => undefined).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
    const url = `https://localhost:${portOf(server)}/`;
    for (const settings of [{ url }, { steps: [{ url }] }])
      expect(await look({ ca: caFile, ip: 4, ...settings }, 500)).toMatchObject({
        kind: 'failed',
        rung: 'reachable',
        fault: { code: 'DEADLINE', cause: 'timeout' },
      });
  });

  it('S-A4: carry no cookie and no secret to another origin, whoever redirects there', async () => {
    const stranger = await desk((_asked, response) => response.end('{}'));
    const { url } = await desk((_asked, response) =>
      response.writeHead(302, { location: `${stranger.url}/trap`, 'set-cookie': 'sid=abcdef' }).end(),
    );
    const token = new Secret('a long enough key', 'env:KEY');
    await look({ steps: [{ url, follow: 1, headers: { 'x-key': '{{token}}' } }], secrets: { token } });
    expect(stranger.asked.map((each) => [each.url, each.headers.cookie, each.headers['x-key']])).toEqual([
      ['/trap', undefined, undefined],
    ]);
  });

  it('share one deadline', async () => {
    const { url } = await desk(({ url: path }, response) => {
      if (path === '/') response.end('{}');
    });
    const finding = await look({ steps: [{ url }, { url: `${url}/silent` }] }, 400);
    expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'DEADLINE' }, facts: { step_1_status: 200 } });
  });
});

describe('settings of several requests', () => {
  const url = 'https://help.example.id/';
  it.each([
    [{}, 'url: say which address'],
    [{ url, steps: [{ url }] }, 'url: either url, or steps'],
    [{ steps: [{ url }], method: 'POST' }, 'method: each of the steps says its own method'],
    [{ steps: [{ url }], expect: {} }, 'expect: each of the steps'],
    [{ steps: [{ url: `${url}{{id}}` }] }, 'steps.0: {{id}} is not captured by an earlier step'],
    [{ steps: [{ url, body: '{{id}}', method: 'POST' }] }, 'steps.0: {{id}} is not captured'],
    [{ steps: [{ url: `${url}{{constructor}}` }] }, 'steps.0: {{constructor}} is not captured'],
    [
      { steps: [{ url, capture: { id: '/id' } }, { url: 'https://{{id}}.example.id/' }] },
      'names in braces go into the path',
    ],
    [
      { steps: [{ url, capture: { id: '/id' } }, { url: 'https://help.example.id{{id}}/' }] },
      'names in braces go into',
    ],
    [
      { steps: [{ url: `${url}{{key}}` }], secrets: { key: new Secret('abcdef', 'env:KEY') } },
      'stays out of addresses',
    ],
    [{ url, secrets: { key: new Secret('abcdef', 'env:KEY') } }, 'secrets: only steps'],
    [{ steps: [{ url, capture: { run_id: '/id' } }] }, 'steps.0.capture.run_id: '],
    [{ steps: [{ url, capture: { id: '(' } }] }, 'neither a JSON pointer'],
    [{ steps: [{ url, body: 'x' }] }, 'a body is not sent with GET'],
    [{ steps: [] }, 'steps: '],
  ])('are refused: %j', (settings, words) => {
    expect(messagesOf(settings).join('\n')).toContain(words);
  });
});

describe('the language of an answer', () => {
  it.each([
    [
      '<html><head><style>the and you</style></head><p>Silakan hubungi kami melalui chat</p><script>if the you are and</script>',
      'id',
      'ok',
    ],
    ['<p>Please contact us, we are here to help you</p>', ['id', 'zh'], 'LANGUAGE'],
    ['{"to":"x","from":"y","text":"请问有什么可以帮您"}', 'zh', 'ok'],
    ['{"text":"请问有什么可以帮您"}', 'en', 'LANGUAGE'],
    ['OK', 'zh', 'ok'],
    ['Terima kasih telah menghubungi kami', ['en', 'id'], 'ok'],
  ])('in %s with %j promised is %s', async (body, language, code) => {
    const { url } = await desk((_asked, response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(body),
    );
    const finding = await look({ url, expect: { language } });
    expect(finding.kind === 'ok' ? 'ok' : finding.fault.code).toBe(code);
  });
});

describe('cookies', () => {
  const at = new URL('https://help.example.id/a');
  it('stay with their origin, are replaced and are forgotten when told', () => {
    const jar = new Jar();
    jar.take(at, [
      'a=1; Domain=example.id',
      'b=2; Max-Age=10',
      ' c = 3 ',
      'nonsense',
      '=4',
      'd=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
    ]);
    expect(jar.for(new URL('https://help.example.id/x/y'))).toBe('a=1; b=2; c=3');
    for (const other of ['http://help.example.id/', 'https://example.id/', 'https://help.example.id:8443/'])
      expect(jar.for(new URL(other))).toBeUndefined();
    jar.take(at, ['a=; Max-Age=0', 'b=9']);
    expect(jar.for(at)).toBe('c=3; b=9');
  });

  it('S-A7: of a far side that sends thousands, or control characters, do no harm', () => {
    const jar = new Jar();
    jar.take(at, [
      ...Array.from({ length: 2_000 }, (_, n) => `c${n}=${n}`),
      `big=${'x'.repeat(5_000)}`,
      'x=a\r\nEvil: 1',
      'y=\u4f60',
    ]);
    expect(jar.for(at)?.split('; ')).toHaveLength(50);
    expect(jar.for(at)).not.toMatch(/big|Evil|\u4f60/);
    for (let n = 0; n < 100; n += 1) jar.take(new URL(`https://h${n}.example.id/`), ['a=1']);
    expect(jar.for(new URL('https://h99.example.id/'))).toBeUndefined();
  });
});
