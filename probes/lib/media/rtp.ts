/** RTP packets and what their numbers tell about the way they came (RFC 3550). Pure: no socket, and the clock is an argument. */

export interface Packet {
  readonly marker: boolean;
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly source: number;
  readonly payload: Buffer;
}

/** Length of the fixed header and of what CSRCs and extension add (§5.1, §5.3.1); undefined when it is no RTP. */
export function headerLength(bytes: Buffer): number | undefined {
  const first = bytes[0] ?? 0;
  if (bytes.length < 12 || first >> 6 !== 2) return undefined;
  const fixed = 12 + (first & 15) * 4;
  if ((first & 0x10) === 0) return fixed <= bytes.length ? fixed : undefined;
  if (bytes.length < fixed + 4) return undefined;
  const whole = fixed + 4 + bytes.readUInt16BE(fixed + 2) * 4;
  return whole <= bytes.length ? whole : undefined;
}

/** Reads one packet. RTCP that came to the same port (RFC 5761 §4: types 64 to 95 with the marker) is none. */
export function parsePacket(bytes: Buffer): Packet | undefined {
  const start = headerLength(bytes);
  if (start === undefined) return undefined;
  const second = bytes[1] ?? 0;
  const payloadType = second & 0x7f;
  if (payloadType >= 64 && payloadType <= 95) return undefined;
  const padding = ((bytes[0] ?? 0) & 0x20) === 0 ? 0 : (bytes.at(-1) ?? 0);
  if (start + padding > bytes.length) return undefined;
  return {
    marker: (second & 0x80) !== 0,
    payloadType,
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    source: bytes.readUInt32BE(8),
    payload: bytes.subarray(start, bytes.length - padding),
  };
}

export function formatPacket({ marker, payloadType, sequence, timestamp, source, payload }: Packet): Buffer {
  const bytes = Buffer.alloc(12 + payload.length);
  bytes[0] = 0x80;
  bytes[1] = (marker ? 0x80 : 0) | payloadType;
  bytes.writeUInt16BE(sequence & 0xffff, 2);
  bytes.writeUInt32BE(timestamp >>> 0, 4);
  bytes.writeUInt32BE(source >>> 0, 8);
  payload.copy(bytes, 12);
  return bytes;
}

/** What one stream of packets looked like from here. */
export interface RtpReport {
  readonly received: number;
  /** Missing of those that should have come between the first and the last. */
  readonly lost: number;
  /** 0 to 1. */
  readonly loss: number;
  readonly reordered: number;
  readonly duplicates: number;
  /** Interarrival jitter, milliseconds (§6.4.1, A.8). */
  readonly jitterMs: number;
  /** Longest silence of the wire between two packets. */
  readonly gapMs: number;
  /** Packets of another SSRC than the one we listen to. */
  readonly strangers: number;
  /** How often the far side changed its SSRC and went on. */
  readonly switches: number;
}

export interface Tally {
  /** False: not of our stream, or seen before; it must not be heard. */
  take(packet: Packet, atMs: number): boolean;
  report(): RtpReport;
}

/** §A.1: two packets in a row make a new source believable; the old one must have been silent for this long. */
const HANDOVER_MS = 200;
/** A sequence number further ahead than this is a restart (§A.1, MAX_DROPOUT). */
const MOST_AHEAD = 3_000;
/** How far back a late packet is told from a repeated one. */
const MEMORY = 1_024;

interface Stream {
  readonly source: number;
  readonly base: number;
  highest: number;
  received: number;
  readonly seen: Set<number>;
  transitMs: number;
  jitterMs: number;
  lastMs: number;
}

interface Sum {
  received: number;
  expected: number;
  reordered: number;
  duplicates: number;
  jitterMs: number;
  gapMs: number;
  strangers: number;
  switches: number;
}

export function openTally(rate: number): Tally {
  const sum: Sum = {
    received: 0,
    expected: 0,
    reordered: 0,
    duplicates: 0,
    jitterMs: 0,
    gapMs: 0,
    strangers: 0,
    switches: 0,
  };
  let stream: Stream | undefined;
  let suitor: { readonly source: number; readonly next: number } | undefined;

  const begin = (packet: Packet, atMs: number): void => {
    const highest = packet.sequence;
    const transitMs = atMs - (packet.timestamp / rate) * 1_000;
    const { source } = packet;
    const seen = new Set([highest]);
    stream = { source, base: highest, highest, received: 1, seen, transitMs, jitterMs: sum.jitterMs, lastMs: atMs };
    sum.received += 1;
    sum.expected += 1;
    suitor = undefined;
  };

  return {
    take(packet, atMs) {
      if (stream === undefined) {
        begin(packet, atMs);
        return true;
      }
      if (packet.source !== stream.source || isRestart(stream, packet.sequence)) {
        const again = suitor?.source === packet.source && suitor.next === packet.sequence;
        const silent = atMs - stream.lastMs >= HANDOVER_MS || packet.source === stream.source;
        if (again && silent) {
          sum.switches += 1;
          begin(packet, atMs);
          return true;
        }
        suitor = { source: packet.source, next: (packet.sequence + 1) & 0xffff };
        sum.strangers += 1;
        return false;
      }
      return follow(stream, packet, atMs, { sum, rate });
    },
    report() {
      const { expected, jitterMs, ...counts } = sum;
      const lost = Math.max(0, expected - sum.received);
      return { ...counts, lost, loss: expected === 0 ? 0 : lost / expected, jitterMs };
    },
  };
}

/** The next numbers in extended form, so that 0 follows 65535 (§A.1). */
const extend = (highest: number, sequence: number): number => {
  const ahead = (sequence - highest) & 0xffff;
  return ahead < 0x8000 ? highest + ahead : highest + ahead - 0x10000;
};

function isRestart({ highest }: Stream, sequence: number): boolean {
  const distance = extend(highest, sequence) - highest;
  return distance > MOST_AHEAD || distance < -MEMORY;
}

function follow(stream: Stream, packet: Packet, atMs: number, { sum, rate }: { sum: Sum; rate: number }): boolean {
  const number = extend(stream.highest, packet.sequence);
  if (stream.seen.has(number)) {
    sum.duplicates += 1;
    return false;
  }
  stream.seen.add(number);
  stream.seen.delete(number - MEMORY);
  sum.received += 1;
  if (number > stream.highest) {
    sum.expected += number - stream.highest;
    stream.highest = number;
  } else if (number >= stream.base) sum.reordered += 1;
  else {
    sum.expected += 1;
    sum.reordered += 1;
  }
  const transitMs = atMs - (packet.timestamp / rate) * 1_000;
  const difference = Math.abs(transitMs - stream.transitMs);
  // A jump of seconds is a new start of their clock (or its wrap after 2^32), not the network's doing.
  if (difference < 2_000) stream.jitterMs += (difference - stream.jitterMs) / 16;
  stream.transitMs = transitMs;
  sum.jitterMs = stream.jitterMs;
  sum.gapMs = Math.max(sum.gapMs, atMs - stream.lastMs);
  stream.lastMs = atMs;
  return true;
}

/**
 * What a listener would say of G.711 with that loss, 1 to 4.5, by the E-model (ITU-T G.107): R = 93.2 − Ie,eff with Ie 0 and Bpl
 * 25.1 (G.113, with concealment). One way and estimated: no ear has heard it, and delay is not in it.
 */
export function estimateMos(loss: number): number {
  const percent = loss * 100;
  const r = 93.2 - (95 * percent) / (percent + 25.1);
  const mos = 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r);
  return Math.round(Math.max(1, Math.min(4.5, mos)) * 100) / 100;
}
