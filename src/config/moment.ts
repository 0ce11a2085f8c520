/** Written points in time to instants. The rules of clock changes are core's; this only reads the notation. */
import { nextFiring, parseCron } from '../core/cron.ts';
import type { Instant } from '../core/model.ts';

const FORM = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2}))?(Z|[+-]\d{2}:\d{2})?$/;

export interface Moment {
  /** The wall time as if it were UTC. */
  readonly wallAt: Instant;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  /** Undefined: told by the provider's clock. */
  readonly instant: Instant | undefined;
}

export function parseMoment(text: string): Moment | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '00', zone] = match;
  const wall = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const wallAt = Date.parse(`${wall}Z`);
  // 30 February parses, as a day in March.
  if (Number.isNaN(wallAt) || new Date(wallAt).toISOString().slice(0, 19) !== wall) return undefined;
  const instant = zone === undefined ? undefined : Date.parse(`${wall}${zone}`);
  if (instant !== undefined && Number.isNaN(instant)) return undefined;
  return { wallAt, month: Number(month), day: Number(day), hour: Number(hour), minute: Number(minute), instant };
}

const DAY_MS = 86_400_000;

/**
 * The instant of a moment in a zone. A wall time that a clock change leaves out becomes the first valid instant after it; of
 * one that comes twice, a start takes the first and an end the second, so that a window is never shorter than it is written.
 */
export function instantOf(moment: Moment, timezone: string, edge: 'start' | 'end'): Instant {
  if (moment.instant !== undefined) return moment.instant;
  // Exactly what a cron expression that names one minute of the year does; the calendar's rules stay in one place.
  const parsed = parseCron(`${moment.minute} ${moment.hour} ${moment.day} ${moment.month} *`);
  const before = moment.wallAt - (moment.wallAt % 60_000) - 1.5 * DAY_MS;
  if (!parsed.ok) return moment.wallAt;
  const first = nextFiring(parsed.cron, timezone, before) ?? moment.wallAt;
  if (edge === 'start') return first;
  const again = nextFiring({ ...parsed.cron, running: true }, timezone, first);
  return again !== undefined && again - first < DAY_MS ? again : first;
}
