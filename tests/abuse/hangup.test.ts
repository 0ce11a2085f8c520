/** No call stays up: the process is told to end, or killed with -9, while it rings, before anything rang, and while they talk. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it, vi } from 'vitest';
import { headerOf, listOf } from '../../probes/lib/sip/header.ts';
import type { SipRequest } from '../../probes/lib/sip/message.ts';
import { openFarEnd, sdpFor } from '../lib/farside.ts';
import type { FarEnd } from '../lib/farside.ts';

const ENTRY = new URL('../../src/ringback.js', import.meta.url).pathname;
// Whole processes have to start, on a machine that may have better to do.
vi.setConfig({ testTimeout: 90_000 });
/** A whole process has to start. */
const WAIT = { timeout: 25_000 };
const folder = mkdtempSync(join(tmpdir(), 'ringback-hangup-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The product itself, with one call to a far end: by hand, or watching it. */
function ringback(port: number, verb: 'try' | 'serve' = 'try'): ChildProcess {
  const call = { trunk: { address: `sip:127.0.0.1:${port}` }, call: '+622150849000', allow: ['+622150849000'] };
  const settings = { ...call, allow_private: true, hangup: 'after_listen', listen: '50s', ring_timeout: '50s' };
  const target = {
    id: 'line',
    probe: 'sip-call',
    every: '5s',
    timeout: '4900ms',
    budget: { per_day: 20 },
    with: settings,
  };
  const channels = [{ id: 'phone', kind: 'phone', name: { en: 'Phone' }, targets: [target] }];
  const watched = {
    listen: '127.0.0.1:0',
    operator: { listen: '127.0.0.1:0' },
    store: join(folder, `${port}.db`),
    canaries: [],
    providers: [{ id: 'wallet', name: 'Wallet', timezone: 'Asia/Jakarta', channels }],
  };
  const path = join(folder, `${port}.yaml`);
  writeFileSync(path, JSON.stringify(verb === 'try' ? settings : watched));
  const words = verb === 'try' ? ['try', 'sip-call', '--with', path, '--timeout', '2m'] : ['serve', '--config', path];
  const child = spawn(process.execPath, [ENTRY, ...words], { stdio: 'ignore' });
  return child;
}

/** A far end and the product that calls it, for one test; whatever happens, both are gone afterwards. */
async function play(
  script: Parameters<typeof openFarEnd>[0],
  act: (end: FarEnd, child: ChildProcess) => Promise<void>,
  verb: 'try' | 'serve' = 'try',
): Promise<void> {
  const end = await openFarEnd(script);
  const child = ringback(end.port, verb);
  try {
    await act(end, child);
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await end.close();
  }
}

const heard = (end: FarEnd, method: string) => expect.poll(() => end.requests(method).length, WAIT).toBeGreaterThan(0);

/** A telephone that says `first` to an INVITE and is polite otherwise. */
const telephone =
  (first: (invite: SipRequest, end: FarEnd) => void): Parameters<typeof openFarEnd>[0] =>
  (request, end, count) => {
    if (request.method === 'INVITE' && count === 1) return first(request, end);
    if (request.method === 'CANCEL') end.reply(end.requests('INVITE')[0] ?? request, 487, 'Request Terminated');
    if (request.method !== 'ACK' && request.method !== 'INVITE') end.reply(request, 200, 'OK');
    return undefined;
  };
const rings = telephone((invite, end) => end.reply(invite, 180, 'Ringing'));

/** So many times faster than ours a second of the far side's session timer passes. */
const SCALE = 40;

/** Honours session timers (RFC 4028 §9, §10): who lets the session expire is told BYE, and the call is gone. */
function keepsTime(refresher: 'uac' | 'uas') {
  const kept: { bye?: { readonly afterMs: number; readonly refreshed: number } } = {};
  const script = telephone((invite, end) => {
    const seconds = Number(headerOf(invite, 'session-expires'));
    // §9: it takes part only in a session whose caller knows of timers.
    if (!listOf(invite, 'supported').includes('timer') || !(seconds >= 90)) return;
    const headers = { 'session-expires': `${seconds};refresher=${refresher}`, require: 'timer' };
    end.reply(invite, 200, 'OK', { body: sdpFor(9), headers });
    const began = performance.now();
    const scaled = (ms: number): number => ms / SCALE;
    const tell = (): void => {
      kept.bye = { afterMs: (performance.now() - began) * SCALE, refreshed: end.responses('UPDATE').length };
      end.ask(invite, 'BYE', 20, { reason: 'SIP;cause=408;text="Session expired"' });
    };
    // §10: who waits for our refresh hangs up a third of the interval, or 32 s, before its end.
    if (refresher === 'uac') setTimeout(tell, scaled((seconds - Math.min(32, seconds / 3)) * 1_000));
    else {
      // Who refreshes does so at half of it, and a refresh that nobody answers for 64 T1 ends the call.
      setTimeout(() => end.ask(invite, 'UPDATE', 10, { supported: 'timer' }), scaled(seconds * 500));
      setTimeout(() => end.responses('UPDATE').length > 0 || tell(), scaled(seconds * 500 + 32_000));
    }
  });
  return { kept, script };
}

it('edge 38: a process that lives answers a refresh; SIGTERM to `ringback serve` ends the call, and then the process', async () => {
  const { kept, script } = keepsTime('uas');
  const act = async (end: FarEnd, child: ChildProcess): Promise<void> => {
    const statuses = () => end.responses('UPDATE').map(({ status }) => status);
    await expect.poll(statuses, WAIT).toEqual([200]);
    child.kill('SIGTERM');
    await heard(end, 'BYE');
    await expect.poll(() => child.exitCode, WAIT).toBe(0);
    expect(kept.bye).toBeUndefined();
  };
  await play(script, act, 'serve');
});

it('SIGINT to `ringback try` ends a call that rings', async () => {
  await play(rings, async (end, child) => {
    await heard(end, 'INVITE');
    child.kill('SIGINT');
    await heard(end, 'CANCEL');
    await expect.poll(() => child.exitCode, WAIT).not.toBeNull();
  });
});

it('edge 23: SIGTERM before anything rang: the CANCEL is held until something has', async () => {
  const invited = Promise.withResolvers<SipRequest>();
  const act = async (end: FarEnd, child: ChildProcess): Promise<void> => {
    const invite = await invited.promise;
    child.kill('SIGTERM');
    await sleep(300);
    expect(end.requests('CANCEL')).toEqual([]);
    end.reply(invite, 180, 'Ringing');
    await heard(end, 'CANCEL');
  };
  await play(
    telephone((invite) => invited.resolve(invite)),
    act,
  );
});

it.each(['uac', 'uas'] as const)(
  'edge 38: a call whose process was killed with -9 is ended by the far side’s session timer (refresher %s)',
  async (refresher) => {
    const { kept, script } = keepsTime(refresher);
    await play(script, async (end, child) => {
      await heard(end, 'ACK');
      child.kill('SIGKILL');
      await expect.poll(() => kept.bye, WAIT).toBeDefined();
      expect(end.requests('BYE')).toEqual([]);
      // Not before a call of ours is over by our own clock (55 s).
      expect(kept.bye?.afterMs).toBeGreaterThan(55_000);
      expect(kept.bye?.refreshed).toBe(0);
    });
  },
);
