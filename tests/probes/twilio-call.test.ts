/** The kind `twilio-call` against a vendor that checks every request: what becomes of a call, that it ends, that it is never doubled. */
import { describe, expect, it } from 'vitest';
import kind from '../../probes/twilio-call.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Finding } from '../../src/core/model.ts';
import { ACCOUNT, openVendor, send, TOKEN } from '../lib/twilio.ts';
import type { Manner, Vendor } from '../lib/twilio.ts';
import { contract, HOST, near } from '../contract/contract.ts';

let numbers = 0;
const token = new Secret(TOKEN, 'env:TOKEN');

interface Seen {
  readonly finding: Finding;
  readonly vendor: Vendor;
}

async function ring(
  manner: Partial<Manner>,
  settings: Record<string, unknown> = {},
  { timeoutMs = 20_000, stopMs = timeoutMs }: { timeoutMs?: number; stopMs?: number } = {},
): Promise<Seen> {
  const vendor = await openVendor(manner);
  const to = `+62215000${String((numbers += 1)).padStart(4, '0')}`;
  const parsed = kind.schema.parse({
    ...{ allow_private: true, account: ACCOUNT, token, from: '+622150849123', to, allow: [to] },
    ...{ base_url: vendor.base, hangup: 'after_listen', listen: '8s', ...settings },
  });
  const finding = await kind.look(parsed, {
    ...{ signal: AbortSignal.timeout(stopMs), startedAt: Date.now(), timeoutMs },
    ...{ runId: '0123456789abcdef0123456789abcdef', timezone: 'Asia/Jakarta' },
  });
  await vendor.close();
  expect(vendor.complaints).toEqual([]);
  expect(JSON.stringify(finding)).not.toContain(TOKEN);
  expect(JSON.stringify(finding)).not.toContain(btoa(`${ACCOUNT}:${TOKEN}`));
  return { finding, vendor };
}

const outcomeOf = ({ finding }: Seen): unknown[] => [finding.kind, finding.facts['outcome'], finding.facts['blame']];
/** No call of the vendor's is up. */
const states = ({ vendor }: Seen): string[] => vendor.calls.map((call) => vendor.statusOf(call));

const RINGS = [
  [0, 'queued'],
  [300, 'ringing'],
] as const;
const TALKS = [...RINGS, [900, 'in-progress']] as const;

describe.concurrent('what becomes of a call', () => {
  it('is answered, with what each part took', async () => {
    const seen = await ring({ stages: [...TALKS, [1_600, 'completed', 8]] });
    expect(seen.finding).toMatchObject({
      kind: 'ok',
      rung: 'answered',
      facts: { outcome: 'answered', talk_seconds: 8 },
    });
    const { queued = 0, ringing = 0, answer = 0 } = seen.finding.phases;
    expect([queued >= 300, ringing >= 100, answer >= 900, queued + ringing <= answer + 1]).toEqual(Array(4).fill(true));
    expect(seen.vendor.calls[0]?.fields).toMatchObject({
      ...{ Timeout: '30', TimeLimit: '11', Twiml: '<Response><Pause length="8"/></Response>' },
    });
  });

  it.each([
    ['busy', [[0, 'busy']], ['failed', 'busy', 'line']],
    ['no-answer', [...RINGS, [700, 'no-answer']], ['failed', 'no_answer', 'line']],
    ['failed, which may mean anything', [[0, 'failed']], ['unknown', 'upstream_failure', 'trunk']],
    ['ended by somebody else', [...RINGS, [700, 'canceled']], ['unknown', 'stalled', 'probe']],
    ['ended by the line at once', [...TALKS, [1_300, 'completed', 2]], ['failed', 'dropped', 'line']],
  ] as const)('%s', async (_, stages, outcome) => {
    expect(outcomeOf(await ring({ stages }))).toEqual(outcome);
  });

  it('rings, and by default nobody has to pick it up', async () => {
    const seen = await ring({ stages: RINGS }, { hangup: undefined });
    expect(seen.finding).toMatchObject({ kind: 'ok', rung: 'accepting', facts: { outcome: 'rang' } });
    expect(states(seen)).toEqual(['canceled']);
  });

  it('is hung up once it is answered, when that is enough', async () => {
    const seen = await ring({ stages: TALKS }, { hangup: 'on_answer' });
    expect(outcomeOf(seen)).toEqual(['ok', 'answered', 'line']);
    expect(states(seen)).toEqual(['completed']);
  });

  it('presses keys, plays a script, and says neither in its evidence', async () => {
    const settings = { send_digits: 'ww4711#', twiml: '<Response><Say>Tes</Say></Response>', hangup: undefined };
    const seen = await ring({ stages: [[0, 'failed']] }, settings);
    expect(seen.vendor.calls[0]?.fields).toMatchObject({
      SendDigits: 'ww4711#',
      Twiml: settings.twiml,
      TimeLimit: '55',
    });
    expect(JSON.stringify(seen.finding)).not.toMatch(/4711|Tes</);
  });

  it('keys that are a secret are pressed and never told', async () => {
    const digits = new Secret('ww4711#', 'env:PIN');
    const { finding, vendor } = await ring({ stages: [...RINGS, [900, 'failed']] }, { send_digits: digits });
    expect(vendor.calls[0]?.fields['SendDigits']).toBe('ww4711#');
    expect(finding.evidence).toHaveLength(1);
    expect(JSON.stringify(finding)).not.toContain('4711');
    const wrong = await ring({}, { send_digits: new Secret('call me', 'env:PIN') });
    expect(wrong.finding).toMatchObject({ kind: 'unknown', fault: { code: 'SETTINGS' } });
    expect(wrong.vendor.asked).toEqual([]);
  });

  it('speaks to SignalWire and Telnyx by settings', async () => {
    const stages = [...TALKS, [1_200, 'completed', 8]] as const;
    expect(outcomeOf(await ring({ stages, prefix: '/api/laml/2010-04-01' }))).toEqual(['ok', 'answered', 'line']);
    const telnyx = { stages, dialect: 'texml', auth: 'bearer', prefix: '/v2/texml', namesCalls: false } as const;
    const settings = { dialect: 'texml', auth: 'bearer', application: '1293384261075731499' };
    expect(outcomeOf(await ring(telnyx, settings))).toEqual(['ok', 'answered', 'line']);
  });
});

describe.concurrent('always ended', () => {
  it.each([
    ['queued', [[0, 'queued']], ['unknown', 'stalled', 'trunk'], 'canceled'],
    ['ringing', RINGS, ['failed', 'no_answer', 'line'], 'canceled'],
    ['in talk', TALKS, ['ok', 'answered', 'line'], 'completed'],
  ] as const)('at the deadline while %s', async (_, stages, outcome, state) => {
    const seen = await ring({ stages }, {}, { timeoutMs: 2_500 });
    expect(outcomeOf(seen)).toEqual(outcome);
    expect(states(seen)).toEqual([state]);
  });

  it('when the process stops, and then nobody is accused', async () => {
    const seen = await ring({ stages: RINGS }, {}, { stopMs: 900 });
    expect(seen.finding).toMatchObject({ kind: 'unknown', fault: { code: 'CANNOT_JUDGE' } });
    expect(states(seen)).toEqual(['canceled']);
  });

  it('when the vendor no longer says how it stands', async () => {
    const mishap: Manner['mishap'] = (asked, _, response) => {
      if (asked === 'read') send(response, 503, 'busy');
      return asked === 'read';
    };
    const seen = await ring({ stages: TALKS, mishap });
    expect(outcomeOf(seen)).toEqual(['unknown', 'upstream_failure', 'trunk']);
    expect(states(seen)).toEqual(['completed']);
  });

  it('although it was answered between the last look and the cancel', async () => {
    const stages = [...RINGS, [1_000, 'in-progress']] as const;
    let waited = false;
    const mishap: Manner['mishap'] = (asked) => {
      // The one thread that both share stands still until somebody has picked up.
      if (asked === 'end' && !waited) for (const from = performance.now(); performance.now() - from < 800;);
      waited ||= asked === 'end';
      return false;
    };
    const seen = await ring({ stages, mishap }, { hangup: 'on_ring' });
    expect(seen.vendor.asked.filter((each) => each.startsWith('end'))).toHaveLength(2);
    expect(states(seen)).toEqual(['completed']);
  });

  it('says so when it could not be ended', async () => {
    const mishap: Manner['mishap'] = (asked, _, response) => {
      if (asked === 'end') response.destroy();
      return asked === 'end';
    };
    expect((await ring({ stages: RINGS, mishap }, { hangup: 'on_ring' })).finding.facts).toMatchObject({
      perhaps_up: true,
    });
  });
});

describe.concurrent('never doubled', () => {
  const loses: Manner['mishap'] = (asked, _, response) => {
    if (asked === 'create') response.destroy();
    return asked === 'create';
  };
  const breaks: Manner['mishap'] = (asked, _, response) => {
    if (asked === 'create') send(response, 502, '<html>bad gateway</html>');
    return asked === 'create';
  };

  it.each([
    ['the answer is lost', loses],
    ['a gateway answers instead', breaks],
  ])('when %s, the call is found again and followed', async (_, mishap) => {
    const seen = await ring({ stages: [...TALKS, [1_600, 'completed', 8]], mishap });
    expect(outcomeOf(seen)).toEqual(['ok', 'answered', 'line']);
    expect(seen.vendor.asked.filter((each) => each === 'create')).toHaveLength(1);
  });

  it('when there is no call to be found, it is left at that', async () => {
    const seen = await ring({ mishap: loses, makesAnyway: false });
    expect(outcomeOf(seen)).toEqual(['unknown', 'unreachable', 'trunk']);
    expect(seen.finding.facts).toMatchObject({ perhaps_up: true });
    expect(seen.vendor.asked).toEqual(['list', 'create', 'list', 'list', 'list']);
  });

  it('a stop while nobody answers ends the call that rings', async () => {
    const silent: Manner['mishap'] = (asked) => asked === 'create';
    const seen = await ring({ stages: RINGS, mishap: silent }, {}, { stopMs: 600 });
    expect(seen.finding).toMatchObject({ kind: 'unknown' });
    expect(states(seen)).toEqual(['canceled']);
  });

  it('edge 38: what a process that died has left up is ended before the line is called again', async () => {
    const to = '+622150849556';
    const settings = { to, allow: [to], hangup: 'on_ring' };
    const seen = await ring({ stages: [...RINGS, [60_000, 'completed']], leftUp: to }, settings);
    expect(seen.finding).toMatchObject({ kind: 'ok', facts: { outcome: 'rang', left_over: 1 } });
    expect(seen.vendor.asked.slice(0, 3)).toEqual(['list', 'end CA-left', 'create']);
    expect(states(seen)).toEqual(['canceled', 'canceled']);
  });

  it('an earlier call to the same number is not taken for this one', async () => {
    const to = '+622150849555';
    const seen = await ring({ mishap: loses, makesAnyway: false, earlier: to }, { to, allow: [to] });
    expect(outcomeOf(seen)).toEqual(['unknown', 'unreachable', 'trunk']);
    expect(seen.finding.facts).not.toHaveProperty('sid');
  });
});

describe('refusals are ours', () => {
  it.each([
    [401, { code: 20_003, message: 'Authenticate' }, 'AUTH', 'auth_failed', 'probe'],
    [402, {}, 'NO_CREDIT', 'no_credit', 'probe'],
    [403, {}, 'TRUNK_REFUSED', 'rejected', 'trunk'],
    [400, { code: 21_210, message: 'From is not verified' }, 'SETTINGS', 'rejected', 'probe'],
    [422, { errors: [{ code: '10015', detail: 'bad To' }] }, 'SETTINGS', 'rejected', 'probe'],
    [429, { code: 20_429 }, 'RATE_LIMITED', 'rejected', 'probe'],
  ])('%s', async (status, body, code, outcome, blame) => {
    const mishap: Manner['mishap'] = (asked, _, response) => {
      if (asked !== 'list') send(response, status, body);
      return asked !== 'list';
    };
    const seen = await ring({ mishap, makesAnyway: false });
    expect(seen.finding).toMatchObject({ kind: 'unknown', fault: { code, blame }, facts: { outcome, blame } });
    expect(seen.vendor.asked).toEqual(['list', 'create']);
  });

  it('edge 18: tells when the vendor wants to be asked again', async () => {
    const mishap: Manner['mishap'] = (asked, _, response) => {
      if (asked !== 'list') response.setHeader('retry-after', '120');
      if (asked !== 'list') send(response, 429, { code: 20_429 });
      return asked !== 'list';
    };
    const { finding } = await ring({ mishap, makesAnyway: false });
    expect(finding).toMatchObject({ kind: 'unknown', fault: { code: 'RATE_LIMITED' }, facts: { retry_after: 120 } });
  });

  it('no call is made when the vendor does not even say which ones are up', async () => {
    const mishap: Manner['mishap'] = (_, __, response) => {
      send(response, 401, { code: 20_003 });
      return true;
    };
    const seen = await ring({ mishap, makesAnyway: false });
    expect(seen.finding).toMatchObject({ kind: 'unknown', fault: { code: 'AUTH' }, facts: { outcome: 'auth_failed' } });
    expect(seen.vendor.asked).toEqual(['list']);
  });

  it('a vendor that keeps no list is called all the same', async () => {
    const mishap: Manner['mishap'] = (asked, _, response) => {
      if (asked === 'list') send(response, 404, {});
      return asked === 'list';
    };
    expect((await ring({ stages: RINGS, mishap }, { hangup: 'on_ring' })).finding.facts['outcome']).toBe('rang');
  });

  it('one call to a number at a time', async () => {
    const seen = ring({ stages: RINGS }, { to: '+622150849777', allow: ['+622150849777'], hangup: 'on_ring' });
    const second = await ring({}, { to: '+622150849777', allow: ['+622150849777'] });
    expect(second.finding).toMatchObject({ kind: 'unknown', fault: { code: 'CANNOT_JUDGE' } });
    expect(second.vendor.asked).toEqual([]);
    expect((await seen).finding.kind).toBe('ok');
  });
});

describe('settings', () => {
  const base = { account: ACCOUNT, token, from: '+622150849123', to: '+622150849000', allow: ['+622150849000'] };
  it.each([
    [{ to: '+622150849001' }],
    [{ to: '110', allow: ['110'] }],
    [{ to: '+62809123456', allow: ['+62809123456'] }],
    [{ dialect: 'texml' }],
    [{ send_digits: '12 34' }],
    [{ send_digits: '1', hangup: 'on_ring' }],
    [{ token: TOKEN }],
    [{ ring_timeout: '10m' }],
  ])('%j is refused', (change) => {
    expect(kind.schema.safeParse(base).success).toBe(true);
    expect(kind.schema.safeParse({ ...base, ...change }).success).toBe(false);
  });
});

contract('twilio-call', {
  transports: ['tcp', 'tls'],
  with: (port, transport, canary) => {
    const number = `+6221501${String(port).padStart(5, '0')}`;
    const base = `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}/2010-04-01`;
    return {
      ...near,
      account: 'AC0',
      token: canary,
      from: '+622150849123',
      to: number,
      allow: [number],
      base_url: base,
    };
  },
});
