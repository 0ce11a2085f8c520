/** Announcements as providers write them, in three languages, and the window each one names; nothing here touches a network. */
import { describe, expect, test } from 'vitest';
import { findWindow } from '../../probes/lib/window.ts';

const PUBLISHED = Date.parse('2026-11-20T02:00:00Z');
const JAKARTA = { near: PUBLISHED, timezone: 'Asia/Jakarta' };
const SHANGHAI = { near: PUBLISHED, timezone: 'Asia/Shanghai' };

/** [text, from, until, zone explicit] */
type Story = readonly [text: string, from: string, until: string | undefined, explicit: boolean];

const INDONESIAN: readonly Story[] = [
  [
    'Pemeliharaan sistem Rabu, 25 November 2026 pukul 01.00 - 05.30 WIB',
    '2026-11-25T01:00+07:00',
    '2026-11-25T05:30+07:00',
    true,
  ],
  [
    'Layanan telepon tidak tersedia pada 25 Desember 2026 pukul 23.00 s/d 02.00 WITA',
    '2026-12-25T23:00+08:00',
    '2026-12-26T02:00+08:00',
    true,
  ],
  [
    'Chat akan dihentikan sementara hari ini pukul 22:00 hingga 23:30',
    '2026-11-20T22:00+07:00',
    '2026-11-20T23:30+07:00',
    false,
  ],
  [
    'Besok jam 10 malam sampai jam 2 pagi layanan top up tidak dapat digunakan.',
    '2026-11-21T22:00+07:00',
    '2026-11-22T02:00+07:00',
    false,
  ],
  [
    'Mulai: 28 Nov 2026 00.00 WIT\nSelesai: 28 Nov 2026 06.00 WIT',
    '2026-11-28T00:00+09:00',
    '2026-11-28T06:00+09:00',
    true,
  ],
  [
    'Diumumkan 20 November 2026 pukul 09.00. Pemeliharaan berlangsung 27/11/2026 pukul 01.00 sampai dengan 04.00 WIB.',
    '2026-11-27T01:00+07:00',
    '2026-11-27T04:00+07:00',
    true,
  ],
  [
    'Gangguan terencana: 30 November pukul 13.00 WIB selama 2 jam',
    '2026-11-30T13:00+07:00',
    '2026-11-30T15:00+07:00',
    true,
  ],
  [
    'Pukul 23.00 WIB tanggal 29 November 2026 hingga pukul 03.00 WIB keesokan harinya',
    '2026-11-29T23:00+07:00',
    '2026-11-30T03:00+07:00',
    true,
  ],
  [
    'Periode: 30 November 2026 22.00 WIB – 1 Desember 2026 04.00 WIB',
    '2026-11-30T22:00+07:00',
    '2026-12-01T04:00+07:00',
    true,
  ],
  ['Jadwal: 5 Januari, pukul 00.30–03.00 waktu Jakarta', '2027-01-05T00:30+07:00', '2027-01-05T03:00+07:00', true],
];

const ENGLISH: readonly Story[] = [
  [
    'Scheduled maintenance on 25 November 2026, 01:00 to 05:30 (UTC+8)',
    '2026-11-25T01:00+08:00',
    '2026-11-25T05:30+08:00',
    true,
  ],
  [
    'Published 20 Nov 2026. Our hotline will be unavailable from 01:00 to 05:00 on 25 Nov 2026 (GMT+7).',
    '2026-11-25T01:00+07:00',
    '2026-11-25T05:00+07:00',
    true,
  ],
  [
    'System upgrade: November 30, 2026 11:00 PM - 2:00 AM SGT',
    '2026-11-30T23:00+08:00',
    '2026-12-01T02:00+08:00',
    true,
  ],
  [
    'Live chat is closed from 2026-12-01 22:00 until 2026-12-02 04:00',
    '2026-12-01T22:00+07:00',
    '2026-12-02T04:00+07:00',
    false,
  ],
  ['Window 2026-12-03T18:00:00Z to 2026-12-03T20:30:00Z', '2026-12-03T18:00Z', '2026-12-03T20:30Z', true],
  [
    'Maintenance starts at 22:00 WIB on Friday, 27th of November, for approximately 3 hours.',
    '2026-11-27T22:00+07:00',
    '2026-11-28T01:00+07:00',
    true,
  ],
  ['Tomorrow 1-3 pm e-mail support will be slow', '2026-11-21T13:00+07:00', '2026-11-21T15:00+07:00', false],
  [
    'From 23:00 on 26 November to 02:00 the next day (UTC), refunds are paused',
    '2026-11-26T23:00Z',
    '2026-11-27T02:00Z',
    true,
  ],
  ['22:00 on 25 Nov to 02:00 on 27 Nov 2026 UTC+5:30', '2026-11-25T22:00+05:30', '2026-11-27T02:00+05:30', true],
  [
    'Dec 24, 09:00 – 17:00 Asia/Makassar: help centre read-only',
    '2026-12-24T09:00+08:00',
    '2026-12-24T17:00+08:00',
    true,
  ],
];

const CHINESE: readonly Story[] = [
  ['系统维护时间：2026年11月25日 01:00-05:30（UTC+8）', '2026-11-25T01:00+08:00', '2026-11-25T05:30+08:00', true],
  [
    '我们将于11月26日凌晨1点至5点进行系统升级，期间在线客服暂停服务。',
    '2026-11-26T01:00+08:00',
    '2026-11-26T05:00+08:00',
    false,
  ],
  ['2026/11/25 14:00 至 18:00 维护', '2026-11-25T14:00+08:00', '2026-11-25T18:00+08:00', false],
  ['北京时间11月27日下午2点30分至6点，客服热线暂停', '2026-11-27T14:30+08:00', '2026-11-27T18:00+08:00', true],
  ['11月28日晚上11点至次日凌晨2点停机维护', '2026-11-28T23:00+08:00', '2026-11-29T02:00+08:00', false],
  ['二〇二六年十二月一日零点至六点 系统維護（香港時間）', '2026-12-01T00:00+08:00', '2026-12-01T06:00+08:00', true],
  ['公告：11/26 23:30-02:00 系统维护', '2026-11-26T23:30+08:00', '2026-11-27T02:00+08:00', false],
  [
    '开始时间：2026-11-29 00:00 结束时间：2026-11-29 04:30 东八区',
    '2026-11-29T00:00+08:00',
    '2026-11-29T04:30+08:00',
    true,
  ],
  [
    '发布时间 2026年11月20日 10:00 。维护时间：２０２６年１１月３０日 ２：００～４：００',
    '2026-11-30T02:00+08:00',
    '2026-11-30T04:00+08:00',
    false,
  ],
  ['明天上午9时30分起维护，预计持续90分钟', '2026-11-21T09:30+08:00', '2026-11-21T11:00+08:00', false],
];

const stamp = (text: string): string => new Date(Date.parse(text.replace(/(T\d\d:\d\d)/, '$1:00'))).toISOString();

function tell(stories: readonly Story[], source: typeof JAKARTA): void {
  test.each(stories)('"%s" is read as %s to %s', (text, from, until, explicit) => {
    const found = findWindow(text, source);
    expect({
      from: found && new Date(found.from).toISOString(),
      until: found?.until === undefined ? undefined : new Date(found.until).toISOString(),
      explicit: found?.zoneExplicit,
    }).toEqual({ from: stamp(from), until: until === undefined ? undefined : stamp(until), explicit });
  });
}

describe('windows in Indonesian', () => tell(INDONESIAN, JAKARTA));
describe('windows in English', () => tell(ENGLISH, JAKARTA));
describe('windows in Chinese', () => tell(CHINESE, SHANGHAI));

describe('what is no window', () => {
  test.each([
    'Selamat datang di pusat bantuan kami.',
    'Version 2.10 of the app is out, with 24 fixes',
    'Libur nasional 25 Desember 2026',
    'Hubungi 021-5084-9000 atau 1500888',
    '客服热线 400-820-8820',
    'Jam layanan telepon: 08.00 - 20.00 WIB setiap hari',
    'Layanan akan kembali normal pada 25 November 2026 pukul 05.00 WIB',
    'We expect the chat to be restored by 10:00 on 25 November 2026',
    '预计于11月25日上午10点恢复',
    'Tarif naik dari 10.000 menjadi 12.500 rupiah',
  ])('"%s" names none', (text) => {
    expect(findWindow(text, JAKARTA)).toBeUndefined();
  });

  test('S-H3: the years 0 and 9999 and the thirtieth of February are no dates', () => {
    for (const day of ['0000-11-25', '9999-12-31', '2026-02-30']) {
      const found = findWindow(`maintenance ${day} 01:00 - 02:00 UTC`, JAKARTA);
      expect(found === undefined || found.ambiguous, day).toBe(true);
    }
  });
});

test('a zone that several countries use is not believed: the assumed one is taken and the reading is called ambiguous', () => {
  const found = findWindow('25 November 2026 01:00 - 02:00 CST', JAKARTA);
  expect(found).toMatchObject({ from: Date.parse('2026-11-25T01:00:00+07:00'), zoneExplicit: false, ambiguous: true });
});

test('a day and a month that could change places are called ambiguous', () => {
  expect(findWindow('05/11/2026 01:00 - 02:00 WIB', JAKARTA)).toMatchObject({ ambiguous: true });
  expect(findWindow('25/11/2026 01:00 - 02:00 WIB', JAKARTA)).toMatchObject({ ambiguous: false });
});

test('a start in the hour that the clocks skip is the first instant after it', () => {
  const found = findWindow('29 March 2026 02:30 - 04:00', {
    near: Date.parse('2026-03-20T00:00Z'),
    timezone: 'Europe/Berlin',
  });
  expect(found?.from).toBe(Date.parse('2026-03-29T03:30:00+02:00'));
});

test('S-H4: texts made to slow a pattern down cost no more than ordinary ones', () => {
  const evil = [
    '1'.repeat(4_000),
    '1-'.repeat(2_000),
    '12:'.repeat(1_300),
    '25 '.repeat(1_300),
    '十'.repeat(4_000),
    '1.1 - '.repeat(600),
    'a'.repeat(4_000),
    `${' '.repeat(3_900)}25 November`,
    '(+1'.repeat(1_300),
  ];
  const began = performance.now();
  for (const text of evil) findWindow(text, JAKARTA);
  expect(performance.now() - began).toBeLessThan(2_000);
});
