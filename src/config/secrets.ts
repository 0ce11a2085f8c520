/** From `env:NAME` and `file:/path` to secrets. The only place that reads them; it prints names, never values. */
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { dirname, sep } from 'node:path';
import { Secret, SECRET_REFERENCE } from '../core/secret.ts';
import { printProblem } from './error.ts';
import type { Problem } from './error.ts';
import { eachText, problemAt } from './tree.ts';
import type { Mark, Path, Tree } from './tree.ts';

const LARGEST = 64 * 1024;

export interface Resolved {
  /** By reference. One that could not be read is here too, empty, so that what else is wrong can be told at once. */
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

type Read =
  | { readonly ok: true; readonly value: string; readonly warning?: string }
  | { readonly ok: false; readonly why: string };

/** Reads every secret that the tree refers to, each once. `${NAME}` is left as it is: only a whole value is a reference (S-K2). */
export async function resolveSecrets(tree: Tree, environment: NodeJS.ProcessEnv): Promise<Resolved> {
  const uses = new Map<string, { mark: Mark; path: Path }[]>();
  eachText(tree, (text, mark, path) => {
    if (SECRET_REFERENCE.test(text)) uses.set(text, [...(uses.get(text) ?? []), { mark, path: [...path] }]);
  });
  const secrets = new Map<string, Secret>();
  const problems: Problem[] = [];
  const warnings: string[] = [];
  for (const [reference, places] of uses) {
    const read = await readSecret(reference, environment);
    secrets.set(reference, new Secret(read.ok ? read.value : '', reference));
    if (!read.ok) problems.push(...places.map(({ mark, path }) => problemAt(mark, path, read.why)));
    const [first] = places;
    if (read.ok && read.warning !== undefined && first !== undefined) {
      warnings.push(printProblem(problemAt(first.mark, first.path, read.warning)));
    }
  }
  return { secrets, problems, warnings };
}

function readSecret(reference: string, environment: NodeJS.ProcessEnv): Promise<Read> {
  const [scheme, name] = [reference.slice(0, reference.indexOf(':')), reference.slice(reference.indexOf(':') + 1)];
  return scheme === 'env' ? Promise.resolve(readVariable(name, environment)) : readSecretFile(name);
}

function readVariable(name: string, environment: NodeJS.ProcessEnv): Read {
  const value = environment[name];
  if (value === undefined) return { ok: false, why: `the environment variable ${name} is not set` };
  return value === '' ? { ok: false, why: `the environment variable ${name} is empty` } : { ok: true, value };
}

async function readSecretFile(path: string): Promise<Read> {
  try {
    const real = await realpath(path);
    if (!(await staysInside(path, real))) return { ok: false, why: `${path} is a link that leads out of its folder` };
    return await readRegular(path, real);
  } catch (error) {
    return { ok: false, why: `${path} cannot be read: ${reasonOf(error)}` };
  }
}

/** Kubernetes mounts a secret as a link to a sibling folder; a link to anywhere else is somebody's trick or mistake (S-K3). */
async function staysInside(path: string, real: string): Promise<boolean> {
  const folder = await realpath(dirname(path));
  return real.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

async function readRegular(path: string, real: string): Promise<Read> {
  // Without O_NONBLOCK, opening a named pipe that nobody writes to would wait for ever.
  const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size, mode, uid, ...stat } = await file.stat().then((all) => Object.assign(all, { regular: all.isFile() }));
    if (!stat.regular) return { ok: false, why: `${path} is no regular file` };
    if (size > LARGEST) return { ok: false, why: `${path} has ${size} bytes; a secret has at most ${LARGEST}` };
    const value = new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile()).replace(/\r?\n$/, '');
    if (value === '') return { ok: false, why: `${path} is empty` };
    const warning = warningOf(path, mode, uid);
    return warning === undefined ? { ok: true, value } : { ok: true, value, warning };
  } finally {
    await file.close();
  }
}

function warningOf(path: string, mode: number, owner: number): string | undefined {
  if ((mode & 0o002) !== 0) return `everybody on this machine can change ${path}; chmod 600`;
  if ((mode & 0o004) !== 0) return `everybody on this machine can read ${path}; chmod 600`;
  const own = process.getuid?.();
  return own === undefined || owner === own || owner === 0 ? undefined : `${path} belongs to another user`;
}

/** Words for what the system answered. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a folder',
    ENOTDIR: 'part of the path is no folder',
    ELOOP: 'the link leads in a circle',
    ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
  };
  return words[code] ?? code;
}
