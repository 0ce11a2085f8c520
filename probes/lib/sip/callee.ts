/** What the far side asks of us during a call: BYE, refreshes, whatever else. A stranger who does not know the tags moves nothing. */
import { answerSdp, formatSdp, readSdp } from '../media/sdp.ts';
import { ALLOW, contactOf, end, hearSound, SESSION_SECONDS } from './call.ts';
import type { Call } from './call.ts';
import { cseqOf, headerOf, parameterOf } from './header.ts';
import type { Header, SipMessage, SipRequest } from './message.ts';
import { respond } from './transaction.ts';
import type { Word } from './transaction.ts';
import type { Place } from './udp.ts';

/** Every message that comes to our call's address. */
export function hear(call: Call, message: SipMessage, from: Place): void {
  if (headerOf(message, 'call-id') !== call.plan.callId) {
    call.counts.strangers += 1;
    if (message.kind === 'request' && message.method !== 'ACK') say(call, message, from, GONE);
    return;
  }
  if (message.kind === 'response') {
    if (!call.desk.receive(message, from)) call.counts.strangers += 1;
    return;
  }
  if (message.method !== 'ACK') say(call, message, from, serve(call, message));
}

const OK: Word = { status: 200, reason: 'OK' };
const GONE: Word = { status: 481, reason: 'Call/Transaction Does Not Exist' };

function say(call: Call, request: SipRequest, from: Place, word: Word): void {
  call.plan.wire.send(respond(request, word, from, call.plan.tag), from);
}

/** Answers a request of the far side within our call. A stranger who does not know both tags ends nothing (§12.2.2). */
function serve(call: Call, request: SipRequest): Word {
  const ours = parameterOf(headerOf(request, 'to') ?? '', 'tag') === call.plan.tag;
  const tag = parameterOf(headerOf(request, 'from') ?? '', 'tag') ?? '';
  const known = call.confirmed === undefined ? call.early.has(tag) : call.confirmed.dialog.tag === tag;
  const cseq = cseqOf(request);
  if (!ours || !known || cseq?.method !== request.method) {
    call.counts.strangers += 1;
    return GONE;
  }
  // §12.2.2: older than what we have seen. The same again is a repetition and gets the same answer.
  if (cseq.number < call.remoteSeq) return { status: 500, reason: 'Out Of Order' };
  call.remoteSeq = cseq.number;
  if (request.method === 'BYE')
    end(call, { kind: 'hung_up', by: 'them', reason: headerOf(request, 'reason'), clean: true });
  return request.method === 'INVITE' || request.method === 'UPDATE' ? renew(call, request) : wordOn(request.method);
}

function wordOn(method: string): Word {
  if (['BYE', 'OPTIONS', 'INFO', 'NOTIFY', 'MESSAGE'].includes(method)) return OK;
  // Being sent elsewhere is how a test call would end at a number that nobody allowed.
  if (method === 'REFER') return { status: 603, reason: 'Decline' };
  return { status: 405, reason: 'Method Not Allowed', headers: [{ name: 'allow', value: ALLOW }] };
}

/**
 * RFC 4028 §9: who refreshes is for them to say, and they do unless they say that we do. No call of ours lasts long enough for
 * that, so it is only promised for a session that outlives the call.
 */
function sessionOf(asked: string): string {
  const seconds = Number(/^\d{1,6}(?!\d)/.exec(asked)?.[0] ?? 0) || SESSION_SECONDS;
  const isOurs = parameterOf(asked, 'refresher')?.toLowerCase() === 'uas' && seconds >= SESSION_SECONDS;
  return `${seconds};refresher=${isOurs ? 'uas' : 'uac'}`;
}

/** A session is refreshed or its sound goes elsewhere (RFC 4028 §9, RFC 3311, RFC 3261 §14.2). */
function renew(call: Call, request: SipRequest): Word {
  const { ours } = call.plan;
  const asked = headerOf(request, 'session-expires');
  const headers: Header[] = [{ name: 'contact', value: contactOf(call.plan) }];
  if (asked !== undefined) {
    headers.push({ name: 'require', value: 'timer' });
    headers.push({ name: 'session-expires', value: sessionOf(asked) });
  }
  const described = [...headers, { name: 'content-type', value: 'application/sdp' }];
  if (request.body.length === 0)
    return request.method === 'UPDATE'
      ? { ...OK, headers }
      : { ...OK, headers: described, body: formatSdp({ ...ours, version: ours.session + call.remoteSeq }) };
  const read = readSdp(request.body, ours.codecs, ours.key !== undefined);
  const phase = call.answer === undefined ? 'early' : 'answered';
  if (!read.ok || !hearSound(call, phase, read.theirs)) return { status: 488, reason: 'Not Acceptable Here' };
  const version = ours.session + call.remoteSeq + 1;
  return { ...OK, headers: described, body: answerSdp({ ...ours, codecs: [read.theirs.codec], version }, read.theirs) };
}
