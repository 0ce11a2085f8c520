/** The contract of a receiver: one way to tell people. One file in `src/receivers/`. */
import type { z } from 'zod';
import type { Message } from './model.ts';

/** What became of one attempt. `sent` only after the other side accepted it. */
export type Delivery =
  | { readonly kind: 'sent'; readonly detail: string }
  | { readonly kind: 'retry'; readonly detail: string; readonly afterMs?: number }
  /** It will never be accepted as it is. */
  | { readonly kind: 'rejected'; readonly detail: string };

export interface Receiver {
  readonly name: string;
  /** The other side keeps a record for each incident: every message goes alone, and `others` never come. */
  readonly alone?: true;
  /** Hands over one message. Never throws; resolves when `signal` fires. */
  send(message: Message, signal: AbortSignal): Promise<Delivery>;
}

export interface ReceiverKind<Settings = unknown> {
  readonly summary: string;
  readonly schema: z.ZodType<Settings>;
  readonly open: (name: string, settings: Settings) => Receiver;
}

export function defineReceiver<Settings>(kind: ReceiverKind<Settings>): ReceiverKind {
  return kind as unknown as ReceiverKind;
}

/** All kinds of receiver by the key that names them in the configuration. */
export type ReceiverKinds = ReadonlyMap<string, ReceiverKind>;
