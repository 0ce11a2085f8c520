/** A dialogue in lines over one socket, with a deadline for every answer and a transcript. It knows replies, not their meaning. */
import type { Socket } from 'node:net';
import { fault, printable } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { faultOf } from '../connector.ts';
import { ReplyReader } from './reply.ts';
import type { Reply } from './reply.ts';

export type Heard = { readonly ok: true; readonly reply: Reply } | { readonly ok: false; readonly fault: Fault };

const TRANSCRIPT_CAP = 16_384;

export class Talk {
  readonly #signal: AbortSignal;
  #socket: Socket;
  #reader = new ReplyReader();
  #lines: string[] = [];
  #size = 0;
  #discreet = false;
  #ended: Fault | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    this.#attach();
  }

  /** True when the far side has said more than it was asked. */
  get spokeAhead(): boolean {
    return this.#reader.unread > 0 || this.#socket.readableLength > 0;
  }

  get transcript(): string {
    return this.#lines.join('\n');
  }

  /** Waits for one reply, at most `ms`. `what` names it in the fault: `banner`, `reply to EHLO`. */
  async hear(what: string, ms: number): Promise<Heard> {
    const from = performance.now();
    const until = from + ms;
    for (;;) {
      const reading = this.#reader.next();
      if (reading.kind === 'reply') return this.#heard(reading.reply);
      if (reading.kind === 'broken') return this.#lost(reading.fault);
      const left = until - performance.now();
      // The deadline first: whoever closes the socket because of it is not the far side.
      if (left <= 0 || this.#signal.aborted)
        return this.#lost(this.#withPartial(tooLate(what, performance.now() - from), what));
      if (this.#ended !== undefined) return this.#lost(this.#withPartial(this.#ended, what));
      await this.#news(left);
    }
  }

  /**
   * Says one line and waits for its reply. A reply that came before its question belongs to nothing: the dialogue ends. With
   * `shown` the transcript has that instead of the line, and of the reply the code alone: it may repeat what was said.
   */
  async ask(line: string, ms: number, shown?: string): Promise<Heard> {
    const verb = (shown ?? line).split(' ', 1)[0] ?? line;
    if (this.spokeAhead)
      return this.#lost(fault('PROTO_GARBAGE', `it went on talking before ${verb}: "${this.#reader.partial()}"`));
    this.note(`C: ${shown ?? line}`);
    this.#discreet = shown !== undefined;
    if (this.#socket.writable) this.#socket.write(`${line}\r\n`);
    return await this.hear(`reply to ${verb}`, ms);
  }

  /** Lets go of the socket, so that TLS can be spoken on it. */
  detach(): void {
    this.#socket.pause();
    this.#socket.off('data', this.#onData).off('close', this.#onClose).off('end', this.#onEnd);
    // The error listener stays: an error that nobody hears would end the process.
  }

  /** Goes on over another socket, after STARTTLS. */
  resume(socket: Socket): void {
    this.#socket = socket;
    this.#reader = new ReplyReader();
    this.#attach();
  }

  /** Adds a line to the transcript while there is room. */
  note(line: string): void {
    if (this.#size > TRANSCRIPT_CAP) return;
    const text = printable(line.slice(0, 500));
    this.#size += text.length + 1;
    this.#lines.push(this.#size > TRANSCRIPT_CAP ? '… cut' : text);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#reader.push(chunk);
    // Whatever is more than one reply may hold is an attack on our memory.
    if (this.#reader.unread > 65_536) this.#socket.pause();
    this.#wake();
  };
  readonly #onError = (error: Error): void => {
    this.#end(faultOf(error, 'talk'));
  };
  readonly #onEnd = (): void => {
    this.#end(fault('PROTO_CLOSED', 'the connection was closed'));
  };
  readonly #onClose = this.#onEnd;

  #attach(): void {
    this.#ended = undefined;
    this.#socket.on('error', this.#onError);
    this.#socket.on('data', this.#onData).on('close', this.#onClose).on('end', this.#onEnd);
    if (this.#socket.destroyed) this.#onEnd();
  }

  #end(why: Fault): void {
    this.#ended ??= why;
    this.#wake();
  }

  /** Resolves when anything happens: bytes, an end, the deadline, or the end of the look. */
  async #news(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => {
      resolve(undefined);
    };
    const timer = setTimeout(wake, ms);
    this.#signal.addEventListener('abort', wake, { once: true });
    this.#wake = wake;
    await promise;
    clearTimeout(timer);
    this.#signal.removeEventListener('abort', wake);
  }

  #heard(reply: Reply): Heard {
    if (this.#discreet) {
      this.note(`S: ${reply.code} …`);
      return { ok: true, reply };
    }
    reply.lines.forEach((line, at) => {
      this.note(`S: ${reply.code}${at === reply.lines.length - 1 ? ' ' : '-'}${line}`);
    });
    return { ok: true, reply };
  }

  #lost(why: Fault): Heard {
    const partial = this.#discreet ? '' : this.#reader.partial();
    if (partial !== '') this.note(`S: ${partial} (unfinished)`);
    this.note(`-- ${why.code}: ${why.message}`);
    return { ok: false, fault: why };
  }

  #withPartial(why: Fault, what: string): Fault {
    const partial = this.#discreet ? '' : this.#reader.partial();
    const where = why.code === 'DEADLINE' ? why.message : `${why.message} before the ${what}`;
    return { ...why, message: partial === '' ? where : `${where}; it had said "${partial}"` };
  }
}

function tooLate(what: string, ms: number): Fault {
  return fault('DEADLINE', `no ${what} within ${Math.round(ms)} ms`);
}
