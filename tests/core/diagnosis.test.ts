/** From what was seen to one cause: a table of situations, and what each of them is called. */
import { describe, expect, it } from 'vitest';
import { diagnose, type Neighbour, type Surroundings } from '../../src/core/diagnosis.ts';
import { publicReasonText, reasonText } from '../../src/core/evidence.ts';
import { fault, FAULTS, type Fault, type FaultCode } from '../../src/core/fault.ts';
import {
  CAUSES,
  LANGUAGES,
  type Cause,
  type Impact,
  type Lost,
  type Member,
  type Notice,
  type Reason,
} from '../../src/core/model.ts';

const ONSET = Date.UTC(2026, 10, 22, 3);
const HOUR = 3_600_000;
const QUIET: Surroundings = { notices: [], releases: [], neighbours: [], hosts: new Map(), blind: false };

interface Sick {
  readonly impact?: Impact;
  readonly better?: Partial<Pick<Fault, 'cause' | 'blame'>>;
  readonly over?: boolean;
  readonly since?: number;
}

const sick = (
  target: string,
  code: FaultCode,
  { impact = 'outage', better = {}, over = false, since = ONSET }: Sick = {},
): Member => ({
  target: `w/${target}`,
  since,
  impact,
  fault: fault(code, `10.0.0.7 said ${code}`, better),
  probe: 'scripted',
  ...(over && { resolvedAt: since + 1 }),
});
const notice = (extra: Partial<Notice> = {}): Notice => ({
  title: 'Pemeliharaan sistem',
  channels: [],
  kind: 'maintenance',
  matched: 'pemeliharaan',
  from: ONSET - HOUR,
  until: ONSET + HOUR,
  ...extra,
});
const near = (target: string, state: Neighbour['state'], extra: Partial<Neighbour> = {}): Neighbour => ({
  target,
  provider: target.slice(0, target.indexOf('/')),
  host: null,
  state,
  ...extra,
});
const dead = (target: string, cause: Cause = 'timeout', host: string | null = null) =>
  near(target, 'down', { cause, host });
const hosts = (...pairs: readonly (readonly [string, string])[]) =>
  new Map(pairs.map(([id, host]) => [`w/${id}`, host]));

type Row = readonly [
  title: string,
  members: readonly Member[],
  around: Partial<Surroundings>,
  cause: Cause,
  because?: RegExp,
];

const REFUSED = [sick('hotline/trunk', 'TCP_REFUSED')];
const SILENT = [sick('hotline/trunk', 'UDP_SILENT')];
const LOST = [sick('help/page', 'SELECTOR_LOST')];

const ROWS: readonly Row[] = [
  // One target, or several of one channel.
  ['nothing fails any more', [sick('hotline/a', 'BUSY', { over: true })], {}, 'unknown', /no failing target is left/],
  ['one target refuses', REFUSED, {}, 'refused', /^trunk: 10\.0\.0\.7 said TCP_REFUSED \(TCP_REFUSED\)$/],
  [
    'a name that is lost explains a timeout beside it',
    [sick('a/x', 'DEADLINE'), sick('a/y', 'DNS_NXDOMAIN')],
    {},
    'name_resolution',
    /^y/,
  ],
  [
    'an expired certificate explains a timeout beside it',
    [sick('a/x', 'DEADLINE'), sick('a/y', 'CERT_EXPIRED')],
    {},
    'tls',
  ],
  [
    'an outage counts before a degradation',
    [sick('a/x', 'CERT_EXPIRING', { impact: 'degraded' }), sick('a/y', 'UDP_SILENT')],
    {},
    'timeout',
  ],
  ['degradations alone are explained too', [sick('a/x', 'SLOW', { impact: 'degraded' })], {}, 'slow'],
  [
    'what recovered says nothing',
    [sick('a/x', 'DNS_NXDOMAIN', { over: true }), sick('a/y', 'NO_REPLY')],
    {},
    'no_answer',
  ],
  ['a server error explains a wrong page', [sick('a/x', 'CONTENT'), sick('a/y', 'SERVER_ERROR')], {}, 'server_error'],
  ['the probe may know better than the code', [sick('a/x', 'REJECTED', { better: { cause: 'busy' } })], {}, 'busy'],
  // Overload told from failure.
  ['busy lines are busy', [sick('hotline/call', 'BUSY')], {}, 'busy'],
  ['429 is overload', [sick('help/api', 'RATE_LIMITED')], {}, 'overload'],
  ['503 with Retry-After is overload', [sick('help/api', 'OVERLOAD')], {}, 'overload'],
  ['500 is a failure', [sick('help/api', 'SERVER_ERROR')], {}, 'server_error'],
  ['a queue in the chat is overload', [sick('chat/socket', 'OVERLOAD', { impact: 'degraded' })], {}, 'overload'],
  ['mail put off with 4xx is overload', [sick('mail/mx', 'DEFERRED')], {}, 'overload'],
  ['mail refused with 5xx is not', [sick('mail/mx', 'MAIL_REFUSED')], {}, 'rejected'],
  [
    'overload explains the timeouts beside it',
    [sick('help/a', 'DEADLINE'), sick('help/b', 'RATE_LIMITED')],
    {},
    'overload',
  ],
  [
    'overload explains server errors beside it',
    [sick('help/a', 'SERVER_ERROR'), sick('help/b', 'OVERLOAD')],
    {},
    'overload',
  ],
  [
    'a refusing door is not overload',
    [sick('help/a', 'TCP_REFUSED'), sick('help/b', 'SLOW', { impact: 'degraded' })],
    {},
    'refused',
  ],
  // Maintenance told from failure by the notices.
  [
    'a window that covers the onset',
    REFUSED,
    { notices: [notice()] },
    'maintenance',
    /“Pemeliharaan sistem”, from 2026-11-22 02:00 UTC until 2026-11-22 04:00 UTC/,
  ],
  ['a window that names this channel', REFUSED, { notices: [notice({ channels: ['hotline'] })] }, 'maintenance'],
  [
    'a window that names it among others',
    REFUSED,
    { notices: [notice({ channels: ['chat', 'hotline'] })] },
    'maintenance',
  ],
  ['a window that names another channel', REFUSED, { notices: [notice({ channels: ['chat'] })] }, 'refused'],
  ['a window that is over', REFUSED, { notices: [notice({ until: ONSET })] }, 'refused'],
  [
    'a window that is still to come',
    REFUSED,
    { notices: [notice({ from: ONSET + HOUR, until: ONSET + 2 * HOUR })] },
    'refused',
  ],
  [
    'a window that begins some minutes after the failure',
    REFUSED,
    { notices: [notice({ from: ONSET + 5 * 60_000 })] },
    'maintenance',
  ],
  [
    'a beginning without an end holds for some hours',
    REFUSED,
    { notices: [{ ...notice(), until: undefined } as unknown as Notice] },
    'maintenance',
  ],
  [
    'and not for ever',
    REFUSED,
    { notices: [{ ...notice({ from: ONSET - 9 * HOUR }), until: undefined } as unknown as Notice] },
    'refused',
  ],
  [
    'a notice without a window',
    REFUSED,
    { notices: [{ title: 'x', channels: [], kind: 'maintenance', matched: 'x' }] },
    'refused',
  ],
  ['a notice of an incident is no maintenance', REFUSED, { notices: [notice({ kind: 'incident' })] }, 'refused'],
  ['a notice that it is resolved is no maintenance', REFUSED, { notices: [notice({ kind: 'resolved' })] }, 'refused'],
  ['any other news is no maintenance', REFUSED, { notices: [notice({ kind: 'other' })] }, 'refused'],
  [
    'the right notice among wrong ones',
    REFUSED,
    { notices: [notice({ kind: 'other' }), notice({ title: 'B' })] },
    'maintenance',
    /“B”/,
  ],
  ['maintenance that the far side itself tells', [sick('help/api', 'MAINTENANCE')], {}, 'maintenance'],
  ['maintenance before overload', [sick('help/api', 'OVERLOAD')], { notices: [notice()] }, 'maintenance'],
  [
    'maintenance before an app release',
    LOST,
    { notices: [notice()], releases: [{ version: '2.1', at: ONSET - HOUR }] },
    'maintenance',
  ],
  // A new version of the app.
  [
    'a release an hour before',
    LOST,
    { releases: [{ version: '4.88.0', at: ONSET - HOUR }] },
    'app_release',
    /60 min after release 4\.88\.0/,
  ],
  [
    'a release five hours before',
    LOST,
    { releases: [{ version: '4.88.0', at: ONSET - 5 * HOUR }] },
    'app_release',
    /5 h after/,
  ],
  ['a release yesterday', LOST, { releases: [{ version: '4.88.0', at: ONSET - 24 * HOUR }] }, 'wrong_content'],
  ['a release after the onset', LOST, { releases: [{ version: '4.88.0', at: ONSET + 1 }] }, 'wrong_content'],
  [
    'the newest release that precedes it',
    LOST,
    {
      releases: [
        { version: '1', at: ONSET - 3 * HOUR },
        { version: '2', at: ONSET - HOUR },
      ],
    },
    'app_release',
    /release 2 /,
  ],
  ['a release breaks no telephone line', REFUSED, { releases: [{ version: '4.88.0', at: ONSET - HOUR }] }, 'refused'],
  [
    'a release loses no name in DNS',
    [sick('help/a', 'DNS_NXDOMAIN')],
    { releases: [{ version: '2', at: ONSET - HOUR }] },
    'name_resolution',
  ],
  [
    'a release may break the help service',
    [sick('help/api', 'SERVER_ERROR')],
    { releases: [{ version: '2', at: ONSET - HOUR }] },
    'app_release',
  ],
  [
    'a release explains only what it can break',
    [...LOST, ...REFUSED],
    { releases: [{ version: '2', at: ONSET - HOUR }] },
    'refused',
  ],
  // Our own network.
  ['the canaries do not answer', REFUSED, { blind: true }, 'our_network', /our own network: the canaries/],
  ['the canaries before any notice', REFUSED, { blind: true, notices: [notice()] }, 'our_network'],
  ['no route from here', [sick('hotline/trunk', 'NO_ROUTE')], {}, 'our_network', /trunk: 10\.0\.0\.7 said NO_ROUTE/],
  ['port 25 is shut where we are', [sick('mail/mx', 'VANTAGE_PORT')], {}, 'our_network'],
  ['no route for one, and another refuses', [sick('mail/mx', 'NO_ROUTE'), ...REFUSED], {}, 'refused'],
  [
    'targets of two providers are silent at once',
    SILENT,
    { neighbours: [dead('w/chat/a'), dead('v/chat/a'), dead('v/mail/a', 'unreachable')] },
    'our_network',
    /4 targets of 2 providers/,
  ],
  [
    'one of them answers',
    SILENT,
    { neighbours: [dead('w/chat/a'), dead('v/chat/a'), near('v/mail/a', 'up')] },
    'timeout',
  ],
  [
    'one of them refuses: that is an answer',
    SILENT,
    { neighbours: [dead('w/chat/a'), dead('v/chat/a'), dead('v/mail/a', 'refused')] },
    'timeout',
  ],
  [
    'only one other provider is not looked at',
    SILENT,
    { neighbours: [dead('w/chat/a'), dead('w/mail/a'), near('v/mail/a', 'unknown')] },
    'timeout',
  ],
  [
    'a refusal is never our network',
    REFUSED,
    { neighbours: [dead('w/chat/a'), dead('v/chat/a'), dead('v/mail/a')] },
    'refused',
  ],
  // How far it reaches.
  [
    'every target of the provider',
    SILENT,
    { neighbours: [dead('w/chat/a'), dead('w/mail/a')] },
    'timeout',
    /all 3 targets of the provider fail/,
  ],
  ['every target but one', SILENT, { neighbours: [dead('w/chat/a'), near('w/mail/a', 'up')] }, 'timeout', /^trunk/],
  [
    'two channels on one host',
    SILENT,
    { hosts: hosts(['hotline/trunk', 'h1']), neighbours: [dead('w/chat/a', 'timeout', 'h1'), near('w/mail/a', 'up')] },
    'timeout',
    /2 targets on h1 fail and none there answers/,
  ],
  [
    'one of them answers on that host',
    SILENT,
    {
      hosts: hosts(['hotline/trunk', 'h1']),
      neighbours: [dead('w/chat/a', 'timeout', 'h1'), near('w/mail/a', 'up', { host: 'h1' })],
    },
    'timeout',
    /^trunk/,
  ],
  [
    'two targets of one channel on one host',
    [...SILENT, sick('hotline/call', 'UDP_SILENT')],
    { hosts: hosts(['hotline/trunk', 'h1'], ['hotline/call', 'h1']), neighbours: [near('w/mail/a', 'up')] },
    'timeout',
    /2 targets on h1/,
  ],
  [
    'what we cannot see says nothing',
    SILENT,
    { neighbours: [near('w/chat/a', 'unknown'), near('w/mail/a', 'unknown')] },
    'timeout',
    /^trunk/,
  ],
  [
    'another provider on the same host',
    SILENT,
    { hosts: hosts(['hotline/trunk', 'h1']), neighbours: [dead('v/chat/a', 'timeout', 'h1'), near('w/mail/a', 'up')] },
    'timeout',
    /on h1/,
  ],
];

describe('a diagnosis', () => {
  it.each(ROWS.map(([title, ...rest]) => ({ title, rest })))(
    '$title',
    ({ rest: [members, around, cause, because = /./] }) => {
      const found = diagnose(members, { ...QUIET, ...around });
      expect(found.cause).toBe(cause);
      expect(found.because).toMatch(because);
    },
  );

  it.each(Object.keys(FAULTS) as FaultCode[])(
    'of %s alone, with nothing else known, is the cause of that fault',
    (code) => {
      const expected = FAULTS[code].blame === 'network' ? 'our_network' : FAULTS[code].cause;
      expect(diagnose([sick('a/x', code)]).cause).toBe(expected);
    },
  );

  it('is the same in whatever order the members came', () => {
    const members = [sick('a/x', 'DEADLINE'), sick('a/y', 'CERT_EXPIRED'), sick('a/z', 'BUSY')];
    expect(diagnose(members.toReversed())).toEqual(diagnose(members));
  });
});

describe('the evidence', () => {
  const reasons: Reason[] = ROWS.map(([, members, around]) => diagnose(members, { ...QUIET, ...around }).reason);

  it.each(LANGUAGES)('is one sentence in %s for operators and one for the public, for every situation', (language) => {
    for (const reason of reasons) {
      const [own, open] = [reasonText(reason, language), publicReasonText(reason, language)];
      expect(own.length).toBeGreaterThan(5);
      expect(open).toMatch(/[.。]$/);
      // What the far side said, where it stands and what we call our targets is nobody else's business.
      expect(open).not.toMatch(/10\.0|said|h1|trunk|Pemeliharaan sistem|4\.88|[A-Z]+_[A-Z]+/);
    }
  });

  it.each(LANGUAGES)('has a sentence of its own for every cause in %s', (language) => {
    const sentences = CAUSES.map((cause) =>
      publicReasonText({ kind: 'seen', cause, target: 'w/a/b', fault: fault('STATUS', 'x'), of: 1 }, language),
    );
    expect(new Set(sentences).size).toBe(CAUSES.length);
  });
});

/** Each witness of our own network, as the evidence names it in English, Indonesian and Chinese. */
const WITNESSES: readonly (readonly [Lost | undefined, string, string, string])[] = [
  ['link', 'no network link is up', 'tidak ada sambungan jaringan yang aktif', '没有可用的网络连接'],
  ['route', 'there is no default route', 'tidak ada rute bawaan', '没有默认路由'],
  ['gateway', 'the gateway does not answer', 'gateway tidak menjawab', '网关没有响应'],
  [
    'upstream',
    'the gateway answers, and nothing beyond it does',
    'gateway menjawab, tetapi tidak ada yang menjawab di luarnya',
    '网关有响应，但网关以外均无响应',
  ],
  ['name server', 'our name server does not answer', 'server nama kami tidak menjawab', '我们的域名服务器没有响应'],
  [undefined, 'the canaries do not answer', 'alamat pembanding kami tidak menjawab', '用于自检的地址没有响应'],
];

describe('the evidence for our own network', () => {
  it.each(WITNESSES.map(([lost, en, id, zh]) => ({ witness: lost ?? 'canaries', lost, en, id, zh })))(
    'names the witness in each language: $witness',
    ({ lost, en, id, zh }) => {
      const { cause, reason } = diagnose([sick('trunk/x', 'TCP_TIMEOUT')], { ...QUIET, blind: true, lost });
      expect(cause).toBe('our_network');
      expect(reasonText(reason, 'en')).toBe(`our own network: ${en}`);
      expect(reasonText(reason, 'id')).toBe(`jaringan kami sendiri: ${id}`);
      expect(reasonText(reason, 'zh')).toBe(`我们自己的网络：${zh}`);
    },
  );
});
