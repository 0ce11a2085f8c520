/** What was said on the wire, kept for the people who look into a failure. Capped and printable; it judges nothing. */
import { printable } from '../../../src/core/fault.ts';
import type { Evidence } from '../../../src/core/model.ts';

export interface Trace {
  sent(peer: string, bytes: Buffer): void;
  received(peer: string, bytes: Buffer): void;
  /** Anything else worth a line. */
  note(text: string): void;
  evidence(): Evidence;
}

const CAP = 16_384;
const ENTRY_CAP = 4_096;

export function openTrace(): Trace {
  const startedAt = performance.now();
  const entries: string[] = [];
  let size = 0;
  let left = 0;

  const add = (headline: string, bytes?: Buffer): void => {
    if (size >= CAP) {
      left += 1;
      return;
    }
    const at = `+${Math.round(performance.now() - startedAt)} ms`;
    const entry = [`--- ${at} ${printable(headline)}`, ...(bytes === undefined ? [] : readable(bytes))].join('\n');
    entries.push(entry);
    size += entry.length;
  };

  return {
    sent: (peer, bytes) => add(`sent ${bytes.length} bytes to ${peer}`, bytes),
    received: (peer, bytes) => add(`received ${bytes.length} bytes from ${peer}`, bytes),
    note: (text) => add(text),
    evidence: () => ({
      name: 'sip-trace.txt',
      type: 'text/plain',
      text: `${[...entries, ...(left > 0 ? [`--- ${left} more entries left out`] : [])].join('\n')}\n`,
    }),
  };
}

// Credentials never belong in evidence, whoever sends them.
const CREDENTIALS = /^((?:proxy-)?authorization\s*:).*$/i;

function readable(bytes: Buffer): string[] {
  const text = bytes.toString('utf8', 0, ENTRY_CAP);
  const lines = text
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => printable(line.replace(CREDENTIALS, '$1 [redacted]')));
  return bytes.length > ENTRY_CAP ? [...lines, `[${bytes.length - ENTRY_CAP} more bytes]`] : lines;
}
