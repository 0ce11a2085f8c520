/**
 * Whether a help centre helps: its articles are there, say what they should in the language promised, and the way to support is
 * where users look for it. It runs no script; what only a browser or a customer can see, it does not judge.
 */
import { z } from 'zod';
import { duration } from '../src/core/duration.ts';
import { degraded, fault, ok, unknown } from '../src/core/fault.ts';
import type { Fault } from '../src/core/fault.ts';
import type { Evidence, Fact, Finding, Sight } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { waitFacts } from './lib/answer.ts';
import { certificateDays, expiring } from './lib/certificate.ts';
import { findingOf } from './lib/connector.ts';
import { goal, search } from './lib/crawl.ts';
import type { Searched } from './lib/crawl.ts';
import { discreet } from './lib/discretion.ts';
import { bodyExpectation, bodyFault } from './lib/expect.ts';
import { languageFault, languageOf, languages, promised } from './lib/language.ts';
import { visit } from './lib/page.ts';
import type { Page, Visited } from './lib/page.ts';
import { reach } from './lib/reach.ts';
import { httpUrl } from './lib/request.ts';
import { transcript } from './lib/transcript.ts';

const article = z.strictObject({
  url: httpUrl(),
  contains: bodyExpectation.shape.contains,
  language: languages().optional(),
  max_age: duration()
    .optional()
    .meta({ description: 'an article changed longer ago is degraded; one without a date passes' }),
});

const schema = z.strictObject({
  ...reach,
  home: httpUrl().meta({ description: 'the page on which users begin' }),
  pages: z.array(article).min(1).max(20).meta({ description: 'articles that must be there, each by its address' }),
  contact_entry: z
    .strictObject({
      from: httpUrl().optional().meta({ description: 'the page from which users look; default: home' }),
      leads_to: goal().meta({
        description: 'path (/contact), address (https://…, tel:…, mailto:…) or pattern (RE2) of the address of support',
      }),
      max_clicks: z.int().min(1).max(3).default(2),
    })
    .optional()
    .meta({ description: 'support must be found from here within so many clicks' }),
  expect: z.strictObject({ certificate_days: certificateDays() }).prefault({}),
});
type Settings = z.output<typeof schema>;
type Article = Settings['pages'][number];

export default defineProbe<Settings>({
  summary: 'reads the articles of a help centre and looks for the way to support where users look for it',
  example: {
    home: 'https://help.example.id/',
    pages: [{ url: 'https://help.example.id/articles/unlock', contains: 'PIN', language: 'id' }],
    contact_entry: { leads_to: '/contact', max_clicks: 2 },
  },
  schema,
  phases: ['home', 'pages', 'contact'],
  answer: 'home',
  host: ({ home }) => home.hostname,
  timeoutMs: 45_000,
  look: async (settings, context) => discreet(await look(settings, context), settings),
});

/** Everything seen so far. */
interface Tour {
  readonly phases: Record<string, number>;
  readonly facts: Record<string, Fact>;
  readonly evidence: Evidence[];
  readonly visit: (url: URL) => Promise<Visited>;
  readonly isAtHand: (url: URL) => boolean;
}

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const tour = tourOf(settings, context);
  const home = await timed(tour, 'home', () => tour.visit(settings.home));
  if (home.went.reply !== undefined) tour.facts['status'] = home.went.reply.status;
  Object.assign(tour.facts, waitFacts(home.went.reply, context.startedAt));
  if (home.went.certificate !== undefined) tour.facts['certificate_days'] = home.went.certificate.daysLeft;
  // Without the door there is nothing to look at behind it.
  if (!home.ok && !isOurs(home.fault)) {
    const sight = { phases: tour.phases, facts: tour.facts, evidence: [transcript(home.went)] };
    return findingOf(home.fault, home.went.rung, sight);
  }
  const troubles = await timed(tour, 'pages', () => readArticles(settings, tour, context));
  const way = await timed(tour, 'contact', () => contactTrouble(settings, tour, context.signal));
  // The articles still help those who need no person.
  const hidden = way.map((each) => (each.kind === 'lost' ? trouble('partly', each.fault) : each));
  const all = [...(home.ok ? [] : [trouble('blind', home.fault)]), ...troubles, ...hidden];
  const soon = expiring(home.went.certificate, settings.expect.certificate_days);
  return judge(soon === undefined ? all : [...all, trouble('stale', soon)], tour);
}

function tourOf(settings: Settings, { signal, startedAt: now }: ProbeContext): Tour {
  const visits = new Map<string, Promise<Visited>>();
  return {
    phases: {},
    facts: {},
    evidence: [],
    isAtHand: (url) => visits.has(url.href),
    // A page that is asked for twice is fetched once.
    visit: (url) => {
      const known = visits.get(url.href);
      if (known !== undefined) return known;
      const visiting = visit(url, { reach: settings, signal, now });
      visits.set(url.href, visiting);
      return visiting;
    },
  };
}

async function timed<T>({ phases }: Tour, phase: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const done = await work();
  phases[phase] = performance.now() - began;
  return done;
}

/** `lost`: a customer is left without. `partly`: something else still helps some. `stale`: it is there, but not as it should be. */
interface Trouble {
  readonly kind: 'lost' | 'partly' | 'stale' | 'blind';
  readonly fault: Fault;
}
const trouble = (kind: Trouble['kind'], why: Fault): Trouble => ({ kind, fault: why });

async function readArticles({ pages }: Settings, tour: Tour, context: ProbeContext): Promise<Trouble[]> {
  const troubles: Trouble[] = [];
  const spoken: string[] = [];
  for (const each of pages) {
    const visited = await tour.visit(each.url);
    const found = visited.ok ? articleTrouble(each, visited.page, context) : troubleOf(visited.fault);
    spoken.push(visited.ok ? (languageOf(visited.page.visible) ?? 'unknown') : 'unknown');
    if (found === undefined) continue;
    const why = fault(found.fault.code, `${each.url.pathname}: ${found.fault.message}`, found.fault);
    troubles.push(trouble(found.kind, why));
    if (tour.evidence.length < EVIDENCE_CAP) tour.evidence.push(transcript(visited.went));
  }
  const lost = troubles.filter((each) => each.kind === 'lost').length;
  Object.assign(tour.facts, { pages: pages.length, pages_lost: lost, languages: spoken });
  // As long as one article helps, the help centre is not down.
  return lost === pages.length
    ? troubles
    : troubles.map((each) => (each.kind === 'lost' ? { ...each, kind: 'partly' } : each));
}

const EVIDENCE_CAP = 3;

const troubleOf = (why: Fault): Trouble => trouble(isOurs(why) ? 'blind' : 'lost', why);

/** What keeps us out, and not a customer. */
const isOurs = ({ code }: Fault): boolean => code === 'CANNOT_JUDGE' || code === 'RATE_LIMITED';

function articleTrouble(
  { contains, language, max_age: maxAge }: Article,
  page: Page,
  context: ProbeContext,
): Trouble | undefined {
  const missing = bodyFault(page.visible, { contains }, page.truncated || page.visible.length >= 20_000);
  if (missing !== undefined)
    return page.blind === undefined ? troubleOf(missing) : trouble('blind', fault('CANNOT_JUDGE', page.blind));
  const foreign = languageFault(languageOf(page.visible), promised(language, context));
  if (foreign !== undefined) return trouble('partly', foreign);
  const { startedAt: now } = context;
  if (maxAge === undefined || page.changedAt === undefined || now - page.changedAt <= maxAge) return undefined;
  return trouble('stale', fault('CONTENT', `last changed ${Math.floor((now - page.changedAt) / 86_400_000)} days ago`));
}

async function contactTrouble(
  { home, contact_entry: entry }: Settings,
  tour: Tour,
  signal: AbortSignal,
): Promise<Trouble[]> {
  if (entry === undefined) return [];
  const { from = home, leads_to: wanted, max_clicks: maxClicks } = entry;
  const { visit: visiting, isAtHand } = tour;
  const searched = await search({ from, goal: wanted, maxClicks, visit: visiting, isAtHand, signal });
  tour.facts['contact_pages'] = searched.pages;
  switch (searched.kind) {
    case 'broken':
      return [troubleOf(searched.fault)];
    case 'unsure':
      return [
        trouble('blind', fault('CANNOT_JUDGE', `the way to support may be where we cannot look: ${searched.why}`)),
      ];
    case 'hidden': {
      const clicks = `${maxClicks} ${maxClicks === 1 ? 'click' : 'clicks'}`;
      const why = `from ${from.pathname} no link leads to ${wanted.source} within ${clicks} (${searched.pages} pages looked at)`;
      return [trouble('lost', fault('CONTACT_HIDDEN', why))];
    }
    case 'found':
      tour.facts['contact_clicks'] = searched.way.clicks;
      tour.facts['contact_path'] = searched.way.path;
      return doorTrouble(searched, tour);
  }
}

/** The last click: a link to a page that is gone is no way to support. */
async function doorTrouble({ way }: Extract<Searched, { kind: 'found' }>, tour: Tour): Promise<Trouble[]> {
  if (way.goal.protocol !== 'http:' && way.goal.protocol !== 'https:') return [];
  const door = await tour.visit(way.goal);
  if (door.ok) return [];
  if (tour.evidence.length < EVIDENCE_CAP) tour.evidence.push(transcript(door.went));
  const { status } = door.went.reply ?? {};
  if (status !== 404 && status !== 410) return [troubleOf(door.fault)];
  return [
    trouble('lost', fault('CONTACT_HIDDEN', `the link to support leads to status ${status} (${way.goal.pathname})`)),
  ];
}

/** The worst that is certain counts; what could not be judged outweighs what is merely stale. */
function judge(troubles: readonly Trouble[], { phases, facts, evidence }: Tour): Finding {
  const first = (kind: Trouble['kind']): Fault | undefined => troubles.find((each) => each.kind === kind)?.fault;
  const sight: Sight = { phases, facts };
  const shown: Sight = { ...sight, evidence };
  const [lost, partly, blind, stale] = [first('lost'), first('partly'), first('blind'), first('stale')];
  if (lost !== undefined) return findingOf(lost, 'accepting', shown);
  if (partly !== undefined) return degraded('answered', partly, shown);
  if (blind !== undefined) return unknown(blind, shown);
  return stale === undefined ? ok('answered', sight) : degraded('answered', stale, shown);
}
