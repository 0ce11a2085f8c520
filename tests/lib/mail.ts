/** Far sides for mail tests: an SMTP server that does what a script says, a name server likewise, and certificates. */
import 'reflect-metadata';
import { createSocket } from 'node:dgram';
import type { Socket as DnsSocket } from 'node:dgram';
import dns from 'node:dns';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Finding } from '../../src/core/model.ts';
import type { ProbeContext, ProbeKind } from '../../src/core/probe.ts';

/** Looks once, as the runner does. */
export async function lookAt(
  kind: ProbeKind,
  settings: Record<string, unknown>,
  timeoutMs = 4_000,
  signal = AbortSignal.timeout(timeoutMs),
  more: Partial<ProbeContext> = {},
): Promise<Finding> {
  const context = { signal, startedAt: Date.now(), timeoutMs, runId: '0123456789abcdef'.repeat(2), timezone: 'UTC' };
  return await kind.look(kind.schema.parse({ allow_private: true, ...settings }), { ...context, ...more });
}

/** Code of a finding's fault, or `ok`. */
export const codeOf = (finding: Finding): string => (finding.kind === 'ok' ? 'ok' : finding.fault.code);

export const messageOf = (finding: Finding): string => (finding.kind === 'ok' ? '' : finding.fault.message);

/** What a scripted server answers: a text to send, or whatever else it does with the connection. */
export type Answer = string | ((socket: Socket, swap: (socket: Socket) => void) => void);

export interface Script {
  readonly port: number;
  /** Lines that clients said, without the names they gave. */
  readonly heard: readonly string[];
  close(): Promise<void>;
}

/**
 * A mail server on loopback: `banner` first, then an answer for each verb; what the script does not name is answered politely.
 * Texts are sent as Latin-1, with what line ends they have.
 */
export async function openScript(
  answers: Readonly<Record<string, Answer>>,
  host = '127.0.0.1',
  port = 0,
): Promise<Script> {
  const all: Record<string, Answer> = { ...POLITE, ...answers };
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const listen = (to: Socket): void => {
      let rest = '';
      to.on('error', () => undefined);
      to.on('data', (chunk: Buffer) => {
        rest += chunk.toString('latin1');
        for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n')) {
          const line = rest.slice(0, end).trim();
          rest = rest.slice(end + 1);
          heard.push(line);
          give(to, all[line.split(' ', 1)[0]?.toUpperCase() ?? ''] ?? '500 what?\r\n', listen);
        }
      });
    };
    listen(socket);
    give(socket, all['banner'] ?? '', listen);
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    async close() {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

function give(socket: Socket, answer: Answer, listen: (socket: Socket) => void): void {
  if (typeof answer === 'string') socket.write(answer, 'latin1');
  else answer(socket, listen);
}

const POLITE: Readonly<Record<string, Answer>> = {
  banner: '220 mx.test ESMTP\r\n',
  EHLO: '250-mx.test\r\n250 ENHANCEDSTATUSCODES\r\n',
  HELO: '250 mx.test\r\n',
  MAIL: '250 2.1.0 sender fine\r\n',
  RCPT: '250 2.1.5 recipient fine\r\n',
  RSET: '250 2.0.0 forgotten\r\n',
  QUIT: (socket) => socket.end('221 2.0.0 bye\r\n'),
};

/** An answer that speaks TLS from here on. */
export function startTls(pem: Pem, before = '220 go ahead\r\n'): Answer {
  return (socket, listen) => {
    socket.removeAllListeners('data');
    socket.write(before);
    listen(new TLSSocket(socket, { isServer: true, key: pem.key, cert: pem.cert }));
  };
}

export interface Pem {
  readonly key: string;
  readonly cert: string;
}

export interface Authority {
  /** Path of its PEM file. */
  readonly path: string;
  issue(names: readonly string[], days: number): Promise<Pem>;
  close(): Promise<void>;
}

const DAY_MS = 86_400_000;
const CURVE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A certificate authority of this test alone; negative `days` are the past. */
export async function openAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'mail-ca-'));
  const keys = await crypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const now = Date.now();
  const root = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Mail tests',
    keys,
    notBefore: new Date(now - 900 * DAY_MS),
    notAfter: new Date(now + 30 * DAY_MS),
    signingAlgorithm: CURVE,
    extensions: [new BasicConstraintsExtension(true, 1, true)],
  });
  const path = join(folder, 'ca.pem');
  await writeFile(path, root.toString('pem'));
  return {
    path,
    async issue(names, days) {
      const pair = await crypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
      const leaf = await X509CertificateGenerator.create({
        subject: `CN=${names[0] ?? 'nobody'}`,
        issuer: root.subject,
        publicKey: pair.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: CURVE,
        notBefore: new Date(now - 400 * DAY_MS),
        // Half a day more, so that the whole days left are as many as was said.
        notAfter: new Date(now + (days + 0.5) * DAY_MS),
        extensions: [
          new SubjectAlternativeNameExtension(
            names.map((value) => ({ type: /^[\d.]+$/.test(value) ? 'ip' : 'dns', value })),
          ),
        ],
      });
      const key = await crypto.subtle.exportKey('pkcs8', pair.privateKey);
      return { key: PemConverter.encode(key, 'PRIVATE KEY'), cert: leaf.toString('pem') };
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What a scripted name server says to one question: addresses, exchangers, a response code, or nothing at all. */
export type DnsAnswer =
  | { readonly a: readonly string[] }
  | { readonly mx: readonly (readonly [preference: number, host: string])[] }
  | { readonly aaaa: readonly string[] }
  | { readonly naptr: readonly (readonly [order: number, preference: number, service: string, host: string])[] }
  | { readonly srv: readonly (readonly [priority: number, weight: number, port: number, host: string])[] }
  | { readonly cname: string }
  | { readonly code: 'NODATA' | 'SERVFAIL' | 'NXDOMAIN' | 'REFUSED' }
  | 'silence';

export interface NameServer {
  close(): void;
}

const CODES = { NODATA: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
const TYPES: Readonly<Record<number, string>> = { 1: 'A', 5: 'CNAME', 15: 'MX', 28: 'AAAA', 33: 'SRV', 35: 'NAPTR' };

/** Answers as the table says (`MX example.test`), everything else with NXDOMAIN; all resolvers of this process ask it. */
export async function openNameServer(table: Readonly<Record<string, DnsAnswer>>): Promise<NameServer> {
  const socket = await serveNames(table, '127.0.0.1', 0);
  const before = dns.getServers();
  setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    close() {
      setServers(before);
      socket.close();
    },
  };
}

/** A name server at an address, asked by nobody yet. */
export async function serveNames(
  table: Readonly<Record<string, DnsAnswer>>,
  address: string,
  port: number,
): Promise<DnsSocket> {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const { name, type, end } = questionOf(message);
    const known = Object.keys(table).some((key) => key.endsWith(` ${name}`));
    const answer = table[`${TYPES[type] ?? '?'} ${name}`] ?? { code: known ? 'NODATA' : 'NXDOMAIN' };
    if (answer !== 'silence') socket.send(reply(message, end, answer), from.port, from.address);
  });
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

/** `setServers` changes the functions of the module; who imported these by name sees that only after the second line. */
function setServers(servers: readonly string[]): void {
  dns.setServers(servers);
  syncBuiltinESMExports();
}

function questionOf(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function reply(query: Buffer, end: number, answer: Exclude<DnsAnswer, string>): Buffer {
  const records = recordsOf(answer);
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180 | ('code' in answer ? CODES[answer.code] : 0), 2);
  header.writeUInt16BE(records.length, 6);
  header.writeUInt32BE(0, 8);
  return Buffer.concat([header, query.subarray(12, end), ...records]);
}

function recordsOf(answer: Exclude<DnsAnswer, string>): Buffer[] {
  if ('a' in answer) return answer.a.map((address) => record(1, Buffer.from(address.split('.').map(Number))));
  if ('aaaa' in answer) return answer.aaaa.map((address) => record(28, sixteen(address)));
  if ('code' in answer) return [];
  if ('cname' in answer) return [record(5, numbered([answer.cname]))];
  if ('naptr' in answer) return answer.naptr.map((each) => record(35, pointer(each)));
  if ('srv' in answer) return answer.srv.map(([...numbers]) => record(33, numbered(numbers)));
  return answer.mx.map(([preference, host]) => record(15, numbered([preference, host])));
}

/** The bytes of an IPv6 address that is written with at most one `::`. */
function sixteen(address: string): Buffer {
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return numbered(groups.map((group) => Number.parseInt(group, 16)));
}

/** RFC 3403 §4.1: two numbers, three texts (flags, service, no expression) and a name. */
function pointer([order, preference, service, host]: readonly [number, number, string, string]): Buffer {
  const texts = ['s', service, ''].flatMap((text) => [text.length, ...Buffer.from(text)]);
  return Buffer.concat([numbered([order, preference]), Buffer.from(texts), numbered([host])]);
}

/** Numbers of two bytes each, and a name. */
function numbered(parts: readonly (number | string)[]): Buffer {
  const bytes = parts.flatMap((part) => {
    if (typeof part === 'number') return [part >> 8, part & 255];
    const labels = part.split('.').filter((label) => label !== '');
    return [...labels.flatMap((label) => [label.length, ...Buffer.from(label)]), 0];
  });
  return Buffer.from(bytes);
}

/** A resource record about the name in question (a pointer to byte 12), class IN, living for no second. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 0x0c, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
  return Buffer.concat([head, data]);
}
