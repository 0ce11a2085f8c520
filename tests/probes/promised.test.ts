/** A channel that promises languages is held to them by every kind that hears words, unless a target says otherwise. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import conversation from '../../probes/chat-conversation.ts';
import websocket from '../../probes/chat-websocket.ts';
import xmpp from '../../probes/chat-xmpp.ts';
import helpCenter from '../../probes/help-center.ts';
import http from '../../probes/http.ts';
import { promised } from '../../probes/lib/language.ts';
import type { Finding, Language } from '../../src/core/model.ts';
import type { ProbeKind } from '../../src/core/probe.ts';
import { HELLO, openChat, short } from '../lib/chat.ts';
import { openRocketchat } from '../lib/rocketchat.ts';
import { openScene, receipt } from '../lib/roundtrip.ts';
import { portOf } from '../lib/servers.ts';
import { message, openXmpp } from '../lib/xmpp.ts';
import { lookWith } from '../peers/look.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Looks at a desk whose every word is `words`; `own` are the languages that the target itself names. */
type Look = (words: string, promise: readonly Language[] | undefined, own?: Language) => Promise<Finding>;

const context = (languages: readonly Language[] | undefined) => (languages === undefined ? {} : { languages });

async function pageOf(body: string, type = 'text/html; charset=utf-8'): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(200, { 'content-type': type }).end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${portOf(server)}/`;
}

const chat = (kind: ProbeKind, settings: (words: string, own?: Language) => Promise<Record<string, unknown>>): Look => {
  return async (words, promise, own) => lookWith(kind, await settings(words, own), 5_000, context(promise));
};

const spoken = (own: Language | undefined): Record<string, unknown> => (own === undefined ? {} : { language: own });

const LOOKS: Readonly<Record<string, Look>> = {
  'chat-websocket': chat(websocket, async (words, own) => {
    const far = await openChat((guest) => {
      guest.on('message', () => guest.send(JSON.stringify({ from: { role: 'agent' }, text: words })));
    });
    closers.push(far.close);
    return { url: far.url, steps: [HELLO, { expect: spoken(own), within: '400ms' }] };
  }),
  'chat-xmpp': chat(xmpp, async (words, own) => {
    const far = await openXmpp({ answers: [message(words)] });
    closers.push(far.close);
    return { url: far.url, domain: 'guest.test', to: 'desk@chat.test', within: '400ms', expect: spoken(own) };
  }),
  'chat-conversation': chat(conversation, async (words, own) => {
    const desk = await openRocketchat({ answers: [{ msg: words }] });
    closers.push(() => desk.close());
    return { preset: 'rocketchat', url: desk.url, poll: '250ms', within: '600ms', expect: spoken(own) };
  }),
  http: chat(http, async (words, own) => ({ url: await pageOf(`<p>${words}</p>`), expect: spoken(own) })),
  'http in steps': chat(http, async (words, own) => ({
    steps: [{ url: await pageOf(`<p>${words}</p>`), expect: spoken(own) }],
  })),
  'help-center': chat(helpCenter, async (words, own) => {
    const home = await pageOf(`<p>${words}</p>`);
    return { home, pages: [{ url: `${home}article`, ...spoken(own) }] };
  }),
  'mail-roundtrip': async (words, promise, own) => {
    const scene = await openScene({}, (mail, box) => box.deliver(receipt(mail, '', words)));
    closers.push(scene.close);
    const settings = { receipt: { within: '1500ms', ...spoken(own) } };
    return scene.look(settings, 4_000, context(promise));
  },
};

const ENGLISH = 'Thank you, we have your message and will answer you soon.';

describe('the languages that a channel promises', () => {
  test.each(Object.entries(LOOKS))('are what %s is held to where its target names none', async (_kind, look) => {
    const wrong = await look(ENGLISH, ['id', 'zh']);
    expect(short(wrong)).toMatch(/^degraded LANGUAGE answered/);
    expect(wrong).toMatchObject({ fault: { cause: 'wrong_content', blame: 'line' } });
    const findings = [
      await look(ENGLISH, ['id', 'en']),
      // What the target says counts, and a look by hand promises nothing.
      await look(ENGLISH, ['id'], 'en'),
      await look(ENGLISH, undefined),
      // Too short to be known is never wrong.
      await look('Ticket #7', ['zh']),
    ];
    expect(findings.map((each) => each.kind)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  test('say nothing of what is written for programs, nor of a page of errors that was expected', async () => {
    const url = await pageOf(`{"text":"${ENGLISH}"}`, 'application/json');
    expect(short(await lookWith(http, { url }, 4_000, { languages: ['id'] }))).toBe('ok answered');
  });

  test('cannot be broken by a known language when all of them are promised: nothing is read then', () => {
    expect(promised(undefined, { languages: ['zh', 'id', 'en'] })).toEqual([]);
    expect(promised(undefined, { languages: ['zh'] })).toEqual(['zh']);
    expect(promised(['id'], { languages: ['zh', 'id', 'en'] })).toEqual(['id']);
    expect(promised(undefined, {})).toEqual([]);
  });

  test('do not stop a way of several steps: the next one may be broken, and that is worse', async () => {
    const page = await pageOf(`<p>${ENGLISH}</p>`);
    const steps = [{ url: page }, { url: page, expect: { status: 204 } }];
    expect(short(await lookWith(http, { steps }, 4_000, { languages: ['id'] }))).toBe('failed STATUS accepting');
  });
});
