/** Processes of the far side of a small network: the desks of a wallet with the ear of somebody on call, and name servers. */
import { createSocket } from 'node:dgram';
import { createServer as createHttp, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { FAR, farHost } from '../lib/netns.ts';

/** Where the ear listens, at the far side's first address. */
export const EAR = 8080;
/** Of each host of the wallet. The third speaks HTTP; the fourth is known by its name alone. */
export const DESKS = [7001, 7002, 7003, 7004] as const;
export const HTTP_DESK = 7003;
export const NAMED_DESK = 7004;

/** What the far side prints, a line each. `at`: epoch milliseconds. */
export type Seen =
  | { readonly at: number; readonly look: string }
  | { readonly at: number; readonly ear: string; readonly body: string }
  | { readonly ready: true };

function tell(seen: Seen): void {
  console.log(JSON.stringify(seen));
}

/** Listens until it is killed. */
export const ROLES = {
  /** So many hosts with their desks, and the ear. `close <host>:<port>` on standard input ends one desk. */
  wallet: (hosts: number): void => {
    const servers = new Map<string, Server>();
    const greet = (socket: Socket): void => {
      socket.on('error', () => undefined).end('220 hello\r\n');
    };
    for (let index = 0; index < hosts; index += 1) {
      for (const port of DESKS) {
        const [host, address] = [farHost(index), `${farHost(index)}:${port}`];
        const server =
          port === HTTP_DESK ? createHttp((_, response) => response.end('220 hello')) : createServer(greet);
        server.on('connection', () => {
          tell({ at: Date.now(), look: address });
        });
        servers.set(address, server.listen(port, host));
      }
    }
    createHttp((request: IncomingMessage, response) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += String(part)));
      request.on('end', () => {
        response.end('ok');
        tell({ at: Date.now(), ear: request.url ?? '', body });
      });
    }).listen(EAR, FAR, () => {
      tell({ ready: true });
    });
    createInterface(process.stdin).on('line', (line) => {
      servers.get(line.replace('close ', ''))?.close();
    });
  },
  /** Takes its time, so that looks are under way when something happens to us. Says at which port it is. */
  slow: (port: number): void => {
    const server = createServer((socket) => {
      setTimeout(() => socket.end('220 hello\r\n'), 300);
      socket.on('error', () => undefined);
    });
    server.listen(port, '127.0.0.1', () => {
      console.log((server.address() as AddressInfo).port);
    });
  },
  /** Of `h3.…` it knows the address of that host; of everything but IPv4 addresses there is nothing (RFC 1035, 4.1). */
  names: (port: number): void => {
    const server = createSocket('udp4');
    server.on('message', (query, from) => {
      let end = 12;
      while (query.readUInt8(end) !== 0) end += query.readUInt8(end) + 1;
      const question = query.subarray(12, end + 5);
      const answers = query.readUInt16BE(end + 1) === 1 ? [1] : [];
      const head = Buffer.from([...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, answers.length, 0, 0, 0, 0]);
      const address = farHost(Number(query.toString('latin1', 14, 13 + query.readUInt8(12))));
      const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]);
      server.send(Buffer.concat([head, question, ...answers.map(() => record)]), from.port, from.address);
    });
    server.bind(port);
  },
  /** A name server that takes every question and answers none. */
  mute: (port: number): void => {
    createSocket('udp4').bind(port);
  },
} as const;

if (import.meta.main) ROLES[process.argv[2] as keyof typeof ROLES](Number(process.argv[3]));
