/** The board: what is true now of every channel, from the store and from each look, and what is known around a target. */
import { expect, it } from 'vitest';
import { openBoard } from '../../src/board.ts';
import { openCalendar } from '../../src/core/calendar.ts';
import { failed, fault, ok } from '../../src/core/fault.ts';
import type { Channel, Finding, Provider, Target } from '../../src/core/model.ts';
import type { Store } from '../../src/store/store.ts';
import { BAD, freshStore, GOOD, lookAt, MINUTE, MORNING, ruleFor, targetOf } from '../lib/ledger.ts';

const trunk = targetOf('gopay/hotline/trunk');
const chat = targetOf('gopay/chat/socket');
const app = { ...targetOf('gopay/app/release'), probe: 'app-release' };
const TARGETS = [trunk, chat, app];

const channelOf = (target: Target): Channel => ({
  id: target.channel,
  provider: 'gopay',
  kind: 'phone',
  name: { en: target.channel },
  languages: ['en'],
  hours: { weekly: '24/7', timezone: 'UTC', holidays: [], onHolidays: 'open', workdays: [] },
  maintenance: [],
  dependsOn: [],
  private: false,
  targets: [target],
});
const channels = TARGETS.map(channelOf);
const PROVIDER: Provider = {
  id: 'gopay',
  name: 'GoPay',
  timezone: 'UTC',
  languages: ['en'],
  fallbacks: [],
  contacts: [],
  channels,
};

async function board(store: Store) {
  const state = { now: MORNING, blind: false };
  const opened = await openBoard({
    ledger: store,
    now: () => state.now,
    blind: () => state.blind,
    publicUrl: undefined,
    answerMs: () => 1,
    hostOf: (id) => (id === app.id ? null : 'pbx.example'),
  });
  opened.arrange([PROVIDER], new Map(channels.map((each) => [each.id, openCalendar(each.hours, each.maintenance)])));
  const see = async (target: Target, minute: number, finding: Finding): Promise<void> => {
    const look = lookAt(target, minute, finding);
    state.now = look.at;
    const ruling = await store.record(look, target.channel, ruleFor(target, look));
    if (ruling !== undefined) opened.see(look, ruling);
  };
  return { opened, state, see };
}

const stateOf = (opened: Awaited<ReturnType<typeof openBoard>>) =>
  Object.fromEntries(opened.channels().map((row) => [row.channel.id, [row.status, row.incident?.channels.length]]));

it('shows one incident at every channel that it covers, and at none that has left it', async () => {
  const { store } = freshStore();
  const { opened, see } = await board(store);
  for (const minute of [0, 1]) for (const target of [trunk, chat]) await see(target, minute, BAD);
  expect(stateOf(opened)).toMatchObject({ 'gopay/hotline': ['major_outage', 2], 'gopay/chat': ['major_outage', 2] });
  const [shown, ...more] = opened.snapshot().providers[0]?.incidents ?? [];
  expect(more).toEqual([]);
  expect(shown).toMatchObject({ channel: 'hotline', channels: ['hotline', 'chat'], cause: 'refused' });
  expect(shown?.why?.id).toBe('Sambungan langsung ditolak.');
  for (const minute of [2, 3]) {
    await see(chat, minute, GOOD);
    await see(trunk, minute, BAD);
  }
  expect(stateOf(opened)).toMatchObject({
    'gopay/hotline': ['major_outage', 2],
    'gopay/chat': ['operational', undefined],
  });
  // The same after a restart.
  const again = await board(store);
  again.state.now = MORNING + 3 * MINUTE;
  expect(stateOf(again.opened)).toEqual(stateOf(opened));
});

it('knows nothing of a channel that was never looked at, or too long ago, or while we are blind', async () => {
  const { opened, state, see } = await board(freshStore().store);
  await see(trunk, 0, GOOD);
  expect(stateOf(opened)).toMatchObject({
    'gopay/hotline': ['operational', undefined],
    'gopay/chat': ['unknown', undefined],
  });
  state.blind = true;
  expect(stateOf(opened)).toMatchObject({ 'gopay/hotline': ['unknown', undefined] });
  state.blind = false;
  state.now += 9 * MINUTE;
  expect(stateOf(opened)).toMatchObject({ 'gopay/hotline': ['unknown', undefined] });
});

it('tells what is known around a target: who else answers, on which host, and what was released', async () => {
  const { opened, see } = await board(freshStore().store);
  await see(trunk, 0, GOOD);
  await see(chat, 0, BAD);
  await see(app, 0, ok('answered', { phases: {}, facts: { release: '4.88.0', release_at: MORNING - MINUTE } }));
  const { neighbours, hosts, releases, blind } = opened.surroundings(trunk);
  expect(neighbours).toEqual([
    { target: trunk.id, provider: 'gopay', host: 'pbx.example', state: 'up' },
    { target: chat.id, provider: 'gopay', host: 'pbx.example', state: 'down', cause: 'refused' },
    { target: app.id, provider: 'gopay', host: null, state: 'up' },
  ]);
  expect([...hosts.keys()]).toEqual([trunk.id, chat.id]);
  expect(releases).toMatchObject([{ version: '4.88.0', at: MORNING - MINUTE }]);
  expect(blind).toBe(false);
});

it('shows what is seen now where nobody sees the cause of the incident any more', async () => {
  const { store } = freshStore();
  const { opened, see } = await board(store);
  const causes = () => {
    const [provider] = opened.snapshot().providers;
    return [provider?.channels.find((each) => each.id === 'hotline')?.cause, provider?.incidents[0]?.cause];
  };
  await see(trunk, 0, BAD);
  await see(trunk, 1, BAD);
  expect(causes()).toEqual(['refused', 'refused']);
  await see(trunk, 2, failed('none', fault('TCP_TIMEOUT', 'no answer')));
  expect(causes()).toEqual(['unreachable', 'refused']);
  // One good look is not yet the end, and says nothing of another cause.
  await see(trunk, 3, GOOD);
  expect(causes()).toEqual(['refused', 'refused']);
});
