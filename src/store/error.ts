/** What a store says when it cannot be opened or can take no more. It knows the reasons, not the file. */

/** Why, for code; the message says it for people. */
export type StoreTrouble =
  | 'not_a_file'
  | 'empty'
  | 'not_a_database'
  | 'truncated'
  | 'foreign'
  | 'newer'
  | 'damaged'
  | 'in_use'
  | 'unwritable'
  /** There is a file already, and nobody said that it may go. */
  | 'exists'
  /** So many looks wait for the disk that no further one is taken. */
  | 'full'
  | 'closed';

export class StoreError extends Error {
  readonly trouble: StoreTrouble;
  constructor(trouble: StoreTrouble, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.trouble = trouble;
  }
}

/** SQLite's own result code, such as `SQLITE_BUSY`; an empty text for any other error. */
export function sqliteCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' && error.code.startsWith('SQLITE_') ? error.code : '';
}

/** True when the same transaction may succeed later: somebody holds the lock, the disk is full or does not answer. */
export function isPassing(error: unknown): boolean {
  if (error instanceof StoreError) return error.trouble === 'unwritable';
  return /^SQLITE_(?:BUSY|LOCKED|FULL|IOERR|CANTOPEN|READONLY|PROTOCOL|NOMEM)/.test(sqliteCode(error));
}
