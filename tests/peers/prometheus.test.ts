/** A real Prometheus and promtool on a page of metrics as prom-client writes it: what is scraped is what was said. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../lib/needs.ts';
import { removeFolder, stateFolder } from './daemon.ts';
import { NEEDS, complaintsAbout, startPrometheus } from './prometheus.ts';
import type { Prometheus } from './prometheus.ts';

describeWith(NEEDS, 'a real Prometheus', () => {
  const registry = new Registry();
  const state = new Gauge({
    name: 'support_channel_state',
    help: 'State of a channel, one of them is 1.',
    labelNames: ['channel', 'state'],
    registers: [registry],
  });
  const looks = new Counter({ name: 'support_looks_total', help: 'Looks so far.', registers: [registry] });
  let server: Server;
  let folder: string;
  let prometheus: Prometheus;

  beforeAll(async () => {
    collectDefaultMetrics({ register: registry });
    state.set({ channel: 'hotline', state: 'operational' }, 1);
    server = createServer((request, response) => {
      looks.inc();
      response.writeHead(request.headers.authorization === 'Bearer letmein' ? 200 : 401, {
        'content-type': registry.contentType,
      });
      void registry.metrics().then((text) => response.end(text));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    folder = await stateFolder('prometheus');
    const { port } = server.address() as AddressInfo;
    prometheus = await startPrometheus(folder, { url: `http://127.0.0.1:${port}/metrics`, bearer: 'letmein' });
  });
  afterAll(async () => {
    await prometheus.daemon.stop();
    await removeFolder(folder);
    server.close();
  });

  it('scrapes what is served, with its labels', async () => {
    const [sample] = await prometheus.until('support_channel_state');
    expect(sample).toMatchObject({ value: 1, labels: { channel: 'hotline', state: 'operational', job: 'ringback' } });
    expect(await prometheus.targets()).toEqual([{ health: 'up', lastError: '' }]);
  });

  it('sees a change at the next scrape', async () => {
    state.set({ channel: 'hotline', state: 'operational' }, 0);
    const [sample] = await prometheus.until('support_channel_state', (samples) => samples[0]?.value === 0);
    expect(sample?.value).toBe(0);
  });

  it('refuses a query that is none', async () => {
    await expect(prometheus.query('support_channel_state{')).rejects.toThrow(/parse error/);
  });

  it('finds a proper page of metrics clean, and names what is wrong with another', async () => {
    expect(await complaintsAbout(await registry.metrics())).toEqual([]);
    const wrong = '# HELP support_wait_ms Wait.\n# TYPE support_wait_ms counter\nsupport_wait_ms 3\n';
    expect(await complaintsAbout(wrong)).toEqual([
      expect.stringContaining('counter metrics should have "_total" suffix'),
      expect.stringContaining('should not contain abbreviated units'),
    ]);
  });
});
