/** One WebSocket, opened through the guarded connector, with a limit on everything the far side can send; it knows no script. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { ClientOptions, RawData } from 'ws';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { faultOf } from '../connector.ts';
import type { Connection } from '../connector.ts';
import type { Reply } from '../request.ts';
import { refusalFault } from './refusal.ts';

/** One message, and what all messages of a look may weigh together. */
const MESSAGE_CAP = 256 * 1024;
const BYTES_CAP = 1024 * 1024;
const MESSAGES_CAP = 400;
const PINGS_CAP = 500;
const BODY_CAP = 4 * 1024;
const BODY_MS = 500;
/** How long the far side may take to answer our close; `ws` itself would wait for 30 seconds. */
const CLOSE_MS = 400;
/** How often we ask whether the far side is still there while we wait, and how soon a pong is due. */
const PING_MS = 5_000;
const PONG_MS = 250;

export type Event =
  | { readonly kind: 'message'; readonly raw: string; readonly binary: boolean; readonly at: number }
  | {
      readonly kind: 'ended';
      readonly fault: Fault;
      readonly code?: number;
      readonly reason: string;
      readonly at: number;
    };

export interface Line {
  readonly subprotocol: string;
  /** False when the far side has gone. */
  send(raw: string): boolean;
  /** The next thing that happened, or undefined when `ms` passed first. An end is told again each time it is asked for. */
  next(ms: number): Promise<Event | undefined>;
  /** What has arrived by now, without waiting. */
  arrived(): readonly Event[];
  /** Why an unanswered ping says that nobody is there any more; undefined while somebody is, or where nobody is pinged. */
  silence?(): Fault | undefined;
  /** Says goodbye and waits a moment for the answer; the socket is gone afterwards, whatever the far side does. */
  close(code?: number): Promise<void>;
}

export type Upgraded =
  | { readonly ok: true; readonly line: Line }
  /** `reply`: HTTP was answered, so the server is reachable and said no. */
  | { readonly ok: false; readonly fault: Fault; readonly reply?: Reply };

export interface Call {
  readonly url: string;
  readonly subprotocol: string | undefined;
  readonly origin: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly connection: Connection;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

type Options = ClientOptions & { readonly closeTimeout: number; readonly maxPendingAutoPongs: number };

/** Turns an open connection into a WebSocket. Never throws. */
export function upgrade(call: Call): Promise<Upgraded> {
  const options: Options = {
    headers: { ...call.headers },
    // Compression is refused: a deflate bomb has nothing to inflate.
    perMessageDeflate: false,
    maxPayload: MESSAGE_CAP,
    maxFragments: 1024,
    maxBufferedChunks: 4096,
    maxPendingAutoPongs: 60,
    closeTimeout: CLOSE_MS,
    handshakeTimeout: Math.max(1, Math.floor(call.timeoutMs)),
    followRedirects: false,
    ...(call.origin === undefined ? {} : { origin: call.origin }),
    createConnection: () => call.connection.socket,
  };
  const where = new URL(call.url).host;
  let socket: WebSocket;
  try {
    socket = new WebSocket(call.url, call.subprotocol === undefined ? [] : [call.subprotocol], options);
  } catch (error) {
    return Promise.resolve({
      ok: false,
      fault: fault('SETTINGS', error instanceof Error ? error.message : 'unusable settings'),
    });
  }
  const line = listen(socket, where, call.signal);
  return new Promise((settle) => {
    const hangUp = () => socket.terminate();
    call.signal.addEventListener('abort', hangUp, { once: true });
    socket.once('close', () => call.signal.removeEventListener('abort', hangUp));
    socket.once('open', () => settle({ ok: true, line }));
    socket.once('error', (error) => settle({ ok: false, fault: refusal(error, where, call.signal) }));
    socket.once('close', () => settle({ ok: false, fault: overdue(where, call.signal) }));
    socket.once('unexpected-response', (request, response) => {
      void refused(request, response, where, call.headers)
        .then(settle)
        .finally(() => socket.terminate());
    });
    if (call.signal.aborted) hangUp();
  });
}

/** Gathers what arrives from the first byte on: a server that speaks first must not be missed. */
function listen(socket: WebSocket, where: string, signal: AbortSignal): Line {
  const queue: Event[] = [];
  let [bytes, messages, pings] = [0, 0, 0];
  const pulse = pulseOf(socket, where);
  let ended: (Event & { kind: 'ended' }) | undefined;
  let broken: Fault | undefined;
  let wake: (() => void) | undefined;

  const end = (why: Fault, reason = '', code?: number) => {
    ended ??= { kind: 'ended', fault: why, reason, at: performance.now(), ...(code === undefined ? {} : { code }) };
    wake?.();
  };
  const stop = (why: Fault) => {
    end(why);
    socket.terminate();
  };
  socket.on('message', (data: RawData, binary: boolean) => {
    const raw = textOf(data);
    bytes += raw.length;
    messages += 1;
    if (ended !== undefined) return;
    if (messages > MESSAGES_CAP || bytes > BYTES_CAP) {
      stop(fault('TOO_LARGE', `${where} sent more than we listen to (${messages} messages, ${bytes} bytes)`));
      return;
    }
    queue.push({ kind: 'message', raw, binary, at: performance.now() });
    wake?.();
  });
  socket.on('ping', () => {
    pings += 1;
    if (pings === PINGS_CAP) stop(fault('PROTO_GARBAGE', `${where} sent ${PINGS_CAP} pings`));
  });
  socket.on('error', (error) => {
    broken ??= refusal(error, where, signal);
  });
  socket.on('close', (code: number, reason: Buffer) => {
    const said = reason.toString('utf8');
    end(broken ?? (signal.aborted ? overdue(where, signal) : closing(code, said, where)), said, code);
  });

  return {
    get subprotocol() {
      return socket.protocol;
    },
    send(raw) {
      if (socket.readyState !== WebSocket.OPEN) return false;
      socket.send(raw);
      return true;
    },
    async next(ms) {
      const until = performance.now() + ms;
      for (;;) {
        const event = queue.shift() ?? ended;
        const left = until - performance.now();
        if (event !== undefined || left <= 0) return event;
        pulse.feel();
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(left, PING_MS));
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = undefined;
      }
    },
    silence: pulse.silence,
    arrived: () => queue.splice(0),
    close: (code = 1000) => goodbye(socket, code),
  };
}

/** Whether the far side still answers pings: a connection may be dead and nobody tells. */
function pulseOf(
  socket: WebSocket,
  where: string,
): { readonly feel: () => void; readonly silence: () => Fault | undefined } {
  let [askedAt, heardAt] = [-Infinity, -Infinity];
  for (const event of ['message', 'ping', 'pong'])
    socket.on(event, () => {
      heardAt = performance.now();
    });
  return {
    feel() {
      if (performance.now() - askedAt < PING_MS || socket.readyState !== WebSocket.OPEN) return;
      askedAt = performance.now();
      socket.ping();
    },
    silence: () =>
      heardAt < askedAt && performance.now() - askedAt > PONG_MS
        ? fault(
            'PROTO_CLOSED',
            `${where} takes our words and answers no ping (RFC 6455 §5.5.3): the connection is dead`,
          )
        : undefined,
  };
}

function goodbye(socket: WebSocket, code: number): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.terminate(), CLOSE_MS + 100);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.close(code);
  });
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.from(data).toString('utf8');
}

/** What broke the handshake or the framing. Codes are those of `ws` (RFC 6455 §5, §7) and of Node's HTTP parser. */
function refusal(error: Error, where: string, signal: AbortSignal): Fault {
  if (signal.aborted) return overdue(where, signal);
  const code = 'code' in error ? String(error.code) : '';
  if (/^WS_ERR_(?:UNSUPPORTED_|TOO_MANY_)|^HPE_HEADER_OVERFLOW/.test(code))
    return fault('TOO_LARGE', `${where} sent more than we read: ${error.message}`);
  if (code === 'WS_ERR_INVALID_UTF8') return fault('CHARSET', `${where} sent a text frame that is no UTF-8`);
  if (code.startsWith('WS_ERR_'))
    return fault('PROTO_GARBAGE', `${where} broke the WebSocket framing: ${error.message}`);
  if (code.startsWith('HPE_')) return fault('PROTO_GARBAGE', `${where} did not answer in HTTP: ${error.message}`);
  // A browser gives up here too, so a customer's chat does not open.
  if (error.message.includes('subprotocol')) return fault('PROTO_REFUSED', `${where}: ${error.message}`);
  if (/Sec-WebSocket|Upgrade header|extension/.test(error.message))
    return fault('PROTO_GARBAGE', `${where}: ${error.message}`);
  if (error.message.includes('timed out'))
    return fault('DEADLINE', `${where} did not finish the WebSocket handshake in time`);
  if (error.message.includes('hang up'))
    return fault('PROTO_CLOSED', `${where} closed the connection instead of answering the handshake`);
  return faultOf(error, 'talk', where);
}

function overdue(where: string, signal: AbortSignal): Fault {
  return signal.aborted
    ? fault('DEADLINE', `${where} took the connection and did not get further in time`)
    : fault('PROTO_CLOSED', `${where} closed the connection`);
}

/** RFC 6455 §7.4.1 and the IANA registry of close codes. */
function closing(code: number, reason: string, where: string): Fault {
  const said = `${where} closed the chat with ${code}${reason === '' ? '' : ` (${reason.slice(0, 120)})`}`;
  switch (code) {
    case 1006:
      return fault('PROTO_CLOSED', `${where} dropped the connection without closing the chat`);
    case 1008:
      return fault('REJECTED', said);
    case 1011:
      return fault('SERVER_ERROR', said);
    case 1012:
      return fault('PROTO_CLOSED', said, { cause: 'server_error' });
    case 1013:
      return fault('OVERLOAD', said);
    case 1014:
      return fault('SERVER_ERROR', said);
    default:
      return fault('PROTO_CLOSED', said);
  }
}

/** HTTP instead of a WebSocket: a little of the body is read, since it may say that this is maintenance. */
async function refused(
  request: ClientRequest,
  response: IncomingMessage,
  where: string,
  headers: Readonly<Record<string, string>>,
): Promise<Upgraded> {
  const body = await bodyOf(response);
  request.destroy();
  const { statusCode: status = 0, headersDistinct } = response;
  const told = Object.entries(headersDistinct).map(([name, lines = []]) => [name, lines.join(', ')] as const);
  const reply: Reply = {
    ...{ status, headers: Object.fromEntries(told), cookies: [] },
    ...{ body, bytes: body.length, truncated: body.length >= BODY_CAP },
  };
  return { ok: false, fault: upgradeFault(reply, where, Object.keys(headers).length > 0), reply };
}

function bodyOf(response: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = () => {
      clearTimeout(timer);
      response.destroy();
      resolve(Buffer.concat(chunks).subarray(0, BODY_CAP));
    };
    const timer = setTimeout(done, BODY_MS);
    response.on('error', done);
    response.on('end', done);
    response.on('close', done);
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= BODY_CAP) done();
    });
  });
}

function upgradeFault(reply: Reply, where: string, known: boolean): Fault {
  const { status, headers } = reply;
  const said = `${where} answered ${status} instead of opening the chat`;
  const isElsewhere = status >= 300 && status < 400;
  const why = refusalFault(reply, isElsewhere ? `${said}, and points to ${target(headers['location'])}` : said, known);
  return why === undefined || status === 426 ? fault('PROTO_REFUSED', `${said}: this is no WebSocket`) : why;
}

/** Origin and path only: a query may carry a token. */
function target(location: string | undefined): string {
  const url = location === undefined ? null : URL.parse(location, 'https://same.invalid');
  return url === null ? 'nowhere' : `${url.host === 'same.invalid' ? '' : url.origin}${url.pathname}`.slice(0, 120);
}
