/** A whole monitor of a hundred channels in a small network of its own, and what it told and did while it could not see. */
import { execFile, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from '../lib/demo.ts';
import { FAR, farHost, openNetns, type Netns, type Place } from '../lib/netns.ts';
import { rowsOf } from '../lib/rows.ts';
import { DESKS, EAR, HTTP_DESK, NAMED_DESK, type ROLES, type Seen } from './blindside.ts';

const ENTRY = fileURLToPath(new URL('../../src/ringback.js', import.meta.url));
const SIDE = fileURLToPath(new URL('blindside.ts', import.meta.url));
const BLOCKER = fileURLToPath(new URL('blocker.ts', import.meta.url));

const HOSTS = 25;
export const CHANNELS = HOSTS * DESKS.length;
/** Looks every so many seconds, by the place of the desk at its host. */
const EVERY_S = [4, 4, 5, 5] as const;
const SECOND = 1_000;
/** Generous: a start, two rounds of canaries, or the wait for the outbox, on a machine that has much else to do. */
const WAIT_S = 60;

/** At all hosts but the first, one failure is an outage, so that a single look believed wrongly shows. Two are told. */
function configuration(folder: string): string {
  const channel = (index: number, place: number, port: number): string => {
    const name = `desk-${index}-${port}`;
    const at = `${port === NAMED_DESK ? `h${index}.wallet.test` : farHost(index)}:${port}`;
    const look =
      port === HTTP_DESK
        ? `probe: http, with: { url: "http://${at}/", allow_private: true }`
        : `probe: tcp, with: { address: "${at}", expect: "^220", allow_private: true }`;
    return `
      - id: ${name}
        kind: chat
        name: { en: ${name} }
        policy: { failures: ${index === 0 ? 2 : 1}, successes: 1, recheck: 1s }
        targets: [{ id: port, every: ${EVERY_S[place] ?? 5}s, timeout: 3s, ${look} }]`;
  };
  const channels = Array.from({ length: HOSTS }, (_, index) =>
    DESKS.map((port, place) => channel(index, place, port)).join(''),
  );
  const receiver = (name: string): string =>
    `{ name: ${name}, webhook: { url: "http://${FAR}:${EAR}/${name}", allow_private: true } }`;
  // A refusal is an answer: nobody has to listen where the canaries are.
  return `listen: 127.0.0.1:7080
operator: { listen: "127.0.0.1:7081" }
store: ${join(folder, 'ringback.db')}
canaries: [${[1, 2, 3].map((port) => `tcp:${FAR}:${port}`).join(', ')}]
receivers:
  - ${receiver('ops')}
  - ${receiver('lead')}
routes:
  - { to: [ops, lead] }
providers:
  - id: wallet
    name: Wallet
    timezone: Asia/Jakarta
    channels:${channels.join('')}
`;
}

/** A line of the monitor's log, as far as it matters here. */
interface Line {
  readonly at: number;
  readonly event?: string;
  readonly blind?: boolean;
  readonly lost?: string;
  readonly trouble?: string;
  readonly change?: string;
  readonly msg?: string;
}

/** What somebody on call heard. */
export interface Heard {
  readonly at: number;
  readonly receiver: string;
  readonly about: 'channel' | 'ringback';
  readonly event: string;
  readonly channel?: string;
}

export interface OwnRow {
  readonly trouble: string;
  readonly over: boolean;
  readonly because: string;
  readonly openedAt: number;
}

export interface Stage {
  readonly net: Netns;
  readonly monitor: ChildProcess;
  readonly names: ChildProcess;
  readonly lines: readonly Line[];
  readonly heard: readonly Heard[];
  /** When each look came to a desk. */
  readonly looks: readonly number[];
  /** Ends the desk at `<host>:<port>`. */
  closeDesk(address: string): void;
  rows(sql: string): readonly Readonly<Record<string, unknown>>[];
  incidents(): readonly { readonly channel: string; readonly cause: string }[];
  /** Looks that were believed to have failed, with what was said of them. */
  failures(): readonly string[];
  own(): readonly OwnRow[];
  /** Whether the page says that every channel works. */
  works(): Promise<boolean>;
  page(): Promise<Summary | undefined>;
  isBlind(): Promise<boolean>;
  close(): Promise<void>;
}

interface Summary {
  readonly components: readonly { readonly name: string; readonly status: string; readonly group: boolean }[];
  readonly incidents: readonly unknown[];
}

export interface StageOptions {
  /** The loop of the monitor stands still again and again. */
  readonly blocked?: boolean;
  /** The name server takes questions and answers none. */
  readonly nameless?: boolean;
}

let started = Promise.resolve();

/** Lays out the network and starts everything in it, when the one before has started: many at once would stall each other. */
export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const before = started;
  const turn = Promise.withResolvers<undefined>();
  started = turn.promise.then(() => undefined);
  try {
    await before;
    return await layOut(options);
  } finally {
    turn.resolve(undefined);
  }
}

async function layOut({ blocked = false, nameless = false }: StageOptions): Promise<Stage> {
  // What was made is undone in the reverse order, at the end and when a later step fails.
  await using made = new AsyncDisposableStack();
  const net = openNetns(HOSTS);
  made.defer(() => {
    net.close();
  });
  const folder = mkdtempSync(join(tmpdir(), 'ringback-blind-'));
  made.defer(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const config = join(folder, 'ringback.yaml');
  writeFileSync(config, configuration(folder));
  const [looks, heard, lines]: [number[], Heard[], Line[]] = [[], [], []];
  const play = (place: Place, role: keyof typeof ROLES, value: number): ChildProcess =>
    net.spawn(place, process.execPath, [SIDE, role, String(value)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const names = play('gateway', nameless ? 'mute' : 'names', 53);
  made.defer(() => end(names));
  const wallet = play('far', 'wallet', HOSTS);
  made.defer(() => end(wallet));
  let isReady = false;
  eachLine(wallet, 'stdout', (line) => {
    const seen = JSON.parse(line) as Seen;
    if ('ready' in seen) isReady = true;
    else if ('look' in seen) looks.push(seen.at);
    else heard.push(heardOf(seen));
  });
  await until('the far side', () => isReady || undefined, WAIT_S);
  const extra = blocked ? ['--import', BLOCKER] : [];
  const monitor = net.spawn('us', process.execPath, [...extra, ENTRY, 'serve', '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  made.defer(() => end(monitor));
  eachLine(monitor, 'stderr', (line) => {
    lines.push(lineOf(line));
  });
  await until('the start', () => lines.some(({ event }) => event === 'started') || undefined, WAIT_S);
  const ask = async (port: number, path: string): Promise<string | undefined> => {
    const words = ['netns', 'exec', net.name('us'), 'curl', '-sf', '-m', '5', `http://127.0.0.1:${port}${path}`];
    const answer = await promisify(execFile)('ip', words).catch(() => undefined);
    return answer?.stdout;
  };
  const file = join(folder, 'ringback.db');
  const page = async (): Promise<Summary | undefined> => {
    if (monitor.exitCode !== null) throw new Error(lines.map(({ msg }) => msg).join('\n'));
    const text = await ask(7080, '/api/v2/summary.json');
    return text === undefined ? undefined : (JSON.parse(text) as Summary);
  };
  const all = made.move();
  return {
    ...{ net, monitor, names, lines, heard, looks, page },
    rows: (sql) => rowsOf(file, sql),
    closeDesk: (address) => wallet.stdin?.write(`close ${address}\n`),
    incidents: () => rowsOf(file, 'select channel, cause from incident'),
    failures: () =>
      rowsOf<{ fault: string; detail: string; at: number }>(
        file,
        'select fault, detail, at from observation where kind = 2',
      ).map(({ fault, detail, at }) => `${new Date(at).toISOString()} ${fault}: ${detail}`),
    own: () =>
      rowsOf<Omit<OwnRow, 'over'> & { over: number }>(
        file,
        `select trouble, resolved_at is not null as over, rest ->> 'detail' as because, opened_at as openedAt
         from own_incident order by opened_at`,
      ).map((each) => ({ ...each, over: each.over === 1 })),
    works: async () => {
      const seen = (await page())?.components.filter(({ group }) => !group) ?? [];
      return seen.length === CHANNELS && seen.every(({ status }) => status === 'operational');
    },
    isBlind: async () => /^ringback_blind 1$/m.test((await ask(7081, '/metrics')) ?? ''),
    close: () => all.disposeAsync(),
  };
}

function eachLine(child: ChildProcess, stream: 'stdout' | 'stderr', take: (line: string) => void): void {
  const input = child[stream];
  if (input !== null) createInterface(input).on('line', take);
}

function heardOf({ at, ear, body }: Extract<Seen, { readonly ear: string }>): Heard {
  const { about, event, channel } = JSON.parse(body) as Heard & { readonly channel?: { readonly id: string } };
  return { at, receiver: ear.slice(1), about, event, ...(channel !== undefined && { channel: channel.id }) };
}

function lineOf(text: string): Line {
  try {
    const { time, ...rest } = JSON.parse(text) as Omit<Line, 'at'> & { readonly time: string };
    return { ...rest, at: Date.parse(time) };
  } catch {
    // A crash is told in plain words.
    return { at: Date.now(), msg: text };
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGCONT');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** A way to lose sight, and to get it back. */
export interface Loss {
  readonly name: string;
  /** What may be said of the part that is lost. */
  readonly lost: readonly (string | undefined)[];
  /** Not everything works when sight is back. */
  readonly stays?: true;
  /** Receivers are reached all the same. */
  readonly reaches?: true;
  readonly cut: (stage: Stage) => void;
  readonly mend: (stage: Stage) => void;
}

const heal = ({ net }: Stage): void => {
  net.heal();
};

export const LOSSES: readonly Loss[] = [
  {
    name: 'gateway up, upstream black-holed',
    lost: ['upstream'],
    cut: ({ net }) => {
      net.ip('gateway', 'route replace blackhole 10.77.2.0/24');
    },
    mend: heal,
  },
  {
    name: 'name server dead',
    lost: ['name server'],
    reaches: true,
    cut: ({ names }) => {
      names.kill('SIGSTOP');
    },
    mend: ({ names }) => {
      names.kill('SIGCONT');
    },
  },
  {
    name: 'gateway lost',
    // While the kernel remembers its hardware address it cannot be told from one that is silent by choice.
    lost: ['gateway', undefined],
    cut: ({ net }) => {
      net.ip('gateway', 'address del 10.77.1.1/24 dev up1');
    },
    mend: heal,
  },
  {
    name: 'link down',
    lost: ['link'],
    cut: ({ net }) => {
      net.ip('us', 'link set down dev up0');
    },
    mend: heal,
  },
  {
    name: 'default route gone',
    lost: ['route'],
    cut: ({ net }) => {
      net.ip('us', 'route del default');
    },
    mend: heal,
  },
];

/** What came of it; times in milliseconds. */
export interface Outcome {
  readonly incidents: number;
  /** Looks that were believed to have failed. */
  readonly failures: readonly string[];
  /** Messages that accused a channel. */
  readonly accusations: number;
  /** Incidents about ourselves that opened since the cut. */
  readonly own: readonly OwnRow[];
  readonly detectedMs: number;
  readonly lost: string | undefined;
  readonly seenAgainMs: number;
  /** Most messages about ourselves that one receiver got before and after sight returned. */
  readonly messagesBefore: number;
  readonly messagesAfter: number;
  readonly events: readonly string[];
  /** Most looks within any second, before the cut and after it was mended. */
  readonly busiestBefore: number;
  readonly busiestAfter: number;
}

/** Loses sight, stays blind for so long, and waits `settleMs` after it returned. */
export async function lose(stage: Stage, loss: Loss, { holdMs, settleMs }: Holding): Promise<Outcome> {
  await sees(stage);
  const cutAt = Date.now();
  loss.cut(stage);
  const blind = await until('blindness', () => sightSince(stage, cutAt, true), WAIT_S);
  await pause(Math.max(0, blind.at + holdMs - Date.now()));
  const mendedAt = Date.now();
  loss.mend(stage);
  const sight = await until('sight', () => sightSince(stage, mendedAt, false), WAIT_S);
  if (loss.stays !== true) await sees(stage);
  await pause(settleMs);
  const outcome = { detectedMs: blind.at - cutAt, lost: blind.lost, seenAgainMs: sight.at - mendedAt };
  return { ...outcome, ...toldOf(stage, cutAt, mendedAt) };
}

export interface Holding {
  readonly holdMs: number;
  readonly settleMs: number;
}

/** Stops the monitor itself for so long. */
export async function freeze(stage: Stage, { holdMs, settleMs }: Holding): Promise<Outcome> {
  await sees(stage);
  const cutAt = Date.now();
  stage.monitor.kill('SIGSTOP');
  await pause(holdMs);
  const mendedAt = Date.now();
  stage.monitor.kill('SIGCONT');
  const count = stage.looks.length;
  await until('looks', () => stage.looks.length > count || undefined, WAIT_S);
  const seenAgainMs = Date.now() - mendedAt;
  await sees(stage);
  await pause(settleMs);
  const known = stage.lines.find(({ at, event }) => event === 'ours' && at >= mendedAt);
  const detectedMs = known === undefined ? NaN : known.at - mendedAt;
  return { detectedMs, lost: undefined, seenAgainMs, ...toldOf(stage, cutAt, mendedAt) };
}

/** Until everything is seen. Asked seldom: several monitors share a machine. */
export async function sees(stage: Stage): Promise<void> {
  await until('a sight of everything', async () => (await stage.works()) || pause(SECOND, undefined), WAIT_S);
}

/** When the log said since an instant that we are blind, or that we see. */
export function sightSince({ lines }: Stage, from: number, blind: boolean): Line | undefined {
  return lines.find(({ event, at, ...line }) => event === 'sight' && at >= from && line.blind === blind);
}

export function toldOf(stage: Stage, cutAt: number, mendedAt: number) {
  const { heard, looks } = stage;
  const ofUs = heard.filter(({ about, at }) => about === 'ringback' && at >= cutAt);
  const after = ofUs.filter(({ at }) => at >= mendedAt);
  return {
    incidents: stage.incidents().length,
    failures: stage.failures(),
    accusations: heard.filter(({ about }) => about === 'channel').length,
    own: stage.own().filter(({ openedAt }) => openedAt >= cutAt - SECOND),
    messagesBefore: mostOfOne(ofUs.filter(({ at }) => at < mendedAt)),
    messagesAfter: mostOfOne(after),
    events: ofUs.filter(({ receiver }) => receiver === 'ops').map(({ event }) => event),
    busiestBefore: busiest(looks.filter((at) => at < cutAt)),
    busiestAfter: busiest(looks.filter((at) => at >= mendedAt)),
  };
}

function mostOfOne(heard: readonly Heard[]): number {
  return Math.max(0, ...['ops', 'lead'].map((name) => heard.filter(({ receiver }) => receiver === name).length));
}

/** Most within any second; instants in order. */
function busiest(looks: readonly number[]): number {
  let [most, first] = [0, 0];
  for (const [index, at] of looks.entries()) {
    while ((looks[first] ?? at) <= at - SECOND) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
