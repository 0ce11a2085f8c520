/** Part of main: what shows that we are in trouble, brought to whoever keeps watch over it, and the words for it. */
import type { Board } from '../board.ts';
import type { Config } from '../config/load.ts';
import type { Instant, Lost, OwnTrouble } from '../core/model.ts';
import { missingText } from '../core/evidence.ts';
import type { OwnSetting } from '../core/ours.ts';
import type { Log } from '../log.ts';
import type { Ours, What } from '../ours.ts';
import type { Outbox } from '../outbox.ts';
import { openSight, type Sight } from '../sight.ts';
import type { Store } from '../store/store.ts';

/** What can be said of our own trouble. */
export type Signs = Pick<Ours, 'strike' | 'mend'>;

/** Takes signs before anybody keeps watch; they wait until there is somebody. */
export function gatherSigns(): Signs & { readonly handTo: (ours: Ours) => void } {
  const early: ((ours: Ours) => void)[] = [];
  let keeper: Ours | undefined;
  const say = (sign: (ours: Ours) => void): void => {
    if (keeper === undefined) early.push(sign);
    else sign(keeper);
  };
  return {
    strike: (trouble: OwnTrouble, what: What) => {
      say((ours) => {
        ours.strike(trouble, what);
      });
    },
    mend: (trouble: OwnTrouble) => {
      say((ours) => {
        ours.mend(trouble);
      });
    },
    handTo: (ours) => {
      keeper = ours;
      for (const sign of early.splice(0)) sign(ours);
    },
  };
}

export function ownSetting({ routes, location, providers }: Config): OwnSetting {
  return { routes, location, timezone: providers[0]?.timezone ?? 'UTC' };
}

function blindness(lost: Lost | undefined, forMs = 0): What {
  return { detail: `our own network: ${missingText(lost ?? 'canaries', 'en')}`, agoMs: forMs };
}

function standstill(ms: number): What {
  return { detail: `our own loop stood still for ${(ms / 1_000).toFixed(1)} s`, agoMs: ms };
}

function jump(ms: number): What {
  return {
    detail: `the wall clock moved by ${ms > 0 ? '+' : ''}${(ms / 1_000).toFixed(1)} s against the monotonic one`,
  };
}

/** `version`: of the files that were refused. */
export function refusal(problems: readonly string[], version: string): What {
  const [first = 'unknown', ...more] = problems;
  return { detail: more.length === 0 ? first : `${first}; and ${more.length} more`, occasion: version };
}

interface Watched {
  readonly config: Config;
  readonly log: Log;
  readonly signs: Signs;
  readonly monotonic: () => number;
}

/** Opens our sight; what it says of us goes into the log and to whoever keeps watch. `onSight`: we see again. */
export function watchSight({ config, log, signs, monotonic }: Watched, onSight: () => void): Sight {
  let wasBlind = false;
  return openSight({
    canaries: config.canaries,
    monotonic,
    onChange: (blind, lost, forMs) => {
      const words = `our own network is lost (${lost ?? 'part unknown'}): nobody is accused`;
      if (blind || wasBlind) log.warn({ event: 'sight', blind, lost }, blind ? words : 'we can see again');
      wasBlind = blind;
      if (blind) {
        signs.strike('network', blindness(lost, forMs));
        return;
      }
      signs.mend('network');
      onSight();
    },
    onStall: (ms) => {
      signs.strike('loop', standstill(ms));
    },
  });
}

/** Messages of our own trouble may be there before the outbox is. */
export interface Post {
  outbox?: Outbox;
}

/** We see again. What is told then is no older than that: what was on its way meanwhile is called back first. */
export function tellAnew(ours: Pick<Ours, 'written'>, post: Post): void {
  post.outbox?.callBack();
  void ours.written().then(() => post.outbox?.resume());
}

interface Moved {
  readonly store: Pick<Store, 'shift'>;
  readonly board: Board;
  readonly ours: Ours;
  readonly signs: Signs;
  readonly log: Log;
  /** By the clock as it is now. */
  readonly now: Instant;
}

/** The wall clock was moved. What goes on keeps its length: what was told by the clock of before moves along. */
export function moveAlong(ms: number, { store, board, ours, signs, log, now }: Moved): void {
  board.shift(ms);
  ours.shift(ms);
  signs.strike('clock', jump(ms));
  store.shift(ms, now - ms).then(
    (incidents) => {
      for (const each of incidents) board.learn(each);
    },
    (error: unknown) => {
      const words = error instanceof Error ? `${error.name}: ${error.message}` : undefined;
      log.error({ event: 'clock', error: words }, 'what goes on could not be moved along with the clock');
    },
  );
}
