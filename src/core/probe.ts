/** The contract of a probe kind. One file in `probes/`, its default export made by `defineProbe`. */
import type { z } from 'zod';
import type { Expectation, Finding, Instant, Language } from './model.ts';

/** What the looks at one target from one place tell each other, across restarts: one JSON value. */
export interface Memory {
  /** What an earlier look left; undefined when none did. It may be of an older version of the kind. */
  get(): unknown;
  /** Written in one transaction with the look, or not at all. Throws when it is larger than `MEMORY_CAP` as JSON. */
  set(value: unknown): void;
}

/** Bytes. */
export const MEMORY_CAP = 8_192;

export interface ProbeContext {
  /** Fires at the deadline of the look and when the process stops. Whatever a probe opened is closed when it fires. */
  readonly signal: AbortSignal;
  /** The one instant of this look. */
  readonly startedAt: Instant;
  /** Milliseconds that this look may take in all. */
  readonly timeoutMs: number;
  /** 32 hexadecimal digits of chance, new for each look: seed of tokens, tags and branches. */
  readonly runId: string;
  /** The provider's time zone (IANA). */
  readonly timezone: string;
  /** For kinds that say `remembers`; absent in a look by hand. */
  readonly memory?: Memory;
  /** What the channel promises at an instant; absent in a look by hand. */
  readonly expectation?: (at: Instant) => Expectation;
  /** The languages in which the channel promises to answer; absent where nothing was promised, as in a look by hand. */
  readonly languages?: readonly Language[];
}

export interface ProbeKind<With = unknown> {
  /** One sentence for `--help` and the page of kinds. */
  readonly summary: string;
  /** An example of `with` that passes the schema; shown in help and run by the contract suite's settings test. */
  readonly example: Record<string, unknown>;
  /** What stands under `with:`; unknown keys are refused. */
  readonly schema: z.ZodType<With>;
  /** Closed list of the phase names that a finding may carry. */
  readonly phases: readonly string[];
  /** The phase that a promise is held against; absent: the whole duration. */
  readonly answer?: string;
  /** The host whose patience is spent, for the caps per host; null: none. */
  readonly host: (settings: With) => string | null;
  /** True when a look costs money or disturbs people: a budget is required. */
  readonly costly?: boolean;
  /** True when a look rings at a person: none is made while the channel is closed, unless the target's `quiet` says otherwise. */
  readonly rings?: boolean;
  /** True when looks of this kind leave something for the next: `context.memory`. */
  readonly remembers?: boolean;
  /** How long a look may take when nothing else is said, in milliseconds. */
  readonly timeoutMs: number;
  /** Looks once. Returns within the deadline whatever the far side does; a throw is a defect. */
  readonly look: (settings: With, context: ProbeContext) => Promise<Finding>;
}

/** Checks a probe kind's types and erases them, so that all kinds lie in one drawer. */
export function defineProbe<With>(kind: ProbeKind<With>): ProbeKind {
  return kind as unknown as ProbeKind;
}

/** All kinds by name. */
export type Drawer = ReadonlyMap<string, ProbeKind>;
