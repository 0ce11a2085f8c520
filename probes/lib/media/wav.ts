/** Sound as a WAV file that any player opens, and back. It knows no codec but µ-law and no disk. */
import { encode, RATE } from './g711.ts';

const MULAW = 7;
const HEADER = 58;

/** µ-law, 8 kHz, one channel: half the size of plain samples, and as good as the line was. */
export function formatWav(samples: Int16Array): Buffer {
  const sound = encode('PCMU', samples);
  const pad = sound.length % 2;
  const bytes = Buffer.alloc(HEADER + sound.length + pad);
  bytes.write('RIFF', 0, 'latin1');
  bytes.writeUInt32LE(bytes.length - 8, 4);
  // A format other than plain samples has an extension size (zero) and says in `fact` how many samples there are.
  bytes.write('WAVEfmt ', 8, 'latin1');
  bytes.writeUInt32LE(18, 16);
  bytes.writeUInt16LE(MULAW, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(RATE, 24);
  bytes.writeUInt32LE(RATE, 28);
  bytes.writeUInt16LE(1, 32);
  bytes.writeUInt16LE(8, 34);
  bytes.writeUInt16LE(0, 36);
  bytes.write('fact', 38, 'latin1');
  bytes.writeUInt32LE(4, 42);
  bytes.writeUInt32LE(sound.length, 46);
  bytes.write('data', 50, 'latin1');
  bytes.writeUInt32LE(sound.length, 54);
  bytes.set(sound, HEADER);
  return bytes;
}
