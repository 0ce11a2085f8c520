/**
 * Probe kind `chat-xmpp`: enters a chat that speaks XMPP as its web widget does (RFC 7395, as an anonymous visitor) and, when
 * told to whom, says a word and waits for the answer.
 */
import { z } from 'zod';
import { degraded, ok, printable } from '../src/core/fault.ts';
import type { Finding, Sight } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { duration } from '../src/core/duration.ts';
import { secret } from '../src/core/secret.ts';
import { certificateDays, expiring } from './lib/certificate.ts';
import { converse, masked } from './lib/chat/conversation.ts';
import { open, siteOrigin, socketUrl } from './lib/chat/opening.ts';
import type { Opening } from './lib/chat/opening.ts';
import { leave, stanzas } from './lib/chat/stanzas.ts';
import { expectation, TEST_WORDS } from './lib/chat/steps.ts';
import { concluded, SPOKEN } from './lib/chat/verdict.ts';
import { join } from './lib/chat/xmpp.ts';
import { findingOf } from './lib/connector.ts';
import { discreet } from './lib/discretion.ts';
import { promised } from './lib/language.ts';
import { reach } from './lib/reach.ts';

/** RFC 7622, without what only a parser of Unicode could tell. */
const JID = /^(?:[^\s@/<>"'&:]{1,1023}@)?[^\s@/<>"'&]{1,1023}(?:\/[^\s<>"'&]{1,1023})?$/;

const schema = z
  .strictObject({
    ...reach,
    url: socketUrl().meta({ description: "ws:// or wss://, the server's WebSocket for XMPP (RFC 7395)" }),
    domain: z
      .string()
      .regex(/^[^\s@/<>"'&]{1,253}$/, 'write the domain that visitors log in to, such as guest.example.id')
      .meta({ description: 'the domain that visitors log in to' }),
    origin: siteOrigin().optional(),
    user: z.string().min(1).max(200).optional().meta({ description: 'log in as this user; absent: anonymously' }),
    password: secret().optional(),
    to: z
      .string()
      .regex(JID, 'write an address such as support@example.id')
      .optional()
      .meta({ description: 'whom to write to; absent: enter the chat and leave' }),
    who: z
      .enum(['unknown', 'bot', 'person'])
      .default('unknown')
      .meta({ description: 'who answers at `to`, since XMPP does not say; unknown counts as a bot' }),
    say: z.string().min(1).max(4_000).optional().meta({ description: 'what to say; {{run_id}} is filled in' }),
    within: duration().default(15_000).meta({ description: 'how long to wait for the answer' }),
    expect: expectation.extend({ certificate_days: certificateDays() }).prefault({}),
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    path: ['password'],
    error: 'user and password belong together',
  })
  .refine(({ user, url, allow_private: near }) => user === undefined || near || url.startsWith('wss:'), {
    path: ['user'],
    error: 'a password is sent over wss:// only',
  })
  .refine(({ say, to }) => say === undefined || to !== undefined, { path: ['to'], error: 'say to whom' });
type Settings = z.output<typeof schema>;

export default defineProbe<Settings>({
  summary:
    'enters a chat over XMPP (RFC 7395) as a visitor, says a word to the desk and tells whether and when it answers',
  example: { url: 'wss://chat.example.id/xmpp-websocket', domain: 'guest.example.id', to: 'support@chat.example.id' },
  schema,
  phases: ['dns', 'connect', 'tls', 'upgrade', 'open', 'auth', 'bind', ...SPOKEN],
  answer: 'first_reply',
  host: ({ url }) => new URL(url).hostname,
  timeoutMs: 30_000,
  look: async (settings, context) => discreet(await look(settings, context), settings),
});

/** Time kept back to end the stream and the WebSocket properly. */
const FAREWELL_MS = 900;

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const { url, origin } = settings;
  const endsAt = performance.now() + context.timeoutMs - Math.min(FAREWELL_MS, context.timeoutMs / 4);
  const opening = await open({
    ...{ url, origin, subprotocol: 'xmpp', headers: {}, reach: settings, signal: context.signal, endsAt },
  });
  if (!opening.ok) return opening.finding;
  try {
    return await visit(settings, context, opening, endsAt);
  } finally {
    opening.connection.socket.destroy();
  }
}

async function visit(
  settings: Settings,
  context: ProbeContext,
  { line, connection, sight }: Opening & { ok: true },
  endsAt: number,
): Promise<Finding> {
  const { domain, user, password, to } = settings;
  const login = user === undefined || password === undefined ? undefined : { user, password };
  const joined = await join({ line, domain, login, endsAt });
  const told: Sight = { ...sight, phases: { ...sight.phases, ...joined.phases } };
  if (!joined.ok) {
    await leave(line);
    const text = printable(masked(joined.heard.slice(0, 2_000)));
    return { ...findingOf(joined.fault, 'reachable', told), evidence: [{ name: 'xmpp', type: 'text/plain', text }] };
  }
  const soon = expiring(connection.certificate, settings.expect.certificate_days);
  if (to === undefined) {
    await leave(line);
    return soon === undefined ? ok('accepting', told) : degraded('accepting', soon, told);
  }
  const { certificate_days: _days, ...expect } = settings.expect;
  const course = await converse(stanzas({ line, to, who: settings.who }), {
    steps: [{ send: settings.say ?? TEST_WORDS }, { expect, within: settings.within }],
    names: new Map([['run_id', context.runId]]),
    languages: promised(undefined, context),
    // Nobody can greet a visitor of whom nobody knows.
    ...{ greetingMs: 0, endsAt },
  });
  return concluded(course, told, soon);
}
