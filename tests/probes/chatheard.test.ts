/** One message after the other, as chat systems send them, and whose voice each is; no socket is opened. */
import { describe, expect, test } from 'vitest';
import { hear } from '../../probes/lib/chat/heard.ts';
import type { Voice } from '../../probes/lib/chat/heard.ts';

const SENT = ['{"type":"message","text":"this is a test"}'];
const voice = (message: unknown): Voice =>
  hear(typeof message === 'string' ? message : JSON.stringify(message), SENT).voice;

const STORIES: readonly (readonly [Voice, unknown])[] = [
  ['echo', { type: 'message', text: 'this is a test' }],
  ['echo', { id: 7, event: 'message', data: { sender: { type: 'visitor' }, text: 'this is a test' } }],
  ['echo', { role: 'customer', content: 'something else' }],
  ['echo', 'this is a test'],
  ['system', { type: 'connected', session: 'abc' }],
  ['system', { type: 'typing', from: { role: 'agent', name: 'Sari' } }],
  ['system', { type: 'system', text: 'Sari joined the conversation' }],
  ['system', { agents: [{ role: 'agent', name: 'Sari' }] }],
  ['system', { type: 'error', text: 'An agent will be with you' }],
  ['system', '<!DOCTYPE html><p>Hello, this is Sari'],
  ['system', '[]'],
  ['system', '{"type":"message","from":"agent","text":"cut off'],
  ['bot', '[Sari] Hello there'],
  ['queue', { type: 'queue_position_updated', queue: { position: 4 } }],
  ['queue', { type: 'message', from: 'bot', text: 'Anda berada di antrean nomor 5.' }],
  ['queue', 'You are number 3 in line.'],
  ['queue', '您前面还有12位客户，预计等待5分钟'],
  ['queue', { sender: 'agent', text: 'You are in the queue, position 8' }],
  ['closed', { type: 'out_of_office' }],
  ['closed', { type: 'config', online: false }],
  ['closed', { role: 'agent', text: 'Di luar jam operasional, kami kembali besok.' }],
  ['closed', '客服已下班，请留言'],
  ['closed', { type: 'notice', text: 'Agents are offline' }],
  ['bot', { from: { role: 'bot' }, text: 'Thanks!' }],
  ['bot', { role: 'agent', is_bot: true, text: 'Thanks!' }],
  ['bot', { sender: { type: 'agent', name: 'Virtual Assistant' }, text: 'Thanks!' }],
  ['bot', { role: 'assistant', content: 'Thanks!' }],
  ['bot', { text: 'Thanks!' }],
  ['bot', 'Thanks!'],
  ['bot', { name: 'Sari', text: 'Thanks!' }],
  ['bot', { from: '智能客服', text: '您好' }],
  ['person', { role: 'agent', text: 'Thanks!' }],
  ['person', { data: { message: { sender: { type: 'operator' }, text: 'Thanks!' } } }],
  ['person', { bot: false, message: 'Thanks!' }],
  ['person', { role: 'agent', text: 'Is your phone offline? There is a queue at the counter.' }],
  ['person', { role: 'agent', status: 'closed', text: 'I have closed ticket 12 for you.' }],
];

test.each(STORIES)('%s: %j', (expected, message) => {
  expect(voice(message)).toBe(expected);
});

describe('place and wait', () => {
  test.each([
    [{ type: 'queue', position: 12, estimated_wait: 540 }, 12, 540],
    ['Posisi antrean Anda: 7, perkiraan waktu tunggu 5 menit', 7, 300],
    ['您前面还有12位客户，预计等待5分钟', 12, 300],
    ['3 people ahead of you, about 90 seconds', 3, 90],
    ['All agents are busy, you are in the queue', undefined, undefined],
  ])('%j', (message, position, waitSeconds) => {
    const heard = hear(typeof message === 'string' ? message : JSON.stringify(message), []);
    expect([heard.voice, heard.position, heard.waitSeconds]).toEqual(['queue', position, waitSeconds]);
  });
});

test('the longest and deepest messages are heard in no time', () => {
  const evil = [
    '['.repeat(250_000),
    'a'.repeat(250_000),
    ' '.repeat(250_000),
    `{"text":"${'queue position '.repeat(15_000)}"}`,
    JSON.stringify({ data: Array.from({ length: 20_000 }, (_, i) => ({ text: i })) }),
  ];
  const began = performance.now();
  for (const each of evil) hear(each, SENT);
  expect(performance.now() - began).toBeLessThan(2_000);
});
