/** The numbered steps from an empty file to today's schema. It knows tables, not what they mean. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database } from 'better-sqlite3';

/**
 * Step n leads from `user_version` n to n + 1. A released step is never edited: files out there have taken it.
 *
 * Looks are clustered by target, location and slot: one B-tree serves the look's identity, a target's history, its budget
 * and retention, and a look costs one insert. Instants are epoch milliseconds; names that repeat are interned.
 */
export const STEPS: readonly string[] = [
  `
  create table target (
    id integer primary key,
    name text not null unique,
    channel text not null,
    -- newest look that read the notices, whatever it found in them
    noticed_at integer
  ) strict;
  create table location (id integer primary key, name text not null unique) strict;
  create table observation (
    target integer not null references target,
    location integer not null references location,
    slot_at integer not null,
    at integer not null,
    duration_ms real not null,
    kind integer not null,
    rung integer not null,
    fault text,
    detail text,
    primary key (target, location, slot_at)
  ) strict, without rowid;
  create table standing (
    target integer not null references target,
    location integer not null references location,
    health text not null,
    primary key (target, location)
  ) strict, without rowid;
  create table incident (
    id text primary key,
    provider text not null,
    channel text not null,
    opened_at integer not null,
    resolved_at integer,
    impact text not null,
    cause text not null,
    rest text not null
  ) strict;
  create unique index incident_open on incident (channel) where resolved_at is null;
  create index incident_opened on incident (opened_at);
  create index incident_resolved on incident (resolved_at);
  create table notification (
    seq integer primary key autoincrement,
    key text not null unique,
    receiver text not null,
    incident text not null,
    created_at integer not null,
    due_at integer not null,
    attempts integer not null default 0,
    -- waiting, sent, rejected
    state text not null default 'waiting',
    settled_at integer,
    detail text,
    message text not null
  ) strict;
  create index notification_waiting on notification (receiver, incident, seq) where state = 'waiting';
  create index notification_settled on notification (settled_at) where settled_at is not null;
  create table notice (
    id integer primary key,
    target integer not null references target,
    title text not null,
    -- '' and 0 for "none": null would not be equal to itself in the unique index
    link text not null,
    from_at integer not null,
    until_at integer,
    published_at integer,
    zone_explicit integer,
    channels text not null,
    kind text not null,
    matched text not null,
    first_seen_at integer not null,
    last_seen_at integer not null,
    unique (target, title, link, from_at)
  ) strict;
  create index notice_seen on notice (last_seen_at);
  create table evidence (
    id integer primary key,
    target integer not null references target,
    at integer not null,
    incident text,
    name text not null,
    type text not null,
    text text not null
  ) strict;
  create index evidence_target on evidence (target, id);
  create index evidence_incident on evidence (incident) where incident is not null;
  create index evidence_at on evidence (at);
  `,
  `
  -- What was promised at that time: 1 closed, 2 maintenance; null: open, or from before this column.
  alter table observation add column expected integer;
  -- Looks of earlier slots are in the roll-ups; the others are not.
  alter table standing add column rolled_to integer not null default 0;
  -- When due_at was written, by the wall clock of then; 0: when the row was.
  alter table notification add column set_at integer not null default 0;
  create table rollup (
    target integer not null references target,
    location integer not null references location,
    -- 0 minute, 1 hour, 2 day, each in UTC
    span integer not null,
    from_at integer not null,
    expected integer not null,
    ok integer not null,
    degraded integer not null,
    failed integer not null,
    unknown integer not null,
    answers integer not null,
    sum_ms real not null,
    min_ms real,
    max_ms real,
    histogram text,
    primary key (target, location, span, from_at, expected)
  ) strict, without rowid;
  create table audit (
    seq integer primary key autoincrement,
    id text not null unique,
    at integer not null,
    who text not null,
    what text not null,
    subject text not null,
    before text,
    after text
  ) strict;
  create index audit_at on audit (at);
  create trigger audit_keeps_rows before delete on audit begin select raise(abort, 'audit is append only'); end;
  create trigger audit_keeps_words before update on audit begin select raise(abort, 'audit is append only'); end;
  `,
  `
  create table memory (
    target integer not null references target,
    location integer not null references location,
    -- JSON: what the looks at one target from one place tell each other
    value text not null,
    primary key (target, location)
  ) strict, without rowid;
  `,
  `
  -- Trouble of our own. Notifications of it may be in a further state: withdrawn, for newer word of the same.
  create table own_incident (
    id text primary key,
    trouble text not null,
    opened_at integer not null,
    resolved_at integer,
    rest text not null
  ) strict;
  create unique index own_incident_open on own_incident (trouble) where resolved_at is null;
  `,
  `
  -- key of the message with which it goes out, and under whose key; set before the first attempt
  alter table notification add column bundle text;
  create index notification_bundle on notification (bundle) where bundle is not null;
  `,
];

/** The schema version of an open file. */
export function versionOf(db: Database): number {
  return Number(db.pragma('user_version', { simple: true }));
}

/** Every table, index and trigger, in the words that made it. */
export function schemaOf(db: Database): readonly unknown[] {
  return db.prepare('select type, name, tbl_name, sql from sqlite_schema order by type, name').all();
}

/**
 * Takes every step still missing, one transaction each, so that a kill between or within them is resumed at the next start.
 * Before the first step on a file with content a copy named after its version is left beside it.
 */
export function migrate(db: Database, path: string, steps: readonly string[] = STEPS): void {
  const from = versionOf(db);
  if (from >= steps.length) return;
  if (from > 0) copyAside(db, `${path}.v${from}.bak`);
  for (const [index, step] of steps.entries()) {
    if (index < from) continue;
    db.transaction(() => {
      db.exec(step);
      db.pragma(`user_version = ${index + 1}`);
    }).immediate();
  }
}

/** A consistent copy under its final name, or none: a kill leaves only the partial one, which the next start replaces. */
function copyAside(db: Database, copy: string): void {
  const partial = `${copy}.partial`;
  rmSync(partial, { force: true });
  db.prepare('vacuum into ?').run(partial);
  moveInto(copy, partial);
}

/** Gives a finished file its name so that a power cut leaves the one or the other, and never half of it. */
export function moveInto(path: string, draft: string): void {
  sync(draft);
  renameSync(draft, path);
  sync(dirname(path));
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
