/** The demo's desks and, for each of them, what the monitor makes of it in one look: the demo's own settings, its real probes, the real judge. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBoard, type Board } from '../../src/board.ts';
import { loadConfig } from '../../src/config/load.ts';
import { partOf } from '../../src/core/part.ts';
import { openDemo } from '../../src/demo/demo.ts';
import { furnish } from '../../src/main/demo.ts';
import { openKinds } from '../../src/main/kinds.ts';
import { answerMs, makeOrder, type Order } from '../../src/main/order.ts';
import { openRunner } from '../../src/runner.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { FREE } from './demo.ts';

export type Bench = Awaited<ReturnType<typeof openBench>>;

/**
 * The first failure tells: how many it takes is the judge's own test. Each bench has a number of its own, for nobody calls one
 * number twice at a time.
 */
const simplified = (config: string, bench: number): string =>
  config
    .replaceAll(/policy: .*/g, 'policy: { failures: 1, successes: 1, slow: 1 of 1 }')
    .replaceAll('55500100', `5550010${bench}`);

/** Opens the desks on free ports. `close` ends them and removes what was written. */
export async function openBench(number: number) {
  const folder = mkdtempSync(join(tmpdir(), 'ringback-desks-'));
  const desks = await openDemo({ now: Date.now(), ports: FREE });
  const file = await furnish(folder, desks, undefined);
  writeFileSync(file, simplified(readFileSync(file, 'utf8'), number));
  const kinds = await openKinds();
  const order = makeOrder(await loadConfig(file, kinds, process.env), kinds);
  let stores = 0;
  return {
    desks,
    /**
     * Looks once at every target of some channels, and of others after that, with nothing remembered before, and tells what the
     * channels are: the status and, where there is an incident, its cause.
     */
    see: async (rounds: readonly (readonly string[])[]): Promise<Record<string, string>> => {
      const store = openStore(join(folder, `${(stores += 1)}.db`));
      try {
        const board = await lookAt(store, order, rounds);
        return Object.fromEntries(rounds.flat().map((channel) => [channel, wordsOf(board, channel)]));
      } finally {
        await store.close();
      }
    },
    close: async () => {
      await desks.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function lookAt(store: Store, order: Order, rounds: readonly (readonly string[])[]): Promise<Board> {
  const now = (): number => Date.now();
  const board = await openBoard({
    ...{ ledger: store, now, blind: () => false, publicUrl: undefined },
    answerMs: (observation) => answerMs(order, observation),
  });
  board.arrange(order.config.providers, order.calendars);
  const runner = openRunner({
    ...{ ledger: store, location: 'here', now, monotonic: () => performance.now() },
    assignment: (target) => order.assignments.get(target.id),
    blind: () => false,
    stalledWithin: () => 0,
    surroundings: (target) => board.surroundings(target),
    onLook: (observation, _target, ruling) => {
      board.see(observation, ruling);
    },
    onTrouble: (target, what, error) => {
      throw new Error(`${target.id} was ${what}`, { cause: error });
    },
  });
  for (const channels of rounds) {
    const targets = order.config.providers
      .flatMap((each) => each.channels)
      .filter((each) => channels.includes(nameOf(each.id)))
      .flatMap((each) => each.targets);
    await Promise.all(targets.map((target) => runner.look(target, Date.now())));
  }
  await runner.stop();
  return board;
}

const nameOf = (channel: string): string => channel.slice(channel.indexOf('/') + 1);

function wordsOf(board: Board, channel: string): string {
  const row = board.channels().find((each) => nameOf(each.channel.id) === channel);
  if (row === undefined) throw new Error(`the demo has no channel ${channel}`);
  const part = row.incident === undefined ? undefined : partOf(row.incident, row.channel.id);
  return part === undefined ? row.status : `${row.status}: ${part.cause}`;
}
