/** What the store remembers between transactions, so that a look is judged without reading: kept with the commit, else dropped. */
import type { Health } from '../core/judge.ts';
import type { Incident, Instant } from '../core/model.ts';

/** A map whose changes are provisional until `keep`. */
export interface Draft<Value> {
  get(key: string): Value | undefined;
  has(key: string): boolean;
  set(key: string, value: Value): void;
  keep(): void;
  forget(): void;
  /** Forgets what was sure as well. */
  drop(): void;
}

function draft<Value>(): Draft<Value> {
  const sure = new Map<string, Value>();
  let fresh = new Map<string, Value>();
  return {
    get: (key) => fresh.get(key) ?? sure.get(key),
    has: (key) => fresh.has(key) || sure.has(key),
    set: (key, value) => {
      fresh.set(key, value);
    },
    keep: () => {
      if (fresh.size === 0) return;
      for (const [key, value] of fresh) sure.set(key, value);
      // Another one: what a map that is cleared held would stay in memory until the next full collection.
      fresh = new Map();
    },
    forget: () => {
      fresh = new Map();
    },
    drop: () => {
      fresh = new Map();
      sure.clear();
    },
  };
}

export interface Remembered {
  /** Row numbers of interned names. */
  readonly targets: Draft<number>;
  readonly locations: Draft<number>;
  /** By target and location. */
  readonly health: Draft<KnownHealth>;
  /** Row numbers of the locations that have a standing, by row number of the target. */
  readonly places: Draft<readonly number[]>;
  /** By provider: the open ones, and those resolved lately. */
  readonly incidents: Draft<readonly Incident[]>;
  /** By target and location: looks of earlier slots are in the roll-ups. */
  readonly rolled: Draft<Instant>;
}

export interface KnownHealth {
  readonly health: Health;
  /** What stands in the file. */
  readonly text: string;
  /** Newest look that could see. */
  readonly seenAt: Instant;
  /** The latest slot that was recorded. */
  readonly slotAt: Instant;
}

export function remember(): Remembered & { readonly keep: () => void; readonly forget: () => void } {
  const parts = {
    targets: draft<number>(),
    locations: draft<number>(),
    health: draft<KnownHealth>(),
    places: draft<readonly number[]>(),
    incidents: draft<readonly Incident[]>(),
    rolled: draft<Instant>(),
  };
  const all = Object.values(parts);
  return {
    ...parts,
    keep: () => {
      for (const each of all) each.keep();
    },
    forget: () => {
      for (const each of all) each.forget();
      // Nobody knows whether the file has what failed: the newest look of each target is read again.
      parts.health.drop();
    },
  };
}
