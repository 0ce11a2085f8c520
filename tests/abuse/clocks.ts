/** R-14 in full, by hand: `node tests/abuse/clocks.ts [rounds]` moves the clock of whole monitors and prints what came of it. */
import { moveClock } from './clock.ts';

const SECOND = 1_000;
const STEPS = [1, 2, 10, 60, 600, 3_600, 21_600, 86_400].map((each) => each * SECOND);
const rounds = Number(process.argv[2] ?? 1);

let bad = 0;
for (let round = 1; round <= rounds; round += 1) {
  for (const outage of [false, true]) {
    const steps = STEPS.flatMap((step) => [step, -step, -step, step]).toSorted(() => Math.random() - 0.5);
    const { incidents, trueMs, jumps, negative, most } = await moveClock(steps, { everyMs: 2_500, outage });
    const wrong = outage ? Math.abs((incidents[0]?.ms ?? Infinity) - trueMs) : 0;
    const isGood = incidents.length === Number(outage) && negative.length === 0 && wrong < SECOND && most <= 15;
    bad += isGood ? 0 : 1;
    const figures = { round, outage, steps: steps.length, jumps, incidents: incidents.length, wrong, negative, most };
    console.log(JSON.stringify({ isGood, ...figures }));
  }
}
process.exitCode = bad === 0 ? 0 : 1;
