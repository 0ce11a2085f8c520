/** A report for machines: everything, with instants as ISO 8601 and durations in milliseconds. It decides nothing. */
import type { Lapse, Quality } from '../core/quality.ts';

const SCHEMA = 1;

export function json(quality: Quality): string {
  const { generatedAt, providers, ...rest } = quality;
  const report = {
    schema: SCHEMA,
    generatedAt: stamp(generatedAt),
    ...rest,
    providers: providers.map((provider) => ({
      ...provider,
      channels: provider.channels.map((channel) => ({ ...channel, lapses: channel.lapses.map(lapseOf) })),
    })),
  };
  return `${JSON.stringify(report, honest, 2)}\n`;
}

/** No more digits than are known: milliseconds are whole, and a share is never rounded up to all. */
function honest(key: string, value: unknown): unknown {
  if (typeof value !== 'number' || Number.isInteger(value)) return value;
  return key.endsWith('Ms') ? Math.round(value) : Math.floor(value * 1e6) / 1e6;
}

function lapseOf({ since, until, ...lapse }: Lapse): object {
  return { ...lapse, since: stamp(since), until: until === undefined ? null : stamp(until) };
}

function stamp(at: number): string {
  return new Date(at).toISOString();
}
