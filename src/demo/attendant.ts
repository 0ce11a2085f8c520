/** Who answers the demo desk's telephone: each request goes to its call, or is answered at once. It opens no door and knows no TLS. */
import { cseqOf, headerOf, parameterOf } from '../../probes/lib/sip/header.ts';
import type { SipMessage, SipRequest } from '../../probes/lib/sip/message.ts';
import { again, branchOf, confirm, drop, finish, idOf, openCall, refuse, respond, ring, unfit } from './call.ts';
import type { Call, Line, Refusal, Talk } from './call.ts';

/** How the desk behaves at the moment a request comes in. */
export interface Manners {
  /** To OPTIONS; undefined: 200. */
  readonly toOptions?: Refusal | undefined;
  /** To a new call; undefined: it is taken. */
  readonly toCalls?: Refusal | undefined;
  /** False: it rings until the caller gives up. */
  readonly answers: boolean;
  readonly ringMs: number;
  readonly talk: Talk;
}

export interface Attendant {
  receive(message: SipMessage, line: Line, manners: Manners): void;
  /** Ends every call without a word, as a power cut does. */
  drop(): void;
}

const MOST_CALLS = 20;
/** Calls that are over are kept for a while too: more than this, and the desk forgets its manners before its memory. */
const MOST_KEPT = 500;
const BUSY: Refusal = { status: 486, reason: 'Busy Here' };

export function openAttendant(): Attendant {
  const calls = new Map<string, Call>();
  return {
    receive(message, line, manners) {
      // Responses answer nothing that we still wait for.
      if (message.kind === 'response' || cseqOf(message)?.method !== message.method) return;
      if (message.method === 'OPTIONS') {
        line.send(respond(message, line, 'desk', manners.toOptions ?? { status: 200, reason: 'OK' }));
      } else if (message.method === 'INVITE') invite(calls, message, line, manners);
      else if (['ACK', 'BYE', 'CANCEL'].includes(message.method)) follow(calls, message, line);
      else line.send(respond(message, line, 'desk', { status: 405, reason: 'Method Not Allowed' }));
    },
    drop() {
      for (const call of calls.values()) drop(call);
      calls.clear();
    },
  };
}

function invite(calls: Map<string, Call>, request: SipRequest, line: Line, manners: Manners): void {
  const known = calls.get(idOf(request));
  if (known !== undefined) {
    known.line = line;
    line.send(branchOf(known.invite) === branchOf(request) ? known.said : again(known, request, line));
    return;
  }
  if (calls.size >= MOST_KEPT) {
    line.send(respond(request, line, 'desk', BUSY));
    return;
  }
  const active = [...calls.values()].filter(({ state }) => state !== 'over').length;
  const refusal = manners.toCalls ?? (active < MOST_CALLS ? unfit(request) : BUSY);
  const call = openCall(request, line, calls);
  if (refusal === undefined) ring(call, manners.answers ? manners.ringMs : undefined, manners.talk);
  else refuse(call, refusal);
}

function follow(calls: Map<string, Call>, request: SipRequest, line: Line): void {
  const call = calls.get(idOf(request));
  const ours = call !== undefined && parameterOf(headerOf(request, 'to') ?? '', 'tag') === call.tag;
  if (request.method === 'ACK') {
    if (ours) confirm(call, request);
    return;
  }
  // A BYE with other tags is a stranger's (§15.1.2); a CANCEL has no tag of ours yet.
  const found = call !== undefined && (ours || request.method === 'CANCEL');
  const word = found ? { status: 200, reason: 'OK' } : { status: 481, reason: 'Call/Transaction Does Not Exist' };
  line.send(respond(request, line, call?.tag, word));
  if (!found) return;
  if (request.method === 'BYE') finish(call);
  else if (call.state === 'ringing') refuse(call, { status: 487, reason: 'Request Terminated' });
}
