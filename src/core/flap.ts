/** Whether a target is unstable: it changes between failing and answering too often for its word to be news. It knows no clock. */

/** The changes among the last 21 looks, a bit for each of the 20 steps between them; the newest is the lowest. */
export type Flips = number;

const STEPS = 20;
const MASK = 2 ** STEPS - 1;
/** Hysteresis, as in Nagios: entered at half, left below a quarter. */
const ENTERED = STEPS / 2;
const KEPT = STEPS / 4;

export function nextFlips(flips: Flips, changed: boolean): Flips {
  return ((flips << 1) | Number(changed)) & MASK;
}

export function isUnstable(flips: Flips, before: boolean): boolean {
  if (flips === 0) return false;
  const changes = ones(flips);
  return before ? changes >= KEPT : changes >= ENTERED;
}

function ones(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
