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

/** For tests whose servers give up the rights of root, and so must be started with them. */
export const ROOT: Readonly<Record<string, string>> = process.getuid?.() === 0 ? {} : { root: 'the rights of root' };

export type Verdict = { readonly kind: 'run' } | { readonly kind: 'skip' | 'fail'; readonly line: string };

/** Whether tests can run here. `programs`: Debian package by program or absolute path. */
export function verdictOn(programs: Readonly<Record<string, string>>, name: string, required: boolean): Verdict {
  const missing = Object.entries(programs).filter(([program]) => programPath(program) === undefined);
  if (missing.length === 0) return { kind: 'run' };
  const packages = [...new Set(missing.map(([, debian]) => debian))].join(' ');
  const line = `${name}: needs ${packages} (tests/peers/install.sh installs Debian's packages)`;
  return { kind: required ? 'fail' : 'skip', line };
}

/**
 * `describe` for tests that need programs. Where one is missing they are skipped with a line that names its Debian package;
 * with RINGBACK_PEERS=required that is a failure, so that a machine meant to have them cannot pass without.
 */
export function describeWith(programs: Readonly<Record<string, string>>, name: string, body: () => void): void {
  const verdict = verdictOn(programs, name, process.env['RINGBACK_PEERS'] === 'required');
  switch (verdict.kind) {
    case 'run':
      describe(name, body);
      return;
    case 'fail':
      describe(name, () => {
        it('has what it needs', () => {
          throw new Error(verdict.line);
        });
      });
      return;
    case 'skip':
      console.warn(`skipped: ${verdict.line}`);
      describe.skip(verdict.line, body);
  }
}
