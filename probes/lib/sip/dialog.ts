/** Dialogs (RFC 3261 §12): where requests of a call go once somebody has answered, and which of theirs belong to it. Pure. */
import { isIP } from 'node:net';
import { placeOf } from '../address.ts';
import type { Reach } from '../reach.ts';
import { isAllowed } from '../resolver.ts';
import { headerOf, listOf, parameterOf, uriOf } from './header.ts';
import type { Header, SipResponse } from './message.ts';
import type { Place } from './udp.ts';
import { parseUri } from './uri.ts';

export interface Dialog {
  /** Theirs; empty when they gave none (RFC 2543 had none). */
  readonly tag: string;
  /** To of every request that follows. */
  readonly remote: string;
  /** Request-URI of what follows. */
  readonly target: string;
  /** Nearest first. */
  readonly routes: readonly string[];
  /** Where what follows is sent over UDP. */
  readonly place: Place;
}

export interface Ground {
  /** Request-URI of the INVITE, for far sides that name no Contact. */
  readonly uri: string;
  /** The trunk, as configured and connected. */
  readonly there: Place;
  readonly reach: Reach;
  readonly udp: boolean;
  /** Everything goes to the trunk. */
  readonly pin: boolean;
}

export function dialogOf(response: SipResponse, from: Place, ground: Ground): Dialog {
  const remote = headerOf(response, 'to') ?? '';
  const [contact] = listOf(response, 'contact');
  // Headers behind a `?` have no place in a Request-URI (§19.1.1, table 1).
  const target = contact === undefined ? ground.uri : uriOf(contact).replace(/\?[^@]*$/, '');
  // §12.1.2: as written by the proxies, in reverse. More than this no honest way has.
  const routes = listOf(response, 'record-route').reverse().slice(0, 30);
  const hop = routes[0] === undefined ? (contact === undefined ? undefined : target) : uriOf(routes[0]);
  const place = ground.udp && !ground.pin && hop !== undefined ? nextPlace(hop, from, ground) : ground.there;
  return { tag: parameterOf(remote, 'tag') ?? '', remote, target, routes, place };
}

/**
 * Where a hop is. An address is believed when the policy allows it and it is as public as the trunk itself: a private Contact of
 * a public trunk leads nowhere, or to our own network. Else it goes to where the response came from.
 */
function nextPlace(hop: string, from: Place, { there, reach }: Ground): Place {
  const uri = parseUri(hop);
  if (uri === undefined || isIP(uri.host) === 0 || !isAllowed(uri.host, reach)) return from;
  if (isIP(uri.host) !== isIP(there.address) || placeOf(uri.host) !== placeOf(there.address)) return from;
  return { address: uri.host, port: uri.port ?? 5_060 };
}

/** Request-URI and Route of a request within a dialog (§12.2.1.1). */
export function aim({ target, routes }: Dialog): { readonly uri: string; readonly routes: readonly Header[] } {
  const [first] = routes;
  const route = (value: string): Header => ({ name: 'route', value });
  if (first === undefined || /;lr(?=[;=>]|$)/i.test(uriOf(first))) return { uri: target, routes: routes.map(route) };
  // A strict router wants to be the Request-URI itself, with the target at the end of the routes.
  return { uri: uriOf(first), routes: [...routes.slice(1), `<${target}>`].map(route) };
}
