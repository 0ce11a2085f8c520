/** What every probe kind owes the house, as functions that return complaints; it knows the contract and no kind. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RUNGS } from '../../src/core/model.ts';
import type { Finding } from '../../src/core/model.ts';
import type { ProbeKind } from '../../src/core/probe.ts';
import { redact, Secret } from '../../src/core/secret.ts';
import { closedPort, MANNERS, openTcp, openUdp } from '../lib/servers.ts';
import type { FarSide, Manner } from '../lib/servers.ts';

export type Transport = 'tcp' | 'tls' | 'udp';

export interface Adapter {
  readonly transports: readonly Transport[];
  /** What stands under `with`; strict enough that no misbehaving far side can meet it by chance. */
  readonly with: (port: number, transport: Transport, canary: Secret) => Record<string, unknown>;
}

export const CHECKS = [
  'refuses unknown keys',
  'example passes',
  'closed port is never ok',
  'no nonsense is ok',
  'never throws',
  'keeps the deadline',
  'stops when told',
  'declared phases only',
  'numbers are numbers',
  'tells no secret',
  'leaves nothing open',
] as const;
export type Check = (typeof CHECKS)[number];

export interface Complaint {
  readonly check: Check;
  /** Where and what, for whoever has to mend it. */
  readonly about: string;
}

/** Milliseconds that a look gets, and how much later it may return on a busy machine. */
const TIMEOUT_MS = 600;
const GRACE_MS = 1_500;

const CANARY = new Secret('canary-Zk7#q9/Tr4=', 'env:CANARY');

/** Settings: the example is true, and a slip of the pen is told. */
export function complainAboutSettings(kind: ProbeKind, adapter: Adapter): Complaint[] {
  const complaints: Complaint[] = [];
  const example = kind.schema.safeParse(kind.example);
  if (!example.success) complaints.push({ check: 'example passes', about: example.error.message });
  for (const transport of adapter.transports)
    if (kind.schema.safeParse({ ...adapter.with(1, transport, CANARY), adress: 1 }).success)
      complaints.push({ check: 'refuses unknown keys', about: `adress: 1 was taken (${transport})` });
  return complaints;
}

/** Every manner of every transport at once, then a closed port and a stop: all looks of one kind. */
export async function complainAboutLooks(kind: ProbeKind, adapter: Adapter): Promise<Complaint[]> {
  const before = handles();
  const complaints = await Promise.all([
    ...adapter.transports.flatMap((transport) =>
      MANNERS.map((manner) => againstManner(kind, adapter, transport, manner)),
    ),
    ...adapter.transports.map((transport) => againstClosedPort(kind, adapter, transport)),
    ...adapter.transports.map((transport) => againstStop(kind, adapter, transport)),
  ]);
  return [...complaints.flat(), ...(await leftOpen(before))];
}

async function againstManner(
  kind: ProbeKind,
  adapter: Adapter,
  transport: Transport,
  manner: Manner,
): Promise<Complaint[]> {
  const about = `${manner} over ${transport}`;
  const far = transport === 'udp' ? await openUdp(manner) : await openTcp(manner);
  const looked = await look(kind, adapter.with(far.port, transport, CANARY), about);
  const open = looked.finding === undefined ? [] : await connectionsLeft(far, about);
  await far.close();
  return [...looked.complaints, ...neverOk('no nonsense is ok', looked.finding, about), ...open];
}

async function againstClosedPort(kind: ProbeKind, adapter: Adapter, transport: Transport): Promise<Complaint[]> {
  const about = `closed port over ${transport}`;
  const looked = await look(kind, adapter.with(await closedPort(), transport, CANARY), about);
  return [...looked.complaints, ...neverOk('closed port is never ok', looked.finding, about)];
}

/** The process stops long before the deadline: a look may not hold it up. */
async function againstStop(kind: ProbeKind, adapter: Adapter, transport: Transport): Promise<Complaint[]> {
  const far = transport === 'udp' ? await openUdp('silent') : await openTcp('silent');
  const about = `stop over ${transport}`;
  const looked = await look(kind, adapter.with(far.port, transport, CANARY), about, 150);
  const open = looked.finding === undefined ? [] : await connectionsLeft(far, about);
  await far.close();
  return [...looked.complaints, ...open];
}

function neverOk(check: Check, finding: Finding | undefined, about: string): Complaint[] {
  const good = finding?.kind === 'ok' || finding?.kind === 'degraded';
  return good ? [{ check, about: `${about}: ${finding.kind}` }] : [];
}

interface Looked {
  readonly finding: Finding | undefined;
  readonly complaints: readonly Complaint[];
}

/** One look as the runner makes it. `stopMs`: the signal fires then, though the look was promised a minute. */
async function look(kind: ProbeKind, settings: unknown, about: string, stopMs?: number): Promise<Looked> {
  const parsed = kind.schema.safeParse(settings);
  if (!parsed.success)
    return {
      finding: undefined,
      complaints: [{ check: 'example passes', about: `${about}: ${parsed.error.message}` }],
    };
  const stop = new AbortController();
  const timer = setTimeout(() => {
    stop.abort(new DOMException('over', stopMs === undefined ? 'TimeoutError' : 'AbortError'));
  }, stopMs ?? TIMEOUT_MS);
  const context = {
    signal: stop.signal,
    startedAt: Date.now(),
    timeoutMs: stopMs === undefined ? TIMEOUT_MS : 60_000,
    runId: '0123456789abcdef0123456789abcdef',
    timezone: 'Asia/Jakarta',
  };
  const patience = new AbortController();
  try {
    const going = (async () => kind.look(parsed.data, context))();
    const late = sleep((stopMs ?? TIMEOUT_MS) + GRACE_MS, undefined, { signal: patience.signal });
    // Whoever loses the race may still fail; nobody is there to hear it then.
    late.catch(() => undefined);
    going.catch(() => undefined);
    const finding = await Promise.race([going, late]);
    if (finding !== undefined) return { finding, complaints: complainAboutFinding(kind, finding, about) };
    return { finding, complaints: [{ check: stopMs === undefined ? 'keeps the deadline' : 'stops when told', about }] };
  } catch (error) {
    return { finding: undefined, complaints: [{ check: 'never throws', about: `${about}: ${String(error)}` }] };
  } finally {
    clearTimeout(timer);
    patience.abort();
  }
}

function complainAboutFinding(kind: ProbeKind, finding: Finding, about: string): Complaint[] {
  const complaints: Complaint[] = [];
  const undeclared = Object.keys(finding.phases).filter((name) => !kind.phases.includes(name));
  if (undeclared.length > 0 || !RUNGS.includes(finding.rung))
    complaints.push({
      check: 'declared phases only',
      about: `${about}: ${undeclared.join(', ')} at rung ${finding.rung}`,
    });
  const odd = Object.entries({ ...finding.facts, ...finding.phases }).filter(
    ([name, value]) => typeof value === 'number' && (!Number.isFinite(value) || (name in finding.phases && value < 0)),
  );
  if (odd.length > 0) complaints.push({ check: 'numbers are numbers', about: `${about}: ${JSON.stringify(odd)}` });
  const written = textsIn(finding).join('\n');
  if (redact(written, [CANARY]) !== written) complaints.push({ check: 'tells no secret', about });
  return complaints;
}

/** Every text anywhere in a value. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...textsIn(inner)]);
}

/** The far side sees what we forgot to close, even when our own process has lost sight of it. */
async function connectionsLeft(far: FarSide, about: string): Promise<Complaint[]> {
  // Long enough for a connection to arrive that nobody waited for.
  await sleep(50);
  const gone = await settled(() => far.open() === 0);
  return gone ? [] : [{ check: 'leaves nothing open', about: `${about}: ${far.open()} connections` }];
}

async function leftOpen(before: ReadonlyMap<string, number>): Promise<Complaint[]> {
  const more = () => [...handles()].filter(([type, count]) => count > (before.get(type) ?? 0));
  if (await settled(() => more().length === 0)) return [];
  return [{ check: 'leaves nothing open', about: `handles of this process: ${JSON.stringify(more())}` }];
}

/** What keeps this process alive, by type. Files and ticks come and go with the test runner. */
function handles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo())
    if (/TCP|UDP|TLS|Timeout|DNS|QUERY/i.test(type)) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}

async function settled(holds: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < 100; turn += 1) {
    if (holds()) return true;
    await sleep(10);
  }
  return holds();
}
