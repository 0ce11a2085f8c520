/**
 * Damaged dialogues, sound and descriptions for test calls, as many as are asked for, over UDP and TCP:
 * `node tests/abuse/calls.ts [replies] [seed]`. Nothing may throw, hang, grow or be taken for an answer.
 */
import fc from 'fast-check';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { openLeg } from '../../probes/lib/media/leg.ts';
import { readSdp } from '../../probes/lib/media/sdp.ts';
import { openGuard } from '../../probes/lib/media/srtp.ts';
import { openFramer } from '../../probes/lib/sip/framer.ts';
import type { SipRequest } from '../../probes/lib/sip/message.ts';
import { bound, call, callTo, closed, openFarEnd, sdpFor } from '../lib/farside.ts';
import { openTcp } from '../lib/sip.ts';
import { asked, damage, damaged, rich } from '../lib/damage.ts';
import type { Damage } from '../lib/damage.ts';

const [REPLIES, SEED] = [Number(process.argv[2] ?? 20_000), Number(process.argv[3] ?? 20_261_122)];
/** Damaged messages for one call, and calls at once. */
const [EACH, LANES] = [100, 6];
const throws: string[] = [];
process.on('uncaughtException', (error) => throws.push(String(error)));
process.on('unhandledRejection', (error) => throws.push(String(error)));

const heapMb = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1_048_576;
};

/** What is kept of many calls: how they ended, and how long the slowest took. */
interface Toll {
  readonly endings: Map<string, number>;
  calls: number;
  sent: number;
  worstMs: number;
  falseOk: number;
}

async function take(toll: Toll, settings: Record<string, unknown>): Promise<void> {
  const began = performance.now();
  const finding = await call(settings, 6_000);
  toll.calls += 1;
  toll.worstMs = Math.max(toll.worstMs, performance.now() - began);
  const outcome = String(finding.facts['outcome']);
  if (finding.kind === 'ok' || outcome === 'answered') toll.falseOk += 1;
  const ending = `${finding.kind} ${outcome}`;
  toll.endings.set(ending, (toll.endings.get(ending) ?? 0) + 1);
}

const SETTINGS = { hangup: 'on_answer', ring_timeout: '300ms' };

/** Damaged replies to an INVITE, none of them a 200, and a far end that gives in when it is cancelled. */
async function overUdp(damages: readonly Damage[], toll: Toll): Promise<void> {
  const far = await openFarEnd((request, end, count) => {
    if (request.method === 'CANCEL') end.reply(end.requests('INVITE')[0] ?? request, 487, 'Request Terminated');
    if (request.method !== 'INVITE') return;
    // Asked for a login or a longer session, it calls again.
    if (count > 1) return end.reply(request, 180, 'Ringing');
    const left = [...damages];
    // A few at a time: what the kernel drops damages nothing.
    const send = (): void => {
      for (const each of left.splice(0, 25)) {
        end.send(damaged(rich(request, each.status), each));
        toll.sent += 1;
      }
      if (left.length > 0) setImmediate(send);
      else end.reply(request, 180, 'Ringing');
    };
    send();
  });
  await take(toll, callTo(far.port, SETTINGS));
  await far.close();
}

/** Whole calls in which everything that the far side says may be damaged: they may succeed, and must end. */
async function dialogues(damages: readonly Damage[], toll: Toll): Promise<void> {
  let next = 0;
  const far = await openFarEnd((request, end) => {
    const say = (bytes: Buffer): void => {
      const each = damages[next % damages.length];
      next += 1;
      toll.sent += 1;
      end.send(each === undefined || next % 3 > 0 ? bytes : damaged(bytes, each, 0));
    };
    if (request.method === 'ACK')
      for (const [at, method] of ['UPDATE', 'INVITE', 'INFO', 'REFER', 'BYE'].entries())
        say(asked(end.requests('INVITE')[0] ?? request, method, at + 1));
    else if (request.method === 'INVITE') for (const status of [100, 183, 180, 200]) say(rich(request, status));
    else say(rich(request, 200));
  });
  await take(toll, callTo(far.port, { hangup: 'after_listen', listen: '100ms', ring_timeout: '300ms' }));
  await far.close();
}

/** The same in streams: a connection ends at the first thing that is no SIP, so one message of each is damaged. */
async function overTcp(damages: readonly Damage[], toll: Toll): Promise<void> {
  const write = (invite: SipRequest, socket: Socket): void => {
    for (const each of damages) {
      if (!socket.writable) return;
      toll.sent += 1;
      socket.write(damaged(rich(invite, each.status), each));
    }
  };
  const server = await openTcp((socket) => {
    const framer = openFramer();
    socket.on('data', (chunk) => {
      for (const message of framer.push(chunk).messages)
        if (message.kind === 'request' && message.method === 'INVITE') write(message, socket);
    });
  });
  const trunk = { address: `sip:127.0.0.1:${server.port};transport=tcp` };
  await take(toll, callTo(0, { ...SETTINGS, trunk }));
  await server.close();
}

/** Damaged sound and noise into an open call, with and without keys. */
async function overRtp(count: number, random: (most: number) => number): Promise<string> {
  const [leg, socket] = [await openLeg('127.0.0.1', undefined, 0), await bound()];
  const keys = { ours: Buffer.alloc(30, 1), theirs: Buffer.alloc(30, 2) };
  const way = { phase: 'answered', address: '127.0.0.1', port: socket.address().port, codec: 'PCMU' } as const;
  leg.direct({ ...way, payloadType: 0, events: 101, listens: false, keys: undefined });
  const began = performance.now();
  const guard = openGuard(keys.theirs);
  for (let at = 0; at < count; at += 1) {
    const bytes = Buffer.alloc(random(400));
    for (let index = 0; index < bytes.length; index += 1) bytes[index] = random(256);
    if (bytes.length > 1 && random(4) > 0) bytes.writeUInt16BE(0x8000 | random(0x200), 0);
    if (at === count >> 1) leg.direct({ ...way, payloadType: 0, events: 101, listens: false, keys });
    guard.unprotect(bytes);
    socket.send(bytes, leg.port, '127.0.0.1');
    if (at % 50 === 0) await new Promise(setImmediate);
  }
  await closed(socket);
  const { phases } = await leg.close();
  const ms = performance.now() - began;
  return `${count} datagrams of noise for sound: ${phases.answered?.rtp.received ?? 0} heard, ${phases.answered?.unheard ?? 0} not, ${ms.toFixed(0)} ms, "${phases.answered?.hearing.sound ?? 'none'}"`;
}

/** Damaged session descriptions, read as offer and as answer. */
function overSdp(damages: readonly Damage[]): string {
  const whole = Buffer.from(sdpFor(4_000));
  let [usable, worstMs] = [0, 0];
  for (const each of damages) {
    const bytes = damaged(whole, each, 0);
    const began = performance.now();
    const read = readSdp(bytes, ['PCMU', 'PCMA'], each.status === 480);
    worstMs = Math.max(worstMs, performance.now() - began);
    if (!read.ok) continue;
    usable += 1;
    const { port, payloadType } = read.theirs;
    if (port < 1 || port > 65_535 || !(payloadType >= 0))
      throws.push(`a description that cannot be: ${bytes.toString()}`);
  }
  return `${damages.length} damaged descriptions: ${usable} usable, slowest ${worstMs.toFixed(2)} ms`;
}

function tell(name: string, { endings, calls, sent, worstMs, falseOk }: Toll, began: number): void {
  const ends = [...endings].map(([ending, count]) => `${ending}: ${count}`).join(', ');
  const seconds = ((performance.now() - began) / 1_000).toFixed(0);
  console.log(
    `${name}: ${sent} damaged replies in ${calls} calls and ${seconds} s, slowest call ${worstMs.toFixed(0)} ms, found to be well: ${falseOk} (${ends})`,
  );
}
/** Cuts the damages into portions of `size` for calls, a few of them at once. */
async function rounds(
  name: string,
  size: number,
  play: (mine: readonly Damage[], toll: Toll) => Promise<void>,
  all: readonly Damage[],
): Promise<Toll> {
  const began = performance.now();
  const toll: Toll = { endings: new Map(), calls: 0, sent: 0, worstMs: 0, falseOk: 0 };
  let at = 0;
  const lane = async (): Promise<void> => {
    while (at < all.length) {
      const mine = all.slice(at, at + size);
      at += size;
      await play(mine, toll);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  tell(name, toll, began);
  return toll;
}

const damages = fc.sample(damage, { numRuns: REPLIES, seed: SEED });
const before = heapMb();
const udp = await rounds('UDP', EACH, overUdp, damages);
// A stream seldom survives two damaged messages: each call is worth a handful.
const tcp = await rounds('TCP', 5, overTcp, damages.slice(0, REPLIES / 50));
await rounds('whole dialogues, which may succeed', 10, dialogues, damages.slice(0, REPLIES / 50));

let state = SEED >>> 0;
const random = (most: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 0x1_0000_0000) * most);
};
console.log(await overRtp(Math.min(REPLIES, 20_000), random));
console.log(overSdp(damages));
console.log(`heap: ${before.toFixed(1)} MB before, ${heapMb().toFixed(1)} MB after; thrown: ${throws.length}`);
for (const each of throws.slice(0, 10)) console.log(each);
process.exitCode = throws.length > 0 || udp.falseOk > 0 || tcp.falseOk > 0 ? 1 : 0;
