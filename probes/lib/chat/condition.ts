/** What a JSON message must say, as configured: a pointer and what stands there. All conditions together, in one message. */
import { z } from 'zod';
import { pointer, select, textOf } from '../json.ts';
import type { Json } from '../json.ts';
import { occursIn, pattern } from '../pattern.ts';

const condition = z
  .strictObject({
    pointer: pointer(),
    equals: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
    in: z
      .array(z.union([z.string(), z.number(), z.boolean(), z.null()]))
      .min(1)
      .optional(),
    matches: pattern().optional(),
    gt: z.number().optional(),
    lt: z.number().optional(),
  })
  .meta({ description: 'what stands at a JSON pointer; with the pointer alone: that something stands there' });

export const conditions = () => z.array(condition).min(1).max(20);
export type Condition = z.output<typeof condition>;

export function holds(value: Json, all: readonly Condition[]): boolean {
  return all.every((each) => select(value, each.pointer).some((found) => fits(found, each)));
}

function fits(found: Json, asked: Condition): boolean {
  const { equals, matches, gt, lt } = asked;
  if (equals !== undefined && found !== equals) return false;
  if (asked.in?.every((each) => each !== found) === true) return false;
  if (matches !== undefined && !occursIn(textOf(found), (text) => matches.test(text))) return false;
  if (gt !== undefined && !(typeof found === 'number' && found > gt)) return false;
  return lt === undefined || (typeof found === 'number' && found < lt);
}
