/** What IMAP's FETCH can ask of a letter, and how it is told (RFC 3501 §6.4.5, §7.4.2). */
import { imapDate, stringOf } from './imapwords.ts';
import type { Word } from './imapwords.ts';
import { headerOf, headersOf } from './letter.ts';
import type { Letter } from './mailbox.ts';

export interface Item {
  readonly name: string;
  readonly marksSeen: boolean;
  /** As Latin-1, ready for the wire. */
  readonly value: (letter: Letter) => string;
}

const MACROS: Readonly<Record<string, readonly string[]>> = {
  FAST: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE'],
  ALL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE'],
};

const SIMPLE: Readonly<Record<string, (letter: Letter) => string>> = {
  UID: ({ uid }) => String(uid),
  FLAGS: ({ flags }) => `(${[...flags].join(' ')})`,
  INTERNALDATE: ({ mail }) => `"${imapDate(mail.at)}"`,
  'RFC822.SIZE': ({ mail }) => String(mail.raw.length),
  ENVELOPE: ({ mail }) => envelope(mail.raw.toString('latin1')),
};

/** The items asked for, with UID first where the command was one by UID; undefined when one of them is unknown. */
export function fetchItems(asked: Word, uid: boolean): readonly Item[] | undefined {
  const names = [asked].flat().flatMap((word) => {
    const name = typeof word === 'string' ? word : '?';
    return MACROS[name.toUpperCase()] ?? [name];
  });
  const wanted = uid && !names.some((name) => name.toUpperCase() === 'UID') ? ['UID', ...names] : names;
  const items = wanted.map(itemOf);
  return items.every((item) => item !== undefined) ? items : undefined;
}

function itemOf(written: string): Item | undefined {
  const name = written.toUpperCase();
  const value = SIMPLE[name];
  if (value !== undefined) return { name, marksSeen: false, value };
  const match = /^BODY(\.PEEK)?\[([^\]]*)\](?:<(\d{1,9})\.(\d{1,9})>)?$/.exec(name === 'RFC822' ? 'BODY[]' : name);
  if (match === null) return undefined;
  const [, peek, section = '', from, length] = match;
  const cut = from === undefined ? undefined : { from: Number(from), to: Number(from) + Number(length) };
  return {
    name: `BODY[${section}]${from === undefined ? '' : `<${from}>`}`,
    marksSeen: peek === undefined,
    value: ({ mail }) => {
      const part = sectionOf(mail.raw.toString('latin1'), section);
      const text = cut === undefined ? part : part?.slice(cut.from, cut.to);
      return text === undefined ? 'NIL' : `{${text.length}}\r\n${text}`;
    },
  };
}

function sectionOf(text: string, section: string): string | undefined {
  const end = /\r?\n\r?\n/.exec(text);
  const body = end === null ? '' : text.slice(end.index + end[0].length);
  if (section === '') return text;
  if (section === 'TEXT' || section === '1') return body;
  if (section === 'HEADER' || section === 'MIME') return text.slice(0, text.length - body.length);
  const fields = /^HEADER\.FIELDS(\.NOT)? \(([^)]*)\)$/.exec(section);
  if (fields === null) return undefined;
  const names = new Set((fields[2] ?? '').split(' '));
  const chosen = headersOf(text).filter((line) => {
    const isNamed = names.has(line.split(':', 1)[0]?.toUpperCase().trim() ?? '');
    return isNamed === (fields[1] === undefined);
  });
  return [...chosen, '', ''].join('\r\n');
}

function envelope(text: string): string {
  const header = (name: string): string | undefined => headerOf(text, name);
  const from = addresses(header('from'));
  const people = ['sender', 'reply-to'].map((name) => (header(name) === undefined ? from : addresses(header(name))));
  const others = ['to', 'cc', 'bcc'].map((name) => addresses(header(name)));
  const ids = ['in-reply-to', 'message-id'].map((name) => stringOf(header(name)));
  return `(${[stringOf(header('date')), stringOf(header('subject')), from, ...people, ...others, ...ids].join(' ')})`;
}

/** A list of addresses as IMAP tells it: name, route, mailbox, host. Groups are not known here. */
function addresses(text: string | undefined): string {
  const all = (text ?? '').match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
  const told = all.flatMap((one) => {
    const match = /^\s*(?:"?([^"<]*?)"?\s*<)?([^<>\s@]+)@([^<>\s]+?)>?\s*$/.exec(one);
    if (match === null) return [];
    return [`(${stringOf(match[1] === '' ? undefined : match[1])} NIL ${stringOf(match[2])} ${stringOf(match[3])})`];
  });
  return told.length === 0 ? 'NIL' : `(${told.join('')})`;
}
