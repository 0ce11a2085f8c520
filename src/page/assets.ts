/** The style sheet and the script under the hash of their content, so that a browser may keep them for ever. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { css } from './style.ts';

export interface Asset {
  readonly path: string;
  readonly type: string;
  readonly body: string;
}

function asset(name: string, extension: string, type: string, body: string): Asset {
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 12);
  return { path: `/assets/${name}-${hash}.${extension}`, type, body };
}

export const STYLE = asset('page', 'css', 'text/css; charset=utf-8', css);
/** Read once, at start: it is a file of its own so that it is linted and formatted as what it is. */
export const SCRIPT = asset(
  'fresh',
  'js',
  'text/javascript; charset=utf-8',
  readFileSync(new URL('./fresh.js', import.meta.url), 'utf8'),
);
