/**
 * Probe kind `chat-presence`: asks whether anybody is there, without disturbing anybody: by the vendor's own word, or by what
 * little of a widget can be seen from outside. Presence is no answer, and the rung says so.
 */
import { z } from 'zod';
import { degraded } from '../src/core/fault.ts';
import { defineProbe } from '../src/core/probe.ts';
import type { ProbeContext } from '../src/core/probe.ts';
import { certificateDays, expiring } from './lib/certificate.ts';
import { chatwootSettings, seeChatwoot } from './lib/chat/presence/chatwoot.ts';
import { customSettings, seeCustom } from './lib/chat/presence/custom.ts';
import { livechatSettings, seeLivechat } from './lib/chat/presence/livechat.ts';
import { rocketchatSettings, seeRocketchat } from './lib/chat/presence/rocketchat.ts';
import { salesforceSettings, seeSalesforce } from './lib/chat/presence/salesforce.ts';
import type { Seen } from './lib/chat/presence/seen.ts';
import { seeStatuspage, statuspageSettings } from './lib/chat/presence/statuspage.ts';
import { seeWidget, widgetSettings } from './lib/chat/presence/widget.ts';
import { discreet } from './lib/discretion.ts';
import { reach } from './lib/reach.ts';

const common = { ...reach, expect: z.strictObject({ certificate_days: certificateDays() }).prefault({}) };

const PRESETS =
  'write one of rocketchat, chatwoot, livechat, salesforce, statuspage, widget; or none, with url and online';

const schema = z.discriminatedUnion(
  'preset',
  [
    z.strictObject({ ...common, ...rocketchatSettings }),
    z
      .strictObject({ ...common, ...chatwootSettings })
      .refine(({ website_token: token, inbox }) => (token === undefined) !== (inbox === undefined), {
        path: ['website_token'],
        error: 'give either website_token or inbox',
      }),
    z.strictObject({ ...common, ...livechatSettings }),
    z.strictObject({ ...common, ...salesforceSettings }),
    z.strictObject({ ...common, ...statuspageSettings }),
    z.strictObject({ ...common, ...widgetSettings }),
    z.strictObject({ ...common, ...customSettings }),
  ],
  { error: PRESETS },
);
type Settings = z.output<typeof schema>;

export default defineProbe<Settings>({
  summary:
    'asks the chat vendor whether an agent is online, without a conversation; of other widgets only that they load',
  example: { preset: 'rocketchat', url: 'https://chat.example.id', department: 'wallet' },
  schema,
  phases: ['dns', 'connect', 'tls', 'first_byte', 'body'],
  host: (settings) => hostOf(settings),
  timeoutMs: 10_000,
  // The visitor that Chatwoot makes of us.
  remembers: true,
  look: async (settings, context) => {
    const { finding, certificate } = await see(settings, context);
    const soon = finding.kind === 'ok' ? expiring(certificate, settings.expect.certificate_days) : undefined;
    return discreet(soon === undefined ? finding : degraded(finding.rung, soon, finding), settings);
  },
});

function hostOf(settings: Settings): string | null {
  if (settings.preset !== 'widget') return settings.url.hostname;
  return settings.script?.hostname ?? settings.page?.hostname ?? null;
}

async function see(settings: Settings, context: ProbeContext): Promise<Seen> {
  switch (settings.preset) {
    case 'rocketchat':
      return await seeRocketchat(settings, context);
    case 'chatwoot':
      return await seeChatwoot(settings, context);
    case 'livechat':
      return await seeLivechat(settings, context);
    case 'salesforce':
      return await seeSalesforce(settings, context);
    case 'statuspage':
      return await seeStatuspage(settings, context);
    case 'widget':
      return await seeWidget(settings, context);
    case 'custom':
    case undefined:
      return await seeCustom(settings, context);
  }
}
