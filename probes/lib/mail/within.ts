/** A deadline within a deadline: for one step of a look, which may not eat the time of the steps after it. */

/**
 * Does the work with a signal that fires with `signal` or after `ms`, whichever is first. Once the work is done only `signal`
 * is left: what was opened meanwhile lives on.
 */
export async function within<T>(
  signal: AbortSignal,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort();
  }, ms);
  try {
    return await work(AbortSignal.any([signal, limit.signal]));
  } finally {
    clearTimeout(timer);
  }
}
