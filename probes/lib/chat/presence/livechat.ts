/** Presence of a LiveChat (text.com) group: without a token what the widget learns, with one also whether one has to queue. */
import { z } from 'zod';
import { fault } from '../../../../src/core/fault.ts';
import type { ProbeContext } from '../../../../src/core/probe.ts';
import { secret } from '../../../../src/core/secret.ts';
import type { Secret } from '../../../../src/core/secret.ts';
import type { Reach } from '../../reach.ts';
import { httpUrl } from '../../request.ts';
import { ask, at, listOf, wordsOf } from '../api.ts';
import type { Answer, Api, Question } from '../api.ts';
import { refused, seen } from './seen.ts';
import type { Seen } from './seen.ts';

export const livechatSettings = {
  preset: z.literal('livechat'),
  organization_id: z.string().regex(/^[\w-]{1,64}$/, 'write the id of the organization'),
  group: z.int().min(0).max(1_000_000).optional().meta({ description: 'id of the group; absent: the default group' }),
  token: secret().optional().meta({ description: 'access token of a customer; with it the queue is told too' }),
  version: z
    .string()
    .regex(/^v\d{1,2}\.\d{1,2}$/, 'write a version such as v3.6')
    .default('v3.6'),
  url: httpUrl().prefault('https://api.livechatinc.com'),
};

export interface LivechatSettings extends Reach {
  readonly organization_id: string;
  readonly group?: number | undefined;
  readonly token?: Secret | undefined;
  readonly version: string;
  readonly url: URL;
}

export async function seeLivechat(settings: LivechatSettings, { signal }: ProbeContext): Promise<Seen> {
  const api = { base: settings.url, reach: settings, known: settings.token !== undefined };
  return settings.token === undefined
    ? await seeConfiguration(settings, api, signal)
    : await seeStatus(settings, settings.token, api, signal);
}

async function seeConfiguration(settings: LivechatSettings, api: Api, signal: AbortSignal): Promise<Seen> {
  const group = settings.group;
  const answers = await askRegion(api, signal, {
    path: `/${settings.version}/customer/action/get_dynamic_configuration`,
    query: { organization_id: settings.organization_id, ...(group === undefined ? {} : { group_id: String(group) }) },
  });
  const answer = answers.at(-1);
  if (answer?.ok !== true) return refused(answers, answer?.fault ?? fault('PROTO_CLOSED', 'no answer'));
  const known = 'presence';
  if (at(answer.json, 'livechat_active') === false)
    return seen(answers, { known, online: false, why: fault('UNAVAILABLE', 'the licence of LiveChat is not active') });
  const livechat = at(answer.json, 'livechat');
  const asked = group ?? at(livechat, 'group_id');
  if (typeof asked !== 'number')
    return refused(answers, fault('CONTENT', 'the answer names no group (/livechat/group_id)'));
  if (at(livechat, 'client_limit_exceeded') === true)
    return seen(answers, { known, online: true, why: fault('OVERLOAD', 'LiveChat takes no more customers now') });
  // The list is left out altogether when nobody accepts chats.
  const online = listOf(at(livechat, 'online_group_ids')).includes(asked);
  return seen(answers, { known, online, ...(online ? {} : { why: nobody(asked) }) });
}

async function seeStatus(settings: LivechatSettings, token: Secret, api: Api, signal: AbortSignal): Promise<Seen> {
  const group = settings.group ?? 0;
  const answers = await askRegion(api, signal, {
    method: 'POST',
    path: `/${settings.version}/customer/action/list_group_statuses`,
    query: { organization_id: settings.organization_id },
    headers: { authorization: `Bearer ${token.reveal()}` },
    body: { group_ids: [group] },
  });
  const answer = answers.at(-1);
  if (answer?.ok !== true) return refused(answers, answer?.fault ?? fault('PROTO_CLOSED', 'no answer'));
  const known = 'presence';
  const status = at(answer.json, 'groups_status', String(group));
  if (status === 'online') return seen(answers, { known, online: true });
  if (status === 'offline') return seen(answers, { known, online: false, why: nobody(group) });
  if (status !== 'online_for_queue')
    return refused(answers, fault('CONTENT', `the answer says nothing of group ${group}`));
  const why = fault('OVERLOAD', 'whoever comes now has to queue');
  return seen(answers, { known, online: true, partly: true, why });
}

const nobody = (group: number) => fault('UNAVAILABLE', `LiveChat says that nobody of group ${group} accepts chats`);

/** Accounts live in regions; whoever asks the wrong one is told the right one (421) and asks once more. */
async function askRegion(api: Api, signal: AbortSignal, question: Question): Promise<readonly Answer[]> {
  const first = await ask(api, question, signal);
  const region = first.ok ? '' : wordsOf(at(first.json, 'error', 'data', 'region'));
  if (!/^[a-z]{2,8}$/.test(region)) return [first];
  return [first, await ask(api, { ...question, headers: { ...question.headers, 'x-region': region } }, signal)];
}
