/**
 * What a look costs: 1,000 http targets every 10 s, judged and stored, beside undici alone doing the same requests at the
 * same rate in the same run. Prints its figures; asserts none.
 *
 *   node tests/bench/targets.ts [targets] [interval in s] [seconds]
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const [targets = 1_000, everySeconds = 10, seconds = 60] = process.argv.slice(2).map(Number);
const WARM_UP_MS = 15_000;
/** Ticks of /proc/PID/stat per second (USER_HZ on every Linux that Node runs on). */
const HERTZ = 100;

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

async function measured(child: ChildProcess, count: () => number): Promise<string> {
  const pid = child.pid ?? 0;
  await sleep(WARM_UP_MS);
  const [before, from] = [usageOf(pid), count()];
  await sleep(seconds * 1000);
  const [after, until] = [usageOf(pid), count()];
  const looks = until - from;
  const cpuMs = after.cpuMs - before.cpuMs;
  child.kill('SIGTERM');
  await once(child, 'exit');
  return `${looks} requests, ${(looks / seconds).toFixed(1)}/s, ${(cpuMs / looks).toFixed(3)} ms CPU each, ${((cpuMs / seconds / 1000) * 100).toFixed(1)} % of a core, ${after.rssMb.toFixed(0)} MB resident`;
}

const folder = mkdtempSync(join(tmpdir(), 'ringback-bench-'));
let served = 0;
const server = createServer((_request, response) => {
  served++;
  response.setHeader('content-type', 'application/json').end('{"status":"ok"}');
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;

const config = join(folder, 'bench.yaml');
writeFileSync(
  config,
  JSON.stringify({
    listen: '127.0.0.1:0',
    operator: { listen: '127.0.0.1:0' },
    store: join(folder, 'bench.db'),
    canaries: [],
    providers: [
      {
        id: 'bench',
        name: 'Bench',
        timezone: 'UTC',
        channels: Array.from({ length: targets }, (_, index) => ({
          id: `c${index}`,
          kind: 'app_help',
          name: { en: `Channel ${index}` },
          targets: [
            {
              id: 't',
              probe: 'http',
              every: `${everySeconds}s`,
              timeout: '5s',
              with: {
                url: `http://127.0.0.1:${port}/${index}`,
                allow_private: true,
                expect: { status: 200, json: [{ pointer: '/status', equals: 'ok' }] },
              },
            },
          ],
        })),
      },
    ],
  }),
);

const main = fileURLToPath(new URL('../../src/ringback.js', import.meta.url));
const floor = fileURLToPath(new URL('./floor.ts', import.meta.url));
const rate = targets / everySeconds;
console.log(
  `${targets} targets every ${everySeconds} s, measured for ${seconds} s after ${WARM_UP_MS / 1000} s, ${process.version}`,
);
const alone = spawn(process.execPath, [floor, String(port), String(rate)], { stdio: 'ignore' });
console.log(`undici alone   ${await measured(alone, () => served)}`);
const monitor = spawn(process.execPath, [main, 'serve', '--config', config], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
console.log(`ringback       ${await measured(monitor, () => served)}`);
server.close();
rmSync(folder, { recursive: true, force: true });
