/** Reads one small XML element, strictly and with limits, as XMPP sends them. It knows no entity but XML's own five and no DOCTYPE. */
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';

export interface Element {
  /** Without its prefix. */
  readonly name: string;
  readonly namespace: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  /** Of this element alone, not of its children. */
  readonly text: string;
}

export type Parsed = { readonly ok: true; readonly element: Element } | { readonly ok: false; readonly fault: Fault };

const SIZE_CAP = 64 * 1024;
const DEPTH_CAP = 16;
const ELEMENTS_CAP = 1_000;
const ATTRIBUTES_CAP = 64;

const NAME = /[A-Za-z_][\w.-]{0,127}(?::[A-Za-z_][\w.-]{0,127})?/y;
const SPACE = /[ \t\r\n]*/y;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' };
/** `stream` is what RFC 7395 §3.3 lets servers use without declaring it in each frame. */
const PREFIXES: Readonly<Record<string, string>> = {
  xml: 'http://www.w3.org/XML/1998/namespace',
  stream: 'http://etherx.jabber.org/streams',
};

/** The element that a text is, with nothing before or after it but space. Never throws. */
export function parseXml(text: string): Parsed {
  if (text.length > SIZE_CAP) return refuse('TOO_LARGE', `more than ${SIZE_CAP} characters of XML in one piece`);
  const reader = new Reader(text);
  const element = reader.element(PREFIXES, '', 1);
  if (element === undefined || !reader.atEnd())
    return { ok: false, fault: reader.fault ?? fault('PROTO_GARBAGE', 'this is no well-formed XML element') };
  return { ok: true, element };
}

/** The child of that name, whatever its namespace unless one is given. */
export function child(of: Element, name: string, namespace?: string): Element | undefined {
  return of.children.find((each) => each.name === name && (namespace === undefined || each.namespace === namespace));
}

/** Text as it stands between tags or in an attribute. What XML cannot carry at all is left out (XML 1.0 §2.2). */
export function escapeXml(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;');
}

function refuse(code: 'TOO_LARGE' | 'TOO_DEEP' | 'PROTO_GARBAGE', message: string): Parsed & { readonly ok: false } {
  return { ok: false, fault: fault(code, message) };
}

type Scope = Readonly<Record<string, string>>;

/** One pass from left to right: time grows with the length of the text and with nothing else. */
class Reader {
  fault: Fault | undefined;
  readonly #text: string;
  #at = 0;
  #elements = 0;
  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#space();
    return this.#at === this.#text.length;
  }

  element(outer: Scope, outerDefault: string, depth: number): Element | undefined {
    if (depth > DEPTH_CAP || (this.#elements += 1) > ELEMENTS_CAP)
      return this.#stop('TOO_DEEP', `XML of more than ${DEPTH_CAP} levels or ${ELEMENTS_CAP} elements`);
    this.#space();
    // RFC 6120 §11.1: no DOCTYPE, no comment, no processing instruction in XMPP; so no bomb of entities either.
    if (/^<[!?]/.test(this.#text.slice(this.#at, this.#at + 2)))
      return this.#stop('PROTO_GARBAGE', 'a DOCTYPE, comment or instruction where only elements are allowed');
    if (!this.#take('<')) return undefined;
    const name = this.#match(NAME);
    const raw = name === '' ? undefined : this.#attributes();
    if (raw === undefined) return undefined;
    const scope = scopeOf(outer, raw);
    const defaulted = raw['xmlns'] ?? outerDefault;
    const [prefix, local] = split(name);
    const namespace = prefix === '' ? defaulted : scope[prefix];
    if (namespace === undefined) return undefined;
    const head = { name: local, namespace, attributes: raw };
    if (this.#take('/>')) return { ...head, children: [], text: '' };
    if (!this.#take('>')) return undefined;
    const inner = this.#content(scope, defaulted, depth);
    return inner !== undefined && this.#closes(name) ? { ...head, ...inner } : undefined;
  }

  #content(scope: Scope, defaulted: string, depth: number): Pick<Element, 'children' | 'text'> | undefined {
    const children: Element[] = [];
    let text = '';
    for (;;) {
      const next = this.#text.indexOf('<', this.#at);
      if (next < 0) return undefined;
      const piece = unescape(this.#text.slice(this.#at, next));
      if (piece === undefined) return undefined;
      text += piece;
      this.#at = next;
      if (this.#text.startsWith('</', next)) return { children, text };
      if (this.#text.startsWith('<![CDATA[', next)) {
        const end = this.#text.indexOf(']]>', next);
        if (end < 0) return undefined;
        text += this.#text.slice(next + 9, end);
        this.#at = end + 3;
        continue;
      }
      const each = this.element(scope, defaulted, depth + 1);
      if (each === undefined) return undefined;
      children.push(each);
    }
  }

  #attributes(): Record<string, string> | undefined {
    const found = Object.create(null) as Record<string, string>;
    for (let count = 0; count <= ATTRIBUTES_CAP; count += 1) {
      const spaced = this.#space() > 0;
      const name = spaced ? this.#match(NAME) : '';
      if (name === '') return found;
      this.#space();
      if (!this.#take('=')) return undefined;
      this.#space();
      const quote = this.#text[this.#at];
      if (quote !== '"' && quote !== "'") return undefined;
      const end = this.#text.indexOf(quote, this.#at + 1);
      const written = end < 0 ? '<' : this.#text.slice(this.#at + 1, end);
      const value = written.includes('<') ? undefined : unescape(written);
      if (value === undefined || name in found) return undefined;
      found[name] = value;
      this.#at = end + 1;
    }
    return undefined;
  }

  #closes(name: string): boolean {
    if (!this.#take(`</${name}`)) return false;
    this.#space();
    return this.#take('>');
  }

  #take(what: string): boolean {
    if (!this.#text.startsWith(what, this.#at)) return false;
    this.#at += what.length;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #space(): number {
    return this.#match(SPACE).length;
  }

  #stop(code: 'TOO_DEEP' | 'PROTO_GARBAGE', message: string): undefined {
    this.fault ??= fault(code, message);
    return undefined;
  }
}

function scopeOf(outer: Scope, attributes: Scope): Scope {
  const own = Object.entries(attributes).filter(([name]) => name.startsWith('xmlns:'));
  return own.length === 0
    ? outer
    : { ...outer, ...Object.fromEntries(own.map(([name, value]) => [name.slice(6), value])) };
}

function split(name: string): readonly [prefix: string, local: string] {
  const at = name.indexOf(':');
  return at < 0 ? ['', name] : [name.slice(0, at), name.slice(at + 1)];
}

/** XML's own entities and numbers; any other one is not well-formed, since nobody could have declared it. */
function unescape(text: string): string | undefined {
  if (!text.includes('&')) return text;
  const unknown: string[] = [];
  const plain = text.replace(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,4}));|&/gi,
    (all, ten?: string, sixteen?: string, name?: string) => {
      const named = name === undefined ? undefined : ENTITIES[name];
      if (named !== undefined) return named;
      const point = ten === undefined ? Number.parseInt(sixteen ?? '', 16) : Number(ten);
      if (point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff)) return String.fromCodePoint(point);
      unknown.push(all);
      return '';
    },
  );
  return unknown.length === 0 ? plain : undefined;
}
