/** Store files made with SQL alone: of an older schema, or with more looks than could be recorded one by one. It opens no store. */
import Database from 'better-sqlite3';
import { STEPS } from '../../src/store/migrations.ts';
import { MORNING, targetOf } from './story.ts';

/** "Ring" in ASCII. */
const APPLICATION = 0x52696e67;
const trunk = targetOf();

/** A file of the schema `version`, made by the steps up to it and no further, and what `rows` says in SQL. */
export function oldStore(path: string, version: number, rows: string): void {
  const db = new Database(path);
  db.pragma('auto_vacuum = incremental');
  db.pragma(`application_id = ${APPLICATION}`);
  db.pragma('synchronous = off');
  for (const step of STEPS.slice(0, version)) db.exec(step);
  db.pragma(`user_version = ${version}`);
  db.exec(`begin; ${rows}; commit`);
  db.close();
}

/** `looks` of `targets` (the first one is `targetOf()`), one a minute each, the oldest of MORNING; a quarter of them blind. */
export function filled(path: string, looks: number, version: number = STEPS.length, targets = 1): void {
  const each = Math.floor(looks / targets);
  oldStore(
    path,
    version,
    `insert into target (id, name, channel) values (1, '${trunk.id}', '${trunk.channel}');
     insert into target (id, name, channel)
       with recursive n (i) as (select 2 union all select i + 1 from n where i < ${targets})
       select i, 'many/channel/target' || i, 'many/channel' from n where i <= ${targets};
     insert into location (id, name) values (1, 'jakarta');
     insert into standing (target, location, health) select id, 1, '{"phase":"unknown"}' from target;
     insert into observation (target, location, slot_at, at, duration_ms, kind, rung)
       with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < ${each})
       -- minute by minute, as looks come: the pages of one target lie between those of the others
       select id, 1, ${MORNING} + i * 60000, ${MORNING} + i * 60000, 21.5, i % 4, 1 from n cross join target`,
  );
}
