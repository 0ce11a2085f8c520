/** Asks every mail exchanger of a support address whether it would take a mail, and sends none. What replies mean stands in lib/mail. */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { z } from 'zod';
import { failed, fault } from '../src/core/fault.ts';
import type { Finding } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { canonicalHost } from './lib/address.ts';
import { certificateDays } from './lib/certificate.ts';
import { findingOf, resolveMx } from './lib/connector.ts';
import { visit } from './lib/mail/exchange.ts';
import { afterVisits, dueStranger, offeredAt, readPast } from './lib/mail/past.ts';
import type { Past } from './lib/mail/past.ts';
import { judgeVisits } from './lib/mail/verdict.ts';
import type { Visit } from './lib/mail/verdict.ts';
import { within } from './lib/mail/within.ts';
import { reach } from './lib/reach.ts';

/** A domain lists as many exchangers as it likes; we ask the ones that senders try first. */
const EXCHANGERS_CAP = 8;
/** Kept back of the deadline for judging and leaving. */
const RESERVE = 0.05;

/** Goes into a command line: no space, no bracket, no line break, so that nothing can be slipped in behind it. */
const mailAddress = z
  .string()
  .max(254)
  .regex(/^[!#-;=?A-Z^-~]{1,64}@(?:[A-Za-z0-9.-]+|\[[A-Fa-f0-9.:IPv]+\])$/, {
    error: 'a plain mail address, such as support@example.id',
  });

const hostName = z.string().refine((text) => canonicalHost(text) !== undefined, { error: 'a host name or an address' });

const schema = z
  .strictObject({
    ...reach,
    domain: hostName
      .refine((text) => isIP(text) === 0, { error: 'a domain; an address is given as `host`' })
      .optional()
      .meta({ description: 'domain of the support address: every exchanger of it is asked, in order of preference' }),
    host: hostName.optional().meta({ description: 'one mail server, instead of the exchangers of a domain' }),
    port: z.int().min(1).max(65_535).optional().meta({ description: 'default 25, for implicit TLS 465' }),
    security: z.enum(['starttls', 'implicit', 'none']).default('starttls').meta({
      description: 'starttls: expected, its absence is told; implicit: TLS from the first byte; none: not looked at',
    }),
    rcpt: mailAddress.optional().meta({ description: 'the support address that is asked for; nothing is sent to it' }),
    from: mailAddress
      .optional()
      .meta({ description: 'a real address of yours: made-up senders are refused or distrusted' }),
    ehlo: z
      .string()
      .regex(/^(?:[A-Za-z0-9.-]{1,253}|\[[A-Fa-f0-9.:IPv]+\])$/, { error: 'a host name or an address in brackets' })
      .optional()
      .meta({ description: 'the name we give, best one that leads back to us; default: the name of this machine' }),
    expect: z.strictObject({ certificate_days: certificateDays() }).prefault({}),
  })
  .refine(({ domain, host }) => (domain === undefined) !== (host === undefined), {
    error: 'give either `domain` or `host`',
    path: ['domain'],
  });

type Settings = z.output<typeof schema>;

interface Exchanger {
  readonly host: string;
  readonly preference: number | undefined;
}

export default defineProbe<Settings>({
  summary: 'asks every mail exchanger of a domain whether it would take mail for support, and sends none',
  example: { domain: 'example.id', rcpt: 'support@example.id', from: 'probe@monitor.example.id' },
  schema,
  phases: ['dns', 'connect', 'banner', 'ehlo', 'tls', 'rcpt'],
  host: ({ domain, host }) => canonicalHost(host ?? domain ?? '') ?? null,
  timeoutMs: 30_000,
  remembers: true,
  look,
});

async function look(settings: Settings, context: ProbeContext): Promise<Finding> {
  const until = performance.now() + context.timeoutMs * (1 - RESERVE);
  if (settings.host !== undefined)
    return await ask([{ host: settings.host, preference: undefined }], settings, context, until);
  const domain = settings.domain ?? '';
  const found = await within(context.signal, context.timeoutMs * 0.6, (signal) => resolveMx(domain, signal));
  if (found.ok) return withDns(await ask(unique(found.exchangers), settings, context, until), found.ms);
  if (found.fault.code !== 'DNS_NODATA')
    return findingOf(found.fault, 'none', { phases: { dns: found.ms }, facts: { verdict: null } });
  // RFC 5321 §5.1: a domain without MX is its own exchanger, if it has an address.
  const finding = await ask([{ host: domain, preference: undefined }], settings, context, until);
  const sight = withDns(finding, found.ms);
  const isHomeless = finding.kind === 'failed' && ['DNS_NODATA', 'DNS_NXDOMAIN'].includes(finding.fault.code);
  return isHomeless ? failed('none', fault('MX_NONE', `${domain} has neither exchanger nor address`), sight) : sight;
}

/** One exchanger after the other, as a sender would: who knocks at the last one first is taken for a spammer. */
async function ask(
  all: readonly Exchanger[],
  settings: Settings,
  context: ProbeContext,
  until: number,
): Promise<Finding> {
  const past = readPast(context.memory?.get());
  const stranger = dueStranger(past, settings.rcpt, context.startedAt);
  const visits = await visitAll(all.slice(0, EXCHANGERS_CAP), stranger, { settings, context, until });
  const [first, ...others] = visits;
  if (first === undefined) return failed('none', fault('MX_NONE', 'the domain names no exchanger'));
  const now = afterVisits(past, visits, stranger, context.startedAt);
  context.memory?.set(now);
  const finding = judgeVisits([first, ...others], {
    port: portOf(settings),
    security: settings.security,
    certificateDays: settings.expect.certificate_days,
    offeredAt: (host) => offeredAt(past, host, context.startedAt),
  });
  return withCatchAll(finding, now);
}

const portOf = ({ port, security }: Settings): number => port ?? (security === 'implicit' ? 465 : 25);

/** A fact and never a fault: it only says how much "accepted" is worth. */
function withCatchAll(finding: Finding, { stranger }: Past): Finding {
  const taken = stranger?.taken ?? undefined;
  if (taken === undefined || finding.facts['verdict'] !== 'accepted') return finding;
  return { ...finding, facts: { ...finding.facts, catch_all: taken } };
}

interface Round {
  readonly settings: Settings;
  readonly context: ProbeContext;
  readonly until: number;
}

async function visitAll(
  asked: readonly Exchanger[],
  stranger: string | undefined,
  { settings, context, until }: Round,
): Promise<readonly Visit[]> {
  const { security, from, rcpt } = settings;
  const ehlo = settings.ehlo ?? ownName();
  const visits: Visit[] = [];
  for (const [at, { host, preference }] of asked.entries()) {
    const sliceMs = Math.max(1, (until - performance.now()) / (asked.length - at));
    const wasAsked = visits.some(({ session }) => session?.catchAll !== undefined);
    const seen = await visit({
      ...{ host, preference, port: portOf(settings), security, ehlo, from, rcpt },
      ...{ stranger: wasAsked ? undefined : stranger, reach: settings, signal: context.signal, sliceMs },
    });
    visits.push(seen);
  }
  return visits;
}

/** The same host under two preferences is asked once. */
function unique(exchangers: readonly Exchanger[]): readonly Exchanger[] {
  return [...new Map(exchangers.toReversed().map((each) => [each.host.toLowerCase(), each])).values()].toReversed();
}

/** A name without a dot means nothing to others: then our address stands for us (RFC 5321 §4.1.4). */
function ownName(): string | undefined {
  const name = hostname();
  return /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/.test(name) ? name : undefined;
}

/** Finding the exchangers is part of finding the host. */
function withDns<T extends Finding>(finding: T, ms: number): T {
  return { ...finding, phases: { ...finding.phases, dns: ms + (finding.phases['dns'] ?? 0) } };
}
