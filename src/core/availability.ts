/** Promised time against delivered time. Pure: it knows no clock, and of a look only what coverage makes of it. */
import { HOUR_MS, type Coverage, type Seen } from './coverage.ts';
import type { ChannelId, Incident, Instant, TargetId } from './model.ts';
import { merge, type Span } from './span.ts';
import type { Stretch } from './stretch.ts';

/** Milliseconds, each counted once. */
export interface Delivered {
  /** Reachable, `limitedMs` of it slowly or by some of its targets only. */
  readonly upMs: number;
  readonly limitedMs: number;
  readonly downMs: number;
  /** Nobody looked, or we could not see. */
  readonly unknownMs: number;
  readonly maintenanceMs: number;
}

export interface Account {
  /** Within service hours. */
  readonly promised: Delivered;
  /** Outside of them. */
  readonly rest: Delivered;
}

export const BASES = ['promised', 'calendar'] as const;
export type Basis = (typeof BASES)[number];

const NOTHING: Delivered = { upMs: 0, limitedMs: 0, downMs: 0, unknownMs: 0, maintenanceMs: 0 };

function sum(a: Delivered, b: Delivered): Delivered {
  return {
    upMs: a.upMs + b.upMs,
    limitedMs: a.limitedMs + b.limitedMs,
    downMs: a.downMs + b.downMs,
    unknownMs: a.unknownMs + b.unknownMs,
    maintenanceMs: a.maintenanceMs + b.maintenanceMs,
  };
}

/** What counts: the hours that were promised, or all hours of the calendar. */
export function deliveredBy({ promised, rest }: Account, basis: Basis): Delivered {
  return basis === 'promised' ? promised : sum(promised, rest);
}

/** 0 to 1 of the time that is known; undefined where nothing is. */
export function availability({ upMs, downMs }: Pick<Delivered, 'upMs' | 'downMs'>): number | undefined {
  return upMs + downMs > 0 ? upMs / (upMs + downMs) : undefined;
}

export interface Shares {
  readonly up: number;
  readonly down: number;
  readonly unknown: number;
  readonly maintenance: number;
}

/** Parts of the whole time, that are one together; undefined when there was no such time. */
export function sharesOf({ upMs, downMs, unknownMs, maintenanceMs }: Delivered): Shares | undefined {
  const total = upMs + downMs + unknownMs + maintenanceMs;
  if (total === 0) return undefined;
  return { up: upMs / total, down: downMs / total, unknown: unknownMs / total, maintenance: maintenanceMs / total };
}

/** When which target was in trouble, by incidents: back-dated, and without the stretches when the clock stood still. */
export interface Troubles {
  readonly out: ReadonlyMap<TargetId, readonly Span[]>;
  readonly limited: readonly Span[];
}

/** `now` ends what is still open. */
export function troublesOf(channel: ChannelId, incidents: readonly Incident[], now: Instant): Troubles {
  const out = new Map<TargetId, Span[]>();
  const limited: Span[] = [];
  for (const incident of incidents) {
    const part = incident.channels.find((each) => each.channel === channel);
    if (part === undefined) continue;
    const end = part.resolvedAt ?? incident.resolvedAt ?? now;
    const still = part.suspended.map(({ from, until }) => ({ from, until: until ?? Infinity }));
    for (const { target, since, resolvedAt, impact } of incident.members) {
      if (!target.startsWith(`${channel}/`)) continue;
      const spans = without({ from: since, until: resolvedAt ?? end }, still);
      limited.push(...spans);
      if (impact === 'outage') out.set(target, [...(out.get(target) ?? []), ...spans]);
    }
  }
  return { out: new Map([...out].map(([target, spans]) => [target, merge(spans)])), limited: merge(limited) };
}

function without(span: Span, holes: readonly Span[]): Span[] {
  const left: Span[] = [];
  let from = span.from;
  for (const hole of merge(holes)) {
    if (hole.until <= from || hole.from >= span.until) continue;
    if (hole.from > from) left.push({ from, until: hole.from });
    from = hole.until;
  }
  if (span.until > from) left.push({ from, until: span.until });
  return left;
}

export interface Period {
  /** Without gaps, of the whole period. */
  readonly stretches: readonly Stretch[];
  readonly coverage: Coverage;
  readonly troubles: Troubles;
}

/** Adds a period up. Every millisecond of the stretches is in one place of the account. */
export function accountOf({ stretches, coverage, troubles }: Period): Account {
  const totals = { promised: { ...NOTHING }, rest: { ...NOTHING } };
  for (const stretch of stretches) {
    const into = stretch.promised ? 'promised' : 'rest';
    for (const piece of byHour(stretch)) totals[into] = sum(totals[into], deliveredIn(piece, coverage, troubles));
  }
  return totals;
}

function* byHour(stretch: Stretch): Generator<Stretch> {
  for (let from = stretch.from; from < stretch.until;) {
    const until = Math.min((Math.floor(from / HOUR_MS) + 1) * HOUR_MS, stretch.until);
    yield { ...stretch, from, until };
    from = until;
  }
}

function deliveredIn(piece: Stretch, coverage: Coverage, troubles: Troubles): Delivered {
  const length = piece.until - piece.from;
  if (piece.expectation === 'maintenance') return { ...NOTHING, maintenanceMs: length };
  const seen = coverage.get(Math.floor(piece.from / HOUR_MS) * HOUR_MS);
  if (seen === undefined) return { ...NOTHING, unknownMs: length };
  const knownMs = length * seen.share;
  // An outage that goes on while we are blind is known from its two ends; more than was seen is nobody's fault.
  const downMs = Math.min(
    knownMs,
    piece.expectation === 'open' ? outMs(piece, seen, troubles) : knownMs * seen.failing,
  );
  const upMs = knownMs - downMs;
  const limitedMs = piece.expectation === 'open' ? Math.min(upMs, overlap(troubles.limited, piece) - downMs) : 0;
  return { upMs, limitedMs: Math.max(0, limitedMs), downMs, unknownMs: length - knownMs, maintenanceMs: 0 };
}

/** A channel is down when every target that was looked at is. */
function outMs(piece: Span, { targets }: Seen, { out }: Troubles): number {
  let common: readonly Span[] = [piece];
  for (const target of targets) {
    common = both(common, out.get(target) ?? []);
    if (common.length === 0) return 0;
  }
  return overlap(common, piece);
}

function both(some: readonly Span[], others: readonly Span[]): Span[] {
  return some.flatMap((one) =>
    others.flatMap((other) => {
      const [from, until] = [Math.max(one.from, other.from), Math.min(one.until, other.until)];
      return until > from ? [{ from, until }] : [];
    }),
  );
}

function overlap(spans: readonly Span[], { from, until }: Span): number {
  return spans.reduce((total, each) => total + Math.max(0, Math.min(each.until, until) - Math.max(each.from, from)), 0);
}
