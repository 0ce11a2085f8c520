/**
 * What a look costs by kind: CPU and memory of this process while it looks at the demo's desks, which stand in another one; then
 * the phases of an `http` look beside curl's, in turn, against a server that is late by a known time. Prints figures; asserts none.
 *
 *   node tests/bench/kinds.ts [looks of a quick kind]
 */
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadConfig } from '../../src/config/load.ts';
import type { Finding } from '../../src/core/model.ts';
import type { ProbeKind } from '../../src/core/probe.ts';
import { Roster } from '../../src/core/roster.ts';
import { Secret } from '../../src/core/secret.ts';
import { furnish } from '../../src/main/demo.ts';
import { openKinds } from '../../src/main/kinds.ts';
import { runProbe } from '../../src/runner.ts';
import { ACCOUNT, TOKEN } from '../lib/twilio.ts';
import type { FarSide } from './far.ts';

const QUICK = Number(process.argv[2] ?? 200);
/** Looks that wait for people, real or played: fewer of them, more at a time. */
const PATIENT = 48;
const LANES = 4;
const PATIENT_LANES = 8;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

interface Subject {
  readonly name: string;
  readonly kind: ProbeKind;
  readonly timeoutMs: number;
  /** Of the look of that lane: nobody calls one number twice at a time. */
  readonly settings: (lane: number) => unknown;
  readonly isPatient: boolean;
}

async function lookOnce({ kind, timeoutMs, settings }: Subject, lane: number): Promise<Finding> {
  return await runProbe(kind, {
    ...{
      settings: settings(lane),
      timeoutMs,
      startedAt: Date.now(),
      timezone: 'Asia/Jakarta',
      deadlines: new Roster<AbortController>(),
    },
  });
}

interface Round {
  readonly findings: readonly Finding[];
  readonly ms: readonly number[];
}

/** So many looks, some at a time. */
async function lookAll(subject: Subject, looks: number): Promise<Round> {
  const [findings, ms]: [Finding[], number[]] = [[], []];
  let left = looks;
  const lane = async (_: unknown, number: number): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const began = performance.now();
      findings.push(await lookOnce(subject, number));
      ms.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: subject.isPatient ? PATIENT_LANES : LANES }, lane));
  return { findings, ms };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

/** What lives on the heap, and what the system gives this process, in KiB. */
function memory(): { readonly heap: number; readonly resident: number } {
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed / 1_024, resident: rss / 1_024 };
}

async function measure(subject: Subject): Promise<void> {
  const looks = subject.isPatient ? PATIENT : QUICK;
  // Compiled, pooled and cached is what a monitor is most of its life.
  await lookAll(subject, Math.ceil(looks / 3));
  const before = memory();
  const cpu = process.cpuUsage();
  const { findings, ms } = await lookAll(subject, looks);
  const { user, system } = process.cpuUsage(cpu);
  const after = memory();
  const good = findings.filter((each) => each.kind === 'ok').length;
  const why = findings.flatMap((each) => (each.kind === 'ok' ? [] : [each.fault.message]))[0];
  const per = (total: number, digits: number): string => (total / looks).toFixed(digits).padStart(9);
  console.log(
    `${subject.name.padEnd(42)}${String(looks).padStart(6)}${median(ms).toFixed(1).padStart(9)}${per((user + system) / 1_000, 2)}` +
      `${per(after.heap - before.heap, 2)}${per(after.resident - before.resident, 1)}${(after.resident / 1_024).toFixed(0).padStart(7)}` +
      (why === undefined ? '' : `  (${looks - good} not ok: ${why})`),
  );
}

/** The looks of `config/demo.yaml`, and of the kinds that it has not. */
async function subjects(far: FarSide, folder: string): Promise<readonly Subject[]> {
  const kinds = await openKinds();
  const config = await loadConfig(await furnish(folder, far, undefined), kinds, process.env);
  const kindOf = (name: string): ProbeKind => {
    const kind = kinds.probes.get(name);
    if (kind === undefined) throw new Error(`no kind ${name}`);
    return kind;
  };
  const patient = ['sip-call', 'mail-roundtrip', 'twilio-call', 'chat-conversation', 'chat-websocket', 'chat-xmpp'];
  const watched = config.providers
    .flatMap((provider) => provider.channels.flatMap((channel) => channel.targets))
    .map(({ id, probe, timeoutMs, with: settings }): Subject => {
      const name = `${probe} (${id.slice(id.indexOf('/') + 1)})`;
      return { name, kind: kindOf(probe), timeoutMs, isPatient: patient.includes(probe), settings: () => settings };
    });
  const made = (probe: string, name: string, settings: (lane: number) => Record<string, unknown>): Subject => {
    const parsed = Array.from({ length: PATIENT_LANES }, (_, lane) =>
      kindOf(probe).schema.parse({ ...settings(lane), allow_private: true }),
    );
    return {
      ...{ name: `${probe}${name}`, kind: kindOf(probe), timeoutMs: 20_000 },
      ...{ isPatient: patient.includes(probe), settings: (lane) => parsed[lane] },
    };
  };
  const number = (lane: number): string => `+62215550010${lane}`;
  const call = (lane: number) => ({
    ...{
      trunk: { address: `sip:127.0.0.1:${far.ports.trunk};transport=udp` },
      call: number(lane),
      allow: [number(lane)],
    },
    steps: [{ wait: 'voice' }, { send: '0' }, { wait: 'quiet' }, { expect: 'voice', person: true }],
  });
  const vendor = (lane: number) => ({
    ...{ account: ACCOUNT, token: new Secret(TOKEN, 'env:TOKEN'), base_url: far.vendor, from: '+622150849123' },
    ...{ to: number(lane), allow: [number(lane)], hangup: 'on_answer' },
  });
  const address = `127.0.0.1:${far.ports.help}`;
  return [
    made('tcp', '', () => ({ address })),
    made('tcp', ' (tls)', () => ({ address, tls: true, ca: join(folder, 'ca.pem') })),
    ...watched.filter(({ name }) => !name.startsWith('sip-call')),
    made('sip-call', ' (on ring)', (lane) => ({ ...call(lane), steps: [], hangup: 'on_ring' })),
    made('sip-call', ' (menu, person)', call),
    made('twilio-call', ' (on answer)', vendor),
  ];
}

/** Milliseconds of each phase, by curl's own clock. */
async function curl(url: string, ca: string): Promise<Record<string, number>> {
  const told =
    '%{time_namelookup} %{time_connect} %{time_appconnect} %{time_pretransfer} %{time_starttransfer} %{time_total}';
  const { stdout } = await promisify(execFile)('curl', ['-s', '-o', '/dev/null', '--cacert', ca, '-w', told, url]);
  const [dns = 0, connect = 0, tls = 0, sent = 0, first = 0, total = 0] = stdout
    .split(' ')
    .map((each) => Number(each) * 1_000);
  return { dns, connect: connect - dns, tls: tls - connect, first_byte: first - sent, body: total - first, total };
}

async function phases(far: FarSide, folder: string, rounds: number): Promise<void> {
  const http = (await openKinds()).probes.get('http');
  if (http === undefined) return;
  const ca = join(folder, 'late.pem');
  writeFileSync(ca, far.late.ca);
  const url = `https://localhost:${far.late.port}/`;
  const settings = http.schema.parse({ url, ca, allow_private: true });
  const subject = { name: 'http', kind: http, timeoutMs: 5_000, settings: () => settings, isPatient: false };
  const seen: Record<'ours' | 'theirs', Record<string, number>[]> = { ours: [], theirs: [] };
  for (let round = 0; round < rounds + 5; round += 1) {
    const began = performance.now();
    const finding = await lookOnce(subject, 0);
    const ours = { ...finding.phases, total: performance.now() - began };
    const theirs = await curl(url, ca);
    // The first ones are for warming up.
    if (round < 5) continue;
    seen.ours.push(ours);
    seen.theirs.push(theirs);
  }
  console.log(`\nphases of an http look over TLS, medians of ${rounds} in turn with curl, in ms`);
  console.log('phase        late by    http    curl');
  const delays: Record<string, number> = { tls: far.late.tls, first_byte: far.late.first_byte, body: far.late.body };
  for (const phase of ['dns', 'connect', 'tls', 'first_byte', 'body', 'total']) {
    const of = (all: readonly Record<string, number>[]): string =>
      median(all.map((each) => each[phase] ?? NaN))
        .toFixed(1)
        .padStart(8);
    console.log(`${phase.padEnd(12)}${String(delays[phase] ?? '').padStart(8)}${of(seen.ours)}${of(seen.theirs)}`);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'ringback-kinds-'));
const child = fork(fileURLToPath(new URL('./far.ts', import.meta.url)), {
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
});
try {
  const [far] = (await once(child, 'message')) as [FarSide];
  console.log(`CPU and memory of a look by kind, the far side in another process, ${process.version}`);
  console.log(`${'kind (target)'.padEnd(42)} looks  ms each   CPU ms  KiB heap  KiB RSS MiB RSS`);
  for (const subject of await subjects(far, folder)) await measure(subject);
  await phases(far, folder, 40);
} finally {
  child.kill();
  rmSync(folder, { recursive: true, force: true });
}
// The thread that listens to calls would keep this process.
process.exit();
