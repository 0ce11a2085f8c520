/** Client transactions (RFC 3261 §17.1): what is sent again and when, and which response belongs to what. It knows no dialog. */
import { randomBytes } from 'node:crypto';
import { authority } from '../address.ts';
import { cseqOf, headerOf, listOf, parameterOf } from './header.ts';
import { formatMessage } from './message.ts';
import type { Header, SipRequest, SipResponse } from './message.ts';
import type { Place } from './udp.ts';
import { bracket } from './uri.ts';
import type { Wire } from './wire.ts';

/** RFC 3261 §17.1.1.1: the estimate of a round trip, from which every other timer follows. */
export const T1_MS = 500;
const T2 = 8;

/** A request but for its Via, and where it goes. */
export interface Draft {
  readonly method: string;
  readonly uri: string;
  readonly headers: readonly Header[];
  readonly body: Buffer;
  /** Undefined: to the trunk. */
  readonly to: Place | undefined;
}

export interface InviteEvents {
  readonly provisional: (response: SipResponse, from: Place) => void;
  /** Every 2xx each time that it comes: to acknowledge it is the caller's business (§13.2.2.4). */
  readonly success: (response: SipResponse, from: Place) => void;
  /** 300 and above, once; it has been acknowledged. */
  readonly refused: (response: SipResponse, from: Place) => void;
  /** Timer B: nothing came at all. */
  readonly silent: () => void;
}

export interface Invitation {
  readonly transmissions: () => number;
  /** Sends nothing again; what comes is still heard. */
  hush(): void;
  /** Sends CANCEL; true once it is answered. Only after a provisional response (§9.1). */
  cancel(): Promise<boolean>;
}

export interface Transactions {
  invite(draft: Draft, events: InviteEvents): Invitation;
  /** Any other request; undefined when nobody answers for 64 T1. */
  ask(draft: Draft): Promise<SipResponse | undefined>;
  /** Sends what nobody answers: the ACK of a 2xx. */
  tell(draft: Draft): void;
  /** False: no request of ours is answered by this. */
  receive(response: SipResponse, from: Place): boolean;
  close(): void;
}

type Hear = (response: SipResponse, from: Place) => void;

interface Desk {
  readonly wire: Wire;
  readonly t1: number;
  readonly waiting: Map<string, Hear>;
  readonly timers: Set<NodeJS.Timeout>;
}

/** `t1` is `T1_MS`; tests that wait for the last timer make it shorter. */
export function openTransactions(wire: Wire, t1: number): Transactions {
  const desk: Desk = { wire, t1, waiting: new Map(), timers: new Set() };
  return {
    invite: (draft, events) => invite(desk, draft, events),
    ask: (draft) => ask(desk, draft, newBranch()),
    tell: (draft) => wire.send(compose(wire, draft, newBranch()), draft.to),
    receive(response, from) {
      const [via = '', ...others] = listOf(response, 'via');
      const hear = desk.waiting.get(`${parameterOf(via, 'branch') ?? ''} ${cseqOf(response)?.method ?? ''}`);
      // A response with somebody else's Via below ours was not meant for us (§8.1.3.3).
      if (hear === undefined || others.length > 0) return false;
      hear(response, from);
      return true;
    },
    close() {
      for (const timer of desk.timers) clearTimeout(timer);
      desk.waiting.clear();
    },
  };
}

/** 64 bits of chance: over UDP they are all that keeps strangers from answering for the trunk. */
const newBranch = (): string => `z9hG4bK${randomBytes(8).toString('hex')}`;

function compose({ transport, here }: Wire, { method, uri, headers, body }: Draft, branch: string): Buffer {
  // rport (RFC 3581): the answer comes back through whatever NAT stands in between.
  const via = `SIP/2.0/${transport.toUpperCase()} ${bracket(here.address)}:${here.port};branch=${branch};rport`;
  return formatMessage({ kind: 'request', method, uri, headers: [{ name: 'via', value: via }, ...headers], body });
}

interface Repetition {
  count: number;
  capMs: number;
  stop(): void;
}

/** Sends now and, over UDP, again and again: Timers A and E. */
function repeat(desk: Desk, bytes: Buffer, to: Place | undefined, capMs: number): Repetition {
  let timer: NodeJS.Timeout | undefined;
  const repetition: Repetition = {
    count: 0,
    capMs,
    stop() {
      if (timer === undefined) return;
      clearTimeout(timer);
      desk.timers.delete(timer);
    },
  };
  const transmit = (waitMs: number): void => {
    repetition.count += 1;
    desk.wire.send(bytes, to);
    if (desk.wire.transport !== 'udp') return;
    repetition.stop();
    timer = setTimeout(() => transmit(Math.min(waitMs * 2, repetition.capMs)), waitMs);
    desk.timers.add(timer);
  };
  transmit(desk.t1);
  return repetition;
}

function after(desk: Desk, ms: number, work: () => void): NodeJS.Timeout {
  const timer = setTimeout(() => {
    desk.timers.delete(timer);
    work();
  }, ms);
  desk.timers.add(timer);
  return timer;
}

async function ask(desk: Desk, draft: Draft, branch: string): Promise<SipResponse | undefined> {
  const { promise, resolve } = Promise.withResolvers<SipResponse | undefined>();
  const key = `${branch} ${draft.method}`;
  const repetition = repeat(desk, compose(desk.wire, draft, branch), draft.to, desk.t1 * T2);
  const last = after(desk, desk.t1 * 64, () => resolve(undefined));
  desk.waiting.set(key, (response) => {
    // §17.1.2.2: provisional responses are rare here, and slow the repetition down.
    if (response.status < 200) repetition.capMs = desk.t1 * T2;
    else resolve(response);
  });
  const response = await promise;
  repetition.stop();
  clearTimeout(last);
  desk.timers.delete(last);
  return response;
}

function invite(desk: Desk, draft: Draft, events: InviteEvents): Invitation {
  const branch = newBranch();
  const repetition = repeat(desk, compose(desk.wire, draft, branch), draft.to, Number.POSITIVE_INFINITY);
  const timerB = after(desk, desk.t1 * 64, events.silent);
  let refusedWith: SipResponse | undefined;
  const settle = (): void => {
    repetition.stop();
    clearTimeout(timerB);
    desk.timers.delete(timerB);
  };
  desk.waiting.set(`${branch} INVITE`, (response, from) => {
    settle();
    if (response.status < 200) {
      if (refusedWith === undefined) events.provisional(response, from);
    } else if (response.status < 300) events.success(response, from);
    else {
      // §17.1.1.3: acknowledged in the same transaction, and again each time that it is repeated (Timer D).
      desk.wire.send(compose(desk.wire, acknowledge(draft, response), branch), draft.to);
      if (refusedWith !== undefined) return;
      refusedWith = response;
      events.refused(response, from);
    }
  });
  let cancelled: Promise<boolean> | undefined;
  return {
    transmissions: () => repetition.count,
    hush: () => repetition.stop(),
    cancel: () => (cancelled ??= ask(desk, withdraw(draft), branch).then((response) => response !== undefined)),
  };
}

const SHARED = ['max-forwards', 'route', 'from', 'call-id'];

/** §17.1.1.3: Request-URI, Route, Call-ID and From of the INVITE, To of the response. */
function acknowledge(draft: Draft, response: SipResponse): Draft {
  const headers = draft.headers.filter(({ name }) => SHARED.includes(name));
  const to = { name: 'to', value: headerOf(response, 'to') ?? headerOf(draft, 'to') ?? '' };
  return { ...draft, method: 'ACK', headers: [...headers, to, sequence(draft, 'ACK')], body: EMPTY };
}

/** §9.1: as the INVITE in everything that finds its way. */
function withdraw(draft: Draft): Draft {
  const headers = draft.headers.filter(({ name }) => SHARED.includes(name) || name === 'to');
  return { ...draft, method: 'CANCEL', headers: [...headers, sequence(draft, 'CANCEL')], body: EMPTY };
}

const EMPTY = Buffer.alloc(0);

const sequence = (draft: Draft, method: string): Header => ({
  name: 'cseq',
  value: `${cseqOf(draft)?.number ?? 1} ${method}`,
});

/** A response to a request of the far side, with what §8.2.6 has us copy. */
export function respond(
  request: SipRequest,
  { status, reason, headers = [], body = EMPTY }: Word,
  from: Place,
  tag: string,
): Buffer {
  const [top = '', ...vias] = listOf(request, 'via');
  // RFC 3581 §4: where it really came from.
  const seen = top.replace(/;rport(?=;|$)/i, `;rport=${from.port};received=${from.address}`);
  const to = headerOf(request, 'to') ?? '';
  const copied = (name: string): Header => ({ name, value: headerOf(request, name) ?? '' });
  return formatMessage({
    kind: 'response',
    status,
    reason,
    headers: [
      ...[seen, ...vias].map((value) => ({ name: 'via', value })),
      ...listOf(request, 'record-route').map((value) => ({ name: 'record-route', value })),
      copied('from'),
      { name: 'to', value: parameterOf(to, 'tag') === undefined ? `${to};tag=${tag}` : to },
      copied('call-id'),
      copied('cseq'),
      { name: 'user-agent', value: 'Ringback' },
      ...headers,
    ],
    body,
  });
}

/** What we say to a request. */
export interface Word {
  readonly status: number;
  readonly reason: string;
  readonly headers?: readonly Header[];
  readonly body?: Buffer;
}

/** As text, for comparison and for people. */
export const placeText = ({ address, port }: Place): string => authority(address, port);
