/** What a stretch of sound is, block by block: quiet, one or two pure tones, or anything else. It knows no packet and no cadence. */
import { RATE } from './g711.ts';

/** 30 ms: long enough to tell 440 Hz from 480, short enough for the shortest busy tone. */
export const BLOCK = 240;
export const BLOCK_MS = (BLOCK / RATE) * 1_000;

/** Everything below is quiet: comfort noise, not a person. */
const ACTIVE_DB = -45;
/** Share of the energy that one or two frequencies must hold to be a tone. */
const PURE = 0.75;
/** Call progress tones (ITU-T E.180), special information tones (its §6), beeps and facsimile: one frequency or two. */
const CANDIDATES: readonly (readonly [number] | readonly [number, number])[] = [
  ...[350, 400, 425, 450, 480, 500, 600, 620].map((hertz) => [hertz] as const),
  ...[914, 950, 985, 1_000, 1_100, 1_371, 1_400, 1_429, 1_777, 1_800, 2_100].map((hertz) => [hertz] as const),
  [350, 440],
  [400, 420],
  [400, 450],
  [440, 480],
  [480, 620],
];

export interface Block {
  /** `lost`: it never came, so nobody knows. */
  readonly kind: 'quiet' | 'tone' | 'sound' | 'lost';
  /** Decibels below the loudest there can be. */
  readonly db: number;
  /** Of a tone: the frequency or two that it is made of. */
  readonly hertz: readonly number[];
}

/** Waves of unit length at right angles to each other, so that frequencies too near for one block can be told all the same. */
function basisOf(hertz: readonly number[]): Float64Array[] {
  const waves: Float64Array[] = [];
  for (const each of hertz) {
    for (const shift of [0, Math.PI / 2]) {
      const wave = Float64Array.from({ length: BLOCK }, (_, at) => Math.sin((2 * Math.PI * each * at) / RATE + shift));
      for (const other of waves) {
        const shared = along(wave, other);
        for (let at = 0; at < BLOCK; at += 1) wave[at] = (wave[at] ?? 0) - shared * (other[at] ?? 0);
      }
      const length = Math.sqrt(along(wave, wave));
      waves.push(wave.map((value) => value / length));
    }
  }
  return waves;
}

function along(one: Float64Array, other: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < BLOCK; at += 1) sum += (one[at] ?? 0) * (other[at] ?? 0);
  return sum;
}

const BASES = CANDIDATES.map((hertz) => ({ hertz, waves: basisOf(hertz) }));
const LOST: Block = { kind: 'lost', db: -100, hertz: [] };

/** All whole blocks of a stretch. `known`: whether a stretch of samples has come at all. */
export function blocksOf(samples: Int16Array, known: (from: number, to: number) => boolean = () => true): Block[] {
  const blocks: Block[] = [];
  for (let at = 0; at + BLOCK <= samples.length; at += BLOCK) {
    blocks.push(known(at, at + BLOCK) ? blockOf(samples.subarray(at, at + BLOCK)) : LOST);
  }
  return blocks;
}

export function blockOf(samples: Int16Array): Block {
  const mean = samples.reduce((sum, each) => sum + each, 0) / samples.length;
  const sound = Float64Array.from(samples, (each) => each - mean);
  const energy = along(sound, sound);
  const db = 10 * Math.log10(energy / BLOCK / 32_768 ** 2 + 1e-10);
  if (db < ACTIVE_DB) return { kind: 'quiet', db, hertz: [] };
  let best: { readonly hertz: readonly number[]; readonly share: number } = { hertz: [], share: PURE };
  for (const { hertz, waves } of BASES) {
    const share = waves.reduce((sum, wave) => sum + along(sound, wave) ** 2, 0) / energy;
    // Two frequencies always explain a little more than one of them does.
    if (share > best.share + (hertz.length > 1 && best.hertz.length === 1 ? 0.1 : 0)) best = { hertz, share };
  }
  return best.hertz.length === 0 ? { kind: 'sound', db, hertz: [] } : { kind: 'tone', db, hertz: best.hertz };
}
