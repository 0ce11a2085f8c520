/** Who we are to a chat desk: one visitor in all looks, whatever process makes them. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { HELLO, openChat, short } from '../lib/chat.ts';
import { openChatwoot, WEBSITE } from '../lib/chatwoot.ts';
import { Diary } from '../lib/diary.ts';
import { openRocketchat } from '../lib/rocketchat.ts';
import websocket from '../../probes/chat-websocket.ts';
import { lookWith } from '../peers/look.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function opened<Far extends { close(): Promise<void> }>(opening: Promise<Far>): Promise<Far> {
  const far = await opening;
  open.push(far);
  return far;
}

const BOT = { msg: 'Terima kasih, pesan Anda kami terima.', by: 'integration' as const };

describe('one visitor across restarts', () => {
  /** The same kind in a process that knows nothing yet. */
  const another = async () => {
    vi.resetModules();
    const { default: kind } = await import('../../probes/chat-conversation.ts');
    return { kind, ...(await import('../../src/core/secret.ts')) };
  };
  const brief = { allow_private: true, poll: '250ms', within: '700ms' };

  test('is the one that an earlier process was, in Rocket.Chat and in Chatwoot', async () => {
    const rocket = await opened(openRocketchat({ answers: [BOT] }));
    const woot = await opened(openChatwoot());
    const desks = [
      [{ ...brief, preset: 'rocketchat', url: rocket.url }, () => rocket.visitors.size],
      [{ ...brief, preset: 'chatwoot', url: woot.url, website_token: WEBSITE }, () => woot.contacts.size],
    ] as const;
    for (const [settings, visitors] of desks) {
      const diary = new Diary();
      for (let at = 0; at < 3; at += 1) {
        const { kind } = await another();
        await diary.of((context) => lookWith(kind, settings, 8_000, context));
      }
      expect(visitors(), settings.preset).toBe(1);
      await lookWith((await another()).kind, settings, 8_000);
      expect(visitors(), `${settings.preset}, without a memory`).toBe(2);
    }
  });

  test('is never written down where an operator configured it, nor taken along to another desk', async () => {
    const [desk, other] = [
      await opened(openRocketchat({ answers: [BOT] })),
      await opened(openRocketchat({ answers: [BOT] })),
    ];
    const diary = new Diary();
    const visit = async (url: string, visitor?: string) => {
      const { kind, Secret } = await another();
      const own = visitor === undefined ? {} : { visitor: new Secret(visitor, 'env:VISITOR') };
      const settings = { ...brief, preset: 'rocketchat', url, ...own };
      return diary.of((context) => lookWith(kind, settings, 8_000, context));
    };
    await visit(desk.url, 'our-own-visitor-token');
    expect(diary.text ?? '').not.toContain('our-own-visitor-token');
    await visit(desk.url);
    await visit(other.url);
    const [first] = [...desk.visitors].filter((each) => each !== 'our-own-visitor-token');
    expect([...other.visitors]).not.toContain(first);
    diary.text = '{"desk":7}';
    expect(short(await visit(other.url))).toBe('ok answered');
  });
});

describe('a script that names its {{visitor}}', () => {
  test('names the same one in every look of a target, and another one by hand', async () => {
    const heard: string[] = [];
    const far = await opened(
      openChat((guest) => {
        guest.on('message', (data) => {
          heard.push((JSON.parse((data as Buffer).toString('utf8')) as { as: string }).as);
          guest.send('Halo');
        });
      }),
    );
    const settings = {
      url: far.url,
      greeting: '10ms',
      steps: [{ send: { ...HELLO.send, as: '{{visitor}}' } }, { expect: {}, within: '2s' }],
    };
    const diary = new Diary();
    const look = () => diary.of((context) => lookWith(websocket, settings, 4_000, context));
    await look();
    await look();
    expect(diary.text).toBe(JSON.stringify(heard[0]));
    diary.text = '"somebody else\\r\\n"';
    await look();
    await lookWith(websocket, settings, 4_000);
    const [first, second, ...others] = heard;
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(second).toBe(first);
    expect(new Set([first, ...others]).size).toBe(3);
  });
});
