/** How a visitor introduces itself to a Chatwoot website widget, always as the same one. It says nothing to anybody. */
import { z } from 'zod';
import type { Memory } from '../../../src/core/probe.ts';
import { Secret, secret } from '../../../src/core/secret.ts';
import type { Reach } from '../reach.ts';
import { httpUrl } from '../request.ts';
import { ask, at, wordsOf } from './api.ts';
import type { Answer, Api } from './api.ts';
import { Visitor } from './visitor.ts';

/** The website token stands in every page with the widget, so it need not be a secret; it may be given as one. */
export const websiteToken = () =>
  z
    .union([secret(), z.string().regex(/^[\w-]{4,200}$/, 'write the website token as it stands in the page')])
    .meta({ description: 'website token of the widget, as in the page' });

export const chatwootUrl = () => httpUrl().meta({ description: 'address of the Chatwoot server' });

export const chatwootVisitor = () =>
  secret().optional().meta({
    description:
      'auth token of the one visitor that we are; absent: a contact is created once and used again, also after a restart',
  });

export interface ChatwootSettings extends Reach {
  readonly url: URL;
  readonly website_token: string | Secret;
  readonly visitor?: Secret | undefined;
}

export interface Widget {
  readonly api: Api;
  readonly query: Readonly<Record<string, string>>;
  readonly visitor: Visitor;
}

export function widgetOf(settings: ChatwootSettings, memory: Memory | undefined): Widget {
  const { url, website_token: token, visitor } = settings;
  const website = typeof token === 'string' ? token : token.reveal();
  return {
    api: { base: url, reach: settings, known: visitor !== undefined || typeof token !== 'string' },
    query: { website_token: website },
    visitor: new Visitor(['chatwoot', url.href, website], visitor, memory),
  };
}

export type Introduced = { readonly answer: Answer } & (
  { readonly ok: true; readonly token: Secret } | { readonly ok: false }
);

/**
 * Fetches the widget's configuration. Chatwoot creates a contact for whoever sends no token, and again for whoever sends one
 * that it has forgotten; so the newest is kept.
 */
export async function introduce(widget: Widget, visitor: Secret | undefined, signal: AbortSignal): Promise<Introduced> {
  const known = widget.visitor.token ?? visitor?.reveal();
  const answer = await ask(
    widget.api,
    {
      method: 'POST',
      path: '/api/v1/widget/config',
      query: widget.query,
      ...(known === undefined ? {} : { headers: authOf(new Secret(known, 'the visitor')) }),
      body: {},
    },
    signal,
  );
  const token = answer.ok ? wordsOf(at(answer.json, 'website_channel_config', 'auth_token')) : '';
  if (!/^[\w.~+/=-]{8,4000}$/.test(token)) return { ok: false, answer };
  widget.visitor.keep(token);
  return { ok: true, answer, token: new Secret(token, 'the visitor') };
}

export const authOf = (token: Secret) => ({ 'x-auth-token': token });
