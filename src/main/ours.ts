/** Part of main: what shows that we are in trouble, brought to whoever keeps watch over it, and the words for it. */
import type { Config } from '../config/load.ts';
import type { Lost, OwnTrouble } from '../core/model.ts';
import { missingText } from '../core/evidence.ts';
import type { OwnSetting } from '../core/ours.ts';
import type { Ours, What } from '../ours.ts';

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

export function blindness(lost: Lost | undefined, forMs = 0): What {
  return { detail: `our own network: ${missingText(lost ?? 'canaries', 'en')}`, agoMs: forMs };
}

export function standstill(ms: number): What {
  return { detail: `our own loop stood still for ${(ms / 1_000).toFixed(1)} s`, agoMs: ms };
}

export function jump(ms: number): What {
  return {
    detail: `the wall clock moved by ${ms > 0 ? '+' : ''}${(ms / 1_000).toFixed(1)} s against the monotonic one`,
  };
}

/** `version`: of the files that were refused. */
export function refusal(problems: readonly string[], version: string): What {
  const [first = 'unknown', ...more] = problems;
  return { detail: more.length === 0 ? first : `${first}; and ${more.length} more`, occasion: version };
}
