#!/usr/bin/env node
// The command. It checks the version of Node before anything newer is read, sees to its memory, and knows nothing else.
// The module as a whole: a name that an older Node does not export would be refused before the sentence below is said.
import module from 'node:module';
import { fileURLToPath } from 'node:url';

// A process that runs for months beside others: a little more work for half the memory. None of it can be set once Node runs.
// What a look makes is garbage when it is over. Where V8 took it for long-lived (pretenuring) it lay among the old objects, and
// kept a quarter of all later looks from being collected with it.
const FLAGS = [
  '--expose-gc',
  '--no-concurrent-recompilation',
  '--semi-space-growth-factor=1',
  '--no-allocation-site-pretenuring',
];
const MALLOC = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  console.error(
    `Ringback needs Node.js 24 or newer, this is ${process.versions.node}: install it from https://nodejs.org/, or run "npm ci" here and use "npm start", which brings its own.`,
  );
  process.exitCode = 2;
} else {
  const { execArgv, execPath } = process;
  // The same process, begun anew with them; not everywhere can one do that.
  if (process.platform !== 'win32' && !FLAGS.every((flag) => execArgv.includes(flag)))
    process.execve?.(execPath, [execPath, ...execArgv, ...FLAGS, ...process.argv.slice(1)], {
      ...process.env,
      ...MALLOC,
    });
  // From the second start on the reader of TypeScript is not needed. In our own folder: one in /tmp could be anybody's.
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/ringback', import.meta.url)));
  const { run } = await import('./cli.ts');
  module.flushCompileCache();
  await run(process.argv);
}
