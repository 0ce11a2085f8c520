/** A real Prometheus that scrapes an address for a test, and promtool's opinion of metrics. It knows no metric of ours. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { programPath } from '../lib/needs.ts';
import { accepts, freePort, start } from './daemon.ts';
import type { Daemon } from './daemon.ts';

/** What the machine must have: package by program. */
export const NEEDS = { prometheus: 'prometheus', promtool: 'prometheus' };

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  readonly daemon: Daemon;
  /** An instant query. Throws on an error of PromQL. */
  query(expression: string): Promise<readonly Sample[]>;
  /** Asks until the answer is not empty and suits; then that answer. Fails after `withinMs`. */
  until(
    expression: string,
    suits?: (samples: readonly Sample[]) => boolean,
    withinMs?: number,
  ): Promise<readonly Sample[]>;
  /** Health and last error of each scraped address. */
  targets(): Promise<readonly { readonly health: string; readonly lastError: string }[]>;
}

export interface Scrape {
  /** Where the metrics are, such as `http://127.0.0.1:8081/metrics`. */
  readonly url: string;
  readonly bearer?: string;
  readonly everyMs?: number;
}

export async function startPrometheus(folder: string, scrape: Scrape): Promise<Prometheus> {
  const port = await freePort();
  const { host, pathname, protocol } = new URL(scrape.url);
  const every = `${scrape.everyMs ?? 500}ms`;
  // JSON is YAML.
  const config = {
    global: { scrape_interval: every, scrape_timeout: every },
    scrape_configs: [
      {
        job_name: 'ringback',
        scheme: protocol.replace(':', ''),
        metrics_path: pathname,
        static_configs: [{ targets: [host] }],
        ...(scrape.bearer === undefined ? {} : { authorization: { credentials: scrape.bearer } }),
      },
    ],
  };
  const configPath = join(folder, 'prometheus.yml');
  await writeFile(configPath, JSON.stringify(config));
  const daemon = await start({
    program: 'prometheus',
    args: [
      `--config.file=${configPath}`,
      `--storage.tsdb.path=${join(folder, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    folder,
    ready: async () =>
      (await accepts(port)) && (await fetch(`http://127.0.0.1:${port}/-/ready`).then((response) => response.ok)),
  });
  return { daemon, ...api(`http://127.0.0.1:${port}/api/v1`, daemon) };
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: readonly [number, string] }[];
    readonly activeTargets: readonly { readonly health: string; readonly lastError: string }[];
  };
}

function api(base: string, daemon: Daemon): Omit<Prometheus, 'daemon'> {
  const get = async (path: string): Promise<Answer['data']> => {
    const answer = (await (await fetch(`${base}/${path}`)).json()) as Answer;
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error ?? answer.status}`);
    return answer.data;
  };
  const query: Prometheus['query'] = async (expression) => {
    const { result } = await get(`query?query=${encodeURIComponent(expression)}`);
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  };
  return {
    query,
    async until(expression, suits = () => true, withinMs = 20_000) {
      const deadline = performance.now() + withinMs;
      for (;;) {
        const samples = await query(expression);
        if (samples.length > 0 && suits(samples)) return samples;
        if (performance.now() > deadline)
          throw new Error(`${expression} is ${JSON.stringify(samples)} after ${withinMs} ms\n${daemon.log()}`);
        await sleep(100);
      }
    },
    async targets() {
      const { activeTargets } = await get('targets?state=active');
      return activeTargets.map(({ health, lastError }) => ({ health, lastError }));
    },
  };
}

/** Gauges that prom-client itself names as if they were counters; everything else that promtool says is ours. */
const THEIRS = /^nodejs_active_(handles|requests|resources)_total\b/;

/** What `promtool check metrics` has against a page of metrics, line by line; empty when it is clean. */
export function complaintsAbout(metrics: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const child = execFile(programPath('promtool') ?? 'promtool', ['check', 'metrics'], (error, stdout, stderr) => {
      // A number is a verdict (0 clean, 3 not); a word means that it did not run.
      if (error !== null && typeof error.code !== 'number') {
        reject(new Error('promtool did not run', { cause: error }));
        return;
      }
      const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
      resolve(lines.filter((line) => !THEIRS.test(line)));
    });
    child.stdin?.end(metrics);
  });
}
