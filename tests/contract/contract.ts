/** The contract that every probe kind keeps. A kind's own test calls it, so that a new kind is one file and one test. */
import { describe, expect, it } from 'vitest';
import type { ProbeKind } from '../../src/core/probe.ts';
import type { Adapter } from './suite.ts';
import { complainAboutLooks, complainAboutSettings } from './suite.ts';

export const HOST = '127.0.0.1';
/** The far sides of the suite are on this machine. */
export const near = { allow_private: true };

/** Runs the whole suite on one kind. `adapter` points it at a host and a port, with a canary in every slot for a secret. */
export function contract(name: string, adapter: Adapter): void {
  describe(`the contract of ${name}`, () => {
    const load = async (): Promise<ProbeKind> => {
      const file = new URL(`../../probes/${name}.ts`, import.meta.url);
      const { default: kind } = (await import(file.href)) as { readonly default: ProbeKind };
      return kind;
    };

    it('refuses unknown keys and has an example that is true', async () => {
      expect(complainAboutSettings(await load(), adapter)).toEqual([]);
    });

    it('survives silent, babbling, hanging-up, echoing, dripping and endless far sides and closed ports [S-A5, MC-1, MC-2]', async () => {
      expect(await complainAboutLooks(await load(), adapter)).toEqual([]);
    });
  });
}
