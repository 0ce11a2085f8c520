/** Disks that tear, lie, fill up and go away, and kills while the store tidies, copies or migrates itself. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { STEPS } from '../../src/store/migrations.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { figure, rounds } from '../lib/figures.ts';
import { BAD, folder, GOOD, lookAt, MINUTE, MORNING, ruleFor, targetOf, tell } from '../lib/ledger.ts';
import { idleBeside, watchLoop } from '../lib/loop.ts';
import { describeWith, ROOT } from '../lib/needs.ts';
import { filled } from '../lib/oldstore.ts';
import { LATER, type Deed } from './writer.ts';

const CHILD = fileURLToPath(new URL('writer.ts', import.meta.url));
const trunk = targetOf();
/** On a machine of its own; in the middle of other tests, and of others' work, more is allowed. */
const STALL_MS = Number(process.env['STALL_MS'] ?? 500);
const OLD = { observationsMs: 1, evidenceMs: 1, rollupsMs: 1e13 };

interface Ended {
  readonly code: number | string;
  readonly lines: readonly string[];
  /** What it said on its standard error. */
  readonly complaint: string;
}

async function live(path: string, deed: Deed, before: readonly string[] = [], killAfterMs?: number): Promise<Ended> {
  const line = [...before, process.execPath, CHILD, path, JSON.stringify(deed)];
  const child = spawn(line[0] ?? '', line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString();
    if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  });
  let complaint = '';
  child.stderr.on('data', (bytes: Buffer) => {
    complaint += bytes.toString();
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code: signal ?? code ?? 0, lines: said.trim().split('\n'), complaint };
}

function ask(path: string, sql: string): unknown {
  // A journal that a kill left behind is undone first, which takes more than reading.
  const db = new Database(path, { readonly: !existsSync(`${path}-journal`) });
  try {
    return db.prepare(sql).pluck().get();
  } finally {
    db.close();
  }
}

const slots = (lines: readonly string[]): number[] =>
  lines.filter((line) => line.startsWith('ack ')).map((line) => Number(line.split(' ')[1]));

function lostIn(path: string, acknowledged: readonly number[]): number[] {
  const db = new Database(path, { readonly: true });
  const there = new Set(db.prepare('select slot_at from observation').pluck().all());
  db.close();
  return acknowledged.filter((each) => !there.has(each));
}

describeWith(
  { strace: 'strace' },
  'R-3: an acknowledgement comes after the disk has said that it has everything',
  () => {
    const looks = rounds('R3', 60);

    /** Acknowledgements with something written to the log that no fdatasync has covered yet. */
    async function early(deed: Deed): Promise<{ early: number; acknowledged: number }> {
      const home = folder();
      const trace = join(home, 'trace');
      const calls = 'trace=write,pwrite64,fdatasync,fsync';
      await live(join(home, 'ringback.db'), deed, ['strace', '-y', '-e', calls, '-o', trace]);
      let isDirty = false;
      const found = { early: 0, acknowledged: 0 };
      for (const line of readFileSync(trace, 'utf8').split('\n')) {
        if (/^p?write(?:64)?\(\d+<[^>]*-wal>/.test(line)) isDirty = true;
        else if (/^f(?:data)?sync\(\d+<[^>]*-wal>\)\s+= 0/.test(line)) isDirty = false;
        else if (/^write\(1<[^>]*>, "ack /.test(line)) {
          found.acknowledged += 1;
          if (isDirty) found.early += 1;
        }
      }
      return found;
    }

    it(`${looks} times of ${looks}`, async () => {
      expect(await early({ kind: 'write', looks })).toEqual({ early: 0, acknowledged: looks });
      figure('R-3', { acknowledged: looks, 'before the disk had them': 0 });
    }, 900_000);

    it('and this test would notice if it did not', async () => {
      const loose = await early({ kind: 'write loosely', looks: 20 });
      expect(loose.early).toBeGreaterThan(15);
    });
  },
);

describe('R-4: a log that is torn or has a bit flipped', () => {
  const variants = rounds('R4', 60);

  it(`${variants} variants: opens, and what is there is the beginning of the story without a gap`, async () => {
    const home = folder();
    const path = join(home, 'ringback.db');
    const child = await live(path, { kind: 'write', looks: 1e6 }, [], 400);
    expect(child.code).toBe('SIGKILL');
    const log = readFileSync(`${path}-wal`);
    const written = Number(ask(path, 'select count(*) from observation'));
    const counts = new Set<number>();
    for (let round = 0; round < variants; round += 1) {
      const copy = join(home, `v${round}.db`);
      copyFileSync(path, copy);
      writeFileSync(`${copy}-wal`, damaged(log, round));
      const store = openStore(copy);
      const seen = (await store.observations(trunk.id, 0, Infinity, 1e6)).map((each) => each.slotAt);
      await store.close();
      expect(seen).toEqual(seen.map((_, index) => MORNING + index * MINUTE));
      expect(ask(copy, 'pragma integrity_check')).toBe('ok');
      counts.add(seen.length);
      for (const suffix of ['', '-wal', '-shm', '.lock']) rmSync(`${copy}${suffix}`, { force: true });
    }
    // The damage was damage: some variants have less than all.
    expect(Math.min(...counts)).toBeLessThan(written);
    figure('R-4', { variants, looks: written, 'different ends': counts.size, violations: 0 });
  }, 3_600_000);

  function damaged(log: Buffer, round: number): Buffer {
    const at = Math.floor(Math.random() * log.length);
    if (round % 2 === 0) return log.subarray(0, at);
    const flipped = Buffer.from(log);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (round % 8));
    return flipped;
  }
});

async function countOf(store: Store): Promise<number> {
  const rows = await store.rollups(trunk.id, 'day', 0, 1e15);
  return rows.reduce((all, { looks }) => all + looks.ok + looks.degraded + looks.failed + looks.unknown, 0);
}

describe('R-5: a kill', () => {
  const kills = rounds('R5', 3);

  it(`while old looks are added up and dropped, ${kills} times: every look is counted once`, async () => {
    const path = join(folder(), 'ringback.db');
    const looks = 9_000;
    filled(path, looks);
    const acknowledged = new Set<number>();
    for (let round = 0; round < kills; round += 1) {
      const { code, lines } = await live(path, {
        kind: 'prune',
        slice: 1 + ((round * 4) % 20),
        // Each round looks anew: a look that was dropped for its age is not known again.
        first: 1e7 + round * 100,
      });
      expect(code).toBe('SIGKILL');
      for (const slot of slots(lines)) acknowledged.add(slot);
      expect(ask(path, 'pragma integrity_check')).toBe('ok');
    }
    const store = openStore(path);
    expect(await countOf(store)).toBe(looks + acknowledged.size);
    await store.prune(MORNING + 1e12, OLD);
    expect(await countOf(store)).toBe(looks + acknowledged.size);
    expect(await store.observations(trunk.id, 0, Infinity, 99)).toHaveLength(1);
    await store.close();
    figure('R-5', { 'kills mid-prune': kills, looks: looks + acknowledged.size, 'lost or counted twice': 0 });
  }, 1_800_000);

  it(`while a copy is made, ${kills} times: no half copy has the name of a whole one`, async () => {
    const home = folder();
    const path = join(home, 'ringback.db');
    const to = join(home, 'copy.db');
    filled(path, 20_000);
    for (let round = 0; round < kills; round += 1) {
      expect(await live(path, { kind: 'backup', to, step: 1 + (round % 4) })).toMatchObject({ code: 'SIGKILL' });
      expect(existsSync(to)).toBe(false);
    }
    const store = openStore(path);
    await store.backup(to);
    await store.close();
    expect(ask(to, 'select count(*) from observation')).toBe(20_000);
    expect(ask(to, 'pragma integrity_check')).toBe('ok');
    figure('R-5', { 'kills mid-backup': kills, 'half copies': 0 });
  }, 1_800_000);
});

describe('R-10: a migration', () => {
  const looks = rounds('R10_LOOKS', 30_000);
  const kills = rounds('R10', 4);

  for (const version of STEPS.keys().drop(1)) {
    it(`from schema ${version} with ${looks} looks is over within a minute and loses none`, async () => {
      const path = join(folder(), 'ringback.db');
      filled(path, looks, version);
      const begun = performance.now();
      const store = openStore(path);
      const ms = Math.round(performance.now() - begun);
      expect(ms).toBeLessThan(60_000);
      expect(await store.looksSince(trunk.id, 0)).toBe(looks);
      await store.close();
      expect(ask(`${path}.v${version}.bak`, 'select count(*) from observation')).toBe(looks);
      figure('R-10', { 'from schema': version, looks, lost: 0, ms });
    }, 300_000);
  }

  it(`R-5: that is killed ${kills} times at random goes on where it was, and the copy of before can be used`, async () => {
    const path = join(folder(), 'ringback.db');
    filled(path, looks);
    const kinds = new Set<number | string>();
    for (let round = 0; round < kills; round += 1) {
      kinds.add((await live(path, { kind: 'migrate' }, [], round === 0 ? 5 : (Math.random() * looks) / 600)).code);
      expect(ask(path, 'select count(*) from observation')).toBe(looks);
    }
    expect(kinds).toContain('SIGKILL');
    const store = openStore(path, { steps: LATER });
    expect(await store.looksSince(trunk.id, 0)).toBe(looks);
    await store.close();
    expect(ask(path, 'select count(later) from observation')).toBe(looks);
    expect(ask(path, 'select count(*) from later')).toBe(looks);
    const copy = openStore(`${path}.v${STEPS.length}.bak`);
    expect(await copy.looksSince(trunk.id, 0)).toBe(looks);
    await copy.close();
    expect(() => openStore(path)).toThrow(/newer Ringback/);
    figure('R-10 R-5', { 'kills mid-migration': kills, looks, lost: 0 });
  }, 3_600_000);
});

describe('R-33: dropping what is old', () => {
  const looks = rounds('R33_LOOKS', 100_000);
  const targets = 50;

  it(`of ${looks} looks never holds up the loop for long, while looks go on, and gives the room back`, async () => {
    const home = folder();
    const path = join(home, 'ringback.db');
    filled(path, looks, STEPS.length, targets);
    // Read from end to end before, not beside: that is a reader, and lets the log grow while it lasts.
    const store = openStore(path, { checkUpToBytes: Infinity });
    const before = store.bytes();
    const most = { bytes: 0, log: 0 };
    let next = 1e7;
    const looking = setInterval(() => {
      const look = lookAt(trunk, (next += 1), GOOD);
      void store.record(look, trunk.channel, ruleFor(trunk, look));
      most.bytes = Math.max(most.bytes, store.bytes());
      most.log = Math.max(most.log, statSync(`${path}-wal`).size);
    }, 5);
    const beside = await idleBeside(home);
    const cpu = process.cpuUsage();
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const loop = watchLoop();
    const pruned = await store.prune(MORNING + (looks / targets) * MINUTE + 1e12, OLD);
    const { stallMs, workMs } = loop.end();
    delay.disable();
    const { user, system } = process.cpuUsage(cpu);
    const idleMs = await beside.end();
    clearInterval(looking);
    await store.close();
    figure('R-33', {
      looks,
      'stall ms': Math.round(stallMs),
      'of it work ms': Math.round(workMs),
      'p99 of the delay ms': (delay.percentile(99) / 1e6).toFixed(1),
      'an idle process ms': Math.round(idleMs),
      slices: pruned.slices,
      'rows a slice': Math.round((pruned.rolled + pruned.observations) / pruned.slices),
      'us a look': ((user + system) / looks).toFixed(1),
      'bytes before': before,
      most: most.bytes,
      log: most.log,
      after: statSync(path).size,
    });
    // Its newest look stays of each target, and what came meanwhile.
    expect(ask(path, 'select count(*) from observation')).toBeLessThanOrEqual(targets + (next - 1e7));
    const summed = ask(path, 'select sum(ok + degraded + failed + unknown) from rollup where span = 2');
    expect(summed).toBeGreaterThanOrEqual(looks);
    expect(workMs).toBeLessThan(100);
    expect(stallMs).toBeLessThan(Math.max(STALL_MS, 2 * idleMs));
    expect(ask(path, 'pragma freelist_count')).toBeLessThan(64);
    expect(most.bytes).toBeLessThan(before * 1.2 + 32 * 2 ** 20);
    expect(most.log).toBeLessThan(16 * 2 ** 20);
  }, 14_400_000);
});

const MOUNT = { mount: 'mount', umount: 'mount', ...ROOT };

describeWith(MOUNT, 'R-34: a disk that is full', () => {
  const sizes = rounds('R34', 2);
  const KIB = 1_024;

  /** A small disk of its own, always taken away again. */
  function disk(kib: number): string {
    const at = join(folder(), 'disk');
    mkdirSync(at);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'none', at]);
    onTestFinished(() => {
      execFileSync('umount', ['--lazy', at]);
    });
    return at;
  }

  /** Everything that is free but `leave` bytes. The store may be writing, too: what is free is known when there is no more. */
  function fill(at: string, leave: number): void {
    const file = openSync(join(at, 'filler'), 'w');
    const block = Buffer.alloc(64 * KIB, 1);
    let bytes = 0;
    try {
      for (;;) bytes += writeSync(file, block);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    }
    ftruncateSync(file, Math.max(0, bytes - leave));
    closeSync(file);
  }

  for (let index = 0; index < sizes; index += 1) {
    const leave = index * 4 * KIB + (index % 3) * 24;
    it(`with ${leave} bytes left: alerts go on, history waits, and all of it is written when there is room`, async () => {
      const at = disk(6_144);
      const isFull: boolean[] = [];
      const path = join(at, 'ringback.db');
      const store = openStore(path, { ballastBytes: 512 * KIB, onFull: (each) => isFull.push(each) });
      await tell(store, trunk, [GOOD, GOOD]);
      const ballast = () => statSync(`${path}.ballast`, { throwIfNoEntry: false })?.blocks ?? 0;
      await expect.poll(() => ballast() * 512, { timeout: 10_000 }).toBeGreaterThanOrEqual(512 * KIB);
      fill(at, leave);
      const story = Array.from({ length: 300 }, (_, minute) => (minute < 200 ? GOOD : BAD));
      await tell(store, trunk, story, 2);
      expect(isFull).toEqual([true]);
      expect(existsSync(`${path}.ballast`)).toBe(false);
      const [due] = await store.due(MORNING + 1e9, 9, []);
      expect(due?.message.event).toBe('opened');
      await store.settle(due?.key ?? '', { kind: 'sent', detail: 'ok' }, MORNING + 1e9);
      expect((await store.health())[0]?.health.phase).toBe('down');
      rmSync(join(at, 'filler'));
      await expect.poll(() => isFull, { timeout: 10_000 }).toEqual([true, false]);
      await expect.poll(() => store.looksSince(trunk.id, 0), { timeout: 10_000 }).toBe(302);
      expect(existsSync(`${path}.ballast`)).toBe(true);
      await store.close();
      expect(ask(path, 'pragma integrity_check')).toBe('ok');
      figure('R-34', { 'bytes left': leave, exits: 0, lost: 0 });
    }, 120_000);
  }
});

describeWith({ strace: 'strace' }, 'R-35: a disk that fails', () => {
  const tries = rounds('R35', 3);
  const calls = [
    ['fsync', 'EIO'],
    ['pwrite64', 'EIO'],
    ['pwrite64', 'ENOSPC'],
  ] as const;

  /** Which of the calls fails: in the few rounds of each time two that belong to recording; else from the very first on. */
  const places = (call: string): number[] =>
    tries < 10 ? (call === 'fsync' ? [4, 12] : [45, 60]) : Array.from({ length: tries }, (_, index) => index + 1);

  for (const [call, error] of calls) {
    const tried = places(call);
    it(`${error} of ${call}, once, at ${tried.length} places: nothing is acknowledged that is not there`, async () => {
      const counted = { places: tried.length, refused: 0, mended: 0, lost: 0 };
      for (const when of tried) {
        const path = join(folder(), 'ringback.db');
        await openStore(path).close();
        const trace = `${path}.trace`;
        const inject = `inject=${call}:error=${error}:when=${when}`;
        const before = ['strace', '-y', '-o', trace, '-e', 'trace=fsync,pwrite64', '-e', inject];
        const { code, lines, complaint } = await live(path, { kind: 'write', looks: 40 }, before);
        if (code !== 0) {
          // The first ones belong to opening, which says in words what is wrong.
          expect(complaint).toMatch(/StoreError: .* cannot be written \(SQLITE_/);
          expect(slots(lines)).toEqual([]);
          counted.refused += 1;
          continue;
        }
        expect(slots(lines)).toHaveLength(40);
        expect(lostIn(path, slots(lines))).toEqual([]);
        expect(lines.filter((line) => line.endsWith('nothing'))).toEqual([]);
        expect(ask(path, 'select count(*) from incident')).toBeGreaterThan(0);
        if (!lines.some((line) => line.startsWith('trouble SQLITE_'))) continue;
        counted.mended += 1;
        if (call === 'fsync') expectRewritten(readFileSync(trace, 'utf8'));
      }
      figure('R-35', { [`${error} of ${call}`]: '', ...counted });
      expect(counted.mended).toBeGreaterThan(0);
    }, 3_600_000);
  }

  /** After the sync that failed the file itself was synced: what the log said was written once more. */
  function expectRewritten(trace: string): void {
    const failed = trace.search(/fsync\(\d+<[^>]*>\)\s+= -1 EIO/);
    expect(failed).toBeGreaterThan(0);
    expect(trace.slice(failed)).toMatch(/fsync\(\d+<[^>]*\.db>\)\s+= 0/);
  }
});

describeWith({ chattr: 'e2fsprogs', ...ROOT }, 'R-36: a disk that may only be read', () => {
  it('keeps answering, writes what waited as soon as it may, and says which trouble it is', async () => {
    const home = folder();
    const path = join(home, 'ringback.db');
    const troubles: string[] = [];
    const store = openStore(path, { onTrouble: (code) => troubles.push(code) });
    await tell(store, trunk, [GOOD]);
    const parts = [path, `${path}-wal`, home];
    execFileSync('chattr', ['+i', ...parts]);
    const free = (): void => {
      execFileSync('chattr', ['-i', home, ...parts.filter((each) => existsSync(each))]);
    };
    onTestFinished(free);
    const waiting = tell(store, trunk, [BAD, BAD], 1);
    await expect.poll(() => troubles.some((code) => code.startsWith('SQLITE_READONLY'))).toBe(true);
    expect((await store.health())[0]?.health.phase).toBe('up');
    expect(store.waiting()).toBe(1);
    free();
    expect((await waiting).map((each) => each?.health.phase)).toEqual(['pending', 'down']);
    const look = lookAt(trunk, 9, GOOD);
    expect(await store.record(look, trunk.channel, ruleFor(trunk, look))).toBeDefined();
    await store.close();
    expect(ask(path, 'select count(*) from observation')).toBe(4);
  });

  it('is refused at the start, in words', async () => {
    const home = folder();
    const path = join(home, 'ringback.db');
    await openStore(path).close();
    execFileSync('chattr', ['+i', home, path]);
    onTestFinished(() => {
      execFileSync('chattr', ['-i', home, path]);
    });
    expect(() => openStore(path)).toThrow(/cannot be written .*check the folder, its owner and the disk/);
  });
});
