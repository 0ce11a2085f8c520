/** The floor of `targets.ts`: undici alone, a new connection for each request, nothing judged and nothing stored. */
import { Client } from 'undici';

const [port = 0, rate = 0] = process.argv.slice(2).map(Number);

async function request(): Promise<void> {
  const client = new Client(`http://127.0.0.1:${port}`, { pipelining: 1 });
  try {
    const { body } = await client.request({ method: 'GET', path: '/', headers: { 'accept-encoding': 'identity' } });
    JSON.parse(await body.text());
  } finally {
    await client.destroy();
  }
}

// Once a second a batch, spread like slots of whole seconds are: all at its start.
setInterval(() => {
  for (let each = 0; each < rate; each++) void request();
}, 1_000);
process.once('SIGTERM', () => process.exit());
