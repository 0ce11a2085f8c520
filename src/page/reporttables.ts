/** The tables of a report: days, incidents, providers against each other. A chart never stands without one. */
import {
  clockTime,
  comparisons,
  incidentsOf,
  lasting,
  lastingOr,
  nameOf,
  percent,
  type Compared,
} from '../core/figures.ts';
import type { ChannelQuality, DayFigures, Lapse, ProviderQuality, Quality } from '../core/quality.ts';
import { comparisonChart } from './chart.ts';
import { html, said, type Html } from './markup.ts';
import { stamp } from './view.ts';
import { en } from './words/en.ts';

/** A table that may be wider than the screen scrolls by itself, by the keyboard too. */
export function region(label: string, table: Html): Html {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${said(label)}">${table}</div>`;
}

/** A chart too: made small to fit a phone, nobody could read it. */
export function wide(label: string, chart: Html): Html {
  return html`<div class="wide" role="region" tabindex="0" aria-label="${said(label)}">${chart}</div>`;
}

export function dayTable({ days }: ChannelQuality, title: string): Html {
  return region(
    `${title}, day by day`,
    html`<table>
      <thead>
        <tr>
          <th scope="col" class="text">Day</th>
          <th scope="col">Promised hours</th>
          <th scope="col">Calendar</th>
          <th scope="col">Reachable</th>
          <th scope="col">Limited</th>
          <th scope="col">Unreachable</th>
          <th scope="col">Maintenance</th>
          <th scope="col">Unknown</th>
        </tr>
      </thead>
      <tbody>
        ${days.map(dayRow)}
      </tbody>
    </table>`,
  );
}

function dayRow({ date, promised, calendar }: DayFigures): Html {
  const nothing = promised.shares === undefined;
  return html`<tr>
    <th scope="row"><time datetime="${date}">${date}</time></th>
    <td>${nothing ? 'none promised' : percent(promised.ratio)}</td>
    <td>${calendar.shares === undefined ? '–' : percent(calendar.ratio)}</td>
    <td>${lasting(promised.upMs)}</td>
    <td>${lasting(promised.limitedMs)}</td>
    <td>${lasting(promised.downMs)}</td>
    <td>${lasting(promised.maintenanceMs)}</td>
    <td>${lasting(promised.unknownMs)}</td>
  </tr>`;
}

export function incidentTable({ lapses, id, name }: ChannelQuality, { timezone }: ProviderQuality): Html {
  if (lapses.length === 0) return html`<p class="aside">No incident.</p>`;
  return region(
    `Incidents of ${nameOf(name, id)}`,
    html`<table>
      <caption>
        ${lapses.length === 1 ? 'One incident' : `${lapses.length} incidents`}
      </caption>
      <thead>
        <tr>
          <th scope="col" class="text">Began</th>
          <th scope="col">In promised hours</th>
          <th scope="col">Lasted</th>
          <th scope="col">Noticed after</th>
          <th scope="col" class="text">What</th>
          <th scope="col" class="text">Cause and evidence</th>
        </tr>
      </thead>
      <tbody>
        ${lapses.map((each) => lapseRow(each, timezone))}
      </tbody>
    </table>`,
  );
}

function lapseRow(lapse: Lapse, timezone: string): Html {
  const { since, until, impact, cause, because, promisedMs, lastedMs, detectMs } = lapse;
  return html`<tr>
    <th scope="row"><time datetime="${stamp(since)}">${clockTime(since, timezone)}</time></th>
    <td class="main-figure">${lasting(promisedMs)}</td>
    <td>${lasting(lastedMs)}${until === undefined ? html`<small>goes on</small>` : undefined}</td>
    <td>${lasting(detectMs)}</td>
    <td class="text">${impact === 'outage' ? 'Unreachable' : 'Slow or limited'}</td>
    <td class="text long">
      ${en.causes[cause]}<small><bdi>${said(because, 300)}</bdi></small>
    </td>
  </tr>`;
}

export function compared(quality: Quality): Html | undefined {
  const found = comparisons(quality);
  if (found.length === 0) return undefined;
  return html`<section aria-labelledby="compared">
    <h2 id="compared">Against the other providers</h2>
    ${found.map(kindPart)}
  </section>`;
}

function kindPart({ kind, rows }: Compared): Html {
  const word = kind.charAt(0).toUpperCase() + kind.slice(1).replaceAll('_', ' ');
  const bars = rows.map(({ provider, channel }) => ({
    name: `${provider.name}: ${nameOf(channel.name, channel.id)}`,
    now: channel.promised,
    before: channel.before.promised,
  }));
  const best = bars.map(({ name, now }) => `${name} ${percent(now.ratio)}`).join(', ');
  return html`<article class="channel tone-quiet" aria-labelledby="kind-${kind}">
    <h3 id="kind-${kind}">${word}</h3>
    <figure>
      <figcaption>Unreachable in promised hours, and availability; the upright line is the period before.</figcaption>
      ${wide(`Chart, ${word}`, comparisonChart(bars, `Unreachable time in promised hours, ${word}: ${best}`))}
    </figure>
    ${region(
      `Comparison, ${word}`,
      html`<table>
        <thead>
          <tr>
            <th scope="col" class="text">Provider and channel</th>
            <th scope="col">Promised hours</th>
            <th scope="col">Before</th>
            <th scope="col">Unreachable</th>
            <th scope="col">Unknown</th>
            <th scope="col">Incidents</th>
            <th scope="col">Detect</th>
            <th scope="col">Answer</th>
            <th scope="col">Recover</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(({ provider, channel }) => comparedRow(provider, channel))}
        </tbody>
      </table>`,
    )}
  </article>`;
}

function comparedRow(provider: ProviderQuality, { name, id, promised, before, pace }: ChannelQuality): Html {
  return html`<tr>
    <th scope="row"><bdi>${said(provider.name)}</bdi>: <bdi>${said(nameOf(name, id))}</bdi></th>
    <td class="main-figure">${percent(promised.ratio)}</td>
    <td>${percent(before.promised.ratio)}</td>
    <td>${promised.ratio === undefined ? '–' : lasting(promised.downMs)}</td>
    <td>${promised.shares === undefined ? '–' : percent(promised.shares.unknown)}</td>
    <td>${incidentsOf({ promised, pace })}</td>
    <td>${lastingOr(pace.detectMs)}</td>
    <td>${lastingOr(pace.answer?.medianMs)}</td>
    <td>${lastingOr(pace.recoverMs)}</td>
  </tr>`;
}
