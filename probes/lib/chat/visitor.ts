/**
 * Who we are to a chat desk: one visitor for each desk, in all looks and across restarts, or each look would add a contact to the
 * desk's list. It speaks to no desk.
 */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Memory } from '../../../src/core/probe.ts';
import type { Secret } from '../../../src/core/secret.ts';

const CAP = 1_000;
/** What this process knows, by desk: two targets of one desk are one visitor. */
const visitors = new Map<string, string>();

const shape = z.object({ desk: z.string(), token: z.string().max(4_000) });

export class Visitor {
  readonly #desk: string;
  readonly #own: Secret | undefined;
  readonly #memory: Memory | undefined;

  /** `parts` name the desk; `own` is the visitor that an operator configured; `memory` is absent in a look by hand. */
  constructor(parts: readonly string[], own: Secret | undefined, memory: Memory | undefined) {
    // A name that tells nothing of the desk's tokens.
    this.#desk = createHash('sha256')
      .update(JSON.stringify([...parts, own?.reveal() ?? '']))
      .digest('base64url');
    this.#own = own;
    this.#memory = memory;
  }

  /** The token that the desk knew us by last; undefined when it has not met us. */
  get token(): string | undefined {
    const here = visitors.get(this.#desk);
    if (here !== undefined) return here;
    const kept = shape.safeParse(this.#memory?.get());
    return kept.success && kept.data.desk === this.#desk ? kept.data.token : undefined;
  }

  /** The desk knows us by this token now. */
  keep(token: string): void {
    visitors.delete(this.#desk);
    visitors.set(this.#desk, token);
    const oldest = visitors.keys().next();
    if (visitors.size > CAP && oldest.done !== true) visitors.delete(oldest.value);
    // A configured secret stays where it was configured.
    if (token !== this.#own?.reveal()) this.#memory?.set({ desk: this.#desk, token });
  }

  /** The desk has forgotten us. */
  forget(): void {
    visitors.delete(this.#desk);
    this.#memory?.set(null);
  }
}

/** A token for desks that let the visitor choose one. By chance: whoever can guess it could speak for us. */
export const newToken = (): string => randomBytes(24).toString('base64url');
