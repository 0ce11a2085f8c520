/** RTP packets in every shape that RFC 3550 allows, and what is counted of streams that lose, repeat and reorder. */
import { describe, expect, it } from 'vitest';
import { estimateMos, formatPacket, openTally, parsePacket } from '../../probes/lib/media/rtp.ts';
import type { Packet } from '../../probes/lib/media/rtp.ts';
import { openTape } from '../../probes/lib/media/tape.ts';
import { garbage } from '../lib/servers.ts';

const packet = (sequence: number, change: Partial<Packet> = {}): Packet => ({
  marker: false,
  payloadType: 0,
  sequence: sequence & 0xffff,
  timestamp: (sequence * 160) >>> 0,
  source: 7,
  payload: Buffer.from('sound'),
  ...change,
});

/** A tally that took packets `[number, arrival in ms]`. */
function tallyOf(arrivals: readonly (readonly [number, number])[]) {
  const tally = openTally(8_000);
  const taken = arrivals.map(([number, at]) => tally.take(packet(number), at));
  return { ...tally.report(), taken };
}

describe('an RTP packet', () => {
  it('is read as it was written', () => {
    expect(parsePacket(formatPacket(packet(300, { marker: true })))).toEqual(packet(300, { marker: true }));
  });

  it('edge 28: may have padding, contributing sources and an extension', () => {
    const plain = formatPacket(packet(1));
    const head = Buffer.from(plain.subarray(0, 12));
    head[0] = 0x80 | 0x20 | 0x10 | 2;
    const extension = Buffer.from([0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
    const padding = Buffer.from([0, 0, 3]);
    const whole = Buffer.concat([head, Buffer.alloc(8, 1), extension, Buffer.from('sound'), padding]);
    expect(parsePacket(whole)?.payload.toString()).toBe('sound');
  });

  it('is no RTCP, no STUN, no garbage, and nothing that claims to be longer than it is', () => {
    expect(parsePacket(Buffer.concat([Buffer.from([0x80, 200]), Buffer.alloc(30)]))).toBeUndefined();
    expect(parsePacket(Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(18)]))).toBeUndefined();
    const bad = Buffer.from(formatPacket(packet(1)));
    bad[0] = 0x8f;
    expect(parsePacket(bad)).toBeUndefined();
    const padded = Buffer.concat([formatPacket(packet(1)), Buffer.from([255])]);
    padded[0] = 0xa0;
    expect(parsePacket(padded)).toBeUndefined();
    for (let length = 0; length < 300; length += 1) parsePacket(garbage(length, length + 1));
  });
});

describe('a stream', () => {
  it('without fault has no loss and no jitter', () => {
    const report = tallyOf([0, 1, 2, 3, 4].map((each) => [each, 1_000 + each * 20]));
    expect(report).toMatchObject({
      received: 5,
      lost: 0,
      loss: 0,
      reordered: 0,
      duplicates: 0,
      jitterMs: 0,
      gapMs: 20,
    });
  });

  it('has its jitter reckoned as RFC 3550 A.8 does', () => {
    // Transit differs by 10 ms once, then not: 10/16, decaying by 15/16.
    const report = tallyOf([
      [0, 0],
      [1, 30],
      [2, 50],
      [3, 70],
    ]);
    expect(report.jitterMs).toBeCloseTo((10 / 16) * (15 / 16) ** 2, 6);
  });

  it('edge 28: wraps its numbers without loss', () => {
    const report = tallyOf([65_534, 65_535, 65_536, 65_537].map((each, at) => [each, at * 20]));
    expect(report).toMatchObject({ received: 4, lost: 0, strangers: 0 });
  });

  it('tells lost from late from repeated', () => {
    const report = tallyOf([
      [0, 0],
      [1, 20],
      [4, 80],
      [3, 85],
      [3, 86],
      [6, 120],
    ]);
    expect(report).toMatchObject({ received: 5, lost: 2, reordered: 1, duplicates: 1, gapMs: 60 - 0 });
    expect(report.taken).toEqual([true, true, true, true, false, true]);
    expect(report.loss).toBeCloseTo(2 / 7);
  });

  it('edge 27: is the only one that is heard; another source is counted', () => {
    const tally = openTally(8_000);
    expect(tally.take(packet(0), 0)).toBe(true);
    expect(tally.take(packet(500, { source: 8 }), 5)).toBe(false);
    expect(tally.take(packet(501, { source: 8 }), 10)).toBe(false);
    expect(tally.take(packet(1), 20)).toBe(true);
    expect(tally.report()).toMatchObject({ received: 2, strangers: 2, switches: 0, lost: 0 });
  });

  it('edge 28: may change its source after a pause, without loss being invented', () => {
    const tally = openTally(8_000);
    for (const each of [0, 1, 2]) tally.take(packet(each), each * 20);
    expect(tally.take(packet(9_000, { source: 8 }), 400)).toBe(false);
    expect(tally.take(packet(9_001, { source: 8 }), 420)).toBe(true);
    expect(tally.take(packet(9_002, { source: 8 }), 440)).toBe(true);
    expect(tally.report()).toMatchObject({ received: 5, switches: 1, lost: 0 });
  });

  it('has an estimate of what a listener would say', () => {
    expect(estimateMos(0)).toBeGreaterThan(4.3);
    expect(estimateMos(0.02)).toBeLessThan(4.3);
    expect(estimateMos(0.2)).toBeLessThan(3);
    expect(estimateMos(1)).toBeLessThan(1.3);
  });
});

describe('the tape', () => {
  const at = (timestamp: number, sequence: number) => ({ timestamp: timestamp >>> 0, sequence });
  const sound = (value: number) => new Int16Array(160).fill(value);

  it('has each packet at its place, however it came, and knows what is missing', () => {
    const tape = openTape();
    tape.write(sound(1), at(0xffff_ffff - 159, 0));
    tape.write(sound(3), at(320, 3));
    tape.write(sound(2), at(160, 2));
    const samples = tape.samples();
    expect([samples.length, samples[0], samples[160], samples[320], samples[480]]).toEqual([640, 1, 0, 2, 3]);
    expect([tape.known(0, 160), tape.known(160, 320), tape.known(320, 640)]).toEqual([true, false, true]);
  });

  it('edge 28: takes a pause without a missing number for silence', () => {
    const tape = openTape();
    tape.write(sound(1), at(0, 10));
    tape.write(sound(1), at(8_000, 11));
    expect(tape.known(0, 8_160)).toBe(true);
  });

  it('does not grow for timestamps that jump, and never beyond a minute', () => {
    const tape = openTape();
    tape.write(sound(1), at(5, 1));
    tape.write(sound(2), at(2_000_000_000, 2));
    expect(tape.samples().length).toBe(320);
    tape.write(sound(3), at(1, 3));
    for (let each = 0; each < 4_000; each += 1) tape.write(sound(1), at(2_000_000_160 + each * 160, 4 + each));
    expect(tape.samples().length).toBeLessThanOrEqual(480_000);
  });
});
