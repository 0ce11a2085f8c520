/** A real Prometheus on the monitor at work: what it scrapes is what is true, and promtool finds no fault with it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startDemo, until, type RunningDemo } from '../lib/demo.ts';
import { describeWith, programPath } from '../lib/needs.ts';
import { removeFolder, stateFolder } from './daemon.ts';
import { NEEDS, complaintsAbout, startPrometheus } from './prometheus.ts';
import type { Prometheus } from './prometheus.ts';

const DASHBOARDS = new URL('../../dashboards/', import.meta.url).pathname;

describeWith(NEEDS, 'a real Prometheus', () => {
  let demo: RunningDemo;
  let folder: string;
  let prometheus: Prometheus;

  beforeAll(async () => {
    demo = await startDemo();
    await until('every channel to work', () =>
      demo.board.channels().every((each) => each.status === 'operational') ? true : undefined,
    );
    folder = await stateFolder('prometheus');
    prometheus = await startPrometheus(folder, { url: `${demo.operatorUrl}/metrics` });
  });
  afterAll(async () => {
    await prometheus.daemon.stop();
    await removeFolder(folder);
    await demo.close();
  });

  it('scrapes every target with its labels', async () => {
    const targets = demo.config.providers.flatMap(({ channels }) => channels.flatMap((channel) => channel.targets));
    const samples = await prometheus.until('probe_success', (found) => found.length === targets.length);
    expect(samples.every((each) => each.value === 1)).toBe(true);
    expect(samples.map((each) => each.labels)).toContainEqual(
      expect.objectContaining({
        provider: 'demo',
        channel: 'phone',
        kind: 'phone',
        target: 'trunk',
        probe: 'sip-options',
        location: 'here',
      }),
    );
    expect(await prometheus.targets()).toEqual([{ health: 'up', lastError: '' }]);
  });

  it('sees an outage and its end', async () => {
    const help = demo.desks.switches.find((each) => each.id === 'help');
    const down = 'support_channel_state{channel="help",state="major_outage"} == 1';
    await help?.set('busy');
    expect(await prometheus.until(down)).toHaveLength(1);
    expect(await prometheus.until('support_incidents_total{channel="help",cause="overload"}')).toHaveLength(1);
    await help?.set('none');
    expect(await prometheus.until('support_channel_state{channel="help",state="operational"} == 1')).toHaveLength(1);
  });

  it('finds the metrics clean', async () => {
    const text = await (await fetch(new URL('/metrics', demo.operatorUrl))).text();
    expect(await complaintsAbout(text)).toEqual([]);
  });

  it('would complain about metrics that are not', async () => {
    const wrong = '# HELP support_wait_ms Wait.\n# TYPE support_wait_ms counter\nsupport_wait_ms 3\n';
    expect(await complaintsAbout(wrong)).toEqual([
      expect.stringContaining('counter metrics should have "_total" suffix'),
      expect.stringContaining('should not contain abbreviated units'),
    ]);
  });

  it('takes the rules and the configuration that we ship, and knows every metric that they name', async () => {
    const promtool = programPath('promtool') ?? 'promtool';
    expect(execFileSync(promtool, ['check', 'config', `${DASHBOARDS}prometheus.yml`], { encoding: 'utf8' })).toContain(
      'SUCCESS',
    );
    const { groups } = parse(readFileSync(`${DASHBOARDS}alerts.yml`, 'utf8')) as {
      groups: { rules: { alert: string; expr: string }[] }[];
    };
    for (const { alert, expr } of groups.flatMap((group) => group.rules)) {
      await prometheus.query(expr);
      for (const metric of new Set(expr.match(/\b(?:support|ringback|probe)_[a-z_]+/g))) {
        expect([alert, metric, (await prometheus.until(metric)).length > 0]).toEqual([alert, metric, true]);
      }
    }
  });
});
