/** What is heard: call progress tones of several countries by their cadence, and everything that must not be taken for one. */
import { describe, expect, it } from 'vitest';
import { classify } from '../../probes/lib/media/hearing.ts';
import { openTape } from '../../probes/lib/media/tape.ts';
import { openWatch } from '../../probes/lib/media/watch.ts';
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
  ] as const)('busy of %s is busy', (_, hertz, beat) => {
    expect(classify(coded(cadence(hertz, beat, 5), codec))).toMatchObject({ sound: 'tone', tone: 'busy' });
  });

  it.each([
    ['United States', [480, 620], [0.25, 0.25]],
    ['Indonesia', [425], [0.25, 0.25]],
    ['Italy', [425], [0.2, 0.2]],
    ['United Kingdom', [400], [0.4, 0.35, 0.225, 0.525]],
    ['China', [450], [0.7, 0.7]],
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
  it('knows tones down to -40 dB', () => {
    expect(classify(coded(cadence([425], [0.5, 0.5], 5, -38), 'PCMU')).tone).toBe('busy');
    expect(classify(coded(cadence([425], [1, 4], 8, -38), 'PCMA')).tone).toBe('ringback');
  });

  it('knows a busy tone with lost packets inside', () => {
    const sounds = cadence([480, 620], [0.5, 0.5], 6);
    const lost = new Set([20, 77, 131, 132, 200]);
    const known = (from: number, to: number): boolean =>
      ![...lost].some((each) => each * 160 < to && (each + 1) * 160 > from);
    for (const each of lost) sounds.fill(0, each * 160, (each + 1) * 160);
    expect(classify(sounds, known).tone).toBe('busy');
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
