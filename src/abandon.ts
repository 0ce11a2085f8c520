/** Ends the part of targets that are no longer configured in incidents that are still open. It decides nothing itself. */
import { abandon } from './core/incident.ts';
import type { Ledger } from './core/ledger.ts';
import type { Channel, Incident, Instant, Provider } from './core/model.ts';
import { plan, type Route, type Setting } from './core/routing.ts';

export interface Configured {
  readonly providers: readonly Provider[];
  readonly routes: readonly Route[];
  readonly publicUrl?: string;
}

/** At start and after a reload: what nobody looks at any more cannot keep an incident open. */
export async function abandonGone(ledger: Ledger, configured: Configured, at: Instant): Promise<readonly Incident[]> {
  const targets = configured.providers.flatMap((provider) => provider.channels.flatMap((channel) => channel.targets));
  const ids = new Set(targets.map((target) => target.id));
  const changed: Incident[] = [];
  for (const open of await ledger.openIncidents()) {
    const amendment = await ledger.amend(open.id, (incident) => {
      const change = abandon(incident, (target) => ids.has(target), at);
      if (change === undefined) return undefined;
      return { ...plan(change, at, settingOf(incident, configured)), ...(change.update && { update: change.update }) };
    });
    if (amendment !== undefined) changed.push(amendment.incident);
  }
  return changed;
}

function settingOf(incident: Incident, { providers, routes, publicUrl }: Configured): Setting {
  const provider = providers.find((each) => each.id === incident.provider);
  const channels = provider?.channels ?? [];
  const channel = channels.find((each) => each.id === incident.channel) ?? goneChannel(incident);
  const { name, timezone } = provider ?? { name: incident.provider, timezone: 'UTC' };
  return { providerName: name, timezone, channel, channels, routes, publicUrl };
}

/** A channel of which nothing is left but its id. Private, so that no link leads to a page that is not there. */
function goneChannel({ channel: id, provider }: Incident): Channel {
  return {
    id,
    provider,
    kind: 'form',
    name: {},
    languages: [],
    hours: { weekly: '24/7', timezone: 'UTC', holidays: [], onHolidays: 'open', workdays: [] },
    maintenance: [],
    dependsOn: [],
    private: true,
    targets: [],
  };
}
