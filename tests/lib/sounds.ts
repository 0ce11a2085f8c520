/** Sounds that telephones make, reckoned: tones with a cadence, hiss, music, something like speech. It knows no network. */
import { decode, encode } from '../../probes/lib/media/g711.ts';
import { greeting } from '../../src/demo/voice.ts';

const RATE = 8_000;

/** Sines at the given frequencies, `db` below full scale each. */
export function tone(hertz: readonly number[], seconds: number, db = -16): Int16Array {
  const size = 32_768 * 10 ** (db / 20);
  return Int16Array.from({ length: Math.round(seconds * RATE) }, (_, at) =>
    hertz.reduce((sum, each) => sum + size * Math.sin((2 * Math.PI * each * at) / RATE), 0),
  );
}

export const quiet = (seconds: number): Int16Array => new Int16Array(Math.round(seconds * RATE));

export function join(...parts: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A cadence over and over: on, off, on, off, … in seconds. */
export function cadence(hertz: readonly number[], beat: readonly number[], seconds: number, db = -16): Int16Array {
  const parts: Int16Array[] = [];
  let length = 0;
  for (let at = 0; length < seconds; at = (at + 1) % beat.length) {
    const lasts = beat[at] ?? 1;
    parts.push(at % 2 === 0 ? tone(hertz, lasts, db) : quiet(lasts));
    length += lasts;
  }
  return join(...parts).subarray(0, seconds * RATE);
}

/** The same hiss on every run. */
export function hiss(seconds: number, db: number): Int16Array {
  let state = 42;
  const size = 32_768 * 10 ** (db / 20) * Math.sqrt(3);
  return Int16Array.from({ length: Math.round(seconds * RATE) }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 0x8000_0000 - 1) * size;
  });
}

/** A melody over chords, as music on hold: half of its notes are pure tones in the range of call progress. */
export function music(seconds: number): Int16Array {
  const melody = [440, 494, 523, 392, 349, 587, 523, 440];
  const chords = [
    [262, 330, 392],
    [220, 262, 330],
    [175, 220, 262],
    [196, 247, 294],
  ];
  return Int16Array.from({ length: seconds * RATE }, (_, at) => {
    const t = at / RATE;
    const note = melody[Math.floor(t / 0.4) % melody.length] ?? 440;
    const chord = chords[Math.floor(t / 1.6) % chords.length] ?? [];
    const wave = (hertz: number): number => Math.sin(2 * Math.PI * hertz * t) + 0.3 * Math.sin(4 * Math.PI * hertz * t);
    return 3_000 * wave(note) + chord.reduce((sum, hertz) => sum + 1_500 * wave(hertz), 0);
  });
}

/** The demo desk's own greeting: syllables with pauses. */
export const voice = (): Int16Array => decode('PCMU', greeting());

/** As it sounds after a line has coded it. */
export const coded = (samples: Int16Array, codec: 'PCMU' | 'PCMA'): Int16Array => decode(codec, encode(codec, samples));
