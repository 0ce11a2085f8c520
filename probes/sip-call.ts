/** Probe kind `sip-call`: rings a telephone line through a trunk and tells what a customer would hear. It knows no scheduler and no budget. */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import { duration, formatDuration } from '../src/core/duration.ts';
import { degraded, failed, fault, ok, unknown } from '../src/core/fault.ts';
import type { Fault } from '../src/core/fault.ts';
import type { Finding, Rung, Sight } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { certificateDays, expiring } from './lib/certificate.ts';
import { discreet } from './lib/discretion.ts';
import { step } from './lib/ivr.ts';
import { CODECS } from './lib/media/g711.ts';
import type { Theirs } from './lib/media/sdp.ts';
import { KEY_BYTES } from './lib/media/srtp.ts';
import { portRange } from './lib/media/range.ts';
import { NO_TIME, openLine } from './lib/media/studio.ts';
import type { Line } from './lib/media/studio.ts';
import { DANGERS } from './lib/numbers.ts';
import { counted } from './lib/ratios.ts';
import { reach } from './lib/reach.ts';
import { isAllowed } from './lib/resolver.ts';
import { BLOCKED } from './lib/sip/call.ts';
import type { Call, Plan } from './lib/sip/call.ts';
import { closeCall, giveUpOn, leaveAlone, placeCall, silence } from './lib/sip/caller.ts';
import { openKeyring } from './lib/sip/digest.ts';
import { conduct, linger, openClock } from './lib/sip/manners.ts';
import type { Clock } from './lib/sip/manners.ts';
import { forgive, releaseLine, rest, restKey, restOf, takeLine } from './lib/sip/patience.ts';
import { evidenceOf, factsOf, passedFor, phasesOf, signalOf, wordsFor } from './lib/sip/report.ts';
import type { Past } from './lib/sip/report.ts';
import { listOf, retryAfterOf, uriOf } from './lib/sip/header.ts';
import { locate, serverText } from './lib/sip/locate.ts';
import type { Server } from './lib/sip/locate.ts';
import type { SipResponse } from './lib/sip/message.ts';
import { learnOutside } from './lib/sip/outside.ts';
import { openTrace } from './lib/sip/trace.ts';
import type { Trace } from './lib/sip/trace.ts';
import { T1_MS } from './lib/sip/transaction.ts';
import {
  callee,
  callerFor,
  dangerOnTrunk,
  extensionOf,
  identityOf,
  keyOf,
  lineOf,
  linesIn,
  trunk,
  uriFor,
  userFor,
} from './lib/sip/trunk.ts';
import type { Place } from './lib/sip/udp.ts';
import { nextHop } from './lib/sip/uri.ts';
import type { Transport } from './lib/sip/uri.ts';
import { openWire } from './lib/sip/wire.ts';
import type { Journey, Wire, Wired } from './lib/sip/wire.ts';
import { judgeCall, MEANINGS } from './lib/verdict.ts';
import type { Outcome, Verdict } from './lib/verdict.ts';

/** A far side that waits for our refresh gives a session of 90 s up after 60 (RFC 4028 §10): a test call is over by then. */
const LONGEST_TALK_MS = 55_000;

const span = (most: number, otherwise: number) =>
  duration()
    .refine((ms) => ms >= 100 && ms <= most, { error: `between 100ms and ${formatDuration(most)}` })
    .default(otherwise);

const schema = z
  .strictObject({
    ...reach,
    trunk,
    call: callee().meta({
      description: 'whom to call: +622150849000, +622150849000;ext=123 or sip:support@pbx.example.id',
    }),
    allow: z.array(callee()).min(1).max(100).meta({
      description: 'everybody that this target may ever call; `call` must be among them',
    }),
    from: callee().optional().meta({ description: 'our caller id: a number that is yours, or a SIP address' }),
    codecs: z
      .array(z.enum(CODECS))
      .min(1)
      .default([...CODECS]),
    srtp: z.boolean().default(false).meta({ description: 'speak SRTP (SDES) or not at all; over TLS only' }),
    ring_timeout: span(120_000, 30_000).meta({ description: 'how long it may ring, such as 30s' }),
    listen: span(50_000, 8_000).meta({ description: 'how long to listen once it is answered, such as 8s' }),
    hangup: z.enum(['on_ring', 'on_answer', 'after_listen']).optional().meta({
      description: 'when to hang up; default on_ring, and after_listen when there are steps or an extension',
    }),
    steps: z.array(step).max(50).default([]).meta({ description: 'a walk through the menu: wait, send, expect' }),
    expect: z.strictObject({ certificate_days: certificateDays() }).prefault({}),
    rtp_ports: portRange().optional().meta({
      description: 'our own ports for sound that a firewall lets through, such as 40000-40099; even ones are used',
    }),
    redirects: z.enum(['report', 'follow']).default('report').meta({
      description:
        'follow: when the call is sent elsewhere (3xx), one step, to somebody in `allow`, through the same trunk',
    }),
    record: z
      .boolean()
      .default(false)
      .meta({ description: 'keep trace and sound of every call, not of failed ones only' }),
  })
  .superRefine(({ call, allow, srtp, trunk: account, steps, hangup }, ctx) => {
    const { address, user, password } = account;
    const complain = (path: string[], message: string) => ctx.addIssue({ code: 'custom', path, message });
    if (!allow.some((each) => keyOf(each) === keyOf(call)))
      complain(['call'], `${keyOf(call)} is not in \`allow\`, and nobody else is called`);
    for (const each of allow) {
      const danger = dangerOnTrunk(each, account);
      if (danger !== undefined) complain(['trunk', 'rewrite'], `it would make ${keyOf(each)} ${DANGERS[danger]}`);
    }
    if (account.local_port !== undefined && nextHop(address)?.transport !== 'udp')
      complain(['trunk', 'local_port'], 'a port of our own is for UDP');
    if (srtp && nextHop(address)?.transport !== 'tls')
      complain(['srtp'], 'the keys of SRTP travel with the call: use a trunk with transport=tls');
    if ((user === undefined) !== (password === undefined)) complain(['trunk'], 'user and password belong together');
    const isAnsweredFor = steps.length > 0 || extensionOf(call) !== undefined;
    if (isAnsweredFor && hangup !== undefined && hangup !== 'after_listen')
      complain(['hangup'], 'steps and extensions are for who has answered: hang up after_listen');
  });
type Settings = z.output<typeof schema>;

export default defineProbe<Settings>({
  summary:
    'rings a telephone line through a SIP trunk and tells what a customer would hear, and whose fault it is if not',
  example: {
    trunk: { address: 'sip:trunk.example.id;transport=tls' },
    call: '+622150849000',
    allow: ['+622150849000'],
    from: '+622150849123',
    hangup: 'after_listen',
    listen: '10s',
  },
  schema,
  phases: ['dns', 'connect', 'tls', 'challenge', 'post_dial_delay', 'ringing', 'answer', 'first_rtp'],
  answer: 'answer',
  host: ({ trunk: { address } }) => address.host,
  costly: true,
  rings: true,
  remembers: true,
  timeoutMs: 60_000,
  look,
});

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const number = lineOf(settings.call);
  const restMs = restOf(restKeyOf(settings), context.startedAt, context.memory);
  if (restMs > 0) {
    const minutes = Math.ceil(restMs / 60_000);
    return unknown(
      fault('CALLER_UNWANTED', `${number} did not want our calls; the next one is made in ${minutes} minutes`),
    );
  }
  // A second call to a number would only find it busy with the first one.
  if (!takeLine(number)) return unknown(fault('CANNOT_JUDGE', `another test call to ${number} is under way`));
  const taken = [number];
  try {
    return counted(discreet(await ring(settings, context, taken), settings), context.memory);
  } finally {
    for (const each of taken) releaseLine(each);
  }
}

/** One look's call, or calls when servers of the trunk fail it. */
interface Job {
  readonly settings: Settings;
  readonly context: ProbeContext;
  readonly trace: Trace;
  /** What is open outlives the signal by the time that a good-bye takes. */
  readonly life: AbortController;
  readonly clock: Clock;
  /** The call that is under way. */
  readonly holding: { call: Call | undefined };
  /** Calls to servers that did not react, and their ways: whoever wakes up late is told that it is over. */
  readonly ignored: { readonly call: Call; readonly wire: Wire }[];
  /** Whose telephones are ours. */
  readonly taken: string[];
}

async function ring(settings: Settings, context: ProbeContext, taken: string[]): Promise<Finding> {
  const holding: Job['holding'] = { call: undefined };
  const clock = openClock(() => holding.call, context.timeoutMs, context.signal);
  const life = new AbortController();
  const job: Job = { settings, context, trace: openTrace(), life, clock, holding, ignored: [], taken };
  const leave = (): void => {
    if (holding.call === undefined) life.abort();
  };
  context.signal.addEventListener('abort', leave, { once: true });
  if (context.signal.aborted) leave();
  try {
    return await ringAny(job);
  } finally {
    context.signal.removeEventListener('abort', leave);
    await Promise.all(job.ignored.map(({ call, wire }) => leaveAlone(call, wire)));
    clock.close();
    life.abort();
  }
}

/** What came of a server; `passed`: why the next one is called instead (RFC 3263 §4.3). */
interface Tried {
  readonly finding: Finding;
  readonly passed?: string | undefined;
}

async function ringAny(job: Job): Promise<Finding> {
  const { settings, context, trace, clock } = job;
  const { address } = settings.trunk;
  const located = await locate(address, settings, job.life.signal, context.runId);
  if (!located.ok) {
    const wired = { phases: { dns: located.dnsMs }, certificate: undefined };
    return unreached(located.fault, { ...job, wired, transport: nextHop(address)?.transport ?? 'udp' });
  }
  const { server, others, dnsMs } = located;
  const told: string[] = [];
  let last = server;
  let tried = await tryServer(server, others.length, dnsMs, job);
  for (const [index, next] of others.entries()) {
    if (tried.passed === undefined || clock.stopped()) break;
    told.push(`${serverText(last)}: ${tried.passed}`);
    trace.note(`${told.at(-1) ?? ''}; the next server is called`);
    last = next;
    tried = await tryServer(next, others.length - index - 1, dnsMs, job);
  }
  const { finding } = tried;
  if (told.length === 0) return finding;
  const servers = [...told, `${serverText(last)}: ${tried.passed ?? 'took the call'}`];
  return { ...finding, facts: { ...finding.facts, servers } };
}

/** Four transmissions over UDP (§17.1.1.2): who has reacted to none of them is not there. */
const PATIENCE_MS = 5_000;

async function tryServer(server: Server, others: number, dnsMs: number, job: Job): Promise<Tried> {
  const { clock, holding } = job;
  const patienceMs = others === 0 ? undefined : Math.min(PATIENCE_MS, clock.leftMs() / (others + 1));
  const wired = await reachOut(server, dnsMs, patienceMs, job);
  const around = { ...job, wired, transport: server.transport };
  if (!wired.ok)
    return { finding: unreached(wired.fault, around), passed: wired.reached ? undefined : wired.fault.code };
  const { wire } = wired;
  try {
    return await callOver(wire, around, patienceMs);
  } finally {
    holding.call = undefined;
    if (!job.ignored.some((each) => each.wire === wire)) wire.close();
  }
}

async function callOver(wire: Wire, around: Around, patienceMs: number | undefined): Promise<Tried> {
  const { settings, clock, holding } = around;
  const outside = settings.trunk.nat === 'none' ? wire.here : await seenFrom(wire, around);
  if ('code' in outside) return { finding: unreached(outside, around), passed: outside.code };
  const patience = { withinMs: clock.leftMs(), signal: around.life.signal };
  const opened = await openLine(wire.here.address, settings.rtp_ports, patience);
  if (!opened.ok) return { finding: unknown(opened.fault, sightOf(around)) };
  try {
    if (clock.stopped()) return { finding: unknown(NO_TIME, sightOf(around)) };
    holding.call = placeCall(planOf(around, wire, outside, opened.line));
    return await attend(holding.call, opened.line, around, patienceMs);
  } finally {
    await opened.line.close();
  }
}

/** Opens the way; a server that lets us wait while there are others is given up. */
async function reachOut(server: Server, dnsMs: number, patienceMs: number | undefined, job: Job): Promise<Wired> {
  const { settings, trace, life } = job;
  const opening = new AbortController();
  const stop = (): void => opening.abort();
  life.signal.addEventListener('abort', stop, { once: true });
  if (life.signal.aborted) stop();
  const timer = patienceMs === undefined ? undefined : setTimeout(stop, patienceMs);
  const wired = await openWire(server, settings, opening.signal, trace, settings.trunk.local_port);
  clearTimeout(timer);
  return { ...wired, phases: { ...wired.phases, dns: dnsMs + (wired.phases.dns ?? 0) } };
}

/** How the trunk sees us; our own address when it does not say. */
async function seenFrom(wire: Wire, { settings, context, clock }: Job): Promise<Place | Fault> {
  const withinMs = Math.min(LEARNING_MS, clock.leftMs());
  return (await learnOutside(wire, settings.trunk.address, context.runId, withinMs)) ?? wire.here;
}

/** Three transmissions. */
const LEARNING_MS = 2_000;

/** What is known of a call's way. */
interface Around extends Job {
  readonly wired: Journey;
  readonly transport: Transport;
}

async function attend(call: Call, line: Line, around: Around, patienceMs: number | undefined): Promise<Tried> {
  const { settings, clock } = around;
  const extension = extensionOf(settings.call);
  const { steps, hangup = steps.length > 0 || extension !== undefined ? 'after_listen' : 'on_ring' } = settings;
  const listenMs = steps.length > 0 ? 0 : settings.listen;
  const ringMs = settings.ring_timeout;
  const manners = { hangup, ringMs, patienceMs, extension, listenMs, steps, talkMs: LONGEST_TALK_MS };
  const done = await conduct(call, line, manners, clock);
  if (done.left === 'ignored') {
    const why = silence(call);
    const { wire } = call.plan;
    giveUpOn(call);
    // A port of our own can be had once only: then nobody waits for who wakes up late.
    if (settings.trunk.local_port === undefined) around.ignored.push({ call, wire });
    else closeCall(call);
    return { finding: unreached(why, around), passed: why.code };
  }
  const heard = await line.close();
  await linger(call, clock);
  closeCall(call);
  const finding = conclude({ call, conduct: done, heard }, around);
  return { finding, passed: patienceMs === undefined ? undefined : passedFor(call) };
}

function planOf(job: Job, wire: Wire, outside: Place, line: Line): Plan {
  const { settings, context } = job;
  const { trunk: account, codecs, srtp } = settings;
  const chance = (): string => randomBytes(8).toString('hex');
  const { user, password, realm } = account;
  const login = user === undefined || password === undefined ? undefined : { user, password: password.reveal() };
  const key = srtp ? randomBytes(KEY_BYTES) : undefined;
  const session = randomBytes(4).readUInt32BE(0);
  return {
    ...{ wire, outside, reach: settings, reliable: account.reliable, pin: account.pin },
    uri: uriFor(settings.call, account),
    from: callerFor(settings.from, account),
    more: identityOf(account),
    callId: `${context.runId}${randomBytes(4).toString('hex')}`,
    tag: chance(),
    keyring: openKeyring(login, chance, realm),
    ours: { host: outside.address, port: line.port, codecs, key, session },
    redirect: (response) => elsewhere(response, job),
    t1: T1_MS,
    onSound: (phase: 'early' | 'answered', theirs: Theirs): boolean => {
      // The far side chooses where we send sound to: the policy that holds for the trunk holds there too.
      if (!isAllowed(theirs.address, settings) || isIP(theirs.address) !== isIP(wire.here.address)) return false;
      const { address, port, codec, payloadType, events } = theirs;
      // RFC 3264 §8.4: the old way to say "hold" is the address of nobody.
      const listens = theirs.listens && address !== '0.0.0.0' && address !== '::';
      const keys = key === undefined || theirs.key === undefined ? undefined : { ours: key, theirs: theirs.key };
      line.direct({ phase, address, port, codec, payloadType, events, listens, keys });
      return true;
    },
  };
}

/** Whom of those that are allowed the far side sends us to, if that is what we were told to follow and their line is free. */
function elsewhere(response: SipResponse, { settings, taken }: Job): string | undefined {
  const { call, allow, trunk: account, redirects } = settings;
  if (redirects === 'report') return undefined;
  const named = new Set(listOf(response, 'contact').flatMap((each) => linesIn(uriOf(each))));
  const to = allow.find((each) => [lineOf(each), userFor(each, account)].some((line) => named.has(line)));
  const line = to === undefined ? '' : lineOf(to);
  if (to === undefined || line === lineOf(call) || !takeLine(line)) return undefined;
  taken.push(line);
  return uriFor(to, account);
}

function sightOf({ wired: { phases, certificate }, transport }: Around): Sight {
  return {
    phases: { ...phases },
    facts: { transport, ...(certificate === undefined ? {} : { certificate_days: certificate.daysLeft }) },
  };
}

/** The trunk cannot be reached: nothing is known of the line behind it. */
function unreached(fault: Fault, around: Around): Finding {
  const { trace } = around;
  trace.note(fault.message);
  const sight = sightOf(around);
  const why = trunkFault(fault);
  const facts = { ...sight.facts, outcome: 'unreachable', blame: why.blame };
  return unknown(why, { ...sight, facts, evidence: [trace.evidence()] });
}

/** What would be the line's fault is the trunk's, when it is the trunk that we speak to. */
const trunkFault = (why: Fault): Fault => (why.blame === 'line' ? { ...why, blame: 'trunk' } : why);

function conclude(past: Past, around: Around): Finding {
  const { settings, context, trace, clock } = around;
  const verdict = judgeCall(signalOf(past));
  const { outcome } = verdict;
  settleRest(past, settings, outcome, context);
  const why = faultOf(past, verdict, clock);
  const blame = why?.blame ?? verdict.blame;
  const base = sightOf(around);
  const kept = settings.record || why !== undefined ? { evidence: evidenceOf(past, trace, settings.record) } : {};
  const sight: Sight = {
    phases: { ...base.phases, ...phasesOf(past) },
    facts: { ...base.facts, ...factsOf(past), outcome, blame },
    ...kept,
  };
  const { kind, rung } = MEANINGS[outcome];
  if (why === undefined) return praise(past, rung, around, sight);
  // Only the line's own faults make the channel bad; the others are for those who run this.
  if (blame !== 'line') return unknown(why, sight);
  return kind === 'degraded' ? degraded(rung, why, sight) : failed(rung, why, sight);
}

function praise({ conduct: { walked } }: Past, rung: Rung, { wired, settings }: Around, sight: Sight): Finding {
  const reached = walked?.ok === true && walked.person ? 'answered_by_person' : rung;
  const expired = expiring(wired.certificate, settings.expect.certificate_days);
  return expired === undefined ? ok(reached, sight) : degraded(reached, expired, sight);
}

/** Why this look is no plain success; undefined: it is one. */
function faultOf(past: Past, { outcome, blame }: Verdict, clock: Clock): Fault | undefined {
  const { call } = past;
  const ours = oursOf(past, outcome);
  if (ours !== undefined) return ours;
  const { kind, code } = MEANINGS[outcome];
  if (kind === 'ok') return undefined;
  if (clock.told() && call.ending?.kind !== 'refused')
    return fault('CANNOT_JUDGE', 'the look was ended before the call could tell anything');
  return fault(code, wordsFor(outcome, past), { blame });
}

/** Faults that say nothing about the line: the way to the trunk, our own rules, our own thread. */
function oursOf({ call, conduct: done, heard }: Past, outcome: Outcome): Fault | undefined {
  const { ending, marks, soundless } = call;
  // A way that breaks while the call is up is no word of the line either.
  if (ending?.kind === 'failed') return trunkFault(ending.fault);
  if (outcome === 'unreachable') return trunkFault(silence(call));
  if (marks.answered === undefined || done.deaf) return undefined;
  if (heard === undefined) return fault('SELF_OVERLOAD', 'the thread that listens has died');
  return soundless === BLOCKED ? fault('ADDR_BLOCKED', `answered, but ${BLOCKED}`) : undefined;
}

/** Whoever does not want our calls is left alone, longer each time. */
function settleRest({ call }: Past, settings: Settings, outcome: Outcome, { memory, startedAt }: ProbeContext): void {
  const who = restKeyOf(settings);
  if (outcome === 'answered' || outcome === 'rang') forgive(who, memory);
  if (outcome !== 'caller_unwanted') return;
  const wait = call.ending?.kind === 'refused' ? retryAfterOf(call.ending.response)?.seconds : undefined;
  rest(who, startedAt, memory, (wait ?? 0) * 1_000);
}

const restKeyOf = ({ call, from, trunk: account }: Settings): string => restKey(callerFor(from, account), lineOf(call));
