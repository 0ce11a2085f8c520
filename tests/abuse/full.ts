/** The full figures of the store, before a release: hours, not minutes. Run it with `node tests/abuse/full.ts [R-33 …]`. */
import { spawnSync } from 'node:child_process';

/** By id: the tests in which it is, and its figures. */
const FIGURES: Readonly<Record<string, { readonly files: readonly string[]; readonly env: Record<string, string> }>> = {
  'R-1': { files: ['tests/abuse/crash.test.ts'], env: { CRASH_ROUNDS: '1000' } },
  'R-3': { files: ['tests/abuse/storage.test.ts'], env: { R3_ROUNDS: '1000' } },
  'R-4': { files: ['tests/abuse/storage.test.ts'], env: { R4_ROUNDS: '10000' } },
  'R-5': {
    files: ['tests/abuse/storage.test.ts', 'tests/abuse/crash.test.ts'],
    env: { R5_ROUNDS: '100', CRASH_ROUNDS: '1000' },
  },
  'R-6': {
    files: ['tests/shell/storefile.test.ts', 'tests/shell/store.test.ts', 'tests/abuse/crash.test.ts'],
    env: { CRASH_ROUNDS: '1000' },
  },
  'R-8': { files: ['tests/abuse/crash.test.ts', 'tests/shell/store.test.ts'], env: { R8_ROUNDS: '200' } },
  'R-9': { files: ['tests/shell/backup.test.ts'], env: { R9_ROUNDS: '50', STALL_MS: '100' } },
  'R-10': { files: ['tests/abuse/storage.test.ts'], env: { R10_ROUNDS: '100', R10_LOOKS_ROUNDS: '1000000' } },
  'R-33': { files: ['tests/abuse/storage.test.ts'], env: { R33_LOOKS_ROUNDS: '50000000', STALL_MS: '100' } },
  'R-34': { files: ['tests/abuse/storage.test.ts'], env: { R34_ROUNDS: '20' } },
  'R-35': { files: ['tests/abuse/storage.test.ts'], env: { R35_ROUNDS: '50' } },
  'R-36': { files: ['tests/abuse/storage.test.ts'], env: {} },
  'R-37': { files: ['tests/shell/store.test.ts'], env: {} },
  'R-38': { files: ['tests/shell/storefile.test.ts'], env: {} },
};

const asked = process.argv.slice(2);
const ids = asked.length > 0 ? asked : Object.keys(FIGURES);
const failed: string[] = [];
for (const [index, id] of ids.entries()) {
  const figure = FIGURES[id];
  if (figure === undefined) throw new Error(`${id} is none of ${Object.keys(FIGURES).join(' ')}`);
  const begun = performance.now();
  console.log(`${index + 1} of ${ids.length}: ${id} ${JSON.stringify(figure.env)}`);
  // Only the tests that carry this id: R-3 is not R-33.
  const only = ['--testNamePattern', `${id}(?!\\d)`];
  const command = ['vitest', 'run', '--config', 'tests/house/vitest.config.ts', ...figure.files, ...only];
  const { status } = spawnSync('npx', command, {
    stdio: 'inherit',
    env: { ...process.env, ...figure.env, RINGBACK_PEERS: 'required' },
  });
  if (status !== 0) failed.push(id);
  console.log(
    `${id}: ${status === 0 ? 'ok' : 'FAILED'} after ${((performance.now() - begun) / 60_000).toFixed(1)} min`,
  );
}
console.log(failed.length === 0 ? `all ${ids.length} hold` : `failed: ${failed.join(' ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
