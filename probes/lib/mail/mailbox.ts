/**
 * Our own mailbox by IMAP: folders watched, mail found by words that only ours can hold, nothing else looked at. It knows
 * folders and numbers, not what a mail means.
 */
import { isIP, Socket } from 'node:net';
import { ImapFlow } from 'imapflow';
import type { ImapFlowOptions, SearchObject } from 'imapflow';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import type { Instant } from '../../../src/core/model.ts';
import { trustOf } from '../certificate.ts';
import { resolve } from '../connector.ts';
import type { Reach } from '../reach.ts';
import { ours } from './blame.ts';
import type { Security } from './session.ts';
import type { Login } from './submit.ts';
import { readError } from './trouble.ts';

export interface MailboxAddress {
  readonly host: string;
  readonly port: number;
  readonly security: Security;
  readonly login: Login;
  /** Folders to watch beside the one for junk, which the server names. */
  readonly folders: readonly string[];
  readonly reach: Reach;
  readonly signal: AbortSignal;
  /** End of everything, by the monotonic clock. */
  readonly until: number;
}

/** A mail as it lies there. */
export interface Letter {
  readonly uid: number;
  readonly folder: string;
  /** The first bytes of it, at most 256 KiB. */
  readonly source: Buffer;
  /** The server's stamp of its arrival (INTERNALDATE), whole seconds; undefined when it told none that is one. */
  readonly arrivedAt: Instant | undefined;
}

/** A folder's numbering (RFC 3501 §2.3.1.1): another validity means that the numbers mean other mails now. */
export interface Bounds {
  readonly validity: string;
  /** No mail from before now has this number or a higher one. */
  readonly next: number;
}

/** Where a search begins: at a number, or on the day (UTC) of an instant. */
export type After = { readonly number: number } | { readonly day: Instant };

export type Told<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault };

/** Longest waits for one command, in milliseconds, and what of a mail is taken in. */
const COMMAND_MS = 10_000;
/** Of the time left, what one command may take: one that hangs must leave time for another connection. */
const COMMAND_SHARE = 1 / 3;
const FAREWELL_MS = 500;
const SOURCE_CAP = 262_144;
/** Bytes that a server may say in answer to a command. The client itself would read a flood without a pause for others. */
const ANSWER_CAPS: Readonly<Record<string, number>> = {
  FETCH: SOURCE_CAP + 65_536,
  LIST: SOURCE_CAP,
  SEARCH: SOURCE_CAP,
};
const ANSWER_CAP = 65_536;
/** Numbers given in one command: a search may find whatever an attacker put there. */
const BATCH_CAP = 50;
/** On mail that was recognised as an answer to ours, so that it can be cleaned up later. */
const KEYWORD = 'RingbackProbe';

/** Logs in and lists the folders. Never throws; what was opened is closed when it fails. */
export async function openMailbox(at: MailboxAddress, ms: number): Promise<Told<Mailbox>> {
  const until = performance.now() + ms;
  const trust = await trustOf(at.reach.ca);
  if ('blame' in trust) return { ok: false, fault: trust };
  const resolved = await resolve(at.host, at.reach, AbortSignal.any([at.signal, AbortSignal.timeout(Math.ceil(ms))]));
  if (!resolved.ok) return { ok: false, fault: ours(resolved.fault) };
  let last: Fault = fault('DNS_NODATA', `${at.host} has no address`);
  for (const [index, address] of resolved.addresses.entries()) {
    const left = (until - performance.now()) / (resolved.addresses.length - index);
    const mailbox = new Mailbox(at, address, { tls: { secureContext: trust } }, left);
    const opened = await mailbox.open(left);
    if (opened.ok) return { ok: true, value: mailbox };
    mailbox.destroy();
    last = opened.fault;
    // Another address of the same server would say the same about a password.
    if (!/^TCP_|^NO_ROUTE/.test(last.code)) break;
  }
  return { ok: false, fault: ours(last) };
}

export class Mailbox {
  readonly #at: MailboxAddress;
  readonly #client: ImapFlow;
  readonly #abort = (): void => {
    this.#client.close();
  };
  #folders: readonly string[] = [];
  #junk: string | undefined;
  #sent: string | undefined;
  /** The last error that only the event told: commands that were waiting resolve as if all were well. */
  #trouble: Error | undefined;
  #idles = true;
  /** Bytes that may still come until the next command. */
  #credit = ANSWER_CAP;
  /** Rejects a moment after the end, for commands that do not settle when the client is closed. */
  readonly #closed = Promise.withResolvers<never>();

  constructor(at: MailboxAddress, address: string, options: ImapFlowOptions, ms: number) {
    this.#at = at;
    this.#client = new ImapFlow({
      ...options,
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
    this.#client.on('error', (error) => {
      this.#trouble ??= error;
    });
    at.signal.addEventListener('abort', this.#abort, { once: true });
    this.#closed.promise.catch(() => undefined);
    this.#client.once('close', () => {
      at.signal.removeEventListener('abort', this.#abort);
      setImmediate(() => {
        this.#closed.reject(new Error('the connection was closed'));
      });
    });
  }

  /** Folders to watch, in order. */
  get folders(): readonly string[] {
    return this.#folders;
  }

  get junk(): string | undefined {
    return this.#junk;
  }

  get usable(): boolean {
    return this.#client.usable;
  }

  destroy(): void {
    this.#at.signal.removeEventListener('abort', this.#abort);
    this.#client.close();
  }

  /** Leaves politely, and at once where that takes long. */
  async leave(): Promise<void> {
    if (this.#client.usable) await this.#run('LOGOUT', FAREWELL_MS, () => this.#client.logout());
    this.destroy();
  }

  async open(ms: number): Promise<Told<undefined>> {
    const connected = await this.#run('login', ms, () => this.#client.connect());
    if (!connected.ok) return connected;
    // RFC 3501 §7.1.4: PREAUTH says that we are logged in before we said who we are, and before any TLS was asked for.
    // The client tells it apart only by a greeting that it did not keep.
    if (this.#client.greeting === undefined)
      return { ok: false, fault: fault('AUTH', 'our mailbox lets us in without asking who we are (PREAUTH)') };
    this.#countBytes();
    const listed = await this.#run('LIST', this.#patience(), () => this.#client.list());
    if (!listed.ok) return listed;
    const all = listed.value.filter((each) => !each.flags.has('\\Noselect') && !each.flags.has('\\NonExistent'));
    const named = (use: string): string | undefined => all.find((each) => each.specialUse === use)?.path;
    this.#junk = named('\\Junk');
    this.#sent = named('\\Sent');
    const paths = all.map((each) => each.path);
    const missing = this.#at.folders.find((each) => !paths.includes(each));
    if (missing !== undefined)
      return {
        ok: false,
        fault: fault('SETTINGS', `our mailbox has no folder ${missing}; it has ${paths.slice(0, 12).join(', ')}`),
      };
    this.#folders = [...new Set([...this.#at.folders, ...(this.#junk === undefined ? [] : [this.#junk])])];
    return { ok: true, value: undefined };
  }

  /** On the socket itself: what the client does with a chunk is done before it tells anybody. */
  #countBytes(): void {
    const socket: unknown = Reflect.get(this.#client, 'socket');
    if (!(socket instanceof Socket)) return;
    socket.on('data', (chunk: Buffer) => {
      this.#credit -= chunk.length;
      if (this.#credit >= 0) return;
      this.#trouble ??= Object.assign(new Error('it says more than anybody can'), { code: 'ResponseTooLarge' });
      this.#client.close();
    });
  }

  /** Where new mail will be numbered from. */
  async bounds(folder: string): Promise<Told<Bounds>> {
    const opened = await this.#examine(folder);
    if (!opened.ok) return opened;
    const { mailbox } = this.#client;
    if (mailbox === false) return this.#lost('EXAMINE');
    // Servers may leave both out. Then the folder is searched from its first mail on: our words are in no other one.
    const validity = String((mailbox as Partial<typeof mailbox>).uidValidity ?? 'none');
    return { ok: true, value: { validity, next: (mailbox as Partial<typeof mailbox>).uidNext ?? 1 } };
  }

  /** Numbers of mails after some point that hold one of the words anywhere. The server looks; we see nothing of the others. */
  async find(folder: string, after: After, words: readonly string[]): Promise<Told<readonly number[]>> {
    const anyOf = words.map((text) => ({ text }));
    const range = 'number' in after ? { uid: `${after.number}:*` } : { since: new Date(after.day) };
    const query = { ...range, ...(anyOf.length === 1 ? anyOf[0] : { or: anyOf }) };
    return await this.#search(folder, query, 'number' in after ? after.number : 1);
  }

  /** One mail, capped; undefined when it has gone meanwhile. */
  async fetch(folder: string, uid: number): Promise<Told<Letter | undefined>> {
    const opened = await this.#examine(folder);
    if (!opened.ok) return opened;
    const query = { source: { maxLength: SOURCE_CAP }, internalDate: true, uid: true };
    const got = await this.#run('FETCH', this.#patience(), () => this.#client.fetchOne(uid, query, { uid: true }));
    if (!got.ok) return got;
    const { value } = got;
    if (value === false || value?.source === undefined) return { ok: true, value: undefined };
    const at = value.internalDate === undefined ? Number.NaN : new Date(value.internalDate).getTime();
    const letter = { uid, folder, source: value.source, arrivedAt: Number.isFinite(at) ? at : undefined };
    return { ok: true, value: letter };
  }

  /** Marks mails as answers to ours. A server that keeps no keywords leaves them unmarked. */
  async mark(folder: string, uids: readonly number[]): Promise<Told<unknown>> {
    const opened = await this.#select(folder, false);
    if (!opened.ok) return opened;
    const range = uids.slice(0, BATCH_CAP).join(',');
    return await this.#run('STORE', this.#patience(), () =>
      this.#client.messageFlagsAdd(range, [KEYWORD], { uid: true, silent: true }),
    );
  }

  /**
   * Deletes mail from before `before` that is ours: written by us (`header` begins with `value`, From ends with `sender`) or
   * marked by us as an answer. Says how many.
   */
  async cleanUp(
    before: Instant,
    ours: { readonly header: string; readonly value: string; readonly sender: string },
  ): Promise<Told<number>> {
    let count = 0;
    const written = { header: { [ours.header]: ours.value }, from: ours.sender };
    const query = { before: new Date(before), or: [written, { keyword: KEYWORD }] };
    const folders = this.#sent === undefined ? this.#folders : [...this.#folders, this.#sent];
    for (const folder of new Set(folders)) {
      const found = await this.#search(folder, query, 1);
      if (!found.ok) return found;
      if (found.value.length === 0) continue;
      const removed = await this.#remove(folder, found.value.slice(0, BATCH_CAP));
      if (!removed.ok) return removed;
      count += removed.value;
    }
    return { ok: true, value: count };
  }

  /** Waits until the folder tells of new mail, or `ms` have passed. Whether it did is worth nothing: the caller looks. */
  async wait(folder: string, ms: number): Promise<void> {
    const woken = Promise.withResolvers<undefined>();
    const wake = (): void => {
      woken.resolve(undefined);
    };
    const timer = setTimeout(wake, ms);
    this.#client.once('exists', wake).once('close', wake);
    if (this.#client.usable && this.#idles && this.#client.capabilities.has('IDLE')) this.#idle(folder, wake);
    await woken.promise;
    clearTimeout(timer);
    this.#client.off('exists', wake).off('close', wake);
  }

  /** The next command ends it. One that is refused is not tried again; one that is dropped is seen by the next command. */
  #idle(folder: string, wake: () => void): void {
    const idling = async (): Promise<void> => {
      if (!(await this.#examine(folder)).ok) return wake();
      const began = performance.now();
      if ((await this.#client.idle()) === false || performance.now() - began < 100) this.#idles = false;
    };
    // It rejects when the connection breaks, which `usable` says as well.
    idling().catch(wake);
  }

  async #remove(folder: string, uids: readonly number[]): Promise<Told<number>> {
    const opened = await this.#select(folder, false);
    if (!opened.ok) return opened;
    const range = uids.join(',');
    // Without UIDPLUS an EXPUNGE takes whatever anybody marked as deleted, and that may be foreign mail (RFC 4315 §2.1).
    const isExact = this.#client.capabilities.has('UIDPLUS');
    const removed = await this.#run('STORE', this.#patience(), () =>
      isExact
        ? this.#client.messageDelete(range, { uid: true })
        : this.#client.messageFlagsAdd(range, ['\\Deleted'], { uid: true, silent: true }),
    );
    return removed.ok ? { ok: true, value: removed.value ? uids.length : 0 } : removed;
  }

  async #search(folder: string, query: SearchObject, from: number): Promise<Told<readonly number[]>> {
    const opened = await this.#examine(folder);
    if (!opened.ok) return opened;
    const found = await this.#run('SEARCH', this.#patience(), () => this.#client.search(query, { uid: true }));
    if (!found.ok) return found;
    if (!Array.isArray(found.value)) return { ok: false, fault: fault('PROTO_REFUSED', 'our mailbox refuses SEARCH') };
    // `7:*` also means the last mail when its number is lower (RFC 3501 §6.4.8).
    return { ok: true, value: found.value.filter((uid) => uid >= from).slice(0, BATCH_CAP) };
  }

  /** For looking only: nothing there changes by it, not even what counts as recent. */
  async #examine(folder: string): Promise<Told<unknown>> {
    return await this.#select(folder, true);
  }

  async #select(folder: string, readOnly: boolean): Promise<Told<unknown>> {
    const { mailbox } = this.#client;
    if (mailbox !== false && mailbox.path === folder && (mailbox.readOnly === true) === readOnly)
      return { ok: true, value: undefined };
    return await this.#run(readOnly ? 'EXAMINE' : 'SELECT', this.#patience(), () =>
      this.#client.mailboxOpen(folder, { readOnly }),
    );
  }

  /**
   * One command with a deadline of its own, for a server that drips resets every timer but this one. What resolved is believed
   * only while the client is usable: after a broken line, commands may resolve as if all were well.
   */
  async #run<T>(what: string, ms: number, work: () => Promise<T>): Promise<Told<T>> {
    if (this.#isOver() || this.#client.isClosed) return this.#lost(what);
    this.#credit = ANSWER_CAPS[what] ?? ANSWER_CAP;
    const limit = new AbortController();
    const timer = setTimeout(
      () => {
        limit.abort();
        this.#client.close();
      },
      Math.max(1, ms),
    );
    try {
      const value = await Promise.race([work(), this.#closed.promise]);
      return this.#client.usable || what === 'LOGOUT' ? { ok: true, value } : this.#lost(what);
    } catch (error) {
      const where = `our mailbox ${this.#at.host}`;
      if (this.#isOver()) return this.#lost(what);
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

  #patience(): number {
    return Math.min(COMMAND_MS, (this.#at.until - performance.now()) * COMMAND_SHARE);
  }

  #lost(what: string): { readonly ok: false; readonly fault: Fault } {
    const where = `our mailbox ${this.#at.host}`;
    if (this.#isOver()) return { ok: false, fault: fault('DEADLINE', `${where}: the look ended at ${what}`) };
    return {
      ok: false,
      fault: readError(this.#trouble ?? new Error('the connection was closed'), undefined, what, where),
    };
  }
}
