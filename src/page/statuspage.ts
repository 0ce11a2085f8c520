/** The snapshot in the shapes of Atlassian Statuspage's v2 API, so that existing clients work. It knows no HTTP. */
import type { ChannelStatus, Instant } from '../core/model.ts';
import type {
  ChannelView,
  IncidentView,
  MaintenanceView,
  ProviderView,
  Snapshot,
  UpdateView,
} from '../core/snapshot.ts';
import type { Indicator } from '../core/status.ts';
import { isStale, nameOf, opening } from './answer.ts';
import { moment } from './times.ts';
import { stamp } from './view.ts';
import { en } from './words/en.ts';

/** Statuspage knows neither: outside its hours a channel is as promised; what we cannot see is not known to be well. */
const STATUS: Readonly<Record<ChannelStatus, string>> = {
  operational: 'operational',
  degraded_performance: 'degraded_performance',
  partial_outage: 'partial_outage',
  major_outage: 'major_outage',
  under_maintenance: 'under_maintenance',
  closed: 'operational',
  unknown: 'degraded_performance',
};

/** Statuspage's own sentences: clients compare them. */
const DESCRIPTIONS: Readonly<Record<Indicator, string>> = {
  none: 'All Systems Operational',
  maintenance: 'Service Under Maintenance',
  minor: 'Minor Service Outage',
  major: 'Partial System Outage',
  critical: 'Major Service Outage',
};
const RISING: readonly Indicator[] = ['none', 'maintenance', 'minor', 'major', 'critical'];

type Make = (snapshot: Snapshot, now: Instant) => object;

const ANSWERS: ReadonlyMap<string, Make> = new Map<string, Make>([
  ['status', (snapshot, now) => ({ status: status(snapshot, now) })],
  [
    'summary',
    (snapshot, now) => ({
      components: components(snapshot, now),
      incidents: incidents(snapshot).filter(isUnresolved),
      scheduled_maintenances: maintenances(snapshot, now),
      status: status(snapshot, now),
    }),
  ],
  ['components', (snapshot, now) => ({ components: components(snapshot, now) })],
  ['incidents', (snapshot) => ({ incidents: incidents(snapshot) })],
  ['incidents/unresolved', (snapshot) => ({ incidents: incidents(snapshot).filter(isUnresolved) })],
  ['scheduled-maintenances', (snapshot, now) => ({ scheduled_maintenances: maintenances(snapshot, now) })],
  ['scheduled-maintenances/upcoming', (snapshot, now) => planned(snapshot, now, 'scheduled')],
  ['scheduled-maintenances/active', (snapshot, now) => planned(snapshot, now, 'in_progress')],
]);

/** The answer by its name, such as `summary`; undefined when there is none of that name. */
export function v2(snapshot: Snapshot, now: Instant, name: string): object | undefined {
  const make = ANSWERS.get(name);
  return make && { page: pageOf(snapshot), ...make(snapshot, now) };
}

function pageOf(snapshot: Snapshot): object {
  const [first, ...others] = snapshot.providers;
  const alone = first !== undefined && others.length === 0;
  return {
    id: pageId(snapshot),
    name: alone ? `${first.name} support` : 'Support',
    url: snapshot.publicUrl ?? '/',
    time_zone: alone ? first.timezone : 'Etc/UTC',
    updated_at: stamp(snapshot.generatedAt),
  };
}

const pageId = ({ providers: [first, ...others] }: Snapshot) =>
  first !== undefined && others.length === 0 ? first.id : 'ringback';

/** What we cannot see now (blind, or a snapshot that is too old) is never called operational. */
function status(snapshot: Snapshot, now: Instant): { indicator: Indicator; description: string } {
  const worst = snapshot.providers.reduce<Indicator>((so, each) => worse(so, each.indicator), 'none');
  if (!snapshot.blind && !isStale(snapshot, now)) return { indicator: worst, description: DESCRIPTIONS[worst] };
  const indicator = worse(worst, 'minor');
  return { indicator, description: `${DESCRIPTIONS[indicator]} (monitoring disturbed, data may be out of date)` };
}

function worse(a: Indicator, b: Indicator): Indicator {
  return RISING.indexOf(b) > RISING.indexOf(a) ? b : a;
}

const componentId = (provider: Pick<ProviderView, 'id'>, channel: string) => `${provider.id}.${channel}`;

/** Each provider is a group, its channels the components of the group. */
function components(snapshot: Snapshot, now: Instant): object[] {
  const blank = { page_id: pageId(snapshot), showcase: true, start_date: null, only_show_if_degraded: false };
  return snapshot.providers.flatMap((provider, position) => [
    {
      id: provider.id,
      name: provider.name,
      status: groupStatus(provider),
      created_at: stamp(snapshot.generatedAt),
      updated_at: stamp(snapshot.generatedAt),
      position: position + 1,
      description: null,
      ...blank,
      group_id: null,
      group: true,
      components: provider.channels.map((each) => componentId(provider, each.id)),
    },
    ...provider.channels.map((each, at) => ({
      ...component(each, provider, snapshot, now),
      ...blank,
      position: at + 1,
    })),
  ]);
}

function component(channel: ChannelView, provider: ProviderView, snapshot: Snapshot, now: Instant) {
  const since = stamp(channel.since ?? snapshot.generatedAt);
  return {
    id: componentId(provider, channel.id),
    name: nameOf(channel, en),
    status: STATUS[channel.status],
    created_at: since,
    updated_at: since,
    description: description(channel, now),
    group_id: provider.id,
    group: false,
  };
}

function description(channel: ChannelView, now: Instant): string | null {
  if (channel.status === 'unknown') return 'Not known at the moment.';
  if (channel.status === 'closed') {
    const at = opening(channel);
    return at === undefined ? 'Closed now.' : `Closed now; opens ${moment(at, channel.timezone, now, en)}.`;
  }
  return channel.status === 'operational' || channel.cause === undefined ? null : en.causes[channel.cause];
}

/** As Statuspage does: a group is as bad as its worst member. */
function groupStatus(provider: ProviderView): string {
  const order = ['operational', 'under_maintenance', 'degraded_performance', 'partial_outage', 'major_outage'];
  const worst = Math.max(0, ...provider.channels.map((each) => order.indexOf(STATUS[each.status])));
  return order[worst] ?? 'operational';
}

interface StatuspageIncident {
  readonly id: string;
  readonly status: string;
}
const isUnresolved = (each: StatuspageIncident) => each.status !== 'resolved';

function incidents(snapshot: Snapshot): StatuspageIncident[] {
  return snapshot.providers.flatMap((provider) => provider.incidents.map((each) => incident(each, provider, snapshot)));
}

function incident(each: IncidentView, provider: ProviderView, snapshot: Snapshot) {
  const affected = (each.channels ?? [each.channel]).map((id) => {
    const channel = provider.channels.find((one) => one.id === id);
    return { id, channel, name: channel === undefined ? id : nameOf(channel, en) };
  });
  const name = affected.map((one) => one.name).join(', ');
  const known = statusOf(each);
  const resolvedAt = each.resolvedAt === undefined ? null : stamp(each.resolvedAt);
  const updates = each.updates.map((update, at) => ({
    id: `${each.id}.${at}`,
    incident_id: each.id,
    status: update.change === 'resolved' ? 'resolved' : known,
    body: bodyOf(update, each, affected.find((one) => one.id === update.channel)?.name),
    created_at: stamp(update.at),
    updated_at: stamp(update.at),
    display_at: stamp(update.at),
    affected_components: affected.map((one) => ({ code: componentId(provider, one.id), name: one.name })),
    deliver_notifications: false,
    custom_tweet: null,
    tweet_id: null,
  }));
  return {
    id: each.id,
    name: `${name}: ${each.impact === 'outage' ? en.incident.outage : en.incident.degraded}`,
    status: resolvedAt === null ? known : 'resolved',
    impact: each.impact === 'outage' ? 'major' : 'minor',
    created_at: stamp(each.updates[0]?.at ?? each.openedAt),
    updated_at: stamp(each.updates.at(-1)?.at ?? each.openedAt),
    started_at: stamp(each.openedAt),
    monitoring_at: each.mendedAt === undefined ? null : stamp(each.mendedAt),
    resolved_at: resolvedAt,
    shortlink: new URL(`en/incidents/${encodeURIComponent(each.id)}`, snapshot.publicUrl ?? 'http://localhost/').href,
    page_id: pageId(snapshot),
    // Newest first, as Statuspage gives them.
    incident_updates: updates.toReversed(),
    components: affected.flatMap(({ channel, name: own }) =>
      channel === undefined
        ? []
        : [{ id: componentId(provider, channel.id), name: own, status: STATUS[channel.status] }],
    ),
  };
}

function statusOf({ cause, mendedAt }: IncidentView): string {
  if (mendedAt !== undefined) return 'monitoring';
  return cause === 'unknown' ? 'investigating' : 'identified';
}

function bodyOf({ change, channel }: UpdateView, each: IncidentView, name: string | undefined): string {
  const { changes, joins } = en.incident;
  if (change === 'opened' || change === 'reopened')
    return `${changes[change]} ${each.why?.en ?? en.causes[each.cause]}`;
  return change === 'joined' && name !== undefined && channel !== each.channel ? joins(name) : changes[change];
}

interface StatuspageMaintenance {
  readonly id: string;
  readonly status: string;
}

function planned(snapshot: Snapshot, now: Instant, wanted: string) {
  return { scheduled_maintenances: maintenances(snapshot, now).filter((each) => each.status === wanted) };
}

function maintenances(snapshot: Snapshot, now: Instant): StatuspageMaintenance[] {
  return snapshot.providers.flatMap((provider) =>
    provider.maintenances.filter((each) => each.until > now).map((each) => maintenance(each, provider, snapshot, now)),
  );
}

function maintenance(each: MaintenanceView, provider: ProviderView, snapshot: Snapshot, now: Instant) {
  const channel = provider.channels.find((one) => one.id === each.channel);
  const name = channel === undefined ? each.channel : nameOf(channel, en);
  return {
    // A window has no identity but itself: the same window keeps its id.
    id: `${componentId(provider, each.channel)}.${each.from.toString(36)}`,
    name: `${name}: maintenance`,
    status: each.from <= now ? 'in_progress' : 'scheduled',
    impact: 'maintenance',
    created_at: stamp(each.from),
    updated_at: stamp(each.from),
    started_at: stamp(each.from),
    monitoring_at: null,
    resolved_at: null,
    scheduled_for: stamp(each.from),
    scheduled_until: stamp(each.until),
    shortlink: snapshot.publicUrl ?? 'http://localhost/',
    page_id: pageId(snapshot),
    incident_updates: [],
    components:
      channel === undefined ? [] : [{ id: componentId(provider, channel.id), name, status: STATUS[channel.status] }],
  };
}
