/** Writes one look: observation, health, incident, notifications, notices and evidence. It runs inside a transaction that it does not know. */
import type { Database } from 'better-sqlite3';
import { UNKNOWN_HEALTH } from '../core/judge.ts';
import type { Ruling, Standing } from '../core/ledger.ts';
import type { ChannelId, Evidence, Finding, Incident, Observation } from '../core/model.ts';
import type { Remembered } from './memory.ts';
import {
  packDetail,
  packIncident,
  packKind,
  packNotice,
  packNotification,
  packRung,
  unpackHealth,
  unpackIncident,
  type IncidentRow,
  type NoticeColumns,
  type NotificationRow,
} from './rows.ts';

/** Per look, all texts together. */
const EVIDENCE_CAP = 64 * 1024;
const EVIDENCE_ROWS_PER_TARGET = 20;
const NOTICES_PER_LOOK = 200;

export type Rule = (standing: Standing) => Ruling;

/** A function that writes one look and says what was ruled; `undefined` when this look was recorded before. */
export function lookWriter(db: Database, memory: Remembered) {
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

  return function write(observation: Observation, channel: ChannelId, rule: Rule): Ruling | undefined {
    const { finding } = observation;
    const target = targetNumber(observation.target, channel);
    const location = locationNumber(observation.location);
    const inserted = sql.observation.run(
      target,
      location,
      observation.slotAt,
      observation.at,
      observation.durationMs,
      packKind(finding),
      packRung(finding),
      finding.kind === 'ok' ? null : finding.fault.code,
      packDetail(finding),
    );
    if (inserted.changes === 0) return undefined;
    const key = `${target} ${location}`;
    const standing = standingOf(key, target, location, channel);
    const ruling = rule({ health: standing.health, incident: standing.incident });
    const text =
      ruling.health === standing.health && standing.text !== undefined ? standing.text : JSON.stringify(ruling.health);
    if (text !== standing.text) sql.standing.run(target, location, text);
    if (ruling.incident !== undefined) writeIncident(ruling.incident, target);
    for (const each of ruling.notifications) sql.notification.run(packNotification(each));
    writeNotices(sql, target, observation);
    writeEvidence(sql, target, observation, (ruling.incident ?? standing.incident)?.id);
    // Last, when nothing can throw any more: a look that is rolled back alone must leave no memory.
    memory.targets.set(observation.target, target);
    memory.locations.set(observation.location, location);
    memory.health.set(key, { health: ruling.health, text });
    const incident = ruling.incident ?? standing.incident;
    memory.incidents.set(channel, incident?.resolvedAt === undefined ? incident : undefined);
    return ruling;
  };
}

type Statements = ReturnType<typeof statements>;

function writeNotices(sql: Statements, target: number, { finding, at }: Observation): void {
  if (finding.notices === undefined || finding.kind === 'failed' || finding.kind === 'unknown') return;
  sql.noticed.run(at, target);
  for (const each of finding.notices.slice(0, NOTICES_PER_LOOK)) sql.notice.run(packNotice(target, each, at));
}

function writeEvidence(sql: Statements, target: number, look: Observation, incident: string | undefined): void {
  const kept = evidenceOf(look.finding);
  if (kept.length === 0) return;
  for (const each of kept) sql.evidence.run(target, look.at, incident ?? null, each.name, each.type, each.text);
  sql.trimEvidence.run(target, target, EVIDENCE_ROWS_PER_TARGET);
}

/** Nothing of a good look; of any other what fits under the cap, the last piece cut. */
function evidenceOf(finding: Finding): readonly Evidence[] {
  if (finding.kind === 'ok' || finding.evidence === undefined) return [];
  let room = EVIDENCE_CAP;
  const kept: Evidence[] = [];
  for (const each of finding.evidence.slice(0, EVIDENCE_ROWS_PER_TARGET)) {
    if (room <= 0) break;
    const text = each.text.slice(0, room);
    room -= text.length;
    kept.push({ ...each, text });
  }
  return kept;
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
    observation: db.prepare<[number, number, number, number, number, number, number, string | null, string | null]>(
      `insert into observation (target, location, slot_at, at, duration_ms, kind, rung, fault, detail)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing`,
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
    noticed: db.prepare<[number, number]>('update target set noticed_at = ? where id = ?'),
    notice: db.prepare<[NoticeColumns]>(
      `insert into notice (target, title, link, from_at, until_at, published_at, zone_explicit, channels, kind, matched,
         first_seen_at, last_seen_at)
       values (@target, @title, @link, @from_at, @until_at, @published_at, @zone_explicit, @channels, @kind, @matched,
         @seen_at, @seen_at)
       on conflict (target, title, link, from_at) do update set until_at = excluded.until_at,
         published_at = excluded.published_at, zone_explicit = excluded.zone_explicit, channels = excluded.channels,
         kind = excluded.kind, matched = excluded.matched, last_seen_at = excluded.last_seen_at`,
    ),
    evidence: db.prepare<[number, number, string | null, string, string, string]>(
      'insert into evidence (target, at, incident, name, type, text) values (?, ?, ?, ?, ?, ?)',
    ),
    trimEvidence: db.prepare<[number, number, number]>(
      `delete from evidence where target = ? and id <= coalesce(
         (select id from evidence where target = ? order by id desc limit 1 offset ?), 0)`,
    ),
    linkEvidence: db.prepare<[string, number, number]>(
      'update evidence set incident = ? where target = ? and incident is null and at >= ?',
    ),
  };
}
