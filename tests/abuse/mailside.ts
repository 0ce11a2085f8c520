/** Processes of the far side of a small network: an exchanger that takes all mail, and a name server that knows three domains. */
import { FAR } from '../lib/netns.ts';
import { openScript, serveNames } from '../lib/mail.ts';

/** Two exchangers of different owners, two of one owner, and one alone. */
const NAMES = {
  'MX mail.test': {
    mx: [
      [10, 'mx.one.id'],
      [20, 'mx.two.net'],
    ],
  },
  'MX own.test': {
    mx: [
      [10, 'mx1.own.test'],
      [20, 'mx2.own.test'],
    ],
  },
  'A mx.one.id': { a: [FAR] },
  'A mx.two.net': { a: [FAR] },
  'A mx1.own.test': { a: [FAR] },
  'A mx2.own.test': { a: [FAR] },
} as const;

/** Serves until it is killed. */
export const ROLES = {
  exchanger: async (port: number): Promise<unknown> => openScript({}, FAR, port),
  names: async (port: number): Promise<unknown> => serveNames(NAMES, '0.0.0.0', port),
} as const;

if (import.meta.main) await ROLES[process.argv[2] as keyof typeof ROLES](Number(process.argv[3]));
