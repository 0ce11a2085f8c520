/** From settings to addresses: whom a test call goes to, as whom, and whether it may go there at all. It sends nothing. */
import { z } from 'zod';
import { secret } from '../../../src/core/secret.ts';
import { bareNumber, dangerOf, isE164 } from '../numbers.ts';
import { bracket, formatUri, nextHop, parseUri } from './uri.ts';
import type { SipUri } from './uri.ts';

/** Schema of a SIP address whose transport we speak. */
export const sipUri = () =>
  z.string().transform((text, ctx) => {
    const uri = parseUri(text);
    if (uri !== undefined && nextHop(uri) !== undefined) return uri;
    const message = `"${text}" is no SIP address without a password; write sip:pbx.example.id;transport=tls (or tcp, udp)`;
    ctx.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

export const trunk = z.strictObject({
  address: sipUri().meta({ description: 'the server that takes our calls: sip:host:port;transport=udp, tcp or tls' }),
  user: z
    .string()
    .regex(/^[\w.!~*'()+-]{1,128}$/, { error: "a user name has letters, digits and .!~*'()+-" })
    .optional(),
  password: secret().optional(),
  realm: z.string().min(1).max(200).optional().meta({ description: 'answer challenges of this realm only' }),
});
export type Trunk = z.output<typeof trunk>;

/** Somebody to call: a number (digits with a plus) or a SIP address. */
export type Callee = { readonly number: string } | { readonly uri: SipUri };

/** A number or an address as it may stand in settings; what must never be dialled is refused when the file is read. */
export const callee = () =>
  z.string().transform((text, ctx): Callee => {
    const found = parseCallee(text);
    const danger =
      found === undefined ? undefined : dangerOf('number' in found ? found.number : (found.uri.user ?? ''));
    if (found !== undefined && danger === undefined) return found;
    const message =
      danger === undefined
        ? `"${text}" is no number to call; write +622150849000 or sip:support@pbx.example.id`
        : `"${text}" is ${danger === 'emergency' ? 'an emergency' : 'a premium-rate'} number, which is never dialled`;
    ctx.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

function parseCallee(text: string): Callee | undefined {
  const number = bareNumber(text.replace(/^tel:/i, ''));
  if (isE164(number)) return { number };
  const uri = parseUri(text);
  return uri === undefined ? undefined : { uri };
}

/** The same callee has the same key, however it is written. */
export const keyOf = (callee: Callee): string =>
  'number' in callee ? callee.number : formatUri({ ...callee.uri, parameters: '' }).toLowerCase();

/** Request-URI and To: a number is called at the trunk (RFC 3261 §19.1.6). */
export function uriFor(callee: Callee, { address }: Trunk): string {
  if ('uri' in callee) return formatUri(callee.uri);
  const port = address.port === undefined ? '' : `:${address.port}`;
  return `${address.scheme}:${callee.number}@${bracket(address.host)}${port};user=phone`;
}

/** From: who is set, else the trunk's own user, else nobody (RFC 3323 §4.1). */
export function callerFor(from: Callee | undefined, { address, user }: Trunk): string {
  if (from !== undefined)
    return 'uri' in from ? formatUri(from.uri) : `sip:${from.number}@${bracket(address.host)};user=phone`;
  return user === undefined ? 'sip:anonymous@anonymous.invalid' : `sip:${user}@${bracket(address.host)}`;
}
