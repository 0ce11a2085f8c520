/** What the quiet and the loud rooms ask of a store. Asynchronous, though SQLite is not, so that another store can stand here. */
import type {
  ChannelId,
  ChannelMessage,
  Evidence,
  Expectation,
  Finding,
  Incident,
  IncidentId,
  IncidentUpdate,
  Instant,
  LocationId,
  Notice,
  Notification,
  Observation,
  OwnIncident,
  TargetId,
} from './model.ts';
import type { Health } from './judge.ts';
import type { OwnRuling } from './ours.ts';
import type { Delivery } from './receiver.ts';

/** What is known of a target and its provider at the moment a look is judged. */
export interface Standing {
  readonly health: Health;
  /** What the other places say of the same target, however long ago. */
  readonly elsewhere: readonly { readonly health: Health; readonly seenAt: Instant }[];
  /** The provider's open incidents, and those resolved within the last hour, which may go on; by when they began. */
  readonly incidents: readonly Incident[];
}

/** What a look changes. Written in one transaction with the observation, or not at all. */
export interface Ruling {
  readonly health: Health;
  /** Present when the incident is new or has changed. */
  readonly incident?: Incident;
  /** What was added to the incident's story. */
  readonly update?: IncidentUpdate;
  readonly notifications: readonly Notification<ChannelMessage>[];
  /** What was promised at that time; kept with the look, so that promised time is told from other time. Absent: open. */
  readonly expected?: Expectation;
}

/** A change of an incident that no look has brought. */
export type Amendment = Omit<Ruling, 'health'> & { readonly incident: Incident };

export interface HealthRow {
  readonly target: TargetId;
  readonly location: LocationId;
  readonly health: Health;
  /** The newest observation. */
  readonly last: Observation;
}

export interface QueuedNotification extends Notification {
  readonly attempts: number;
}

export interface OutboxDepth {
  readonly waiting: number;
  /** Creation of the oldest one waiting. */
  readonly oldestAt: Instant | undefined;
}

export interface NoticeRow extends Notice {
  readonly channel: ChannelId;
  /** Target that found it. */
  readonly target: TargetId;
  readonly firstSeenAt: Instant;
  readonly lastSeenAt: Instant;
}

export interface EvidenceRow extends Evidence {
  readonly target: TargetId;
  readonly at: Instant;
  readonly incident: string | undefined;
}

export type Span = 'minute' | 'hour' | 'day';

/** Looks of one target from one place within a minute, an hour or a day of UTC, by what was promised then. */
export interface Rollup {
  readonly target: TargetId;
  readonly location: LocationId;
  readonly fromAt: Instant;
  readonly expected: Expectation;
  readonly looks: Readonly<Record<Finding['kind'], number>>;
  /** Of the looks that got an answer, slow ones too. */
  readonly answers: Answers;
}

export interface Answers {
  readonly count: number;
  readonly sumMs: number;
  /** Absent when there is none. */
  readonly minMs?: number;
  readonly maxMs?: number;
  /** Answers by time: those up to each of ANSWER_BOUNDS_MS, and in the last place those above. */
  readonly histogram: readonly number[];
}

export const ANSWER_BOUNDS_MS = [
  50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000,
] as const;

/** What an operator did. Written once, never changed and never dropped. */
export interface AuditEntry {
  readonly at: Instant;
  readonly who: string;
  /** A verb such as `acknowledge`. */
  readonly what: string;
  /** What it was done to, such as an incident's id. */
  readonly subject: string;
  /** As it was and as it became, where that can be said; anything that JSON can hold. No secrets. */
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface Ledger {
  /**
   * Judges and records one look in ONE transaction (committed in groups, `synchronous=FULL`). `rule` is pure and is called
   * inside the transaction with the standing as it is there; it may be called again when the transaction is retried. A look
   * already recorded (same target, location, slot) changes nothing and resolves to `undefined`. Resolves after the commit.
   */
  record(
    observation: Observation,
    channel: ChannelId,
    rule: (standing: Standing) => Ruling,
    /** What the look leaves for the next one from the same place, as JSON; undefined leaves what is there. */
    left?: string,
  ): Promise<Ruling | undefined>;
  /** What the newest look that left something left, as JSON. */
  memory(target: TargetId, location: LocationId): Promise<string | undefined>;
  /**
   * Changes an incident outside of a look, in one transaction with its notifications. `change` is pure and may be called
   * again; `undefined` leaves it as it is, and so does an id that is not there.
   */
  amend(id: IncidentId, change: (incident: Incident) => Amendment | undefined): Promise<Amendment | undefined>;
  /**
   * The wall clock was moved by so many milliseconds; `now` is what it said without that. Instants of what goes on move along,
   * so that it keeps its length. Resolves to the incidents that were moved.
   */
  shift(ms: number, now: Instant): Promise<readonly Incident[]>;
  /** Writes trouble of our own with its notifications, in one transaction. What of it still waits is withdrawn. */
  own(ruling: OwnRuling, now: Instant): Promise<void>;
  /** Open ones, and those that ended since; newest first. */
  ownIncidents(since: Instant, most: number): Promise<readonly OwnIncident[]>;
  /** Health of every target and location ever recorded. */
  health(): Promise<readonly HealthRow[]>;
  /** Open incidents. */
  openIncidents(): Promise<readonly Incident[]>;
  incident(id: string): Promise<Incident | undefined>;
  /** Newest first. */
  recentIncidents(since: Instant, most: number): Promise<readonly Incident[]>;
  /** Notices seen on the newest successful look of each target, or within the last 24 hours. */
  notices(since: Instant): Promise<readonly NoticeRow[]>;
  evidence(incident: string): Promise<readonly EvidenceRow[]>;
  /** Looks at a target since an instant, without those that its budget prevented: what the budget is held against. */
  looksSince(target: TargetId, since: Instant): Promise<number>;
  /**
   * Notifications due, the longest due first, at most `most`, none of an excluded receiver. Of one incident and receiver
   * only the oldest that waits: what was said first arrives first.
   */
  due(now: Instant, most: number, excluded: readonly string[]): Promise<readonly QueuedNotification[]>;
  /**
   * What goes out with a message of a group, itself first; bound before the first attempt, so that a second one says the same
   * under the same key.
   */
  bundle(key: string): Promise<readonly QueuedNotification[]>;
  /**
   * Writes what became of an attempt, for all that went out together. `nextAt` is when to try again, for `retry`; `instead`
   * goes to somebody else, after a refusal.
   */
  settle(key: string, delivery: Delivery, now: Instant, nextAt?: Instant, instead?: Notification): Promise<void>;
  /** When the next notification is due, none of an excluded receiver; undefined when none waits. May lie in the past. */
  nextDueAt(excluded: readonly string[]): Promise<Instant | undefined>;
  outboxDepth(): Promise<OutboxDepth>;
  /** Oldest first, up to this moment; every look is in it once. `span` 'minute' reaches back two days. */
  rollups(target: TargetId, span: Span, since: Instant, until: Instant): Promise<readonly Rollup[]>;
  audit(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  audited(since: Instant, most: number): Promise<readonly AuditEntry[]>;
  /** Bytes on disk. */
  bytes(): number;
  close(): Promise<void>;
}
