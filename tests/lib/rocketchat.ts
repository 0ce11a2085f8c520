/** A stand-in for Rocket.Chat's live chat that follows its published REST API: unknown queries refused, 400 with words, limits. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openDesk, sent } from './desk.ts';
import type { Answered, Asked, Desk } from './desk.ts';

/** What somebody says after a visitor's message. */
export interface Says {
  readonly afterMs?: number;
  readonly msg: string;
  /** Default: the agent who serves the room. */
  readonly by?: 'agent' | 'integration' | 'rocket.cat' | 'robot';
  /** A message of the system, such as `uj` or `livechat-close`. */
  readonly t?: string;
  /** A clock that is wrong. */
  readonly ts?: string;
}

export interface Manner {
  enabled: boolean;
  online: boolean;
  /** Nobody serves the room; with a place, the queue says which. */
  queue: { readonly spot?: number; readonly seconds?: number } | undefined;
  answers: readonly Says[];
  /** Questions of one kind that are answered before 429. */
  limit: number;
  /** How long the history takes once the visitor has spoken. */
  slowMs: number;
}

interface Room {
  readonly id: string;
  readonly token: string;
  open: boolean;
  readonly messages: Record<string, unknown>[];
}

export interface RocketchatDesk extends Desk {
  readonly manner: Manner;
  readonly rooms: readonly Room[];
  readonly visitors: Set<string>;
  /** What visitors said. */
  readonly heard: readonly string[];
}

const QUERIES: Readonly<Record<string, readonly string[]>> = {
  '/api/v1/livechat/config': ['token', 'department', 'businessUnit'],
  '/api/v1/livechat/room': ['token', 'rid', 'agentId'],
};

const AGENT = { _id: 'a1', username: 'sari', name: 'Sari' };
const SPEAKERS = {
  agent: { u: AGENT },
  integration: { u: AGENT, bot: { i: 'hook' } },
  'rocket.cat': { u: { _id: 'rocket.cat', username: 'rocket.cat' } },
  robot: { u: { _id: 'r1', username: 'didi', name: 'Didi' } },
};

const no = (error: string): Answered => ({ status: 400, body: { success: false, error } });
const yes = (body: Record<string, unknown>): Answered => ({ body: { ...body, success: true } });

export async function openRocketchat(manner: Partial<Manner> = {}): Promise<RocketchatDesk> {
  const state: Manner = {
    enabled: true,
    online: true,
    queue: undefined,
    answers: [],
    limit: Infinity,
    slowMs: 0,
    ...manner,
  };
  const rooms: Room[] = [];
  const visitors = new Set<string>();
  const heard: string[] = [];
  const counts = new Map<string, number>();
  let ids = 0;
  const add = (room: Room, message: Record<string, unknown>) => {
    const whole = { _id: `m${(ids += 1)}`, rid: room.id, ts: new Date().toISOString(), ...message };
    room.messages.push(whole);
    return whole;
  };

  const config = ({ query }: Asked): Answered => {
    if (!state.enabled) return yes({ config: { enabled: false } });
    const room = rooms.find((each) => each.open && each.token === query['token']);
    const queueInfo =
      room !== undefined && state.queue?.spot !== undefined
        ? {
            queueInfo: {
              spot: state.queue.spot,
              estimatedWaitTimeSeconds: state.queue.seconds ?? -1,
              message: 'Your spot is #7',
            },
          }
        : {};
    const guest = room === undefined ? {} : { guest: { token: room.token }, room: roomOf(room) };
    return yes({ config: { enabled: true, online: state.online, settings: {}, ...queueInfo, ...guest } });
  };
  const roomOf = (room: Room) => ({
    ...{ _id: room.id, open: room.open },
    ...(state.queue === undefined ? { servedBy: AGENT } : {}),
  });
  const enter = ({ query }: Asked): Answered => {
    const { token = '' } = query;
    if (!visitors.has(token)) return no('invalid-token');
    const open = rooms.find((each) => each.open && each.token === token);
    if (open !== undefined) return yes({ room: roomOf(open), newRoom: false });
    if (!state.online) return no('Sorry, no online agents [no-agent-online]');
    const room = { id: `r${(ids += 1)}`, token, open: true, messages: [] };
    rooms.push(room);
    add(room, { t: 'livechat-started', msg: '', u: { username: 'guest-1' } });
    return yes({ room: roomOf(room), newRoom: true });
  };
  const find = (token: unknown, id: unknown) =>
    visitors.has(String(token)) ? rooms.find((each) => each.id === id && each.token === token) : undefined;
  const speak = ({ body }: Asked): Answered => {
    const room = find(sent(body, 'token'), sent(body, 'rid'));
    if (room === undefined) return no('invalid-room');
    if (!room.open) return no('room-closed');
    heard.push(String(sent(body, 'msg')));
    const message = add(room, { msg: sent(body, 'msg'), token: room.token, u: { username: 'guest-1' } });
    for (const { afterMs = 0, msg, by = 'agent', ...rest } of state.answers)
      setTimeout(() => add(room, { msg, ...SPEAKERS[by], ...rest }), afterMs).unref();
    return yes({ message });
  };
  const leave = ({ body }: Asked): Answered => {
    const room = find(sent(body, 'token'), sent(body, 'rid'));
    if (room === undefined) return no('invalid-room');
    if (!room.open) return no('room-closed');
    room.open = false;
    return yes({ rid: room.id, comment: 'Closed by visitor' });
  };
  const history = async (asked: Asked): Promise<Answered> => {
    if (state.slowMs > 0 && heard.length > 0) await sleep(state.slowMs, undefined, { ref: false });
    const room = find(asked.query['token'], asked.path.split('/').at(-1));
    return room === undefined ? no('invalid-room') : yes({ messages: room.messages.toReversed().slice(0, 20) });
  };
  const register = ({ body }: Asked): Answered => {
    const token = sent(body, 'visitor', 'token');
    if (typeof token !== 'string' || token.trim() === '') return no('Token cannot be empty [error-invalid-token]');
    visitors.add(token);
    return yes({ visitor: { _id: 'v1', token, name: sent(body, 'visitor', 'name') } });
  };

  const routes: Readonly<Record<string, (asked: Asked) => Answered | Promise<Answered>>> = {
    'GET /api/v1/livechat/config': config,
    'POST /api/v1/livechat/visitor': register,
    'GET /api/v1/livechat/room': enter,
    'POST /api/v1/livechat/message': speak,
    'POST /api/v1/livechat/room.close': leave,
    'GET /api/v1/livechat/messages.history/:rid': history,
  };
  const desk = await openDesk((asked) => {
    const path = asked.path.replace(/(messages\.history)\/.*$/, '$1/:rid');
    const route = routes[`${asked.method} ${path}`];
    if (route === undefined) return { status: 404, body: { success: false, error: 'Unknown' } };
    const count = (counts.get(path) ?? 0) + 1;
    counts.set(path, count);
    if (count > state.limit)
      return { status: 429, body: { success: false, error: 'Error, too many requests. Please slow down.' } };
    const allowed = QUERIES[path];
    const odd = Object.keys(asked.query).find((name) => allowed?.includes(name) === false);
    return odd === undefined ? route(asked) : no(`must NOT have additional properties [${odd}]`);
  });
  return { ...desk, manner: state, rooms, visitors, heard };
}
