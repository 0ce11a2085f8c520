/** How nouns lie in rows and come back. It knows columns and no statement. */
import { FAULTS, type Fault, type FaultCode } from '../core/fault.ts';
import type { Health } from '../core/judge.ts';
import type { EvidenceRow, HealthRow, NoticeRow } from '../core/ledger.ts';
import {
  RUNGS,
  type Fact,
  type Finding,
  type Incident,
  type ChannelMessage,
  type Message,
  type Notice,
  type Notification,
  type Observation,
  type OwnMessage,
} from '../core/model.ts';

/** The order is the number in the file: append only. */
const KINDS = ['ok', 'degraded', 'failed', 'unknown'] as const;
/** Facts of a good look are kept when they are small; of any other, unless they are huge. */
const FACTS_CAP = { ok: 1_024, other: 16_384 };

export interface ObservationRow {
  readonly target: string;
  readonly location: string;
  readonly slot_at: number;
  readonly at: number;
  readonly duration_ms: number;
  readonly kind: number;
  readonly rung: number;
  readonly fault: string | null;
  readonly detail: string | null;
}

/** What of a finding has no column of its own. Short names: there is one for every look. */
interface Detail {
  readonly p?: Readonly<Record<string, number>>;
  readonly f?: Readonly<Record<string, Fact>>;
  readonly w?: Omit<Fault, 'code'>;
}

export function packKind(finding: Finding): number {
  return KINDS.indexOf(finding.kind);
}

export function packRung(finding: Finding): number {
  return RUNGS.indexOf(finding.rung);
}

/** Phases, facts and the fault's words as JSON; null when there are none. Notices and evidence have tables of their own. */
export function packDetail(finding: Finding): string | null {
  const parts: string[] = [];
  if (hasAny(finding.phases)) parts.push(`"p":${JSON.stringify(finding.phases)}`);
  if (hasAny(finding.facts)) {
    const facts = JSON.stringify(finding.facts);
    if (facts.length <= (finding.kind === 'ok' ? FACTS_CAP.ok : FACTS_CAP.other)) parts.push(`"f":${facts}`);
  }
  if (finding.kind !== 'ok') {
    const { cause, blame, message } = finding.fault;
    parts.push(`"w":${JSON.stringify({ cause, blame, message })}`);
  }
  return parts.length === 0 ? null : `{${parts.join(',')}}`;
}

function hasAny(record: object): boolean {
  for (const _ in record) return true;
  return false;
}

export function unpackObservation(row: ObservationRow): Observation {
  const { target, location, slot_at: slotAt, at, duration_ms: durationMs } = row;
  return { target, location, slotAt, at, durationMs, finding: unpackFinding(row) };
}

function unpackFinding(row: ObservationRow): Finding {
  const detail = (row.detail === null ? {} : JSON.parse(row.detail)) as Detail;
  const sight = { phases: detail.p ?? {}, facts: detail.f ?? {} };
  const kind = KINDS[row.kind] ?? 'unknown';
  const rung = RUNGS[row.rung] ?? 'none';
  if (kind === 'ok') return { kind, rung, ...sight };
  const fault = unpackFault(row.fault, detail);
  return kind === 'unknown' ? { kind, rung: 'none', fault, ...sight } : { kind, rung, fault, ...sight };
}

/** A code of a later version that this one does not know becomes CANNOT_JUDGE; its words stay. */
function unpackFault(code: string | null, { w }: Detail): Fault {
  const known: FaultCode = code !== null && code in FAULTS ? (code as FaultCode) : 'CANNOT_JUDGE';
  return { code: known, ...FAULTS[known], message: '', ...w };
}

export interface StandingRow extends ObservationRow {
  readonly health: string;
}

export function unpackStanding(row: StandingRow): HealthRow {
  return { target: row.target, location: row.location, health: unpackHealth(row.health), last: unpackObservation(row) };
}

export function unpackHealth(text: string): Health {
  return JSON.parse(text) as Health;
}

export interface IncidentRow {
  readonly id: string;
  readonly provider: string;
  readonly channel: string;
  readonly opened_at: number;
  readonly resolved_at: number | null;
  readonly impact: string;
  readonly cause: string;
  /** All that is not searched for (confirmation, evidence, members, updates, who was told), as JSON. */
  readonly rest: string;
}

type IncidentRest = Omit<Incident, 'id' | 'provider' | 'channel' | 'openedAt' | 'resolvedAt' | 'impact' | 'cause'>;

/** As the first versions wrote it: an incident was of one channel, which was not said twice. */
type Earlier<Written extends { readonly channels: unknown }> = Omit<Written, 'channels'> & Partial<Written>;

export function packIncident(incident: Incident): IncidentRow {
  const { id, provider, channel, openedAt, resolvedAt, impact, cause, ...rest } = incident;
  const columns = { id, provider, channel, opened_at: openedAt, resolved_at: resolvedAt ?? null, impact, cause };
  return { ...columns, rest: JSON.stringify(rest satisfies IncidentRest) };
}

export function unpackIncident(row: IncidentRow): Incident {
  return withChannels({
    id: row.id,
    provider: row.provider,
    channel: row.channel,
    openedAt: row.opened_at,
    ...(row.resolved_at === null ? {} : { resolvedAt: row.resolved_at }),
    impact: row.impact as Incident['impact'],
    cause: row.cause as Incident['cause'],
    ...(JSON.parse(row.rest) as Earlier<IncidentRest>),
  });
}

function withChannels(incident: Earlier<Incident>): Incident {
  const { channel, openedAt: since, resolvedAt, impact, cause, channels } = incident;
  const own = { channel, since, ...(resolvedAt !== undefined && { resolvedAt }), impact, cause, suspended: [] };
  return { ...incident, channels: channels ?? [own] };
}

export interface NotificationRow {
  readonly key: string;
  readonly receiver: string;
  readonly incident: string;
  readonly created_at: number;
  readonly due_at: number;
  readonly message: string;
}

export function packNotification(each: Notification): NotificationRow {
  const { key, receiver, createdAt: created_at, dueAt: due_at, message } = each;
  return {
    key,
    receiver,
    incident: (message.own ?? message.incident).id,
    created_at,
    due_at,
    message: JSON.stringify(message),
  };
}

export function unpackNotification(row: NotificationRow): Notification {
  const { key, receiver, created_at: createdAt, due_at: dueAt } = row;
  return { key, receiver, createdAt, dueAt, message: unpackMessage(row.message) };
}

type Written = OwnMessage | (Omit<ChannelMessage, 'incident'> & { readonly incident: Earlier<Incident> });

function unpackMessage(text: string): Message {
  const message = JSON.parse(text) as Written;
  return message.own === undefined ? { ...message, incident: withChannels(message.incident) } : message;
}

export interface NoticeColumns {
  readonly target: string | number;
  readonly title: string;
  readonly link: string;
  readonly from_at: number;
  readonly until_at: number | null;
  readonly published_at: number | null;
  /** Null: no window. Else the sum of 1: it names its zone; 2: it is ambiguous; 4: it is accepted. */
  readonly zone_explicit: number | null;
  readonly channels: string;
  readonly kind: string;
  readonly matched: string;
  readonly seen_at: number;
}

export function packNotice(target: number, notice: Notice, seenAt: number): NoticeColumns {
  return {
    target,
    title: notice.title,
    link: notice.link ?? '',
    from_at: notice.from ?? 0,
    until_at: notice.until ?? null,
    published_at: notice.publishedAt ?? null,
    zone_explicit:
      notice.zoneExplicit === undefined
        ? null
        : Number(notice.zoneExplicit) + (notice.ambiguous === true ? 2 : 0) + (notice.accepted === true ? 4 : 0),
    channels: JSON.stringify(notice.channels),
    kind: notice.kind,
    matched: notice.matched,
    seen_at: seenAt,
  };
}

export type NoticeSeenRow = Omit<NoticeColumns, 'seen_at' | 'target'> & {
  readonly target: string;
  readonly channel: string;
  readonly first_seen_at: number;
  readonly last_seen_at: number;
};

export function unpackNotice(row: NoticeSeenRow): NoticeRow {
  return {
    target: row.target,
    channel: row.channel,
    title: row.title,
    ...(row.link === '' ? {} : { link: row.link }),
    ...(row.published_at === null ? {} : { publishedAt: row.published_at }),
    ...(row.from_at === 0 ? {} : { from: row.from_at }),
    ...(row.until_at === null ? {} : { until: row.until_at }),
    ...(row.zone_explicit === null ? {} : traitsOf(row.zone_explicit)),
    channels: JSON.parse(row.channels) as string[],
    kind: row.kind as Notice['kind'],
    matched: row.matched,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
  };
}

function traitsOf(sum: number): Pick<Notice, 'zoneExplicit' | 'ambiguous' | 'accepted'> {
  return {
    zoneExplicit: (sum & 1) !== 0,
    ...((sum & 2) !== 0 && { ambiguous: true }),
    ...((sum & 4) !== 0 && { accepted: true }),
  };
}

export interface EvidenceColumns extends Omit<EvidenceRow, 'incident'> {
  readonly incident: string | null;
}

export function unpackEvidence({ incident, ...row }: EvidenceColumns): EvidenceRow {
  return { ...row, incident: incident ?? undefined };
}
