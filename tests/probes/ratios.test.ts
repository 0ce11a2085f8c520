/** Answer-seizure ratio and network effectiveness over a window of calls, kept from look to look. */
import { expect, it } from 'vitest';
import sipCall from '../../probes/sip-call.ts';
import twilioCall from '../../probes/twilio-call.ts';
import { counted } from '../../probes/lib/ratios.ts';
import { ok } from '../../src/core/fault.ts';
import type { Fact, Finding } from '../../src/core/model.ts';
import type { Memory } from '../../src/core/probe.ts';
import { callTo, openFarEnd } from '../lib/farside.ts';

function remember(kept?: unknown): Memory & { readonly kept: () => unknown } {
  let value = kept;
  return {
    get: () => value,
    set: (next) => {
      value = next;
    },
    kept: () => value,
  };
}

const call = (outcome: string, blame = 'line', phases: Record<string, number> = {}): Finding =>
  ok('answered', { phases, facts: { outcome, blame } });
const ANSWERED = call('answered', 'line', { answer: 900 });

function after(calls: readonly Finding[], memory = remember()): Readonly<Record<string, Fact>> {
  const last = calls.map((each) => counted(each, memory)).at(-1);
  const { outcome: _, blame: __, ...facts } = last?.facts ?? {};
  return facts;
}

it('counts answers, and what the network carried to the line', () => {
  const calls = [ANSWERED, ANSWERED, call('busy'), call('no_answer'), call('congested', 'trunk')];
  expect(after(calls)).toEqual({ calls: 5, asr: 0.4, ner: 0.8 });
});

it('a call that we ended while it rang reached the line, and asked nobody to answer', () => {
  expect(after([call('rang'), call('rang')])).toEqual({ calls: 2, ner: 1 });
  expect(after([call('rang'), ANSWERED, call('no_answer')])).toEqual({ calls: 3, asr: 0.5, ner: 1 });
});

it('a busy tone after the answer is an answer by signal', () => {
  expect(after([call('busy', 'line', { answer: 100 })])).toEqual({ calls: 1, asr: 1, ner: 1 });
});

it('what is our own doing is not counted, and no call is none', () => {
  const memory = remember();
  expect(after([call('auth_failed', 'probe')], memory)).toEqual({});
  expect(after([call('unreachable', 'network')], memory)).toEqual({});
  expect(counted(ok('answered'), memory).facts).toEqual({});
  expect(memory.kept()).toBeUndefined();
});

it('the window is twenty calls, and goes on from look to look', () => {
  const memory = remember();
  after(Array<Finding>(20).fill(call('stalled', 'trunk')), memory);
  expect(after(Array<Finding>(5).fill(ANSWERED), memory)).toEqual({ calls: 20, asr: 0.25, ner: 0.25 });
});

it.each([[undefined], [null], ['aa'], [{ calls: 7 }], [{ calls: 'xyz' }], [{ calls: 'a'.repeat(21) }]])(
  'a memory of %j is begun anew',
  (kept) => {
    expect(after([ANSWERED], remember(kept))).toEqual({ calls: 1, asr: 1, ner: 1 });
  },
);

it('without a memory nothing is counted', () => {
  expect(counted(ANSWERED, undefined)).toBe(ANSWERED);
});

it('a telephone line tells them of each look, in both kinds that ring', async () => {
  const far = await openFarEnd((request, end) => {
    if (request.method === 'INVITE') end.reply(request, 486, 'Busy Here');
    return undefined;
  });
  const memory = remember({ calls: 'al' });
  const finding = await sipCall.look(sipCall.schema.parse(callTo(far.port)), {
    ...{ signal: AbortSignal.timeout(9_000), startedAt: Date.now(), timeoutMs: 9_000, runId: '0'.repeat(32) },
    ...{ timezone: 'Asia/Jakarta', memory },
  });
  await far.close();
  expect(finding.facts).toMatchObject({ outcome: 'busy', calls: 3, asr: 0.3333, ner: 0.6667 });
  expect(memory.kept()).toEqual({ calls: 'alr' });
  expect([sipCall.remembers, twilioCall.remembers]).toEqual([true, true]);
});
