/** The language of short texts: sixty and more as desks, bots and their neighbours write them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { languageFault, languageOf } from '../../probes/lib/language.ts';

const INDONESIAN = [
  'Halo, ada yang bisa kami bantu?',
  'Terima kasih telah menghubungi kami.',
  'Terima kasih',
  'Mohon maaf atas ketidaknyamanannya.',
  'Mohon tunggu sebentar, petugas kami akan segera membantu Anda.',
  'Silakan hubungi customer service kami melalui live chat.',
  'Saat ini kami sedang di luar jam kerja. Jam layanan: Senin-Jumat pukul 08.00-20.00 WIB.',
  'Akun terbuka sendiri setelah 30 menit. Bila tidak, hubungi kami lewat chat.',
  'Buka Profil, pilih Keamanan, lalu ketuk Atur ulang kata sandi. Jika gagal, hubungi kami.',
  'Pesan Anda sudah kami terima dengan nomor tiket #123456.',
  'Selamat siang Bapak/Ibu, apa kendala yang dialami?',
  'Dana kembali ke saldo Anda dalam 3 hari kerja.',
  'Hai kak, tim kami akan membalas dalam waktu 1x24 jam ya',
  'Laporan Anda sedang diproses oleh tim terkait.',
  'Anda berada di antrian nomor 4. Perkiraan waktu tunggu 3 menit.',
  'Jangan berikan PIN atau kode OTP kepada siapa pun, termasuk pihak yang mengaku dari GoPay.',
];
const ENGLISH = [
  'Hello, how can we help you?',
  'Thank you for contacting us.',
  'Thanks! We will get back to you soon.',
  'Please wait, an agent will be with you shortly.',
  'We are currently closed. Our working hours are Monday to Friday, 9 to 18.',
  'Open Profile, choose Security, then tap Reset password. If that does not work, contact us.',
  'An account unlocks by itself after 30 minutes. If it does not, contact us in the chat.',
  'The money is back in your balance within 3 working days.',
  'Your ticket number is 123456.',
  'You are number 4 in the queue.',
  'We’re sorry, nobody is available right now.',
  'This page could not be found.',
  'Never give your PIN or OTP to anybody.',
  'What would you like to know about GoPay?',
];
const CHINESE = [
  '您好，请问有什么可以帮您？',
  '你好',
  '感谢您联系我们。',
  '请稍候，客服人员将很快为您服务。',
  '当前不在服务时间，工作时间为周一至周五 9:00-18:00。',
  '打开“我的”，选择“安全”，然后点击“重置密码”。',
  '账户会在 30 分钟后自动解锁。若仍未解锁，请通过在线聊天联系我们。',
  '款项将在 3 个工作日内退回您的余额。',
  '您的工单编号是 TKT-20261122-0001。',
  '请联系 GoPay 客服（Live Chat）',
  '您好，請問有什麼可以幫您？',
  '系統維護中，請稍後再試，我們將盡快為您處理。',
  '请勿向任何人透露您的 PIN 或 OTP 验证码。',
  '前面还有3位客户在排队',
];
const UNKNOWN = [
  '',
  '   ',
  'OK',
  '404',
  'GoPay',
  '#123456',
  '👋👋👋',
  'https://help.example.id/contact/us/the/and/you/your',
  'help@example.com',
  'Error 500',
  'Live Chat',
  'Contact',
  'lorem ipsum dolor sit amet consectetur',
  // Two languages in one breath.
  'Halo, ada yang bisa kami bantu? Hello, how can we help you?',
  'Bantuan / Help / 帮助',
  'Hubungi kami / Contact us / 联系我们',
  // Neighbours that look like one of ours.
  'Sila hubungi kami untuk bantuan lanjut. Terima kasih kerana menghubungi khidmat pelanggan.',
  'Sila masukkan kata laluan akaun anda.',
  'Waktu pejabat: Isnin hingga Jumaat sahaja.',
  '営業時間外です。お問い合わせありがとうございます。',
  '年中無休',
  '営業時間 午前九時',
  'お問い合わせ',
  '株式会社東京電力',
  '안녕하세요, 무엇을 도와드릴까요?',
  'Hola, ¿en qué podemos ayudarle?',
  'Gracias por contactar con nosotros. Le responderemos en breve.',
  'Bonjour, comment pouvons-nous vous aider ?',
  'Merci de nous avoir contactés.',
  'Hallo, wie können wir Ihnen helfen?',
  'Vielen Dank, wir melden uns in Kürze bei Ihnen.',
  'Hallo, hoe kunnen we u helpen? We zijn open van 9 tot 18.',
  'Olá, como podemos ajudar você?',
  'Ciao, come possiamo aiutarti?',
  'Xin chào, chúng tôi có thể giúp gì cho bạn?',
  'Kumusta, paano po namin kayo matutulungan?',
  'Здравствуйте, чем мы можем вам помочь?',
  'สวัสดีค่ะ มีอะไรให้ช่วยไหมคะ',
  'مرحبا، كيف يمكننا مساعدتك؟',
  'नमस्ते, हम आपकी कैसे मदद कर सकते हैं?',
  'Matur nuwun sampun ngontak kulo',
];

describe('the language of a text', () => {
  it.each(INDONESIAN)('is Indonesian: %s', (text) => expect(languageOf(text)).toBe('id'));
  it.each(ENGLISH)('is English: %s', (text) => expect(languageOf(text)).toBe('en'));
  it.each(CHINESE)('is Chinese: %s', (text) => expect(languageOf(text)).toBe('zh'));
  it.each(UNKNOWN)('is not known: %s', (text) => expect(languageOf(text)).toBeUndefined());

  it('of a page is that of its text, whatever its links to other languages say', () => {
    const [id, zh] = [
      'Akun terbuka sendiri setelah 30 menit. Bila tidak, hubungi kami lewat chat. ',
      '账户会在三十分钟后自动解锁。若仍未解锁，请联系我们。',
    ];
    expect(languageOf(`${id.repeat(3)} English 简体中文 日本語 한국어`)).toBe('id');
    expect(languageOf(`${zh.repeat(6)} Bahasa Indonesia | English | About us | 日本語`)).toBe('zh');
    expect(languageOf(`${id} ${zh}`)).toBeUndefined();
    expect(languageOf('営業時間外のため、お客様の会話を開始できません。English 简体中文 您好')).toBeUndefined();
  });

  it('is the same in capitals, in full-width letters and with addresses in between', () => {
    expect(languageOf('MOHON TUNGGU, PETUGAS KAMI AKAN SEGERA MEMBANTU')).toBe('id');
    expect(languageOf('Ｐｌｅａｓｅ ｗａｉｔ， ｗｅ ａｒｅ ｂａｃｋ ｓｏｏｎ')).toBe('en');
    expect(languageOf('请访问 https://help.example.id/the/and/you 联系我们 help@example.id')).toBe('zh');
  });

  it('is never another one for a beginning of a text, however short it is cut', () => {
    const told = [...INDONESIAN.map((text) => [text, 'id']), ...ENGLISH.map((text) => [text, 'en'])];
    const cases = [...told, ...CHINESE.map((text) => [text, 'zh'])] as [string, string][];
    for (const [text, language] of cases)
      for (let end = 0; end <= text.length; end += 1)
        expect([undefined, language], text.slice(0, end)).toContain(languageOf(text.slice(0, end)));
  });

  it('takes any text, and a huge one, in a moment', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => void languageOf(text)),
      {
        numRuns: 300,
      },
    );
    const began = performance.now();
    for (const unit of ['a', '@', '{{', 'a.', 'http://', '好', "a'", ' ']) languageOf(unit.repeat(1_000_000));
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('a promise of languages', () => {
  it('is broken by a text known to be in another one, and by no other', () => {
    expect(languageFault('en', ['id'])).toMatchObject({ code: 'LANGUAGE', cause: 'wrong_content' });
    expect(languageFault('en', ['id', 'en'])).toBeUndefined();
    expect(languageFault(undefined, ['id'])).toBeUndefined();
    expect(languageFault('zh', [])).toBeUndefined();
  });
});
