/** Undoes the content encodings that we asked for, and no others; never more than a cap. It knows nothing of HTTP's rest. */
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';

const LAYERS_CAP = 2;
const gunzip = promisify(zlib.gunzip) as (bytes: Buffer, options: zlib.ZlibOptions) => Promise<Buffer>;
const unzlib = promisify(zlib.inflate) as (bytes: Buffer, options: zlib.ZlibOptions) => Promise<Buffer>;
const unraw = promisify(zlib.inflateRaw) as (bytes: Buffer, options: zlib.ZlibOptions) => Promise<Buffer>;

/**
 * The body as it was before `content-encoding`. Brotli is never decoded: nobody was asked for it, and its decoder in older
 * releases of Node could be made to write outside its memory (CVE-2026-111497).
 */
export async function inflate(body: Buffer, encoding: string, wanted: boolean, cap: number): Promise<Buffer | Fault> {
  const layers = encoding
    .toLowerCase()
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '' && each !== 'identity');
  if (layers.length === 0) return body;
  if (!wanted)
    return fault('ENCODING', `the body is encoded (${layers.slice(0, 4).join(', ')}) though identity was asked for`);
  if (layers.length > LAYERS_CAP) return fault('ENCODING', `the body is encoded ${layers.length} times over`);
  let bytes = body;
  for (const layer of layers.reverse()) {
    const next = await undo(layer, bytes, cap);
    if ('blame' in next) return next;
    bytes = next;
  }
  return bytes;
}

async function undo(layer: string, bytes: Buffer, cap: number): Promise<Buffer | Fault> {
  const options = { maxOutputLength: cap };
  try {
    if (layer === 'gzip' || layer === 'x-gzip') return await gunzip(bytes, options);
    // RFC 9110 §8.4.1.2 means zlib by "deflate"; some servers send it bare.
    if (layer === 'deflate')
      return (bytes[0] ?? 0) % 16 === 8 ? await unzlib(bytes, options) : await unraw(bytes, options);
    return fault('ENCODING', `the body is encoded with ${layer.slice(0, 40)}, which was not asked for`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ERR_BUFFER_TOO_LARGE') return fault('TOO_LARGE', `the body inflates to more than ${cap} bytes`);
    return fault('ENCODING', `the body is no proper ${layer.slice(0, 40)}`);
  }
}
