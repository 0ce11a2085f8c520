/** What is heard: call progress tones of several countries by their cadence, and everything that must not be taken for one. */
import { describe, expect, it } from 'vitest';
import { classify } from '../../probes/lib/media/hearing.ts';
import { openTape } from '../../probes/lib/media/tape.ts';
import { openWatch } from '../../probes/lib/media/watch.ts';
import { garbage } from '../lib/servers.ts';
import { cadence, coded, hiss, join, music, quiet, tone, voice } from '../lib/sounds.ts';

const SIT = (hertz: readonly [number, number, number], seconds: number): Int16Array =>
  join(...hertz.map((each) => tone([each], seconds)));

describe.each(['PCMU', 'PCMA'] as const)('through %s', (codec) => {
  it.each([
    ['United States', [440, 480], [2, 4]],
    ['Europe', [425], [1, 4]],
    ['Indonesia', [425], [1, 4]],
    ['China', [450], [1, 4]],
    ['Japan', [400, 420], [1, 2]],
    ['Germany', [425], [1, 4]],
    ['United Kingdom', [400, 450], [0.4, 0.2, 0.4, 2]],
    ['Australia', [400, 425], [0.4, 0.2, 0.4, 2]],
    ['Singapore', [400, 424], [0.4, 0.2, 0.4, 2]],
    ['Hong Kong', [440, 480], [0.4, 0.2, 0.4, 3]],
    ['France', [440], [1.5, 3.5]],
  ] as const)('ringback of %s is ringback', (_, hertz, beat) => {
    expect(classify(coded(cadence(hertz, beat, 8), codec))).toMatchObject({ sound: 'tone', tone: 'ringback' });
    // Heard from the middle of a ring on.
    expect(classify(coded(cadence(hertz, beat, 9).subarray(2_000), codec)).tone).toBe('ringback');
  });

  it.each([
    ['United States', [480, 620], [0.5, 0.5]],
    ['Indonesia', [425], [0.5, 0.5]],
    ['Europe', [425], [0.5, 0.5]],
    ['China', [450], [0.35, 0.35]],
    ['United Kingdom', [400], [0.375, 0.375]],
    ['Germany', [425], [0.48, 0.48]],
    ['Singapore', [425], [0.75, 0.75]],
    ['India', [400], [0.75, 0.75]],
    ['Japan', [400], [0.5, 0.5]],
  ] as const)('busy of %s is busy', (_, hertz, beat) => {
    expect(classify(coded(cadence(hertz, beat, 7), codec))).toMatchObject({ sound: 'tone', tone: 'busy' });
  });

  it.each([
    ['United States', [480, 620], [0.25, 0.25]],
    ['Indonesia', [425], [0.25, 0.25]],
    ['Italy', [425], [0.2, 0.2]],
    ['United Kingdom', [400], [0.4, 0.35, 0.225, 0.525]],
    ['China', [450], [0.7, 0.7]],
    ['Korea', [480, 620], [0.3, 0.2]],
    ['Singapore', [425], [0.25, 0.25]],
  ] as const)('congestion of %s is congestion', (_, hertz, beat) => {
    expect(classify(coded(cadence(hertz, beat, 6), codec))).toMatchObject({ sound: 'tone', tone: 'congestion' });
  });

  it.each([
    ['ITU-T E.180', [950, 1_400, 1_800], 0.33],
    ['North America, high', [985.2, 1_428.5, 1_776.7], 0.276],
    ['North America, low', [913.8, 1_370.6, 1_776.7], 0.38],
  ] as const)('the special information tone of %s is one, even with an announcement after it', (_, hertz, seconds) => {
    const sounds = join(quiet(0.5), SIT(hertz, seconds), quiet(0.3), voice());
    expect(classify(coded(sounds, codec))).toMatchObject({ sound: 'tone', tone: 'special_information' });
  });

  it('a voice is a voice, silence is silence', () => {
    expect(classify(coded(voice(), codec))).toMatchObject({ sound: 'voice', tone: undefined });
    expect(classify(coded(quiet(5), codec))).toMatchObject({ sound: 'silence', tone: undefined });
    expect(classify(coded(hiss(5, -60), codec)).sound).toBe('silence');
  });

  it('music and hiss are neither tone nor voice', () => {
    expect(classify(coded(music(8), codec))).toMatchObject({ sound: 'noise', tone: undefined });
    expect(classify(coded(hiss(5, -25), codec))).toMatchObject({ sound: 'noise', tone: undefined });
  });
});

describe('hearing', () => {
  const PLANS = [
    ['ringback', [440, 480], [2, 4], 8],
    ['ringback', [425], [1, 4], 8],
    ['busy', [480, 620], [0.5, 0.5], 6],
    ['congestion', [425], [0.25, 0.25], 6],
  ] as const;

  it.each(PLANS)('knows %s of %j down to -40 dB', (name, hertz, beat, seconds) => {
    for (const db of [-10, -25, -36, -38, -40])
      for (const codec of ['PCMU', 'PCMA'] as const)
        expect(classify(coded(cadence(hertz, beat, seconds, db), codec)).tone).toBe(name);
  });

  it.each(PLANS)('knows %s of %j over a line that hisses: 15 dB below it is no voice', (name, hertz, beat, seconds) => {
    for (const below of [30, 24, 20, 16]) {
      const noise = hiss(seconds, -16 - below);
      const sounds = cadence(hertz, beat, seconds, -16).map((each, at) => each + (noise[at] ?? 0));
      expect(classify(coded(sounds, 'PCMU'))).toMatchObject({ sound: 'tone', tone: name });
    }
  });

  /** The sound with some packets of 20 ms lost by chance, and which stretches have come. */
  const lossy = (sounds: Int16Array, share: number, seed: number) => {
    const chance = garbage(Math.ceil(sounds.length / 160), seed);
    const came = Uint8Array.from(chance, (each) => (each < share * 256 ? 0 : 1));
    const left = sounds.map((each, at) => each * (came[Math.floor(at / 160)] ?? 0));
    const known = (from: number, to: number): boolean =>
      !came.subarray(Math.floor(from / 160), Math.ceil(to / 160)).includes(0);
    return classify(left, known);
  };

  it.each(PLANS)('knows %s of %j with a tenth of its packets lost', (name, hertz, beat, seconds) => {
    for (let seed = 1; seed <= 20; seed += 1)
      expect(lossy(cadence(hertz, beat, seconds), 0.1, seed)).toMatchObject({ sound: 'tone', tone: name });
  });

  it('knows a special information tone with some of its packets lost', () => {
    const sounds = join(quiet(0.5), SIT([950, 1_400, 1_800], 0.33), voice());
    const found = Array.from({ length: 50 }, (_, seed) => lossy(sounds, 0.03, seed + 1).tone);
    expect(found.filter((tone) => tone === 'special_information').length).toBeGreaterThanOrEqual(46);
  });

  it('a voice stays one with packets lost, and when a tone or hiss lies below it', () => {
    for (let seed = 1; seed <= 20; seed += 1) expect(lossy(voice(), 0.1, seed).sound).toBe('voice');
    const noise = hiss(10, -38);
    expect(classify(voice().map((each, at) => each + (noise[at] ?? 0))).sound).toBe('voice');
    // An announcement that is quiet beside the ringback before it.
    const whisper = voice().map((each) => each / 6);
    expect(classify(join(cadence([425], [1, 4], 6), whisper))).toMatchObject({ sound: 'voice', tone: 'ringback' });
  });

  it('music on hold is no tone in any key or tempo, alone or after ringback', () => {
    const notes = [262, 294, 330, 349, 392, 440, 494, 523, 587];
    for (let seed = 1; seed <= 60; seed += 1) {
      const chance = garbage(40, seed);
      const beat = [0.2, 0.3, 0.4, 0.6][seed % 4] ?? 0.4;
      const song = join(
        ...Array.from(chance, (each) => {
          const note = notes[each % notes.length] ?? 440;
          // Chords: a note, its third and its fifth with their overtones, as no telephone exchange makes them.
          return tone([note, note * 1.26, note * 1.5, note * 2, note * 3], beat * (each > 200 ? 2 : 1), -26);
        }),
      );
      for (const sounds of [song, join(cadence([425], [1, 4], 6), song)])
        expect([seed, classify(coded(sounds, 'PCMU')).sound]).not.toEqual([seed, 'tone']);
    }
  });

  it('keeps the ringback that was heard before a voice', () => {
    expect(classify(join(cadence([425], [1, 4], 6), voice()))).toMatchObject({ sound: 'voice', tone: 'ringback' });
  });

  it('tells a steady tone, a fax, a melody of one voice and two beats from busy', () => {
    expect(classify(tone([425], 6)).tone).toBe('steady');
    expect(classify(join(quiet(1), tone([2_100], 3))).tone).toBe('fax');
    const melody = join(
      ...[440, 350, 500, 600, 400, 480].map((each, at) =>
        join(tone([each], 0.2 + at * 0.13), quiet(0.1 + (at % 3) * 0.2)),
      ),
    );
    expect(['other', 'ringback', undefined]).toContain(classify(melody).tone);
    expect(classify(join(cadence([425], [0.5, 0.5], 1.9), quiet(1))).tone).not.toBe('busy');
  });

  it('of nothing is nothing', () => {
    expect(classify(new Int16Array(0)).sound).toBe('none');
    expect(classify(quiet(3), () => false).sound).toBe('none');
  });

  it('costs less than a hundredth of the time that it listens to', () => {
    const minute = join(...Array.from({ length: 9 }, () => join(voice(), cadence([425], [0.5, 0.5], 2))));
    const began = performance.now();
    classify(minute);
    expect(performance.now() - began).toBeLessThan((minute.length / 8) * 0.05);
  });
});

describe('a watch', () => {
  const play = (sounds: Int16Array) => {
    const tape = openTape();
    const watch = openWatch(tape);
    let at = 0;
    const timer = setInterval(() => {
      if (at >= sounds.length) return;
      tape.write(sounds.subarray(at, at + 800), { timestamp: at, sequence: at / 800 });
      at += 800;
      watch.heard();
    }, 10);
    const close = (): void => {
      clearInterval(timer);
      watch.close();
    };
    return { watch, close };
  };

  it('hears voice, then quiet, then a tone, each from when it is asked', async () => {
    const { watch, close } = play(join(quiet(0.5), voice(), quiet(1), tone([440], 1), quiet(2)));
    expect(await watch.wait('voice', 3_000)).toBe(true);
    expect(await watch.wait('quiet', 3_000)).toBe(true);
    expect(await watch.wait('tone', 3_000)).toBe(true);
    expect(await watch.wait('voice', 200)).toBe(false);
    close();
  });

  it('takes a far side that stops sending for quiet, and ends when it is closed', async () => {
    const { watch, close } = play(new Int16Array(0));
    expect(await watch.wait('quiet', 3_000)).toBe(true);
    const waiting = watch.wait('voice', 60_000);
    close();
    expect(await waiting).toBe(false);
  });
});
