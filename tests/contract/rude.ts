/** Probe kinds that break the contract on purpose, one way each, so that the suite can be seen to be strict enough. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { fault, failed, ok } from '../../src/core/fault.ts';
import type { Finding } from '../../src/core/model.ts';
import { defineProbe } from '../../src/core/probe.ts';
import type { ProbeKind } from '../../src/core/probe.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Adapter } from './suite.ts';

const schema = z.looseObject({ port: z.number(), key: z.custom<Secret>((value) => value instanceof Secret) });
type Settings = z.output<typeof schema>;

export const RUDE: Adapter = {
  transports: ['tcp', 'udp'],
  with: (port, _transport, key) => ({ port, key }),
};

const opened = new Set<Socket>();

/** Closes what the leaking kind left behind. */
export function tidyUp(): void {
  for (const socket of opened) socket.destroy();
  opened.clear();
}

const gone = (): Finding => failed('none', fault('TCP_REFUSED', 'refused'));

/** Every way of being rude. */
export const MOODS: Readonly<Record<string, (settings: Settings) => Promise<Finding>>> = {
  trusting: () => Promise.resolve(ok('answered')),
  throwing: () => Promise.reject(new Error('the far side surprised me')),
  patient: async () => {
    await sleep(4_000);
    return gone();
  },
  inventive: () => Promise.resolve({ ...gone(), phases: { vibes: 1 } }),
  dizzy: () => Promise.resolve({ ...gone(), phases: { connect: Number.NaN } }),
  indiscreet: ({ key }) => Promise.resolve(failed('none', fault('AUTH', `refused with ${key.reveal()}`))),
  leaking: ({ port }) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    opened.add(socket);
    return Promise.resolve(gone());
  },
};

export function rude(look: (settings: Settings) => Promise<Finding>): ProbeKind {
  return defineProbe<Settings>({
    summary: 'breaks the contract',
    example: { address: 'not what the schema takes' },
    schema,
    phases: ['connect'],
    host: () => null,
    timeoutMs: 1_000,
    look,
  });
}
