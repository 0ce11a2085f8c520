/** The demo's SIP desk: every fault as the probe sees it, and whole calls with sound, as a telephone would make them. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { headerOf, parameterOf } from '../../probes/lib/sip/header.ts';
import { openFramer } from '../../probes/lib/sip/framer.ts';
import { formatMessage } from '../../probes/lib/sip/message.ts';
import type { Header, SipMessage, SipResponse } from '../../probes/lib/sip/message.ts';
import { openSipDesk } from '../../src/demo/sip.ts';
import type { SipDesk } from '../../src/demo/sip.ts';
import { encodeUlaw, greeting, packet } from '../../src/demo/voice.ts';
import { certificates } from '../lib/certs.ts';
import { look, messageOf, openUdp } from '../lib/sip.ts';

let ca: string;
let desk: SipDesk;

beforeAll(async () => {
  const { caFile, good, expired } = await certificates();
  ca = caFile;
  desk = await openSipDesk({ tls: good, expired, slowMs: 400, ringMs: 60 });
});
afterEach(() => desk.set('none'));
afterAll(() => desk.close());

type Way = 'udp' | 'tcp' | 'tls';
const see = (way: Way, timeoutMs = 2_500) => {
  const port = way === 'tls' ? desk.address.tlsPort : desk.address.udpPort;
  return look({ address: `sip:127.0.0.1:${port};transport=${way}`, ca }, timeoutMs);
};

describe('the SIP desk, as sip-options sees it', () => {
  const table: [string, Way, string, string | undefined][] = [
    ['none', 'udp', 'ok', undefined],
    ['none', 'tcp', 'ok', undefined],
    ['none', 'tls', 'ok', undefined],
    ['down', 'udp', 'failed', 'UDP_REFUSED'],
    ['down', 'tcp', 'failed', 'TCP_REFUSED'],
    ['down', 'tls', 'failed', 'TCP_REFUSED'],
    ['slow', 'udp', 'ok', undefined],
    ['slow', 'tls', 'ok', undefined],
    ['busy', 'udp', 'degraded', 'BUSY'],
    ['overload', 'udp', 'failed', 'OVERLOAD'],
    ['overload', 'tcp', 'failed', 'OVERLOAD'],
    ['wrong', 'udp', 'failed', 'PROTO_GARBAGE'],
    ['wrong', 'tcp', 'failed', 'PROTO_GARBAGE'],
    ['unanswered', 'udp', 'failed', 'UNAVAILABLE'],
    ['expired', 'tls', 'failed', 'CERT_EXPIRED'],
    ['expired', 'udp', 'ok', undefined],
    ['maintenance', 'udp', 'failed', 'MAINTENANCE'],
    ['maintenance', 'tls', 'failed', 'MAINTENANCE'],
  ];
  it.each(table)('with fault %s over %s is %s (%s), and well again afterwards', async (name, way, kind, code) => {
    await desk.set(name);
    const finding = await see(way, name === 'wrong' ? 800 : 2_500);
    expect(finding.kind).toBe(kind);
    expect(finding.kind === 'ok' ? undefined : finding.fault.code).toBe(code);
    await desk.set('none');
    expect((await see(way)).kind).toBe('ok');
  });

  it.each([
    ['udp', 'UDP_SILENT'],
    ['tcp', 'DEADLINE'],
    ['tls', 'DEADLINE'],
  ] as const)('with fault silence over %s is %s', async (way, code) => {
    await desk.set('silence');
    expect(await see(way, 900)).toMatchObject({ kind: 'failed', fault: { code } });
  });

  it('is late when it is slow, and says when to come back when it is overloaded', async () => {
    await desk.set('slow');
    expect((await see('tcp')).phases['reply']).toBeGreaterThan(350);
    await desk.set('overload');
    expect((await see('udp')).facts).toMatchObject({ status: 503, retry_after: 120, server: 'Ringback demo desk' });
  });

  it('keeps its ports through down and back, however fast one clicks', async () => {
    const before = desk.address;
    await Promise.all(['down', 'none', 'down', 'busy', 'down', 'none'].map((name) => desk.set(name)));
    expect(desk.address).toEqual(before);
    expect((await see('udp')).kind).toBe('ok');
    await expect(desk.set('sunk')).rejects.toThrow('knows no fault');
  });
});

/** A telephone by hand: sends what it is told to and waits for what it expects. */
async function openPhone(way: 'udp' | 'tcp') {
  const media = await openUdp(() => undefined);
  const inbox: SipMessage[] = [];
  const socket = way === 'udp' ? createSocket('udp4') : connect(desk.address.udpPort, '127.0.0.1');
  const framer = openFramer();
  if ('bind' in socket) socket.on('message', (bytes) => inbox.push(messageOf(bytes)));
  else socket.on('data', (bytes) => inbox.push(...framer.push(bytes).messages));
  const callId = `call-${Math.round(performance.now() * 1_000)}`;
  const send = (method: string, cseq: string, branch: string, to = '<sip:desk@127.0.0.1>', sdp = ''): void => {
    const headers: Header[] = [
      { name: 'via', value: `SIP/2.0/${way.toUpperCase()} 127.0.0.1:9;branch=z9hG4bK${branch};rport` },
      { name: 'from', value: '<sip:phone@127.0.0.1>;tag=phone' },
      { name: 'to', value: to },
      { name: 'call-id', value: callId },
      { name: 'cseq', value: cseq },
      { name: 'contact', value: '<sip:phone@127.0.0.1:9>' },
    ];
    const bytes = formatMessage({
      kind: 'request',
      method,
      uri: 'sip:desk@127.0.0.1',
      headers,
      body: Buffer.from(sdp),
    });
    if ('bind' in socket) socket.send(bytes, desk.address.udpPort, '127.0.0.1');
    else socket.write(bytes);
  };
  const offer = (format = 0) =>
    `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${media.port} RTP/AVP ${format} 101\r\n`;
  const hear = async (status: number): Promise<SipResponse> => {
    const find = () => inbox.find((each) => each.kind === 'response' && each.status === status);
    await expect.poll(find, { timeout: 5_000 }).toBeDefined();
    const found = find();
    if (found?.kind !== 'response') throw new Error('a response');
    return found;
  };
  const close = async () => {
    await media.close();
    if ('bind' in socket) socket.close();
    else socket.destroy();
  };
  return { media, inbox, send, offer, hear, close };
}

describe('a call to the SIP desk', () => {
  it.each(['udp', 'tcp'] as const)('over %s rings, is answered, speaks, and ends with BYE', async (way) => {
    const phone = await openPhone(way);
    phone.send('INVITE', '1 INVITE', 'a', undefined, phone.offer());
    await phone.hear(100);
    await phone.hear(180);
    const answered = await phone.hear(200);
    expect(answered.body.toString()).toMatch(/m=audio \d+ RTP\/AVP 0 101\r\n/);
    const to = headerOf(answered, 'to') ?? '';
    expect(parameterOf(to, 'tag')).toMatch(/^[0-9a-f]{12}$/);
    phone.send('ACK', '1 ACK', 'b', to);
    await expect.poll(() => phone.media.received.length, { timeout: 5_000 }).toBeGreaterThan(10);
    const packets = phone.media.received.slice(0, 10);
    expect(packets.every((each) => each.length === 172 && each[0] === 0x80 && (each.readUInt8(1) & 0x7f) === 0)).toBe(
      true,
    );
    const [first] = packets;
    packets.forEach((each, index) => {
      expect(each.readUInt16BE(2)).toBe(((first?.readUInt16BE(2) ?? 0) + index) & 0xffff);
      expect(each.readUInt32BE(4)).toBe(((first?.readUInt32BE(4) ?? 0) + index * 160) >>> 0);
    });
    phone.inbox.length = 0;
    phone.send('BYE', '2 BYE', 'c', to);
    await phone.hear(200);
    const heard = phone.media.received.length;
    await new Promise((done) => {
      setTimeout(done, 150);
    });
    expect(phone.media.received.length).toBeLessThanOrEqual(heard + 2);
    phone.inbox.length = 0;
    phone.send('BYE', '3 BYE', 'd', '<sip:desk@127.0.0.1>;tag=stranger');
    await phone.hear(481);
    await phone.close();
  });

  it('that is given up while it rings ends with 487', async () => {
    await desk.set('unanswered');
    const phone = await openPhone('udp');
    phone.send('INVITE', '1 INVITE', 'a', undefined, phone.offer());
    await phone.hear(180);
    phone.send('CANCEL', '1 CANCEL', 'a');
    await phone.hear(200);
    const ended = await phone.hear(487);
    expect(headerOf(ended, 'cseq')).toBe('1 INVITE');
    await phone.close();
  });

  it('is answered again and again until the ACK comes, and the same INVITE opens no second call', async () => {
    const phone = await openPhone('udp');
    phone.send('INVITE', '1 INVITE', 'a', undefined, phone.offer());
    const to = headerOf(await phone.hear(200), 'to') ?? '';
    phone.send('INVITE', '1 INVITE', 'a', undefined, phone.offer());
    const answers = () => phone.inbox.filter((each) => each.kind === 'response' && each.status === 200);
    await expect.poll(() => answers().length, { timeout: 5_000 }).toBeGreaterThanOrEqual(3);
    expect(new Set(answers().map((each) => headerOf(each, 'to'))).size).toBe(1);
    phone.send('ACK', '1 ACK', 'b', to);
    phone.send('BYE', '2 BYE', 'c', to);
    await phone.close();
  });

  it.each([
    ['busy', 486],
    ['overload', 503],
    ['maintenance', 503],
    ['wrong', 404],
  ] as const)('with fault %s gets %i', async (name, status) => {
    await desk.set(name);
    const phone = await openPhone('tcp');
    phone.send('INVITE', '1 INVITE', 'a', undefined, phone.offer());
    await phone.hear(status);
    await phone.close();
  });

  it('with a codec that the desk does not speak gets 488, and a word it does not know 405', async () => {
    const phone = await openPhone('udp');
    phone.send('INVITE', '1 INVITE', 'a', undefined, phone.offer(18));
    await phone.hear(488);
    phone.send('SUBSCRIBE', '1 SUBSCRIBE', 'b');
    await phone.hear(405);
    await phone.close();
  });
});

describe("the desk's voice", () => {
  it('encodes as ITU-T G.711 µ-law says', () => {
    // Corner values of the table of G.711 for 16-bit input.
    expect([0, -1, 32_767, -32_768, 1_000, -1_000].map(encodeUlaw)).toEqual([0xff, 0x7f, 0x80, 0x00, 0xce, 0x4e]);
  });

  it('speaks on when the greeting is over and when sequence and timestamp wrap', () => {
    const source = Buffer.alloc(10, 0xff);
    const said = Buffer.from(Array.from({ length: 400 }, (_, index) => index & 0x7f));
    const sound = (index: number) => packet(source, index, said).subarray(12);
    expect(sound(2)).toEqual(Buffer.concat([said.subarray(320), Buffer.alloc(80, 0xff)]));
    expect(sound(5)).toEqual(sound(0));
    const late = packet(source, 3_000_000, said);
    expect([late.length, late.readUInt16BE(2), late[1]]).toEqual([172, (65_535 + 3_000_000) & 0xffff, 0]);
  });

  it('is loud enough to be heard and not clipped', () => {
    const said = greeting();
    expect(said.length / 8_000).toBeGreaterThan(3);
    const share = (of: (code: number) => boolean) => said.filter(of).length / said.length;
    // Exponent 5 and up is louder than a tenth of full scale; 0x80 and 0x00 are the ends of the scale.
    expect(share((code) => (~code & 0x70) >> 4 >= 5)).toBeGreaterThan(0.15);
    expect(share((code) => code === 0x80 || code === 0x00)).toBe(0);
  });
});
