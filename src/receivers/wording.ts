/** The text of one alert, for the engineer on call, in English. It knows no protocol: a receiver wraps it. */
import { printable } from '../core/fault.ts';
import type { Affected, Cause, ChannelKind, Impact, Instant, Member, Message } from '../core/model.ts';
import { promisedMs } from '../core/suspension.ts';

export interface Wording {
  /** One line of at most 200 characters. */
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

const SUBJECT_CAP = 200;
const VALUE_CAP = 1_000;
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
  const headline = headlineOf(message);
  const facts = factsOf(message);
  return {
    subject: oneLine(`[${message.providerName}] ${headline}`, SUBJECT_CAP),
    text: plain(message, facts),
    html: html(message, facts),
  };
}

function headlineOf(message: Message): string {
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
      return `${all} ${are} back after ${formatSpan(lasted(message))}`;
    case 'test':
      return `Test message about ${channelName}: nothing is wrong`;
  }
}

/** All channels of the incident as a subject, with its verb. */
function everyone({ channelName, channelNames = [channelName] }: Message): readonly [names: string, verb: string] {
  if (channelNames.length < 2) return [channelNames[0] ?? channelName, 'is'];
  return [`${channelNames.slice(0, -1).join(', ')} and ${channelNames.at(-1) ?? ''}`, 'are'];
}

/** What the message speaks of: of one channel when it is news about that one, else of the whole incident. */
function subjectOf(message: Message): Pick<Affected, 'impact' | 'cause' | 'since'> {
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

/** A label and its lines. */
type FactLine = readonly [label: string, ...values: readonly string[]];

function factsOf(message: Message): readonly FactLine[] {
  const { event, incident, timezone } = message;
  const isOver = event === 'resolved';
  const lines: (FactLine | undefined)[] = [
    ['Since', fullTime(subjectOf(message).since, timezone)],
    incident.resolvedAt === undefined ? undefined : ['Until', fullTime(incident.resolvedAt, timezone)],
    isOver ? ['Duration', durationOf(message)] : undefined,
    incident.channels.length < 2 ? undefined : ['Channels', `${incident.channels.length}`, ...channelsOf(message)],
    ['Cause', CAUSES[subjectOf(message).cause].join(': ')],
    ['Evidence', evidenceOf(message), ...membersOf(message)],
    isOver ? undefined : ['Customers', CUSTOMERS[message.channelKind][subjectOf(message).impact]],
    message.contact === undefined ? undefined : ['Contact', message.contact],
    ['Told', message.told.length === 0 ? 'only you' : message.told.join(', ')],
    message.runbook === undefined ? undefined : ['Runbook', message.runbook],
    message.url === undefined ? undefined : ['Incident', message.url],
  ];
  return lines
    .filter((each) => each !== undefined)
    .map(([label, ...values]) => [label, ...values.map((each) => oneLine(each, VALUE_CAP))]);
}

/** What customers felt of it, when it went on over hours in which nobody promised them anything. */
function durationOf(message: Message): string {
  const whole = lasted(message);
  const felt = promisedMs(message.incident, message.incident.openedAt + whole);
  return felt === whole ? formatSpan(whole) : `${formatSpan(whole)}, of that ${formatSpan(felt)} in promised hours`;
}

function channelsOf({ incident, channelNames = [], timezone }: Message): string[] {
  return incident.channels.slice(0, MEMBERS_CAP).map((each, index) => {
    const name = channelNames[index] ?? each.channel;
    const end = each.resolvedAt === undefined ? '' : ` until ${clockTime(each.resolvedAt, timezone)}`;
    return `${name}: ${stateOf(each.impact)} since ${clockTime(each.since, timezone)}${end}, ${CAUSES[each.cause][0]}`;
  });
}

/** One by one only when there are several: of a single one `because` has told everything. */
/** News about one channel is proved by what was seen of that one; the whole incident, by what explains it best. */
function evidenceOf(message: Message): string {
  const { event, incident, channelName, channelNames = [] } = message;
  const channel = incident.channels[channelNames.indexOf(channelName)]?.channel;
  if (channel === undefined || (event !== 'joined' && event !== 'reopened')) return incident.because;
  const { cause } = subjectOf(message);
  const own = incident.members.filter((each) => each.target.startsWith(`${channel}/`) && each.resolvedAt === undefined);
  const telling = own.find((each) => each.fault.cause === cause) ?? own[0];
  return telling === undefined ? incident.because : seenBy(telling);
}

function membersOf({ incident, timezone }: Message): string[] {
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

function opening(message: Message): string {
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

function others({ channelName, channelNames = [] }: Message): string {
  return channelNames.filter((each) => each !== channelName).join(', ');
}

function footer({ incident, severity }: Message): string {
  return `Incident ${incident.id}, severity ${severity}.`;
}

/** Short labelled lines: they wrap well on a telephone, where columns would not. */
function plain(message: Message, facts: readonly FactLine[]): string {
  const lines = facts.flatMap(([label, first = '', ...more]) => [
    `${label}: ${first}`,
    ...more.map((each) => `  - ${each}`),
  ]);
  return [oneLine(opening(message), VALUE_CAP), '', ...lines, '', footer(message), ''].join('\n');
}

/** Nothing remote, no colours of its own for text or ground: it follows the reader's light or dark. */
function html(message: Message, facts: readonly FactLine[]): string {
  const mark = message.event === 'resolved' ? '#2e7d32' : message.severity === 'critical' ? '#c62828' : '#b26a00';
  const rows = facts.map(
    ([label, ...values]) =>
      `<p style="margin:0 0 10px"><strong>${escape(label)}</strong><br>${values.map(linked).join('<br>')}</p>`,
  );
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">',
    `<title>${escape(oneLine(headlineOf(message), SUBJECT_CAP))}</title></head>`,
    '<body style="font-family:system-ui,sans-serif;font-size:16px;line-height:1.45">',
    `<div style="border-left:4px solid ${mark};padding-left:14px;max-width:640px">`,
    `<p style="font-size:20px;margin:0 0 14px"><strong>${escape(oneLine(opening(message), VALUE_CAP))}</strong></p>`,
    ...rows,
    `<p style="margin:14px 0 0;font-size:13px">${escape(footer(message))}</p></div></body></html>`,
  ].join('\n');
}

/** A link only for what is nothing but one address of a harmless kind. */
function linked(value: string): string {
  if (!/^(?:https?:\/\/|mailto:|tel:|sips?:)\S+$/i.test(value)) return escape(value);
  return `<a href="${escape(value)}" rel="noopener nofollow">${escape(value)}</a>`;
}

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (c) => entities[c] ?? c);
}

/** One line without control or direction characters, cut between characters rather than inside one. */
function oneLine(text: string, most: number): string {
  const line = printable(text).replace(/\s+/g, ' ').trim();
  if (line.length <= most) return line;
  return `${line.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

function lasted({ incident }: Message): number {
  return Math.max(0, (incident.resolvedAt ?? incident.openedAt) - incident.openedAt);
}

/** Such as `45 s`, `12 min`, `1 h 5 min`, `2 d 3 h`. */
export function formatSpan(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joined(`${hours} h`, minutes % 60, 'min');
  return joined(`${Math.floor(hours / 24)} d`, hours % 24, 'h');
}

function joined(first: string, rest: number, unit: string): string {
  return rest === 0 ? first : `${first} ${rest} ${unit}`;
}

/** Such as `09:41 WIB`. */
function clockTime(at: Instant, timezone: string): string {
  const time = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: '2-digit', minute: '2-digit' }).format(at);
  return `${time} ${zoneName(at, timezone)}`;
}

/** Local time first, then UTC, because logs are in UTC. Put together from parts: ICU changes its commas from year to year. */
function fullTime(at: Instant, timezone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    weekday: 'short',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const [weekday, day, month, year] = (['weekday', 'day', 'month', 'year'] as const).map(
    (each) => parts.get(each) ?? '',
  );
  const time = (['hour', 'minute', 'second'] as const).map((each) => parts.get(each) ?? '').join(':');
  const utc = new Date(at).toISOString().slice(0, 19).replace('T', ' ');
  return `${weekday} ${day} ${month} ${year}, ${time} ${zoneName(at, timezone)} (${utc} UTC)`;
}

/** The abbreviation that people there use. English data knows none for Indonesia, Indonesian data does (WIB, WITA, WIT). */
function zoneName(at: Instant, timezone: string): string {
  for (const locale of ['en', 'id']) {
    const parts = new Intl.DateTimeFormat(locale, { timeZone: timezone, timeZoneName: 'short' }).formatToParts(at);
    const name = parts.find((each) => each.type === 'timeZoneName')?.value ?? '';
    if (/^[A-Z]{2,5}$/.test(name)) return name;
  }
  const parts = new Intl.DateTimeFormat('en', { timeZone: timezone, timeZoneName: 'shortOffset' }).formatToParts(at);
  return (parts.find((each) => each.type === 'timeZoneName')?.value ?? 'UTC').replace('GMT', 'UTC');
}
