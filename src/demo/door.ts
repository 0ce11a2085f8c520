/** A listener on loopback that can be shut, opened again on the same port and shown with another certificate. It knows no desk. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** PEM texts. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

export interface DoorOptions {
  /** An address of this machine; default 127.0.0.1. */
  readonly host?: string;
  /** 0, the default, picks a free one. */
  readonly port?: number;
  /** Present: TLS. */
  readonly tls?: KeyPair;
  /** What is shown instead while `show('expired')` is in force. */
  readonly expired?: KeyPair;
}

export interface Door {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  open(): Promise<void>;
  /** Nobody is let in any more, and whoever is in is put out. */
  shut(): Promise<void>;
  show(which: 'valid' | 'expired'): void;
  /** Puts everybody out and lets the next ones in. */
  empty(): void;
}

/** Opens a door; rejects when the port is taken. `fit` may hang further listeners on each server, such as `upgrade`. */
export async function openDoor(
  options: DoorOptions,
  listener: RequestListener,
  fit: (server: Server) => void = () => undefined,
): Promise<Door> {
  const { host = '127.0.0.1', tls, expired } = options;
  const sockets = new Set<Socket>();
  let shown: 'valid' | 'expired' = 'valid';
  let server: Server | TlsServer | undefined;

  const pair = () => (shown === 'expired' ? (expired ?? tls) : tls);
  const listen = (port: number): Promise<Server> =>
    new Promise((resolve, reject) => {
      const made = tls === undefined ? createServer(listener) : createTlsServer({ ...pair() }, listener);
      made.on('connection', (socket: Socket) => {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.once('close', () => sockets.delete(socket));
      });
      fit(made);
      made.once('error', reject);
      made.listen(port, host, () => resolve(made));
    });
  const empty = () => {
    for (const socket of sockets) socket.destroy();
  };

  server = await listen(options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return {
    host,
    port,
    secure: tls !== undefined,
    empty,
    async open() {
      server ??= await listen(port);
    },
    async shut() {
      const shutting = server;
      server = undefined;
      if (shutting === undefined) return;
      const gone = once(shutting, 'close');
      shutting.close();
      empty();
      await gone;
    },
    show(which) {
      shown = which;
      const wanted = pair();
      if (server !== undefined && 'setSecureContext' in server && wanted !== undefined)
        server.setSecureContext({ ...wanted });
    },
  };
}

/** One change after the other: two clicks in a row must not open the same port twice. */
export function takeTurns(): (work: () => Promise<void>) => Promise<void> {
  let turn: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  };
}

/** The word as one of the faults, or a throw: who breaks a desk in a way that it does not have has made a mistake. */
export function faultNamed<Name extends string>(faults: readonly Name[], word: string, desk: string): Name {
  const found = faults.find((each) => each === word);
  if (found === undefined)
    throw new Error(`the ${desk} desk cannot be broken by "${word}"; it knows ${faults.join(', ')}`);
  return found;
}
