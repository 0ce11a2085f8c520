/** What the quiet and the loud rooms ask of a store. Asynchronous, though SQLite is not, so that another store can stand here. */
import type {
  ChannelId,
  Evidence,
  Incident,
  Instant,
  LocationId,
  Notice,
  Notification,
  Observation,
  TargetId,
} from './model.ts';
import type { Health } from './judge.ts';
import type { Delivery } from './receiver.ts';

/** What is known of a target and its channel at the moment a look is judged. */
export interface Standing {
  readonly health: Health;
  /** The channel's open incident, if there is one. */
  readonly incident: Incident | undefined;
}

/** What a look changes. Written in one transaction with the observation, or not at all. */
export interface Ruling {
  readonly health: Health;
  /** Present when the incident is new or has changed. */
  readonly incident?: Incident;
  readonly notifications: readonly Notification[];
}

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
  ): Promise<Ruling | undefined>;
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
  /** Writes what became of an attempt. `nextAt` is when to try again, for `retry`. */
  settle(key: string, delivery: Delivery, now: Instant, nextAt?: Instant): Promise<void>;
  /** When the next notification is due, none of an excluded receiver; undefined when none waits. May lie in the past. */
  nextDueAt(excluded: readonly string[]): Promise<Instant | undefined>;
  outboxDepth(): Promise<OutboxDepth>;
  /** Bytes on disk. */
  bytes(): number;
  close(): Promise<void>;
}
