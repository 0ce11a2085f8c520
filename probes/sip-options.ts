/** Probe kind `sip-options`: asks a telephone server whether it is there and takes calls, without making one. It knows no call and no media. */
import { z } from 'zod';
import { degraded, fault, ok, printable } from '../src/core/fault.ts';
import type { Fault, FaultCode } from '../src/core/fault.ts';
import type { Fact, Finding, Sight } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { authority } from './lib/address.ts';
import { dial, findingOf } from './lib/connector.ts';
import type { Certificate } from './lib/connector.ts';
import { reach } from './lib/reach.ts';
import { ask } from './lib/sip/exchange.ts';
import type { Answer, Question } from './lib/sip/exchange.ts';
import { headerOf, listOf, retryAfterOf, uriOf } from './lib/sip/header.ts';
import { locate } from './lib/sip/locate.ts';
import type { Route } from './lib/sip/locate.ts';
import type { SipResponse } from './lib/sip/message.ts';
import { askByStream } from './lib/sip/stream.ts';
import { openTrace } from './lib/sip/trace.ts';
import type { Trace } from './lib/sip/trace.ts';
import { askByUdp } from './lib/sip/udp.ts';
import { sipUri } from './lib/sip/trunk.ts';
import { nextHop } from './lib/sip/uri.ts';

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
  expect: z
    .strictObject({
      certificate_days: z
        .int()
        .min(0)
        .max(3_650)
        .optional()
        .meta({ description: 'days the certificate must still be valid' }),
    })
    .optional(),
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

/** What the way to the server told, before its answer is judged. */
interface Journey {
  readonly phases: Readonly<Record<string, number>>;
  readonly facts: Readonly<Record<string, Fact>>;
  readonly certificate?: Certificate | undefined;
  readonly answer: Answer;
}

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const { address, from } = settings;
  const trace = openTrace();
  const located = await locate(address, settings, context.signal);
  if (!located.ok) return findingOf(located.fault, 'none', { phases: { dns: located.dnsMs }, facts: {} });
  const question = ask({ method: 'OPTIONS', uri: address, from, runId: context.runId });
  const journey =
    located.route.kind === 'datagram'
      ? await byDatagram(question, located.route, context, trace)
      : await byStream(question, located.route, settings, context, trace);
  const finding = conclude(journey, settings);
  return finding.kind === 'ok' ? finding : { ...finding, evidence: [trace.evidence()] };
}

type Of<Kind extends Route['kind']> = Extract<Route, { kind: Kind }>;

/** Asks one address after the other, and goes on only when one says at once that nobody is there (RFC 3263 §4.3). */
async function byDatagram(
  question: Question,
  route: Of<'datagram'>,
  context: ProbeContext,
  trace: Trace,
): Promise<Journey> {
  const [first = '', ...others] = route.addresses;
  let address = first;
  let answer = await askByUdp(question, { address, port: route.port }, context, trace);
  for (const next of others) {
    if (answer.response !== undefined || !isImmediate(answer.fault)) break;
    address = next;
    answer = await askByUdp(question, { address, port: route.port }, context, trace);
  }
  return { phases: { dns: route.dnsMs }, facts: { transport: 'udp', address }, answer };
}

const isImmediate = ({ code }: Fault): boolean => ['UDP_REFUSED', 'UDP_UNREACHABLE', 'NO_ROUTE'].includes(code);

async function byStream(
  question: Question,
  { transport, host, port, name }: Of<'stream'>,
  settings: Settings,
  { signal }: ProbeContext,
  trace: Trace,
): Promise<Journey> {
  const tls = transport === 'tls' ? { tls: { name } } : {};
  const dialled = await dial({ host, port, reach: settings, signal, ...tls });
  const nothingSaid = { transmissions: 0, ignored: 0 };
  if (!dialled.ok) {
    trace.note(dialled.fault.message);
    const facts = dialled.address === undefined ? { transport } : { transport, address: dialled.address };
    const rung = dialled.address === undefined ? 'none' : 'reachable';
    return { phases: dialled.phases, facts, answer: { fault: dialled.fault, rung, ...nothingSaid } };
  }
  const { socket, address, certificate } = dialled.connection;
  try {
    const travelled = { phases: dialled.phases, facts: { transport, address }, certificate };
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

function conclude({ phases, facts, certificate, answer }: Journey, settings: Settings): Finding {
  const { transmissions, ignored } = answer;
  const seen: Record<string, Fact> = { ...facts, transmissions, ...(ignored > 0 ? { ignored } : {}) };
  if (certificate !== undefined) seen['certificate_days'] = certificate.daysLeft;
  if (answer.response === undefined) return findingOf(answer.fault, answer.rung, { phases, facts: seen });

  const elsewhere = whereFrom(answer.from, facts['address'], nextHop(settings.address)?.port);
  const sight: Sight = {
    phases: { ...phases, reply: answer.ms },
    facts: { ...seen, ...told(answer.response), ...(elsewhere === undefined ? {} : { other_address: elsewhere }) },
  };
  const finding = judge(answer.response, settings.accept, sight);
  const wanted = settings.expect?.certificate_days;
  if (finding.kind !== 'ok' || certificate === undefined || wanted === undefined) return finding;
  if (certificate.daysLeft >= wanted) return finding;
  const message = `the certificate is valid for ${certificate.daysLeft} more days, ${wanted} are asked for`;
  return degraded('accepting', fault('CERT_EXPIRING', message), sight);
}

/** Set when the answer came from another place than the request went to: servers with several addresses do that (§18.2.2). */
function whereFrom(from: string, address: Fact | undefined, port: number | undefined): string | undefined {
  return from === authority(String(address), port ?? 0) ? undefined : from;
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
