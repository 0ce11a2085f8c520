/** Edge cases of test calls beyond one telephone over UDP: limits, streams, timers, threads and clocks; each by its number. */
import { execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openLeg } from '../../probes/lib/media/leg.ts';
import { formatPacket } from '../../probes/lib/media/rtp.ts';
import { openLine } from '../../probes/lib/media/studio.ts';
import { dialogOf } from '../../probes/lib/sip/dialog.ts';
import { openFramer } from '../../probes/lib/sip/framer.ts';
import { headerOf, listOf } from '../../probes/lib/sip/header.ts';
import type { SipMessage, SipRequest, SipResponse } from '../../probes/lib/sip/message.ts';
import { openTrace } from '../../probes/lib/sip/trace.ts';
import { openTransactions } from '../../probes/lib/sip/transaction.ts';
import { openWire } from '../../probes/lib/sip/wire.ts';
import { Secret } from '../../src/core/secret.ts';
import { certificates } from '../lib/certs.ts';
import { bound, call, callTo, closed, openFarEnd, openSpeaker, sdpFor } from '../lib/farside.ts';
import type { FarEnd } from '../lib/farside.ts';
import { garbage } from '../lib/servers.ts';
import { openTcp, openUdp, reply } from '../lib/sip.ts';
import { voice } from '../lib/sounds.ts';

const run = promisify(execFile);
const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});
async function keep<T extends { close(): Promise<unknown> }>(opening: Promise<T>): Promise<T> {
  const one = await opening;
  open.push(one);
  return one;
}

type Script = Parameters<typeof openFarEnd>[0];
const farEnd = (script: Script): Promise<FarEnd> => keep(openFarEnd(script));
const polite = (request: SipRequest, end: FarEnd): void => {
  if (request.method === 'CANCEL') end.reply(end.requests('INVITE')[0] ?? request, 487, 'Request Terminated');
  if (request.method !== 'ACK' && request.method !== 'INVITE') end.reply(request, 200, 'OK');
};
const answers: Script = (request, end) => {
  if (request.method === 'INVITE') end.reply(request, 200, 'OK', { body: sdpFor(9) });
  else polite(request, end);
};
const codeOf = (finding: object): unknown => 'fault' in finding && (finding.fault as { code: string }).code;

/** A telephone over TCP: `hear` writes what it likes to. */
async function streamEnd(hear: (request: SipRequest, socket: Socket) => void) {
  const heard: SipMessage[] = [];
  const server = await keep(
    openTcp((socket) => {
      const framer = openFramer();
      socket.setNoDelay();
      socket.on('data', (chunk) => {
        for (const message of framer.push(chunk).messages) {
          heard.push(message);
          if (message.kind === 'request') hear(message, socket);
        }
      });
    }),
  );
  const look = (settings: Record<string, unknown> = {}, timeoutMs = 20_000) =>
    call(callTo(0, { trunk: { address: `sip:127.0.0.1:${server.port};transport=tcp` }, ...settings }), timeoutMs);
  const methods = () => heard.flatMap((each) => (each.kind === 'request' ? [each.method] : []));
  return { look, methods };
}
const tagged = (request: SipRequest, status: number, reason: string, more: Record<string, string> = {}): Buffer =>
  reply(request, status, reason, { to: `${headerOf(request, 'to') ?? ''};tag=far`, ...more });

describe('timers', () => {
  it('edge 1: an INVITE is repeated in ever longer steps, everything else at least every 8 T1, and both end after 64', async () => {
    const methods: string[] = [];
    const mute = await keep(openUdp((bytes) => methods.push(bytes.toString('latin1', 0, 6))));
    const server = { transport: 'udp', host: '127.0.0.1', address: '127.0.0.1', port: mute.port } as const;
    const life = new AbortController();
    const wired = await openWire(server, { allow_private: true }, life.signal, openTrace());
    if (!wired.ok) expect.fail(wired.fault.message);
    const desk = openTransactions(wired.wire, 20);
    const draft = { uri: 'sip:x', headers: [{ name: 'cseq', value: '1 X' }], body: Buffer.alloc(0), to: undefined };
    const never = (): never => expect.fail('nobody answers');
    const silent = new Promise<void>((resolve) => {
      const events = { provisional: never, success: never, refused: never, silent: resolve };
      desk.invite({ ...draft, method: 'INVITE' }, events);
    });
    expect(await desk.ask({ ...draft, method: 'UPDATE' })).toBeUndefined();
    await silent;
    desk.close();
    wired.wire.close();
    // By the clock of RFC 3261 they are 7 and 11; a busy machine may miss some.
    const count = (begin: string) => methods.filter((each) => each.startsWith(begin)).length;
    expect([count('INVITE') <= 7, count('UPDATE') > count('INVITE'), count('UPDATE') <= 11]).toEqual([
      true,
      true,
      true,
    ]);
  });
});

describe('dialogs', () => {
  it('edge 4: 199 ends one of the early dialogs, and only that one', async () => {
    const end = await farEnd((request, far) => {
      if (request.method !== 'INVITE') return polite(request, far);
      const update = (cseq: number, tag: string): void =>
        far.ask(request, 'UPDATE', cseq, { from: `${headerOf(request, 'to') ?? ''};tag=${tag}` });
      for (const tag of ['one', 'two']) far.reply(request, 180, 'Ringing', { tag });
      update(1, 'one');
      far.reply(request, 199, 'Early Dialog Terminated', { tag: 'one' });
      update(2, 'one');
      return update(3, 'two');
    });
    await call(callTo(end.port, { hangup: 'on_answer', ring_timeout: '300ms' }));
    const statuses = end.responses('UPDATE').map((each) => [headerOf(each, 'cseq'), each.status]);
    expect(statuses).toEqual([
      ['1 UPDATE', 200],
      ['2 UPDATE', 481],
      ['3 UPDATE', 200],
    ]);
  });

  it.each([
    ['120;refresher=uas', '120;refresher=uas'],
    ['1800', '1800;refresher=uac'],
    ['30;refresher=uas', '30;refresher=uac'],
    ['36893488147419103232;refresher=uac', '90;refresher=uac'],
    ['soon', '90;refresher=uac'],
  ])('edge 19: a refresh that asks for a session of %s gets %s', async (asked, given) => {
    const end = await farEnd((request, far, count) => {
      answers(request, far, count);
      if (request.method === 'ACK' && count === 1)
        far.ask(far.requests('INVITE')[0] ?? request, 'UPDATE', 7, { 'session-expires': asked });
    });
    await call(callTo(end.port, { hangup: 'after_listen', listen: '200ms' }));
    const [answer = expect.fail()] = end.responses('UPDATE');
    expect([answer.status, headerOf(answer, 'session-expires')]).toEqual([200, given]);
  });

  it('edge 8: a PRACK that is challenged is sent once more', async () => {
    const login = { user: 'probe', password: new Secret('s3cret-of-the-trunk', 'env:P') };
    const end = await farEnd((request, far, count) => {
      if (request.method === 'INVITE')
        far.reply(request, 183, 'Progress', { headers: { require: '100rel', rseq: '5' } });
      else if (request.method === 'PRACK' && count === 1)
        far.reply(request, 407, 'Login', { headers: { 'proxy-authenticate': 'Digest realm="pbx", nonce="n"' } });
      else polite(request, far);
      if (request.method === 'PRACK' && count === 2)
        far.reply(far.requests('INVITE')[0] ?? request, 200, 'OK', { body: sdpFor(9) });
    });
    const trunk = { address: `sip:127.0.0.1:${end.port}`, ...login };
    expect((await call(callTo(end.port, { trunk, hangup: 'on_answer' }))).kind).toBe('ok');
    const [first = expect.fail(), second = expect.fail()] = end.requests('PRACK');
    expect([first, second].map((each) => headerOf(each, 'rack'))).toEqual(['5 1 INVITE', '5 1 INVITE']);
    expect(headerOf(second, 'proxy-authorization')).toMatch(/^Digest /);
  });

  it('edge 9: takes the way from the answer, not from what rang before it', async () => {
    const end = await farEnd((request, far) => {
      if (request.method !== 'INVITE') return polite(request, far);
      const by = (name: string) => ({ headers: { 'record-route': `<sip:127.0.0.1:${far.port};lr;${name}>` } });
      far.reply(request, 180, 'Ringing', by('early'));
      return far.reply(request, 200, 'OK', { body: sdpFor(9), ...by('final') });
    });
    await call(callTo(end.port, { hangup: 'on_answer' }));
    const [bye = expect.fail()] = end.requests('BYE');
    expect(listOf(bye, 'route')).toEqual([`<sip:127.0.0.1:${end.port};lr;final>`]);
  });

  it('edge 10: a private Contact of a public trunk is not believed, nor one that the policy forbids', () => {
    const trunk = { address: '8.8.8.8', port: 5_060 };
    const from = { address: '8.8.8.9', port: 5_070 };
    const place = (contact: string, allow_private = true) => {
      const headers = [{ name: 'contact', value: contact }];
      const response: SipResponse = { kind: 'response', status: 200, reason: '', headers, body: Buffer.alloc(0) };
      const ground = { uri: 'sip:x', there: trunk, reach: { allow_private }, udp: true };
      expect(dialogOf(response, from, { ...ground, pin: true }).place).toEqual(trunk);
      return dialogOf(response, from, { ...ground, pin: false }).place;
    };
    for (const contact of ['<sip:a@10.0.0.7:5080>', '<sip:a@[::1]>', '<sip:a@127.0.0.1>', '<sip:a@169.254.169.254>'])
      expect(place(contact)).toEqual(from);
    expect(place('<sip:a@8.8.4.4:5090>', false)).toEqual({ address: '8.8.4.4', port: 5_090 });
  });

  it.each([481, 491, 500])('edge 32: %i to what we ask during a call breaks nothing', async (status) => {
    const end = await farEnd((request, far) => {
      if (request.method === 'INVITE')
        far.reply(request, 183, 'Progress', { headers: { require: '100rel', rseq: '1' } });
      else if (request.method !== 'ACK') far.reply(request, status, 'Lab Reply');
      if (request.method === 'PRACK') far.reply(far.requests('INVITE')[0] ?? request, 200, 'OK', { body: sdpFor(9) });
    });
    expect(await call(callTo(end.port, { hangup: 'on_answer' }))).toMatchObject({
      kind: 'ok',
      facts: { hung_up_by: 'us' },
    });
    expect(['PRACK', 'BYE'].map((method) => end.requests(method).length)).toEqual([1, 1]);
    const sent = end.heard.filter((each) => each.kind === 'request');
    expect(new Set(sent.map((each) => headerOf(each, 'max-forwards')))).toEqual(new Set(['70']));
  });
});

describe('hostile bytes', () => {
  const lines = (count: number): string => 'x: y\r\n'.repeat(count);

  it('edge 13: 500 datagrams of garbage in the middle of a call are counted, and heard by nobody', async () => {
    const end = await farEnd((request, far, count) => {
      answers(request, far, count);
      if (request.method !== 'ACK' || count > 1) return;
      for (let seed = 1; seed <= 500; seed += 1) far.send(garbage((seed * 13) % 1_300, seed));
    });
    const finding = await call(callTo(end.port, { hangup: 'after_listen', listen: '400ms' }));
    expect(finding.facts).toMatchObject({ outcome: 'answered_no_media', hung_up_by: 'us' });
  });

  it.each([
    ['another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'PROTO_GARBAGE'],
    ['endless headers', `SIP/2.0 200 OK\r\n${lines(50_000)}`, 'TOO_LARGE'],
    ['a first line without end', 'x'.repeat(100_000), 'PROTO_GARBAGE'],
    ['a Content-Length of 999999999', 'SIP/2.0 200 OK\r\nContent-Length: 999999999\r\n\r\n', 'TOO_LARGE'],
  ])('edge 14: a stream with %s is closed, and the trunk is to blame', async (_, text, code) => {
    const { look } = await streamEnd((request, socket) => request.method === 'INVITE' && socket.write(text));
    expect(await look()).toMatchObject({ kind: 'unknown', fault: { code, blame: 'trunk' } });
  });

  it('edge 14: datagrams of another protocol, with 59 KB of headers or a length that lies are no answers, and said to be no SIP', async () => {
    const texts = [
      'HTTP/1.1 400 Bad Request\r\n\r\n',
      `SIP/2.0 486 Busy Here\r\n${lines(9_800)}\r\n`,
      'SIP/2.0 200 OK\r\nContent-Length: 999999999\r\n\r\n',
    ];
    const look = async (text: string) => {
      const end = await farEnd((request, far) => {
        if (request.method === 'INVITE') far.send(Buffer.from(text));
      });
      return call(callTo(end.port, { ring_timeout: '300ms' }), 6_000);
    };
    const wanted = { kind: 'unknown', fault: { code: 'PROTO_GARBAGE', blame: 'trunk' } };
    expect(await Promise.all(texts.map(look))).toMatchObject([wanted, wanted, wanted]);
  });

  it('edge 15: a stream may drip, carry keep-alives, several messages at once and one without its length', async () => {
    const end = await streamEnd((request, socket) => {
      if (request.method === 'BYE') socket.write(tagged(request, 200, 'OK'));
      if (request.method !== 'INVITE') return;
      const ringing = tagged(request, 180, 'Ringing')
        .toString()
        .replace(/Content-Length: 0\r\n/, '');
      const all = Buffer.concat([
        Buffer.from(`\r\n\r\n${ringing}\r\n\r\n`),
        tagged(request, 200, 'OK', { contact: '<sip:far@127.0.0.1;transport=tcp>' }),
      ]);
      void (async () => {
        for (const byte of all.subarray(0, 600)) {
          socket.write(Buffer.from([byte]));
          await turn();
        }
        socket.write(all.subarray(600));
      })();
    });
    const finding = await end.look({ hangup: 'on_answer' });
    expect(finding).toMatchObject({ kind: 'ok', facts: { outcome: 'answered', transport: 'tcp' } });
    expect(finding.phases['ringing']).toBeGreaterThanOrEqual(0);
    expect(end.methods()).toEqual(['INVITE', 'ACK', 'BYE']);
  });

  it('a way to the trunk that breaks during the call is held against the trunk', async () => {
    const end = await streamEnd((request, socket) => {
      if (request.method === 'INVITE') socket.write(tagged(request, 200, 'OK'));
      else socket.destroy();
    });
    const finding = await end.look({ hangup: 'after_listen', listen: '20s' }, 30_000);
    expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'PROTO_CLOSED', blame: 'trunk' } });
  });

  it.each([
    ['for another name', 'wrongName', 'CERT_NAME'],
    ['that is valid from tomorrow on', 'early', undefined],
    ['that nobody vouches for', 'selfSigned', undefined],
  ] as const)('edge 30: a certificate %s ends the call before the login is told', async (_, which, code) => {
    const made = await certificates();
    let bytes = 0;
    const server = await keep(
      openTcp((socket) => socket.on('data', (chunk) => (bytes += chunk.length)), createTlsServer(made[which])),
    );
    const trunk = { address: `sip:127.0.0.1:${server.port};transport=tls` };
    const finding = await call(callTo(0, { trunk, ca: made.caFile }));
    expect(finding).toMatchObject({ kind: 'unknown', fault: { blame: 'trunk' }, facts: { outcome: 'unreachable' } });
    expect(codeOf(finding)).toMatch(code ?? /^CERT_/);
    expect(bytes).toBe(0);
  });

  it.each(['255.255.255.255', '224.2.1.1'])('edge 42: sends no sound to %s', async (address) => {
    const end = await farEnd((request, far) => {
      if (request.method !== 'INVITE') return polite(request, far);
      return far.reply(request, 200, 'OK', { body: sdpFor(9, { 'c=': `c=IN IP4 ${address}` }) });
    });
    const finding = await call(callTo(end.port, { hangup: 'after_listen', listen: '200ms' }));
    expect([finding.kind, codeOf(finding)]).toEqual(['unknown', 'ADDR_BLOCKED']);
    expect(end.requests('BYE')).toHaveLength(1);
  });
});

describe('sound', () => {
  const packet = (sequence: number, change: { payloadType?: number; source?: number; payload?: Buffer } = {}) =>
    formatPacket({
      marker: false,
      payloadType: 0,
      sequence,
      timestamp: sequence * 160,
      source: 7,
      payload: Buffer.alloc(160, 0xff),
      ...change,
    });
  const direction = (port: number) => ({
    phase: 'answered' as const,
    address: '127.0.0.1',
    port,
    codec: 'PCMU' as const,
    payloadType: 0,
    events: 101,
    listens: false,
    keys: undefined,
  });
  /** What a leg reports of datagrams that a socket sends to it, some before and some after it knows what they are. */
  async function hears(before: readonly Buffer[], after: readonly Buffer[], theirs?: number) {
    const [leg, socket] = [await openLeg('127.0.0.1', undefined, 0), await bound()];
    const send = async (all: readonly Buffer[]): Promise<void> => {
      const sending = all.map((each) => new Promise((sent) => socket.send(each, leg.port, '127.0.0.1', sent)));
      await Promise.all(sending);
      // They are there; the loop reads some at each turn.
      for (let turns = 0; turns < 5; turns += 1) await sleep(20);
    };
    await send(before);
    leg.direct(direction(theirs ?? socket.address().port));
    await send(after);
    await closed(socket);
    return (await leg.close()).phases.answered ?? expect.fail();
  }
  const some = (count: number, change = {}) => Array.from({ length: count }, (_, at) => packet(at, change));

  it('edge 5: what overtakes its description is not heard as anything', async () => {
    const heard = await hears(some(7), some(3));
    expect([heard.rtp.received, heard.unheard]).toEqual([3, 7]);
  });

  it('edge 27: sound from another port than the description says is heard, and flagged', async () => {
    expect(await hears([], some(5), 9)).toMatchObject({ elsewhere: true, rtp: { received: 5 } });
    expect(await hears([], some(5))).toMatchObject({ elsewhere: false, rtp: { received: 5 } });
    const speaker = await keep(openSpeaker());
    const end = await farEnd((request, far) => {
      if (request.method !== 'INVITE') return polite(request, far);
      far.reply(request, 200, 'OK', { body: sdpFor(9) });
      return speaker.play(request, voice());
    });
    const finding = await call(callTo(end.port, { hangup: 'after_listen', listen: '2s' }));
    expect(finding).toMatchObject({ kind: 'ok', facts: { audio: 'voice', sound_from_elsewhere: true } });
  });

  it('edge 28: comfort noise is media and no voice; a codec that nobody agreed on is neither', async () => {
    const noise = await hears([], some(60, { payloadType: 13, payload: Buffer.from([40]) }));
    expect(noise).toMatchObject({ hearing: { sound: 'silence' }, rtp: { received: 60, lost: 0 }, unheard: 0 });
    const foreign = await hears([], some(60, { payloadType: 9 }));
    expect(foreign).toMatchObject({ hearing: { sound: 'none' }, rtp: { received: 0 }, unheard: 60 });
  });

  it('edge 39: a main loop that is blocked for two seconds is not heard as a gap, and the lag is told', async () => {
    const opened = await openLine('127.0.0.1');
    if (!opened.ok) expect.fail(opened.fault.message);
    const { line } = opened;
    line.direct(direction(9));
    const metronome = new Worker(new URL('../lib/metronome.ts', import.meta.url), { workerData: line.port });
    expect(await line.wait('voice', 20_000)).toBe(true);
    const until = performance.now() + 2_000;
    while (performance.now() < until);
    await sleep(100);
    const heard = (await line.close()) ?? expect.fail();
    await metronome.terminate();
    expect(heard.phases.answered?.rtp.gapMs).toBeLessThan(1_900);
    expect(heard.phases.answered?.rtp.received).toBeGreaterThan(50);
    expect(heard.lagMs).toBeGreaterThanOrEqual(0);
  });

  it('edge 39: nothing is said of quality when we ourselves stood still, and the lag is told', async () => {
    const speaker = await keep(openSpeaker());
    const end = await farEnd((request, far) => {
      answers(request, far, 1);
      if (request.method !== 'INVITE') return;
      speaker.play(request, voice());
      const script = `sleep 0.3; kill -STOP ${process.pid}; sleep 0.3; kill -CONT ${process.pid}`;
      spawn('sh', ['-c', script], { stdio: 'ignore' });
    });
    const { facts } = await call(callTo(end.port, { hangup: 'after_listen', listen: '2s' }));
    expect(facts).toMatchObject({ outcome: 'answered', quality: 'untrusted', loss: 0 });
    expect(facts['lag_ms']).toBeGreaterThan(200);
    expect([facts['jitter_ms'], facts['mos_estimated']]).toEqual([undefined, undefined]);
  });

  it('a thread that is slow to start is not waited for beyond the time of a look, and what it opens then is closed', async () => {
    const within = (withinMs: number, signal: AbortSignal) => openLine('127.0.0.1', ports, { withinMs, signal });
    const ports = { from: 42_380, to: 42_381 };
    const late = { ok: false, fault: { code: 'DEADLINE', blame: 'probe' } };
    const ending = new AbortController();
    const opening = within(60_000, ending.signal);
    ending.abort();
    expect(await opening).toMatchObject(late);
    expect(await within(60_000, AbortSignal.abort())).toMatchObject(late);
    const isFree = async (): Promise<boolean> => {
      const again = await openLine('127.0.0.1', ports);
      if (again.ok) await again.line.close();
      return again.ok;
    };
    await expect.poll(isFree, { timeout: 20_000 }).toBe(true);
  });

  it('the thread is kept for the next call, and keeps no process up', async () => {
    let threads = 0;
    const count = (): number => (threads += 1);
    process.on('worker', count);
    for (let each = 0; each < 3; each += 1) {
      const opened = await openLine('127.0.0.1');
      if (!opened.ok) expect.fail(opened.fault.message);
      await opened.line.close();
    }
    process.off('worker', count);
    expect(threads).toBeLessThanOrEqual(1);
    const studio = new URL('../../probes/lib/media/studio.ts', import.meta.url).href;
    const script = `const { openLine } = await import('${studio}');
      const { line } = await openLine('127.0.0.1');
      await line.close();
      const began = performance.now();
      process.on('exit', () => console.log(Math.round(performance.now() - began)));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { timeout: 60_000 });
    // It would be ten seconds.
    expect(Number(stdout)).toBeLessThan(8_000);
  });
});

describe('edge 40: clocks', () => {
  it('that jump during a call change none of its times', async () => {
    const speaker = await keep(openSpeaker());
    vi.useFakeTimers({ toFake: ['Date'] });
    const end = await farEnd((request, far) => {
      if (request.method !== 'INVITE') return polite(request, far);
      vi.setSystemTime(Date.now() - 3_600_000);
      far.reply(request, 180, 'Ringing');
      far.reply(request, 200, 'OK', { body: sdpFor(speaker.port) });
      return speaker.play(request, voice());
    });
    const finding = await call(callTo(end.port, { hangup: 'after_listen', listen: '1s' }));
    vi.useRealTimers();
    expect(finding.kind).toBe('ok');
    expect(Object.keys(finding.phases)).toContain('first_rtp');
    expect(Object.values(finding.phases).filter((ms) => ms < 0 || ms > 10_000)).toEqual([]);
  });

  it('of the calendar are read nowhere on the way of a call', () => {
    const probes = new URL('../../probes/', import.meta.url).pathname;
    const files = ['lib/sip', 'lib/media'].flatMap((folder) =>
      readdirSync(probes + folder).map((name) => `${folder}/${name}`),
    );
    const calendars = [...files, 'sip-call.ts', 'sip-options.ts', 'lib/ivr.ts', 'lib/mediathread.ts'].filter((file) =>
      // The calendar at the start of a thread is no better: it may jump between the starts of two of them.
      /\bDate\b|timeOrigin/.test(readFileSync(probes + file, 'utf8')),
    );
    expect(calendars).toEqual([]);
  });
});
