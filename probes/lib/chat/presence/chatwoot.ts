/** Presence of a Chatwoot inbox: which agents are online, and the working hours that Chatwoot itself tells. It says nothing. */
import { z } from 'zod';
import { fault, printable } from '../../../../src/core/fault.ts';
import type { Fact } from '../../../../src/core/model.ts';
import type { ProbeContext } from '../../../../src/core/probe.ts';
import { secret } from '../../../../src/core/secret.ts';
import type { Secret } from '../../../../src/core/secret.ts';
import type { Json } from '../../json.ts';
import type { Reach } from '../../reach.ts';
import { ask, at, listOf, wordsOf } from '../api.ts';
import { chatwootUrl, chatwootVisitor, introduce, websiteToken, widgetOf } from '../chatwoot.ts';
import { isOpen } from '../hours.ts';
import { refused, seen } from './seen.ts';
import type { Seen } from './seen.ts';

export const chatwootSettings = {
  preset: z.literal('chatwoot'),
  url: chatwootUrl(),
  website_token: websiteToken().optional(),
  inbox: z
    .union([secret(), z.string().regex(/^[\w-]{4,200}$/, 'write the identifier of the API inbox')])
    .optional()
    .meta({ description: 'identifier of an API inbox, instead of website_token: only its hours can be known' }),
  visitor: chatwootVisitor(),
};

export interface ChatwootPresence extends Reach {
  readonly url: URL;
  readonly website_token?: string | Secret | undefined;
  readonly inbox?: string | Secret | undefined;
  readonly visitor?: Secret | undefined;
}

export async function seeChatwoot(settings: ChatwootPresence, context: ProbeContext): Promise<Seen> {
  const { website_token: token, inbox } = settings;
  if (token !== undefined) return await seeWebsite({ ...settings, website_token: token }, context);
  return await seeInbox(settings, inbox === undefined || typeof inbox === 'string' ? inbox : inbox.reveal(), context);
}

async function seeWebsite(
  settings: ChatwootPresence & { readonly website_token: string | Secret },
  { signal, startedAt, memory }: ProbeContext,
): Promise<Seen> {
  const widget = widgetOf(settings, memory);
  const members = await ask(widget.api, { path: '/api/v1/widget/inbox_members', query: widget.query }, signal);
  if (!members.ok) return refused([members], members.fault);
  const introduced = await introduce(widget, settings.visitor, signal);
  const { answer } = introduced;
  if (!answer.ok) return refused([members, answer], answer.fault);
  const agents = listOf(at(members.json, 'payload')).filter((each) => at(each, 'availability_status') === 'online');
  const config = at(answer.json, 'website_channel_config');
  if (config === undefined)
    return refused([members, answer], fault('CONTENT', 'the answer has no configuration of a widget'));
  const hours = hoursOf(config, startedAt);
  const facts = { ...hours.facts, agents_online: agents.length };
  const told = { known: 'presence', online: agents.length > 0, facts } as const;
  if (hours.open === false)
    return seen([members, answer], {
      ...told,
      why: fault('OUT_OF_OFFICE', 'Chatwoot says that these are no working hours'),
    });
  if (agents.length > 0) return seen([members, answer], told);
  // Within its hours the widget promises an answer, whoever is online: messages are taken and wait.
  const partly = hours.open === true;
  const why = fault(
    'UNAVAILABLE',
    `Chatwoot says that no agent is online${partly ? ', within its working hours' : ''}`,
  );
  return seen([members, answer], { ...told, why, partly });
}

async function seeInbox(settings: ChatwootPresence, inbox = '', { signal, startedAt }: ProbeContext): Promise<Seen> {
  const api = { base: settings.url, reach: settings, known: false };
  const answer = await ask(api, { path: `/public/api/v1/inboxes/${encodeURIComponent(inbox)}` }, signal);
  if (!answer.ok) return refused([answer], answer.fault);
  if (typeof at(answer.json, 'working_hours_enabled') !== 'boolean')
    return refused([answer], fault('CONTENT', 'the answer describes no inbox of Chatwoot'));
  const { open, facts } = hoursOf(answer.json, startedAt);
  const told = { known: 'working hours', online: null, facts } as const;
  if (open !== false) return seen([answer], told);
  return seen([answer], { ...told, why: fault('OUT_OF_OFFICE', 'Chatwoot says that these are no working hours') });
}

/** `open` is undefined where no hours are kept, or none that can be understood. */
function hoursOf(json: Json, now: number): { readonly open?: boolean; readonly facts: Record<string, Fact> } {
  if (at(json, 'working_hours_enabled') !== true) return { facts: { working_hours: 'not kept' } };
  const timezone = wordsOf(at(json, 'timezone'));
  const open = isOpen(at(json, 'working_hours'), timezone, now);
  if (open === undefined) return { facts: { working_hours: 'not understood' } };
  return { open, facts: { working_hours: open ? 'open' : 'closed', timezone: printable(timezone).slice(0, 60) } };
}
