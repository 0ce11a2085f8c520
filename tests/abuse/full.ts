/**
 * The full figures of the store, before a release: `node tests/abuse/full.ts [R-33 …]`; on a quiet machine about two hours.
 * It prints what each test counted, a table at the end, and fails when one of them does not hold.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

interface Figure {
  readonly files: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const CRASH = 'tests/abuse/crash.test.ts';
const STORAGE = 'tests/abuse/storage.test.ts';
const BACKUP = 'tests/shell/backup.test.ts';
const STORE = 'tests/shell/store.test.ts';
const FILE = 'tests/shell/storefile.test.ts';
/** What a quiet machine is held to. */
const QUIET = { STALL_MS: '100' };

/** By id: the tests in which it is, and its figures. */
const FIGURES: Readonly<Record<string, Figure>> = {
  // R-2 is told by the same kills.
  'R-1': { files: [CRASH], env: { R1_ROUNDS: '1000' } },
  'R-3': { files: [STORAGE], env: { R3_ROUNDS: '1000' } },
  // What is damaged is the log that is read: no disk has a part in it.
  'R-4': { files: [STORAGE], env: { R4_ROUNDS: '10000', TMPDIR: '/dev/shm' } },
  'R-5': { files: [CRASH, STORAGE], env: { R5_ROUNDS: '100', R10_ROUNDS: '100' } },
  'R-6': { files: [FILE, STORE, CRASH] },
  'R-8': { files: [CRASH, STORE], env: { R8_ROUNDS: '200' } },
  'R-9': { files: [BACKUP], env: { R9_ROUNDS: '50', ...QUIET } },
  'R-10': { files: [STORAGE, FILE], env: { R10_ROUNDS: '100', R10_LOOKS_ROUNDS: '1000000' } },
  'R-33': { files: [STORAGE], env: { R33_LOOKS_ROUNDS: '50000000', ...QUIET } },
  'R-34': { files: [STORAGE], env: { R34_ROUNDS: '20' } },
  'R-35': { files: [STORAGE], env: { R35_ROUNDS: '50' } },
  'R-36': { files: [STORAGE] },
  'R-37': { files: [STORE], env: { R37_MS_ROUNDS: '10000' } },
  'R-38': { files: [FILE] },
};

interface Outcome {
  readonly id: string;
  readonly holds: boolean;
  readonly seconds: number;
  readonly counted: readonly string[];
}

/** Only the tests that carry the id (R-3 is not R-33), each with nothing beside it. */
async function run(id: string, { files, env }: Figure): Promise<Outcome> {
  const begun = performance.now();
  const only = ['--testNamePattern', `${id}(?!\\d)`, '--no-file-parallelism'];
  const child = spawn('npx', ['vitest', 'run', '--config', 'tests/house/vitest.config.ts', ...files, ...only], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env, RINGBACK_PEERS: 'required' },
  });
  const counted: string[] = [];
  createInterface(child.stdout).on('line', (line) => {
    console.log(line);
    const found = /figure (?<words>.+)$/.exec(line)?.groups?.['words'];
    if (found !== undefined) counted.push(found);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { id, holds: code === 0, seconds: Math.round((performance.now() - begun) / 1_000), counted };
}

const asked = process.argv.slice(2);
const outcomes: Outcome[] = [];
for (const id of asked.length > 0 ? asked : Object.keys(FIGURES)) {
  const figure = FIGURES[id];
  if (figure === undefined) throw new Error(`${id} is none of ${Object.keys(FIGURES).join(' ')}`);
  console.log(`${id} ${JSON.stringify(figure.env ?? {})}`);
  outcomes.push(await run(id, figure));
}
for (const { id, holds, seconds, counted } of outcomes) {
  console.log(`${id} ${holds ? 'holds' : 'DOES NOT HOLD'}, ${seconds} s`);
  for (const words of counted) console.log(`    ${words}`);
}
process.exitCode = outcomes.every(({ holds }) => holds) ? 0 : 1;
