/** A network that lets no mail out, as most clouds and homes are: told from mail that is down, from end to end. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeWith, ROOT } from '../lib/needs.ts';
import { openNetns, type Netns, type Place } from '../lib/netns.ts';
import type { ROLES } from './mailside.ts';

const ENTRY = fileURLToPath(new URL('../../src/ringback.js', import.meta.url));
const SIDE = fileURLToPath(new URL('mailside.ts', import.meta.url));
/** What a firewall of a provider does, on the way: silence for port 25, all else passes. */
const RULE = 'ipproto tcp dport 25 pref 10 blackhole';

describeWith({ ip: 'iproute2', ...ROOT }, 'a place', () => {
  let net: Netns;
  let blocked = false;
  const children: ChildProcess[] = [];

  function role(place: Place, name: keyof typeof ROLES, port: number): ChildProcess {
    const child = net.spawn(place, process.execPath, [SIDE, name, String(port)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    children.push(child);
    return child;
  }

  /** What `ringback try smtp` says in our namespace: kind, code, and the whole of it. */
  async function look(...words: readonly string[]): Promise<readonly [kind: string, code: string, message: string]> {
    const args = [ENTRY, 'try', 'smtp', ...words, 'security=none', '--timeout', '3s', '--allow-private', '--json'];
    const child = net.spawn('us', process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await once(child, 'close');
    const { finding } = JSON.parse(text) as { finding: { kind: string; fault?: { code: string; message: string } } };
    return [finding.kind, finding.fault?.code ?? 'ok', finding.fault?.message ?? ''];
  }

  function block(): void {
    net.ip('gateway', `rule add ${RULE}`);
    blocked = true;
  }

  beforeAll(async () => {
    net = openNetns();
    role('gateway', 'names', 53);
    role('far', 'exchanger', 25);
    role('far', 'exchanger', 587);
    for (let turn = 0; turn < 60; turn += 1) {
      if ((await look('domain=mail.test'))[0] === 'ok' && (await look('host=mx.one.id', 'port=587'))[0] === 'ok')
        return;
      await pause(250);
    }
    throw new Error('the far side does not come up');
  }, 60_000);
  afterEach(() => {
    if (blocked) net.ip('gateway', `rule del ${RULE}`);
    blocked = false;
  });
  afterAll(async () => {
    for (const child of children) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    net.close();
  });

  it('whose network drops port 25 says so, unless all exchangers are of one owner, and reaches other ports [MC-16]', async () => {
    block();
    const [unrelated, own, submission] = await Promise.all([
      look('domain=mail.test'),
      look('domain=own.test'),
      look('host=mx.one.id', 'port=587'),
    ]);
    expect(unrelated.slice(0, 2)).toEqual(['unknown', 'VANTAGE_PORT']);
    // Their own outage looks the same: it stays one, with a hint.
    expect(own.slice(0, 2)).toEqual(['failed', 'TCP_TIMEOUT']);
    expect(own[2]).toContain('block outgoing port 25');
    expect(submission.slice(0, 2)).toEqual(['ok', 'ok']);
  }, 30_000);

  it('where port 25 passes calls mail down that is down [MC-16]', async () => {
    const [exchanger] = children.splice(1, 1);
    exchanger?.kill('SIGKILL');
    if (exchanger !== undefined) await once(exchanger, 'exit');
    const [kind, code, message] = await look('domain=mail.test');
    expect([kind, code]).toEqual(['failed', 'TCP_REFUSED']);
    expect(message).toContain('none of 2 exchangers');
  }, 30_000);
});
