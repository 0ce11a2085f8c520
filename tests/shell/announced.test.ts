/** A monitor that reads announcements: what they say counts as maintenance at once, across a restart, until they say otherwise. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { report } from '../../src/main/report.ts';
import { serve, type Service } from '../../src/main.ts';
import { until } from '../lib/demo.ts';
import { folder } from '../lib/ledger.ts';
import { closedPort } from '../lib/sinks.ts';

const ANY = { host: '127.0.0.1', port: 0 };
const HOUR = 3_600_000;

/** A feed with one notice; undefined: the page is down. */
async function newsroom() {
  const room: { window: readonly [number, number] | undefined } = { window: undefined };
  const server = createServer((_request, response) => {
    if (room.window === undefined) return void response.writeHead(503).end();
    const [from, to] = room.window.map((at) => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`);
    const item = { id: '7', url: 'https://wallet.example/7', title: 'Scheduled maintenance: hotline' };
    const text = `The hotline is under maintenance from ${from ?? ''} to ${to ?? ''}.`;
    response.writeHead(200, { 'content-type': 'application/feed+json' });
    response.end(
      JSON.stringify({
        version: 'https://jsonfeed.org/version/1.1',
        title: 'News',
        items: [{ ...item, content_text: text, date_published: new Date().toISOString() }],
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return Object.assign(room, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/feed.json` });
}

it('an accepted announcement is maintenance for judging, page and report, survives a restart, and moves when it is moved', async () => {
  const home = folder();
  const [config, store] = [join(home, 'ringback.yaml'), join(home, 'r.db')];
  const room = await newsroom();
  const port = await closedPort();
  writeFileSync(
    config,
    `canaries: []
location: here
providers:
  - id: wallet
    name: Wallet
    timezone: Asia/Jakarta
    channels:
      - id: hotline
        kind: phone
        name: { en: Hotline }
        policy: { failures: 2, successes: 1, recheck: 1s }
        targets: [{ id: port, probe: tcp, every: 1s, timeout: 900ms, with: { address: "127.0.0.1:${port}", allow_private: true } }]
      - id: news
        kind: announcements
        name: { en: News }
        targets: [{ id: feed, probe: announcements, every: 1s, timeout: 900ms, with: { url: "${room.url}", allow_private: true, accept: auto, channels: { hotline: [hotline] } } }]
`,
  );
  let service: Service | undefined;
  const start = async (): Promise<Service> =>
    (service = await serve({ config, store, listen: ANY, operator: ANY, logLevel: 'silent' }));
  onTestFinished(() => service?.stop());
  const status = () => service?.board.channels().find(({ channel }) => channel.id === 'wallet/hotline')?.status;

  const now = Date.now();
  room.window = [now - HOUR, now + HOUR];
  const first = await start();
  await until('the maintenance', () => status() === 'under_maintenance' || undefined);
  const told = first.board.snapshot().providers[0]?.maintenances ?? [];
  expect(told.map((each) => each.channel)).toEqual(['hotline']);
  await first.stop();

  room.window = undefined;
  await start();
  expect(status()).toBe('under_maintenance');
  const days = { from: new Date(now).toISOString().slice(0, 10), to: new Date(now + HOUR).toISOString().slice(0, 10) };
  const figures = await report({ config, store, ...days, format: 'json' });
  expect(figures).toMatch(/"maintenance[A-Za-z_]*":\s*[1-9]/);

  room.window = [now + 24 * HOUR, now + 26 * HOUR];
  await until('the outage', () => status() === 'major_outage' || undefined);
  expect(service?.board.channels()[0]?.incident?.cause).toBe('refused');
}, 60_000);
