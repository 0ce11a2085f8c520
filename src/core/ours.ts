/** Trouble of our own: when it is an incident, when it is over, and who is told. Pure; it knows no channel and accuses nobody. */
import { REOPEN_MS } from './incident.ts';
import type { Instant, LocationId, Notification, OwnIncident, OwnMessage, OwnTrouble } from './model.ts';
import { present } from './present.ts';
import type { Route } from './routing.ts';

/** What shows that we are in trouble. */
export interface Sign {
  readonly trouble: OwnTrouble;
  /** Now. */
  readonly at: Instant;
  /** When it began, as far as is known. */
  readonly since: Instant;
  readonly detail: string;
  readonly occasion?: string;
}

export interface OwnSetting {
  readonly routes: readonly Route[];
  readonly location: LocationId;
  readonly timezone: string;
}

/** What is written of trouble of ours, in one transaction. */
export interface OwnRuling {
  readonly incident: OwnIncident;
  readonly notifications: readonly Notification<OwnMessage>[];
}

interface Manner {
  readonly severity: 'critical' | 'warning';
  /** Told no sooner than this: it may be over by then. */
  readonly waitMs: number;
  /** Over only after so much time without a further sign. */
  readonly calmMs: number;
  /** What was over before anybody was told, and was no longer than this, is told to nobody. */
  readonly briefMs: number;
}

const PATIENT = { waitMs: 15_000, calmMs: 0, briefMs: 15_000 };
/** A moment, seen only when it is over: one message that sums up, unless it goes on and on. */
const MOMENT = { waitMs: 90_000, calmMs: 60_000 };
const AT_ONCE = { waitMs: 0, calmMs: 0, briefMs: 0 };

const MANNERS: Readonly<Record<OwnTrouble, Manner>> = {
  network: { severity: 'critical', ...PATIENT },
  loop: { severity: 'warning', ...MOMENT, briefMs: 15_000 },
  clock: { severity: 'warning', ...MOMENT, briefMs: 0 },
  disk: { severity: 'critical', ...AT_ONCE },
  // A backup or a tool of the operator's may hold the lock for seconds.
  store: { severity: 'critical', ...PATIENT, calmMs: 5_000 },
  file: { severity: 'critical', ...AT_ONCE },
  configuration: { severity: 'warning', ...AT_ONCE },
};

/** How long it must be calm before it counts as over. What came back once is over only after ten minutes, as with channels. */
export function calmMs({ trouble, spells, occasion }: OwnIncident): number {
  return spells > 1 && occasion === undefined ? REOPEN_MS : MANNERS[trouble].calmMs;
}

/** A sign of trouble. `known`: the newest incident of this trouble. Undefined: it is told already. */
export function strike(known: OwnIncident | undefined, sign: Sign, setting: OwnSetting): OwnRuling | undefined {
  const { trouble, at, detail, occasion } = sign;
  const isSame = known !== undefined && known.occasion === occasion;
  if (known?.resolvedAt === undefined && isSame) return undefined;
  const tellAt = at + MANNERS[trouble].waitMs;
  const goesOn = known !== undefined && (known.resolvedAt === undefined || at - known.resolvedAt < REOPEN_MS);
  const since = Math.min(sign.since, at);
  const before = goesOn
    ? withoutEnd(known)
    : { id: `ringback.${trouble}.${since.toString(36)}`, trouble, openedAt: since };
  const spells = goesOn ? known.spells + 1 : 1;
  const told = [...new Set([...(goesOn ? known.told : []), ...hearers(setting.routes)])];
  const incident = { ...before, detail, spells, tellAt, told, ...present({ occasion }) };
  return tell(goesOn ? 'again' : 'opened', incident, { at, dueAt: tellAt }, setting);
}

/** It is over since `endedAt`. Undefined: it was over already. */
export function mend(
  known: OwnIncident | undefined,
  { at, endedAt }: { readonly at: Instant; readonly endedAt: Instant },
  setting: OwnSetting,
): OwnRuling | undefined {
  if (known === undefined || known.resolvedAt !== undefined) return undefined;
  const incident = { ...known, resolvedAt: Math.max(known.openedAt, endedAt) };
  const isBrief = incident.resolvedAt - incident.openedAt < MANNERS[known.trouble].briefMs;
  // Who was told that it began hears that it is over; the store withdraws what nobody has heard yet.
  if (isBrief && at < known.tellAt) return { incident, notifications: [] };
  return tell('resolved', incident, { at, dueAt: at }, setting);
}

/** Whoever hears of everything: the receivers of the routes that match all; without such a route, all that are routed to. */
export function hearers(routes: readonly Route[]): readonly string[] {
  const open = routes.filter(({ match }) => Object.keys(match).length === 0);
  return [...new Set((open.length > 0 ? open : routes).flatMap(({ to }) => to))];
}

function tell(
  event: OwnMessage['event'],
  own: OwnIncident,
  { at, dueAt }: { readonly at: Instant; readonly dueAt: Instant },
  { location, timezone }: OwnSetting,
): OwnRuling {
  const { severity } = MANNERS[own.trouble];
  const notifications = own.told.map((receiver) => {
    const key = `${own.id}:${event}.${own.spells}:${receiver}`;
    const message = { key, event, severity, own, location, timezone, told: own.told };
    return { key, receiver, createdAt: at, dueAt, message };
  });
  return { incident: own, notifications };
}

function withoutEnd({ resolvedAt: _, ...incident }: OwnIncident): OwnIncident {
  return incident;
}
