/** Mailboxes in memory: folders of letters with the numbers and flags that IMAP wants. It speaks no protocol. */
import type { Mail } from './letter.ts';

export interface Letter {
  readonly uid: number;
  readonly mail: Mail;
  readonly flags: Set<string>;
}

/** A demo runs for weeks: each folder forgets its oldest letters. */
const LETTERS_CAP = 500;

let lastValidity = 0;

export class Folder {
  readonly name: string;
  /** Special use of RFC 6154, such as `\Junk`. */
  readonly use: string | undefined;
  /** Never the same twice, so that a client does not mistake a new folder for an old one (RFC 3501 §2.3.1.1). */
  readonly uidValidity: number;
  #letters: readonly Letter[] = [];
  #nextUid = 1;
  readonly #listeners = new Set<() => void>();

  constructor(name: string, use?: string) {
    this.name = name;
    this.use = use;
    lastValidity = Math.max(lastValidity + 1, Math.floor(Date.now() / 1_000));
    this.uidValidity = lastValidity;
  }

  get letters(): readonly Letter[] {
    return this.#letters;
  }

  get nextUid(): number {
    return this.#nextUid;
  }

  append(mail: Mail, flags: readonly string[] = []): Letter {
    const letter = { uid: this.#nextUid++, mail, flags: new Set(flags) };
    this.#letters = [...this.#letters, letter].slice(-LETTERS_CAP);
    this.#tell();
    return letter;
  }

  remove(gone: ReadonlySet<Letter>): void {
    this.#letters = this.#letters.filter((letter) => !gone.has(letter));
    this.#tell();
  }

  /** Calls back after each change until the returned function is called. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** One person's mail. */
export class Mailbox {
  readonly password: string;
  readonly inbox = new Folder('INBOX');
  readonly folders: readonly Folder[] = [this.inbox, new Folder('Junk', '\\Junk'), new Folder('Sent', '\\Sent')];

  constructor(password: string) {
    this.password = password;
  }

  /** By name; only `INBOX` may be written in any case (RFC 3501 §5.1). */
  folder(name: string): Folder | undefined {
    const wanted = name.toUpperCase() === 'INBOX' ? 'INBOX' : name;
    return this.folders.find((folder) => folder.name === wanted);
  }
}
