/** The day the disk is full: room kept for it, given away then, and taken back when there is some. It knows no table. */
import { rmSync, statfsSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface Ballast {
  /** Gives the room away. */
  readonly drop: () => void;
  /** Takes the room back, if the disk has several times as much; false when it has not. */
  readonly restore: () => Promise<boolean>;
}

/** What is to be done about a full disk. */
export interface Plan {
  /** Called once when it is full; what is merely seen waits from then on. */
  readonly onFull: () => void;
  /** Called once when it is no longer. */
  readonly onRoom: () => void;
}

export interface Room {
  /** The disk has said that it is full. */
  readonly ranOut: () => void;
  /** Asks no more; whether there is room. */
  readonly close: () => Promise<boolean>;
}

/** Where nothing is kept back, the disk counts as full below this. */
const LEAST_BYTES = 1 << 20;
/** Free room, counted in ballasts, at which the disk counts as no longer full: well apart from where it was. */
const AMPLE = 3;
const ASK_EVERY_MS = 1_000;

export function openBallast(store: string, bytes: number): Ballast {
  const path = `${store}.ballast`;
  return {
    drop: () => {
      rmSync(path, { force: true });
    },
    restore: async () => {
      if (bytes > 0 && statSync(path, { throwIfNoEntry: false })?.size === bytes) return true;
      const { bavail, bsize } = statfsSync(dirname(path));
      if (bavail * bsize < Math.max(LEAST_BYTES, bytes * AMPLE)) return false;
      return bytes === 0 || fill(path, bytes);
    },
  };
}

/** Asks every second whether a disk that was full still is. */
export function openRoom(ballast: Ballast, plan: Plan): Room {
  let asking: NodeJS.Timeout | undefined;
  let isFull = false;

  function later(): void {
    asking = setTimeout(() => {
      ballast.restore().then(answer, later);
    }, ASK_EVERY_MS);
  }

  function answer(hasRoom: boolean): void {
    if (asking === undefined) return;
    if (!hasRoom) {
      later();
      return;
    }
    isFull = false;
    plan.onRoom();
  }

  return {
    ranOut: () => {
      ballast.drop();
      if (isFull) return;
      isFull = true;
      plan.onFull();
      later();
    },
    close: () => {
      clearTimeout(asking);
      asking = undefined;
      return isFull ? ballast.restore() : Promise.resolve(true);
    },
  };
}

/** Bytes that no file system squeezes or leaves out. */
async function fill(path: string, bytes: number): Promise<boolean> {
  try {
    await using file = await open(path, 'w', 0o600);
    const piece = crypto.getRandomValues(Buffer.alloc(Math.min(bytes, 65_536)));
    for (let written = 0; written < bytes;) {
      const { bytesWritten } = await file.write(piece, 0, Math.min(piece.length, bytes - written));
      written += bytesWritten;
    }
    await file.datasync();
    return true;
  } catch {
    rmSync(path, { force: true });
    return false;
  }
}
