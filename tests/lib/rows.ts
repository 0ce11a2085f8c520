/** Rows of a store as they stand in the file, read beside the process that writes it. It knows no table. */
import Database from 'better-sqlite3';

export function rowsOf<Row>(path: string, sql: string): Row[] {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare<[], Row>(sql).all();
  } finally {
    db.close();
  }
}
