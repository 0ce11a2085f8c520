/** Tests that need programs of the machine: they run, or say in one line what to install, or fail where that is required. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';

/** Daemons of Debian live in sbin, which is not on everybody's path. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/bin', '/usr/lib/postfix/sbin'];

/** Absolute path of a program, or undefined. An absolute path stands for itself and need not be executable. */
export function programPath(name: string): string | undefined {
  if (name.startsWith('/')) return existsSync(name) ? name : undefined;
  return FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Debian packages whose program or file is not here. `programs`: package by program. */
export function missingPackages(programs: Readonly<Record<string, string>>): readonly string[] {
  const missing = Object.entries(programs).filter(([program]) => programPath(program) === undefined);
  return [...new Set(missing.map(([, debian]) => debian))];
}

/**
 * `describe` for tests that need programs. Where one is missing they are skipped with a line that names its Debian package;
 * with RINGBACK_PEERS=required that is a failure, so that a machine meant to have them cannot pass without.
 */
export function describeWith(programs: Readonly<Record<string, string>>, name: string, body: () => void): void {
  const missing = missingPackages(programs);
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const line = `${name}: needs the Debian package ${missing.join(' ')} (tests/peers/install.sh installs it)`;
  if (process.env['RINGBACK_PEERS'] === 'required') {
    describe(name, () => {
      it('has what it needs', () => {
        throw new Error(line);
      });
    });
    return;
  }
  console.warn(`skipped: ${line}`);
  describe.skip(line, body);
}
