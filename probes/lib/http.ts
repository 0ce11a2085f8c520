/**
 * One HTTP exchange, guarded: our own connector, redirects by hand, bytes and time capped, nothing decoded unless asked. It
 * says what came back and in which phase it broke; whether that is what support should say is its callers' business.
 */
import { Client } from 'undici';
import type { buildConnector } from 'undici';
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import type { Rung } from '../../src/core/model.ts';
import { dial, faultOf } from './connector.ts';
import type { Attempt, Certificate, Connection } from './connector.ts';
import { inflate } from './inflate.ts';
import { redirected } from './redirect.ts';
import { unsendable, wireHeaders } from './request.ts';
import type { Ask, Reply } from './request.ts';

/** What spec and courtesy allow a far side to make us read. */
const BODY_CAP = 256 * 1024;
const HEADERS_CAP = 64 * 1024;
const INTERIM_CAP = 8;
const FIELDS_CAP = 512;

/** What is known of an exchange, however far it got. */
export interface Course {
  /** Milliseconds of dns, connect, tls, first_byte, body; summed over hops. */
  readonly phases: Readonly<Record<string, number>>;
  readonly rung: Rung;
  readonly address: string | undefined;
  readonly certificate: Certificate | undefined;
  readonly attempts: readonly Attempt[];
  /** The addresses that redirects led to. */
  readonly redirects: readonly string[];
  /** What was asked last. */
  readonly ask: Ask;
}

export type Exchange = Course &
  (
    | { readonly ok: true; readonly reply: Reply }
    /** `reply`: as much as came, when its status came. */
    | { readonly ok: false; readonly fault: Fault; readonly reply: Reply | undefined }
  );

/** Asks once, following redirects as far as allowed. Never throws; nothing stays open. */
export async function exchange(first: Ask): Promise<Exchange> {
  let ask = first;
  let redirects: readonly string[] = [];
  const phases: Record<string, number> = {};
  for (;;) {
    const hop = await oneHop(ask, redirects);
    for (const [name, ms] of Object.entries(hop.phases)) phases[name] = (phases[name] ?? 0) + ms;
    const done = { ...hop, phases };
    if (!hop.ok) return { ...done, ok: false, fault: blameHop(hop.fault, redirects), reply: hop.reply };
    const next =
      first.follow === 0 ? undefined : redirected(ask, hop.reply, [first.url.href, ...redirects], first.follow);
    if (next === undefined) return done;
    if ('blame' in next) return { ...done, ok: false, fault: next, reply: hop.reply };
    redirects = [...redirects, next.url.href];
    ask = next;
  }
}

/** A private address that a redirect leads to is the far side's doing, unlike one in our own settings. */
function blameHop(why: Fault, redirects: readonly string[]): Fault {
  const to = redirects.at(-1);
  if (why.code !== 'ADDR_BLOCKED' || to === undefined) return why;
  return fault('ADDR_BLOCKED', `redirected to ${to}: ${why.message}`, { blame: 'line', cause: 'wrong_content' });
}

async function oneHop(ask: Ask, redirects: readonly string[]): Promise<Exchange> {
  const { url, reach, signal } = ask;
  const secure = url.protocol === 'https:';
  const dialled = await dial({
    host: url.hostname,
    port: Number(url.port === '' ? (secure ? 443 : 80) : url.port),
    reach,
    signal,
    at: ask.resolve,
    ...(secure ? { tls: { alpn: ['http/1.1'] } } : {}),
  });
  if (!dialled.ok) {
    const rung = dialled.address === undefined ? 'none' : 'reachable';
    const course = {
      phases: dialled.phases,
      rung,
      address: dialled.address,
      certificate: undefined,
      attempts: [],
      redirects,
      ask,
    } as const;
    return { ...course, ok: false, fault: dialled.fault, reply: undefined };
  }
  const { connection, phases } = dialled;
  const { address, certificate, attempts } = connection;
  const course = { address, certificate, attempts, redirects, ask };
  try {
    // Nothing is said to a far side that cannot prove its name: our headers may carry secrets.
    if (certificate?.fault !== undefined)
      return { ...course, ok: false, phases, rung: 'reachable', fault: certificate.fault, reply: undefined };
    const talk = await converse(connection, ask);
    const rung = talk.reply === undefined ? 'reachable' : 'accepting';
    if (talk.reply !== undefined) ask.jar?.take(ask.url, talk.reply.cookies);
    const all = { ...course, phases: { ...phases, ...talk.phases }, rung } as const;
    if (talk.fault !== undefined) return { ...all, ok: false, fault: talk.fault, reply: talk.reply };
    return await inflated(ask, talk.reply, all);
  } finally {
    connection.socket.destroy();
  }
}

async function inflated(ask: Ask, reply: Reply, course: Course): Promise<Exchange> {
  const encoding = reply.headers['content-encoding'] ?? '';
  const body =
    reply.truncated && encoding !== '' ? undefined : await inflate(reply.body, encoding, ask.decompress, BODY_CAP);
  if (body === undefined) {
    const why = fault('TOO_LARGE', `more than ${BODY_CAP} bytes of compressed body`);
    return { ...course, ok: false, fault: why, reply: { ...reply, body: Buffer.alloc(0) } };
  }
  if ('blame' in body) return { ...course, ok: false, fault: body, reply: { ...reply, body: Buffer.alloc(0) } };
  return { ...course, ok: true, reply: { ...reply, body } };
}

type Talk =
  | { readonly phases: Record<string, number>; readonly fault: undefined; readonly reply: Reply }
  | { readonly phases: Record<string, number>; readonly fault: Fault; readonly reply: Reply | undefined };

/** Made once: without a reason undici makes an error with a stack for every request that is over. */
const DONE = new Error('the look is over');

/** Sends the request on an open connection and reads the answer up to the caps. */
function converse(connection: Connection, ask: Ask): Promise<Talk> {
  const { socket } = connection;
  const headers = wireHeaders(ask);
  const bad = unsendable(headers);
  if (bad !== undefined) return Promise.resolve({ phases: {}, fault: bad, reply: undefined });
  const client = new Client(ask.url.origin, {
    connect: handOver(socket),
    pipelining: 1,
    maxHeaderSize: HEADERS_CAP,
    // The look's signal is the only clock; undici's own timers are coarse, and idle timers never catch a drip.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return new Promise((settle) => {
    const heard = new Heard();
    const finish = (why: Fault | undefined) => {
      ask.signal.removeEventListener('abort', expire);
      settle(heard.talk(why));
      // Its promise settles after the socket has gone; nobody has to wait for it.
      client.destroy(DONE).catch(() => undefined);
      socket.destroy();
    };
    const expire = () => {
      finish(heard.overdue());
    };
    ask.signal.addEventListener('abort', expire, { once: true });
    // A `data` listener would take bytes away from undici; `readable` only tells that they are there.
    socket.prependOnceListener('readable', () => {
      heard.firstByteAt = performance.now();
    });
    const { pathname, search } = ask.url;
    client.dispatch(
      { path: pathname + search, method: ask.method, headers, body: ask.body ?? null },
      {
        onRequestStart: () => undefined,
        onResponseStart: (controller, code, told) => {
          const refusal = heard.start(code, told);
          if (refusal !== undefined) controller.abort(new Error(refusal));
        },
        onResponseData: (controller, chunk) => {
          if (heard.add(chunk)) return;
          finish(undefined);
          controller.abort(new Error('enough'));
        },
        onResponseEnd: () => {
          finish(undefined);
        },
        onResponseError: (_controller, error) => {
          // Over TLS the socket, closed at the deadline as well, may be heard of first.
          finish(ask.signal.aborted ? heard.overdue() : talkFault(error, ask.url.host));
        },
      },
    );
    if (ask.signal.aborted) expire();
  });
}

/** The connection is made and judged already: undici gets it once, and none when it would like to try again. */
function handOver(socket: Connection['socket']): buildConnector.connector {
  let handed = false;
  return (_options, hand) => {
    // Not at once: undici does not notice a connection that is there before its own call has returned.
    queueMicrotask(() => {
      if (handed) hand(new Error('the one connection of this look is gone'), null);
      else hand(null, socket);
      handed = true;
    });
  };
}

/** What has been heard of an answer so far. */
class Heard {
  firstByteAt: number | undefined;
  #status: number | undefined;
  #headers: Readonly<Record<string, string>> = {};
  #cookies: readonly string[] = [];
  #interim = 0;
  #bytes = 0;
  #truncated = false;
  readonly #chunks: Buffer[] = [];
  readonly #began = performance.now();

  /** Why no more is heard: the far side says "wait" too often, or has too much to say before it answers. */
  start(code: number, headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
    if (code < 200) return (this.#interim += 1) > INTERIM_CAP ? 'too many interim answers (1xx)' : undefined;
    if (countOf(headers) > FIELDS_CAP) return `more than ${FIELDS_CAP} headers`;
    this.#status = code;
    this.#headers = joined(headers);
    const cookies = headers['set-cookie'];
    if (cookies !== undefined) this.#cookies = [cookies].flat();
    return undefined;
  }

  /** False when it is enough. */
  add(chunk: Buffer): boolean {
    const room = BODY_CAP - this.#bytes;
    this.#bytes += Math.min(chunk.length, room);
    this.#chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    this.#truncated = chunk.length > room;
    return !this.#truncated;
  }

  overdue(): Fault {
    if (this.firstByteAt === undefined)
      return fault('DEADLINE', 'connected, but not one byte of an answer came in time');
    if (this.#status === undefined) return fault('DEADLINE', 'the answer began, but its headers did not end in time');
    return fault(
      'DEADLINE',
      `status ${this.#status} came, but the body did not end in time (${this.#bytes} bytes so far)`,
    );
  }

  talk(why: Fault | undefined): Talk {
    const now = performance.now();
    const phases: Record<string, number> = { first_byte: (this.firstByteAt ?? now) - this.#began };
    if (this.firstByteAt !== undefined) phases['body'] = now - this.firstByteAt;
    if (this.#status === undefined)
      return { phases, fault: why ?? fault('PROTO_GARBAGE', 'an answer without a status'), reply: undefined };
    const body = this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
    const reply = {
      status: this.#status,
      headers: this.#headers,
      cookies: this.#cookies,
      body,
      bytes: this.#bytes,
      truncated: this.#truncated,
    };
    return { phases, fault: why, reply };
  }
}

function countOf(headers: Readonly<Record<string, string | string[] | undefined>>): number {
  let count = 0;
  for (const name in headers) count += Array.isArray(headers[name]) ? headers[name].length : 1;
  return count;
}

function joined(headers: Readonly<Record<string, string | string[] | undefined>>): Readonly<Record<string, string>> {
  const flat = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(headers))
    flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  return flat;
}

/** undici's and llhttp's errors; the socket's own ones are the connector's. */
function talkFault(error: Error, where: string): Fault {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  switch (code) {
    case 'UND_ERR_HEADERS_OVERFLOW':
    case 'HPE_HEADER_OVERFLOW':
      return fault('TOO_LARGE', `${where} sent more than ${HEADERS_CAP} bytes of headers`);
    case 'UND_ERR_SOCKET':
      // The same code for "bad response" and "bad upgrade": only there did the far side say something.
      if (error.message.startsWith('bad ')) return fault('PROTO_GARBAGE', `${where} does not speak proper HTTP`);
      return fault('PROTO_CLOSED', `${where} closed the connection before its answer was complete`);
    case 'UND_ERR_INVALID_ARG':
      return fault('SETTINGS', `the request cannot be sent: ${error.message}`);
    default:
      // llhttp's errors carry no code of their own; their name tells them from the socket's.
      if (code === '' || /^(?:HPE|UND_ERR)_/.test(code)) return fault('PROTO_GARBAGE', `${where}: ${error.message}`);
      return faultOf(error, 'talk', where);
  }
}
