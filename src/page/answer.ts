/** "Can I reach support now, and how?" answered in sentences from the channels' states. Pure: no clock, no markup. */
import type { ChannelKind, Instant } from '../core/model.ts';
import type { ChannelView, ProviderView, Snapshot } from '../core/snapshot.ts';
import { clock, delay, moment, span, wait } from './times.ts';
import type { Subject, Words } from './words.ts';

/** The colour and shape of the whole: from "go ahead" to "we cannot tell". */
export type Mood = 'good' | 'mixed' | 'bad' | 'quiet' | 'unknown';

export interface Answer {
  readonly mood: Mood;
  /** The answer itself. */
  readonly lead: string;
  /** What else matters, most important first. */
  readonly rest: readonly string[];
  /** Channels to use now, best first. */
  readonly ways: readonly ChannelView[];
  /** True: no channel helps now, so the official fallbacks belong beside the answer. */
  readonly fallbacks: boolean;
}

/** Ways to reach support, the one to recommend first at the head. Announcements and the community answer nobody. */
const REACHES: readonly ChannelKind[] = ['chat', 'phone', 'app_help', 'email', 'form', 'social'];
/** Kinds of which "answers" can be said; a form or a help page works or does not. */
const SPEAKS: readonly ChannelKind[] = ['chat', 'phone', 'email'];

interface Scene {
  readonly provider: ProviderView;
  readonly now: Instant;
  readonly words: Words;
}

/** What a person should be told first about a provider. */
export function answer(snapshot: Snapshot, provider: ProviderView, now: Instant, words: Words): Answer {
  const scene = { provider, now, words };
  const channels = provider.channels.filter((each) => REACHES.includes(each.kind)).toSorted(byPreference);
  if (channels.length === 0) return plain('unknown', words.answer.noChannels(provider.name));
  if (isStale(snapshot, now)) {
    const when = moment(snapshot.generatedAt, provider.timezone, now, words);
    return { ...plain('unknown', words.answer.stale(when)), rest: remembered(channels, scene) };
  }
  if (snapshot.blind) {
    const rest = [words.answer.ours(provider.name), ...remembered(channels, scene)];
    const since = snapshot.blindSince;
    const when = since === undefined ? undefined : moment(since, provider.timezone, now, words);
    return { ...plain('unknown', words.answer.blind(provider.name, when)), rest };
  }
  const state = sort(channels);
  if (state.working.length > 0) return someWork(state, scene);
  if (state.slow.length > 0) return onlySlow(state, scene);
  return noneWork(state, channels, scene);
}

export function isStale(snapshot: Snapshot, now: Instant): boolean {
  return now - snapshot.generatedAt > snapshot.staleAfterMs;
}

function plain(mood: Mood, lead: string): Answer {
  return { mood, lead, rest: [], ways: [], fallbacks: false };
}

interface Sorted {
  readonly working: readonly ChannelView[];
  /** Usable with patience: slow, busy, in part. */
  readonly slow: readonly ChannelView[];
  readonly down: readonly ChannelView[];
  readonly maintained: readonly ChannelView[];
  readonly closed: readonly ChannelView[];
  readonly unseen: readonly ChannelView[];
}

function sort(channels: readonly ChannelView[]): Sorted {
  const having = (...wanted: ChannelView['status'][]) => channels.filter((each) => wanted.includes(each.status));
  return {
    working: having('operational'),
    slow: having('degraded_performance', 'partial_outage'),
    down: having('major_outage'),
    maintained: having('under_maintenance'),
    closed: having('closed'),
    unseen: having('unknown'),
  };
}

function someWork(state: Sorted, scene: Scene): Answer {
  const [best] = state.working;
  const others = state.working.slice(1);
  const rest = [
    ...(others.length > 0 ? [scene.words.answer.also(subject(others, scene))] : []),
    ...slowOnes(state.slow, scene),
    ...shut(state, scene),
  ];
  const troubled = state.down.length + state.slow.length + state.unseen.length > 0;
  const lead = best === undefined ? '' : working(best, scene);
  return { mood: troubled ? 'mixed' : 'good', lead, rest, ways: state.working, fallbacks: false };
}

function onlySlow(state: Sorted, scene: Scene): Answer {
  const [lead = '', ...others] = slowOnes(state.slow, scene);
  return { mood: 'mixed', lead, rest: [...others, ...shut(state, scene)], ways: state.slow, fallbacks: false };
}

function noneWork(state: Sorted, channels: readonly ChannelView[], scene: Scene): Answer {
  const { provider, words } = scene;
  const all = channels.length;
  if (state.unseen.length === all) return plain('unknown', words.answer.allUnknown(provider.name));
  if (state.closed.length === all) {
    return { ...plain('quiet', words.answer.allClosed(provider.name)), rest: firstOpening(state.closed, scene) };
  }
  if (state.maintained.length === all) {
    const ends = earliest(state.maintained.map((each) => maintenanceEnd(each, scene)));
    return plain(
      'quiet',
      words.answer.allMaintenance(provider.name, ends === undefined ? undefined : when(ends, scene)),
    );
  }
  if (state.down.length === all) {
    // All of them are down since the last one fell.
    const since = Math.max(...state.down.map((each) => each.since ?? Number.NEGATIVE_INFINITY));
    const lead = words.answer.nothing(provider.name, Number.isFinite(since) ? when(since, scene) : undefined);
    return { ...plain('bad', lead), rest: engagedOnes(state.down, scene), fallbacks: true };
  }
  const mood = state.down.length > 0 ? 'bad' : state.unseen.length > 0 ? 'unknown' : 'quiet';
  return {
    ...plain(mood, words.answer.nobody(provider.name)),
    rest: shut(state, scene),
    fallbacks: state.down.length > 0,
  };
}

/** The best channel in one sentence. A wait is told only when our test was answered: a line that is up has proved none. */
function working(channel: ChannelView, scene: Scene): string {
  const { words } = scene;
  const who = subject([channel], scene);
  const answered = channel.rung === 'answered' || channel.rung === 'answered_by_person';
  if (!answered || !SPEAKS.includes(channel.kind)) return words.answer.works(who);
  return words.answer.answers(who, waitOf(channel, words));
}

/** The wait that our newest answered look measured, in words. */
export function waitOf(channel: ChannelView, words: Words): string | undefined {
  const answered = channel.rung === 'answered' || channel.rung === 'answered_by_person';
  return answered && channel.answerMs !== undefined ? wait(channel.answerMs, words) : undefined;
}

/** The same where slowness is the trouble: "within seconds" would deny it. */
function delayOf(channel: ChannelView, words: Words): string | undefined {
  const answered = channel.rung === 'answered' || channel.rung === 'answered_by_person';
  return answered && channel.answerMs !== undefined ? delay(channel.answerMs, words) : undefined;
}

function slowOnes(channels: readonly ChannelView[], scene: Scene): string[] {
  const { words } = scene;
  return channels.map((each) => {
    const who = subject([each], scene);
    if (isBusy(each)) return words.answer.busy(who);
    if (each.status === 'partial_outage') return words.answer.partly(who);
    if (each.cause === undefined || each.cause === 'slow' || each.cause === 'timeout')
      return words.answer.slow(who, delayOf(each, words));
    return words.answer.troubled(who);
  });
}

/** What does not work, and until when: one sentence for those of the same fate. */
function shut(state: Sorted, scene: Scene): string[] {
  const { words } = scene;
  const telling = (
    channels: readonly ChannelView[],
    say: (who: Subject, time?: string) => string,
    timeOf: (channel: ChannelView) => Instant | undefined,
  ) =>
    together(channels, (each) => {
      const at = timeOf(each);
      return at === undefined ? undefined : when(at, scene);
    }).map(({ time, members }) => say(subject(members, scene), time));
  return [
    ...telling(
      state.down.filter((each) => !isBusy(each)),
      words.answer.down,
      (each) => each.since,
    ),
    ...engagedOnes(state.down, scene),
    ...telling(state.maintained, words.answer.maintenance, (each) => maintenanceEnd(each, scene)),
    ...telling(state.closed, words.answer.closed, opening),
    ...(state.unseen.length > 0 ? [words.answer.unknown(subject(state.unseen, scene))] : []),
  ];
}

/** Lines that are down because everybody calls: worth another try, so it is said apart. */
function engagedOnes(down: readonly ChannelView[], scene: Scene): string[] {
  return down
    .filter(isBusy)
    .map((each) =>
      scene.words.answer.engaged(
        subject([each], scene),
        each.since === undefined ? undefined : when(each.since, scene),
      ),
    );
}

function firstOpening(closed: readonly ChannelView[], scene: Scene): string[] {
  const first = earliest(closed.map(opening));
  if (first === undefined) return [];
  const who = subject(
    closed.filter((each) => opening(each) === first),
    scene,
  );
  return [scene.words.answer.opensFirst(who, when(first, scene), span(first - scene.now, scene.words))];
}

/** What worked when we could still see, with the time of that look: honest, and better than nothing. */
function remembered(channels: readonly ChannelView[], scene: Scene): string[] {
  const seen = channels.filter((each) => each.status === 'operational' && each.lastSeenAt !== undefined);
  if (seen.length === 0) return [];
  const zone = scene.provider.timezone;
  const names = seen.map(
    (each) => `${nameInSentence(each, scene)} (${clock(each.lastSeenAt ?? 0, zone, scene.words)})`,
  );
  return [scene.words.answer.lastSeen(list(names, scene.words))];
}

/** The instant a closed channel opens again, if that is within two weeks. */
export function opening(channel: ChannelView): Instant | undefined {
  return channel.nextChange?.to === 'open' ? channel.nextChange.at : undefined;
}

/** The end of the maintenance that covers now, as planned. */
export function maintenanceEnd(
  channel: ChannelView,
  { provider, now }: Pick<Scene, 'provider' | 'now'>,
): Instant | undefined {
  const current = provider.maintenances.filter(
    (each) => each.channel === channel.id && each.from <= now && now < each.until,
  );
  if (current.length > 0) return Math.max(...current.map((each) => each.until));
  return channel.nextChange !== undefined && channel.nextChange.to !== 'maintenance'
    ? channel.nextChange.at
    : undefined;
}

export function isBusy(channel: ChannelView): boolean {
  return channel.cause === 'busy' || channel.cause === 'overload';
}

function byPreference(a: ChannelView, b: ChannelView): number {
  return REACHES.indexOf(a.kind) - REACHES.indexOf(b.kind);
}

function when(at: Instant, scene: Scene): string {
  return moment(at, scene.provider.timezone, scene.now, scene.words);
}

/**
 * A channel's name inside a sentence: the noun of its kind, which has an article and a gender in the catalogue; the name that
 * the operator gave only where two channels are of one kind.
 */
export function nameInSentence(channel: ChannelView, { provider, words }: Pick<Scene, 'provider' | 'words'>): string {
  const alone = provider.channels.filter((each) => each.kind === channel.kind).length === 1;
  return alone ? words.kinds[channel.kind] : nameOf(channel, words);
}

/** The operator's name of a channel in the language of the page, or the nearest there is. */
export function nameOf(channel: Pick<ChannelView, 'name' | 'kind' | 'id'>, words: Words): string {
  const { name } = channel;
  const own = words.locale.startsWith('id') ? name.id : words.locale.startsWith('zh') ? name.zh : name.en;
  return own ?? name.en ?? name.id ?? name.zh ?? channel.id;
}

function subject(channels: readonly ChannelView[], scene: Scene): Subject {
  return {
    names: list(
      channels.map((each) => nameInSentence(each, scene)),
      scene.words,
    ),
    many: channels.length > 1,
  };
}

function list(names: readonly string[], words: Words): string {
  return new Intl.ListFormat(words.locale, { type: 'conjunction' }).format(names);
}

function earliest(instants: readonly (Instant | undefined)[]): Instant | undefined {
  const known = instants.filter((each) => each !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** Channels that share a time in words, in the order in which they came. */
function together(channels: readonly ChannelView[], timeOf: (channel: ChannelView) => string | undefined) {
  const groups: { time: string | undefined; members: ChannelView[] }[] = [];
  for (const channel of channels) {
    const time = timeOf(channel);
    const group = groups.find((each) => each.time === time);
    if (group === undefined) groups.push({ time, members: [channel] });
    else group.members.push(channel);
  }
  return groups;
}
