/** What a page or a feed says, item by item, before anybody has judged what kind of news it is. Types and text, no parser. */

export const FORMATS = ['html', 'rss', 'atom', 'json', 'statuspage'] as const;
export type Format = (typeof FORMATS)[number];

export interface Item {
  readonly title: string;
  /** As written: relative, or no address at all. */
  readonly link: string;
  /** As written. */
  readonly date: string;
  readonly body: string;
  /** What the feed calls the item by; some call all of them the same. */
  readonly guid?: string;
  /** Told by the source itself, so that no words have to be weighed. */
  readonly kind?: 'maintenance' | 'incident' | 'resolved';
  readonly from?: string;
  readonly until?: string;
}

export interface Selectors {
  readonly item: string;
  readonly title: string;
  readonly date: string;
  readonly link: string;
  /** Absent: the whole item. */
  readonly body?: string | undefined;
  /** Items to read at most; absent: `ITEMS_CAP`. */
  readonly most?: number;
}

/** Everything crosses to another thread, so it is plain data. */
export type Reading =
  | {
      readonly ok: true;
      readonly format: Format;
      /** The first ones, as the source orders them. */
      readonly items: readonly Item[];
      /** How many there are in all. */
      readonly count: number;
      /** Characters that a person sees; of a page only. */
      readonly visible?: string;
      readonly scripts?: number;
    }
  | { readonly ok: false; readonly code: 'TOO_DEEP' | 'PROTO_GARBAGE' | 'CONTENT'; readonly message: string };

/** More are counted and not read. */
export const ITEMS_CAP = 100;
const TITLE_CAP = 300;
const BODY_CAP = 3_000;

export const refuse = (code: Extract<Reading, { ok: false }>['code'], message: string): Reading => ({
  ok: false,
  code,
  message,
});

/** One line of at most so many characters. */
export function line(text: string, most = TITLE_CAP): string {
  // Cut first: a megabyte of blanks shall not be searched for blanks.
  return text
    .slice(0, most * 4)
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, most);
}

/** Lines kept, since a line break ends a sentence that has no full stop. */
export function paragraph(text: string): string {
  return text
    .slice(0, BODY_CAP * 4)
    .replace(/[^\S\n]+/g, ' ')
    .replace(/\s*\n\s*/g, '\n')
    .trim()
    .slice(0, BODY_CAP);
}
