/** An HTTP exchange as a person reads it: request, status, headers, the beginning of the body; nothing that lets one log in. */
import { printable } from '../../src/core/fault.ts';
import type { Evidence } from '../../src/core/model.ts';
import { Secret } from '../../src/core/secret.ts';
import { decode } from './charset.ts';
import { DISCREET_HEADERS } from './discretion.ts';
import type { Exchange } from './http.ts';

const BODY_CAP = 4_096;
const HEADER_CAP = 500;
const HEADERS_CAP = 64;

/** Evidence of what was asked and what came back, as far as it got. */
export function transcript({ ask, reply }: Exchange): Evidence {
  const asked = [`${ask.method} ${ask.url.href}`, ...lines(ask.headers)];
  const answered =
    reply === undefined ? ['(no answer)'] : [`HTTP ${reply.status}`, ...lines(reply.headers), '', bodyOf(reply)];
  return { name: 'exchange', type: 'text/plain', text: [...asked, '', ...answered].join('\n') };
}

function lines(headers: Readonly<Record<string, string | Secret>>): string[] {
  const entries = Object.entries(headers).slice(0, HEADERS_CAP);
  return entries.map(([name, value]) => {
    const hidden = value instanceof Secret || DISCREET_HEADERS.has(name);
    return `${printable(name)}: ${hidden ? '[redacted]' : printable(value).slice(0, HEADER_CAP)}`;
  });
}

function bodyOf(reply: NonNullable<Exchange['reply']>): string {
  const { text } = decode(reply.body.subarray(0, BODY_CAP), reply.headers['content-type'] ?? '', undefined, true);
  return text.split(/\r?\n/).map(printable).join('\n');
}
