/** What looks at mail exchangers leave for the next: who offered STARTTLS, and whether mail for anybody is taken. Pure. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Instant } from '../../../src/core/model.ts';
import type { Visit } from './verdict.ts';

const DAY_MS = 86_400_000;
/** A server that has gone without STARTTLS for so long has been made so on purpose. */
const OFFER_MS = 30 * DAY_MS;
/** An address that nobody has is asked for once a day: who asks for many is taken for a harvester of addresses. */
const STRANGER_MS = DAY_MS;
/** Names are chosen by the far side and have up to 255 letters; there is room for 8 kB. */
const HOSTS_CAP = 16;

const shape = z.object({
  /** Host -> when it was last seen to offer STARTTLS. */
  offered: z.record(z.string().max(255), z.number()).default({}),
  stranger: z.object({ address: z.string().max(320), at: z.number(), taken: z.boolean().nullable() }).optional(),
});
export type Past = z.output<typeof shape>;

/** What was kept, or nothing when it is of another making. */
export function readPast(kept: unknown): Past {
  const read = shape.safeParse(kept ?? {});
  return read.success ? read.data : { offered: {} };
}

/** An address at the same domain that nobody has: always the same one, and one that says what it is. */
function strangerTo(rcpt: string): string {
  const domain = rcpt.slice(rcpt.lastIndexOf('@') + 1).toLowerCase();
  const name = createHash('sha256').update(`no such mailbox at ${domain}`).digest('hex').slice(0, 20);
  return `ringback-${name}@${domain}`;
}

/** The address to ask for in this look, if it is time to ask. */
export function dueStranger(past: Past, rcpt: string | undefined, now: Instant): string | undefined {
  if (rcpt === undefined) return undefined;
  const address = strangerTo(rcpt);
  const { stranger } = past;
  const isFresh = stranger?.address === address && now >= stranger.at && now - stranger.at < STRANGER_MS;
  return isFresh ? undefined : address;
}

/** When a host last offered STARTTLS, if that was lately. */
export const offeredAt = (past: Past, host: string, now: Instant): Instant | undefined => {
  const at = past.offered[host.toLowerCase()];
  return at !== undefined && now - at < OFFER_MS ? at : undefined;
};

/** What to keep after a look. `asked`: the address that nobody has, if it was one of the questions. */
export function afterVisits(past: Past, visits: readonly Visit[], asked: string | undefined, now: Instant): Past {
  const offering = visits.filter(({ session }) => session?.starttls === true);
  const offered = [
    ...Object.entries(past.offered).filter(([host]) => offeredAt(past, host, now) !== undefined),
    ...offering.map(({ host }) => [host.toLowerCase(), now] as const),
  ];
  const answer = visits.map(({ session }) => session?.catchAll).find((each) => each !== undefined);
  const stranger =
    asked === undefined || answer === undefined ? past.stranger : { address: asked, at: now, taken: answer };
  const newest = [...new Map(offered)].toSorted(([, one], [, other]) => other - one).slice(0, HOSTS_CAP);
  return { offered: Object.fromEntries(newest), ...(stranger === undefined ? {} : { stranger }) };
}
