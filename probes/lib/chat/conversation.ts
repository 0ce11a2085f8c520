/** Plays a chat script on an open line and keeps what was heard and when. It judges nothing but whether the script went on. */
import { printable } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import type { Evidence, Language } from '../../../src/core/model.ts';
import { replyFault } from '../language.ts';
import { hear } from './heard.ts';
import type { Heard } from './heard.ts';
import type { Event, Line } from './line.ts';
import { captured, satisfies, written } from './steps.ts';
import type { Expectation, Names, Step } from './steps.ts';

/** How the script ended. */
export type Ending =
  | { readonly kind: 'played' }
  /** The expectation was not met in time. */
  | { readonly kind: 'waited'; readonly expected: Expectation; readonly step: number }
  | { readonly kind: 'uncaptured'; readonly name: string }
  /** Somebody said that nobody is there. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'ended'; readonly fault: Fault };

export interface Course {
  readonly ending: Ending;
  readonly greetingMs: number | undefined;
  /** From our first message to the first words of a bot or a person. */
  readonly firstReplyMs: number | undefined;
  /** From our first message to the first words of a person; later than the former where a bot was first. */
  readonly firstPersonReplyMs: number | undefined;
  readonly heardBot: boolean;
  readonly heardPerson: boolean;
  readonly heardQueue: boolean;
  readonly position: number | undefined;
  readonly waitSeconds: number | undefined;
  readonly closeCode: number | undefined;
  /** An expected reply came in another language than those promised, and none in one of them. */
  readonly foreign: Fault | undefined;
  readonly evidence: Evidence;
}

export interface Score {
  readonly steps: readonly Step[];
  readonly names: Names;
  /** How long the far side may greet before we speak. */
  readonly greetingMs: number;
  /** What a reply must be in where its expectation names no language; none: any. */
  readonly languages: readonly Language[];
  /** By the monotonic clock: nothing is waited for beyond this. */
  readonly endsAt: number;
}

const LINES_CAP = 60;
const LINE_CAP = 600;

interface Play {
  readonly line: Line;
  readonly openedAt: number;
  readonly endsAt: number;
  readonly names: Map<string, string>;
  readonly sent: string[];
  readonly lines: string[];
  firstSentAt: number | undefined;
  greetingMs: number | undefined;
  firstReplyMs: number | undefined;
  firstPersonReplyMs: number | undefined;
  bot: boolean;
  person: boolean;
  queue: boolean;
  closed: boolean;
  position: number | undefined;
  waitSeconds: number | undefined;
  closeCode: number | undefined;
  foreign: Fault | undefined;
  /** The message that `capture` reads. */
  last: { readonly heard: Heard; readonly raw: string } | undefined;
}

/** Plays the script to its end, or to where it cannot go on. Always closes the line. Never throws. */
export async function converse(line: Line, score: Score): Promise<Course> {
  const play: Play = {
    ...{ line, openedAt: performance.now(), endsAt: score.endsAt, names: new Map(score.names), sent: [], lines: [] },
    ...{ firstSentAt: undefined, greetingMs: undefined, firstReplyMs: undefined, firstPersonReplyMs: undefined },
    ...{ bot: false, person: false, queue: false, closed: false, position: undefined, waitSeconds: undefined },
    ...{ closeCode: undefined, foreign: undefined, last: undefined },
  };
  const ending = await run(play, score);
  note(play, '*', ending.kind === 'ended' ? ending.fault.message : 'we close the chat');
  await line.close();
  return {
    ending,
    greetingMs: play.greetingMs,
    firstReplyMs: play.firstReplyMs,
    firstPersonReplyMs: play.firstPersonReplyMs,
    heardBot: play.bot,
    heardPerson: play.person,
    heardQueue: play.queue,
    position: play.position,
    waitSeconds: play.waitSeconds,
    closeCode: play.closeCode,
    foreign: play.foreign,
    evidence: { name: 'conversation', type: 'text/plain', text: play.lines.join('\n') },
  };
}

async function run(play: Play, score: Score): Promise<Ending> {
  for (const [index, step] of score.steps.entries()) {
    const ending = await take(play, step, score, index + 1);
    if (ending !== undefined) return ending;
  }
  return { kind: 'played' };
}

async function take(play: Play, step: Step, score: Score, number: number): Promise<Ending | undefined> {
  if ('send' in step) return speak(play, written(step.send, play.names), score);
  if ('expect' in step) return await wait(play, { languages: score.languages, ...step }, number);
  if ('capture' in step) return keep(play, step);
  await play.line.close(step.close === true ? 1000 : step.close);
  return undefined;
}

/** Says something. Before the first words the far side may greet, so that a greeting is not taken for the answer. */
async function speak(play: Play, raw: string, score: Score): Promise<Ending | undefined> {
  if (play.firstSentAt === undefined && play.greetingMs === undefined) {
    const until = Math.min(score.endsAt, performance.now() + score.greetingMs);
    const ended = await listen(play, until, () => play.greetingMs !== undefined || play.closed);
    if (ended !== undefined) return ended;
  }
  for (const event of play.line.arrived()) receive(play, event);
  if (play.closed) return { kind: 'closed' };
  play.firstSentAt ??= performance.now();
  play.sent.push(raw);
  note(play, '>', raw);
  // When it has gone, the next expectation hears the reason.
  play.line.send(raw);
  return undefined;
}

type Wish = Extract<Step, { expect: unknown }> & Pick<Score, 'languages'>;

async function wait(play: Play, wish: Wish, step: number): Promise<Ending | undefined> {
  const { expect: expected, within, languages } = wish;
  const until = Math.min(play.endsAt, performance.now() + within);
  const isMet = (heard: Heard | undefined) =>
    heard !== undefined && satisfies(heard, play.last?.raw ?? '', expected) && !isLateGreeting(play, heard);
  let answer: Heard | undefined;
  let foreign: Fault | undefined;
  const ended = await listen(play, until, (heard) => {
    if (heard === undefined || !isMet(heard)) return play.closed;
    const why = replyFault(heard.text, expected.language ?? languages);
    if (why === undefined) answer = heard;
    foreign ??= why;
    return answer !== undefined || play.closed;
  });
  if (answer !== undefined) return undefined;
  if (play.closed) return { kind: 'closed' };
  // It is an answer all the same, once nobody has followed it up in a language that was promised.
  if (foreign !== undefined) {
    play.foreign ??= foreign;
    return undefined;
  }
  const dead = play.line.silence?.();
  return ended ?? (dead === undefined ? { kind: 'waited', expected, step } : { kind: 'ended', fault: dead });
}

/** After our words a greeting is only a greeting, unless there has been one. */
function isLateGreeting(play: Play, heard: Heard): boolean {
  return heard.greeting && play.firstSentAt !== undefined && play.firstReplyMs === undefined;
}

/** Hears one message after the other until `enough` says so, the time is over (undefined) or the line ends. */
async function listen(
  play: Play,
  until: number,
  enough: (heard: Heard | undefined) => boolean,
): Promise<Ending | undefined> {
  if (enough(undefined)) return undefined;
  for (;;) {
    const event = await play.line.next(until - performance.now());
    if (event === undefined) return undefined;
    if (event.kind === 'ended') {
      play.closeCode = event.code;
      return { kind: 'ended', fault: event.fault };
    }
    if (enough(receive(play, event))) return undefined;
  }
}

function receive(play: Play, event: Event): Heard | undefined {
  if (event.kind === 'ended') return undefined;
  const heard = event.binary ? hear('', []) : hear(event.raw, play.sent);
  note(play, '<', event.binary ? `(binary, ${event.raw.length} bytes)` : event.raw, event.at, heard.voice);
  remember(play, heard, event.at);
  if (heard.voice !== 'echo') play.last = { heard, raw: event.raw };
  return heard;
}

function remember(play: Play, heard: Heard, at: number): void {
  if (heard.voice === 'queue') {
    play.queue = true;
    play.position = heard.position ?? play.position;
    play.waitSeconds = heard.waitSeconds ?? play.waitSeconds;
  }
  if (heard.voice === 'closed') play.closed = true;
  const spoken = heard.voice === 'bot' || heard.voice === 'person';
  if (!spoken) return;
  if (play.firstSentAt === undefined || (heard.greeting && play.greetingMs === undefined)) {
    play.greetingMs ??= at - play.openedAt;
    return;
  }
  play.firstReplyMs ??= at - play.firstSentAt;
  if (heard.voice === 'bot') {
    play.bot = true;
    return;
  }
  play.person = true;
  play.firstPersonReplyMs ??= at - play.firstSentAt;
}

function keep(play: Play, step: Extract<Step, { capture: unknown }>): Ending | undefined {
  for (const [name, at] of Object.entries(step.capture)) {
    const value = play.last === undefined ? undefined : captured(play.last.heard, play.last.raw, at);
    if (value === undefined) return { kind: 'uncaptured', name };
    play.names.set(name, value);
  }
  return undefined;
}

/** One line of the transcript: when, which way, who, what. Tokens of a session are nobody's evidence (S-G3). */
function note(play: Play, way: '>' | '<' | '*', said: string, at = performance.now(), voice?: string): void {
  if (play.lines.length >= LINES_CAP) return;
  const when = `+${((at - play.openedAt) / 1_000).toFixed(3)}s`;
  const words = printable(masked(said.slice(0, LINE_CAP * 2))).slice(0, LINE_CAP);
  play.lines.push(`${when} ${way} ${voice === undefined ? '' : `[${voice}] `}${words}`);
  if (play.lines.length === LINES_CAP) play.lines.push('… (the rest is left out)');
}

/** A text without what lets one go on with somebody's session. */
export function masked(text: string): string {
  return text
    .replace(
      /("[\w-]{0,40}(?:token|secret|passw|cookie|session|jwt|auth|api_?key)[\w-]{0,40}"\s{0,4}:\s{0,4}")[^"]{0,2000}/gi,
      '$1[masked]',
    )
    .replace(/\beyJ[\w-]{10,2000}(?:\.[\w-]{0,2000}){0,2}/g, '[masked]')
    .replace(/\b(bearer|basic)\s[\w.~+/=-]{8,2000}/gi, '$1 [masked]');
}
