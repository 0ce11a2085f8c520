/** Which announcements are new, by what earlier looks at the source left. The first look of all sees no news. Pure. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Notice } from '../../src/core/model.ts';
import type { Item } from './item.ts';

/** Marks kept; a source shows fewer at once. */
const MARKS_CAP = 300;

const shape = z.object({ marks: z.array(z.string().max(20)).max(MARKS_CAP) });

/** The marks that were kept; undefined when none were, or of another making: then everything is old. */
export function readMarks(kept: unknown): readonly string[] | undefined {
  return shape.safeParse(kept).data?.marks;
}

/**
 * What tells two items apart: what the feed calls them, where they lead, title and window. Not the id alone, for some feeds call
 * every item the same; nor the place on the page, nor a date of publication, which some feeds renew with each answer.
 */
export function markOf({ guid = '', link }: Item, { title, from = 0 }: Notice): string {
  return createHash('sha256').update([guid, link, title, from].join('\n')).digest('base64url').slice(0, 12);
}

/** The marks to keep after a look, the newest sightings first. */
export const keptMarks = (seen: readonly string[], before: readonly string[] = []): { marks: readonly string[] } => ({
  marks: [...new Set([...seen, ...before])].slice(0, MARKS_CAP),
});
