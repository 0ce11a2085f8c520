/** Presence behind any JSON endpoint, with the operator saying where in it the word "online" stands. */
import { z } from 'zod';
import { fault } from '../../../../src/core/fault.ts';
import type { ProbeContext } from '../../../../src/core/probe.ts';
import { Secret, secret } from '../../../../src/core/secret.ts';
import { jsonExpectation, jsonFault } from '../../expect.ts';
import type { JsonExpectation } from '../../expect.ts';
import { select } from '../../json.ts';
import type { Reach } from '../../reach.ts';
import { headerName, headerValue, httpUrl } from '../../request.ts';
import { ask } from '../api.ts';
import { refused, seen } from './seen.ts';
import type { Seen } from './seen.ts';

export const customSettings = {
  preset: z.literal('custom').optional(),
  url: httpUrl().meta({ description: 'an address that answers in JSON' }),
  headers: z.record(headerName(), z.union([secret(), headerValue()])).default({}),
  online: jsonExpectation.meta({ description: 'what the answer says when somebody is there' }),
};

export interface CustomSettings extends Reach {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | Secret>>;
  readonly online: JsonExpectation;
}

export async function seeCustom(settings: CustomSettings, { signal }: ProbeContext): Promise<Seen> {
  const { url, headers, online: expected } = settings;
  const known = Object.values(headers).some((each) => each instanceof Secret);
  const query = Object.fromEntries(url.searchParams);
  const api = { base: new URL(url.origin), reach: settings, known };
  const answer = await ask(api, { path: url.pathname, query, headers }, signal);
  if (!answer.ok) return refused([answer], answer.fault);
  if (select(answer.json, expected.pointer).length === 0)
    return refused([answer], fault('CONTENT', `the JSON has nothing at ${expected.pointer.source}`));
  const why = jsonFault(JSON.stringify(answer.json), [expected], false);
  if (why === undefined) return seen([answer], { known: 'presence', online: true });
  return seen([answer], {
    known: 'presence',
    online: false,
    why: fault('UNAVAILABLE', `nobody is there: ${why.message}`),
  });
}
