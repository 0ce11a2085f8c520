/** Whether a visitor finds the way to an address within a few clicks: the breadth of a site, one page at a time, and no further. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Fault, FaultCode } from '../../src/core/fault.ts';
import type { Link, Page, Visited } from './page.ts';
import { Pattern } from './pattern.ts';

/** Pages that are looked at in all, and the pause before each: a courtesy to the site. */
const PAGES_CAP = 20;
const PAUSE_MS = 100;

/** What the way leads to: one address, or a pattern of addresses. */
export interface Goal {
  readonly source: string;
  readonly fits: (address: URL, site: URL) => boolean;
}

/** Schema of a goal: `/contact` on the same site, `https://…`, `tel:…` or `mailto:…`, or a pattern of the whole address. */
export function goal() {
  return z
    .string()
    .min(1)
    .max(1_000)
    .transform((source, ctx): Goal => {
      if (source.startsWith('/')) {
        const path = plainPath(new URL(source.replace(/^\/+/, '/'), 'http://site.invalid'));
        return { source, fits: (address, site) => isSameSite(address, site) && plainPath(address) === path };
      }
      const address = /^(?:https?|tel|mailto|sms|whatsapp):/i.test(source) ? URL.parse(source) : null;
      if (address !== null) return { source, fits: (each) => plainAddress(each) === plainAddress(address) };
      try {
        const pattern = new Pattern(source);
        return { source, fits: (each) => pattern.test(each.href) };
      } catch {
        ctx.addIssue({
          code: 'custom',
          message: `"${source}" is neither a path, an address nor a pattern (RE2 syntax)`,
        });
        return z.NEVER;
      }
    });
}

const plainPath = ({ pathname, search }: URL): string => (pathname.replace(/\/+$/, '') || '/') + search;

function plainAddress(address: URL): string {
  if (isWeb(address)) return address.origin + plainPath(address);
  // A number is the same however it is spaced.
  if (address.protocol === 'tel:') return `tel:${address.pathname.replace(/[^+\d]/g, '')}`;
  return address.protocol + address.pathname.toLowerCase();
}

const isWeb = ({ protocol }: URL): boolean => protocol === 'http:' || protocol === 'https:';
const bareHost = ({ hostname }: URL): string => hostname.replace(/^www\./, '');
const isSameSite = (one: URL, other: URL): boolean =>
  isWeb(one) && bareHost(one) === bareHost(other) && one.port === other.port;

export interface Search {
  readonly from: URL;
  readonly goal: Goal;
  readonly maxClicks: number;
  readonly visit: (url: URL) => Promise<Visited>;
  /** Whether a visit asks the site for nothing, because the page has been fetched already. */
  readonly isAtHand: (url: URL) => boolean;
  readonly signal: AbortSignal;
}

/** Clicks, and the addresses passed on the way, goal included. */
export interface Way {
  readonly clicks: number;
  readonly path: readonly string[];
  readonly goal: URL;
}

export type Searched = { readonly pages: number } & (
  | { readonly kind: 'found'; readonly way: Way }
  | { readonly kind: 'hidden' }
  /** It may be there, but where we could not look. */
  | { readonly kind: 'unsure'; readonly why: string }
  /** The page that a user starts from cannot be had. */
  | { readonly kind: 'broken'; readonly fault: Fault }
);

interface Stop {
  readonly url: URL;
  readonly path: readonly string[];
}

/** What is known so far. */
interface Tour {
  readonly seen: Set<string>;
  pages: number;
  /** Why what was not found may be there all the same. */
  doubt: string | undefined;
}

/** Looks from `from` outwards. The first way found is a shortest one. */
export async function search(task: Search): Promise<Searched> {
  const tour: Tour = { seen: new Set([plainAddress(task.from)]), pages: 0, doubt: undefined };
  let level: readonly Stop[] = [{ url: task.from, path: [] }];
  for (let clicks = 1; clicks <= task.maxClicks; clicks += 1) {
    const next: Stop[] = [];
    for (const stop of level) {
      if (tour.pages >= PAGES_CAP) break;
      const ways = await waysBehind(stop, task, tour);
      if ('kind' in ways) return ways;
      const found = ways.find(({ url }) => task.goal.fits(url, task.from));
      if (found !== undefined)
        return { kind: 'found', way: { clicks, path: found.path, goal: found.url }, pages: tour.pages };
      next.push(...ways.filter((way) => isWorthAClick(way.url, task.from, tour.seen)));
    }
    level = next;
  }
  const { pages, doubt } = tour;
  return doubt === undefined ? { kind: 'hidden', pages } : { kind: 'unsure', why: doubt, pages };
}

/** Where the next page leads, or how the search ends there. */
async function waysBehind(
  stop: Stop,
  { visit, isAtHand, signal }: Search,
  tour: Tour,
): Promise<readonly Stop[] | Searched> {
  const isFirst = tour.pages === 0;
  if (!isFirst && !isAtHand(stop.url) && !(await pause(signal)))
    return { kind: 'unsure', why: 'no time was left to look on', pages: tour.pages };
  tour.pages += 1;
  const visited = await visit(stop.url);
  if (!visited.ok) {
    if (isFirst) return { kind: 'broken', fault: visited.fault, pages: tour.pages };
    // A dead link is no way; a door that only people may pass could be one.
    if (DOUBTFUL.has(visited.fault.code)) tour.doubt ??= visited.fault.message;
    return [];
  }
  const { page } = visited;
  tour.doubt ??= page.blind ?? (page.truncated ? 'a page is larger than what we read' : undefined);
  return waysFrom(page, stop);
}

const DOUBTFUL: ReadonlySet<FaultCode> = new Set(['CANNOT_JUDGE', 'RATE_LIMITED', 'DEADLINE', 'TOO_DEEP']);

/** True once for each page of the site. */
function isWorthAClick(url: URL, from: URL, seen: Set<string>): boolean {
  const address = plainAddress(url);
  if (seen.has(address) || !isSameSite(url, from) || isNoPage(url)) return false;
  seen.add(address);
  return true;
}

async function pause(signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(PAUSE_MS, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

/** Where somebody who looks for help clicks first, and where next. */
const INVITING = [
  /contact|kontak|hubungi|chat|\bcs\b|联系|聯繫|聯絡|客服/i,
  /help|bantuan|support|dukungan|\bfaq|帮助|幫助|支持/i,
];

const rankOf = ({ text, href }: Link): number => {
  const rank = INVITING.findIndex((words) => words.test(text) || words.test(href));
  return rank < 0 ? INVITING.length : rank;
};

/** Everywhere that the page leads, the most inviting first; else in the order of the page. */
function waysFrom({ url, links }: Page, { path }: Stop): readonly Stop[] {
  const ordered = links.toSorted((one, other) => rankOf(one) - rankOf(other));
  return ordered.flatMap(({ href }) => {
    const to = URL.parse(href.slice(0, 2_000), url.href);
    if (to === null) return [];
    to.hash = '';
    return [{ url: to, path: [...path, to.href.slice(0, 200)] }];
  });
}

/** Files are no pages, and nobody is logged out or bought from on the way. */
function isNoPage({ pathname, search }: URL): boolean {
  if (/\.(?:pdf|zip|apk|ipa|exe|dmg|png|jpe?g|gif|webp|svg|ico|css|js|mp[34]|xml|rss|docx?|xlsx?)$/i.test(pathname))
    return true;
  return /log-?out|sign-?out|keluar|unsubscribe|delete|remove|checkout|add-to/i.test(pathname + search);
}
