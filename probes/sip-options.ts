/** Probe kind `sip-options`: asks a telephone server whether it is there and takes calls, without making one. It knows no call and no media. */
import { z } from 'zod';
import { degraded, fault, ok, printable } from '../src/core/fault.ts';
import type { Fault, FaultCode } from '../src/core/fault.ts';
import type { Fact, Finding, Sight } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { authority } from './lib/address.ts';
import { certificateDays, expiring } from './lib/certificate.ts';
import { dial, findingOf } from './lib/connector.ts';
import type { Certificate } from './lib/connector.ts';
import { reach } from './lib/reach.ts';
import { ask } from './lib/sip/exchange.ts';
import type { Answer, Question } from './lib/sip/exchange.ts';
import { headerOf, listOf, retryAfterOf, uriOf } from './lib/sip/header.ts';
import { locate, serverText } from './lib/sip/locate.ts';
import type { Server } from './lib/sip/locate.ts';
import type { SipResponse } from './lib/sip/message.ts';
import { askByStream } from './lib/sip/stream.ts';
import { openTrace } from './lib/sip/trace.ts';
import type { Trace } from './lib/sip/trace.ts';
import { askByUdp } from './lib/sip/udp.ts';
import { sipUri } from './lib/sip/trunk.ts';

const schema = z.strictObject({
  ...reach,
  address: sipUri().meta({
    description: 'sip:host:port;transport=udp, tcp or tls; sips:host; with a user part if calls need one',
  }),
  from: sipUri().optional().meta({ description: 'whom the request is from; default sip:ringback@anonymous.invalid' }),
  accept: z
    .array(
      z.union([z.int().min(200).max(699), z.string().regex(/^[2-6]xx$/, { error: 'a class of codes is written 2xx' })]),
    )
    .min(1)
    .max(50)
    .optional()
    .meta({ description: 'the only response codes or classes that count as fine, such as [200, 404] or [2xx, 404]' }),
  expect: z.strictObject({ certificate_days: certificateDays() }).prefault({}),
});
type Settings = z.infer<typeof schema>;

export default defineProbe<Settings>({
  summary: 'asks a SIP server or trunk whether it is alive and takes calls (OPTIONS over UDP, TCP or TLS)',
  example: { address: 'sip:pbx.example.id;transport=tls', accept: ['2xx', 404], expect: { certificate_days: 14 } },
  schema,
  phases: ['dns', 'connect', 'tls', 'reply'],
  answer: 'reply',
  host: ({ address }) => address.host,
  timeoutMs: 4_000,
  look,
});

/** What the way to a server told, before its answer is judged. */
interface Journey {
  readonly server: Server;
  readonly phases: Readonly<Record<string, number>>;
  readonly facts: Readonly<Record<string, Fact>>;
  readonly certificate?: Certificate | undefined;
  readonly answer: Answer;
}

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const trace = openTrace();
  const located = await locate(settings.address, settings, context.signal, context.runId);
  if (!located.ok) return findingOf(located.fault, 'none', { phases: { dns: located.dnsMs }, facts: {} });
  const { server, others, dnsMs } = located;
  const travel = (each: Server, signal: AbortSignal): Promise<Journey> =>
    visit(each, settings, { ...context, signal }, trace);
  const [first, ...rest] = await visitAll(server, others, travel, context.signal);
  const finding = sumUp([first, ...rest], settings, dnsMs);
  return finding.kind === 'ok' ? finding : { ...finding, evidence: [trace.evidence()] };
}

type Journeys = readonly [Journey, ...Journey[]];

/** Once the server that calls go to has answered, the others get this much more. */
const OTHERS_MS = 1_000;

/** Asks all servers at once, so that one that is silent leaves time for the rest. */
async function visitAll(
  first: Server,
  others: readonly Server[],
  travel: (server: Server, signal: AbortSignal) => Promise<Journey>,
  signal: AbortSignal,
): Promise<Journeys> {
  if (others.length === 0) return [await travel(first, signal)];
  const patience = new AbortController();
  const within = AbortSignal.any([signal, patience.signal]);
  const rest = Promise.all(others.map((each) => travel(each, within)));
  const journey = await travel(first, signal);
  const timer = setTimeout(() => patience.abort(), OTHERS_MS);
  const journeys = await rest;
  clearTimeout(timer);
  return [journey, ...journeys];
}

/**
 * A call goes to the first server that can be reached and does not say 503 (RFC 3263 §4.3): its answer counts. That those before it
 * do not serve is paid for by every caller with waiting.
 */
function sumUp(journeys: Journeys, settings: Settings, dnsMs: number): Finding {
  const [first] = journeys;
  const chosen = journeys.find((each) => !isPassedOver(each.answer)) ?? first;
  const told = journeys.map(({ server, answer }) => `${serverText(server)}: ${outcomeOf(answer)}`);
  const reachable = journeys.filter(({ answer }) => answer.response !== undefined).length;
  const several = journeys.length > 1 ? { servers: told, servers_reachable: reachable } : {};
  const finding = conclude(chosen, settings, { dnsMs, several });
  if (finding.kind !== 'ok' || chosen === first) return finding;
  const why = first.answer.response === undefined ? first.answer.fault : faultOf503(first.answer.response);
  // Where our own network ends the way, it says nothing about theirs; and a name with an address too many costs no caller time.
  if (why.blame !== 'line' || (isImmediate(why) && first.server.host === chosen.server.host)) return finding;
  const message = `${why.message}; calls go to ${serverText(chosen.server)} instead`;
  return degraded(finding.rung, fault(why.code, message), finding);
}

const isImmediate = ({ code }: Fault): boolean => ['UDP_REFUSED', 'UDP_UNREACHABLE'].includes(code);

/** Trust is no matter of reach: who shows a bad certificate is not passed over in silence. */
const isPassedOver = (answer: Answer): boolean =>
  answer.response === undefined ? answer.fault.cause !== 'tls' : answer.response.status === 503;

const outcomeOf = (answer: Answer): string =>
  answer.response === undefined ? answer.fault.code : `${answer.response.status} ${short(answer.response.reason)}`;

async function visit(server: Server, settings: Settings, context: ProbeContext, trace: Trace): Promise<Journey> {
  const { address: uri, from } = settings;
  const question = ask({ method: 'OPTIONS', uri, from, runId: context.runId });
  if (server.transport !== 'udp') return byStream(question, server, settings, context, trace);
  const { address } = server;
  const answer = await askByUdp(question, { address, port: server.port }, context, trace);
  return { server, phases: {}, facts: { transport: 'udp', address }, answer };
}

async function byStream(
  question: Question,
  server: Extract<Server, { transport: 'tcp' | 'tls' }>,
  settings: Settings,
  { signal }: ProbeContext,
  trace: Trace,
): Promise<Journey> {
  const { transport, host, port, name } = server;
  const tls = transport === 'tls' ? { tls: { name } } : {};
  const dialled = await dial({ host, port, reach: settings, signal, ...tls });
  const nothingSaid = { transmissions: 0, ignored: 0 };
  if (!dialled.ok) {
    trace.note(dialled.fault.message);
    const facts = dialled.address === undefined ? { transport } : { transport, address: dialled.address };
    const rung = dialled.address === undefined ? 'none' : 'reachable';
    return { server, phases: dialled.phases, facts, answer: { fault: dialled.fault, rung, ...nothingSaid } };
  }
  const { socket, address, certificate } = dialled.connection;
  try {
    const travelled = { server, phases: dialled.phases, facts: { transport, address }, certificate };
    // Where a customer's telephone would hang up, we do too: what is said on such a connection proves nothing.
    if (certificate?.fault !== undefined) {
      trace.note(certificate.fault.message);
      return { ...travelled, answer: { fault: certificate.fault, rung: 'reachable', ...nothingSaid } };
    }
    return { ...travelled, answer: await askByStream(question, transport, socket, signal, trace) };
  } finally {
    socket.destroy();
  }
}

interface Around {
  readonly dnsMs: number;
  /** What is told when there are several servers. */
  readonly several: Readonly<Record<string, Fact>>;
}

function conclude(journey: Journey, settings: Settings, { dnsMs, several }: Around): Finding {
  const { server, facts, certificate, answer } = journey;
  const { transmissions, ignored } = answer;
  const phases = { ...journey.phases, dns: dnsMs + (journey.phases['dns'] ?? 0) };
  const seen: Record<string, Fact> = { ...facts, transmissions, ...(ignored > 0 ? { ignored } : {}), ...several };
  if (certificate !== undefined) seen['certificate_days'] = certificate.daysLeft;
  if (answer.response === undefined) return findingOf(answer.fault, answer.rung, { phases, facts: seen });

  const elsewhere = whereFrom(answer.from, facts['address'], server.port);
  const sight: Sight = {
    phases: { ...phases, reply: answer.ms },
    facts: { ...seen, ...told(answer.response), ...(elsewhere === undefined ? {} : { other_address: elsewhere }) },
  };
  const finding = judge(answer.response, settings.accept, sight);
  const soon = finding.kind === 'ok' ? expiring(certificate, settings.expect.certificate_days) : undefined;
  return soon === undefined ? finding : degraded('accepting', soon, sight);
}

/** Set when the answer came from another place than the request went to: servers with several addresses do that (§18.2.2). */
function whereFrom(from: string, address: Fact | undefined, port: number): string | undefined {
  return from === authority(String(address), port) ? undefined : from;
}

const short = (text: string): string => printable(text).slice(0, 200);

function told(response: SipResponse): Record<string, Fact> {
  const facts: Record<string, Fact> = { status: response.status, reason: short(response.reason) };
  const server = headerOf(response, 'server') ?? headerOf(response, 'user-agent');
  if (server !== undefined) facts['server'] = short(server);
  const retry = retryAfterOf(response);
  if (retry !== undefined) facts['retry_after'] = retry.seconds;
  const [contact] = response.status < 400 && response.status >= 300 ? listOf(response, 'contact') : [];
  if (contact !== undefined) facts['redirected'] = short(uriOf(contact));
  return facts;
}

/** They say no to our request, not to calls: who can say so is alive and is being asked. */
const ALIVE = new Set([401, 403, 404, 405, 406, 407, 415, 420, 481, 483, 488, 501]);

/**
 * What a final response says about calls. The code is the one that a call would have got (RFC 3261 §11.2), so that what
 * would turn a caller away is a fault here too.
 */
function judge(response: SipResponse, accept: Settings['accept'], sight: Sight): Finding {
  const { status } = response;
  if (accept?.some((each) => each === status || each === `${Math.floor(status / 100)}xx`))
    return ok('accepting', sight);
  if (status >= 300 && status < 400) {
    return degraded('reachable', fault('REDIRECT', `${said(response)}; not followed`), sight);
  }
  const why = faultOfStatus(response);
  if (why === undefined) {
    if (accept === undefined) return ok('accepting', sight);
    const message = `${said(response)}, and only ${accept.join(', ')} is accepted`;
    return findingOf(fault('STATUS', message), 'reachable', sight);
  }
  return MILD.has(why.code) ? degraded('reachable', why, sight) : findingOf(why, 'reachable', sight);
}

/** Faults with which some callers still get through. */
const MILD = new Set<FaultCode>(['BUSY', 'RATE_LIMITED', 'PROTO_REFUSED']);

const said = ({ status, reason }: SipResponse): string => `answered ${status} ${short(reason)}`.trimEnd();

/** RFC 3261 §21, as far as a code says more than its class. */
const MEANINGS: ReadonlyMap<number, FaultCode> = new Map([
  [408, 'UPSTREAM'],
  [410, 'NOT_IN_SERVICE'],
  [429, 'RATE_LIMITED'],
  [480, 'UNAVAILABLE'],
  [486, 'BUSY'],
  [502, 'UPSTREAM'],
  [504, 'UPSTREAM'],
  [600, 'BUSY'],
  [604, 'NOT_IN_SERVICE'],
]);

/** The fault of a response; undefined for one that proves a line alive. */
function faultOfStatus(response: SipResponse): Fault | undefined {
  const { status } = response;
  if (status < 300 || ALIVE.has(status)) return undefined;
  if (status === 503) return faultOf503(response);
  // RFC 8197, RFC 8688: it is our caller id that is not wanted.
  if (status === 607 || status === 608) return fault('REJECTED', said(response), { blame: 'probe' });
  return fault(MEANINGS.get(status) ?? faultOfClass(status), said(response));
}

function faultOfClass(status: number): FaultCode {
  if (status < 500) return 'PROTO_REFUSED';
  return status < 600 ? 'SERVER_ERROR' : 'REJECTED';
}

const MAINTENANCE = /maintenance|pemeliharaan|perawatan|维护|維護/i;

/** Who says when to come back is overloaded or being looked after; who does not is broken (§21.5.4, §20.33). */
function faultOf503(response: SipResponse): Fault {
  const retry = retryAfterOf(response);
  const again = retry === undefined ? '' : `, retry after ${retry.seconds} s`;
  const comment = retry === undefined || retry.comment === '' ? '' : ` (${short(retry.comment)})`;
  const message = `${said(response)}${again}${comment}`;
  if (MAINTENANCE.test(response.reason) || MAINTENANCE.test(retry?.comment ?? '')) return fault('MAINTENANCE', message);
  return retry === undefined ? fault('SERVER_ERROR', message) : fault('OVERLOAD', message);
}
