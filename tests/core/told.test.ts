/** What of an incident reaches the public, and what marks a channel that must not: reasons from a list, and no word of the far side. */
import { describe, expect, it } from 'vitest';
import { publicReasonText } from '../../src/core/evidence.ts';
import { fault, ok } from '../../src/core/fault.ts';
import { titleOf } from '../../src/core/figures.ts';
import { holdPromise } from '../../src/core/judge.ts';
import { LANGUAGES, type Reason } from '../../src/core/model.ts';

const SECRET = fault('TCP_REFUSED', 'root@10.1.2.3 pbx.internal refused token hunter2');
const REASONS: readonly Reason[] = [
  { kind: 'seen', cause: 'refused', target: 'w/hotline/pbx', fault: SECRET, of: 2 },
  { kind: 'host', host: 'pbx.internal', targets: 2, fault: SECRET },
  { kind: 'everything', targets: 3, fault: SECRET },
  { kind: 'ours', detail: 'gateway 10.1.2.3 of pbx.internal' },
];

describe('the public', () => {
  it('S-B6: is told an enumerated reason, in every language, and no host, address or word of the far side', () => {
    for (const reason of REASONS)
      for (const language of LANGUAGES)
        expect(publicReasonText(reason, language)).not.toMatch(/10\.1|pbx|internal|hunter2|root/);
  });

  it('is told how long it took and what was promised, where that is known', () => {
    const late = holdPromise(ok('answered'), 48_200, 30_000);
    if (late.kind !== 'degraded') throw new Error(late.kind);
    const reason: Reason = { kind: 'seen', cause: 'slow', target: 'w/hotline/pbx', fault: late.fault, of: 1 };
    expect(publicReasonText(reason, 'en')).toContain('promised 30 s, took 48 s');
    for (const language of LANGUAGES) expect(publicReasonText(reason, language)).toMatch(/30.*48/);
  });
});

it('a private channel is marked in a report', () => {
  expect(titleOf({ name: { en: 'Desk' }, id: 'w/desk', private: true })).toBe('Desk (private)');
  expect(titleOf({ name: { en: 'Desk' }, id: 'w/desk', private: false })).toBe('Desk');
});
