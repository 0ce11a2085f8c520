/** Which of the languages promised to customers a text is in: by script and by small words. Pure. It would rather not know than be wrong. */
import { z } from 'zod';
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';
import { LANGUAGES } from '../../src/core/model.ts';
import type { Language } from '../../src/core/model.ts';
import type { ProbeContext } from '../../src/core/probe.ts';

/** Characters that are looked at: the beginning of a page tells its language. */
const TEXT_CAP = 20_000;

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/).filter((word) => word !== ''));

/** Words that stand in every Indonesian text. Most of them are Malay as well: see `MALAY`. */
const INDONESIAN = words(`
  ada adalah agar akan anda apa apakah atau atas bagaimana bagi bahwa bantu bantuan belum berikut besok bisa bukan cara dalam
  dan dapat dari demi dengan di dibantu diproses dulu hanya harap hari hubungi ingin ini itu jam jika juga kami kamu karena
  kasih kata kembali kendala kepada kerja kini kita ke lagi lain layanan lebih maaf melalui membantu mengatasi mengenai
  menghubungi mohon nomor oleh pada pelanggan pengaduan permohonan pertanyaan pesan saat saja salah sandi sangat saya sebelum
  secara sedang segera sekarang selamat seperti setelah sesuai siang silakan silahkan sore sudah telah tentang terima terjadi
  terkait tersebut tersedia tetapi tidak tunggu untuk waktu yang senin selasa rabu kamis jumat minggu pukul halo hai
  pagi malam sampai telepon uang akun rekening saldo masalah kapan dimana mana siapa kenapa mengapa bapak ibu kak
`);

/** Not Indonesian: a text with one of these is Malay, unless its other words say otherwise. */
const MALAY = words(`
  akaun awak berbual bilakah e-mel emel hendaklah ialah iaitu isnin jumaat kemaskini kerana khidmat laluan perkhidmatan
  sahaja sila telefon wang khamis ahad pejabat tarikh minit mesej ejen encik puan
`);
/** Not Malay: karena, bisa, uang and the like outweigh what may be in both. */
const NOT_MALAY = words(
  'karena bahwa bisa uang akun silakan silahkan layanan nomor rekening telepon senin jumat kamis minggu sandi halo kak',
);

/** Small words of English that are small words of no neighbour. */
const ENGLISH = words(`
  the and you your yours are this that these those with from have has had been will would should could can't cannot our ours
  us they their them there here please thank thanks what when where which who why how hello welcome not yet soon shortly
  help need try again back after before within about more any all if it's we're we'll you're you'll don't doesn't
  sorry today tomorrow hours reply contact password account working unlock reset open closed get give let know
  is it to of for by or be do my we are can if at an as so was not does did its than then just only out up
`);
/** These are words of other languages too: they count, but prove nothing alone. */
const ENGLISH_WEAK = words(
  'help open reset account password contact is it to of for by or be do my hello all us at an as so was up',
);

/** Small words of languages with Latin letters that may come back where one of ours was promised. */
const OTHERS = words(`
  el la los las una unos que por para con del está estamos gracias usted hola cómo puede nuestro
  le les des une est pour vous nous avec votre merci bonjour dans sur pas qui
  der die das und ist nicht sie wir für mit auf ein eine ihre danke bitte hallo können
  de het een niet wij voor met uw van zijn bedankt graag onze
  o os as um uma não com você nosso obrigado olá seu
  il gli che per non sono grazie ciao buongiorno della nostro
  ang ng mga sa po kung hindi ito kami'y salamat inyong aming iyong maaari
  và của cho không bạn chúng tôi là có xin
  bir ve için bu ile teşekkürler merhaba lütfen değil
  i w na nie się jest dla dziękujemy proszę
  matur nuwun sampun kulo panjenengan wonten hatur kumaha punten abdi
`);

/** Simplified characters that Japanese writes otherwise, and characters that only Chinese strings together. */
const CHINESE = new Set(
  '们这吗请还给让谢么为对说时间问题开关联络统员维护账户设话电线车钱务应该过进转发现见观处单银额费贷购资预输选错误识认证议讯译试询语读课谁调谈记论访许诉评诈词诚详' +
    '你您哪啥们們嗎呢吧這麼沒没對說戶號與將來會關應樣實體總發變單轉錢氣讀傳圖賬聯繫後幾種動開卡亲咨马门当从众优价产业东严丧个临举义乐习乡书买乱争于亏云亚亿仅仓仪伤传伟伪' +
    '坏块坚场声壳备够头夹夺奋奖妇妈孙学宁实宝审宪宽宾导寻将尔尝尽层属岁岂岗币带帮广庆库废异弃张弥弯强归录彻径忆忧怀态总恳恶悬惊惯愿戏战扑执扩扫扬扰抚抛抢报担拟拥择挂挥损换据',
);
/** Of these Japanese uses some in exactly this form: they prove nothing. */
const SHARED_WITH_JAPAN = new Set('声学当宝将会来号点体区国数与乱争壳属担据宽励没関録');

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

/** The language of a text; undefined when it is too short, mixed, or none of ours. */
export function languageOf(text: string): Language | undefined {
  const plain = plainOf(text);
  const han = count(plain, /\p{Script=Han}/gu);
  const kana = count(plain, /[\p{Script=Hiragana}\p{Script=Katakana}]/gu);
  const strange = count(plain, /[\p{L}--[\p{Script=Han}\p{Script=Latin}\p{Script=Hiragana}\p{Script=Katakana}]]/gv);
  const latin = latinOf(plain);
  // A Chinese word has about two characters.
  const spoken = han / 2 + latin.length + kana + strange;
  if (kana > spoken / 10 || strange > spoken / 5) return undefined;
  // A link to the Chinese page makes no Chinese page.
  if (han / 2 <= latin.length / 8) return latinLanguage(latin);
  // Names of products stand in Latin letters in a Chinese text, and small words in none.
  const small = latin.filter((word) => INDONESIAN.has(word) || (ENGLISH.has(word) && !ENGLISH_WEAK.has(word))).length;
  return small <= han / 20 && han >= latin.length && isChinese(plain) ? 'zh' : undefined;
}

/** Without what is of no language: addresses, markup of names to fill in, numbers. */
function plainOf(text: string): string {
  return text
    .slice(0, TEXT_CAP)
    .normalize('NFKC')
    .replace(
      /[a-z][a-z+.-]{1,9}:\/\/\S{1,300}|\S{1,64}@\S{1,190}|\{\{[^{}]{0,60}\}\}|[\w-]{1,40}\.(?:com|id|co|net|org)\b\S{0,99}/gi,
      ' ',
    );
}

const latinOf = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .replaceAll('\u2019', "'")
    .match(/\p{Script=Latin}+(?:['-]\p{Script=Latin}+)*/gu) ?? [];

function isChinese(text: string): boolean {
  for (const each of text) if (CHINESE.has(each) && !SHARED_WITH_JAPAN.has(each)) return true;
  return false;
}

function latinLanguage(all: readonly string[]): Language | undefined {
  if (all.length < 2) return undefined;
  const distinct = [...new Set(all)];
  const hits = (of: ReadonlySet<string>): number => distinct.filter((word) => of.has(word)).length;
  const [id, en, others] = [hits(INDONESIAN), hits(ENGLISH), hits(OTHERS)];
  const strong = en - hits(ENGLISH_WEAK);
  const accented = distinct.filter((word) => /[^\u0000-\u007f]/.test(word)).length;
  // An é in a name is no French.
  if (accented > Math.max(1, distinct.length / 12)) return undefined;
  const share = (score: number): boolean => score >= 2 && score >= distinct.length / 7;
  if (share(id) && id > 3 * strong && id > 2 * others) return hits(MALAY) > hits(NOT_MALAY) ? undefined : 'id';
  return share(en) && strong >= 1 && en >= 3 * id && en > 2 * others ? 'en' : undefined;
}

const NAMES: Readonly<Record<Language, string>> = { id: 'Indonesian', en: 'English', zh: 'Chinese' };

/** Schema of the languages that a text may be in: one or several. */
export function languages() {
  return z
    .union([z.enum(LANGUAGES), z.array(z.enum(LANGUAGES)).min(1).max(LANGUAGES.length)])
    .transform((value): readonly Language[] => [value].flat())
    .meta({ description: 'id, en or zh, or several; a text whose language cannot be known passes' });
}

/**
 * The fault of a reply that is in none of the languages promised. Desks say the same thing in several languages, line by line or
 * between slashes: one of them is enough.
 */
export function replyFault(text: string, wanted: readonly Language[]): Fault | undefined {
  const whole = languageFault(languageOf(text), wanted);
  if (whole === undefined) return undefined;
  const parts = text.slice(0, TEXT_CAP).split(/\n| \/ /);
  const isSaid = parts.some((part) => {
    const found = languageOf(part);
    return found !== undefined && wanted.includes(found);
  });
  return isSaid ? undefined : whole;
}

/** What a reply is held to: what its target says, else what its channel promises. Nothing, where no known language can be wrong. */
export function promised(
  own: readonly Language[] | undefined,
  { languages: all = [] }: Pick<ProbeContext, 'languages'>,
): readonly Language[] {
  return own ?? (LANGUAGES.every((each) => all.includes(each)) ? [] : all);
}

/** The fault of a text that is known to be in another language than those promised. */
export function languageFault(found: Language | undefined, wanted: readonly Language[]): Fault | undefined {
  if (found === undefined || wanted.length === 0 || wanted.includes(found)) return undefined;
  const promised = wanted.map((each) => NAMES[each]).join(' or ');
  return fault('LANGUAGE', `the text is in ${NAMES[found]}, not in ${promised}`);
}
