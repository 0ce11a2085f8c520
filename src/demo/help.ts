/** What the demo wallet's in-app help says: health, articles and the reset of a password. It opens no port. */

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

/** Answers one request as a help desk in good health does. */
export function help(method: string, path: string): Answer {
  if (path === '/api/help/health') return json(200, { status: 'ok', service: 'help', version: '2026.11.0', queue: 0 });
  if (path === '/api/help/articles') return json(200, { articles: ARTICLES.map(({ id, title }) => ({ id, title })) });
  const article = ARTICLES.find((each) => path === `/api/help/articles/${each.id}`);
  if (article !== undefined) return json(200, article);
  if (path === '/api/help/reset') {
    if (method !== 'POST') return { ...json(405, { error: 'POST only' }), headers: { allow: 'POST' } };
    return json(202, { status: 'accepted', number: `RST-${10_000 + Math.floor(Math.random() * 89_999)}` });
  }
  if (path === '/' || path === '/help') return html(200, home());
  return json(404, { error: 'not found' });
}

function home(): string {
  const links = ARTICLES.map(
    (each) =>
      `<li><a href="/api/help/articles/${each.id}">${each.title.id} / ${each.title.en} / ${each.title.zh}</a></li>`,
  );
  return `<!doctype html>\n<html lang="id"><head><meta charset="utf-8"><title>Bantuan / Help / 帮助</title></head><body><h1>Bantuan / Help / 帮助</h1><ul>${links.join('')}</ul><p><a href="/contact">Hubungi kami / Contact us / 联系我们</a></p></body></html>\n`;
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
