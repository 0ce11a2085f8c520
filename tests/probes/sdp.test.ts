/** Session descriptions: ours as others read them, theirs in every shape that must not hurt. */
import { describe, expect, it } from 'vitest';
import { answerSdp, formatSdp, readSdp } from '../../probes/lib/media/sdp.ts';
import { garbage } from '../lib/servers.ts';

const OURS = { host: '192.0.2.1', port: 4_000, codecs: ['PCMU', 'PCMA'], session: 5 } as const;
const read = (...lines: readonly string[]) => readSdp(Buffer.from(lines.join('\r\n')), ['PCMU', 'PCMA'], false);
const HEAD = ['v=0', 'o=- 1 1 IN IP4 198.51.100.7', 's=-', 'c=IN IP4 198.51.100.7', 't=0 0'];

describe('our offer', () => {
  it('is read back as what it says', () => {
    expect(readSdp(formatSdp(OURS), ['PCMA'], false)).toEqual({
      ok: true,
      theirs: {
        address: '192.0.2.1',
        port: 4_000,
        codec: 'PCMA',
        payloadType: 8,
        events: 101,
        sends: true,
        listens: true,
        key: undefined,
      },
    });
  });

  it('edge 29: carries a key when sound is to be secret, and then takes nothing less', () => {
    const key = Buffer.alloc(30, 7);
    const offer = formatSdp({ ...OURS, key });
    expect(offer.toString()).toContain('m=audio 4000 RTP/SAVP 0 8 101');
    expect(readSdp(offer, ['PCMU'], true)).toMatchObject({ ok: true, theirs: { key } });
    expect(readSdp(offer, ['PCMU'], false).ok).toBe(false);
    expect(readSdp(formatSdp(OURS), ['PCMU'], true).ok).toBe(false);
  });

  it('edge 16: writes IPv6 as IP6', () => {
    const offer = formatSdp({ ...OURS, host: '2001:db8::1' }).toString();
    expect(offer).toContain('c=IN IP6 2001:db8::1');
    expect(readSdp(Buffer.from(offer), ['PCMU'], false)).toMatchObject({
      ok: true,
      theirs: { address: '2001:db8::1' },
    });
  });

  it('keeps the header of an INVITE small enough for one datagram', () => {
    expect(formatSdp({ ...OURS, key: Buffer.alloc(30) }).length).toBeLessThan(450);
  });
});

describe('their description', () => {
  it('takes the first codec of theirs that we speak, by whatever number', () => {
    expect(
      read(...HEAD, 'm=audio 5000 RTP/AVP 9 97 8 96', 'a=rtpmap:97 PCMU/8000', 'a=rtpmap:96 telephone-event/8000'),
    ).toMatchObject({
      ok: true,
      theirs: { codec: 'PCMU', payloadType: 97, events: 96 },
    });
    expect(read(...HEAD, 'm=audio 5000 RTP/AVP 8')).toMatchObject({
      ok: true,
      theirs: { codec: 'PCMA', events: undefined },
    });
  });

  it('may have its address and direction in the session or at the sound', () => {
    expect(read(...HEAD, 'a=sendonly', 'm=audio 5000 RTP/AVP 0', 'c=IN IP4 203.0.113.9')).toMatchObject({
      ok: true,
      theirs: { address: '203.0.113.9', sends: true, listens: false },
    });
    expect(read(...HEAD, 'a=sendonly', 'm=audio 5000 RTP/AVP 0', 'a=inactive')).toMatchObject({
      ok: true,
      theirs: { sends: false, listens: false },
    });
  });

  it.each([
    ['edge 26: port 0', ['m=audio 0 RTP/AVP 0'], 'refused'],
    ['edge 26: only codecs that nobody offered', ['m=audio 5000 RTP/AVP 9 18'], 'no codec that we speak'],
    ['a port beyond all ports', ['m=audio 99999 RTP/AVP 0'], 'port 99999'],
    ['video alone', ['m=video 5000 RTP/AVP 31'], 'no line for audio'],
    ['SRTP that was not offered', ['m=audio 5000 RTP/SAVP 0'], 'RTP/SAVP instead of what we offered'],
    ['a name for an address', ['m=audio 5000 RTP/AVP 0', 'c=IN IP4 evil.example'], 'no address'],
    ['edge 42: a multicast address with its range', ['m=audio 5000 RTP/AVP 0', 'c=IN IP4 224.2.1.1/127'], 'no address'],
  ])('is refused for %s', (_, lines, why) => {
    expect(read(...HEAD, ...lines)).toEqual({ ok: false, why });
  });

  it('is nothing at all when there is none, and garbage is no description', () => {
    expect(readSdp(Buffer.alloc(0), ['PCMU'], false)).toEqual({ ok: false, why: 'none' });
    for (let seed = 1; seed < 200; seed += 1) expect(readSdp(garbage(seed * 7, seed), ['PCMU'], false).ok).toBe(false);
  });

  it('is answered in the direction that it leaves open', () => {
    const answer = (direction: string): string => {
      const offer = read(...HEAD, 'm=audio 5000 RTP/AVP 0', `a=${direction}`);
      return offer.ok ? answerSdp(OURS, offer.theirs).toString() : '';
    };
    expect(answer('sendrecv')).toContain('a=sendrecv');
    expect(answer('sendonly')).toContain('a=recvonly');
    expect(answer('recvonly')).toContain('a=sendonly');
    expect(answer('inactive')).toContain('a=inactive');
  });
});
