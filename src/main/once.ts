/** Part of main: what is done once and by hand, with nothing kept running. */
import { performance } from 'node:perf_hooks';
import { jsonSchema } from '../config/jsonschema.ts';
import { ConfigError, loadConfig, printProblem } from '../config/load.ts';
import { parseWith, type Try } from '../config/try.ts';
import { holdPromise } from '../core/judge.ts';
import type { Finding, Instant, Language, TargetId } from '../core/model.ts';
import type { ProbeKind } from '../core/probe.ts';
import { Roster } from '../core/roster.ts';
import { runProbe } from '../runner.ts';
import { backupFile, storeFile, type BackupOptions, type Copied } from '../store/backup.ts';
import { StoreError } from '../store/error.ts';
import { restoreFile, type Restored, type RestoreOptions } from '../store/restore.ts';
import { openKinds } from './kinds.ts';

/** The JSON Schema of a configuration file. */
export async function schema(): Promise<object> {
  return jsonSchema(await openKinds());
}

/** What is wrong, in lines for the terminal, and the exit code that says so; undefined for a defect of ours. */
export function explain(error: unknown): { readonly lines: readonly string[]; readonly exitCode: number } | undefined {
  if (error instanceof ConfigError) return { lines: error.problems.map(printProblem), exitCode: 3 };
  if (error instanceof UsageError) return { lines: [error.message], exitCode: 2 };
  if (error instanceof StoreError) return { lines: [error.message], exitCode: 1 };
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (syscall !== 'listen' || code === undefined) return undefined;
  const advice = 'choose another with --listen or --operator HOST:PORT (port 0 picks a free one)';
  return { lines: [`cannot listen: ${message}; ${advice}`], exitCode: 1 };
}

/** The words on the command line name nothing that exists. */
export class UsageError extends Error {}

export interface Validated {
  readonly path: string;
  readonly providers: number;
  readonly channels: number;
  readonly targets: number;
  readonly warnings: readonly string[];
}

/** Reads a configuration as `serve` would. Throws a ConfigError with every problem at once. */
export async function validate(path: string): Promise<Validated> {
  const { providers, warnings } = await loadConfig(path, await openKinds(), process.env);
  const channels = providers.flatMap((provider) => provider.channels);
  const targets = channels.reduce((sum, channel) => sum + channel.targets.length, 0);
  return { path, providers: providers.length, channels: channels.length, targets, warnings };
}

/** Which store is meant: one by its path, or else the one that a configuration names. */
export interface StoreChoice {
  readonly config: string;
  readonly store?: string;
}

async function storeOf({ config, store }: StoreChoice): Promise<string> {
  return store ?? (await loadConfig(config, await openKinds(), process.env)).store;
}

/** Copies a store into a file, whether or not a monitor is at work on it. */
export async function backup(to: string, choice: StoreChoice, options: BackupOptions): Promise<Copied> {
  return backupFile(storeFile(await storeOf(choice)), to, options);
}

/** Puts a copy in the place of a store on which no monitor is at work. */
export async function restore(from: string, choice: StoreChoice, options: RestoreOptions): Promise<Restored> {
  return restoreFile(from, await storeOf(choice), options);
}

/** One look by hand, as printed by `probe` and `try`. */
export interface Looked {
  readonly kind: string;
  readonly target?: TargetId;
  readonly at: Instant;
  readonly durationMs: number;
  readonly finding: Finding;
}

/** Looks once at a target of a configuration, named by its id or by as much of the end of it as is unique. */
export async function probe(path: string, name: string): Promise<Looked> {
  const kinds = await openKinds();
  const { providers } = await loadConfig(path, kinds, process.env);
  const all = providers.flatMap(({ timezone, channels }) =>
    channels.flatMap(({ languages, targets }) => targets.map((target) => ({ target, timezone, languages }))),
  );
  const exact = all.filter(({ target }) => target.id === name);
  const [found, ...others] = exact.length > 0 ? exact : all.filter(({ target }) => target.id.endsWith(`/${name}`));
  if (found === undefined || others.length > 0) {
    const known = all.map(({ target }) => target.id).join(', ');
    throw new UsageError(`"${name}" names ${found === undefined ? 'no' : 'more than one'} target; there are: ${known}`);
  }
  const { target, ...promise } = found;
  const kind = kinds.probes.get(target.probe);
  if (kind === undefined) throw new UsageError(`no kind of probe is called "${target.probe}"`);
  const looked = await lookOnce(target.probe, kind, { settings: target.with, timeoutMs: target.timeoutMs, ...promise });
  const answer = kind.answer === undefined ? undefined : looked.finding.phases[kind.answer];
  const finding = holdPromise(looked.finding, answer ?? looked.durationMs, target.promiseMs);
  return { ...looked, target: target.id, finding };
}

/** Looks once without a configuration. */
export async function tryKind(name: string, given: Try): Promise<Looked> {
  const { probes } = await openKinds();
  const kind = probes.get(name);
  if (kind === undefined)
    throw new UsageError(`no kind of probe is called "${name}"; there are: ${[...probes.keys()].join(', ')}`);
  const tried = await parseWith(name, given, probes, process.env);
  if (!tried.ok) throw new ConfigError(tried.problems);
  const { timeZone: timezone } = Intl.DateTimeFormat().resolvedOptions();
  return lookOnce(name, kind, { settings: tried.settings, timeoutMs: tried.timeoutMs, timezone });
}

async function lookOnce(
  name: string,
  kind: ProbeKind,
  run: {
    readonly settings: unknown;
    readonly timeoutMs: number;
    readonly timezone: string;
    readonly languages?: readonly Language[];
  },
): Promise<Looked> {
  const at = Date.now();
  const begun = performance.now();
  const deadlines = new Roster<AbortController>();
  // Whoever presses Ctrl-C must not leave a call up: the look says good-bye first. A second signal ends at once.
  const stop = (): void => {
    for (const each of deadlines.present()) each.abort();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const finding = await runProbe(kind, { ...run, startedAt: at, deadlines });
  process.off('SIGINT', stop).off('SIGTERM', stop);
  return { kind: name, at, durationMs: performance.now() - begun, finding };
}
