/** What a vendor says of itself on its status page (Statuspage v2). It is hearsay, and never more than reachable. */
import { z } from 'zod';
import { fault, printable } from '../../../../src/core/fault.ts';
import type { Fault } from '../../../../src/core/fault.ts';
import type { ProbeContext } from '../../../../src/core/probe.ts';
import type { Reach } from '../../reach.ts';
import { httpUrl } from '../../request.ts';
import { ask, at, listOf, wordsOf } from '../api.ts';
import { refused, seen } from './seen.ts';
import type { Seen } from './seen.ts';

export const statuspageSettings = {
  preset: z.literal('statuspage'),
  url: httpUrl().meta({ description: 'the status page of the vendor, such as https://status.rocket.chat' }),
  component: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .meta({ description: 'name or id of one component; absent: the whole' }),
};

export interface StatuspageSettings extends Reach {
  readonly url: URL;
  readonly component?: string | undefined;
}

export async function seeStatuspage(settings: StatuspageSettings, { signal }: ProbeContext): Promise<Seen> {
  const { url, component } = settings;
  const answer = await ask({ base: url, reach: settings, known: false }, { path: '/api/v2/summary.json' }, signal);
  if (!answer.ok) return refused([answer], answer.fault);
  const said =
    component === undefined
      ? at(answer.json, 'status', 'indicator')
      : at(
          listOf(at(answer.json, 'components')).find((each) =>
            [at(each, 'name'), at(each, 'id')].some((name) => name === component),
          ),
          'status',
        );
  if (typeof said !== 'string')
    return refused([answer], fault('CONTENT', `the page says nothing of ${component ?? 'its status'}`));
  const verdict = verdictOn(said, wordsOf(at(answer.json, 'status', 'description')));
  const facts = { vendor_status: printable(said).slice(0, 40) };
  return seen([answer], {
    known: 'what the vendor says of itself',
    online: null,
    facts,
    rung: 'reachable',
    ...verdict,
  });
}

function verdictOn(said: string, description: string): { readonly why?: Fault; readonly partly?: boolean } {
  const words = `the vendor's own page says ${said}${description === '' ? '' : ` (${description.slice(0, 200)})`}`;
  switch (said) {
    case 'none':
    case 'operational':
      return {};
    case 'maintenance':
    case 'under_maintenance':
      return { why: fault('MAINTENANCE', words), partly: true };
    case 'critical':
    case 'major_outage':
      return { why: fault('SERVER_ERROR', words) };
    case 'minor':
    case 'major':
    case 'degraded_performance':
    case 'partial_outage':
      return { why: fault('SERVER_ERROR', words), partly: true };
    default:
      return { why: fault('CONTENT', `${words}, which is no status that we know`) };
  }
}
