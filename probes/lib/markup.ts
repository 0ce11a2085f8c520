/** Finds the items of an HTML page by selectors, and the text that people see. It follows no link and runs no script. */
import { createRequire } from 'node:module';
import type * as cheerio from 'cheerio';
import type { CheerioAPI } from 'cheerio';
import { ITEMS_CAP, line, paragraph, refuse } from './item.ts';
import type { Item, Reading, Selectors } from './item.ts';

/** Real pages stay below a hundred; parsers and selectors recurse, and a stack has an end. */
const DEPTH_CAP = 256;
const UNSEEN = 'script,style,template,noscript,svg,[hidden],[aria-hidden="true"]';
const VISIBLE_CAP = 20_000;

const require = createRequire(import.meta.url);

/** htmlparser2's tree: five times faster than the standard's own algorithm, and good enough to find items. */
function parse(html: string): CheerioAPI {
  // With the first page: where none is read, its megabytes stay on the disk.
  const { load } = require('cheerio') as typeof cheerio;
  return load(html, { xml: { xmlMode: false, decodeEntities: true } });
}

/** Whether a selector can be compiled. */
export function isSelector(text: string): boolean {
  try {
    parse('<p></p>')(text);
    return true;
  } catch {
    return false;
  }
}

/** Reads a page. Whatever the parser throws, on whatever page, is a refusal. */
export function readPage(html: string, select: Selectors): Reading {
  try {
    const $ = parse(html);
    if (isDeep($)) return refuse('TOO_DEEP', `the page is nested deeper than ${DEPTH_CAP} levels`);
    const scripts = $('script').length;
    $(UNSEEN).remove();
    const found = $(select.item);
    const items = found
      .toArray()
      .slice(0, select.most ?? ITEMS_CAP)
      .map((element) => itemOf($, $(element), select));
    const visible = line($.root().text(), VISIBLE_CAP);
    return { ok: true, format: 'html', items, count: found.length, visible, scripts };
  } catch (error) {
    const isStack = error instanceof RangeError;
    return refuse(
      isStack ? 'TOO_DEEP' : 'PROTO_GARBAGE',
      isStack ? 'the page is nested too deeply to be read' : 'the page cannot be read',
    );
  }
}

/** Counted without recursion. */
function isDeep($: CheerioAPI): boolean {
  let level = $.root()
    .toArray()
    .flatMap((node) => node.children);
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEPTH_CAP) return true;
    level = level.flatMap((node) => ('children' in node ? node.children : []));
  }
  return false;
}

type Selection = ReturnType<CheerioAPI>;

function itemOf($: CheerioAPI, element: Selection, select: Selectors): Item {
  const date = inside(element, select.date);
  const link = inside(element, select.link);
  // A block's end is a line's end to a reader.
  element.find('br,p,div,li,h1,h2,h3,h4,tr').append('\n');
  const body = select.body === undefined ? element : element.find(select.body);
  return {
    title: line(inside(element, select.title).text()),
    link: link.attr('href') ?? '',
    date: line(date.attr('datetime') ?? date.attr('content') ?? date.text()),
    body: paragraph($(body).text()),
  };
}

/** The first match in the item, or the item itself when it matches. */
function inside(element: Selection, selector: string): Selection {
  const found = element.find(selector).first();
  return found.length === 0 ? element.filter(selector).first() : found;
}

/** The text of a piece of markup, such as a feed's description. */
export function textOf(markup: string): string {
  const short = markup.slice(0, 12_000);
  if (!short.includes('<') && !short.includes('&')) return paragraph(short);
  try {
    const $ = parse(short);
    if (isDeep($)) return '';
    $(UNSEEN).remove();
    $('br,p,div,li,h1,h2,h3,h4,tr').append('\n');
    return paragraph($.root().text());
  } catch {
    return '';
  }
}
