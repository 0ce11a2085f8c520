#!/usr/bin/env node
// The command. It checks the version of Node before anything newer is read, and knows nothing else.
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  console.error(
    `Ringback needs Node.js 24 or newer, this is ${process.versions.node}: install it from https://nodejs.org/, or run "npm ci" here and use "npm start", which brings its own.`,
  );
  process.exitCode = 2;
} else {
  const { run } = await import('./cli.ts');
  await run(process.argv);
}
