/** Durations as operators write them: `500ms 30s 5m 2h 35d`. */
import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  y: 31_536_000_000,
};
const LIMIT_MS = 10 * 31_536_000_000;

/** Milliseconds of a written duration; undefined when it is none. Ten years at most; a zero is one only as `0s`. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d|y)$/.exec(text);
  if (match === null) return undefined;
  const ms = Number(match[1]) * (UNITS[match[2] ?? ''] ?? Number.NaN);
  return Number.isFinite(ms) && ms <= LIMIT_MS ? Math.round(ms) : undefined;
}

/** Schema of a duration: a string in the file, milliseconds once loaded. */
export function duration() {
  return z
    .string({ error: 'a duration is a number with a unit, such as 500ms, 30s, 5m, 2h or 35d' })
    .transform((text, ctx) => {
      const ms = parseDuration(text);
      if (ms !== undefined) return ms;
      ctx.addIssue({ code: 'custom', message: `"${text}" is no duration; write 500ms, 30s, 5m, 2h or 35d` });
      return z.NEVER;
    });
}

/** The shortest exact way to write milliseconds as one duration, such as `90s` or `2h`. */
export function formatDuration(ms: number): string {
  const unit = (['d', 'h', 'm', 's'] as const).find(
    (each) => ms >= (UNITS[each] ?? 1) && ms % (UNITS[each] ?? 1) === 0,
  );
  return unit === undefined ? `${ms}ms` : `${ms / (UNITS[unit] ?? 1)}${unit}`;
}
