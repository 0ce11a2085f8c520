/** Processes of the far side of a small network: a desk that greets, and a name server that knows one address. */
import { createSocket } from 'node:dgram';
import { createServer, type AddressInfo } from 'node:net';
import { FAR } from '../lib/netns.ts';

/** Listens until it is killed. */
export const ROLES = {
  desk: (port: number): void => {
    createServer((socket) => socket.on('error', () => undefined).end('220 hello\r\n')).listen(port);
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
  /** Every name is the far side's; of everything but IPv4 addresses there is nothing (RFC 1035, 4.1). */
  names: (port: number): void => {
    const server = createSocket('udp4');
    server.on('message', (query, from) => {
      let end = 12;
      while (query.readUInt8(end) !== 0) end += query.readUInt8(end) + 1;
      const question = query.subarray(12, end + 5);
      const answers = query.readUInt16BE(end + 1) === 1 ? [1] : [];
      const head = Buffer.from([...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, answers.length, 0, 0, 0, 0]);
      const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...FAR.split('.').map(Number)]);
      server.send(Buffer.concat([head, question, ...answers.map(() => record)]), from.port, from.address);
    });
    server.bind(port);
  },
} as const;

if (import.meta.main) ROLES[process.argv[2] as keyof typeof ROLES](Number(process.argv[3]));
