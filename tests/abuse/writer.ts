/** A child that records looks one after the other and says each on its standard output once it is acknowledged. */
import { writeSync } from 'node:fs';
import Database from 'better-sqlite3';
import { STEPS } from '../../src/store/migrations.ts';
import { openStore } from '../../src/store/store.ts';
import { findingAt, RECEIVERS } from './crash.ts';
import { lookAt, MORNING, ruleFor, targetOf } from '../lib/story.ts';

export type Deed =
  | { readonly kind: 'write'; readonly looks: number }
  /** Says so although the disk may not have it: what a test of the order has to find out. */
  | { readonly kind: 'write loosely'; readonly looks: number }
  /** Adds up and drops everything old; killed by a rule in the middle of its `slice`-th transaction. */
  | { readonly kind: 'prune'; readonly slice: number; readonly first: number }
  | { readonly kind: 'backup'; readonly to: string; readonly step: number }
  | { readonly kind: 'migrate' };

function say(words: string): void {
  writeSync(1, `${words}\n`);
}

/** Steps of a later version, slow enough to be killed in. */
export const LATER: readonly string[] = [
  ...STEPS,
  'alter table observation add column later integer; update observation set later = at',
  'create table later (at integer) strict; insert into later select later from observation',
];

const target = targetOf();

async function write(path: string, looks: number): Promise<void> {
  const store = openStore(path, {
    lingerMs: 0,
    onTrouble: (code) => {
      say(`trouble ${code}`);
    },
  });
  const known = await store.observations(target.id, 0, Infinity, 1e6);
  for (let step = known.length; step < known.length + looks; step += 1) {
    const look = lookAt(target, step, findingAt(step));
    const ruling = await store.record(look, target.channel, ruleFor(target, look, RECEIVERS));
    say(`ack ${look.slotAt} ${ruling?.health.phase ?? 'nothing'}`);
  }
  await store.close();
}

function writeLoosely(path: string, looks: number): void {
  const db = new Database(path);
  db.pragma('journal_mode = wal');
  db.pragma('synchronous = normal');
  db.exec('create table look (at integer)');
  const insert = db.prepare('insert into look values (?)');
  for (let step = 0; step < looks; step += 1) {
    insert.run(step);
    say(`ack ${step}`);
  }
  db.close();
}

async function prune(path: string, slice: number, first: number): Promise<void> {
  const store = openStore(path, { lingerMs: 0 });
  const pruning = store.prune(MORNING + 1e12, { observationsMs: 1, evidenceMs: 1, rollupsMs: 1e13 });
  for (let step = 0; step <= slice; step += 1) {
    const look = lookAt(target, first + step, findingAt(step));
    await store.record(look, target.channel, (standing) => {
      if (step === slice) process.kill(process.pid, 'SIGKILL');
      return ruleFor(target, look)(standing);
    });
    say(`ack ${look.slotAt}`);
  }
  await pruning;
}

async function backup(path: string, to: string, step: number): Promise<void> {
  let steps = 0;
  const store = openStore(path);
  const onProgress = (): void => {
    steps += 1;
    if (steps === step) process.kill(process.pid, 'SIGKILL');
  };
  await store.backup(to, { onProgress });
  await store.close();
}

async function run(path: string, deed: Deed): Promise<void> {
  switch (deed.kind) {
    case 'write':
      return write(path, deed.looks);
    case 'write loosely':
      writeLoosely(path, deed.looks);
      return undefined;
    case 'prune':
      return prune(path, deed.slice, deed.first);
    case 'backup':
      return backup(path, deed.to, deed.step);
    case 'migrate':
      say('ready');
      return openStore(path, { steps: LATER }).close();
  }
}

if (import.meta.main) await run(process.argv[2] ?? '', JSON.parse(process.argv[3] ?? '{}') as Deed);
