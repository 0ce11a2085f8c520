/** Reads RSS, Atom, RDF, JSON Feed and Statuspage's v2 JSON as plain items. It fetches nothing and believes no date. */
import { createRequire } from 'node:module';
import type * as feedsmith from 'feedsmith';
import { ITEMS_CAP, line, refuse } from './item.ts';
import type { Item, Reading } from './item.ts';
import { parseJson } from './json.ts';
import type { Json } from './json.ts';
import { textOf } from './markup.ts';

const require = createRequire(import.meta.url);

type Members = Readonly<Record<string, unknown>>;

const members = (value: unknown): Members => (typeof value === 'object' && value !== null ? (value as Members) : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);
/** Text that may be wrapped in an object with its type, as in Atom. */
const words = (value: unknown): string => {
  const inner = typeof value === 'string' ? value : members(value)['value'];
  return typeof inner === 'string' ? inner : '';
};
const first = (...values: readonly unknown[]): string => values.map(words).find((each) => each !== '') ?? '';

/** Reads an XML feed. A DOCTYPE with entities of its own is refused unread: no honest feed has one (S-H1). */
export function readXml(xml: string): Reading {
  if (/<!ENTITY|<!DOCTYPE[^>]{0,500}\[/i.test(xml))
    return refuse('PROTO_GARBAGE', 'the feed declares entities of its own; it is not read');
  if (/^\s*(?:<!doctype html|<html)/i.test(xml)) return refuse('CONTENT', 'a web page where a feed should be');
  try {
    // With the first feed: where none is read, its megabytes stay on the disk.
    const { parseFeed } = require('feedsmith') as typeof feedsmith;
    const { format, feed } = parseFeed(xml);
    const tree = members(feed);
    const entries = list(format === 'atom' ? tree['entries'] : tree['items']);
    return {
      ok: true,
      format: format === 'atom' ? 'atom' : 'rss',
      items: entries.slice(0, ITEMS_CAP).map((each) => entryOf(members(each))),
      count: entries.length,
    };
  } catch (error) {
    if (error instanceof RangeError) return refuse('TOO_DEEP', 'the feed is nested too deeply to be read');
    return refuse('PROTO_GARBAGE', 'this is no complete RSS or Atom feed');
  }
}

function entryOf(entry: Members): Item {
  const links = list(entry['links']).map(members);
  const alternate = links.find((each) => each['rel'] === undefined || each['rel'] === 'alternate') ?? links[0];
  const guid = words(entry['guid']);
  const id = line(guid === '' ? words(entry['id']) : guid);
  return {
    ...(id === '' ? {} : { guid: id }),
    title: line(textOf(words(entry['title']))),
    link: first(entry['link'], alternate?.['href'], /^https?:/.test(guid) ? guid : ''),
    date: line(
      first(
        entry['pubDate'],
        entry['published'],
        entry['updated'],
        list(members(entry['dc'])['dates'])[0],
        members(entry['dc'])['date'],
      ),
    ),
    body: textOf(first(entry['description'], members(entry['content'])['encoded'], entry['content'], entry['summary'])),
  };
}

/** Reads JSON: Statuspage's lists or a JSON Feed, by what is in it. */
export function readJson(text: string): Reading {
  const parsed = parseJson(text);
  if (!parsed.ok) return refuse(parsed.fault.code === 'TOO_DEEP' ? 'TOO_DEEP' : 'PROTO_GARBAGE', parsed.fault.message);
  const tree = members(parsed.value);
  if (Array.isArray(tree['scheduled_maintenances']) || Array.isArray(tree['incidents'])) return statuspage(tree);
  if (Array.isArray(tree['items'])) return jsonFeed(tree['items'] as readonly Json[]);
  return refuse('CONTENT', 'this JSON is neither a JSON Feed nor a Statuspage list');
}

function jsonFeed(entries: readonly Json[]): Reading {
  const items = entries.slice(0, ITEMS_CAP).map((each) => {
    const entry = members(each);
    const id = line(words(entry['id']));
    return {
      ...(id === '' ? {} : { guid: id }),
      title: line(words(entry['title'])),
      link: first(entry['url'], entry['external_url']),
      date: line(first(entry['date_published'], entry['date_modified'])),
      body: textOf(first(entry['content_html'], entry['content_text'], entry['summary'])),
    };
  });
  return { ok: true, format: 'json', items, count: entries.length };
}

/** Statuspage says itself what is planned and when: nothing has to be read out of words. */
function statuspage(tree: Members): Reading {
  const planned = list(tree['scheduled_maintenances']).map(members);
  const incidents = list(tree['incidents']).map(members);
  const items = [
    ...planned.slice(0, ITEMS_CAP).map((each) => reportOf(each, 'maintenance')),
    ...incidents.slice(0, ITEMS_CAP).map((each) => reportOf(each, 'incident')),
  ];
  return { ok: true, format: 'statuspage', items, count: planned.length + incidents.length };
}

const OVER: ReadonlySet<string> = new Set(['completed', 'resolved', 'postmortem']);

function reportOf(report: Members, kind: 'maintenance' | 'incident'): Item {
  const updates = list(report['incident_updates']).map((each) => words(members(each)['body']));
  const components = list(report['components']).map((each) => words(members(each)['name']));
  const [from, until] = [words(report['scheduled_for']), words(report['scheduled_until'])];
  return {
    title: line(words(report['name'])),
    link: words(report['shortlink']),
    date: line(first(report['created_at'], report['started_at'])),
    body: textOf([...components.slice(0, 50), ...updates.slice(0, 3)].join('\n')),
    kind: OVER.has(words(report['status'])) ? 'resolved' : kind,
    ...(from === '' ? {} : { from }),
    ...(until === '' ? {} : { until }),
  };
}
