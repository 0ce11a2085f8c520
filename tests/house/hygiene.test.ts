/** What the package brings with it: the lockfile, the dependencies and the top level. Of our code it runs the entry alone. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import lock from '../../package-lock.json' with { type: 'json' };
import manifest from '../../package.json' with { type: 'json' };

const ROOT = new URL('../../', import.meta.url).pathname;

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const locked = Object.entries(lock.packages as Record<string, Locked>).filter(([path]) => path !== '');
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** Below these there are known holes or faults; where two majors are in use, each has its floor. */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  express: ['5.3.0'],
  'body-parser': ['2.3.0'],
  undici: ['7.30.2', '8.12.4'],
  ws: ['8.21.1'],
  nodemailer: ['10.4.1'],
  mailparser: ['3.9.3'],
  'fast-xml-parser': ['5.5.6'],
  'express-rate-limit': ['8.2.2'],
  'ip-address': ['10.3.1'],
  // What counts is the SQLite inside, 3.51.3 for the write-ahead log's reset fault; 13 carries a newer one.
  'better-sqlite3': ['13.2.0'],
};

function isBelow(version: string, floors: readonly string[]): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number.parseFloat);
  const parsed = floors.map((floor) => floor.split('.').map(Number));
  const [floorMajor = 0, floorMinor = 0, floorPatch = 0] =
    parsed.find((each) => each[0] === major) ?? (major > (parsed.at(-1)?.[0] ?? 0) ? [] : (parsed[0] ?? []));
  if (major !== floorMajor) return major < floorMajor;
  return minor === floorMinor ? patch < floorPatch : minor < floorMinor;
}

it('tells versions below a floor from those above, major by major', () => {
  expect(isBelow('7.30.1', ['7.30.2', '8.12.4'])).toBe(true);
  expect(isBelow('7.30.2', ['7.30.2', '8.12.4'])).toBe(false);
  expect(isBelow('8.1.0', ['7.30.2', '8.12.4'])).toBe(true);
  expect(isBelow('9.0.0', ['7.30.2', '8.12.4'])).toBe(false);
  expect(isBelow('6.99.9', ['7.30.2', '8.12.4'])).toBe(true);
});

it('S-L1: no locked package is below its floor', () => {
  const low = locked.filter(([path, { version }]) => isBelow(version ?? '0', FLOORS[nameOf(path)] ?? ['0.0.0']));
  expect(low.map(([path, { version }]) => `${path} ${String(version)}`)).toEqual([]);
});

it('S-L1: the floors name packages that are really locked', () => {
  const names = new Set(locked.map(([path]) => nameOf(path)));
  const direct = Object.keys(manifest.dependencies).filter((name) => name in FLOORS);
  expect(direct.filter((name) => !names.has(name))).toEqual([]);
  expect(direct.length).toBeGreaterThan(3);
});

it('locks packages by their hash and names no registry address', () => {
  expect(locked.filter(([, each]) => each.resolved !== undefined).map(([path]) => path)).toEqual([]);
  expect(JSON.stringify(lock)).not.toMatch(/registry\./);
});

it('locks the packages of every platform, without which `npm ci` refuses the lockfile', () => {
  const names = new Set(locked.map(([path]) => nameOf(path)));
  const optional = locked.flatMap(([, each]) => Object.keys(each.optionalDependencies ?? {}));
  expect(optional.length).toBeGreaterThan(20);
  expect(optional.filter((name) => !names.has(name))).toEqual([]);
});

it('S-L2: only the package that brings Node itself has an install script, and it is written down as allowed', () => {
  const scripted = locked.filter(([, each]) => each.hasInstallScript === true).map(([path]) => nameOf(path));
  expect(scripted).toEqual(['node']);
  // better-sqlite3 is named to be refused: it carries its binaries, and npm takes its binding.gyp for a script.
  expect(manifest.allowScripts).toEqual({ 'better-sqlite3': false, node: true });
});

it('pins every direct dependency exactly', () => {
  const wanted = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(wanted.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

it('has at most 25 direct runtime dependencies', () => {
  expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(25);
});

it('keeps the top level to what the architecture allows', () => {
  const allowed = new Set(
    `package.json package-lock.json tsconfig.json README.md LICENSE CHANGELOG.md CONTRIBUTING.md SECURITY.md Dockerfile
    .ci .gitignore .npmrc src probes config dashboards tests`.split(/\s+/),
  );
  const present = execFileSync('git', ['ls-files'], { cwd: ROOT });
  const top = new Set(
    present
      .toString()
      .trim()
      .split('\n')
      .map((path) => path.split('/')[0] ?? ''),
  );
  expect([...top].filter((name) => !allowed.has(name))).toEqual([]);
});

it('tells an older Node in one sentence what to install, and asks it for no name that it may not have', () => {
  const entry = `${ROOT}src/ringback.js`;
  const older = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.20.2'})";
  const told = spawnSync(process.execPath, ['--import', older, entry], { encoding: 'utf8' });
  expect([told.status, told.stderr]).toEqual([2, expect.stringMatching(/^Ringback needs Node\.js 24 or newer, .*\n$/)]);
  // What is imported by name is looked up before the first line runs.
  const named = [...readFileSync(entry, 'utf8').matchAll(/^import \{([^}]*)\}/gm)].map(([, names = '']) =>
    names.trim(),
  );
  expect(named).toEqual(['fileURLToPath']);
});
