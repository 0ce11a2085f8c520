/** Working hours as Chatwoot tells them, and whether they hold at an instant. It knows no promise of ours. */
import type { Instant } from '../../../src/core/model.ts';
import type { Json } from '../json.ts';
import { at, listOf } from './api.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** Undefined when the hours or their zone cannot be understood. */
export function isOpen(hours: Json | undefined, timezone: string, now: Instant): boolean | undefined {
  const clock = clockIn(timezone, now);
  const today = listOf(hours).find((each) => at(each, 'day_of_week') === clock?.day);
  if (clock === undefined || today === undefined) return undefined;
  if (at(today, 'closed_all_day') === true) return false;
  if (at(today, 'open_all_day') === true) return true;
  const from = minutes(today, 'open_hour', 'open_minutes');
  const until = minutes(today, 'close_hour', 'close_minutes');
  if (from === undefined || until === undefined) return undefined;
  return clock.minute >= from && clock.minute < until;
}

function clockIn(timezone: string, now: Instant): { readonly day: number; readonly minute: number } | undefined {
  try {
    const parts = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone: timezone, hourCycle: 'h23' },
      ...{ weekday: 'short', hour: '2-digit', minute: '2-digit' },
    }).formatToParts(now);
    const part = (type: string) => parts.find((each) => each.type === type)?.value ?? '';
    return { day: DAYS.indexOf(part('weekday')), minute: Number(part('hour')) * 60 + Number(part('minute')) };
  } catch {
    // A name that is no IANA zone: Rails has names of its own.
    return undefined;
  }
}

function minutes(of: Json, hour: string, minute: string): number | undefined {
  const [hours, rest] = [at(of, hour), at(of, minute) ?? 0];
  return typeof hours === 'number' && typeof rest === 'number' ? hours * 60 + rest : undefined;
}
