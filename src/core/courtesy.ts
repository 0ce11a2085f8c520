/** How long a far side wants to be left alone, by its own words (Retry-After). Pure; the runner waits. */
import type { Finding } from './model.ts';

/** Nobody silences us for longer than this with one answer. */
const MOST_MS = 3_600_000;

/** Milliseconds; 0 when nothing was asked, or when it answered all the same. */
export function waitAsked({ kind, facts }: Finding): number {
  const seconds = facts['retry_after'];
  if (kind === 'ok' || typeof seconds !== 'number' || !(seconds > 0)) return 0;
  return Math.min(seconds * 1_000, MOST_MS);
}

/**
 * Whether the wait is meant for us and nobody else, so that even looks of the schedule wait: we ask too often, or it is our own
 * trunk that is full. A desk that is overloaded or closed is only spared the looks out of turn: its customers come, too, and it may
 * open earlier.
 */
export const isMeantForUs = (finding: Finding): boolean =>
  finding.kind === 'unknown' && (finding.fault.code === 'RATE_LIMITED' || finding.fault.blame === 'trunk');
