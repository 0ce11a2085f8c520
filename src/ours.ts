/** Keeps watch over our own trouble: takes signs of it, writes it with its messages, and sees when it is over. It finds none itself. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Ledger } from './core/ledger.ts';
import type { IncidentId, Instant, Notification, OwnIncident, OwnTrouble } from './core/model.ts';
import { calmMs, mend, strike, type OwnRuling, type OwnSetting } from './core/ours.ts';
import { present } from './core/present.ts';

export interface OursOptions {
  readonly ledger: Pick<Ledger, 'own' | 'ownIncidents'>;
  readonly setting: () => OwnSetting;
  readonly now: () => Instant;
  readonly monotonic: () => number;
  /** Told of everything that opens, comes back or ends. */
  readonly onChange: (ruling: OwnRuling) => void;
  /** Something was committed that may be due. */
  readonly wake: () => void;
  /** The store does not take it: these have to be told without it. */
  readonly rush: (incident: IncidentId, notifications: readonly Notification[]) => void;
}

export interface What {
  readonly detail: string;
  /** How many milliseconds ago it began; absent: now. */
  readonly agoMs?: number;
  readonly occasion?: string;
}

export interface Ours {
  strike(trouble: OwnTrouble, what: What): void;
  /** It is over, as far as can be seen now; a further sign before it has been calm for long enough says otherwise. */
  mend(trouble: OwnTrouble): void;
  /** Open ones, and those that ended lately; newest first. */
  incidents(): readonly OwnIncident[];
  /** What was said so far is in the store, so that nothing older is told; or the store has been waited for long enough. */
  written(): Promise<void>;
  /** The wall clock was moved: what goes on keeps its length. */
  shift(ms: number): void;
  close(): void;
}

const REPEATING: ReadonlySet<OwnTrouble> = new Set(['loop', 'clock', 'store']);
const RECENT_MS = 14 * 86_400_000;
const RECENT_MOST = 100;
/** So long may the store take before its word is not waited for. */
const PATIENCE_MS = 3_000;

/** Opens it with what the store remembers. What repeats itself while it lasts is over unless it is seen again. */
export async function openOurs(options: OursOptions): Promise<Ours> {
  const { ledger, now, monotonic } = options;
  let all = await ledger.ownIncidents(now() - RECENT_MS, RECENT_MOST);
  /** When it was last seen, and when it ended as far as is known, by the monotonic clock. */
  const calming = new Map<OwnTrouble, { endedAt: number; timer: NodeJS.Timeout | undefined }>();

  let writing = Promise.resolve();

  const newest = (trouble: OwnTrouble): OwnIncident | undefined => all.find((each) => each.trouble === trouble);

  function keep(ruling: OwnRuling): void {
    const { incident } = ruling;
    all = [incident, ...all.filter(({ id }) => id !== incident.id)].slice(0, RECENT_MOST);
    options.onChange(ruling);
    const before = writing;
    writing = write(ruling, options).then(() => before);
  }

  function calm(trouble: OwnTrouble): void {
    const known = newest(trouble);
    const state = calming.get(trouble);
    if (known === undefined || state === undefined) return;
    const quietMs = monotonic() - state.endedAt;
    const leftMs = calmMs(known) - quietMs;
    if (leftMs > 0) {
      state.timer = setTimeout(calm, leftMs, trouble).unref();
      return;
    }
    calming.delete(trouble);
    const at = now();
    const ruling = mend(known, { at, endedAt: Math.round(at - quietMs) }, options.setting());
    if (ruling !== undefined) keep(ruling);
  }

  function stir(trouble: OwnTrouble): void {
    clearTimeout(calming.get(trouble)?.timer);
    calming.delete(trouble);
  }

  function end(trouble: OwnTrouble): void {
    if (newest(trouble)?.resolvedAt !== undefined || newest(trouble) === undefined || calming.has(trouble)) return;
    calming.set(trouble, { endedAt: monotonic(), timer: undefined });
    calm(trouble);
  }

  function begin(trouble: OwnTrouble, { detail, agoMs = 0, occasion }: What): void {
    stir(trouble);
    const at = now();
    const sign = { trouble, at, since: Math.round(at - agoMs), detail, ...present({ occasion }) };
    const ruling = strike(newest(trouble), sign, options.setting());
    if (ruling !== undefined) keep(ruling);
  }

  for (const each of REPEATING) end(each);
  return {
    strike: (trouble, what) => {
      begin(trouble, what);
      // Seen again and again while it goes on: it is over when nothing is seen of it.
      if (REPEATING.has(trouble)) end(trouble);
    },
    mend: end,
    incidents: () => all,
    written: () => Promise.race([writing, pause(PATIENCE_MS, undefined, { ref: false })]),
    shift: (ms) => {
      all = all.map((each) => {
        if (each.resolvedAt !== undefined) return each;
        const moved = { ...each, openedAt: each.openedAt + ms, tellAt: each.tellAt + ms };
        void ledger.own({ incident: moved, notifications: [] }, now()).catch(() => undefined);
        return moved;
      });
    },
    close: () => {
      for (const trouble of calming.keys()) stir(trouble);
    },
  };
}

/** Into the store, and past it to the receivers when it does not take it in time. */
async function write(ruling: OwnRuling, { ledger, now, rush, wake }: OursOptions): Promise<void> {
  const { incident, notifications } = ruling;
  rush(incident.id, []);
  const late = setTimeout(rush, PATIENCE_MS, incident.id, notifications);
  try {
    await ledger.own(ruling, now());
    clearTimeout(late);
    rush(incident.id, []);
    wake();
  } catch {
    clearTimeout(late);
    // The store says in the log what ails it. People are told all the same.
    rush(incident.id, notifications);
  }
}
