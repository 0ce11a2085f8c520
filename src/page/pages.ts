/** All pages that the public can ask for, as text: what main hands to the server. It knows no socket and no header. */
import type { Instant, Language } from '../core/model.ts';
import type { Panel } from '../core/panel.ts';
import type { ProviderView, Snapshot } from '../core/snapshot.ts';
import { answer, nameOf } from './answer.ts';
import type { Answer } from './answer.ts';
import type { Asset } from './assets.ts';
import { SCRIPT, STYLE } from './assets.ts';
import { card, detail, press } from './channel.ts';
import { moodGlyph } from './glyph.ts';
import { page } from './layout.ts';
import type { Html } from './markup.ts';
import { contactLink, contactText, html, said, webLink } from './markup.ts';
import { directory, operatorPage, troublePage } from './operator.ts';
import * as sections from './sections.ts';
import { v2 } from './statuspage.ts';
import type { View } from './view.ts';
import { WORDS, paths, timeOf } from './view.ts';

/** What the server asks for. A page that does not exist is `undefined`: what is private is not in the snapshot at all. */
export interface Pages {
  home(snapshot: Snapshot, now: Instant, language: Language): string;
  provider(snapshot: Snapshot, now: Instant, language: Language, provider: string): string | undefined;
  channel(snapshot: Snapshot, now: Instant, language: Language, at: ChannelPath): string | undefined;
  incident(snapshot: Snapshot, now: Instant, language: Language, id: string): string | undefined;
  notFound(snapshot: Snapshot, now: Instant, language: Language): string;
  /** For when something broke on our side: needs no snapshot, for that may be what broke. */
  trouble(language: Language, id: string): string;
  /** The v2 JSON by its name, such as `summary` or `incidents/unresolved`. */
  data(snapshot: Snapshot, now: Instant, name: string): unknown;
  /** The frame of a page on the operator listener. */
  operator(title: string, main: string): string;
  /** The list of what the operator listener offers. */
  directory(panels: readonly Pick<Panel, 'path' | 'title'>[]): string;
  readonly assets: readonly Asset[];
}

export interface ChannelPath {
  readonly provider: string;
  readonly channel: string;
}

const view = (snapshot: Snapshot, now: Instant, language: Language): View => ({
  snapshot,
  now,
  language,
  words: WORDS[language],
});

export const pages: Pages = {
  home(snapshot, now, language) {
    const [only, ...others] = snapshot.providers;
    const seen = view(snapshot, now, language);
    if (only !== undefined && others.length === 0) return providerPage(only, seen, paths.home);
    return overview(seen);
  },
  provider(snapshot, now, language, id) {
    const provider = snapshot.providers.find((each) => each.id === id);
    if (provider === undefined) return undefined;
    return providerPage(provider, view(snapshot, now, language), (each) => paths.provider(each, provider));
  },
  channel(snapshot, now, language, at) {
    const provider = snapshot.providers.find((each) => each.id === at.provider);
    return provider && channelPage(provider, at.channel, view(snapshot, now, language));
  },
  incident(snapshot, now, language, id) {
    const provider = snapshot.providers.find((each) => each.incidents.some((one) => one.id === id));
    return provider && incidentPage(provider, id, view(snapshot, now, language));
  },
  notFound: (snapshot, now, language) => notFoundPage(view(snapshot, now, language)),
  trouble: troublePage,
  data: (snapshot, now, name) => v2(snapshot, now, name),
  operator: operatorPage,
  directory,
  assets: [STYLE, SCRIPT],
};

function providerPage(provider: ProviderView, seen: View, here: (language: Language) => string): string {
  const { words, language, snapshot } = seen;
  const name = said(provider.name, 60);
  const main = html`${hero(provider, seen)} ${sections.safety(seen)}
    <section aria-labelledby="channels">
      <h2 id="channels">${words.labels.channels}</h2>
      <div class="cards">${provider.channels.map((each) => card(each, provider, seen))}</div>
    </section>
    <div class="columns">
      ${sections.ready(seen)} ${sections.fallbacks(provider, seen)} ${sections.notices(provider, seen)}
      ${sections.maintenances(provider, seen)} ${sections.incidents(provider, seen)}
    </div>
    ${snapshot.providers.length > 1 ? html`<p><a href="${paths.home(language)}">${words.allProviders}</a></p>` : undefined}`;
  return page({ title: words.title(name), main, here, zone: provider.timezone }, seen);
}

/** The one sentence, with what to press now. */
function hero(provider: ProviderView, seen: View): Html {
  const { words, now, snapshot } = seen;
  const told = answer(snapshot, provider, now, words);
  const home = webLink(provider.homepage);
  const name = said(provider.name, 60);
  return html`<section class="hero tone-${told.mood}" aria-labelledby="answer">
    <h1><bdi>${words.heading(name)}</bdi></h1>
    <div class="answer">
      ${moodGlyph(told.mood)}
      <p id="answer">${told.lead}</p>
    </div>
    ${
      told.rest.length > 0
        ? html`<ul class="rest">
            ${told.rest.map((each) => html`<li>${each}</li>`)}
          </ul>`
        : undefined
    }
    ${ways(told, seen)}
    ${
      told.fallbacks && provider.fallbacks.length > 0
        ? html`<p>${words.answer.fallbacks}</p>
            ${sections.fallbackList(provider, seen)}`
        : undefined
    }
    <p class="aside">
      ${words.generated('')}${timeOf(snapshot.generatedAt, provider.timezone, seen)}${
        home === undefined ? undefined : html` · <a href="${home}" rel="nofollow noopener">${words.labels.homepage}</a>`
      }
    </p>
  </section>`;
}

/** At most two buttons, each of a kind of its own: more is a list, and the list is below; two of one name are no choice. */
function ways(told: Answer, { words }: View): Html | undefined {
  const linked = told.ways.filter(({ contact }) => contactLink(contact) !== undefined);
  const kinds = linked.map(({ kind }) => kind);
  const first = linked.filter(({ kind }, at) => kinds.indexOf(kind) === at);
  const buttons = first.flatMap((channel) => {
    const link = contactLink(channel.contact);
    if (link === undefined || channel.contact === undefined) return [];
    const direct = channel.kind === 'phone' || channel.kind === 'email';
    const text = direct ? contactText(channel.contact) : '';
    return [press({ status: 'operational' }, link, words.act[channel.kind], text)];
  });
  if (buttons.length === 0) return undefined;
  return html`<p class="ways">${buttons.slice(0, 2)}</p>`;
}

function overview(seen: View): string {
  const { words, snapshot, now, language } = seen;
  const items = snapshot.providers.map((each) => {
    const told = answer(snapshot, each, now, words);
    return html`<article class="card tone-${told.mood}">
      <h2>
        <a href="${paths.provider(language, each)}"><bdi>${said(each.name, 60)}</bdi></a>
      </h2>
      <p class="state">${moodGlyph(told.mood)}<span>${told.lead}</span></p>
    </article>`;
  });
  const main = html`<h1>${words.overview.heading}</h1>
    <p>${words.overview.lead}</p>
    <div class="cards">${items}</div>
    ${sections.safety(seen)}`;
  return page({ title: words.overview.title, main, here: paths.home, zone: zoneOf(snapshot) }, seen);
}

function channelPage(provider: ProviderView, id: string, seen: View): string | undefined {
  const { words } = seen;
  const channel = provider.channels.find((each) => each.id === id);
  if (channel === undefined) return undefined;
  const name = said(nameOf(channel, words), 60);
  const own = {
    ...provider,
    incidents: provider.incidents.filter((each) => (each.channels ?? [each.channel]).includes(id)),
  };
  const main = html`${back(provider, seen)}
    <h1><bdi>${name}</bdi> <span class="of">${said(provider.name, 60)}</span></h1>
    ${detail(channel, provider, seen)} ${sections.safety(seen)}
    <div class="columns">${sections.ready(seen)} ${sections.incidents(own, seen)}</div>`;
  const title = `${name} – ${words.title(said(provider.name, 60))}`;
  return page({ title, main, here: (each) => paths.channel(each, provider, id), zone: channel.timezone }, seen);
}

function incidentPage(provider: ProviderView, id: string, seen: View): string | undefined {
  const { words } = seen;
  const found = provider.incidents.find((each) => each.id === id);
  if (found === undefined) return undefined;
  const title = words.incident.title(sections.channelNames(provider, found, seen));
  const main = html`${back(provider, seen)}
    <h1><bdi>${title}</bdi></h1>
    ${sections.incident(found, provider, seen)}${sections.safety(seen)}`;
  return page({ title, main, here: (each) => paths.incident(each, id), zone: provider.timezone }, seen);
}

function back(provider: ProviderView, { words, language }: View): Html {
  return html`<p class="back">
    <a href="${paths.provider(language, provider)}">← ${words.labels.back(said(provider.name, 60))}</a>
  </p>`;
}

function notFoundPage(seen: View): string {
  const { words, language, snapshot } = seen;
  const { title, text, home } = words.notFound;
  const main = html`<h1>${title}</h1>
    <p>${text}</p>
    <p><a class="press strong" href="${paths.home(language)}">${home}</a></p>`;
  return page({ title, main, here: paths.home, zone: zoneOf(snapshot) }, seen);
}

function zoneOf(snapshot: Snapshot): string {
  return snapshot.providers[0]?.timezone ?? 'UTC';
}
