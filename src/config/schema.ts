/** The shape of a configuration file. What depends on two settings at once is in `references.ts`. It knows no probe kind. */
import { z } from 'zod';
import { CAUSES, CHANNEL_KINDS } from '../core/model.ts';
import { secret } from '../core/secret.ts';
import * as leaf from './leaves.ts';

const SECOND = 1_000;
const DAY = 86_400_000;

const policy = z.strictObject({
  failures: z.int().min(1).max(100).default(3).meta({ description: 'failed looks in a row that open an incident' }),
  successes: z.int().min(1).max(100).default(2).meta({ description: 'good looks in a row that resolve it' }),
  recheck: leaf.between(SECOND, DAY).default(5_000).meta({ description: 'time to the next look while not yet sure' }),
  slow: leaf
    .slow()
    .default({ atLeast: 3, of: 5 })
    .meta({ description: 'slow looks of the last so many that make it degraded' }),
});

const hours = z.union([
  z.literal('24/7'),
  z.strictObject(
    {
      weekly: leaf.weekly().meta({ description: 'such as "Mo-Fr 08:00-20:00; Sa 09:00-15:00", after OpenStreetMap' }),
      holidays: z.enum(['open', 'closed']).default('open').meta({ description: "on the country's public holidays" }),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? '{ weekly: "Mo-Fr 08:00-20:00" }' : undefined) },
  ),
]);

const dates = () => z.array(leaf.date()).max(1_000).default([]);

const holidays = z.union([
  leaf.country(),
  z.strictObject(
    {
      country: leaf.country().optional(),
      joint_leave: z
        .boolean()
        .default(false)
        .meta({ description: 'days of leave that employers may grant count too, such as cuti bersama' }),
      add: dates().meta({ description: 'further holidays' }),
      remove: dates().meta({ description: "days of the country's list or of the file that are none" }),
      workdays: dates().meta({ description: 'make-up working days: they have the hours of a Monday' }),
      ical: leaf.line(1_000).optional().meta({ description: 'iCalendar file, beside this file, with all-day events' }),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? '{ country: ID, add: [2026-12-24] }' : undefined) },
  ),
]);

const maintenance = z.union([
  z.strictObject({ cron: leaf.cron(), duration: leaf.between(60 * SECOND, 7 * DAY) }),
  z.strictObject({ from: leaf.moment(), until: leaf.moment() }),
]);

const target = z.strictObject({
  id: leaf.slug(),
  probe: leaf.line(64).meta({ description: 'kind of probe' }),
  every: leaf
    .between(SECOND, 7 * DAY)
    .optional()
    .meta({ description: 'how often to look, in whole seconds' }),
  cron: leaf.cron().optional().meta({ description: "when to look instead, in the provider's time zone" }),
  timeout: leaf
    .between(1, 600 * SECOND)
    .optional()
    .meta({ description: 'longest a look may take; shorter than `every`' }),
  allow_private: z.boolean().optional().meta({ description: 'allow addresses in private and loopback ranges' }),
  advisory: z.boolean().default(false).meta({ description: 'at most degrades the channel' }),
  budget: z
    .strictObject({
      per_day: z.int().min(1).max(100_000).optional().meta({ description: 'looks in 24 hours' }),
      per_hour: z.int().min(1).max(10_000).optional().meta({ description: 'looks in an hour' }),
    })
    .refine(({ per_day: day, per_hour: hour }) => day !== undefined || hour !== undefined, {
      error: 'a budget has per_day, per_hour or both',
    })
    .optional()
    .meta({ description: 'what is not looked at for want of it is unknown, not down' }),
  quiet: z
    .union([z.literal('never'), leaf.weekly()], { error: 'expected never, or hours such as "Mo-Su 21:00-08:00"' })
    .optional()
    .meta({
      description:
        'hours in which nobody is disturbed by a look, such as "Mo-Su 21:00-08:00", or never; kinds that ring at a person are otherwise quiet while the channel is closed',
    }),
  with: z.record(z.string(), z.unknown()).optional().meta({ description: 'settings of the probe kind' }),
});

const channel = z.strictObject({
  id: leaf.slug(),
  kind: z.enum(CHANNEL_KINDS),
  name: leaf.localized(),
  contact: leaf.contact().optional(),
  cost: leaf.localized().optional(),
  languages: z.array(leaf.language()).min(1).optional(),
  hours: hours.default('24/7'),
  promise: z
    .strictObject({ answer: leaf.between(1, DAY) })
    .optional()
    .meta({ description: 'slower than this is degraded' }),
  maintenance: z.array(maintenance).default([]),
  policy: policy.prefault({}),
  depends_on: z.array(leaf.slug()).default([]),
  runbook: leaf.link().optional(),
  private: z.boolean().default(false).meta({ description: 'true: on no public page' }),
  targets: z.array(target).min(1),
});

const provider = z.strictObject({
  id: leaf.slug(),
  name: leaf.line(),
  homepage: leaf.link().optional(),
  timezone: leaf.zone(),
  holidays: holidays.optional().meta({ description: 'public holidays, of a country or with dates of your own' }),
  languages: z.array(leaf.language()).min(1).default(['id', 'en', 'zh']),
  fallbacks: z
    .array(
      z.strictObject({ name: leaf.localized(), contact: leaf.contact(), source: leaf.link(), checked: leaf.date() }),
    )
    .default([]),
  contacts: z
    .array(
      z.strictObject({
        value: leaf.line(),
        channel: leaf.slug().optional(),
        source: leaf.link(),
        checked: leaf.date(),
      }),
    )
    .default([]),
  channels: z.array(channel).min(1),
});

const route = z.strictObject({
  match: z
    .strictObject({
      provider: leaf.slug().optional(),
      channel: leaf.channelRef().optional(),
      kind: z.enum(CHANNEL_KINDS).optional(),
      cause: z.enum(CAUSES).optional(),
      severity: z.enum(['critical', 'warning']).optional(),
    })
    .default({}),
  to: z.array(leaf.slug()).min(1),
  continue: z.boolean().default(false),
  group_wait: leaf.between(0, 3_600_000).default(0),
});

const kept = (fallback: number) => leaf.between(3_600_000, 3_650 * DAY).default(fallback);

/** A whole configuration, as it is written. */
export const fileSchema = z.strictObject({
  listen: leaf
    .listener()
    .default({ host: '0.0.0.0', port: 8080 })
    .meta({ description: 'public: status page and its API' }),
  operator: z
    .strictObject({
      listen: leaf
        .listener()
        .default({ host: '127.0.0.1', port: 8081 })
        .meta({ description: 'metrics, health, operator API' }),
      tokens: z.array(secret()).default([]),
    })
    .prefault({}),
  store: leaf.storePath().default('./data/ringback.db'),
  location: leaf.slug().default('local').meta({ description: 'name of the place that this process looks from' }),
  canaries: z.array(leaf.canary()).default([]).meta({ description: 'hosts that tell whether we are online ourselves' }),
  retention: z
    .strictObject({
      observations: kept(35 * DAY),
      rollups: kept(3 * 365 * DAY),
      evidence: kept(90 * DAY),
      reports: kept(30 * DAY).meta({ description: 'reports of users; none are taken yet, so nothing is dropped' }),
    })
    .prefault({}),
  public_url: leaf.publicUrl().optional(),
  providers: z.array(provider).min(1),
  // The settings are checked by the receiver kind's own schema.
  receivers: z.array(z.looseObject({ name: leaf.slug() })).default([]),
  routes: z.array(route).default([]),
});

export type FileConfig = z.output<typeof fileSchema>;
export type FileProvider = FileConfig['providers'][number];
export type FileChannel = FileProvider['channels'][number];
export type FileTarget = FileChannel['targets'][number];
