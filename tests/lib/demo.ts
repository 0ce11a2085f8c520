/** The demo wallet and the monitor on it, on free ports and in a temporary folder. It knows no story. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PORTS, type DeskPort, type Ports } from '../../src/demo/demo.ts';
import { demo } from '../../src/main/demo.ts';

export type RunningDemo = Awaited<ReturnType<typeof startDemo>>;

export const FREE = Object.fromEntries(Object.keys(PORTS).map((desk) => [desk as DeskPort, 0])) as Ports;
const ANY = { host: '127.0.0.1', port: 0 };

/** Starts it; `close` ends it and removes what it wrote. */
export async function startDemo() {
  const folder = mkdtempSync(join(tmpdir(), 'ringback-demo-'));
  const store = join(folder, 'ringback.db');
  const service = await demo({ ports: FREE, listen: ANY, operator: ANY, store, logLevel: 'silent' });
  return {
    ...service,
    folder,
    close: async () => {
      await service.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks again and again until the answer is not undefined; fails with `what` after so many seconds. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  seconds = 90,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await sleep(150);
  }
}

/** The value of one series, undefined when there is none. All the labels given must agree. */
export async function series(
  service: Pick<RunningDemo, 'operatorUrl'>,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<number | undefined> {
  const text = await (await fetch(new URL('/metrics', service.operatorUrl))).text();
  const line = text
    .split('\n')
    .find(
      (each) =>
        each.startsWith(`${name}{`) &&
        Object.entries(labels).every(([label, value]) => each.includes(`${label}="${value}"`)),
    );
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
}
