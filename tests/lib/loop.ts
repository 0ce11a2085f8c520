/** Watches how long the loop of this process stands still. It knows nothing of why. */

/** Starts now; `end` says the longest stall in milliseconds. */
export function watchLoop(): { readonly end: () => number } {
  const everyMs = 5;
  let longest = 0;
  let last = performance.now();
  const see = (): void => {
    longest = Math.max(longest, performance.now() - last - everyMs);
    last = performance.now();
  };
  const timer = setInterval(see, everyMs);
  return {
    end: () => {
      clearInterval(timer);
      see();
      return longest;
    },
  };
}
