/** What the demo wallet's help says to everybody: health, articles, contact page, the reset of a password, its app in the store. It opens no port. */
import type { Instant } from '../core/model.ts';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const json = (status: number, value: unknown): Answer => ({
  status,
  type: 'application/json; charset=utf-8',
  body: JSON.stringify(value),
});
export const html = (status: number, body: string): Answer => ({ status, type: 'text/html; charset=utf-8', body });

const ARTICLES = [
  {
    id: 'reset-password',
    title: { id: 'Mengatur ulang kata sandi', en: 'Reset your password', zh: '重置密码' },
    text: {
      id: 'Buka Profil, pilih Keamanan, lalu ketuk Atur ulang kata sandi.',
      en: 'Open Profile, choose Security, then tap Reset password.',
      zh: '打开“我的”，选择“安全”，然后点击“重置密码”。',
    },
  },
  {
    id: 'unlock-account',
    title: { id: 'Membuka akun yang terkunci', en: 'Unlock your account', zh: '解锁账户' },
    text: {
      id: 'Akun terbuka sendiri setelah 30 menit. Bila tidak, hubungi kami lewat chat.',
      en: 'An account unlocks by itself after 30 minutes. If it does not, contact us in the chat.',
      zh: '账户会在 30 分钟后自动解锁。若仍未解锁，请通过在线聊天联系我们。',
    },
  },
  {
    id: 'refund',
    title: { id: 'Pengembalian dana', en: 'Refunds', zh: '退款' },
    text: {
      id: 'Dana kembali ke saldo Anda dalam 3 hari kerja.',
      en: 'The money is back in your balance within 3 working days.',
      zh: '款项将在 3 个工作日内退回您的余额。',
    },
  },
];

type Tongue = 'id' | 'en' | 'zh';

/** What is wrong with the pages. */
export interface Slip {
  /** No link leads to the contact page, which is still there. */
  readonly hidden: boolean;
  /** The Indonesian articles are in English. */
  readonly foreign: boolean;
}

/** Answers one request that needs no memory, as a help desk does. */
export function help(method: string, path: string, slip: Slip, now: Instant): Answer {
  if (path === '/api/help/health') return json(200, { status: 'ok', service: 'help', version: '2026.11.0', queue: 0 });
  if (path === '/api/help/articles') return json(200, { articles: ARTICLES.map(({ id, title }) => ({ id, title })) });
  const article = ARTICLES.find((each) => path === `/api/help/articles/${each.id}`);
  if (article !== undefined) return json(200, article);
  if (path === '/api/help/reset') {
    if (method !== 'POST') return { ...json(405, { error: 'POST only' }), headers: { allow: 'POST' } };
    return json(202, { status: 'accepted', number: `RST-${10_000 + Math.floor(Math.random() * 89_999)}` });
  }
  if (path === '/' || path === '/help') return html(200, home(slip));
  if (path === '/contact') return html(200, contact());
  return articlePage(path, slip, now) ?? json(404, { error: 'not found' });
}

const page = (tongue: Tongue, title: string, body: string): string =>
  `<!doctype html>\n<html lang="${tongue}"><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1>${body}</body></html>\n`;

const CONTACT = '<p><a href="/contact">Hubungi kami / Contact us / 联系我们</a></p>';

function home({ hidden }: Slip): string {
  const links = ARTICLES.map(
    (each) => `<li><a href="/help/${each.id}">${each.title.id} / ${each.title.en} / ${each.title.zh}</a></li>`,
  );
  return page('id', 'Bantuan / Help / 帮助', `<ul>${links.join('')}</ul>${hidden ? '' : CONTACT}`);
}

function contact(): string {
  const ways = [
    '<li><a href="tel:+622150840000">+62 21 5084 0000</a></li>',
    '<li><a href="mailto:help@demo.test">help@demo.test</a></li>',
  ];
  return page('id', 'Hubungi kami / Contact us / 联系我们', `<ul>${ways.join('')}</ul>`);
}

const STILL: Readonly<Record<Tongue, string>> = {
  id: 'Masih ada pertanyaan? Silakan hubungi kami kapan saja.',
  en: 'Do you still have questions? You can contact us at any time.',
  zh: '还有其他问题吗？您可以随时联系我们。',
};
const REVISED_MS = 20 * 86_400_000;

/** `/help/refund` in Indonesian, `/en/help/refund`, `/zh/help/refund`. */
function articlePage(path: string, { hidden, foreign }: Slip, now: Instant): Answer | undefined {
  const [, lead = 'id', id] = /^(?:\/(id|en|zh))?\/help\/([a-z-]+)$/.exec(path) ?? [];
  const article = ARTICLES.find((each) => each.id === id);
  if (article === undefined) return undefined;
  const asked = lead === 'en' || lead === 'zh' ? lead : 'id';
  const tongue = foreign && asked === 'id' ? 'en' : asked;
  const revised = new Date(now - REVISED_MS).toISOString().slice(0, 10);
  const body = `<time datetime="${revised}">${revised}</time><p>${article.text[tongue]}</p><p>${STILL[tongue]}</p>`;
  return html(200, page(tongue, article.title[tongue], body + (hidden ? '' : CONTACT)));
}

/** The number of the demo wallet's app in a store that is ours as well. */
const APP = 1_600_000_001;

/** What a store's lookup says of the app. `releasedAt`: since when the newer version is there; undefined: it is not. */
export function lookup(id: string | null, releasedAt: Instant | undefined): Answer {
  if (id !== String(APP)) return json(200, { resultCount: 0, results: [] });
  const [version, at] = releasedAt === undefined ? ['5.20.0', Date.UTC(2026, 9, 5, 3)] : ['5.21.0', releasedAt];
  const app = {
    trackId: APP,
    trackName: 'Dompet Demo',
    version,
    currentVersionReleaseDate: new Date(at).toISOString(),
  };
  return json(200, { resultCount: 1, results: [app] });
}

/** The page that stands before everything while the systems are worked on. */
export const MAINTENANCE: Answer = {
  ...html(
    503,
    '<!doctype html>\n<html lang="id"><head><meta charset="utf-8"><title>Pemeliharaan / Maintenance / 系统维护</title></head><body><h1>Sedang dalam pemeliharaan</h1><p>Scheduled maintenance, please come back later. 系统维护中，请稍后再试。</p></body></html>\n',
  ),
  headers: { 'retry-after': '3600' },
};

export const OVERLOADED: Answer = {
  ...json(503, { error: 'too many requests at the moment' }),
  headers: { 'retry-after': '30' },
};
/** A page of success that is none: what a broken gateway says. */
export const WRONG: Answer = json(200, { status: 'error', error: 'upstream returned an empty answer' });
