/** Copies of a store at work, and what is let back in: R-9 and S-K4. */
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { StoreError } from '../../src/store/error.ts';
import { restoreFile } from '../../src/store/restore.ts';
import { openStore } from '../../src/store/store.ts';
import { figure, rounds } from '../lib/figures.ts';
import { BAD, folder, freshStore, GOOD, lookAt, MINUTE, MORNING, ruleFor, targetOf, tell } from '../lib/ledger.ts';
import { idleBeside, watchLoop } from '../lib/loop.ts';

const trunk = targetOf();
const ROUNDS = rounds('R9', 3);
/** On a machine of its own 100; in the middle of other tests, and of others' work, more is allowed. */
const STALL_MS = Number(process.env['STALL_MS'] ?? 500);
const LATER = MORNING + 99 * MINUTE;

/** A closed copy of a store with an incident, one message sent and one waiting. */
async function copied(): Promise<{ copy: string; home: string }> {
  const home = folder();
  const store = openStore(join(home, 'first.db'));
  await tell(store, trunk, [GOOD, BAD, BAD], 0, ['ops-mail', 'hook']);
  const [first] = await store.due(LATER, 1, []);
  await store.settle(first?.key ?? '', { kind: 'sent', detail: 'ok' }, LATER);
  await store.audit({ at: MORNING, who: 'ani', what: 'acknowledge', subject: 'x' });
  const copy = join(home, 'copy.db');
  await store.backup(copy);
  await store.close();
  return { copy, home };
}

async function refusal(from: string, to: string, force = false): Promise<{ trouble: string; message: string }> {
  try {
    await restoreFile(from, to, { force });
  } catch (error) {
    if (error instanceof StoreError) return { trouble: error.trouble, message: error.message };
    throw error;
  }
  throw new Error(`${from} was let in`);
}

describe('R-9: a copy made while looks go on', () => {
  it(`${ROUNDS} times at 200 looks a second: whole, of one moment, and it can be worked with`, async () => {
    const { store, path } = freshStore();
    const home = join(path, '..');
    let next = 0;
    const record = (): Promise<unknown> => {
      const look = lookAt(trunk, next, next % 40 < 20 ? GOOD : BAD);
      next += 1;
      return store.record(look, trunk.channel, ruleFor(trunk, look));
    };
    await Promise.all(Array.from({ length: 8_000 }, record));
    const looking = setInterval(() => void record(), 5);
    const longest = { stallMs: 0, workMs: 0 };
    const beside = await idleBeside(home);
    for (let round = 0; round < ROUNDS; round += 1) {
      const steps: number[] = [];
      const to = join(home, `copy${round}.db`);
      const before = next;
      const loop = watchLoop();
      await store.backup(to, { onProgress: (done) => steps.push(done) });
      const { stallMs, workMs } = loop.end();
      longest.stallMs = Math.max(longest.stallMs, stallMs);
      longest.workMs = Math.max(longest.workMs, workMs);
      expect(steps.length).toBeGreaterThan(3);
      const elsewhere = join(folder(), 'ringback.db');
      await restoreFile(to, elsewhere);
      const restored = openStore(elsewhere);
      const seen = (await restored.observations(trunk.id, 0, Infinity, 1e6)).map((each) => each.slotAt);
      expect(seen).toEqual(seen.map((_, index) => MORNING + index * MINUTE));
      expect(seen.length).toBeGreaterThan(before - 50);
      await tell(restored, trunk, [GOOD], 1e6);
      await restored.close();
    }
    clearInterval(looking);
    const idleMs = await beside.end();
    figure('R-9', {
      copies: ROUNDS,
      'bytes each': store.bytes(),
      inconsistent: 0,
      'stall ms': Math.round(longest.stallMs),
      'of it work ms': Math.round(longest.workMs),
      'an idle process ms': Math.round(idleMs),
    });
    expect(longest.workMs).toBeLessThan(100);
    expect(longest.stallMs).toBeLessThan(Math.max(STALL_MS, 2 * idleMs));
  }, 1_800_000);

  it('does not replace a file unless it is told to', async () => {
    const { store, path } = freshStore();
    const to = `${path}.copy`;
    writeFileSync(to, 'precious');
    await expect(store.backup(to)).rejects.toMatchObject({ trouble: 'exists' });
    expect(readFileSync(to, 'utf8')).toBe('precious');
    await store.backup(to, { force: true });
    expect(readFileSync(to).subarray(0, 15).toString()).toBe('SQLite format 3');
  });
});

describe('R-9: restoring', () => {
  it('moves the store of before aside, and does not send again what that one has sent', async () => {
    const { copy, home } = await copied();
    const path = join(home, 'first.db');
    const store = openStore(path);
    const [waiting] = await store.due(LATER, 9, []);
    await store.settle(waiting?.key ?? '', { kind: 'sent', detail: 'ok' }, LATER);
    await store.close();
    expect(await refusal(copy, path)).toMatchObject({ trouble: 'exists' });
    const { movedTo, sentSince } = await restoreFile(copy, path, { force: true });
    expect(sentSince).toBe(1);
    const restored = openStore(path);
    expect(await restored.due(LATER, 9, [])).toEqual([]);
    expect(await restored.audited(0, 9)).toHaveLength(1);
    await restored.close();
    const old = openStore(movedTo ?? '');
    expect(await old.looksSince(trunk.id, 0)).toBe(3);
    await old.close();
  });

  it('on another machine sends what was waiting, under the key that it always had', async () => {
    const { copy } = await copied();
    const path = join(folder(), 'ringback.db');
    await restoreFile(copy, path);
    const restored = openStore(path);
    expect((await restored.due(LATER, 9, [])).map((each) => each.key)).toEqual([
      expect.stringMatching(/:opened:hook$/),
    ]);
    await restored.close();
  });

  it('is refused while a monitor is at work on the store', async () => {
    const { copy } = await copied();
    const { path } = freshStore();
    expect(await refusal(copy, path, true)).toMatchObject({ trouble: 'in_use' });
  });
});

describe('S-K4: a copy that was crafted', () => {
  const crafts: Record<string, { sql?: string; spoil?: (path: string) => void; trouble: string }> = {
    'with a trigger': {
      sql: 'create trigger t after insert on observation begin delete from notification; end',
      trouble: 'foreign',
    },
    'with a view': { sql: 'create view v as select 1', trouble: 'foreign' },
    'with another table': { sql: 'create table t (x)', trouble: 'foreign' },
    'with another index': { sql: 'create index i on incident (impact)', trouble: 'foreign' },
    'with a column more': { sql: 'alter table incident add column x text', trouble: 'foreign' },
    'with a trigger less': { sql: 'drop trigger audit_keeps_rows', trouble: 'foreign' },
    'of another application': { sql: 'pragma application_id = 7', trouble: 'foreign' },
    'with another page size': { sql: 'pragma page_size = 65536; vacuum', trouble: 'foreign' },
    'with texts that are not ours': { sql: "update standing set health = '{'", trouble: 'foreign' },
    'with a memory that is none': { sql: "insert into memory values (1, 1, 'x')", trouble: 'foreign' },
    'with trouble of our own that is no text of ours': {
      sql: "insert into own_incident values ('x', 'disk', 1, null, '[')",
      trouble: 'foreign',
    },
    'with a memory of nobody': {
      sql: "pragma foreign_keys = off; insert into memory values (77, 1, '{}')",
      trouble: 'foreign',
    },
    'of a version that is yet to come': { sql: 'pragma user_version = 99', trouble: 'newer' },
    'of no version': { sql: 'pragma user_version = 0', trouble: 'foreign' },
    'cut short': {
      spoil: (path) => {
        truncateSync(path, 5 * 4_096);
      },
      trouble: 'truncated',
    },
    'with a page overwritten': {
      spoil: (path) => {
        writeFileSync(path, readFileSync(path).fill(0xa5, 4 * 4_096, 6 * 4_096));
      },
      trouble: 'damaged',
    },
    'that is no database': {
      spoil: (path) => {
        writeFileSync(path, 'garbage'.repeat(999));
      },
      trouble: 'not_a_database',
    },
  };

  for (const [name, { sql, spoil, trouble }] of Object.entries(crafts)) {
    it(`${name} is refused, and neither it nor the store is touched`, async () => {
      const { copy } = await copied();
      if (sql !== undefined) new Database(copy).exec(sql).close();
      spoil?.(copy);
      const bytes = readFileSync(copy);
      const { store, path } = freshStore();
      await tell(store, trunk, [GOOD]);
      await store.close();
      const before = readFileSync(path);
      expect(await refusal(copy, path, true)).toMatchObject({ trouble });
      expect(readFileSync(copy)).toEqual(bytes);
      expect(readFileSync(path)).toEqual(before);
      expect(readdirSync(join(path, '..')).sort()).toEqual(['ringback.db', 'ringback.db.lock']);
    });
  }
});
