/** The cookies of one look, by origin: enough to stay logged in from request to request. It keeps nothing from look to look. */

const ORIGINS_CAP = 8;
const COOKIES_CAP = 50;
/** RFC 6265 §6.1: name and value together. */
const COOKIE_CAP = 4_096;
const SENT_CAP = 16_384;

/** Cookies stay with the origin that set them: a `Domain` that would share them with neighbours is not honoured. */
export class Jar {
  readonly #origins = new Map<string, Map<string, string>>();

  /** Keeps what `Set-Cookie` says (RFC 6265 §5.2); a cookie that has expired already is thrown away. */
  take(url: URL, lines: readonly string[]): void {
    for (const line of lines) {
      const cookie = cookieOf(line);
      if (cookie === undefined) continue;
      const kept = this.#of(url.origin);
      kept?.delete(cookie.name);
      if (cookie.lives && kept !== undefined && kept.size < COOKIES_CAP) kept.set(cookie.name, cookie.value);
    }
  }

  /** The value of the header `Cookie` for an address; undefined when there is none. */
  for(url: URL): string | undefined {
    const kept = this.#origins.get(url.origin);
    if (kept === undefined || kept.size === 0) return undefined;
    const line = Array.from(kept, ([name, value]) => `${name}=${value}`).join('; ');
    return line.length > SENT_CAP ? undefined : line;
  }

  /** The values of all cookies: what must not stand in evidence. */
  values(): readonly string[] {
    return [...this.#origins.values()].flatMap((kept) => [...kept.values()]);
  }

  #of(origin: string): Map<string, string> | undefined {
    const kept = this.#origins.get(origin);
    if (kept !== undefined || this.#origins.size >= ORIGINS_CAP) return kept;
    const fresh = new Map<string, string>();
    this.#origins.set(origin, fresh);
    return fresh;
  }
}

function cookieOf(
  line: string,
): { readonly name: string; readonly value: string; readonly lives: boolean } | undefined {
  // Control characters would forge a header; anything beyond Latin-1 cannot be sent.
  if (line.length > COOKIE_CAP || /[^\u0020-\u007e\u0080-\u00ff]/.test(line)) return undefined;
  const [pair = '', ...attributes] = line.split(';');
  const at = pair.indexOf('=');
  const name = pair.slice(0, at).trim();
  if (at < 1 || name === '') return undefined;
  const told = new Map(attributes.slice(0, 20).map((each) => [each.split('=', 1)[0]?.trim().toLowerCase(), each]));
  const said = (attribute: string): string | undefined =>
    told
      .get(attribute)
      ?.replace(/^[^=]*=?/, '')
      .trim();
  const maxAge = said('max-age');
  // `Max-Age` outranks `Expires` (RFC 6265 §5.3). The epoch is how servers say "forget it"; our own clock is not asked.
  const lives =
    maxAge !== undefined && /^-?\d+$/.test(maxAge)
      ? Number(maxAge) > 0
      : !(Date.parse(said('expires') ?? '') <= YEAR_2000);
  return { name, value: pair.slice(at + 1).trim(), lives };
}

const YEAR_2000 = Date.UTC(2000, 0, 1);
