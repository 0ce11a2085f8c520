/** How the tests run: which files, how many at once and how long each may take. */
import { defineConfig } from 'vitest/config';

const root = new URL('../../', import.meta.url).pathname;

export default defineConfig({
  root,
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/bench/**'],
    benchmark: { include: ['tests/bench/**/*.bench.ts'] },
    // A process each: signals, kill -9 and handles left open are what several of these tests are about.
    pool: 'forks',
    maxWorkers: 2,
    // Tests that mostly wait, each with a network of its own.
    maxConcurrency: 10,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
