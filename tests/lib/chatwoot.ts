/** A stand-in for Chatwoot's website widget that follows its published controllers: a contact for whoever has no token, 404, 403. */
import { createHash } from 'node:crypto';
import { openDesk, sent } from './desk.ts';
import type { Answered, Asked, Desk } from './desk.ts';

export interface Says {
  readonly afterMs?: number;
  readonly content: string;
  /** `user` is a person of the desk. */
  readonly by?: 'user' | 'agent_bot' | 'captain_assistant';
  /** 1 outgoing, 2 activity, 3 template. */
  readonly type?: number;
  readonly content_type?: string;
}

export interface Manner {
  agents: readonly ('online' | 'busy' | 'offline')[];
  /** Open all day or closed all day, every day; undefined: no hours are kept. */
  hours: 'open' | 'closed' | undefined;
  answers: readonly Says[];
  /** Whether visitors may end a conversation. */
  endsConversation: boolean;
}

export interface ChatwootDesk extends Desk {
  readonly manner: Manner;
  /** Auth tokens of contacts, in the order in which they were created. */
  readonly contacts: Set<string>;
  readonly conversations: readonly { readonly contact: string; status: 'open' | 'resolved' }[];
}

export const WEBSITE = 'wEbS1teT0ken4567';
export const INBOX = 'iNb0xIdent1f1er';
export const AWAY = 'Kami kembali besok pagi.';

interface Conversation {
  readonly contact: string;
  status: 'open' | 'resolved';
  readonly messages: Record<string, unknown>[];
}

export async function openChatwoot(manner: Partial<Manner> = {}): Promise<ChatwootDesk> {
  const state: Manner = { agents: ['online'], hours: undefined, answers: [], endsConversation: true, ...manner };
  const contacts = new Set<string>();
  const conversations: Conversation[] = [];
  let ids = 0;

  const tokenOf = ({ headers }: Asked) => String(headers['x-auth-token'] ?? '');
  const days = () =>
    Array.from({ length: 7 }, (_, day) => ({
      ...{ day_of_week: day, open_hour: 9, open_minutes: 0, close_hour: 17, close_minutes: 0 },
      ...{ open_all_day: state.hours === 'open', closed_all_day: state.hours === 'closed' },
    }));
  const hours = () => ({
    ...{ working_hours: days(), working_hours_enabled: state.hours !== undefined, timezone: 'Asia/Jakarta' },
  });
  const configure = (asked: Asked): Answered => {
    let token = tokenOf(asked);
    if (!contacts.has(token)) {
      const digest = createHash('sha256')
        .update(String((ids += 1)))
        .digest('base64url');
      token = `eyJhbGciOiJIUzI1NiJ9.eyJ9.${digest}`;
      contacts.add(token);
    }
    const channel = { ...hours(), auth_token: token, out_of_office_message: AWAY, reply_time: 'in_a_few_minutes' };
    return { body: { website_channel_config: channel, contact: { id: 1, pubsub_token: 'pubsub-secret-1' } } };
  };
  const own = (asked: Asked) => conversations.findLast((each) => each.contact === tokenOf(asked));
  const add = (conversation: Conversation, message: Record<string, unknown>) => {
    const whole = { id: (ids += 1), content_type: 'text', created_at: Math.floor(Date.now() / 1_000), ...message };
    conversation.messages.push(whole);
    return whole;
  };
  const list = (asked: Asked): Answered => {
    const after = Number(asked.query['after'] ?? 0);
    const messages = own(asked)?.messages.filter((each) => Number(each['id']) > after) ?? [];
    return { body: { payload: after === 0 ? messages.slice(-20) : messages, meta: { contact_last_seen_at: null } } };
  };
  const speak = (asked: Asked): Answered => {
    let conversation = own(asked);
    if (conversation === undefined) {
      conversation = { contact: tokenOf(asked), status: 'open', messages: [] };
      conversations.push(conversation);
    }
    const room = conversation;
    room.status = 'open';
    const sender = { id: 1, name: 'spring-sun-1', type: 'contact' };
    const message = add(room, { content: sent(asked.body, 'message', 'content'), message_type: 0, sender });
    for (const { afterMs = 0, content, by, type = 1, content_type: kind = 'text' } of state.answers) {
      const from = by === undefined ? {} : { sender: { id: 7, name: by === 'user' ? 'Sari' : 'Didi', type: by } };
      setTimeout(() => add(room, { content, message_type: type, content_type: kind, ...from }), afterMs).unref();
    }
    return { body: message };
  };
  const resolve = (asked: Asked): Answered => {
    if (!state.endsConversation) return { status: 403, body: '' };
    const room = own(asked);
    if (room === undefined) return { status: 404, body: '' };
    room.status = 'resolved';
    return { body: '' };
  };

  const open: Readonly<Record<string, (asked: Asked) => Answered>> = {
    'GET /api/v1/widget/inbox_members': () => ({
      body: { payload: state.agents.map((status, at) => ({ name: `Agent ${at}`, availability_status: status })) },
    }),
    'POST /api/v1/widget/config': configure,
  };
  const forContacts: typeof open = {
    'GET /api/v1/widget/messages': list,
    'POST /api/v1/widget/messages': speak,
    'GET /api/v1/widget/conversations/toggle_status': resolve,
  };
  const missing = { status: 404, body: { error: 'Resource could not be found' } };
  const desk = await openDesk((asked) => {
    if (asked.path === `/public/api/v1/inboxes/${INBOX}`) return { body: { name: 'API', ...hours() } };
    if (asked.query['website_token'] !== WEBSITE) return missing;
    const name = `${asked.method} ${asked.path}`;
    const route = open[name] ?? (contacts.has(tokenOf(asked)) ? forContacts[name] : undefined);
    return route === undefined ? missing : route(asked);
  });
  return { ...desk, manner: state, contacts, conversations };
}
