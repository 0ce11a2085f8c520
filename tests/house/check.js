// Runs everything that can be checked: the static checks two at a time, then the tests. It knows names, no rules.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

/** Longest first: two at a time then end at about the same moment. */
const CHECKS = ['lint', 'format:check', 'types', 'rooms', 'dead'];
const AT_ONCE = 2;

const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** Runs one script of package.json by its command line: npm in between would cost half a second each time. */
function run(name, { more = [], loud = false } = {}) {
  const startedAt = performance.now();
  const child = spawn(`${scripts[name]} ${more.map((each) => `'${each.replaceAll("'", "'\\''")}'`).join(' ')}`, {
    shell: true,
    stdio: ['ignore', loud ? 'inherit' : 'pipe', loud ? 'inherit' : 'pipe'],
    env: { ...process.env, ...(colour && { FORCE_COLOR: '1' }) },
  });
  const output = [];
  child.stdout?.on('data', (bytes) => output.push(bytes));
  child.stderr?.on('data', (bytes) => output.push(bytes));
  return new Promise((resolve) => {
    child.on('close', (code) => {
      const seconds = (performance.now() - startedAt) / 1000;
      resolve({ name, ok: code === 0, seconds, output: Buffer.concat(output).toString('utf8').trimEnd() });
    });
  });
}

function say({ name, ok, seconds, output }) {
  console.log(
    `${ok ? paint(32, 'ok    ') : paint(31, 'FAILED')} ${name.padEnd(14)} ${seconds.toFixed(1).padStart(5)} s`,
  );
  if (!ok) console.log(`${output}\n${paint(2, `       again: npm run ${name}`)}`);
}

async function staticChecks() {
  const waiting = [...CHECKS];
  const done = [];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const result = await run(next);
      say(result);
      done.push(result);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return done;
}

/** Vitest's own counts, from the report that it writes beside what it prints. */
async function tests(filters) {
  const folder = mkdtempSync(join(tmpdir(), 'ringback-check-'));
  const report = join(folder, 'report.json');
  try {
    const more = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters];
    const result = await run('unit', { more, loud: true });
    const counts = JSON.parse(readFileSync(report, 'utf8'));
    // A file that does not load has no test that failed, but is one failure all the same.
    const broken = counts.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
    const failed = counts.numFailedTests + broken.length;
    return { passed: counts.numPassedTests, failed: failed === 0 && !result.ok ? 1 : failed };
  } catch (error) {
    console.error(`the tests left no report: ${String(error)}`);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const checks = await staticChecks();
const counts = await tests(process.argv.slice(2));
const failed = counts.failed + checks.filter((each) => !each.ok).length;
const summary = `${counts.passed + checks.filter((each) => each.ok).length} passed, ${failed} failed`;
if (process.env.RINGBACK_SUMMARY !== undefined) writeFileSync(process.env.RINGBACK_SUMMARY, `${summary}\n`);
console.log(paint(failed === 0 ? 32 : 31, summary));
process.exitCode = failed === 0 ? 0 : 1;
