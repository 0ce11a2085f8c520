/** What happens where a program is missing: a line that names the package, and a failure where peers are required. */
import { expect, it } from 'vitest';
import { verdictOn } from '../lib/needs.ts';

const NOWHERE = { 'no-such-program': 'no-such-package', 'no-such-twin': 'no-such-package', '/nowhere/file': 'other' };

it('runs what has all that it needs, required or not', () => {
  const needs = { [process.execPath]: 'node', sh: 'dash' };
  expect(verdictOn(needs, 'a test', true)).toEqual({ kind: 'run' });
  expect(verdictOn(needs, 'a test', false)).toEqual({ kind: 'run' });
});

it('skips where something is missing, in one line that names each package once', () => {
  const verdict = verdictOn(NOWHERE, 'a test', false);
  expect(verdict).toMatchObject({ kind: 'skip' });
  expect(verdict.kind !== 'run' && verdict.line).toMatch(/^a test: needs no-such-package other /);
});

it('fails where something is missing and peers are required', () => {
  expect(verdictOn(NOWHERE, 'a test', true)).toMatchObject({ kind: 'fail' });
});
