/** What every language must say: one catalogue, so that a missing translation is a type error. It holds no word itself. */
import type { Cause, ChannelKind, ChannelStatus, Language, Rung } from '../core/model.ts';
import type { NoticeView, UpdateView } from '../core/snapshot.ts';

/** What can be advised, by situation; the page picks, the catalogue words it. */
export type Advice =
  | 'check_yourself'
  | 'wait_in_line'
  | 'be_patient'
  | 'try_once_more'
  | 'try_again_later'
  | 'use_self_service'
  | 'nothing_lost'
  | 'theft'
  | 'keep_evidence'
  | 'wait_for_maintenance'
  | 'try_yourself'
  | 'only_listed';

/** A subject of a sentence: the names as one text, and whether the verb is in the plural. */
export interface Subject {
  readonly names: string;
  readonly many: boolean;
}

export interface Words {
  /** BCP 47, for the `lang` attribute. */
  readonly tag: string;
  /** For `Intl`. */
  readonly locale: string;
  /** The language's own name. */
  readonly self: string;
  readonly skip: string;
  readonly languageNav: string;
  readonly title: (provider: string) => string;
  readonly heading: (provider: string) => string;
  readonly overview: { readonly title: string; readonly heading: string; readonly lead: string; readonly open: string };
  readonly allProviders: string;
  /** Nouns inside a sentence. */
  readonly kinds: Readonly<Record<ChannelKind, string>>;
  readonly statuses: Readonly<Record<ChannelStatus, string>>;
  /** What a cause means to a customer: the whole of what the public is told about it. */
  readonly causes: Readonly<Record<Cause, string>>;
  /** What our newest look proved, for the kinds where a person might or might not stand behind the line. */
  readonly rungs: Readonly<Record<Rung, string>>;
  readonly answer: {
    readonly answers: (who: Subject, wait?: string) => string;
    readonly works: (who: Subject) => string;
    readonly also: (who: Subject) => string;
    readonly slow: (who: Subject, wait?: string) => string;
    readonly busy: (who: Subject) => string;
    readonly troubled: (who: Subject) => string;
    readonly partly: (who: Subject) => string;
    readonly engaged: (who: Subject, since?: string) => string;
    readonly down: (who: Subject, since?: string) => string;
    readonly closed: (who: Subject, opens?: string) => string;
    readonly maintenance: (who: Subject, until?: string) => string;
    readonly unknown: (who: Subject) => string;
    /** Everything that should answer now is down. */
    readonly nothing: (provider: string, since?: string) => string;
    /** Nothing answers, for different reasons. */
    readonly nobody: (provider: string) => string;
    readonly allClosed: (provider: string) => string;
    readonly opensFirst: (who: Subject, when: string, left: string) => string;
    readonly allMaintenance: (provider: string, until?: string) => string;
    readonly allUnknown: (provider: string) => string;
    /** `since`: when we lost sight, where that is known. */
    readonly blind: (provider: string, since?: string) => string;
    readonly ours: (provider: string) => string;
    readonly stale: (since: string) => string;
    readonly lastSeen: (names: string) => string;
    readonly noChannels: (provider: string) => string;
    readonly fallbacks: string;
  };
  readonly since: (when: string, span: string) => string;
  readonly fromUntil: (from: string, until: string) => string;
  readonly today: string;
  readonly tomorrow: (time: string) => string;
  readonly yesterday: (time: string) => string;
  /** A date or weekday with a time. */
  readonly dated: (date: string, time: string) => string;
  readonly wait: { readonly moments: string; readonly about: (span: string) => string };
  /** Between the parts of a span: `1 h 12 min`. */
  readonly spanGap: string;
  readonly lessThanMinute: string;
  readonly labels: {
    readonly channels: string;
    readonly status: string;
    readonly hours: string;
    readonly weekly: string;
    readonly wait: string;
    readonly promised: (span: string) => string;
    readonly languages: string;
    readonly cost: string;
    readonly seen: string;
    readonly tested: string;
    readonly cause: string;
    readonly incident: string;
    readonly tryThis: string;
    readonly contact: string;
    readonly checked: (date: string) => string;
    readonly source: string;
    readonly fallbacks: string;
    readonly fallbacksLead: string;
    readonly ready: string;
    readonly notices: string;
    readonly noticesLead: string;
    readonly maintenance: string;
    readonly maintenanceNone: string;
    readonly incidents: string;
    readonly incidentsNone: string;
    readonly details: (name: string) => string;
    readonly back: (provider: string) => string;
    readonly homepage: string;
    readonly stale: string;
    readonly zoneAssumed: string;
    readonly windowDoubtful: string;
    readonly now: string;
    readonly yourTime: string;
    readonly reload: string;
  };
  /** The verb on the button that opens a contact. */
  readonly act: Readonly<Record<ChannelKind, string>>;
  readonly always: string;
  readonly closedToday: string;
  readonly opens: (when: string) => string;
  readonly closes: (when: string) => string;
  readonly maintenanceStarts: (when: string) => string;
  readonly holiday: string;
  readonly closedWord: string;
  /** Monday first. */
  readonly weekdays: readonly [string, string, string, string, string, string, string];
  readonly languages: Readonly<Record<Language, string>>;
  readonly notices: Readonly<Record<NoticeView['kind'], string>>;
  readonly advice: Readonly<Record<Advice, string>>;
  readonly alternative: (name: string) => string;
  readonly safety: { readonly title: string; readonly text: string };
  readonly ready: readonly string[];
  readonly incident: {
    readonly title: (channel: string) => string;
    readonly outage: string;
    readonly degraded: string;
    readonly open: string;
    readonly resolved: string;
    readonly began: string;
    readonly ended: string;
    readonly lasted: string;
    /** Of all that it lasted, the time in hours that were promised. */
    readonly promised: string;
    readonly affected: string;
    /** It works again, and we watch whether it lasts. */
    readonly mended: string;
    /** It was not over when support closed; nobody can know before it opens. */
    readonly suspended: string;
    readonly timeline: string;
    readonly changes: Readonly<Record<UpdateView['change'], string>>;
    /** Another channel is drawn in. */
    readonly joins: (channel: string) => string;
  };
  readonly generated: (when: string) => string;
  readonly age: (span: string) => string;
  readonly staleBanner: string;
  readonly blindBanner: string;
  readonly about: string;
  readonly zones: string;
  readonly data: string;
  readonly notFound: { readonly title: string; readonly text: string; readonly home: string };
  readonly trouble: { readonly title: string; readonly text: string };
}
