/** The demo wallet's web: in-app help and announcements, two doors on loopback that can be broken apart from each other. */
import { openCounter } from './counter.ts';
import type { Pace } from './counter.ts';
import type { DoorOptions } from './door.ts';
import { help, html, json, lookup, MAINTENANCE, OVERLOADED, WRONG } from './help.ts';
import type { Answer } from './help.ts';
import { jsonOf, maintenanceNews, pageOf, rssOf, TONGUES, usualNews } from './news.ts';
import type { News } from './news.ts';
import { openWebDoor } from './webdoor.ts';
import type { Speak, WebDoor } from './webdoor.ts';

const HELP_FAULTS = [
  ...['none', 'down', 'slow', 'busy', 'wrong', 'silence', 'maintenance', 'expired'],
  // Everything answers, and something about it is not right.
  ...['hidden', 'foreign', 'untended', 'release'],
] as const;
const NEWS_FAULTS = ['none', 'down', 'slow', 'wrong', 'silence', 'notice', 'expired'] as const;

export interface WebDeskOptions {
  readonly help?: DoorOptions;
  readonly announcements?: DoorOptions;
  /** How late `slow` answers; default 3 s. */
  readonly slowMs?: number;
  /** How fast cases are worked at; default one minute to the first answer, three to the end. */
  readonly pace?: Pace;
}

export interface WebDesk {
  readonly help: WebDoor;
  readonly announcements: WebDoor;
  close(): Promise<void>;
}

/** Opens both doors. Rejects when a port is taken. */
export async function openWebDesk(options: WebDeskOptions = {}): Promise<WebDesk> {
  const { slowMs = 3_000, pace = { answerMs: 60_000, closeMs: 180_000 } } = options;
  const counter = openCounter(pace);
  let releasedAt: number | undefined;
  const atHelp: Speak = (fault, asked) => {
    // A release is out from when it was first asked about, and taken back when the desk is mended.
    releasedAt = fault === 'release' ? (releasedAt ?? asked.at) : undefined;
    const slip = { hidden: fault === 'hidden', foreign: fault === 'foreign' };
    if (asked.path === '/store/lookup') return lookup(asked.query.get('id'), releasedAt);
    return counter(asked, fault === 'untended') ?? help(asked.method, asked.path, slip, asked.at);
  };
  const helpDoor = await openWebDoor(
    { name: 'help', faults: HELP_FAULTS, slowMs },
    options.help ?? {},
    (fault, asked, origin) => answerOf(fault) ?? atHelp(fault, asked, origin),
  );
  let announced: News | undefined;
  const openNews = () =>
    openWebDoor(
      { name: 'announcements', faults: NEWS_FAULTS, slowMs },
      options.announcements ?? {},
      (fault, { path }, origin) => {
        // A notice stays as it was first written for as long as it hangs there.
        if (fault !== 'notice') announced = undefined;
        else announced ??= maintenanceNews(Date.now());
        return announcement(path, announced, { origin, renewed: fault === 'wrong' });
      },
    );
  const newsDoor = await openNews().catch(async (error: unknown) => {
    await helpDoor.close();
    throw error;
  });
  return {
    help: helpDoor,
    announcements: newsDoor,
    close: async () => {
      await Promise.all([helpDoor.close(), newsDoor.close()]);
    },
  };
}

function answerOf(fault: string): Answer | undefined {
  if (fault === 'busy') return OVERLOADED;
  if (fault === 'wrong') return WRONG;
  return fault === 'maintenance' ? MAINTENANCE : undefined;
}

interface Page {
  readonly origin: string;
  readonly renewed: boolean;
}

function announcement(path: string, announced: News | undefined, { origin, renewed }: Page): Answer {
  const news = [...(announced === undefined ? [] : [announced]), ...usualNews(Date.now())];
  const [, first = '', second = 'announcements', slug] = path.split('/');
  const tongue = TONGUES.find((each) => each === first);
  if (tongue === undefined)
    return path === '/' || path === '/announcements'
      ? html(200, pageOf(news, 'id', renewed))
      : json(404, { error: 'not found' });
  if (second === 'feed.rss')
    return { status: 200, type: 'application/rss+xml; charset=utf-8', body: rssOf(news, tongue, origin) };
  if (second === 'feed.json')
    return { status: 200, type: 'application/feed+json; charset=utf-8', body: jsonOf(news, tongue, origin) };
  const asked = slug === undefined ? news : news.filter((each) => each.slug === slug);
  if (second !== 'announcements' || asked.length === 0) return json(404, { error: 'not found' });
  return html(200, pageOf(asked, tongue, renewed));
}
