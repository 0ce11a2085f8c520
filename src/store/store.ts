/** The ledger on one SQLite file. It knows rows and transactions; what a look means is the rule's business. */
import { statSync } from 'node:fs';
import type { Ledger, OutboxDepth, QueuedNotification } from '../core/ledger.ts';
import type { Instant, Observation, TargetId } from '../core/model.ts';
import { packAudit } from './audit.ts';
import { backupFile, type BackupOptions, type Copied } from './backup.ts';
import { openHold, type StoreOptions } from './hold.ts';
import { together, type Waiting } from '../core/bundle.ts';
import { prune, type Pruned, type Retention } from './retention.ts';
import {
  unpackEvidence,
  unpackIncident,
  unpackNotice,
  unpackNotification,
  unpackObservation,
  unpackStanding,
  type NotificationRow,
  packNotification,
} from './rows.ts';
import type { statements } from './statements.ts';

export type { StoreOptions } from './hold.ts';

type Statements = ReturnType<typeof statements>;

export interface Store extends Ledger {
  /** Drops what is older than the policy says, in slices, so that looks go on meanwhile. */
  prune(now: Instant, policy: Retention): Promise<Pruned>;
  /** Looks at a target, oldest first, at most `most`. */
  observations(target: TargetId, since: Instant, until: Instant, most: number): Promise<readonly Observation[]>;
  /** A consistent copy of the moment at which it begins, made while looks go on. Refuses a name that is taken. */
  backup(to: string, options?: BackupOptions): Promise<Copied>;
  /** Writes that wait for the disk. */
  waiting(): number;
}

/** Opens or creates the store. Throws a StoreError that says in words why it cannot. One process per file. */
export function openStore(path: string, options: StoreOptions = {}): Store {
  const hold = openHold(path, options);
  const { alive, add } = hold;
  return {
    record: (observation, channel, rule, left) => add(() => alive().write(observation, channel, rule, left)),
    amend: (id, change) => add(() => alive().amend(id, change)),
    bundle: (key) => add(() => bundle(alive().sql, key)),
    settle: (key, delivery, now, nextAt, instead) =>
      add(() => {
        const { sql } = alive();
        const { detail } = delivery;
        if (delivery.kind === 'retry') sql.retry.run({ key, detail, now, nextAt: nextAt ?? now });
        else sql.settle.run({ key, detail, now, state: delivery.kind });
        if (instead !== undefined) sql.notify.run(packNotification(instead));
      }),
    own: (ruling, now) =>
      add(() => {
        alive().ours.write(ruling, now);
      }),
    ownIncidents: (since, most) => read(() => alive().ours.read(since, most)),
    shift: (ms, now) => add(() => alive().shift(ms, now)),
    audit: (entry) => {
      const row = packAudit(entry);
      return add(() => {
        alive().audit.write(row);
      });
    },
    audited: (since, most) => read(() => alive().audit.read(since, most)),
    rollups: (target, span, since, until) => read(() => alive().rolls.read(target, span, since, until)),
    health: () => read(() => alive().sql.standings.all().map(unpackStanding)),
    openIncidents: () => read(() => alive().sql.openIncidents.all().map(unpackIncident)),
    incident: (id) => read(() => optional(alive().sql.incident.get(id), unpackIncident)),
    recentIncidents: (since, most) => read(() => alive().sql.recentIncidents.all({ since, most }).map(unpackIncident)),
    notices: (since) => read(() => alive().sql.notices.all(since).map(unpackNotice)),
    evidence: (incident) => read(() => alive().sql.evidence.all(incident).map(unpackEvidence)),
    looksSince: (target, since) => read(() => alive().sql.looksSince.get({ target, since })?.looks ?? 0),
    memory: (target, location) => read(() => alive().sql.memory.get(target, location)?.value),
    observations: (target, since, until, most) =>
      read(() => alive().sql.observations.all(target, since, until, most).map(unpackObservation)),
    due: (now, most, excluded) =>
      read(() =>
        alive()
          .sql.due.all({ now, most, excluded: JSON.stringify(excluded) })
          .map(unpackQueued),
      ),
    nextDueAt: (excluded) =>
      read(() => alive().sql.nextDueAt.get({ excluded: JSON.stringify(excluded) })?.at ?? undefined),
    outboxDepth: () => read(() => depth(alive().sql.depth.get())),
    // What is dropped goes through the log, which is not begun anew while the file is being read.
    prune: (now, policy) => hold.checked.then(() => prune(alive, add, now, policy)),
    backup: (to, backing) => backupFile(hold.path, to, backing),
    waiting: hold.waiting,
    bytes: () => sizeOf(hold.path) + sizeOf(`${hold.path}-wal`),
    close: hold.close,
  };
}

/** What goes out with a message; bound now, unless it was before. */
function bundle(sql: Statements, key: string): readonly QueuedNotification[] {
  const bound = sql.bundleOf.get(key)?.bundle ?? undefined;
  if (bound !== undefined) return sql.bound.all(bound).map(unpackQueued);
  const waiting = sql.waitingFrom
    .all(key)
    .map((row): Waiting => ({ ...unpackQueued(row), isBound: row.bundle !== null }));
  const members = together(waiting);
  for (const each of members) sql.bind.run(key, each.key);
  return members;
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

function depth(row: { readonly waiting: number; readonly oldest: number | null } | undefined): OutboxDepth {
  return { waiting: row?.waiting ?? 0, oldestAt: row?.oldest ?? undefined };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
