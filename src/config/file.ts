/** Files to trees: reads a file or a folder, within limits, and joins several files into one. It knows no setting. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from './error.ts';
import type { Problem } from './error.ts';
import { LARGEST_FILE, parseText } from './position.ts';
import type { Parsed } from './position.ts';
import { reasonOf } from './secrets.ts';
import { markAt, problemAt } from './tree.ts';
import type { Entry, Tree } from './tree.ts';

const atTop = (file: string, message: string): Problem => problemAt(markAt(file, 1), [], message);

/** The file itself, or all `*.yaml` of a folder in the order of their names. */
export async function filesOf(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => name.endsWith('.yaml') && !name.startsWith('.')).sort();
    if (names.length > 0) return names.map((name) => join(path, name));
  } catch (error) {
    throw new ConfigError([atTop(path, `cannot be read: ${reasonOf(error)}`)]);
  }
  throw new ConfigError([atTop(path, 'there is no *.yaml file in this folder')]);
}

/** One file as a tree; with problems, no tree. */
export async function readTree(file: string): Promise<Parsed> {
  const text = await readText(file);
  if (typeof text !== 'string') return { tree: undefined, problems: [atTop(file, text.why)] };
  const { tree, problems } = parseText(file, text);
  if (problems.length > 0) return { tree: undefined, problems };
  if (tree === undefined) return { tree, problems: [atTop(file, 'the file is empty')] };
  if (tree.kind === 'map') return { tree, problems };
  return { tree: undefined, problems: [problemAt(tree.mark, [], 'expected settings, such as `providers:`')] };
}

async function readText(file: string): Promise<string | { readonly why: string }> {
  try {
    const { size } = await stat(file);
    const mebibytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;
    if (size > LARGEST_FILE) return { why: `has ${mebibytes(size)}; at most ${mebibytes(LARGEST_FILE)} are read` };
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    return { why: `cannot be read: ${reasonOf(error)}` };
  }
}

/** Several files as one: lists are joined, maps are merged, and a single value may stand in one file only. */
export function merge(parsed: readonly Parsed[]): Parsed {
  const problems = parsed.flatMap((each) => each.problems);
  const trees = parsed.flatMap(({ tree }) => (tree === undefined ? [] : [tree]));
  const [first, ...rest] = trees;
  if (first === undefined) return { tree: undefined, problems };
  const tree = rest.reduce((whole, next) => mergeTwo(whole, next, [], problems), first);
  return { tree, problems };
}

function mergeTwo(one: Tree, other: Tree, path: readonly string[], problems: Problem[]): Tree {
  if (one.kind === 'list' && other.kind === 'list') return { ...one, items: [...one.items, ...other.items] };
  if (one.kind !== 'map' || other.kind !== 'map') return one;
  const entries = new Map<string, Entry>(one.entries);
  for (const [key, entry] of other.entries) {
    const before = entries.get(key);
    const here = [...path, key];
    if (before === undefined) entries.set(key, entry);
    else if (before.tree.kind === 'scalar' || before.tree.kind !== entry.tree.kind) {
      const first = `${before.key.file}:${before.key.place().line}`;
      problems.push(problemAt(entry.key, here, `is set in two files; first in ${first}`));
    } else entries.set(key, { key: before.key, tree: mergeTwo(before.tree, entry.tree, here, problems) });
  }
  return { ...one, entries };
}
