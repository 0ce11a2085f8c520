/** One page of a site as a visitor without scripts reads it: text, links, date; or why nobody but a browser or a customer can. */
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import type { Instant } from '../../src/core/model.ts';
import { answerFault, replyText, USUAL } from './answer.ts';
import { readAside } from './aside.ts';
import { isWalled } from './guise.ts';
import { exchange } from './http.ts';
import type { Exchange } from './http.ts';
import { parseJson } from './json.ts';
import type { Selectors } from './item.ts';
import type { Reach } from './reach.ts';
import type { Reply } from './request.ts';
import { stringsIn } from './visible.ts';

const LINKS_CAP = 400;
const REDIRECTS = 3;
const DATES =
  'time[datetime],meta[property="article:modified_time"],meta[property="og:updated_time"],meta[itemprop="dateModified"]';
const LINKS: Selectors = { item: `a[href],${DATES}`, title: 'a[href]', link: 'a[href]', date: DATES, most: LINKS_CAP };

export interface Link {
  readonly text: string;
  /** As written. */
  readonly href: string;
}

export interface Page {
  /** Where it lies after redirects. */
  readonly url: URL;
  /** At most 20,000 characters. */
  readonly visible: string;
  readonly links: readonly Link[];
  /** The newest date that the page or its server names, none of them ahead of us. */
  readonly changedAt: Instant | undefined;
  /** True when the page goes on beyond what was read. */
  readonly truncated: boolean;
  /** Why what is not found on this page may be there all the same. */
  readonly blind: string | undefined;
}

export type Visited = { readonly went: Exchange } & (
  { readonly ok: true; readonly page: Page } | { readonly ok: false; readonly fault: Fault }
);

export interface Visitor {
  readonly reach: Reach;
  readonly signal: AbortSignal;
  readonly now: Instant;
}

/** Fetches and reads one page, and follows redirects to it. Never throws. */
export async function visit(url: URL, { reach, signal, now }: Visitor): Promise<Visited> {
  const went = await exchange({ url, method: 'GET', headers: {}, follow: REDIRECTS, decompress: false, reach, signal });
  if (went.reply?.status === 401) {
    const why = fault('CANNOT_JUDGE', `${url.pathname}: it asks for a login (status 401)`);
    return { ok: false, went, fault: why };
  }
  const why = await answerFault(went, USUAL, [], signal);
  if (why !== undefined || !went.ok)
    return { ok: false, went, fault: why ?? fault('PROTO_GARBAGE', 'no answer that can be read') };
  const page = await read(went.ask.url, went.reply, signal, now);
  return 'visible' in page ? { ok: true, went, page } : { ok: false, went, fault: page };
}

async function read(url: URL, reply: Reply, signal: AbortSignal, now: Instant): Promise<Page | Fault> {
  const text = replyText(reply);
  const { truncated } = reply;
  const stamped = instantOf(reply.headers['last-modified'] ?? '', now);
  if (/^\ufeff?\s{0,200}[[{]/.test(text)) {
    const parsed = parseJson(text);
    if (parsed.ok)
      return { url, visible: stringsIn(parsed.value), links: [], changedAt: stamped, truncated, blind: undefined };
  }
  const reading = await readAside(text, { format: 'html', select: LINKS }, signal);
  if ('blame' in reading) return reading;
  if (!reading.ok) return fault(reading.code, reading.message);
  const { items, visible = '', scripts = 0 } = reading;
  const dates = items.flatMap((each) => (each.date === '' ? [] : (instantOf(each.date, now) ?? [])));
  return {
    url,
    visible,
    links: items.flatMap(({ title, link }) => (link === '' ? [] : [{ text: title, href: link }])),
    changedAt: dates.length > 0 ? Math.max(...dates) : stamped,
    truncated,
    blind: blindness(visible, scripts),
  };
}

function blindness(visible: string, scripts: number): string | undefined {
  if (isWalled(visible)) return 'a wall against robots stands before the page';
  return visible.length < 150 && scripts > 0 ? 'the page shows nothing without running its scripts' : undefined;
}

/** Dates of tomorrow and of before there was a web are slips of the pen. */
function instantOf(text: string, now: Instant): Instant | undefined {
  const at = Date.parse(text.slice(0, 100));
  return at > Date.UTC(1995, 0, 1) && at <= now + 86_400_000 ? Math.min(at, now) : undefined;
}
