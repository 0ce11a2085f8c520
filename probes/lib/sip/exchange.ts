/** One request and the search for its answer: what is composed, what counts as a reply to it, what is ignored. It opens no socket. */
import { randomBytes } from 'node:crypto';
import type { Fault } from '../../../src/core/fault.ts';
import type { Rung } from '../../../src/core/model.ts';
import { cseqOf, headerOf, listOf, parameterOf } from './header.ts';
import { formatMessage } from './message.ts';
import type { Flaw, Header, Parsed, SipResponse } from './message.ts';
import { bracket, formatUri } from './uri.ts';
import type { SipUri, Transport } from './uri.ts';

/** A request that waits to be sent, and the marks by which its answer is known (RFC 3261 §17.1.3). */
export interface Question {
  readonly method: string;
  readonly branch: string;
  readonly callId: string;
  /** The bytes as they leave from a local address: Via and Contact name it. */
  compose(transport: Transport, host: string, port: number): Buffer;
}

/** What came of a question. Exactly one of `response` and `fault` is there. */
export type Answer = Tally &
  (
    | { readonly response: SipResponse; readonly ms: number; readonly from: string }
    | { readonly response?: undefined; readonly fault: Fault; readonly rung: Rung }
  );

export interface Tally {
  /** How often the request was sent. */
  readonly transmissions: number;
  /** Messages and garbage that did not answer our question. */
  readonly ignored: number;
}

export interface Subject {
  readonly method: string;
  readonly uri: SipUri;
  readonly from?: SipUri | undefined;
  /** The look's own digits of chance. */
  readonly runId: string;
}

/**
 * A request outside of any dialog. Branch, Call-ID and tag carry the look's id for whoever reads both logs, and 64 bits of
 * fresh chance: over UDP the branch is all that keeps a stranger from answering in the server's place.
 */
export function ask({ method, uri, from, runId }: Subject): Question {
  const chance = randomBytes(8).toString('hex');
  const branch = `z9hG4bK${runId.slice(0, 16)}${chance}`;
  const callId = `${runId}${randomBytes(4).toString('hex')}`;
  // RFC 3261 §8.1.1.3 and RFC 3323 §4.1: who does not want to be called back is anonymous.invalid.
  const caller = from === undefined ? 'sip:ringback@anonymous.invalid' : formatUri(from);
  const target = formatUri(uri);
  return {
    method,
    branch,
    callId,
    compose(transport, host, port) {
      const here = `${bracket(host)}:${port}`;
      const contact = `<sip:ringback@${here}${transport === 'udp' ? '' : `;transport=${transport}`}>`;
      const headers: Header[] = [
        // rport (RFC 3581): the answer comes back through whatever NAT stands in between.
        { name: 'via', value: `SIP/2.0/${transport.toUpperCase()} ${here};branch=${branch};rport` },
        { name: 'max-forwards', value: '70' },
        { name: 'from', value: `<${caller}>;tag=${chance}` },
        { name: 'to', value: `<${target}>` },
        { name: 'call-id', value: callId },
        { name: 'cseq', value: `1 ${method}` },
        { name: 'contact', value: contact },
        { name: 'accept', value: 'application/sdp' },
        { name: 'user-agent', value: 'Ringback' },
      ];
      return formatMessage({ kind: 'request', method, uri: target, headers, body: Buffer.alloc(0) });
    },
  };
}

/** Sorts what comes in while a question waits for its answer. */
export interface Ear {
  /** The final response, when this is it. */
  hear(parsed: Parsed): SipResponse | undefined;
  readonly ignored: number;
  /** The newest provisional response. */
  readonly provisional: SipResponse | undefined;
  /** The newest thing that was no SIP message. */
  readonly flaw: Flaw | undefined;
}

export function openEar(question: Question): Ear {
  const heard: { ignored: number; provisional: SipResponse | undefined; flaw: Flaw | undefined } = {
    ignored: 0,
    provisional: undefined,
    flaw: undefined,
  };
  return {
    hear(parsed) {
      if (!parsed.ok) heard.flaw = parsed.flaw;
      if (!parsed.ok || parsed.message.kind === 'request' || !answers(parsed.message, question)) {
        heard.ignored += 1;
        return undefined;
      }
      if (parsed.message.status >= 200) return parsed.message;
      heard.provisional = parsed.message;
      return undefined;
    },
    get ignored() {
      return heard.ignored;
    },
    get provisional() {
      return heard.provisional;
    },
    get flaw() {
      return heard.flaw;
    },
  };
}

/** Whether a response belongs to our question: branch, Call-ID and method of CSeq, and no Via but ours (§8.1.3.3, §17.1.3). */
export function answers(response: SipResponse, question: Question): boolean {
  const [via = '', ...others] = listOf(response, 'via');
  const cseq = cseqOf(response);
  return (
    others.length === 0 &&
    parameterOf(via, 'branch') === question.branch &&
    headerOf(response, 'call-id') === question.callId &&
    cseq?.number === 1 &&
    cseq.method === question.method
  );
}
