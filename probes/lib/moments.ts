/** Finds dates, times of day, zones and spans in free text (id, en, zh). It knows how they are written, not what they mean together. */

/** A zone as written: minutes east of UTC, an IANA name, or letters that mean different zones in different countries. */
export type Zone =
  | { readonly kind: 'offset'; readonly minutes: number }
  | { readonly kind: 'named'; readonly id: string }
  | { readonly kind: 'ambiguous' };

/** Which half of the day a clock time was said to be in. */
export type Half = 'am' | 'pm' | undefined;

export type Meaning =
  | {
      readonly is: 'date';
      readonly year?: number;
      readonly month: number;
      readonly day: number;
      readonly doubtful: boolean;
    }
  /** Days after the day of publication. */
  | { readonly is: 'relative'; readonly days: number }
  /** "The next day": after the day of the start. */
  | { readonly is: 'nextday' }
  | { readonly is: 'time'; readonly hour: number; readonly minute: number; readonly half: Half }
  | { readonly is: 'zone'; readonly zone: Zone }
  | { readonly is: 'span'; readonly minutes: number };

export type Moment = Meaning & { readonly start: number; readonly end: number };

const MONTHS: Readonly<Record<string, number>> = {
  ...{ jan: 1, january: 1, januari: 1, feb: 2, february: 2, februari: 2, mar: 3, march: 3, maret: 3, apr: 4, april: 4 },
  ...{
    may: 5,
    mei: 5,
    jun: 6,
    june: 6,
    juni: 6,
    jul: 7,
    july: 7,
    juli: 7,
    aug: 8,
    august: 8,
    agu: 8,
    ags: 8,
    agustus: 8,
  },
  ...{ sep: 9, sept: 9, september: 9, oct: 10, october: 10, okt: 10, oktober: 10, nov: 11, november: 11 },
  ...{ dec: 12, december: 12, des: 12, desember: 12 },
};

const offset = (hours: number): Zone => ({ kind: 'offset', minutes: hours * 60 });
const named = (id: string): Zone => ({ kind: 'named', id });
const AMBIGUOUS: Zone = { kind: 'ambiguous' };

/** Letters are no IANA names (`WIB` makes Temporal throw), so they have a table of their own. */
const ZONES: Readonly<Record<string, Zone>> = {
  ...{
    utc: offset(0),
    gmt: offset(0),
    wib: offset(7),
    wita: offset(8),
    wit: offset(9),
    sgt: offset(8),
    myt: offset(8),
    hkt: offset(8),
  },
  ...{
    pht: offset(8),
    ict: offset(7),
    jst: offset(9),
    kst: offset(9),
    pst: offset(-8),
    pdt: offset(-7),
    est: offset(-5),
    edt: offset(-4),
  },
  ...{ pt: named('America/Los_Angeles'), et: named('America/New_York'), cet: offset(1), cest: offset(2) },
  // China or Chicago, India or Israel, Britain or Bangladesh: whoever guesses is hours off.
  ...{ cst: AMBIGUOUS, ist: AMBIGUOUS, bst: AMBIGUOUS },
  ...{
    北京时间: offset(8),
    北京時間: offset(8),
    东八区: offset(8),
    東八區: offset(8),
    中国标准时间: offset(8),
    台北時間: offset(8),
  },
  ...{
    台北时间: offset(8),
    香港时间: offset(8),
    香港時間: offset(8),
    新加坡时间: offset(8),
    雅加达时间: offset(7),
    印尼西部时间: offset(7),
  },
  ...{ 'beijing time': offset(8), 'singapore time': offset(8), 'jakarta time': offset(7), 'waktu jakarta': offset(7) },
  ...{ 'waktu indonesia barat': offset(7), 'waktu indonesia tengah': offset(8), 'waktu indonesia timur': offset(9) },
};

const DAYS: Readonly<Record<string, number>> = {
  ...{ 今天: 0, 今日: 0, 今晚: 0, 今晨: 0, 明天: 1, 明日: 1, 明早: 1, 明晚: 1, 后天: 2, 後天: 2 },
  ...{ today: 0, tonight: 0, tomorrow: 1, 'hari ini': 0, 'malam ini': 0, besok: 1, lusa: 2 },
};

const HALVES: Readonly<Record<string, Half>> = {
  ...{
    凌晨: 'am',
    清晨: 'am',
    早上: 'am',
    早晨: 'am',
    上午: 'am',
    中午: 'pm',
    下午: 'pm',
    傍晚: 'pm',
    晚上: 'pm',
    晚间: 'pm',
    夜间: 'pm',
  },
  ...{ 明晚: 'pm', 今晚: 'pm', 晚: 'pm', am: 'am', pm: 'pm', pagi: 'am', siang: 'pm', sore: 'pm', malam: 'pm' },
};

const MONTH = Object.keys(MONTHS)
  .toSorted((a, b) => b.length - a.length)
  .join('|');
const HAN_HALF = '凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|晚间|夜间|今晚|明晚|晚';
const RANGE = String.raw`(?:-|–|—|~|〜|至|到|s/d|s\.d\.|hingga|sampai|to\b|until)`;

interface Rule {
  /** Sticky; every repeat in it is bounded, so that no text can make it slow. */
  readonly pattern: RegExp;
  readonly read: (groups: readonly (string | undefined)[]) => Meaning | readonly Meaning[] | undefined;
}

const rule = (source: string, read: Rule['read']): Rule => ({ pattern: new RegExp(source, 'iy'), read });
const number = (text: string | undefined): number => Number(text ?? Number.NaN);

/** A date of this century, or nothing: year 0 and year 9999 are no announcements. */
function date(year: string | undefined, month: number, day: number, doubtful = false): Meaning | undefined {
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= 31)) return undefined;
  if (year === undefined) return { is: 'date', month, day, doubtful };
  const full = Number(year);
  return full >= 2000 && full <= 2099 ? { is: 'date', year: full, month, day, doubtful } : undefined;
}

function time(hour: number, minute: number, half: Half): Meaning | undefined {
  if (!(hour >= 0 && hour <= 24 && minute >= 0 && minute <= 59) || (hour === 24 && minute > 0)) return undefined;
  return { is: 'time', hour, minute, half };
}

const half = (word: string | undefined): Half => HALVES[(word ?? '').toLowerCase().replaceAll('.', '')];

/** Day before month, as in Indonesia and most of the world; doubtful when it could be the other way round. */
function dayMonth(first: number, second: number, year: string | undefined): Meaning | undefined {
  if (second > 12) return date(year, first, second);
  return date(year, second, first, first <= 12 && first !== second);
}

function both(first: Meaning | undefined, second: Meaning | undefined): readonly Meaning[] | undefined {
  return first === undefined || second === undefined ? undefined : [first, second];
}

const RULES: readonly Rule[] = [
  // ISO 8601, where the letter T must not be lost: 2026-11-25T01:00:00+08:00.
  rule(String.raw`(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?`, (g) => {
    const parts = both(date(g[1], number(g[2]), number(g[3])), time(number(g[4]), number(g[5]), undefined));
    if (parts === undefined || g[6] === undefined) return parts;
    return [...parts, { is: 'zone', zone: { kind: 'offset', minutes: minutesOf(g[6]) } }];
  }),
  rule(String.raw`(\d{4})\s?年\s?(\d{1,2})\s?月\s?(\d{1,2})\s?[日号號]`, (g) => date(g[1], number(g[2]), number(g[3]))),
  rule(String.raw`(\d{1,2})\s?月\s?(\d{1,2})\s?[日号號]`, (g) => date(undefined, number(g[1]), number(g[2]))),
  rule(String.raw`(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)`, (g) => date(g[1], number(g[3]), number(g[4]))),
  rule(String.raw`(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?!\d)`, (g) => dayMonth(number(g[1]), number(g[3]), g[4])),
  // "25-26 November 2026": two days share a month.
  rule(String.raw`(\d{1,2})\s?[-–]\s?(\d{1,2})\s(${MONTH})\b\.?,?(?:\s(\d{4})(?!\d))?`, (g) => {
    const month = MONTHS[(g[3] ?? '').toLowerCase()] ?? 0;
    return both(date(g[4], month, number(g[1])), date(g[4], month, number(g[2])));
  }),
  rule(String.raw`(\d{1,2})(?:st|nd|rd|th)?\s(?:of\s)?(${MONTH})\b\.?,?(?:\s(\d{4})(?!\d))?`, (g) =>
    date(g[3], MONTHS[(g[2] ?? '').toLowerCase()] ?? 0, number(g[1])),
  ),
  rule(String.raw`(${MONTH})\.?\s(\d{1,2})(?:st|nd|rd|th)?(?![\d:.])(?:,?\s(\d{4})(?!\d))?`, (g) =>
    date(g[3], MONTHS[(g[1] ?? '').toLowerCase()] ?? 0, number(g[2])),
  ),
  rule(`(${HAN_HALF})?\\s?(\\d{1,2})\\s?[点點时時](?!间)(?:\\s?(\\d{1,2})\\s?分?|(半))?`, (g) =>
    time(number(g[2]), g[4] === undefined ? Number(g[3] ?? 0) : 30, half(g[1])),
  ),
  rule(`(${HAN_HALF})\\s?(\\d{1,2}):(\\d{2})(?!\\d)`, (g) => time(number(g[2]), number(g[3]), half(g[1]))),
  // "1-3 pm": the first hour borrows the second one's half of the day.
  rule(String.raw`(\d{1,2})(?::(\d{2}))?\s?(?:-|–|to)\s?(\d{1,2})(?::(\d{2}))?\s?([ap])\.?m\b\.?`, (g) => {
    const [from, to, said] = [number(g[1]), number(g[3]), half(`${g[5] ?? ''}m`)];
    // 11 to 1 pm begins before noon.
    const first = from > 12 ? undefined : said === 'pm' && from % 12 > to % 12 ? 'am' : said;
    return both(time(from, Number(g[2] ?? 0), first), time(to, Number(g[4] ?? 0), said));
  }),
  rule(String.raw`(\d{1,2}):(\d{2})(?::\d{2})?(?!\d)(?:\s?([ap]\.?m)\b\.?)?`, (g) =>
    time(number(g[1]), number(g[2]), half(g[3])),
  ),
  rule(String.raw`(\d{1,2})\s?([ap]\.?m)\b\.?`, (g) => time(number(g[1]), 0, half(g[2]))),
  rule(String.raw`(?:jam\s|pukul\s|pkl\.?\s)?(\d{1,2})(?:[.:](\d{2}))?\s(pagi|siang|sore|malam)(?!\sini)\b`, (g) =>
    // Eleven and twelve "siang" are before and at noon.
    time(number(g[1]), Number(g[2] ?? 0), g[3] === 'siang' && number(g[1]) === 11 ? 'am' : half(g[3])),
  ),
  // A dot is a decimal point or a version unless a word or a sign says that it is a clock.
  rule(String.raw`(?:jam|pukul|pkl\.?)\s(\d{1,2})(?:[.:](\d{2}))?(?![\d])`, (g) =>
    time(number(g[1]), Number(g[2] ?? 0), undefined),
  ),
  rule(String.raw`(\d{1,2})\.(\d{2})(?![\d.])(?=\s?(?:WIB|WITA|WIT)\b|\s{0,2}${RANGE})`, (g) =>
    time(number(g[1]), number(g[2]), undefined),
  ),
  rule(
    String.raw`(\d{1,2})\.(\d{2})(?![\d.])(?<=(?:-|–|—|~|s/d|hingga|sampai|sampai dengan)\s{0,2}\d{1,2}\.\d{2})`,
    (g) => time(number(g[1]), number(g[2]), undefined),
  ),
  rule(String.raw`(?:midnight|tengah malam|午夜)`, () => time(24, 0, undefined)),
  rule(String.raw`(?:noon|正午)\b`, () => time(12, 0, undefined)),
  rule(String.raw`(?:UTC|GMT)\s?([+\-−]\s?\d{1,2}(?::?\d{2})?)(?!\d)`, (g) => ({
    is: 'zone',
    zone: { kind: 'offset', minutes: minutesOf((g[1] ?? '').replace('−', '-').replaceAll(' ', '')) },
  })),
  rule(
    Object.keys(ZONES)
      .toSorted((a, b) => b.length - a.length)
      .map((name) => (/^[a-z]/.test(name) ? `\\b${name}\\b` : name))
      .join('|'),
    (g) => {
      const zone = ZONES[(g[0] ?? '').toLowerCase()];
      return zone && { is: 'zone', zone };
    },
  ),
  rule(String.raw`(?:Asia|Europe|America|Australia|Africa|Pacific)/[A-Z][a-z]{2,20}(?:_[A-Z][a-z]{2,20})?\b`, (g) => ({
    is: 'zone',
    zone: named(g[0] ?? ''),
  })),
  rule(
    String.raw`次日|翌日|隔天|隔日|第二天|\b(?:the )?(?:next|following) day\b|keesokan hari(?:nya)?|hari berikutnya|\(\+1\)`,
    () => ({ is: 'nextday' }),
  ),
  rule(
    Object.keys(DAYS)
      .map((name) => (/^[a-z]/.test(name) ? `\\b${name}\\b` : name))
      .join('|'),
    (g) => {
      const days = DAYS[(g[0] ?? '').toLowerCase()];
      return days === undefined ? undefined : { is: 'relative', days };
    },
  ),
  rule(String.raw`(\d{1,3}(?:[.,]\d)?)\s?-?(jam|hours?|hrs?|个?小时|個?小時)(?![a-z])`, (g) => span(g[1], 60)),
  rule(String.raw`(\d{1,3})\s?-?(menit|minutes?|mins?|分钟|分鐘)(?![a-z])`, (g) => span(g[1], 1)),
  // Month/day without a year is how Chinese notices write; elsewhere day/month.
  rule(String.raw`(\d{1,2})/(\d{1,2})(?![\d/.:])`, (g) => dayMonth(number(g[1]), number(g[2]), undefined)),
];

function span(count: string | undefined, unit: number): Meaning | undefined {
  const minutes = Math.round(Number((count ?? '').replace(',', '.')) * unit);
  return minutes > 0 && minutes <= 72 * 60 ? { is: 'span', minutes } : undefined;
}

/** Minutes of `+07:00`, `+0700`, `+8`, `Z`. */
function minutesOf(text: string): number {
  const match = /^([+-])(\d{1,2}):?(\d{2})?$/.exec(text);
  if (match === null) return 0;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3] ?? 0));
}

const HAN_DIGITS = '〇一二三四五六七八九';

/** 十一月二十五日 as 11月25日: Chinese numerals become digits, but only before a unit of date or time. */
function digits(text: string): string {
  return text.replace(/[〇零一二三四五六七八九十两]{1,4}(?=[年月日号點点时時分])/g, (word) => {
    const plain = word.replaceAll('零', '〇').replaceAll('两', '二');
    const ten = plain.indexOf('十');
    if (ten < 0) return Array.from(plain, (each) => HAN_DIGITS.indexOf(each)).join('');
    const tens = ten === 0 ? 1 : HAN_DIGITS.indexOf(plain.slice(ten - 1, ten));
    const ones = plain.length > ten + 1 ? HAN_DIGITS.indexOf(plain.slice(ten + 1, ten + 2)) : 0;
    return String(tens * 10 + ones);
  });
}

/** Full-width letters and digits as plain ones, Chinese numerals as digits, runs of white space as one. */
export function plain(text: string): string {
  return digits(text.normalize('NFKC')).replace(/[^\S\n]+/g, ' ');
}

/** Everything in a text made `plain` that reads as a date, time, zone or span: longest first, none overlapping. */
export function moments(text: string): readonly Moment[] {
  const found: Moment[] = [];
  const han = /\p{Script=Han}/u.test(text);
  let at = 0;
  while (at < text.length) {
    const best = longestAt(text, at, han);
    found.push(...(best?.moments ?? []));
    at = best?.end ?? at + 1;
  }
  return found;
}

/** A token begins where a number or a word begins, never inside one: most places of a text are passed over by this. */
function begins(text: string, at: number): boolean {
  const [before, here] = [text[at - 1] ?? ' ', text[at] ?? ' '];
  if (/\d/.test(here)) return !/[\d]/.test(before);
  return /[a-z]/i.test(here) ? !/[a-z\d]/i.test(before) || /\d/.test(before) : /[(\p{Script=Han}]/u.test(here);
}

function longestAt(text: string, at: number, han: boolean): { moments: readonly Moment[]; end: number } | undefined {
  if (!begins(text, at)) return undefined;
  let best: { moments: readonly Moment[]; end: number } | undefined;
  for (const each of RULES) {
    each.pattern.lastIndex = at;
    const match = each.pattern.exec(text);
    if (match === null || at + match[0].length <= (best?.end ?? at)) continue;
    const meaning = each.read(match);
    if (meaning === undefined) continue;
    const end = at + match[0].length;
    const meanings = 'is' in meaning ? [meaning] : meaning;
    best = { moments: meanings.map((one) => ({ ...turned(one, han, match[0]), start: at, end })), end };
  }
  return best;
}

/** In a Chinese text `11/05` is the fifth of November. */
function turned(meaning: Meaning, han: boolean, written: string): Meaning {
  if (!han || meaning.is !== 'date' || !meaning.doubtful || !/^\d{1,2}\/\d{1,2}$/.test(written)) return meaning;
  return { ...meaning, month: meaning.day, day: meaning.month, doubtful: false };
}
