/** When to look: one tick a second drains a heap of what is due. It starts looks and knows nothing of what they find. */
import { Heap, type Due } from './core/heap.ts';
import type { Instant, Target, TargetId } from './core/model.ts';
import { nextSlot, phaseOf, slotsBetween } from './core/slots.ts';

export type SkipReason = 'overlap' | 'late' | 'capacity';

/** A target with the host whose patience it spends; null: nobody's. */
export interface Appointment {
  readonly target: Target;
  readonly host: string | null;
  /** Never looked at: a first look comes within a minute, however long the interval. */
  readonly soon?: boolean;
}

export interface SchedulerOptions {
  /** Starts one look; resolves when it is over, to the milliseconds until the target is to be looked at again out of turn. */
  readonly look: (target: Target, slotAt: Instant) => Promise<number | undefined>;
  readonly onSkip: (target: Target, reason: SkipReason, count: number) => void;
  /** Milliseconds between the moment that was meant for a look, within the second of its slot, and its start. */
  readonly onStart: (lagMs: number) => void;
  /** The wall clock moved against the monotonic one by so many milliseconds since the last tick. */
  readonly onClockJump: (ms: number) => void;
  readonly now: () => Instant;
  readonly monotonic: () => number;
  readonly caps?: Partial<Caps>;
}

export interface Caps {
  /** Looks under way at once. */
  readonly global: number;
  /** Looks under way at once at one host. */
  readonly perHost: number;
  /** Milliseconds between two looks at one host. */
  readonly hostGapMs: number;
}

export interface Scheduler {
  /** The targets from now on. Those whose schedule is unchanged keep their slots; those that are gone are not looked at again. */
  arm(appointments: readonly Appointment[]): void;
  /** Runs what is due. The tick calls it; tests do too. */
  drain(): void;
  /** No look is started after this. */
  stop(): void;
  /** Sees whether the wall clock jumped since anybody asked. The tick does; looks do, so that none is told by two clocks. */
  heed(): void;
  /** Looks under way. */
  running(): number;
  /** The newest tick, by the monotonic clock. */
  tickedAt(): number;
}

const CAPS: Caps = { global: 512, perHost: 4, hostGapMs: 1_000 };
/** A clock that is being slewed moves by less than a millisecond from tick to tick. */
const CLOCK_JUMP_MS = 950;
const SOON_MS = 60_000;
const TICK_MS = 1_000;
/**
 * What is due in the same second starts a few at a time, spread over it: a thousand at one stroke would hold up the loop, and
 * each other; one at a time would wake it far more often than it has work.
 */
const SPREAD_MS = 950;
const BEAT_MS = { shortest: 10, longest: 30 };
const TOGETHER = 3;

interface Booking {
  target: Target;
  host: string | null;
  /** The schedule as text, to see whether a new configuration changed it. */
  rhythm: string;
  busy: boolean;
  waiting: boolean;
  gone: boolean;
}

interface Entry extends Due {
  readonly booking: Booking;
  /** True: a look out of turn, which books no next one. */
  readonly extra: boolean;
}

/** An entry whose turn comes so many milliseconds after the tick that found it due; `at` by the monotonic clock. */
interface Turn {
  readonly entry: Entry;
  readonly afterMs: number;
  readonly at: number;
}

/** Opens a scheduler with nothing armed. It ticks at once. */
export function openScheduler(options: SchedulerOptions): Scheduler {
  const rota = new Rota(options);
  const ticking = tickEachSecond(options.now, () => {
    rota.drain();
  });
  return {
    arm: (appointments) => {
      rota.arm(appointments);
    },
    drain: () => {
      rota.drain();
    },
    heed: () => {
      rota.heed(options.now());
    },
    running: () => rota.running,
    tickedAt: () => rota.tickedAt,
    stop: () => {
      rota.stop();
      ticking.stop();
    },
  };
}

/**
 * At every whole second of the wall clock, wherever that is moved to. Each beat is armed anew by the time of then: node-cron
 * catches up each second that a clock jumped over (a day: 48 s of a blocked loop), and when it was set back by an hour
 * sleeps for an hour.
 */
function tickEachSecond(now: () => Instant, tick: () => void): { stop(): void } {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    timer = setTimeout(beat, TICK_MS - (now() % TICK_MS));
  };
  const beat = (): void => {
    arm();
    tick();
  };
  arm();
  return {
    stop: () => {
      clearTimeout(timer);
    },
  };
}

class Rota {
  running = 0;
  readonly #options: SchedulerOptions;
  readonly #caps: Caps;
  readonly #bookings = new Map<TargetId, Booking>();
  readonly #heap = new Heap<Entry>();
  /** `lastAt` by the monotonic clock: a host is not left alone for a day because the other one was set back. */
  readonly #hosts = new Map<string, { running: number; lastAt: number }>();
  /** Found due, their turn to come; those of a tick in order. */
  #turns: Turn[] = [];
  /** Their turn came, but a cap or the courtesy to a host held them back. */
  #queue: Turn[] = [];
  #beat: NodeJS.Timeout | undefined;
  #stopped = false;
  #tick: { wall: Instant; monotonic: number };
  #retry: ReturnType<typeof setImmediate> | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#caps = { ...CAPS, ...options.caps };
    this.#tick = { wall: options.now(), monotonic: options.monotonic() };
  }

  #book(booking: Booking, after: Instant): void {
    const dueAt = nextSlot(booking.target.schedule, booking.target.id, after);
    if (dueAt !== undefined) this.#heap.push({ dueAt, booking, extra: false });
  }

  arm(appointments: readonly Appointment[]): void {
    const wanted = new Set(appointments.map((each) => each.target.id));
    for (const [id, booking] of this.#bookings) if (!wanted.has(id)) this.#forget(id, booking);
    for (const { target, host, soon } of appointments) {
      const rhythm = JSON.stringify(target.schedule);
      const known = this.#bookings.get(target.id);
      if (known?.rhythm === rhythm) Object.assign(known, { target, host });
      else {
        if (known !== undefined) this.#forget(target.id, known);
        const booking = { target, host, rhythm, busy: false, waiting: false, gone: false };
        this.#bookings.set(target.id, booking);
        this.#book(booking, this.#options.now());
        if (soon === true) this.#bookExtra(booking, this.#options.now() + phaseOf(target.id, SOON_MS));
      }
    }
  }

  #forget(id: TargetId, booking: Booking): void {
    booking.gone = true;
    this.#bookings.delete(id);
  }

  /** After a jump of the clock the slots in the heap mean nothing: every target gets its next one from now. */
  #rebook(now: Instant): void {
    this.#heap.clear();
    [this.#turns, this.#queue] = [[], []];
    for (const booking of this.#bookings.values()) {
      booking.waiting = false;
      this.#book(booking, now);
    }
  }

  heed(now: Instant): void {
    const monotonic = this.#options.monotonic();
    const jump = now - this.#tick.wall - (monotonic - this.#tick.monotonic);
    this.#tick = { wall: now, monotonic };
    if (Math.abs(jump) <= CLOCK_JUMP_MS) return;
    this.#options.onClockJump(Math.round(jump));
    this.#rebook(now);
  }

  drain(): void {
    if (this.#stopped) return;
    const now = this.#options.now();
    this.heed(now);
    const due: Entry[] = [];
    for (let entry = this.#heap.popDue(now); entry !== undefined; entry = this.#heap.popDue(now))
      if (this.#admit(entry, now)) due.push(entry);
    const together = Math.max(TOGETHER, Math.ceil((due.length * BEAT_MS.shortest) / SPREAD_MS));
    const beatMs = Math.min(BEAT_MS.longest, SPREAD_MS / Math.ceil(due.length / together));
    for (const [place, entry] of due.entries()) {
      const afterMs = Math.floor(place / together) * beatMs;
      this.#turns.push({ entry, afterMs, at: this.#tick.monotonic + afterMs });
    }
    this.#startWaiting();
    this.#startTurns();
  }

  /** Whether a look that is due is to be started. */
  #admit(entry: Entry, now: Instant): boolean {
    const { booking } = entry;
    if (booking.gone) return false;
    if (!entry.extra) {
      this.#book(booking, now);
      const missed = slotsBetween(booking.target.schedule, entry.dueAt, now);
      if (missed > 0) {
        this.#options.onSkip(booking.target, 'late', missed);
        return false;
      }
    }
    if (booking.busy || booking.waiting) {
      if (!entry.extra) this.#options.onSkip(booking.target, booking.busy ? 'overlap' : 'capacity', 1);
      return false;
    }
    booking.waiting = true;
    return true;
  }

  #startTurns(): void {
    clearTimeout(this.#beat);
    if (this.#stopped) return;
    const [now, monotonic] = [this.#options.now(), this.#options.monotonic()];
    const soon = monotonic + 1;
    const later = this.#turns.findIndex(({ at }) => at > soon);
    const come = this.#turns.splice(0, later < 0 ? this.#turns.length : later);
    for (const turn of come) if (!this.#tryStart(turn, now)) this.#queue.push(turn);
    const [next] = this.#turns;
    if (next !== undefined)
      this.#beat = setTimeout(
        () => {
          this.#startTurns();
        },
        // Never sooner: a timer that comes a little early would find nothing to do, and be armed again.
        Math.max(BEAT_MS.shortest, Math.ceil(next.at - monotonic)),
      );
  }

  #startWaiting(): void {
    if (this.#stopped || this.#queue.length === 0) return;
    const now = this.#options.now();
    this.#queue = this.#queue.filter((turn) => !this.#tryStart(turn, now));
  }

  #tryStart({ entry, afterMs }: Turn, now: Instant): boolean {
    const { booking } = entry;
    if (booking.gone) return true;
    if (this.running >= this.#caps.global || !this.#hostIsPatient(booking.host)) return false;
    booking.waiting = false;
    void this.#run(entry, now, afterMs);
    return true;
  }

  #hostIsPatient(host: string | null): boolean {
    const known = host === null ? undefined : this.#hosts.get(host);
    if (known === undefined) return true;
    const restedMs = this.#options.monotonic() - known.lastAt;
    return known.running < this.#caps.perHost && restedMs >= this.#caps.hostGapMs;
  }

  async #run(entry: Entry, now: Instant, meantAfterMs: number): Promise<void> {
    const { booking } = entry;
    const host = booking.host === null ? undefined : this.#hostEntry(booking.host);
    booking.busy = true;
    this.running++;
    if (host !== undefined) {
      host.running++;
      host.lastAt = this.#options.monotonic();
    }
    this.#options.onStart(Math.max(0, now - entry.dueAt - meantAfterMs));
    try {
      const again = await this.#options.look(booking.target, entry.dueAt);
      if (again !== undefined && !booking.gone) this.#bookExtra(booking, this.#options.now() + again);
    } finally {
      booking.busy = false;
      this.running--;
      if (host !== undefined) host.running--;
      if (this.#queue.length > 0)
        this.#retry ??= setImmediate(() => {
          this.#retryWaiting();
        });
    }
  }

  #retryWaiting(): void {
    this.#retry = undefined;
    this.#startWaiting();
  }

  #hostEntry(host: string): { running: number; lastAt: number } {
    const known = this.#hosts.get(host) ?? { running: 0, lastAt: -Infinity };
    this.#hosts.set(host, known);
    return known;
  }

  /** An extra look is worth its trouble only when it comes before the regular one. */
  #bookExtra(booking: Booking, dueAt: Instant): void {
    const regular = nextSlot(booking.target.schedule, booking.target.id, this.#options.now());
    if (regular === undefined || dueAt < regular) this.#heap.push({ dueAt, booking, extra: true });
  }

  get tickedAt(): number {
    return this.#tick.monotonic;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#beat);
    if (this.#retry !== undefined) clearImmediate(this.#retry);
  }
}
