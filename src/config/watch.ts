/** Tells when a configuration has changed on disk. It reads no configuration: names, sizes and times are enough. */
import { stat } from 'node:fs/promises';
import { filesOf } from './file.ts';

const EVERY_MS = 2_000;

/**
 * Looks every two seconds, for a folder may be swapped as a whole (a mounted secret, an editor that renames) and
 * notifications of the file system miss that. `loaded` is the stamp of what is in force; `onChange` comes when a change has
 * been still for one round.
 */
export function watchConfig(path: string, loaded: string, onChange: () => void): { close(): void } {
  let seen = loaded;
  let moving = false;
  const look = async (): Promise<void> => {
    const now = await stampOf(path);
    if (now !== seen) moving = true;
    else if (moving) {
      moving = false;
      onChange();
    }
    seen = now;
  };
  const timer = setInterval(() => void look(), EVERY_MS).unref();
  return {
    close: () => {
      clearInterval(timer);
    },
  };
}

/** Names, sizes and times of a configuration's files, as one text. */
export async function stampOf(path: string): Promise<string> {
  try {
    const files = await filesOf(path);
    const stats = await Promise.all(files.map((file) => stat(file)));
    return JSON.stringify(stats.map(({ ino, size, mtimeMs }, index) => [files[index], ino, size, mtimeMs]));
  } catch {
    // Gone for the moment: whoever loads it next says so.
    return 'none';
  }
}
