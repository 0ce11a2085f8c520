/** Drawers of kinds for tests: small made-up kinds that look at nothing, and the real ones found by their folders. */
import { readdir } from 'node:fs/promises';
import { z } from 'zod';
import { ok } from '../../src/core/fault.ts';
import { defineProbe, type Drawer, type ProbeKind } from '../../src/core/probe.ts';
import { defineReceiver, type ReceiverKind, type ReceiverKinds } from '../../src/core/receiver.ts';
import { secret } from '../../src/core/secret.ts';
import { reach } from '../../probes/lib/reach.ts';

/** Has one setting of every sort that a kind may have. */
const knock = defineProbe({
  summary: 'knocks on a door',
  example: { address: 'door.example' },
  schema: z.strictObject({
    ...reach,
    address: z.string(),
    extension: z.string().optional(),
    count: z.int().min(1).max(9).default(1),
    token: secret().optional(),
    headers: z.record(z.string(), z.union([secret(), z.string()])).default({}),
    expect: z.strictObject({ status: z.int().optional(), words: z.array(z.string()).default([]) }).optional(),
    steps: z
      .array(
        z.union([z.strictObject({ send: z.string() }), z.strictObject({ expect: z.string(), within: z.string() })]),
      )
      .default([]),
  }),
  phases: ['answer'],
  host: (settings) => settings.address,
  timeoutMs: 10_000,
  look: () => Promise.resolve(ok('answered')),
});

const call = defineProbe({
  summary: 'rings a person',
  example: { number: '+62215550100' },
  schema: z.strictObject({ ...reach, number: z.string() }),
  phases: [],
  host: () => null,
  costly: true,
  timeoutMs: 20_000,
  look: () => Promise.resolve(ok('answered')),
});

const email = defineReceiver({
  summary: 'writes a mail',
  schema: z.strictObject({ to: z.array(z.string()).min(1), password: secret().optional() }),
  open: (name) => ({ name, send: () => Promise.resolve({ kind: 'sent', detail: '' }) }),
});

const webhook = defineReceiver({
  summary: 'posts to an address',
  schema: z.strictObject({ url: z.url(), secret: secret().optional() }),
  open: (name) => ({ name, send: () => Promise.resolve({ kind: 'sent', detail: '' }) }),
});

export const fixtures: { readonly probes: Drawer; readonly receivers: ReceiverKinds } = {
  probes: new Map([
    ['knock', knock],
    ['call', call],
  ]),
  receivers: new Map([
    ['email', email],
    ['webhook', webhook],
  ]),
};

/** The kinds of the product, as the process finds them: the file's name is the kind. */
export async function realKinds(): Promise<{ readonly probes: Drawer; readonly receivers: ReceiverKinds }> {
  const probes = await defaultsOf<ProbeKind>(new URL('../../probes/', import.meta.url), 'look');
  const receivers = await defaultsOf<ReceiverKind>(new URL('../../src/receivers/', import.meta.url), 'open');
  return { probes, receivers };
}

/** Default exports of a folder's files that have the member which makes them a kind; what kinds share lies beside them. */
async function defaultsOf<Kind>(folder: URL, member: string): Promise<ReadonlyMap<string, Kind>> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.ts')).sort();
  const kinds = new Map<string, Kind>();
  for (const file of files) {
    const loaded = (await import(new URL(file, folder).href)) as { default?: Kind };
    const kind = loaded.default;
    if (typeof kind === 'object' && kind !== null && member in kind) kinds.set(file.slice(0, -3), kind);
  }
  return kinds;
}
