/**
 * Who we are to a chat desk: one visitor for each desk for as long as this process lives, or each look would add a contact to
 * the desk's list. It is kept in memory only; an operator who wants the same visitor for ever configures one.
 */
import { createHash, randomBytes } from 'node:crypto';

const CAP = 1_000;
const visitors = new Map<string, string>();

/** A name for a desk that tells nothing of its tokens. */
export const deskName = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url');

export const visitorAt = (desk: string): string | undefined => visitors.get(desk);

export function remember(desk: string, token: string): void {
  visitors.delete(desk);
  visitors.set(desk, token);
  const oldest = visitors.keys().next();
  if (visitors.size > CAP && oldest.done !== true) visitors.delete(oldest.value);
}

export function forget(desk: string): void {
  visitors.delete(desk);
}

/** A token for desks that let the visitor choose one. By chance: whoever can guess it could speak for us. */
export const newToken = (): string => randomBytes(24).toString('base64url');
