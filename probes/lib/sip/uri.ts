/** SIP addresses: what `sip:user@host:port;transport=tls` says (RFC 3261 §19.1). It knows no DNS and opens nothing. */
import { isIPv6 } from 'node:net';

export type Transport = 'udp' | 'tcp' | 'tls';

export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  /** As written, escapes kept. */
  readonly user?: string;
  /** Lower-case name or address; an IPv6 literal stands here without its brackets. */
  readonly host: string;
  readonly port?: number;
  /** Value of the parameter `transport`, in lower case, whatever it says. */
  readonly transport?: string;
  /** All parameters as written, each with its semicolon; empty when there are none. */
  readonly parameters: string;
}

/** Where a request to a URI goes, before any name is looked up. */
export interface NextHop {
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
}

const LONGEST = 1_024;
// No colon in the user part: a password in a URI is deprecated (§19.1.1), and a configuration is no place for one.
const SHAPE =
  /^(sips?):(?:([\w.!~*'()&=+$,;?/%-]+)@)?(\[[0-9a-f:.]+\]|[^\s:;?<>[\]@"]+)(?::(\d{1,5}))?((?:;[^\s;?<>@"]+)*)$/i;
const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?$/;

/** Reads a SIP or SIPS URI; undefined when it is none, or carries a password or `?headers`. */
export function parseUri(text: string): SipUri | undefined {
  const match = text.length <= LONGEST ? SHAPE.exec(text) : null;
  return match === null ? undefined : readUri(match);
}

function readUri([, scheme, user, literal, digits, parameters = '']: readonly (string | undefined)[]):
  SipUri | undefined {
  const host = readHost(literal ?? '');
  const port = Number(digits ?? 5_060);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  const uri = { scheme: scheme?.toLowerCase() === 'sips' ? 'sips' : 'sip', host, parameters } as const;
  const transport = /;transport=([^;]*)/i.exec(parameters)?.[1]?.toLowerCase();
  return {
    ...uri,
    ...(user === undefined ? {} : { user }),
    ...(digits === undefined ? {} : { port }),
    ...(transport === undefined ? {} : { transport }),
  };
}

function readHost(literal: string): string | undefined {
  const host = literal.toLowerCase();
  if (!host.startsWith('[')) return NAME.test(host) ? host : undefined;
  const inside = host.slice(1, -1);
  return isIPv6(inside) ? inside : undefined;
}

/** A host as it stands in a URI or a Via: IPv6 in brackets (RFC 5118 §4.1). */
export const bracket = (host: string): string => (host.includes(':') ? `[${host}]` : host);

export function formatUri(uri: SipUri): string {
  const user = uri.user === undefined ? '' : `${uri.user}@`;
  const port = uri.port === undefined ? '' : `:${uri.port}`;
  return `${uri.scheme}:${user}${bracket(uri.host)}${port}${uri.parameters}`;
}

/** Transport, host and port that a URI asks for; undefined for a transport that we do not speak. */
export function nextHop(uri: SipUri): NextHop | undefined {
  const transport = transportOf(uri);
  if (transport === undefined) return undefined;
  return { transport, host: uri.host, port: uri.port ?? (transport === 'tls' ? 5061 : 5060) };
}

// `sips` means TLS whatever reliable transport is named (§26.2.2), and there is no TLS over UDP.
function transportOf({ scheme, transport }: SipUri): Transport | undefined {
  if (scheme === 'sips')
    return transport === undefined || transport === 'tcp' || transport === 'tls' ? 'tls' : undefined;
  if (transport === undefined) return 'udp';
  return transport === 'udp' || transport === 'tcp' || transport === 'tls' ? transport : undefined;
}
