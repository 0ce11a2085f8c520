/** From a checked file to the nouns of the house: complete targets, instants, full ids. Everything here has been found right. */
import { holidayDates } from '../core/holidays.ts';
import { parseHours } from '../core/hours.ts';
import type { Channel, Hours, MaintenanceRule, Provider, Target } from '../core/model.ts';
import { instantOf, parseMoment } from './moment.ts';
import type { FileChannel, FileProvider, FileTarget } from './schema.ts';
import type { Settled } from './settings.ts';

/** Years around `year` whose public holidays are looked up: a process may run for long, and reads its file at its start. */
const yearsAround = (year: number): number[] => [0, 1, 2, 3, 4, 5].map((ahead) => year - 1 + ahead);

export function armProviders(providers: readonly FileProvider[], settled: Settled, year: number): readonly Provider[] {
  const holidays = new Map<string, readonly string[]>();
  const datesOf = (country: string): readonly string[] => {
    const dates = holidays.get(country) ?? holidayDates(country, yearsAround(year));
    holidays.set(country, dates);
    return dates;
  };
  return providers.map((provider, index) => armProvider(provider, `providers[${index}]`, settled, datesOf));
}

function armProvider(
  provider: FileProvider,
  path: string,
  settled: Settled,
  datesOf: (country: string) => readonly string[],
): Provider {
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
      armChannel(channel, { provider, path: `${path}.channels[${index}]`, settled, datesOf }),
    ),
  };
}

interface Around {
  readonly provider: FileProvider;
  readonly path: string;
  readonly settled: Settled;
  readonly datesOf: (country: string) => readonly string[];
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
    hours: armHours(channel.hours, provider, around.datesOf),
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
function armHours(
  hours: FileChannel['hours'],
  { timezone, holidays }: FileProvider,
  datesOf: (country: string) => readonly string[],
): Hours {
  if (hours === '24/7') return { weekly: hours, timezone, closedOn: [] };
  const parsed = parseHours(hours.weekly);
  const ruled = parsed.ok && parsed.rules.some(({ days }) => days.publicHolidays && days.weekdays.size === 0);
  const matter = holidays !== undefined && (ruled || hours.holidays === 'closed');
  return { weekly: hours.weekly, timezone, closedOn: matter ? datesOf(holidays) : [] };
}

function armWindow(rule: FileChannel['maintenance'][number], timezone: string): MaintenanceRule {
  if ('cron' in rule) return { kind: 'cron', cron: rule.cron, durationMs: rule.duration, timezone };
  const [from, until] = [parseMoment(rule.from), parseMoment(rule.until)];
  if (from === undefined || until === undefined) throw new Error('a window that the schema should have refused');
  return { kind: 'once', from: instantOf(from, timezone, 'start'), until: instantOf(until, timezone, 'end') };
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
    ...(target.budget !== undefined && { budgetPerDay: target.budget.per_day }),
  };
}
