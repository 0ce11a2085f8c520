/** The demo's Rocket.Chat, with what only a test wants of it: manners changed while it runs, limits, slowness, and a log. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openRocketchat as openApi, routeOf } from '../../src/demo/rocketchat.ts';
import type { Manner as Honest, Rocketchat, Says } from '../../src/demo/rocketchat.ts';
import { openDesk } from './desk.ts';
import type { Answered, Desk } from './desk.ts';

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

interface Manner extends Mutable<Omit<Honest, 'answers'>> {
  answers: readonly Says[];
  /** Questions of one kind that are answered before 429. */
  limit: number;
  /** How long the history takes once the visitor has spoken. */
  slowMs: number;
}

export interface RocketchatDesk extends Desk, Omit<Rocketchat, 'answer'> {
  readonly manner: Manner;
}

const SANE: Manner = { enabled: true, online: true, queue: undefined, answers: [], limit: Infinity, slowMs: 0 };

export async function openRocketchat(wanted: Partial<Manner> = {}): Promise<RocketchatDesk> {
  const manner: Manner = { ...SANE, ...wanted };
  const api = openApi();
  const counts = new Map<string, number>();
  const desk = await openDesk(async ({ method, path, query, headers, body }): Promise<Answered> => {
    const route = routeOf(path);
    const count = (counts.get(route) ?? 0) + 1;
    counts.set(route, count);
    if (count > manner.limit)
      return {
        status: 429,
        headers: { 'retry-after': '60' },
        body: { success: false, error: 'Error, too many requests. Please slow down.' },
      };
    if (route.endsWith('/:rid') && api.heard.length > 0 && manner.slowMs > 0)
      await sleep(manner.slowMs, undefined, { ref: false });
    const text = body === undefined ? '' : JSON.stringify(body);
    const asked = { method, path, query: new URLSearchParams(query), headers, body: text, at: Date.now() };
    const { status, body: said } = api.answer(asked, { ...manner, answers: () => manner.answers });
    return { status, body: JSON.parse(said) as unknown };
  });
  return { ...desk, ...api, manner };
}
