/** Which announcements count as maintenance without a person having looked at them. Pure: notices in, windows by channel out. */
import type { NoticeRow } from './ledger.ts';
import type { ChannelId, Instant, Provider, Target, TargetId } from './model.ts';
import type { Span } from './span.ts';

/** A page that announces maintenance for longer is read by a person first: nobody would be told of an outage for as long. */
const LONGEST_MS = 7 * 86_400_000;

/**
 * The windows of maintenance notices that were found by targets with `accept: auto`, name channels that we know and say beyond
 * doubt from when until when. A notice that was changed or taken back counts as it was until then. What is announced after it
 * began counts from then on: no outage is made maintenance afterwards.
 */
export function announcedWindows(
  notices: readonly NoticeRow[],
  providers: readonly Provider[],
): ReadonlyMap<ChannelId, readonly Span[]> {
  const targets = providers.flatMap(({ channels }) => channels.flatMap((channel) => channel.targets));
  const trusted = new Map(targets.filter(acceptsAtOnce).map((target) => [target.id, target]));
  const known = new Set(providers.flatMap(({ channels }) => channels.map((channel) => channel.id)));
  const found = versions(notices.filter((each) => trusted.has(each.target))).flatMap((version) =>
    spansOf(version, trusted.get(version.notice.target)?.provider ?? '', known),
  );
  const byChannel = Map.groupBy(found, (each) => each.channel);
  return new Map(
    [...byChannel].map(([channel, spans]) => [channel, spans.map(({ from, until }) => ({ from, until }))]),
  );
}

/** The setting of the kinds that read announcements; the rest of the house does not know it. */
function acceptsAtOnce({ with: settings }: Target): boolean {
  return typeof settings === 'object' && settings !== null && 'accept' in settings && settings.accept === 'auto';
}

/** Without older versions of the same notice: what was changed or called off says nothing any more. */
export function currentNotices(notices: readonly NoticeRow[]): readonly NoticeRow[] {
  return [...Map.groupBy(notices, nameOf).values()].flatMap((same) => {
    const newest = Math.max(...same.map((each) => each.lastSeenAt));
    return same.filter((each) => each.lastSeenAt === newest);
  });
}

interface Version {
  readonly notice: NoticeRow;
  /** When a newer version took its place, or it was gone before it began. */
  readonly until: Instant;
}

/** A version of a notice counts until another one takes its place. */
function versions(notices: readonly NoticeRow[]): readonly Version[] {
  const lookedAt = new Map<TargetId, Instant>();
  for (const { target, lastSeenAt } of notices) lookedAt.set(target, Math.max(lookedAt.get(target) ?? 0, lastSeenAt));
  return [...Map.groupBy(notices, nameOf).values()].flatMap((same) =>
    same.map((notice) => {
      const newer = same.filter((each) => each.lastSeenAt > notice.lastSeenAt).map((each) => each.firstSeenAt);
      const isGone = notice.lastSeenAt < (lookedAt.get(notice.target) ?? 0);
      const takenBackAt = isGone && notice.lastSeenAt < (notice.from ?? 0) ? notice.lastSeenAt : Infinity;
      return { notice, until: Math.min(takenBackAt, ...newer) };
    }),
  );
}

/** By its address a notice is the same however its words change; without one, by its title. */
function nameOf({ target, link, title }: NoticeRow): string {
  return JSON.stringify([target, link ?? '', link === undefined ? title : '']);
}

function spansOf(
  { notice, until: supersededAt }: Version,
  provider: string,
  known: ReadonlySet<ChannelId>,
): readonly (Span & { readonly channel: ChannelId })[] {
  const { kind, from, until, channels, accepted, firstSeenAt } = notice;
  if (kind !== 'maintenance' || accepted !== true || from === undefined || until === undefined) return [];
  const ids = channels.map((each) => `${provider}/${each}`);
  const [begin, end] = [Math.max(from, firstSeenAt), Math.min(until, supersededAt)];
  if (ids.some((each) => !known.has(each)) || end <= begin || until - from > LONGEST_MS) return [];
  return ids.map((channel) => ({ channel, from: begin, until: end }));
}
