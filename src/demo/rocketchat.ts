/** A live chat as Rocket.Chat's published REST API shows it to visitors: unknown queries refused, 400 with words. It opens no port and knows no fault. */
import type { Asked } from './counter.ts';
import { json } from './help.ts';
import type { Answer } from './help.ts';

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
  readonly enabled: boolean;
  readonly online: boolean;
  /** Nobody serves the room; with a place, the queue says which. */
  readonly queue: { readonly spot?: number; readonly seconds?: number; readonly words?: string } | undefined;
  /** Asked once for each message of a visitor. */
  readonly answers: () => readonly Says[];
}

export interface Room {
  readonly id: string;
  readonly token: string;
  open: boolean;
  readonly messages: Record<string, unknown>[];
}

export interface Rocketchat {
  /** Oldest first, the newest 200. */
  readonly rooms: readonly Room[];
  readonly visitors: Set<string>;
  /** What visitors said, the newest 200. */
  readonly heard: readonly string[];
  answer(asked: Asked, manner: Manner): Answer;
}

/** A demo that runs for weeks shall not grow. */
const KEPT = 200;

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

const no = (error: string): Answer => json(400, { success: false, error });
const yes = (body: Record<string, unknown>): Answer => json(200, { ...body, success: true });

export function openRocketchat(): Rocketchat {
  const rooms: Room[] = [];
  const visitors = new Set<string>();
  const heard: string[] = [];
  let ids = 0;
  const add = (room: Room, message: Record<string, unknown>) => {
    const whole = { _id: `m${(ids += 1)}`, rid: room.id, ts: new Date().toISOString(), ...message };
    keep(room.messages, whole);
    return whole;
  };

  const enter = ({ query }: Asked, { online, queue }: Manner): Answer => {
    const token = query.get('token') ?? '';
    if (!visitors.has(token)) return no('invalid-token');
    const open = rooms.find((each) => each.open && each.token === token);
    if (open !== undefined) return yes({ room: roomOf(open, queue !== undefined), newRoom: false });
    if (!online) return no('Sorry, no online agents [no-agent-online]');
    const room = { id: `r${(ids += 1)}`, token, open: true, messages: [] };
    keep(rooms, room);
    add(room, { t: 'livechat-started', msg: '', u: { username: 'guest-1' } });
    return yes({ room: roomOf(room, queue !== undefined), newRoom: true });
  };
  const find = (token: unknown, id: unknown) =>
    visitors.has(String(token)) ? rooms.find((each) => each.id === id && each.token === token) : undefined;
  const speak = ({ body }: Asked, { answers }: Manner): Answer => {
    const { token, rid, msg } = objectOf(body);
    const room = find(token, rid);
    if (room === undefined) return no('invalid-room');
    if (!room.open) return no('room-closed');
    keep(heard, String(msg));
    const message = add(room, { msg, token: room.token, u: { username: 'guest-1' } });
    for (const { afterMs = 0, msg: words, by = 'agent', ...rest } of answers())
      setTimeout(() => add(room, { msg: words, ...SPEAKERS[by], ...rest }), afterMs).unref();
    return yes({ message });
  };
  const leave = ({ body }: Asked): Answer => {
    const { token, rid } = objectOf(body);
    const room = find(token, rid);
    if (room === undefined) return no('invalid-room');
    if (!room.open) return no('room-closed');
    room.open = false;
    return yes({ rid: room.id, comment: 'Closed by visitor' });
  };
  const history = ({ path, query }: Asked): Answer => {
    const room = find(query.get('token'), path.split('/').at(-1));
    return room === undefined ? no('invalid-room') : yes({ messages: room.messages.toReversed().slice(0, 20) });
  };
  const register = ({ body }: Asked): Answer => {
    const { token, name } = objectOf(objectOf(body)['visitor']);
    if (typeof token !== 'string' || token.trim() === '') return no('Token cannot be empty [error-invalid-token]');
    visitors.add(token);
    const [oldest] = visitors;
    if (visitors.size > KEPT && oldest !== undefined) visitors.delete(oldest);
    return yes({ visitor: { _id: 'v1', token, name } });
  };

  const routes: Readonly<Record<string, (asked: Asked, manner: Manner) => Answer>> = {
    'GET /api/v1/livechat/config': (asked, manner) => config(asked, manner, rooms),
    'POST /api/v1/livechat/visitor': register,
    'GET /api/v1/livechat/room': enter,
    'POST /api/v1/livechat/message': speak,
    'POST /api/v1/livechat/room.close': leave,
    'GET /api/v1/livechat/messages.history/:rid': history,
  };
  return {
    rooms,
    visitors,
    heard,
    answer(asked, manner) {
      const path = routeOf(asked.path);
      const route = routes[`${asked.method} ${path}`];
      if (route === undefined) return json(404, { success: false, error: 'Unknown' });
      const allowed = QUERIES[path];
      const odd = [...asked.query.keys()].find((name) => allowed?.includes(name) === false);
      return odd === undefined ? route(asked, manner) : no(`must NOT have additional properties [${odd}]`);
    },
  };
}

/** What is shown to a visitor, and to whoever has no token: whether anybody is there, and the place in the queue. */
function config({ query }: Asked, { enabled, online, queue }: Manner, rooms: readonly Room[]): Answer {
  if (!enabled) return yes({ config: { enabled: false } });
  const room = rooms.find((each) => each.open && each.token === query.get('token'));
  const shown = { enabled: true, online, settings: {} };
  if (room === undefined) return yes({ config: shown });
  const { spot, seconds = -1, words = `Your spot is #${spot ?? 0}` } = queue ?? {};
  const queueInfo =
    spot === undefined ? {} : { queueInfo: { spot, estimatedWaitTimeSeconds: seconds, message: words } };
  const guest = { guest: { token: room.token }, room: roomOf(room, queue !== undefined) };
  return yes({ config: { ...shown, ...queueInfo, ...guest } });
}

/** The path without the id of a room, as rate limits count it. */
export const routeOf = (path: string): string => path.replace(/(messages\.history)\/.*$/, '$1/:rid');

const roomOf = (room: Room, isQueued: boolean) => ({
  ...{ _id: room.id, open: room.open },
  ...(isQueued ? {} : { servedBy: AGENT }),
});

function keep<Value>(kept: Value[], value: Value): void {
  kept.push(value);
  if (kept.length > KEPT) kept.shift();
}

/** Members of what was sent as JSON; none of anything else. */
function objectOf(sent: unknown): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = typeof sent === 'string' ? JSON.parse(sent) : sent;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
