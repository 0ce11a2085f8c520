/** What a person reads of a reply: of a page its text, of JSON its strings, of anything else all of it. */
import type { Fault } from '../../src/core/fault.ts';
import { readAside } from './aside.ts';
import type { Selectors } from './item.ts';
import { parseJson } from './json.ts';
import type { Json } from './json.ts';

const STRINGS_CAP = 2_000;
const VISIBLE_CAP = 20_000;
/** Only the whole is read; an item has to be named all the same. */
const NOTHING: Selectors = { item: 'title', title: 'title', date: 'title', link: 'title' };

/** At most 20,000 characters. A page nested too deeply or read too slowly is a fault. */
export async function visibleText(text: string, signal: AbortSignal): Promise<string | Fault> {
  if (/^\ufeff?\s{0,200}[[{"]/.test(text)) {
    const parsed = parseJson(text);
    if (parsed.ok) return stringsIn(parsed.value);
  }
  if (!text.includes('<')) return text.slice(0, VISIBLE_CAP);
  const reading = await readAside(text, { format: 'html', select: NOTHING }, signal);
  if ('blame' in reading) return reading;
  return reading.ok ? (reading.visible ?? '') : '';
}

/** Words of the names of members are no words of the text. Depth is capped by the parser. */
export function stringsIn(value: Json): string {
  const found: string[] = [];
  const walk = (each: Json): void => {
    if (found.length >= STRINGS_CAP) return;
    if (typeof each === 'string') found.push(each);
    else if (typeof each === 'object' && each !== null) Object.values(each).forEach((child: Json) => walk(child));
  };
  walk(value);
  return found.join('\n').slice(0, VISIBLE_CAP);
}
