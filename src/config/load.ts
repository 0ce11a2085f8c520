/** A file or a folder of them to one configuration, or to every problem at once. It reads; main acts on what it says. */
import type { Provider } from '../core/model.ts';
import type { Route } from '../core/routing.ts';
import type { Secret } from '../core/secret.ts';
import { armProviders } from './arm.ts';
import { ConfigError } from './error.ts';
import type { Address } from './leaves.ts';
import { resolveHolidays } from './holidays.ts';
import type { ResolvedHolidays } from './holidays.ts';
import { filesOf, merge, readTree } from './file.ts';
import { checkReferences } from './references.ts';
import { fileSchema } from './schema.ts';
import type { FileConfig } from './schema.ts';
import { resolveSecrets } from './secrets.ts';
import { settle } from './settings.ts';
import type { Kinds, Settled } from './settings.ts';
import { bare, rootOf } from './tree.ts';
import { warningsOf } from './warnings.ts';
import { check, explain } from './words.ts';

export interface Config {
  /** Public: status page, feeds, v2 API. */
  readonly listen: Address;
  /** Metrics, health and the operator API. */
  readonly operator: { readonly listen: Address; readonly tokens: readonly Secret[] };
  /** Path of the database file, as written. */
  readonly store: string;
  readonly location: string;
  /** Hosts that tell whether we are online ourselves; empty: no test of our own network. */
  readonly canaries: readonly Address[];
  readonly retention: {
    readonly observationsMs: number;
    readonly rollupsMs: number;
    readonly evidenceMs: number;
    readonly reportsMs: number;
  };
  /** Ends in `/`. */
  readonly publicUrl?: string;
  /** With their targets armed and complete. */
  readonly providers: readonly Provider[];
  readonly receivers: readonly { readonly name: string; readonly kind: string; readonly settings: unknown }[];
  readonly routes: readonly Route[];
  /** What is allowed and yet unwise, each with its place. */
  readonly warnings: readonly string[];
}

/**
 * Loads a file, or all `*.yaml` of a folder as one. Throws `ConfigError` with every problem at once; a configuration is never
 * applied in part.
 */
export async function loadConfig(path: string, kinds: Kinds, environment: NodeJS.ProcessEnv): Promise<Config> {
  const files = await filesOf(path);
  const parsed = await Promise.all(files.map(readTree));
  const merged = merge(parsed);
  const { tree } = merged;
  if (tree === undefined || merged.problems.length > 0) throw new ConfigError(merged.problems);
  const { secrets, problems, warnings } = await resolveSecrets(tree, environment);
  const root = rootOf(tree);
  const shape = check(fileSchema, bare(tree, secrets));
  const holidays = await resolveHolidays(root, new Date().getUTCFullYear());
  const settled = settle(root, tree, kinds, secrets);
  const all = [
    ...problems,
    ...(shape.ok ? [] : explain(shape.issues, tree, [])),
    ...settled.problems,
    ...holidays.problems,
    ...checkReferences(root),
  ];
  if (!shape.ok || all.length > 0) throw new ConfigError(all);
  const unwise = warningsOf(shape.value, { settled, holidays: holidays.byProvider }, root);
  return assemble(shape.value, { settled, holidays }, [...warnings, ...unwise]);
}

interface Gathered {
  readonly settled: Settled;
  readonly holidays: ResolvedHolidays;
}

function assemble(file: FileConfig, { settled, holidays }: Gathered, warnings: readonly string[]): Config {
  const { observations, rollups, evidence, reports } = file.retention;
  return {
    listen: file.listen,
    operator: file.operator,
    store: file.store,
    location: file.location,
    canaries: file.canaries,
    retention: { observationsMs: observations, rollupsMs: rollups, evidenceMs: evidence, reportsMs: reports },
    ...(file.public_url !== undefined && { publicUrl: file.public_url }),
    providers: armProviders(file.providers, settled, holidays.byProvider),
    receivers: file.receivers.flatMap(({ name }, index) => {
      const own = settled.receivers.get(`receivers[${index}]`);
      return own === undefined ? [] : [{ name, ...own }];
    }),
    routes: file.routes.map(({ match, to, continue: goesOn, group_wait }) => ({
      match: Object.fromEntries(Object.entries(match).filter(([, each]) => each !== undefined)),
      to,
      continue: goesOn,
      groupWaitMs: group_wait,
    })),
    warnings,
  };
}

export { ConfigError, printProblem } from './error.ts';
