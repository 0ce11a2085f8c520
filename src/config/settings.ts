/** The settings of targets and receivers, each by the schema of its own kind. It knows that kinds exist, and none by name. */
import { parseDuration, formatDuration } from '../core/duration.ts';
import type { Drawer, ProbeKind } from '../core/probe.ts';
import type { ReceiverKinds } from '../core/receiver.ts';
import type { Secret } from '../core/secret.ts';
import type { Problem } from './error.ts';
import { bare, printPath } from './tree.ts';
import type { Spot, Tree } from './tree.ts';
import { check, explain, nearest } from './words.ts';
import type { Issues } from './words.ts';

export interface Kinds {
  readonly probes: Drawer;
  readonly receivers: ReceiverKinds;
}

/** What a kind made of its settings, by the path of the target or receiver. */
export interface Settled {
  readonly probes: ReadonlyMap<string, { readonly settings: unknown; readonly timeoutMs: number }>;
  readonly receivers: ReadonlyMap<string, { readonly kind: string; readonly settings: unknown }>;
  readonly problems: readonly Problem[];
}

interface Desk {
  readonly root: Tree;
  readonly kinds: Kinds;
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly probes: Map<string, { settings: unknown; timeoutMs: number }>;
  readonly receivers: Map<string, { kind: string; settings: unknown }>;
  readonly problems: Problem[];
}

export function settle(root: Spot, tree: Tree, kinds: Kinds, secrets: ReadonlyMap<string, Secret>): Settled {
  const desk: Desk = { root: tree, kinds, secrets, probes: new Map(), receivers: new Map(), problems: [] };
  for (const provider of root.get('providers').items()) {
    for (const channel of provider.get('channels').items()) {
      for (const target of channel.get('targets').items()) settleTarget(desk, target);
    }
  }
  for (const receiver of root.get('receivers').items()) settleReceiver(desk, receiver);
  return desk;
}

/** Words for the name of a kind that there is not. */
export function unknownKind(name: string, known: Iterable<string>): string {
  const names = [...known].sort();
  const near = nearest(name, names);
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  return `"${name.slice(0, 60)}" is none of the kinds: ${names.join(', ')}${hint}`;
}

function settleTarget(desk: Desk, target: Spot): void {
  const name = target.get('probe').text;
  if (name === undefined) return;
  const kind = desk.kinds.probes.get(name);
  if (kind === undefined) {
    desk.problems.push(target.get('probe').problem(unknownKind(name, desk.kinds.probes.keys())));
    return;
  }
  if (kind.costly === true && !target.get('budget').exists) {
    desk.problems.push(
      target.problem(`${name} costs money or disturbs people, so it needs a cap: budget: { per_day: 20 }`),
    );
  }
  const raw = target.get('with').tree;
  if (raw !== undefined && raw.kind !== 'map') return;
  const lifted = liftedOf(target);
  const given = raw === undefined ? {} : (bare(raw, desk.secrets) as Record<string, unknown>);
  const parsed = check(kind.schema, { ...given, ...lifted });
  if (!parsed.ok) desk.problems.push(...explainTarget(parsed.issues, desk.root, target, lifted));
  const timeoutMs = timeoutOf(target, kind);
  desk.problems.push(...checkTimeout(target, kind, timeoutMs));
  if (parsed.ok) desk.probes.set(printPath(target.path), { settings: parsed.value, timeoutMs });
}

/** Settings of every kind that may stand beside `with`; there they win. */
const LIFTED = ['timeout', 'allow_private'] as const;

function liftedOf(target: Spot): Record<string, unknown> {
  return Object.fromEntries(
    LIFTED.flatMap((key) => {
      const { tree } = target.get(key);
      return tree?.kind === 'scalar' ? [[key, tree.value]] : [];
    }),
  );
}

/** A lifted setting that is wrong has been told at its own place, by the schema of the file. */
function explainTarget(issues: Issues, root: Tree, target: Spot, lifted: Record<string, unknown>): Problem[] {
  const own = issues.filter((issue) => !(String(issue.path[0]) in lifted));
  return explain(own, root, [...target.path, 'with']);
}

function timeoutOf(target: Spot, kind: ProbeKind): number {
  const written = target.get('timeout').text ?? target.get('with').get('timeout').text;
  return (written === undefined ? undefined : parseDuration(written)) ?? kind.timeoutMs;
}

/** A look that may outlast its interval would make the next one late, every time. */
function checkTimeout(target: Spot, kind: ProbeKind, timeoutMs: number): Problem[] {
  const every = target.get('every');
  const everyMs = every.text === undefined ? undefined : parseDuration(every.text);
  if (everyMs === undefined) return [];
  if (everyMs % 1_000 !== 0) return [every.problem('must be whole seconds')];
  if (timeoutMs < everyMs) return [];
  const spot = [target.get('timeout'), target.get('with').get('timeout')].find((each) => each.exists) ?? every;
  const whose = timeoutMs === kind.timeoutMs && spot === every ? 'the timeout of this kind' : 'the timeout';
  return [
    spot.problem(`${whose}, ${formatDuration(timeoutMs)}, must be shorter than \`every\`, ${formatDuration(everyMs)}`),
  ];
}

function settleReceiver(desk: Desk, receiver: Spot): void {
  const known = [...desk.kinds.receivers.keys()].sort();
  const given = receiver.keys().filter((each) => each.name !== 'name');
  const found = given.filter((each) => desk.kinds.receivers.has(each.name));
  for (const each of given) {
    if (desk.kinds.receivers.has(each.name)) continue;
    const problem = each.spot.problem(unknownKind(each.name, known));
    desk.problems.push({ ...problem, ...each.key.place() });
  }
  const [only, second] = found;
  if (second !== undefined)
    desk.problems.push(second.spot.problem('a receiver has one kind; give the other a name of its own'));
  if (given.length === 0 && receiver.tree?.kind === 'map') {
    desk.problems.push(receiver.problem(`needs a kind beside its name: ${known.join(', ')}`));
  }
  const kind = only === undefined ? undefined : desk.kinds.receivers.get(only.name);
  if (only === undefined || kind === undefined || only.spot.tree === undefined) return;
  const parsed = check(kind.schema, bare(only.spot.tree, desk.secrets));
  if (!parsed.ok) desk.problems.push(...explain(parsed.issues, desk.root, only.spot.path));
  else desk.receivers.set(printPath(receiver.path), { kind: only.name, settings: parsed.value });
}
