/** Which waits of a chat become which series, for all kinds of chat. */
import { expect, test } from 'vitest';
import type { Finding, Target } from '../../src/core/model.ts';
import { ok } from '../../src/core/fault.ts';
import { openMetrics } from '../../src/metrics.ts';

const target = (probe: string): Target => ({
  ...{ id: 'dompet/chat/desk', provider: 'dompet', channel: 'dompet/chat', channelKind: 'chat', probe, with: {} },
  schedule: { kind: 'every', everyMs: 60_000 },
  ...{ timeoutMs: 1_000, advisory: false },
  policy: { failures: 2, successes: 1, recheckMs: 1_000, slow: { atLeast: 1, of: 1 } },
});

async function seriesOf(probe: string, finding: Finding): Promise<readonly string[]> {
  const metrics = openMetrics('test', {
    channels: () => [],
    outbox: () => Promise.resolve({ waiting: 0, oldestAt: undefined }),
    storeBytes: () => 0,
    blind: () => false,
    loopDelay: () => ({ p50: 0, p99: 0, max: 0 }),
    now: () => 0,
  });
  metrics.look(
    { target: 'dompet/chat/desk', location: 'here', slotAt: 0, at: 0, durationMs: 1, finding },
    target(probe),
  );
  const { text } = await metrics.scrape();
  return text
    .split('\n')
    .filter((line) => /^support_chat_\w+_sum/.test(line))
    .map((line) => line.replace(/provider="dompet",channel="chat",?/, ''));
}

const phases = { connect: 10, upgrade: 20, open: 30, auth: 40, bind: 50 };

test('a bot at once and a person later are two waits', async () => {
  const facts = { responder: 'person' };
  const both = ok('answered_by_person', { phases: { ...phases, first_reply: 100, first_person_reply: 9_000 }, facts });
  expect(await seriesOf('chat-xmpp', both)).toEqual([
    'support_chat_connect_seconds_sum{} 0.15',
    'support_chat_first_reply_seconds_sum{responder="bot"} 0.1',
    'support_chat_first_reply_seconds_sum{responder="person"} 9',
  ]);
  const person = ok('answered_by_person', { phases: { open: 50, first_reply: 700, first_person_reply: 700 }, facts });
  expect(await seriesOf('chat-conversation', person)).toEqual([
    'support_chat_connect_seconds_sum{} 0.05',
    'support_chat_first_reply_seconds_sum{responder="person"} 0.7',
  ]);
});

test('who is only asked whether anybody is there, or turned away at the door, opened no chat', async () => {
  const presence = ok('accepting', { phases: { dns: 1, connect: 1, first_byte: 2 }, facts: {} });
  expect(await seriesOf('chat-presence', presence)).toEqual([]);
  expect(await seriesOf('chat-websocket', ok('reachable', { phases, facts: {} }))).toEqual([]);
});
