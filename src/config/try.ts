/** Settings of one probe kind from a command line or a small file, without a configuration around them. */
import { parseDuration } from '../core/duration.ts';
import type { Drawer } from '../core/probe.ts';
import { inOrder } from './error.ts';
import type { Problem } from './error.ts';
import { readTree } from './file.ts';
import { parseText } from './position.ts';
import { resolveSecrets } from './secrets.ts';
import { unknownKind } from './settings.ts';
import { bare, markAt, problemAt } from './tree.ts';
import type { Entry, Mark, Tree } from './tree.ts';
import { check, explain } from './words.ts';

export interface Try {
  /** `key=value` and `key.sub=value`, values as in YAML. */
  readonly pairs: readonly string[];
  /** A YAML file that holds what would stand under `with:`; pairs win over it. */
  readonly file?: string;
  /** As a duration; wins over both. */
  readonly timeout?: string;
  readonly allowPrivate?: boolean;
}

export type Tried =
  | { readonly ok: true; readonly settings: unknown; readonly timeoutMs: number; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Checks settings by their kind's schema. In a problem, the file `argument` is the command line and the line is the pair's number. */
export async function parseWith(
  name: string,
  given: Try,
  kinds: Drawer,
  environment: NodeJS.ProcessEnv,
): Promise<Tried> {
  const kind = kinds.get(name);
  if (kind === undefined) {
    return { ok: false, problems: [problemAt(markAt('argument', 1), [], unknownKind(name, kinds.keys()))] };
  }
  const { tree, problems } = await gather(given);
  if (problems.length > 0) return { ok: false, problems: inOrder(problems) };
  const resolved = await resolveSecrets(tree, environment);
  const parsed = check(kind.schema, bare(tree, resolved.secrets));
  const all = [...resolved.problems, ...(parsed.ok ? [] : explain(parsed.issues, tree, []))];
  if (!parsed.ok || all.length > 0) return { ok: false, problems: inOrder(all) };
  const timeout = tree.kind === 'map' ? tree.entries.get('timeout')?.tree : undefined;
  const written = timeout?.kind === 'scalar' ? parseDuration(String(timeout.value)) : undefined;
  return { ok: true, settings: parsed.value, timeoutMs: written ?? kind.timeoutMs, warnings: resolved.warnings };
}

async function gather(given: Try): Promise<{ tree: Tree; problems: readonly Problem[] }> {
  const problems: Problem[] = [];
  const entries = new Map<string, Entry>();
  if (given.file !== undefined) {
    const read = await readTree(given.file);
    problems.push(...read.problems);
    if (read.tree?.kind === 'map') for (const [key, entry] of read.tree.entries) entries.set(key, entry);
  }
  for (const [index, pair] of given.pairs.entries()) problems.push(...plantPair(entries, pair, index + 1));
  if (given.timeout !== undefined) plantOption(entries, 'timeout', '--timeout', given.timeout);
  if (given.allowPrivate === true) plantOption(entries, 'allow_private', '--allow-private', true);
  return { tree: { kind: 'map', mark: markAt('argument', 1), entries }, problems };
}

function plantOption(entries: Map<string, Entry>, key: string, option: string, value: string | boolean): void {
  const mark = markAt(option, 1);
  entries.set(key, { key: mark, tree: { kind: 'scalar', mark, value, text: String(value) } });
}

function plantPair(entries: Map<string, Entry>, pair: string, line: number): readonly Problem[] {
  const cut = pair.indexOf('=');
  const keys = pair.slice(0, cut).split('.');
  const mark = markAt('argument', line);
  if (cut < 1 || keys.some((key) => key === '' || key === '__proto__')) {
    return [problemAt(mark, [], 'expected key=value or key.sub=value')];
  }
  const { tree, problems } = parseText('argument', pair.slice(cut + 1));
  // Line and column of the parser count within the value; the number of the pair says more.
  if (problems.length > 0) return problems.map((each) => ({ ...problemAt(mark, keys, each.message) }));
  const value = tree ?? ({ kind: 'scalar', mark, value: null, text: '' } as const);
  return plantValue(entries, keys, { key: mark, tree: moved(value, mark) });
}

/** The same value, all of it at one place. */
function moved(tree: Tree, mark: Mark): Tree {
  if (tree.kind === 'scalar') return { ...tree, mark };
  if (tree.kind === 'list') return { ...tree, mark, items: tree.items.map((item) => moved(item, mark)) };
  const entries = [...tree.entries].map(([key, entry]) => [key, { key: mark, tree: moved(entry.tree, mark) }] as const);
  return { ...tree, mark, entries: new Map(entries) };
}

/** Walks to where the last key belongs, making maps on the way. Maps of a file are copied: an alias may share them. */
function plantValue(entries: Map<string, Entry>, keys: readonly string[], entry: Entry): readonly Problem[] {
  const [key = '', ...rest] = keys;
  if (rest.length === 0) {
    entries.set(key, entry);
    return [];
  }
  const before = entries.get(key)?.tree;
  if (before !== undefined && before.kind !== 'map')
    return [problemAt(entry.key, keys, `"${key}" is set to a single value already`)];
  const inner = new Map(before?.entries);
  entries.set(key, { key: entry.key, tree: { kind: 'map', mark: entry.key, entries: inner } });
  return plantValue(inner, rest, entry);
}
