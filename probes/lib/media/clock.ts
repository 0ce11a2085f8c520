/** One clock for all threads. It knows no date. */

/**
 * Milliseconds since some moment. `performance.now()` begins anew with each thread, and the calendar that tells when it began
 * may be set between the starts of two of them.
 */
export const sharedMs = (): number => Number(process.hrtime.bigint()) / 1e6;
