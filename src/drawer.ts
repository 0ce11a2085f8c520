/** Finds kinds by their folder: the file's name is the kind. It knows no kind by name. */
import { readdir } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { join, parse } from 'node:path';
import type { Drawer, ProbeKind } from './core/probe.ts';
import type { ReceiverKind, ReceiverKinds } from './core/receiver.ts';

/** All probe kinds of a folder: each file's default export. A file without one is a defect and throws. */
export async function openDrawer(folder: string): Promise<Drawer> {
  return new Map(
    await defaults<ProbeKind>(folder, (name) => {
      throw new Error(`${name} has no default export made by defineProbe`);
    }),
  );
}

/** All receiver kinds of a folder; files without a default export are what they share. */
export async function openReceivers(folder: string): Promise<ReceiverKinds> {
  return new Map(await defaults<ReceiverKind>(folder, () => undefined));
}

async function defaults<Kind>(folder: string, onMissing: (name: string) => void): Promise<[string, Kind][]> {
  // In a checkout the files are .ts; in a build, .js beside their types.
  const files = (await readdir(folder)).filter((file) => /(?<!\.d)\.[jt]s$/.test(file)).sort();
  const found: [string, Kind][] = [];
  for (const file of files) {
    const { default: kind } = (await import(pathToFileURL(join(folder, file)).href)) as { default?: Kind };
    if (kind === undefined) onMissing(file);
    else found.push([parse(file).name, kind]);
  }
  return found;
}
