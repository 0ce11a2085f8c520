/** What stands in place of a page: a wall against robots, a login, maintenance, "not found" with a good status. It judges words alone. */
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import { textOf } from './markup.ts';

/** A wall against robots says nothing about what people see. */
const WALL =
  /captcha|cf-chl|challenge-platform|are you (?:a )?human|verify (?:that )?you are (?:a )?human|checking your browser|unusual traffic|bukan robot|验证码|驗證碼|人机验证|人機驗證|access denied/i;
/** The headlines of walls that say no more. */
const WAITING = /^\W*(?:just a moment|attention required|security check|tunggu sebentar|请稍候|請稍候)\W*/i;
const LOGIN = /(?:log|sign)[-_]?(?:in|on)\b|\bmasuk\b|\bsso\b|\boauth|\bauthori[sz]e\b|\bauthenticate\b|\bpassport\b/i;
const PASSWORD = /<input\b[^<>]{0,300}\btype\s{0,5}=\s{0,5}["']?password/i;
/** Only what is said of now: a page that is about maintenance is no page under it. */
const CLOSED =
  /under (?:scheduled |planned )?maintenance|(?:down|closed|unavailable|offline) for (?:scheduled |planned )?maintenance|maintenance mode|(?:sedang|masih) (?:dalam |menjalani )?(?:masa )?(?:pemeliharaan|perawatan|perbaikan|maintenance)|(?:系统|系統)?(?:维护|維護)中|正在(?:进行|進行)?(?:系统|系統)?(?:维护|維護)/i;
const LOST =
  /^\W*(?:error\W{0,3}|kesalahan\W{0,3})?404\b|\b(?:page|article|document|file)\b.{0,20}\b(?:not found|no longer|does ?n[o'’]t exist|cannot be found)|^\W*not found\b|(?:halaman|artikel)\b.{0,40}\b(?:tidak (?:dapat )?(?:ditemukan|tersedia|ada)|sudah dihapus)|(?:页面|頁面|网页|網頁|文章|内容|內容).{0,12}(?:不存在|未找到|找不到|已删除|已刪除|已下架)|(?:找不到|未找到)(?:您|该|該|此|这|這|所|请求|請求|相关|相關|页|頁|网|網)/i;

const HEAD_CAP = 65_536;
/** What stands in place of a page is short. */
const SHORT = 2_000;
const SHORT_MARKUP = 12_000;

/** Whether an address looks like that of a login. */
const isLogin = ({ hostname, pathname }: URL): boolean => LOGIN.test(`${hostname}${pathname}`);

/** Whether a page that was refused to us (403, 429, 503) is a wall against robots. */
export const isWall = (markup: string): boolean =>
  WALL.test(markup.slice(0, 20_000)) || headlines(markup).some((each) => WAITING.test(each));

/** Whether what people see of a page is a wall against robots and nothing else. */
export const isWalled = (visible: string): boolean => visible.length < SHORT && WALL.test(visible);

/** Where a page was asked for, and where redirects led to. */
export interface Journey {
  readonly asked: URL;
  readonly reached: URL;
}

/** What a page with a good status is by its title and first heading, if not what was asked for. */
export function guiseOf(markup: string, journey: Journey): Fault | undefined {
  const told = headlines(markup).map(byWords);
  return told.find((each) => each !== undefined) ?? led(journey);
}

/** The same of a page that does not say what it should: then its short text is believed, too. */
export function guiseOfWrong(markup: string, journey: Journey): Fault | undefined {
  const told = guiseOf(markup, journey);
  if (told !== undefined || markup.length > SHORT_MARKUP) return told;
  const visible = textOf(markup);
  if (visible.length >= SHORT) return undefined;
  const byText = byWords(plain(visible));
  if (byText !== undefined) return byText;
  return PASSWORD.test(markup) ? fault('CANNOT_JUDGE', 'it is a page that asks for a login') : undefined;
}

function byWords(text: string): Fault | undefined {
  if (WALL.test(text) || WAITING.test(text)) return fault('CANNOT_JUDGE', 'a wall against robots stands before it');
  if (CLOSED.test(text)) return fault('MAINTENANCE', 'the page says that it is under maintenance, with a good status');
  if (!LOST.test(text)) return undefined;
  return fault('CONTENT', 'the page says "not found", with a good status (soft 404)');
}

/** A page that was asked for as a login page is no surprise. */
function led({ asked, reached }: Journey): Fault | undefined {
  if (asked.href === reached.href || !isLogin(reached) || isLogin(asked)) return undefined;
  return fault('CANNOT_JUDGE', `it redirects to a login (${reached.pathname})`);
}

/** Title and first heading, each on one line; patterns with bounds, for the page is not ours. */
function headlines(markup: string): readonly string[] {
  const head = markup.slice(0, HEAD_CAP);
  const title = /<title\b[^<>]{0,200}>([^<]{0,300})/i.exec(head)?.[1] ?? '';
  const at = head.search(/<h1[\s>]/i);
  const heading = at < 0 ? '' : (/^[^>]{0,300}>([^]{0,600}?)<\/h1>/i.exec(head.slice(at, at + 1_000))?.[1] ?? '');
  return [plain(textOf(title)), plain(textOf(heading))];
}

const plain = (text: string): string => text.normalize('NFKC').replace(/\s+/g, ' ').trim();
