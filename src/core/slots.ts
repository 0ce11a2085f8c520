/** The slots of a schedule: when a target is due. Pure; the scheduler acts on it. */
import { nextFiring, parseCron } from './cron.ts';
import type { Instant, Schedule, Target, TargetId } from './model.ts';

/**
 * The first slot strictly after an instant. An interval's phase is the target's hash in whole seconds, so the slots are the
 * same after a restart and N targets spread over their interval.
 */
export function nextSlot(schedule: Schedule, id: TargetId, after: Instant): Instant | undefined {
  if (schedule.kind === 'cron') {
    const parsed = parseCron(schedule.expression);
    return parsed.ok ? nextFiring(parsed.cron, schedule.timezone, after) : undefined;
  }
  const phase = phaseOf(id, schedule.everyMs);
  return (Math.floor((after - phase) / schedule.everyMs) + 1) * schedule.everyMs + phase;
}

/** Whole slots that went by between a slot and now: more than none means that its look is not caught up. */
export function slotsBetween(schedule: Schedule, dueAt: Instant, now: Instant): number {
  return schedule.kind === 'every' ? Math.floor((now - dueAt) / schedule.everyMs) : 0;
}

/** Milliseconds into the interval, in whole seconds, by FNV-1a of the id. */
export function phaseOf(id: TargetId, everyMs: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
  return (mixed % Math.max(1, Math.floor(everyMs / 1000))) * 1000;
}

const STALE_SLOTS = 3;

/** From when on the newest look says nothing about now any more: three slots later, and the time that a look may take. */
export function staleFrom(target: Pick<Target, 'id' | 'schedule' | 'timeoutMs'>, lastSeenAt: Instant): Instant {
  let at: Instant | undefined = lastSeenAt;
  for (let slot = 0; slot < STALE_SLOTS && at !== undefined; slot++) at = nextSlot(target.schedule, target.id, at);
  return at === undefined ? Infinity : at + target.timeoutMs;
}
