/** The reader of SMTP replies, byte by byte and with anything. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplyReader } from '../../probes/lib/mail/reply.ts';
import type { Reading } from '../../probes/lib/mail/reply.ts';

/** All readings of these pieces until there is no more, or nothing can come any more. */
function readAll(pieces: readonly Buffer[]): Reading[] {
  const reader = new ReplyReader();
  const readings: Reading[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let reading = reader.next(); reading.kind !== 'more'; reading = reader.next()) {
      readings.push(reading);
      if (reading.kind === 'broken') return readings;
    }
  }
  return readings;
}

const read = (text: string): Reading[] => readAll([Buffer.from(text, 'latin1')]);
const codeOf = (reading: Reading | undefined): string => (reading?.kind === 'broken' ? reading.fault.code : 'none');

describe('a reply reader', () => {
  it('reads one line, several lines and several replies, with any line end', () => {
    expect(read('220 hi\r\n250-a\n250-b\r\n250 c\n250\r\n')).toEqual([
      { kind: 'reply', reply: { code: 220, enhanced: undefined, lines: ['hi'] } },
      { kind: 'reply', reply: { code: 250, enhanced: undefined, lines: ['a', 'b', 'c'] } },
      { kind: 'reply', reply: { code: 250, enhanced: undefined, lines: [''] } },
    ]);
  });

  it('believes an enhanced code only of the class of its reply', () => {
    const codes = ['550 5.1.1 no', '250 2.1.5', '550 2.1.5 lie', '550 5.1 short', '220 1.2.3.4 is my address'].map(
      (line) => {
        const [reading] = read(`${line}\r\n`);
        return reading?.kind === 'reply' ? reading.reply.enhanced : 'none';
      },
    );
    expect(codes).toEqual(['5.1.1', '2.1.5', undefined, undefined, undefined]);
  });

  it.each([
    ['a line of 2 KB', `250 ${'x'.repeat(2_043)}\n`, 'none'],
    ['S-F1 a longer line', `250 ${'x'.repeat(2_044)}\n`, 'TOO_LARGE'],
    ['200 lines', `${'250-x\n'.repeat(199)}250 x\n`, 'none'],
    ['S-F1 more lines', '250-x\n'.repeat(201), 'TOO_LARGE'],
    ['S-F1 64 KB in long lines', `250-${'x'.repeat(2_000)}\n`.repeat(33), 'TOO_LARGE'],
    ['two codes', '250-a\n550 b\n', 'PROTO_GARBAGE'],
    ['letters', 'hello\n', 'PROTO_GARBAGE'],
    ['a code of another class', '150 a\n', 'PROTO_GARBAGE'],
    ['a code without a space', '250a\n', 'PROTO_GARBAGE'],
    ['S-F7 a NUL in the code', '25\0 a\n', 'PROTO_GARBAGE'],
    ['an empty line', '\r\n', 'PROTO_GARBAGE'],
  ])('knows what to do with %s', (_name, text, code) => {
    expect(codeOf(read(text).at(-1))).toBe(code);
  });

  it('sees after four bytes that garbage will be no reply, and waits for what may be one', () => {
    expect(codeOf(read('SSH-').at(-1))).toBe('PROTO_GARBAGE');
    expect(read('250')).toEqual([]);
    expect(read('250 no end yet')).toEqual([]);
  });

  it('stays broken', () => {
    const reader = new ReplyReader();
    reader.push(Buffer.from('garbage\n'));
    reader.next();
    reader.push(Buffer.from('250 fine\r\n'));
    expect(reader.next().kind).toBe('broken');
  });

  it('reads the same however the bytes are cut', () => {
    const line = fc.tuple(
      fc.constantFrom('220', '250', '451', '550'),
      fc.constantFrom('-', ' '),
      fc.string({ maxLength: 40 }),
    );
    const dialogue = fc
      .array(line, { maxLength: 12 })
      .map((lines) => Buffer.from(lines.map((each) => `${each.join('')}\r\n`).join('')));
    fc.assert(
      fc.property(dialogue, fc.array(fc.nat(600), { maxLength: 20 }), (bytes, cuts) => {
        const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
        const pieces = ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
        // What a piece ends in the middle of may be told as garbage with fewer bytes to quote; the verdict is the same.
        const outline = (readings: Reading[]): unknown[] =>
          readings.map((reading) => (reading.kind === 'reply' ? reading.reply : codeOf(reading)));
        expect(outline(readAll(pieces))).toEqual(outline(readAll([bytes])));
      }),
      { numRuns: 500 },
    );
  });

  it('R-24 makes of any bytes a reply, a fault or a wait, and keeps little', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 8 }), (pieces) => {
        const reader = new ReplyReader();
        for (const piece of pieces) {
          reader.push(Buffer.from(piece));
          const reading = reader.next();
          if (reading.kind === 'reply') expect(reading.reply.code).toBeGreaterThanOrEqual(200);
          expect(reader.unread).toBeLessThanOrEqual(65_537);
          expect(reader.partial()).not.toMatch(/[\u0000-\u001f]/);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
