/** What undici keeps of a connection after its look. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { mended } from '../../src/main/undici.ts';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const LOOKS = 3_000;
/** Looks at a server of its own, with a new connection each. */
const LOOKING = String.raw`
import { createServer } from 'node:net';
const [mend, looks] = process.argv.slice(1);
if (mend === 'mended') (await import('../../src/main/undici.ts')).mendUndici();
const { Client } = await import('undici');
const reply = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const server = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end(reply)));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
// A timer that is called off is forgotten only a second later.
const timeless = { connectTimeout: 0, headersTimeout: 0, bodyTimeout: 0 };
for (let look = 0; look < Number(looks); look += 1) {
  const client = new Client('http://127.0.0.1:' + server.address().port, timeless);
  const { body } = await client.request({ method: 'GET', path: '/' });
  if ((await body.text()) !== 'ok') throw new Error('not answered');
  await client.destroy();
}
process.exit();
`;

/** Megabytes that small collections have left behind in the second half of the looks. */
function left(mend: string): number {
  const flags = ['--trace-gc', '--max-semi-space-size=2', '--input-type=module'];
  const { stdout } = spawnSync(process.execPath, [...flags, '-e', LOOKING, mend, String(LOOKS)], {
    cwd: FOLDER,
    encoding: 'utf8',
  });
  const after = [...stdout.matchAll(/Scavenge [\d.]+ \([\d.]+\) -> (?<after>[\d.]+)/g)];
  const figures = after.map(({ groups }) => Number(groups?.['after']));
  expect(figures.length).toBeGreaterThan(10);
  return (figures.at(-1) ?? NaN) - (figures[Math.floor(figures.length / 2)] ?? NaN);
}

describe('undici', () => {
  it('still makes a getter for each connection: if it does not, src/main/undici.ts can go', () => {
    const path = createRequire(import.meta.url).resolve('undici/lib/dispatcher/client-h1.js');
    const source = readFileSync(path, 'utf8');
    expect(mended(source)).toContain('__proto__: CONTEXT');
    expect(mended(mended(source) ?? '')).toBeUndefined();
  });

  it('answers as before, and leaves less than half as much of its connections to the next full collection', () => {
    const [plain, kept] = [left('plain'), left('mended')];
    console.log(`figure undici: left of ${LOOKS / 2} looks ${plain.toFixed(1)} MB, mended ${kept.toFixed(1)} MB`);
    expect(kept).toBeLessThan(plain / 2);
  });
});
