/** What operators did, one row each, append only: the file itself refuses to change or drop one. */
import { randomUUID } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import type { AuditEntry } from '../core/ledger.ts';
import type { Instant } from '../core/model.ts';

interface AuditRow {
  readonly id: string;
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly subject: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** With an id of its own, so that writing it twice leaves one. */
export function packAudit({ at, who, what, subject, before, after }: AuditEntry): AuditRow {
  return { id: randomUUID(), at, who, what, subject, before: json(before), after: json(after) };
}

export function auditWriter(db: Database) {
  const add = db.prepare<[AuditRow]>(
    `insert into audit (id, at, who, what, subject, before, after)
     values (@id, @at, @who, @what, @subject, @before, @after) on conflict (id) do nothing`,
  );
  const since = db.prepare<[Instant, number], AuditRow>(
    'select * from audit where at >= ? order by at desc, seq desc limit ?',
  );
  return {
    write: (row: AuditRow): void => {
      add.run(row);
    },
    read: (from: Instant, most: number): readonly AuditEntry[] => since.all(from, most).map(unpack),
  };
}

function unpack({ at, who, what, subject, before, after }: AuditRow): AuditEntry {
  return {
    at,
    who,
    what,
    subject,
    ...(before !== null && { before: JSON.parse(before) as unknown }),
    ...(after !== null && { after: JSON.parse(after) as unknown }),
  };
}

function json(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
