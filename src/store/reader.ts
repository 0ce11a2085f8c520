/** Reads a store that may be at work in another process: no lock, nothing written, one moment of it. It knows what a report asks. */
import Database from 'better-sqlite3';
import type { NoticeRow, Rollup } from '../core/ledger.ts';
import type { ChannelId, Incident, Instant } from '../core/model.ts';
import { storeFile } from './backup.ts';
import { StoreError } from './error.ts';
import { inWords } from './file.ts';
import { remember } from './memory.ts';
import { STEPS, versionOf } from './migrations.ts';
import { rollups, type AnswerMs } from './rollup.ts';
import { unpackIncident, unpackNotice, type IncidentRow, type NoticeSeenRow } from './rows.ts';

export interface Reader {
  /** By the hour, the oldest first, of every target that the channel has or had. */
  hours(channel: ChannelId, since: Instant, until: Instant): readonly Rollup[];
  /** Incidents that touch the stretch, the oldest first. */
  incidents(since: Instant, until: Instant): readonly Incident[];
  /** Every announcement that is kept. */
  notices(): readonly NoticeRow[];
  close(): void;
}

const BUSY_MS = 5_000;

/** Throws a StoreError that says in words why it cannot. Close it soon: while it is open the monitor's log grows. */
export function openReader(wanted: string, answerMs: AnswerMs): Reader {
  const path = storeFile(wanted);
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
    // All answers are of the moment of the first one.
    db.exec('begin');
    const version = versionOf(db);
    if (version < STEPS.length) {
      throw new StoreError(
        'unwritable',
        `${path} was written by an older Ringback (schema ${version}); "ringback serve" brings it up to date`,
      );
    }
    return reading(db, answerMs);
  } catch (error) {
    db?.close();
    throw inWords(path, error);
  }
}

function reading(db: Database.Database, answerMs: AnswerMs): Reader {
  const rolls = rollups(db, remember(), answerMs);
  const targets = db.prepare<[string], { name: string }>('select name from target where channel = ? order by name');
  const incidents = db.prepare<[{ since: number; until: number }], IncidentRow>(
    `select * from incident where opened_at < @until and (resolved_at is null or resolved_at >= @since)
     order by opened_at, id`,
  );
  const notices = db.prepare<[], NoticeSeenRow>(
    'select n.*, t.name as target, t.channel from notice n join target t on t.id = n.target',
  );
  return {
    hours: (channel, since, until) =>
      targets.all(channel).flatMap(({ name }) => rolls.read(name, 'hour', since, until)),
    incidents: (since, until) => incidents.all({ since, until }).map(unpackIncident),
    notices: () => notices.all().map(unpackNotice),
    close: () => {
      db.close();
    },
  };
}
