/** A page that another room puts on the operator listener. It knows neither the server nor how the page is framed. */

export interface Panel {
  /** Where it stands on the operator listener: one lower-case segment, such as `/demo`. */
  readonly path: string;
  readonly title: string;
  /**
   * What stands in the page's `<main>`, already escaped; the listener adds head, style sheet and headers. No script and no
   * inline style survives its Content-Security-Policy. Forms post to `path` (`<form method="post" action="/demo">`).
   */
  html(): string | Promise<string>;
  /** Takes a submitted form (first value of each field); the browser is then sent back to `path` with 303. */
  post?(form: Readonly<Record<string, string>>): Promise<void>;
}
