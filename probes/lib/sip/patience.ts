/** Which numbers this process is calling now, and which want to be left alone for a while. It knows no protocol. */

const calling = new Set<string>();
const resting = new Map<string, { readonly until: number; readonly ms: number }>();

const FIRST_REST_MS = 3_600_000;
const LONGEST_REST_MS = 86_400_000;
const MOST = 1_000;

/** True when the line is ours now; then `hangUpOn` has to follow. A second call to a number would only find it busy with us. */
export function takeLine(number: string): boolean {
  if (calling.has(number)) return false;
  calling.add(number);
  return true;
}

export function releaseLine(number: string): void {
  calling.delete(number);
}

/** Milliseconds until a caller may try a number again; 0: now. `now` by a monotonic clock. */
export function restOf(caller: string, number: string, now: number): number {
  return Math.max(0, (resting.get(`${caller} ${number}`)?.until ?? 0) - now);
}

/** They do not want us: an hour at least, twice as long each time, a day at most. Each further call harms our caller id. */
export function rest(caller: string, number: string, now: number, atLeastMs = 0): number {
  const key = `${caller} ${number}`;
  const last = resting.get(key)?.ms ?? 0;
  const ms = Math.min(Math.max(FIRST_REST_MS, last * 2, atLeastMs), LONGEST_REST_MS);
  const [oldest] = resting.keys();
  if (resting.size >= MOST && oldest !== undefined) resting.delete(oldest);
  resting.set(key, { until: now + ms, ms });
  return ms;
}

/** A call got through: what was, is forgotten. */
export function forgive(caller: string, number: string): void {
  resting.delete(`${caller} ${number}`);
}
