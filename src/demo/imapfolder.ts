/** A folder as one IMAP client has it open: sequence numbers, and the commands that use them. It knows no connection. */
import { fetchItems } from './imapfetch.ts';
import type { Item } from './imapfetch.ts';
import { searchOf } from './imapsearch.ts';
import { isInSet } from './imapwords.ts';
import type { Word } from './imapwords.ts';
import type { Folder, Letter } from './mailbox.ts';

/** What a command comes to: `OK …`, `NO …` or `BAD …`; nothing when it is answered later. */
export type Done = string | undefined;

export class OpenFolder {
  readonly readOnly: boolean;
  /** Whether the client may be told of changes at any time. */
  idling = false;
  readonly #folder: Folder;
  readonly #say: (line: string) => void;
  readonly #unwatch: () => void;
  /** Letters in the order of their sequence numbers, as this client knows them. */
  #view: Letter[];

  constructor(folder: Folder, readOnly: boolean, say: (line: string) => void) {
    this.#folder = folder;
    this.readOnly = readOnly;
    this.#say = say;
    this.#view = [...folder.letters];
    this.#unwatch = folder.watch(() => {
      if (this.idling) this.sync();
    });
  }

  close(): void {
    this.#unwatch();
  }

  run(verb: string, args: readonly Word[], uid = false): Done {
    const letters = this.#chosen(args[0], uid);
    switch (verb) {
      case 'UID':
        return uid ? 'BAD twice UID' : this.run(String(args[0]).toUpperCase(), args.slice(1), true);
      case 'SEARCH':
        return this.#search(args, uid);
      case 'FETCH':
        return this.#fetch(letters, args[1] ?? [], uid);
      case 'STORE':
        return this.#store(letters, args.slice(1), uid);
      case 'EXPUNGE':
        return this.expunge((letter) => !uid || letters.includes(letter));
      default:
        return 'BAD unknown command';
    }
  }

  #search(keys: readonly Word[], uid: boolean): Done {
    const test = searchOf(keys, { count: this.#view.length, lastUid: this.#view.at(-1)?.uid ?? 0 });
    if (test === undefined) return 'BAD unknown search';
    const found = this.#view.flatMap((letter, index) =>
      test(letter, index + 1) ? [uid ? letter.uid : index + 1] : [],
    );
    this.#say(['* SEARCH', ...found].join(' '));
    return 'OK done';
  }

  #fetch(letters: readonly Letter[], asked: Word, uid: boolean): Done {
    const items = fetchItems(asked, uid);
    if (items === undefined) return 'BAD unknown item';
    for (const letter of letters) this.#tellFetch(letter, items);
    return 'OK done';
  }

  #tellFetch(letter: Letter, items: readonly Item[]): void {
    if (!this.readOnly && items.some((item) => item.marksSeen)) letter.flags.add('\\Seen');
    const told = items.map((item) => `${item.name} ${item.value(letter)}`).join(' ');
    this.#say(`* ${this.#view.indexOf(letter) + 1} FETCH (${told})`);
  }

  #store(letters: readonly Letter[], [action, ...rest]: readonly Word[], uid: boolean): Done {
    const match = /^([+-]?)FLAGS(\.SILENT)?$/i.exec(typeof action === 'string' ? action : '');
    if (match === null) return 'BAD unknown store';
    if (this.readOnly) return 'NO the folder was opened to be read only';
    const flags = rest.flat().map(String);
    for (const letter of letters) {
      if (match[1] === '') letter.flags.clear();
      for (const flag of flags)
        if (match[1] === '-') letter.flags.delete(flag);
        else letter.flags.add(flag);
      if (match[2] === undefined) this.#tellFetch(letter, fetchItems('FLAGS', uid) ?? []);
    }
    return 'OK done';
  }

  /** Removes what is marked as deleted and chosen; silently when the folder is closed by it. */
  expunge(chosen: (letter: Letter) => boolean, silent = false): Done {
    if (this.readOnly) return 'NO the folder was opened to be read only';
    this.#folder.remove(new Set(this.#view.filter((letter) => letter.flags.has('\\Deleted') && chosen(letter))));
    if (!silent) this.sync();
    return 'OK done';
  }

  #chosen(set: Word | undefined, uid: boolean): readonly Letter[] {
    if (typeof set !== 'string') return [];
    const last = uid ? (this.#view.at(-1)?.uid ?? 0) : this.#view.length;
    return this.#view.filter((letter, index) => isInSet(set, uid ? letter.uid : index + 1, last));
  }

  /** Tells the client what has changed in its folder since it was last told. */
  sync(): void {
    const now = new Set(this.#folder.letters);
    for (let index = this.#view.length - 1; index >= 0; index--) {
      const letter = this.#view[index];
      if (letter === undefined || now.has(letter)) continue;
      this.#view.splice(index, 1);
      this.#say(`* ${index + 1} EXPUNGE`);
    }
    if (now.size === this.#view.length) return;
    this.#view = [...now];
    this.#say(`* ${now.size} EXISTS`);
  }
}
