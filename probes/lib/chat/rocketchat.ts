/** A visitor's room in Rocket.Chat, over its REST API for live chats (its DDP methods are deprecated). It judges nobody's words. */
import { z } from 'zod';
import { fault, printable } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import type { Memory } from '../../../src/core/probe.ts';
import { secret } from '../../../src/core/secret.ts';
import type { Secret } from '../../../src/core/secret.ts';
import { waitFacts } from '../answer.ts';
import type { Json } from '../json.ts';
import type { Reach } from '../reach.ts';
import { httpUrl } from '../request.ts';
import { ask, at, listOf, wordsOf } from './api.ts';
import type { Answer, Api, Question } from './api.ts';
import type { Fresh, News, Room, Words } from './polled.ts';
import { said, turnedAway } from './rooms.ts';
import type { Entered } from './rooms.ts';
import { newToken, Visitor } from './visitor.ts';

export const rocketchatRoom = {
  preset: z.literal('rocketchat'),
  url: httpUrl().meta({ description: 'address of the Rocket.Chat server' }),
  department: z.string().min(1).max(100).optional().meta({ description: 'id of the department to ask' }),
  visitor: secret().optional().meta({
    description:
      'token of the one visitor that we are; absent: chosen by chance once and used again, also after a restart',
  }),
  name: z.string().min(1).max(80).default('Ringback (automatic test)').meta({ description: 'name that agents see' }),
  bots: z
    .array(z.string().min(1).max(100))
    .max(50)
    .default([])
    .meta({ description: 'user names that are bots: Rocket.Chat does not tell visitors which are' }),
};

export interface RocketchatRoom extends Reach {
  readonly url: URL;
  readonly department?: string | undefined;
  readonly visitor?: Secret | undefined;
  readonly name: string;
  readonly bots: readonly string[];
}

interface Desk {
  readonly api: Api;
  readonly settings: RocketchatRoom;
  readonly token: string;
  readonly visitor: Visitor;
}

/** Enters the room of our one visitor. Where no agent is online it does not even knock. */
export async function enterRocketchat(
  settings: RocketchatRoom,
  memory: Memory | undefined,
  signal: AbortSignal,
): Promise<Entered> {
  const { url, department, visitor: own } = settings;
  const api = { base: url, reach: settings, known: own !== undefined };
  const query: Record<string, string> = department === undefined ? {} : { department };
  const config = await ask(api, { path: '/api/v1/livechat/config', query }, signal);
  const shut = config.ok ? shutFault(config.json) : config.fault;
  if (shut !== undefined) return turnedAway(config, config, shut, { isClosed: shut.code === 'UNAVAILABLE' });
  const visitor = new Visitor(['rocketchat', url.href, department ?? ''], own, memory);
  const known = visitor.token;
  const desk = { api, settings, visitor, token: known ?? own?.reveal() ?? newToken() };
  // Registered once: servers take few registrations a minute, and one that is repeated changes nothing.
  const registered = known === undefined ? await ask(api, registration(desk), signal) : undefined;
  if (registered?.ok === false) return turnedAway(config, registered, why(registered));
  visitor.keep(desk.token);
  const entered = await openRoom(desk, config, signal);
  // It has forgotten us, as it may: whoever comes for the first time is registered.
  const isForgotten = !entered.ok && known !== undefined && visitor.token === undefined;
  return isForgotten ? await enterRocketchat(settings, memory, signal) : entered;
}

async function openRoom(desk: Desk, config: Answer, signal: AbortSignal): Promise<Entered> {
  const { api, visitor, token } = desk;
  const opened = await ask(api, { path: '/api/v1/livechat/room', query: { token } }, signal);
  const id = opened.ok ? wordsOf(at(opened.json, 'room', '_id')) : '';
  if (!opened.ok || id === '') {
    const bad = opened.ok ? fault('CONTENT', 'the answer names no room (/room/_id)') : why(opened);
    if (bad.message.includes('invalid-token')) visitor.forget();
    return turnedAway(config, opened, bad, { isClosed: bad.code === 'UNAVAILABLE' });
  }
  const room = new RocketchatTalk(desk, id, at(opened.json, 'room', 'servedBy') !== undefined);
  const lost = await room.catchUp(signal);
  if (lost === undefined) return { ok: true, first: config.went, facts: {}, room };
  await room.leave(signal);
  return turnedAway(config, opened, lost);
}

function shutFault(json: Json): Fault | undefined {
  if (at(json, 'config', 'enabled') === false) return fault('UNAVAILABLE', 'the live chat is switched off');
  const online = at(json, 'config', 'online');
  if (online === true) return undefined;
  if (online === false) return fault('UNAVAILABLE', 'Rocket.Chat says that no agent is online');
  return fault('CONTENT', 'the answer does not say whether anybody is online (/config/online)');
}

function registration({ token, settings: { name, department } }: Desk): Question {
  const visitor = { token, name, ...(department === undefined ? {} : { department }) };
  return { method: 'POST', path: '/api/v1/livechat/visitor', body: { visitor } };
}

/** Rocket.Chat answers 400 to everything and says in words why. */
function why(answer: Answer & { ok: false }): Fault {
  const words = `${wordsOf(at(answer.json, 'error'))} ${wordsOf(at(answer.json, 'errorType'))}`.trim();
  if (/no[- ](?:agent[- ]|online[- ])?(?:online|agents?)/i.test(words))
    return fault('UNAVAILABLE', `Rocket.Chat says that no agent is online (${printable(words).slice(0, 120)})`);
  if (/too many requests/i.test(words)) return fault('RATE_LIMITED', answer.fault.message);
  const { code, cause, blame, message } = answer.fault;
  return words === '' ? answer.fault : fault(code, `${message}: ${words.slice(0, 200)}`, { cause, blame });
}

class RocketchatTalk implements Room {
  readonly #desk: Desk;
  readonly #id: string;
  readonly #heard = new Set<string>();
  #served: boolean;
  #saidAt: number | undefined;
  #place = '';
  constructor(desk: Desk, id: string, served: boolean) {
    this.#desk = desk;
    this.#id = id;
    this.#served = served;
  }

  async say(words: string, signal: AbortSignal): Promise<Fault | undefined> {
    const { api, token } = this.#desk;
    const body = { token, rid: this.#id, msg: words };
    const answer = await ask(api, { method: 'POST', path: '/api/v1/livechat/message', body }, signal);
    if (!answer.ok) return why(answer);
    this.#saidAt = stampOf(at(answer.json, 'message') ?? null);
    return undefined;
  }

  /** What stands there before we speak is nobody's answer to us: a room may be left over from a look that was cut short. */
  async catchUp(signal: AbortSignal): Promise<Fault | undefined> {
    const fresh = await this.#fresh(signal);
    return fresh.ok ? undefined : fresh.fault;
  }

  async news(signal: AbortSignal): Promise<News> {
    const fresh = await this.#fresh(signal);
    if (!fresh.ok) return fresh;
    const { messages } = fresh;
    if (messages.some(isArrival)) this.#served = true;
    const words = messages.map((each) => this.#words(each));
    const place = this.#served || words.length > 0 ? undefined : await this.#queue(signal);
    const over = messages.some((each) => at(each, 't') === 'livechat-close');
    return {
      ...{ ok: true, said: place === undefined ? words : [...words, { raw: place }] },
      ...(over ? { over: fault('REJECTED', 'the other side closed the chat') } : {}),
    };
  }

  async #fresh(signal: AbortSignal): Promise<Fresh> {
    const { api, token } = this.#desk;
    const path = `/api/v1/livechat/messages.history/${encodeURIComponent(this.#id)}`;
    const answer = await ask(api, { path, query: { token } }, signal);
    if (!answer.ok) return { ok: false, fault: why(answer), ...waitFacts(answer.went.reply, Date.now()) };
    const messages = listOf(at(answer.json, 'messages'))
      .filter((each) => wordsOf(at(each, '_id')) !== '' && !this.#heard.has(wordsOf(at(each, '_id'))))
      .toSorted((a, b) => (stampOf(a) ?? 0) - (stampOf(b) ?? 0));
    for (const each of messages) this.#heard.add(wordsOf(at(each, '_id')));
    return { ok: true, messages };
  }

  #words(message: Json): Words {
    const [ours, theirs] = [this.#saidAt, stampOf(message)];
    const after = ours === undefined || theirs === undefined ? {} : { afterMs: theirs - ours };
    return { raw: this.#said(message), ...after };
  }

  /** Closed by the visitor, so that it does not lie in an agent's list. */
  async leave(signal: AbortSignal): Promise<boolean> {
    const { api, token } = this.#desk;
    const body = { rid: this.#id, token };
    const answer = await ask(api, { method: 'POST', path: '/api/v1/livechat/room.close', body }, signal);
    return answer.ok || wordsOf(at(answer.json, 'error')).includes('room-closed');
  }

  #said(message: Json): string {
    const text = wordsOf(at(message, 'msg'));
    const name = wordsOf(at(message, 'u', 'username'));
    // `t` marks what the system says of itself; `token` is the visitor's, so ours.
    if (at(message, 't') !== undefined) return said('system', 'system', { text });
    if (at(message, 'token') !== undefined) return said('message', 'visitor', { text });
    const isBot = at(message, 'bot') !== undefined || name === 'rocket.cat' || this.#desk.settings.bots.includes(name);
    return said('message', isBot ? 'bot' : 'agent', { name: wordsOf(at(message, 'u', 'name')) || name, text });
  }

  /** The place in the queue, told only when it changed. Servers without queues say nothing of it. */
  async #queue(signal: AbortSignal): Promise<string | undefined> {
    const { api, token } = this.#desk;
    const answer = await ask(api, { path: '/api/v1/livechat/config', query: { token } }, signal);
    if (!answer.ok) return undefined;
    if (at(answer.json, 'config', 'room', 'servedBy') !== undefined) this.#served = true;
    const info = at(answer.json, 'config', 'queueInfo');
    const spot = at(info, 'spot');
    if (typeof spot !== 'number' || spot < 1) return undefined;
    const wait = at(info, 'estimatedWaitTimeSeconds');
    const place = JSON.stringify({
      ...{ type: 'queue', queue_position: spot, text: wordsOf(at(info, 'message')) },
      ...(typeof wait === 'number' ? { estimated_wait: Math.round(wait) } : {}),
    });
    if (place === this.#place) return undefined;
    this.#place = place;
    return place;
  }
}

/** An agent has come: nobody queues any more. */
const isArrival = (message: Json): boolean =>
  at(message, 't') === 'uj' || (at(message, 't') === 'command' && at(message, 'msg') === 'connected');

/** ISO text, or milliseconds in Mongo's clothes. */
function stampOf(message: Json): number | undefined {
  const written = at(message, 'ts');
  const ms = typeof written === 'string' ? Date.parse(written) : at(written, '$date');
  return typeof ms === 'number' && Number.isFinite(ms) ? ms : undefined;
}
