/**
 * Chat widgets whose vendors tell strangers nothing (Zendesk, tawk.to, Intercom): the page embeds the right key and the loader
 * is there. That is all that can be known without a browser, and it is said so: widget reachable.
 */
import { z } from 'zod';
import { fault } from '../../../../src/core/fault.ts';
import type { Fault } from '../../../../src/core/fault.ts';
import type { ProbeContext } from '../../../../src/core/probe.ts';
import { statusFault } from '../../answer.ts';
import { decode } from '../../charset.ts';
import { exchange } from '../../http.ts';
import type { Exchange } from '../../http.ts';
import type { Reach } from '../../reach.ts';
import { httpUrl } from '../../request.ts';
import type { Reply } from '../../request.ts';
import { transcript } from '../../transcript.ts';
import { refused, seen } from './seen.ts';
import type { Seen } from './seen.ts';

const VENDORS = ['zendesk', 'tawk', 'intercom'] as const;
type Vendor = (typeof VENDORS)[number];

function loaderOf(vendor: Vendor, key: string): string {
  switch (vendor) {
    case 'zendesk':
      return `https://static.zdassets.com/ekr/snippet.js?key=${encodeURIComponent(key)}`;
    case 'tawk':
      return `https://embed.tawk.to/${encodeURIComponent(key).replaceAll('%2F', '/')}`;
    case 'intercom':
      return `https://widget.intercom.io/widget/${encodeURIComponent(key)}`;
  }
}

export const widgetSettings = {
  preset: z.literal('widget'),
  vendor: z.enum(VENDORS),
  key: z
    .string()
    .regex(/^[\w-]{4,80}(?:\/[\w-]{1,80})?$/, 'write the key as it stands in the page')
    .meta({ description: 'the key in the page: snippet key, property/widget id, app id' }),
  page: httpUrl().optional().meta({ description: 'a page of the provider that must embed this key' }),
  script: httpUrl().optional().meta({ description: "the loader's address, when it is not the vendor's usual one" }),
};

export interface WidgetSettings extends Reach {
  readonly vendor: Vendor;
  readonly key: string;
  readonly page?: URL | undefined;
  readonly script?: URL | undefined;
}

/** A loader of any vendor is larger; an error in JavaScript's clothes is not. */
const LEAST_BYTES = 500;

export async function seeWidget(settings: WidgetSettings, { signal }: ProbeContext): Promise<Seen> {
  const { vendor, key, page } = settings;
  const script = settings.script ?? new URL(loaderOf(vendor, key));
  const fetched: Exchange[] = [];
  const look = async (url: URL, judge: (went: Exchange & { ok: true }, key: string) => Fault | undefined) => {
    const went = await get(url, settings, signal);
    fetched.push(went);
    return went.ok ? judge(went, key) : went.fault;
  };
  const why = (await look(script, loaderFault)) ?? (page === undefined ? undefined : await look(page, pageFault));
  if (why !== undefined) return refused(fetched.map(asAnswer), why);
  const facts = { vendor, embedded: page === undefined ? null : true };
  return seen(fetched.map(asAnswer), { known: 'widget reachable', online: null, facts, rung: 'reachable' });
}

const get = (url: URL, reach: Reach, signal: AbortSignal): Promise<Exchange> =>
  // Compressed, as a browser gets it: pages are larger than what we read.
  exchange({ url, method: 'GET', headers: {}, follow: 3, decompress: true, reach, signal });

const asAnswer = (went: Exchange) => ({ ok: true, went, evidence: transcript(went), json: null }) as const;

function loaderFault(went: Exchange & { ok: true }): Fault | undefined {
  const { headers, body } = went.reply;
  const bad = badStatus('the loader of the widget', went.reply);
  if (bad !== undefined) return bad;
  const type = headers['content-type'] ?? '';
  if (!/\b(?:java|ecma)script\b/i.test(type) || /^\s*</.test(body.subarray(0, 200).toString('latin1')))
    return fault('CONTENT', `the loader of the widget is no JavaScript (${type.slice(0, 60) || 'no type'})`);
  if (body.length < LEAST_BYTES)
    return fault('CONTENT', `the loader of the widget is ${body.length} bytes long, which is no widget`);
  return undefined;
}

function pageFault(went: Exchange & { ok: true }, key: string): Fault | undefined {
  const { headers, body, truncated } = went.reply;
  const bad = badStatus('the page', went.reply);
  if (bad !== undefined) return bad;
  const text = decode(body, headers['content-type'] ?? '', undefined, truncated).text;
  // In a script the slash of a key may be escaped.
  if (text.includes(key) || text.replaceAll('\\/', '/').includes(key)) return undefined;
  if (truncated) return fault('TOO_LARGE', 'the page is larger than what we read, and its beginning has no widget');
  return fault('CONTENT', 'the page does not embed the chat widget with this key', { cause: 'contact_hidden' });
}

function badStatus(what: string, reply: Reply): Fault | undefined {
  const why = statusFault(reply, [200]);
  return why === undefined ? undefined : fault(why.code, `${what}: ${why.message}`, why);
}
