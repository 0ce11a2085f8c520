/** Thirty calls at once, one call, what reading a message costs, an OPTIONS look beside sipsak's: figures for people, printed. It judges nothing. */
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseMessage } from '../../probes/lib/sip/message.ts';
import { call, callTo, openFarEnd, openSpeaker, sdpFor } from '../lib/farside.ts';
import type { Speaker } from '../lib/farside.ts';
import { programPath } from '../lib/needs.ts';
import { garbage } from '../lib/servers.ts';
import { look } from '../lib/sip.ts';
import { voice, join } from '../lib/sounds.ts';
import { removeFolder, stateFolder } from '../peers/daemon.ts';
import { startTrunk } from '../peers/telephone.ts';

/** The median. */
const middle = (all: readonly number[]): string =>
  (all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN).toFixed(2);

const LISTEN_S = 8;
const speech = join(voice(), voice());

/** So many calls at once, each with a voice both ways. */
async function together(count: number): Promise<void> {
  const speakers = await Promise.all(Array.from({ length: count }, openSpeaker));
  const free = [...speakers];
  const far = await openFarEnd((request, end) => {
    if (request.method === 'INVITE') {
      const speaker: Speaker | undefined = free.pop();
      if (speaker === undefined) return;
      end.reply(request, 200, 'OK', { body: sdpFor(speaker.port) });
      speaker.play(request, speech);
    } else if (request.method !== 'ACK') end.reply(request, 200, 'OK');
  });
  const speaking = monitorEventLoopDelay({ resolution: 10 });
  speaking.enable();
  const cpu = process.cpuUsage();
  const began = performance.now();
  const findings = await Promise.all(
    Array.from({ length: count }, () =>
      call(callTo(far.port, { hangup: 'after_listen', listen: `${LISTEN_S}s` }), 30_000),
    ),
  );
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const lags = findings.map((each) => Number(each.facts['lag_ms'])).sort((a, b) => a - b);
  // What our own lag has spoiled is no figure of anything.
  const jitters = findings.flatMap(({ facts: { jitter_ms: ms } }) => (typeof ms === 'number' ? [ms] : []));
  jitters.sort((a, b) => a - b);
  const told = jitters.length === 0 ? '' : `: jitter median ${middle(jitters)} ms, worst ${jitters.at(-1) ?? 0} ms`;
  const losses = findings.map((each) => Number(each.facts['loss']));
  const good = findings.filter((each) => each.kind === 'ok').length;
  console.log(
    `${count} calls at once: ${good} ok, ${seconds.toFixed(1)} s, ${((user + system) / 10_000 / seconds).toFixed(1)} % of a core ` +
      `(both ends), worst lag of the listening thread median ${middle(lags)} ms, worst ${lags.at(-1) ?? 0} ms; ` +
      `${jitters.length} trusted${told}; worst loss ` +
      `${Math.max(...losses)}; the speakers' loop was late by ${(speaking.max / 1e6 - 10).toFixed(1)} ms at worst, ` +
      `${(speaking.percentile(99) / 1e6 - 10).toFixed(1)} ms in 99 of 100`,
  );
  await Promise.all([far.close(), ...speakers.map((each) => each.close())]);
}

/** Milliseconds for reading a response of usual size, and one that is damaged. */
function parsing(): void {
  const text = [
    'SIP/2.0 200 OK',
    'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport=5060;received=192.0.2.1',
    ...Array.from({ length: 4 }, (_, at) => `Record-Route: <sip:proxy${at}.example.id;lr;ftag=1928301774>`),
    'From: "Ringback" <sip:probe@example.id>;tag=1928301774',
    'To: <sip:+622150849000@example.id;user=phone>;tag=a6c85cf',
    'Call-ID: a84b4c76e66710@192.0.2.1',
    'CSeq: 2 INVITE',
    'Contact: <sip:desk@198.51.100.3:5060>',
    'Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE',
    'Content-Type: application/sdp',
  ].join('\r\n');
  const body = sdpFor(4_000);
  const whole = Buffer.from(`${text}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const rounds = 20_000;
  const time = (bytes: (round: number) => Buffer): string => {
    const began = performance.now();
    for (let round = 0; round < rounds; round += 1) parseMessage(bytes(round));
    return (((performance.now() - began) / rounds) * 1_000).toFixed(1);
  };
  time(() => whole);
  const damaged = Array.from({ length: 256 }, (_, seed) => {
    const copy = Buffer.from(whole);
    for (const at of garbage(12, seed + 1)) copy[(at * 37) % copy.length] = at;
    return copy;
  });
  console.log(
    `reading a message of ${whole.length} bytes: ${time(() => whole)} µs, damaged: ${time((round) => damaged[round % 256] ?? whole)} µs`,
  );
}

/**
 * In turn, so that both see the same machine; the trunk is Kamailio. What sipsak itself says of the reply is reckoned from its
 * last wait on, so its process is timed, and beside it one that only tells its version.
 */
async function asking(rounds: number): Promise<void> {
  const sipsak = programPath('sipsak');
  if (sipsak === undefined || programPath('kamailio') === undefined)
    return console.log('no OPTIONS beside sipsak: apt-get install sipsak kamailio kamailio-tls-modules');
  const folder = await stateFolder('bench');
  const trunk = await startTrunk(folder);
  const address = `sip:probe@127.0.0.1:${trunk.port}`;
  const times = { reply: [] as number[], look: [] as number[], sipsak: [] as number[], version: [] as number[] };
  const timed = (words: readonly string[]): number => {
    const began = performance.now();
    execFileSync(sipsak, words, { stdio: 'ignore' });
    return performance.now() - began;
  };
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    times.reply.push((await look({ address })).phases['reply'] ?? Number.NaN);
    times.look.push(performance.now() - began);
    times.sipsak.push(timed(['-s', address]));
    times.version.push(timed(['-V']));
  }
  await trunk.daemon.stop();
  await removeFolder(folder);
  console.log(
    `OPTIONS to Kamailio, medians of ${rounds} in turn: a look ${middle(times.look)} ms (reply after ${middle(times.reply)} ms); ` +
      `sipsak ${middle(times.sipsak)} ms, of which its start ${middle(times.version)} ms`,
  );
}

console.log(
  `load of the machine before: ${loadavg()
    .map((each) => each.toFixed(1))
    .join(' ')}`,
);
parsing();
await asking(41);
await together(1);
await sleep(500);
await together(10);
await sleep(500);
await together(30);
