/** Opening a store: what is refused, in which words, and that a refused file is left as it is.. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { StoreError } from '../../src/store/error.ts';
import type { Broken } from '../../src/store/file.ts';
import { STEPS } from '../../src/store/migrations.ts';
import { openStore } from '../../src/store/store.ts';
import { folder, GOOD, lookAt, ruleFor, targetOf, tell } from '../lib/ledger.ts';

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
