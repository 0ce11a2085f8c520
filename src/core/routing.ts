/** Who is told what. Pure: from a change and the routes to the notifications of one transaction; it sends nothing. */
import type { Change } from './incident.ts';
import type {
  Cause,
  Channel,
  ChannelId,
  ChannelKind,
  ChannelMessage,
  Incident,
  Instant,
  Message,
  MessageEvent,
  Notification,
} from './model.ts';
import { present } from './present.ts';

export type Severity = 'critical' | 'warning';

/** One branch, in the order of the file. Every field of `match` that is given must agree. */
export interface Route {
  readonly match: {
    readonly provider?: string;
    readonly channel?: string;
    readonly kind?: ChannelKind;
    readonly cause?: Cause;
    readonly severity?: Severity;
  };
  readonly to: readonly string[];
  /** Go on to the next route although this one matched. */
  readonly continue: boolean;
  /** Wait this long before telling, so that what ends at once is told once. */
  readonly groupWaitMs: number;
}

/** An outage is critical, a degradation a warning. */
function severityOf(incident: Incident): Severity {
  return incident.impact === 'outage' ? 'critical' : 'warning';
}

export interface Addressed {
  readonly receiver: string;
  readonly waitMs: number;
  /** What one route holds back for a receiver is told together. */
  readonly group?: string;
}

/**
 * The receivers of a change: first match wins unless the route says `continue`. Who was told that it broke is told that it works,
 * and that it broke again.
 */
export function address(change: Change, channel: Channel, routes: readonly Route[]): readonly Addressed[] {
  const before = change.incident.told.map((receiver) => ({ receiver, waitMs: 0 }));
  if (change.event === 'resolved') return before;
  const found = new Map<string, Addressed>();
  for (const route of routes) {
    if (!matches(route.match, change.incident, channel)) continue;
    for (const receiver of route.to) if (!found.has(receiver)) found.set(receiver, addressed(receiver, route));
    if (!route.continue) break;
  }
  if (change.event === 'reopened')
    for (const each of before) found.set(each.receiver, found.get(each.receiver) ?? each);
  return [...found.values()];
}

function addressed(receiver: string, { match, groupWaitMs: waitMs }: Route): Addressed {
  return waitMs === 0 ? { receiver, waitMs } : { receiver, waitMs, group: JSON.stringify(match) };
}

/**
 * Who is told instead of those that refused a message for good: another receiver of a route that told one of them, else one
 * of a route for everything.
 */
export function standIn(message: Message, refused: readonly string[], routes: readonly Route[]): string | undefined {
  const same = routes.filter((each) => each.to.some((name) => refused.includes(name)) && isAbout(message, each.match));
  const everything = routes.filter((each) => Object.keys(each.match).length === 0);
  return [...same, ...everything].flatMap((each) => each.to).find((each) => !refused.includes(each));
}

function isAbout(message: Message, match: Route['match']): boolean {
  if (message.own !== undefined) return true;
  const { incident, channelKind: kind, channel: id = incident.channel } = message;
  return matches(match, incident, { id, kind, provider: incident.provider });
}

function matches(
  match: Route['match'],
  incident: Incident,
  channel: Pick<Channel, 'id' | 'kind' | 'provider'>,
): boolean {
  const local = channel.id.slice(channel.id.indexOf('/') + 1);
  return (
    agrees(match.provider, channel.provider) &&
    (agrees(match.channel, channel.id) || agrees(match.channel, local)) &&
    agrees(match.kind, channel.kind) &&
    agrees(match.cause, incident.cause) &&
    agrees(match.severity, severityOf(incident))
  );
}

function agrees(wanted: string | undefined, actual: string): boolean {
  return wanted === undefined || wanted === actual;
}

export interface Setting {
  readonly providerName: string;
  readonly timezone: string;
  readonly channel: Channel;
  /** All channels of the provider, for their names. */
  readonly channels?: readonly Channel[];
  readonly routes: readonly Route[];
  readonly publicUrl: string | undefined;
}

export interface Plan {
  /** The incident, knowing whom it was told to. */
  readonly incident: Incident;
  readonly notifications: readonly Notification<ChannelMessage>[];
}

/** The notifications of a change, each with a key that is the same however often the change is replayed. */
export function plan(change: Change, now: Instant, setting: Setting): Plan {
  const { event } = change;
  if (event === undefined) return { incident: change.incident, notifications: [] };
  const receivers = address(change, setting.channel, setting.routes);
  const told = [...new Set([...change.incident.told, ...receivers.map((each) => each.receiver)])];
  const incident = { ...change.incident, told };
  const notifications = receivers.map(({ receiver, waitMs, group }) => {
    const key = `${incident.id}:${occasion(event, incident, setting.channel.id)}:${receiver}`;
    const message = { ...compose(key, event, incident, setting), ...present({ group }) };
    return { key, receiver, createdAt: now, dueAt: now + waitMs, message };
  });
  return { incident, notifications };
}

/** What makes a change different from the others of its incident: most happen once. */
function occasion(event: MessageEvent, { members, updates }: Incident, channel: ChannelId): string {
  if (event === 'joined') {
    const sinces = members.filter((each) => each.target.startsWith(`${channel}/`)).map((each) => each.since);
    return `joined.${localName(channel)}.${Math.max(...sinces).toString(36)}`;
  }
  return event === 'resolved' && updates.some((each) => each.change === 'reopened') ? 'resolved.2' : event;
}

function compose(
  key: string,
  event: MessageEvent,
  incident: Incident,
  { providerName, timezone, channel, channels, publicUrl }: Setting,
): ChannelMessage {
  const names = incident.channels.map(({ channel: id }) => nameOf(id, channels ?? [channel]));
  return {
    key,
    event,
    severity: severityOf(incident),
    incident,
    providerName,
    channel: channel.id,
    channelName: nameOf(channel.id, [channel]),
    channelNames: names,
    channelKind: channel.kind,
    timezone,
    told: incident.told,
    ...present({
      contact: channel.contact,
      runbook: channel.runbook,
      url:
        publicUrl === undefined || channel.private ? undefined : new URL(`en/incidents/${incident.id}`, publicUrl).href,
    }),
  };
}

function nameOf(id: ChannelId, channels: readonly Channel[]): string {
  const name = channels.find((each) => each.id === id)?.name ?? {};
  return name.en ?? name.id ?? name.zh ?? localName(id);
}

function localName(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1);
}
