/** What the demo wallet's chat desks say, in Indonesian, English and Chinese. They differ in how they are spoken to, not in their words. */

export const GREETING =
  'Halo! Saya asisten virtual Dompet Demo. / Hello! I am the virtual assistant of Demo Wallet. / 您好！我是演示钱包的智能客服。';
export const QUEUE =
  'Semua agen sedang melayani pelanggan lain. Posisi antrean Anda: 12. / All agents are busy. Your position in the queue: 12. / 客服正忙，您前面还有12位。';
export const QUEUE_PLACE = 12;
export const QUEUE_SECONDS = 540;
export const CLOSED =
  'Di luar jam operasional. Kami kembali pukul 08.00 WIB. / We are outside our service hours and back at 08:00 WIB. / 现在是非工作时间，08:00（WIB）恢复服务。';
/** A template that nobody has filled in. */
export const NONSENSE = '%%REPLY_TEMPLATE_17%%';

/** An agent's answer to whatever was said. */
export const answerWith = (ticket: string): string =>
  `Halo, saya Sari dari Dompet Demo. Pesan Anda kami terima, nomor tiket ${ticket}. / Hello, this is Sari. Your message has arrived, ticket ${ticket}. / 您好，我是 Sari，已收到您的消息，工单号 ${ticket}。`;

/** Ticket numbers of one desk, from DW-1001 on. */
export function openTickets(): () => string {
  let last = 1_000;
  return () => `DW-${(last += 1)}`;
}
