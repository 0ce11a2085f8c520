/** What a mail with our token is: receipt, reply, bounce, delay, absence, echo or a stranger's. Pure: no server, no clock. */
import type { Pattern } from '../pattern.ts';
import { occursIn } from '../pattern.ts';
import { TAG_HEADER } from './compose.ts';
import { headerOf } from './letter.ts';
import type { Mail } from './letter.ts';

/** What we expect of the answer. */
export interface Hope {
  /** Our address, without any token. */
  readonly from: string;
  /** Addresses and domains that an answer may come from. */
  readonly senders: readonly string[];
  readonly matches: Pattern | undefined;
  readonly ticket: Pattern | undefined;
}

export type Meaning =
  /** The desk confirms. `isAutomatic`: it says itself that a machine wrote it. */
  | { readonly kind: 'receipt'; readonly ticket: string | undefined; readonly isAutomatic: boolean }
  /** It comes from the desk and is not what was expected. */
  | { readonly kind: 'mismatch' }
  /** Somebody is away: an out-of-office reply is no receipt. */
  | { readonly kind: 'away' }
  /** A report that the mail came back for good. `status`: RFC 3463, such as `5.1.1`. */
  | { readonly kind: 'bounce'; readonly status: string | undefined; readonly says: string }
  /** A report that some server is still trying. It is no bounce. */
  | { readonly kind: 'delay'; readonly status: string | undefined; readonly says: string }
  /** Our own mail, or a report of success: of no interest. */
  | { readonly kind: 'echo' }
  /** It has our token and comes from elsewhere: it counts for nothing. */
  | { readonly kind: 'stranger' }
  | { readonly kind: 'unreadable' };

export type Sign = 'token' | 'reference' | 'plus_address';

/** By which signs a mail belongs to a token; none: it does not. Relays rewrite ids and desks cut subjects, so each sign counts alone. */
export function signsOf(mail: Mail, token: string): readonly Sign[] {
  const has = (text: string): boolean => text.toLowerCase().includes(token);
  const signs: Sign[] = [];
  // The raw bytes too: a subject in a wrong charset is rubbish once decoded, and its ASCII is not.
  if ([mail.subject, mail.text, mail.raw].some(has)) signs.push('token');
  if (has(headerOf(mail, 'in-reply-to')) || has(headerOf(mail, 'references'))) signs.push('reference');
  if (mail.to.some((each) => each.includes(`+${token}@`))) signs.push('plus_address');
  return signs;
}

export function classify(mail: Mail, hope: Hope): Meaning {
  if (!mail.isReadable) return { kind: 'unreadable' };
  if (headerOf(mail, TAG_HEADER.toLowerCase()) !== '' && isFromUs(mail, hope)) return { kind: 'echo' };
  const report = readReport(mail);
  if (report !== undefined) return report;
  // RFC 8601 §5: what Authentication-Results claims is worth nothing unless our own server wrote it, which we cannot know.
  if (!hope.senders.some((each) => isFrom(mail.from, each))) return { kind: 'stranger' };
  const texts = [mail.subject, mail.text];
  const ticket = hope.ticket === undefined ? undefined : ticketIn(texts, hope.ticket);
  const isAutomatic = saysAutomatic(mail);
  const receipt = { kind: 'receipt', ticket, isAutomatic } as const;
  const { matches } = hope;
  const fits = matches !== undefined && texts.some((text) => occursIn(text, (form) => matches.test(form)));
  if (fits || ticket !== undefined) return receipt;
  if (saysAway(mail, isAutomatic)) return { kind: 'away' };
  return matches === undefined ? receipt : { kind: 'mismatch' };
}

/** The first ticket number: in the subject, else in the text. */
function ticketIn(texts: readonly string[], pattern: Pattern): string | undefined {
  for (const text of texts) {
    const found = pattern.find(text) ?? pattern.find(text.normalize('NFKC'));
    if (found !== undefined) return found.slice(0, 100);
  }
  return undefined;
}

/** `address` is that address, or lies in that domain or below it. */
function isFrom(address: string, sender: string): boolean {
  const wanted = sender.toLowerCase();
  if (wanted.includes('@')) return address === wanted;
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return domain === wanted || domain.endsWith(`.${wanted}`);
}

function isFromUs(mail: Mail, { from }: Hope): boolean {
  return mail.from.replace(/\+[^@]*@/, '@') === from.toLowerCase().replace(/\+[^@]*@/, '@');
}

/** RFC 3834 §5, and what was usual before it. */
function saysAutomatic(mail: Mail): boolean {
  const submitted = headerOf(mail, 'auto-submitted').trim().toLowerCase();
  if (submitted !== '' && submitted !== 'no') return true;
  if (/^\s*(?:auto_reply|bulk|junk)\s*$/i.test(headerOf(mail, 'precedence'))) return true;
  return ['x-autoreply', 'x-autorespond', 'x-auto-response-suppress'].some((name) => headerOf(mail, name) !== '');
}

const AWAY =
  /\bout of (?:the )?office\b|\b(?:i am|i'm|currently|will be) away\b|\bon (?:annual |sick |maternity )?leave\b|\bon (?:vacation|holiday)\b|\bsedang cuti\b|\bdi luar kantor\b|\btidak (?:berada )?di kantor\b|不在办公室|正在休假|休假中|外出(?:中|期间)/i;

/** A person's absence. In a text that nobody marked as automatic these words may mean anything: there the subject decides. */
function saysAway(mail: Mail, isAutomatic: boolean): boolean {
  const text = isAutomatic ? `${mail.subject}\n${mail.text.slice(0, 2_000)}` : mail.subject;
  return AWAY.test(text.normalize('NFKC'));
}

/** RFC 3464, and reports of servers that write none of its parts. */
function readReport(mail: Mail): Meaning | undefined {
  if (mail.report === undefined) return isBareReport(mail) ? bareReport(mail) : undefined;
  const field = (name: string): string =>
    new RegExp(`^${name}:[ \\t]*([^\\r\\n]{0,300})`, 'im').exec(mail.report ?? '')?.[1]?.trim() ?? '';
  const status = /^[245]\.\d{1,3}\.\d{1,3}/.exec(field('Status'))?.[0];
  const action = field('Action').toLowerCase();
  const says = [action, status, field('Diagnostic-Code')].filter(Boolean).join(' ');
  // The action decides: some give a delay a status of class 5, and some a failure one of class 4 when they have given up.
  if (action === 'delayed' || (action !== 'failed' && status?.startsWith('4') === true))
    return { kind: 'delay', status, says };
  if (action === 'failed' || status?.startsWith('5') === true) return { kind: 'bounce', status, says };
  return { kind: 'echo' };
}

function isBareReport(mail: Mail): boolean {
  const isDaemon = /^(?:mailer-daemon|postmaster)@/.test(mail.from);
  return isDaemon && /undeliver|delivery|returned|failure|delayed|退信|gagal/i.test(mail.subject);
}

function bareReport(mail: Mail): Meaning {
  const status = /\b[45]\.\d{1,3}\.\d{1,3}\b/.exec(mail.text.slice(0, 8_192))?.[0];
  const isDelay = status?.startsWith('4') ?? /\bdelay(?:ed)?\b|\bwarning\b/i.test(mail.subject);
  return { kind: isDelay ? 'delay' : 'bounce', status, says: mail.subject };
}
