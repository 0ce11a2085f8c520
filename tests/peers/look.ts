/** Runs a probe kind as the product does, against a real peer: settings by its own schema, one deadline, one finding. */
import { randomBytes } from 'node:crypto';
import type { Finding } from '../../src/core/model.ts';
import type { ProbeContext, ProbeKind } from '../../src/core/probe.ts';

export async function lookWith(
  kind: ProbeKind,
  settings: Record<string, unknown>,
  timeoutMs = 5_000,
  more: Partial<ProbeContext> = {},
): Promise<Finding> {
  return await kind.look(kind.schema.parse({ allow_private: true, ...settings }), {
    signal: AbortSignal.timeout(timeoutMs),
    startedAt: Date.now(),
    timeoutMs,
    runId: randomBytes(16).toString('hex'),
    timezone: 'Asia/Jakarta',
    ...more,
  });
}

/** Fault code of a finding; undefined when it has none. */
export const codeOf = (finding: Finding): string | undefined => ('fault' in finding ? finding.fault.code : undefined);
