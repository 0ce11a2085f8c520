/** Part of main: mends one line of undici as it is loaded, so that no connection stays in memory after its look. What undici does stays as it is. */
import { registerHooks } from 'node:module';

const FILE = '/undici/lib/dispatcher/client-h1.js';
/**
 * undici makes an object with this getter for each connection. V8 puts what it notes of a getter among the old objects, where
 * it keeps all that the getter can see (the socket, the client, what the look listened with) until the next full collection:
 * a quarter of what a look allocates. A getter that they inherit is made once.
 */
const OWN = /get destroyed \(\) \{\s*return socket\.destroyed\s*\},/;
const INHERITED = 'socket,\n    __proto__: CONTEXT,';
const CONTEXT = '\nconst CONTEXT = { get destroyed () { return this.socket.destroyed } }\n';

/** The same source, mended. Undefined when it no longer says what is to be mended: then it is taken as it is. */
export function mended(source: string): string | undefined {
  return OWN.test(source) ? source.replace(OWN, INHERITED) + CONTEXT : undefined;
}

let isHooked = false;

/** To be called before the first kind that speaks HTTP is loaded. */
export function mendUndici(): void {
  if (isHooked) return;
  isHooked = true;
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context);
      const better = url.endsWith(FILE) ? mended(textOf(loaded.source)) : undefined;
      return better === undefined ? loaded : { ...loaded, source: better };
    },
  });
}

/** Empty when the loader left it to somebody else to read the source. */
function textOf(source: unknown): string {
  if (typeof source === 'string') return source;
  return source instanceof Uint8Array ? new TextDecoder().decode(source) : '';
}
