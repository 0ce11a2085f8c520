/** The two listeners: the public page and data, and the operator's side door. It routes and guards; what is said comes from others. */
import { randomBytes } from 'node:crypto';
import compression from 'compression';
import express from 'express';
import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { LANGUAGES } from './core/model.ts';
import type { Instant, Language } from './core/model.ts';
import type { Panel } from './core/panel.ts';
import type { Secret } from './core/secret.ts';
import type { Snapshot } from './core/snapshot.ts';
import type { Pages } from './page/pages.ts';
import { openDoor } from './server/door.ts';
import type { Door, Listen } from './server/door.ts';
import { bears, hostAllowed, sameOrigin, tokenInUrl } from './server/gate.ts';
import { openShelf, pack } from './server/shelf.ts';
import type { Encoding, Item } from './server/shelf.ts';

/** Told of what went wrong on our side; the reader sees only the id. */
export type Complaint = (id: string, error: unknown) => void;

export interface PublicOptions {
  /** The pages of `src/page/pages.ts`. */
  readonly pages: Pages;
  /** What is shown: the same object for as long as nothing changed, for pages are kept by it. */
  readonly snapshot: () => Snapshot;
  readonly listen: Listen;
  readonly now: () => Instant;
  readonly complain?: Complaint;
}

const HTML = 'text/html; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';
const FRESH = 'public, max-age=5, stale-if-error=300';
const FOR_EVER = 'public, max-age=31536000, immutable';
/** Spans such as "12 minutes" move on although nothing changed. */
const TICK_MS = 15_000;

/** Opens the public listener. Rejects when the port cannot be had. */
export async function openPublic(options: PublicOptions): Promise<Door> {
  return openDoor(publicApp(options), options.listen);
}

function publicApp(options: PublicOptions): Express {
  const { pages, snapshot, now } = options;
  const app = bareApp({ https: snapshot().publicUrl?.startsWith('https:') === true, referrer: 'no-referrer' });
  app.use(onlyReading, onlyPlainPaths);
  serveAssets(app, pages);

  const shelf = openShelf(() => {
    const shown = snapshot();
    const at = now();
    return [shown, Math.floor(at / TICK_MS), at - shown.generatedAt > shown.staleAfterMs];
  });
  const show = (request: Request, response: Response, name: string, make: () => string | undefined) => {
    const item = shelf.take(name, HTML, make);
    if (item === undefined) missing(request, response);
    else send(request, response, item, FRESH);
  };
  const missing = (request: Request, response: Response) => {
    const language = languageOf(request, snapshot());
    const item = shelf.take(`404 ${language}`, HTML, () => pages.notFound(snapshot(), now(), language));
    response.status(404).vary('Accept-Language');
    if (item !== undefined) send(request, response, item, 'public, max-age=5');
  };

  app.get('/', (request, response) => {
    const language = acceptedLanguage(request, snapshot());
    response.vary('Accept-Language').set('Content-Language', language);
    show(request, response, `home ${language}`, () => pages.home(snapshot(), now(), language));
  });
  app.get('/api/v2/*name', (request, response) => {
    const name = request.path.slice('/api/v2/'.length).replace(/\.json$/, '');
    const make = () => {
      const data = request.path.endsWith('.json') ? pages.data(snapshot(), now(), name) : undefined;
      return data === undefined ? undefined : JSON.stringify(data);
    };
    // Other sites show this status, as they do Statuspage's.
    response.set({ 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' });
    const item = shelf.take(`data ${name}`, JSON_TYPE, make);
    if (item !== undefined) send(request, response, item, FRESH);
    else response.status(404).type('json').send('{"error":"not found"}');
  });
  app.get('/:language/', (request, response, next) => {
    const language = spoken(request.params.language);
    if (language === undefined) return next();
    return show(request, response, `home ${language}`, () => pages.home(snapshot(), now(), language));
  });
  app.get('/:language/incidents/:id', (request, response, next) => {
    const { id } = request.params;
    const language = spoken(request.params.language);
    if (language === undefined) return next();
    const make = () => pages.incident(snapshot(), now(), language, id);
    return show(request, response, `incident ${language} ${id}`, make);
  });
  app.get('/:language/:provider/', (request, response, next) => {
    const { provider } = request.params;
    const language = spoken(request.params.language);
    if (language === undefined) return next();
    const make = () => pages.provider(snapshot(), now(), language, provider);
    return show(request, response, `provider ${language} ${provider}`, make);
  });
  app.get('/:language/:provider/:channel', (request, response, next) => {
    const { provider, channel } = request.params;
    const language = spoken(request.params.language);
    if (language === undefined) return next();
    const make = () => pages.channel(snapshot(), now(), language, { provider, channel });
    return show(request, response, `channel ${language} ${provider} ${channel}`, make);
  });
  app.use(missing);
  app.use(
    fail(options.complain, (request, response, id) => {
      response.type('html').send(pages.trouble(languageOf(request, undefined), id));
    }),
  );
  return app;
}

function serveAssets(app: Express, pages: Pages): void {
  const assets = new Map(pages.assets.map(({ path, type, body }) => [path, pack(type, body)]));
  app.get('/assets/:name', (request, response, next) => {
    const item = assets.get(request.path);
    if (item === undefined) return next();
    return send(request, response, item, FOR_EVER);
  });
}

/** Sends an item in the best form that the client takes; express adds 304, HEAD and the length. */
function send(request: Request, response: Response, item: Item, cache: string): void {
  const encoding = (request.acceptsEncodings(['br', 'gzip', 'identity']) || 'identity') as Encoding;
  response.vary('Accept-Encoding').set({ ETag: item.etag, 'Cache-Control': cache, 'Content-Type': item.type });
  if (encoding !== 'identity') response.set('Content-Encoding', encoding);
  response.send(item.bodies[encoding]);
}

function spoken(text: string): Language | undefined {
  return LANGUAGES.find((each) => each === text);
}

/** The language of the path, else of the browser: for pages that exist in no path. */
function languageOf(request: Request, snapshot: Snapshot | undefined): Language {
  return spoken(request.path.split('/')[1] ?? '') ?? acceptedLanguage(request, snapshot);
}

/** By Accept-Language; `in` is what old Android calls Indonesian. Nothing that we speak: the provider's first language. */
function acceptedLanguage(request: Request, snapshot: Snapshot | undefined): Language {
  const usual = snapshot?.providers[0]?.languages[0] ?? LANGUAGES[0];
  const offered = [usual, ...LANGUAGES.filter((each) => each !== usual), 'in'];
  const best = request.acceptsLanguages(offered);
  return best === 'in' ? 'id' : (spoken(best === false ? '' : best) ?? usual);
}

export interface Healthiness {
  readonly ok: boolean;
  readonly detail: unknown;
}

export interface OperatorOptions {
  readonly pages: Pages;
  readonly listen: Listen;
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
  /** Alive: the process does its work. */
  readonly healthz: () => Healthiness;
  /** Fresh: what we show can be believed. */
  readonly readyz: () => Healthiness;
  /** None: whoever reaches the listener may pass. */
  readonly tokens: readonly Secret[];
  /** Reads the configuration anew; a bad one changes nothing. */
  readonly reload?: () => Promise<{ readonly ok: boolean; readonly problems: readonly string[] }>;
  readonly panels: readonly Panel[];
  readonly complain?: Complaint;
}

const OPEN_ROUTES = ['/metrics', '/healthz', '/readyz'];
const FORM_LIMIT = { inflate: false, limit: 16_384, parameterLimit: 50, extended: false } as const;

/** Opens the operator listener. Rejects when the port cannot be had. */
export async function openOperator(options: OperatorOptions): Promise<Door> {
  return openDoor(operatorApp(options), options.listen);
}

function operatorApp(options: OperatorOptions): Express {
  const { pages, panels } = options;
  // `no-referrer` would turn the Origin of our own forms into `null`.
  const app = bareApp({ https: false, referrer: 'same-origin' });
  app.use(onlyPlainPaths, guard(options));
  serveAssets(app, pages);
  app.use((_, response, next) => {
    response.set('Cache-Control', 'no-store');
    next();
  });
  app.use(compression({ level: 6, threshold: 1_024 }));

  app.get('/', (_, response) => {
    response.type('html').send(pages.operator('Ringback', pages.directory(panels)));
  });
  app.get('/metrics', async (_, response) => {
    const { type, text } = await options.metrics();
    response.set('Content-Type', type).end(text);
  });
  app.get('/healthz', (_, response) => tell(response, options.healthz()));
  app.get('/readyz', (_, response) => tell(response, options.readyz()));
  app.post('/-/reload', ownForm, async (_, response) => {
    const { ok, problems } = (await options.reload?.()) ?? { ok: false, problems: ['nothing to reload'] };
    response.status(ok ? 200 : 422).json({ ok, problems });
  });
  for (const panel of panels) servePanel(app, panel, pages);
  app.use((_, response) => {
    response.status(404).type('text').send('Not found\n');
  });
  app.use(
    fail(options.complain, (_, response, id) => {
      response.type('text').send(`Something went wrong (${id}); the log says what.\n`);
    }),
  );
  return app;
}

function tell(response: Response, { ok, detail }: Healthiness): void {
  response.status(ok ? 200 : 503).json({ ok, detail });
}

function servePanel(app: Express, panel: Panel, pages: Pages): void {
  app.get(panel.path, async (_, response) => {
    response.type('html').send(pages.operator(panel.title, await panel.html()));
  });
  app.post(panel.path, ownForm, express.urlencoded(FORM_LIMIT), async (request, response) => {
    if (panel.post === undefined) return refuse(response, 405, 'This page takes no form.');
    if (request.is('urlencoded') === false) return refuse(response, 415, 'A form is expected.');
    await panel.post(fields(request.body));
    return response.redirect(303, panel.path);
  });
}

/** The first value of each field, without the names that reach into objects. */
function fields(body: unknown): Record<string, string> {
  const entries = Object.entries((body ?? {}) as Record<string, string | string[]>)
    .filter(([name]) => /^[\w.-]{1,64}$/.test(name) && !['__proto__', 'constructor', 'prototype'].includes(name))
    .map(([name, value]): [string, string] => [name, Array.isArray(value) ? (value[0] ?? '') : value]);
  return Object.fromEntries(entries);
}

/** A stranger's page can make a browser post to loopback: only forms of our own pages count. */
const ownForm: RequestHandler = (request, response, next) => {
  if (sameOrigin(request.headers)) return next();
  return refuse(response, 403, 'This form was sent from another page.');
};

function guard({ listen, tokens }: OperatorOptions): RequestHandler {
  return (request, response, next) => {
    if (!hostAllowed(request.headers, listen.host)) return refuse(response, 421, 'Unknown host.');
    if (tokenInUrl(request.originalUrl, tokens))
      return refuse(response, 400, 'A token belongs in the Authorization header.');
    const open = OPEN_ROUTES.includes(request.path) || request.path.startsWith('/assets/');
    if (open || tokens.length === 0 || bears(request.headers, tokens)) return next();
    response.set('WWW-Authenticate', 'Bearer');
    return refuse(response, 401, 'A token is needed: Authorization: Bearer …');
  };
}

function refuse(response: Response, status: number, text: string): void {
  response.status(status).set('Cache-Control', 'no-store').type('text').send(`${text}\n`);
}

/** An application with the headers that every answer carries, errors included. */
function bareApp({ https, referrer }: { https: boolean; referrer: 'no-referrer' | 'same-origin' }): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.set('trust proxy', false);
  app.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: POLICY },
      strictTransportSecurity: https ? { maxAge: 31_536_000 } : false,
      referrerPolicy: { policy: referrer },
      xFrameOptions: { action: 'deny' },
    }),
    (_, response, next) => {
      response.set('Permissions-Policy', NO_FEATURES);
      next();
    },
  );
  return app;
}

const SELF = ["'self'"];
const POLICY = {
  'default-src': ["'none'"],
  'script-src': SELF,
  'style-src': SELF,
  'img-src': [...SELF, 'data:'],
  'connect-src': SELF,
  'form-action': SELF,
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
  'require-trusted-types-for': ["'script'"],
  'trusted-types': ["'none'"],
};
const NO_FEATURES = ['camera', 'display-capture', 'geolocation', 'microphone', 'payment', 'usb']
  .map((each) => `${each}=()`)
  .join(', ');

const onlyReading: RequestHandler = (request, response, next) => {
  if (request.method === 'GET' || request.method === 'HEAD') return next();
  response.set('Allow', 'GET, HEAD');
  return refuse(response, 405, 'Method not allowed');
};

/**
 * Paths as our own links write them. An absolute-form target, two slashes at the start (a host, to some), a backslash, a NUL
 * and anything encoded twice or hiding a slash are asked for by nobody who means well.
 */
const onlyPlainPaths: RequestHandler = (request, response, next) => {
  const path = request.url.split('?')[0] ?? '';
  if (/^\/(?!\/)/.test(path) && !/\\|%(?:00|25|2f|5c)/i.test(path)) return next();
  return refuse(response, 400, 'Bad request');
};

/** The last handler: a fixed text and an id, never what the error says. */
function fail(
  complain: Complaint | undefined,
  say: (request: Request, response: Response, id: string) => void,
): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, request: Request, response: Response, _next: unknown) => {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const asked = statusOf(error);
    if (asked !== undefined) return refuse(response, asked, 'Bad request');
    const id = randomBytes(4).toString('hex');
    complain?.(id, error);
    response.status(500).set('Cache-Control', 'no-store');
    return say(request, response, id);
  };
}

/** The status of an error that the client made (a bad escape, a body too large), as express and its parsers mark it. */
function statusOf(error: unknown): number | undefined {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
