/** Writes to the support address as a customer would and waits in a mailbox of ours for the automatic receipt. Protocols stand in lib/mail. */
import { z } from 'zod';
import { duration } from '../src/core/duration.ts';
import { fault, unknown } from '../src/core/fault.ts';
import type { Finding, Instant } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { Secret, secret } from '../src/core/secret.ts';
import { canonicalHost } from './lib/address.ts';
import type { Certificate } from './lib/certificate.ts';
import { discreet } from './lib/discretion.ts';
import { languages, promised } from './lib/language.ts';
import type { Hope } from './lib/mail/classify.ts';
import { compose, DEFAULT_SUBJECT, DEFAULT_TEXT, TAG_HEADER } from './lib/mail/compose.ts';
import type { Errand } from './lib/mail/compose.ts';
import { lookBack, waitFor } from './lib/mail/hunt.ts';
import type { Mailbox, Told } from './lib/mail/mailbox.ts';
import { mayBeSuppressed, noteAnswer, readMemory, remember, settle } from './lib/mail/memory.ts';
import type { Memory } from './lib/mail/memory.ts';
import { submit } from './lib/mail/submit.ts';
import type { Post } from './lib/mail/submit.ts';
import { countMails, judgeTrip } from './lib/mail/trip.ts';
import type { Found } from './lib/mail/trip.ts';
import { Watch } from './lib/mail/watch.ts';
import { pattern } from './lib/pattern.ts';
import { reach } from './lib/reach.ts';

/** Kept back of the deadline for judging and leaving. */
const RESERVE = 0.05;
/** Longest that opening the mailbox and handing over may take, where the look has time. */
const OPEN_MS = 30_000;
const SUBMIT_MS = 90_000;
const DAY_MS = 86_400_000;

const mailAddress = z
  .string()
  .max(254)
  .regex(/^[!#-'*+./0-9=?A-Z^-~-]{1,64}@[A-Za-z0-9.-]{1,190}$/, {
    error: 'a plain mail address, such as support@example.id',
  });

const hostName = z.string().refine((text) => canonicalHost(text) !== undefined, { error: 'a host name or an address' });
const port = z.int().min(1).max(65_535).optional();
const security = z.enum(['starttls', 'implicit', 'none']);
/** A line end or a NUL in a user name would be a command of its own. */
const user = z
  .string()
  .max(254)
  .regex(/^[^\u0000-\u001f\u007f]+$/, { error: 'a user name without control characters' });

const schema = z
  .strictObject({
    ...reach,
    submit: z
      .strictObject({
        host: hostName,
        port: port.meta({ description: 'default 587 for starttls, 465 for implicit, 25 for none' }),
        security: security.default('starttls'),
        user: user.optional(),
        password: secret().optional(),
      })
      .meta({
        description:
          "where our mail is handed over; without user and password it must be the support's own exchanger, and its trouble counts as theirs",
      }),
    from: mailAddress.meta({ description: 'an address whose mail comes into the mailbox below' }),
    to: mailAddress.meta({ description: 'the support address' }),
    mailbox: z
      .strictObject({
        host: hostName,
        port: port.meta({ description: 'default 993 for implicit, else 143' }),
        security: security.default('implicit'),
        user,
        password: secret(),
        folders: z
          .array(z.string().min(1).max(200))
          .min(1)
          .max(8)
          .default(['INBOX'])
          .meta({ description: 'folders to look into; the one for junk is always looked into as well' }),
      })
      .meta({ description: 'a mailbox of its own for this test, by IMAP' }),
    plus_token: z.boolean().default(false).meta({
      description:
        'send from probe+<token>@…, where your provider delivers such addresses: then auto-responders that answer a sender once in days answer each time',
    }),
    receipt: z
      .strictObject({
        within: duration().default(120_000).meta({ description: 'how long the automatic receipt may take' }),
        matches: pattern().optional().meta({ description: 'pattern (RE2) that a receipt has in subject or text' }),
        ticket: pattern().optional().meta({
          description: 'pattern of the ticket number, such as "Ticket #([0-9]+)"; the first group is the number',
        }),
        from: z
          .array(z.string().min(1).max(254))
          .min(1)
          .max(16)
          .optional()
          .meta({ description: 'addresses or domains that a receipt may come from; default: the domain of `to`' }),
        language: languages().optional(),
      })
      .prefault({}),
    message: z
      .strictObject({
        subject: z
          .string()
          .max(120)
          .regex(/^[^\u0000-\u001f\u007f]+$/, { error: 'one line of text' })
          .default(DEFAULT_SUBJECT),
        text: z.string().max(4_000).default(DEFAULT_TEXT),
      })
      .prefault({})
      .meta({ description: 'what the mail says; a tag is added. Say that it is a test' }),
    expect: z
      .strictObject({
        certificate_days: z.int().min(0).max(825).optional().meta({
          description:
            'a valid certificate of either server with fewer days left is degraded; absent: any, for these servers are mostly ours',
        }),
      })
      .prefault({}),
    keep: duration()
      .default(7 * DAY_MS)
      .meta({ description: 'how long mails of these tests stay in the mailbox before they are deleted' }),
  })
  .superRefine((settings, ctx) => {
    const {
      submit: { user: name, password },
      mailbox,
      from,
      to,
      timeout,
      receipt,
    } = settings;
    const complain = (path: string[], message: string): void => {
      ctx.addIssue({ code: 'custom', path, message });
    };
    if ((name === undefined) !== (password === undefined))
      complain(['submit', 'user'], 'user and password come together');
    for (const [part, word] of [
      ['submit', password],
      ['mailbox', mailbox.password],
    ] as const)
      if (word !== undefined && /[\0\r\n]/.test(word.reveal()))
        complain([part, 'password'], 'the password has a line end or a NUL in it, which no server can be sent');
    if (bare(from) === bare(to)) complain(['to'], 'this is our own address: the test would answer itself');
    if (settings.plus_token && !/^[^+@]{1,30}@/.test(from))
      complain(['from'], 'with plus_token, at most 30 characters and no + before the @: the token is added there');
    if (timeout !== undefined && timeout <= receipt.within)
      complain(['timeout'], 'must be longer than receipt.within: the mail has to be handed over first');
  });

type Settings = z.output<typeof schema>;

/** For the example: there is no value, and help shows how to refer to one. */
const REFERENCE = Object.assign(new Secret('', 'env:PROBE_PASSWORD'), { toJSON: () => 'env:PROBE_PASSWORD' });

export default defineProbe<Settings>({
  summary:
    'sends a mail to the support address and waits for the automatic receipt, with its ticket number, in a mailbox of ours',
  example: {
    submit: { host: 'smtp.example.id', user: 'probe@example.id', password: REFERENCE },
    from: 'probe@example.id',
    to: 'support@wallet.example',
    mailbox: { host: 'imap.example.id', user: 'probe@example.id', password: REFERENCE },
    plus_token: true,
    receipt: { within: '2m', ticket: 'Ticket #([0-9-]+)' },
  },
  schema,
  phases: ['submit', 'delivery', 'receipt'],
  answer: 'receipt',
  host: ({ to }) => domainOf(to),
  costly: true,
  remembers: true,
  timeoutMs: 180_000,
  look: async (settings, context) => discreet(await look(settings, context), settings),
});

/** The mailbox first: a mail whose receipt we could not see would disturb people for nothing. */
async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const until = performance.now() + context.timeoutMs * (1 - RESERVE);
  const { mailbox, from, to } = settings;
  const watch = new Watch({
    host: mailbox.host,
    port: mailbox.port ?? (mailbox.security === 'implicit' ? 993 : 143),
    security: mailbox.security,
    login: mailbox,
    folders: mailbox.folders,
    reach: settings,
    signal: context.signal,
    until,
  });
  const memory = readMemory(context.memory?.get(), from, to);
  try {
    const opened = await watch.open(Math.min(OPEN_MS, context.timeoutMs * 0.4));
    if (!opened.ok) return unknown(opened.fault);
    const tidied = await tidy(watch, opened.value, settings, memory);
    if (!tidied.ok) return unknown(tidied.fault);
    // Asked after the cleaning up, which makes room.
    const full = await watch.fullness();
    if (full !== undefined) return unknown(fault(full.code, `no mail was sent: ${full.message}`, full));
    if (until - performance.now() < settings.receipt.within) return unknown(NO_TIME);
    const { junk, certificate } = opened.value;
    return await travel({ settings, context, until, watch, memory, junk, certificate, tidied: tidied.value });
  } finally {
    context.memory?.set(memory);
    await watch.close();
  }
}

const STOPPED = fault('DEADLINE', 'the look was stopped while our mail was handed over', {
  cause: 'unknown',
  blame: 'probe',
});
const NO_TIME = fault(
  'SETTINGS',
  'no mail was sent: the look has less time left than receipt.within, so its timeout must be longer',
);

/** What is left of earlier looks: receipts that came late are told, what is old is deleted. */
async function tidy(watch: Watch, mailbox: Mailbox, settings: Settings, memory: Memory): Promise<Told<Tidied>> {
  const late = await lookBack(watch, memory, hopeOf(settings));
  if (!late.ok) return late;
  const ours = { header: TAG_HEADER, value: settings.to, sender: `@${domainOf(settings.from)}` };
  const cleaned = mailbox.usable ? await mailbox.cleanUp(Date.now() - settings.keep, ours) : undefined;
  // A server that refuses it is no reason not to look.
  return { ok: true, value: { late: late.value, cleanedUp: cleaned?.ok === true ? cleaned.value : 0 } };
}

interface Tidied {
  readonly late: readonly string[];
  readonly cleanedUp: number;
}

interface Course {
  readonly settings: Settings;
  readonly context: ProbeContext;
  readonly until: number;
  readonly watch: Watch;
  readonly memory: Memory;
  readonly junk: string | undefined;
  readonly certificate: Certificate | undefined;
  readonly tidied: Tidied;
}

async function travel(course: Course): Promise<Finding> {
  const { settings, context, until, watch, memory } = course;
  const { receipt } = settings;
  const errand = errandOf(settings, context.runId);
  const began = performance.now();
  const handed = await submit(errand, postOf(settings, context, Math.max(1, Math.min(SUBMIT_MS, until - began))));
  const handedOverAt: Instant = Date.now();
  const submitMs = performance.now() - began;
  if (handed.kind === 'lost' && context.signal.aborted && performance.now() < until) return unknown(STOPPED);
  // A verdict that did not come may have been a yes: then the receipt is known when it comes.
  if (handed.kind === 'taken' || (handed.kind === 'lost' && handed.maybeTaken))
    remember(memory, errand.token, handedOverAt);
  const hunt = { token: errand.token, watch, memory, hope: hopeOf(settings), withinMs: receipt.within };
  const waited =
    handed.kind === 'taken'
      ? await waitFor({ ...hunt, until, signal: context.signal })
      : { found: [], late: [], cut: undefined };
  // An answer that was turned away by our own mailbox is none that is missing.
  const full = handed.kind === 'taken' && waited.found.length === 0 ? await watch.fullness() : undefined;
  const suppressible = !settings.plus_token && mayBeSuppressed(memory);
  takeNote(memory, errand, waited.found);
  return judgeTrip({
    errand,
    handed,
    submitMs,
    handedOverAt,
    found: waited.found,
    cut: waited.cut ?? full,
    certificate: course.certificate,
    certificateDays: settings.expect.certificate_days,
    junk: course.junk,
    wantsTicket: receipt.ticket !== undefined,
    languages: promised(receipt.language, context),
    isDirect: settings.submit.user === undefined,
    mayBeSuppressed: suppressible,
    withinMs: receipt.within,
    late: [...course.tidied.late, ...waited.late],
    unanswered: memory.outstanding.filter((each) => each.receipts === 0 && each.token !== errand.token).length,
    cleanedUp: course.tidied.cleanedUp,
  });
}

function postOf(settings: Settings, { signal }: ProbeContext, ms: number): Post {
  const { host, port: chosen, security: way, user: name, password } = settings.submit;
  const login = name === undefined || password === undefined ? undefined : { user: name, password };
  const usual = { starttls: 587, implicit: 465, none: 25 }[way];
  return { host, port: chosen ?? usual, security: way, login, reach: settings, signal, ms };
}

function takeNote(memory: Memory, { token }: Errand, found: readonly Found[]): void {
  const receipts = found.filter(({ meaning }) => meaning.kind === 'receipt');
  if (receipts.length > 0) noteAnswer(memory, token, countMails(receipts));
  else if (found.some(({ meaning }) => meaning.kind === 'bounce')) settle(memory, token);
}

function errandOf({ from, to, plus_token: plusToken, message }: Settings, token: string): Errand {
  return compose({ token, from, to, plusToken, subject: message.subject, text: message.text, at: Date.now() });
}

function hopeOf({ from, to, receipt }: Settings): Hope {
  return { from, senders: receipt.from ?? [domainOf(to)], matches: receipt.matches, ticket: receipt.ticket };
}

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1).toLowerCase();

/** An address without what comes after a plus. */
const bare = (address: string): string => address.toLowerCase().replace(/\+[^@]*@/, '@');
