/** The rows about ourselves, and what of them is told. It knows columns; what is trouble is the rule's business. */
import type { Database } from 'better-sqlite3';
import type { Instant, OwnIncident } from '../core/model.ts';
import type { OwnRuling } from '../core/ours.ts';
import { packNotification, type NotificationRow } from './rows.ts';

interface OwnRow {
  readonly id: string;
  readonly trouble: string;
  readonly opened_at: number;
  readonly resolved_at: number | null;
  /** All that is not searched for, as JSON. */
  readonly rest: string;
}

type Rest = Omit<OwnIncident, 'id' | 'trouble' | 'openedAt' | 'resolvedAt'>;

export function ownWriter(db: Database) {
  const put = db.prepare<[OwnRow]>(
    `insert into own_incident (id, trouble, opened_at, resolved_at, rest)
     values (@id, @trouble, @opened_at, @resolved_at, @rest)
     on conflict (id) do update set opened_at = excluded.opened_at, resolved_at = excluded.resolved_at, rest = excluded.rest`,
  );
  const withdraw = db.prepare<[{ id: string; at: number; keys: string }]>(
    `update notification set state = 'withdrawn', settled_at = @at, detail = 'newer word of it'
     where state = 'waiting' and incident = @id and key not in (select value from json_each(@keys))`,
  );
  const queue = db.prepare<[NotificationRow]>(
    `insert into notification (key, receiver, incident, created_at, due_at, message)
     values (@key, @receiver, @incident, @created_at, @due_at, @message) on conflict (key) do nothing`,
  );
  const since = db.prepare<[Instant, number], OwnRow>(
    `select * from own_incident where resolved_at is null or resolved_at >= ? order by opened_at desc, id limit ?`,
  );
  return {
    /** What of it nobody has heard yet is withdrawn: the newest word says all. */
    write: ({ incident, notifications }: OwnRuling, at: Instant): void => {
      put.run(pack(incident));
      if (incident.resolvedAt === undefined && notifications.length === 0) return;
      withdraw.run({ id: incident.id, at, keys: JSON.stringify(notifications.map(({ key }) => key)) });
      for (const each of notifications) queue.run(packNotification(each));
    },
    read: (from: Instant, most: number): readonly OwnIncident[] => since.all(from, most).map(unpack),
  };
}

function pack({ id, trouble, openedAt, resolvedAt, ...rest }: OwnIncident): OwnRow {
  const columns = { id, trouble, opened_at: openedAt, resolved_at: resolvedAt ?? null };
  return { ...columns, rest: JSON.stringify(rest satisfies Rest) };
}

function unpack({ id, trouble, opened_at: openedAt, resolved_at: resolvedAt, rest }: OwnRow): OwnIncident {
  return {
    id,
    trouble: trouble as OwnIncident['trouble'],
    openedAt,
    ...(resolvedAt === null ? {} : { resolvedAt }),
    ...(JSON.parse(rest) as Rest),
  };
}
