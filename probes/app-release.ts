/** Which version of the app is in the App Store, and since when: an event that may explain an outage. It never accuses anybody. */
import { z } from 'zod';
import { fault, ok, unknown } from '../src/core/fault.ts';
import type { Fact, Finding, Instant } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { answerFacts, answerFault, replyText, USUAL } from './lib/answer.ts';
import { discreet } from './lib/discretion.ts';
import { exchange } from './lib/http.ts';
import { parseJson } from './lib/json.ts';
import type { Json } from './lib/json.ts';
import { reach } from './lib/reach.ts';
import { heard, readReleases } from './lib/release.ts';
import type { Sighting } from './lib/release.ts';
import { httpUrl } from './lib/request.ts';
import { transcript } from './lib/transcript.ts';

const schema = z.strictObject({
  ...reach,
  app_store_id: z
    .union([z.int().positive(), z.string().regex(/^[1-9]\d{0,19}$/)], {
      error: 'the number in the address of the app, such as 944875099; not its bundle id',
    })
    .transform(String),
  country: z
    .string()
    .regex(/^[a-z]{2}$/i, { error: 'two letters, such as id' })
    .default('id')
    .transform((code) => code.toLowerCase())
    .meta({ description: 'the store that is asked: an app is not sold in every country' }),
  base_url: httpUrl().prefault('https://itunes.apple.com/'),
});
type Settings = z.output<typeof schema>;

const HOUR_MS = 3_600_000;

export default defineProbe<Settings>({
  summary: 'asks the App Store for the current version of the app: a new release is an event that a diagnosis may name',
  example: { app_store_id: 944875099, country: 'id' },
  schema,
  phases: ['dns', 'connect', 'tls', 'first_byte', 'body'],
  host: ({ base_url: url }) => url.hostname,
  timeoutMs: 15_000,
  remembers: true,
  look: async (settings, context) => discreet(await look(settings, context), settings),
});

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const { signal, startedAt } = context;
  const url = addressOf(settings, startedAt);
  const ask = { url, method: 'GET', headers: {}, follow: 2, decompress: false, reach: settings, signal } as const;
  const went = await exchange(ask);
  const why = await answerFault(went, USUAL, [], signal);
  const facts = answerFacts(went, startedAt);
  const blind = (message: string): Finding =>
    unknown(fault('CANNOT_JUDGE', message), { phases: went.phases, facts, evidence: [transcript(went)] });
  if (why?.code === 'RATE_LIMITED') return unknown(why, { phases: went.phases, facts, evidence: [transcript(went)] });
  // The store's trouble is not that of the wallet's support.
  if (why !== undefined || !went.ok) return blind(`the App Store cannot be asked: ${why?.message ?? 'no answer'}`);
  const parsed = parseJson(replyText(went.reply));
  if (!parsed.ok) return blind(`the App Store: ${parsed.fault.message}`);
  const seen = sightingOf(parsed.value, settings.app_store_id, startedAt);
  if (typeof seen === 'string') return blind(seen);
  return ok('answered', { phases: went.phases, facts: { ...facts, ...remembered(seen, context) } });
}

/** Answers are cached for about a day and nodes disagree: a value that changes by the hour asks for a fresh one. */
function addressOf({ base_url: base, app_store_id: id, country }: Settings, now: Instant): URL {
  const url = new URL('lookup', base.href.endsWith('/') ? base : `${base.href}/`);
  url.search = new URLSearchParams({ id, country, fresh: String(Math.floor(now / HOUR_MS)) }).toString();
  return url;
}

const DAY_MS = 24 * HOUR_MS;

const answer = z.object({ results: z.array(z.unknown()) });
const listing = z.object({
  trackId: z.number(),
  version: z.string().regex(/^[\w.+ -]{1,40}$/),
  currentVersionReleaseDate: z.string().optional(),
});

/** What the store shows, or why that says nothing. */
function sightingOf(value: Json, id: string, now: Instant): Sighting | string {
  const answered = answer.safeParse(value);
  if (!answered.success) return 'the App Store answered something that is no lookup';
  const { results } = answered.data;
  // Empty for apps that are not sold there, and now and then for apps that are: nothing has been removed yet.
  if (results.length === 0) return 'the App Store shows nothing under this number just now, which proves nothing';
  const listings = results.flatMap((each) => listing.safeParse(each).data ?? []);
  const app = listings.find((each) => String(each.trackId) === id);
  if (app === undefined) return 'the App Store answered with another app, or without a version';
  const releasedAt = Date.parse(app.currentVersionReleaseDate ?? '');
  // A date that lies ahead would explain outages of tomorrow.
  const isLikely = releasedAt > 0 && releasedAt < now + DAY_MS;
  return { version: app.version, releasedAt: isLikely ? releasedAt : undefined };
}

function remembered(seen: Sighting, { memory, startedAt }: ProbeContext): Record<string, Fact> {
  const releases = heard(readReleases(memory?.get()), seen, startedAt);
  memory?.set(releases);
  const { known } = releases;
  return {
    version: seen.version,
    ...(seen.releasedAt === undefined ? {} : { released_at: seen.releasedAt }),
    ...(known === undefined ? {} : { release: known.version, release_at: known.at }),
  };
}
