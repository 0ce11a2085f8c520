/** Telephone numbers that a machine must never dial, and how a number is told from its spelling. It dials nothing. */
import { z } from 'zod';

/** Digits alone, with the plus of an international number kept. */
export function bareNumber(text: string): string {
  return text.replace(/[\s().-]/g, '');
}

/** E.164: a plus and 7 to 15 digits. */
export const isE164 = (text: string): boolean => /^\+[1-9]\d{6,14}$/.test(text);

/** Police, fire, ambulance and their like, of all countries that we know of. */
const EMERGENCY = new Set(
  `000 06 08 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120 122 123 125 126 127 129 130 133
  140 144 150 154 155 158 160 165 166 180 190 191 192 193 194 197 198 199 224 911 933 977 985 988 991 992 993 994 995 996 997 998 999`.split(
    /\s+/,
  ),
);

/** Prefixes of international numbers that cost whoever calls: premium rate, satellite, shared revenue. */
const PREMIUM = [
  '1900',
  '1976',
  '31906',
  '31909',
  '3290',
  '3389',
  '34803',
  '34806',
  '34807',
  '34905',
  '39899',
  '41900',
  '41901',
  '41906',
  '43900',
  '43930',
  '449',
  '4470',
  '45900',
  '46900',
  '47820',
  '48700',
  '4919',
  '49137',
  '49900',
  '551900',
  '60600',
  '61190',
  '62809',
  '63900',
  '651900',
  '661900',
  '81990',
  '82600',
  '841900',
  '852900',
  '86168',
  '870',
  '881',
  '882',
  '883',
  '886204',
  '90900',
  '911900',
  '979',
] as const;
/** The same as they are dialled at home, as far as no country uses them for anything else. */
const PREMIUM_AT_HOME = ['1900', '0900', '0190', '190', '0137', '0809', '0899', '0990', '1976'] as const;

export type Danger = 'emergency' | 'premium';
export const DANGERS: Readonly<Record<Danger, string>> = {
  emergency: 'an emergency number',
  premium: 'a premium-rate number',
};

/** What is wrong with dialling a number or the user part of a SIP URI; undefined: nothing that we know of. */
export function dangerOf(written: string): Danger | undefined {
  const number = bareNumber(written.split(';')[0] ?? '');
  const digits = number.replace(/^\+|^00(?=[1-9]\d{6})/, '');
  if (!/^\d+$/.test(digits)) return undefined;
  if (isEmergency(digits, number.startsWith('+'))) return 'emergency';
  const prefixes = digits === number ? PREMIUM_AT_HOME : PREMIUM;
  // At home short numbers are extensions: a premium number has at least seven digits.
  return digits.length >= 7 && prefixes.some((prefix) => digits.startsWith(prefix)) ? 'premium' : undefined;
}

function isEmergency(digits: string, international: boolean): boolean {
  // A country's code before it, or what fetches an outside line (0, 9, one after the other): it still rings at the police.
  const bare = international
    ? [digits.slice(1), digits.slice(2), digits.slice(3)]
    : [digits, digits.replace(/^[09]/, ''), digits.replace(/^[09]{2}/, '')];
  return bare.some((each) => EMERGENCY.has(each));
}

/** How a trunk wants international numbers to be dialled. */
export interface Rewrite {
  /** Instead of the plus: `00`, `011`, a trunk's own; empty: bare digits. */
  readonly prefix: string;
  /** The country whose numbers are dialled as at home. */
  readonly country?: string | undefined;
  /** What stands before those: `0`, or nothing. */
  readonly national: string;
}

/** E.164 to what is dialled. */
export function rewriteNumber(number: string, { prefix, country, national }: Rewrite): string {
  const digits = number.slice(1);
  const isHome = country !== undefined && digits.startsWith(country);
  return isHome ? national + digits.slice(country.length) : prefix + digits;
}

/** What a harmless number may become by being rewritten. */
export function dangerOfRewritten(number: string, rewrite: Rewrite): Danger | undefined {
  const dialled = rewriteNumber(number, rewrite);
  const { country, prefix } = rewrite;
  const isHome = country !== undefined && number.slice(1).startsWith(country);
  // With or without what stands before it: a switch may take that for something else.
  const forms = isHome ? [dialled, number.slice(1 + country.length)] : [dialled, dialled.slice(prefix.length)];
  const dangers = forms.map(dangerOf);
  if (dangers.includes('emergency')) return 'emergency';
  // Abroad the number has been looked at in full already: bare, +1 905 only looks like somebody's 190.
  return isHome && dangers.includes('premium') ? 'premium' : undefined;
}

/** Schema of a number to call; what must never be dialled is refused when the file is read. */
export const telephone = () =>
  z.string().transform((text, ctx) => {
    const number = bareNumber(text.replace(/^tel:/i, ''));
    const danger = isE164(number) ? dangerOf(number) : undefined;
    if (isE164(number) && danger === undefined) return number;
    const message =
      danger === undefined
        ? `"${text}" is no number to call; write +622150849000`
        : `"${text}" is ${DANGERS[danger]}, which is never dialled`;
    ctx.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
