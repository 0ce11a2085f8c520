/** Settings of one kind from a command line, as `ringback try` takes them. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printProblem } from '../../src/config/error.ts';
import { parseWith, type Tried, type Try } from '../../src/config/try.ts';
import { Secret } from '../../src/core/secret.ts';
import { fixtures } from '../lib/drawers.ts';

const tried = (kind: string, given: Try, environment: NodeJS.ProcessEnv = {}): Promise<Tried> =>
  parseWith(kind, given, fixtures.probes, environment);

async function settingsOf(given: Try, environment: NodeJS.ProcessEnv = {}): Promise<unknown> {
  const outcome = await tried('knock', given, environment);
  if (!outcome.ok) throw new Error(outcome.problems.map(printProblem).join('\n'));
  return outcome.settings;
}

async function problemsOf(kind: string, given: Try): Promise<string[]> {
  const outcome = await tried(kind, given);
  return outcome.ok ? [] : outcome.problems.map(printProblem);
}

async function fileOf(text: string): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'ringback-try-')), 'with.yaml');
  await writeFile(path, text);
  return path;
}

describe('settings on a command line', () => {
  it('are values as in YAML, below their keys', async () => {
    const pairs = ['address=sip:door.example;transport=tls', 'count=3', 'expect.status=200', 'expect.words=[a, "b=c"]'];
    expect(await settingsOf({ pairs })).toMatchObject({
      address: 'sip:door.example;transport=tls',
      count: 3,
      expect: { status: 200, words: ['a', 'b=c'] },
    });
  });

  it('win over a file, and options win over both', async () => {
    const file = await fileOf('address: a.example\ncount: 2\ntimeout: 9s\nexpect: { status: 200, words: [x] }\n');
    const given = { file, pairs: ['count=5', 'expect.status=204'], timeout: '2s', allowPrivate: true };
    expect(await settingsOf(given)).toMatchObject({
      address: 'a.example',
      count: 5,
      expect: { status: 204, words: ['x'] },
      allow_private: true,
    });
    expect(await tried('knock', given)).toMatchObject({ ok: true, timeoutMs: 2_000 });
    expect(await tried('knock', { file, pairs: [] })).toMatchObject({ ok: true, timeoutMs: 9_000 });
    expect(await tried('knock', { pairs: ['address=a'] })).toMatchObject({ ok: true, timeoutMs: 10_000 });
  });

  it('may refer to a secret, and must where one is wanted', async () => {
    const settings = await settingsOf({ pairs: ['address=a', 'token=env:TOKEN'] }, { TOKEN: 'hunter2' });
    const { token } = settings as { token: unknown };
    expect(token instanceof Secret && token.reveal()).toBe('hunter2');
    const problems = await problemsOf('knock', { pairs: ['address=a', 'token=hunter2'] });
    expect(problems).toEqual(['argument:2:1 token: a secret is given by reference: env:NAME or file:/path']);
  });

  it('are told all their faults, each with the number of the argument or the line of the file', async () => {
    const file = await fileOf('count: 3\nstatu: 1\n');
    const problems = await problemsOf('knock', { file, pairs: ['count=12', 'extension=0800'] });
    expect(problems.map((each) => each.replace(/^.*\//, '')).sort()).toEqual([
      'argument:1:1 address: is required: expected text',
      'argument:1:1 count: must be at most 9',
      'argument:2:1 extension: expected text, but 0800 without quotes is a number: quote it, "0800"',
      'with.yaml:2:1 statu: unknown key; known here: timeout, allow_private, ip, ca, address, extension, count, token, headers, expect, steps',
    ]);
  });

  it('are refused when they are no pairs, no YAML or of no kind', async () => {
    expect(await problemsOf('knock', { pairs: ['address'] })).toEqual([
      'argument:1:1: expected key=value or key.sub=value',
    ]);
    expect((await problemsOf('knock', { pairs: ['address=a', 'expect=[1'] }))[0]).toMatch(/^argument:2:1 expect: /);
    expect((await problemsOf('knock', { pairs: ['address=a', 'address.sub=b'] }))[0]).toContain('single value already');
    expect(await problemsOf('knok', { pairs: [] })).toEqual([
      'argument:1:1: "knok" is none of the kinds: call, knock; did you mean "knock"?',
    ]);
    expect((await problemsOf('knock', { pairs: ['__proto__.polluted=1'] }))[0]).toContain('expected key=value');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
