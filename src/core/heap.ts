/** A binary heap of what is due when. Pure data; it knows no clock. */
import type { Instant } from './model.ts';

export interface Due {
  readonly dueAt: Instant;
}

export class Heap<T extends Due> {
  #entries: T[] = [];

  clear(): void {
    this.#entries = [];
  }

  push(entry: T): void {
    const entries = this.#entries;
    let at = entries.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#due(parent) <= entry.dueAt) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Takes the earliest that is due, if one is. */
  popDue(now: Instant): T | undefined {
    const [first] = this.#entries;
    if (first === undefined || first.dueAt > now) return undefined;
    const last = this.#entries.pop();
    if (last !== undefined && this.#entries.length > 0) {
      this.#entries[0] = last;
      this.#sink();
    }
    return first;
  }

  #sink(): void {
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const least = this.#due(left + 1) < this.#due(left) ? left + 1 : left;
      if (this.#due(least) >= this.#due(at)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #due(at: number): number {
    return this.#entries[at]?.dueAt ?? Infinity;
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#entries[a], this.#entries[b]];
    if (x === undefined || y === undefined) return;
    this.#entries[a] = y;
    this.#entries[b] = x;
  }
}
