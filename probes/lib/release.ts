/** When a version that a store shows is a new release, and since when: stores cache, disagree and go back. Pure. */
import { z } from 'zod';
import type { Instant } from '../../src/core/model.ts';

export interface Sighting {
  readonly version: string;
  /** As the store says; undefined when it says nothing that can be true. */
  readonly releasedAt: Instant | undefined;
}

const shape = z.object({
  /** The release that has been announced last. */
  known: z.object({ version: z.string(), at: z.number() }).optional(),
  /** A version seen once that may be a cache's mistake. */
  rumour: z.object({ version: z.string(), since: z.number() }).optional(),
});
export type Releases = z.output<typeof shape>;

/** What was kept, or nothing when it is of another making. */
export function readReleases(kept: unknown): Releases {
  const read = shape.safeParse(kept);
  return read.success ? read.data : {};
}

/**
 * A newer release date is believed at once: no cache makes one up. An older one is a cache, for a store never sells an older
 * version again under its old date. Where dates say nothing, a version is believed when it is seen twice in a row.
 */
export function heard({ known, rumour }: Releases, { version, releasedAt }: Sighting, now: Instant): Releases {
  if (known !== undefined && releasedAt !== undefined && releasedAt !== known.at)
    return { known: releasedAt > known.at ? { version, at: releasedAt } : known };
  if (known?.version === version) return { known };
  if (rumour?.version !== version) return { known, rumour: { version, since: now } };
  return { known: { version, at: releasedAt ?? rumour.since } };
}
