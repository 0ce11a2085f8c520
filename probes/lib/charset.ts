/** Bytes to text when labels lie: BOM, header, `<meta>`, strict UTF-8, fallback, in this order. It knows no protocol. */

export interface Decoded {
  readonly text: string;
  /** The label that was used, as the Encoding Standard names it. */
  readonly charset: string;
  /** True when the header's label turned the text to rubbish and another one did not. */
  readonly mislabelled: boolean;
}

const META_WINDOW = 4_096;
/** Nearly everything is that, and a decoder costs more than a short text. */
const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true });
const LATIN1 = new TextDecoder('windows-1252');

/**
 * Decodes a body. `contentType` is the header as sent; `fallback` is for what has no label and is not UTF-8. `cut`: the body
 * was cut off, perhaps in the middle of a character, which is forgiven.
 */
export function decode(bytes: Uint8Array, contentType: string, fallback = 'windows-1252', cut = false): Decoded {
  const bom = bomOf(bytes);
  if (bom !== undefined) return { ...decodeAs(bytes, bom), mislabelled: false };
  const header = labelIn(contentType);
  const meta = labelIn(latin1(bytes.subarray(0, META_WINDOW)));
  for (const label of [header, meta, 'utf-8']) {
    const clean = label === undefined ? undefined : decodeCleanly(bytes, label, cut);
    if (clean !== undefined) return { ...clean, mislabelled: header !== undefined && label !== header };
  }
  return { ...decodeAs(bytes, header ?? meta ?? fallback), mislabelled: false };
}

function bomOf(bytes: Uint8Array): string | undefined {
  const [one, two, three] = bytes;
  if (one === 0xef && two === 0xbb && three === 0xbf) return 'utf-8';
  if (one === 0xff && two === 0xfe) return 'utf-16le';
  return one === 0xfe && two === 0xff ? 'utf-16be' : undefined;
}

/** Pages labelled gb2312 or gbk use characters of the later GB 18030, which contains both. */
function labelIn(text: string): string | undefined {
  const label = /charset\s*=\s*["']?\s*([\w.:-]{1,40})/i.exec(text)?.[1]?.toLowerCase();
  return label === 'gb2312' || label === 'gbk' ? 'gb18030' : label;
}

/** Undefined when the bytes are not of this charset. */
function decodeCleanly(bytes: Uint8Array, label: string, cut: boolean): { text: string; charset: string } | undefined {
  try {
    const decoder = label === 'utf-8' && !cut ? STRICT_UTF8 : new TextDecoder(label, { fatal: true });
    return { text: decoder.decode(bytes, { stream: cut }), charset: decoder.encoding };
  } catch {
    return undefined;
  }
}

function decodeAs(bytes: Uint8Array, label: string): { text: string; charset: string } {
  try {
    const decoder = new TextDecoder(label);
    return { text: decoder.decode(bytes), charset: decoder.encoding };
  } catch {
    return { text: latin1(bytes), charset: 'windows-1252' };
  }
}

const latin1 = (bytes: Uint8Array): string => LATIN1.decode(bytes);
