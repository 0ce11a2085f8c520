/** From a text to its items, whatever format it is in. Pure, so that it can be done in another thread. */
import { readJson, readXml } from './feed.ts';
import { refuse } from './item.ts';
import type { Format, Reading, Selectors } from './item.ts';
import { readPage } from './markup.ts';

export interface Manner {
  readonly format: 'auto' | Format;
  readonly select: Selectors;
}

/** Reads by the format asked for. `auto` looks at the first characters: labels of servers lie more often than these. */
export function read(text: string, { format, select }: Manner): Reading {
  const looks = looksOf(text);
  switch (format === 'auto' ? looks : format) {
    case 'html':
      return readPage(text, select);
    case 'json':
    case 'statuspage':
      return looks === 'html' ? refuse('CONTENT', 'a web page where JSON should be') : as(format, readJson(text));
    case 'xml':
    case 'rss':
    case 'atom':
      return readXml(text.replace(/^\ufeff/, '').trimStart());
  }
}

function looksOf(text: string): 'html' | 'xml' | 'json' {
  const head = text
    .slice(0, 1_000)
    .replace(/^\ufeff/, '')
    .trimStart();
  if (/^[[{]/.test(head)) return 'json';
  return /^<(?:\?xml|rss|feed|rdf:|!DOCTYPE rss)/i.test(head) && !/<html/i.test(head) ? 'xml' : 'html';
}

/** RSS for Atom is forgiven, a Statuspage for a JSON Feed is not: they do not say the same things. */
function as(asked: Manner['format'], reading: Reading): Reading {
  if (!reading.ok || asked === 'auto' || reading.format === asked) return reading;
  return refuse('CONTENT', `this is ${reading.format}, not ${asked}`);
}
