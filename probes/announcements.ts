/**
 * Probe kind `announcements`: reads the provider's own page or feed of news and brings home what it announces. It judges whether
 * the page can be read; what a notice means for a channel is judged elsewhere.
 */
import { setImmediate as others } from 'node:timers/promises';
import { z } from 'zod';
import { degraded, failed, fault, ok, unknown } from '../src/core/fault.ts';
import type { Fault } from '../src/core/fault.ts';
import { duration } from '../src/core/duration.ts';
import type { Fact, Finding, Notice, Sight } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { Memory, ProbeContext } from '../src/core/probe.ts';
import { statusFault, waitFacts } from './lib/answer.ts';
import { readAside } from './lib/aside.ts';
import { certificateDays, expiring } from './lib/certificate.ts';
import { decode } from './lib/charset.ts';
import { findingOf } from './lib/connector.ts';
import { isWalled } from './lib/guise.ts';
import { exchange } from './lib/http.ts';
import type { Exchange } from './lib/http.ts';
import { FORMATS } from './lib/item.ts';
import type { Item, Reading } from './lib/item.ts';
import { isSelector } from './lib/markup.ts';
import { folded, noticeOf, occurs, wordsWith } from './lib/notice.ts';
import type { Filing, Words } from './lib/notice.ts';
import { keptMarks, markOf, readMarks } from './lib/news.ts';
import { reach } from './lib/reach.ts';
import { httpUrl } from './lib/request.ts';
import type { Reply } from './lib/request.ts';
import { transcript } from './lib/transcript.ts';
import { isZone } from './lib/window.ts';

const selector = () => z.string().min(1).max(200).refine(isSelector, { error: 'this is no CSS selector' });
const words = () => z.array(z.string().min(2).max(60)).max(50).default([]);
const charset = () =>
  z
    .string()
    .refine(isCharset, { error: 'no such character set' })
    .default('windows-1252')
    .meta({ description: 'for a page without a label that is not UTF-8, such as gb18030 or big5' });

const schema = z.strictObject({
  ...reach,
  url: httpUrl().meta({ description: 'the page or feed of announcements' }),
  format: z.enum(['auto', ...FORMATS]).default('auto'),
  select: z
    .strictObject({
      item: selector().default('article'),
      title: selector().default('h1,h2,h3,h4,a'),
      date: selector().default('time'),
      link: selector().default('a[href]'),
      body: selector().optional(),
    })
    .prefault({})
    .meta({ description: 'CSS selectors of a page: of each announcement, and inside it' }),
  keywords: z
    .strictObject({ maintenance: words(), incident: words(), resolved: words() })
    .prefault({})
    .meta({ description: 'words besides the usual ones in Indonesian, English and Chinese' }),
  channels: z
    .record(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/), z.array(z.string().min(2).max(60)).min(1).max(50))
    .default({})
    .meta({ description: 'channel id: words by which a notice is known to touch it' }),
  timezone: z
    .string()
    .refine(isZone, { error: 'an IANA name such as Asia/Jakarta' })
    .optional()
    .meta({ description: 'zone of times that name none; default: that of the provider' }),
  accept: z
    .enum(['auto', 'review'])
    .default('review')
    .meta({ description: 'whether a window counts at once or after a person has looked' }),
  charset: charset(),
  max_age: duration().optional().meta({ description: 'a newest announcement older than this is degraded' }),
  expect: z.strictObject({ certificate_days: certificateDays() }).prefault({}),
});
type Settings = z.output<typeof schema>;

export default defineProbe<Settings>({
  summary:
    'reads the official announcements (page, RSS, Atom, JSON Feed or Statuspage) and the maintenance windows in them',
  example: {
    url: 'https://www.example.id/pengumuman',
    select: { item: 'ul.news > li', title: 'h3', date: 'time' },
    channels: { hotline: ['hotline', 'call center', '热线'] },
  },
  schema,
  phases: ['dns', 'connect', 'tls', 'first_byte', 'body'],
  host: ({ url }) => url.hostname,
  timeoutMs: 15_000,
  remembers: true,
  look,
});

const REDIRECTS = 3;
const NOTICES_CAP = 30;
const FILED_CAP = 60;
/** No page of announcements shows more at once; a selector that has come to fit every list item of a site does. */
const MANY = 200;

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const went = await exchange({
    ...{ url: settings.url, method: 'GET', headers: {}, follow: REDIRECTS, decompress: false },
    ...{ reach: settings, signal: context.signal },
  });
  const facts = { ...factsOf(went, settings), ...waitFacts(went.reply, context.startedAt) };
  const sight: Sight = { phases: went.phases, facts };
  const evidence = () => [transcript(went)];
  const why = went.ok ? troubleOf(went.reply, settings) : went.fault;
  if (why !== undefined || !went.ok)
    return { ...findingOf(why ?? fault('PROTO_GARBAGE', 'no reply'), went.rung, sight), evidence: evidence() };
  const finding = await judge(settings, context, went.reply, sight);
  if (finding.kind !== 'ok') return { ...finding, evidence: evidence() };
  const soon = expiring(went.certificate, settings.expect.certificate_days);
  return soon === undefined ? finding : degraded(finding.rung, soon, finding);
}

function factsOf(went: Exchange, settings: Settings): Record<string, Fact> {
  const { address, certificate, redirects, reply } = went;
  return {
    accept: settings.accept,
    ...(address === undefined ? {} : { address }),
    ...(certificate === undefined ? {} : { certificate_days: certificate.daysLeft }),
    ...(redirects.length === 0 ? {} : { redirects }),
    ...(reply === undefined ? {} : { status: reply.status, bytes: reply.bytes }),
    ...(reply?.truncated === true ? { truncated: true } : {}),
  };
}

/** What is wrong with a status; a page that has none to show (204) is no page of announcements. */
function troubleOf(reply: Reply, { charset: fallback }: Settings): Fault | undefined {
  if (reply.status === 204) return fault('STATUS', 'status 204 instead of the announcements');
  return statusFault(reply, ['2xx'], { charset: fallback });
}

const saysMaintenance = (text: string): boolean => {
  const plain = folded(text);
  return USUAL.maintenance.some((word) => occurs(plain, word));
};
const USUAL: Words = wordsWith({});

async function judge(settings: Settings, context: ProbeContext, reply: Reply, sight: Sight): Promise<Finding> {
  const decoded = decode(reply.body, reply.headers['content-type'] ?? '', settings.charset);
  const reading = await readAside(decoded.text, { format: settings.format, select: settings.select }, context.signal);
  const facts = { ...sight.facts, charset: decoded.charset, ...(decoded.mislabelled ? { mislabelled: true } : {}) };
  if ('blame' in reading) return findingOf(reading, 'accepting', { ...sight, facts });
  if (!reading.ok) {
    // A feed that goes on beyond what we read is no broken feed.
    const why = reply.truncated
      ? fault('TOO_LARGE', `the feed is larger than what we read (${reply.bytes} bytes)`)
      : fault(reading.code, reading.message);
    return findingOf(why, 'accepting', { ...sight, facts });
  }
  return await file(settings, context, reading, {
    ...sight,
    facts: { ...facts, format: reading.format, items: reading.count },
  });
}

type Read = Extract<Reading, { ok: true }>;

async function file(settings: Settings, context: ProbeContext, reading: Read, sight: Sight): Promise<Finding> {
  if (reading.count === 0) {
    // What comes after an empty feed is news; what comes after a page that could not be read may be old.
    if (reading.format !== 'html') context.memory?.set(keptMarks([], readMarks(context.memory.get())));
    return nothingFound(settings, reading, sight);
  }
  const filing = {
    ...{ page: settings.url.href, now: context.startedAt, timezone: settings.timezone ?? context.timezone },
    ...{ isZoneTold: settings.timezone !== undefined, isTrusted: settings.accept === 'auto' },
    ...{ words: wordsWith(settings.keywords), channels: settings.channels },
  };
  const { notices, fresh } = await noticesOf(reading.items.slice(0, FILED_CAP), filing, context.memory);
  const readable = notices.filter((each) => each.title !== '');
  if (readable.length === 0) {
    const why = fault('SELECTOR_LOST', `${reading.count} announcements were found and none has a title or a text`);
    return failed('accepting', why, sight);
  }
  const newest = Math.max(...notices.map((each) => each.publishedAt ?? Number.NEGATIVE_INFINITY));
  const age = Number.isFinite(newest) ? Math.max(0, Math.round((context.startedAt - newest) / 1_000)) : undefined;
  const told: Sight = {
    phases: sight.phases,
    facts: {
      ...sight.facts,
      maintenance: notices.filter((each) => each.kind === 'maintenance').length,
      incidents: notices.filter((each) => each.kind === 'incident').length,
      ...(fresh === undefined ? {} : { new: fresh }),
      ...(age === undefined ? {} : { newest_age_seconds: age }),
    },
    notices: foremost(readable),
  };
  if (reading.format === 'html' && reading.count > MANY) {
    const many = `${reading.count} announcements are found by "${settings.select.item}", too many to be all of them: make it narrower`;
    return degraded('answered', fault('SELECTOR_LOST', many), told);
  }
  if (age === undefined || settings.max_age === undefined || age * 1_000 <= settings.max_age)
    return ok('answered', told);
  const stale = fault('CONTENT', `the newest announcement is ${Math.floor(age / 86_400)} days old`);
  return degraded('answered', stale, told);
}

interface News {
  /** As the source orders them, what it says twice once. */
  readonly notices: readonly Notice[];
  /** How many are new; undefined when this is the first look, or nobody remembers. */
  readonly fresh: number | undefined;
}

async function noticesOf(items: readonly Item[], filing: Filing, memory: Memory | undefined): Promise<News> {
  const known = readMarks(memory?.get());
  const before = known === undefined ? undefined : new Set(known);
  const filed = new Map<string, Notice>();
  for (const item of items) {
    const notice = noticeOf(item, filing);
    const mark = markOf(item, notice);
    if (!filed.has(mark)) filed.set(mark, before?.has(mark) === false ? { ...notice, fresh: true } : notice);
    // The worst text costs some ten milliseconds; sixty of them in a row would hold up the other looks.
    await others();
  }
  memory?.set(keptMarks([...filed.keys()], known));
  const notices = [...filed.values()];
  return { notices, fresh: before === undefined ? undefined : notices.filter((each) => each.fresh === true).length };
}

/** What concerns service first, else in the order of the page. */
function foremost(notices: readonly Notice[]): readonly Notice[] {
  const concerning = notices.filter((each) => each.kind !== 'other');
  return [...concerning, ...notices.filter((each) => each.kind === 'other')].slice(0, NOTICES_CAP);
}

/** No announcement may be a page that changed, a page under maintenance, or one that only a browser can show. */
function nothingFound(settings: Settings, reading: Read, sight: Sight): Finding {
  const { format, visible = '', scripts = 0 } = reading;
  // Nothing planned and nothing broken is what a Statuspage says on a good day.
  if (format === 'statuspage')
    return ok('answered', { ...sight, facts: { ...sight.facts, maintenance: 0, incidents: 0 }, notices: [] });
  if (format !== 'html')
    return degraded('answered', fault('SELECTOR_LOST', 'the feed is empty'), { ...sight, notices: [] });
  if (isWalled(visible)) return unknown(fault('CANNOT_JUDGE', 'a wall against robots stands before the page'), sight);
  if (visible.length < 150 && scripts > 0)
    return unknown(fault('CANNOT_JUDGE', 'the page shows nothing without running its scripts'), sight);
  if (visible.length < 1_500 && saysMaintenance(visible))
    return failed('accepting', fault('MAINTENANCE', 'the page speaks of maintenance and has no announcements'), sight);
  const cut = sight.facts['truncated'] === true ? ' in the part that we read' : '';
  return failed(
    'accepting',
    fault('SELECTOR_LOST', `no announcement is found by "${settings.select.item}"${cut}`),
    sight,
  );
}

function isCharset(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== '';
  } catch {
    return false;
  }
}
