/** What stands below the channels: other official ways, what to have ready, announcements, maintenance, past disruptions. */
import type { ChannelStatus } from '../core/model.ts';
import type { IncidentView, NoticeView, ProviderView, UpdateView } from '../core/snapshot.ts';
import { nameOf } from './answer.ts';
import { glyph } from './glyph.ts';
import type { Html } from './markup.ts';
import { NOTHING, contactLink, contactText, html, said, webLink } from './markup.ts';
import { date, moment, span } from './times.ts';
import type { View } from './view.ts';
import { paths, timeOf } from './view.ts';
import type { Words } from './words.ts';

export function safety({ words }: View): Html {
  return html`<aside class="safety">
    <p><strong>${words.safety.title}</strong> ${words.safety.text}</p>
  </aside>`;
}

export function ready({ words }: View): Html {
  return html`<section aria-labelledby="ready">
    <h2 id="ready">${words.labels.ready}</h2>
    <ul class="ready">
      ${words.ready.map((each) => html`<li>${each}</li>`)}
    </ul>
  </section>`;
}

/** The official ways that are not the provider's own: each with its source and the day it was verified. */
export function fallbackList(provider: ProviderView, { words, language }: View): Html {
  const items = provider.fallbacks.map((each) => {
    const link = contactLink(each.contact);
    const source = webLink(each.source);
    const name = said(each.name[language] ?? each.name.en ?? each.name.id ?? each.contact, 80);
    const text = contactText(each.contact);
    return html`<li>
      <bdi>${name}</bdi> ${
        link === undefined
          ? html`<bdi class="plain">${text}</bdi>`
          : html`<a class="press" href="${link}" rel="nofollow noopener"><bdi>${text}</bdi></a>`
      }
      <span class="proof"
        >${words.labels.checked(date(said(each.checked, 40), words))}${
          source === undefined
            ? undefined
            : html` · <a href="${source}" rel="nofollow noopener">${words.labels.source}</a>`
        }</span
      >
    </li>`;
  });
  return html`<ul class="fallbacks">
    ${items}
  </ul>`;
}

export function fallbacks(provider: ProviderView, view: View): Html {
  if (provider.fallbacks.length === 0) return NOTHING;
  const { words } = view;
  return html`<section aria-labelledby="fallbacks">
    <h2 id="fallbacks">${words.labels.fallbacks}</h2>
    <p>${words.labels.fallbacksLead}</p>
    ${fallbackList(provider, view)}
  </section>`;
}

/** Announcements are quoted: the title is data, the link is followed only when it is a web address. */
export function notices(provider: ProviderView, view: View): Html {
  const { words } = view;
  if (provider.notices.length === 0) return NOTHING;
  return html`<section aria-labelledby="notices">
    <h2 id="notices">${words.labels.notices}</h2>
    <p>${words.labels.noticesLead}</p>
    <ul class="list">
      ${provider.notices.slice(0, 10).map((each) => notice(each, provider, view))}
    </ul>
  </section>`;
}

function notice(each: NoticeView, provider: ProviderView, view: View): Html {
  const { words, now } = view;
  const link = webLink(each.link);
  const title = html`<bdi>${said(each.title)}</bdi>`;
  const zone = provider.timezone;
  const window =
    each.from === undefined
      ? undefined
      : html`<br /><span class="aside"
            >${
              each.until === undefined
                ? moment(each.from, zone, now, words)
                : words.fromUntil(moment(each.from, zone, now, words), moment(each.until, zone, now, words))
            }${doubtOf(each, words)}</span
          >`;
  return html`<li>
    <span class="tag">${words.notices[each.kind]}</span> ${
      link === undefined ? title : html`<a href="${link}" rel="nofollow noopener">${title}</a>`
    }${each.publishedAt === undefined ? undefined : html` <span class="aside">${timeOf(each.publishedAt, zone, view)}</span>`}${window}
  </li>`;
}

/** What of a window was read into the words, or may be. */
function doubtOf({ zoneExplicit, ambiguous }: NoticeView, { labels }: View['words']): string {
  if (!zoneExplicit) return ` ${labels.zoneAssumed}`;
  return ambiguous === true ? ` ${labels.windowDoubtful}` : '';
}

/** Maintenance that is running or still to come. */
export function maintenances(provider: ProviderView, view: View): Html {
  const { words, now } = view;
  const ahead = provider.maintenances.filter((each) => each.until > now).slice(0, 10);
  if (ahead.length === 0) return NOTHING;
  const items = ahead.map(
    (each) =>
      html`<li>
        ${glyph('under_maintenance')}<span
          ><bdi>${channelName(provider, each.channel, view)}</bdi><br /><span class="aside"
            >${words.fromUntil(
              moment(each.from, provider.timezone, now, words),
              moment(each.until, provider.timezone, now, words),
            )}</span
          ></span
        >
      </li>`,
  );
  return html`<section aria-labelledby="maintenance">
    <h2 id="maintenance">${words.labels.maintenance}</h2>
    <ul class="list marked tone-quiet">
      ${items}
    </ul>
  </section>`;
}

export function incidents(provider: ProviderView, view: View): Html {
  const { words } = view;
  const items = provider.incidents.slice(0, 20).map((each) => incidentItem(each, provider, view));
  return html`<section aria-labelledby="incidents">
    <h2 id="incidents">${words.labels.incidents}</h2>
    ${
      items.length === 0
        ? html`<p>${words.labels.incidentsNone}</p>`
        : html`<ul class="list marked">
            ${items}
          </ul>`
    }
  </section>`;
}

function incidentItem(each: IncidentView, provider: ProviderView, view: View): Html {
  const { words, now, language } = view;
  const { mark, tone, state } = stateOf(each, words);
  const lasted = span((each.resolvedAt ?? now) - each.openedAt, words);
  return html`<li class="tone-${tone}">
    ${glyph(mark)}<span
      ><a href="${paths.incident(language, each.id)}"
        ><bdi>${channelNames(provider, each, view)}</bdi>:
        ${each.impact === 'outage' ? words.incident.outage : words.incident.degraded}</a
      ><br /><span class="aside">${state} · ${timeOf(each.openedAt, provider.timezone, view)} · ${lasted}</span></span
    >
  </li>`;
}

/** A word, a shape and a colour for what a disruption has come to. */
function stateOf(each: IncidentView, words: Words): { mark: ChannelStatus; tone: string; state: string } {
  if (each.resolvedAt !== undefined) return { mark: 'operational', tone: 'good', state: words.incident.resolved };
  if (each.mendedAt !== undefined) return { mark: 'operational', tone: 'good', state: words.incident.mended };
  const isOutage = each.impact === 'outage';
  return {
    mark: isOutage ? 'major_outage' : 'degraded_performance',
    tone: isOutage ? 'bad' : 'mixed',
    state: words.incident.open,
  };
}

/** All channels that a disruption took with it. */
export function channelNames(provider: ProviderView, { channel, channels }: IncidentView, view: View): string {
  const ids = channels === undefined || channels.length === 0 ? [channel] : channels;
  const list = new Intl.ListFormat(view.words.locale, { type: 'conjunction' });
  return list.format(ids.map((id) => channelName(provider, id, view)));
}

/** A channel's name by its id; the id where the channel is gone from the configuration. */
function channelName(provider: ProviderView, id: string, { words }: View): string {
  const channel = provider.channels.find((each) => each.id === id);
  return said(channel === undefined ? id : nameOf(channel, words), 60);
}

/** One disruption, from its first failing look to its end. The public is told the enumerated reason and nothing more. */
export function incident(each: IncidentView, provider: ProviderView, view: View): Html {
  const { words } = view;
  const { mark, tone, state } = stateOf(each, words);
  const updates = each.updates
    .toSorted((a, b) => b.at - a.at)
    .map(
      (update) =>
        html`<li>${timeOf(update.at, provider.timezone, view)} ${happened(update, each, provider, view)}</li>`,
    );
  return html`<div class="card tone-${tone}">
      <p class="state">
        ${glyph(mark)}<span
          ><strong>${state}</strong>
          <span class="aside">${each.impact === 'outage' ? words.incident.outage : words.incident.degraded}</span></span
        >
      </p>
      ${each.suspended === true ? html`<p>${words.incident.suspended}</p>` : undefined}
      <dl>${incidentFacts(each, provider, view)}</dl>
    </div>
    <section aria-labelledby="timeline">
      <h2 id="timeline">${words.incident.timeline}</h2>
      <ol class="timeline">
        ${updates}
      </ol>
    </section>`;
}

function incidentFacts(each: IncidentView, provider: ProviderView, view: View): readonly (Html | undefined)[] {
  const { words, now, language } = view;
  const zone = provider.timezone;
  const lastedMs = (each.resolvedAt ?? now) - each.openedAt;
  const { promisedMs = lastedMs } = each;
  const fact = (label: string, value: Html | string): Html =>
    html`<div>
      <dt>${label}</dt>
      <dd>${value}</dd>
    </div>`;
  return [
    (each.channels ?? []).length < 2
      ? undefined
      : fact(words.incident.affected, html`<bdi>${channelNames(provider, each, view)}</bdi>`),
    fact(words.labels.cause, each.why?.[language] ?? words.causes[each.cause]),
    fact(words.incident.began, timeOf(each.openedAt, zone, view)),
    each.resolvedAt === undefined ? undefined : fact(words.incident.ended, timeOf(each.resolvedAt, zone, view)),
    fact(words.incident.lasted, span(lastedMs, words)),
    // A minute more or less is nobody's concern.
    lastedMs - promisedMs < 60_000 ? undefined : fact(words.incident.promised, span(promisedMs, words)),
  ];
}

/** A step of the story; another channel that is drawn in is named. */
function happened({ change, channel }: UpdateView, each: IncidentView, provider: ProviderView, view: View): string {
  const { words } = view;
  const isOther = change === 'joined' && channel !== undefined && channel !== each.channel;
  return isOther ? words.incident.joins(channelName(provider, channel, view)) : words.incident.changes[change];
}
