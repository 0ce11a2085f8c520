/** The text of one alert, for the engineer on call, in English. It knows no protocol: a receiver wraps it. */
import type { Affected, Cause, ChannelKind, ChannelMessage, Impact, Member, Message } from '../core/model.ts';
import { promisedMs } from '../core/suspension.ts';
import {
  clockTime,
  formatSpan,
  fullTime,
  layOut,
  refusals,
  refusedBy,
  type FactLine,
  type Letter,
  type Wording,
} from './letter.ts';
import { wordOwn } from './ownwording.ts';

const MEMBERS_CAP = 20;

/** Two or three words for a subject, and what it means. */
const CAUSES: Readonly<Record<Cause, readonly [brief: string, meaning: string]>> = {
  name_resolution: ['name does not resolve', 'the name in DNS leads nowhere'],
  unreachable: ['unreachable', 'no connection comes about'],
  refused: ['refused', 'the far side refuses connections'],
  tls: ['TLS fails', 'no trusted encrypted connection comes about'],
  timeout: ['timeout', 'no answer in time'],
  protocol: ['protocol error', 'the answer makes no sense in its protocol'],
  server_error: ['server error', 'the far side reports an error of its own'],
  busy: ['busy', 'every line or seat is taken'],
  no_answer: ['no answer', 'it rings and nobody answers'],
  not_in_service: ['not in service', 'the number or address is not in service'],
  rejected: ['rejected', 'the far side turns us away'],
  silence: ['silence', 'it connects and nothing is to be heard'],
  wrong_content: ['wrong content', 'the answer is not what customers should get'],
  no_receipt: ['no receipt', 'mail goes out and is not confirmed'],
  slow: ['slow', 'answers take longer than promised'],
  contact_changed: ['contact changed', 'the published contact is not the approved one'],
  contact_hidden: ['contact hidden', 'the way to support is not where users look'],
  app_release: ['app release', 'it began with a new release of the app'],
  maintenance: ['maintenance', 'the provider announces maintenance'],
  overload: ['overload', 'the far side asks to come back later'],
  our_network: ['our network', 'our own network cannot reach it'],
  unknown: ['cause unknown', 'the evidence names no single cause'],
};

const CUSTOMERS: Readonly<Record<ChannelKind, Readonly<Record<Impact, string>>>> = {
  phone: { outage: 'Calls do not get through.', degraded: 'Calls get through late or badly.' },
  chat: { outage: 'The chat does not answer.', degraded: 'The chat answers late or only in part.' },
  email: { outage: 'Mail to support is not accepted.', degraded: 'Mail to support is accepted late.' },
  app_help: { outage: 'Help in the app does not load.', degraded: 'Help in the app loads slowly or with gaps.' },
  social: { outage: 'The account cannot be reached.', degraded: 'The account answers late.' },
  announcements: { outage: 'Announcements cannot be read.', degraded: 'Announcements load slowly or with gaps.' },
  community: { outage: 'The community cannot be reached.', degraded: 'The community loads slowly.' },
  form: { outage: 'The contact form cannot be sent.', degraded: 'The contact form is slow.' },
};

/** Everything that the engineer on call needs, in one message. */
export function word(message: Message): Wording {
  if (message.own !== undefined) return wordOwn(message);
  const { event, severity, providerName, others } = message;
  if (others !== undefined) return layOut(digestOf([message, ...others], severity));
  return layOut({
    headline: refusedBy(message) + headlineOf(message),
    from: providerName,
    opening: opening(message),
    facts: [...refusals(message), ...factsOf(message)],
    footer: footer(message),
    mark: event === 'resolved' ? 'over' : severity,
  });
}

/** Several incidents in one message: a line for each says what matters, and where to read on. */
function digestOf(messages: readonly ChannelMessage[], severity: ChannelMessage['severity']): Letter {
  const [first] = messages;
  const isOver = messages.every((each) => each.event === 'resolved');
  const providers = [...new Set(messages.map((each) => each.providerName))];
  return {
    headline: `${first === undefined ? '' : refusedBy(first)}${messages.length} incidents: ${messages.map(headlineOf).join('; ')}`,
    from: providers.join(', '),
    opening: `${messages.length} incidents at once.`,
    facts: [
      ...(first === undefined ? [] : refusals(first)),
      ...messages.map((each): FactLine => [
        `${each.providerName}, ${headlineOf(each)}`,
        `Evidence: ${evidenceOf(each)}`,
        ...(each.url === undefined ? [`Incident ${each.incident.id}`] : [each.url]),
      ]),
      ['Told', first === undefined || first.told.length === 0 ? 'only you' : first.told.join(', ')],
    ],
    footer: `Incidents ${messages.map((each) => each.incident.id).join(', ')}.`,
    mark: isOver ? 'over' : severity,
  };
}

function headlineOf(message: ChannelMessage): string {
  const { event, incident, channelName, timezone } = message;
  const about = subjectOf(message);
  const since = `${CAUSES[about.cause][0]} since ${clockTime(about.since, timezone)}`;
  const [all, are] = everyone(message);
  switch (event) {
    case 'opened':
      return `${all} ${are} ${stateOf(incident.impact)}: ${since}`;
    case 'joined':
      return `${channelName} is ${stateOf(subjectOf(message).impact)} too: ${since}`;
    case 'worsened':
      return `${all} ${are} now ${stateOf(incident.impact)}: ${since}`;
    case 'unstable':
      return `${channelName} is unstable: it fails and answers in turn`;
    case 'reopened':
      return `${channelName} is ${stateOf(subjectOf(message).impact)} again: ${since}`;
    case 'resolved':
      if (message.brief === true) {
        const were = are === 'is' ? 'was' : 'were';
        return `${all} ${were} ${stateOf(incident.impact)} for ${formatSpan(lasted(message))} and ${are} back`;
      }
      return `${all} ${are} back after ${formatSpan(lasted(message))}`;
    case 'test':
      return `Test message about ${channelName}: nothing is wrong`;
  }
}

/** All channels of the incident as a subject, with its verb. */
function everyone({
  channelName,
  channelNames = [channelName],
}: ChannelMessage): readonly [names: string, verb: string] {
  if (channelNames.length < 2) return [channelNames[0] ?? channelName, 'is'];
  return [`${channelNames.slice(0, -1).join(', ')} and ${channelNames.at(-1) ?? ''}`, 'are'];
}

/** What the message speaks of: of one channel when it is news about that one, else of the whole incident. */
function subjectOf(message: ChannelMessage): Pick<Affected, 'impact' | 'cause' | 'since'> {
  const { event, incident, channelName, channelNames = [] } = message;
  const whole = { impact: incident.impact, cause: incident.cause, since: incident.openedAt };
  if (event !== 'joined' && event !== 'reopened') return whole;
  const part = incident.channels[channelNames.indexOf(channelName)];
  if (part === undefined) return whole;
  const open = incident.members.filter(
    (each) => each.resolvedAt === undefined && each.target.startsWith(`${part.channel}/`),
  );
  return { ...part, since: open.length === 0 ? part.since : Math.min(...open.map((each) => each.since)) };
}

function stateOf(impact: Impact): string {
  return impact === 'outage' ? 'down' : 'impaired';
}

function factsOf(message: ChannelMessage): readonly FactLine[] {
  const { event, incident, timezone } = message;
  const isOver = event === 'resolved';
  const lines: (FactLine | undefined)[] = [
    ['Since', fullTime(subjectOf(message).since, timezone)],
    incident.resolvedAt === undefined ? undefined : ['Until', fullTime(incident.resolvedAt, timezone)],
    isOver ? ['Duration', durationOf(message)] : undefined,
    onHold(message),
    incident.channels.length < 2 ? undefined : ['Channels', `${incident.channels.length}`, ...channelsOf(message)],
    ['Cause', CAUSES[subjectOf(message).cause].join(': ')],
    ['Evidence', evidenceOf(message), ...membersOf(message)],
    isOver ? undefined : ['Customers', CUSTOMERS[message.channelKind][subjectOf(message).impact]],
    message.contact === undefined ? undefined : ['Contact', message.contact],
    ['Told', message.told.length === 0 ? 'only you' : message.told.join(', ')],
    message.runbook === undefined ? undefined : ['Runbook', message.runbook],
    message.url === undefined ? undefined : ['Incident', message.url],
  ];
  return lines.filter((each) => each !== undefined);
}

/** What customers felt of it, when it went on over hours in which nobody promised them anything. */
function durationOf(message: ChannelMessage): string {
  const whole = lasted(message);
  const felt = promisedMs(message.incident, message.incident.openedAt + whole);
  return felt === whole ? formatSpan(whole) : `${formatSpan(whole)}, of that ${formatSpan(felt)} in promised hours`;
}

/** Stretches in which nothing was promised: an outage that spans the night is told in the morning, and not as one of the night. */
function onHold({ incident, timezone }: ChannelMessage): FactLine | undefined {
  const newest = incident.channels.flatMap((each) => each.suspended.slice(-1)).toSorted((a, b) => b.from - a.from)[0];
  if (newest === undefined) return undefined;
  const end = newest.until === undefined ? '' : ` until ${clockTime(newest.until, timezone)}`;
  return ['On hold', `from ${clockTime(newest.from, timezone)}${end}: closed, or under maintenance`];
}

function channelsOf({ incident, channelNames = [], timezone }: ChannelMessage): string[] {
  return incident.channels.slice(0, MEMBERS_CAP).map((each, index) => {
    const name = channelNames[index] ?? each.channel;
    const end = each.resolvedAt === undefined ? '' : ` until ${clockTime(each.resolvedAt, timezone)}`;
    return `${name}: ${stateOf(each.impact)} since ${clockTime(each.since, timezone)}${end}, ${CAUSES[each.cause][0]}`;
  });
}

/** One by one only when there are several: of a single one `because` has told everything. */
/** News about one channel is proved by what was seen of that one; the whole incident, by what explains it best. */
function evidenceOf(message: ChannelMessage): string {
  const { event, incident, channelName, channelNames = [] } = message;
  const channel = incident.channels[channelNames.indexOf(channelName)]?.channel;
  if (channel === undefined || (event !== 'joined' && event !== 'reopened')) return incident.because;
  const { cause } = subjectOf(message);
  const own = incident.members.filter((each) => each.target.startsWith(`${channel}/`) && each.resolvedAt === undefined);
  const telling = own.find((each) => each.fault.cause === cause) ?? own[0];
  return telling === undefined ? incident.because : seenBy(telling);
}

function membersOf({ incident, timezone }: ChannelMessage): string[] {
  if (incident.members.length < 2) return [];
  return incident.members.slice(0, MEMBERS_CAP).map((each) => memberLine(each, timezone));
}

function memberLine(member: Member, timezone: string): string {
  const name = member.target.slice(member.target.lastIndexOf('/') + 1);
  const end = member.resolvedAt === undefined ? '' : ` until ${clockTime(member.resolvedAt, timezone)}`;
  return `${name} (${member.probe}) since ${clockTime(member.since, timezone)}${end}: ${member.fault.message} (${member.fault.code})`;
}

function seenBy({ target, fault }: Member): string {
  return `${target.slice(target.lastIndexOf('/') + 1)}: ${fault.message} (${fault.code})`;
}

function opening(message: ChannelMessage): string {
  const { event, channelName, providerName, incident } = message;
  if (event === 'test') return `This is a test. ${channelName} of ${providerName} is not affected.`;
  const [all, are] = everyone(message);
  switch (event) {
    case 'resolved':
      return `${all} of ${providerName} can be reached again.`;
    case 'opened':
      return `${all} of ${providerName} ${are} ${stateOf(incident.impact)}.`;
    case 'worsened':
      return `${all} of ${providerName} ${are} now ${stateOf(incident.impact)}.`;
    case 'joined':
      return `${channelName} of ${providerName} is ${stateOf(subjectOf(message).impact)} too, in one incident with ${others(message)}.`;
    case 'reopened':
      return `${channelName} of ${providerName} is ${stateOf(subjectOf(message).impact)} again. The next message comes when it has held for half an hour.`;
    case 'unstable':
      return `${channelName} of ${providerName} fails and answers in turn. The next message comes when it has held for half an hour.`;
  }
}

function others({ channelName, channelNames = [] }: ChannelMessage): string {
  return channelNames.filter((each) => each !== channelName).join(', ');
}

function footer({ incident, severity }: ChannelMessage): string {
  return `Incident ${incident.id}, severity ${severity}.`;
}

function lasted({ incident }: ChannelMessage): number {
  return Math.max(0, (incident.resolvedAt ?? incident.openedAt) - incident.openedAt);
}
