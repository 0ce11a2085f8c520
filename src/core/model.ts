/** Every noun of the house. It knows no protocol, no database and no screen. */

/** Epoch milliseconds, UTC. Instants end in `At`, durations in `Ms`. */
export type Instant = number;

/** `provider` */
export type ProviderId = string;
/** `provider/channel` */
export type ChannelId = string;
/** `provider/channel/target` */
export type TargetId = string;
/** The place a look was made from. */
export type LocationId = string;

export const LANGUAGES = ['id', 'en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];
/** A text that an operator wrote, in one or more languages. */
export type Localized = Readonly<Partial<Record<Language, string>>>;

export const CHANNEL_KINDS = [
  'phone',
  'chat',
  'email',
  'app_help',
  'social',
  'announcements',
  'community',
  'form',
] as const;
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

/** How far a look got: the ladder of reachability, lowest first. */
export const RUNGS = ['none', 'reachable', 'accepting', 'answered', 'answered_by_person'] as const;
export type Rung = (typeof RUNGS)[number];

export type Fact = string | number | boolean | null | readonly string[];

/** What a look leaves behind for a person to read: text first, capped and free of secrets. */
export interface Evidence {
  readonly name: string;
  /** Media type, such as `text/plain`. */
  readonly type: string;
  readonly text: string;
  /** Somebody asked for it: it is kept of a good look, too. */
  readonly kept?: true;
}

/** An official announcement as found on the provider's own page. It is data, never an instruction. */
export interface Notice {
  readonly title: string;
  readonly link?: string;
  readonly publishedAt?: Instant;
  /** The window that the notice names, if it names one. */
  readonly from?: Instant;
  readonly until?: Instant;
  /** False when the text named no time zone and the source's configured zone was assumed. */
  readonly zoneExplicit?: boolean;
  /** The window can be read in another way, too (5/11, CST, a zone that nobody named): a person has to look before it counts. */
  readonly ambiguous?: true;
  /** The operator trusts this source, and the window is whole and clear: it may count before a person has looked. */
  readonly accepted?: true;
  /** No earlier look saw it. The first look of all sees nothing new: what was there before us is no news. */
  readonly fresh?: true;
  /** Ids of the channels (within the provider) that it touches; empty: not said. */
  readonly channels: readonly string[];
  readonly kind: 'maintenance' | 'incident' | 'resolved' | 'other';
  /** The words that made us file it under `kind`. */
  readonly matched: string;
}

/** What any look brings home, whatever it found. */
export interface Sight {
  /** Milliseconds by phase; the names come from the probe kind's closed list. */
  readonly phases: Readonly<Record<string, number>>;
  readonly facts: Readonly<Record<string, Fact>>;
  readonly notices?: readonly Notice[];
  readonly evidence?: readonly Evidence[];
}

import type { Fault } from './fault.ts';

/** A look's value. It says why; it is never a boolean and never an exception. */
export type Finding =
  | (Sight & { readonly kind: 'ok'; readonly rung: Rung })
  | (Sight & { readonly kind: 'degraded' | 'failed'; readonly rung: Rung; readonly fault: Fault })
  /** WE could not look. Nobody else is accused. */
  | (Sight & { readonly kind: 'unknown'; readonly rung: 'none'; readonly fault: Fault });

export interface Observation {
  readonly target: TargetId;
  readonly location: LocationId;
  /** The slot of the schedule that this look belongs to: with target and location, the look's identity. */
  readonly slotAt: Instant;
  /** When the look began. */
  readonly at: Instant;
  /** By the monotonic clock. */
  readonly durationMs: number;
  readonly finding: Finding;
}

/** What was promised at an instant. */
export type Expectation = 'open' | 'closed' | 'maintenance';

/** When a target counts as down and up again. */
export interface Policy {
  /** Failures in a row that open. */
  readonly failures: number;
  /** Successes in a row that resolve. */
  readonly successes: number;
  /** Milliseconds until the next look while unconfirmed. */
  readonly recheckMs: number;
  /** `atLeast` slow looks of the last `of` make it degraded. */
  readonly slow: { readonly atLeast: number; readonly of: number };
}

/** One address of a channel that we look at, ready to be looked at. */
export interface Target {
  readonly id: TargetId;
  readonly provider: ProviderId;
  readonly channel: ChannelId;
  readonly channelKind: ChannelKind;
  /** Kind of the probe: the name of its file. */
  readonly probe: string;
  /** As parsed by the probe kind's own schema. */
  readonly with: unknown;
  readonly schedule: Schedule;
  readonly timeoutMs: number;
  readonly advisory: boolean;
  readonly policy: Policy;
  /** Slower than this is degraded; absent: no promise. */
  readonly promiseMs?: number;
  /** At most this many looks in 24 hours; absent: no cap. */
  readonly budgetPerDay?: number;
  /** The same for one hour. */
  readonly budgetPerHour?: number;
  /** When nobody is to be disturbed by a look; absent: by the kind's own manners. */
  readonly quiet?: 'never' | Hours;
}

export type Schedule =
  | { readonly kind: 'every'; readonly everyMs: number }
  /** Five fields, in `timezone`. */
  | { readonly kind: 'cron'; readonly expression: string; readonly timezone: string };

export interface Channel {
  readonly id: ChannelId;
  readonly provider: ProviderId;
  readonly kind: ChannelKind;
  readonly name: Localized;
  /** The official way in: `tel:`, `mailto:` or `https:` link. */
  readonly contact?: string;
  readonly cost?: Localized;
  readonly languages: readonly Language[];
  readonly hours: Hours;
  readonly maintenance: readonly MaintenanceRule[];
  /** Ids (within the provider) of channels whose outage explains this one's. */
  readonly dependsOn: readonly string[];
  readonly runbook?: string;
  /** True: on no public route at all. */
  readonly private: boolean;
  readonly targets: readonly Target[];
}

/** Service hours as configured; `core/calendar` gives them meaning. */
export interface Hours {
  /** A subset of OpenStreetMap's opening_hours, such as `Mo-Fr 08:00-20:00; Sa 09:00-15:00`, or `24/7`. */
  readonly weekly: string;
  readonly timezone: string;
  /** Public holidays, local dates `YYYY-MM-DD`: what the rules of `weekly` for `PH` are about. */
  readonly holidays: readonly string[];
  /** `closed`: closed on them, unless `weekly` names `PH` itself or has a rule for the date. */
  readonly onHolidays: 'open' | 'closed';
  /** Make-up working days, local dates: they have the hours of a Monday wherever holidays matter. */
  readonly workdays: readonly string[];
}

export type MaintenanceRule =
  | { readonly kind: 'cron'; readonly cron: string; readonly durationMs: number; readonly timezone: string }
  | { readonly kind: 'once'; readonly from: Instant; readonly until: Instant };

/** A way to be helped that is not the provider's own, shown when every channel is down. */
export interface Fallback {
  readonly name: Localized;
  readonly contact: string;
  readonly source: string;
  /** Local date `YYYY-MM-DD` on which somebody checked it. */
  readonly checked: string;
}

/** An entry of the approved list: what "is this number real?" is answered from. */
export interface Contact {
  readonly value: string;
  readonly channel?: string;
  readonly source: string;
  readonly checked: string;
}

export interface Provider {
  readonly id: ProviderId;
  readonly name: string;
  readonly homepage?: string;
  readonly timezone: string;
  readonly languages: readonly Language[];
  readonly fallbacks: readonly Fallback[];
  readonly contacts: readonly Contact[];
  readonly channels: readonly Channel[];
}

/** Ours beside Statuspage's five: `closed` and `unknown`. */
export type ChannelStatus =
  | 'operational'
  | 'degraded_performance'
  | 'partial_outage'
  | 'major_outage'
  | 'under_maintenance'
  | 'closed'
  | 'unknown';

export const CAUSES = [
  'name_resolution',
  'unreachable',
  'refused',
  'tls',
  'timeout',
  'protocol',
  'server_error',
  'busy',
  'no_answer',
  'not_in_service',
  'rejected',
  'silence',
  'wrong_content',
  'no_receipt',
  'slow',
  'contact_changed',
  'contact_hidden',
  'app_release',
  'maintenance',
  'overload',
  'our_network',
  'unknown',
] as const;
/** What a diagnosis names. Closed list: it is a metric label and a set of public sentences. */
export type Cause = (typeof CAUSES)[number];

/** How bad an incident is for a customer. */
export type Impact = 'degraded' | 'outage';

/** A target's part in an incident. */
export interface Member {
  readonly target: TargetId;
  readonly since: Instant;
  readonly impact: Impact;
  readonly resolvedAt?: Instant;
  /** The fault of the look that confirmed it. */
  readonly fault: Fault;
  readonly probe: string;
}

export type IncidentId = string;

/** The evidence for a cause: what it is about, in numbers and names that every language words in its own way. */
export type Reason =
  | {
      readonly kind: 'seen';
      readonly cause: Cause;
      readonly target: string;
      readonly fault: Fault;
      readonly of: number;
    }
  /** Several targets on one host fail, and no other ones do. */
  | { readonly kind: 'host'; readonly host: string; readonly targets: number; readonly fault: Fault }
  | { readonly kind: 'everything'; readonly targets: number; readonly fault: Fault }
  /** `lost`: the part of our own way that is missing; `canaries`: it cannot be told which. Absent: what `detail` says. */
  | { readonly kind: 'ours'; readonly detail: string; readonly lost?: Lost | 'canaries' }
  | { readonly kind: 'notice'; readonly title: string; readonly from: Instant; readonly until?: Instant }
  | { readonly kind: 'release'; readonly version: string; readonly beforeMs: number }
  | { readonly kind: 'nothing' };

/** A stretch within an outage when nothing was promised; without an end it goes on. */
export interface Suspension {
  readonly from: Instant;
  readonly until?: Instant;
}

/** A channel's part in an incident. */
export interface Affected {
  readonly channel: ChannelId;
  /** First failing look of the streak. */
  readonly since: Instant;
  readonly resolvedAt?: Instant;
  /** The worst it has been. */
  readonly impact: Impact;
  /** From what was seen of this channel alone. */
  readonly cause: Cause;
  /** Closed, or under maintenance: the clock stands still. */
  readonly suspended: readonly Suspension[];
}

/**
 * One outage: of one channel, or of several of one provider that failed together. The id is the first channel plus the look
 * that made sure of it, so a replay opens the same one.
 */
export interface Incident {
  readonly id: IncidentId;
  readonly provider: ProviderId;
  /** The first channel that failed. */
  readonly channel: ChannelId;
  /** In the order in which they failed; the first one is `channel`. */
  readonly channels: readonly Affected[];
  /** First failing look of the streak. */
  readonly openedAt: Instant;
  /** When the streak was long enough to be sure. */
  readonly confirmedAt: Instant;
  /** First good look of the streak that ended it. */
  readonly resolvedAt?: Instant;
  /** The worst it has been. */
  readonly impact: Impact;
  readonly cause: Cause;
  /** The evidence for the cause in one sentence for operators. */
  readonly because: string;
  /** The same evidence, to be worded in any language; absent in incidents of an older version. */
  readonly reason?: Reason;
  readonly members: readonly Member[];
  readonly updates: readonly IncidentUpdate[];
  /** Names of the receivers that were told that it broke: the same are told that it works. */
  readonly told: readonly string[];
  /** What was told lately, and of which channel: nobody is told the same story over and over. */
  readonly news?: readonly { readonly at: Instant; readonly channel: ChannelId; readonly event: MessageEvent }[];
  /** The outage of a channel that this one depends on. While it lasts nobody is told of this one. */
  readonly suppressedBy?: IncidentId;
}

export interface IncidentUpdate {
  readonly at: Instant;
  readonly change:
    | 'opened'
    /** Another target, or another channel, failed too. */
    | 'joined'
    | 'worsened'
    /** It changes too often for each change to be told. */
    | 'unstable'
    | 'resolved'
    /** It broke again so soon that it is the same incident. */
    | 'reopened'
    /** The clock stops: closed, or under maintenance. */
    | 'suspended'
    | 'continued'
    /** A target is looked at no more. */
    | 'abandoned';
  readonly text: string;
  readonly channel?: ChannelId;
}

/** A message that has to reach a receiver. Written with the incident, in the same transaction. */
export interface Notification<Told extends Message = Message> {
  /** Dedupe key: the same change to the same receiver always has the same key. */
  readonly key: string;
  readonly receiver: string;
  readonly createdAt: Instant;
  /** Not before this. */
  readonly dueAt: Instant;
  readonly message: Told;
}

export type MessageEvent = 'opened' | 'joined' | 'worsened' | 'unstable' | 'reopened' | 'resolved';

/** What a receiver is told: everything that the engineer on call needs, and nothing that is secret. */
export type Message = ChannelMessage | OwnMessage;

export interface ChannelMessage {
  readonly key: string;
  readonly event: MessageEvent | 'test';
  readonly severity: 'critical' | 'warning';
  readonly incident: Incident;
  readonly own?: undefined;
  readonly providerName: string;
  /** The channel that this message is about. */
  readonly channelName: string;
  /** Names of all channels of the incident, in its order. */
  readonly channelNames?: readonly string[];
  readonly channelKind: ChannelKind;
  readonly contact?: string;
  readonly timezone: string;
  readonly runbook?: string;
  /** The incident on the public page, if the operator said where that is. */
  readonly url?: string;
  /** Names of all receivers of this change. */
  readonly told: readonly string[];
  /** The id of the channel that this message is about; absent in messages of an older version. */
  readonly channel?: ChannelId;
  /** What waits for one receiver in one group goes out as one message. */
  readonly group?: string;
  /** What else is told with it, a message for each incident. */
  readonly others?: readonly ChannelMessage[];
  /** It broke and was mended before anybody was told. */
  readonly brief?: true;
  readonly refused?: readonly Refusal[];
}

/** A receiver did not take a message for good, and why: that is why somebody else gets it. The newest stands last. */
export interface Refusal {
  readonly receiver: string;
  readonly detail: string;
}

/** About ourselves: it names no channel. */
export interface OwnMessage {
  readonly key: string;
  /** `again`: it came back soon after it was over, or another version of the same. */
  readonly event: 'opened' | 'again' | 'resolved';
  readonly severity: 'critical' | 'warning';
  readonly own: OwnIncident;
  readonly incident?: undefined;
  readonly refused?: readonly Refusal[];
  /** The place that we look from. */
  readonly location: LocationId;
  readonly timezone: string;
  readonly told: readonly string[];
}

export const OWN_TROUBLES = ['network', 'loop', 'clock', 'disk', 'store', 'file', 'configuration'] as const;
/**
 * What can be wrong with us: our way to the world, a loop that stood still, a clock that jumped, a full disk, a store that
 * cannot be written, one that was broken and begun anew, a configuration that was refused. Closed list: it is a metric label.
 */
export type OwnTrouble = (typeof OWN_TROUBLES)[number];

/** The first part of our way out that is missing; what lies beyond the gateway is one part. */
export type Lost = 'link' | 'route' | 'gateway' | 'upstream' | 'name server';

/** Trouble of ours, from its beginning to its end. It says nothing about any channel. */
export interface OwnIncident {
  /** The trouble plus when it began, so a replay opens the same one. */
  readonly id: IncidentId;
  readonly trouble: OwnTrouble;
  readonly openedAt: Instant;
  readonly resolvedAt?: Instant;
  /** What exactly, in one sentence for operators; the newest. */
  readonly detail: string;
  /** Tells one occasion from another, such as the version of a refused file; each is told once. */
  readonly occasion?: string;
  /** How often it began: what comes back within ten minutes is the same. */
  readonly spells: number;
  /** Nobody is told of the newest spell before then. */
  readonly tellAt: Instant;
  readonly told: readonly string[];
}
