/** Makes one call and answers every turn of the far side, from INVITE to the last BYE. When to hang up, others decide. */
import { formatSdp, readSdp } from '../media/sdp.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { fault } from '../../../src/core/fault.ts';
import { ALLOW, BLOCKED, changed, contactOf, end, hearSound, isOver, mark, SESSION_SECONDS, until } from './call.ts';
import type { Call, Plan } from './call.ts';
import { hear } from './callee.ts';
import { aim, dialogOf } from './dialog.ts';
import type { Dialog } from './dialog.ts';
import { headerOf, listOf } from './header.ts';
import type { Header, SipResponse } from './message.ts';
import { openTransactions, placeText } from './transaction.ts';
import type { Draft } from './transaction.ts';
import type { Place } from './udp.ts';
import type { Wire } from './wire.ts';

/** What a far side can make us keep. */
const MOST_EARLY = 10;
const MOST_FORKS = 20;
const MOST_SESSION_SECONDS = 1_800;
const EMPTY = Buffer.alloc(0);

/** Sends the first INVITE. Never throws; everything else is told by `until` and the call's own fields. */
export function placeCall(plan: Plan): Call {
  const call: Call = {
    plan,
    uri: plan.uri,
    desk: openTransactions(plan.wire, plan.t1),
    marks: { first: performance.now() },
    progress: undefined,
    answer: undefined,
    soundless: undefined,
    ending: undefined,
    counts: { rounds: 0, forks: 0, transmissions: 0, strangers: 0, redirects: 0 },
    garbled: undefined,
    cseq: 0,
    inviteSeq: 0,
    invitation: undefined,
    login: [],
    sessionSeconds: SESSION_SECONDS,
    leaving: false,
    confirmed: undefined,
    codec: undefined,
    early: new Map(),
    remoteSeq: -1,
    waiters: new Set(),
  };
  plan.wire.listen(
    {
      hear: (message, from) => hear(call, message, from),
      garbled: (detail) => {
        call.garbled ??= detail;
      },
      fail: (why) => end(call, { kind: 'failed', fault: why }),
    },
    plan.callId,
  );
  if (!isOver(call)) invite(call);
  return call;
}

/** How long a good-bye may take. */
export interface Patience {
  readonly withinMs: number;
  /** Whether somebody is in a hurry by now, and what is left then. */
  readonly hurried: () => boolean;
  readonly hasteMs: number;
}

/** CANCEL or BYE, whatever is right at this moment, and what follows from it, for as long as patience lasts. */
export async function hangUp(call: Call, { withinMs, hurried, hasteMs }: Patience): Promise<void> {
  if (isOver(call)) return;
  call.leaving = true;
  if (call.confirmed !== undefined) void bye(call, call.confirmed.dialog);
  // §9.1: what nobody has reacted to cannot be cancelled; the first provisional response will be our cue.
  else if (call.marks.trying !== undefined) void call.invitation?.cancel();
  const waited = await until(call, (holding) => isOver(holding) || hurried(), withinMs);
  if (waited && (await until(call, isOver, hasteMs))) return;
  if (call.confirmed === undefined) end(call, { kind: 'cancelled', answeredLate: false, acknowledged: false });
  else end(call, { kind: 'hung_up', by: 'us', reason: undefined, clean: false });
}

/** Another server is called instead of one that does not react: nothing is sent there again, and if it wakes up we hang up. */
export function giveUpOn(call: Call): void {
  call.invitation?.hush();
  call.leaving = true;
}

/** Who has woken up late gets this long for its end. */
const LATE_MS = 700;

/** The end of a call that was given up, and of its way. */
export async function leaveAlone(call: Call, wire: Wire): Promise<void> {
  if (call.marks.trying !== undefined) await until(call, isOver, LATE_MS);
  end(call, { kind: 'cancelled', answeredLate: false, acknowledged: false });
  closeCall(call);
  wire.close();
}

/** Forgets everything. The wire stays its owner's. */
export function closeCall(call: Call): void {
  call.counts.transmissions += call.invitation?.transmissions() ?? 0;
  call.desk.close();
}

function invite(call: Call): void {
  const { plan } = call;
  call.counts.transmissions += call.invitation?.transmissions() ?? 0;
  call.cseq += 1;
  call.inviteSeq = call.cseq;
  call.marks.dialled = performance.now();
  const draft: Draft = {
    method: 'INVITE',
    uri: call.uri,
    headers: [
      ...heading(call, `<${plan.uri}>`, `${call.cseq} INVITE`),
      { name: 'contact', value: contactOf(plan) },
      { name: 'allow', value: ALLOW },
      { name: 'supported', value: plan.reliable ? '100rel, timer' : 'timer' },
      { name: 'session-expires', value: String(call.sessionSeconds) },
      { name: 'min-se', value: String(call.sessionSeconds) },
      ...plan.more,
      ...call.login,
      { name: 'content-type', value: 'application/sdp' },
    ],
    body: formatSdp(plan.ours),
    to: undefined,
  };
  call.invitation = call.desk.invite(draft, {
    provisional: (response, from) => proceed(call, response, from),
    success: (response, from) => accept(call, response, from),
    refused: (response) => refuse(call, response),
    silent: () => end(call, { kind: 'failed', fault: silence(call) }),
  });
}

/** What can be said when nothing came back. */
export function silence({ plan, garbled }: Call): Fault {
  const there = placeText(plan.wire.there);
  if (garbled !== undefined) return fault('PROTO_GARBAGE', `${there} answers, but not in SIP: ${garbled}`);
  const code = plan.wire.transport === 'udp' ? 'UDP_SILENT' : 'DEADLINE';
  return fault(code, `${there} does not react to a call over ${plan.wire.transport.toUpperCase()}`);
}

function heading({ plan }: Call, to: string, sequence: string): Header[] {
  return [
    { name: 'max-forwards', value: '70' },
    { name: 'from', value: `<${plan.from}>;tag=${plan.tag}` },
    { name: 'to', value: to },
    { name: 'call-id', value: plan.callId },
    { name: 'cseq', value: sequence },
    { name: 'user-agent', value: 'Ringback' },
  ];
}

/** A request within a dialog. */
function draftIn(call: Call, dialog: Dialog, method: string, sequence: number, more: readonly Header[] = []): Draft {
  const { uri, routes } = aim(dialog);
  const headers = [...heading(call, dialog.remote, `${sequence} ${method}`), ...routes];
  const contact = { name: 'contact', value: contactOf(call.plan) };
  return { method, uri, headers: [...headers, contact, ...more], body: EMPTY, to: dialog.place };
}

const groundOf = ({ plan, uri }: Call) => ({
  uri,
  there: plan.wire.there,
  reach: plan.reach,
  pin: plan.pin,
  udp: plan.wire.transport === 'udp',
});

function proceed(call: Call, response: SipResponse, from: Place): void {
  mark(call, 'trying');
  if (call.leaving) void call.invitation?.cancel();
  if (response.status > 100 && call.confirmed === undefined) advance(call, response, from);
  changed(call);
}

function advance(call: Call, response: SipResponse, from: Place): void {
  const dialog = dialogOf(response, from, groundOf(call));
  // 199 says that this one of several telephones is out (RFC 6228).
  if (response.status === 199) {
    call.early.delete(dialog.tag);
    return;
  }
  const known = call.early.get(dialog.tag);
  if (known === undefined && call.early.size >= MOST_EARLY) return;
  const early = known ?? { dialog, rseq: undefined };
  call.early.set(dialog.tag, early);
  if (isReliable(response) && !isNext(early, response)) return;
  if (isReliable(response)) {
    early.rseq = Number(headerOf(response, 'rseq'));
    void acknowledge(call, dialog, early.rseq);
  }
  call.progress = response;
  if (response.status <= 183) mark(call, 'progress');
  if (response.status === 180) mark(call, 'ringing');
  const read = readSdp(response.body, call.plan.ours.codecs, call.plan.ours.key !== undefined);
  if (read.ok && hearSound(call, 'early', read.theirs)) mark(call, 'early');
}

const isReliable = (response: SipResponse): boolean =>
  listOf(response, 'require').some((tag) => tag.toLowerCase() === '100rel') &&
  /^\d{1,10}$/.test(headerOf(response, 'rseq') ?? '');

/** RFC 3262 §4: in order, each once. */
const isNext = ({ rseq }: { readonly rseq: number | undefined }, response: SipResponse): boolean =>
  rseq === undefined || Number(headerOf(response, 'rseq')) === rseq + 1;

function acknowledge(call: Call, dialog: Dialog, rseq: number): Promise<unknown> {
  return request(call, dialog, 'PRACK', [{ name: 'rack', value: `${rseq} ${call.inviteSeq} INVITE` }]);
}

/** A request within a dialog, once more when it is challenged (§22.3): a BYE that is not accepted costs money. */
async function request(
  call: Call,
  dialog: Dialog,
  method: string,
  more: readonly Header[] = [],
): Promise<SipResponse | undefined> {
  let login: readonly Header[] = [];
  for (;;) {
    call.cseq += 1;
    const draft = draftIn(call, dialog, method, call.cseq, [...more, ...login]);
    const response = await call.desk.ask(draft);
    if (response === undefined || (response.status !== 401 && response.status !== 407)) return response;
    const answer = call.plan.keyring.answer(response, method, draft.uri);
    if (typeof answer === 'string') return response;
    login = answer;
  }
}

function accept(call: Call, response: SipResponse, from: Place): void {
  const dialog = dialogOf(response, from, groundOf(call));
  const { confirmed } = call;
  if (confirmed?.dialog.tag === dialog.tag) {
    // §13.2.2.4: a 2xx that is repeated has not seen our ACK.
    call.desk.tell(confirmed.ack);
    return;
  }
  const ack = draftIn(call, dialog, 'ACK', call.inviteSeq, call.login);
  if (confirmed !== undefined) {
    // A second telephone was picked up: the first one has our ear, this one is told good-bye (§16.7).
    if (call.counts.forks >= MOST_FORKS) return;
    call.counts.forks += 1;
    call.desk.tell(ack);
    void request(call, dialog, 'BYE');
    return;
  }
  call.confirmed = { dialog, ack };
  call.desk.tell(ack);
  mark(call, 'trying');
  if (call.leaving) {
    void bye(call, dialog);
    return;
  }
  call.answer = response;
  mark(call, 'answered');
  listen(call, response);
  changed(call);
}

function listen(call: Call, response: SipResponse): void {
  const read = readSdp(response.body, call.plan.ours.codecs, call.plan.ours.key !== undefined);
  if (read.ok) {
    if (!hearSound(call, 'answered', read.theirs)) call.soundless = BLOCKED;
    return;
  }
  // The answer may have come early already, in a reliable response; then it need not be repeated (RFC 3262 §5).
  if (read.why === 'none' && call.marks.early !== undefined && call.progress !== undefined) {
    const early = readSdp(call.progress.body, call.plan.ours.codecs, call.plan.ours.key !== undefined);
    if (early.ok && hearSound(call, 'answered', early.theirs)) return;
  }
  call.soundless = read.why === 'none' ? 'it says nothing about sound' : `its sound cannot be used: ${read.why}`;
}

async function bye(call: Call, dialog: Dialog): Promise<void> {
  const response = await request(call, dialog, 'BYE');
  // 481: they have forgotten the call, which is as good.
  const clean = response !== undefined && (response.status < 300 || response.status === 481);
  if (call.answer === undefined) end(call, { kind: 'cancelled', answeredLate: true, acknowledged: clean });
  else end(call, { kind: 'hung_up', by: 'us', reason: undefined, clean });
}

function refuse(call: Call, response: SipResponse): void {
  const { status } = response;
  if (call.leaving) {
    end(call, { kind: 'cancelled', answeredLate: false, acknowledged: true });
    return;
  }
  if (status === 401 || status === 407) {
    call.counts.rounds += 1;
    const login = call.plan.keyring.answer(response, 'INVITE', call.uri);
    if (typeof login === 'string') {
      end(call, { kind: 'login', response, why: login });
      return;
    }
    call.login = login;
    invite(call);
    return;
  }
  const least = Number(/^\d{1,6}/.exec(headerOf(response, 'min-se') ?? '')?.[0] ?? 0);
  // RFC 4028 §7.3: they want longer sessions. Ours is short by our own clock all the same.
  if (status === 422 && least > call.sessionSeconds && least <= MOST_SESSION_SECONDS) {
    call.sessionSeconds = least;
    invite(call);
    return;
  }
  // §8.1.3.4: one step, and only to whom the plan allows.
  const elsewhere = status < 400 && call.counts.redirects === 0 ? call.plan.redirect(response) : undefined;
  if (elsewhere === undefined) {
    end(call, { kind: 'refused', response });
    return;
  }
  call.counts.redirects += 1;
  call.uri = elsewhere;
  call.login = [];
  call.early.clear();
  invite(call);
}
