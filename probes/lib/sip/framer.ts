/** Cuts a stream of bytes into SIP messages by Content-Length (RFC 3261 §18.3). It knows no socket and never keeps more than one message. */
import { headEnd, LIMITS, parseHead, parseStartLine, skipBlank } from './message.ts';
import type { Flaw, SipMessage } from './message.ts';

export interface Framed {
  readonly messages: readonly SipMessage[];
  /** Present: the stream cannot be read any further; whatever comes later is ignored. */
  readonly flaw?: Flaw;
}

export interface Framer {
  push(chunk: Buffer): Framed;
}

type Step =
  | { readonly kind: 'message'; readonly message: SipMessage; readonly next: number }
  /** Nothing new before `need` bytes are there; the first `seen` of them hold no end of headers. */
  | { readonly kind: 'more'; readonly need: number; readonly seen: number }
  | { readonly kind: 'flaw'; readonly flaw: Flaw };

const flawed = (problem: Flaw['problem'], detail: string): Step => ({ kind: 'flaw', flaw: { problem, detail } });

export function openFramer(): Framer {
  let kept = Buffer.alloc(4_096);
  let length = 0;
  let need = 0;
  let seen = 0;
  let broken: Flaw | undefined;

  // Doubling instead of joining: a far side that drips byte by byte must not cost a copy (or, by `need` and `seen`, another reading) per byte.
  const keep = (chunk: Buffer): void => {
    if (length + chunk.length > kept.length) {
      const wider = Buffer.alloc(Math.max(kept.length * 2, length + chunk.length));
      kept.copy(wider, 0, 0, length);
      kept = wider;
    }
    length += chunk.copy(kept, length);
  };
  const drop = (count: number): void => {
    kept.copyWithin(0, count, length);
    length -= count;
    need = 0;
    seen = 0;
  };

  return {
    push(chunk) {
      if (broken !== undefined) return { messages: [], flaw: broken };
      keep(chunk);
      const messages: SipMessage[] = [];
      while (length >= need) {
        const blank = skipBlank(kept.subarray(0, length), 0);
        if (blank > 0) drop(blank);
        const step = readOne(kept.subarray(0, length), seen);
        if (step.kind === 'more') {
          ({ need, seen } = step);
          break;
        }
        if (step.kind === 'flaw') {
          broken = step.flaw;
          return { messages, flaw: broken };
        }
        messages.push(step.message);
        drop(step.next);
      }
      return { messages };
    },
  };
}

function readOne(bytes: Buffer, seen: number): Step {
  const newline = bytes.indexOf(10);
  const more: Step = { kind: 'more', need: bytes.length + 1, seen: Math.max(bytes.length - 3, 0) };
  if (newline === -1) return bytes.length > LIMITS.startLine ? flawed('not_sip', 'an endless first line') : more;
  // Judged before the rest is there, so that a web or mail server on this port is recognised by its first line.
  if (seen <= newline) {
    const start = parseStartLine(bytes.toString('utf8', 0, newline).trimEnd());
    if (!start.ok) return { kind: 'flaw', flaw: start.flaw };
  }
  const end = headEnd(bytes.subarray(0, LIMITS.bytes), seen);
  if (end === undefined) return bytes.length >= LIMITS.bytes ? flawed('too_large', 'endless headers') : more;
  const parsed = parseHead(bytes.subarray(0, end.at));
  if (!parsed.ok) return { kind: 'flaw', flaw: parsed.flaw };
  // On a stream a missing Content-Length can only mean none (§20.14 makes it mandatory there).
  const next = end.next + (parsed.contentLength ?? 0);
  if (next > LIMITS.bytes) return flawed('too_large', `a message of ${next} bytes`);
  if (next > bytes.length) return { kind: 'more', need: next, seen: Math.max(end.at - 3, 0) };
  const body = Buffer.from(bytes.subarray(end.next, next));
  return { kind: 'message', message: { ...parsed.head, body }, next };
}
