/** Whether an HTTP address answers, and answers what it should: one request, or several in a row. It follows no script and knows no vendor. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { degraded, ok } from '../src/core/fault.ts';
import type { Finding, Instant } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import { secret } from '../src/core/secret.ts';
import { answerExpectation, answerFacts, answerFault, USUAL } from './lib/answer.ts';
import type { AnswerExpectation } from './lib/answer.ts';
import { expiring } from './lib/certificate.ts';
import { findingOf } from './lib/connector.ts';
import { discreet } from './lib/discretion.ts';
import { exchange } from './lib/http.ts';
import type { Exchange } from './lib/http.ts';
import type { Fault } from '../src/core/fault.ts';
import { promised } from './lib/language.ts';
import { reach } from './lib/reach.ts';
import { headerName, headerValue, httpUrl, METHODS, takesBody } from './lib/request.ts';
import type { Headers } from './lib/request.ts';
import { transcript } from './lib/transcript.ts';
import { misnamed, secrets, steps, walk } from './lib/walk.ts';

/** What `url` stands with, and what each of `steps` says for itself. */
const OF_ONE = ['method', 'headers', 'body', 'follow', 'expect'] as const;

const schema = z
  .strictObject({
    ...reach,
    url: httpUrl().optional().meta({ description: 'http or https address, without user name' }),
    method: z.enum(METHODS).optional().meta({ description: 'default GET' }),
    headers: z
      .record(headerName(), z.union([secret(), headerValue()]))
      .optional()
      .meta({ description: 'headers to send; a value may be a secret by reference' }),
    body: z.string().max(65_536).optional().meta({ description: 'text to send; not with GET or HEAD' }),
    follow: z
      .int()
      .min(0)
      .max(3)
      .optional()
      .meta({ description: 'redirects to follow, none by default; each hop is checked again' }),
    decompress: z.boolean().default(false).meta({ description: 'ask for gzip or deflate, and test that' }),
    resolve: z
      .string()
      .refine((text) => isIP(text) !== 0, 'write an IP address')
      .optional()
      .meta({ description: 'connect to this address instead of asking the name server' }),
    expect: answerExpectation.optional(),
    steps: steps().optional(),
    secrets: secrets(),
  })
  .superRefine((settings, ctx) => {
    const { url, method = 'GET', body, steps: all } = settings;
    const say = (path: (string | number)[], message: string): void => {
      ctx.addIssue({ code: 'custom', path, message });
    };
    if (all === undefined) {
      if (url === undefined) say(['url'], 'say which address to ask: url, or steps for several requests in a row');
      if (body !== undefined && !takesBody(method))
        say(['body'], 'a body is not sent with GET or HEAD; say method: POST');
      if (Object.keys(settings.secrets).length > 0) say(['secrets'], 'only steps fill in secrets by name');
      return;
    }
    if (url !== undefined) say(['url'], 'either url, or steps with a url each');
    for (const key of OF_ONE) if (settings[key] !== undefined) say([key], `each of the steps says its own ${key}`);
    const wrong = misnamed(all, settings.secrets);
    if (wrong !== undefined) say(['steps', wrong.step], wrong.message);
  });

type Settings = z.output<typeof schema>;

export default defineProbe<Settings>({
  summary:
    'asks one or several http or https addresses and checks status, headers, text, language and JSON of the answer',
  example: {
    url: 'https://help.example.id/api/health',
    expect: { status: 200, json: [{ pointer: '/status', equals: 'ok' }] },
  },
  schema,
  phases: ['dns', 'connect', 'tls', 'first_byte', 'body'],
  host: ({ url, steps: all }) => url?.hostname ?? all?.[0]?.url.hostname ?? null,
  timeoutMs: 10_000,
  look: async (settings, context) => {
    const { url, decompress, resolve, steps: all, expect = USUAL } = settings;
    if (url === undefined)
      return walk({ steps: all ?? [], secrets: settings.secrets, decompress, resolve, reach: settings }, context);
    const { method = 'GET', headers = {}, body, follow = 0 } = settings;
    const { signal, startedAt } = context;
    const went = await exchange({ url, method, headers, body, follow, decompress, resolve, reach: settings, signal });
    const why = await answerFault(went, expect, refusalsOf(headers), signal, promised(undefined, context));
    return discreet(judge(went, why, expect, startedAt), settings);
  },
});

/** Nobody is refused who brought nothing. */
const refusalsOf = (headers: Headers): readonly number[] => (headers['authorization'] === undefined ? [] : [401]);

function judge(went: Exchange, why: Fault | undefined, expect: AnswerExpectation, now: Instant): Finding {
  const sight = { phases: went.phases, facts: answerFacts(went, now) };
  // What broke before any status came keeps the rung that it reached; everything later was at least accepted.
  if (why !== undefined) return findingOf(why, went.rung, { ...sight, evidence: [transcript(went)] });
  const soon = expiring(went.certificate, expect.certificate_days);
  return soon === undefined ? ok('answered', sight) : degraded('answered', soon, sight);
}
