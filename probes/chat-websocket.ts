/**
 * Probe kind `chat-websocket`: opens the live chat as a customer's browser would, speaks a script and tells who answered, after
 * how long. It says only what the script says.
 */
import { z } from 'zod';
import type { Finding } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { duration } from '../src/core/duration.ts';
import { Secret, secret } from '../src/core/secret.ts';
import { certificateDays, expiring } from './lib/certificate.ts';
import { converse } from './lib/chat/conversation.ts';
import { open, siteOrigin, socketUrl } from './lib/chat/opening.ts';
import { steps } from './lib/chat/steps.ts';
import { concluded, SPOKEN, subprotocolFact } from './lib/chat/verdict.ts';
import { discreet } from './lib/discretion.ts';
import { promised } from './lib/language.ts';
import { reach } from './lib/reach.ts';
import { headerName, headerValue } from './lib/request.ts';

/** Headers that make the handshake what it is, and those that would lead it elsewhere. */
const RESERVED = /^(?:sec-websocket-.*|host|origin)$/;

const schema = z.strictObject({
  ...reach,
  url: socketUrl().meta({ description: 'ws:// or wss://, as the chat widget of the site opens it' }),
  origin: siteOrigin().optional(),
  subprotocol: z
    .string()
    .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,80}$/)
    .optional(),
  headers: z
    .record(
      headerName().refine((name) => !RESERVED.test(name), 'this header belongs to the handshake itself'),
      z.union([secret(), headerValue()]),
    )
    .default({}),
  greeting: duration()
    .default(600)
    .meta({ description: 'how long the far side may greet before we speak; a greeting is no answer' }),
  steps: steps(),
  expect: z.strictObject({ certificate_days: certificateDays() }).prefault({}),
});
type Settings = z.output<typeof schema>;

export default defineProbe<Settings>({
  summary:
    'opens the live chat over WebSocket, speaks a script and tells whether a bot, a queue or a person answers, and when',
  example: {
    url: 'wss://chat.example.id/socket',
    origin: 'https://example.id',
    steps: [
      {
        send: {
          type: 'message',
          text: 'This is an automatic test of this chat ({{run_id}}). No help is needed, thank you.',
        },
      },
      { expect: { json: [{ pointer: '/type', equals: 'message' }] }, within: '20s' },
      { close: true },
    ],
  },
  schema,
  phases: ['dns', 'connect', 'tls', 'upgrade', ...SPOKEN],
  answer: 'first_reply',
  host: ({ url }) => new URL(url).hostname,
  timeoutMs: 30_000,
  remembers: true,
  look: async (settings, context) => discreet(await look(settings, context), settings),
});

/** Time kept back for a proper goodbye: a chat left open costs an agent's attention. */
const FAREWELL_MS = 600;

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const began = performance.now();
  const { url, origin, subprotocol } = settings;
  const endsAt = began + context.timeoutMs - Math.min(FAREWELL_MS, context.timeoutMs / 5);
  const opening = await open({
    ...{ url, origin, subprotocol, reach: settings, signal: context.signal, endsAt },
    headers: revealed(settings.headers),
  });
  if (!opening.ok) return opening.finding;
  const { line, connection, sight } = opening;
  try {
    const course = await converse(line, {
      ...{ steps: settings.steps, greetingMs: settings.greeting, endsAt },
      names: new Map([
        ['run_id', context.runId],
        ['visitor', visitorOf(context)],
      ]),
      languages: promised(undefined, context),
    });
    const before = { ...sight, facts: { ...sight.facts, ...subprotocolFact(line.subprotocol) } };
    return concluded(course, before, expiring(connection.certificate, settings.expect.certificate_days));
  } finally {
    connection.socket.destroy();
  }
}

/** One visitor in all looks, across restarts: a desk's list of contacts must not grow by each of them. */
function visitorOf({ memory, runId }: ProbeContext): string {
  const kept = memory?.get();
  const visitor = typeof kept === 'string' && /^[0-9a-f]{32}$/.test(kept) ? kept : runId;
  if (visitor !== kept) memory?.set(visitor);
  return visitor;
}

const revealed = (headers: Settings['headers']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value instanceof Secret ? value.reveal() : value]),
  );
