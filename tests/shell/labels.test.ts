/** What the page and the v2 JSON say of a disruption's course, in each language and in its own words: the words are written here again. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IncidentView, Snapshot, UpdateView } from '../../src/core/snapshot.ts';
import { publicReasonText } from '../../src/core/evidence.ts';
import { fault } from '../../src/core/fault.ts';
import { pages } from '../../src/page/pages.ts';
import { openPublic } from '../../src/server.ts';
import { blind, CHAT, DOMPET, HOTLINE, maintenance, NOW, snapshot } from '../lib/snapshots.ts';

const LANGUAGES = ['id', 'en', 'zh'] as const;
const MINUTE = 60_000;

let shown: Snapshot = blind;
let front: Awaited<ReturnType<typeof openPublic>>;
beforeAll(async () => {
  const listen = { host: '127.0.0.1', port: 0 };
  front = await openPublic({ pages, snapshot: () => shown, listen, now: () => NOW });
});
afterAll(() => front.close());

/** The page as it is read: markup, and what only isolates a name in it, left out. */
async function read(path: string, what: Snapshot): Promise<string> {
  shown = what;
  const text = await (await fetch(new URL(path, front.url))).text();
  return text.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
}

const update = (minutes: number, change: UpdateView['change'], channel = 'hotline'): UpdateView => ({
  at: NOW - minutes * MINUTE,
  change,
  channel,
});

/** The hotline and the chat in one disruption. */
const LONG: IncidentView = {
  id: 'dompet.hotline.m1',
  channel: 'hotline',
  channels: ['hotline', 'chat'],
  openedAt: NOW - 90 * MINUTE,
  impact: 'outage',
  cause: 'refused',
  why: { id: 'Sambungan langsung ditolak.', en: 'It refuses the connection at once.', zh: '连接立即被拒绝。' },
  updates: [
    update(89, 'opened'),
    update(88, 'joined', 'chat'),
    update(70, 'suspended'),
    update(50, 'continued'),
    update(40, 'resolved'),
    update(35, 'reopened'),
    update(20, 'unstable'),
  ],
};

const down = { status: 'major_outage', cause: 'refused', impact: 'outage', incident: LONG.id } as const;
const day = (incident: IncidentView, hotline: Partial<typeof HOTLINE> = down): Snapshot =>
  snapshot({
    channels: [{ ...HOTLINE, ...hotline }, { ...CHAT, ...down }, ...DOMPET.channels.slice(2)],
    incidents: [incident],
  });

/** By language, as in LANGUAGES. */
type Row = readonly [what: string, words: readonly [string, string, string]];

describe('the story of a disruption', () => {
  const rows: readonly Row[] = [
    ['failed again', ['Terganggu lagi.', 'Failed again.', '再次出现故障。']],
    ['unstable', ['Berulang kali terganggu lalu pulih.', 'It keeps failing and recovering.', '时好时坏，反复出现。']],
    [
      'on hold',
      [
        'Di luar jam layanan atau dalam pemeliharaan: ditunda.',
        'Outside support hours, or under maintenance: on hold.',
        '非服务时间或维护期间，暂停计时。',
      ],
    ],
    [
      'going on',
      [
        'Jam layanan mulai lagi: gangguan berlanjut.',
        'Support hours again: it goes on.',
        '服务时间开始，故障仍在持续。',
      ],
    ],
    ['another channel', ['Ikut terganggu: Chat.', 'Also affected: Live chat.', '在线客服也受到影响。']],
    ['all channels', ['Telepon dan Chat', 'Hotline and Live chat', '客服电话和在线客服']],
    ['why', ['Sambungan langsung ditolak.', 'It refuses the connection at once.', '连接立即被拒绝。']],
  ];
  it.each(rows)('tells %s in each language', async (_what, words) => {
    for (const [index, language] of LANGUAGES.entries())
      expect(await read(`/${language}/incidents/${LONG.id}`, day(LONG))).toContain(words[index]);
  });

  const courses: readonly [...Row, Partial<IncidentView>][] = [
    [
      'that it works again and is watched',
      ['Berfungsi kembali, masih dipantau', 'Works again, being watched', '已恢复，正在观察'],
      { mendedAt: NOW - 5 * MINUTE },
    ],
    [
      'that it was not over when support closed',
      [
        'Belum pulih saat layanan tutup.',
        'Not over when support closed. We will know when it opens again.',
        '客服下班时故障尚未恢复',
      ],
      { suspended: true },
    ],
    ['that it goes on', ['Masih berlangsung', 'Ongoing', '仍在持续'], {}],
  ];
  it.each(courses)('tells %s in each language', async (_what, words, course) => {
    for (const [index, language] of LANGUAGES.entries())
      expect(await read(`/${language}/incidents/${LONG.id}`, day({ ...LONG, ...course }))).toContain(words[index]);
  });

  it('stands at each of its channels, with why; and with what is seen now where that is something else', async () => {
    const both = await read('/en/', day(LONG));
    expect(both.match(/It refuses the connection at once\./g)).toHaveLength(2);
    const other = await read('/en/', day(LONG, { ...down, cause: 'silence' }));
    expect(other).toContain('The call connects, but there is no sound.');
    expect(other.match(/It refuses the connection at once\./g)).toHaveLength(1);
  });

  it('is not the reason of a channel that is closed', async () => {
    const { nextChange: _, ...closed } = { ...HOTLINE, ...down, status: 'closed' as const };
    const text = await read('/en/dompet/hotline', day({ ...LONG, suspended: true }, closed));
    expect(text).toContain('Not over when support closed.');
    expect(text).not.toContain('It refuses the connection at once.');
  });
});

describe('what is no disruption', () => {
  it('maintenance, as announced, until when', async () => {
    const words = ['Sedang dipelihara', 'Under maintenance', '维护中'];
    const until = ['perkiraan selesai 11.00 WIB', 'expected until 11:00 WIB', '预计11:00 WIB结束'];
    for (const [index, language] of LANGUAGES.entries()) {
      const text = await read(`/${language}/`, maintenance);
      expect(text).toContain(words[index]);
      expect(text).toContain(until[index]);
    }
  });

  it('that we cannot see, since when, and that it says nothing about the provider', async () => {
    const since = { ...blind, blindSince: NOW - 23 * MINUTE };
    const words = [
      'Sejak 09.30 WIB kami tidak dapat memeriksa layanan bantuan Dompet Contoh. Gangguan ada pada pemantauan kami, bukan berarti pada Dompet Contoh.',
      'We have not been able to check Dompet Contoh support since 09:30 WIB. The problem is in our monitoring and says nothing about Dompet Contoh.',
      '自 09:30 WIB 起，我们无法检查 Dompet Contoh 客服的情况。 问题出在我们的监测上，并不代表 Dompet Contoh 有故障。',
    ];
    for (const [index, language] of LANGUAGES.entries())
      expect(await read(`/${language}/`, since)).toContain(words[index]);
  });
});

describe('the decimal mark', () => {
  it('is that of the language', async () => {
    const slow = snapshot({ channels: [{ ...CHAT, answerMs: 1_540, promiseMs: 2_500 }] });
    const texts = await Promise.all(LANGUAGES.map(async (language) => await read(`/${language}/`, slow)));
    for (const text of texts) expect(text).not.toMatch(/NaN|undefined/);
    expect(texts.map((text) => /2[.,]5/.exec(text)?.[0])).toEqual(['2,5', '2.5', '2.5']);
  });

  it('is so in the reason of a slow answer, too', () => {
    const slow = { ...fault('SLOW', 'slow'), took: { ms: 3_420, promisedMs: 2_500 } };
    const reason = { kind: 'seen', cause: 'slow', target: 'a/b/c', fault: slow, of: 1 } as const;
    expect(LANGUAGES.map((language) => publicReasonText(reason, language).match(/\d+[.,]\d/g))).toEqual([
      ['2,5', '3,4'],
      ['2.5', '3.4'],
      ['2.5', '3.4'],
    ]);
  });
});

describe('Statuspage’s JSON of a disruption of several channels', () => {
  const json = async (name: string, what: Snapshot): Promise<Record<string, unknown>> => {
    shown = what;
    return (await (await fetch(new URL(`/api/v2/${name}.json`, front.url))).json()) as Record<string, unknown>;
  };

  it('names all of them, why, and each step', async () => {
    const { incidents } = (await json('incidents/unresolved', day(LONG))) as {
      incidents: { incident_updates: { body: string; affected_components: { code: string }[] }[] }[];
    };
    expect(incidents).toMatchObject([
      {
        id: LONG.id,
        name: 'Hotline, Live chat: Could not be reached',
        status: 'identified',
        monitoring_at: null,
        components: [
          { id: 'dompet.hotline', status: 'major_outage' },
          { id: 'dompet.chat', status: 'major_outage' },
        ],
      },
    ]);
    expect(incidents[0]?.incident_updates.map((each) => each.body)).toEqual([
      'It keeps failing and recovering.',
      'Failed again. It refuses the connection at once.',
      'Works again.',
      'Support hours again: it goes on.',
      'Outside support hours, or under maintenance: on hold.',
      'Also affected: Live chat.',
      expect.stringMatching(/ It refuses the connection at once\.$/) as string,
    ]);
    for (const each of incidents[0]?.incident_updates ?? [])
      expect(each.affected_components.map(({ code }) => code)).toEqual(['dompet.hotline', 'dompet.chat']);
  });

  it('calls what works again and is watched monitoring', async () => {
    const mendedAt = NOW - 5 * MINUTE;
    expect(await json('incidents/unresolved', day({ ...LONG, mendedAt }))).toMatchObject({
      incidents: [{ status: 'monitoring', monitoring_at: new Date(mendedAt).toISOString(), resolved_at: null }],
    });
  });
});
