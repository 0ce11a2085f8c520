/** Shapes that say a state without colour: each state its own outline, drawn inline. It knows no text. */
import type { ChannelStatus } from '../core/model.ts';
import type { Mood } from './answer.ts';
import { Html } from './markup.ts';

/** Inside a box of 24: a filled outline, and the mark on it in the colour of the paper. */
const SHAPES: Readonly<Record<ChannelStatus, string>> = {
  operational: '<circle cx="12" cy="12" r="10"/><path class="mark" d="m7.5 12.5 3 3 6-6.5"/>',
  degraded_performance: '<path d="M12 2 23 21.5H1Z"/><path class="mark" d="M12 9v6m0 2.8v.4"/>',
  partial_outage: '<path d="M12 1 23 12 12 23 1 12Z"/><path class="mark" d="M12 6.5v7m0 3.3v.4"/>',
  major_outage: '<path d="M7.5 1.5h9l6 6v9l-6 6h-9l-6-6v-9Z"/><path class="mark" d="m8 8 8 8m0-8-8 8"/>',
  under_maintenance: '<rect x="2" y="2" width="20" height="20" rx="4"/><path class="mark" d="M9 8v8m6-8v8"/>',
  closed: '<path d="M14.5 2a10 10 0 1 0 7.5 14.2A9 9 0 0 1 14.5 2Z"/>',
  unknown:
    '<circle class="ring" cx="12" cy="12" r="9"/><path class="sign" d="M9.2 9.3a2.9 2.9 0 1 1 4 2.8c-.9.4-1.2.9-1.2 2m0 2.6v.3"/>',
};

const MOODS: Readonly<Record<Mood, ChannelStatus>> = {
  good: 'operational',
  mixed: 'degraded_performance',
  bad: 'major_outage',
  quiet: 'closed',
  unknown: 'unknown',
};

/** A state's shape; hidden from screen readers, for the word stands beside it. */
export function glyph(status: ChannelStatus): Html {
  return new Html(
    `<svg class="glyph" viewBox="0 0 24 24" aria-hidden="true" focusable="false">${SHAPES[status]}</svg>`,
  );
}

export function moodGlyph(mood: Mood): Html {
  return glyph(MOODS[mood]);
}

/** The kinds of tone that the style sheet colours. */
export const TONES: Readonly<Record<ChannelStatus, Mood>> = {
  operational: 'good',
  degraded_performance: 'mixed',
  partial_outage: 'mixed',
  major_outage: 'bad',
  under_maintenance: 'quiet',
  closed: 'quiet',
  unknown: 'unknown',
};
