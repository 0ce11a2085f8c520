/** Opening a store: what is refused, in which words, and that a refused file is left as it is.. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { fault } from '../../src/core/fault.ts';
import { StoreError } from '../../src/store/error.ts';
import type { Broken } from '../../src/store/file.ts';
import { STEPS } from '../../src/store/migrations.ts';
import { openReader } from '../../src/store/reader.ts';
import { openStore } from '../../src/store/store.ts';
import { folder, GOOD, lookAt, messageOf, MINUTE, MORNING, ruleFor, targetOf, tell } from '../lib/ledger.ts';
import { oldStore } from '../lib/oldstore.ts';

const trunk = targetOf();

function refusal(path: string, steps: readonly string[] = STEPS): { trouble: string; message: string } {
  try {
    void openStore(path, { steps }).close();
  } catch (error) {
    if (error instanceof StoreError) return { trouble: error.trouble, message: error.message };
    throw error;
  }
  throw new Error(`${path} was opened`);
}

/** A closed store with one look in it. */
async function usedStore(): Promise<string> {
  const path = join(folder(), 'ringback.db');
  const store = openStore(path);
  await tell(store, trunk, [GOOD]);
  await store.close();
  return path;
}

describe('R-38: what is no store of ours is refused, each in its own words', () => {
  const cases: Record<string, { make: (path: string) => unknown; trouble: string; says: RegExp }> = {
    garbage: {
      make: (path) => writeFileSync(path, 'garbage'.repeat(9_999)),
      trouble: 'not_a_database',
      says: /not an SQLite/,
    },
    'a file of 0 bytes': { make: (path) => writeFileSync(path, ''), trouble: 'empty', says: /is empty/ },
    'a folder': { make: (path) => mkdirSync(path), trouble: 'not_a_file', says: /is a folder/ },
    'a pipe': {
      make: (path) => execFileSync('mkfifo', [path]),
      trouble: 'not_a_file',
      says: /not a regular file/,
    },
    'a link that leads nowhere': {
      make: (path) => symlinkSync(`${path}.gone`, path),
      trouble: 'not_a_file',
      says: /leads nowhere/,
    },
    'the database of another program': {
      make: (path) => new Database(path).exec('create table x (y); pragma application_id = 252006674').close(),
      trouble: 'foreign',
      says: /another program \(application_id 252006674\)/,
    },
    'a database without a name': {
      make: (path) => new Database(path).exec('create table x (y)').close(),
      trouble: 'foreign',
      says: /another program/,
    },
  };

  for (const [name, { make, trouble, says }] of Object.entries(cases)) {
    it(name, () => {
      const path = join(folder(), 'ringback.db');
      make(path);
      const before = contents(path);
      const found = refusal(path);
      expect(found.trouble).toBe(trouble);
      expect(found.message).toMatch(says);
      expect(contents(path)).toEqual(before);
    });
  }

  it('a store that was cut short', async () => {
    const path = await usedStore();
    truncateSync(path, 3 * 4_096);
    const before = contents(path);
    expect(refusal(path)).toMatchObject({ trouble: 'truncated' });
    expect(contents(path)).toEqual(before);
  });

  it('a store with a page overwritten', async () => {
    const path = await usedStore();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 2 * 4_096, 8 * 4_096);
    writeFileSync(path, bytes);
    expect(refusal(path)).toMatchObject({ trouble: 'damaged' });
    expect(readFileSync(path)).toEqual(bytes);
  });

  it('a store of a newer Ringback, named with both versions', async () => {
    const path = await usedStore();
    const before = contents(path);
    const found = refusal(path, STEPS.slice(0, -1));
    expect(found.trouble).toBe('newer');
    expect(found.message).toContain(`schema ${STEPS.length}; this one knows up to ${STEPS.length - 1}`);
    expect(contents(path)).toEqual(before);
  });

  it('a folder that cannot be made', () => {
    const file = join(folder(), 'file');
    writeFileSync(file, 'x');
    expect(refusal(join(file, 'deeper', 'ringback.db'))).toMatchObject({ trouble: 'unwritable' });
  });
});

function contents(path: string): Buffer | string {
  try {
    return readdirSync(path).join();
  } catch {
    // A pipe would be waited for; its name is all there is to keep.
    return path.endsWith('.db') && isPlain(path) ? readFileSync(path) : 'not a plain file';
  }
}

function isPlain(path: string): boolean {
  return execFileSync('stat', ['--format=%F', path]).toString().startsWith('regular');
}

describe('F6: a store that is broken at the start', () => {
  const breaks: Record<string, (path: string) => void> = {
    'cut short': (path) => {
      truncateSync(path, 3 * 4_096);
    },
    'with a page overwritten': (path) => {
      writeFileSync(path, readFileSync(path).fill(0xa5, 2 * 4_096, 8 * 4_096));
    },
    'with its first page gone': (path) => {
      writeFileSync(path, readFileSync(path).fill(0, 0, 4_096));
    },
    'with nothing in it': (path) => {
      truncateSync(path, 0);
    },
  };

  for (const [name, spoil] of Object.entries(breaks)) {
    it(`${name} is moved aside as it is, and a new one begun beside it`, async () => {
      const path = await usedStore();
      spoil(path);
      const bytes = readFileSync(path);
      const found: Broken[] = [];
      const store = openStore(path, { onBroken: (broken) => found.push(broken) });
      expect(await store.health()).toEqual([]);
      await tell(store, trunk, [GOOD], 1);
      await store.close();
      expect(found).toHaveLength(1);
      expect(found[0]?.movedTo).toMatch(/ringback\.db\.broken-\d{8}T\d{6}Z$/);
      expect(readFileSync(found[0]?.movedTo ?? '')).toEqual(bytes);
      const again = openStore(path, { onBroken: (broken) => found.push(broken) });
      expect(await again.looksSince(trunk.id, 0)).toBe(1);
      await again.close();
      expect(found).toHaveLength(1);
    });
  }

  it('twice within a second leaves both', async () => {
    const path = await usedStore();
    for (let round = 0; round < 2; round += 1) {
      truncateSync(path, 0);
      await openStore(path, { onBroken: () => undefined }).close();
    }
    expect(readdirSync(join(path, '..')).filter((name) => name.includes('.broken-'))).toHaveLength(2);
  });

  it('is refused when it never was ours, or is newer: that is not ours to move', async () => {
    const path = await usedStore();
    const onBroken = () => undefined;
    expect(() => openStore(path, { steps: STEPS.slice(0, -1), onBroken })).toThrow(/newer/);
    writeFileSync(path, 'garbage'.repeat(99));
    expect(() => openStore(path, { onBroken })).toThrow(/not an SQLite/);
    expect(readdirSync(join(path, '..')).sort()).toEqual(['ringback.db', 'ringback.db.lock']);
  });
});

describe('a store too big to be read before the start', () => {
  /** Longer than the first page, so that the start finds nothing wrong; then as small a limit as there is. */
  const BIG = { checkUpToBytes: 0 };

  async function spoilt(): Promise<{ path: string; bytes: Buffer }> {
    const path = await usedStore();
    const db = new Database(path);
    const root = db.prepare("select rootpage from sqlite_schema where name = 'audit_at'").pluck().get() as number;
    db.close();
    const bytes = readFileSync(path).fill(0xa5, (root - 1) * 4_096, root * 4_096);
    writeFileSync(path, bytes);
    return { path, bytes };
  }

  it('is read beside the work; what is broken is told, and moved aside at the next start', async () => {
    const { path, bytes } = await spoilt();
    const found: Broken[] = [];
    const onBroken = (broken: Broken) => found.push(broken);
    const first = openStore(path, { ...BIG, onBroken });
    expect(found).toEqual([]);
    await expect.poll(() => found, { timeout: 20_000 }).toHaveLength(1);
    expect(found[0]).toEqual({ why: expect.stringContaining(`${path} is damaged (`) as string });
    // What it is of use for goes on.
    await tell(first, trunk, [GOOD], 1);
    expect(await first.looksSince(trunk.id, 0)).toBe(2);
    await first.close();
    const kept = readFileSync(path);
    expect(kept.subarray(0, 18)).toEqual(bytes.subarray(0, 18));
    const second = openStore(path, { ...BIG, onBroken });
    expect(found).toHaveLength(2);
    expect(readFileSync(found[1]?.movedTo ?? '')).toEqual(kept);
    expect(await second.health()).toEqual([]);
    await second.close();
    await openStore(path, { onBroken }).close();
    expect(found).toHaveLength(2);
  });

  it('is refused at the next start where nobody said that it may be moved', async () => {
    const { path } = await spoilt();
    const found: Broken[] = [];
    const first = openStore(path, { ...BIG, onBroken: (broken) => found.push(broken) });
    await expect.poll(() => found, { timeout: 20_000 }).toHaveLength(1);
    await first.close();
    const kept = readFileSync(path);
    expect(() => openStore(path, BIG)).toThrow(/is damaged/);
    expect(readFileSync(path)).toEqual(kept);
  });

  it('that is sound is worked with, and closing does not wait for the reading', async () => {
    const path = await usedStore();
    const found: Broken[] = [];
    const store = openStore(path, { ...BIG, onBroken: (broken) => found.push(broken) });
    await tell(store, trunk, [GOOD], 1);
    await store.close();
    const again = openStore(path, { onBroken: (broken) => found.push(broken) });
    expect(await again.looksSince(trunk.id, 0)).toBe(2);
    await again.close();
    expect(found).toEqual([]);
  });
});

describe('R-10: a store of an older schema', () => {
  const member = {
    target: trunk.id,
    since: MORNING,
    impact: 'outage',
    fault: fault('TCP_REFUSED', 'refused'),
    probe: 'sip-options',
  };
  /** As the first versions wrote it: of one channel, which is not said twice. */
  const rest = {
    confirmedAt: MORNING + MINUTE,
    because: 'refused',
    members: [member],
    updates: [{ at: MORNING + MINUTE, change: 'opened', text: 'trunk: refused' }],
    told: ['ops-mail'],
  };
  const { openedAt, ...head } = { id: 'old.1', provider: 'gopay', channel: trunk.channel, openedAt: MORNING };
  const incident = { ...head, openedAt, impact: 'outage', cause: 'refused', ...rest };
  const message = { ...messageOf('opened'), incident };
  const ROWS = `
    insert into target (id, name, channel) values (1, '${trunk.id}', '${trunk.channel}');
    insert into location (id, name) values (1, 'jakarta');
    insert into standing (target, location, health) values (1, 1, '{"phase":"down","since":${MORNING}}');
    insert into observation (target, location, slot_at, at, duration_ms, kind, rung, fault)
      values (1, 1, ${MORNING}, ${MORNING}, 21.5, 2, 0, 'TCP_REFUSED');
    insert into incident values ('old.1', 'gopay', '${trunk.channel}', ${MORNING}, null, 'outage', 'refused',
      '${JSON.stringify(rest)}');
    insert into notification (key, receiver, incident, created_at, due_at, message)
      values ('old.1:opened:ops-mail', 'ops-mail', 'old.1', ${MORNING}, ${MORNING}, '${JSON.stringify(message)}')`;
  const own = { channel: trunk.channel, since: MORNING, impact: 'outage', cause: 'refused', suspended: [] };

  for (const version of STEPS.keys().map((step) => step + 1)) {
    it(`${version} is read, and its incident is told and ended like any other`, async () => {
      const path = join(folder(), 'ringback.db');
      oldStore(path, version, ROWS);
      const store = openStore(path);
      expect((await store.openIncidents()).map((each) => each.channels)).toEqual([[own]]);
      const [due] = await store.due(MORNING + 9 * MINUTE, 9, []);
      expect(due?.message.incident?.channels).toEqual([own]);
      const rulings = await tell(store, trunk, [GOOD, GOOD], 1);
      expect(rulings[1]?.incident).toMatchObject({
        id: 'old.1',
        channels: [{ ...own, resolvedAt: MORNING + MINUTE + 3 }],
      });
      expect(await store.openIncidents()).toEqual([]);
      await store.close();
      const reader = openReader(path, () => 0);
      expect(reader.incidents(0, MORNING + 99 * MINUTE)).toHaveLength(1);
      reader.close();
    });
  }
});

describe('R-6: a store belongs to one process', () => {
  it('a second one is refused, by the same path or through a link, until the first has closed', async () => {
    const path = await usedStore();
    const link = `${path}.link`;
    symlinkSync(path, link);
    const first = openStore(path);
    expect(refusal(path)).toMatchObject({ trouble: 'in_use' });
    expect(refusal(link)).toMatchObject({ trouble: 'in_use' });
    await tell(first, trunk, [GOOD], 1);
    await first.close();
    const second = openStore(link);
    expect(await second.looksSince(trunk.id, 0)).toBe(2);
    await second.close();
  });

  it('also when it is another process, and a kill -9 of the first leaves nothing in the way', async () => {
    const path = await usedStore();
    const module = new URL('../../src/store/store.ts', import.meta.url).href;
    const code = `import(${JSON.stringify(module)}).then((m) => { m.openStore(process.argv[1]); console.log('open'); setInterval(() => {}, 1e6); })`;
    const child = spawn(process.execPath, ['--eval', code, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    expect(refusal(path)).toMatchObject({ trouble: 'in_use' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await openStore(path).close();
  });
});

describe('a store that is opened', () => {
  it('is in WAL mode with every commit on the disk before it is acknowledged', async () => {
    const path = await usedStore();
    const store = openStore(path);
    const look = lookAt(trunk, 7, GOOD);
    await store.record(look, trunk.channel, ruleFor(trunk, look));
    // Another connection sees what was acknowledged at once, in the log beside the file.
    const reader = new Database(path, { readonly: true });
    expect(reader.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(reader.prepare('select count(*) as looks from observation').get()).toEqual({ looks: 2 });
    reader.close();
    await store.close();
    expect(readdirSync(join(path, '..')).sort()).toEqual(['ringback.db', 'ringback.db.lock']);
  });

  it('with a journal that a kill left behind is rolled back, and nothing of it is lost', async () => {
    const path = await usedStore();
    const killed = `${path}.killed`;
    const db = new Database(path);
    db.exec('pragma journal_mode = delete; pragma cache_size = 5; begin');
    db.exec(`insert into evidence (target, at, name, type, text)
      with recursive n (i) as (select 1 union all select i + 1 from n where i < 3000) select 1, i, 'x', 'x', 'x' from n`);
    copyFileSync(path, killed);
    copyFileSync(`${path}-journal`, `${killed}-journal`);
    db.close();
    const store = openStore(killed);
    expect(await store.looksSince(trunk.id, 0)).toBe(1);
    await store.close();
  });

  it('is created whole: a draft that a kill left behind is no hindrance', async () => {
    const path = join(folder(), 'deep', 'er', 'ringback.db');
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(`${path}.new`, 'half');
    await openStore(path).close();
    expect(readdirSync(join(path, '..')).sort()).toEqual(['ringback.db', 'ringback.db.lock']);
  });
});

describe('R-10: migrations', () => {
  const next = [...STEPS, 'create table later (id integer primary key) strict'];

  it('leave a usable copy of the old schema beside the file before the first step', async () => {
    const path = await usedStore();
    await openStore(path, { steps: next }).close();
    expect(refusal(path)).toMatchObject({ trouble: 'newer' });
    const copy = openStore(`${path}.v${STEPS.length}.bak`);
    expect(await copy.looksSince(trunk.id, 0)).toBe(1);
    await copy.close();
  });

  it('that fail half-way are undone as a whole, and taken at the next start', async () => {
    const path = await usedStore();
    const broken = [...STEPS, 'create table later (id integer) strict; insert into nowhere values (1)'];
    expect(() => openStore(path, { steps: broken })).toThrow(/nowhere/);
    const old = openStore(path);
    expect(await old.looksSince(trunk.id, 0)).toBe(1);
    await old.close();
    const migrated = openStore(path, { steps: next });
    expect(await migrated.looksSince(trunk.id, 0)).toBe(1);
    await migrated.close();
  });
});
