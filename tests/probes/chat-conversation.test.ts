/** Conversations in Rocket.Chat and Chatwoot, against stand-ins that follow the vendors' published APIs. */
import { afterEach, describe, expect, test } from 'vitest';
import kind from '../../probes/chat-conversation.ts';
import { Secret } from '../../src/core/secret.ts';
import { short } from '../lib/chat.ts';
import { AWAY, openChatwoot, WEBSITE } from '../lib/chatwoot.ts';
import type { ChatwootDesk } from '../lib/chatwoot.ts';
import { openRocketchat } from '../lib/rocketchat.ts';
import type { RocketchatDesk } from '../lib/rocketchat.ts';
import { MANNERS, openTcp } from '../lib/servers.ts';
import { lookWith } from '../peers/look.ts';
import { contract, HOST, near } from '../contract/contract.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function rocketchat(...given: Parameters<typeof openRocketchat>): Promise<RocketchatDesk> {
  const desk = await openRocketchat(...given);
  open.push(desk);
  return desk;
}

async function chatwoot(...given: Parameters<typeof openChatwoot>): Promise<ChatwootDesk> {
  const desk = await openChatwoot(...given);
  open.push(desk);
  return desk;
}

const talk = ({ url }: { url: string }, more: Record<string, unknown> = {}, timeoutMs = 8_000) =>
  lookWith(kind, { preset: 'rocketchat', url, poll: '250ms', within: '700ms', ...more }, timeoutMs);
const widget = (desk: ChatwootDesk, more: Record<string, unknown> = {}, timeoutMs = 8_000) =>
  talk(desk, { preset: 'chatwoot', website_token: WEBSITE, ...more }, timeoutMs);

const PERSON = { msg: 'Halo, saya Sari.', afterMs: 300 };
const BOT = { msg: 'Terima kasih, pesan Anda kami terima.', by: 'integration' as const };

describe('Rocket.Chat', () => {
  test('a person answers: told as such, timed by the server, and the room is closed behind us', async () => {
    const desk = await rocketchat({ answers: [PERSON] });
    const finding = await talk(desk);
    expect(short(finding)).toBe('ok answered_by_person');
    expect(finding.facts).toMatchObject({ responder: 'person', room_closed: true, out_of_office: false });
    expect(finding.phases['first_reply']).toBeGreaterThan(290);
    expect(finding.phases['first_person_reply']).toBe(finding.phases['first_reply']);
    expect(finding.phases['open']).toBeGreaterThan(0);
    expect(desk.rooms.map((room) => room.open)).toEqual([false]);
    expect(desk.heard[0]).toMatch(/automatic test \([0-9a-f]{32}\)/);
  });

  test('the server’s stamps tell the time between two questions of ours, and are not believed beyond them', async () => {
    const desk = await rocketchat({ answers: [{ ...PERSON, afterMs: 600 }] });
    // Asked after 0.4 s and after 2 s.
    const finding = await talk(desk, { poll: '1600ms', within: '4s' });
    expect(finding.phases['first_reply']).toBeGreaterThan(590);
    expect(finding.phases['first_reply']).toBeLessThan(1_500);
    desk.manner.answers = [{ ...PERSON, afterMs: 600, ts: '2020-01-01T00:00:00.000Z' }];
    const lied = await talk(desk, { poll: '1600ms', within: '4s' });
    expect(lied.phases['first_reply']).toBeGreaterThan(390);
  });

  test('the first reply and the first reply by a person are two numbers', async () => {
    const desk = await rocketchat({ answers: [BOT, { ...PERSON, afterMs: 700 }] });
    const finding = await talk(desk, { expect: { from: 'person' }, within: '3s' });
    expect(short(finding)).toBe('ok answered_by_person');
    expect(finding.phases['first_reply']).toBeLessThan(500);
    expect(finding.phases['first_person_reply']).toBeGreaterThan(690);
    const onlyBot = await talk(await rocketchat({ answers: [BOT] }), { expect: { from: 'person' } });
    expect([short(onlyBot), onlyBot.phases['first_person_reply']]).toEqual(['degraded NO_REPLY answered', undefined]);
  });

  test.each([
    ['an integration', { msg: 'Halo', by: 'integration' }, {}],
    ['rocket.cat', { msg: 'Halo', by: 'rocket.cat' }, {}],
    ['a user whom the operator named', { msg: 'Halo', by: 'robot' }, { bots: ['didi'] }],
  ] as const)('%s is a bot', async (_name, says, more) => {
    const finding = await talk(await rocketchat({ answers: [says] }), more);
    expect([short(finding), finding.facts['responder']]).toEqual(['ok answered', 'bot']);
  });

  test('one visitor is reused from look to look, and registered once', async () => {
    const desk = await rocketchat({ answers: [BOT] });
    await talk(desk);
    await talk(desk);
    expect(desk.visitors.size).toBe(1);
    expect(desk.asked.filter((each) => each.endsWith('/livechat/visitor'))).toHaveLength(1);
    const own = new Secret('our-own-visitor-token', 'env:VISITOR');
    const finding = await talk(desk, { visitor: own, expect: { matches: 'never said' } });
    expect([...desk.visitors]).toContain('our-own-visitor-token');
    expect(JSON.stringify(finding)).not.toContain('our-own-visitor-token');
  });

  test('a server that has forgotten the visitor is told anew within the look: it is no fault of the desk', async () => {
    const desk = await rocketchat({ answers: [BOT] });
    await talk(desk);
    desk.visitors.clear();
    expect(short(await talk(desk))).toBe('ok answered');
    expect(desk.visitors.size).toBe(1);
  });

  test('a room left over from a look that was cut short is used again, and what stands in it is no answer', async () => {
    const desk = await rocketchat({ answers: [PERSON] });
    await talk(desk);
    const [room] = desk.rooms;
    if (room !== undefined) room.open = true;
    desk.manner.answers = [];
    expect(short(await talk(desk))).toBe('failed NO_REPLY accepting');
    expect(desk.rooms.map((each) => each.open)).toEqual([false]);
  });

  test('in the queue: degraded, with place and estimated wait', async () => {
    const desk = await rocketchat({ queue: { spot: 7, seconds: 540 } });
    const finding = await talk(desk);
    expect(short(finding)).toBe('degraded OVERLOAD accepting');
    expect(finding.facts).toMatchObject({ queue_position: 7, estimated_wait: 540, room_closed: true });
    expect(short(await talk(await rocketchat({ queue: {} })))).toBe('failed NO_REPLY accepting');
  });

  test('nobody online: no room is opened and nobody is disturbed', async () => {
    for (const manner of [{ online: false }, { enabled: false }]) {
      const desk = await rocketchat(manner);
      const finding = await talk(desk);
      expect(short(finding)).toBe('failed UNAVAILABLE accepting');
      expect([desk.asked, desk.rooms]).toEqual([['GET /api/v1/livechat/config'], []]);
    }
  });

  test('out-of-office words in three languages, whoever says them', async () => {
    for (const msg of ['Mohon maaf, di luar jam operasional.', 'We are currently offline.', '现在是非工作时间']) {
      const finding = await talk(await rocketchat({ answers: [{ msg }] }));
      expect(short(finding), msg).toBe('failed OUT_OF_OFFICE accepting');
    }
  });

  test('what the system says is no answer; an agent who closes the chat without a word has refused', async () => {
    const joined = { msg: 'sari', t: 'uj' };
    expect(short(await talk(await rocketchat({ answers: [joined] })))).toBe('failed NO_REPLY accepting');
    const closed = await rocketchat({ answers: [joined, { msg: 'bye', t: 'livechat-close' }] });
    expect(short(await talk(closed))).toBe('failed REJECTED accepting');
  });

  test('being asked too often is our doing: unknown, and nobody is accused', async () => {
    for (const limit of [0, 2]) {
      const desk = await rocketchat({ limit });
      const finding = await talk(desk, { within: '2s' });
      expect(short(finding)).toBe('unknown RATE_LIMITED none');
      expect(finding).toMatchObject({ fault: { cause: 'overload' }, facts: { retry_after: 60 } });
    }
  });

  test('a desk that breaks down in the middle is told, in time', async () => {
    const desk = await rocketchat();
    setTimeout(() => void desk.close(), 600);
    open.pop();
    const began = performance.now();
    const finding = await talk(desk, { within: '6s' });
    expect(finding).toMatchObject({ kind: 'failed', fault: { code: 'TCP_REFUSED' }, facts: { room_closed: false } });
    expect(performance.now() - began).toBeLessThan(7_500);
  });

  test('S-G3: no visitor token stays in a finding', async () => {
    const desk = await rocketchat({ answers: [] });
    const finding = await talk(desk);
    const text = JSON.stringify(finding);
    expect(finding.evidence?.[0]?.text).toContain('automatic test');
    for (const token of desk.visitors) expect(text).not.toContain(token);
  });
});

describe('Chatwoot', () => {
  test('a person of the desk, a bot and an assistant are told apart', async () => {
    for (const [by, words] of [
      ['user', 'ok answered_by_person'],
      ['agent_bot', 'ok answered'],
      ['captain_assistant', 'ok answered'],
    ] as const) {
      const finding = await widget(await chatwoot({ answers: [{ content: 'Halo', by, afterMs: 300 }] }));
      expect(short(finding), by).toBe(words);
      expect(finding.facts['room_closed']).toBe(true);
    }
  });

  test('the greeting that follows each first word is no answer, nor is the form that asks for an address', async () => {
    const answers = [
      { content: 'Hi there!', type: 3 },
      { content: 'Give the team a way to reach you.', type: 3 },
      { content: 'Get notified by email', type: 3, content_type: 'input_email' },
      { content: 'Conversation was assigned to Sari', type: 2 },
    ];
    const finding = await widget(await chatwoot({ answers }));
    expect(short(finding)).toBe('failed NO_REPLY accepting');
    expect(finding.phases['greeting']).toBeGreaterThanOrEqual(0);
    expect(finding.phases['first_reply']).toBeUndefined();
  });

  test('one contact for all looks, resolved after each; old messages are no answer', async () => {
    const desk = await chatwoot({ answers: [{ content: 'Halo', by: 'user' }] });
    expect(short(await widget(desk))).toBe('ok answered_by_person');
    desk.manner.answers = [];
    expect(short(await widget(desk))).toBe('failed NO_REPLY accepting');
    expect(desk.contacts.size).toBe(1);
    expect(desk.conversations.map((each) => each.status)).toEqual(['resolved']);
  });

  test('a contact that was deleted is created anew', async () => {
    const desk = await chatwoot({ answers: [{ content: 'Halo', by: 'user' }] });
    await widget(desk);
    desk.contacts.clear();
    expect(short(await widget(desk))).toBe('ok answered_by_person');
    expect(desk.contacts.size).toBe(1);
  });

  test('a widget that lets nobody end a conversation is told as a fact, and is no failure', async () => {
    const desk = await chatwoot({ answers: [{ content: 'Halo', by: 'user' }], endsConversation: false });
    const finding = await widget(desk);
    expect([short(finding), finding.facts['room_closed']]).toEqual(['ok answered_by_person', false]);
  });

  test('outside the hours that Chatwoot tells nothing is said to anybody', async () => {
    const desk = await chatwoot({ hours: 'closed' });
    const finding = await widget(desk);
    expect(short(finding)).toBe('failed OUT_OF_OFFICE accepting');
    expect(finding.facts).toMatchObject({ working_hours: 'closed', out_of_office: true });
    expect(desk.conversations).toEqual([]);
  });

  test("the operator's own out-of-office message is known by its text, whatever its words", async () => {
    const finding = await widget(await chatwoot({ answers: [{ content: AWAY, type: 3 }] }));
    expect(short(finding)).toBe('failed OUT_OF_OFFICE accepting');
  });

  test('a website token that is gone, and S-G3: tokens in the answer stay out of the evidence', async () => {
    const desk = await chatwoot();
    expect(short(await widget(desk, { website_token: 'anotherToken' }))).toBe('failed STATUS reachable');
    const text = JSON.stringify(await widget(desk, { website_token: new Secret(WEBSITE, 'env:WEBSITE') }));
    for (const token of [...desk.contacts, WEBSITE, 'pubsub-secret-1']) expect(text).not.toContain(token);
  });
});

describe('rude far sides', () => {
  test.each(MANNERS)(
    '%s: neither preset takes it for a chat, and neither waits beyond its deadline [S-A5]',
    async (manner) => {
      const far = await openTcp(manner);
      open.push(far);
      const url = `http://127.0.0.1:${far.port}`;
      const began = performance.now();
      const findings = await Promise.all([
        talk({ url }, {}, 600),
        talk({ url }, { preset: 'chatwoot', website_token: WEBSITE }, 600),
      ]);
      expect(performance.now() - began).toBeLessThan(2_500);
      for (const finding of findings) expect(finding.kind).toBe('failed');
      await expect.poll(() => far.open(), { timeout: 2_000 }).toBe(0);
    },
  );

  test('a desk that never answers a poll is left at the deadline, and the room with it', async () => {
    const desk = await rocketchat({ answers: [], slowMs: 60_000 });
    const began = performance.now();
    const finding = await talk(desk, { within: '30s' }, 2_000);
    expect(short(finding)).toBe('failed NO_REPLY accepting');
    expect(desk.rooms.map((room) => room.open)).toEqual([false]);
    expect(performance.now() - began).toBeLessThan(3_500);
  });

  test('a stop in the middle ends the look at once; the next one finds the room again and closes it', async () => {
    const desk = await rocketchat();
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 500);
    const began = performance.now();
    const settings = kind.schema.parse({ preset: 'rocketchat', url: desk.url, allow_private: true, poll: '250ms' });
    const context = { startedAt: Date.now(), timeoutMs: 60_000, runId: 'a'.repeat(32), timezone: 'Asia/Jakarta' };
    await kind.look(settings, { ...context, signal: stop.signal });
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(desk.rooms.map((room) => room.open)).toEqual([true]);
    await talk(desk);
    expect(desk.rooms.map((room) => room.open)).toEqual([false]);
  });
});

describe('settings', () => {
  test.each([
    ['another preset', { preset: 'zendesk' }],
    ['a key of the other preset', { website_token: 'abcdef' }],
    ['a poll that would be a flood', { poll: '50ms' }],
    ['a password in the address', { url: 'https://a:b@chat.example.id' }],
    ['a pattern that is none', { expect: { matches: '(' } }],
  ])('with %s are refused', (_name, more) => {
    expect(kind.schema.safeParse({ ...kind.example, ...more }).success).toBe(false);
  });

  test('a budget is demanded, for it may take a person’s time', () => {
    expect(kind.costly).toBe(true);
  });
});

contract('chat-conversation', {
  transports: ['tcp', 'tls'],
  with: (port, transport, canary) => ({
    ...near,
    preset: 'rocketchat',
    url: `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}`,
    visitor: canary,
  }),
});
