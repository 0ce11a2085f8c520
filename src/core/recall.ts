/** One look's memory: what an earlier look left, and what this one leaves. It knows no database and no kind. */
import { MEMORY_CAP, type Memory } from './probe.ts';

export interface Recalled extends Memory {
  /** What was set last, as JSON; undefined when nothing was. */
  left(): string | undefined;
}

/** A memory that holds `kept`, as JSON. */
export function openMemory(kept: string | undefined): Recalled {
  let left: string | undefined;
  return {
    get: () => {
      const text = left ?? kept;
      return text === undefined ? undefined : (JSON.parse(text) as unknown);
    },
    set: (value) => {
      const text = JSON.stringify(value ?? null);
      if (new TextEncoder().encode(text).length > MEMORY_CAP)
        throw new RangeError(`more than ${MEMORY_CAP} bytes to remember`);
      left = text;
    },
    left: () => left,
  };
}
