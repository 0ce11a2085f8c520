/** HTML that cannot forget to escape: text is escaped, only `Html` passes. It knows which links may be followed, and no words. */
import { html as escaping } from 'ghtml';

/** Markup that was made by `html`, and by nothing else. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Part = string | number | Html | undefined | readonly (Html | undefined)[];

/**
 * A template whose every value is escaped unless it is `Html` itself. The library's own way to pass markup is a `!` before
 * the value: an exclamation mark in a sentence would be one. A type cannot be written by accident.
 */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(literals.map((literal, at) => literal + write(parts[at])).join(''));
}

export const NOTHING = new Html('');

function write(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map(write).join('');
  // NUL may stand in no HTML; a browser would show this in its place.
  return escaping`${String(part).replaceAll('\u0000', '\ufffd')}`;
}

const SAID_CAP = 200;

/**
 * A text from outside, as it may stand in a page: shown as it is, but at most 200 characters of it, no control characters
 * (a NUL ends some parsers' text) and no towers of combining marks. Put it in `<bdi>`, so that its direction stays inside.
 */
export function said(text: string, cap = SAID_CAP): string {
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '\ufffd').replace(/(\p{M}{3})\p{M}+/gu, '$1');
  const characters = Array.from(clean.slice(0, cap * 4));
  return characters.length <= cap && clean.length <= cap * 4 ? clean : `${characters.slice(0, cap - 1).join('')}…`;
}

const LINK_CAP = 2_000;
const WEB = /^https?:\/\/[^\s\\@]+$/i;
const DIRECT = /^(?:mailto:[^\s\\]+|tel:[+0-9*#().-]{2,32}(?:;[\w=.+-]+)*|sips?:[^\s\\]+)$/i;

/** `text` if it is a web address that may be a link, else undefined: no other scheme, no user part, no backslash. */
export function webLink(text: string | undefined): string | undefined {
  if (text === undefined || text.length > LINK_CAP || !WEB.test(text)) return undefined;
  return URL.canParse(text) ? text : undefined;
}

/** As `webLink`, and besides the ways of writing and calling: mailto, tel, sip. */
export function contactLink(text: string | undefined): string | undefined {
  if (text === undefined || text.length > LINK_CAP) return undefined;
  return DIRECT.test(text) ? text : webLink(text);
}

/** What a person reads in place of a contact's link: the number, the mailbox, the address without its scheme. */
export function contactText(contact: string): string {
  const bare = contact.replace(/^(?:mailto|tel|sips?):/i, '');
  if (/^tel:/i.test(contact)) return spaced(bare);
  if (/^mailto:/i.test(contact)) return said(bare.replace(/\?.*$/, ''));
  return said(contact.replace(/^https?:\/\/(?:www\.)?/i, '').replace(/\/$/, ''), 60);
}

/** Indonesian numbers in groups that can be read aloud: area code, then fours; short codes as they are. */
function spaced(number: string): string {
  const [, area, rest] = /^\+62(21|22|24|31|61|\d{3})(\d{5,})$/.exec(number) ?? [];
  if (area === undefined || rest === undefined) return said(number, 40);
  return `+62 ${area} ${(rest.match(/\d{1,4}/g) ?? []).join(' ')}`;
}
