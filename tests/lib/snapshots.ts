/** Snapshots of a wallet's day, good and bad, for whoever needs something to show; it knows no page and no server. */
import type { ChannelView, IncidentView, ProviderView, Snapshot } from '../../src/core/snapshot.ts';

/** Tuesday 24 November 2026, 09:53 in Jakarta. */
export const NOW = Date.parse('2026-11-24T02:53:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** An instant of that Tuesday by Jakarta's clock; hours beyond 24 are on the next day. */
function wib(hour: number, minute = 0): number {
  return Date.parse('2026-11-23T17:00:00Z') + hour * HOUR + minute * MINUTE;
}

const OFFICE = {
  timezone: 'Asia/Jakarta',
  always: false,
  weekly: 'Mo-Fr 08:00-20:00; Sa 09:00-15:00; PH off',
} as const;
const ROUND = { timezone: 'Asia/Jakarta', always: true, weekly: '24/7', today: [] } as const;

export const HOTLINE: ChannelView = {
  ...OFFICE,
  id: 'hotline',
  kind: 'phone',
  name: { id: 'Telepon', en: 'Hotline', zh: '客服电话' },
  status: 'operational',
  since: wib(8),
  lastSeenAt: NOW - 12_000,
  stale: false,
  rung: 'accepting',
  answerMs: 41,
  promiseMs: 30_000,
  contact: 'tel:+622150849000',
  contactChecked: '2026-11-01',
  cost: { id: 'tarif lokal', en: 'local rate', zh: '按市话收费' },
  languages: ['id', 'en'],
  today: [{ from: wib(8), until: wib(20) }],
  nextChange: { at: wib(20), to: 'closed' },
};

export const CHAT: ChannelView = {
  ...ROUND,
  id: 'chat',
  kind: 'chat',
  name: { id: 'Chat', en: 'Live chat', zh: '在线客服' },
  status: 'operational',
  since: wib(-40),
  lastSeenAt: NOW - 20_000,
  stale: false,
  rung: 'answered_by_person',
  answerMs: 41_200,
  promiseMs: 60_000,
  contact: 'https://chat.dompet.example/mulai',
  contactChecked: '2026-11-01',
  languages: ['id', 'en', 'zh'],
};

const MAIL: ChannelView = {
  ...ROUND,
  id: 'mail',
  kind: 'email',
  name: { id: 'Email', en: 'E-mail', zh: '电子邮件' },
  status: 'operational',
  since: wib(-90),
  lastSeenAt: NOW - 50_000,
  stale: false,
  rung: 'accepting',
  answerMs: 310,
  contact: 'mailto:bantuan@dompet.example',
  contactChecked: '2026-11-01',
  languages: ['id', 'en'],
};

const HELP: ChannelView = {
  ...ROUND,
  id: 'help',
  kind: 'app_help',
  name: { id: 'Bantuan di aplikasi', en: 'In-app help', zh: '应用内帮助' },
  status: 'operational',
  since: wib(-300),
  lastSeenAt: NOW - 9_000,
  stale: false,
  rung: 'answered',
  answerMs: 120,
  contact: 'https://dompet.example/bantuan',
  contactChecked: '2026-11-01',
  languages: ['id'],
};

const NEWS: ChannelView = {
  ...ROUND,
  id: 'news',
  kind: 'announcements',
  name: { id: 'Pengumuman', en: 'Announcements', zh: '公告' },
  status: 'operational',
  since: wib(-300),
  lastSeenAt: NOW - 30_000,
  stale: false,
  rung: 'answered',
  answerMs: 200,
  contact: 'https://dompet.example/pengumuman',
  contactChecked: '2026-11-01',
  languages: ['id'],
};

export const DOMPET: ProviderView = {
  id: 'dompet',
  name: 'Dompet Contoh',
  homepage: 'https://dompet.example/',
  timezone: 'Asia/Jakarta',
  languages: ['id', 'en', 'zh'],
  indicator: 'none',
  channels: [HOTLINE, CHAT, MAIL, HELP, NEWS],
  fallbacks: [
    {
      name: { id: 'Layanan konsumen Bank Indonesia', en: 'Bank Indonesia contact centre', zh: '印尼央行客服中心' },
      contact: 'tel:131',
      source: 'https://www.bi.go.id/',
      checked: '2026-11-01',
    },
    {
      name: { id: 'Kontak OJK', en: 'OJK consumer contact', zh: '金融服务管理局热线' },
      contact: 'tel:157',
      source: 'https://www.ojk.go.id/',
      checked: '2026-11-01',
    },
  ],
  incidents: [],
  notices: [],
  maintenances: [],
};

const OVER: IncidentView = {
  id: 'dompet.chat.mhqx2k',
  channel: 'chat',
  openedAt: wib(-40, -25),
  resolvedAt: wib(-40),
  impact: 'degraded',
  cause: 'overload',
  updates: [
    { at: wib(-40, -24), change: 'opened' },
    { at: wib(-40, 1), change: 'resolved' },
  ],
};

const CUT: IncidentView = {
  id: 'dompet.hotline.mhsy4a',
  channel: 'hotline',
  openedAt: wib(9, 41),
  impact: 'outage',
  cause: 'refused',
  updates: [
    { at: wib(9, 42), change: 'opened' },
    { at: wib(9, 45), change: 'worsened' },
  ],
};

/** A snapshot of Dompet Contoh with some of it replaced. */
export function snapshot(provider: Partial<ProviderView> = {}, rest: Partial<Snapshot> = {}): Snapshot {
  const whole = { ...DOMPET, incidents: [OVER], ...provider };
  return { generatedAt: NOW, staleAfterMs: 180_000, blind: false, providers: [whole], ...rest };
}

const down = (channel: ChannelView, since: number, cause: ChannelView['cause'] = 'unreachable'): ChannelView => {
  const { answerMs: _, ...silent } = channel;
  return { ...silent, status: 'major_outage', rung: 'none', since, impact: 'outage', cause };
};

/** Everything works. */
export const good = snapshot();

/** The hotline is down, chat answers, and a notice names a window. */
export const hotlineDown = snapshot({
  indicator: 'major',
  channels: [{ ...down(HOTLINE, wib(9, 41), 'refused'), incident: CUT.id }, CHAT, MAIL, HELP, NEWS],
  incidents: [CUT, OVER],
  notices: [
    {
      channel: 'news',
      title: 'Pemeliharaan sistem telepon, Rabu 25 November pukul 01.00–03.00 WIB',
      link: 'https://dompet.example/pengumuman/1',
      kind: 'maintenance',
      publishedAt: wib(9),
      from: wib(25),
      until: wib(27),
      zoneExplicit: true,
      touches: ['hotline'],
    },
  ],
  maintenances: [{ channel: 'hotline', from: wib(25), until: wib(27) }],
});

/** The hotline is engaged and chat is slow: nothing is really good. */
export const rush = snapshot({
  indicator: 'minor',
  channels: [
    { ...HOTLINE, status: 'degraded_performance', cause: 'busy', since: wib(9, 10), impact: 'degraded' },
    {
      ...CHAT,
      status: 'degraded_performance',
      cause: 'slow',
      answerMs: 190_000,
      since: wib(9, 20),
      impact: 'degraded',
    },
  ],
});

const shut = (channel: ChannelView, opens: number): ChannelView => ({
  ...channel,
  ...OFFICE,
  status: 'closed',
  since: wib(20),
  today: [{ from: wib(8), until: wib(20) }],
  nextChange: { at: opens, to: 'open' },
});

/** 01:40 at night: nobody is there, and that is as promised. */
export const night: Snapshot = snapshot(
  { channels: [shut(HOTLINE, wib(32)), shut(CHAT, wib(31)), shut(MAIL, wib(32))] },
  { generatedAt: wib(25, 40) },
);

/** Nothing can be reached. */
export const allDown = snapshot({
  indicator: 'critical',
  channels: [
    { ...down(HOTLINE, wib(9, 41), 'refused'), incident: CUT.id },
    down(CHAT, wib(9, 38), 'server_error'),
    down(MAIL, wib(9, 44), 'timeout'),
    down(HELP, wib(9, 38), 'name_resolution'),
  ],
  incidents: [CUT, OVER],
});

/** Everything is being maintained until 11:00. */
export const maintenance = snapshot({
  indicator: 'maintenance',
  channels: [HOTLINE, CHAT].map((each) => ({ ...each, status: 'under_maintenance', since: wib(9) })),
  maintenances: ['hotline', 'chat'].map((channel) => ({ channel, from: wib(9), until: wib(11) })),
});

/** Nothing was seen yet. */
export const unseen = snapshot({
  channels: DOMPET.channels.map((each) => {
    const { since: _, lastSeenAt: __, answerMs: ___, ...rest } = each;
    return { ...rest, status: 'unknown', rung: 'none' };
  }),
});

/** Our own network is gone. */
export const blind = snapshot({}, { blind: true });

/** Strings of S-B1: markup, templates, direction overrides, towers of marks, NUL. */
export const HOSTILE_TEXTS = [
  '<img src=x onerror=alert(1)>',
  '</script><script>alert(1)</script>',
  '"><svg onload=alert(1)>',
  '{{7*7}}',
  '${7*7}',
  '\u202etxet desrever\u202c',
  `Z${'\u0351\u0367\u034a'.repeat(3_334)}`,
  'nul\u0000byte',
] as const;

/** Links of S-B2 that nobody may be led to. */
const HOSTILE_LINKS = [
  'javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:msgbox(1)',
  '//evil.example/',
  'https:\\\\evil.example/',
  '\u0001javascript:alert(1)',
  ' https://evil.example/',
  'https://bank.example@evil.example/',
] as const;

/** A provider whose every string is one of S-B1 or S-B2. */
export const hostile = snapshot({
  name: HOSTILE_TEXTS[0],
  homepage: HOSTILE_LINKS[0],
  channels: HOSTILE_TEXTS.map((text, at) => ({
    ...CHAT,
    id: `c${at}`,
    name: { id: text, en: text, zh: text },
    contact: HOSTILE_LINKS[at] ?? HOSTILE_LINKS[0],
    contactChecked: text.slice(0, 40),
    cost: { en: text },
    weekly: text,
  })),
  fallbacks: HOSTILE_LINKS.map((contact, at) => ({
    name: { en: HOSTILE_TEXTS[at] ?? '' },
    contact,
    source: contact,
    checked: '2026-11-01',
  })),
  notices: HOSTILE_LINKS.map((link, at) => ({
    channel: 'c0',
    title: HOSTILE_TEXTS[at] ?? '',
    link,
    kind: 'other',
    zoneExplicit: false,
    touches: [],
  })),
});

/** Two wallets on one page. */
export const two: Snapshot = {
  ...hotlineDown,
  providers: [...hotlineDown.providers, { ...DOMPET, id: 'saku', name: 'Saku', fallbacks: [] }],
};
