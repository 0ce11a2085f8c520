/** What we send into a call: 20 ms of silence at a time, and keys. It lives in the media thread and hears nothing. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { formatEvent, KEYS, PAUSE_MS, PRESS_MS, soundOf } from './dtmf.ts';
import { encode, QUIET, RATE } from './g711.ts';
import type { Codec } from './g711.ts';
import { formatPacket } from './rtp.ts';
import { openGuard } from './srtp.ts';
import type { Guard } from './srtp.ts';

export type Phase = 'early' | 'answered';

/** Where sound goes to and what it is, from the session descriptions. */
export interface Direction {
  readonly phase: Phase;
  readonly address: string;
  readonly port: number;
  readonly codec: Codec;
  readonly payloadType: number;
  readonly events: number | undefined;
  /** False: the far side does not want to hear us. */
  readonly listens: boolean;
  /** Master keys of both ways, for SRTP. */
  readonly keys: { readonly ours: Uint8Array; readonly theirs: Uint8Array } | undefined;
}

const PACKET_MS = 20;
const PACKET = (RATE * PACKET_MS) / 1_000;
export interface Mouth {
  direct(direction: Direction): void;
  press(keys: string): Promise<void>;
  close(): void;
}

interface Keystroke {
  readonly key: string;
  readonly released: () => void;
  elapsedMs: number;
  timestamp: number;
}

/** Sends 20 ms of silence at a time from the first description on: many far sides send only to who sends (RFC 4961). */
export function openMouth(socket: Socket): Mouth {
  const chance = randomBytes(10);
  const source = chance.readUInt32BE(0);
  let sequence = chance.readUInt16BE(4);
  let timestamp = chance.readUInt32BE(6);
  let direction: Direction | undefined;
  let ours: Guard | undefined;
  let timer: NodeJS.Timeout | undefined;
  let dueAt = 0;
  let first = true;
  const strokes: Keystroke[] = [];

  const send = (payloadType: number, payload: Buffer, at: number, marker: boolean): void => {
    if (direction === undefined) return;
    const packet = formatPacket({ marker, payloadType, sequence, timestamp: at, source, payload });
    sequence = (sequence + 1) & 0xffff;
    try {
      socket.send(ours?.protect(packet) ?? packet, direction.port, direction.address, () => undefined);
    } catch {
      // Closed meanwhile.
    }
  };
  const speak = (to: Direction): void => {
    const stroke = strokes[0];
    if (stroke !== undefined) return strike(to, stroke);
    send(to.payloadType, Buffer.alloc(PACKET, QUIET[to.codec]), timestamp, first);
    first = false;
  };
  const strike = (to: Direction, stroke: Keystroke): void => {
    const from = stroke.elapsedMs;
    stroke.elapsedMs += PACKET_MS;
    if (from === 0) stroke.timestamp = timestamp;
    if (from >= PRESS_MS) send(to.payloadType, Buffer.alloc(PACKET, QUIET[to.codec]), timestamp, false);
    else if (to.events === undefined) {
      const part = soundOf(stroke.key).subarray((from * RATE) / 1_000, ((from + PACKET_MS) * RATE) / 1_000);
      send(to.payloadType, Buffer.from(encode(to.codec, part)), timestamp, false);
    } else {
      const end = stroke.elapsedMs >= PRESS_MS;
      const payload = formatEvent({ key: stroke.key, end, duration: (stroke.elapsedMs * RATE) / 1_000 });
      // RFC 4733 §2.5.1: one timestamp for the whole key, the marker on its first packet, its end three times.
      for (let left = end ? 3 : 1; left > 0; left -= 1) send(to.events, payload, stroke.timestamp, from === 0);
    }
    if (stroke.elapsedMs < PRESS_MS + PAUSE_MS) return;
    strokes.shift();
    stroke.released();
  };
  const tick = (): void => {
    if (direction?.listens !== true) return;
    const now = performance.now();
    // Timers come late; a stream that drifts would be heard as our fault. After a long stop it does not catch up.
    if (now - dueAt > 200) dueAt = now;
    for (; dueAt <= now; dueAt += PACKET_MS, timestamp = (timestamp + PACKET) >>> 0) speak(direction);
  };

  return {
    direct(next) {
      if (next.keys !== undefined && ours === undefined) ours = openGuard(Buffer.from(next.keys.ours));
      direction = next;
      if (timer !== undefined) return;
      dueAt = performance.now();
      timer = setInterval(tick, PACKET_MS);
      tick();
    },
    async press(keys) {
      if (direction?.listens !== true) return;
      const known = Array.from(keys).filter((key) => KEYS.includes(key));
      await Promise.all(known.map((key) => pressed(strokes, key)));
    },
    close() {
      clearInterval(timer);
      for (const stroke of strokes.splice(0)) stroke.released();
    },
  };
}

const pressed = (strokes: Keystroke[], key: string): Promise<void> =>
  new Promise((released) => {
    strokes.push({ key, released, elapsedMs: 0, timestamp: 0 });
  });
