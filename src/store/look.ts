/** Writes one look: what is decided of it, and through the history what it leaves behind. It runs inside a transaction that it does not know. */
import type { Database } from 'better-sqlite3';
import { UNKNOWN_HEALTH } from '../core/judge.ts';
import type { Ruling, Standing } from '../core/ledger.ts';
import type { ChannelId, Incident, Observation } from '../core/model.ts';
import type { History } from './history.ts';
import type { Remembered } from './memory.ts';
import {
  packIncident,
  packNotification,
  unpackHealth,
  unpackIncident,
  type IncidentRow,
  type NotificationRow,
} from './rows.ts';

export type Rule = (standing: Standing) => Ruling;

/** A function that writes one look and says what was ruled; `undefined` when this look was recorded before. */
export function lookWriter(db: Database, memory: Remembered, history: History) {
  const sql = statements(db);

  function targetNumber(name: string, channel: ChannelId): number {
    return memory.targets.get(name) ?? number(sql.target.get(name, channel));
  }

  function locationNumber(name: string): number {
    return memory.locations.get(name) ?? number(sql.location.get(name));
  }

  function standingOf(key: string, target: number, location: number, channel: ChannelId) {
    const known = memory.health.get(key) ?? readHealth(target, location);
    const incident = memory.incidents.has(channel) ? memory.incidents.get(channel) : readIncident(channel);
    return { health: known?.health ?? UNKNOWN_HEALTH, text: known?.text, incident };
  }

  function readHealth(target: number, location: number) {
    const row = sql.health.get(target, location);
    return row && { health: unpackHealth(row.health), text: row.health };
  }

  function readIncident(channel: ChannelId): Incident | undefined {
    const row = sql.openIncident.get(channel);
    return row && unpackIncident(row);
  }

  function writeIncident(incident: Incident, target: number): void {
    sql.incident.run(packIncident(incident));
    // The first looks of the streak were kept before anybody knew that they begin an incident.
    sql.linkEvidence.run(incident.id, target, incident.openedAt);
  }

  function write(observation: Observation, channel: ChannelId, rule: Rule): Ruling | undefined {
    const target = targetNumber(observation.target, channel);
    const location = locationNumber(observation.location);
    if (history.has(target, location, observation.slotAt)) return undefined;
    const key = `${target} ${location}`;
    const standing = standingOf(key, target, location, channel);
    const ruling = rule({ health: standing.health, incident: standing.incident });
    const text =
      ruling.health === standing.health && standing.text !== undefined ? standing.text : JSON.stringify(ruling.health);
    if (text !== standing.text) sql.standing.run(target, location, text);
    if (ruling.incident !== undefined) writeIncident(ruling.incident, target);
    for (const each of ruling.notifications) sql.notification.run(packNotification(each));
    const shown = (ruling.incident ?? standing.incident)?.id;
    history.write({ observation, target, location, expected: ruling.expected, incident: shown });
    // Last, when nothing can throw any more: a look that is rolled back alone must leave no memory.
    memory.targets.set(observation.target, target);
    memory.locations.set(observation.location, location);
    memory.health.set(key, { health: ruling.health, text });
    const incident = ruling.incident ?? standing.incident;
    memory.incidents.set(channel, incident?.resolvedAt === undefined ? incident : undefined);
    return ruling;
  }

  return { write };
}

function number(row: { readonly id: number } | undefined): number {
  if (row === undefined) throw new Error('an interned name came back without its row number');
  return row.id;
}

function statements(db: Database) {
  return {
    // `do update` rather than `do nothing`: only then does `returning` answer for a row that is there already.
    target: db.prepare<[string, string], { id: number }>(
      'insert into target (name, channel) values (?, ?) on conflict (name) do update set channel = excluded.channel returning id',
    ),
    location: db.prepare<[string], { id: number }>(
      'insert into location (name) values (?) on conflict (name) do update set name = excluded.name returning id',
    ),
    health: db.prepare<[number, number], { health: string }>(
      'select health from standing where target = ? and location = ?',
    ),
    standing: db.prepare<[number, number, string]>(
      `insert into standing (target, location, health) values (?, ?, ?)
       on conflict (target, location) do update set health = excluded.health`,
    ),
    openIncident: db.prepare<[string], IncidentRow>('select * from incident where channel = ? and resolved_at is null'),
    incident: db.prepare<[IncidentRow]>(
      `insert into incident (id, provider, channel, opened_at, resolved_at, impact, cause, rest)
       values (@id, @provider, @channel, @opened_at, @resolved_at, @impact, @cause, @rest)
       on conflict (id) do update set resolved_at = excluded.resolved_at, impact = excluded.impact,
         cause = excluded.cause, rest = excluded.rest`,
    ),
    notification: db.prepare<[NotificationRow]>(
      `insert into notification (key, receiver, incident, created_at, due_at, message)
       values (@key, @receiver, @incident, @created_at, @due_at, @message) on conflict (key) do nothing`,
    ),
    linkEvidence: db.prepare<[string, number, number]>(
      'update evidence set incident = ? where target = ? and incident is null and at >= ?',
    ),
  };
}
