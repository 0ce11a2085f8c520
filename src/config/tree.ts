/** Values that remember where they stand in a file. It knows places, neither YAML nor what the values mean. */
import type { Secret } from '../core/secret.ts';
import type { Problem } from './error.ts';

/** Where line and column of an offset are found. */
export interface Source {
  readonly file: string;
  readonly place: (offset: number) => { readonly line: number; readonly column: number };
}

/** A place in a file. Line and column are counted only when somebody asks: most places are never printed. */
export class Mark {
  readonly source: Source;
  readonly offset: number;
  constructor(source: Source, offset: number) {
    this.source = source;
    this.offset = offset;
  }
  get file(): string {
    return this.source.file;
  }
  place(): { readonly line: number; readonly column: number } {
    return this.source.place(this.offset);
  }
}

/** A place that is no offset: the top of a file that was not read, or an argument of a command. */
export function markAt(file: string, line: number): Mark {
  return new Mark({ file, place: () => ({ line, column: 1 }) }, 0);
}

export type Plain = string | number | boolean | null;

export type Tree =
  /** `text`: as written, since `021500888` is the number 21500888 by the time anybody looks. */
  | { readonly kind: 'scalar'; readonly mark: Mark; readonly value: Plain; readonly text: string }
  | { readonly kind: 'map'; readonly mark: Mark; readonly entries: Map<string, Entry> }
  | { readonly kind: 'list'; readonly mark: Mark; readonly items: readonly Tree[] };

export interface Entry {
  /** Where the key stands. */
  readonly key: Mark;
  readonly tree: Tree;
}

export type Path = readonly (string | number)[];

/** A path as a person reads it: `providers[0].channels[2].name.id`. */
export function printPath(path: Path): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
}

export function problemAt(mark: Mark, path: Path, message: string): Problem {
  return { file: mark.file, ...mark.place(), path: printPath(path), message };
}

/**
 * A position in the tree that may lead nowhere. The passes that compare one setting with another walk spots, so that they
 * find what they can in a file that is wrong elsewhere.
 */
export class Spot {
  readonly tree: Tree | undefined;
  readonly path: Path;
  /** Where to point when something here is wrong; for what is missing, the nearest thing that contains it. */
  readonly mark: Mark;
  constructor(tree: Tree | undefined, path: Path, mark: Mark) {
    this.tree = tree;
    this.path = path;
    this.mark = mark;
  }

  get(key: string): Spot {
    const entry = this.tree?.kind === 'map' ? this.tree.entries.get(key) : undefined;
    return new Spot(entry?.tree, [...this.path, key], entry?.tree.mark ?? this.mark);
  }

  items(): Spot[] {
    if (this.tree?.kind !== 'list') return [];
    return this.tree.items.map((item, index) => new Spot(item, [...this.path, index], item.mark));
  }

  keys(): { readonly name: string; readonly spot: Spot; readonly key: Mark }[] {
    if (this.tree?.kind !== 'map') return [];
    return [...this.tree.entries].map(([name, entry]) => ({ name, spot: this.get(name), key: entry.key }));
  }

  /** The text here; undefined when there is none. */
  get text(): string | undefined {
    return this.tree?.kind === 'scalar' && typeof this.tree.value === 'string' ? this.tree.value : undefined;
  }

  get exists(): boolean {
    return this.tree !== undefined;
  }

  problem(message: string): Problem {
    return problemAt(this.mark, this.path, message);
  }
}

export function rootOf(tree: Tree): Spot {
  return new Spot(tree, [], tree.mark);
}

export interface Found {
  /** Undefined: there is nothing at this path. */
  readonly tree: Tree | undefined;
  /** The value; for a missing one, the key of what should contain it. */
  readonly mark: Mark;
  /** The key of the last step, if it has one. */
  readonly key: Mark;
}

/** Follows a path as far as it leads. */
export function find(root: Tree, path: Path): Found {
  let tree: Tree = root;
  let key = root.mark;
  for (const step of path) {
    const entry = typeof step === 'string' && tree.kind === 'map' ? tree.entries.get(step) : undefined;
    const item: Tree | undefined = typeof step === 'number' && tree.kind === 'list' ? tree.items[step] : entry?.tree;
    if (item === undefined) return { tree: undefined, mark: key, key };
    key = entry?.key ?? item.mark;
    tree = item;
  }
  return { tree, mark: tree.mark, key };
}

/** The bare value, with secrets in place of the references to them. */
export function bare(tree: Tree, secrets: ReadonlyMap<string, Secret>): unknown {
  switch (tree.kind) {
    case 'scalar':
      return (typeof tree.value === 'string' ? secrets.get(tree.value) : undefined) ?? tree.value;
    case 'list':
      return tree.items.map((item) => bare(item, secrets));
    case 'map':
      return Object.fromEntries([...tree.entries].map(([key, entry]) => [key, bare(entry.tree, secrets)]));
  }
}

/** Calls `visit` with every text in the tree. The path lives only as long as the call. */
export function eachText(tree: Tree, visit: (text: string, mark: Mark, path: Path) => void): void {
  const path: (string | number)[] = [];
  const walk = (node: Tree): void => {
    if (node.kind === 'scalar') {
      if (typeof node.value === 'string') visit(node.value, node.mark, path);
      return;
    }
    const inside = node.kind === 'list' ? node.items.entries() : node.entries;
    for (const [step, child] of inside) {
      path.push(step);
      walk('tree' in child ? child.tree : child);
      path.pop();
    }
  };
  walk(tree);
}
