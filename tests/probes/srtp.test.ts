/** SRTP against the test vectors of RFC 3711, and against packets that somebody has touched. */
import { describe, expect, it } from 'vitest';
import { formatPacket } from '../../probes/lib/media/rtp.ts';
import { deriveKeys, formatCrypto, keystream, openGuard, parseCrypto } from '../../probes/lib/media/srtp.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const MASTER = hex('E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6');

describe('SRTP', () => {
  it('has the key stream of RFC 3711 B.2', () => {
    const stream = keystream(hex('2B7E151628AED2A6ABF7158809CF4F3C'), hex('F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000'), 48);
    expect(stream.toString('hex').toUpperCase()).toBe(
      'E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0',
    );
  });

  it('derives the keys of RFC 3711 B.3', () => {
    const keys = deriveKeys(MASTER);
    expect(keys.cipher).toEqual(hex('C61E7A93744F39EE10734AFE3FF7A087'));
    expect(keys.salt).toEqual(hex('30CBBC08863D8C85D49DB34A9AE1'));
    expect(keys.auth).toEqual(hex('CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'));
  });

  const packet = (sequence: number, text = 'hello') =>
    formatPacket({
      marker: false,
      payloadType: 0,
      sequence,
      timestamp: sequence * 160,
      source: 0xcafe,
      payload: Buffer.from(text),
    });

  it('edge 29: reads what it wrote, over the wrap of the sequence numbers, and hides the payload', () => {
    const [out, back] = [openGuard(MASTER), openGuard(MASTER)];
    for (const sequence of [65_534, 65_535, 0, 1]) {
      const sealed = out.protect(packet(sequence));
      expect(sealed.length).toBe(12 + 5 + 10);
      expect(sealed.includes('hello')).toBe(false);
      expect(back.unprotect(sealed)).toEqual(packet(sequence));
    }
    // The roll-over counter is part of it: one that starts now cannot read the second round.
    expect(openGuard(MASTER).unprotect(out.protect(packet(2)))).toBeUndefined();
  });

  it('edge 29: hears nothing that was changed, cut or made by another key', () => {
    const sealed = openGuard(MASTER).protect(packet(1));
    const guard = openGuard(MASTER);
    for (let at = 0; at < sealed.length; at += 1) {
      const touched = Buffer.from(sealed);
      touched[at] = (touched[at] ?? 0) ^ 1;
      expect(guard.unprotect(touched)).toBeUndefined();
      expect(guard.unprotect(sealed.subarray(0, at))).toBeUndefined();
    }
    expect(openGuard(Buffer.alloc(30)).unprotect(sealed)).toBeUndefined();
    expect(guard.unprotect(sealed)).toEqual(packet(1));
  });

  it('has its key read from a session description, with or without lifetime', () => {
    expect(parseCrypto(formatCrypto(MASTER))).toEqual(MASTER);
    expect(parseCrypto(`${formatCrypto(MASTER)}|2^20|1:32`)).toEqual(MASTER);
    expect(parseCrypto(`${formatCrypto(MASTER)} UNENCRYPTED_SRTCP`)).toEqual(MASTER);
    expect(parseCrypto('1 AES_CM_128_HMAC_SHA1_80 inline:c2hvcnQ=')).toBeUndefined();
    expect(parseCrypto('1 AEAD_AES_256_GCM inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz')).toBeUndefined();
  });
});
