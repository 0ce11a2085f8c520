/** The frame of the pages that stand outside the status page: the operator's, in English, and that of our own failure. */
import type { Language } from '../core/model.ts';
import type { Panel } from '../core/panel.ts';
import { STYLE } from './assets.ts';
import { Html, html } from './markup.ts';
import { WORDS, paths } from './view.ts';

/** `main` is markup already: it was escaped where it was made. */
export function operatorPage(title: string, main: string): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title} – Ringback</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${STYLE.path}" />
      </head>
      <body class="operator">
        <a class="skip" href="#main">Skip to content</a>
        <header class="top">
          <div class="bar"><a class="brand" href="/">Ringback operator</a></div>
        </header>
        <main id="main" tabindex="-1">
          <h1>${title}</h1>
          ${new Html(main)}
        </main>
      </body>
    </html> `.text;
}

const ROUTES = [
  { path: '/metrics', title: 'Metrics, for Prometheus' },
  { path: '/healthz', title: 'Health: the process does its work' },
  { path: '/readyz', title: 'Readiness: what is shown is fresh' },
];

/** The list of what the operator listener offers. */
export function directory(panels: readonly Pick<Panel, 'path' | 'title'>[]): string {
  const items = [...panels, ...ROUTES].map(({ path, title }) => html`<li><a href="${path}">${path}</a> ${title}</li>`);
  return html`<ul>
    ${items}
  </ul>`.text;
}

/** What a reader sees when something broke on our side: fixed words, and the id under which the log tells more. */
export function troublePage(language: Language, id: string): string {
  const words = WORDS[language];
  return html`<!doctype html>
    <html lang="${words.tag}">
      <head>
        <meta charset="utf-8" />
        <title>${words.trouble.title}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${STYLE.path}" />
      </head>
      <body>
        <main>
          <h1>${words.trouble.title}</h1>
          <p>${words.trouble.text} <span class="aside">(${id})</span></p>
          <p><a class="press strong" href="${paths.home(language)}">${words.notFound.home}</a></p>
        </main>
      </body>
    </html> `.text;
}
