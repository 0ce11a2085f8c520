/** Telephone keys: as events in RTP (RFC 4733) and as the pair of tones that old lines hear. Pure. */
import { RATE } from './g711.ts';

export const KEYS = '0123456789*#ABCD';

const EVENT_BYTES = 4;
const VOLUME = 10;

/** One report on a key that is pressed: event, end, duration in samples (§2.3). */
export interface KeyEvent {
  readonly key: string;
  readonly end: boolean;
  readonly duration: number;
}

export function formatEvent({ key, end, duration }: KeyEvent): Buffer {
  const bytes = Buffer.alloc(EVENT_BYTES);
  bytes[0] = KEYS.indexOf(key);
  bytes[1] = (end ? 0x80 : 0) | VOLUME;
  bytes.writeUInt16BE(Math.min(duration, 0xffff), 2);
  return bytes;
}

/** Undefined for events that are no keys. */
export function parseEvent(payload: Buffer): KeyEvent | undefined {
  const key = KEYS[payload[0] ?? KEYS.length];
  if (payload.length < EVENT_BYTES || key === undefined) return undefined;
  return { key, end: ((payload[1] ?? 0) & 0x80) !== 0, duration: payload.readUInt16BE(2) };
}

/** Milliseconds that a key is pressed, and the pause after it (ITU-T Q.24 wants 40 of each at least; slow menus want more). */
export const PRESS_MS = 120;
export const PAUSE_MS = 100;

const LOW = [697, 770, 852, 941] as const;
const HIGH = [1_209, 1_336, 1_477, 1_633] as const;
const PAD = ['123A', '456B', '789C', '*0#D'] as const;

/** The two frequencies of a key (ITU-T Q.23). */
export function tonesOf(key: string): readonly [number, number] | undefined {
  const row = PAD.findIndex((keys) => keys.includes(key));
  const column = PAD[row]?.indexOf(key) ?? -1;
  const [low, high] = [LOW[row], HIGH[column]];
  return low === undefined || high === undefined ? undefined : [low, high];
}

/** A key as sound, for lines that know no events. */
export function soundOf(key: string): Int16Array {
  const [low, high] = tonesOf(key) ?? [0, 0];
  const wave = (hertz: number, at: number): number => Math.sin((2 * Math.PI * hertz * at) / RATE);
  return Int16Array.from({ length: (PRESS_MS * RATE) / 1_000 }, (_, at) => (wave(low, at) + wave(high, at)) * 6_000);
}
