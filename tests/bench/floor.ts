/** The floor of `targets.ts`: undici alone, a new connection for each request, nothing judged and nothing stored. */
import { Client } from 'undici';

const [port = 0, rate = 0] = process.argv.slice(2).map(Number);
const BEAT_MS = 10;

async function request(): Promise<void> {
  const client = new Client(`http://127.0.0.1:${port}`, { pipelining: 1 });
  try {
    const { body } = await client.request({ method: 'GET', path: '/', headers: { 'accept-encoding': 'identity' } });
    JSON.parse(await body.text());
  } finally {
    await client.destroy();
  }
}

// As evenly over the second as ours are.
const began = performance.now();
let sent = 0;
setInterval(() => {
  for (const due = ((performance.now() - began) / 1_000) * rate; sent < due; sent++) void request();
}, BEAT_MS);
process.once('SIGTERM', () => process.exit());
