/** Types, format and dead code, seeded once: each check sees what it is there for. It knows the checks, not our code. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import * as prettier from 'prettier';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

const ROOT = new URL('../../', import.meta.url).pathname;
const run = promisify(execFile);

describe('types', () => {
  const settings = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(settings.config, ts.sys, ROOT);
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  const kept = new Map<string, ts.SourceFile | undefined>();

  function codes(text: string): number[] {
    const path = join(ROOT, 'src/seed.ts');
    host.getSourceFile = (name, ...rest) => {
      if (name === path) return ts.createSourceFile(name, text, ts.ScriptTarget.ES2024);
      if (!kept.has(name)) kept.set(name, read(name, ...rest));
      return kept.get(name);
    };
    const program = ts.createProgram({ rootNames: [path], options: { ...options, types: [] }, host });
    const seed = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(seed), ...program.getSemanticDiagnostics(seed)].map(({ code }) => code);
  }

  it.each<[what: string, code: number, text: string]>([
    ['an enum, which Node cannot strip', 1294, 'export enum Colour { Red }'],
    ['a parameter property', 1294, 'export class Look { constructor(readonly at: number) {} }'],
    ['a namespace with code', 1294, 'export namespace Rooms { export const one = 1; }'],
    ['a type imported as a value', 1484, "import { Finding } from './core/model.ts';\nexport type Mine = Finding;"],
    ['an element that may be missing', 2322, 'export const first = (all: number[]): number => all[0];'],
    ['undefined for a key that may only be absent', 2375, 'export const one: { at?: number } = { at: undefined };'],
    ['a path without an end', 7030, 'export function word(yes: boolean) { if (yes) return 1; }'],
    ['a case that falls through', 7029, 'export function f(x: 1 | 2) { switch (x) { case 1: f(2); case 2: f(1); } }'],
    ['an unused local', 6133, 'export function f() { const unused = 1; }'],
    ['an implicit any', 7006, 'export const f = (x) => x;'],
    ['a dot where brackets say that it may be missing', 4111, 'export const f = (x: Record<string, 1>) => x.key;'],
  ])('refuse %s', (_, code, text) => {
    expect(codes(text)).toContain(code);
  });

  it('refuse nothing in a proper file', () => {
    expect(
      codes("import type { Finding } from './core/model.ts';\nexport const kind = (one: Finding) => one.kind;"),
    ).toEqual([]);
  });
});

it('the format is one: single quotes, 120 columns', async () => {
  const path = join(ROOT, 'src/seed.ts');
  const config = await prettier.resolveConfig(path);
  const check = (text: string) => prettier.check(text, { ...config, filepath: path });
  expect(await check("export const one = 'one';\n")).toBe(true);
  expect(await check('export const one = "one";\n')).toBe(false);
  const call = (times: number) => `export const sum = add(${'one, '.repeat(times)}one);\n`;
  expect(await check(call(18))).toBe(true);
  expect(await check(call(24))).toBe(false);
});

describe('dead code', () => {
  let folder: string;
  let report = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ringback-dead-'));
    const files: Record<string, string> = {
      'package.json': JSON.stringify({ ...manifest, scripts: {}, dependencies: { ghost: '1' }, devDependencies: {} }),
      'tsconfig.json': '{}',
      'src/ringback.js': '',
      'src/cli.ts': "import { used } from './room.ts';\nused();",
      'src/room.ts': 'export const used = () => 1;\nexport const unused = 2;',
      'src/forgotten.ts': 'export const forgotten = 1;',
      'probes/tcp.ts': 'export default 1;',
    };
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    const knip = join(ROOT, 'node_modules/.bin/knip');
    // It ends with 1 because it finds something.
    report = await run(knip, ['--no-progress', '--no-config-hints', '--reporter', 'compact'], { cwd: folder }).then(
      ({ stdout }) => stdout,
      (error: unknown) => (error as { stdout: string }).stdout,
    );
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is an unused file, export or dependency', () => {
    expect(report).toMatch(/src\/forgotten\.ts/);
    expect(report).toMatch(/src\/room\.ts.*unused/);
    expect(report).toMatch(/ghost/);
  });

  it('is not what is found by its folder, or used', () => {
    expect(report).not.toMatch(/probes\/tcp\.ts|src\/cli\.ts|: .*\bused\b/);
  });
});
