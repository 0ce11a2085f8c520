/** What is allowed and yet unwise, found in a file that is right. It refuses nothing. */
import { CAUSES } from '../core/model.ts';
import { isIP } from 'node:net';
import { printProblem } from './error.ts';
import type { ProviderHolidays } from './holidays.ts';
import { printPath } from './tree.ts';
import type { Spot } from './tree.ts';
import type { FileConfig } from './schema.ts';
import type { Settled } from './settings.ts';

export interface Gathered {
  readonly settled: Settled;
  readonly holidays: ReadonlyMap<string, ProviderHolidays>;
}

export function warningsOf(file: FileConfig, { settled, holidays }: Gathered, root: Spot): string[] {
  return [
    ...warnOfMailByMail(file, settled, root),
    ...warnOfOpenOperator(file, root),
    ...warnOfComputedHolidays(file, holidays, root),
  ];
}

/** This year's official list is not built in, and somebody's hours depend on it. */
function warnOfComputedHolidays(file: FileConfig, holidays: Gathered['holidays'], root: Spot): string[] {
  return file.providers.flatMap((provider, index) => {
    const country = holidays.get(`providers[${index}]`)?.computedCountry;
    const depends = provider.channels.some(
      ({ hours }) => hours !== '24/7' && /PH|^closed/.test(`${hours.holidays} ${hours.weekly}`),
    );
    if (country === undefined || !depends) return [];
    const spot = root.get('providers').items()[index]?.get('holidays') ?? root;
    const message = `this year's official list of ${country} is not built in, its holidays are computed: check them, and say what differs with add, remove and workdays`;
    return [printProblem(spot.problem(message))];
  });
}

const SEVERITIES = ['critical', 'warning'] as const;

/** A mail outage that is told by mail alone is told to nobody (spec §6). The walk is the one of the router. */
function warnOfMailByMail(file: FileConfig, settled: Settled, root: Spot): string[] {
  const byMail = new Set(
    file.receivers.flatMap(({ name }, index) =>
      settled.receivers.get(`receivers[${index}]`)?.kind === 'email' ? [name] : [],
    ),
  );
  const found = new Map<number, string>();
  for (const { provider, channel } of mailChannels(file)) {
    for (const severity of SEVERITIES) {
      for (const cause of CAUSES) {
        const taken = routesOf(file, { provider, channel, cause, severity });
        const last = taken.at(-1);
        const to = taken.flatMap((index) => file.routes[index]?.to ?? []);
        if (last !== undefined && to.every((name) => byMail.has(name))) found.set(last, `${provider}/${channel}`);
      }
    }
  }
  return [...found].map(([index, channel]) => {
    const to = root.get('routes').items()[index]?.get('to') ?? root;
    return printProblem(
      to.problem(
        `an outage of the mail channel ${channel} would be told by mail alone; add a receiver of another kind`,
      ),
    );
  });
}

function mailChannels(file: FileConfig): { provider: string; channel: string }[] {
  return file.providers.flatMap((provider) =>
    provider.channels.filter((each) => each.kind === 'email').map(({ id }) => ({ provider: provider.id, channel: id })),
  );
}

interface Change {
  readonly provider: string;
  readonly channel: string;
  readonly cause: (typeof CAUSES)[number];
  readonly severity: (typeof SEVERITIES)[number];
}

/** Indexes of the routes that a change takes: the first that matches, and on from there while it says `continue`. */
function routesOf(file: FileConfig, change: Change): number[] {
  const taken: number[] = [];
  for (const [index, { match, continue: goesOn }] of file.routes.entries()) {
    const agrees =
      (match.provider ?? change.provider) === change.provider &&
      [undefined, change.channel, `${change.provider}/${change.channel}`].includes(match.channel) &&
      (match.kind ?? 'email') === 'email' &&
      (match.cause ?? change.cause) === change.cause &&
      (match.severity ?? change.severity) === change.severity;
    if (!agrees) continue;
    taken.push(index);
    if (!goesOn) break;
  }
  return taken;
}

function warnOfOpenOperator({ operator }: FileConfig, root: Spot): string[] {
  const { host } = operator.listen;
  const loopback = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  if (loopback || operator.tokens.length > 0) return [];
  const spot = root.get('operator').get('listen');
  return [
    printProblem(
      spot.problem(`other machines can reach this listener, and ${printPath(['operator', 'tokens'])} is empty`),
    ),
  ];
}
