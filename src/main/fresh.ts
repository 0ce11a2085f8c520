/** Part of main: whether what we publish is fresh. */
import type { Board } from '../board.ts';
import type { Instant } from '../core/model.ts';

const SEEN_LATE_FLOOR_MS = 60_000;

/** Ready means that what we publish is fresh: looks come in and are stored. */
export function freshness(board: Board, ticking: boolean, now: Instant): { ok: boolean; detail: string } {
  const seenAt = board.lastSeenAt();
  if (!ticking) return { ok: false, detail: 'the schedule stands still' };
  if (seenAt === undefined) return { ok: false, detail: 'no look has been recorded yet' };
  const limitMs = Math.max(SEEN_LATE_FLOOR_MS, board.snapshot().staleAfterMs);
  const fresh = now - seenAt <= limitMs;
  return { ok: fresh, detail: fresh ? 'looks are fresh' : 'no look has been recorded for too long' };
}
