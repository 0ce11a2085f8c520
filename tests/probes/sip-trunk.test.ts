/** What differs from trunk to trunk: how numbers are dialled, who we say we are, which ports and addresses are ours, and IP version 6. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import kind from '../../probes/sip-call.ts';
import { headerOf, listOf, parameterOf, uriOf } from '../../probes/lib/sip/header.ts';
import type { SipRequest } from '../../probes/lib/sip/message.ts';
import { uriFor } from '../../probes/lib/sip/trunk.ts';
import type { Callee, Trunk } from '../../probes/lib/sip/trunk.ts';
import { openMemory } from '../../src/core/recall.ts';
import { call, callTo, openFarEnd, openSpeaker, sdpFor } from '../lib/farside.ts';
import type { FarEnd } from '../lib/farside.ts';
import { look, openTcp } from '../lib/sip.ts';
import { join, voice } from '../lib/sounds.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function farEnd(script: Parameters<typeof openFarEnd>[0], host?: string): Promise<FarEnd> {
  const end = await openFarEnd(script, host);
  open.push(end);
  return end;
}

const busy = (request: SipRequest, end: FarEnd): void => {
  if (request.method === 'INVITE') end.reply(request, 486, 'Busy Here');
};

const example = { trunk: { address: 'sip:trunk.example.id' }, call: '+622150849000', allow: ['+622150849000'] };
const refusal = (change: Record<string, unknown>): string => {
  const parsed = kind.schema.safeParse({ ...example, ...change });
  return parsed.success ? '' : parsed.error.issues.map(({ message }) => message).join('; ');
};

/** The INVITE that some settings lead to. */
async function inviteFor(trunk: Record<string, unknown>, settings: Record<string, unknown> = {}): Promise<SipRequest> {
  const end = await farEnd(busy);
  const number = '+622150841234';
  await call(callTo(end.port, { call: number, allow: [number], trunk, ...settings }));
  return end.requests('INVITE')[0] ?? expect.fail('no call was made');
}

describe('edge 34: numbers as a trunk wants them', () => {
  it.each([
    [undefined, '+622150841234', true],
    [{ prefix: '00' }, '00622150841234', false],
    [{ prefix: '011' }, '011622150841234', false],
    [{ prefix: '' }, '622150841234', false],
    [{ country: '62' }, '02150841234', false],
    [{ country: '62', national: '' }, '2150841234', false],
    [{ country: '65', prefix: '001' }, '001622150841234', false],
    [{ prefix: '77#' }, '77%23622150841234', false],
  ])('%j', (rewrite, user, isGlobal) => {
    const trunk = { address: 'sip:trunk.example.id:5070', ...(rewrite === undefined ? {} : { rewrite }) };
    const number = '+622150841234';
    const settings = kind.schema.parse({ trunk, call: number, allow: [number] }) as { call: Callee; trunk: Trunk };
    // RFC 3966 §5.1.5: a number without its plus would need a context, and `user=phone` with it.
    const phone = isGlobal ? ';user=phone' : '';
    expect(uriFor(settings.call, settings.trunk)).toBe(`sip:${user}@trunk.example.id:5070${phone}`);
  });

  it('Request-URI and To have it, and what may not stand there is escaped', async () => {
    const invite = await inviteFor({ rewrite: { prefix: '77#' } });
    expect(invite.uri).toMatch(/^sip:77%23622150841234@127\.0\.0\.1:\d+$/);
    expect(uriOf(headerOf(invite, 'to') ?? '')).toBe(invite.uri);
  });

  it('an extension is no part of the number, and is pressed once somebody has answered', async () => {
    const speaker = await openSpeaker();
    open.push(speaker);
    const end = await farEnd((request, far) => {
      if (request.method === 'INVITE') far.reply(request, 200, 'OK', { body: sdpFor(speaker.port) });
      else if (request.method !== 'ACK') far.reply(request, 200, 'OK');
    });
    const number = '+622150841234';
    const settings = callTo(end.port, { call: `tel:${number};ext=47-1`, allow: [number], listen: '1s' });
    expect(await call(settings)).toMatchObject({ rung: 'answered', facts: { outcome: 'answered_no_media' } });
    expect(end.requests('INVITE')[0]?.uri).toContain(`:${number}@`);
    expect(speaker.keys()).toBe('471');
    expect(refusal({ call: '+622150849000;ext=12', hangup: 'on_ring' })).toMatch(/after_listen/);
    expect(refusal({ call: '+622150849000;isub=12' })).toMatch(/no number to call/);
  });

  it.each([
    ['+6200110', { country: '62', national: '' }, /an emergency number/],
    ['+6280912345', { country: '62' }, /a premium-rate number/],
    ['+6219001234567', { country: '62', national: '' }, /a premium-rate number/],
    ['+14165550123', { prefix: '' }, /^$/],
    ['+19055550123', { prefix: '' }, /^$/],
  ])('S-I7: %s rewritten by %j is looked at again', (number, rewrite, words) => {
    const trunk = { address: 'sip:trunk.example.id', rewrite };
    expect(refusal({ trunk, call: number, allow: [number] })).toMatch(words);
  });

  it('a rule that lost its zeros to YAML is refused, not guessed', () => {
    expect(refusal({ trunk: { address: 'sip:x', rewrite: { prefix: 0 } } })).toMatch(/in quotes/);
    expect(refusal({ trunk: { address: 'sip:x', rewrite: { prefix: '+00' } } })).toBe('');
    expect(refusal({ trunk: { address: 'sip:x', rewrite: { prefix: 'abc' } } })).toMatch(/such as/);
  });
});

describe('edge 35: who we are', () => {
  it.each([
    ['asserted', 'p-asserted-identity'],
    ['preferred', 'p-preferred-identity'],
  ])('%s, in every INVITE (RFC 3325)', async (name, header) => {
    const invite = await inviteFor({ identity: { [name]: '+622150849123' } }, { from: 'sip:desk@pbx.example.id' });
    expect(headerOf(invite, header)).toBe('<sip:+622150849123@127.0.0.1;user=phone>');
    expect(uriOf(headerOf(invite, 'from') ?? '')).toBe('sip:desk@pbx.example.id');
  });

  it('nothing, when nothing is set', async () => {
    const invite = await inviteFor({});
    expect(headerOf(invite, 'p-asserted-identity') ?? headerOf(invite, 'p-preferred-identity')).toBeUndefined();
  });
});

describe('edge 41: ports of our own', () => {
  const soundPort = (invite: SipRequest | undefined): number =>
    Number(/^m=audio (\d+)/m.exec(invite?.body.toString() ?? '')?.[1]);

  it('sound comes to an even port of the range, and passes over one that is taken', async () => {
    const taken = createSocket('udp4');
    taken.bind(42_350, '127.0.0.1');
    await once(taken, 'listening');
    const ports = new Set<number>();
    const end = await farEnd(busy);
    for (let each = 0; each < 3; each += 1) await call(callTo(end.port, { rtp_ports: '42349-42353' }));
    for (const invite of end.requests('INVITE')) ports.add(soundPort(invite));
    taken.close();
    expect([...ports]).toEqual([42_352]);
  });

  it('one call after the other takes another port, and a range that is used up is our own trouble', async () => {
    const end = await farEnd(busy);
    for (let each = 0; each < 3; each += 1) await call(callTo(end.port, { rtp_ports: '42360-42365' }));
    expect(end.requests('INVITE').map(soundPort).sort()).toEqual([42_360, 42_362, 42_364]);
    const taken = createSocket('udp4');
    taken.bind(42_366, '127.0.0.1');
    await once(taken, 'listening');
    const finding = await call(callTo(end.port, { rtp_ports: '42366-42367' }));
    taken.close();
    expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'PORTS_TAKEN', blame: 'probe' } });
    expect(end.requests('INVITE')).toHaveLength(3);
  });

  it('a port for SIP that somebody else has is our own trouble, too', async () => {
    const taken = createSocket('udp4');
    taken.bind(42_373, '127.0.0.1');
    await once(taken, 'listening');
    const end = await farEnd(busy);
    const finding = await call(callTo(end.port, { trunk: { local_port: 42_373 } }));
    taken.close();
    expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'PORTS_TAKEN', blame: 'probe' } });
    expect(end.heard).toEqual([]);
  });

  it('a trunk that knows us by our port is called from there', async () => {
    const invite = await inviteFor({ local_port: 42_371 });
    expect(listOf(invite, 'via')[0]).toContain('127.0.0.1:42371;');
    expect(refusal({ trunk: { address: 'sip:x;transport=tls', local_port: 5_070 } })).toMatch(/UDP/);
  });

  it.each(['1000-2000', '40000', '40001-40001', '50000-40000', '60000-70000'])('refuses the range %s', (range) => {
    expect(refusal({ rtp_ports: range })).toMatch(/no range of ports/);
  });
});

it('edge 11: behind a NAT we learn how the trunk sees us, and say so', async () => {
  const end = await farEnd((request, far) => {
    if (request.method !== 'OPTIONS') return busy(request, far);
    const [via = ''] = listOf(request, 'via');
    const seen = via.replace(/;rport/, ';received=127.0.0.7;rport=4711');
    return far.send(
      Buffer.from(
        [
          'SIP/2.0 404 Not Found',
          `Via: ${seen}`,
          ...['from', 'to', 'call-id', 'cseq'].map((name) => `${name}: ${headerOf(request, name) ?? ''}`),
          'Content-Length: 0',
          '',
          '',
        ].join('\r\n'),
      ),
    );
  });
  const finding = await call(callTo(end.port, { trunk: { nat: 'rport' } }));
  const invite = end.requests('INVITE')[0] ?? expect.fail('no call was made');
  expect(uriOf(headerOf(invite, 'contact') ?? '')).toBe('sip:ringback@127.0.0.7:4711');
  expect(invite.body.toString()).toContain('c=IN IP4 127.0.0.7\r\n');
  expect(listOf(invite, 'via')[0]).not.toContain('127.0.0.7');
  expect(finding.facts).toMatchObject({ outcome: 'busy', seen_as: '127.0.0.7:4711' });
});

describe('edge 17: a call that is sent elsewhere', () => {
  const other = '+622150845678';
  /** Sends every call to `contact`, but for one to `other`, which is busy. */
  const sends = (contact: string) =>
    farEnd((request, end) => {
      if (request.method !== 'INVITE') return;
      if (request.uri.includes(other)) end.reply(request, 486, 'Busy Here');
      else end.reply(request, 302, 'Moved Temporarily', { headers: { contact } });
    });
  const follow = async (contact: string, settings: Record<string, unknown> = {}) => {
    const end = await sends(contact);
    const number = '+622150841111';
    const all = { call: number, allow: [number, other], redirects: 'follow', ...settings };
    const finding = await call(callTo(end.port, all));
    return { finding, dialled: end.requests('INVITE').map((each) => /^sip:([^@]*)@127/.exec(each.uri)?.[1]) };
  };

  it.each([`<sip:${other}@192.0.2.99:5099>`, `<tel:${other}>;q=0.5`, `<sip:nobody@x>, <sip:00622150845678@x>`])(
    'is followed to a number that is allowed, through the same trunk: %s',
    async (contact) => {
      const { finding, dialled } = await follow(contact);
      expect(dialled).toEqual(['+622150841111', other]);
      expect(finding).toMatchObject({ kind: 'failed', facts: { outcome: 'busy', status: 486 } });
      expect(String(finding.facts['followed_to'])).toContain(other);
    },
  );

  it.each([
    ['nobody allowed it', '<sip:+622150849999@127.0.0.1>', {}],
    ['it leads back', '<sip:+622150841111@127.0.0.1>', {}],
    ['nobody asked for it', `<sip:${other}@127.0.0.1>`, { redirects: 'report' }],
  ])('is not followed when %s', async (_, contact, settings) => {
    const { finding, dialled } = await follow(contact, settings);
    expect(dialled).toEqual(['+622150841111']);
    expect(finding).toMatchObject({ kind: 'degraded', facts: { outcome: 'redirected', status: 302 } });
  });

  it('is followed once', async () => {
    const end = await farEnd((request, far) => {
      const contact = `<sip:${request.uri.includes(other) ? '+622150845679' : other}@x>`;
      if (request.method === 'INVITE') far.reply(request, 302, 'Moved', { headers: { contact } });
    });
    const number = '+622150841112';
    const all = { call: number, allow: [number, other, '+622150845679'], redirects: 'follow' };
    expect((await call(callTo(end.port, all))).facts['outcome']).toBe('redirected');
    expect(end.requests('INVITE')).toHaveLength(2);
  });
});

it('a connection that ends before the call begins is told at once, and not waited for', async () => {
  const server = await openTcp((socket) => socket.end());
  open.push(server);
  const began = performance.now();
  const settings = callTo(0, { trunk: { address: `sip:127.0.0.1:${server.port};transport=tcp` } });
  const finding = await call(settings, 40_000);
  expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'PROTO_CLOSED', blame: 'trunk' } });
  expect(performance.now() - began).toBeLessThan(20_000);
});

describe('edge 16: IP version 6', () => {
  it('is spoken in addresses, descriptions and sound', async () => {
    const speaker = await openSpeaker('::1');
    open.push(speaker);
    const end = await farEnd((request, far) => {
      if (request.method === 'INVITE') {
        const body = sdpFor(speaker.port, { 'c=': 'c=IN IP6 ::1', 'o=': 'o=far 1 1 IN IP6 ::1' });
        far.reply(request, 180, 'Ringing');
        far.reply(request, 200, 'OK', { body });
        speaker.play(request, join(voice(), voice()));
      } else if (request.method !== 'ACK') far.reply(request, 200, 'OK');
    }, '::1');
    const trunk = { address: `sip:[::1]:${end.port}` };
    const finding = await call(callTo(end.port, { trunk, hangup: 'after_listen', listen: '2500ms' }));
    expect(finding).toMatchObject({ kind: 'ok', rung: 'answered', facts: { outcome: 'answered', audio: 'voice' } });
    const invite = end.requests('INVITE')[0] ?? expect.fail('no call was made');
    expect(invite.uri).toContain(`@[::1]:${end.port}`);
    expect(listOf(invite, 'via')[0]).toMatch(/^SIP\/2\.0\/UDP \[::1\]:\d+;/);
    expect(uriOf(headerOf(invite, 'contact') ?? '')).toMatch(/^sip:ringback@\[::1\]:\d+$/);
    expect(invite.body.toString()).toMatch(/\r\nc=IN IP6 ::1\r\n/);
    expect(end.requests('BYE')).toHaveLength(1);
    expect(parameterOf(headerOf(end.requests('BYE')[0] ?? invite, 'to') ?? '', 'tag')).toBe('far');
    expect(speaker.packets()).toBeGreaterThan(20);
  });

  it('is asked whether it is there, too', async () => {
    const end = await farEnd((request, far) => far.reply(request, 200, 'OK'), '::1');
    const finding = await look({ address: `sip:[::1]:${end.port}` });
    expect(finding).toMatchObject({ kind: 'ok', facts: { address: '::1', status: 200 } });
  });
});

describe('edge 37: a line that does not want us', () => {
  it('is left alone after a restart, and what else was remembered stays', async () => {
    const end = await farEnd((request, far) => {
      if (request.method === 'INVITE') far.reply(request, 608, 'Rejected');
    });
    const kept = openMemory(JSON.stringify({ calls: 'aar' }));
    const settings = callTo(end.port);
    expect(await call(settings, 20_000, undefined, kept)).toMatchObject({ fault: { code: 'CALLER_UNWANTED' } });
    const left = kept.left() ?? expect.fail('nothing was left');
    expect(JSON.parse(left)).toMatchObject({ calls: 'aar', rest: { ms: 3_600_000 } });
    // Another process knows nothing but what was left: here another number stands for it.
    const number = '+622150847777';
    const who = (JSON.parse(left) as { rest: { who: string } }).rest.who.replace(/\+\d+$/, number);
    const hour = 3_600_000;
    const rests = (until: number) => openMemory(JSON.stringify({ calls: 'aar', rest: { who, until, ms: hour } }));
    const again = callTo(end.port, { call: number, allow: [number] });
    const resting = await call(again, 20_000, undefined, rests(Date.now() + hour / 2));
    expect(resting).toMatchObject({ kind: 'unknown', fault: { message: expect.stringContaining('30 minutes') } });
    expect(end.requests('INVITE')).toHaveLength(1);
    // Over: it is tried again, and the next rest is twice as long.
    const over = rests(Date.now() - 1);
    await call(again, 20_000, undefined, over);
    expect(end.requests('INVITE')).toHaveLength(2);
    expect(JSON.parse(over.left() ?? '')).toMatchObject({ calls: 'aar', rest: { who, ms: 2 * hour } });
  });

  it('is forgiven when it takes a call', async () => {
    const end = await farEnd((request, far) => {
      if (request.method === 'INVITE') far.reply(request, 180, 'Ringing');
      else if (request.method === 'CANCEL') {
        far.reply(request, 200, 'OK');
        far.reply(far.requests('INVITE')[0] ?? request, 487, 'Request Terminated');
      }
    });
    const settings = callTo(end.port);
    const who = `sip:anonymous@anonymous.invalid ${String(settings['call'])}`;
    const memory = openMemory(JSON.stringify({ calls: 'l', rest: { who, until: Date.now() - 1, ms: 7_200_000 } }));
    expect((await call(settings, 20_000, undefined, memory)).kind).toBe('ok');
    expect(JSON.parse(memory.left() ?? '')).toEqual({ calls: 'lh' });
  });
});
