/**
 * Probe kind `chat-conversation`: holds a short conversation in Rocket.Chat or Chatwoot over the vendor's own API, tells who
 * answered after how long, and closes the room. It is one and the same visitor in every look.
 */
import { z } from 'zod';
import type { Fact, Finding, Sight } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { duration } from '../src/core/duration.ts';
import { failed } from '../src/core/fault.ts';
import { certificateDays, expiring } from './lib/certificate.ts';
import { chatwootRoom, enterChatwoot } from './lib/chat/chatwootroom.ts';
import { converse } from './lib/chat/conversation.ts';
import { limited, polled } from './lib/chat/polled.ts';
import { enterRocketchat, rocketchatRoom } from './lib/chat/rocketchat.ts';
import type { Entered } from './lib/chat/rooms.ts';
import { expectation, TEST_WORDS } from './lib/chat/steps.ts';
import { concluded, SPOKEN } from './lib/chat/verdict.ts';
import { findingOf } from './lib/connector.ts';
import { discreet } from './lib/discretion.ts';
import { promised } from './lib/language.ts';
import { reach } from './lib/reach.ts';

const common = {
  ...reach,
  say: z.string().min(1).max(4_000).default(TEST_WORDS).meta({ description: 'what to say; {{run_id}} is filled in' }),
  within: duration().default(40_000).meta({ description: 'how long to wait for the answer; `timeout` must be longer' }),
  expect: expectation.extend({ certificate_days: certificateDays() }).prefault({}),
};

const poll = (usual: number, why: string) =>
  duration()
    .default(usual)
    .refine((ms) => ms >= 250 && ms <= 30_000, 'between 250ms and 30s')
    .meta({ description: `how often to ask for news; ${why}` });

const schema = z.discriminatedUnion(
  'preset',
  [
    z.strictObject({
      ...{ ...common, ...rocketchatRoom },
      poll: poll(5_000, 'Rocket.Chat takes ten questions of a kind a minute unless told otherwise'),
    }),
    z.strictObject({
      ...{ ...common, ...chatwootRoom },
      poll: poll(1_500, 'the times told are at most so much too long'),
    }),
  ],
  { error: 'write rocketchat or chatwoot' },
);
type Settings = z.output<typeof schema>;

export default defineProbe<Settings>({
  summary:
    'holds a short conversation in Rocket.Chat or Chatwoot as always the same visitor, tells who answers and when, closes the room',
  example: { preset: 'rocketchat', url: 'https://chat.example.id', department: 'wallet', expect: { from: 'person' } },
  schema,
  phases: ['dns', 'connect', 'tls', 'open', ...SPOKEN],
  answer: 'first_reply',
  host: ({ url }) => url.hostname,
  // A person may take it for a customer.
  costly: true,
  remembers: true,
  timeoutMs: 60_000,
  look: async (settings, context) => discreet(await look(settings, context), settings),
});

/** Time kept back to close the room: one left open lies in somebody's list. */
const FAREWELL_MS = 3_000;
/** Greetings of these desks come when we have spoken. */
const GREETING_MS = 0;

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const began = performance.now();
  const farewellMs = Math.min(FAREWELL_MS, context.timeoutMs / 4);
  const endsAt = began + context.timeoutMs - farewellMs;
  const entered = await limited(context.signal, endsAt - began, (signal) =>
    settings.preset === 'rocketchat'
      ? enterRocketchat(settings, context.memory, signal)
      : enterChatwoot(settings, context, signal),
  );
  const sight = sightOf(entered, performance.now() - began);
  if (!entered.ok) return outside(entered, sight);
  const { line, wasClosed, wait } = polled({
    ...{ room: entered.room, everyMs: settings.poll, farewellMs, signal: context.signal },
  });
  const { certificate_days: days, ...expect } = settings.expect;
  const course = await converse(line, {
    steps: [{ send: settings.say }, { expect, within: settings.within }],
    names: new Map([['run_id', context.runId]]),
    languages: promised(undefined, context),
    ...{ greetingMs: GREETING_MS, endsAt },
  });
  const facts = { ...sight.facts, ...wait(), room_closed: wasClosed() ?? false };
  return concluded(course, { ...sight, facts }, expiring(entered.first.certificate, days));
}

/** `open`: everything between the first connection and the open room. */
function sightOf({ first, facts }: Entered, ms: number): Sight {
  const { dns = 0, connect = 0, tls } = first.phases;
  const way = { dns, connect, ...(tls === undefined ? {} : { tls }) };
  const told: Record<string, Fact> = {
    ...(first.address === undefined ? {} : { address: first.address }),
    ...(first.certificate === undefined ? {} : { certificate_days: first.certificate.daysLeft }),
    ...facts,
  };
  const open = ms - dns - connect - (tls ?? 0);
  return { phases: { ...way, ...(first.rung === 'none' ? {} : { open: Math.max(0, open) }) }, facts: told };
}

function outside(entered: Entered & { ok: false }, sight: Sight): Finding {
  const { first, fault: why, isClosed = false, evidence } = entered;
  // No room was opened, so there is no time that it took.
  const { open: _open, ...phases } = sight.phases;
  const told = { phases, facts: { ...sight.facts, ...(isClosed ? { out_of_office: true } : {}) } };
  // The desk works and says itself that nobody is there.
  if (isClosed) return { ...failed('accepting', why, told), evidence: [evidence] };
  return { ...findingOf(why, first.rung === 'none' ? 'none' : 'reachable', told), evidence: [evidence] };
}
