/**
 * What a look costs: http targets every 10 s, each with a new connection, judged and stored, beside undici alone doing the same
 * requests at the same rate in the same run. Prints its figures; asserts none.
 *
 *   node tests/bench/targets.ts [looks per second, comma separated] [seconds]
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Arrivals } from './answerer.ts';

const [rates = '100,1000,2000', seconds = '30'] = process.argv.slice(2);
const EVERY_S = 10;
const WARM_UP_MS = 25_000;
/** A file of a configuration takes no more than 4 MiB. */
const PER_FILE = 5_000;
/** Ticks of /proc/PID/stat per second (USER_HZ on every Linux that Node runs on). */
const HERTZ = 100;

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ringback-bench-'));

const answerer = fork(pathOf('./answerer.ts'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
const [port] = (await once(answerer, 'message')) as [number];

async function arrivals(): Promise<Arrivals> {
  answerer.send('tell');
  const [told] = (await once(answerer, 'message')) as [Arrivals];
  return told;
}

interface Usage {
  readonly cpuMs: number;
  readonly rssMb: number;
}

function usageOf(pid: number): Usage {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const cpuMs = ((Number(fields[11]) + Number(fields[12])) / HERTZ) * 1000;
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpuMs, rssMb: Number(rss) / 1024 };
}

interface Measured extends Arrivals {
  readonly cpuMs: number;
  readonly rssMb: number;
}

async function measured(child: ChildProcess): Promise<Measured> {
  const pid = child.pid ?? 0;
  await sleep(WARM_UP_MS);
  await arrivals();
  const before = usageOf(pid);
  await sleep(Number(seconds) * 1000);
  const [after, came] = [usageOf(pid), await arrivals()];
  return { ...came, cpuMs: after.cpuMs - before.cpuMs, rssMb: after.rssMb };
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}

function print(name: string, { count, cpuMs, rssMb, gapP99Ms, gapMaxMs }: Measured): void {
  const each = `${(cpuMs / count).toFixed(3)} ms CPU each, ${(cpuMs / Number(seconds) / 10).toFixed(1)} % of a core`;
  const gaps = `arrival gaps p99 ${gapP99Ms.toFixed(1)} ms, longest ${gapMaxMs.toFixed(0)} ms`;
  console.log(`  ${name} ${(count / Number(seconds)).toFixed(1)}/s, ${each}, ${rssMb.toFixed(0)} MB resident, ${gaps}`);
}

function channelOf(index: number): object {
  const setting = {
    url: `http://127.0.0.1:${port}/${index}`,
    allow_private: true,
    expect: { status: 200, json: [{ pointer: '/status', equals: 'ok' }] },
  };
  const target = { id: 't', probe: 'http', every: `${EVERY_S}s`, timeout: '5s', with: setting };
  return { id: `c${index}`, kind: 'app_help', name: { en: `Channel ${index}` }, targets: [target] };
}

function configOf(targets: number): string {
  const path = mkdtempSync(join(folder, 'config-'));
  const house = {
    listen: '127.0.0.1:0',
    operator: { listen: '127.0.0.1:0' },
    store: join(path, 'bench.db'),
    canaries: [],
  };
  for (let from = 0; from < targets; from += PER_FILE) {
    const channels = Array.from({ length: Math.min(PER_FILE, targets - from) }, (_, index) => channelOf(from + index));
    const providers = [{ id: `bench-${from}`, name: 'Bench', timezone: 'UTC', channels }];
    writeFileSync(join(path, `${from}.yaml`), JSON.stringify({ ...(from === 0 && house), providers }));
  }
  return path;
}

/** The monitor, once it has said where it listens for Prometheus. */
async function start(targets: number): Promise<{ readonly child: ChildProcess; readonly operator: string }> {
  const main = pathOf('../../src/ringback.js');
  const flags = process.env['BENCH_NODE_FLAGS']?.split(' ') ?? [];
  const child = spawn(process.execPath, [...flags, main, 'serve', '--config', configOf(targets)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const operator = /^listening operator (\S+)$/.exec(line)?.[1];
    if (operator !== undefined) {
      child.stdout.resume();
      return { child, operator };
    }
  }
  throw new Error('the monitor did not start');
}

interface OwnWords {
  readonly looked: number;
  readonly wrong: number;
  readonly skipped: number;
  readonly delayMs: number;
}

/** What the monitor itself tells, since its start; the delay of its loop in all but the worst hundredth since it was last asked. */
async function ownWords(operator: string): Promise<OwnWords> {
  const text = await (await fetch(new URL('/metrics', operator))).text();
  const sum = (pattern: RegExp): number =>
    [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
  return {
    looked: sum(/^support_probe_result_total\{[^}]*\} (\S+)$/gm),
    wrong: sum(/^support_probe_result_total\{[^}]*outcome="(?:failed|unknown|degraded)"[^}]*\} (\S+)$/gm),
    skipped: sum(/^ringback_looks_skipped_total\{[^}]*\} (\S+)$/gm),
    delayMs: 1_000 * sum(/^ringback_event_loop_delay_seconds\{statistic="p99"\} (\S+)$/gm),
  };
}

console.log(`http targets every ${EVERY_S} s, ${seconds} s each after ${WARM_UP_MS / 1000} s, Node ${process.version}`);
for (const rate of rates.split(',').map(Number)) {
  console.log(`${rate} looks per second, ${rate * EVERY_S} targets`);
  const alone = spawn(process.execPath, [pathOf('./floor.ts'), String(port), String(rate)], { stdio: 'ignore' });
  const floor = await measured(alone);
  await end(alone);
  print('undici alone', floor);
  const { child, operator } = await start(rate * EVERY_S);
  await sleep(WARM_UP_MS / 2);
  const before = await ownWords(operator);
  const ours = await measured(child);
  const after = await ownWords(operator);
  print('ringback    ', ours);
  const skipped = after.skipped - before.skipped;
  const missed = (100 * skipped) / (skipped + after.looked - before.looked);
  console.log(
    `  ratio        ${(ours.cpuMs / ours.count / (floor.cpuMs / floor.count)).toFixed(2)}; missed ${missed.toFixed(3)} %, ${after.wrong - before.wrong} not ok, loop delay p99 ${after.delayMs.toFixed(1)} ms`,
  );
  await end(child);
}
answerer.disconnect();
rmSync(folder, { recursive: true, force: true });
