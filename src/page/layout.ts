/** The frame of every public page: head, banners, languages, footer. It knows no channel. */
import { LANGUAGES } from '../core/model.ts';
import type { Language } from '../core/model.ts';
import { isStale } from './answer.ts';
import type { Asset } from './assets.ts';
import { SCRIPT, STYLE } from './assets.ts';
import type { Html } from './markup.ts';
import { NOTHING, html } from './markup.ts';
import { span } from './times.ts';
import type { View } from './view.ts';
import { WORDS, paths, timeOf } from './view.ts';

export interface Frame {
  readonly title: string;
  readonly main: Html;
  /** The path of the same page in a language, for the switch. */
  readonly here: (language: Language) => string;
  readonly zone: string;
}

const linkTo = (asset: Asset) => asset.path;

/** The whole document. */
export function page(frame: Frame, view: View): string {
  const { words, language, snapshot } = view;
  const document = html`<!doctype html>
    <html lang="${words.tag}">
      <head>
        <meta charset="utf-8" />
        <title>${frame.title}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="theme-color" content="#f5f6f3" media="(prefers-color-scheme: light)" />
        <meta name="theme-color" content="#12161a" media="(prefers-color-scheme: dark)" />
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${linkTo(STYLE)}" />
        ${LANGUAGES.map((each) => html`<link rel="alternate" hreflang="${WORDS[each].tag}" href="${frame.here(each)}" /> `)}
        <script type="module" src="${linkTo(SCRIPT)}"></script>
      </head>
      <body
        data-generated="${snapshot.generatedAt}"
        data-stale-after="${snapshot.staleAfterMs}"
        data-your-time="${words.labels.yourTime}"
      >
        <a class="skip" href="#main">${words.skip}</a>
        <header class="top">
          <div class="bar">
            <a class="brand" href="${paths.home(language)}"
              ><svg class="bell" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                <path
                  d="M12 2.5a6.5 6.5 0 0 0-6.5 6.5v4.200L3.5 17.5h17l-2-4.300V9A6.5 6.5 0 0 0 12 2.5ZM9.5 19.300a2.5 2.5 0 0 0 5 0Z"
                /></svg
              >Ringback</a
            >
            ${switcher(frame, view)}
          </div>
        </header>
        ${banners(view)}
        <main id="main" tabindex="-1">${frame.main}</main>
        <footer class="foot">
          <p>${words.generated('')}${timeOf(snapshot.generatedAt, frame.zone, view)}${age(view)}</p>
          <p>${words.about} ${words.zones}</p>
          <p><a href="/api/v2/summary.json">${words.data}</a></p>
        </footer>
      </body>
    </html> `;
  return document.text;
}

function switcher(frame: Frame, { language, words }: View): Html {
  const items = LANGUAGES.map((each) => {
    const there = WORDS[each];
    return each === language
      ? html`<li><a href="${frame.here(each)}" lang="${there.tag}" aria-current="true">${there.self}</a></li>`
      : html`<li><a href="${frame.here(each)}" lang="${there.tag}" hreflang="${there.tag}">${there.self}</a></li>`;
  });
  return html`<nav class="languages" aria-label="${words.languageNav}">
    <ul>
      ${items}
    </ul>
  </nav>`;
}

/** Said above everything: the data is old, or we are blind. The script unhides the first when the page itself grows old. */
function banners({ snapshot, now, words }: View): Html {
  const stale = isStale(snapshot, now);
  return html`<div role="status">
    <p class="banner" id="stale" ${stale ? NOTHING : html` hidden`}>${words.staleBanner}</p>
    ${snapshot.blind && !stale ? html`<p class="banner">${words.blindBanner}</p>` : undefined}
  </div>`;
}

/** The age is written only when it matters: a fresh page is cached for seconds and would lie. */
function age({ snapshot, now, words }: View): Html | undefined {
  return isStale(snapshot, now) ? html` (${words.age(span(now - snapshot.generatedAt, words))})` : undefined;
}
