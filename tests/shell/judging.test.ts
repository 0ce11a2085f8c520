/** Judging on a real file: what is seen again gives the same state, several places and channels, and what is no longer configured. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Ruling } from '../../src/core/ledger.ts';
import type { Provider } from '../../src/core/model.ts';
import { abandonGone } from '../../src/abandon.ts';
import { openStore } from '../../src/store/store.ts';
import { BAD, folder, freshStore, GOOD, lookAt, MINUTE, MORNING, ruleFor, targetOf, tell } from '../lib/ledger.ts';

const trunk = targetOf('gopay/hotline/trunk');
const chat = targetOf('gopay/chat/socket');
const HOUR = Array.from({ length: 60 }, (_, minute) => minute);

it('R-23: the recorded looks of an hour, judged again in a new file, give the identical state', async () => {
  const first = freshStore().store;
  for (const minute of HOUR) {
    // Out of step, so that they fail together, apart and alone.
    for (const [target, period] of [[trunk, 13] as const, [chat, 11] as const]) {
      const look = lookAt(target, minute, minute % period < 6 ? GOOD : BAD);
      await first.record(look, target.channel, ruleFor(target, look));
    }
  }
  const second = freshStore().store;
  for (const minute of HOUR) {
    for (const target of [trunk, chat]) {
      const at = MORNING + minute * MINUTE;
      const [look] = await first.observations(target.id, at, at + 1, 1);
      expect(look).toBeDefined();
      if (look !== undefined) await second.record(look, target.channel, ruleFor(target, look));
    }
  }
  const state = async (store: typeof first) => ({
    health: await store.health(),
    incidents: await store.recentIncidents(0, 99),
    told: (await store.due(Infinity, 99, [])).map((each) => each.key),
  });
  expect(await state(second)).toEqual(await state(first));
  expect((await state(first)).incidents.length).toBeGreaterThan(0);
});

it('a restart in between changes nothing of what is ruled', async () => {
  const story = [GOOD, BAD, BAD, GOOD, GOOD, BAD, BAD, GOOD, GOOD];
  const whole = await tell(freshStore().store, trunk, story);
  const path = join(folder(), 'ringback.db');
  const parts: (Ruling | undefined)[] = [];
  for (const [minute, finding] of story.entries()) {
    const store = openStore(path);
    parts.push(...(await tell(store, trunk, [finding], minute)));
    await store.close();
  }
  expect(parts).toEqual(whole);
  expect(whole.flatMap((each) => each?.update?.change ?? [])).toEqual(['opened', 'resolved', 'reopened']);
});

it('channels that fail together are one row, found again by either of them after a restart', async () => {
  const path = join(folder(), 'ringback.db');
  const first = openStore(path);
  await tell(first, trunk, [BAD, BAD]);
  await tell(first, chat, [BAD, BAD]);
  await first.close();
  const second = openStore(path);
  await tell(second, chat, [GOOD, GOOD], 3);
  const [incident] = await second.openIncidents();
  expect(incident?.channels.map((each) => [each.channel, each.resolvedAt !== undefined])).toEqual([
    [trunk.channel, false],
    [chat.channel, true],
  ]);
  expect((await second.evidence(incident?.id ?? '')).map((each) => each.target)).toContain(chat.id);
  await second.close();
});

it('a look from one of three places accuses nobody, not after a restart either', async () => {
  const path = join(folder(), 'ringback.db');
  const from = async (location: string, minute: number, finding: typeof GOOD) => {
    const store = openStore(path);
    const look = { ...lookAt(trunk, minute, finding), location };
    await store.record(look, trunk.channel, ruleFor(trunk, look));
    const open = await store.openIncidents();
    await store.close();
    return open.length;
  };
  for (const place of ['jakarta', 'batam', 'bali']) await from(place, 0, GOOD);
  expect([await from('jakarta', 1, BAD), await from('jakarta', 2, BAD)]).toEqual([0, 0]);
  expect([await from('bali', 1, BAD), await from('bali', 2, BAD)]).toEqual([0, 1]);
});

it('targets that are no longer configured leave their incident, and those who were told hear of its end', async () => {
  const { store } = freshStore();
  await tell(store, trunk, [BAD, BAD]);
  const provider = (targets: readonly (typeof trunk)[]): Provider => ({
    id: 'gopay',
    name: 'GoPay',
    timezone: 'Asia/Jakarta',
    languages: ['en'],
    fallbacks: [],
    contacts: [],
    channels: [
      {
        id: trunk.channel,
        provider: 'gopay',
        kind: 'phone',
        name: { en: 'Hotline' },
        languages: ['en'],
        hours: { weekly: '24/7', timezone: 'UTC', holidays: [], onHolidays: 'open', workdays: [] },
        maintenance: [],
        dependsOn: [],
        private: false,
        targets,
      },
    ],
  });
  const at = MORNING + 9 * MINUTE;
  const configured = (targets: readonly (typeof trunk)[]) => ({
    providers: [provider(targets)],
    routes: [],
  });
  expect(await abandonGone(store, configured([trunk]), at)).toEqual([]);
  expect(await abandonGone(store, configured([]), at)).toMatchObject([{ resolvedAt: at }]);
  expect(await store.openIncidents()).toEqual([]);
  const keys = (await store.due(Infinity, 9, [])).map((each) => each.key);
  await store.settle(keys[0] ?? '', { kind: 'sent', detail: '' }, at);
  const [next] = await store.due(Infinity, 9, []);
  expect([keys[0], next?.key].map((each) => each?.split(':')[1])).toEqual(['opened', 'resolved']);
  // Configured again much later and still down: another incident, from when it was seen again.
  const later = await tell(store, trunk, [BAD], 60);
  expect(later[0]?.incident?.openedAt).toBe(lookAt(trunk, 60, BAD).at);
});
