/** What a whole stretch of sound was: voice, silence, or which call progress tone, by its cadence. Pure; it knows no call. */
import { BLOCK_MS, blocksOf } from './tones.ts';
import type { Block } from './tones.ts';

export const TONES = ['ringback', 'busy', 'congestion', 'special_information', 'steady', 'fax', 'other'] as const;
export type Tone = (typeof TONES)[number];

export interface Hearing {
  /** `none`: nothing came. `noise`: sound that never pauses, as music and hiss do not and speech does. */
  readonly sound: 'none' | 'silence' | 'voice' | 'noise' | 'tone';
  /** A call progress tone that was there, even when a voice came before or after it. */
  readonly tone: Tone | undefined;
  readonly lengthMs: number;
  /** Milliseconds that were neither quiet nor a tone. */
  readonly activeMs: number;
}

/** Less than this is a click. */
const VOICE_MS = 400;
const TONE_MS = 150;

/** Names a stretch of samples. `known`: whether a stretch of them has come at all. */
export const classify = (samples: Int16Array, known?: (from: number, to: number) => boolean): Hearing =>
  classifyBlocks(blocksOf(samples, known));

/** The same for who has looked at the blocks already. */
export function classifyBlocks(blocks: readonly Block[]): Hearing {
  const count = (kind: Block['kind']): number => blocks.filter((block) => block.kind === kind).length * BLOCK_MS;
  const lengthMs = blocks.length * BLOCK_MS;
  if (count('lost') === lengthMs) return { sound: 'none', tone: undefined, lengthMs, activeMs: 0 };
  const [activeMs, toneMs] = [count('sound'), count('tone')];
  const tone = toneMs >= TONE_MS ? nameTone(blocks) : undefined;
  const told = { tone, lengthMs, activeMs };
  if (tone === 'special_information' || (tone !== undefined && activeMs < toneMs / 4))
    return { sound: 'tone', ...told };
  if (tone !== undefined && tone !== 'other' && isBackground(blocks)) return { sound: 'tone', ...told };
  // A melody is tonal at times. What has no cadence is no call progress tone beside other sound.
  const named = { ...told, tone: tone === 'other' ? undefined : tone };
  if (activeMs + (named.tone === undefined ? toneMs : 0) < VOICE_MS)
    return { sound: named.tone === undefined ? 'silence' : 'tone', ...named };
  return { sound: pauses(blocks) ? 'voice' : 'noise', ...named };
}

/** Speech falls 15 dB below its own loudness many times a second; hiss never does, music on hold hardly ever. */
function pauses(blocks: readonly Block[]): boolean {
  const first = blocks.findIndex((block) => block.kind === 'sound');
  const last = blocks.findLastIndex((block) => block.kind === 'sound');
  const levels = blocks.slice(first, last + 1).flatMap((block) => (block.kind === 'lost' ? [] : [block.db]));
  const loud = levels.toSorted((a, b) => b - a)[Math.floor(levels.length / 10)] ?? 0;
  return levels.filter((db) => db < loud - 15).length >= levels.length * 0.08;
}

/** Hiss of the line between and below the beats of a tone: far quieter than the tone, and never pausing as speech does. */
function isBackground(blocks: readonly Block[]): boolean {
  const isTone = (at: number): boolean => blocks[at]?.kind === 'tone';
  // The edges of a beat are half a tone.
  const rest = blocks.filter((_, at) => !isTone(at - 1) && !isTone(at) && !isTone(at + 1));
  const tones = blocks.flatMap((block) => (block.kind === 'tone' ? [block.db] : []));
  const loudest = Math.max(...rest.flatMap((block) => (block.kind === 'sound' ? [block.db] : [])));
  return loudest < middle(tones) - 10 && !pauses(rest);
}

interface Run {
  readonly on: boolean;
  readonly ms: number;
  readonly hertz: number;
}

/** The cadence: tone and no tone in turn. Single blocks in between belong to what is around them: edges and lost packets. */
function runsOf(blocks: readonly Block[]): Run[] {
  const states = smooth(blocks.map((block) => (block.kind === 'lost' ? undefined : block.kind === 'tone')));
  const runs: { on: boolean; blocks: Block[] }[] = [];
  for (const [index, on] of states.entries()) {
    const block = blocks[index];
    if (block === undefined) continue;
    const last = runs.at(-1);
    if (last?.on === on) last.blocks.push(block);
    else runs.push({ on, blocks: [block] });
  }
  return runs.map((run) => ({ on: run.on, ms: run.blocks.length * BLOCK_MS, hertz: median(run.blocks) }));
}

function smooth(states: readonly (boolean | undefined)[]): boolean[] {
  const known: boolean[] = [];
  for (const state of states) known.push(state ?? known.at(-1) ?? false);
  return known.map((state, at) => {
    const [before, after] = [known[at - 1], known[at + 1]];
    return before !== undefined && before === after ? before : state;
  });
}

function median(blocks: readonly Block[]): number {
  const heard = blocks.flatMap((block) => block.hertz.slice(0, 1)).toSorted((a, b) => a - b);
  return heard[Math.floor(heard.length / 2)] ?? 0;
}

/** E.180 Supplement 2 lists a plan for each country; what they share is the cadence, between 350 and 620 Hz. */
function nameTone(blocks: readonly Block[]): Tone {
  if (hasSpecialInformation(blocks)) return 'special_information';
  const runs = runsOf(blocks);
  const progress = runs.every((run) => !run.on || (run.hertz >= 350 && run.hertz <= 620));
  const longest = Math.max(...runs.map((run) => (run.on ? run.ms : 0)));
  if (runs.some((run) => run.on && run.ms >= 1_500 && run.hertz >= 2_050)) return 'fax';
  if (longest >= 3_500) return 'steady';
  if (!progress) return 'other';
  return nameRhythm(runs) ?? (rings(runs) ? 'ringback' : 'other');
}

/** Three tones that rise, at about 950, 1400 and 1800 Hz, 330 ms each or somewhat more or less (E.180 §6). */
function hasSpecialInformation(blocks: readonly Block[]): boolean {
  const steps = [
    [900, 1_000],
    [1_350, 1_450],
    [1_750, 1_830],
  ] as const;
  let step = 0;
  let length = 0;
  let elapsed = 0;
  for (const block of blocks) {
    const [low, high] = steps[step] ?? [0, 0];
    const [hertz = 0] = block.hertz;
    if (step > 0) elapsed += 1;
    // What was lost on the way says nothing against it.
    if (block.kind === 'lost') continue;
    if (hertz >= low && hertz <= high) length += 1;
    else if (length < 6) length = 0;
    if (length < 6) {
      // The next tone begins within half a second, or it was something else.
      if (elapsed > 50) [step, elapsed] = [0, 0];
      continue;
    }
    [step, length] = [step + 1, 0];
    if (step === steps.length) return true;
  }
  return false;
}

interface Beat {
  readonly on: number;
  readonly off: number;
}

/** Whole beats: what is cut off at the beginning or the end says nothing about its length. */
function beatsOf(runs: readonly Run[]): Beat[] {
  const beats: Beat[] = [];
  for (let at = 1; at + 2 < runs.length; at += 1) {
    const [run, pause] = [runs[at], runs[at + 1]];
    if (run?.on === true && pause !== undefined) beats.push({ on: run.ms, off: pause.ms });
  }
  // The first run counts too when it is no shorter than the others: then it was not cut.
  const [first, second] = runs;
  if (first?.on === true && second !== undefined && runs.length > 2) beats.unshift({ on: first.ms, off: second.ms });
  return beats;
}

const TOLERANCE_MS = 95;
const near = (ms: number, wanted: number): boolean => Math.abs(ms - wanted) <= TOLERANCE_MS;

/** Busy and congestion: the same short beat at least three times. */
function nameRhythm(runs: readonly Run[]): 'busy' | 'congestion' | undefined {
  const beats = beatsOf(runs).filter(({ on, off }) => on <= 850 && off <= 850);
  if (beats.length < 3 || runs.some((run) => !run.on && run.ms > 1_800 && run !== runs[0] && run !== runs.at(-1)))
    return undefined;
  const [long, short] = [beats.filter((beat) => fits(beat, 400, 350)), beats.filter((beat) => fits(beat, 225, 525))];
  // The British one limps: 0.4 on, 0.35 off, 0.225 on, 0.525 off.
  if (long.length > 0 && short.length > 0 && long.length + short.length >= beats.length - 1) return 'congestion';
  const on = middle(beats.map((beat) => beat.on));
  const off = middle(beats.map((beat) => beat.off));
  const regular = beats.filter((beat) => near(beat.on, on) && near(beat.off, off)).length;
  if (regular < 3 || regular < beats.length * 0.75) return undefined;
  // 0.5/0.5 nearly everywhere, 0.375 and 0.35 in places, 0.75/0.75 in Singapore and India: busy. 0.25 and 0.2: congestion; so is
  // China's 0.7/0.7.
  const beat = on + off;
  return beat < 620 || (beat > 1_250 && beat < 1_450) ? 'congestion' : 'busy';
}

const fits = (beat: Beat, on: number, off: number): boolean =>
  Math.abs(beat.on - on) <= 50 && Math.abs(beat.off - off) <= 50;

const middle = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** A tone of 0.3 to 2.5 s and a long pause; the pause may still last when we stop to listen. */
function rings(runs: readonly Run[]): boolean {
  return runs.some((run, at) => {
    const pause = runs[at + 1];
    return run.on && run.ms >= 300 && run.ms <= 2_600 && pause !== undefined && pause.ms >= 1_700;
  });
}
