/** From settings to addresses: whom a test call goes to, as whom, and whether it may go there at all. It sends nothing. */
import { z } from 'zod';
import { secret } from '../../../src/core/secret.ts';
import { bareNumber, DANGERS, dangerOf, dangerOfRewritten, isE164, rewriteNumber } from '../numbers.ts';
import type { Header } from './message.ts';
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

const digits = (shape: RegExp, example: string) =>
  z.string({ error: `written in quotes: "${example}"` }).regex(shape, { error: `such as "${example}"` });

const rewrite = z.strictObject({
  prefix: digits(/^\+?[0-9*#]{0,12}$/, '00')
    .default('+')
    .meta({ description: 'what stands before the country code: "+", "00", "011", "" for bare digits' }),
  country: digits(/^[1-9]\d{0,2}$/, '62')
    .optional()
    .meta({ description: 'code of the country whose numbers are dialled as at home' }),
  national: digits(/^[0-9*#]{0,12}$/, '0')
    .default('0')
    .meta({ description: 'what stands before a number of that country' }),
});

export const trunk = z.strictObject({
  address: sipUri().meta({ description: 'the server that takes our calls: sip:host:port;transport=udp, tcp or tls' }),
  user: z
    .string()
    .regex(/^[\w.!~*'()+-]{1,128}$/, { error: "a user name has letters, digits and .!~*'()+-" })
    .optional(),
  password: secret().optional(),
  realm: z.string().min(1).max(200).optional().meta({ description: 'answer challenges of this realm only' }),
  rewrite: rewrite.optional().meta({ description: 'how this trunk wants numbers; default +622150849000' }),
  identity: z
    .union([z.strictObject({ asserted: callee() }), z.strictObject({ preferred: callee() })])
    .optional()
    .meta({ description: 'who we are to a trunk that knows us (P-Asserted-Identity, P-Preferred-Identity)' }),
  nat: z
    .enum(['none', 'rport'])
    .default('none')
    .meta({ description: 'rport: ask the trunk how it sees us, and give that address for calls and sound' }),
  reliable: z.boolean().default(true).meta({
    description:
      'false: for trunks that stumble over PRACK; responses on the way are not asked for as reliable (100rel)',
  }),
  pin: z.boolean().default(false).meta({
    description:
      'true: whatever follows in a call goes to the server that took it, wherever Contact and Record-Route lead (UDP)',
  }),
  local_port: z
    .int()
    .min(1_024)
    .max(65_535)
    .optional()
    .meta({ description: 'our own port for SIP over UDP, for trunks that know us by it; one call at a time then' }),
});
export type Trunk = z.output<typeof trunk>;

/** Somebody to call: a number (digits with a plus) and what is pressed once it is answered, or a SIP address. */
export type Callee = { readonly number: string; readonly extension?: string } | { readonly uri: SipUri };

/** A number or an address as it may stand in settings; what must never be dialled is refused when the file is read. */
export function callee() {
  return z.string().transform((text, ctx): Callee => {
    const found = parseCallee(text);
    const danger =
      found === undefined ? undefined : dangerOf('number' in found ? found.number : (found.uri.user ?? ''));
    if (found !== undefined && danger === undefined) return found;
    const message =
      danger === undefined
        ? `"${text}" is no number to call; write +622150849000 or sip:support@pbx.example.id`
        : `"${text}" is ${DANGERS[danger]}, which is never dialled`;
    ctx.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

function parseCallee(text: string): Callee | undefined {
  const [written = '', ...parameters] = text.replace(/^tel:/i, '').split(';');
  const number = bareNumber(written);
  if (isE164(number)) return withExtension(number, parameters);
  const uri = parseUri(text);
  return uri === undefined ? undefined : { uri };
}

/** RFC 3966 §5.3: an extension is behind the number, and no part of it. */
function withExtension(number: string, parameters: readonly string[]): Callee | undefined {
  const [first, ...others] = parameters;
  if (first === undefined) return { number };
  const extension = bareNumber(/^ext=(.+)$/i.exec(first)?.[1] ?? '');
  return others.length === 0 && /^[0-9*#]{1,20}$/.test(extension) ? { number, extension } : undefined;
}

/** The same callee has the same key, however it is written. */
export const keyOf = (callee: Callee): string =>
  'number' in callee ? callee.number : formatUri({ ...callee.uri, parameters: '' }).toLowerCase();

/** Whose telephone rings, as far as its address tells: one number has many spellings. */
export function lineOf(callee: Callee): string {
  if ('number' in callee) return callee.number;
  const number = bareNumber((callee.uri.user ?? '').split(';')[0] ?? '').replace(/^00(?=[1-9])/, '+');
  return isE164(number) ? number : keyOf(callee);
}

/** Whose telephones a URI may mean, as it came from the far side. */
export function linesIn(text: string): readonly string[] {
  const found = parseCallee(text);
  if (found === undefined) return [];
  return 'number' in found || found.uri.user === undefined ? [lineOf(found)] : [lineOf(found), found.uri.user];
}

/** The user part under which a callee is called at a trunk. */
export function userFor(callee: Callee, { rewrite: rules }: Pick<Trunk, 'rewrite'>): string {
  if ('uri' in callee) return lineOf(callee);
  // §25.1: of all keys only `#` may not stand in a user part.
  return (rules === undefined ? callee.number : rewriteNumber(callee.number, rules)).replaceAll('#', '%23');
}

export const extensionOf = (callee: Callee): string | undefined => ('number' in callee ? callee.extension : undefined);

/** What must not be dialled may come of a number that is harmless as it is written. */
export function dangerOnTrunk(callee: Callee, { rewrite: rules }: Pick<Trunk, 'rewrite'>) {
  return 'number' in callee && rules !== undefined ? dangerOfRewritten(callee.number, rules) : undefined;
}

/** Request-URI and To: a number is called at the trunk (RFC 3261 §19.1.6). */
export function uriFor(callee: Callee, account: Trunk): string {
  if ('uri' in callee) return formatUri(callee.uri);
  const { address } = account;
  const dialled = userFor(callee, account);
  const port = address.port === undefined ? '' : `:${address.port}`;
  // A number without its plus means something only where it is dialled, and `user=phone` would want that place named (RFC 3966 §5.1.5).
  const phone = dialled.startsWith('+') ? ';user=phone' : '';
  return `${address.scheme}:${dialled}@${bracket(address.host)}${port}${phone}`;
}

/** From: who is set, else the trunk's own user, else nobody (RFC 3323 §4.1). */
export function callerFor(from: Callee | undefined, { address, user }: Trunk): string {
  if (from !== undefined)
    return 'uri' in from ? formatUri(from.uri) : `sip:${from.number}@${bracket(address.host)};user=phone`;
  return user === undefined ? 'sip:anonymous@anonymous.invalid' : `sip:${user}@${bracket(address.host)}`;
}

/** RFC 3325 §9: who we are, for those who may be told and whose word counts. */
export function identityOf(account: Trunk): readonly Header[] {
  const { identity } = account;
  if (identity === undefined) return [];
  const [name, who] =
    'asserted' in identity ? ['p-asserted-identity', identity.asserted] : ['p-preferred-identity', identity.preferred];
  return [{ name, value: `<${callerFor(who, account)}>` }];
}
