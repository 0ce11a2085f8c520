/** One look: run the probe, stamp it, judge it, record it. It is the door at which a probe's defects are caught. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isMeantForUs, waitAsked } from './core/courtesy.ts';
import type { Surroundings } from './core/diagnosis.ts';
import { formatDuration } from './core/duration.ts';
import { fault, unknown, type Fault, type FaultCode } from './core/fault.ts';
import { holdPromise, isUnsettled } from './core/judge.ts';
import type { Ledger, Ruling, Standing } from './core/ledger.ts';
import type {
  Expectation,
  Finding,
  Instant,
  Language,
  LocationId,
  Lost,
  Observation,
  Target,
  TargetId,
} from './core/model.ts';
import type { Memory, ProbeKind } from './core/probe.ts';
import { RUNGS } from './core/model.ts';
import { openMemory, type Recalled } from './core/recall.ts';
import { present } from './core/present.ts';
import { Roster } from './core/roster.ts';
import { rule, type Brief } from './core/rule.ts';
import { redact, secretsIn, type Secret } from './core/secret.ts';

/** Everything that does not change from look to look of one target. */
export interface Assignment extends Brief {
  readonly kind: ProbeKind;
  /** Whether nobody is to be disturbed at an instant; absent: never. */
  readonly isQuiet?: ((at: Instant) => boolean) | undefined;
}

export interface RunnerOptions {
  readonly ledger: Ledger;
  readonly location: LocationId;
  readonly assignment: (target: Target) => Assignment | undefined;
  readonly blind: () => boolean;
  /**
   * Which part of our own way is lost, while blind and where that can be told. What answers by its address is seen without a
   * name server; beyond any other loss somebody else may answer, such as the sign-in page of a hotel.
   */
  readonly lost?: () => Lost | undefined;
  /** Asks anew whether we can see (names, too, if one was needed), and could for so many milliseconds. Without it our own network is trusted. */
  readonly check?: (ms: number, byName: boolean) => Promise<boolean>;
  /** What else is known when an incident has to be explained. */
  readonly surroundings?: (target: Target) => Surroundings;
  /** Longest stall of our own loop within the last so many milliseconds. */
  readonly stalledWithin: (ms: number) => number;
  /** Sees whether the wall clock was moved, before a look is told by it. */
  readonly heed?: () => void;
  readonly now: () => Instant;
  readonly monotonic: () => number;
  readonly onLook: (observation: Observation, target: Target, ruling: Ruling) => void;
  /** A look that could not be recorded, or a probe that broke its contract. */
  readonly onTrouble: (target: Target, what: 'abandoned' | 'threw' | 'unrecorded', error: unknown) => void;
}

export interface Runner {
  /** One scheduled look. Resolves to the milliseconds until the next one out of turn, if one is needed. Never rejects. */
  look(target: Target, slotAt: Instant): Promise<number | undefined>;
  /**
   * Aborts what is under way and waits, but not for long, until it has said goodbye: a call must not stay up. What was aborted
   * is not recorded.
   */
  stop(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** A probe that ignores its deadline is abandoned after this. */
const GRACE_MS = 1_000;
/** How long the end waits for looks that say goodbye. */
const FAREWELL_MS = 3_000;
const STALL_FLOOR_MS = 250;
const STALL_SHARE = 0.2;
/** The name server told nothing of the name: it may be ours that is dead, and may have been from the beginning. */
const NAMELESS: ReadonlySet<FaultCode> = new Set(['DNS_TIMEOUT', 'DNS_SERVFAIL', 'DNS_REFUSED']);
const LOST = 'our own network does not reach the canaries, or our name server';
/** Of the wall clock against the monotonic one. A clock that is being slewed moves far less within one look. */
const CLOCK_JUMP_MS = 1_000;

export function openRunner(options: RunnerOptions): Runner {
  const deadlines = new Roster<AbortController>();
  let stopped = false;
  const isStopping = (): boolean => stopped;
  const running = new Roster<Promise<number | undefined>>();
  const rests = new Rests(options.monotonic);

  async function look(target: Target, slotAt: Instant): Promise<number | undefined> {
    const assignment = options.assignment(target);
    if (assignment === undefined || isStopping()) return undefined;
    const looking = lookAs(assignment, slotAt);
    const place = running.enter(looking);
    try {
      return await looking;
    } catch (error) {
      options.onTrouble(target, 'unrecorded', error);
      return undefined;
    } finally {
      running.leave(place);
    }
  }

  async function lookAs(assignment: Assignment, slotAt: Instant): Promise<number | undefined> {
    const { target } = assignment;
    const at = startOf(options);
    const begun = options.monotonic();
    // Without its memory a look might file a second case: it throws, and there is none.
    const memory = await recall(assignment, options);
    const why = await restraint(assignment, at, options.ledger);
    const seen = why === undefined ? await rests.look(target.id, () => weighed(assignment, at, memory)) : unknown(why);
    if (isStopping()) return undefined;
    const durationMs = options.monotonic() - begun;
    const finding = await believed(seen, durationMs, options);
    if (isStopping()) return undefined;
    const observation = { target: target.id, location: options.location, slotAt, at, durationMs, finding };
    return record(assignment, observation, memory?.left());
  }

  /** What was seen, unless we have reason not to trust our own eyes. */
  async function weighed(assignment: Assignment, at: Instant, memory: Memory | undefined): Promise<Finding> {
    const { target, kind } = assignment;
    const [begun, wall] = [options.monotonic(), options.now()];
    const seen = await runProbe(kind, {
      settings: target.with,
      timeoutMs: target.timeoutMs,
      startedAt: at,
      ...promiseOf(assignment),
      ...present({ memory }),
      deadlines,
      onTrouble: (what, error) => {
        options.onTrouble(target, what, error);
      },
    });
    const tookMs = options.monotonic() - begun;
    const why = doubt(options, { tookMs, jumpMs: options.now() - wall - tookMs, timeoutMs: target.timeoutMs });
    // What answered, answered, however late we looked up, or whatever else our name server has lost; but its time says nothing.
    const isSight = why?.code === 'SELF_OVERLOAD' || options.lost?.() === 'name server';
    if (why !== undefined) return isSight && seen.kind === 'ok' ? seen : unknown(why, seen);
    return holdPromise(seen, answerTime(kind, seen, tookMs), target.promiseMs);
  }

  async function record(assignment: Assignment, observation: Observation, left?: string): Promise<number | undefined> {
    const { target } = assignment;
    const decide = (standing: Standing): Ruling => rule(standing, observation, assignment, options.surroundings);
    const ruling = await recordOnce(observation, (look) => options.ledger.record(look, target.channel, decide, left));
    if (ruling === undefined) return undefined;
    options.onLook(observation, target, ruling);
    return recheckIn(ruling, observation, target.policy.recheckMs);
  }

  return {
    look,
    stop: async () => {
      stopped = true;
      for (const each of deadlines.present()) each.abort(OVER);
      await Promise.race([Promise.allSettled(running.present()), pause(FAREWELL_MS, undefined, { ref: false })]);
    },
  };
}

/** Targets that find that we ask too often, and until when they are left alone. A restart forgets it and asks once. */
class Rests {
  readonly #monotonic: () => number;
  readonly #until = new Map<TargetId, { readonly at: number; readonly why: Fault }>();

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Looks, unless the target rests: then that is what stands for the look. */
  async look(target: TargetId, look: () => Promise<Finding>): Promise<Finding> {
    const rest = this.#until.get(target);
    const left = (rest?.at ?? 0) - this.#monotonic();
    if (rest !== undefined && left > 0) {
      const more = formatDuration(Math.ceil(left / 1_000) * 1_000);
      const { code, blame } = rest.why;
      const says = code === 'RATE_LIMITED' ? 'it finds that we ask too often' : 'it does not take our calls now';
      return unknown(fault(code, `${says}, and wants to be left alone for ${more} more`, { blame }));
    }
    this.#until.delete(target);
    const finding = await look();
    const ms = isMeantForUs(finding) ? waitAsked(finding) : 0;
    if (ms > 0 && finding.kind === 'unknown')
      this.#until.set(target, { at: this.#monotonic() + ms, why: finding.fault });
    return finding;
  }
}

/** What was promised to customers, and in whose hours. */
const promiseOf = ({ setting, calendar }: Assignment): Pick<Run, 'timezone' | 'languages' | 'expectation'> => ({
  timezone: setting.timezone,
  languages: setting.channel.languages,
  expectation: calendar.expectation,
});

/** When a look begins, by a clock of which all others have heard if it was moved. */
function startOf({ heed, now }: RunnerOptions): Instant {
  heed?.();
  return now();
}

/** What a promise is held against: the answer, or the whole look. A line that only rang has kept nobody waiting for one. */
function answerTime({ answer }: ProbeKind, { phases, rung }: Finding, tookMs: number): number {
  if (answer === undefined) return tookMs;
  return phases[answer] ?? (RUNGS.indexOf(rung) < RUNGS.indexOf('answered') ? 0 : tookMs);
}

interface Passage {
  readonly tookMs: number;
  readonly jumpMs: number;
  readonly timeoutMs: number;
}

/** Why our own eyes are not to be trusted for this look; undefined when they are. */
function doubt(options: RunnerOptions, { tookMs, jumpMs, timeoutMs }: Passage): Fault | undefined {
  if (options.blind()) return fault('OFFLINE', LOST);
  if (Math.abs(jumpMs) > CLOCK_JUMP_MS)
    return fault('CANNOT_JUDGE', `our own clock moved by ${Math.round(jumpMs)} ms during the look`);
  const stallMs = options.stalledWithin(tookMs);
  return stallMs > Math.max(STALL_FLOOR_MS, timeoutMs * STALL_SHARE)
    ? fault('SELF_OVERLOAD', `our own loop stood still for ${Math.round(stallMs)} ms`)
    : undefined;
}

/** A slot that is taken came before: the wall clock was set back. This look is another one all the same. */
async function recordOnce(
  observation: Observation,
  record: (look: Observation) => Promise<Ruling | undefined>,
): Promise<Ruling | undefined> {
  return (await record(observation)) ?? (await record({ ...observation, slotAt: observation.at }));
}

/** A failure counts only if we see right after it: our network may have gone while we looked, and nobody noticed yet. */
async function believed(finding: Finding, tookMs: number, { check }: RunnerOptions): Promise<Finding> {
  if (finding.kind === 'ok' || finding.kind === 'unknown' || check === undefined) return finding;
  return (await check(tookMs, NAMELESS.has(finding.fault.code))) ? finding : unknown(fault('OFFLINE', LOST), finding);
}

async function recall({ kind, target }: Assignment, options: RunnerOptions): Promise<Recalled | undefined> {
  if (kind.remembers !== true) return undefined;
  return openMemory(await options.ledger.memory(target.id, options.location));
}

/** Why no look is made although it is time for one; undefined: nothing is against it. */
async function restraint({ target, isQuiet }: Assignment, at: Instant, ledger: Ledger): Promise<Fault | undefined> {
  if (isQuiet?.(at) === true) return fault('QUIET', 'nobody is disturbed at this hour');
  const { id, budgetPerDay, budgetPerHour } = target;
  if (budgetPerHour !== undefined && (await ledger.looksSince(id, at - HOUR_MS)) >= budgetPerHour)
    return fault('BUDGET', `the budget of ${budgetPerHour} looks in an hour is spent`);
  if (budgetPerDay !== undefined && (await ledger.looksSince(id, at - DAY_MS)) >= budgetPerDay)
    return fault('BUDGET', `the budget of ${budgetPerDay} looks in 24 hours is spent`);
  return undefined;
}

/** Milliseconds until a look out of turn, if there is to be one: not before the far side wants it. */
function recheckIn({ health }: Ruling, { finding }: Observation, recheckMs: number): number | undefined {
  return finding.kind === 'unknown' || !isUnsettled(health) ? undefined : Math.max(recheckMs, waitAsked(finding));
}

/** Made once: an abort without a reason makes an exception with a stack for every look. */
const OVER = Object.assign(new Error('the look is over'), { name: 'AbortError' });

/** Chance is drawn by the page: one call for 256 looks. */
const ID_BYTES = 16;
const PAGE_BYTES = 256 * ID_BYTES;
let page = Buffer.alloc(0);
let used = 0;

function drawId(): string {
  if (used + ID_BYTES > page.length) [page, used] = [randomBytes(PAGE_BYTES), 0];
  used += ID_BYTES;
  return page.toString('hex', used - ID_BYTES, used);
}

export interface Run {
  readonly settings: unknown;
  readonly timeoutMs: number;
  readonly startedAt: Instant;
  readonly timezone: string;
  readonly memory?: Memory;
  readonly expectation?: (at: Instant) => Expectation;
  readonly languages?: readonly Language[];
  /**
   * Where the look's deadline stands while it is under way, for whoever ends all of them. A listener on one signal that outlives
   * the looks would chain their remains together, dead ones to living ones, and the collector would keep them all for long.
   */
  readonly deadlines: Roster<AbortController>;
  readonly onTrouble?: (what: 'abandoned' | 'threw', error: unknown) => void;
}

/** Runs a probe under its deadline. A throw and an overrun are defects of ours and come back as `unknown`. */
export async function runProbe(kind: ProbeKind, run: Run): Promise<Finding> {
  const { settings, timeoutMs, startedAt, timezone, deadlines } = run;
  const deadline = new AbortController();
  const abort = (): void => {
    deadline.abort(OVER);
  };
  const place = deadlines.enter(deadline);
  const context = {
    signal: deadline.signal,
    startedAt,
    timeoutMs,
    runId: drawId(),
    timezone,
    ...present({ memory: run.memory, expectation: run.expectation, languages: run.languages }),
  };
  let timer: NodeJS.Timeout | undefined;
  const overrun = new Promise<'overrun'>((resolve) => {
    timer = setTimeout(() => {
      abort();
      timer = setTimeout(resolve, GRACE_MS, 'overrun');
    }, timeoutMs);
  });
  try {
    const finding = await Promise.race([kind.look(settings, context), overrun]);
    if (finding !== 'overrun') return clean(finding, secretsIn(settings));
    run.onTrouble?.('abandoned', undefined);
    return unknown(fault('PROBE_DEFECT', `the probe did not end ${GRACE_MS} ms after its deadline and was abandoned`));
  } catch (error) {
    run.onTrouble?.('threw', error);
    return unknown(fault('PROBE_DEFECT', `the probe threw: ${error instanceof Error ? error.name : typeof error}`));
  } finally {
    clearTimeout(timer);
    deadlines.leave(place);
    // Whatever the probe left open hears of it.
    deadline.abort(OVER);
  }
}

/** The last line of defence: no secret of the target's settings leaves the room, however it got into a message. */
function clean(finding: Finding, secrets: readonly Secret[]): Finding {
  if (secrets.length === 0) return finding;
  const { evidence } = finding;
  const texts: Partial<Finding> = {
    facts: Object.fromEntries(
      Object.entries(finding.facts).map(([name, value]) => [
        name,
        typeof value === 'string' ? redact(value, secrets) : value,
      ]),
    ),
    ...(evidence !== undefined && {
      evidence: evidence.map((each) => ({ ...each, text: redact(each.text, secrets) })),
    }),
  };
  if (finding.kind === 'ok') return { ...finding, ...texts } as Finding;
  return {
    ...finding,
    ...texts,
    fault: { ...finding.fault, message: redact(finding.fault.message, secrets) },
  } as Finding;
}
