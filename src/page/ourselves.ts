/** The operator's page about the monitor itself: what is wrong with it, and what was lately. It knows no channel. */
import type { Instant, OwnIncident, OwnTrouble } from '../core/model.ts';
import type { Panel } from '../core/panel.ts';
import { html } from './markup.ts';

const TROUBLES: Readonly<Record<OwnTrouble, string>> = {
  network: 'Our own network is lost',
  loop: 'Our own loop stood still',
  clock: 'Our own clock jumped',
  disk: 'The disk is full',
  store: 'The store cannot be written',
  file: 'The store was broken and begun anew',
  configuration: 'The configuration is refused',
};

export function ownPanel(incidents: () => readonly OwnIncident[], timezone: string): Panel {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, dateStyle: 'medium', timeStyle: 'long' });
  return {
    path: '/ourselves',
    title: 'Trouble of our own',
    html: () => {
      const all = incidents();
      if (all.length === 0)
        return '<p>Nothing is wrong with Ringback itself, and nothing was within fourteen days.</p>';
      const open = all.filter((each) => each.resolvedAt === undefined);
      const lead = open.length === 0 ? 'Nothing is wrong with Ringback itself now.' : `${open.length} of these now.`;
      return html`<p>${lead}</p>
        <ul>
          ${[...open, ...all.filter((each) => each.resolvedAt !== undefined)].map((each) => item(each, format))}
        </ul>`.text;
    },
  };
}

function item({ trouble, detail, openedAt, resolvedAt, spells }: OwnIncident, format: Intl.DateTimeFormat) {
  const time = (at: Instant) => html`<time datetime="${new Date(at).toISOString()}">${format.format(at)}</time>`;
  const times = spells > 1 ? `, ${spells} times` : '';
  return html`<li>
    <strong>${TROUBLES[trouble]}</strong> ${resolvedAt === undefined ? 'since' : 'from'}
    ${time(openedAt)}${resolvedAt === undefined ? undefined : html` to ${time(resolvedAt)}`}${times}: ${detail}
  </li>`;
}
