/** A stand-in for a vendor's Calls API that holds every request against what the vendors publish, and plays a call by the clock. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomBytes } from 'node:crypto';
import { portOf } from './servers.ts';

export const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
export const TOKEN = 'tok-9f8e7d6c5b4a39281706';

type Stage = readonly [afterMs: number, status: string, duration?: number];
type Asked = 'create' | 'list' | 'read' | 'end';

export interface Manner {
  readonly dialect: 'twilio' | 'texml';
  readonly auth: 'basic' | 'bearer';
  readonly prefix: string;
  /** How a call goes on by itself. */
  readonly stages: readonly Stage[];
  /** What happens to a question instead of an answer, by its count from 1; undefined: it is answered. */
  readonly mishap: (asked: Asked, count: number, response: ServerResponse) => boolean;
  /** A call is made although nobody hears of it. */
  readonly makesAnyway: boolean;
  readonly namesCalls: boolean;
  /** A call that was over a minute ago. */
  readonly earlier: string | undefined;
  /** To whom a call is up that nobody here has made. */
  readonly leftUp: string | undefined;
}

interface Call {
  readonly sid: string;
  readonly at: number;
  readonly fields: Readonly<Record<string, string>>;
  ended?: string;
}

export interface Vendor {
  readonly base: string;
  readonly calls: readonly Call[];
  /** What was wrong with requests. */
  readonly complaints: readonly string[];
  readonly asked: readonly string[];
  readonly statusOf: (call: Call) => string;
  close(): Promise<void>;
}

const FINAL = ['completed', 'busy', 'failed', 'no-answer', 'canceled'];
const FIELDS = ['To', 'From', 'Twiml', 'Texml', 'Timeout', 'TimeLimit', 'SendDigits', 'ApplicationSid'];

export async function openVendor(changed: Partial<Manner> = {}): Promise<Vendor> {
  const manner: Manner = {
    ...{
      dialect: 'twilio',
      auth: 'basic',
      prefix: '/2010-04-01',
      stages: [],
      makesAnyway: true,
      namesCalls: true,
      earlier: undefined,
      leftUp: undefined,
    },
    mishap: () => false,
    ...changed,
  };
  const [calls, complaints, log]: [Call[], string[], string[]] = [[], [], []];
  if (manner.earlier !== undefined)
    calls.push({ sid: 'CA-old', at: performance.now() - 60_000, fields: { To: manner.earlier }, ended: 'completed' });
  if (manner.leftUp !== undefined)
    calls.push({ sid: 'CA-left', at: performance.now() - 20_000, fields: { To: manner.leftUp } });
  const counts: Record<Asked, number> = { create: 0, list: 0, read: 0, end: 0 };
  const stageOf = (call: Call): Stage => {
    if (call.ended !== undefined) return [0, call.ended];
    const age = performance.now() - call.at;
    return manner.stages.findLast(([afterMs]) => afterMs <= age) ?? [0, 'queued'];
  };
  const shown = (call: Call) => {
    const [, status, duration] = stageOf(call);
    const made = new Date(Date.now() - (performance.now() - call.at)).toUTCString();
    const length = duration === undefined ? null : String(duration);
    return { sid: call.sid, status, duration: length, date_created: made, to: call.fields['To'], price: null };
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://vendor.test');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const end = manner.dialect === 'twilio' ? '.json' : '';
    const root = `${manner.prefix}/Accounts/${ACCOUNT}/Calls`;
    const isList = url.pathname === root + end;
    const sid = isList ? '' : decodeURIComponent(url.pathname.slice(root.length + 1)).replace(/\.json$/, '');
    const kind = kindOf(request.method ?? '', isList);
    log.push(`${kind} ${sid}`.trim());
    const complain = (what: string): void => void complaints.push(`${kind}: ${what}`);
    if (!isList && !(url.pathname.startsWith(`${root}/`) && url.pathname.endsWith(end)))
      complain(`path ${url.pathname}`);
    const wanted = manner.auth === 'basic' ? `Basic ${btoa(`${ACCOUNT}:${TOKEN}`)}` : `Bearer ${TOKEN}`;
    if (request.headers.authorization !== wanted) complain('authorization');
    const fields = fieldsOf(Buffer.concat(chunks).toString(), request, manner, complain);
    const call = calls.find((each) => each.sid === sid);
    if (kind === 'create') checkCreate(fields, manner, calls, (each) => FINAL.includes(stageOf(each)[1]), complain);
    if (kind === 'list' && (url.searchParams.get('To') === null || url.searchParams.get('From') === null))
      complain('a list of everything');
    if ((kind === 'read' || kind === 'end') && call === undefined) complain(`no call ${sid}`);
    counts[kind] += 1;
    const create = (): Call => {
      const made = { sid: `CA${randomBytes(16).toString('hex')}`, at: performance.now(), fields };
      calls.push(made);
      return made;
    };
    if (manner.mishap(kind, counts[kind], response)) {
      if (kind === 'create' && manner.makesAnyway) create();
      return;
    }
    if (kind === 'create') {
      const { sid: name, ...others } = shown(create());
      return send(response, 201, manner.namesCalls ? { sid: name, ...others } : others);
    }
    const isTheirs = (each: Call): boolean => each.fields['To'] === url.searchParams.get('To');
    if (kind === 'list') return send(response, 200, { calls: calls.filter(isTheirs).map(shown).reverse() });
    if (call === undefined) return send(response, 404, { code: 20_404, message: 'not found', status: 404 });
    if (kind === 'end' && !finish(call, fields['Status'] ?? '', stageOf(call)[1], complain))
      return send(response, 400, { code: 21_220, message: 'Call is not in-progress' });
    send(response, 200, shown(call));
  };
  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    base: `http://127.0.0.1:${portOf(server)}${manner.prefix}`,
    ...{ calls, complaints, asked: log },
    statusOf: (call) => stageOf(call)[1],
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function kindOf(method: string, isList: boolean): Asked {
  if (method === 'POST') return isList ? 'create' : 'end';
  return isList ? 'list' : 'read';
}

function fieldsOf(
  text: string,
  { method, headers }: IncomingMessage,
  { dialect }: Manner,
  complain: (what: string) => void,
): Record<string, string> {
  if (method === 'GET') return {};
  const wanted = dialect === 'twilio' ? 'application/x-www-form-urlencoded' : 'application/json';
  if (headers['content-type'] !== wanted) complain(`content-type ${headers['content-type'] ?? 'none'}`);
  if (dialect === 'twilio') return Object.fromEntries(new URLSearchParams(text));
  return JSON.parse(text) as Record<string, string>;
}

function checkCreate(
  fields: Readonly<Record<string, string>>,
  { dialect }: Manner,
  calls: readonly Call[],
  isOver: (call: Call) => boolean,
  complain: (what: string) => void,
): void {
  for (const name of ['To', 'From']) if (!/^\+\d{8,15}$/.test(fields[name] ?? '')) complain(name);
  for (const name of Object.keys(fields)) if (!FIELDS.includes(name)) complain(`unknown field ${name}`);
  if (!(Number(fields['Timeout']) >= 5 && Number(fields['Timeout']) <= 600)) complain('Timeout');
  if (!(Number(fields['TimeLimit']) >= 1 && Number(fields['TimeLimit']) <= 60)) complain('TimeLimit');
  const script = fields[dialect === 'twilio' ? 'Twiml' : 'Texml'] ?? '';
  if (!/^<Response>.*<\/Response>$/.test(script)) complain('script');
  if (dialect === 'texml' && fields['ApplicationSid'] === undefined) complain('ApplicationSid');
  if (calls.some((each) => each.fields['To'] === fields['To'] && !isOver(each)))
    complain('a second call to one number');
}

/** Twilio: `canceled` ends what waits or rings, `completed` anything that is not over. False: there was nothing to end. */
function finish(call: Call, wanted: string, status: string, complain: (what: string) => void): boolean {
  if (wanted !== 'canceled' && wanted !== 'completed') complain(`Status ${wanted}`);
  if (FINAL.includes(status)) return false;
  if (status !== 'in-progress') call.ended = 'canceled';
  else if (wanted === 'completed') call.ended = 'completed';
  return true;
}

export function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
