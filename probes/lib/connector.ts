/**
 * The one guarded way out for every probe: resolve, check the address policy, connect, speak TLS; each phase timed, every
 * failure a fault. It never verifies by trust: certificates are read even when they are bad, then judged.
 */
import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { SecureContext, TLSSocket } from 'node:tls';
import { degraded, fault, failed, unknown } from '../../src/core/fault.ts';
import type { Fault, FaultCode } from '../../src/core/fault.ts';
import type { Finding, Rung, Sight } from '../../src/core/model.ts';
import { authority, canonicalHost } from './address.ts';
import { readCertificate, trustOf } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import type { Reach } from './reach.ts';
import { isAllowed, judgeAddresses, resolve } from './resolver.ts';

export { aliasOf, resolve, resolveMx } from './resolver.ts';
export type { Certificate } from './certificate.ts';

export interface Dial {
  readonly host: string;
  readonly port: number;
  readonly reach: Reach;
  readonly signal: AbortSignal;
  /** Present: speak TLS at once. `name` is the name to expect; default `host`. A bad certificate does not stop the dial. */
  readonly tls?: { readonly name?: string; readonly alpn?: readonly string[] };
  /** Connect to this address instead of asking the name server; the policy holds for it too. */
  readonly at?: string | undefined;
}

/** An address that did not connect before another one did. */
export interface Attempt {
  readonly address: string;
  readonly fault: Fault;
}

export interface Connection {
  readonly socket: Socket | TLSSocket;
  /** The address that was checked and is connected: `1.2.3.4` or `2001:db8::1`. */
  readonly address: string;
  readonly certificate: Certificate | undefined;
  /** Addresses of the same name that failed before this one. */
  readonly attempts: readonly Attempt[];
}

/** Milliseconds of `dns`, `connect` and `tls`, as far as it got. */
export type DialPhases = Partial<Record<'dns' | 'connect' | 'tls', number>>;

export type Dialled =
  | { readonly ok: true; readonly connection: Connection; readonly phases: DialPhases }
  | {
      readonly ok: false;
      readonly fault: Fault;
      readonly phases: DialPhases;
      /** Present when TCP connected and TLS failed: the address, and that the rung is `reachable`. */
      readonly address?: string;
    };

/** Opens one connection. Never throws; the socket is destroyed when `signal` fires. The caller destroys it in `finally`. */
export async function dial(to: Dial): Promise<Dialled> {
  // Read before the clock of any phase runs: a slow disk is not a slow handshake.
  const trust = to.tls === undefined ? undefined : await trustOf(to.reach.ca);
  if (trust !== undefined && isFault(trust)) return { ok: false, fault: trust, phases: {} };
  const pinned = to.at === undefined ? undefined : judgeAddresses(to.host, [to.at], to.reach);
  if (pinned !== undefined) return { ok: false, fault: pinned, phases: {} };
  const resolved = await resolve(to.at ?? to.host, to.reach, to.signal);
  const phases: DialPhases = { dns: resolved.ms };
  if (!resolved.ok) return { ok: false, fault: resolved.fault, phases };

  const began = performance.now();
  const reached = await connectAny(resolved.addresses, to);
  phases.connect = performance.now() - began;
  if (!reached.ok) return { ok: false, fault: reached.fault, phases };
  const { connection } = reached;
  if (trust === undefined) return { ok: true, connection, phases };

  const tls = await handshake(connection, { ...to.tls, name: to.tls?.name ?? to.host }, trust, to.signal);
  return { ...tls, phases: { ...phases, ...tls.phases } };
}

/**
 * Speaks TLS on a connection that is open already (STARTTLS). Never throws. The caller takes its `data` listeners off first and
 * has made sure that nothing came after the far side's consent, or plain text could be slipped in.
 */
export async function upgrade(
  connection: Connection,
  tls: { readonly name: string; readonly reach: Reach; readonly signal: AbortSignal },
): Promise<Dialled> {
  const trust = await trustOf(tls.reach.ca);
  if (isFault(trust)) return { ok: false, fault: trust, phases: {}, address: connection.address };
  return handshake(connection, { name: tls.name }, trust, tls.signal);
}

type Reached = { readonly ok: true; readonly connection: Connection } | { readonly ok: false; readonly fault: Fault };

/** RFC 8305 §5: the next address gets its chance when this one has been silent so long, and a black hole eats no deadline. */
const STAGGER_MS = 250;

/** The first address that connects. A failure or a silence starts the next one; losers are destroyed. */
function connectAny(addresses: readonly string[], to: Dial): Promise<Reached> {
  return new Promise((settle) => {
    const open = new Map<Socket, string>();
    const attempts: Attempt[] = [];
    const waiting = [...addresses];
    let timer: NodeJS.Timeout | undefined;

    const finish = (reached: Reached, winner?: Socket) => {
      clearTimeout(timer);
      to.signal.removeEventListener('abort', giveUp);
      for (const socket of open.keys()) if (socket !== winner) socket.destroy();
      settle(reached);
    };
    const giveUp = () => {
      for (const address of open.values()) attempts.push({ address, fault: silent(address, to.port) });
      finish({ ok: false, fault: sumUp(attempts, to) });
    };
    const next = () => {
      clearTimeout(timer);
      const address = waiting.shift();
      if (address !== undefined) attempt(address);
      else if (open.size === 0) finish({ ok: false, fault: sumUp(attempts, to) });
    };
    const attempt = (address: string) => {
      const socket = connect({ host: address, port: to.port, noDelay: true, autoSelectFamily: false });
      open.set(socket, address);
      socket.on('error', (error) => {
        if (!open.delete(socket)) return;
        attempts.push({ address, fault: faultOf(error, 'connect', authority(address, to.port)) });
        next();
      });
      socket.once('connect', () => {
        // The very address that was checked: there is no second look-up, and here is the proof.
        const there = socket.remoteAddress ?? '';
        if (there !== address && !isAllowed(there, to.reach))
          return socket.destroy(new Error(`connected to ${there} instead of ${address}`));
        for (const [other, at] of open)
          if (other !== socket) attempts.push({ address: at, fault: silent(at, to.port) });
        guard(socket, to.signal);
        const connection = { socket, address, certificate: undefined, attempts };
        finish({ ok: true, connection }, socket);
        open.clear();
        return undefined;
      });
      if (waiting.length > 0) timer = setTimeout(next, STAGGER_MS);
    };

    to.signal.addEventListener('abort', giveUp, { once: true });
    if (to.signal.aborted) giveUp();
    else next();
  });
}

const silent = (address: string, port: number): Fault =>
  fault('TCP_TIMEOUT', `${authority(address, port)} does not answer (TCP)`);

/** One fault for several failed addresses: what a far side did says more than that we have no road to another one. */
function sumUp(attempts: readonly Attempt[], to: Dial): Fault {
  const worst = attempts.find((each) => each.fault.blame === 'line') ?? attempts[0];
  if (worst === undefined) return silent(to.host, to.port);
  const others = attempts.filter((each) => each !== worst).map((each) => each.fault.message);
  if (others.length === 0) return worst.fault;
  return fault(worst.fault.code, `${worst.fault.message}; also tried: ${others.join('; ')}`, {
    cause: worst.fault.cause,
    blame: worst.fault.blame,
  });
}

/**
 * No error goes unheard and nothing outlives the signal. The listener on the signal leaves with the socket, and so do all who
 * listened to it: small collections may keep a socket that is over for long, and should not keep the whole look with it.
 */
function guard(socket: Socket, signal: AbortSignal): void {
  const destroy = () => socket.destroy();
  socket.on('error', () => undefined);
  signal.addEventListener('abort', destroy, { once: true });
  socket.once('close', () => {
    signal.removeEventListener('abort', destroy);
    socket.removeAllListeners();
  });
}

interface Greeting {
  readonly name: string;
  readonly alpn?: readonly string[];
}

function handshake(plain: Connection, tls: Greeting, trust: SecureContext, signal: AbortSignal): Promise<Dialled> {
  const began = performance.now();
  const name = canonicalHost(tls.name) ?? tls.name;
  return new Promise((settle) => {
    const socket = connectTls({
      socket: plain.socket,
      secureContext: trust,
      rejectUnauthorized: false,
      // RFC 6066 §3: no literal addresses in SNI.
      servername: isIP(name) === 0 ? name : '',
      // Judged in `readCertificate`, where a wrong name is told apart from a wrong date.
      checkServerIdentity: () => undefined,
      ...(tls.alpn === undefined ? {} : { ALPNProtocols: [...tls.alpn] }),
    });
    guard(socket, signal);
    socket.once('close', () => plain.socket.destroy());
    const phases = () => ({ tls: performance.now() - began });
    const giveUp = (why: Fault) => {
      socket.destroy();
      plain.socket.destroy();
      settle({ ok: false, fault: why, phases: phases(), address: plain.address });
    };
    const where = authority(name, plain.socket.remotePort ?? 0);
    socket.once('error', (error) => {
      giveUp(faultOf(error, 'tls', where));
    });
    socket.once('close', () => {
      giveUp(
        signal.aborted
          ? fault('TLS_TIMEOUT', `${where} took the connection and did not finish the TLS handshake`)
          : fault('TLS_FAILED', `${where} closed the connection during the TLS handshake`),
      );
    });
    socket.once('secureConnect', () => {
      const certificate = readCertificate(socket, name, Date.now());
      settle({ ok: true, connection: { ...plain, socket, certificate }, phases: phases() });
    });
    if (signal.aborted) socket.destroy();
  });
}

const ERRORS: Readonly<Record<string, readonly [code: FaultCode, says: string]>> = {
  ECONNREFUSED: ['TCP_REFUSED', 'refuses the connection'],
  ETIMEDOUT: ['TCP_TIMEOUT', 'does not answer (TCP)'],
  ECONNRESET: ['TCP_RESET', 'reset the connection'],
  EPIPE: ['TCP_RESET', 'closed the connection while we were writing'],
  ECONNABORTED: ['TCP_RESET', 'aborted the connection'],
  EHOSTUNREACH: ['TCP_UNREACHABLE', 'cannot be reached: a router on the way says so'],
  ENETUNREACH: ['NO_ROUTE', 'cannot be reached: this machine has no route there'],
  ENETDOWN: ['NO_ROUTE', 'cannot be reached: the network of this machine is down'],
  EADDRNOTAVAIL: ['NO_ROUTE', 'cannot be reached: this machine has no usable address or port'],
  EAFNOSUPPORT: ['NO_ROUTE', 'cannot be reached: this machine does not speak this version of IP'],
  EACCES: ['NO_ROUTE', 'cannot be reached: this machine forbids it'],
  EPERM: ['NO_ROUTE', 'cannot be reached: a firewall of this machine forbids it'],
  EINVAL: ['NO_ROUTE', 'cannot be reached: this machine refuses the route'],
  EMFILE: ['SELF_OVERLOAD', 'was not looked at: too many open files in this process'],
  ENFILE: ['SELF_OVERLOAD', 'was not looked at: too many open files on this machine'],
  ENOBUFS: ['SELF_OVERLOAD', 'was not looked at: this machine is out of buffers'],
  ENOMEM: ['SELF_OVERLOAD', 'was not looked at: this machine is out of memory'],
  // What OpenSSL says when the first bytes are no TLS record.
  ERR_SSL_WRONG_VERSION_NUMBER: ['TLS_NOT_TLS', 'does not speak TLS on this port'],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ['TLS_NOT_TLS', 'does not speak TLS on this port'],
  ERR_SSL_HTTP_REQUEST: ['TLS_NOT_TLS', 'does not speak TLS on this port'],
  ERR_SSL_BAD_RECORD_TYPE: ['TLS_NOT_TLS', 'does not speak TLS on this port'],
  ERR_SSL_UNEXPECTED_MESSAGE: ['TLS_NOT_TLS', 'does not speak TLS on this port'],
  ERR_SSL_UNSUPPORTED_PROTOCOL: ['TLS_FAILED', 'speaks only TLS older than 1.2'],
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: ['TLS_FAILED', 'shares no version of TLS with us (1.2 at least)'],
};

/**
 * The fault of a socket's or TLS error (`ECONNREFUSED`, `ECONNRESET`, `EHOSTUNREACH`, `ERR_SSL_…`, …). What is none of these is
 * a broken handshake, a broken dialogue or an address that cannot be reached, by what we were doing.
 */
export function faultOf(error: unknown, during: 'connect' | 'tls' | 'talk', where = 'the far side'): Fault {
  const { code, name, message } = told(error);
  if (name === 'AbortError' || name === 'TimeoutError') return overdue(during, where);
  if (during === 'tls' && (code === 'ECONNRESET' || code === 'EPIPE'))
    return fault('TLS_FAILED', `${where} closed the connection during the TLS handshake`);
  const known = ERRORS[code];
  if (known !== undefined) return fault(known[0], `${where} ${known[1]}`);
  const says = code === '' ? message : code;
  if (during === 'tls' || /^ERR_(?:SSL|TLS)_/.test(code)) return fault('TLS_FAILED', `${where}: TLS failed: ${says}`);
  return fault(during === 'connect' ? 'TCP_UNREACHABLE' : 'PROTO_CLOSED', `${where}: ${says}`);
}

function told(error: unknown): { readonly code: string; readonly name: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: '', name: '', message: 'unknown error' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { code, name: error.name, message: error.message };
}

function overdue(during: 'connect' | 'tls' | 'talk', where: string): Fault {
  if (during === 'connect') return fault('TCP_TIMEOUT', `${where} does not answer (TCP)`);
  if (during === 'tls') return fault('TLS_TIMEOUT', `${where} did not finish the TLS handshake in time`);
  return fault('DEADLINE', `${where} did not answer in time`);
}

/** What a fault makes of a look: `failed` when it says something about the far side, `unknown` when it is ours. */
export function findingOf(why: Fault, rung: Rung, sight?: Sight): Finding {
  // Whoever answers in another language answers: a barrier to some customers, and no outage.
  if (why.code === 'LANGUAGE') return degraded('answered', why, sight);
  return why.blame === 'network' || why.blame === 'probe' ? unknown(why, sight) : failed(rung, why, sight);
}

const isFault = (value: SecureContext | Fault): value is Fault => 'blame' in value;
