/** What a whole round trip amounts to, from what was handed over and what was found. Pure: no server, no clock. */
import { degraded, failed, fault, ok, printable, unknown } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import type { Evidence, Fact, Finding, Instant, Language, Sight } from '../../../src/core/model.ts';
import { expiring } from '../certificate.ts';
import type { Certificate } from '../certificate.ts';
import { findingOf } from '../connector.ts';
import { languageOf, replyFault } from '../language.ts';
import { ours } from './blame.ts';
import type { Meaning, Sign } from './classify.ts';
import type { Errand } from './compose.ts';
import { headerOf, takenUpAt } from './letter.ts';
import type { Mail } from './letter.ts';
import type { Letter } from './mailbox.ts';
import { sayReply } from './reply.ts';
import type { Handed } from './submit.ts';

/** A mail and where it lies. */
export interface Filed {
  readonly letter: Letter;
  readonly mail: Mail;
}

/** A mail that answers ours, as it was found. */
export interface Found extends Filed {
  readonly meaning: Meaning;
  readonly signs: readonly Sign[];
  /** Milliseconds from the handing over until we saw it. */
  readonly seenMs: number;
}

export interface Trip {
  readonly errand: Errand;
  readonly handed: Handed;
  readonly submitMs: number;
  /** When the server took our mail, by our clock. */
  readonly handedOverAt: Instant;
  readonly found: readonly Found[];
  readonly junk: string | undefined;
  /** Whether a ticket number is expected in a receipt. */
  readonly wantsTicket: boolean;
  /** Languages that a receipt may be in; none: any. */
  readonly languages: readonly Language[];
  /** No login: the mail was handed to the support's own exchanger, so that its trouble is theirs. */
  readonly isDirect: boolean;
  /** Silence may be an auto-responder's courtesy. */
  readonly mayBeSuppressed: boolean;
  /** Milliseconds that a receipt may take. */
  readonly withinMs: number;
  /** Why the waiting ended before that. */
  readonly cut: Fault | undefined;
  /** Our mailbox's certificate, where TLS is spoken. */
  readonly certificate: Certificate | undefined;
  /** Days that a certificate of either server must have left; undefined: any. */
  readonly certificateDays: number | undefined;
  /** Answers to mails of earlier looks. */
  readonly late: readonly string[];
  /** How many mails of earlier looks have had no answer so far. */
  readonly unanswered: number;
  /** How many old mails of ours were deleted. */
  readonly cleanedUp: number;
}

const EVIDENCE_CAP = 16_384;
/** Stamps are whole seconds, and clocks of well-run servers differ by less than two. */
const SKEW_MS = 2_000;

export function judgeTrip(trip: Trip): Finding {
  if (trip.handed.kind !== 'taken') return judgeHandover(trip, trip.handed);
  const receipts = trip.found.filter(({ meaning }) => meaning.kind === 'receipt');
  const [first] = receipts.toSorted((one, other) => rank(one) - rank(other));
  if (first !== undefined) return judgeReceipt(trip, first, receipts);
  const sight = sightOf(trip, foundFacts(trip.found), {});
  const bounce = trip.found.find(({ meaning }) => meaning.kind === 'bounce');
  if (bounce?.meaning.kind === 'bounce') return judgeBounce(bounce.meaning, sight);
  if (trip.cut !== undefined) return unknown(ours(trip.cut), sight);
  return judgeSilence(trip, sight);
}

/** Of several receipts the one that a machine marked, then the one that came first. */
function rank({ meaning, letter, seenMs }: Found): number {
  const unmarked = meaning.kind === 'receipt' && !meaning.isAutomatic ? 1e15 : 0;
  return unmarked + (letter.arrivedAt ?? seenMs);
}

function judgeHandover(trip: Trip, handed: Exclude<Handed, { kind: 'taken' }>): Finding {
  const sight = sightOf(trip, { handed_over: false }, {});
  switch (handed.kind) {
    case 'deferred':
      return degraded('reachable', fault('DEFERRED', `mail is deferred: ${sayReply(handed.reply)}`), sight);
    case 'refused':
      return failed('reachable', fault('MAIL_REFUSED', `mail is refused: ${sayReply(handed.reply)}`), sight);
    case 'distrusted':
      return unknown(fault('SETTINGS', `our mail or sender is not wanted: ${sayReply(handed.reply)}`), sight);
    case 'lost': {
      const why = handed.fault;
      const rung = why.code.startsWith('TCP_') || why.code.startsWith('DNS_') ? 'none' : 'reachable';
      return trip.isDirect ? findingOf(why, rung, sight) : unknown(ours(why), sight);
    }
  }
}

function judgeReceipt(trip: Trip, first: Found, receipts: readonly Found[]): Finding {
  const { meaning, letter, mail } = first;
  const ticket = meaning.kind === 'receipt' ? meaning.ticket : undefined;
  const isAutomatic = meaning.kind === 'receipt' && meaning.isAutomatic;
  const isJunk = letter.folder === trip.junk;
  const alike = receipts.filter((each) => each.meaning.kind === 'receipt' && each.meaning.isAutomatic === isAutomatic);
  const facts: Record<string, Fact> = {
    ...foundFacts(trip.found),
    ...(ticket === undefined ? {} : { ticket }),
    folder: letter.folder,
    junk: isJunk,
    duplicates: countMails(alike) - 1,
    responder: isAutomatic ? 'auto' : 'unmarked',
    matched_by: first.signs,
  };
  const said = ownWords(mail.text);
  const language = languageOf(said);
  if (language !== undefined) facts['language'] = language;
  const stamps = stampsOf(trip, first);
  const sight = sightOf(trip, { ...facts, ...stamps.facts }, stamps.phases);
  // A customer's receipt goes the same way. Support works, so this is no outage; whoever finds no receipt writes again.
  if (isJunk) return degraded('answered', fault('JUNKED', `the receipt lies in ${letter.folder}`), sight);
  if (trip.wantsTicket && ticket === undefined) {
    const what = `the receipt has no ticket number: "${mail.subject.slice(0, 100)}"`;
    return degraded('answered', fault('CONTENT', what), sight);
  }
  const foreign = replyFault(said, trip.languages);
  if (foreign !== undefined) return degraded('answered', fault('LANGUAGE', `of the receipt ${foreign.message}`), sight);
  const soon = soonOver(trip);
  if (soon !== undefined) return degraded('answered', soon, sight);
  return ok('answered', { phases: sight.phases, facts: sight.facts });
}

/** What will stop these tests, or the mail of everybody where we hand it to the support's own exchanger. */
function soonOver({ handed, certificate, certificateDays: days, isDirect }: Trip): Fault | undefined {
  if (days === undefined) return undefined;
  const post = expiring(handed.certificate, days);
  if (post !== undefined)
    return fault('CERT_EXPIRING', `submission: ${post.message}`, { blame: isDirect ? 'line' : 'probe' });
  const box = expiring(certificate, days);
  return box && fault('CERT_EXPIRING', `our mailbox: ${box.message}`, { blame: 'probe' });
}

/** What the desk wrote, without our own words that it quotes. */
function ownWords(text: string): string {
  const lines = text.split('\n');
  const quote = lines.findIndex((line) => /^\s*>|^-{2,} ?(?:original|forwarded|pesan asli|原始邮件)/i.test(line));
  return (quote < 0 ? lines : lines.slice(0, quote)).join('\n');
}

/** How many mails there are: one that lies in two folders under the same id is one, twice in the same folder it is two. */
export function countMails(all: readonly Filed[]): number {
  const byId = Map.groupBy(all, ({ mail, letter }) => headerOf(mail, 'message-id') || `${letter.folder}/${letter.uid}`);
  const most = [...byId.values()].map((same) => {
    const byFolder = Map.groupBy(same, ({ letter }) => letter.folder);
    return Math.max(...[...byFolder.values()].map((each) => each.length));
  });
  return most.reduce((sum, each) => sum + each, 0);
}

/** X.1.7, X.1.8 and X.7.Z are about our address or its policy records: nobody else's mail comes back for them. */
function judgeBounce(bounce: Extract<Meaning, { kind: 'bounce' }>, sight: Sight): Finding {
  if (/^5\.(?:7\.|1\.[78]$)/.test(bounce.status ?? ''))
    return unknown(fault('SETTINGS', `our mail came back for a reason of ours: ${bounce.says}`), sight);
  return failed('reachable', fault('MAIL_REFUSED', `the mail came back: ${bounce.says}`), sight);
}

function judgeSilence({ found, withinMs, mayBeSuppressed }: Trip, sight: Sight): Finding {
  const kinds = new Set(found.map(({ meaning }) => meaning.kind));
  const seconds = Math.round(withinMs / 1_000);
  if (kinds.has('mismatch') || kinds.has('unreadable'))
    return failed('accepting', fault('CONTENT', 'an answer came that is not the receipt expected'), sight);
  if (kinds.has('away'))
    return failed('accepting', fault('OUT_OF_OFFICE', 'an out-of-office reply came instead of a receipt'), sight);
  const delay = found.find(({ meaning }) => meaning.kind === 'delay');
  if (delay?.meaning.kind === 'delay')
    return degraded('none', fault('DEFERRED', `a server is still trying to deliver: ${delay.meaning.says}`), sight);
  if (mayBeSuppressed)
    return unknown(
      fault(
        'SUPPRESSED',
        `no receipt within ${seconds} s, but this responder has answered this sender before and may do so once in days; set plus_token`,
      ),
      { ...sight, facts: { ...sight.facts, suppressed: true } },
    );
  return failed('accepting', fault('NO_RECEIPT', `the mail was taken and no receipt came within ${seconds} s`), sight);
}

/**
 * Times by the servers' own stamps, because how soon we notice depends on us. `delivery`: until the desk's side took up its
 * answer, so our mail had arrived by then; `receipt`: until the answer lay in our mailbox. Whole seconds both.
 */
function stampsOf(
  trip: Trip,
  { letter, mail, seenMs }: Found,
): { facts: Record<string, Fact>; phases: Record<string, number> } {
  const told = letter.arrivedAt === undefined ? undefined : letter.arrivedAt - trip.handedOverAt;
  const isBelievable = told !== undefined && told > -SKEW_MS && told < seenMs + SKEW_MS;
  const receipt = isBelievable ? clamp(told, seenMs) : seenMs;
  const up = takenUpAt(mail);
  const upMs = up === undefined ? undefined : up - trip.handedOverAt;
  const delivery = upMs !== undefined && upMs > -SKEW_MS && upMs < receipt + SKEW_MS ? clamp(upMs, receipt) : undefined;
  return {
    facts: {
      resolution_ms: isBelievable ? 1_000 : 0,
      ...(told !== undefined && !isBelievable ? { clock_skew_ms: told - Math.round(seenMs) } : {}),
    },
    phases: { ...(delivery === undefined ? {} : { delivery }), receipt },
  };
}

const clamp = (ms: number, most: number): number => Math.max(0, Math.min(ms, most));

function foundFacts(found: readonly Found[]): Record<string, Fact> {
  const has = (kind: Meaning['kind']): boolean => found.some(({ meaning }) => meaning.kind === kind);
  const bounce = found.find(({ meaning }) => meaning.kind === 'bounce')?.meaning;
  const strangers = found.filter(({ meaning }) => meaning.kind === 'stranger').length;
  return {
    ...(bounce?.kind === 'bounce' ? { bounce: bounce.status ?? 'no status' } : {}),
    ...(has('delay') ? { delayed: true } : {}),
    ...(has('away') ? { out_of_office: true } : {}),
    ...(strangers > 0 ? { strangers } : {}),
  };
}

function sightOf(trip: Trip, facts: Readonly<Record<string, Fact>>, phases: Readonly<Record<string, number>>): Sight {
  return {
    phases: { submit: trip.submitMs, ...phases },
    facts: {
      message_id: trip.errand.messageId,
      ...daysOf('submit_certificate_days', trip.handed.certificate),
      ...daysOf('mailbox_certificate_days', trip.certificate),
      ...facts,
      ...(trip.late.length > 0 ? { late: trip.late } : {}),
      ...(trip.unanswered > 0 ? { unanswered: trip.unanswered } : {}),
      ...(trip.cleanedUp > 0 ? { cleaned_up: trip.cleanedUp } : {}),
    },
    evidence: [evidenceOf(trip)],
  };
}

const daysOf = (name: string, certificate: Certificate | undefined): Record<string, Fact> =>
  certificate === undefined ? {} : { [name]: certificate.daysLeft };

/** Headers of what was sent and of what answers it; of strangers' mail only that there was some. */
function evidenceOf({ errand, handed, found }: Trip): Evidence {
  const answers = found
    .filter(({ meaning }) => !['stranger', 'echo'].includes(meaning.kind))
    .map(({ letter, mail, meaning }) => [
      `== found in ${printable(letter.folder)}: ${meaning.kind}`,
      ...mail.headers.slice(0, 60).map(({ name, value }) => printable(`${name}: ${value.slice(0, 300)}`)),
    ]);
  const sent = errand.headers.flatMap((line) => line.split('\r\n')).map(printable);
  const text = [['== sent', ...sent], ['== handed over', handed.transcript], ...answers].flat().join('\n');
  return { name: 'mail', type: 'text/plain', text: text.slice(0, EVIDENCE_CAP) };
}
