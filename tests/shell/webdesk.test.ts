/** The demo wallet's chat, help and announcements: each fault is broken for real, seen by the real probes, and mended. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import announcements from '../../probes/announcements.ts';
import chat from '../../probes/chat-websocket.ts';
import http from '../../probes/http.ts';
import type { Finding } from '../../src/core/model.ts';
import type { ProbeKind } from '../../src/core/probe.ts';
import { openChatDesk } from '../../src/demo/chat.ts';
import type { ChatDesk } from '../../src/demo/parlour.ts';
import { openWebDesk } from '../../src/demo/web.ts';
import type { WebDesk } from '../../src/demo/web.ts';
import { certificates } from '../lib/certs.ts';

let desk: ChatDesk;
let web: WebDesk;
beforeAll(async () => {
  desk = await openChatDesk({ replyMs: 50, slowMs: 60_000 });
  web = await openWebDesk({ slowMs: 60_000 });
});
afterAll(async () => {
  await desk.close();
  await web.close();
});

async function look(kind: ProbeKind, settings: Record<string, unknown>, timeoutMs = 4_000): Promise<Finding> {
  const signal = AbortSignal.timeout(timeoutMs);
  const runId = createHash('md5').update(JSON.stringify(settings)).digest('hex');
  const parsed = kind.schema.parse({ ...settings, allow_private: true });
  return kind.look(parsed, { signal, startedAt: Date.now(), timeoutMs, runId, timezone: 'Asia/Jakarta' });
}

const short = (finding: Finding): string =>
  finding.kind === 'ok' ? `ok ${finding.rung}` : `${finding.kind} ${finding.fault.code} ${finding.rung}`;

const TALK = [
  { send: { type: 'message', text: 'This is an automatic test ({{run_id}}). No help is needed.' } },
  {
    expect: {
      json: [
        { pointer: '/type', equals: 'message' },
        { pointer: '/ticket', matches: '^DW-' },
      ],
    },
    within: '1s',
  },
  { capture: { ticket: '/ticket' } },
  { send: { type: 'message', text: 'Thank you, {{ticket}} can be closed.' } },
  { close: true },
];

describe('the chat desk', () => {
  test.each([
    ['none', 'ok answered_by_person'],
    ['down', 'failed TCP_REFUSED none'],
    ['slow', 'failed NO_REPLY accepting'],
    ['busy', 'degraded OVERLOAD accepting'],
    ['wrong', 'failed CONTENT answered'],
    ['silence', 'failed NO_REPLY accepting'],
    ['closed', 'failed OUT_OF_OFFICE accepting'],
    ['garbage', 'failed PROTO_GARBAGE accepting'],
  ])('%s is seen as %s, and mended as a person again', async (fault, expected) => {
    await desk.set(fault);
    expect(short(await look(chat, { url: desk.address.url, steps: TALK, greeting: '300ms' }))).toBe(expected);
    await desk.set('none');
    const mended = await look(chat, { url: desk.address.url, steps: TALK, greeting: '300ms' });
    expect([short(mended), mended.facts['responder']]).toEqual(['ok answered_by_person', 'person']);
    expect(mended.phases['first_reply']).toBeGreaterThan(30);
  });

  test('the queue tells its place', async () => {
    await desk.set('busy');
    const finding = await look(chat, { url: desk.address.url, steps: TALK, greeting: '300ms' });
    expect(finding.facts).toMatchObject({ queue_position: 12, estimated_wait: 540 });
    await desk.set('none');
  });

  test('a fault that it does not have is refused, and without certificates none can expire', async () => {
    await expect(desk.set('on fire')).rejects.toThrow(/on fire/);
    expect(desk.faults).not.toContain('expired');
  });
});

describe('the help desk', () => {
  const health = () =>
    look(
      http,
      { url: `${web.help.url}/api/help/health`, expect: { status: 200, json: [{ pointer: '/status', equals: 'ok' }] } },
      700,
    );

  test.each([
    ['down', 'failed TCP_REFUSED none'],
    ['slow', 'failed DEADLINE reachable'],
    ['busy', 'failed OVERLOAD accepting'],
    ['wrong', 'failed CONTENT accepting'],
    ['silence', 'failed DEADLINE reachable'],
    ['maintenance', 'failed MAINTENANCE accepting'],
  ])('%s is seen as %s, and mended', async (fault, expected) => {
    await web.help.set(fault);
    expect(short(await health())).toBe(expected);
    await web.help.set('none');
    expect(short(await health())).toBe('ok answered');
  });

  test('articles and the reset of a password answer, and breaking one door leaves the other alone', async () => {
    await web.announcements.set('down');
    const article = await look(http, {
      url: `${web.help.url}/api/help/articles/reset-password`,
      expect: { body: { contains: '重置密码' } },
    });
    expect(short(article)).toBe('ok answered');
    const reset = await look(http, {
      url: `${web.help.url}/api/help/reset`,
      method: 'POST',
      body: '{}',
      expect: { status: 202, json: [{ pointer: '/number', matches: '^RST-\\d+$' }] },
    });
    expect(short(reset)).toBe('ok answered');
    await web.announcements.set('none');
  });
});

describe('the announcements', () => {
  const read = (path = '/announcements', select: Record<string, string> = { item: 'ul.news > li', title: 'h2' }) =>
    look(
      announcements,
      {
        url: `${web.announcements.url}${path}`,
        select,
        channels: {
          hotline: ['telepon', 'hotline', '热线'],
          chat: ['chat', '在线客服'],
          email: ['email', 'e-mail', '邮件'],
        },
      },
      1_500,
    );

  test.each([
    ['down', 'failed TCP_REFUSED none'],
    ['slow', 'failed DEADLINE reachable'],
    ['wrong', 'failed SELECTOR_LOST accepting'],
    ['silence', 'failed DEADLINE reachable'],
  ])('%s is seen as %s, and mended', async (fault, expected) => {
    await web.announcements.set(fault);
    expect(short(await read())).toBe(expected);
    await web.announcements.set('none');
    const mended = await read();
    expect([short(mended), mended.facts['maintenance']]).toEqual(['ok answered', 0]);
  });

  test('a notice of maintenance is read with the same window in three languages, page and feed', async () => {
    await web.announcements.set('notice');
    const paths = [
      '/id/announcements',
      '/en/announcements',
      '/zh/announcements',
      '/id/feed.rss',
      '/en/feed.json',
      '/zh/feed.rss',
    ];
    const windows = [];
    for (const path of paths) {
      const finding = await read(path);
      expect(short(finding), path).toBe('ok answered');
      const notice = finding.notices?.[0];
      expect(notice, path).toMatchObject({ kind: 'maintenance', channels: ['hotline'], zoneExplicit: true });
      windows.push(`${notice?.from ?? 0} ${notice?.until ?? 0}`);
    }
    expect(new Set(windows).size).toBe(1);
    const [from = 0, until = 0] = (windows[0] ?? '').split(' ').map(Number);
    expect(from).toBeLessThanOrEqual(Date.now());
    expect(until - from).toBe(2 * 3_600_000);
    await web.announcements.set('none');
    expect((await read()).facts['maintenance']).toBe(0);
  });
});

test('an expired certificate is seen by the chat and by the announcements, and mended', async () => {
  const { caFile: ca, good: tls, expired } = await certificates();
  const secure = await openChatDesk({ replyMs: 20, tls, expired });
  const site = await openWebDesk({ announcements: { tls, expired } });
  const talk = () => look(chat, { url: secure.address.url, ca, steps: TALK, greeting: '300ms' });
  const read = () =>
    look(announcements, { url: `${site.announcements.url}/en/announcements`, ca, select: { item: '.news li' } });
  try {
    for (const fault of ['none', 'expired', 'none']) {
      await secure.set(fault);
      await site.announcements.set(fault);
      const [chats, reads] = [short(await talk()), short(await read())];
      if (fault === 'none') expect([chats, reads]).toEqual(['ok answered_by_person', 'ok answered']);
      else expect([chats, reads]).toEqual(['failed CERT_EXPIRED reachable', 'failed CERT_EXPIRED reachable']);
    }
  } finally {
    await secure.close();
    await site.close();
  }
});

test('a taken port is an error, and the door that was open by then is shut again', async () => {
  const other = await openWebDesk({ help: { port: 0 } });
  await other.help.close();
  const taken = { help: { port: other.help.port }, announcements: { port: other.announcements.port } };
  await expect(openWebDesk(taken)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  const again = await openWebDesk({ help: { port: other.help.port } });
  await again.close();
  await other.close();
});
