/** Asks a vendor's JSON API one question, and says in whose words it was refused. It knows no vendor. */
import { fault, printable } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import type { Evidence } from '../../../src/core/model.ts';
import { exchange } from '../http.ts';
import type { Exchange } from '../http.ts';
import { parseJson } from '../json.ts';
import type { Json } from '../json.ts';
import type { Reach } from '../reach.ts';
import type { Headers } from '../request.ts';
import { masked } from './conversation.ts';
import { refusalFault } from './refusal.ts';

export interface Api {
  /** A path in it stands before the path of each question. */
  readonly base: URL;
  readonly reach: Reach;
  /** We show who we are: then a 401 is about us and not about customers. */
  readonly known: boolean;
}

export interface Question {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Headers;
  readonly body?: Json;
}

export type Answer = {
  readonly went: Exchange;
  /** Question and answer as text, without what lets one go on with the session. */
  readonly evidence: Evidence;
} & (
  | { readonly ok: true; readonly json: Json }
  /** `json`: what a refusal says, when it says it in JSON. */
  | { readonly ok: false; readonly fault: Fault; readonly json: Json | undefined }
);

const SAID_CAP = 2_000;

/** Asks once; follows no redirect, for a question may carry a token. Never throws. */
export async function ask(api: Api, question: Question, signal: AbortSignal): Promise<Answer> {
  const { method = 'GET', path, query = {}, headers = {}, body } = question;
  const url = new URL(api.base.origin + api.base.pathname.replace(/\/+$/, '') + path);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const went = await exchange({
    ...{ url, method, reach: api.reach, signal, follow: 0, decompress: false },
    headers: { accept: 'application/json', ...(body === undefined ? {} : JSON_TYPE), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const evidence = evidenceOf(`${method} ${url.pathname}`, query, went);
  if (!went.ok && (went.reply === undefined || went.reply.status < 300))
    return { ok: false, went, evidence, fault: went.fault, json: undefined };
  return { evidence, ...judge(api, url, went) };
}

const JSON_TYPE = { 'content-type': 'application/json' };

type Judged = { readonly went: Exchange } & (
  | { readonly ok: true; readonly json: Json }
  | { readonly ok: false; readonly fault: Fault; readonly json: Json | undefined }
);

function judge(api: Api, url: URL, went: Exchange): Judged {
  const { reply } = went;
  if (reply === undefined) return { ok: false, went, fault: fault('PROTO_CLOSED', 'no answer'), json: undefined };
  const text = reply.body.toString('utf8');
  const parsed = parseJson(text);
  const where = reply.status >= 300 && reply.status < 400 ? ': it points elsewhere' : '';
  const bad = refusalFault(reply, `${url.host} answered ${reply.status} to ${url.pathname}${where}`, api.known);
  if (bad !== undefined) return { ok: false, went, fault: bad, json: parsed.ok ? parsed.value : undefined };
  if (reply.truncated) {
    const why = fault('TOO_LARGE', `${url.host} answered with more JSON than we read (${reply.body.length} bytes)`);
    return { ok: false, went, fault: why, json: undefined };
  }
  if (parsed.ok) return { ok: true, went, json: parsed.value };
  // An empty answer to something done, such as closing a room, is an answer.
  if (text.trim() === '') return { ok: true, went, json: null };
  return { ok: false, went, fault: parsed.fault, json: undefined };
}

/** Values of a query are left out: most of them are tokens. */
function evidenceOf(asked: string, query: Readonly<Record<string, string>>, { reply }: Exchange): Evidence {
  const names = Object.keys(query).map((name) => `${name}=…`);
  const body = reply?.body.subarray(0, SAID_CAP * 2).toString('utf8') ?? '';
  const said =
    reply === undefined ? '(no answer)' : `HTTP ${reply.status}\n${printable(masked(body)).slice(0, SAID_CAP)}`;
  return {
    ...{ name: 'exchange', type: 'text/plain' },
    text: `${asked}${names.length === 0 ? '' : `?${names.join('&')}`}\n\n${said}`,
  };
}

/** A member of a member of a far side's JSON; undefined when it is not there. */
export function at(json: Json | undefined, ...names: readonly string[]): Json | undefined {
  return names.reduce<Json | undefined>(
    (place, name) =>
      typeof place === 'object' && place !== null && Object.hasOwn(place, name)
        ? (place as Readonly<Record<string, Json>>)[name]
        : undefined,
    json,
  );
}

/** The entries of a list; none when it is no list. */
export const listOf = (json: Json | undefined): readonly Json[] =>
  Array.isArray(json) ? (json as readonly Json[]).slice(0, 500) : [];

/** A text, or nothing. */
export const wordsOf = (json: Json | undefined): string => (typeof json === 'string' ? json : '');
