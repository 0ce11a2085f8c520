/** One way to reach support as a card and as a page of its own: state, contact, hours, wait, cause, what to do. */
import type { Cause } from '../core/model.ts';
import type { ChannelView, ProviderView } from '../core/snapshot.ts';
import { counsel } from './advice.ts';
import { answer, maintenanceEnd, nameInSentence, nameOf, opening, waitOf } from './answer.ts';
import { TONES, glyph } from './glyph.ts';
import type { Html } from './markup.ts';
import { NOTHING, contactLink, contactText, html, said } from './markup.ts';
import { clock, date, hours, moment, promise, span, weekly } from './times.ts';
import type { View } from './view.ts';
import { paths, timeOf } from './view.ts';

/** A card in the list of a provider. */
export function card(channel: ChannelView, provider: ProviderView, view: View): Html {
  const name = said(nameOf(channel, view.words), 60);
  const anchor = `c-${channel.id}`;
  return html`<article class="card tone-${TONES[channel.status]}" aria-labelledby="${anchor}">
    <h3 id="${anchor}">
      <a href="${paths.channel(view.language, provider, channel.id)}"><bdi>${name}</bdi></a>
    </h3>
    ${state(channel, view)} ${contact(channel, view)} ${facts(channel, view)} ${trouble(channel, provider, view)}
    ${todo(channel, provider, view, 'h4')}
  </article>`;
}

/** Everything about one channel, for its own page. */
export function detail(channel: ChannelView, provider: ProviderView, view: View): Html {
  return html`<div class="card tone-${TONES[channel.status]}">
    ${state(channel, view)} ${contact(channel, view)} ${facts(channel, view, true)} ${trouble(channel, provider, view)}
    ${todo(channel, provider, view, 'h2')}
  </div>`;
}

/** The state in a word, with its shape, and since when. */
function state(channel: ChannelView, view: View): Html {
  const { words, now } = view;
  const since =
    channel.since === undefined || channel.status === 'unknown'
      ? undefined
      : words.since(moment(channel.since, channel.timezone, now, words), span(now - channel.since, words));
  const old = channel.stale ? html` <span class="aside">${words.labels.stale}</span>` : undefined;
  return html`<p class="state">
    ${glyph(channel.status)}<span
      ><strong>${words.statuses[channel.status]}</strong>${
        since === undefined ? undefined : html` <span class="aside">${since}</span>`
      }${old}</span
    >
  </p>`;
}

/** The official contact as something to press, with the day on which somebody verified it. */
function contact(channel: ChannelView, { words }: View): Html {
  if (channel.contact === undefined) return NOTHING;
  const link = contactLink(channel.contact);
  const checked = channel.contactChecked;
  const proof =
    checked === undefined
      ? undefined
      : html`<span class="proof">${words.labels.checked(date(said(checked, 40), words))}</span>`;
  const text = contactText(channel.contact);
  if (link === undefined)
    return html`<p class="contact">
      <span class="plain"><bdi>${text}</bdi></span
      >${proof}
    </p>`;
  return html`<p class="contact">${press(channel, link, words.act[channel.kind], text)}${proof}</p>`;
}

/** A contact as a button: the verb, and what it will open. */
export function press(channel: Pick<ChannelView, 'status'>, link: string, verb: string, text: string): Html {
  const strong = channel.status === 'operational' ? 'press strong' : 'press';
  return html`<a class="${strong}" href="${link}" rel="nofollow noopener"><span>${verb}</span> <bdi>${text}</bdi></a>`;
}

function facts(channel: ChannelView, view: View, all = false): Html {
  const { words } = view;
  const rows: (Html | undefined)[] = [
    row(words.labels.hours, today(channel, view)),
    waited(channel, view),
    all && !channel.always
      ? row(words.labels.weekly, html`<bdi>${said(weekly(channel.weekly, words))}</bdi>`)
      : undefined,
    all && channel.languages.length > 0
      ? row(words.labels.languages, html`${channel.languages.map((each) => words.languages[each]).join(', ')}`)
      : undefined,
    cost(channel, view),
    all ? row(words.labels.tested, html`${words.rungs[channel.rung]}`) : undefined,
    all && channel.lastSeenAt !== undefined
      ? row(words.labels.seen, timeOf(channel.lastSeenAt, channel.timezone, view))
      : undefined,
  ];
  return html`<dl>${rows}</dl>`;
}

function row(label: string, value: Html): Html {
  return html`<div>
    <dt>${label}</dt>
    <dd>${value}</dd>
  </div>`;
}

/** Hours of today in the provider's zone, and what comes next; each an instant for the script to add the reader's time. */
function today(channel: ChannelView, view: View): Html {
  const { words, now } = view;
  const zone = channel.timezone;
  if (channel.always) return html`${words.always}${next(channel, view)}`;
  if (channel.today.length === 0) return html`${words.closedToday}${next(channel, view)}`;
  const spans = channel.today.map(
    ({ from, until }, at) =>
      html`${at > 0 ? ', ' : ''}<span data-from="${from}" data-until="${until}"
          >${hours(from, until, zone, words)}</span
        >`,
  );
  // While open the end is already in the hours; while closed the next opening is what is asked.
  return html`${spans}${channel.status === 'closed' || now >= (channel.today.at(-1)?.until ?? 0) ? next(channel, view) : undefined}`;
}

function next(channel: ChannelView, view: View): Html | undefined {
  const { words, now } = view;
  const change = channel.nextChange;
  if (change === undefined) return undefined;
  const time = moment(change.at, channel.timezone, now, words);
  const say = { open: words.opens, closed: words.closes, maintenance: words.maintenanceStarts }[change.to];
  return html` <span class="aside">${say(time)}</span>`;
}

function waited(channel: ChannelView, { words }: View): Html | undefined {
  const measured = waitOf(channel, words);
  const usable = channel.status === 'operational' || channel.status === 'degraded_performance';
  if (measured === undefined || !usable || channel.kind === 'announcements') return undefined;
  const promised =
    channel.promiseMs === undefined
      ? undefined
      : html` <span class="aside">${words.labels.promised(promise(channel.promiseMs, words))}</span>`;
  return row(words.labels.wait, html`${measured}${promised}`);
}

function cost(channel: ChannelView, { words, language }: View): Html | undefined {
  const text = channel.cost?.[language] ?? channel.cost?.en ?? channel.cost?.id;
  return text === undefined ? undefined : row(words.labels.cost, html`<bdi>${said(text, 80)}</bdi>`);
}

/** Why it does not work, as one of the enumerated reasons: nothing of what the probe itself said. */
function trouble(channel: ChannelView, provider: ProviderView, view: View): Html {
  const { words, language } = view;
  if (channel.cause === undefined || channel.status === 'operational') return NOTHING;
  const more =
    channel.incident === undefined
      ? undefined
      : html` <a href="${paths.incident(language, channel.incident)}">${words.labels.incident}</a>`;
  return html`<p class="cause">${reason(channel, channel.cause, provider, view)}${more}</p>`;
}

/** What is known of the whole disruption says more than the cause alone, where it is the same. */
function reason(channel: ChannelView, cause: Cause, provider: ProviderView, { words, language }: View): string {
  if (channel.status === 'closed' || channel.status === 'under_maintenance') return words.incident.suspended;
  const incident = provider.incidents.find((each) => each.id === channel.incident);
  return (incident?.cause === cause ? incident.why?.[language] : undefined) ?? words.causes[cause];
}

function todo(channel: ChannelView, provider: ProviderView, view: View, level: 'h2' | 'h4'): Html {
  const { words } = view;
  if (channel.kind === 'announcements' || channel.kind === 'community') return NOTHING;
  const [best] = answer(view.snapshot, provider, view.now, words).ways;
  const { instead, advice } = counsel(channel, provider, best);
  const items = [
    ...timely(channel, provider, view),
    ...(instead === undefined ? [] : [words.alternative(nameInSentence(instead, { provider, words }))]),
    ...advice.map((each) => words.advice[each]),
  ].map((text) => html`<li>${text}</li>`);
  const title = level === 'h2' ? html`<h2>${words.labels.tryThis}</h2>` : html`<h4>${words.labels.tryThis}</h4>`;
  return html`<div class="todo">
    ${title}
    <ul>
      ${items}
    </ul>
  </div>`;
}

/** When to come back: the opening of a closed channel, the end of maintenance. */
function timely(channel: ChannelView, provider: ProviderView, { words, now }: View): string[] {
  const who = { names: nameInSentence(channel, { provider, words }), many: false };
  if (channel.status === 'closed') {
    const at = opening(channel);
    return at === undefined ? [] : [words.answer.closed(who, moment(at, channel.timezone, now, words))];
  }
  if (channel.status !== 'under_maintenance') return [];
  const end = maintenanceEnd(channel, { provider, now });
  return end === undefined ? [] : [words.answer.maintenance(who, clock(end, channel.timezone, words))];
}
