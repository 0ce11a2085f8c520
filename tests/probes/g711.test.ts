/** G.711 by the tables of the standard's reference, WAV files byte by byte, and telephone keys. */
import { describe, expect, it } from 'vitest';
import { KEYS, formatEvent, parseEvent, soundOf, tonesOf } from '../../probes/lib/media/dtmf.ts';
import { CODECS, decode, encode, QUIET } from '../../probes/lib/media/g711.ts';
import { formatWav } from '../../probes/lib/media/wav.ts';

describe('G.711', () => {
  it('decodes the corners of both laws as ITU-T G.191 does', () => {
    expect([...decode('PCMU', Uint8Array.of(0x00, 0x80, 0xff, 0x7f, 0x70, 0xf0))]).toEqual([
      -32_124, 32_124, 0, 0, -120, 120,
    ]);
    expect([...decode('PCMA', Uint8Array.of(0x2a, 0xaa, 0xd5, 0x55, 0x80, 0x00))]).toEqual([
      -32_256, 32_256, 8, -8, 5_504, -5_504,
    ]);
  });

  it.each(CODECS)('%s: every code stands for a sample that is encoded as that code', (codec) => {
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
    const again = encode(codec, decode(codec, codes));
    const differing = [...codes].filter((code) => again[code] !== code);
    // µ-law has two zeros; both mean the same.
    expect(differing).toEqual(codec === 'PCMU' ? [0x7f] : []);
  });

  it.each(CODECS)('%s: no sample is off by more than its step, the loudest ones included', (codec) => {
    const samples = Int16Array.from({ length: 65_536 }, (_, at) => at - 32_768);
    const back = decode(codec, encode(codec, samples));
    const worst = samples.reduce(
      (most, each, at) => Math.max(most, Math.abs(each - (back[at] ?? 0)) / (Math.abs(each) + 200)),
      0,
    );
    expect(worst).toBeLessThan(0.06);
    expect(Math.abs(decode(codec, Uint8Array.of(QUIET[codec]))[0] ?? 99)).toBeLessThanOrEqual(8);
  });
});

describe('a WAV file', () => {
  it('says in its header what is in it', () => {
    const bytes = formatWav(Int16Array.of(0, 1_000, -1_000));
    expect(bytes.toString('latin1', 0, 4) + bytes.toString('latin1', 8, 16)).toBe('RIFFWAVEfmt ');
    expect(bytes.readUInt32LE(4)).toBe(bytes.length - 8);
    expect([bytes.readUInt16LE(20), bytes.readUInt16LE(22), bytes.readUInt32LE(24)]).toEqual([7, 1, 8_000]);
    expect([bytes.toString('latin1', 50, 54), bytes.readUInt32LE(54)]).toEqual(['data', 3]);
    expect([...decode('PCMU', bytes.subarray(58, 61))].map(Math.sign)).toEqual([0, 1, -1]);
    expect(bytes.length % 2).toBe(0);
  });
});

describe('a telephone key', () => {
  it('is read as it was written, in RFC 4733', () => {
    for (const key of KEYS)
      expect(parseEvent(formatEvent({ key, end: true, duration: 960 }))).toEqual({ key, end: true, duration: 960 });
    expect([...formatEvent({ key: '#', end: false, duration: 160 })]).toEqual([11, 10, 0, 160]);
    expect(parseEvent(Buffer.from([16, 0, 0, 0]))).toBeUndefined();
    expect(parseEvent(Buffer.from([1, 0]))).toBeUndefined();
  });

  it('has its two tones, no two keys the same', () => {
    expect(tonesOf('5')).toEqual([770, 1_336]);
    expect(tonesOf('D')).toEqual([941, 1_633]);
    expect(new Set(Array.from(KEYS).map((key) => tonesOf(key)?.join())).size).toBe(16);
    expect(tonesOf('x')).toBeUndefined();
    expect(soundOf('1').length).toBe(960);
  });
});
