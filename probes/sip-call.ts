/** Probe kind `sip-call`: rings a telephone line through a trunk and tells what a customer would hear. It knows no scheduler and no budget. */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import { duration, formatDuration } from '../src/core/duration.ts';
import { degraded, failed, fault, ok, unknown } from '../src/core/fault.ts';
import type { Fault } from '../src/core/fault.ts';
import type { Evidence, Finding, Rung, Sight } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { certificateDays, expiring } from './lib/certificate.ts';
import { discreet } from './lib/discretion.ts';
import { step } from './lib/ivr.ts';
import { CODECS } from './lib/media/g711.ts';
import type { Theirs } from './lib/media/sdp.ts';
import { KEY_BYTES } from './lib/media/srtp.ts';
import { openLine } from './lib/media/studio.ts';
import type { Line } from './lib/media/studio.ts';
import { formatWav } from './lib/media/wav.ts';
import { counted } from './lib/ratios.ts';
import { reach } from './lib/reach.ts';
import { isAllowed } from './lib/resolver.ts';
import { BLOCKED } from './lib/sip/call.ts';
import type { Call } from './lib/sip/call.ts';
import { closeCall, placeCall, silence } from './lib/sip/caller.ts';
import { openKeyring } from './lib/sip/digest.ts';
import { conduct, linger, openClock } from './lib/sip/manners.ts';
import type { Clock } from './lib/sip/manners.ts';
import { forgive, releaseLine, rest, restOf, takeLine } from './lib/sip/patience.ts';
import { factsOf, phasesOf, signalOf, wordsFor } from './lib/sip/report.ts';
import type { Past } from './lib/sip/report.ts';
import { retryAfterOf } from './lib/sip/header.ts';
import { openTrace } from './lib/sip/trace.ts';
import type { Trace } from './lib/sip/trace.ts';
import { T1_MS } from './lib/sip/transaction.ts';
import { callee, callerFor, keyOf, trunk, uriFor } from './lib/sip/trunk.ts';
import { nextHop } from './lib/sip/uri.ts';
import { openWire } from './lib/sip/wire.ts';
import type { Wire, Wired } from './lib/sip/wire.ts';
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
    call: callee().meta({ description: 'whom to call: +622150849000 or sip:support@pbx.example.id' }),
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
      description: 'when to hang up; default on_ring, and after_listen when there are steps',
    }),
    steps: z.array(step).max(50).default([]).meta({ description: 'a walk through the menu: wait, send, expect' }),
    expect: z.strictObject({ certificate_days: certificateDays() }).optional(),
    record: z
      .boolean()
      .default(false)
      .meta({ description: 'keep trace and sound of every call, not of failed ones only' }),
  })
  .superRefine(({ call, allow, srtp, trunk: { address, user, password }, steps, hangup }, ctx) => {
    const complain = (path: string[], message: string) => ctx.addIssue({ code: 'custom', path, message });
    if (!allow.some((each) => keyOf(each) === keyOf(call)))
      complain(['call'], `${keyOf(call)} is not in \`allow\`, and nobody else is called`);
    if (srtp && nextHop(address)?.transport !== 'tls')
      complain(['srtp'], 'the keys of SRTP travel with the call: use a trunk with transport=tls');
    if ((user === undefined) !== (password === undefined)) complain(['trunk'], 'user and password belong together');
    if (steps.length > 0 && hangup !== undefined && hangup !== 'after_listen')
      complain(['hangup'], 'steps are taken once it is answered: hang up after_listen');
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
  remembers: true,
  timeoutMs: 60_000,
  look,
});

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const number = keyOf(settings.call);
  const caller = callerFor(settings.from, settings.trunk);
  const restMs = restOf(caller, number, performance.now());
  if (restMs > 0) {
    const minutes = Math.ceil(restMs / 60_000);
    return unknown(
      fault('CALLER_UNWANTED', `${number} did not want our calls; the next one is made in ${minutes} minutes`),
    );
  }
  // A second call to a number would only find it busy with the first one.
  if (!takeLine(number)) return unknown(fault('CANNOT_JUDGE', `another test call to ${number} is under way`));
  try {
    return counted(discreet(await ring(settings, context), settings), context.memory);
  } finally {
    releaseLine(number);
  }
}

async function ring(settings: Settings, context: ProbeContext): Promise<Finding> {
  const trace = openTrace();
  // What is open outlives the signal by the time that a good-bye takes.
  const life = new AbortController();
  let call: Call | undefined;
  const clock = openClock(() => call, context.timeoutMs, context.signal);
  const leave = (): void => {
    if (call === undefined) life.abort();
  };
  context.signal.addEventListener('abort', leave, { once: true });
  if (context.signal.aborted) leave();
  const wired = await openWire(settings.trunk.address, settings, life.signal, trace);
  try {
    if (!wired.ok) return unreached(wired, settings, trace);
    const opened = await openLine(wired.wire.here.address);
    if (!opened.ok) return unknown(opened.fault, sightOf(wired, settings));
    try {
      if (clock.stopped()) return unknown(fault('DEADLINE', 'no time was left for the call'), sightOf(wired, settings));
      call = placeCall(planOf(settings, wired.wire, opened.line, context.runId));
      return await attend(call, opened.line, { wired, settings, trace, clock });
    } finally {
      await opened.line.close();
    }
  } finally {
    context.signal.removeEventListener('abort', leave);
    clock.close();
    if (wired.ok) wired.wire.close();
    life.abort();
  }
}

interface Around {
  readonly wired: Wired;
  readonly settings: Settings;
  readonly trace: Trace;
  readonly clock: Clock;
}

async function attend(call: Call, line: Line, around: Around): Promise<Finding> {
  const { settings, clock } = around;
  const { hangup = settings.steps.length > 0 ? 'after_listen' : 'on_ring' } = settings;
  const listenMs = settings.steps.length > 0 ? 0 : settings.listen;
  const manners = { hangup, ringMs: settings.ring_timeout, listenMs, steps: settings.steps, talkMs: LONGEST_TALK_MS };
  const done = await conduct(call, line, manners, clock);
  const heard = await line.close();
  await linger(call, clock);
  closeCall(call);
  return conclude({ call, conduct: done, heard }, around);
}

function planOf(settings: Settings, wire: Wire, line: Line, runId: string) {
  const { trunk: account, codecs, srtp } = settings;
  const chance = (): string => randomBytes(8).toString('hex');
  const { user, password, realm } = account;
  const login = user === undefined || password === undefined ? undefined : { user, password: password.reveal() };
  const key = srtp ? randomBytes(KEY_BYTES) : undefined;
  const session = randomBytes(4).readUInt32BE(0);
  return {
    wire,
    reach: settings,
    uri: uriFor(settings.call, account),
    from: callerFor(settings.from, account),
    callId: `${runId}${randomBytes(4).toString('hex')}`,
    tag: chance(),
    keyring: openKeyring(login, chance, realm),
    ours: { host: wire.here.address, port: line.port, codecs, key, session },
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

function sightOf({ phases, certificate }: Wired, { trunk: { address } }: Settings): Sight {
  const transport = nextHop(address)?.transport ?? 'udp';
  return {
    phases: { ...phases },
    facts: { transport, ...(certificate === undefined ? {} : { certificate_days: certificate.daysLeft }) },
  };
}

/** The trunk cannot be reached: nothing is known of the line behind it. */
function unreached(wired: Extract<Wired, { ok: false }>, settings: Settings, trace: Trace): Finding {
  trace.note(wired.fault.message);
  const sight = sightOf(wired, settings);
  const facts = { ...sight.facts, outcome: 'unreachable', blame: trunkFault(wired.fault).blame };
  return unknown(trunkFault(wired.fault), { ...sight, facts, evidence: [trace.evidence()] });
}

/** What would be the line's fault is the trunk's, when it is the trunk that we speak to. */
const trunkFault = (why: Fault): Fault => (why.blame === 'line' ? { ...why, blame: 'trunk' } : why);

function conclude(past: Past, around: Around): Finding {
  const { wired, settings, trace, clock } = around;
  const verdict = judgeCall(signalOf(past));
  const { outcome } = verdict;
  settleRest(past, settings, outcome);
  const why = faultOf(past, verdict, clock);
  const blame = why?.blame ?? verdict.blame;
  const base = sightOf(wired, settings);
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
  const expired = expiring(wired.certificate, settings.expect?.certificate_days ?? 0);
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
function settleRest({ call }: Past, { call: callee, from, trunk: account }: Settings, outcome: Outcome): void {
  const [caller, number] = [callerFor(from, account), keyOf(callee)];
  if (outcome === 'answered' || outcome === 'rang') forgive(caller, number);
  if (outcome !== 'caller_unwanted') return;
  const wait = call.ending?.kind === 'refused' ? retryAfterOf(call.ending.response)?.seconds : undefined;
  rest(caller, number, performance.now(), (wait ?? 0) * 1_000);
}

/** The dialogue, and what was heard: 18 seconds of G.711 are 192 KB of base64. */
function evidenceOf({ heard }: Past, trace: Trace, asked: boolean): Evidence[] {
  const found: Evidence[] = [trace.evidence()];
  if (heard !== undefined && heard.sound.length > 0)
    found.push({ name: 'call.wav', type: 'audio/wav;base64', text: formatWav(heard.sound).toString('base64') });
  return asked ? found.map((each) => ({ ...each, kept: true })) : found;
}
