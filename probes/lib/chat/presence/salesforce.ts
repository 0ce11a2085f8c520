/**
 * Availability of a Salesforce Chat button (the legacy product, which its vendor retired on 2026-02-14; the newer messaging
 * tells strangers nothing). It opens no session.
 */
import { z } from 'zod';
import { fault } from '../../../../src/core/fault.ts';
import type { Fault } from '../../../../src/core/fault.ts';
import type { Fact } from '../../../../src/core/model.ts';
import type { ProbeContext } from '../../../../src/core/probe.ts';
import type { Json } from '../../json.ts';
import type { Reach } from '../../reach.ts';
import { httpUrl } from '../../request.ts';
import { ask, at, listOf, wordsOf } from '../api.ts';
import type { Answer, Api, Question } from '../api.ts';
import { refused, seen } from './seen.ts';
import type { Seen } from './seen.ts';

const id = (what: string) => z.string().regex(/^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$/, `write the id of the ${what}`);

export const salesforceSettings = {
  preset: z.literal('salesforce'),
  url: httpUrl().meta({ description: 'the chat host, such as https://d.la1-c1-example.salesforceliveagent.com' }),
  org_id: id('organization'),
  deployment_id: id('deployment'),
  button_id: id('chat button'),
  version: z.int().min(29).max(99).default(62).meta({ description: 'version of the chat API' }),
};

export interface SalesforceSettings extends Reach {
  readonly url: URL;
  readonly org_id: string;
  readonly deployment_id: string;
  readonly button_id: string;
  readonly version: number;
}

export async function seeSalesforce(settings: SalesforceSettings, { signal }: ProbeContext): Promise<Seen> {
  const answers = await askServer(settings, signal);
  const answer = answers.at(-1);
  if (answer?.ok !== true) return refused(answers, blamed(answers));
  const button = settings.button_id.slice(0, 15);
  const result = messagesOf(answer.json, 'Availability')
    .flatMap((each) => listOf(at(each, 'results')))
    // The same id is written with 15 or with 18 characters.
    .find((each) => wordsOf(at(each, 'id')).slice(0, 15) === button);
  if (result === undefined)
    return refused(answers, fault('CONTENT', `the answer says nothing of the button ${settings.button_id}`));
  // Left out when it is false.
  const online = at(result, 'isAvailable') === true;
  const wait = at(result, 'estimatedWaitTime');
  const facts: Record<string, Fact> = typeof wait === 'number' && wait >= 0 ? { estimated_wait: wait } : {};
  const why = online ? {} : { why: fault('UNAVAILABLE', 'Salesforce says that nobody takes chats at this button') };
  return seen(answers, { known: 'presence', online, facts, ...why });
}

/** A forbidden address that the far side leads us to is its doing, unlike one in our own settings. */
function blamed(answers: readonly Answer[]): Fault {
  const last = answers.at(-1);
  const why = last === undefined || last.ok ? fault('PROTO_CLOSED', 'no answer') : last.fault;
  if (why.code !== 'ADDR_BLOCKED' || answers.length === 1) return why;
  return fault('ADDR_BLOCKED', `moved elsewhere: ${why.message}`, { blame: 'line', cause: 'wrong_content' });
}

/** An organization that has moved is told by `SwitchServer`; it is followed once, and the new address is checked like any. */
async function askServer(settings: SalesforceSettings, signal: AbortSignal): Promise<readonly Answer[]> {
  const api: Api = { base: settings.url, reach: settings, known: false };
  const question: Question = {
    path: '/chat/rest/Visitor/Availability',
    query: {
      org_id: settings.org_id,
      deployment_id: settings.deployment_id,
      'Availability.ids': settings.button_id,
      'Availability.needEstimatedWaitTime': '1',
    },
    headers: { 'x-liveagent-api-version': String(settings.version) },
  };
  const first = await ask(api, question, signal);
  if (!first.ok) return [first];
  const moved = URL.parse(wordsOf(messagesOf(first.json, 'SwitchServer').map((each) => at(each, 'newUrl'))[0]));
  if (moved === null || moved.origin === settings.url.origin || moved.protocol !== settings.url.protocol)
    return [first];
  return [first, await ask({ ...api, base: new URL(moved.origin) }, question, signal)];
}

const messagesOf = (json: Json, type: string): readonly Json[] =>
  listOf(at(json, 'messages'))
    .filter((each) => at(each, 'type') === type)
    .flatMap((each) => at(each, 'message') ?? []);
