/** Watches our mailbox for answers over a connection that may break: opens it again, and finds each mail once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { ours } from './blame.ts';
import { openMailbox } from './mailbox.ts';
import type { After, Bounds, Letter, Mailbox, MailboxAddress, Told } from './mailbox.ts';

/** How often a broken connection is opened again within one look. */
const REOPENINGS = 3;
const REOPEN_MS = 10_000;
/** Mails that hold our words are few; who sends hundreds wants to keep us busy. */
const LETTERS_CAP = 20;

export class Watch {
  readonly #at: MailboxAddress;
  readonly #bounds = new Map<string, Bounds>();
  readonly #seen = new Set<string>();
  #mailbox: Mailbox | undefined;
  #reopenings = REOPENINGS;

  constructor(at: MailboxAddress) {
    this.#at = at;
  }

  /** Opens the mailbox and notes where new mail begins in each folder. */
  async open(ms: number): Promise<Told<Mailbox>> {
    const opened = await openMailbox(this.#at, Math.max(1, Math.min(ms, this.#at.until - performance.now())));
    if (!opened.ok) return opened;
    const mailbox = opened.value;
    this.#mailbox = mailbox;
    for (const folder of mailbox.folders) {
      const bounds = await mailbox.bounds(folder);
      if (!bounds.ok) return this.#drop(bounds.fault);
      const known = this.#bounds.get(folder);
      // Another validity: every number means another mail now, so it is looked at from the first one on.
      if (known === undefined) this.#bounds.set(folder, bounds.value);
      else if (known.validity !== bounds.value.validity)
        this.#bounds.set(folder, { validity: bounds.value.validity, next: 1 });
    }
    return opened;
  }

  async close(): Promise<void> {
    await this.#mailbox?.leave();
    this.#mailbox = undefined;
  }

  /** Mails not seen before that hold one of the words, from all folders. `since`: also those from before the watch, from that day on. */
  async gather(words: readonly string[], since?: number): Promise<Told<readonly Letter[]>> {
    const mailbox = await this.#connected();
    if (!mailbox.ok) return mailbox;
    mailbox.value.listen();
    let letters: readonly Letter[] = [];
    // The first folder last: there the server tells of new mail, and going on from its search nothing is missed.
    for (const folder of mailbox.value.folders.toReversed()) {
      const got = await this.#gatherIn(mailbox.value, folder, words, since);
      if (!got.ok) return await this.#again(got.fault, words, since);
      letters = [...got.value, ...letters];
    }
    for (const each of letters) this.#seen.add(this.#keyOf(each));
    return { ok: true, value: letters };
  }

  /** Waits for news, at most `ms`. */
  async rest(ms: number): Promise<void> {
    const [first] = this.#mailbox?.folders ?? [];
    const patience = Math.max(0, Math.min(ms, this.#at.until - performance.now()));
    if (this.#mailbox?.usable === true && first !== undefined) await this.#mailbox.wait(first, patience);
    else await sleep(patience, undefined, { signal: this.#at.signal }).catch(() => undefined);
  }

  /** Why no answer can get in; undefined when one can, or when nobody knows. */
  async fullness(): Promise<Fault | undefined> {
    const told = await this.#mailbox?.fullness();
    if (told?.ok !== true || told.value === undefined) return undefined;
    return fault('SETTINGS', `our mailbox ${this.#at.host} is full, by its quota: ${told.value}`);
  }

  async mark(letters: readonly Letter[]): Promise<void> {
    for (const folder of new Set(letters.map((each) => each.folder))) {
      const uids = letters.filter((each) => each.folder === folder).map((each) => each.uid);
      // What cannot be marked stays where it is; the finding does not depend on it.
      await this.#mailbox?.mark(folder, uids);
    }
  }

  async #gatherIn(
    mailbox: Mailbox,
    folder: string,
    words: readonly string[],
    since: number | undefined,
  ): Promise<Told<readonly Letter[]>> {
    const bounds = await mailbox.bounds(folder);
    if (!bounds.ok) return bounds;
    const known = this.#bounds.get(folder);
    const next = known?.validity === bounds.value.validity ? known.next : 1;
    if (next === 1) this.#bounds.set(folder, { ...bounds.value, next });
    const after: After = since === undefined ? { number: next } : { day: since };
    const found = await mailbox.find(folder, after, words);
    if (!found.ok) return found;
    const fresh = found.value.filter((uid) => !this.#seen.has(this.#keyOf({ folder, uid }))).slice(0, LETTERS_CAP);
    const letters: Letter[] = [];
    for (const uid of fresh) {
      const letter = await mailbox.fetch(folder, uid);
      if (!letter.ok) return letter;
      if (letter.value !== undefined) letters.push(letter.value);
    }
    return { ok: true, value: letters };
  }

  #keyOf({ folder, uid }: Pick<Letter, 'folder' | 'uid'>): string {
    return `${folder}\n${this.#bounds.get(folder)?.validity ?? ''}\n${uid}`;
  }

  async #connected(): Promise<Told<Mailbox>> {
    if (this.#mailbox?.usable === true) return { ok: true, value: this.#mailbox };
    this.#drop(LOST);
    return await this.open(Math.min(REOPEN_MS, (this.#at.until - performance.now()) / 3));
  }

  /** Once more over a new connection, if it was the connection that broke. */
  async #again(why: Fault, words: readonly string[], since: number | undefined): Promise<Told<readonly Letter[]>> {
    const isOver = this.#at.signal.aborted || performance.now() >= this.#at.until;
    if (isOver || this.#mailbox?.usable === true || this.#reopenings === 0) return { ok: false, fault: ours(why) };
    this.#reopenings -= 1;
    return await this.gather(words, since);
  }

  #drop(why: Fault): { readonly ok: false; readonly fault: Fault } {
    this.#mailbox?.destroy();
    this.#mailbox = undefined;
    return { ok: false, fault: ours(why) };
  }
}

const LOST = fault('PROTO_CLOSED', 'the connection to our mailbox was closed');
