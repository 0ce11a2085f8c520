/** Writes one look: what is decided of it, and through the history what it leaves behind. It runs inside a transaction that it does not know. */
import type { Database } from 'better-sqlite3';
import { UNKNOWN_HEALTH, type Health } from '../core/judge.ts';
import type { Amendment, Ruling, Standing } from '../core/ledger.ts';
import type { ChannelId, Incident, IncidentId, Observation } from '../core/model.ts';
import { covers } from '../core/part.ts';
import type { History } from './history.ts';
import type { KnownHealth, Remembered } from './memory.ts';
import { packIncident, packNotification, unpackIncident, type IncidentRow, type NotificationRow } from './rows.ts';
import { openStandings, type Spot } from './standing.ts';
import { INSERT_NOTIFICATION } from './statements.ts';

export type Rule = (standing: Standing) => Ruling;

/** Functions that write one look, or a change that no look brought. `undefined`: there was nothing to write. */
export function lookWriter(db: Database, memory: Remembered, history: History) {
  const sql = statements(db);
  const standings = openStandings(db, memory);

  function targetNumber(name: string, channel: ChannelId): number {
    return memory.targets.get(name) ?? number(sql.target.get(name, channel));
  }

  function locationNumber(name: string): number {
    return memory.locations.get(name) ?? number(sql.location.get(name));
  }

  /** The health's text as it stands in the file now. */
  function writeHealth(spot: Spot, health: Health, known: KnownHealth | undefined): string {
    if (health === known?.health) return known.text;
    const text = JSON.stringify(health);
    if (text !== known?.text) sql.standing.run(spot.target, spot.location, text);
    return text;
  }

  function writeRuling(ruling: Omit<Ruling, 'health'>): void {
    if (ruling.incident !== undefined) sql.incident.run(packIncident(ruling.incident));
    for (const each of ruling.notifications) sql.notification.run(packNotification(each));
  }

  function amend(id: IncidentId, change: (incident: Incident) => Amendment | undefined): Amendment | undefined {
    const row = sql.incidentById.get(id);
    const amendment = row && change(unpackIncident(row));
    if (amendment === undefined) return undefined;
    writeRuling(amendment);
    const { incident } = amendment;
    const current = standings.incidents(incident.provider);
    const at = incident.resolvedAt ?? incident.openedAt;
    if (current !== undefined) standings.keepIncidents(incident.provider, current, incident, at);
    return amendment;
  }

  /** `left`: what the look leaves for the next one, as JSON. */
  function write(observation: Observation, channel: ChannelId, rule: Rule, left?: string): Ruling | undefined {
    const { finding, at, slotAt } = observation;
    const target = targetNumber(observation.target, channel);
    const location = locationNumber(observation.location);
    const spot = { target, location, provider: channel.slice(0, channel.indexOf('/')) };
    const { here, elsewhere, incidents } = standings.of(spot, at);
    const newest = here?.slotAt ?? -Infinity;
    if (history.has(target, location, slotAt, newest)) return undefined;
    const ruling = rule({ health: here?.health ?? UNKNOWN_HEALTH, elsewhere, incidents });
    const text = writeHealth(spot, ruling.health, here);
    writeRuling(ruling);
    if (ruling.incident !== undefined) linkEvidence(sql, target, ruling.incident, observation);
    const current = ruling.incident === undefined ? incidents : [ruling.incident];
    const incident = current.find((each) => covers(each, channel))?.id;
    history.write({ observation, target, location, expected: ruling.expected, incident });
    if (left !== undefined) sql.left.run(target, location, left);
    // Last, when nothing can throw any more: a look that is rolled back alone must leave no memory.
    if (!memory.targets.has(observation.target)) memory.targets.set(observation.target, target);
    if (!memory.locations.has(observation.location)) memory.locations.set(observation.location, location);
    const seenAt = finding.kind === 'unknown' ? (here?.seenAt ?? 0) : at;
    standings.keepHealth(spot, { health: ruling.health, text, seenAt, slotAt: Math.max(newest, slotAt) });
    standings.keepIncidents(spot.provider, incidents, ruling.incident, at);
    return ruling;
  }

  return { write, amend };
}

/** The first looks of the streak were kept before anybody knew that they belong to an incident. */
function linkEvidence(sql: Statements, target: number, incident: Incident, look: Observation): void {
  const since = incident.members.find((each) => each.target === look.target)?.since;
  if (since !== undefined) sql.linkEvidence.run(incident.id, target, since);
}

type Statements = ReturnType<typeof statements>;

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
    standing: db.prepare<[number, number, string]>(
      `insert into standing (target, location, health) values (?, ?, ?)
       on conflict (target, location) do update set health = excluded.health`,
    ),
    left: db.prepare<[number, number, string]>(
      `insert into memory (target, location, value) values (?, ?, ?)
       on conflict (target, location) do update set value = excluded.value`,
    ),
    incidentById: db.prepare<[string], IncidentRow>('select * from incident where id = ?'),
    incident: db.prepare<[IncidentRow]>(
      `insert into incident (id, provider, channel, opened_at, resolved_at, impact, cause, rest)
       values (@id, @provider, @channel, @opened_at, @resolved_at, @impact, @cause, @rest)
       on conflict (id) do update set opened_at = excluded.opened_at, resolved_at = excluded.resolved_at, impact = excluded.impact,
         cause = excluded.cause, rest = excluded.rest`,
    ),
    notification: db.prepare<[NotificationRow]>(INSERT_NOTIFICATION),
    linkEvidence: db.prepare<[string, number, number]>(
      'update evidence set incident = ? where target = ? and incident is null and at >= ?',
    ),
  };
}
