/** IMAP's SEARCH keys as tests of a letter (RFC 3501 §6.4.4). */
import { isInSet } from './imapwords.ts';
import type { Word } from './imapwords.ts';
import { headerOf } from './letter.ts';
import type { Letter } from './mailbox.ts';

/** Whether a letter, with its sequence number, is searched for. */
export type Test = (letter: Letter, sequence: number) => boolean;

/** What the star of a set stands for. */
interface Bounds {
  readonly count: number;
  readonly lastUid: number;
}

/** The test that all keys together make; undefined when one of them is unknown. */
export function searchOf(keys: readonly Word[], bounds: Bounds): Test | undefined {
  const left = [...keys];
  const tests: Test[] = [];
  while (left.length > 0) {
    const test = take(left, bounds);
    if (test === undefined) return undefined;
    tests.push(test);
  }
  return (letter, sequence) => tests.every((test) => test(letter, sequence));
}

const FLAGS: Readonly<Record<string, string>> = {
  SEEN: '\\Seen',
  ANSWERED: '\\Answered',
  FLAGGED: '\\Flagged',
  DELETED: '\\Deleted',
  DRAFT: '\\Draft',
};

/** Takes one key and what belongs to it. */
function take(left: Word[], bounds: Bounds): Test | undefined {
  const word = left.shift();
  if (word === undefined) return undefined;
  if (typeof word !== 'string') return searchOf(word, bounds);
  const key = word.toUpperCase();
  const flag = FLAGS[key];
  const unflag = key.startsWith('UN') ? FLAGS[key.slice(2)] : undefined;
  if (flag !== undefined) return ({ flags }) => flags.has(flag);
  if (unflag !== undefined) return ({ flags }) => !flags.has(unflag);
  if (/^[\d*]/.test(key)) return (_letter, sequence) => isInSet(key, sequence, bounds.count);
  return combine(key, left, bounds) ?? compare(key, left, bounds);
}

function combine(key: string, left: Word[], bounds: Bounds): Test | undefined {
  if (key === 'ALL' || key === 'OLD') return () => true;
  if (key === 'NEW' || key === 'RECENT') return () => false;
  if (key === 'CHARSET') {
    left.shift();
    return () => true;
  }
  if (key === 'NOT') {
    const test = take(left, bounds);
    return test && ((letter, sequence) => !test(letter, sequence));
  }
  if (key !== 'OR') return undefined;
  const [one, other] = [take(left, bounds), take(left, bounds)];
  return one && other && ((letter, sequence) => one(letter, sequence) || other(letter, sequence));
}

function compare(key: string, left: Word[], bounds: Bounds): Test | undefined {
  const value = next(left);
  switch (key) {
    case 'UID':
      return ({ uid }) => isInSet(value, uid, bounds.lastUid);
    case 'KEYWORD':
      return ({ flags }) => flags.has(value);
    case 'UNKEYWORD':
      return ({ flags }) => !flags.has(value);
    case 'LARGER':
      return ({ mail }) => mail.raw.length > Number(value);
    case 'SMALLER':
      return ({ mail }) => mail.raw.length < Number(value);
    case 'HEADER':
      return inHeader(value, next(left));
    case 'FROM':
    case 'TO':
    case 'CC':
    case 'BCC':
    case 'SUBJECT':
      return inHeader(key, value);
    case 'BODY':
    case 'TEXT':
      return ({ mail }) => holds(`${mail.subject} ${mail.text} ${mail.raw.toString('latin1')}`, value);
    default:
      return byDate(key, value);
  }
}

/** Dates of the day of receipt; those of the header (`SENT…`) are taken for the same here. */
function byDate(key: string, value: string): Test | undefined {
  const day = Math.floor(Date.parse(`${value.replaceAll('-', ' ')} UTC`) / 86_400_000);
  if (Number.isNaN(day)) return undefined;
  const dayOf = ({ mail }: Letter): number => Math.floor(mail.at / 86_400_000);
  switch (key.replace(/^SENT/, '')) {
    case 'SINCE':
      return (letter) => dayOf(letter) >= day;
    case 'BEFORE':
      return (letter) => dayOf(letter) < day;
    case 'ON':
      return (letter) => dayOf(letter) === day;
    default:
      return undefined;
  }
}

function inHeader(name: string, value: string): Test {
  return ({ mail }) => {
    const text = headerOf(mail.raw.toString('latin1'), name);
    return text !== undefined && holds(name.toUpperCase() === 'SUBJECT' ? `${mail.subject} ${text}` : text, value);
  };
}

function holds(text: string, value: string): boolean {
  // A search string arrives as the bytes of its charset.
  const utf8 = Buffer.from(value, 'latin1').toString('utf8');
  return [value, utf8].some((each) => text.toLowerCase().includes(each.toLowerCase()));
}

function next(left: Word[]): string {
  const word = left.shift();
  return typeof word === 'string' ? word : '';
}
