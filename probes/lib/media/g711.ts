/** G.711, both laws: one byte to one sample and back, by table. It knows no packet and no file. */

/** Names as in SDP; PCMU is µ-law (payload type 0), PCMA A-law (8), RFC 3551 §6. */
export const CODECS = ['PCMU', 'PCMA'] as const;
export type Codec = (typeof CODECS)[number];

export const PAYLOAD_TYPE = { PCMU: 0, PCMA: 8 } as const satisfies Record<Codec, number>;
/** What no sound at all looks like. */
export const QUIET = { PCMU: 0xff, PCMA: 0xd5 } as const satisfies Record<Codec, number>;
/** Samples a second. */
export const RATE = 8_000;

const ULAW_BIAS = 132;

function fromUlaw(code: number): number {
  const bits = ~code & 0xff;
  const size = (((bits & 15) << 3) + ULAW_BIAS) << ((bits >> 4) & 7);
  return bits & 0x80 ? ULAW_BIAS - size : size - ULAW_BIAS;
}

// Even bits are inverted on the wire, so that silence is not a long row of equal bits.
function fromAlaw(code: number): number {
  const bits = code ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = ((bits & 15) << 4) + 8;
  const size = exponent === 0 ? mantissa : (mantissa + 256) << (exponent - 1);
  return bits & 0x80 ? size : -size;
}

const TABLES = {
  PCMU: Int16Array.from({ length: 256 }, (_, code) => fromUlaw(code)),
  PCMA: Int16Array.from({ length: 256 }, (_, code) => fromAlaw(code)),
} as const satisfies Record<Codec, Int16Array>;

/** 16-bit samples of G.711 bytes. */
export function decode(codec: Codec, bytes: Uint8Array): Int16Array {
  const table = TABLES[codec];
  return Int16Array.from(bytes, (code) => table[code] ?? 0);
}

/** G.711 bytes of 16-bit samples; what is louder than the law can say is as loud as it can say. */
export function encode(codec: Codec, samples: Int16Array): Uint8Array {
  const one = codec === 'PCMU' ? toUlaw : toAlaw;
  return Uint8Array.from(samples, one);
}

function toUlaw(sample: number): number {
  const size = Math.min(Math.abs(sample), 32_635) + ULAW_BIAS;
  const exponent = 31 - Math.clz32(size) - 7;
  const mantissa = (size >> (exponent + 3)) & 15;
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
}

function toAlaw(sample: number): number {
  const size = Math.min(sample < 0 ? ~sample : sample, 32_767);
  const exponent = size < 256 ? 0 : 31 - Math.clz32(size) - 7;
  const mantissa = (size >> (exponent === 0 ? 4 : exponent + 3)) & 15;
  return ((sample < 0 ? 0 : 0x80) | (exponent << 4) | mantissa) ^ 0x55;
}
