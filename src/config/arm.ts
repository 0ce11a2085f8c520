/** From a checked file to the nouns of the house: complete targets, instants, full ids. Everything here has been found right. */
import { namesHolidays, parseHours } from '../core/hours.ts';
import type { Channel, Hours, MaintenanceRule, Provider, Target } from '../core/model.ts';
import type { ProviderHolidays } from './holidays.ts';
import { instantOf, parseMoment } from './moment.ts';
import type { FileChannel, FileProvider, FileTarget } from './schema.ts';
import type { Settled } from './settings.ts';

export function armProviders(
  providers: readonly FileProvider[],
  settled: Settled,
  holidays: ReadonlyMap<string, ProviderHolidays>,
): readonly Provider[] {
  return providers.map((provider, index) => {
    const path = `providers[${index}]`;
    return armProvider(provider, path, settled, holidays.get(path) ?? { holidays: [], workdays: [] });
  });
}

function armProvider(provider: FileProvider, path: string, settled: Settled, holidays: ProviderHolidays): Provider {
  const { id, name, homepage, timezone, languages, fallbacks } = provider;
  return {
    id,
    name,
    ...(homepage !== undefined && { homepage }),
    timezone,
    languages,
    fallbacks: fallbacks.map((each) => ({ ...each, name: exact(each.name) })),
    contacts: provider.contacts.map(({ channel, ...each }) => ({ ...each, ...(channel !== undefined && { channel }) })),
    channels: provider.channels.map((channel, index) =>
      armChannel(channel, { provider, path: `${path}.channels[${index}]`, settled, holidays }),
    ),
  };
}

interface Around {
  readonly provider: FileProvider;
  readonly path: string;
  readonly settled: Settled;
  readonly holidays: ProviderHolidays;
}

function armChannel(channel: FileChannel, around: Around): Channel {
  const { contact, cost, runbook } = channel;
  const { provider } = around;
  return {
    id: `${provider.id}/${channel.id}`,
    provider: provider.id,
    kind: channel.kind,
    name: exact(channel.name),
    ...(contact !== undefined && { contact }),
    ...(cost !== undefined && { cost: exact(cost) }),
    languages: channel.languages ?? provider.languages,
    hours: armHours(channel.hours, provider.timezone, around.holidays),
    maintenance: channel.maintenance.map((rule) => armWindow(rule, provider.timezone)),
    dependsOn: channel.depends_on,
    ...(runbook !== undefined && { runbook }),
    private: channel.private,
    targets: channel.targets.map((target, index) => armTarget(target, channel, around, index)),
  };
}

/** Without the keys that zod leaves behind as `undefined`. */
function exact<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** Holidays are handed on when they close the channel, or when a rule for `PH` says what happens on them. */
function armHours(written: FileChannel['hours'], timezone: string, { holidays, workdays }: ProviderHolidays): Hours {
  const { weekly, holidays: onHolidays } = written === '24/7' ? ROUND_THE_CLOCK : written;
  const parsed = parseHours(weekly);
  const matter = onHolidays === 'closed' || (parsed.ok && namesHolidays(parsed));
  return matter
    ? { weekly, timezone, holidays, onHolidays, workdays }
    : { weekly, timezone, holidays: [], onHolidays, workdays: [] };
}

const ROUND_THE_CLOCK = { weekly: '24/7', holidays: 'open' } as const;

function armWindow(rule: FileChannel['maintenance'][number], timezone: string): MaintenanceRule {
  if ('cron' in rule) return { kind: 'cron', cron: rule.cron, durationMs: rule.duration, timezone };
  const [from, until] = [parseMoment(rule.from), parseMoment(rule.until)];
  if (from === undefined || until === undefined) throw new Error('a window that the schema should have refused');
  return { kind: 'once', from: instantOf(from, timezone, 'start'), until: instantOf(until, timezone, 'end') };
}

function quietHours(written: string, timezone: string): NonNullable<Target['quiet']> {
  // Holidays are quiet as every other day is.
  return written === 'never' ? 'never' : { weekly: written, timezone, holidays: [], onHolidays: 'open', workdays: [] };
}

function armTarget(target: FileTarget, channel: FileChannel, around: Around, index: number): Target {
  const { provider, settled } = around;
  const own = settled.probes.get(`${around.path}.targets[${index}]`);
  if (own === undefined) throw new Error(`target ${target.id} was never settled`);
  const { failures, successes, recheck, slow } = channel.policy;
  return {
    id: `${provider.id}/${channel.id}/${target.id}`,
    provider: provider.id,
    channel: `${provider.id}/${channel.id}`,
    channelKind: channel.kind,
    probe: target.probe,
    with: own.settings,
    schedule:
      target.cron === undefined
        ? { kind: 'every', everyMs: target.every ?? 60_000 }
        : { kind: 'cron', expression: target.cron, timezone: provider.timezone },
    timeoutMs: own.timeoutMs,
    advisory: target.advisory,
    policy: { failures, successes, recheckMs: recheck, slow },
    ...(channel.promise !== undefined && { promiseMs: channel.promise.answer }),
    ...(target.budget?.per_day !== undefined && { budgetPerDay: target.budget.per_day }),
    ...(target.budget?.per_hour !== undefined && { budgetPerHour: target.budget.per_hour }),
    ...(target.quiet !== undefined && { quiet: quietHours(target.quiet, provider.timezone) }),
  };
}
