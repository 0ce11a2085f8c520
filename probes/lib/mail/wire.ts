/** One connection to an IMAP server that may do anything: every command has an end, every answer a size. It knows no mail. */
import { createRequire } from 'node:module';
import { isIP, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { ImapFlow } from 'imapflow';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { readCertificate } from '../certificate.ts';
import type { Certificate } from '../certificate.ts';
import type { MailboxAddress, Told } from './mailbox.ts';
import { readError } from './trouble.ts';

/** Longest wait for one command, in milliseconds. */
const COMMAND_MS = 10_000;
/** Of the time left, what one command may take: one that hangs must leave time for another connection. */
const COMMAND_SHARE = 1 / 3;
/** What of a mail is taken in, in bytes. */
export const SOURCE_CAP = 262_144;
/** Bytes that a server may say in answer to a command. The client itself would read a flood without a pause for others. */
const ANSWER_CAPS: Readonly<Record<string, number>> = {
  FETCH: SOURCE_CAP + 65_536,
  LIST: SOURCE_CAP,
  SEARCH: SOURCE_CAP,
};
const ANSWER_CAP = 65_536;

const require = createRequire(import.meta.url);

export class Wire {
  readonly #at: MailboxAddress;
  readonly client: ImapFlow;
  readonly #abort = (): void => {
    this.client.close();
  };
  /** The last error that only the event told: commands that were waiting resolve as if all were well. */
  #trouble: Error | undefined;
  /** Bytes that may still come until the next command. */
  #credit = ANSWER_CAP;
  /** Rejects a moment after the end, for commands that do not settle when the client is closed. */
  readonly #closed = Promise.withResolvers<never>();

  constructor(at: MailboxAddress, address: string, trust: SecureContext, ms: number) {
    this.#at = at;
    // With the first mailbox: where none is read, its megabytes stay on the disk.
    const imapflow = require('imapflow') as { ImapFlow: typeof ImapFlow };
    this.client = new imapflow.ImapFlow({
      tls: { secureContext: trust },
      // The address that was checked: there is no second look-up.
      host: address,
      ...(isIP(at.host) === 0 ? { servername: at.host } : {}),
      port: at.port,
      secure: at.security === 'implicit',
      doSTARTTLS: at.security === 'starttls',
      auth: { user: at.login.user, pass: at.login.password.reveal() },
      logger: false,
      disableAutoIdle: true,
      // What we do not need is not negotiated; an inflating server could not be capped.
      disableCompression: true,
      disableAutoEnable: true,
      disableIMAP4rev2: true,
      disableBinary: true,
      clientInfo: { name: 'ringback' },
      maxLineLength: 262_144,
      maxLiteralSize: 2 * SOURCE_CAP,
      maxResponseSize: 4 * SOURCE_CAP,
      connectionTimeout: Math.max(1, Math.ceil(ms)),
      greetingTimeout: Math.max(1, Math.ceil(ms)),
      socketTimeout: 5 * 60_000,
    });
    this.client.on('error', (error) => {
      this.#trouble ??= error;
    });
    at.signal.addEventListener('abort', this.#abort, { once: true });
    this.#closed.promise.catch(() => undefined);
    this.client.once('close', () => {
      at.signal.removeEventListener('abort', this.#abort);
      setImmediate(() => {
        this.#closed.reject(new Error('the connection was closed'));
      });
    });
  }

  /** Closes it at once, whatever goes on. */
  destroy(): void {
    this.#at.signal.removeEventListener('abort', this.#abort);
    this.client.close();
  }

  /** Begins to count what the server says. On the socket itself: what the client does with a chunk is done before it tells anybody. */
  countBytes(): void {
    const socket = this.#socket();
    if (socket === undefined) return;
    socket.on('data', (chunk: Buffer) => {
      this.#credit -= chunk.length;
      if (this.#credit >= 0) return;
      this.#trouble ??= Object.assign(new Error('it says more than anybody can'), { code: 'ResponseTooLarge' });
      this.client.close();
    });
  }

  certificate(): Certificate | undefined {
    const socket = this.#socket();
    return socket instanceof TLSSocket && !socket.destroyed
      ? readCertificate(socket, this.#at.host, Date.now())
      : undefined;
  }

  /** The client keeps it to itself. */
  #socket(): Socket | undefined {
    const socket: unknown = Reflect.get(this.client, 'socket');
    return socket instanceof Socket ? socket : undefined;
  }

  /**
   * One command with a deadline of its own, for a server that drips resets every timer but this one. What resolved is believed
   * only while the client is usable: after a broken line, commands may resolve as if all were well.
   */
  async run<T>(what: string, ms: number, work: () => Promise<T>): Promise<Told<T>> {
    if (this.#isOver() || this.client.isClosed) return this.lost(what);
    this.#credit = ANSWER_CAPS[what] ?? ANSWER_CAP;
    const limit = new AbortController();
    const timer = setTimeout(
      () => {
        limit.abort();
        this.client.close();
      },
      Math.max(1, ms),
    );
    try {
      const value = await Promise.race([work(), this.#closed.promise]);
      return this.client.usable || what === 'LOGOUT' ? { ok: true, value } : this.lost(what);
    } catch (error) {
      const where = `our mailbox ${this.#at.host}`;
      if (this.#isOver()) return this.lost(what);
      if (limit.signal.aborted)
        return { ok: false, fault: fault('DEADLINE', `${where} did not finish ${what} in ${Math.round(ms)} ms`) };
      return { ok: false, fault: readError(error, this.#trouble, what, where) };
    } finally {
      clearTimeout(timer);
    }
  }

  #isOver(): boolean {
    return this.#at.signal.aborted;
  }

  /** Milliseconds for the next command. */
  patience(): number {
    return Math.min(COMMAND_MS, (this.#at.until - performance.now()) * COMMAND_SHARE);
  }

  /** Why there is nothing to be had any more. */
  lost(what: string): { readonly ok: false; readonly fault: Fault } {
    const where = `our mailbox ${this.#at.host}`;
    if (this.#isOver()) return { ok: false, fault: fault('DEADLINE', `${where}: the look ended at ${what}`) };
    return {
      ok: false,
      fault: readError(this.#trouble ?? new Error('the connection was closed'), undefined, what, where),
    };
  }
}
