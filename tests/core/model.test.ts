/** The judge and a slow, plain second opinion, side by side through random stories. */
import { it } from 'vitest';
import { duel } from '../abuse/judge.ts';

/** Every day 2,000; before a release `node tests/abuse/judge.ts 200000`. */
const RUNS = Number(process.env['JUDGE_RUNS'] ?? 2_000);

it('R-23: the judge and the reference agree at every step of every story', () => {
  duel(RUNS);
}, 120_000);

it('R-23: two incidents began within two minutes of a third channel, and both say that it joins the closer one', () => {
  duel(1, 10_077, '5078');
});
