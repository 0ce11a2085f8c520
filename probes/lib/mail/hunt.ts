/** Waits for the answer to one mail, and notices on the way those to earlier ones. It knows what mails mean, and no protocol. */
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { classify, signsOf } from './classify.ts';
import type { Hope } from './classify.ts';
import { readLetter } from './letter.ts';
import type { Mail } from './letter.ts';
import type { Letter, Told } from './mailbox.ts';
import { noteAnswer, settle } from './memory.ts';
import type { Memory, Outstanding } from './memory.ts';
import { countMails } from './trip.ts';
import type { Filed, Found } from './trip.ts';
import type { Watch } from './watch.ts';

export interface Hunt {
  readonly token: string;
  readonly hope: Hope;
  readonly watch: Watch;
  readonly memory: Memory;
  /** Milliseconds that a receipt may take. */
  readonly withinMs: number;
  /** End of everything, by the monotonic clock. */
  readonly until: number;
  readonly signal: AbortSignal;
}

export interface Caught {
  readonly found: readonly Found[];
  /** Answers to earlier mails, in words. */
  readonly late: readonly string[];
  /** Why the waiting ended before a receipt's time was over. */
  readonly cut: Fault | undefined;
}

/**
 * How long is waited after a receipt for a second one: a desk that answers twice mostly does so at once, and the next look tells
 * of one that comes later. At most a part of `within`.
 */
const LINGER_MS = 500;
const LINGER_SHARE = 1 / 4;
/** Pauses between looks into the mailbox. Times come from the server's stamps, so being late here costs nothing. */
const FIRST_PAUSE_MS = 300;
const LAST_PAUSE_MS = 5_000;
const DAY_MS = 86_400_000;

/** Looks into the mailbox until the receipt is there, the mail came back, or time is up. */
export async function waitFor(hunt: Hunt): Promise<Caught> {
  const { token, watch, until, signal } = hunt;
  const began = performance.now();
  const found: Found[] = [];
  const late: string[] = [];
  let end = began + hunt.withinMs;
  let pause = FIRST_PAUSE_MS;
  let isDecided = false;
  for (;;) {
    const earlier = hunt.memory.outstanding.map((each) => each.token).filter((each) => each !== token);
    const letters = await watch.gather([token, ...earlier]);
    // What was found before the mailbox was lost still counts.
    if (!letters.ok) return { found, late, cut: isDecided ? undefined : letters.fault };
    const sorted = await sort(letters.value, hunt, performance.now() - began);
    found.push(...sorted.found);
    late.push(...sorted.late);
    if (!isDecided && found.some(({ meaning }) => meaning.kind === 'receipt' || meaning.kind === 'bounce')) {
      isDecided = true;
      end = performance.now() + Math.min(LINGER_MS, hunt.withinMs * LINGER_SHARE);
    }
    const left = Math.min(end, until) - performance.now();
    if (left <= 0 || signal.aborted) break;
    await watch.rest(Math.min(isDecided ? FIRST_PAUSE_MS : pause, left));
    pause = Math.min(pause * 1.5, LAST_PAUSE_MS);
  }
  const isCut = !isDecided && performance.now() < end;
  return { found, late, cut: isCut ? tooShort(performance.now() - began) : undefined };
}

/**
 * What came for mails of earlier looks after these had ended, in words: late answers, and second receipts. Mails that had their
 * answer are forgotten then.
 */
export async function lookBack(watch: Watch, memory: Memory, hope: Hope): Promise<Told<readonly string[]>> {
  const [oldest] = memory.outstanding;
  if (oldest === undefined) return { ok: true, value: [] };
  const words = memory.outstanding.map((each) => each.token);
  const letters = await watch.gather(words, oldest.handedOverAt - DAY_MS);
  if (!letters.ok) return letters;
  const answered = memory.outstanding.filter((each) => each.receipts > 0);
  const receipts = new Map<string, Filed[]>();
  const news: Letter[] = [];
  for (const letter of letters.value) {
    const mail = await readLetter(letter.source);
    const sent = answered.find((each) => signsOf(mail, each.token).length > 0);
    if (sent === undefined) news.push(letter);
    else if (classify(mail, hope).kind === 'receipt')
      receipts.set(sent.token, [...(receipts.get(sent.token) ?? []), { letter, mail }]);
  }
  const again = answered.flatMap((each) => sayAgain(each, receipts.get(each.token) ?? []));
  for (const { token } of answered) settle(memory, token);
  const { late } = await sort(news, { watch, memory, hope, token: undefined }, 0);
  return { ok: true, value: [...late, ...again] };
}

function sayAgain(sent: Outstanding, receipts: readonly Filed[]): readonly string[] {
  const more = countMails(receipts) - sent.receipts;
  return more > 0 ? [`${more} more receipt${more === 1 ? '' : 's'} (${nameOf(sent)})`] : [];
}

/** Mails to what they answer: this one's token first, for a thread may repeat older ones. Those with no token are foreign. */
async function sort(
  letters: readonly Letter[],
  { token, hope, watch, memory }: Pick<Hunt, 'hope' | 'watch' | 'memory'> & { readonly token: string | undefined },
  seenMs: number,
): Promise<Pick<Caught, 'found' | 'late'>> {
  const found: Found[] = [];
  const late: string[] = [];
  const answers: Letter[] = [];
  for (const letter of letters) {
    const mail = await readLetter(letter.source);
    const signs = token === undefined ? [] : signsOf(mail, token);
    const meaning = classify(mail, hope);
    const says = signs.length > 0 ? undefined : sayLate(letter, mail, meaning.kind, memory);
    if (signs.length > 0) found.push({ letter, mail, signs, seenMs, meaning });
    if (says !== undefined) late.push(says);
    if ((signs.length > 0 || says !== undefined) && LASTING.has(meaning.kind)) answers.push(letter);
  }
  await watch.mark(answers);
  return { found, late };
}

/** Kinds of mail that answer one of ours, so that they may be cleaned up with it. */
const LASTING: ReadonlySet<string> = new Set(['receipt', 'mismatch', 'away', 'bounce', 'delay']);

function sayLate(letter: Letter, mail: Mail, kind: string, memory: Memory): string | undefined {
  const sent = memory.outstanding.find((each) => signsOf(mail, each.token).length > 0);
  // A report of a delay is no answer: the mail may still arrive.
  if (sent === undefined || kind === 'delay' || !LASTING.has(kind)) return undefined;
  // A responder that is slow is none that answers once in days.
  if (kind === 'receipt') noteAnswer(memory, sent.token, 1);
  settle(memory, sent.token);
  const after = letter.arrivedAt === undefined ? '' : ` after ${seconds(letter.arrivedAt - sent.handedOverAt)}`;
  return `${kind}${after} (${nameOf(sent)})`;
}

/** A mail of an earlier look, so that an operator finds that look. */
const nameOf = ({ token, handedOverAt }: Outstanding): string =>
  `rb-${token.slice(0, 8)} of ${new Date(handedOverAt).toISOString().slice(0, 19)}Z`;

function tooShort(ms: number): Fault {
  return fault('SETTINGS', `the look ended after ${seconds(ms)} of receipt.within: its timeout must be longer`);
}

const seconds = (ms: number): string => `${Math.max(0, Math.round(ms / 1_000))} s`;
