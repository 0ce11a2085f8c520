/** Part of main: every kind of probe and receiver that there is. */
import { fileURLToPath } from 'node:url';
import type { Drawer } from '../core/probe.ts';
import type { ReceiverKinds } from '../core/receiver.ts';
import { openDrawer, openReceivers } from '../drawer.ts';
import { mendUndici } from './undici.ts';

export interface Kinds {
  readonly probes: Drawer;
  readonly receivers: ReceiverKinds;
}

/** All kinds of probe and receiver, found by their folders. */
export async function openKinds(): Promise<Kinds> {
  mendUndici();
  const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  return { probes: await openDrawer(folder('../../probes/')), receivers: await openReceivers(folder('../receivers/')) };
}
