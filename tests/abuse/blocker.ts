/** Loaded before a program (`node --import`): its loop stands still again and again, for 0.1 to 5 s at random. */
const block = (): void => {
  const until = performance.now() + 100 + Math.random() * 4_900;
  while (performance.now() < until);
  wait();
};
const wait = (): void => {
  setTimeout(block, 500 + Math.random() * 6_000).unref();
};
// Not before it has begun to look.
setTimeout(wait, 15_000).unref();
