/** SRTP with AES_CM_128_HMAC_SHA1_80 (RFC 3711) and the keys that an SDP carries (RFC 4568). It knows no socket. */
import { createCipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { headerLength } from './rtp.ts';

const SUITE = 'AES_CM_128_HMAC_SHA1_80';
/** Master key and salt. */
export const KEY_BYTES = 30;
const TAG = 10;

/** RFC 3711 §4.1.1: the counter blocks from `iv` on, encrypted. */
export function keystream(key: Buffer, iv: Buffer, length: number): Buffer {
  const cipher = createCipheriv('aes-128-ctr', key, iv);
  return cipher.update(Buffer.alloc(length));
}

export interface SessionKeys {
  readonly cipher: Buffer;
  readonly salt: Buffer;
  readonly auth: Buffer;
}

/** §4.3.1 with a key derivation rate of 0: one key of each kind for the whole call. */
export function deriveKeys(master: Buffer): SessionKeys {
  const key = master.subarray(0, 16);
  const derive = (label: number, length: number): Buffer => {
    const iv = Buffer.alloc(16);
    master.copy(iv, 0, 16, KEY_BYTES);
    iv[7] = (iv[7] ?? 0) ^ label;
    return keystream(key, iv, length);
  };
  return { cipher: derive(0, 16), auth: derive(1, 20), salt: derive(2, 14) };
}

/** One direction of a call. */
export interface Guard {
  /** The packet as it goes over the wire. */
  protect(packet: Buffer): Buffer;
  /** The packet that came; undefined when it is forged, damaged or no RTP. */
  unprotect(bytes: Buffer): Buffer | undefined;
}

export function openGuard(master: Buffer): Guard {
  const keys = deriveKeys(master);
  // Per SSRC the highest sequence number with its roll-over counter (§3.3.1).
  const highest = new Map<number, number>();

  const indexOf = (packet: Buffer): number => {
    const sequence = packet.readUInt16BE(2);
    const last = highest.get(packet.readUInt32BE(8));
    if (last === undefined) return sequence;
    const ahead = (sequence - last) & 0xffff;
    return Math.max(ahead < 0x8000 ? last + ahead : last + ahead - 0x10000, 0);
  };
  const keep = (packet: Buffer, index: number): void => {
    const source = packet.readUInt32BE(8);
    // Only sources whose packets were genuine are here, but even those need not be many.
    if (!highest.has(source) && highest.size >= 16) highest.clear();
    highest.set(source, Math.max(index, highest.get(source) ?? 0));
  };

  return {
    protect(packet) {
      const start = headerLength(packet) ?? packet.length;
      const index = indexOf(packet);
      keep(packet, index);
      const sealed = Buffer.concat([packet.subarray(0, start), crypt(keys, packet, start, index)]);
      return Buffer.concat([sealed, tagOf(keys, sealed, index)]);
    },
    unprotect(bytes) {
      const sealed = bytes.subarray(0, Math.max(bytes.length - TAG, 0));
      const start = headerLength(sealed);
      if (start === undefined) return undefined;
      const index = indexOf(sealed);
      if (!timingSafeEqual(bytes.subarray(sealed.length), tagOf(keys, sealed, index))) return undefined;
      keep(sealed, index);
      return Buffer.concat([sealed.subarray(0, start), crypt(keys, sealed, start, index)]);
    },
  };
}

/** §4.1.1: IV = salt·2^16 xor SSRC·2^64 xor index·2^16. */
function crypt(keys: SessionKeys, packet: Buffer, start: number, index: number): Buffer {
  const iv = Buffer.alloc(16);
  keys.salt.copy(iv);
  const mask = Buffer.alloc(16);
  packet.copy(mask, 4, 8, 12);
  mask.writeUIntBE(index, 8, 6);
  for (let at = 0; at < 16; at += 1) iv[at] = (iv[at] ?? 0) ^ (mask[at] ?? 0);
  return createCipheriv('aes-128-ctr', keys.cipher, iv).update(packet.subarray(start));
}

/** §4.2: over the packet and its roll-over counter, cut to 80 bits. */
function tagOf(keys: SessionKeys, sealed: Buffer, index: number): Buffer {
  const rollover = Buffer.alloc(4);
  rollover.writeUInt32BE(Math.floor(index / 0x10000) >>> 0);
  return createHmac('sha1', keys.auth).update(sealed).update(rollover).digest().subarray(0, TAG);
}

/** `1 AES_CM_128_HMAC_SHA1_80 inline:…` to the master key; undefined for another suite or a key of another length (RFC 4568 §9.1). */
export function parseCrypto(value: string): Buffer | undefined {
  const match = /^\d{1,9}\s+AES_CM_128_HMAC_SHA1_80\s+inline:([A-Za-z0-9+/]{40})={0,2}(?:\|\S*)?(?:\s|$)/.exec(value);
  const master = Buffer.from(match?.[1] ?? '', 'base64');
  return master.length === KEY_BYTES ? master : undefined;
}

export const formatCrypto = (master: Buffer): string => `1 ${SUITE} inline:${master.toString('base64')}`;
