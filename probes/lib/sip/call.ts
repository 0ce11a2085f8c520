/** What is known of one call that we make, and how others wait for it to change. It sends nothing and hears nothing. */
import type { Fault } from '../../../src/core/fault.ts';
import type { Codec } from '../media/g711.ts';
import type { Ours, Theirs } from '../media/sdp.ts';
import type { Reach } from '../reach.ts';
import type { Keyring } from './digest.ts';
import type { Dialog } from './dialog.ts';
import type { Header, SipResponse } from './message.ts';
import type { Draft, Invitation, Transactions } from './transaction.ts';
import type { Place } from './udp.ts';
import { bracket } from './uri.ts';
import type { Wire } from './wire.ts';

/** Whom to call and as whom. */
export interface Plan {
  readonly wire: Wire;
  readonly reach: Reach;
  /** Whether provisional responses may be reliable (RFC 3262). */
  readonly reliable: boolean;
  /** Whether all that follows goes to the trunk, whatever it says of where it wants it. */
  readonly pin: boolean;
  /** Request-URI, and To. */
  readonly uri: string;
  readonly from: string;
  readonly callId: string;
  readonly tag: string;
  readonly keyring: Keyring;
  readonly ours: Ours;
  /** Where the far side reaches us: our own address, or what a NAT makes of it. */
  readonly outside: Place;
  /** Of every INVITE, beside those that it needs. */
  readonly more: readonly Header[];
  /** Whom to call instead, when the far side sends us elsewhere (3xx); undefined: nobody. Asked once. */
  readonly redirect: (response: SipResponse) => string | undefined;
  /** Told each time that we learn where sound goes. False: it may not go there. */
  readonly onSound: (phase: 'early' | 'answered', theirs: Theirs) => boolean;
  readonly t1: number;
}

/** Moments by the monotonic clock. */
export type Mark = 'first' | 'dialled' | 'trying' | 'progress' | 'ringing' | 'early' | 'answered' | 'over';

export type Ending =
  | { readonly kind: 'refused'; readonly response: SipResponse }
  | { readonly kind: 'login'; readonly response: SipResponse; readonly why: string }
  | { readonly kind: 'failed'; readonly fault: Fault }
  /** We gave up; `answeredLate`: the 200 crossed our CANCEL. */
  | { readonly kind: 'cancelled'; readonly answeredLate: boolean; readonly acknowledged: boolean }
  | {
      readonly kind: 'hung_up';
      readonly by: 'us' | 'them';
      readonly reason: string | undefined;
      readonly clean: boolean;
    };

export interface Call {
  readonly plan: Plan;
  /** Request-URI: the plan's, or where we were sent. */
  uri: string;
  readonly desk: Transactions;
  readonly marks: Partial<Record<Mark, number>>;
  /** Newest provisional response above 100. */
  progress: SipResponse | undefined;
  answer: SipResponse | undefined;
  /** Of the sound that was agreed on last. */
  codec: Codec | undefined;
  /** Why there is no sound although somebody answered. */
  soundless: string | undefined;
  ending: Ending | undefined;
  /** Counts that a person may want to see. */
  readonly counts: { rounds: number; forks: number; transmissions: number; strangers: number; redirects: number };
  garbled: string | undefined;
  cseq: number;
  inviteSeq: number;
  invitation: Invitation | undefined;
  /** The login that the INVITE carried; its ACK carries it too (§22.1). */
  login: readonly Header[];
  sessionSeconds: number;
  leaving: boolean;
  confirmed: { readonly dialog: Dialog; readonly ack: Draft } | undefined;
  /** Early dialogs by their tag, with the last reliable response of each (RFC 3262 §4). */
  readonly early: Map<string, { readonly dialog: Dialog; rseq: number | undefined }>;
  remoteSeq: number;
  readonly waiters: Set<() => void>;
}

/** Resolves as soon as something holds (true), or after so many milliseconds (false). */
export function until(call: Call, holds: (call: Call) => boolean, ms: number): Promise<boolean> {
  if (holds(call)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const finish = (held: boolean): void => {
      clearTimeout(timer);
      call.waiters.delete(look);
      resolve(held);
    };
    const look = (): void => {
      if (holds(call)) finish(true);
    };
    const timer = setTimeout(() => finish(holds(call)), ms);
    call.waiters.add(look);
  });
}

export const isOver = (call: Call): boolean => call.ending !== undefined;

export function mark(call: Call, name: Mark): void {
  call.marks[name] ??= performance.now();
}

/** We have learned where sound goes. False: it may not go there. */
export function hearSound(call: Call, phase: 'early' | 'answered', theirs: Theirs): boolean {
  if (!call.plan.onSound(phase, theirs)) return false;
  call.codec = theirs.codec;
  return true;
}

export function changed(call: Call): void {
  for (const look of [...call.waiters]) look();
}

export function end(call: Call, ending: Ending): void {
  if (call.ending !== undefined) return;
  call.ending = ending;
  mark(call, 'over');
  changed(call);
}

/** RFC 4028 §4: the least that anybody must accept. A process of ours that dies leaves no call up for longer. */
export const SESSION_SECONDS = 90;
export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK';

/** Where we want what follows to be sent. */
export function contactOf({ wire: { transport }, outside }: Plan): string {
  const parameter = transport === 'udp' ? '' : `;transport=${transport}`;
  return `<sip:ringback@${bracket(outside.address)}:${outside.port}${parameter}>`;
}

/** Why there is no sound when it is our own policy that forbids it. */
export const BLOCKED = 'its sound leads to an address that is not allowed';
