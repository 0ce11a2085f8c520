/** The demo wallet's live chat: a WebSocket desk on loopback where a bot greets and an agent answers, and which can be broken. */
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { later, openParlour } from './parlour.ts';
import type { ChatDesk, ChatOptions } from './parlour.ts';
import { answerWith, CLOSED, GREETING, NONSENSE, openTickets, QUEUE, QUEUE_PLACE, QUEUE_SECONDS } from './words.ts';

const FAULTS = [
  'none',
  /** The port is closed. */
  'down',
  /** The agent answers late. */
  'slow',
  /** A place in the queue, and nobody. */
  'busy',
  /** A bot says nonsense. */
  'wrong',
  /** The chat opens and stays empty. */
  'silence',
  /** Out of office. */
  'closed',
  /** Frames that are none. */
  'garbage',
  'expired',
] as const;
type Fault = (typeof FAULTS)[number];

/** Opens the desk. Rejects when its port is taken. */
export function openChatDesk(options: ChatOptions = {}): Promise<ChatDesk> {
  const { replyMs = 400, slowMs = 8_000 } = options;
  const ticketFor = openTickets();
  const receive = (guest: WebSocket, fault: () => Fault, wire: Duplex): void => {
    if (fault() === 'garbage') {
      // Reserved bits, an opcode that does not exist and a mask that a server never uses (RFC 6455 §5.2).
      wire.write(Buffer.from([0xff, 0xff, 0x00, 0xff, 0x13, 0x37]));
      return;
    }
    if (fault() === 'silence') return;
    say(guest, { type: 'greeting', from: BOT, text: GREETING });
    guest.on('message', () => {
      answer(guest, fault());
    });
  };
  const answer = (guest: WebSocket, fault: Fault): void => {
    if (fault === 'busy')
      say(guest, { type: 'queue', position: QUEUE_PLACE, estimated_wait: QUEUE_SECONDS, text: QUEUE });
    else if (fault === 'closed') say(guest, { type: 'out_of_office', from: { role: 'system' }, text: CLOSED });
    else if (fault === 'wrong') say(guest, { type: 'message', from: BOT, text: NONSENSE });
    else reply(guest, fault === 'slow' ? slowMs : replyMs);
  };
  const reply = (guest: WebSocket, afterMs: number): void => {
    say(guest, { type: 'typing', from: AGENT });
    const ticket = ticketFor();
    later(guest, afterMs, () => {
      say(guest, { type: 'message', from: AGENT, text: answerWith(ticket), ticket });
    });
  };
  return openParlour({ name: 'chat', faults: FAULTS, path: '/chat', receive }, options);
}

const BOT = { role: 'bot', name: 'Didi' };
const AGENT = { role: 'agent', name: 'Sari' };

function say(guest: WebSocket, message: Record<string, unknown>): void {
  if (guest.readyState === WebSocket.OPEN) guest.send(JSON.stringify(message));
}
