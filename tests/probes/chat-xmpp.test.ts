/** What an XMPP server may say to a visitor, and what comes of it: each condition by its own code, and nothing that breaks us. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import kind from '../../probes/chat-xmpp.ts';
import { child, escapeXml, parseXml } from '../../probes/lib/xml.ts';
import { Secret } from '../../src/core/secret.ts';
import { openChat, short } from '../lib/chat.ts';
import type { Far } from '../lib/chat.ts';
import { message, openXmpp } from '../lib/xmpp.ts';
import type { Script, XmppServer } from '../lib/xmpp.ts';
import { lookWith } from '../peers/look.ts';
import { contract, HOST, near } from '../contract/contract.ts';

const open: Far[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((far) => far.close()));
});

async function server(script: Script = {}): Promise<XmppServer> {
  const far = await openXmpp(script);
  open.push(far);
  return far;
}

const visit = ({ url }: Far, more: Record<string, unknown> = {}, timeoutMs = 4_000) =>
  lookWith(kind, { url, domain: 'guest.test', to: 'desk@chat.test', within: '500ms', ...more }, timeoutMs);

const FRAMING = 'xmlns="urn:ietf:params:xml:ns:xmpp-framing"';
const streamError = (condition: string) =>
  `<stream:error xmlns:stream="http://etherx.jabber.org/streams"><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>`;
const stanzaError = (condition: string) =>
  `<message xmlns="jabber:client" type="error" from="desk@chat.test" id="{id}"><error type="cancel"><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></message>`;

describe('the way in', () => {
  test('MC-31, no ANONYMOUS: visitors are refused, with what is offered instead', async () => {
    const mechanisms =
      '<mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>SCRAM-SHA-1</mechanism></mechanisms>';
    const finding = await visit(await server({ features: mechanisms }));
    expect(short(finding)).toBe('failed REJECTED reachable');
    expect(finding).toMatchObject({ fault: { message: expect.stringContaining('SCRAM-SHA-1') as string } });
    const user = { user: 'probe', password: new Secret('pw-123456', 'env:PW') };
    expect(short(await visit(await server({ features: mechanisms }), user))).toBe('unknown AUTH none');
  });

  test.each([
    ['not-authorized', 'failed REJECTED reachable'],
    ['temporary-auth-failure', 'failed SERVER_ERROR reachable'],
  ])('MC-31, SASL failure: %s', async (condition, words) => {
    const auth = `<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><${condition}/><text>no</text></failure>`;
    expect(short(await visit(await server({ auth })))).toBe(words);
  });

  test.each([
    ['see-other-host', 'failed REDIRECT reachable'],
    ['host-unknown', 'failed NOT_IN_SERVICE reachable'],
    ['resource-constraint', 'failed OVERLOAD reachable'],
    ['system-shutdown', 'failed SERVER_ERROR reachable'],
    ['policy-violation', 'failed REJECTED reachable'],
    ['bad-format', 'failed PROTO_REFUSED reachable'],
  ])('MC-31, stream error: %s', async (condition, words) => {
    expect(short(await visit(await server({ auth: streamError(condition) })))).toBe(words);
  });

  test('a stream that is closed at once, and one that points elsewhere without its query', async () => {
    expect(short(await visit(await server({ open: `<close ${FRAMING}/>` })))).toBe('failed PROTO_CLOSED reachable');
    const elsewhere = `<close ${FRAMING} see-other-uri="wss://other.test/ws?token=abc123"/>`;
    const finding = await visit(await server({ open: elsewhere }));
    expect(short(finding)).toBe('failed REDIRECT reachable');
    expect(finding).toMatchObject({ fault: { message: expect.stringMatching(/other\.test\/ws \(/) as string } });
  });

  test('a server that is full refuses the resource', async () => {
    const bind =
      '<iq xmlns="jabber:client" type="error" id="bind"><error type="wait"><resource-constraint xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>';
    expect(short(await visit(await server({ bind })))).toBe('failed OVERLOAD reachable');
  });

  test.each([
    ['a DOCTYPE with entities', '<!DOCTYPE a [<!ENTITY b "c">]><open/>', 'failed PROTO_GARBAGE reachable'],
    ['a thousand levels', `${'<a>'.repeat(1_000)}${'</a>'.repeat(1_000)}`, 'failed TOO_DEEP reachable'],
    ['100 KB in one piece', `<a>${'x'.repeat(100_000)}</a>`, 'failed TOO_LARGE reachable'],
    ['JSON', '{"type":"hello"}', 'failed PROTO_GARBAGE reachable'],
    ['another element', '<hello xmlns="a"/>', 'failed PROTO_GARBAGE reachable'],
  ])('MC-31: %s instead of a stream', async (_name, garbage, words) => {
    const finding = await visit(await server({ open: garbage }));
    expect(short(finding)).toBe(words);
    expect(JSON.stringify(finding).length).toBeLessThan(10_000);
  });

  test('a server that falls silent in the middle of the login is waited for until the deadline only', async () => {
    const far = await openChat(() => undefined, { handleProtocols: () => 'xmpp' });
    open.push(far);
    const began = performance.now();
    expect(short(await visit(far, {}, 1_200))).toBe('failed DEADLINE reachable');
    expect(performance.now() - began).toBeLessThan(2_200);
  });

  test('a server of another kind is no chat for an XMPP client', async () => {
    const far = await openChat((guest) => guest.send('hello'), { handleProtocols: () => false });
    open.push(far);
    expect(short(await visit(far))).toBe('failed PROTO_REFUSED reachable');
  });
});

describe('the conversation', () => {
  test('pings are answered, other requests declined, typing is no answer', async () => {
    const iq = (id: string, inner: string) =>
      `<iq xmlns="jabber:client" type="get" id="${id}" from="guest.test">${inner}</iq>`;
    const far = await server({
      bound: [iq('p1', '<ping xmlns="urn:xmpp:ping"/>'), iq('v1', '<query xmlns="jabber:iq:version"/>')],
      answers: ['<message xmlns="jabber:client" from="desk@chat.test/web"><composing xmlns="c"/></message>'],
    });
    expect(short(await visit(far))).toBe('failed NO_REPLY accepting');
    const answers = far.heard.filter((each) => each.startsWith('<iq') && !each.includes('type="set"'));
    expect(answers).toHaveLength(2);
    expect(answers[0]).toMatch(/type="result" id="p1" to="guest\.test"/);
    expect(answers[1]).toMatch(/type="error" id="v1".*service-unavailable/);
  });

  test('only the desk itself answers, and only now: strangers, delayed words and headlines do not', async () => {
    const delay = '<delay xmlns="urn:xmpp:delay" stamp="2026-11-01T00:00:00Z"/>';
    const answers = [
      message('Halo', '', 'stranger@chat.test/x'),
      message('Halo', delay),
      message('Halo').replace('"chat"', '"headline"'),
    ];
    expect(short(await visit(await server({ answers })))).toBe('failed NO_REPLY accepting');
    expect(short(await visit(await server({ answers: [...answers, message('Halo')] })))).toBe('ok answered');
  });

  test('who answers is what the operator says of the desk, unless its name says bot', async () => {
    const far = await server({ answers: [message('Halo')] });
    expect(short(await visit(far, { who: 'person' }))).toBe('ok answered_by_person');
    const bot = await server({ answers: [message('Halo', '', 'support-bot@chat.test/1')] });
    expect(short(await visit(bot, { who: 'person', to: 'support-bot@chat.test' }))).toBe('ok answered');
  });

  test('the first reply and the first reply by a person are two numbers: a bot answers by its own resource', async () => {
    const words = [message('Kami sambungkan', '', 'desk@chat.test/bot'), message('Halo, saya Sari')];
    const finding = await visit(await server({ answers: words }), { who: 'person', expect: { from: 'person' } });
    expect([short(finding), finding.facts['responder']]).toEqual(['ok answered_by_person', 'person']);
    const { first_reply: first = Infinity, first_person_reply: person = -1 } = finding.phases;
    expect(first).toBeLessThanOrEqual(person);
    const [bot] = words;
    const alone = await visit(await server({ answers: bot === undefined ? [] : [bot] }), { who: 'person' });
    expect([short(alone), alone.phases['first_person_reply']]).toEqual(['ok answered', undefined]);
  });

  test.each([
    ['service-unavailable', 'failed UNAVAILABLE accepting'],
    ['item-not-found', 'failed NOT_IN_SERVICE accepting'],
    ['forbidden', 'failed REJECTED accepting'],
    ['remote-server-timeout', 'failed SERVER_ERROR accepting'],
    ['feature-not-implemented', 'failed PROTO_REFUSED accepting'],
  ])('our message comes back: %s', async (condition, words) => {
    expect(short(await visit(await server({ answers: [stanzaError(condition)] })))).toBe(words);
  });

  test('queue and out-of-office words', async () => {
    const queue = await visit(await server({ answers: [message('Posisi antrean Anda: 4')] }));
    expect([short(queue), queue.facts['queue_position']]).toEqual(['degraded OVERLOAD accepting', 4]);
    const closed = await visit(await server({ answers: [message('现在是非工作时间')] }));
    expect(short(closed)).toBe('failed OUT_OF_OFFICE accepting');
  });

  test('words that are markup stay words, in both directions', async () => {
    const far = await server({ answers: [message('&lt;b&gt; &amp; &#x4F60;')] });
    const finding = await visit(far, { say: '</body><x a="1">&', expect: { matches: '^<b> & 你$' } });
    expect(short(finding)).toBe('ok answered');
    expect(far.heard.find((each) => each.startsWith('<message'))).toContain(
      '&lt;/body&gt;&lt;x a=&quot;1&quot;&gt;&amp;',
    );
  });

  test('the stream is closed before the WebSocket', async () => {
    const far = await server({ answers: [message('Halo')] });
    await visit(far);
    expect(far.heard.at(-1)).toBe(`<close ${FRAMING}/>`);
  });

  test('S-G3: a password is on the wire once and in no finding', async () => {
    const password = new Secret('pw-s3cr3t-77', 'env:PW');
    const plain = '<mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>PLAIN</mechanism></mechanisms>';
    const auth = Buffer.from('\0probe\0pw-s3cr3t-77').toString('base64');
    const far = await server({
      features: plain,
      auth: `<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><not-authorized/><text>pw-s3cr3t-77 ${auth}</text></failure>`,
    });
    const finding = await visit(far, { user: 'probe', password });
    expect(short(finding)).toBe('unknown AUTH none');
    expect(far.heard.some((each) => each.includes(auth))).toBe(true);
    for (const each of ['s3cr3t', auth.slice(0, 12)]) expect(JSON.stringify(finding)).not.toContain(each);
  });
});

describe('one XML element', () => {
  const read = (text: string) => {
    const parsed = parseXml(text);
    return parsed.ok ? parsed.element : parsed.fault.code;
  };

  test('is read with its namespaces', () => {
    const element = read('<a:x xmlns:a="one" xmlns="two"><y k=\'v&amp;\'>t<![CDATA[<&>]]></y></a:x>');
    expect(element).toMatchObject({ name: 'x', namespace: 'one', children: [{ name: 'y', namespace: 'two' }] });
    expect(typeof element === 'string' ? element : child(element, 'y', 'two')).toMatchObject({
      text: 't<&>',
      attributes: { k: 'v&' },
    });
  });

  test.each([
    ...['', 'x', '<', '<a', '<a>', '<a></b>', '<a/><b/>', '<a/>x', '<a b></a>', '<a b=c/>', '<a b="1" b="2"/>'],
    ...['<p:a/>', '<a>&unknown;</a>', '<a>&#0;</a>', '<a>&#xD800;</a>', '<a>&</a>', '<a b="<"/>', '<!-- c --><a/>'],
    ...['<?xml version="1.0"?><a/>', '<a><!-- c --></a>', '<a><![CDATA[x</a>', '<1/>', '<a b="1"c="2"/>'],
  ])('%j is none', (text) => {
    expect(read(text)).toBe('PROTO_GARBAGE');
  });

  test('whatever is written comes back, and whatever comes in is read or refused', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const element = read(`<a b="${escapeXml(text)}">${escapeXml(text)}</a>`);
        const clean = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, '');
        expect(element).toMatchObject({ text: clean, attributes: { b: clean } });
      }),
      { numRuns: 200 },
    );
    const soup = fc.array(fc.constantFrom('<', '>', '/', 'a', ':', '"', '=', '&', ';', '#', ' ', '!', '[', ']', 'x'), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(soup, (parts) => {
        expect(typeof parseXml(parts.join('')).ok).toBe('boolean');
      }),
      { numRuns: 500 },
    );
  });

  test('64 KB of the worst text is read in a moment', () => {
    for (const piece of ['&', '<a ', '<a>', '&#', ' ', 'a="', '<a b="1" ']) {
      const began = performance.now();
      parseXml(`<a>${piece.repeat(Math.floor(60_000 / piece.length))}`);
      expect(performance.now() - began, piece).toBeLessThan(1_000);
    }
  });
});

test.each([
  ['an address of the web', { url: 'https://chat.example.id/' }],
  ['a user without a password', { user: 'probe' }],
  ['a domain that would break the stream', { domain: 'a"/><x' }],
  ['an address that is none', { to: '@' }],
  ['words and nobody to say them to', { to: undefined, say: 'hello' }],
  ['a password over a plain line', { url: 'ws://a.id/x', user: 'a', password: new Secret('b', 'env:B') }],
  ['a key that does not exist', { colour: 'red' }],
])('settings with %s are refused', (_name, more) => {
  expect(kind.schema.safeParse(kind.example).success).toBe(true);
  expect(kind.schema.safeParse({ ...kind.example, ...more }).success).toBe(false);
});

contract('chat-xmpp', {
  transports: ['tcp', 'tls'],
  with: (port, transport, canary) => ({
    ...near,
    url: `${transport === 'tls' ? 'wss' : 'ws'}://${HOST}:${port}/xmpp`,
    domain: 'example.id',
    user: 'probe',
    password: canary,
    to: 'support@example.id',
  }),
});
