/** The ledger on one SQLite file. It knows rows and transactions; what a look means is the rule's business. */
import { statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import type { EvidenceRow, Ledger, OutboxDepth, QueuedNotification } from '../core/ledger.ts';
import type { Instant, Observation, TargetId } from '../core/model.ts';
import { openFile } from './file.ts';
import { openGroup, type GroupOptions } from './group.ts';
import { lookWriter } from './look.ts';
import { remember } from './memory.ts';
import { STEPS } from './migrations.ts';
import { prune, type Pruned, type Retention } from './retention.ts';
import {
  unpackIncident,
  unpackNotice,
  unpackNotification,
  unpackObservation,
  unpackStanding,
  type IncidentRow,
  type NoticeSeenRow,
  type NotificationRow,
  type ObservationRow,
  type StandingRow,
} from './rows.ts';

export interface StoreOptions extends Partial<GroupOptions> {
  /** Milliseconds that a statement waits for another process's lock; the whole process stands still meanwhile. */
  readonly busyMs?: number;
  /** How long `close` goes on trying to write what waits. */
  readonly graceMs?: number;
  readonly steps?: readonly string[];
}

export interface Store extends Ledger {
  /** Drops what is older than the policy says, in slices, so that looks go on meanwhile. */
  prune(now: Instant, policy: Retention): Promise<Pruned>;
  /** Looks at a target, oldest first, at most `most`. */
  observations(target: TargetId, since: Instant, until: Instant, most: number): Promise<readonly Observation[]>;
  /** Writes that wait for the disk. */
  waiting(): number;
}

const DEFAULTS: GroupOptions = { lingerMs: 10, most: 200, queueLimit: 10_000, onTrouble: () => undefined };
const BUSY_MS = 50;
const GRACE_MS = 5_000;

/** Opens or creates the store. Throws a StoreError that says in words why it cannot. One process per file. */
export function openStore(path: string, options: StoreOptions = {}): Store {
  const file = openFile(path, { busyMs: options.busyMs ?? BUSY_MS, steps: options.steps ?? STEPS });
  const { db } = file;
  const memory = remember();
  const group = openGroup(db, memory, { ...DEFAULTS, ...options });
  const write = lookWriter(db, memory);
  const sql = statements(db);
  let closed: Promise<void> | undefined;

  async function close(): Promise<void> {
    await group.end(options.graceMs ?? GRACE_MS);
    try {
      db.pragma('wal_checkpoint(truncate)');
    } finally {
      file.release();
    }
  }

  return {
    record: (observation, channel, rule) => group.add(() => write(observation, channel, rule)),
    settle: (key, delivery, now, nextAt) =>
      group.add(() => {
        if (delivery.kind === 'retry') sql.retry.run(nextAt ?? now, delivery.detail, key);
        else sql.settle.run(delivery.kind, now, delivery.detail, key);
      }),
    health: () => read(() => sql.standings.all().map(unpackStanding)),
    openIncidents: () => read(() => sql.openIncidents.all().map(unpackIncident)),
    incident: (id) => read(() => optional(sql.incident.get(id), unpackIncident)),
    recentIncidents: (since, most) => read(() => sql.recentIncidents.all({ since, most }).map(unpackIncident)),
    notices: (since) => read(() => sql.notices.all(since).map(unpackNotice)),
    evidence: (incident) => read(() => sql.evidence.all(incident).map(unpackEvidence)),
    looksSince: (target, since) => read(() => sql.looksSince.get({ target, since })?.looks ?? 0),
    observations: (target, since, until, most) =>
      read(() => sql.observations.all(target, since, until, most).map(unpackObservation)),
    due: (now, most, excluded) =>
      read(() => sql.due.all({ now, most, excluded: JSON.stringify(excluded) }).map(unpackQueued)),
    nextDueAt: (excluded) => read(() => sql.nextDueAt.get({ excluded: JSON.stringify(excluded) })?.at ?? undefined),
    outboxDepth: () => read(() => depth(sql.depth.get())),
    prune: (now, policy) => prune(db, group, now, policy),
    waiting: () => group.waiting(),
    bytes: () => sizeOf(file.path) + sizeOf(`${file.path}-wal`),
    close: () => (closed ??= close()),
  };
}

/** Reading is as asynchronous as the interface says: what throws rejects. */
function read<T>(from: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(from());
  });
}

function optional<Row, Value>(row: Row | undefined, unpack: (row: Row) => Value): Value | undefined {
  return row === undefined ? undefined : unpack(row);
}

function unpackQueued(row: NotificationRow & { readonly attempts: number }): QueuedNotification {
  return { ...unpackNotification(row), attempts: row.attempts };
}

interface EvidenceColumns extends Omit<EvidenceRow, 'incident'> {
  readonly incident: string | null;
}

function unpackEvidence({ incident, ...row }: EvidenceColumns): EvidenceRow {
  return { ...row, incident: incident ?? undefined };
}

function depth(row: { readonly waiting: number; readonly oldest: number | null } | undefined): OutboxDepth {
  return { waiting: row?.waiting ?? 0, oldestAt: row?.oldest ?? undefined };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

const OBSERVATION = `t.name as target, l.name as location, o.slot_at, o.at, o.duration_ms, o.kind, o.rung, o.fault, o.detail`;
/** Of one incident only the earliest message that waits may go to a receiver: nobody hears "it is back" before "it is down". */
const NEXT_WAITING = `n.state = 'waiting' and n.receiver not in (select value from json_each(@excluded))
  and not exists (select 1 from notification e where e.state = 'waiting' and e.receiver = n.receiver
    and e.incident = n.incident and e.seq < n.seq)`;

function statements(db: Database) {
  return {
    standings: db.prepare<[], StandingRow>(
      `select ${OBSERVATION}, s.health from standing s
       join target t on t.id = s.target join location l on l.id = s.location
       join observation o on o.target = s.target and o.location = s.location and o.slot_at =
         (select max(slot_at) from observation where target = s.target and location = s.location)`,
    ),
    observations: db.prepare<[string, number, number, number], ObservationRow>(
      `select ${OBSERVATION} from target t join location l join observation o on o.target = t.id and o.location = l.id
       where t.name = ? and o.slot_at >= ? and o.slot_at < ? order by o.slot_at limit ?`,
    ),
    looksSince: db.prepare<[{ target: string; since: number }], { looks: number }>(
      `select count(*) as looks from target t join location l join observation o
       on o.target = t.id and o.location = l.id and o.slot_at >= @since
       where t.name = @target and o.fault is not 'BUDGET'`,
    ),
    openIncidents: db.prepare<[], IncidentRow>('select * from incident where resolved_at is null order by opened_at'),
    incident: db.prepare<[string], IncidentRow>('select * from incident where id = ?'),
    recentIncidents: db.prepare<[{ since: number; most: number }], IncidentRow>(
      `select * from incident where opened_at >= @since or resolved_at >= @since or resolved_at is null
       order by opened_at desc, id limit @most`,
    ),
    notices: db.prepare<[number], NoticeSeenRow>(
      `select n.*, t.name as target, t.channel from notice n join target t on t.id = n.target
       where n.last_seen_at >= ? or n.last_seen_at = t.noticed_at
       order by coalesce(n.published_at, n.first_seen_at) desc, n.id`,
    ),
    evidence: db.prepare<[string], EvidenceColumns>(
      `select t.name as target, e.at, e.incident, e.name, e.type, e.text from evidence e join target t on t.id = e.target
       where e.incident = ? order by e.at, e.id`,
    ),
    due: db.prepare<[{ now: number; most: number; excluded: string }], NotificationRow & { attempts: number }>(
      `select key, receiver, incident, created_at, due_at, attempts, message from notification n
       where ${NEXT_WAITING} and n.due_at <= @now order by n.due_at, n.seq limit @most`,
    ),
    nextDueAt: db.prepare<[{ excluded: string }], { at: number | null }>(
      `select min(n.due_at) as at from notification n where ${NEXT_WAITING}`,
    ),
    retry: db.prepare<[number, string, string]>(
      `update notification set attempts = attempts + 1, due_at = ?, detail = ? where key = ? and state = 'waiting'`,
    ),
    settle: db.prepare<[string, number, string, string]>(
      `update notification set attempts = attempts + 1, state = ?, settled_at = ?, detail = ? where key = ? and state = 'waiting'`,
    ),
    depth: db.prepare<[], { waiting: number; oldest: number | null }>(
      `select count(*) as waiting, min(created_at) as oldest from notification where state = 'waiting'`,
    ),
  };
}
