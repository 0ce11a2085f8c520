/** The demo wallet's web: in-app help and announcements, two doors on loopback that can be broken apart from each other. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { openCounter } from './counter.ts';
import type { Asked, Pace } from './counter.ts';
import { faultNamed, openDoor, takeTurns } from './door.ts';
import type { DoorOptions } from './door.ts';
import { help, html, json, lookup, MAINTENANCE, OVERLOADED, WRONG } from './help.ts';
import type { Answer } from './help.ts';
import { jsonOf, maintenanceNews, pageOf, rssOf, TONGUES, usualNews } from './news.ts';
import type { News } from './news.ts';

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

export interface WebDoor {
  readonly name: string;
  /** Origin, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  readonly faults: readonly string[];
  /** Breaks it in one way, or mends it (`none`); rejects for a word that is not among `faults`. */
  set(fault: string): Promise<void>;
  close(): Promise<void>;
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
  const helpDoor = await open(
    { name: 'help', faults: HELP_FAULTS, slowMs },
    options.help ?? {},
    (fault, asked, origin) => answerOf(fault) ?? atHelp(fault, asked, origin),
  );
  let announced: News | undefined;
  const openNews = () =>
    open(
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

interface Plan {
  readonly name: string;
  readonly faults: readonly string[];
  readonly slowMs: number;
}

type Speak = (fault: string, asked: Asked, origin: string) => Answer;

const BODY_CAP = 64 * 1024;

async function open(plan: Plan, options: DoorOptions, speak: Speak): Promise<WebDoor> {
  const faults = plan.faults.filter(
    (each) => each !== 'expired' || (options.tls !== undefined && options.expired !== undefined),
  );
  const late = new Set<NodeJS.Timeout>();
  let fault = 'none';
  let origin = '';

  const take = (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      if (body.length < BODY_CAP) body += chunk;
    });
    // The connection is taken and nothing is ever said.
    if (fault === 'silence') return;
    request.once('end', () => {
      const answer = () => write(response, speak(fault, askedOf(request, body), origin));
      if (fault !== 'slow') {
        answer();
        return;
      }
      const timer = setTimeout(() => {
        late.delete(timer);
        answer();
      }, plan.slowMs);
      late.add(timer);
    });
  };
  const door = await openDoor(options, take);
  origin = `${door.secure ? 'https' : 'http'}://${door.host}:${door.port}`;
  const quieten = () => {
    for (const timer of late) clearTimeout(timer);
    late.clear();
  };

  const change = async (wanted: string): Promise<void> => {
    fault = wanted;
    quieten();
    door.empty();
    if (wanted === 'down') {
      await door.shut();
      return;
    }
    await door.open();
    door.show(wanted === 'expired' ? 'expired' : 'valid');
  };
  const inTurn = takeTurns();
  return {
    name: plan.name,
    url: origin,
    port: door.port,
    faults,
    set: async (word) => {
      const wanted = faultNamed(faults, word, plan.name);
      await inTurn(() => change(wanted));
    },
    close: () =>
      inTurn(async () => {
        quieten();
        await door.shut();
      }),
  };
}

function askedOf({ method = 'GET', url = '/', headers }: IncomingMessage, body: string): Asked {
  const mark = url.indexOf('?');
  const [path, query] = mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark)];
  return { method, path, query: new URLSearchParams(query), headers, body, at: Date.now() };
}

function write(response: ServerResponse, { status, type, body, headers = {} }: Answer): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...headers });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
