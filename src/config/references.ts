/** What has to agree between two settings: ids, references, zones. It walks a file that may be wrong elsewhere. */
import { namesHolidays, parseHours } from '../core/hours.ts';
import type { Problem } from './error.ts';
import { parseAddress } from './leaves.ts';
import { instantOf, parseMoment } from './moment.ts';
import type { Spot } from './tree.ts';
import { nearest } from './words.ts';

export function checkReferences(root: Spot): Problem[] {
  const providers = root.get('providers').items();
  const receivers = root.get('receivers').items();
  return [
    ...twice(providers, 'id'),
    ...providers.flatMap(checkProvider),
    ...twice(receivers, 'name'),
    ...checkListeners(root),
    ...root
      .get('routes')
      .items()
      .flatMap((route) => checkRoute(route, providers, receivers)),
  ];
}

/** An id is used once on its level. */
function twice(spots: readonly Spot[], key: string): Problem[] {
  const first = new Map<string, Spot>();
  return spots.flatMap((each) => {
    const spot = each.get(key);
    const id = spot.text;
    if (id === undefined) return [];
    const other = first.get(id);
    if (other === undefined) first.set(id, spot);
    return other === undefined ? [] : [spot.problem(`"${id}" is used twice; first in ${placeOf(other)}`)];
  });
}

function placeOf(spot: Spot): string {
  return `${spot.mark.file}:${spot.mark.place().line}`;
}

function checkProvider(provider: Spot): Problem[] {
  const channels = provider.get('channels').items();
  const ids = namesOf(channels, 'id');
  const contacts = provider.get('contacts').items();
  return [
    ...twice(channels, 'id'),
    ...contacts.flatMap((contact) => refers(contact.get('channel'), ids, 'channel of this provider')),
    ...channels.flatMap((channel) => [
      ...twice(channel.get('targets').items(), 'id'),
      ...channel
        .get('depends_on')
        .items()
        .flatMap((each) => refers(each, ids, 'channel of this provider')),
      ...checkHolidays(channel.get('hours'), provider),
      ...channel
        .get('maintenance')
        .items()
        .flatMap((window) => checkWindow(window, provider.get('timezone').text)),
      ...channel.get('targets').items().flatMap(checkSchedule),
    ]),
    ...checkCircles(channels),
  ];
}

const namesOf = (spots: readonly Spot[], key: string): string[] => spots.flatMap((each) => each.get(key).text ?? []);

function refers(spot: Spot, known: readonly string[], what: string): Problem[] {
  const name = spot.text;
  if (name === undefined || known.includes(name)) return [];
  const near = nearest(name, known);
  const hint =
    near === undefined ? `known: ${known.length === 0 ? 'none' : known.join(', ')}` : `did you mean "${near}"?`;
  return [spot.problem(`"${name}" is no ${what}; ${hint}`)];
}

function checkHolidays(hours: Spot, provider: Spot): Problem[] {
  if (provider.get('holidays').exists) return [];
  const weekly = parseHours(hours.get('weekly').text ?? '');
  if (weekly.ok && namesHolidays(weekly)) {
    return [hours.get('weekly').problem('PH needs `holidays: ID` (a country) at the provider')];
  }
  const closed = hours.get('holidays').text === 'closed';
  return closed ? [hours.get('holidays').problem('needs `holidays: ID` (a country) at the provider')] : [];
}

function checkWindow(window: Spot, timezone: string | undefined): Problem[] {
  const [from, until] = [parseMoment(window.get('from').text ?? ''), parseMoment(window.get('until').text ?? '')];
  if (from === undefined || until === undefined) return [];
  // A zone that is wrong has been told already.
  const zone = timezone !== undefined && Intl.supportedValuesOf('timeZone').includes(timezone) ? timezone : 'UTC';
  if (instantOf(from, zone, 'start') < instantOf(until, zone, 'end')) return [];
  return [window.get('until').problem('must be after `from`')];
}

function checkSchedule(target: Spot): Problem[] {
  const [every, cron] = [target.get('every'), target.get('cron')];
  if (every.exists && cron.exists) return [cron.problem('`every` and `cron` exclude each other; remove one')];
  return every.exists || cron.exists ? [] : [target.problem('needs `every` (such as 30s) or `cron`')];
}

/** A channel that waits for itself, directly or through others, would never be alerted about. Each circle is told once. */
function checkCircles(channels: readonly Spot[]): Problem[] {
  const edges = new Map<string, readonly Spot[]>();
  for (const channel of channels) edges.set(channel.get('id').text ?? '', channel.get('depends_on').items());
  const done = new Set<string>();
  const visit = (id: string, trail: readonly string[]): Problem[] => {
    if (done.has(id)) return [];
    const found = (edges.get(id) ?? []).flatMap((spot) => {
      const next = spot.text ?? '';
      const circle = [...trail, id];
      if (!circle.includes(next)) return visit(next, circle);
      return [spot.problem(`depends on itself: ${[...circle.slice(circle.indexOf(next)), next].join(' -> ')}`)];
    });
    done.add(id);
    return found;
  };
  return [...edges.keys()].flatMap((id) => visit(id, []));
}

function checkListeners(root: Spot): Problem[] {
  const [open, own] = [root.get('listen'), root.get('operator').get('listen')];
  if (open.text === undefined || open.text !== own.text) return [];
  const address = parseAddress(open.text, 0);
  // Port 0 twice is two different ports.
  if (typeof address === 'string' || address.port === 0) return [];
  return [own.problem('must differ from `listen`: what operators see is not for the public')];
}

function checkRoute(route: Spot, providers: readonly Spot[], receivers: readonly Spot[]): Problem[] {
  const match = route.get('match');
  const wanted = match.get('provider').text;
  const inside = providers.filter((each) => wanted === undefined || each.get('id').text === wanted);
  const channels = inside.flatMap((provider) =>
    namesOf(provider.get('channels').items(), 'id').flatMap((id) => [id, `${provider.get('id').text ?? ''}/${id}`]),
  );
  const names = namesOf(receivers, 'name');
  return [
    ...route
      .get('to')
      .items()
      .flatMap((each) => refers(each, names, 'receiver')),
    ...refers(match.get('provider'), namesOf(providers, 'id'), 'provider'),
    ...(inside.length === 0 ? [] : refers(match.get('channel'), channels, 'channel')),
  ];
}
