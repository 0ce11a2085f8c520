/** Which waits of telephone, mail and cases become which series. */
import { expect, test } from 'vitest';
import type { Target } from '../../src/core/model.ts';
import { fault, ok, unknown } from '../../src/core/fault.ts';
import { openMetrics } from '../../src/metrics.ts';
import type { Metrics } from '../../src/metrics.ts';

const target = (probe: string): Target => ({
  ...{ id: 'dompet/way/one', provider: 'dompet', channel: 'dompet/way', channelKind: 'phone', probe, with: {} },
  schedule: { kind: 'every', everyMs: 60_000 },
  ...{ timeoutMs: 1_000, advisory: false },
  policy: { failures: 2, successes: 1, recheckMs: 1_000, slow: { atLeast: 1, of: 1 } },
});

const open = (): Metrics =>
  openMetrics('test', {
    channels: () => [],
    outbox: () => Promise.resolve({ waiting: 0, oldestAt: undefined }),
    storeBytes: () => 0,
    blind: () => false,
    loopDelay: () => ({ p50: 0, p99: 0, max: 0 }),
    now: () => 0,
  });

function look(metrics: Metrics, probe: string, finding = ok('answered')): void {
  const here = { target: 'dompet/way/one', location: 'here', slotAt: 0, at: 0, durationMs: 1 };
  metrics.look({ ...here, finding }, target(probe));
}

async function seriesOf(metrics: Metrics, wanted = /^support_(phone|mail|ticket)_\w+_(sum|count)/): Promise<string[]> {
  const { text } = await metrics.scrape();
  const lines = text.split('\n').filter((line) => wanted.test(line));
  return lines.map((line) => line.replace('{provider="dompet",channel="way"}', ''));
}

test('the delay after dialling is without the round of digest, and a call that only rang was not answered', async () => {
  const metrics = open();
  const dialled = { dns: 5, connect: 10, challenge: 7_000, post_dial_delay: 400, ringing: 1_000 };
  look(metrics, 'sip-call', ok('answered', { phases: { ...dialled, answer: 1_400 }, facts: {} }));
  look(metrics, 'sip-call', ok('accepting', { phases: dialled, facts: {} }));
  look(metrics, 'sip-call', unknown(fault('CALLER_UNWANTED', 'resting')));
  expect(await seriesOf(metrics)).toEqual([
    'support_phone_post_dial_delay_seconds_sum 0.8',
    'support_phone_post_dial_delay_seconds_count 2',
    'support_phone_answer_seconds_sum 1.4',
    'support_phone_answer_seconds_count 1',
  ]);
});

test('mail has a way there and a receipt, a case its first response, each once and by channel', async () => {
  const metrics = open();
  look(
    metrics,
    'mail-roundtrip',
    ok('answered', { phases: { submit: 90, delivery: 2_000, receipt: 9_000 }, facts: {} }),
  );
  look(metrics, 'mail-roundtrip', ok('accepting', { phases: { submit: 90 }, facts: {} }));
  look(metrics, 'ticket', ok('accepting', { phases: { submitted: 50, number: 50 }, facts: {} }));
  look(metrics, 'ticket', ok('answered', { phases: { first_response: 7_200_000 }, facts: {} }));
  expect(await seriesOf(metrics)).toEqual([
    'support_mail_delivery_seconds_sum 2',
    'support_mail_delivery_seconds_count 1',
    'support_mail_receipt_seconds_sum 9',
    'support_mail_receipt_seconds_count 1',
    'support_ticket_first_response_seconds_sum 7200',
    'support_ticket_first_response_seconds_count 1',
  ]);
  const hours = await seriesOf(metrics, /^support_ticket_\w+_bucket\{le="(3600|14400)"/);
  expect(hours.map((line) => line.replace(/\{.*\}/, ''))).toEqual([
    'support_ticket_first_response_seconds_bucket 0',
    'support_ticket_first_response_seconds_bucket 1',
  ]);
});

test('a phase of the same name in another kind is another wait', async () => {
  const metrics = open();
  const phases = { answer: 1_000, post_dial_delay: 1, delivery: 1, receipt: 1, first_response: 1 };
  look(metrics, 'http', ok('answered', { phases, facts: {} }));
  expect(await seriesOf(metrics)).toEqual([]);
});
