/** Our own network lost in every way and our own process stopped: no channel is accused, and a real outage is told afterwards. */
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { until } from '../lib/demo.ts';
import { describeWith, ROOT } from '../lib/needs.ts';
import { farHost } from '../lib/netns.ts';
import { freeze, lose, LOSSES, openStage, sees, sightSince, type Stage, type StageOptions } from './blindness.ts';

const PROGRAMS = { ip: 'iproute2', curl: 'curl', ...ROOT };
/** Two rounds of canaries are ten seconds, and three what they and the gateway take to be given up; the rest is a busy machine. */
const DETECTED_WITHIN_MS = 25_000;
/** The word that we are blind is due after a quarter of a minute, and tried for ten seconds at most. */
const LONG = { holdMs: 28_000, settleMs: 4_000 };
const BRIEF = { holdMs: 3_000, settleMs: 4_000 };
const REPORTED_WITHIN_MS = 20_000;
const LONG_MS = 150_000;

async function on(options: StageOptions, play: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await openStage(options);
  try {
    await play(stage);
  } finally {
    await stage.close();
  }
}

/** What came of the looks at some targets since an instant; that we were busy with other tests is left out. */
const known = (stage: Stage, targets: string, since = 0): readonly string[] =>
  stage
    .rows(
      `select distinct iif(fault is null, 'ok', fault) as what from observation join target on target.id = target
       where target.name like '${targets}' and at > ${since} and what != 'SELF_OVERLOAD' order by what`,
    )
    .map(({ what }) => String(what));

/** A machine that is busy with other tests may stall our loop: that is told as what it is. */
const ofNetwork = ({ own }: { readonly own: ReturnType<Stage['own']> }) =>
  own.filter(({ trouble }) => trouble !== 'loop');

describeWith(PROGRAMS, 'our own network and our own process', () => {
  describe.concurrent('of a monitor of a hundred channels', () => {
    it.each(LOSSES.map((loss, index) => ({ ...loss, holding: index < 2 ? LONG : BRIEF })))(
      'R-11 F8: $name: no channel is accused, and of ourselves there is one incident and one message at most',
      async ({ holding, ...loss }) => {
        await on({}, async (stage) => {
          const outcome = await lose(stage, loss, holding);
          expect(outcome).toMatchObject({ incidents: 0, failures: [], accusations: 0 });
          expect(ofNetwork(outcome)).toMatchObject([{ trouble: 'network', over: true }]);
          expect(loss.lost).toContain(outcome.lost);
          expect(outcome.detectedMs).toBeLessThan(DETECTED_WITHIN_MS);
          expect(outcome.messagesAfter).toBeLessThanOrEqual(1);
          // What was due and could not be sent is told with its end; what can be sent is sent when it is due.
          const begun = loss.reaches === true ? ['opened'] : [];
          if (holding === LONG) expect(outcome.events).toEqual([...begun, 'resolved']);
        });
      },
      LONG_MS,
    );

    it(
      'R-11: a name server that never answers: names are unknown, addresses go on, and it is one incident of ours',
      async () => {
        await on({ nameless: true }, async (stage) => {
          const from = Date.now();
          await until('blindness', () => sightSince(stage, 0, true), 60);
          expect(await stage.isBlind()).toBe(true);
          await pause(Math.max(6_000, from + LONG.holdMs - Date.now()));
          expect(stage.incidents()).toEqual([]);
          expect((await stage.page())?.incidents).toEqual([]);
          expect(stage.heard.filter(({ about }) => about === 'channel')).toEqual([]);
          expect(ofNetwork({ own: stage.own() })).toMatchObject([
            { trouble: 'network', over: false, because: 'our own network: our name server does not answer' },
          ]);
          expect(known(stage, '%-7004/port')).toEqual(['OFFLINE']);
          expect(known(stage, '%-7001/port')).toEqual(['ok']);
          expect(known(stage, '%-7001/port', Date.now() - 8_000)).toEqual(['ok']);
        });
      },
      LONG_MS,
    );

    it(
      'R-12: a desk that closes while we are blind is told after sight returned, and no other',
      async () => {
        await on({}, async (stage) => {
          await sees(stage);
          stage.net.ip('us', 'route del default');
          await until('blindness', () => sightSince(stage, 0, true), 60);
          stage.closeDesk(`${farHost(0)}:7001`);
          await pause(6_000);
          expect(stage.incidents()).toEqual([]);
          const healedAt = Date.now();
          stage.net.heal();
          const sight = await until('sight', () => sightSince(stage, healedAt, false), 60);
          const told = await until('the message', () => stage.heard.find(({ about }) => about === 'channel'), 60);
          await pause(4_000);
          expect(stage.incidents()).toEqual([{ channel: 'wallet/desk-0-7001', cause: 'refused' }]);
          const accused = stage.heard.filter(({ about }) => about === 'channel');
          expect(accused.map(({ receiver, channel }) => `${receiver} ${channel ?? ''}`).toSorted()).toEqual([
            'lead wallet/desk-0-7001',
            'ops wallet/desk-0-7001',
          ]);
          expect(told.at - sight.at).toBeLessThan(REPORTED_WITHIN_MS);
        });
      },
      LONG_MS,
    );

    it(
      'R-13: stopped for 3 s, we accuse nobody, send nothing, and look again without a rush',
      async () => {
        await on({}, async (stage) => {
          const outcome = await freeze(stage, BRIEF);
          expect(outcome).toMatchObject({
            incidents: 0,
            failures: [],
            accusations: 0,
            messagesBefore: 0,
            messagesAfter: 0,
          });
          expect(ofNetwork(outcome)).toEqual([]);
          expect(outcome.busiestAfter).toBeLessThanOrEqual(2 * outcome.busiestBefore);
        });
      },
      LONG_MS,
    );
  });
});
