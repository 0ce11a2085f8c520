/** The `ticket` kind against a desk that takes cases, works at them, forgets them and breaks; a case is followed for days. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { readCases, serviceMs } from '../../probes/lib/case.ts';
import ticket from '../../probes/ticket.ts';
import type { Expectation, Finding, Instant } from '../../src/core/model.ts';
import { openMemory } from '../../src/core/recall.ts';
import { Secret } from '../../src/core/secret.ts';
import { closedPort, portOf } from '../lib/servers.ts';
import { contract, HOST, near } from '../contract/contract.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A Sunday, 00:00 UTC. */
const NOW = Date.UTC(2026, 10, 22);

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Desk {
  readonly url: string;
  readonly filed: { readonly body: string; readonly headers: IncomingMessage['headers'] }[];
  asked: number;
  /** What it answers to a new case, and to who asks how it stands. */
  submit: { status: number; body: unknown };
  progress: { status: number; body: unknown };
}

async function openDesk(): Promise<Desk> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const isNew = request.method === 'POST';
      if (isNew) desk.filed.push({ body, headers: request.headers });
      else desk.asked += 1;
      const { status, body: said } = isNew ? desk.submit : desk.progress;
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(typeof said === 'string' ? said : JSON.stringify(said));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const desk: Desk = {
    url: `http://127.0.0.1:${portOf(server)}`,
    filed: [],
    asked: 0,
    submit: { status: 201, body: { case: { number: 'DW-1001' } } },
    progress: { status: 200, body: { state: 'new' } },
  };
  return desk;
}

const settingsFor = (url: string, more: Record<string, unknown> = {}) => ({
  allow_private: true,
  submit: { url: `${url}/cases`, body: { subject: 'Automatic test {{run_id}}' } },
  number: { pointer: '/case/number' },
  status: { url: `${url}/cases/{{number}}`, pointer: '/state', done: ['closed', 'solved'] },
  ...more,
});

/** One target through time: each look is a process of its own that knows what the one before left. */
function watcher(settings: Record<string, unknown>, expectation?: (at: Instant) => Expectation) {
  let kept: string | undefined;
  return {
    kept: () => kept,
    look: async (at: Instant, timeoutMs = 5_000): Promise<Finding> => {
      const memory = openMemory(kept);
      const finding = await ticket.look(ticket.schema.parse(settings), {
        signal: AbortSignal.timeout(timeoutMs),
        startedAt: at,
        timeoutMs,
        runId: '0123456789abcdef0123456789abcdef',
        timezone: 'UTC',
        memory,
        ...(expectation === undefined ? {} : { expectation }),
      });
      kept = memory.left() ?? kept;
      return finding;
    },
  };
}

const short = (finding: Finding): string =>
  finding.kind === 'ok' ? `ok ${finding.rung}` : `${finding.kind} ${finding.fault.code} ${finding.rung}`;

describe('a case', () => {
  it('is filed once, with a tag that says what it is, and followed to its first response and its end', async () => {
    const desk = await openDesk();
    const { look } = watcher(settingsFor(desk.url), (at) =>
      at >= NOW + 8 * HOUR && at < NOW + 20 * HOUR ? 'open' : 'closed',
    );

    const filed = await look(NOW + 6 * HOUR);
    expect(short(filed)).toBe('ok accepting');
    expect(Object.keys(filed.phases)).toEqual(['submitted', 'number']);
    expect(filed.facts).toMatchObject({ number: 'DW-1001', state: 'new', filed_at: NOW + 6 * HOUR });
    expect(desk.filed[0]?.headers['x-ringback-probe']).toBe('0123456789abcdef0123456789abcdef');
    expect(desk.filed[0]?.headers['content-type']).toBe('application/json');
    expect(JSON.parse(desk.filed[0]?.body ?? '')).toEqual({
      subject: 'Automatic test 0123456789abcdef0123456789abcdef',
    });

    const waiting = await look(NOW + 9 * HOUR);
    expect(short(waiting)).toBe('ok accepting');
    expect(waiting.phases).toEqual({});
    expect(waiting.facts).toMatchObject({ waiting_seconds: 3 * 3_600, waiting_service_seconds: 3_600 });

    desk.progress.body = { state: 'waiting for customer' };
    const answered = await look(NOW + 10 * HOUR);
    expect(short(answered)).toBe('ok answered');
    expect(answered.phases).toEqual({ first_response: 4 * HOUR });
    expect(answered.facts).toMatchObject({
      state: 'waiting for customer',
      first_response_seconds: 4 * 3_600,
      first_response_service_seconds: 2 * 3_600,
      first_response_precision_seconds: 3_600,
    });
    expect(answered.facts).not.toHaveProperty('waiting_seconds');
    expect((await look(NOW + 11 * HOUR)).phases).toEqual({});

    desk.progress.body = { state: 'solved' };
    const resolved = await look(NOW + 23 * HOUR);
    expect(resolved.phases).toEqual({ resolved: 17 * HOUR });
    expect(resolved.facts).toMatchObject({ resolved_seconds: 17 * 3_600, resolved_service_seconds: 12 * 3_600 });
    expect(desk.filed).toHaveLength(1);

    const asked = desk.asked;
    expect((await look(NOW + 24 * HOUR)).facts).toMatchObject({ number: 'DW-1001', resolved_seconds: 17 * 3_600 });
    expect([desk.filed.length, desk.asked]).toEqual([1, asked]);
    desk.submit.body = { case: { number: 'DW-1002' } };
    desk.progress.body = { state: 'new' };
    expect((await look(NOW + 30 * HOUR)).facts).toMatchObject({ number: 'DW-1002' });
    expect(desk.filed).toHaveLength(2);
  });

  it('that is closed at once was answered at once', async () => {
    const desk = await openDesk();
    desk.progress.body = { state: 'closed' };
    const finding = await watcher(settingsFor(desk.url)).look(NOW);
    expect(short(finding)).toBe('ok answered');
    expect(finding.phases).toMatchObject({ first_response: 0, resolved: 0 });
  });

  it('is answered by the rule of the operator, where there is one', async () => {
    const desk = await openDesk();
    const status = {
      url: `${desk.url}/{{number}}`,
      pointer: '/state',
      done: 'closed',
      answered: { pointer: '/replies/*/by', in: ['agent'] },
    };
    const { look } = watcher(settingsFor(desk.url, { status }));
    desk.progress.body = { state: 'new', replies: [] };
    expect(short(await look(NOW))).toBe('ok accepting');
    desk.progress.body = { state: 'queued', replies: [{ by: 'bot' }] };
    expect(short(await look(NOW + HOUR))).toBe('ok accepting');
    desk.progress.body = { state: 'queued', replies: [{ by: 'agent' }] };
    expect((await look(NOW + 2 * HOUR)).phases).toEqual({ first_response: 2 * HOUR });
  });

  it('without a response in time is degraded by service hours, not by the clock on the wall', async () => {
    const desk = await openDesk();
    const settings = settingsFor(desk.url, { within: { first_response: '4h', resolved: '8h' } });
    const opens = NOW + 40 * HOUR;
    const { look } = watcher(settings, (at) => (at >= opens ? 'open' : 'closed'));
    await look(NOW);
    expect(short(await look(NOW + 39 * HOUR))).toBe('ok accepting');
    expect(short(await look(opens + 4 * HOUR))).toBe('ok accepting');
    const late = await look(opens + 5 * HOUR);
    expect(short(late)).toBe('degraded NO_REPLY accepting');
    expect(late.kind !== 'ok' && late.fault.message).toContain('for 5h of service hours');
    desk.progress.body = { state: 'open' };
    expect(short(await look(opens + 6 * HOUR))).toBe('degraded SLOW answered');
    desk.progress.body = { state: 'closed' };
    expect(short(await look(opens + 7 * HOUR))).toBe('degraded SLOW answered');
  });

  it('that nobody ever ends is left behind one day, and another one filed', async () => {
    const desk = await openDesk();
    const { look } = watcher(settingsFor(desk.url, { give_up: '3d' }));
    await look(NOW);
    await look(NOW + 2 * DAY);
    expect(desk.filed).toHaveLength(1);
    desk.submit.body = { case: { number: 'DW-2' } };
    expect((await look(NOW + 3 * DAY)).facts).toMatchObject({ number: 'DW-2', left_behind: 'DW-1001' });
  });

  it.each([
    [{ status: 404, body: {} }, 'failed STATUS accepting'],
    [{ status: 500, body: {} }, 'failed SERVER_ERROR accepting'],
    [{ status: 200, body: '<html>' }, 'failed PROTO_GARBAGE accepting'],
    [{ status: 200, body: { status: 'new' } }, 'failed CONTENT accepting'],
    [{ status: 200, body: { state: null } }, 'failed CONTENT accepting'],
    [{ status: 403, body: {} }, 'failed STATUS accepting'],
  ])('whose progress is answered with %j is %s, and stays the same case', async (progress, said) => {
    const desk = await openDesk();
    const { look } = watcher(settingsFor(desk.url));
    await look(NOW);
    desk.progress = progress;
    const finding = await look(NOW + HOUR);
    expect(short(finding)).toBe(said);
    expect(finding.kind !== 'ok' && finding.fault.message).toContain('DW-1001');
    desk.progress = { status: 200, body: { state: 'open' } };
    expect((await look(NOW + 2 * HOUR)).phases).toEqual({ first_response: 2 * HOUR });
    expect(desk.filed).toHaveLength(1);
  });
});

describe('filing', () => {
  it.each([
    [{ status: 500, body: {} }, 'failed SERVER_ERROR accepting'],
    [{ status: 422, body: {} }, 'failed STATUS accepting'],
    [{ status: 429, body: {} }, 'unknown RATE_LIMITED none'],
    [{ status: 201, body: {} }, 'failed CONTENT accepting'],
    [{ status: 201, body: 'Thank you!' }, 'failed PROTO_GARBAGE accepting'],
    [{ status: 201, body: { case: { number: 'x'.repeat(200) } } }, 'failed CONTENT accepting'],
    [{ status: 201, body: { case: { number: 'a\nb' } } }, 'failed CONTENT accepting'],
  ])('answered with %j is %s, and is not repeated within minutes', async (submit, said) => {
    const desk = await openDesk();
    desk.submit = submit;
    const { look } = watcher(settingsFor(desk.url));
    expect(short(await look(NOW))).toBe(said);
    expect(short(await look(NOW + 5_000))).toBe('unknown BUDGET none');
    expect(desk.filed).toHaveLength(1);
    desk.submit = { status: 201, body: { case: { number: 'DW-7' } } };
    expect(short(await look(NOW + 6 * 60_000))).toBe('ok accepting');
  });

  it('at a closed door reaches nobody and may be tried again at once', async () => {
    const { look } = watcher(settingsFor(`http://127.0.0.1:${await closedPort()}`));
    expect(short(await look(NOW))).toBe('failed TCP_REFUSED none');
    expect(short(await look(NOW + 5_000))).toBe('failed TCP_REFUSED none');
  });

  it('finds the number by a pattern in what is no JSON, and fills it into the address as it must be', async () => {
    const desk = await openDesk();
    desk.submit = { status: 200, body: '<p>Nomor laporan Anda: <b>TKT/2026 7</b></p>' };
    const settings = settingsFor(desk.url, { number: { matches: 'laporan Anda: <b>([^<]+)<' } });
    expect((await watcher(settings).look(NOW)).facts).toMatchObject({ number: 'TKT/2026 7', state: 'new' });
  });

  it('with credentials that are refused is our affair, and they stand in no evidence', async () => {
    const desk = await openDesk();
    desk.submit = { status: 401, body: { echo: 'key-4711-secret' } };
    const submit = { url: `${desk.url}/cases`, headers: { authorization: 'Bearer {{key}}' }, body: 'token={{key}}' };
    const settings = settingsFor(desk.url, { submit, secrets: { key: new Secret('key-4711-secret', 'env:KEY') } });
    const finding = await watcher(settings).look(NOW);
    expect(short(finding)).toBe('unknown AUTH none');
    expect(desk.filed[0]?.headers.authorization).toBe('Bearer key-4711-secret');
    expect(JSON.stringify(finding)).not.toContain('key-4711-secret');
  });

  it('by hand, without a memory, files and asks once', async () => {
    const desk = await openDesk();
    const context = {
      signal: AbortSignal.timeout(5_000),
      startedAt: NOW,
      timeoutMs: 5_000,
      runId: '0'.repeat(32),
      timezone: 'UTC',
    };
    expect(short(await ticket.look(ticket.schema.parse(settingsFor(desk.url)), context))).toBe('ok accepting');
    expect([desk.filed.length, desk.asked]).toEqual([1, 1]);
  });
});

describe('settings', () => {
  const url = 'https://help.example.id/cases';
  const good = settingsFor('https://help.example.id');
  it.each([
    [{ number: {} }, 'either pointer or matches'],
    [{ number: { pointer: '/a', matches: 'b' } }, 'either pointer or matches'],
    [{ status: { ...good.status, url } }, 'the address must say which case'],
    [{ submit: { url: `${url}/{{number}}` } }, '{{number}} is not known here'],
    [{ submit: { url, body: '{{password}}' } }, '{{password}} is not known here'],
    [{ submit: { url, method: 'GET', body: 'x' } }, 'a body is not sent with GET'],
  ])('%j are refused', (wrong, words) => {
    const issues = ticket.schema.safeParse({ ...good, ...wrong }).error?.issues.map((each) => each.message) ?? [];
    expect(issues.join('\n')).toContain(words);
  });

  it('need a budget: a case costs somebody time', () => {
    expect([ticket.costly, ticket.remembers]).toEqual([true, true]);
  });
});

describe('service hours between two instants', () => {
  it('count what was promised, to the minute, over a day and over months', () => {
    const workdays = (at: Instant): Expectation => {
      const [day, hour] = [new Date(at).getUTCDay(), new Date(at).getUTCHours()];
      return day >= 1 && day <= 5 && hour >= 8 && hour < 20 ? 'open' : 'closed';
    };
    expect(serviceMs(NOW, NOW + DAY, workdays)).toBe(0);
    expect(serviceMs(NOW + DAY + 7.5 * HOUR, NOW + DAY + 8.25 * HOUR, workdays)).toBe(HOUR / 4);
    expect(serviceMs(NOW, NOW + 7 * DAY, workdays)).toBe(60 * HOUR);
    expect(serviceMs(NOW, NOW, workdays)).toBe(0);
    expect(Math.abs(serviceMs(NOW, NOW + 364 * DAY, workdays) / HOUR - 52 * 60)).toBeLessThan(24);
  });

  it('a memory of another making starts anew', () => {
    for (const kept of [undefined, null, 'x', { case: { number: '' } }, { case: 7 }, { triedAt: 'now' }])
      expect(readCases(kept)).toEqual({});
  });
});

contract('ticket', {
  transports: ['tcp', 'tls'],
  with: (port, transport, canary) => {
    const origin = `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}`;
    return {
      ...near,
      submit: { url: `${origin}/cases`, headers: { authorization: canary }, body: { text: 'test {{key}}' } },
      number: { pointer: '/number' },
      status: { url: `${origin}/{{number}}`, headers: { authorization: canary }, pointer: '/state', done: 'closed' },
      secrets: { key: canary },
    };
  },
});
