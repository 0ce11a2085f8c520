/** Every house rule, seeded once: what breaks it is refused, what keeps it is not. It knows the rules, not our code. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ESLint } from 'eslint';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import rooms, { LIBRARIES } from './rooms.config.js';

/** The first file that is linted with its types takes as long as reading all of them. */
vi.setConfig({ testTimeout: 120_000 });

const ROOT = new URL('../../', import.meta.url).pathname;
const SAYS = '/** A seed of the tests, which exists nowhere. */\n';
/** Files that the seeds pretend to be; none of them exists, so they are type-checked outside the project. */
const SEEDS = ['src/core/seed.ts', 'src/seed.ts', 'src/config/seed.ts', 'probes/seed.ts', 'tests/house/seed.test.ts'];

describe('lint', () => {
  const eslint = new ESLint({
    cwd: ROOT,
    overrideConfigFile: 'tests/house/eslint.config.js',
    overrideConfig: [
      {
        files: ['**/*.ts'],
        languageOptions: {
          parserOptions: { projectService: { allowDefaultProject: SEEDS, defaultProject: 'tsconfig.json' } },
        },
      },
    ],
  });
  const complaints = async (filePath: string, code: string): Promise<(string | null)[]> => {
    const [result] = await eslint.lintText(code, { filePath });
    return (result?.messages ?? []).map((each) => each.ruleId ?? `parser: ${each.message}`);
  };

  it.each<[rule: string, file: string, code: string]>([
    ['no-restricted-properties', 'src/core/seed.ts', 'export const now = Date.now();'],
    ['no-restricted-syntax', 'src/core/seed.ts', 'export const now = new Date();'],
    ['no-restricted-syntax', 'src/core/seed.ts', 'export const now = Date();'],
    ['no-restricted-syntax', 'src/core/seed.ts', 'export const then = new Date(2026, 10, 22);'],
    ['no-restricted-syntax', 'src/core/seed.ts', 'export const hour = (at: Date): number => at.getHours();'],
    [
      'no-restricted-syntax',
      'src/core/seed.ts',
      "import { Temporal } from 'temporal-polyfill';\nexport const now = Temporal.Now.instant();",
    ],
    ['no-restricted-syntax', 'src/core/seed.ts', 'export const zone = new Intl.NumberFormat().resolvedOptions();'],
    ['no-restricted-syntax', 'src/core/seed.ts', "export const late = import('./model.ts');"],
    ['no-restricted-properties', 'src/core/seed.ts', 'export const dice = Math.random();'],
    ['no-restricted-globals', 'src/core/seed.ts', 'export const home = process.cwd();'],
    ['no-restricted-globals', 'src/core/seed.ts', 'setTimeout(() => undefined, 1);'],
    ['no-restricted-globals', 'src/core/seed.ts', "export const page = fetch('http://127.0.0.1/');"],
    ['no-restricted-globals', 'src/core/seed.ts', "console.log('here');"],
    ['no-restricted-globals', 'src/core/seed.ts', 'export const at = performance.now();'],
    ['no-restricted-globals', 'src/core/seed.ts', 'export const id = crypto.randomUUID();'],
    ['no-restricted-globals', 'src/core/seed.ts', 'export const clock = globalThis.Date;'],
    [
      'no-restricted-imports',
      'src/core/seed.ts',
      "import { hostname } from 'node:os';\nexport const here = hostname();",
    ],
    ['no-restricted-properties', 'probes/seed.ts', 'export const tag = Math.random();'],
    ['no-restricted-properties', 'src/seed.ts', "export const token = process.env['TOKEN'];"],
    ['no-console', 'src/seed.ts', "console.log('here');"],
    ['no-restricted-syntax', 'src/seed.ts', 'export default 1;'],
    ['house/first-line', 'src/seed.ts', 'export const one = 1;\n/** Too late to say what this file knows. */'],
    ['house/first-line', 'src/seed.ts', '// seed\nexport const one = 1;'],
    ['max-lines-per-function', 'src/seed.ts', `export function long(): void {${'\n  void 0;'.repeat(80)}\n}`],
    ['max-lines', 'src/seed.ts', `export {};${'\n'.repeat(450)}`],
    ['@typescript-eslint/no-explicit-any', 'src/seed.ts', 'export const all = (one: any): unknown => one;'],
    [
      '@typescript-eslint/no-non-null-assertion',
      'src/seed.ts',
      'export const one = (all: number[]): number => all[0]!;',
    ],
    [
      '@typescript-eslint/no-floating-promises',
      'src/seed.ts',
      'export const later = async (): Promise<void> => Promise.resolve();\nlater();',
    ],
    [
      '@typescript-eslint/switch-exhaustiveness-check',
      'src/seed.ts',
      "export function word(kind: 'ok' | 'failed'): void {\n  switch (kind) {\n    case 'ok':\n      break;\n  }\n}",
    ],
    ['no-restricted-syntax', 'tests/house/seed.test.ts', "import { vi } from 'vitest';\nvi.mock('../../src/seed.ts');"],
    [
      'no-restricted-syntax',
      'tests/house/seed.test.ts',
      "import { it } from 'vitest';\nit.only('runs alone', () => undefined);",
    ],
  ])('%s refuses in %s: %s', async (rule, file, code) => {
    const text = rule === 'house/first-line' ? code : SAYS + code;
    expect(await complaints(file, text)).toContain(rule);
  });

  it.each<[file: string, code: string]>([
    ['src/core/seed.ts', 'export const day = (at: number): string => new Date(at).toISOString();'],
    ['src/core/seed.ts', 'export const hour = (at: Date): number => at.getUTCHours();'],
    ['src/seed.ts', 'export const now = (): number => Date.now();'],
    ['src/config/seed.ts', "export const token = process.env['TOKEN'];"],
    ['probes/seed.ts', 'export default 1;'],
    ['probes/seed.ts', 'export const began = performance.now();'],
  ])('nothing is refused in %s: %s', async (file, code) => {
    expect(await complaints(file, `${SAYS}${code}\n`)).toEqual([]);
  });
});

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

describe('import rules', () => {
  /** What breaks a rule, by the file that breaks it. */
  const bad: Record<string, [rule: string, code: string]> = {
    'src/core/loud.ts': ['core-is-quiet', "import 'node:fs';"],
    'src/core/greedy.ts': ['core-is-quiet', "import '../page/words.ts';"],
    'src/core/curious.ts': ['core-is-quiet', "import type { Row } from '../store/rows.ts';\nexport type Mine = Row;"],
    'probes/nosy.ts': ['a-kind-is-one-file', "import './tcp.ts';"],
    'probes/lib/upward.ts': ['lib-knows-no-kind', "import '../tcp.ts';"],
    'probes/partial.ts': ['probes-know-their-contract', "import '../src/core/judge.ts';"],
    'probes/typed.ts': [
      'probes-know-their-contract',
      "import type { Row } from '../src/store/rows.ts';\nexport type Mine = Row;",
    ],
    'src/page/shop.ts': ['rooms-meet-in-main', "import '../store/rows.ts';"],
    'src/outbox.ts': ['rooms-meet-in-main', "import './runner.ts';"],
    'src/cli.ts': ['the-command-line-calls-main', "import './runner.ts';"],
    'src/receivers/chief.ts': [
      'nobody-imports-main',
      "import type { Main } from '../main.ts';\nexport type Mine = Main;",
    ],
    'src/reports.ts': ['probes-are-found-by-folder', "import '../probes/lib/sip.ts';"],
    'src/demo/cheat.ts': ['the-demo-imports-no-kind', "import '../../probes/tcp.ts';"],
    'src/store/tested.ts': ['no-tests-in-the-product', "import '../../tests/help.ts';"],
    'src/store/developed.ts': ['no-development-packages', "import 'devtool';"],
    'probes/lib/shell.ts': ['no-shell', "import 'node:child_process';"],
    'src/store/lost.ts': ['nothing-unresolved', "import './nowhere.ts';"],
    'src/store/chicken.ts': ['no-circles', "import './egg.ts';\nexport const chicken = 1;"],
    ...Object.fromEntries(
      Object.keys(LIBRARIES)
        .filter((name) => name !== 'zod')
        .map((name, at) => [`src/elsewhere/library${at}.ts`, [`one-room-for-${name}`, `import '${name}';`]]),
    ),
  };

  const good: Record<string, string> = {
    'src/core/model.ts': "import type { Fault } from './fault.ts';\nexport interface Look { fault: Fault }",
    'src/core/fault.ts':
      "import 'zod';\nimport type { Look } from './model.ts';\nexport interface Fault { look: Look }",
    'src/core/judge.ts': "import './model.ts';",
    'src/core/snapshot.ts': "import 'temporal-polyfill';",
    'probes/tcp.ts': "import 'node:net';\nimport '../src/core/fault.ts';\nimport './lib/sip.ts';",
    'probes/lib/sip.ts': "import '../../src/core/model.ts';\nimport 'undici';",
    'src/store/rows.ts': "import 'better-sqlite3';\nimport '../core/model.ts';\nexport interface Row { id: string }",
    'src/store/egg.ts': "import './chicken.ts';",
    'src/page/words.ts': "import type { Row } from '../store/rows.ts';\nexport type Mine = Row;",
    'src/operator/api.ts': "import type { Request } from 'express';\nexport type Mine = Request;",
    'src/runner.ts': "import './core/judge.ts';",
    'src/server.ts': "import 'express';",
    'src/main.ts': "import './runner.ts';\nimport './store/rows.ts';\nimport './page/words.ts';\nexport type Main = 1;",
    'src/ringback.js': "import './cli.ts';",
    'src/demo/desk.ts': "import '../../probes/lib/sip.ts';\nimport 'smtp-server';",
    'tests/help.ts': "import '../src/store/rows.ts';\nimport '../src/page/words.ts';\nimport 'devtool';",
  };

  let folder = '';
  let violations: readonly Violation[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ringback-rooms-'));
    const names = Object.keys(LIBRARIES);
    const files: Record<string, string> = {
      ...good,
      ...Object.fromEntries(Object.entries(bad).map(([path, [, code]]) => [path, code])),
      'tsconfig.json':
        '{ "compilerOptions": { "module": "nodenext", "allowImportingTsExtensions": true, "noEmit": true } }',
      'package.json': JSON.stringify({
        type: 'module',
        dependencies: Object.fromEntries(names.map((name) => [name, '1'])),
        devDependencies: { devtool: '1' },
      }),
    };
    for (const name of [...names, 'devtool']) {
      files[`node_modules/${name}/package.json`] = JSON.stringify({ name, version: '1.0.0', main: 'index.js' });
      files[`node_modules/${name}/index.js`] = '';
    }
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    violations = await cruise(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(Object.entries(bad))('%s breaks its rule', (file, [rule]) => {
    expect(violations.filter((each) => each.from === file).map((each) => each.rule.name)).toContain(rule);
  });

  it('refuses nothing in files that keep the rules', () => {
    const innocent = violations.filter((each) => each.from in good && each.from !== 'src/store/egg.ts');
    expect(innocent).toEqual([]);
  });

  it('has a seed for every rule', () => {
    const seeded = new Set(Object.values(bad).map(([rule]) => rule));
    expect(rooms.forbidden.map((each) => each.name).filter((name) => !seeded.has(name))).toEqual([]);
  });

  it('gives every runtime dependency its room', () => {
    expect(Object.keys(LIBRARIES).sort()).toEqual(Object.keys(manifest.dependencies).sort());
  });
});

async function cruise(folder: string): Promise<readonly Violation[]> {
  const program = join(ROOT, 'node_modules/.bin/depcruise');
  const config = join(ROOT, 'tests/house/rooms.config.js');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [program, '--config', config, '--output-type', 'json', 'src', 'probes', 'tests'],
    { cwd: folder, maxBuffer: 32 * 1024 * 1024 },
  );
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations;
}
