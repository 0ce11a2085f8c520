/** One call at the demo desk, from ringing to hung up, and the responses it is told by. It knows no fault and opens no door. */
import { randomBytes } from 'node:crypto';
import { headerOf, listOf, parameterOf, uriOf } from '../../probes/lib/sip/header.ts';
import { formatMessage } from '../../probes/lib/sip/message.ts';
import type { Header, SipRequest } from '../../probes/lib/sip/message.ts';
import { press, promptOf } from './menu.ts';
import type { Place } from './menu.ts';
import { KEYS_TYPE, openVoice } from './voice.ts';
import type { Voice } from './voice.ts';

/** The way back to who sent a request. */
export interface Line {
  readonly transport: 'UDP' | 'TCP' | 'TLS';
  /** Their address, as seen here. */
  readonly address: string;
  readonly port: number;
  /** Ours, for Contact. */
  readonly here: { readonly host: string; readonly port: number };
  send(bytes: Buffer): void;
}

/** What the desk says instead of taking calls. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly headers?: readonly Header[];
}

/** How the desk talks: by its menu, not at all, or good-bye at once. */
export type Talk = 'menu' | 'mute' | 'dropped';

export interface Call {
  readonly invite: SipRequest;
  readonly tag: string;
  line: Line;
  state: 'ringing' | 'answered' | 'confirmed' | 'over';
  /** The newest response, for a caller who asks again. */
  said: Buffer;
  voice: Voice | undefined;
  talk: Talk;
  /** Where in the menu the caller is. */
  place: Place;
  readonly timers: Set<NodeJS.Timeout>;
  /** The book that it is written in, by Call-ID. */
  readonly book: Map<string, Call>;
}

const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS';
/** Nobody pays for these calls, but nobody shall leave one open either. */
const LONGEST_CALL_MS = 60_000;
/** How long the last word of a call is kept for those who ask again (64 T1). */
const LINGER_MS = 32_000;
/** Timer C of a proxy (§16.6): nobody lets it ring longer. */
const LONGEST_RING_MS = 180_000;
/** Long enough to be answered, too short for a word. */
const DROPPED_AFTER_MS = 300;
/** A second of µ-law silence. */
const DEAD_AIR = Buffer.alloc(8_000, 0xff);

/** A call that says nothing yet. */
export function openCall(invite: SipRequest, line: Line, book: Map<string, Call>): Call {
  const tag = randomBytes(6).toString('hex');
  const call: Call = {
    invite,
    tag,
    line,
    state: 'ringing',
    said: EMPTY,
    voice: undefined,
    talk: 'menu',
    place: 'main',
    timers: new Set(),
    book,
  };
  book.set(idOf(invite), call);
  return call;
}

/** Rings, and after `answerMs` is answered; undefined: rings until the caller gives up. */
export function ring(call: Call, answerMs: number | undefined, talk: Talk): void {
  const { invite, line, tag } = call;
  call.talk = talk;
  say(call, respond(invite, line, undefined, { status: 100, reason: 'Trying' }));
  say(call, respond(invite, line, tag, { status: 180, reason: 'Ringing' }));
  if (answerMs === undefined) {
    later(call, LONGEST_RING_MS, () => refuse(call, { status: 480, reason: 'Temporarily Unavailable' }));
  } else later(call, answerMs, () => void answer(call));
}

/** The final word on a call that is not taken. */
export function refuse(call: Call, refusal: Refusal): void {
  say(call, respond(call.invite, call.line, call.tag, refusal));
  finish(call);
}

/** The caller has heard our answer. */
export function confirm(call: Call, ack: SipRequest): void {
  if (call.state !== 'answered') return;
  call.state = 'confirmed';
  if (call.talk === 'dropped') later(call, DROPPED_AFTER_MS, () => leave(call));
  speakTo(call, ack);
}

/** No sound any more; the call is kept a while for late repeats of its last request. */
export function finish(call: Call): void {
  drop(call);
  later(call, LINGER_MS, () => call.book.delete(idOf(call.invite)));
}

/** Ends a call without a word, as a power cut does. */
export function drop(call: Call): void {
  call.state = 'over';
  call.voice?.stop();
  for (const timer of call.timers) clearTimeout(timer);
  call.timers.clear();
}

async function answer(call: Call): Promise<void> {
  const voice = await openVoice(call.line.here.host, (key) => turn(call, key)).catch(() => undefined);
  if (voice === undefined || call.state !== 'ringing') {
    voice?.stop();
    return;
  }
  call.voice = voice;
  call.state = 'answered';
  say(call, respond(call.invite, call.line, call.tag, { status: 200, reason: 'OK' }, offerOf(call, voice)));
  speakTo(call, call.invite);
  later(call, 500, () => repeat(call, 1_000));
  later(call, LONGEST_CALL_MS, () => leave(call));
}

/** A key of the caller leads on through the menu. */
function turn(call: Call, key: string): void {
  if (call.talk !== 'menu') return;
  const { place, prompt } = press(call.place, key);
  call.place = place;
  call.voice?.say(prompt);
}

/** The desk hangs up. */
function leave(call: Call): void {
  call.line.send(farewell(call));
  finish(call);
}

/** RFC 3261 §13.3.1.4: the 200 is repeated until the ACK is here, over whatever transport. */
function repeat(call: Call, waitMs: number): void {
  if (call.state !== 'answered') return;
  call.line.send(call.said);
  later(call, waitMs, () => repeat(call, Math.min(waitMs * 2, 4_000)));
}

function say(call: Call, bytes: Buffer): void {
  call.said = bytes;
  call.line.send(bytes);
}

function later(call: Call, ms: number, work: () => void): void {
  const timer = setTimeout(() => {
    call.timers.delete(timer);
    work();
  }, ms);
  call.timers.add(timer);
}

const EMPTY = Buffer.alloc(0);

export const idOf = (request: SipRequest): string => headerOf(request, 'call-id') ?? '';
export const branchOf = (request: SipRequest): string => parameterOf(headerOf(request, 'via') ?? '', 'branch') ?? '';

/** A second INVITE of a call that stands keeps it as it is; of one that does not, it comes at a bad moment (§14.2). */
export function again(call: Call, request: SipRequest, line: Line): Buffer {
  if (call.voice === undefined || call.state === 'over') {
    return respond(request, line, call.tag, { status: 491, reason: 'Request Pending' });
  }
  return respond(request, line, call.tag, { status: 200, reason: 'OK' }, offerOf(call, call.voice));
}

interface Media {
  readonly port: number;
  readonly formats: readonly string[];
}

/** The first audio line of an SDP body. */
function audioOf({ body }: SipRequest): Media | undefined {
  const match = /^m=audio (\d{1,5})(?:\/\d+)? RTP\/AVP ([\d ]{1,200})/m.exec(body.toString('utf8'));
  return match === null ? undefined : { port: Number(match[1]), formats: (match[2] ?? '').trim().split(/ +/) };
}

/** We speak µ-law and nothing else; no offer at all is fine, ours is in the answer then. */
export function unfit(request: SipRequest): Refusal | undefined {
  if (request.body.length === 0 || audioOf(request)?.formats.includes('0') === true) return undefined;
  return { status: 488, reason: 'Not Acceptable Here' };
}

/** Sound goes only to the address that the signalling comes from: an SDP may name any victim. */
function speakTo(call: Call, request: SipRequest): void {
  const port = audioOf(request)?.port ?? 0;
  if (port > 0 && port < 65_536)
    call.voice?.speak({ address: call.line.address, port }, call.talk === 'menu' ? promptOf(call.place) : DEAD_AIR);
}

function offerOf({ line, invite }: Call, { port }: Voice): Buffer {
  const { host } = line.here;
  // Keys are heard by the number that everybody uses, when the caller offers it (RFC 3264 §6.1).
  const keys = audioOf(invite)?.formats.includes(String(KEYS_TYPE)) === true;
  return Buffer.from(
    [
      'v=0',
      `o=desk 1 1 IN IP4 ${host}`,
      's=desk',
      `c=IN IP4 ${host}`,
      't=0 0',
      `m=audio ${port} RTP/AVP 0${keys ? ` ${KEYS_TYPE}` : ''}`,
    ]
      .concat([
        'a=rtpmap:0 PCMU/8000',
        ...(keys ? [`a=rtpmap:${KEYS_TYPE} telephone-event/8000`] : []),
        'a=sendrecv',
        '',
      ])
      .join('\r\n'),
  );
}

const contactOf = ({ here, transport }: Line): string =>
  `<sip:desk@${here.host}:${here.port}${transport === 'UDP' ? '' : `;transport=${transport.toLowerCase()}`}>`;

/** A response: what §8.2.6 has us copy, our tag, and to the topmost Via where it really came from (§18.2.1, RFC 3581 §4). */
export function respond(
  request: SipRequest,
  line: Line,
  tag: string | undefined,
  { status, reason, headers = [] }: Refusal,
  body: Buffer = EMPTY,
): Buffer {
  const [top = '', ...vias] = listOf(request, 'via');
  const seen = top.replace(/;rport(?=;|$)/i, `;rport=${line.port}`);
  const to = headerOf(request, 'to') ?? '';
  const copied = (name: string): Header => ({ name, value: headerOf(request, name) ?? '' });
  const known = parameterOf(to, 'tag') !== undefined || tag === undefined;
  return formatMessage({
    kind: 'response',
    status,
    reason,
    headers: [
      ...[`${seen};received=${line.address}`, ...vias].map((value) => ({ name: 'via', value })),
      ...listOf(request, 'record-route').map((value) => ({ name: 'record-route', value })),
      copied('from'),
      { name: 'to', value: known ? to : `${to};tag=${tag}` },
      copied('call-id'),
      copied('cseq'),
      { name: 'contact', value: contactOf(line) },
      { name: 'allow', value: ALLOW },
      { name: 'server', value: 'Ringback demo desk' },
      ...headers,
      ...(body.length > 0 ? [{ name: 'content-type', value: 'application/sdp' }] : []),
    ],
    body,
  });
}

/** Our own BYE, by the way the call came: From and To change places (§12.2.1.1). */
function farewell({ invite, line, tag }: Call): Buffer {
  const { host, port } = line.here;
  const [contact] = listOf(invite, 'contact');
  const branch = `z9hG4bK${randomBytes(8).toString('hex')}`;
  const headers: Header[] = [
    { name: 'via', value: `SIP/2.0/${line.transport} ${host}:${port};branch=${branch};rport` },
    { name: 'max-forwards', value: '70' },
    ...listOf(invite, 'record-route').map((value) => ({ name: 'route', value })),
    { name: 'from', value: `${headerOf(invite, 'to') ?? ''};tag=${tag}` },
    { name: 'to', value: headerOf(invite, 'from') ?? '' },
    { name: 'call-id', value: idOf(invite) },
    { name: 'cseq', value: '1 BYE' },
  ];
  const uri = uriOf(contact ?? headerOf(invite, 'from') ?? '');
  return formatMessage({ kind: 'request', method: 'BYE', uri, headers, body: EMPTY });
}
