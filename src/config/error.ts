/** What is wrong with a configuration, and how it is told. It knows places and words, no format. */

export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Such as `providers[0].channels[2].hours`; empty: the file as a whole. */
  readonly path: string;
  readonly message: string;
}

/** `file:line:column path: what is wrong`, as editors and CI systems know how to jump to. */
export function printProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  return problem.path === '' ? `${place}: ${problem.message}` : `${place} ${problem.path}: ${problem.message}`;
}

/** Every problem of a configuration at once, in the order of the files. Thrown by `loadConfig` alone. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    const ordered = inOrder(problems);
    super(ordered.map(printProblem).join('\n'));
    this.name = 'ConfigError';
    this.problems = ordered;
  }
}

/** By place, each once: the passes of the loader may find the same thing twice. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const once = new Map(problems.map((each) => [printProblem(each), each]));
  return [...once.values()].sort((a, b) =>
    a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1,
  );
}
