/** The voice of the demo desk: a chime and something like speech as G.711, sent as RTP, and an ear for keys. It knows no call and no fault. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { parseEvent } from '../../probes/lib/media/dtmf.ts';
import { parsePacket } from '../../probes/lib/media/rtp.ts';

const RATE = 8_000;
/** 20 ms of sound in each packet, as everybody sends it (RFC 3551 §4.2). */
const PACKET_MS = 20;
const PACKET = (RATE * PACKET_MS) / 1_000;
/** µ-law for no sound at all. */
const QUIET = 0xff;

/** One 16-bit sample as µ-law (ITU-T G.711): sign, three bits of exponent, four of mantissa, all inverted. */
export function encodeUlaw(sample: number): number {
  const size = Math.min(Math.abs(Math.round(sample)), 32_635) + 132;
  const exponent = Math.floor(Math.log2(size)) - 7;
  const mantissa = (size >> (exponent + 3)) & 15;
  return ~((sample < 0 ? 128 : 0) | (exponent << 4) | mantissa) & 255;
}

/** First and second formant of each syllable, in Hz: what makes a buzz sound like a, e, i, o, u. */
const SYLLABLES = [
  [730, 1_090],
  [530, 1_840],
  [270, 2_290],
  [570, 840],
  [300, 870],
  [660, 1_720],
] as const;
const SYLLABLE_S = 0.22;

const PITCH = 120;

/** A greeting: two notes, then twelve syllables of nobody's language with a pause in the middle, and quiet. Five seconds. */
export function greeting(): Buffer {
  const chime = [660, 880].flatMap((hertz) => sound(0.25, (t) => Math.sin(2 * Math.PI * hertz * t) * (1 - t / 0.25)));
  const words = [...SYLLABLES, undefined, ...SYLLABLES].flatMap((formants) =>
    formants === undefined ? sound(0.3, () => 0) : sound(SYLLABLE_S, (t) => syllable(t, formants, PITCH)),
  );
  return coded([...chime, ...words, ...sound(1.5, () => 0)]);
}

/** Syllables by their number, at a pitch in Hz, and quiet; `beforeS` seconds of quiet lead in. */
export function speech(syllables: readonly number[], pitch: number, beforeS = 0): Buffer {
  const words = syllables.flatMap((number) => {
    const formants = SYLLABLES[number % SYLLABLES.length] ?? [];
    return sound(SYLLABLE_S, (t) => syllable(t, formants, pitch));
  });
  return coded([...sound(beforeS, () => 0), ...words, ...sound(1.2, () => 0)]);
}

const coded = (levels: readonly number[]): Buffer => Buffer.from(levels.map((level) => encodeUlaw(level * 8_000)));

function sound(seconds: number, level: (t: number) => number): number[] {
  return Array.from({ length: seconds * RATE }, (_, index) => level(index / RATE));
}

// The harmonics of a voice, each as loud as it is near a formant, swelling and fading over the syllable.
function syllable(t: number, formants: readonly number[], pitch: number): number {
  const swell = Math.sin((Math.PI * t) / SYLLABLE_S);
  let level = 0;
  for (let harmonic = 1; harmonic * pitch <= 2_900; harmonic += 1) {
    const hertz = harmonic * pitch;
    const near = formants.reduce((sum, each) => sum + 1 / (1 + ((hertz - each) / 120) ** 2), 0.05);
    level += near * Math.sin(2 * Math.PI * hertz * t + harmonic * harmonic);
  }
  return level * swell * 0.5;
}

export interface Voice {
  /** Our RTP port, for the SDP. */
  readonly port: number;
  /** Starts to say something over and over, once; who says something else later begins with it anew. */
  speak(to: { readonly address: string; readonly port: number }, said: Buffer): void;
  say(said: Buffer): void;
  stop(): void;
}

/** RFC 4733 §2.5.1.3: the last three packets of a key say that it has ended; they share its timestamp. */
export const KEYS_TYPE = 101;

/** Opens an RTP port; `onKey` is told each key that the caller presses. Rejects when no port is to be had. */
export async function openVoice(host: string, onKey: (key: string) => void): Promise<Voice> {
  const socket = createSocket('udp4');
  const bound = Promise.withResolvers<undefined>();
  socket.once('error', bound.reject);
  socket.bind(0, host, () => bound.resolve(undefined));
  await bound.promise;
  // The caller's port may be gone before the call is: not our trouble.
  socket.on('error', () => undefined);

  const source = randomBytes(10);
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let words: Buffer = Buffer.alloc(0);
  let begun = 0;
  let sent = 0;
  let lastKey: number | undefined;
  socket.on('message', (bytes) => {
    const heard = parsePacket(bytes);
    const event = heard?.payloadType === KEYS_TYPE ? parseEvent(heard.payload) : undefined;
    if (heard === undefined || event?.end !== true || heard.timestamp === lastKey) return;
    lastKey = heard.timestamp;
    onKey(event.key);
  });
  return {
    port: socket.address().port,
    speak(to, said) {
      if (timer !== undefined || stopped) return;
      words = said;
      const startedAt = performance.now();
      // Caught up by the clock: timers come late, and a stream that drifts would be heard as a fault of the line.
      timer = setInterval(() => {
        const due = Math.min((performance.now() - startedAt) / PACKET_MS, sent + 5);
        for (; sent < due; sent += 1)
          socket.send(packet(source, sent, words, sent - begun), to.port, to.address, () => undefined);
      }, PACKET_MS);
    },
    say(said) {
      words = said;
      begun = sent;
    },
    stop() {
      if (stopped) return;
      stopped = true;
      clearInterval(timer);
      socket.close();
    },
  };
}

/** RFC 3550 §5.1: version 2, payload type 0, the marker on the first packet of a talk spurt; random start values. */
export function packet(source: Buffer, index: number, said: Buffer, since = index): Buffer {
  const bytes = Buffer.alloc(12 + PACKET, QUIET);
  bytes[0] = 0x80;
  bytes[1] = index === 0 ? 0x80 : 0;
  bytes.writeUInt16BE((source.readUInt16BE(0) + index) & 0xffff, 2);
  bytes.writeUInt32BE((source.readUInt32BE(2) + index * PACKET) >>> 0, 4);
  source.copy(bytes, 8, 6, 10);
  const at = (since * PACKET) % said.length;
  said.subarray(at, at + PACKET).copy(bytes, 12);
  return bytes;
}
