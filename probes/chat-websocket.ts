/**
 * Probe kind `chat-websocket`: opens the live chat as a customer's browser would, speaks a script and tells who answered, after
 * how long. It says only what the script says.
 */
import { z } from 'zod';
import { degraded, failed, fault, ok, printable } from '../src/core/fault.ts';
import type { Fault } from '../src/core/fault.ts';
import type { Evidence, Fact, Finding, Rung, Sight } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { duration } from '../src/core/duration.ts';
import { Secret, secret } from '../src/core/secret.ts';
import { certificateDays, expiring } from './lib/certificate.ts';
import { converse } from './lib/chat/conversation.ts';
import type { Course } from './lib/chat/conversation.ts';
import { upgrade } from './lib/chat/line.ts';
import type { Upgraded } from './lib/chat/line.ts';
import { steps } from './lib/chat/steps.ts';
import { dial, findingOf } from './lib/connector.ts';
import type { Connection } from './lib/connector.ts';
import { discreet } from './lib/discretion.ts';
import { reach } from './lib/reach.ts';
import { headerName, headerValue, unsendable } from './lib/request.ts';

/** Headers that make the handshake what it is, and those that would lead it elsewhere. */
const RESERVED = /^(?:sec-websocket-.*|host|origin)$/;

const schema = z.strictObject({
  ...reach,
  url: z
    .url({ protocol: /^wss?$/, error: 'an address such as wss://chat.example.id/socket' })
    .refine((text) => !/[#@]/.test(text.replace(/\?.*$/, '')), {
      error: 'no user name, password or fragment in the address',
    })
    .meta({ description: 'ws:// or wss://, as the chat widget of the site opens it' }),
  origin: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({ description: 'the site whose widget this is, such as https://example.id' }),
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
  phases: ['dns', 'connect', 'tls', 'upgrade', 'greeting', 'first_reply'],
  answer: 'first_reply',
  host: ({ url }) => new URL(url).hostname,
  timeoutMs: 30_000,
  look: async (settings, context) => discreet(await look(settings, context), settings),
});

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const began = performance.now();
  const url = new URL(settings.url);
  const secure = url.protocol === 'wss:';
  const port = Number(url.port === '' ? (secure ? 443 : 80) : url.port);
  const dialled = await dial({
    ...{ host: url.hostname, port, reach: settings, signal: context.signal },
    ...(secure ? { tls: { alpn: ['http/1.1'] } } : {}),
  });
  if (!dialled.ok) {
    const rung = dialled.address === undefined ? 'none' : 'reachable';
    return findingOf(dialled.fault, rung, { phases: dialled.phases, facts: {} });
  }
  const { connection, phases } = dialled;
  const facts = factsOf(connection);
  try {
    // A browser stops here; and our headers may carry secrets that are nobody else's.
    const bad = connection.certificate?.fault;
    if (bad !== undefined) return findingOf(bad, 'reachable', { phases, facts });
    return await talk(settings, context, { connection, began, sight: { phases, facts } });
  } finally {
    connection.socket.destroy();
  }
}

function factsOf({ address, certificate }: Connection): Record<string, Fact> {
  return { address, ...(certificate === undefined ? {} : { certificate_days: certificate.daysLeft }) };
}

interface Reached {
  readonly connection: Connection;
  readonly began: number;
  readonly sight: Sight;
}

/** Time kept back for a proper goodbye: a chat left open costs an agent's attention. */
const FAREWELL_MS = 600;

async function talk(settings: Settings, context: ProbeContext, reached: Reached): Promise<Finding> {
  const { connection, began, sight } = reached;
  const farewell = Math.min(FAREWELL_MS, context.timeoutMs / 5);
  const endsAt = began + context.timeoutMs - farewell;
  const headers = revealed(settings.headers);
  const bad = unsendable(headers);
  if (bad !== undefined) return findingOf(bad, 'reachable', sight);
  const upgradeBegan = performance.now();
  const upgraded = await upgrade({
    ...{ url: settings.url, origin: settings.origin, subprotocol: settings.subprotocol, connection },
    headers,
    signal: context.signal,
    timeoutMs: endsAt - upgradeBegan,
  });
  const phases = { ...sight.phases, upgrade: performance.now() - upgradeBegan };
  if (!upgraded.ok) return turnedAway(upgraded, { ...sight, phases });
  const { line } = upgraded;
  const course = await converse(line, {
    ...{ steps: settings.steps, greetingMs: settings.greeting, endsAt },
    names: new Map([['run_id', context.runId]]),
  });
  const told: Sight = {
    phases: {
      ...phases,
      ...(course.greetingMs === undefined ? {} : { greeting: course.greetingMs }),
      ...(course.firstReplyMs === undefined ? {} : { first_reply: course.firstReplyMs }),
    },
    facts: { ...sight.facts, ...factsOfCourse(course, line.subprotocol) },
  };
  const finding = judge(course, told);
  if (finding.kind !== 'ok') return { ...finding, evidence: [course.evidence] };
  const soon = expiring(connection.certificate, settings.expect.certificate_days);
  return soon === undefined ? finding : degraded(finding.rung, soon, told);
}

const revealed = (headers: Settings['headers']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value instanceof Secret ? value.reveal() : value]),
  );

/** HTTP's own words instead of a chat. */
function turnedAway(refusal: Extract<Upgraded, { ok: false }>, sight: Sight): Finding {
  const { status, body } = refusal;
  if (status === undefined) return findingOf(refusal.fault, 'reachable', sight);
  const evidence: Evidence = {
    ...{ name: 'handshake', type: 'text/plain' },
    text: `HTTP ${status}\n\n${printable((body ?? '').slice(0, 1_000))}`,
  };
  return {
    ...findingOf(refusal.fault, 'reachable', { ...sight, facts: { ...sight.facts, status } }),
    evidence: [evidence],
  };
}

function factsOfCourse(course: Course, subprotocol: string): Record<string, Fact> {
  const responder = course.heardPerson ? 'person' : course.heardBot ? 'bot' : 'system';
  return {
    responder,
    out_of_office: course.ending.kind === 'closed',
    ...(course.position === undefined ? {} : { queue_position: course.position }),
    ...(course.waitSeconds === undefined ? {} : { estimated_wait: course.waitSeconds }),
    ...(course.closeCode === undefined ? {} : { close_code: course.closeCode }),
    ...(subprotocol === '' ? {} : { subprotocol: printable(subprotocol).slice(0, 80) }),
  };
}

function judge(course: Course, sight: Sight): Finding {
  const { ending } = course;
  const rung = rungOf(course);
  switch (ending.kind) {
    case 'played':
      if (rung === 'accepting' && course.heardQueue) return degraded(rung, queued(course), sight);
      return ok(rung, sight);
    case 'closed':
      if (course.heardPerson) return ok(rung, sight);
      return failed('accepting', fault('OUT_OF_OFFICE', 'the chat says that nobody is there now'), sight);
    case 'uncaptured':
      return failed(rung, fault('CONTENT', `the reply has no "${ending.name}" to capture`), sight);
    case 'ended':
      return findingOf(ending.fault, rung, sight);
    case 'waited':
      return unanswered(course, ending, sight);
  }
}

function unanswered(course: Course, ending: Extract<Course['ending'], { kind: 'waited' }>, sight: Sight): Finding {
  const { expected, step } = ending;
  const rung = rungOf(course);
  const heard = course.heardBot || course.heardPerson;
  if (heard && expected.from === 'anyone')
    return failed(rung, fault('CONTENT', `what was said is not what step ${step} expects`), sight);
  if (course.heardQueue) return degraded(rung, queued(course), sight);
  if (heard) return degraded(rung, fault('NO_REPLY', `a bot answered, a person did not (step ${step})`), sight);
  return failed(rung, fault('NO_REPLY', `the chat opened and nobody answered in time (step ${step})`), sight);
}

function rungOf(course: Course): Rung {
  if (course.heardPerson) return 'answered_by_person';
  return course.heardBot ? 'answered' : 'accepting';
}

function queued({ position, waitSeconds }: Course): Fault {
  const place = position === undefined ? 'the place is not told' : `place ${position}`;
  const wait = waitSeconds === undefined ? '' : `, about ${waitSeconds} s`;
  return fault('OVERLOAD', `in the queue, nobody answered yet (${place}${wait})`);
}
