/** The judge once more, slow and plain: every look goes through the whole history again. It shares no line with the house. */
export interface Seen {
  readonly minute: number;
  readonly bad: boolean;
  readonly open: boolean;
}

export interface Rules {
  readonly failures: number;
  readonly successes: number;
  readonly parents: Readonly<Record<string, readonly string[]>>;
  /** Whether a channel is open in a minute. */
  readonly isOpen: (channel: string, minute: number) => boolean;
}

export interface Word {
  readonly bad: 'outage' | 'degraded' | undefined;
  readonly since: number;
  readonly unstable: boolean;
}

/** What a whole history says of a target at its last look. */
function wordOf(history: readonly Seen[], { failures, successes }: Rules): Word | undefined {
  let [down, known, unstable, since] = [false, false, false, 0];
  let streak: Seen[] = [];
  let turns: boolean[] = [];
  for (const look of history) {
    if (!look.open) {
      if (!known && !down && !look.bad) [known, since] = [true, look.minute];
      streak = [];
      continue;
    }
    const before = streak.length > 0 ? !down : down;
    turns = [...turns, (known || down || streak.length > 0) && before !== look.bad].slice(-20);
    streak = look.bad === down ? [] : [...streak, look];
    if (!known && !down && !look.bad) [known, since] = [true, look.minute];
    const first = streak[0];
    if (first !== undefined && streak.length >= (down ? successes : failures) && (down || look.bad)) {
      [down, known, since, streak] = [!down, true, first.minute, []];
    }
    if (!down && !look.bad) streak = [];
    const share = turns.filter(Boolean).length / 20;
    unstable = unstable ? share >= 0.25 : share >= 0.5;
  }
  if (down) return { bad: 'outage', since, unstable };
  if (unstable) return { bad: 'degraded', since: streak[0]?.minute ?? history.at(-1)?.minute ?? 0, unstable };
  return known ? { bad: undefined, since, unstable } : undefined;
}

interface Part {
  bad: 'outage' | 'degraded';
  from: number;
  to: number | undefined;
}

export interface Case {
  id: string;
  targets: Map<string, Part>;
  /** By channel, each time that it was in trouble. */
  stints: Map<string, { from: number; to: number | undefined }[]>;
  channelImpact: Map<string, string>;
  bad: 'outage' | 'degraded';
  end: number | undefined;
  suppressed: boolean;
  reopened: boolean;
  unstable: boolean;
  readonly news: { readonly minute: number; readonly event: string; readonly channel: string }[];
}

const begin = (one: Case): number => Math.min(...[...one.stints.values()].map((stints) => stints[0]?.from ?? Infinity));

function gap(one: Case, minute: number): number {
  return Math.min(...[...one.stints.values()].map((stints) => Math.abs((stints[0]?.from ?? Infinity) - minute)));
}

export class Reference {
  readonly cases: Case[] = [];
  readonly told: string[] = [];
  readonly #rules: Rules;
  readonly #histories = new Map<string, Seen[]>();

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  word(target: string): Word | undefined {
    return wordOf(this.#histories.get(target) ?? [], this.#rules);
  }

  look(target: string, minute: number, bad: boolean): void {
    const channel = target.split('/')[0] ?? '';
    const open = this.#rules.isOpen(channel, minute);
    const before = this.word(target);
    this.#histories.set(target, [...(this.#histories.get(target) ?? []), { minute, bad, open }]);
    const word = this.word(target);
    if (!open || word === undefined) return;
    const mine = this.cases.find((each) => each.end === undefined && each.stints.has(channel));
    const part = mine?.targets.get(target);
    if (mine === undefined || part === undefined || part.to !== undefined) {
      const since = before?.bad === word.bad ? minute : word.since;
      // Changing all the time is not yet being down: it opens nothing, and while it lasts nothing ends.
      if (word.bad === 'degraded') return;
      if (bad && word.bad === 'outage')
        this.#fail(mine, { target, channel, minute, since, bad: word.bad }, word.unstable);
      else if (mine !== undefined) this.#finish(mine, channel, minute);
    } else if (word.bad === undefined) {
      part.to = Math.max(word.since, part.from);
      const rest = [...mine.targets].filter(([id]) => id.startsWith(`${channel}/`)).map(([, each]) => each.to);
      const stint = mine.stints.get(channel)?.at(-1);
      if (stint !== undefined && !rest.includes(undefined)) stint.to = Math.max(...rest.map((each) => each ?? 0));
      this.#finish(mine, channel, minute);
    } else if (bad) this.#persist(mine, part, { channel, minute }, word);
  }

  #persist(mine: Case, part: Part, { channel, minute }: { channel: string; minute: number }, word: Word): void {
    if (word.bad === 'outage' && part.bad === 'degraded') {
      part.bad = 'outage';
      part.from = Math.min(part.from, word.since);
      this.#enter(mine, channel, word.since, 'outage');
      if (mine.bad === 'outage') return;
      mine.bad = 'outage';
      this.#tell(mine, 'worsened', channel, minute);
    } else if (mine.suppressed && !this.#parentDown(channel)) {
      mine.suppressed = false;
      this.#tell(mine, mine.reopened ? 'reopened' : 'opened', channel, minute);
    } else if (word.unstable && !mine.unstable && !mine.reopened) {
      mine.unstable = true;
      this.#tell(mine, 'unstable', channel, minute);
    }
  }

  #fail(
    mine: Case | undefined,
    trouble: { target: string; channel: string; minute: number; since: number; bad: 'outage' | 'degraded' },
    unstable: boolean,
  ): void {
    const { target, channel, since, bad } = trouble;
    const suppressed = this.#parentDown(channel);
    const old = this.cases.toSorted((a, b) => begin(a) - begin(b) || (a.id < b.id ? -1 : 1));
    const ended = old.filter(
      (each) =>
        each.end !== undefined &&
        trouble.minute - each.end <= 10 &&
        each.stints.has(channel) &&
        ![...each.stints.keys()].some((one) =>
          this.cases.some((other) => other.end === undefined && other.stints.has(one)),
        ),
    );
    // Of several the one that ended last; of those that began beside it the closest, of two as close the older.
    let lately: Case | undefined;
    for (const each of ended) if ((each.end ?? 0) >= (lately?.end ?? 0)) lately = each;
    let beside: Case | undefined;
    for (const each of suppressed ? [] : old)
      if (each.end === undefined && !each.suppressed && gap(each, since) <= 2)
        if (beside === undefined || gap(each, since) < gap(beside, since)) beside = each;
    let event: string | undefined;
    let one = mine;
    if (one !== undefined) {
      const last = one.stints.get(channel)?.at(-1);
      if (one.bad === 'degraded' && bad === 'outage') event = 'worsened';
      else if (last?.to !== undefined && since - last.to > 10 && !one.unstable && !one.reopened) event = 'joined';
    } else if (lately !== undefined) {
      [one, event] = [lately, 'reopened'];
      Object.assign(one, { end: undefined, reopened: true, suppressed });
    } else if (beside) [one, event] = [beside, 'joined'];
    else {
      one = {
        id: `w.${channel}.${trouble.minute}`,
        targets: new Map(),
        stints: new Map(),
        channelImpact: new Map(),
        bad,
        end: undefined,
        suppressed,
        reopened: false,
        unstable,
        news: [],
      };
      this.cases.push(one);
      event = unstable ? 'unstable' : 'opened';
    }
    one.targets.set(target, { bad, from: since, to: undefined });
    this.#enter(one, channel, since, bad);
    if (bad === 'outage') one.bad = bad;
    if (event !== undefined) this.#tell(one, event, channel, trouble.minute);
  }

  #enter(one: Case, channel: string, since: number, bad: string): void {
    const stints = one.stints.get(channel) ?? [];
    one.stints.set(channel, stints);
    const last = stints.at(-1);
    if (last === undefined || last.to !== undefined) stints.push({ from: since, to: undefined });
    const [first] = stints;
    // A target that had been failing for longer was not sure of it until now.
    if (first !== undefined) first.from = Math.min(first.from, since);
    if (bad === 'outage' || !one.channelImpact.has(channel)) one.channelImpact.set(channel, bad);
  }

  #finish(mine: Case, channel: string, minute: number): void {
    const ends = [...mine.targets.values()].map((each) => each.to);
    if (ends.includes(undefined)) return;
    const end = Math.max(...ends.map((each) => each ?? 0));
    const hold = mine.reopened || mine.unstable;
    if (hold ? minute - end < 30 : !mine.suppressed && this.#heard(channel, minute) >= 2) return;
    mine.end = end;
    this.#tell(mine, 'resolved', channel, minute);
  }

  #parentDown(channel: string): boolean {
    return (this.#rules.parents[channel] ?? []).some((parent) =>
      this.cases.some(
        (each) =>
          each.end === undefined &&
          each.channelImpact.get(parent) === 'outage' &&
          each.stints.get(parent)?.at(-1)?.to === undefined,
      ),
    );
  }

  /** How often people heard of a channel in the half hour up to a minute; what is over for an hour is forgotten. */
  #heard(channel: string, minute: number): number {
    let count = 0;
    for (const each of this.cases) {
      if (!each.stints.has(channel) || (each.end !== undefined && minute - each.end > 60)) continue;
      for (const one of each.news) {
        const isOurs = one.channel === channel || one.event === 'resolved';
        if (isOurs && one.event !== 'worsened' && one.minute > minute - 30) count += 1;
      }
    }
    return count;
  }

  #tell(one: Case, event: string, channel: string, minute: number): void {
    if (one.suppressed) return;
    const isOneTooMany = (event === 'opened' || event === 'joined') && this.#heard(channel, minute) >= 2;
    if (isOneTooMany) one.unstable = true;
    const said = isOneTooMany ? 'unstable' : event;
    one.news.push({ minute, event: said, channel });
    this.told.push(`${said} ${channel}`);
  }
}
