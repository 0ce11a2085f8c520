/** The report of a period as one document that asks nobody for anything: figures, charts, tables. It knows no store. */
import {
  incidentsOf,
  lasting,
  lastingOr,
  NOT_KNOWN,
  NOTES,
  percent,
  period,
  points,
  titleOf,
} from '../core/figures.ts';
import type { ChannelQuality, ProviderQuality, Quality } from '../core/quality.ts';
import { dayChart, legend, PATTERNS } from './chart.ts';
import { Html, html, said } from './markup.ts';
import { css } from './style.ts';
import { compared, dayTable, incidentTable, region, wide } from './reporttables.ts';
import { reportCss } from './reportstyle.ts';
import { stamp } from './view.ts';

/** The whole document: no script, no request. */
export function reportPage(quality: Quality): string {
  const title = `Support quality: ${period(quality)}`;
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        />
        <link rel="icon" href="data:," />
        <style>
          ${new Html(css + reportCss)}
        </style>
      </head>
      <body>
        <a class="skip" href="#main">Skip to content</a>
        <header class="top">
          <div class="bar"><span class="brand">Ringback</span></div>
        </header>
        ${PATTERNS}
        <main id="main" tabindex="-1">
          ${hero(quality)} ${quality.providers.map((each) => summary(each, quality))} ${compared(quality)}
          ${quality.providers.map(details)}
          <section class="notes" aria-labelledby="notes">
            <h2 id="notes">How to read this</h2>
            <ul>
              ${NOTES.map((each) => html`<li>${each}</li>`)}
            </ul>
          </section>
        </main>
        <footer class="foot">
          <p>
            Written <time datetime="${stamp(quality.generatedAt)}">${stamp(quality.generatedAt)}</time> by Ringback,
            from its own looks at the channels.
          </p>
        </footer>
      </body>
    </html> `;
  return document.text;
}

function hero(quality: Quality): Html {
  const channels = quality.providers.flatMap((provider) => provider.channels.map((channel) => ({ provider, channel })));
  return html`<section class="hero tone-quiet" aria-labelledby="title">
    <h1 id="title">Support quality: ${period(quality)}</h1>
    <p class="lead">${lead(channels)}</p>
    <p class="aside">
      Compared with ${period(quality.before)}.
      ${quality.unfinished ? html`<strong>The period is not over: figures are up to now.</strong>` : undefined}
    </p>
    ${legend()}
  </section>`;
}

function lead(channels: readonly { readonly provider: ProviderQuality; readonly channel: ChannelQuality }[]): Html {
  const known = channels.filter(({ channel }) => channel.promised.ratio !== undefined);
  if (known.length === 0) return html`Nothing is known of this period: nobody looked.`;
  const [worst] = known.toSorted((a, b) => (a.channel.promised.ratio ?? 1) - (b.channel.promised.ratio ?? 1));
  const blank = channels.length - known.length;
  const rest = blank === 0 ? '' : ` Of ${blank} of ${channels.length} channels nothing is known.`;
  if (worst === undefined || worst.channel.promised.downMs === 0)
    return html`No channel was unreachable in the promised hours that we saw.${rest}`;
  const { provider, channel } = worst;
  const well = known.filter((each) => each.channel.promised.downMs === 0).length;
  return html`${well === 0 ? 'None' : well} of ${known.length} channels could be reached in all promised hours that we
    saw. The worst was <bdi>${said(provider.name)}</bdi>: <bdi>${said(titleOf(channel))}</bdi>, unreachable for
    ${lasting(channel.promised.downMs)} (${percent(channel.promised.ratio)}).${rest}`;
}

const HEAD = ['Promised hours', 'Calendar', 'Unreachable', 'Limited', 'Unknown', 'Maintenance', 'Incidents'];
const PACES = ['Detect', 'Answer', 'Recover'];

function summary(provider: ProviderQuality, quality: Quality): Html {
  const id = `sum-${provider.id}`;
  const head = [...HEAD, ...PACES].map((each) => html`<th scope="col">${each}</th>`);
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}"><bdi>${said(provider.name)}</bdi></h2>
    ${region(
      `Figures of ${provider.name}`,
      html`<table>
        <thead>
          <tr>
            <th scope="col" class="text">Channel</th>
            ${head}
          </tr>
        </thead>
        <tbody>
          ${provider.channels.map(summaryRow)}
        </tbody>
      </table>`,
    )}
    <p class="aside">In small type: ${period(quality.before)}. Clock: ${provider.timezone}.</p>
  </section>`;
}

function summaryRow(channel: ChannelQuality): Html {
  const { promised, calendar, pace, before } = channel;
  const { shares } = promised;
  return html`<tr>
    <th scope="row"><bdi>${said(titleOf(channel))}</bdi></th>
    <td><span class="main-figure">${percent(promised.ratio)}</span>${change(promised.ratio, before.promised.ratio)}</td>
    <td>${percent(calendar.ratio)}${change(calendar.ratio, before.calendar.ratio)}</td>
    <td>
      ${promised.ratio === undefined ? '–' : html`<span class="${promised.downMs > 0 ? 'bad-figure' : ''}">${lasting(promised.downMs)}</span>`}
    </td>
    <td>${promised.ratio === undefined ? '–' : lasting(promised.limitedMs)}</td>
    <td>${shares === undefined ? '–' : percent(shares.unknown)}</td>
    <td>${shares === undefined ? '–' : percent(shares.maintenance)}</td>
    <td>${incidentsOf(channel)}<small>${incidentsOf(before)}</small></td>
    <td>${lastingOr(pace.detectMs)}<small>${lastingOr(before.pace.detectMs)}</small></td>
    <td>${lastingOr(pace.answer?.medianMs)}<small>${lastingOr(before.pace.answer?.medianMs)}</small></td>
    <td>${lastingOr(pace.recoverMs)}<small>${lastingOr(before.pace.recoverMs)}</small></td>
  </tr>`;
}

/** In percentage points, with its direction as a shape and a word. */
function change(now: number | undefined, before: number | undefined): Html | undefined {
  const difference = points(now, before);
  if (difference === undefined || now === undefined || before === undefined) return html`<small>no comparison</small>`;
  if (difference.startsWith('±')) return html`<small>as before</small>`;
  const better = now > before;
  return html`<small class="${better ? 'better' : 'worse'}">${better ? '▲' : '▼'} ${difference} points</small>`;
}

function details(provider: ProviderQuality): Html {
  const id = `more-${provider.id}`;
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}"><bdi>${said(provider.name)}</bdi>, channel by channel</h2>
    ${provider.channels.map((each) => channelPart(each, provider))}
  </section>`;
}

function channelPart(channel: ChannelQuality, provider: ProviderQuality): Html {
  const { id, promised, weekly, timezone } = channel;
  const title = titleOf(channel);
  return html`<article class="channel tone-${toneOf(channel)}" aria-labelledby="${id}">
    <h3 id="${id}"><bdi>${said(title)}</bdi> <span class="aside">${weekly}, ${timezone}</span></h3>
    ${tiles(channel)}
    <figure>
      <figcaption>What became of the promised hours of each day; a dash is a day without any.</figcaption>
      ${wide(`Chart of ${title}`, dayChart(channel.days, `${title}, day by day: ${percent(promised.ratio)} of promised hours. The table below has the figures.`))}
    </figure>
    <details>
      <summary>Figures day by day</summary>
      ${dayTable(channel, title)}
    </details>
    ${incidentTable(channel, provider)}
  </article>`;
}

function toneOf({ promised }: ChannelQuality): string {
  if (promised.ratio === undefined) return 'unknown';
  if (promised.ratio >= 0.999) return 'good';
  return promised.ratio >= 0.99 ? 'mixed' : 'bad';
}

function tiles({ promised, calendar, pace, before }: ChannelQuality): Html {
  const tile = (term: string, value: string, small: Html | string | undefined): Html =>
    html`<div class="tile">
      <dt>${term}</dt>
      <dd>${value}${typeof small === 'string' ? html`<small>${small}</small>` : small}</dd>
    </div>`;
  const { answer } = pace;
  return html`<dl class="tiles">
    ${tile('Reachable when promised', percent(promised.ratio), change(promised.ratio, before.promised.ratio))}
    ${tile('Of the calendar', percent(calendar.ratio), change(calendar.ratio, before.calendar.ratio))}
    ${tile('Unreachable', promised.ratio === undefined ? NOT_KNOWN : lasting(promised.downMs), `before: ${before.promised.ratio === undefined ? NOT_KNOWN : lasting(before.promised.downMs)}`)}
    ${tile('To detect', lastingOr(pace.detectMs), `before: ${lastingOr(before.pace.detectMs)}`)}
    ${tile('To answer', lastingOr(answer?.medianMs), answer === undefined ? 'nobody answered' : `95 %: ${lasting(answer.p95Ms)}; before: ${lastingOr(before.pace.answer?.medianMs)}`)}
    ${tile('To recover', lastingOr(pace.recoverMs), `before: ${lastingOr(before.pace.recoverMs)}`)}
  </dl>`;
}
