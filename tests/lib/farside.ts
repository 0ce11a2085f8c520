/** A telephone at the far end that does what a test says, message by message and packet by packet; it judges nothing. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Finding } from '../../src/core/model.ts';
import type { Memory } from '../../src/core/probe.ts';
import kind from '../../probes/sip-call.ts';
import { parseEvent } from '../../probes/lib/media/dtmf.ts';
import { encode } from '../../probes/lib/media/g711.ts';
import { formatPacket, parsePacket } from '../../probes/lib/media/rtp.ts';
import { headerOf, listOf, parameterOf, uriOf } from '../../probes/lib/sip/header.ts';
import { formatMessage, parseMessage } from '../../probes/lib/sip/message.ts';
import type { Header, SipMessage, SipRequest, SipResponse } from '../../probes/lib/sip/message.ts';

export interface Reply {
  readonly tag?: string | undefined;
  /** Beside those that every response has; the value undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
}

export interface FarEnd {
  readonly port: number;
  readonly heard: readonly SipMessage[];
  requests(method: string): SipRequest[];
  responses(method: string): SipResponse[];
  /** Answers where the request came from; `by` another socket, when given. */
  reply(request: SipRequest, status: number, reason: string, reply?: Reply, by?: Socket): void;
  /** A request of its own within the call that `invite` began. */
  ask(invite: SipRequest, method: string, cseq: number, change?: Readonly<Record<string, string>>, body?: string): void;
  send(bytes: Buffer): void;
  close(): Promise<void>;
}

type Hear = (request: SipRequest, end: FarEnd, count: number) => void;

export async function openFarEnd(hear: Hear, host = '127.0.0.1'): Promise<FarEnd> {
  const socket = await bound(host);
  const heard: SipMessage[] = [];
  let from: RemoteInfo | undefined;
  let open = true;
  const { port } = socket.address();
  const end: FarEnd = {
    port,
    heard,
    requests: (method) => heard.filter((each) => each.kind === 'request').filter((each) => each.method === method),
    responses: (method) =>
      heard
        .filter((each) => each.kind === 'response')
        .filter((each) => headerOf(each, 'cseq')?.endsWith(method) === true),
    reply: (request, status, reason, reply = {}, by = socket) => {
      if (open) by.send(replyTo(request, status, reason, contactAt(host, port), reply), from?.port ?? 0, host);
    },
    ask: (invite, method, cseq, change = {}, body = '') => {
      if (open) socket.send(requestIn(invite, method, { cseq, port, change, body }), from?.port ?? 0, host);
    },
    send: (bytes) => {
      if (open) socket.send(bytes, from?.port ?? 0, host);
    },
    close: () => {
      open = false;
      return closed(socket);
    },
  };
  socket.on('message', (bytes, sender) => {
    const parsed = parseMessage(bytes);
    if (!parsed.ok) return;
    from = sender;
    heard.push(parsed.message);
    if (parsed.message.kind === 'request') hear(parsed.message, end, end.requests(parsed.message.method).length);
  });
  return end;
}

const contactAt = (host: string, port: number): string =>
  `<sip:far@${host.includes(':') ? `[${host}]` : host}:${port}>`;

export async function bound(host = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  return socket;
}

export const closed = (socket: Socket): Promise<void> =>
  new Promise((done) => {
    socket.close(() => done());
  });

function replyTo(
  request: SipRequest,
  status: number,
  reason: string,
  contact: string,
  { tag = 'far', headers = {}, body = '' }: Reply,
): Buffer {
  const to = headerOf(request, 'to') ?? '';
  const usual: Record<string, string | undefined> = {
    from: headerOf(request, 'from'),
    to: parameterOf(to, 'tag') === undefined && tag !== '' && status > 100 ? `${to};tag=${tag}` : to,
    'call-id': headerOf(request, 'call-id'),
    cseq: headerOf(request, 'cseq'),
    contact,
    ...(body === '' ? {} : { 'content-type': 'application/sdp' }),
    ...headers,
  };
  const all: Header[] = listOf(request, 'via').map((value) => ({ name: 'via', value }));
  for (const [name, value] of Object.entries(usual))
    if (value !== undefined) all.push(...value.split('\n').map((each) => ({ name, value: each })));
  return formatMessage({ kind: 'response', status, reason, headers: all, body: Buffer.from(body) });
}

interface Request {
  readonly cseq: number;
  readonly port: number;
  readonly change: Readonly<Record<string, string>>;
  readonly body: string;
}

function requestIn(invite: SipRequest, method: string, { cseq, port, change, body }: Request): Buffer {
  const usual: Record<string, string> = {
    via: `SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${randomBytes(6).toString('hex')};rport`,
    'max-forwards': '70',
    from: `${headerOf(invite, 'to') ?? ''};tag=far`,
    to: headerOf(invite, 'from') ?? '',
    'call-id': headerOf(invite, 'call-id') ?? '',
    cseq: `${cseq} ${method}`,
    contact: `<sip:far@127.0.0.1:${port}>`,
    ...(body === '' ? {} : { 'content-type': 'application/sdp' }),
    ...change,
  };
  const headers = Object.entries(usual).map(([name, value]) => ({ name, value }));
  const uri = uriOf(headerOf(invite, 'contact') ?? '');
  return formatMessage({ kind: 'request', method, uri, headers, body: Buffer.from(body) });
}

/** A description of sound at a port; `change` replaces whole lines by their beginning. */
export function sdpFor(port: number, change: Readonly<Record<string, string>> = {}): string {
  const lines = ['v=0', 'o=far 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'].concat([
    `m=audio ${port} RTP/AVP 0 101`,
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:101 telephone-event/8000',
  ]);
  return `${lines.map((line) => change[line.slice(0, 2)] ?? line).join('\r\n')}\r\n`;
}

export interface Speaker {
  readonly port: number;
  /** Keys that were pressed, by their end packets. */
  readonly keys: () => string;
  readonly packets: () => number;
  /** Plays to where an INVITE wants its sound, from the beginning. */
  play(invite: SipRequest, sound: Int16Array): void;
  close(): Promise<void>;
}

export async function openSpeaker(host = '127.0.0.1'): Promise<Speaker> {
  const socket = await bound(host);
  const pressed = new Map<number, string>();
  let packets = 0;
  let timer: NodeJS.Timeout | undefined;
  socket.on('message', (bytes) => {
    packets += 1;
    const packet = parsePacket(bytes);
    const event = packet?.payloadType === 101 ? parseEvent(packet.payload) : undefined;
    if (packet !== undefined && event?.end === true) pressed.set(packet.timestamp, event.key);
  });
  return {
    port: socket.address().port,
    keys: () => [...pressed.values()].join(''),
    packets: () => packets,
    play(invite, sound) {
      clearInterval(timer);
      const to = Number(/^m=audio (\d+)/m.exec(invite.body.toString())?.[1]);
      const bytes = Buffer.from(encode('PCMU', sound));
      const began = performance.now();
      let sent = 0;
      timer = setInterval(() => {
        for (; sent < (performance.now() - began) / 20 && sent * 160 < bytes.length; sent += 1) {
          const payload = bytes.subarray(sent * 160, sent * 160 + 160);
          const about = { marker: sent === 0, payloadType: 0, sequence: sent + 7, source: 99, payload };
          socket.send(formatPacket({ ...about, timestamp: sent * 160 }), to, host);
        }
      }, 20);
    },
    close() {
      clearInterval(timer);
      return closed(socket);
    },
  };
}

let numbers = 0;

/** Settings for a call to a far end at a port: each call has a number of its own. */
export function callTo(port: number, settings: Record<string, unknown> = {}): Record<string, unknown> {
  numbers += 1;
  const number = `+62215000${String(process.pid % 1_000).padStart(3, '0')}${numbers}`;
  const { trunk, ...others } = settings;
  const address = `sip:127.0.0.1:${port}`;
  return {
    allow_private: true,
    trunk: { address, ...(trunk as object | undefined) },
    call: number,
    allow: [number],
    ...others,
  };
}

/** One look of `sip-call`. */
export async function call(
  settings: Record<string, unknown>,
  timeoutMs = 20_000,
  signal?: AbortSignal,
  memory?: Memory,
): Promise<Finding> {
  return kind.look(kind.schema.parse(settings), {
    signal: signal ?? AbortSignal.timeout(timeoutMs),
    startedAt: Date.now(),
    timeoutMs,
    runId: randomBytes(16).toString('hex'),
    timezone: 'Asia/Jakarta',
    ...(memory === undefined ? {} : { memory }),
  });
}
