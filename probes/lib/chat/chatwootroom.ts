/** Our one visitor's conversation in a Chatwoot website widget, over the API that the widget itself uses. It judges nobody's words. */
import { z } from 'zod';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import type { Fact, Instant } from '../../../src/core/model.ts';
import type { ProbeContext } from '../../../src/core/probe.ts';
import type { Secret } from '../../../src/core/secret.ts';
import { waitFacts } from '../answer.ts';
import type { Json } from '../json.ts';
import { ask, at, listOf, wordsOf } from './api.ts';
import { authOf, chatwootUrl, chatwootVisitor, introduce, websiteToken, widgetOf } from './chatwoot.ts';
import type { ChatwootSettings, Widget } from './chatwoot.ts';
import { isOpen } from './hours.ts';
import type { Fresh, News, Room } from './polled.ts';
import { said, turnedAway } from './rooms.ts';
import type { Entered } from './rooms.ts';

export const chatwootRoom = {
  preset: z.literal('chatwoot'),
  url: chatwootUrl(),
  website_token: websiteToken(),
  visitor: chatwootVisitor(),
};

/** Enters the conversation of our one visitor. Outside the hours that Chatwoot tells it says nothing to anybody. */
export async function enterChatwoot(
  settings: ChatwootSettings,
  { startedAt: now, memory }: Pick<ProbeContext, 'startedAt' | 'memory'>,
  signal: AbortSignal,
): Promise<Entered> {
  const widget = widgetOf(settings, memory);
  const introduced = await introduce(widget, settings.visitor, signal);
  const { answer } = introduced;
  if (!answer.ok) return turnedAway(answer, answer, answer.fault);
  if (!introduced.ok)
    return turnedAway(answer, answer, fault('CONTENT', 'the answer has no token for a visitor (auth_token)'));
  const config = at(answer.json, 'website_channel_config');
  const hours = hoursIn(config, now);
  const facts: Record<string, Fact> = hours === undefined ? {} : { working_hours: hours ? 'open' : 'closed' };
  const away = wordsOf(at(config, 'out_of_office_message'));
  if (hours === false) {
    const why = fault('OUT_OF_OFFICE', 'Chatwoot says that these are no working hours');
    return turnedAway(answer, answer, why, { isClosed: true, facts });
  }
  const room = new ChatwootTalk(widget, introduced.token, away);
  // The same visitor's conversation goes on from look to look: what stands in it already is nobody's answer to this one.
  const lost = await room.catchUp(signal);
  if (lost !== undefined) return turnedAway(answer, answer, lost, { facts });
  return { ok: true, first: answer.went, facts, room };
}

function hoursIn(config: Json | undefined, now: Instant): boolean | undefined {
  if (at(config, 'working_hours_enabled') !== true) return undefined;
  return isOpen(at(config, 'working_hours'), wordsOf(at(config, 'timezone')), now);
}

/** Chatwoot's own numbers for kinds of messages. */
const [INCOMING, OUTGOING, ACTIVITY, TEMPLATE] = [0, 1, 2, 3];
/** Templates that ask something of the visitor, or show something: no words of anybody. */
const FORMS = /^(?:input_|cards$|form$|article$|integrations$)/;

class ChatwootTalk implements Room {
  readonly #widget: Widget;
  readonly #token: Secret;
  readonly #away: string;
  #newest = 0;
  #greeted = false;
  constructor(widget: Widget, token: Secret, away: string) {
    this.#widget = widget;
    this.#token = token;
    this.#away = away.trim();
  }

  async say(words: string, signal: AbortSignal): Promise<Fault | undefined> {
    const { api, query } = this.#widget;
    const body = { message: { content: words, timestamp: new Date().toString(), referer_url: '' } };
    const headers = authOf(this.#token);
    const path = '/api/v1/widget/messages';
    const answer = await ask(api, { method: 'POST', path, query, headers, body }, signal);
    return answer.ok ? undefined : answer.fault;
  }

  async catchUp(signal: AbortSignal): Promise<Fault | undefined> {
    const fresh = await this.#fresh(signal);
    return fresh.ok ? undefined : fresh.fault;
  }

  async news(signal: AbortSignal): Promise<News> {
    const fresh = await this.#fresh(signal);
    return fresh.ok ? { ok: true, said: fresh.messages.map((each) => ({ raw: this.#said(each) })) } : fresh;
  }

  async #fresh(signal: AbortSignal): Promise<Fresh> {
    const { api, visitor } = this.#widget;
    // Older servers do not know `after` and send the newest twenty: each is looked at by its number as well.
    const query = { ...this.#widget.query, ...(this.#newest === 0 ? {} : { after: String(this.#newest) }) };
    const answer = await ask(api, { path: '/api/v1/widget/messages', query, headers: authOf(this.#token) }, signal);
    if (!answer.ok) {
      // Our contact is gone: next time we are introduced anew.
      if (answer.went.reply?.status === 404) visitor.forget();
      return { ok: false, fault: answer.fault, ...waitFacts(answer.went.reply, Date.now()) };
    }
    const messages = listOf(Array.isArray(answer.json) ? answer.json : at(answer.json, 'payload'))
      .filter((each) => idOf(each) > this.#newest)
      .toSorted((a, b) => idOf(a) - idOf(b));
    this.#newest = Math.max(this.#newest, ...messages.map(idOf));
    return { ok: true, messages };
  }

  /** Resolved by the visitor, where the widget lets visitors do so; otherwise Chatwoot's own clock has to. */
  async leave(signal: AbortSignal): Promise<boolean> {
    const { api, query } = this.#widget;
    const path = '/api/v1/widget/conversations/toggle_status';
    const answer = await ask(api, { path, query, headers: authOf(this.#token) }, signal);
    return answer.ok;
  }

  #said(message: Json): string {
    const text = wordsOf(at(message, 'content'));
    const name = wordsOf(at(message, 'sender', 'name'));
    const type = at(message, 'message_type');
    if (type === INCOMING) return said('message', 'visitor', { text });
    if (type === ACTIVITY || FORMS.test(wordsOf(at(message, 'content_type'))))
      return said('system', 'system', { text });
    if (text.trim() !== '' && text.trim() === this.#away) return said('out_of_office', 'system', { text });
    if (type === TEMPLATE) {
      // Sent by rule to whoever writes: the first is a greeting, the others ask for an address or an opinion.
      const isFirst = !this.#greeted;
      this.#greeted = true;
      return isFirst ? said('greeting', 'bot', { text }) : said('system', 'system', { text });
    }
    // Only a user of the desk is a person: bots and assistants have types of their own.
    const isPerson = type === OUTGOING && at(message, 'sender', 'type') === 'user';
    return said('message', isPerson ? 'agent' : 'bot', { name, text });
  }
}

function idOf(message: Json): number {
  const id = at(message, 'id');
  return typeof id === 'number' && Number.isSafeInteger(id) ? id : 0;
}
