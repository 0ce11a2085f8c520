/** What waits in one group for one receiver, told as one message. Pure: it reads no table and sends nothing. */
import type { QueuedNotification } from './ledger.ts';
import type { ChannelMessage } from './model.ts';

/** A message that waits. Bound: an earlier attempt has taken it into another bundle. */
export interface Waiting extends QueuedNotification {
  readonly isBound: boolean;
}

/** A mail with more would be read by nobody. */
const MOST = 50;

/**
 * Those that go out with the first one: of its group, and what waits behind one of them about the same incident. `waiting` is
 * what waits for the receiver, in the order in which it came; what stands behind one that stays, stays.
 */
export function together(waiting: readonly Waiting[]): readonly Waiting[] {
  const group = waiting[0] && groupOf(waiting[0]);
  const members: Waiting[] = [];
  const taken = new Set<string>();
  const blocked = new Set<string>();
  for (const each of waiting) {
    const isOfGroup = groupOf(each) === group || taken.has(idOf(each));
    if (!each.isBound && isOfGroup && !blocked.has(idOf(each)) && members.length < MOST) {
      members.push(each);
      taken.add(idOf(each));
    } else blocked.add(idOf(each));
  }
  return members;
}

/** Of ourselves nothing is held back. */
function groupOf({ message }: Waiting): string | undefined {
  return message.own === undefined ? message.group : undefined;
}

function idOf({ message }: Waiting): string {
  return (message.own ?? message.incident).id;
}

/** One message for several: one item for each incident, in order; the first one carries the others. */
export function asOne(key: string, messages: readonly [ChannelMessage, ...ChannelMessage[]]): ChannelMessage {
  const incidents = Map.groupBy(messages, (each) => each.incident.id);
  const [first = messages[0], ...others] = [...incidents.values()].map(inShort);
  if (others.length === 0) return { ...first, key };
  const isCritical = [first, ...others].some((each) => each.severity === 'critical');
  return { ...first, key, severity: isCritical ? 'critical' : 'warning', others };
}

/** Of one incident: how it began, as it is by now; or, when it is over, that it was. */
function inShort(messages: readonly ChannelMessage[]): ChannelMessage {
  const [first, last] = [messages[0], messages.at(-1)];
  if (first === undefined || last === undefined) throw new Error('an incident without a message');
  if (first === last) return first;
  if (last.event === 'resolved') return first.event === 'resolved' ? last : { ...last, brief: true };
  const { incident, severity, told, channelNames = [] } = last;
  return { ...first, incident, severity, told, channelNames };
}
