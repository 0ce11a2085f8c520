/** Memory stays flat whatever far sides do: hostile looks of every kind of mail, chat and help, again and again. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import appRelease from '../../probes/app-release.ts';
import conversation from '../../probes/chat-conversation.ts';
import presence from '../../probes/chat-presence.ts';
import websocket from '../../probes/chat-websocket.ts';
import xmpp from '../../probes/chat-xmpp.ts';
import helpCenter from '../../probes/help-center.ts';
import ticket from '../../probes/ticket.ts';
import type { ProbeKind } from '../../src/core/probe.ts';
import { ASK, openWire } from '../lib/chat.ts';
import { STORIES } from '../lib/chatstories.ts';
import { Diary } from '../lib/diary.ts';
import { CLOSED } from '../lib/imapstories.ts';
import { openScene } from '../lib/roundtrip.ts';
import { MANNERS, openTcp } from '../lib/servers.ts';
import { openXmpp } from '../lib/xmpp.ts';
import type { Script } from '../lib/xmpp.ts';
import { lookWith } from '../peers/look.ts';

const MIB = 1_048_576;
/** By S-G1; and what leaks 60 KB for each look is found out also where the looks are few. */
const most = (looks: number): number => Math.min(8 * MIB, MIB + looks * 40 * 1_024);
const ROUNDS = 5;
const BRIEF_MS = 500;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What is held once nobody holds on to what can be let go, in bytes. */
async function held(): Promise<number> {
  for (let turn = 0; turn < 3; turn += 1) {
    await sleep(50);
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A look at a far side that is opened for it alone, and closed after it. */
type Look = () => Promise<unknown>;

const atWire =
  (kind: ProbeKind, speak: Parameters<typeof openWire>[0], settings: Record<string, unknown>): Look =>
  async () => {
    const far = await openWire(speak);
    await lookWith(kind, { ...settings, url: far.url }, BRIEF_MS);
    await far.close();
  };

const XMPP = { domain: 'guest.test', to: 'desk@chat.test', within: '200ms' };

const WORSE: readonly Script[] = [
  { open: '<!DOCTYPE a [<!ENTITY b "c">]><open/>' },
  { open: `${'<a>'.repeat(1_000)}${'</a>'.repeat(1_000)}` },
  { open: `<a>${'x'.repeat(200_000)}</a>` },
  { features: '<mechanisms/>' },
  { answers: Array.from({ length: 1_000 }, () => '<message xmlns="jabber:client"><body>a</body></message>') },
];

const LOOKS: Readonly<Record<string, readonly Look[]>> = {
  'chat-websocket': STORIES.map(([, , speak]) => atWire(websocket, speak, { greeting: '50ms', steps: ASK })),
  'chat-xmpp': [
    ...STORIES.map(([, , speak]) => atWire(xmpp, speak, XMPP)),
    ...WORSE.map((script) => async () => {
      const far = await openXmpp(script);
      await lookWith(xmpp, { ...XMPP, url: far.url }, BRIEF_MS);
      await far.close();
    }),
  ],
  'mail-roundtrip': CLOSED.map(([, wish]) => {
    const diary = new Diary();
    return async () => {
      const scene = await openScene(wish, () => undefined);
      await diary.of((context) => scene.look({ receipt: { within: '100ms' } }, BRIEF_MS, context));
      await scene.close();
    };
  }),
  'what is asked over HTTP': MANNERS.map((manner) => async () => {
    const far = await openTcp(manner);
    const url = `http://127.0.0.1:${far.port}/`;
    const asked: readonly (readonly [ProbeKind, Record<string, unknown>])[] = [
      [conversation, { preset: 'rocketchat', url }],
      [conversation, { preset: 'chatwoot', url, website_token: 'website-1' }],
      [presence, { preset: 'livechat', url, organization_id: 'org-1' }],
      [helpCenter, { home: url, pages: [{ url }], contact_entry: { leads_to: '/contact' } }],
      [appRelease, { app_store_id: 7, base_url: url }],
      [
        ticket,
        {
          submit: { url },
          number: { pointer: '/number' },
          status: { url: `${url}{{number}}`, pointer: '/state', done: 'closed' },
        },
      ],
    ];
    for (const [kind, settings] of asked) await lookWith(kind, settings, BRIEF_MS / 4);
    await far.close();
  }),
};

it.each(Object.entries(LOOKS))(
  'memory is as it was after hostile looks of %s, round after round [S-G1, S-F4, MC-1]',
  async (_kind, looks) => {
    const round = () => Promise.all(looks.map((look) => look()));
    // What is kept once and for all: compiled code, caches with a cap, workers.
    await round();
    await round();
    const before = await held();
    for (let turn = 0; turn < ROUNDS; turn += 1) await round();
    const grown = (await held()) - before;
    const count = looks.length * ROUNDS;
    expect(grown, `${Math.round(grown / 1024)} KiB after ${count} looks`).toBeLessThan(most(count));
  },
  60_000,
);
