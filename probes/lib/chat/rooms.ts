/** What entering a chat room through a vendor's API comes to, whoever the vendor is. It enters none itself. */
import type { Fault } from '../../../src/core/fault.ts';
import type { Evidence, Fact } from '../../../src/core/model.ts';
import { waitFacts } from '../answer.ts';
import type { Exchange } from '../http.ts';
import type { Answer } from './api.ts';
import type { Room } from './polled.ts';

export type Entered = {
  /** The first exchange: address, certificate and the way there. */
  readonly first: Exchange;
  readonly facts: Readonly<Record<string, Fact>>;
} & (
  | { readonly ok: true; readonly room: Room }
  | {
      readonly ok: false;
      readonly fault: Fault;
      /** The desk itself says that nobody is there, so nobody was disturbed. */
      readonly isClosed?: boolean;
      readonly evidence: Evidence;
    }
);

/** Not entered, because of this answer or of what it says. */
export function turnedAway(
  first: Answer,
  last: Answer,
  why: Fault,
  more: { readonly isClosed?: boolean; readonly facts?: Readonly<Record<string, Fact>> } = {},
): Entered {
  const { isClosed, facts } = more;
  return {
    ...{ ok: false, first: first.went, fault: why, evidence: last.evidence },
    facts: { ...waitFacts(last.went.reply, Date.now()), ...facts },
    ...(isClosed === undefined ? {} : { isClosed }),
  };
}

/** A message as `hear` reads it: who speaks stands in it, and nothing that a far side wrote decides what field it is. */
export function said(
  type: 'message' | 'greeting' | 'system' | 'out_of_office',
  role: 'agent' | 'bot' | 'visitor' | 'system',
  words: { readonly name?: string; readonly text: string },
): string {
  const { name, text } = words;
  return JSON.stringify({ type, from: { role, ...(name === undefined ? {} : { name }) }, text });
}
