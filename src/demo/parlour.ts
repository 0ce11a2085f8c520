/** A chat desk's WebSocket on loopback that can be shut, emptied and shown with another certificate. It knows no words and no protocol of its own. */
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { faultNamed, openDoor, takeTurns } from './door.ts';
import type { DoorOptions } from './door.ts';

export interface ChatOptions extends DoorOptions {
  /** How long the agent takes; default 400 ms. */
  readonly replyMs?: number;
  /** How long the agent takes under the fault `slow`; default 8 s. */
  readonly slowMs?: number;
}

export interface Plan<Fault extends string> {
  readonly name: string;
  /** `down` and `expired` are the parlour's own, the others are its host's; `none` among them. */
  readonly faults: readonly Fault[];
  /** Where it stands, such as `/chat`. */
  readonly path: string;
  /** The only subprotocol that guests may ask for; absent: none is agreed on. */
  readonly subprotocol?: string;
  /** Receives a guest who came in; `fault` says what is in force at any time, `wire` is what lies under the frames. */
  readonly receive: (guest: WebSocket, fault: () => Fault, wire: Duplex) => void;
}

export interface ChatDesk {
  readonly name: string;
  readonly address: { readonly host: string; readonly port: number; readonly url: string };
  /** Without a second certificate there is no `expired`. */
  readonly faults: readonly string[];
  /** Breaks the desk in one way, or mends it (`none`); rejects for a word that is not among `faults`. */
  set(fault: string): Promise<void>;
  close(): Promise<void>;
}

const PAYLOAD_CAP = 16 * 1024;
const GUESTS_CAP = 200;

/** Opens it. Rejects when its port is taken. */
export async function openParlour<Fault extends string>(plan: Plan<Fault>, options: DoorOptions): Promise<ChatDesk> {
  const faults = plan.faults.filter(
    (each) => each !== 'expired' || (options.tls !== undefined && options.expired !== undefined),
  );
  let fault = faultNamed(faults, 'none', plan.name);
  const room = new WebSocketServer({
    ...{ noServer: true, perMessageDeflate: false, maxPayload: PAYLOAD_CAP },
    handleProtocols: (asked) =>
      plan.subprotocol !== undefined && asked.has(plan.subprotocol) ? plan.subprotocol : false,
  });
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
        room.handleUpgrade(request, socket, head, (guest) => {
          guest.on('error', () => undefined);
          plan.receive(guest, () => fault, socket);
        });
      });
    },
  );
  const change = async (wanted: Fault): Promise<void> => {
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
    name: plan.name,
    address: { host, port, url: `${secure ? 'wss' : 'ws'}://${host}:${port}${plan.path}` },
    faults,
    set: async (word) => {
      const wanted = faultNamed(faults, word, plan.name);
      await inTurn(() => change(wanted));
    },
    close: () => inTurn(() => door.shut()),
  };
}

/** Says something after a while, unless the guest has left by then. */
export function later(guest: WebSocket, ms: number, work: () => void): void {
  const timer = setTimeout(work, ms);
  guest.once('close', () => {
    clearTimeout(timer);
  });
}
