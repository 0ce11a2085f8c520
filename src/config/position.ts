/** YAML text to a tree with places; refuses what a configuration has no use for. It knows YAML and no setting. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Node, Pair, YAMLMap } from 'yaml';
import type { Problem } from './error.ts';
import { problemAt } from './tree.ts';
import type { Entry, Mark, Path, Plain, Tree } from './tree.ts';

/** Ten thousand targets fit into a quarter of this; parsing takes some 60 times the room of the text. */
export const LARGEST_FILE = 8 * 1024 * 1024;
const DEEPEST = 32;
/** Values that aliases may add to a file: an alias bomb multiplies by ten on each of its lines (S-K1). */
const MOST_ALIASED = 20_000;

export interface Parsed {
  /** Undefined when there is nothing, or nothing that could be read. */
  readonly tree: Tree | undefined;
  readonly problems: readonly Problem[];
}

/** Parses one document. Every fault of the text itself is in `problems`; a tree beside problems is not to be used. */
export function parseText(file: string, text: string): Parsed {
  const lines = new LineCounter();
  const mark = (offset: number): Mark => ({ file, place: () => placeOf(lines, offset) });
  const parsed = readDocument(text, lines);
  if (typeof parsed === 'string') return { tree: undefined, problems: [problemAt(mark(0), [], parsed)] };
  const problems = parsed.errors.map((error) => problemAt(mark(error.pos[0]), [], sentence(error.message)));
  if (parsed.contents === null || problems.length > 0) return { tree: undefined, problems };
  const walk: Walk = { mark, problems, anchors: new Map(), aliased: 0, inAlias: 0, overflowed: false };
  return { tree: plant(walk, parsed.contents, []), problems };
}

function readDocument(text: string, lineCounter: LineCounter): ReturnType<typeof parseDocument> | string {
  try {
    // Duplicate keys are looked for here: the library compares each key with every other one of its map.
    return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false, logLevel: 'silent' });
  } catch (error) {
    // A hundred thousand opening brackets exhaust the parser's stack.
    if (error instanceof RangeError) return `nested too deeply; at most ${DEEPEST} levels`;
    throw error;
  }
}

function placeOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

const sentence = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

interface Walk {
  readonly mark: (offset: number) => Mark;
  readonly problems: Problem[];
  /** Anchors met so far; `null` while the walk is still inside of it. */
  readonly anchors: Map<string, Node | null>;
  aliased: number;
  inAlias: number;
  overflowed: boolean;
}

const NOTHING = (mark: Mark): Tree => ({ kind: 'scalar', mark, value: null, text: '' });

function plant(walk: Walk, node: Node | null, path: Path): Tree {
  const mark = walk.mark(node?.range?.[0] ?? 0);
  if (node === null || walk.overflowed) return NOTHING(mark);
  const refusal = refuse(walk, node, path);
  if (refusal !== undefined) {
    walk.problems.push(problemAt(mark, path, refusal));
    return NOTHING(mark);
  }
  if (isAlias(node)) return follow(walk, node.source, mark, path);
  const { anchor } = node;
  if (anchor !== undefined && walk.inAlias === 0) walk.anchors.set(anchor, null);
  const tree = plantPlain(walk, node, mark, path);
  if (anchor !== undefined && walk.inAlias === 0) walk.anchors.set(anchor, node);
  return tree;
}

function refuse(walk: Walk, node: Node, path: Path): string | undefined {
  if ('tag' in node && typeof node.tag === 'string') return 'tags (!…) have no meaning here; remove it';
  const anchor = isAlias(node) ? undefined : node.anchor;
  if (walk.inAlias === 0 && anchor !== undefined && walk.anchors.has(anchor))
    return `the anchor &${anchor} is used twice`;
  if (path.length > DEEPEST) return `nested too deeply; at most ${DEEPEST} levels`;
  if (walk.inAlias === 0 || ++walk.aliased <= MOST_ALIASED) return undefined;
  walk.overflowed = true;
  return `aliases add more than ${MOST_ALIASED} values; write them out`;
}

function follow(walk: Walk, name: string, mark: Mark, path: Path): Tree {
  const target = walk.anchors.get(name);
  if (target === undefined || target === null) {
    const why = target === null ? `*${name} contains itself` : `*${name} has no anchor &${name} before it`;
    walk.problems.push(problemAt(mark, path, why));
    return NOTHING(mark);
  }
  walk.inAlias++;
  const tree = plant(walk, target, path);
  walk.inAlias--;
  return tree;
}

function plantPlain(walk: Walk, node: Node, mark: Mark, path: Path): Tree {
  if (isMap(node)) return { kind: 'map', mark, entries: plantEntries(walk, node, path) };
  if (isSeq(node)) {
    return { kind: 'list', mark, items: node.items.map((item, i) => plant(walk, item as Node | null, [...path, i])) };
  }
  const value = isScalar(node) ? node.value : undefined;
  const text = isScalar(node) ? (node.source ?? String(node.value)) : '';
  if (typeof value === 'number' && !Number.isFinite(value)) {
    walk.problems.push(problemAt(mark, path, `${text} is no finite number`));
    return { kind: 'scalar', mark, value: 0, text };
  }
  return { kind: 'scalar', mark, value: (value ?? null) as Plain, text };
}

function plantEntries(walk: Walk, map: YAMLMap, path: Path): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const pair of map.items as Pair<Node, Node | null>[]) {
    const key = walk.mark(pair.key.range?.[0] ?? 0);
    const name = isScalar(pair.key) ? (pair.key.source ?? String(pair.key.value)) : undefined;
    const first = name === undefined ? undefined : entries.get(name);
    const wrong = wrongKey(name, first);
    if (name === undefined || wrong !== undefined) {
      walk.problems.push(problemAt(key, name === undefined ? path : [...path, name], wrong ?? ''));
    } else {
      const tree = pair.value === null ? NOTHING(key) : plant(walk, pair.value, [...path, name]);
      entries.set(name, { key, tree });
    }
  }
  return entries;
}

function wrongKey(name: string | undefined, first: Entry | undefined): string | undefined {
  if (name === undefined) return 'a key is a plain word';
  if (name === '<<') return 'merge keys are not supported; write the settings out, or use an alias for the whole value';
  // Set on an object, this one would not be a key but the object's ancestor.
  if (name === '__proto__') return 'this cannot be a key';
  return first === undefined ? undefined : `duplicate key; "${name}" is set on line ${first.key.place().line} already`;
}
