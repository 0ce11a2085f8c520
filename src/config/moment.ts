/** Written points in time to instants. The rules of clock changes are core's; this only reads the notation. */
import type { Instant } from '../core/model.ts';
import * as zone from '../core/zone.ts';

const FORM = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2}))?(Z|[+-]\d{2}:\d{2})?$/;

export interface Moment {
  readonly wallAt: zone.Wall;
  /** Undefined: told by the provider's clock. */
  readonly instant: Instant | undefined;
}

export function parseMoment(text: string): Moment | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '00', offset] = match;
  const wall = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const wallAt = Date.parse(`${wall}Z`);
  // 30 February parses, as a day in March.
  if (Number.isNaN(wallAt) || new Date(wallAt).toISOString().slice(0, 19) !== wall) return undefined;
  const instant = offset === undefined ? undefined : Date.parse(`${wall}${offset}`);
  return instant !== undefined && Number.isNaN(instant) ? undefined : { wallAt, instant };
}

/** The instant of a moment; without an offset of its own it is read on the zone's clock, as the edge of a window. */
export function instantOf(moment: Moment, timezone: string, edge: zone.Edge): Instant {
  return moment.instant ?? zone.instantOf(moment.wallAt, timezone, edge);
}
