/** Moves what goes on along with a wall clock that was moved. It runs inside a transaction that it does not know. */
import type { Database } from 'better-sqlite3';
import { RECALL_MS } from '../core/incident.ts';
import type { Incident, Instant } from '../core/model.ts';
import { shiftHealth, shiftIncident } from '../core/shift.ts';
import type { Remembered } from './memory.ts';
import { packIncident, unpackHealth, unpackIncident, type IncidentRow } from './rows.ts';
import { openStandings } from './standing.ts';

interface RestlessRow {
  readonly target: number;
  readonly location: number;
  readonly health: string;
  readonly seen_at: number | null;
  readonly slot_at: number | null;
}

export function shiftWriter(db: Database, memory: Remembered) {
  const sql = statements(db);
  const standings = openStandings(db, memory);

  function shiftStanding(row: RestlessRow, ms: number, now: Instant): void {
    const health = shiftHealth(unpackHealth(row.health), ms);
    const text = JSON.stringify(health);
    sql.standing.run(text, row.target, row.location);
    const seenAt = (row.seen_at ?? now) + ms;
    standings.keepHealth({ ...row, provider: '' }, { health, text, seenAt, slotAt: row.slot_at ?? -Infinity });
  }

  function shiftOne(row: IncidentRow, ms: number, now: Instant): Incident {
    const incident = shiftIncident(unpackIncident(row), ms);
    const { id, opened_at, resolved_at, rest } = packIncident(incident);
    sql.incident.run({ id, opened_at, resolved_at, rest });
    const current = standings.incidents(incident.provider);
    if (current !== undefined) standings.keepIncidents(incident.provider, current, incident, now + ms);
    return incident;
  }

  /** What goes on, and what ended so lately that it may go on. `now` by the clock of before. What is well has no length to keep. */
  return (ms: number, now: Instant): readonly Incident[] => {
    for (const row of sql.restless.all()) shiftStanding(row, ms, now);
    return sql.current.all(now - RECALL_MS, now).map((row) => shiftOne(row, ms, now));
  };
}

function statements(db: Database) {
  return {
    restless: db.prepare<[], RestlessRow>(
      `select s.target, s.location, s.health, (select o.at from observation o where o.target = s.target
         and o.location = s.location and o.kind <> 3 order by o.slot_at desc limit 1) as seen_at,
         (select max(slot_at) from observation where target = s.target and location = s.location) as slot_at
       from standing s where json_extract(s.health, '$.phase') not in ('up', 'unknown')`,
    ),
    standing: db.prepare<[string, number, number]>('update standing set health = ? where target = ? and location = ?'),
    current: db.prepare<[number, number], IncidentRow>(
      'select * from incident where resolved_at is null or resolved_at between ? and ? order by opened_at, id',
    ),
    incident: db.prepare<[Pick<IncidentRow, 'id' | 'opened_at' | 'resolved_at' | 'rest'>]>(
      'update incident set opened_at = @opened_at, resolved_at = @resolved_at, rest = @rest where id = @id',
    ),
  };
}
