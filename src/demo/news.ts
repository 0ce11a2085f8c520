/** What the demo wallet announces, as page and as feeds, in Indonesian, English and Chinese. It opens no port. */

export const TONGUES = ['id', 'en', 'zh'] as const;
export type Tongue = (typeof TONGUES)[number];

export interface News {
  readonly slug: string;
  readonly at: number;
  readonly title: Readonly<Record<Tongue, string>>;
  readonly body: Readonly<Record<Tongue, string>>;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** The demo wallet lives in Jakarta, which has no summer time. */
const WIB_MS = 7 * HOUR_MS;

/** What is always there: nothing about service, and nothing that could be taken for it. */
export function usualNews(now: number): readonly News[] {
  return [
    {
      slug: 'app-3-2',
      at: now - 2 * DAY_MS,
      title: {
        id: 'Aplikasi versi 3.2 sudah tersedia',
        en: 'App version 3.2 is here',
        zh: '应用 3.2 版本已上线',
      },
      body: {
        id: 'Riwayat transaksi kini lebih mudah dicari.',
        en: 'Your transaction history is now easier to search.',
        zh: '现在可以更方便地查找交易记录。',
      },
    },
    {
      slug: 'pin-otp',
      at: now - 9 * DAY_MS,
      title: {
        id: 'Jangan berikan PIN dan OTP kepada siapa pun',
        en: 'Never give your PIN or OTP to anybody',
        zh: '请勿向任何人透露 PIN 码和验证码',
      },
      body: {
        id: 'Tim Dompet Demo tidak pernah memintanya, lewat telepon maupun chat.',
        en: 'The Demo Wallet team never asks for it, neither on the phone nor in chat.',
        zh: '无论电话还是在线聊天，演示钱包团队都不会索要。',
      },
    },
  ];
}

/** A maintenance of the hotline that began a moment ago and ends in two hours. */
export function maintenanceNews(now: number): News {
  const from = Math.floor(now / 300_000) * 300_000;
  const [begin, end] = [local(from), local(from + 2 * HOUR_MS)];
  const same = begin.day === end.day;
  return {
    slug: `maintenance-${from / 60_000}`,
    at: now - 60_000,
    title: {
      id: 'Pemeliharaan sistem layanan telepon',
      en: 'Maintenance of the telephone hotline',
      zh: '客服热线系统维护公告',
    },
    body: {
      id: `Layanan telepon tidak tersedia pada ${begin.id} pukul ${begin.dotted} hingga ${same ? '' : `${end.id} pukul `}${end.dotted} WIB. Chat dan email tetap melayani.`,
      en: `The hotline is unavailable on ${begin.en} from ${begin.clock} to ${same ? '' : `${end.en} `}${end.clock} WIB. Chat and e-mail remain open.`,
      zh: `客服热线将于雅加达时间${begin.zh} ${begin.clock}至${same ? '' : `${end.zh} `}${end.clock}暂停服务，在线客服和邮件不受影响。`,
    },
  };
}

const MONTHS = {
  id: [
    'Januari',
    'Februari',
    'Maret',
    'April',
    'Mei',
    'Juni',
    'Juli',
    'Agustus',
    'September',
    'Oktober',
    'November',
    'Desember',
  ],
  en: [
    'January',
    'February',
    'March',
    'April',
    'May',
    'June',
    'July',
    'August',
    'September',
    'October',
    'November',
    'December',
  ],
};

function local(at: number) {
  const shifted = new Date(at + WIB_MS);
  const [year, month, day] = [shifted.getUTCFullYear(), shifted.getUTCMonth(), shifted.getUTCDate()];
  const clock = shifted.toISOString().slice(11, 16);
  return {
    ...{ day, clock, dotted: clock.replace(':', '.') },
    id: `${day} ${MONTHS.id[month] ?? ''} ${year}`,
    en: `${day} ${MONTHS.en[month] ?? ''} ${year}`,
    zh: `${year}年${month + 1}月${day}日`,
  };
}

const WORDS = {
  id: { title: 'Pengumuman', about: 'Berita resmi Dompet Demo' },
  en: { title: 'Announcements', about: 'Official news of Demo Wallet' },
  zh: { title: '公告', about: '演示钱包官方消息' },
};

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** The page of announcements. `renewed` is the same page after a redesign: other elements, other classes. */
export function pageOf(news: readonly News[], tongue: Tongue, renewed: boolean): string {
  const { title, about } = WORDS[tongue];
  const list = renewed
    ? `<div class="feed2">${news.map((each) => `<div class="card2"><b>${escape(each.title[tongue])}</b> <span>${escape(each.body[tongue])}</span></div>`).join('\n')}</div>`
    : `<ul class="news">\n${news.map((each) => itemOf(each, tongue)).join('\n')}\n</ul>`;
  return `<!doctype html>\n<html lang="${tongue}"><head><meta charset="utf-8"><title>${title}</title></head>
<body><header><h1>${title}</h1><p>${about}. Dompet Demo / Demo Wallet / 演示钱包.</p></header>
<main>${list}</main></body></html>\n`;
}

function itemOf({ slug, at, title, body }: News, tongue: Tongue): string {
  const when = new Date(at).toISOString();
  return `<li><h2><a href="/${tongue}/announcements/${slug}">${escape(title[tongue])}</a></h2><time datetime="${when}">${when.slice(0, 10)}</time><p>${escape(body[tongue])}</p></li>`;
}

/** RSS 2.0. */
export function rssOf(news: readonly News[], tongue: Tongue, origin: string): string {
  const items = news.map(
    (each) =>
      `<item><title>${escape(each.title[tongue])}</title><link>${origin}/${tongue}/announcements/${each.slug}</link><guid isPermaLink="false">${each.slug}</guid><pubDate>${new Date(each.at).toUTCString()}</pubDate><description>${escape(each.body[tongue])}</description></item>`,
  );
  const { title, about } = WORDS[tongue];
  return `<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel><title>${title}</title><link>${origin}/</link><description>${about}</description>\n${items.join('\n')}\n</channel></rss>\n`;
}

/** JSON Feed 1.1. */
export function jsonOf(news: readonly News[], tongue: Tongue, origin: string): string {
  const items = news.map((each) => ({
    id: each.slug,
    url: `${origin}/${tongue}/announcements/${each.slug}`,
    title: each.title[tongue],
    content_text: each.body[tongue],
    date_published: new Date(each.at).toISOString(),
  }));
  return JSON.stringify({ version: 'https://jsonfeed.org/version/1.1', title: WORDS[tongue].title, items });
}
