/** Who is there, by the word of each vendor, against stand-ins that follow what the vendors publish. */
import { afterEach, describe, expect, test } from 'vitest';
import kind from '../../probes/chat-presence.ts';
import { isOpen } from '../../probes/lib/chat/hours.ts';
import { Secret } from '../../src/core/secret.ts';
import { short } from '../lib/chat.ts';
import { INBOX, openChatwoot, WEBSITE } from '../lib/chatwoot.ts';
import { openDesk } from '../lib/desk.ts';
import type { Answered, Asked, Desk } from '../lib/desk.ts';
import { openRocketchat } from '../lib/rocketchat.ts';
import { MANNERS, openTcp } from '../lib/servers.ts';
import { lookWith } from '../peers/look.ts';
import { contract, HOST, near } from '../contract/contract.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function kept<Far extends { close(): Promise<void> }>(opening: Promise<Far>): Promise<Far> {
  const far = await opening;
  open.push(far);
  return far;
}

const desk = (answer: (asked: Asked) => Answered): Promise<Desk> => kept(openDesk(answer));
const see = (settings: Record<string, unknown>) => lookWith(kind, settings);

describe('Rocket.Chat', () => {
  const rocketchat = (url: string) => see({ preset: 'rocketchat', url, department: 'wallet' });

  test('an agent online is accepting, and never an answer', async () => {
    const far = await kept(openRocketchat());
    const finding = await rocketchat(far.url);
    expect(short(finding)).toBe('ok accepting');
    expect(finding.facts).toMatchObject({ online: true, known: 'presence', status: 200 });
    expect(far.asked).toEqual(['GET /api/v1/livechat/config']);
  });

  test('nobody online, or switched off, is told with its reason', async () => {
    const far = await kept(openRocketchat({ online: false }));
    const offline = await rocketchat(far.url);
    expect([short(offline), offline.facts['online']]).toEqual(['failed UNAVAILABLE accepting', false]);
    far.manner.enabled = false;
    expect(await rocketchat(far.url)).toMatchObject({ fault: { message: 'the live chat is switched off' } });
  });

  test('an address below a path is asked below it', async () => {
    const far = await desk(({ path }) => ({ status: path === '/chat/api/v1/livechat/config' ? 500 : 404 }));
    expect(short(await rocketchat(`${far.url}/chat/`))).toBe('failed SERVER_ERROR reachable');
  });
});

describe('Chatwoot', () => {
  const chatwoot = (url: string, more: Record<string, unknown> = {}) =>
    see({ preset: 'chatwoot', url, website_token: WEBSITE, ...more });

  test.each([
    [{ agents: ['online', 'offline'] }, 'ok accepting', 1],
    [{ agents: ['busy', 'offline'] }, 'failed UNAVAILABLE accepting', 0],
    [{ agents: ['online'], hours: 'closed' }, 'failed OUT_OF_OFFICE accepting', 1],
    [{ agents: ['online'], hours: 'open' }, 'ok accepting', 1],
    // Within its hours the widget promises an answer whoever is there.
    [{ agents: [], hours: 'open' }, 'degraded UNAVAILABLE accepting', 0],
  ] as const)('%j is %s', async (manner, words, online) => {
    const finding = await chatwoot((await kept(openChatwoot(manner))).url);
    expect([short(finding), finding.facts['agents_online']]).toEqual([words, online]);
  });

  test('many looks leave one contact', async () => {
    const far = await kept(openChatwoot());
    for (let turn = 0; turn < 3; turn += 1) await chatwoot(far.url);
    expect(far.contacts.size).toBe(1);
    expect(far.conversations).toEqual([]);
    const visitor = new Secret([...far.contacts][0] ?? '', 'env:VISITOR');
    await chatwoot(far.url, { visitor });
    expect(far.contacts.size).toBe(1);
  });

  test('of an API inbox only the hours can be known', async () => {
    const far = await kept(openChatwoot({ hours: 'closed', agents: [] }));
    const inbox = () => see({ preset: 'chatwoot', url: far.url, inbox: INBOX });
    expect(short(await inbox())).toBe('failed OUT_OF_OFFICE accepting');
    far.manner.hours = 'open';
    expect(await inbox()).toMatchObject({ kind: 'ok', facts: { known: 'working hours', online: null } });
  });

  test('hours hold in their own zone, to the minute, and an unknown zone is no closed door', () => {
    const day = (more: Record<string, unknown>) => [
      { day_of_week: 1, open_hour: 9, open_minutes: 30, close_hour: 17, close_minutes: 0, ...more },
    ];
    // A Monday; Jakarta is seven hours ahead.
    const at = (time: string) => Date.parse(`2026-11-23T${time}Z`);
    expect(isOpen(day({}), 'Asia/Jakarta', at('02:29:59'))).toBe(false);
    expect(isOpen(day({}), 'Asia/Jakarta', at('02:30:00'))).toBe(true);
    expect(isOpen(day({}), 'Asia/Jakarta', at('10:00:00'))).toBe(false);
    expect(isOpen(day({}), 'UTC', at('10:00:00'))).toBe(true);
    expect(isOpen(day({ closed_all_day: true }), 'UTC', at('10:00:00'))).toBe(false);
    expect(isOpen(day({ open_all_day: true }), 'UTC', at('23:59:30'))).toBe(true);
    expect(isOpen(day({}), 'Middle Earth', at('10:00:00'))).toBeUndefined();
    expect(isOpen(day({ open_hour: '9' }), 'UTC', at('10:00:00'))).toBeUndefined();
    expect(isOpen([], 'UTC', at('10:00:00'))).toBeUndefined();
  });
});

describe('LiveChat', () => {
  const livechat = (url: string, more: Record<string, unknown> = {}) =>
    see({ preset: 'livechat', url, organization_id: 'org-1', ...more });
  const configuration = (livechatPart: unknown, active = true): Answered => ({
    body: { organization_id: 'org-1', livechat_active: active, livechat: livechatPart },
  });

  test('without a token the widget’s own configuration tells which groups accept chats', async () => {
    let answer = configuration({ group_id: 0, online_group_ids: [0, 3] });
    const far = await desk(({ path, query }) =>
      path === '/v3.6/customer/action/get_dynamic_configuration' && query['organization_id'] === 'org-1'
        ? answer
        : { status: 404 },
    );
    expect(short(await livechat(far.url))).toBe('ok accepting');
    expect(short(await livechat(far.url, { group: 3 }))).toBe('ok accepting');
    expect(short(await livechat(far.url, { group: 4 }))).toBe('failed UNAVAILABLE accepting');
    answer = configuration({ group_id: 0 });
    expect(short(await livechat(far.url))).toBe('failed UNAVAILABLE accepting');
    answer = configuration({ group_id: 0, online_group_ids: [0], client_limit_exceeded: true });
    expect(short(await livechat(far.url))).toBe('failed OVERLOAD accepting');
    answer = configuration(undefined, false);
    expect(short(await livechat(far.url))).toBe('failed UNAVAILABLE accepting');
  });

  test('with a token the queue is told too, and a refused token is our own trouble', async () => {
    const token = new Secret('customer-access-token', 'env:LIVECHAT');
    const far = await desk(({ method, headers, body }) =>
      method === 'POST' && headers.authorization === 'Bearer customer-access-token'
        ? { body: { groups_status: { [JSON.stringify(body).replace(/\D/g, '')]: 'online_for_queue' } } }
        : { status: 401, body: { error: { type: 'authentication', message: 'Invalid access token' } } },
    );
    const finding = await livechat(far.url, { token, group: 2 });
    expect([short(finding), finding.facts['online']]).toEqual(['degraded OVERLOAD accepting', true]);
    const refused = await livechat(far.url, { token: new Secret('another-token', 'env:LIVECHAT') });
    expect(short(refused)).toBe('unknown AUTH none');
    expect(JSON.stringify([finding, refused])).not.toMatch(/access-token|another-token/);
  });

  test('the wrong region is asked once more in the right one, and an ending version is told as a fact', async () => {
    const far = await desk(({ headers }) =>
      headers['x-region'] === 'fra'
        ? { ...configuration({ group_id: 0, online_group_ids: [0] }), headers: { legacy: '2027-01-01' } }
        : { status: 421, body: { error: { type: 'misdirected_request', data: { region: 'fra' } } } },
    );
    const finding = await livechat(far.url);
    expect(short(finding)).toBe('ok accepting');
    expect(finding.facts['deprecated']).toEqual(['legacy: 2027-01-01']);
    expect(far.asked).toHaveLength(2);
  });
});

describe('Salesforce', () => {
  const IDS = { org_id: '00D2w00000CpQUW', deployment_id: '5722w000000HSZd', button_id: '5732w000000HUCDAA2' };
  const salesforce = (url: string) => see({ preset: 'salesforce', url, ...IDS });
  const message = (type: string, body: unknown): Answered => ({ body: { messages: [{ type, message: body }] } });

  test('a button that takes chats, with the wait; one that does not is told by silence', async () => {
    let result: Record<string, unknown> = { id: '5732w000000HUCD', isAvailable: true, estimatedWaitTime: 40 };
    const far = await desk(({ headers, query }) =>
      headers['x-liveagent-api-version'] === '62' && query['Availability.needEstimatedWaitTime'] === '1'
        ? message('Availability', { results: [result] })
        : { status: 400 },
    );
    const finding = await salesforce(far.url);
    expect([short(finding), finding.facts['estimated_wait']]).toEqual(['ok accepting', 40]);
    result = { id: '5732w000000HUCD' };
    expect(short(await salesforce(far.url))).toBe('failed UNAVAILABLE accepting');
    result = { id: '5732w000000XXXX', isAvailable: true };
    expect(short(await salesforce(far.url))).toBe('failed CONTENT reachable');
  });

  test('an organization that moved is followed once, by the guarded way', async () => {
    const there = await desk(() => message('Availability', { results: [{ id: IDS.button_id, isAvailable: true }] }));
    const here = await desk(() => message('SwitchServer', { newUrl: `${there.url}/chat` }));
    expect(short(await salesforce(here.url))).toBe('ok accepting');
    const trap = await desk(() => message('SwitchServer', { newUrl: 'http://169.254.169.254/latest' }));
    expect(await salesforce(trap.url)).toMatchObject({ fault: { code: 'ADDR_BLOCKED', blame: 'line' } });
  });
});

describe('a status page', () => {
  const COMPONENTS = [
    { id: 'c1', name: 'Chat', status: 'operational' },
    { id: 'c2', name: 'Widget', status: 'partial_outage' },
    { id: 'c3', name: 'API', status: 'major_outage' },
    { id: 'c4', name: 'Voice', status: 'under_maintenance' },
    { id: 'c5', name: 'New', status: 'sideways' },
  ];

  test.each([
    ['Chat', 'ok reachable'],
    ['c2', 'degraded SERVER_ERROR reachable'],
    ['API', 'failed SERVER_ERROR reachable'],
    ['Voice', 'degraded MAINTENANCE reachable'],
    ['New', 'failed CONTENT reachable'],
    ['None', 'failed CONTENT reachable'],
    [undefined, 'degraded SERVER_ERROR reachable'],
  ])('component %s is %s, and hearsay', async (component, words) => {
    const status = { indicator: 'minor', description: 'Partially Degraded Service' };
    const far = await desk(({ path }) =>
      path === '/api/v2/summary.json' ? { body: { status, components: COMPONENTS } } : { status: 404 },
    );
    const finding = await see({
      preset: 'statuspage',
      url: far.url,
      ...(component === undefined ? {} : { component }),
    });
    expect(short(finding)).toBe(words);
    if (finding.kind === 'ok')
      expect(finding.facts).toMatchObject({ online: null, known: 'what the vendor says of itself' });
  });
});

describe('widgets of which nothing more can be known', () => {
  const KEY = '5f0a1b2c/1gabc';
  const LOADER = { body: `(function(){${'x'.repeat(600)}})()`, headers: { 'content-type': 'application/javascript' } };
  const PAGE = { body: `<script src="https:\\/\\/embed.tawk.to\\/5f0a1b2c\\/1gabc"></script>` };
  const widget = (url: string, more: Record<string, unknown> = {}) =>
    see({ preset: 'widget', vendor: 'tawk', key: KEY, script: `${url}/loader.js`, page: `${url}/help`, ...more });
  const site = (loader: Answered, page: Answered) => desk(({ path }) => (path === '/help' ? page : loader));

  test('loader and key are there: widget reachable, and no word of anybody', async () => {
    const finding = await widget((await site(LOADER, PAGE)).url);
    expect(short(finding)).toBe('ok reachable');
    expect(finding.facts).toMatchObject({ known: 'widget reachable', online: null, vendor: 'tawk', embedded: true });
  });

  test.each([
    ['the page has another key', LOADER, { body: '<p>Hubungi kami' }, 'failed CONTENT reachable', 'contact_hidden'],
    ['the loader is a web page', { body: '<html>404' }, PAGE, 'failed CONTENT reachable', 'wrong_content'],
    ['the loader is nearly empty', { ...LOADER, body: '/**/' }, PAGE, 'failed CONTENT reachable', 'wrong_content'],
    ['the loader is gone', { status: 404 }, PAGE, 'failed STATUS reachable', 'wrong_content'],
    ['the page is broken', LOADER, { status: 502 }, 'failed SERVER_ERROR reachable', 'server_error'],
  ])('%s', async (_name, loader, page, words, cause) => {
    const finding = await widget((await site(loader, page)).url);
    expect(short(finding)).toBe(words);
    expect(finding).toMatchObject({ fault: { cause } });
  });

  test('a loader that its vendor serves from elsewhere is followed', async () => {
    const there = await desk(() => LOADER);
    const here = await desk(() => ({ status: 302, headers: { location: `${there.url}/shim.js` } }));
    expect(short(await widget(here.url, { page: undefined }))).toBe('ok reachable');
  });
});

describe('any JSON', () => {
  const custom = (url: string, more: Record<string, unknown> = {}) =>
    see({ url: `${url}/status?lang=id`, online: { pointer: '/chat/open', equals: true }, ...more });

  test('says online where the operator said it would', async () => {
    let body: unknown = { chat: { open: true } };
    const far = await desk(({ query }) => (query['lang'] === 'id' ? { body } : { status: 404 }));
    expect(short(await custom(far.url))).toBe('ok accepting');
    body = { chat: { open: false } };
    expect(short(await custom(far.url))).toBe('failed UNAVAILABLE accepting');
    body = { support: 'yes' };
    expect(short(await custom(far.url))).toBe('failed CONTENT reachable');
    body = '<html>Please log in';
    expect(short(await custom(far.url))).toBe('failed PROTO_GARBAGE reachable');
  });

  test.each([
    [{ status: 429 }, 'unknown RATE_LIMITED none'],
    [{ status: 503, body: 'Sedang dalam pemeliharaan' }, 'failed MAINTENANCE reachable'],
    [{ status: 503, headers: { 'retry-after': '60' } }, 'failed OVERLOAD reachable'],
    [{ status: 302, headers: { location: 'http://169.254.169.254/' } }, 'failed REDIRECT reachable'],
    [{ status: 401 }, 'failed REJECTED reachable'],
    [{ body: 'x'.repeat(300_000) }, 'failed TOO_LARGE reachable'],
    [{ body: '['.repeat(2_000) }, 'failed TOO_DEEP reachable'],
  ])('%j is %s', async (answer: Answered, words) => {
    const far = await desk(() => answer);
    expect(short(await custom(far.url))).toBe(words);
  });

  test('429 is overload, and when to come back is told', async () => {
    const far = await desk(() => ({ status: 429, headers: { 'retry-after': '90' } }));
    const busy = { kind: 'unknown', fault: { code: 'RATE_LIMITED', cause: 'overload' }, facts: { retry_after: 90 } };
    expect(await custom(far.url)).toMatchObject(busy);
    const key = { preset: 'widget', vendor: 'tawk', key: 'abcdef/default' };
    expect(await see({ ...key, script: `${far.url}/widget.js` })).toMatchObject(busy);
  });

  test('a secret header is sent, and told to nobody', async () => {
    const key = new Secret('s3cr3t-api-key', 'env:KEY');
    const far = await desk(({ headers }) => ({ body: { chat: { open: false }, you: headers['x-key'] } }));
    const text = JSON.stringify(await custom(far.url, { headers: { 'x-key': key } }));
    expect(text).toContain('UNAVAILABLE');
    expect(text).not.toContain('s3cr3t-api-key');
  });
});

describe('rude far sides', () => {
  const presets: readonly (readonly [string, Record<string, unknown>])[] = [
    ['rocketchat', {}],
    ['livechat', { organization_id: 'org-1' }],
    ['livechat', { organization_id: 'org-1', token: new Secret('customer-access-token', 'env:LIVECHAT') }],
    ['salesforce', { org_id: '0'.repeat(15), deployment_id: '0'.repeat(15), button_id: '0'.repeat(15) }],
    ['statuspage', {}],
    ['chatwoot', { inbox: INBOX }],
    ['custom', { online: { pointer: '/a', equals: true } }],
  ];

  test.each(MANNERS)(
    '%s: no preset takes it for presence, and none waits beyond its deadline [S-A5]',
    async (manner) => {
      const far = await kept(openTcp(manner));
      const url = `http://127.0.0.1:${far.port}`;
      const began = performance.now();
      const findings = await Promise.all([
        ...presets.map(([preset, more]) => lookWith(kind, { preset, url, ...more }, 600)),
        lookWith(kind, { preset: 'widget', vendor: 'tawk', key: 'abcd', script: url, page: url }, 600),
      ]);
      expect(performance.now() - began).toBeLessThan(2_500);
      for (const finding of findings) expect(['failed', 'unknown']).toContain(finding.kind);
      await expect.poll(() => far.open(), { timeout: 2_000 }).toBe(0);
    },
  );
});

test.each([
  ['no preset and no pointer', { preset: undefined, department: undefined }],
  ['a preset that does not exist', { preset: 'zendesk' }],
  ['a key of another preset', { website_token: 'abcdef' }],
  ['neither token nor inbox', { preset: 'chatwoot', department: undefined }],
  ['a widget without a key', { preset: 'widget', vendor: 'tawk', department: undefined, url: undefined }],
])('settings with %s are refused', (_name, more) => {
  const settings = Object.fromEntries(
    Object.entries({ ...kind.example, ...more }).filter(([, value]) => value !== undefined),
  );
  expect(kind.schema.safeParse(settings).success).toBe(false);
});

contract('chat-presence', {
  transports: ['tcp', 'tls'],
  with: (port, transport, canary) => ({
    ...near,
    preset: 'chatwoot',
    url: `${transport === 'tls' ? 'https' : 'http'}://${HOST}:${port}`,
    website_token: canary,
  }),
});
