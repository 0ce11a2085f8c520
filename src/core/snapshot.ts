/** What the public may see, built field by field: the allow-list through which every public page and answer goes. */
import type {
  Cause,
  ChannelKind,
  ChannelStatus,
  Fallback,
  Impact,
  Instant,
  Language,
  Localized,
  Rung,
} from './model.ts';
import type { Indicator } from './status.ts';

/** Everything that the public pages and the v2 API are made from. It holds no target, no fault text and no secret. */
export interface Snapshot {
  readonly generatedAt: Instant;
  /** Three intervals of the slowest public target: older than that, the page says that it is stale. */
  readonly staleAfterMs: number;
  /** True: we cannot see at the moment (our own network), and say so. */
  readonly blind: boolean;
  readonly blindSince?: Instant;
  readonly publicUrl?: string;
  readonly providers: readonly ProviderView[];
}

export interface ProviderView {
  readonly id: string;
  readonly name: string;
  readonly homepage?: string;
  readonly timezone: string;
  readonly languages: readonly Language[];
  readonly indicator: Indicator;
  readonly channels: readonly ChannelView[];
  readonly fallbacks: readonly Fallback[];
  /** Open ones first, then those resolved within the last 14 days, newest first. */
  readonly incidents: readonly IncidentView[];
  readonly notices: readonly NoticeView[];
  readonly maintenances: readonly MaintenanceView[];
}

export interface ChannelView {
  /** Id within the provider, as in URLs. */
  readonly id: string;
  readonly kind: ChannelKind;
  readonly name: Localized;
  readonly status: ChannelStatus;
  /** Since when it has had this status, as far as is known. */
  readonly since?: Instant;
  /** Newest look that could see. */
  readonly lastSeenAt?: Instant;
  readonly stale: boolean;
  /** How far the newest good look got. */
  readonly rung: Rung;
  /** Milliseconds that the newest answer took, when it answers. */
  readonly answerMs?: number;
  readonly promiseMs?: number;
  readonly contact?: string;
  readonly contactChecked?: string;
  readonly cost?: Localized;
  readonly languages: readonly Language[];
  /** The cause of the open incident, as an enumerated reason. */
  readonly cause?: Cause;
  readonly impact?: Impact;
  readonly incident?: string;
  readonly timezone: string;
  /** Round the clock, every day. */
  readonly always: boolean;
  /** Hours of today in the provider's zone, as instants; empty: closed today. */
  readonly today: readonly { readonly from: Instant; readonly until: Instant }[];
  /** When open turns to closed or back; absent: never, or further than two weeks away. */
  readonly nextChange?: { readonly at: Instant; readonly to: 'open' | 'closed' | 'maintenance' };
  /** The written weekly hours. */
  readonly weekly: string;
}

export interface IncidentView {
  readonly id: string;
  /** Id of the channel within the provider; so in the notices and maintenances below. */
  readonly channel: string;
  /** All channels that it took with it, the first one first; absent: that one alone. */
  readonly channels?: readonly string[];
  readonly openedAt: Instant;
  readonly resolvedAt?: Instant;
  /** How much of it, when it is over, was in hours promised to customers. */
  readonly promisedMs?: number;
  readonly impact: Impact;
  readonly cause: Cause;
  /** The evidence for the cause in one public sentence per language. */
  readonly why?: Readonly<Record<Language, string>>;
  /** It works again and is watched: it is over when it has held. */
  readonly mendedAt?: Instant;
  /** Closed, or under maintenance: nothing is promised at the moment, and its clock stands still. */
  readonly suspended?: true;
  readonly updates: readonly UpdateView[];
}

export interface UpdateView {
  readonly at: Instant;
  readonly change: 'opened' | 'joined' | 'worsened' | 'unstable' | 'resolved' | 'reopened' | 'suspended' | 'continued';
  /** The channel that it is about; absent: one that is not public. */
  readonly channel?: string;
}

export interface NoticeView {
  readonly channel: string;
  readonly title: string;
  readonly link?: string;
  readonly kind: 'maintenance' | 'incident' | 'resolved' | 'other';
  readonly publishedAt?: Instant;
  readonly from?: Instant;
  readonly until?: Instant;
  readonly zoneExplicit: boolean;
  /** The window can be read in another way, too. */
  readonly ambiguous?: boolean;
  /** Ids of the channels within the provider; empty: not said. */
  readonly touches: readonly string[];
}

export interface MaintenanceView {
  readonly channel: string;
  readonly from: Instant;
  readonly until: Instant;
}
