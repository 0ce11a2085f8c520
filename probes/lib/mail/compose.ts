/** The mail that a round trip sends: an ordinary one, courteous, and recognisable by us. It knows no server. */
import type { Instant } from '../../../src/core/model.ts';

/** Mail with this header at its top is ours, wherever it lies. Its value begins with the support address. */
export const TAG_HEADER = 'X-Ringback-Probe';

export interface Errand {
  /** 32 hexadecimal digits that nobody can guess, never used twice: who repeats them has had this mail. */
  readonly token: string;
  /** Address in the envelope and in From. */
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly messageId: string;
  /** Header lines, for evidence. */
  readonly headers: readonly string[];
  /** Headers and body in ASCII, lines ended by CRLF, the last one too. */
  readonly raw: string;
}

export interface Wish {
  readonly token: string;
  readonly from: string;
  readonly to: string;
  /** Put the token into our own address: a new sender to every auto-responder, and one more sign to know the answer by. */
  readonly plusToken: boolean;
  readonly subject: string;
  readonly text: string;
  readonly at: Instant;
}

export const DEFAULT_SUBJECT = 'Test message';
export const DEFAULT_TEXT = [
  'This is an automatic test of this support address by those who look after it.',
  'No help is needed: your automatic confirmation is all that we wait for. Thank you.',
  '',
  'Ini uji otomatis alamat dukungan ini oleh pihak yang memantaunya.',
  'Tidak perlu ditindaklanjuti: kami hanya menunggu konfirmasi otomatis. Terima kasih.',
  '',
  '这是对本客服邮箱的自动测试，由负责监测的人员发出。',
  '无需人工处理，我们只等待自动回执。谢谢。',
].join('\n');

/**
 * Writes the mail. It must look like a customer's: with Auto-Submitted, Precedence or List-Id no auto-responder answers
 * (RFC 3834 §2), and neither when the support address stands in Bcc alone.
 */
export function compose({ token, from, to, plusToken, subject, text, at }: Wish): Errand {
  const sender = plusToken ? from.replace('@', `+${token}@`) : from;
  const domain = from.slice(from.lastIndexOf('@') + 1);
  const tag = `[rb-${token}]`;
  const messageId = `<rb-${token}@${domain}>`;
  const headers = [
    `Date: ${new Date(at).toUTCString().replace('GMT', '+0000')}`,
    `From: Ringback <${sender}>`,
    `To: <${to}>`,
    `Subject: ${encodeWords(subject)}\r\n ${tag}`,
    `Message-ID: ${messageId}`,
    `${TAG_HEADER}: ${to} ${token}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
  ];
  const body = encodeBody(`${text}\n\nRingback ${tag}\n`);
  const raw = [...headers, `Content-Transfer-Encoding: ${body.coding}`, '', ...body.lines, ''].join('\r\n');
  return { token, from: sender, to, subject: `${subject} ${tag}`, messageId, headers, raw };
}

function encodeBody(text: string): { coding: '7bit' | 'base64'; lines: readonly string[] } {
  const lines = text.split(/\r\n|\r|\n/);
  // RFC 5322 §2.1.1: no line longer than 998.
  if (lines.every((line) => /^[\t\x20-\x7e]{0,900}$/.test(line))) return { coding: '7bit', lines };
  const base64 = Buffer.from(lines.join('\r\n')).toString('base64');
  return { coding: 'base64', lines: base64.match(/.{1,76}/g) ?? [] };
}

/** ASCII stays; anything else becomes encoded words of whole characters, none longer than 75 bytes (RFC 2047 §2). */
function encodeWords(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const parts: string[] = [];
  for (const char of text) {
    const last = parts.at(-1);
    if (last !== undefined && Buffer.byteLength(last + char) <= 42) parts[parts.length - 1] = last + char;
    else parts.push(char);
  }
  return parts.map((part) => `=?utf-8?B?${Buffer.from(part).toString('base64')}?=`).join('\r\n ');
}
