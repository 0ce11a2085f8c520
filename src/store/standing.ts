/** What a look is judged on, from memory or from the file: health here and elsewhere, and the provider's incidents. It writes no row. */
import type { Database } from 'better-sqlite3';
import { RECALL_MS } from '../core/incident.ts';
import type { Incident, Instant } from '../core/model.ts';
import type { KnownHealth, Remembered } from './memory.ts';
import { unpackHealth, unpackIncident, type IncidentRow } from './rows.ts';

/** A target and a location by their row numbers, and the provider by name. */
export interface Spot {
  readonly target: number;
  readonly location: number;
  readonly provider: string;
}

export interface Known {
  readonly here: KnownHealth | undefined;
  readonly elsewhere: readonly KnownHealth[];
  readonly incidents: readonly Incident[];
}

export interface Standings {
  of(spot: Spot, at: Instant): Known;
  keepHealth(spot: Spot, health: KnownHealth): void;
  /** With `incident` when it is new or has changed. */
  keepIncidents(provider: string, current: readonly Incident[], incident: Incident | undefined, at: Instant): void;
  /** Undefined while nothing has been read of the provider. */
  incidents(provider: string): readonly Incident[] | undefined;
}

export function openStandings(db: Database, memory: Remembered): Standings {
  const sql = statements(db);

  function healthOf(target: number, location: number): KnownHealth | undefined {
    return memory.health.get(`${target} ${location}`) ?? readHealth(target, location);
  }

  function readHealth(target: number, location: number): KnownHealth | undefined {
    const row = sql.health.get(target, location);
    if (row === undefined) return undefined;
    const { health: text, seen_at: seenAt, slot_at: slotAt } = row;
    return { health: unpackHealth(text), text, seenAt: seenAt ?? 0, slotAt: slotAt ?? -Infinity };
  }

  function placesOf(target: number): readonly number[] {
    return memory.places.get(`${target}`) ?? sql.places.all(target).map((row) => row.location);
  }

  return {
    of: ({ target, location, provider }, at) => ({
      here: healthOf(target, location),
      elsewhere: placesOf(target).flatMap((place) => (place === location ? [] : (healthOf(target, place) ?? []))),
      incidents:
        memory.incidents.get(provider) ??
        sql.incidents.all(provider, at - RECALL_MS, at + RECALL_MS).map(unpackIncident),
    }),
    keepHealth: ({ target, location }, health) => {
      memory.health.set(`${target} ${location}`, health);
      const known = memory.places.get(`${target}`);
      if (known?.includes(location) === true) return;
      const places = known ?? placesOf(target);
      memory.places.set(`${target}`, places.includes(location) ? places : [...places, location]);
    },
    keepIncidents: (provider, current, incident, at) => {
      if (incident === undefined && memory.incidents.has(provider)) return;
      memory.incidents.set(provider, incident === undefined ? current : withIncident(current, incident, at));
    },
    incidents: (provider) => memory.incidents.get(provider),
  };
}

/** Without those that have been over for too long to go on. */
function withIncident(current: readonly Incident[], incident: Incident, at: Instant): readonly Incident[] {
  const others = current.filter(({ id, resolvedAt }) => id !== incident.id && (resolvedAt ?? at) >= at - RECALL_MS);
  return [...others, incident].toSorted((a, b) => a.openedAt - b.openedAt || (a.id < b.id ? -1 : 1));
}

function statements(db: Database) {
  return {
    // Kind 3 is `unknown`: a look that could not see.
    health: db.prepare<[number, number], { health: string; seen_at: number | null; slot_at: number | null }>(
      `select s.health, (select max(slot_at) from observation where target = s.target and location = s.location) as slot_at,
         (select o.at from observation o where o.target = s.target and o.location = s.location and o.kind <> 3
         order by o.slot_at desc limit 1) as seen_at
       from standing s where s.target = ? and s.location = ?`,
    ),
    places: db.prepare<[number], { location: number }>('select location from standing where target = ?'),
    // What ended in a time that has yet to come was told by a clock that was set back since.
    incidents: db.prepare<[string, number, number], IncidentRow>(
      `select * from incident where provider = ? and (resolved_at is null or resolved_at between ? and ?) order by opened_at, id`,
    ),
  };
}
