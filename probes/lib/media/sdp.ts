/** Session descriptions for one call's sound: our offer, our answer, and what the far side says (RFC 4566, 3264). Pure. */
import { isIPv4, isIPv6 } from 'node:net';
import { CODECS, PAYLOAD_TYPE } from './g711.ts';
import type { Codec } from './g711.ts';
import { formatCrypto, parseCrypto } from './srtp.ts';

/** What we can do. */
export interface Ours {
  readonly host: string;
  readonly port: number;
  readonly codecs: readonly Codec[];
  /** Our master key; present: SRTP or nothing. */
  readonly key?: Buffer | undefined;
  /** Number of the session, and of its version in the answer to a second offer. */
  readonly session: number;
  readonly version?: number;
}

/** Where and how the far side wants its sound. */
export interface Theirs {
  readonly address: string;
  readonly port: number;
  readonly codec: Codec;
  readonly payloadType: number;
  /** Payload type of telephone events; undefined: keys have to be sent as tones. */
  readonly events: number | undefined;
  /** False: it will not send (`recvonly`, `inactive`). */
  readonly sends: boolean;
  /** False: it does not want to hear (`sendonly`, `inactive`). */
  readonly listens: boolean;
  /** Their master key. */
  readonly key: Buffer | undefined;
}

/** `why` is `none` when nothing is said at all, and `refused` when our offer is turned down. */
export type Read = { readonly ok: true; readonly theirs: Theirs } | { readonly ok: false; readonly why: string };

/** We offer events under this number, as nearly everybody does. */
const EVENTS = 101;
const LONGEST = 16_384;

const DIRECTIONS = ['sendrecv', 'sendonly', 'recvonly', 'inactive'] as const;
type Direction = (typeof DIRECTIONS)[number];

/** The answer to an offer: what they do not want to hear we do not send (RFC 3264 §6.1). */
export function answerSdp(ours: Ours, { sends, listens }: Theirs): Buffer {
  if (listens) return formatSdp(ours, sends ? 'sendrecv' : 'sendonly');
  return formatSdp(ours, sends ? 'recvonly' : 'inactive');
}

export function formatSdp(ours: Ours, direction: Direction = 'sendrecv'): Buffer {
  const family = ours.host.includes(':') ? 'IP6' : 'IP4';
  const types = [...ours.codecs.map((codec) => PAYLOAD_TYPE[codec]), EVENTS].join(' ');
  const lines = [
    'v=0',
    `o=- ${ours.session} ${ours.version ?? ours.session} IN ${family} ${ours.host}`,
    's=-',
    `c=IN ${family} ${ours.host}`,
    't=0 0',
    `m=audio ${ours.port} ${ours.key === undefined ? 'RTP/AVP' : 'RTP/SAVP'} ${types}`,
    ...ours.codecs.map((codec) => `a=rtpmap:${PAYLOAD_TYPE[codec]} ${codec}/8000`),
    `a=rtpmap:${EVENTS} telephone-event/8000`,
    `a=fmtp:${EVENTS} 0-15`,
    'a=ptime:20',
    ...(ours.key === undefined ? [] : [`a=crypto:${formatCrypto(ours.key)}`]),
    `a=${direction}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n`);
}

interface Media {
  readonly line: string;
  readonly attributes: string[];
  connection: string | undefined;
}

/** Reads what the far side says about sound. `secure`: whether we asked for SRTP; anything else in return is refused. */
export function readSdp(body: Buffer, codecs: readonly Codec[], secure: boolean): Read {
  if (body.length === 0) return { ok: false, why: 'none' };
  const { media, session } = sections(body.toString('utf8', 0, LONGEST));
  const audio = audioOf(media);
  if (audio === undefined) return { ok: false, why: 'no line for audio' };
  const { port, attributes } = audio;
  const why = unusable(port, audio.profile, secure);
  if (why !== undefined) return { ok: false, why };
  const address = addressOf(audio.connection ?? session.connection);
  const key = secure ? keyOf(attributes) : undefined;
  const formats = readFormats(audio.types, attributes, codecs);
  if (address === undefined) return { ok: false, why: 'no address' };
  if (secure && key === undefined) return { ok: false, why: 'no key that we can use' };
  if (formats === undefined) return { ok: false, why: 'no codec that we speak' };
  const ways = waysOf(attributes) ?? waysOf(session.attributes) ?? { sends: true, listens: true };
  return { ok: true, theirs: { address, port, ...formats, ...ways, key } };
}

interface Audio extends Media {
  readonly port: number;
  readonly profile: string;
  readonly types: readonly number[];
}

function audioOf(media: readonly Media[]): Audio | undefined {
  const audio = media.find(({ line }) => /^audio\s/i.test(line));
  const match = /^audio\s+(\d{1,5})(?:\/\d+)?\s+(\S+)\s+([\d ]{1,400})$/i.exec(audio?.line ?? '');
  if (audio === undefined || match === null) return undefined;
  const [, port = '', profile = '', types = ''] = match;
  return { ...audio, port: Number(port), profile, types: types.trim().split(/ +/).map(Number) };
}

function unusable(port: number, profile: string, secure: boolean): string | undefined {
  // RFC 3264 §6: port 0 is how an offer is refused.
  if (port === 0) return 'refused';
  if (port > 65_535) return `port ${port}`;
  return /^RTP\/SAVPF?$/i.test(profile) === secure ? undefined : `${profile.slice(0, 30)} instead of what we offered`;
}

type Formats = Pick<Theirs, 'codec' | 'payloadType' | 'events'>;

/** The first codec of theirs that is one of ours. */
function readFormats(
  types: readonly number[],
  attributes: readonly string[],
  codecs: readonly Codec[],
): Formats | undefined {
  const names = namesOf(attributes);
  for (const payloadType of types) {
    const codec = codecs.find((each) => each === nameOf(payloadType, names));
    if (codec === undefined) continue;
    return { codec, payloadType, events: types.find((type) => names.get(type) === 'TELEPHONE-EVENT') };
  }
  return undefined;
}

function sections(text: string): { readonly media: readonly Media[]; readonly session: Media } {
  const session: Media = { line: '', attributes: [], connection: undefined };
  const media: Media[] = [];
  let current = session;
  for (const line of text.split(/\r?\n/).slice(0, 500)) {
    const value = line.slice(2).trim();
    if (line.startsWith('m=')) {
      current = { line: value, attributes: [], connection: undefined };
      media.push(current);
    } else if (line.startsWith('a=')) current.attributes.push(value);
    else if (line.startsWith('c=')) current.connection ??= value;
  }
  return { media, session };
}

function addressOf(connection: string | undefined): string | undefined {
  // A name is allowed by RFC 4566 and used by nobody; `/ttl` stands behind multicast, which we never send to.
  const match = /^IN\s+IP([46])\s+([0-9A-Fa-f.:]+)$/i.exec(connection ?? '');
  const address = match?.[2] ?? '';
  return (match?.[1] === '4' ? isIPv4(address) : isIPv6(address)) ? address : undefined;
}

function keyOf(attributes: readonly string[]): Buffer | undefined {
  for (const each of attributes) {
    const key = each.startsWith('crypto:') ? parseCrypto(each.slice('crypto:'.length)) : undefined;
    if (key !== undefined) return key;
  }
  return undefined;
}

function namesOf(attributes: readonly string[]): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const each of attributes) {
    const match = /^rtpmap:(\d{1,3})\s+([\w-]{1,40})\/8000(?:\/1)?$/i.exec(each);
    if (match !== null) names.set(Number(match[1]), (match[2] ?? '').toUpperCase());
  }
  return names;
}

/** Static numbers need no rtpmap (RFC 3551 §6). */
const nameOf = (type: number, names: ReadonlyMap<number, string>): string | undefined =>
  names.get(type) ?? CODECS.find((codec) => PAYLOAD_TYPE[codec] === type);

function waysOf(attributes: readonly string[]): Pick<Theirs, 'sends' | 'listens'> | undefined {
  const direction = DIRECTIONS.find((each) => attributes.includes(each));
  if (direction === undefined) return undefined;
  return {
    sends: direction === 'sendrecv' || direction === 'sendonly',
    listens: direction === 'sendrecv' || direction === 'recvonly',
  };
}
