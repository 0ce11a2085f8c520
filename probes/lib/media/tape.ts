/** The sound of one phase of a call, each packet at its place by timestamp, however it came. It knows no socket and no codec. */
import { RATE } from './g711.ts';

/** A minute: no test call is longer. */
const CAPACITY = RATE * 60;
/** Whether something has come is known in steps of 10 ms. */
const CELL = 80;
/** A jump of more than this is a new start of their clock. */
const JUMP = RATE * 10;

export interface Place {
  readonly timestamp: number;
  readonly sequence: number;
}

export interface Tape {
  write(samples: Int16Array, at: Place): void;
  /** Everything so far; what never came is zero. */
  samples(): Int16Array;
  /** True when all of it has come, or was left out by a far side that sends no silence. */
  known(from: number, to: number): boolean;
}

export function openTape(): Tape {
  let store = new Int16Array(RATE * 4);
  const cells = new Uint8Array(CAPACITY / CELL);
  let end = 0;
  let base: number | undefined;
  let next: Place | undefined;

  const mark = (from: number, to: number): void => {
    cells.fill(1, Math.floor(from / CELL), Math.ceil(to / CELL));
  };
  const grow = (length: number): void => {
    if (length <= store.length) return;
    const wider = new Int16Array(Math.min(CAPACITY, Math.max(length, store.length * 2)));
    wider.set(store);
    store = wider;
  };

  return {
    write(samples, { timestamp, sequence }) {
      base ??= timestamp;
      let start = (timestamp - base) >>> 0;
      // Older than the first one that we heard.
      if (start > 0xffff_ffff - JUMP) return;
      if (start > end + JUMP) {
        base = (timestamp - end) >>> 0;
        start = end;
      }
      const stop = start + samples.length;
      if (stop > CAPACITY) return;
      grow(stop);
      store.set(samples, start);
      // No number is missing, yet time has passed: it was quiet there (RFC 3551 §4.1).
      if (next?.sequence === sequence && start > end) mark(end, start);
      mark(start, stop);
      if (stop >= end) next = { timestamp: stop, sequence: (sequence + 1) & 0xffff };
      end = Math.max(end, stop);
    },
    samples: () => store.subarray(0, end),
    known(from, to) {
      return !cells.subarray(Math.floor(from / CELL), Math.ceil(to / CELL)).includes(0);
    },
  };
}
