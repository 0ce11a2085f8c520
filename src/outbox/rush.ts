/** Messages that cannot wait for the ledger, which takes nothing: told from memory until they are accepted. It knows no receiver. */
import { setTimeout as pause } from 'node:timers/promises';
import type { IncidentId, Instant, Notification } from '../core/model.ts';
import type { Delivery } from '../core/receiver.ts';

export interface RushOptions {
  readonly attempt: (notification: Notification) => Promise<Delivery>;
  /** Milliseconds until the next attempt after so many. */
  readonly backoff: (attempts: number) => number;
  readonly clock: () => Instant;
  readonly onDelivery: (delivery: Delivery, notification: Notification, attempts: number) => void;
  /** Ends it. */
  readonly cut: AbortSignal;
}

export interface Rush {
  /** Tells the newest of an incident, and no more of what was begun of it before. */
  readonly tell: (incident: IncidentId, notifications: readonly Notification[]) => void;
  /** The attempt that is under way, or that was final. */
  sending(key: string): Promise<Delivery> | undefined;
}

interface Run {
  readonly incident: IncidentId;
  sending: Promise<Delivery> | undefined;
  isOld: boolean;
}

export function openRush(options: RushOptions): Rush {
  const { clock, cut } = options;
  const runs = new Map<string, Run>();

  async function run(notification: Notification, own: Run): Promise<void> {
    let waitMs = Math.max(0, notification.dueAt - clock());
    for (let attempts = 0; ; attempts += 1) {
      await pause(waitMs, undefined, { ref: false, signal: cut }).catch(() => undefined);
      if (cut.aborted || own.isOld) return;
      own.sending = options.attempt(notification);
      const delivery = await own.sending;
      options.onDelivery(delivery, notification, attempts);
      if (delivery.kind !== 'retry') return;
      own.sending = undefined;
      waitMs = options.backoff(attempts);
    }
  }

  return {
    tell: (incident, notifications) => {
      for (const each of runs.values()) each.isOld ||= each.incident === incident;
      for (const each of notifications) {
        if (runs.has(each.key)) continue;
        const own = { incident, sending: undefined, isOld: false };
        runs.set(each.key, own);
        void run(each, own);
      }
    },
    sending: (key) => runs.get(key)?.sending,
  };
}
