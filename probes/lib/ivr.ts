/** Walks through a telephone menu: waits for sounds, presses keys, expects what should come. It knows no SIP message. */
import { z } from 'zod';
import { duration } from '../../src/core/duration.ts';
import { Secret, secret } from '../../src/core/secret.ts';
import { isOver, until } from './sip/call.ts';
import type { Call } from './sip/call.ts';
import type { Line } from './media/studio.ts';

const keys = z.string().regex(/^[0-9*#A-D]{1,32}$/, { error: 'keys are 0-9 * # A-D, 32 at most' });
const within = duration().default(10_000).meta({ description: 'how long to wait; default 10s' });

export const step = z.union([
  z.strictObject({ wait: z.enum(['voice', 'quiet', 'tone']), within }),
  z.strictObject({ send: z.union([secret(), keys]) }),
  z.strictObject({
    expect: z.enum(['voice', 'tone', 'hangup']),
    within,
    person: z.boolean().default(false).meta({ description: 'true: who is heard here can only be a person' }),
  }),
]);
export type Step = z.output<typeof step>;

export type Walked =
  | { readonly ok: true; readonly person: boolean }
  /** `at` counts from 1. */
  | { readonly ok: false; readonly at: number; readonly why: string; readonly hungUp: boolean };

/** Step by step until one fails, the call is over or `stopped`. */
export async function walk(steps: readonly Step[], call: Call, line: Line, stopped: () => boolean): Promise<Walked> {
  let person = false;
  for (const [index, each] of steps.entries()) {
    if (stopped()) return { ok: false, at: index + 1, why: 'no time was left', hungUp: false };
    const met = await take(each, call, line, stopped);
    if (!met.ok) return { ...met, at: index + 1 };
    person ||= 'expect' in each && each.person;
  }
  return { ok: true, person };
}

type Taken = { readonly ok: true } | { readonly ok: false; readonly why: string; readonly hungUp: boolean };

async function take(each: Step, call: Call, line: Line, stopped: () => boolean): Promise<Taken> {
  const ended = (holding: Call): boolean => isOver(holding) || stopped();
  if ('expect' in each && each.expect === 'hangup') {
    await until(call, ended, each.within);
    return isOver(call) ? { ok: true } : { ok: false, why: 'the line did not hang up', hungUp: false };
  }
  const task = 'send' in each ? press(line, each.send) : line.wait(soundOf(each), each.within);
  const longest = 'send' in each ? 20_000 : each.within + 1_000;
  const met = await Promise.race([task, until(call, ended, longest).then(() => false)]);
  if (met) return { ok: true };
  if (isOver(call)) return { ok: false, why: 'the line hung up', hungUp: true };
  const what = 'send' in each ? 'the keys could not be sent' : `no ${soundOf(each)} was heard`;
  return { ok: false, why: what, hungUp: false };
}

async function press(line: Line, what: string | Secret): Promise<true> {
  await line.press(what instanceof Secret ? what.reveal() : what);
  return true;
}

function soundOf(each: Exclude<Step, { send: unknown }>): 'voice' | 'quiet' | 'tone' {
  if ('wait' in each) return each.wait;
  return each.expect === 'tone' ? 'tone' : 'voice';
}
