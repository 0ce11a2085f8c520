/** YAML text to a tree with places; refuses what a configuration has no use for. It knows YAML and no setting. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Node, Pair, YAMLError, YAMLMap } from 'yaml';
import type { Problem } from './error.ts';
import { Mark, problemAt } from './tree.ts';
import type { Entry, Plain, Source, Tree } from './tree.ts';

/** Ten thousand targets have 3 MB; parsing takes some two hundred times the room of the text. */
export const LARGEST_FILE = 4 * 1024 * 1024;
const DEEPEST = 32;
const TOO_DEEP = `nested too deeply; at most ${DEEPEST} levels`;
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
  const source: Source = { file, place: (offset) => placeOf(lines, offset) };
  // Duplicate keys are looked for here: the library compares each key with every other one of its map.
  const parsed = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const problems = faultsOf(parsed.errors).map((error) =>
    problemAt(new Mark(source, error.pos[0]), [], wordsOf(error)),
  );
  if (parsed.contents === null || problems.length > 0) return { tree: undefined, problems };
  const walk: Walk = { source, problems, path: [], anchors: new Map(), aliased: 0, inAlias: 0, overflowed: false };
  return { tree: plant(walk, parsed.contents), problems };
}

/** Once the parser's stack is exhausted, whatever else it says follows from that. */
function faultsOf(errors: readonly YAMLError[]): readonly YAMLError[] {
  const exhausted = errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
  return exhausted === undefined ? errors : [exhausted];
}

function wordsOf(error: YAMLError): string {
  if (error.code === 'MULTIPLE_DOCS') return 'a file is one document; remove the line ---, or use a folder of files';
  if (error.code === 'RESOURCE_EXHAUSTION') return TOO_DEEP;
  return error.message.charAt(0).toLowerCase() + error.message.slice(1);
}

function placeOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

interface Walk {
  readonly source: Source;
  readonly problems: Problem[];
  /** Where the walk is. */
  readonly path: (string | number)[];
  /** Anchors met so far; `null` while the walk is still inside of it. */
  readonly anchors: Map<string, Node | null>;
  aliased: number;
  /** How many aliases deep the walk is. */
  inAlias: number;
  overflowed: boolean;
}

const nothing = (mark: Mark): Tree => ({ kind: 'scalar', mark, value: null, text: '' });

function complain(walk: Walk, mark: Mark, message: string): void {
  walk.problems.push(problemAt(mark, walk.path, message));
}

function plant(walk: Walk, node: Node | null): Tree {
  const mark = new Mark(walk.source, node?.range?.[0] ?? 0);
  if (node === null || overflows(walk)) return nothing(mark);
  const refusal = refuse(walk, node);
  if (refusal !== undefined) {
    complain(walk, mark, refusal);
    return nothing(mark);
  }
  if (isAlias(node)) return follow(walk, node.source, mark);
  const { anchor } = node;
  if (anchor !== undefined && walk.inAlias === 0) walk.anchors.set(anchor, null);
  const tree = plantPlain(walk, node, mark);
  if (anchor !== undefined && walk.inAlias === 0) walk.anchors.set(anchor, node);
  return tree;
}

/** One step down, and back. */
function plantAt(walk: Walk, step: string | number, node: Node | null): Tree {
  walk.path.push(step);
  const tree = plant(walk, node);
  walk.path.pop();
  return tree;
}

/** Counts what aliases add. What does not fit is told by the alias of the file that leads there, not in the depth of a bomb. */
function overflows(walk: Walk): boolean {
  if (walk.inAlias > 0 && ++walk.aliased > MOST_ALIASED) walk.overflowed = true;
  return walk.overflowed;
}

function refuse(walk: Walk, node: Node): string | undefined {
  if ('tag' in node && typeof node.tag === 'string') return 'tags (!…) have no meaning here; remove it';
  const anchor = isAlias(node) ? undefined : node.anchor;
  if (walk.inAlias === 0 && anchor !== undefined && walk.anchors.has(anchor))
    return `the anchor &${anchor} is used twice`;
  return walk.path.length > DEEPEST ? TOO_DEEP : undefined;
}

function follow(walk: Walk, name: string, mark: Mark): Tree {
  const target = walk.anchors.get(name);
  if (target === undefined || target === null) {
    complain(walk, mark, target === null ? `*${name} contains itself` : `*${name} has no anchor &${name} before it`);
    return nothing(mark);
  }
  walk.inAlias++;
  const tree = plant(walk, target);
  walk.inAlias--;
  if (walk.overflowed && walk.inAlias === 0) {
    complain(walk, mark, `aliases add more than ${MOST_ALIASED} values; write them out`);
  }
  return tree;
}

function plantPlain(walk: Walk, node: Node, mark: Mark): Tree {
  if (isMap(node)) return { kind: 'map', mark, entries: plantEntries(walk, node) };
  if (isSeq(node)) {
    return { kind: 'list', mark, items: node.items.map((item, index) => plantAt(walk, index, item as Node | null)) };
  }
  const value = isScalar(node) ? node.value : undefined;
  const text = isScalar(node) ? (node.source ?? String(node.value)) : '';
  if (typeof value === 'number' && !Number.isFinite(value)) {
    complain(walk, mark, `${text} is no finite number`);
    return { kind: 'scalar', mark, value: 0, text };
  }
  return { kind: 'scalar', mark, value: (value ?? null) as Plain, text };
}

function plantEntries(walk: Walk, map: YAMLMap): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const pair of map.items as Pair<Node, Node | null>[]) {
    const key = new Mark(walk.source, pair.key.range?.[0] ?? 0);
    const name = isScalar(pair.key) ? (pair.key.source ?? String(pair.key.value)) : undefined;
    const wrong = wrongKey(name, name === undefined ? undefined : entries.get(name));
    if (name === undefined || wrong !== undefined) {
      walk.problems.push(problemAt(key, name === undefined ? walk.path : [...walk.path, name], wrong ?? ''));
    } else {
      const tree = pair.value === null ? nothing(key) : plantAt(walk, name, pair.value);
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
