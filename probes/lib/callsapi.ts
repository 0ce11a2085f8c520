/**
 * The Calls API as Twilio shaped it and others speak it: a call is made, found again, asked for and ended. It knows the
 * addresses and the two dialects; what an answer means for a telephone line is its callers' business.
 */
import { fault, printable } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import type { Instant } from '../../src/core/model.ts';
import { Secret } from '../../src/core/secret.ts';
import { exchange } from './http.ts';
import type { Exchange } from './http.ts';
import { parseJson } from './json.ts';
import type { Json } from './json.ts';
import type { Reach } from './reach.ts';

/** `texml` (Telnyx): JSON instead of a form, no `.json` at the end of addresses, another name for the script. */
export const DIALECTS = ['twilio', 'texml'] as const;

export interface Access {
  /** A path in it stands before `/Accounts`. */
  readonly base: URL;
  readonly account: string;
  readonly authorization: Secret;
  readonly dialect: (typeof DIALECTS)[number];
  readonly reach: Reach;
}

export interface CallRecord {
  /** Undefined: they took the call and did not say its name. */
  readonly sid: string | undefined;
  readonly status: string;
  /** Seconds from the answer to the end. */
  readonly duration: number | undefined;
  readonly createdAt: Instant | undefined;
}

export type Told =
  | { readonly ok: true; readonly calls: readonly CallRecord[]; readonly went: Exchange }
  | {
      readonly ok: false;
      readonly fault: Fault;
      /** The status of a refusal; undefined when there was no such word. */
      readonly refused: number | undefined;
      readonly went: Exchange;
    };

/** One request of an API that is well takes less. */
const REQUEST_MS = 8_000;

export function authorize(auth: 'basic' | 'bearer', account: string, token: Secret): Secret {
  const value =
    auth === 'bearer'
      ? `Bearer ${token.reveal()}`
      : `Basic ${Buffer.from(`${account}:${token.reveal()}`).toString('base64')}`;
  return new Secret(value, token.reference);
}

/** Asks for a call. Whoever gets no clear answer has to look for it with `findCalls`, and never asks twice. */
export const createCall = (access: Access, fields: Fields, signal: AbortSignal): Promise<Told> =>
  ask(access, { method: 'POST', fields }, signal);

/** The newest calls from one number to another; vendors' lists lag a little behind. */
export const findCalls = (access: Access, to: string, from: string, signal: AbortSignal): Promise<Told> =>
  ask(access, { method: 'GET', query: { To: to, From: from, PageSize: '20' } }, signal);

export const readCall = (access: Access, sid: string, signal: AbortSignal): Promise<Told> =>
  ask(access, { method: 'GET', sid }, signal);

/** `canceled` ends what is queued or rings and leaves a talk alone; `completed` ends anything. */
export const endCall = (
  access: Access,
  sid: string,
  status: 'canceled' | 'completed',
  signal: AbortSignal,
): Promise<Told> => ask(access, { method: 'POST', sid, fields: { Status: status } }, signal);

export type Fields = Readonly<Record<string, string>>;

interface Question {
  readonly method: 'GET' | 'POST';
  readonly sid?: string;
  readonly fields?: Fields;
  readonly query?: Fields;
}

async function ask(access: Access, question: Question, signal: AbortSignal): Promise<Told> {
  const { reach, authorization, dialect } = access;
  const { method, fields } = question;
  const isForm = dialect === 'twilio';
  const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
  const body = isForm ? new URLSearchParams(fields).toString() : JSON.stringify(fields);
  const went = await exchange({
    ...{ url: urlOf(access, question), method, reach, follow: 0, decompress: false },
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
    headers: { accept: 'application/json', authorization, ...(fields === undefined ? {} : { 'content-type': type }) },
    body: fields === undefined ? undefined : body,
  });
  return { ...heard(went), went };
}

function urlOf({ base, account, dialect }: Access, { sid, query = {} }: Question): URL {
  const name = sid === undefined ? '' : `/${encodeURIComponent(sid)}`;
  const end = dialect === 'twilio' ? '.json' : '';
  const path = `/Accounts/${encodeURIComponent(account)}/Calls${name}${end}`;
  const url = new URL(base.origin + base.pathname.replace(/\/+$/, '') + path);
  for (const [each, value] of Object.entries(query)) url.searchParams.set(each, value);
  return url;
}

type Heard =
  | { readonly ok: true; readonly calls: readonly CallRecord[] }
  | { readonly ok: false; readonly fault: Fault; readonly refused: number | undefined };

function heard(went: Exchange): Heard {
  const { reply } = went;
  if (reply === undefined) return { ok: false, fault: went.ok ? NOTHING : went.fault, refused: undefined };
  const parsed = parseJson(reply.body.toString('utf8'));
  if (reply.status < 200 || reply.status >= 300) {
    const said = `the Calls API answered ${reply.status}${parsed.ok ? complaintOf(parsed.value) : ''}`;
    return { ok: false, fault: refusalOf(reply.status, said), refused: reply.status };
  }
  if (!went.ok) return { ok: false, fault: went.fault, refused: undefined };
  if (!parsed.ok) return { ok: false, fault: parsed.fault, refused: undefined };
  const list = memberOf(parsed.value, 'calls');
  const calls = (Array.isArray(list) ? (list as readonly Json[]) : [parsed.value]).flatMap(recordOf);
  if (calls.length > 0 || Array.isArray(list)) return { ok: true, calls };
  return { ok: false, fault: fault('PROTO_GARBAGE', 'the Calls API answered with no call'), refused: undefined };
}

const NOTHING = fault('PROTO_CLOSED', 'no answer');

/** Each customer calls from a telephone of their own: what the vendor refuses us is no word of the line. */
function refusalOf(status: number, said: string): Fault {
  if (status === 401) return fault('AUTH', said);
  if (status === 402) return fault('NO_CREDIT', said);
  if (status === 403) return fault('TRUNK_REFUSED', said);
  if (status === 429) return fault('RATE_LIMITED', said);
  return status >= 500 || status < 400 ? fault('UPSTREAM', said) : fault('SETTINGS', said);
}

/** Twilio says `code` and `message`, Telnyx a list of errors. */
function complaintOf(value: Json): string {
  const first = memberOf(value, 'errors');
  const told: Json = Array.isArray(first) ? ((first as readonly Json[])[0] ?? null) : value;
  const words = [memberOf(told, 'code'), memberOf(told, 'message') ?? memberOf(told, 'detail')];
  const known = words.filter((each) => typeof each === 'string' || typeof each === 'number');
  return known.length === 0 ? '' : `: ${printable(known.join(' ')).slice(0, 200)}`;
}

function recordOf(value: Json): readonly CallRecord[] {
  const status = memberOf(value, 'status');
  if (typeof status !== 'string') return [];
  const sid = memberOf(value, 'sid') ?? memberOf(value, 'call_sid');
  const [length, made] = [memberOf(value, 'duration'), memberOf(value, 'date_created')];
  const duration = typeof length === 'string' || typeof length === 'number' ? Number(length) : NaN;
  const createdAt = typeof made === 'string' ? Date.parse(made) : NaN;
  return [
    {
      sid: typeof sid === 'string' && /^[\w:.-]{1,128}$/.test(sid) ? sid : undefined,
      status: printable(status.toLowerCase()).slice(0, 40),
      duration: length !== '' && duration >= 0 && duration < 1e6 ? duration : undefined,
      createdAt: Number.isNaN(createdAt) ? undefined : createdAt,
    },
  ];
}

const memberOf = (value: Json | undefined, name: string): Json | undefined =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, Json>>)[name]
    : undefined;
