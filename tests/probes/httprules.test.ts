/** The rules by which an HTTP answer is judged, under answers of every make: nothing is healthy that does not say what it should. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { answerExpectation, answerFault } from '../../probes/lib/answer.ts';
import type { Exchange } from '../../probes/lib/http.ts';

const PIECES = [
  '<title>Page not found</title>',
  '<title>Just a moment...</title>',
  '<h1>Sedang dalam pemeliharaan</h1>',
  '<h1>404</h1>',
  '<input type="password">',
  '<p>captcha</p>',
  '<h1>',
  '</h1>',
  '<title',
  '{"up":true}',
  '维护中',
  '<!--',
  '\u0000',
  '\ufeff',
] as const;
const body = fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 30 })), { maxLength: 12 });

function went(status: number, text: string, type: string, truncated: boolean): Exchange {
  const url = new URL('http://help.example.id/a');
  const bytes = Buffer.from(text);
  const reply = { status, headers: { 'content-type': type }, cookies: [], body: bytes, bytes: bytes.length, truncated };
  const ask = {
    ...{ url, method: 'GET' as const, headers: {}, follow: 0, decompress: false },
    ...{ reach: { allow_private: true }, signal: new AbortController().signal },
  };
  const course = { phases: {}, rung: 'accepting' as const, address: '127.0.0.1', certificate: undefined };
  return { ...course, attempts: [], redirects: [], ask, ok: true, reply };
}

const types = fc.constantFrom('text/html', 'text/html; charset=gb2312', 'application/json', 'text/plain', '');
const WANTED = 'the-words-that-nobody-writes-by-chance';

it('R-24 no answer that lacks what is expected, or has another status, is fine', async () => {
  const text = answerExpectation.parse({ body: { contains: WANTED } });
  const json = answerExpectation.parse({ json: [{ pointer: '/nowhere', equals: WANTED }] });
  const status = answerExpectation.parse({ status: 299 });
  await fc.assert(
    fc.asyncProperty(body, types, fc.integer({ min: 200, max: 298 }), fc.boolean(), async (parts, type, code, cut) => {
      const answer = went(code, parts.join(''), type, cut);
      for (const expected of [text, json, status])
        expect(await answerFault(answer, expected, [], answer.ask.signal)).toBeDefined();
    }),
    { numRuns: 3_000 },
  );
});

it('R-24 an answer with what is expected is fine, whatever else it says', async () => {
  const expected = answerExpectation.parse({ body: { contains: WANTED } });
  await fc.assert(
    fc.asyncProperty(body, async (parts) => {
      const answer = went(200, `${parts.join('')} ${WANTED}`, 'text/html; charset=utf-8', false);
      expect(await answerFault(answer, expected, [], answer.ask.signal)).toBeUndefined();
    }),
    { numRuns: 1_000 },
  );
});

it('R-24 no status outside of what is expected is fine', async () => {
  const expected = answerExpectation.parse({});
  await fc.assert(
    fc.asyncProperty(body, types, fc.integer({ min: 300, max: 599 }), async (parts, type, code) => {
      const answer = went(code, parts.join(''), type, false);
      expect(await answerFault(answer, expected, [], answer.ask.signal)).toBeDefined();
    }),
    { numRuns: 2_000 },
  );
});
