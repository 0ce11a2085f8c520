/** Our own loop blocked again and again: no channel is accused, and our overload is counted. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { serve } from '../../src/main.ts';
import { rowsOf } from '../lib/rows.ts';

const SIDE = fileURLToPath(new URL('blindside.ts', import.meta.url));
const LONG_MS = 90_000;

function configuration(folder: string, port: number): string {
  return `listen: 127.0.0.1:7080
operator: { listen: "127.0.0.1:7081" }
store: ${join(folder, 'ringback.db')}
canaries: []
receivers:
  - { name: ops, webhook: { url: "http://127.0.0.1:9/hook", allow_private: true } }
routes:
  - { to: [ops] }
providers:
  - id: wallet
    name: Wallet
    timezone: Asia/Jakarta
    channels:
      - id: desk
        kind: chat
        name: { en: Desk }
        policy: { failures: 1, successes: 1, recheck: 1s }
        targets: [{ id: port, probe: tcp, every: 1s, timeout: 900ms, with: { address: "127.0.0.1:${port}", expect: "^220", allow_private: true } }]
`;
}

describe('our own loop', () => {
  it(
    'R-15: blocked for 0.1 to 1.5 s at random, we accuse nobody, and our own overload is counted',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'ringback-blind-'));
      const rows = (sql: string): readonly unknown[] => rowsOf(join(folder, 'ringback.db'), sql);
      const overloads = (): number => rows("select 1 from observation where fault = 'SELF_OVERLOAD'").length;
      const desk = spawn(process.execPath, [SIDE, 'slow', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [port] = (await once(desk.stdout, 'data')) as [Buffer];
      const path = join(folder, 'ringback.yaml');
      writeFileSync(path, configuration(folder, Number(String(port))));
      const any = { host: '127.0.0.1', port: 0 };
      const service = await serve({ config: path, listen: any, operator: any, logLevel: 'silent' });
      try {
        const limit = performance.now() + 50_000;
        for (let block = 0; block < 8 || (overloads() === 0 && performance.now() < limit); block += 1) {
          await pause(200 + Math.random() * 800);
          // After a turn the timers come before what was received: the deadline strikes though the answer is there.
          await turn();
          // After those at random, some that are long enough to hide an answer until its deadline.
          const shortest = block < 8 ? 100 : 900;
          const until = performance.now() + shortest + Math.random() * (1_500 - shortest);
          while (performance.now() < until);
        }
        await pause(2_000);
        expect(overloads()).toBeGreaterThan(0);
        expect(rows('select channel, cause from incident')).toEqual([]);
        expect(rows("select key from notification where incident not like 'ringback.%'")).toEqual([]);
      } finally {
        await service.stop();
        desk.kill('SIGKILL');
        rmSync(folder, { recursive: true, force: true });
      }
    },
    LONG_MS,
  );
});
