/** Presence of a Rocket.Chat live chat, as its own widget asks for it. It opens no room and registers nobody. */
import { z } from 'zod';
import { fault } from '../../../../src/core/fault.ts';
import type { ProbeContext } from '../../../../src/core/probe.ts';
import type { Reach } from '../../reach.ts';
import { httpUrl } from '../../request.ts';
import { ask, at } from '../api.ts';
import { refused, seen } from './seen.ts';
import type { Seen } from './seen.ts';

export const rocketchatSettings = {
  preset: z.literal('rocketchat'),
  url: httpUrl().meta({ description: 'address of the Rocket.Chat server' }),
  department: z.string().min(1).max(100).optional().meta({ description: 'id of the department to ask for' }),
};

export interface RocketchatSettings extends Reach {
  readonly url: URL;
  readonly department?: string | undefined;
}

export async function seeRocketchat(settings: RocketchatSettings, { signal }: ProbeContext): Promise<Seen> {
  const { url, department } = settings;
  const api = { base: url, reach: settings, known: false };
  const query = department === undefined ? {} : { department };
  const answer = await ask(api, { path: '/api/v1/livechat/config', query }, signal);
  if (!answer.ok) return refused([answer], answer.fault);
  const [enabled, online] = [at(answer.json, 'config', 'enabled'), at(answer.json, 'config', 'online')];
  const known = 'presence';
  if (enabled === false)
    return seen([answer], { known, online: false, why: fault('UNAVAILABLE', 'the live chat is switched off') });
  if (typeof online !== 'boolean')
    return refused([answer], fault('CONTENT', 'the answer does not say whether anybody is online (/config/online)'));
  if (online) return seen([answer], { known, online });
  return seen([answer], { known, online, why: fault('UNAVAILABLE', 'Rocket.Chat says that no agent is online') });
}
