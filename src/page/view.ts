/** What every view of the page is given: the snapshot, the instant and the language; and how time is written in markup. */
import type { Instant, Language } from '../core/model.ts';
import type { ProviderView, Snapshot } from '../core/snapshot.ts';
import type { Html } from './markup.ts';
import { html } from './markup.ts';
import { moment } from './times.ts';
import type { Words } from './words.ts';
import { en } from './words/en.ts';
import { id } from './words/id.ts';
import { zh } from './words/zh.ts';

export const WORDS: Readonly<Record<Language, Words>> = { id, en, zh };

export interface View {
  readonly snapshot: Snapshot;
  readonly now: Instant;
  readonly language: Language;
  readonly words: Words;
}

/** An instant for people and machines; the script adds the reader's own time where the zone is another. */
export function timeOf(at: Instant, zone: string, { now, words }: View, text = moment(at, zone, now, words)): Html {
  return html`<time datetime="${stamp(at)}">${text}</time>`;
}

/** ISO 8601 in UTC; an instant that no calendar has becomes the epoch rather than an exception. */
export function stamp(at: Instant): string {
  return new Date(Number.isFinite(at) && Math.abs(at) <= 8.64e15 ? at : 0).toISOString();
}

export const paths = {
  home: (language: Language) => `/${language}/`,
  provider: (language: Language, provider: Pick<ProviderView, 'id'>) =>
    `/${language}/${encodeURIComponent(provider.id)}/`,
  channel: (language: Language, provider: Pick<ProviderView, 'id'>, channel: string) =>
    `/${language}/${encodeURIComponent(provider.id)}/${encodeURIComponent(channel)}`,
  incident: (language: Language, incident: string) => `/${language}/incidents/${encodeURIComponent(incident)}`,
};
