/** The demo wallet's live chat: a WebSocket desk on loopback where a bot greets and an agent answers, and which can be broken. */
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { faultNamed, openDoor, takeTurns } from './door.ts';
import type { DoorOptions } from './door.ts';

export const CHAT_FAULTS = [
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
export type ChatFault = (typeof CHAT_FAULTS)[number];

export interface ChatDeskOptions extends DoorOptions {
  /** How long the agent takes; default 400 ms. */
  readonly replyMs?: number;
  /** How long the agent takes under the fault `slow`; default 8 s. */
  readonly slowMs?: number;
}

export interface ChatDesk {
  readonly name: 'chat';
  readonly address: { readonly host: string; readonly port: number; readonly url: string };
  /** Without a second certificate there is no `expired`. */
  readonly faults: readonly string[];
  /** Breaks the desk in one way, or mends it (`none`); rejects for a word that is not among `faults`. */
  set(fault: string): Promise<void>;
  close(): Promise<void>;
}

const GREETING =
  'Halo! Saya asisten virtual Dompet Demo. / Hello! I am the virtual assistant of Demo Wallet. / 您好！我是演示钱包的智能客服。';
const QUEUE =
  'Semua agen sedang melayani pelanggan lain. Posisi antrean Anda: 12. / All agents are busy. Your position in the queue: 12. / 客服正忙，您前面还有12位。';
const CLOSED =
  'Di luar jam operasional. Kami kembali pukul 08.00 WIB. / We are outside our service hours and back at 08:00 WIB. / 现在是非工作时间，08:00（WIB）恢复服务。';
const PAYLOAD_CAP = 16 * 1024;
const GUESTS_CAP = 200;

/** Opens the desk. Rejects when its port is taken. */
export async function openChatDesk(options: ChatDeskOptions = {}): Promise<ChatDesk> {
  const { replyMs = 400, slowMs = 8_000 } = options;
  const faults = CHAT_FAULTS.filter(
    (each) => each !== 'expired' || (options.tls !== undefined && options.expired !== undefined),
  );
  let fault: ChatFault = 'none';
  let tickets = 1_000;

  const room = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: PAYLOAD_CAP });
  const receive = (guest: WebSocket, wire: Duplex) => {
    guest.on('error', () => undefined);
    if (fault === 'garbage') {
      // Reserved bits, an opcode that does not exist and a mask that a server never uses (RFC 6455 §5.2).
      wire.write(Buffer.from([0xff, 0xff, 0x00, 0xff, 0x13, 0x37]));
      return;
    }
    if (fault === 'silence') return;
    say(guest, { type: 'greeting', from: { role: 'bot', name: 'Didi' }, text: GREETING });
    guest.on('message', () => answer(guest));
  };
  const answer = (guest: WebSocket) => {
    if (fault === 'silence') return;
    if (fault === 'busy') say(guest, { type: 'queue', position: 12, estimated_wait: 540, text: QUEUE });
    else if (fault === 'closed') say(guest, { type: 'out_of_office', from: { role: 'system' }, text: CLOSED });
    else if (fault === 'wrong')
      say(guest, { type: 'message', from: { role: 'bot', name: 'Didi' }, text: '%%REPLY_TEMPLATE_17%%' });
    else reply(guest, fault === 'slow' ? slowMs : replyMs);
  };
  const reply = (guest: WebSocket, afterMs: number) => {
    say(guest, { type: 'typing', from: { role: 'agent', name: 'Sari' } });
    tickets += 1;
    const ticket = `DW-${tickets}`;
    const text = `Halo, saya Sari dari Dompet Demo. Pesan Anda kami terima, nomor tiket ${ticket}. / Hello, this is Sari. Your message has arrived, ticket ${ticket}. / 您好，我是 Sari，已收到您的消息，工单号 ${ticket}。`;
    const timer = setTimeout(
      () => say(guest, { type: 'message', from: { role: 'agent', name: 'Sari' }, text, ticket }),
      afterMs,
    );
    guest.once('close', () => clearTimeout(timer));
  };

  const door = await openDoor(
    options,
    (_request, response) =>
      response.writeHead(426, { upgrade: 'websocket' }).end('This is a chat: open it with WebSocket.\n'),
    (server) => {
      server.on('upgrade', (request, socket: Duplex, head: Buffer) => {
        if (room.clients.size >= GUESTS_CAP) {
          socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
          return;
        }
        room.handleUpgrade(request, socket, head, (guest) => receive(guest, socket));
      });
    },
  );

  const change = async (wanted: ChatFault): Promise<void> => {
    fault = wanted;
    // A conversation that began before the change belongs to another story.
    door.empty();
    if (wanted === 'down') {
      await door.shut();
      return;
    }
    await door.open();
    door.show(wanted === 'expired' ? 'expired' : 'valid');
  };
  const inTurn = takeTurns();
  const { host, port, secure } = door;
  return {
    name: 'chat',
    address: { host, port, url: `${secure ? 'wss' : 'ws'}://${host}:${port}/chat` },
    faults,
    set: async (word) => {
      const wanted = faultNamed(faults, word, 'chat');
      await inTurn(() => change(wanted));
    },
    close: () => inTurn(() => door.shut()),
  };
}

function say(guest: WebSocket, message: Record<string, unknown>): void {
  if (guest.readyState === WebSocket.OPEN) guest.send(JSON.stringify(message));
}
