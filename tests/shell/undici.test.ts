/** What undici keeps of a connection after its look. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { mended } from '../../src/main/undici.ts';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
/** Asks twice over one connection, and prints the answers, and whether the connection has a getter of its own and tells of its end. */
const LOOK = String.raw`
import { createServer } from 'node:http';
const [mend] = process.argv.slice(1);
if (mend === 'mended') (await import('../../src/main/undici.ts')).mendUndici();
const { Client } = await import('undici');
const server = createServer((_, response) => response.end('ok'));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const client = new Client('http://127.0.0.1:' + server.address().port);
const answers = [];
for (let look = 0; look < 2; look += 1)
  answers.push(await (await client.request({ method: 'GET', path: '/' })).body.text());
const connection = client[Object.getOwnPropertySymbols(client).find(({ description }) => description === 'http context')];
const { get } = Object.getOwnPropertyDescriptor(connection, 'destroyed') ?? {};
const before = connection.destroyed;
await client.destroy();
console.log(JSON.stringify([answers, get === undefined ? 'inherited' : 'own', before, connection.destroyed]));
process.exit();
`;

function looked(mend: string): unknown {
  const flags = ['--input-type=module', '-e', LOOK, mend];
  const { stdout, stderr } = spawnSync(process.execPath, flags, { cwd: FOLDER, encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

describe('undici', () => {
  it('still makes a getter for each connection: if it does not, src/main/undici.ts can go', () => {
    const path = createRequire(import.meta.url).resolve('undici/lib/dispatcher/client-h1.js');
    const source = readFileSync(path, 'utf8');
    expect(mended(source)).toContain('__proto__: CONTEXT');
    expect(mended(mended(source) ?? '')).toBeUndefined();
    expect(looked('plain')).toEqual([['ok', 'ok'], 'own', false, true]);
  });

  it('answers as before with a getter that all connections inherit', () => {
    expect(looked('mended')).toEqual([['ok', 'ok'], 'inherited', false, true]);
  });
});
