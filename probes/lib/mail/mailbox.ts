/**
 * Our own mailbox by IMAP: folders watched, mail found by words that only ours can hold, nothing else looked at. It knows
 * folders and numbers, not what a mail means.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { QuotaResource, SearchObject } from 'imapflow';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import type { Instant } from '../../../src/core/model.ts';
import { trustOf } from '../certificate.ts';
import type { Certificate } from '../certificate.ts';
import { resolve } from '../connector.ts';
import type { Reach } from '../reach.ts';
import { ours } from './blame.ts';
import type { Security } from './session.ts';
import type { Login } from './submit.ts';
import { SOURCE_CAP, Wire } from './wire.ts';

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

const FAREWELL_MS = 500;
/** Between two looks, however much a server has to tell. */
const BREATH_MS = 50;
/** Room that a receipt needs, in bytes. */
const ROOM = 16_384;
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
    const mailbox = new Mailbox(at, new Wire(at, address, trust, left));
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
  readonly #wire: Wire;
  #folders: readonly string[] = [];
  #junk: string | undefined;
  #sent: string | undefined;
  #idles = true;
  /** Mail may have come since the caller began to look. */
  #news = false;

  constructor(at: MailboxAddress, wire: Wire) {
    this.#at = at;
    this.#wire = wire;
    this.#wire.client.on('exists', () => {
      this.#news = true;
    });
  }

  /** The server's certificate; undefined where no TLS is spoken. */
  get certificate(): Certificate | undefined {
    return this.#wire.certificate();
  }

  /** Folders to watch, in order. */
  get folders(): readonly string[] {
    return this.#folders;
  }

  get junk(): string | undefined {
    return this.#junk;
  }

  get usable(): boolean {
    return this.#wire.client.usable;
  }

  destroy(): void {
    this.#wire.destroy();
  }

  /** Leaves politely, and at once where that takes long. */
  async leave(): Promise<void> {
    if (this.#wire.client.usable) await this.#wire.run('LOGOUT', FAREWELL_MS, () => this.#wire.client.logout());
    this.destroy();
  }

  async open(ms: number): Promise<Told<undefined>> {
    const connected = await this.#wire.run('login', ms, () => this.#wire.client.connect());
    if (!connected.ok) return connected;
    // RFC 3501 §7.1.4: PREAUTH says that we are logged in before we said who we are, and before any TLS was asked for.
    // The client tells it apart only by a greeting that it did not keep.
    if (this.#wire.client.greeting === undefined)
      return { ok: false, fault: fault('AUTH', 'our mailbox lets us in without asking who we are (PREAUTH)') };
    this.#wire.countBytes();
    const listed = await this.#wire.run('LIST', this.#wire.patience(), () => this.#wire.client.list());
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

  /** Where new mail will be numbered from. */
  async bounds(folder: string): Promise<Told<Bounds>> {
    const opened = await this.#examine(folder);
    if (!opened.ok) return opened;
    const { mailbox } = this.#wire.client;
    if (mailbox === false) return this.#wire.lost('EXAMINE');
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
    const got = await this.#wire.run('FETCH', this.#wire.patience(), () =>
      this.#wire.client.fetchOne(uid, query, { uid: true }),
    );
    if (!got.ok) return got;
    const { value } = got;
    if (value === false || value?.source === undefined) return { ok: true, value: undefined };
    const at = value.internalDate === undefined ? Number.NaN : new Date(value.internalDate).getTime();
    const letter = { uid, folder, source: value.source, arrivedAt: Number.isFinite(at) ? at : undefined };
    return { ok: true, value: letter };
  }

  /**
   * In words, how full the mailbox is, when no answer would fit in (RFC 9208); undefined when there is room, and where the server
   * tells nothing of it.
   */
  async fullness(): Promise<Told<string | undefined>> {
    if (!this.#wire.client.capabilities.has('QUOTA')) return { ok: true, value: undefined };
    const got = await this.#wire.run('GETQUOTAROOT', this.#wire.patience(), () =>
      this.#wire.client.getQuota(this.#at.folders[0] ?? 'INBOX'),
    );
    if (!got.ok) return got;
    const { storage, message } = got.value === false ? {} : got.value;
    const isOver = ({ usage = 0, limit }: QuotaResource, room: number): boolean =>
      limit !== undefined && usage + room > limit;
    if (storage !== undefined && isOver(storage, ROOM))
      return { ok: true, value: `${kib(storage.usage)} of ${kib(storage.limit)} KiB are used` };
    if (message !== undefined && isOver(message, 1))
      return { ok: true, value: `${message.usage ?? 0} of ${message.limit ?? 0} mails are there` };
    return { ok: true, value: undefined };
  }

  /** Marks mails as answers to ours. A server that keeps no keywords leaves them unmarked. */
  async mark(folder: string, uids: readonly number[]): Promise<Told<unknown>> {
    const opened = await this.#select(folder, false);
    if (!opened.ok) return opened;
    const range = uids.slice(0, BATCH_CAP).join(',');
    return await this.#wire.run('STORE', this.#wire.patience(), () =>
      this.#wire.client.messageFlagsAdd(range, [KEYWORD], { uid: true, silent: true }),
    );
  }

  /**
   * Deletes mail from before `before` that is ours: written by us (`header` begins with `value`, From ends with `sender`) or
   * marked by us as an answer. Says how many.
   */
  async cleanUp(
    before: Instant,
    mine: { readonly header: string; readonly value: string; readonly sender: string },
  ): Promise<Told<number>> {
    let count = 0;
    const written = { header: { [mine.header]: mine.value }, from: mine.sender };
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

  /** What is told from now on is news to `wait`. */
  listen(): void {
    this.#news = false;
  }

  /**
   * Waits until the folder tells of new mail, or `ms` have passed. Whether it did is worth nothing: the caller looks. What was told
   * since `listen` ends it at once, for it may have come after the search and before we idled.
   */
  async wait(folder: string, ms: number): Promise<void> {
    if (this.#news) return await sleep(Math.min(BREATH_MS, ms));
    const woken = Promise.withResolvers<undefined>();
    const wake = (): void => {
      woken.resolve(undefined);
    };
    const timer = setTimeout(wake, ms);
    this.#wire.client.once('exists', wake).once('close', wake);
    if (this.#wire.client.usable && this.#idles && this.#wire.client.capabilities.has('IDLE')) this.#idle(folder, wake);
    await woken.promise;
    clearTimeout(timer);
    this.#wire.client.off('exists', wake).off('close', wake);
  }

  /** The next command ends it. One that is refused is not tried again; one that is dropped is seen by the next command. */
  #idle(folder: string, wake: () => void): void {
    const idling = async (): Promise<void> => {
      if (!(await this.#examine(folder)).ok) return wake();
      const began = performance.now();
      if ((await this.#wire.client.idle()) === false || performance.now() - began < 100) this.#idles = false;
    };
    // It rejects when the connection breaks, which `usable` says as well.
    idling().catch(wake);
  }

  async #remove(folder: string, uids: readonly number[]): Promise<Told<number>> {
    const opened = await this.#select(folder, false);
    if (!opened.ok) return opened;
    const range = uids.join(',');
    // Without UIDPLUS an EXPUNGE takes whatever anybody marked as deleted, and that may be foreign mail (RFC 4315 §2.1).
    const isExact = this.#wire.client.capabilities.has('UIDPLUS');
    const removed = await this.#wire.run('STORE', this.#wire.patience(), () =>
      isExact
        ? this.#wire.client.messageDelete(range, { uid: true })
        : this.#wire.client.messageFlagsAdd(range, ['\\Deleted'], { uid: true, silent: true }),
    );
    return removed.ok ? { ok: true, value: removed.value ? uids.length : 0 } : removed;
  }

  async #search(folder: string, query: SearchObject, from: number): Promise<Told<readonly number[]>> {
    const opened = await this.#examine(folder);
    if (!opened.ok) return opened;
    const found = await this.#wire.run('SEARCH', this.#wire.patience(), () =>
      this.#wire.client.search(query, { uid: true }),
    );
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
    const { mailbox } = this.#wire.client;
    if (mailbox !== false && mailbox.path === folder && (mailbox.readOnly === true) === readOnly)
      return { ok: true, value: undefined };
    return await this.#wire.run(readOnly ? 'EXAMINE' : 'SELECT', this.#wire.patience(), () =>
      this.#wire.client.mailboxOpen(folder, { readOnly }),
    );
  }
}

const kib = (bytes = 0): number => Math.round(bytes / 1_024);
