/** The verbs: reads the command line, calls main, prints. It decides no exit code but by the table below. */
import { styleText } from 'node:util';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Finding, Instant } from './core/model.ts';
import { serve, VERSION, type Address, type Service } from './main.ts';
import { openKinds } from './main/kinds.ts';
import {
  backup,
  explain,
  probe,
  restore,
  schema,
  tryKind,
  validate,
  type Looked,
  type Validated,
} from './main/once.ts';
import type { Format, ReportChoice } from './main/report.ts';

/** Exit codes, the same everywhere; 3, a configuration that is refused, comes from main. */
const EXIT = { ok: 0, bad: 1, usage: 2, unknown: 4, crash: 70 } as const;

const DEFAULT_CONFIG = 'config/gopay.yaml';

const TEACH = `
Examples:
  ringback demo                                  a whole support desk on this machine, watched; break it on its page
  ringback serve --config config/gopay.yaml      watch real channels
  ringback validate --config config/gopay.yaml   every mistake of a configuration at once
  ringback probe gopay/hotline/trunk             one look now: every phase, and why
  ringback try http url=https://example.com      one look without a configuration
  ringback backup /var/backups/ringback.db       a copy of the store, while it is at work
  ringback report --month 2026-10 --out oct.html a month's figures: html, md, csv or json
  ringback try --help                            the kinds of probe, and what each takes

Exit codes: 0 ok · 1 degraded or failed · 2 usage · 3 configuration · 4 unknown`;

/** Runs one command line and sets the exit code of the process. */
export async function run(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endOfReading);
  try {
    await program(await helpOfKinds()).parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Whoever read us has read enough (`| head`): that is no failure. */
function endOfReading(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const explained = explain(error);
  if (explained === undefined) {
    console.error(error);
    return EXIT.crash;
  }
  for (const line of explained.lines) console.error(paint('red', line, process.stderr));
  return explained.exitCode;
}

function program(kinds: string): Command {
  const root = new Command('ringback')
    .description("Tells whether a digital wallet's customer support can be reached, and why not.")
    .version(VERSION)
    .addHelpText('after', TEACH)
    .exitOverride()
    .showSuggestionAfterError()
    .enablePositionalOptions();
  listening(root.command('serve', { hidden: false }))
    .description('Watch the channels of a configuration until stopped')
    .requiredOption('--config <path>', 'configuration file, or a folder of them', DEFAULT_CONFIG)
    .action((options: Listening & { config: string }) => watchUntilStopped(() => serve({ ...options })));
  listening(root.command('demo'))
    .description('A demo wallet whose support desk answers on loopback, the monitor on it, and a page to break it')
    .action((options: Listening) => watchUntilStopped(() => runDemo({ ...options })));
  // Without a verb: what "npm start" does. With --config it watches real channels.
  listening(root.command('start', { isDefault: true, hidden: true }))
    .option('--config <path>')
    .action((options: Listening & { config?: string }) => {
      const { config } = options;
      return watchUntilStopped(() => (config === undefined ? runDemo(options) : serve({ ...options, config })));
    });
  root
    .command('validate')
    .description('Print every problem of a configuration as file:line:column path: what is wrong')
    .argument('[path]', 'configuration file or folder')
    .option('--config <path>', 'the same', DEFAULT_CONFIG)
    .option('--json', 'print JSON')
    .action(async (path: string | undefined, options: { config: string; json?: true }) => {
      printValid(await validate(path ?? options.config), options.json === true);
    });
  root
    .command('probe')
    .description('Look at one target of a configuration now')
    .argument('<target>', 'provider/channel/target, or as much of its end as names it')
    .option('--config <path>', 'configuration file or folder', DEFAULT_CONFIG)
    .option('--json', 'print JSON')
    .action(async (target: string, options: { config: string; json?: true }) => {
      printLook(await probe(options.config, target), options.json === true);
    });
  root
    .command('try')
    .description('Look once without a configuration')
    .argument('<kind>', 'kind of probe')
    .argument('[settings...]', 'key=value or key.sub=value, values as in YAML')
    .option('--with <file>', 'YAML file with the settings')
    .option('--timeout <duration>', 'longest the look may take, such as 5s')
    .option('--allow-private', 'allow private and loopback addresses')
    .option('--json', 'print JSON')
    .addHelpText('after', kinds)
    .action(async (kind: string, pairs: string[], options: Trying) => {
      const { with: file, json, ...rest } = options;
      printLook(await tryKind(kind, { pairs, ...rest, ...(file !== undefined && { file }) }), json === true);
    });
  copies(root);
  reporting(root);
  root
    .command('schema')
    .description('Print the JSON Schema of a configuration, for editors')
    .action(async () => {
      process.stdout.write(`${JSON.stringify(await schema(), null, 2)}\n`);
    });
  return root;
}

interface Storing {
  readonly config: string;
  readonly store?: string;
  readonly force?: true;
  readonly json?: true;
}

function storing(command: Command): Command {
  return command
    .option('--config <path>', 'configuration that names the store', DEFAULT_CONFIG)
    .option('--store <path>', 'database file, without a configuration')
    .option('--json', 'print JSON');
}

/** A line that is written over, on a terminal only. */
function progress(word: string): {
  readonly onProgress: (done: number, total: number) => void;
  readonly done: () => void;
} {
  if (!process.stderr.isTTY) return { onProgress: () => undefined, done: () => undefined };
  return {
    onProgress: (done, total) => {
      process.stderr.write(`\r${word} ${Math.floor((100 * done) / Math.max(1, total))} %`);
    },
    done: () => {
      process.stderr.write('\r\u001b[K');
    },
  };
}

function say(value: object, words: string, json: boolean): void {
  console.log(json ? JSON.stringify(value) : `${paint('green', '✓')} ${words}`);
}

/** The verbs that carry a store away and bring it back. */
function copies(root: Command): void {
  storing(root.command('backup'))
    .description('Copy the store into a file, also while a monitor is at work on it')
    .argument('<file>', 'where to; refused when it is there already')
    .option('--force', 'replace what is there')
    .action(async (file: string, { force, json, ...choice }: Storing) => {
      const { onProgress, done } = progress('copied');
      const copied = await backup(file, choice, { force: force === true, onProgress }).finally(done);
      say(copied, `${copied.path}: ${(copied.bytes / 2 ** 20).toFixed(1)} MiB`, json === true);
    });
  storing(root.command('restore'))
    .description('Put a copy in the place of the store, after it has been checked; no monitor may be at work on it')
    .argument('<file>', 'a copy made by "ringback backup"')
    .option('--force', 'move a store that is there aside')
    .action(async (file: string, { force, json, ...choice }: Storing) => {
      const onProgress = process.stderr.isTTY ? (step: string) => console.error(paint('dim', step)) : () => undefined;
      const restored = await restore(file, choice, { force: force === true, onProgress });
      const { path, movedTo, sentSince } = restored;
      const before = movedTo === undefined ? '' : `; the store before it is ${movedTo}`;
      const sent = sentSince === 0 ? '' : `; ${sentSince} messages that were sent since are not sent again`;
      say({ ...restored, movedTo: movedTo ?? null }, `${path} is restored${before}${sent}`, json === true);
    });
}

/** What only some verbs need is read with them: a monitor does without a wallet's whole support desk in memory. */
async function runDemo(options: Listening): Promise<Service> {
  const { demo } = await import('./main/demo.ts');
  return demo(options);
}

const REPORT_FORMATS: readonly Format[] = ['html', 'csv', 'json', 'md'];

function reporting(root: Command): void {
  root
    .command('report')
    .description('What was promised and what was delivered, channel by channel; last month unless a period is named')
    .option('--config <path>', 'configuration file or folder', DEFAULT_CONFIG)
    .option('--store <path>', 'database file, instead of the one of the configuration; a monitor may be at work on it')
    .option('--month <YYYY-MM>', 'a whole month')
    .option('--from <YYYY-MM-DD>', 'first day, by the clock of each provider')
    .option('--to <YYYY-MM-DD>', 'last day')
    .addOption(new Option('--format <format>', "absent: by the file's ending, else md").choices(REPORT_FORMATS))
    .option('--out <file>', 'write there instead of to the terminal; what is there is replaced')
    .action(async (choice: ReportChoice) => {
      const { onProgress, done } = progress('measured');
      const { report: reportOn } = await import('./main/report.ts');
      const text = await reportOn({ ...choice, onProgress }).finally(done);
      if (choice.out === undefined) process.stdout.write(text);
      else console.log(`${paint('green', '✓')} ${choice.out}`);
    });
}

interface Trying {
  readonly with?: string;
  readonly timeout?: string;
  readonly allowPrivate?: true;
  readonly json?: true;
}

interface Listening {
  readonly listen?: Address;
  readonly operator?: Address;
  readonly store?: string;
}

function listening(command: Command): Command {
  return command
    .addOption(new Option('--listen <host:port>', 'public listener: the status page').argParser(address))
    .addOption(new Option('--operator <host:port>', 'operator listener: metrics, health, console').argParser(address))
    .option('--store <path>', 'database file');
}

function address(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new InvalidArgumentError('Write host:port, such as 127.0.0.1:8080; port 0 picks a free one.');
  return { host: match[1] ?? (match[2] === undefined || match[2] === '' ? '0.0.0.0' : match[2]), port };
}

async function watchUntilStopped(start: () => Promise<Service>): Promise<void> {
  const service = await start();
  console.log(`listening public ${service.publicUrl}`);
  console.log(`listening operator ${service.operatorUrl}`);
  if (service.hint !== undefined) console.log(service.hint);
  process.on('SIGHUP', () => void service.reload());
  await new Promise<void>((resolve) => {
    const stop = (): void => {
      // A second signal ends at once: whoever sends it has waited long enough.
      process.once('SIGTERM', leave).once('SIGINT', leave);
      resolve();
    };
    process.once('SIGTERM', stop).once('SIGINT', stop);
  });
  await service.stop();
  process.removeAllListeners('SIGTERM').removeAllListeners('SIGINT');
}

function leave(): void {
  process.exit(EXIT.bad);
}

function printValid(config: Validated, json: boolean): void {
  const { path, providers, channels, targets, warnings } = config;
  if (json) {
    console.log(JSON.stringify({ ok: true, path, providers, channels, targets, warnings }));
    return;
  }
  for (const warning of warnings) console.log(`${paint('yellow', 'warning')} ${warning}`);
  console.log(`${paint('green', '✓')} ${path}: ${providers} providers, ${channels} channels, ${targets} targets`);
}

const TONES = { ok: 'green', degraded: 'yellow', failed: 'red', unknown: 'magenta' } as const;
const MARKS = { ok: '✓', degraded: '!', failed: '✗', unknown: '?' } as const;

function printLook(looked: Looked, json: boolean): void {
  const { finding } = looked;
  process.exitCode = exitOf(finding);
  if (json) {
    console.log(JSON.stringify(looked));
    return;
  }
  const { kind } = finding;
  const title = `${MARKS[kind]} ${kind}`;
  console.log(
    `${paint(TONES[kind], title)}  ${looked.target ?? looked.kind}  ${ms(looked.durationMs)}  ${stamp(looked.at)}`,
  );
  if (finding.kind !== 'ok') {
    const { fault } = finding;
    console.log(`  ${paint('bold', fault.code)} (${fault.cause}, blame: ${fault.blame}): ${fault.message}`);
  }
  console.log(`  reached: ${finding.rung.replaceAll('_', ' ')}`);
  printPhases(finding);
  for (const [name, value] of Object.entries(finding.facts)) console.log(`  ${name}: ${printFact(value)}`);
  for (const notice of finding.notices ?? []) console.log(`  notice (${notice.kind}): ${notice.title}`);
  for (const each of finding.evidence ?? []) {
    const text = each.type.startsWith('text/') ? each.text : `${each.type}, ${each.text.length} characters; see --json`;
    console.log(`\n${paint('dim', `--- ${each.name}`)}\n${text}`);
  }
}

/** A bar per phase, so that the slow one is seen before it is read. */
function printPhases(finding: Finding): void {
  const phases = Object.entries(finding.phases);
  const longest = Math.max(1, ...phases.map(([, value]) => value));
  const width = Math.max(0, ...phases.map(([name]) => name.length));
  for (const [name, value] of phases) {
    const bar = '█'.repeat(Math.max(1, Math.round((value / longest) * 30)));
    console.log(`  ${name.padEnd(width)} ${ms(value).padStart(9)} ${paint('cyan', bar)}`);
  }
}

function printFact(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function exitOf(finding: Finding): number {
  if (finding.kind === 'ok') return EXIT.ok;
  return finding.kind === 'unknown' ? EXIT.unknown : EXIT.bad;
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

function stamp(at: Instant): string {
  return new Date(at).toISOString();
}

type Paint = Parameters<typeof styleText>[0];

/** Colours only on a terminal; `NO_COLOR` is honoured by the stream check. */
function paint(style: Paint, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream });
}

async function helpOfKinds(): Promise<string> {
  const { probes } = await openKinds();
  const lines = [...probes].map(([name, kind]) => `  ${name.padEnd(16)} ${kind.summary}`);
  return `\nKinds:\n${lines.join('\n')}\n\nExamples:\n${[...probes].map(([name, kind]) => `  ringback try ${name} ${pairsOf(kind.example)}`).join('\n')}`;
}

/** An example's settings as they would be typed, one level deep; what does not fit a line goes into a file. */
function pairsOf(example: Record<string, unknown>): string {
  return Object.entries(example)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .map((pair) => (/[\s"'{}[\]<>;&|$*?]/.test(pair) ? `'${pair.replaceAll("'", String.raw`'\''`)}'` : pair))
    .join(' ');
}
