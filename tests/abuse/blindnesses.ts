/** in full, by hand and as root: `node tests/abuse/blindnesses.ts [minutes] [only]` prints a line for each way to be blind. */
import { setTimeout as pause } from 'node:timers/promises';
import { farHost } from '../lib/netns.ts';
import {
  CHANNELS,
  freeze,
  lose,
  LOSSES,
  openStage,
  sees,
  sightSince,
  toldOf,
  type Outcome,
  type Stage,
} from './blindness.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const minutes = Number(process.argv[2] ?? 10);
const only = process.argv[3] ?? '';
/** Two rounds of canaries, and what they and the gateway take to be given up. */
const DETECTED_MS = 13 * SECOND;
/** After a stall it must be calm for a minute before its end is told. */
const CALM_MS = 75 * SECOND;
/** One start after the other: the machine must not be what stalls us. */
const APART_MS = 6 * SECOND;

interface Trial {
  readonly name: string;
  readonly run: (stage: Stage) => Promise<Outcome>;
  /** The trouble that there is one incident about. */
  readonly own: string;
  readonly accusations?: number;
  readonly blocked?: true;
}

const stop = (seconds: number): Trial => ({
  name: `SIGSTOP ${seconds} s`,
  own: 'loop',
  run: (stage) => freeze(stage, { holdMs: seconds * SECOND, settleMs: CALM_MS }),
});

const TRIALS: readonly Trial[] = [
  ...LOSSES.map((loss): Trial => ({
    name: loss.name,
    own: 'network',
    run: (stage) => lose(stage, loss, { holdMs: minutes * MINUTE, settleMs: 30 * SECOND }),
  })),
  { name: 'a desk closed meanwhile', own: 'network', accusations: 1, run: closeMeanwhile },
  stop(3),
  stop(60),
  ...(minutes >= 10 ? [stop(600)] : []),
  { name: 'loop blocked 0.1 to 5 s', own: 'loop', blocked: true, run: block },
];

/** The time to detect is that from sight to the message. */
async function closeMeanwhile(stage: Stage): Promise<Outcome> {
  const [route] = LOSSES.filter(({ name }) => name.includes('route'));
  if (route === undefined) throw new Error('no such loss');
  const cut = (on: Stage): void => {
    route.cut(on);
    on.closeDesk(`${farHost(0)}:7001`);
  };
  const from = Date.now();
  const outcome = await lose(stage, { ...route, cut, stays: true }, { holdMs: MINUTE, settleMs: 30 * SECOND });
  const sight = sightSince(stage, from, false)?.at ?? NaN;
  const told = stage.heard.find(({ about }) => about === 'channel')?.at ?? NaN;
  return { ...outcome, detectedMs: told - sight };
}

/** */
async function block(stage: Stage): Promise<Outcome> {
  await sees(stage);
  const from = Date.now();
  await pause(minutes * MINUTE);
  const overloads = stage.rows("select 1 from observation where fault = 'SELF_OVERLOAD'").length;
  console.log(`loop blocked: ${overloads} looks counted as SELF_OVERLOAD`);
  if (overloads === 0) process.exitCode = 1;
  return { detectedMs: NaN, seenAgainMs: NaN, lost: undefined, ...toldOf(stage, from, Infinity) };
}

/**
 * What is not as it must be. When sight returns, the connections that hang come through at once: no channel is asked twice
 * for that. A machine that is busy with something else shows as a second incident of ours.
 */
function wrongs(trial: Trial, outcome: Outcome): readonly string[] {
  const accused = trial.accusations ?? 0;
  const isBrief = trial.name === 'SIGSTOP 3 s';
  const own = outcome.own.map(({ trouble }) => trouble);
  const isOne = own.length === 1 && own[0] === trial.own;
  return [
    outcome.incidents === accused ? '' : 'incidents',
    outcome.accusations === 2 * accused ? '' : 'accusations',
    isOne || (isBrief && own.length === 0) ? '' : 'own',
    outcome.messagesAfter <= 1 ? '' : 'messages',
    trial.own !== 'network' || outcome.detectedMs <= DETECTED_MS ? '' : 'detection',
    outcome.busiestAfter <= CHANNELS ? '' : 'burst',
  ].filter((each) => each !== '');
}

async function play(trial: Trial, index: number): Promise<Record<string, unknown>> {
  await pause(index * APART_MS);
  let stage: Stage | undefined;
  try {
    stage = await openStage({ blocked: trial.blocked === true });
    await sees(stage);
    await pause(10 * SECOND);
    const outcome = await trial.run(stage);
    const { incidents, accusations, detectedMs, lost, seenAgainMs, busiestBefore, busiestAfter } = outcome;
    const wrong = wrongs(trial, outcome);
    if (wrong.length > 0) process.exitCode = 1;
    return {
      trial: trial.name,
      'channel incidents': incidents,
      accusations,
      own: outcome.own.map(({ trouble, over }) => `${trouble}${over ? '' : ' (open)'}`).join(', '),
      lost,
      'detected s': detectedMs / SECOND,
      'sight after s': seenAgainMs / SECOND,
      'messages before/after': `${outcome.messagesBefore}/${outcome.messagesAfter} ${outcome.events.join(', ')}`,
      'looks/s before/after': `${busiestBefore}/${busiestAfter}`,
      wrong: wrong.join(', '),
    };
  } catch (error) {
    process.exitCode = 1;
    return { trial: trial.name, wrong: String(error) };
  } finally {
    await stage?.close();
  }
}

const chosen = TRIALS.filter(({ name }) => name.includes(only));
console.table(await Promise.all(chosen.map(play)));
