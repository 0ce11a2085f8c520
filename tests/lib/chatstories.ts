/** Far sides that break WebSocket on the wire, each with what a look at it comes to. It asserts nothing. */
import type { Socket } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { accept, frame } from './chat.ts';

const BOMB = deflateRawSync(Buffer.alloc(50_000_000));
const FLOOD = Buffer.alloc(64 * 1024, 0x61);

/** Writes as fast as it is taken, until the other side goes. */
export function pour(socket: Socket, chunk: Buffer): void {
  const more = () => {
    while (!socket.destroyed && socket.write(chunk)) if (socket.writableLength > 1_000_000) return;
  };
  socket.on('drain', more);
  more();
}

const text = (words: string) => frame(0x81, Buffer.from(words));

/** Opens the chat and closes it at once with a code. */
const closing = (code: number) => (socket: Socket, key: string) => {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  socket.write(Buffer.concat([Buffer.from(accept(key)), frame(0x88, payload)]));
};

export type Story = readonly [name: string, expected: string, speak: (socket: Socket, key: string) => void];

export const STORIES: readonly Story[] = [
  ['a wrong accept key', 'failed PROTO_GARBAGE reachable', (s) => s.write(accept('another key'))],
  [
    'an extension nobody asked for',
    'failed PROTO_GARBAGE reachable',
    (s, k) => s.write(accept(k, 'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99\r\n')),
  ],
  [
    'a handshake that never ends',
    'failed DEADLINE reachable',
    (s) => s.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'),
  ],
  [
    'headers without end',
    'failed TOO_LARGE reachable',
    (s) => {
      s.write('HTTP/1.1 101 Switching Protocols\r\n');
      pour(s, Buffer.from(`X-A: ${'a'.repeat(1_000)}\r\n`));
    },
  ],
  ['a banner of another protocol', 'failed PROTO_GARBAGE reachable', (s) => s.write('220 mail.example.id ESMTP\r\n')],
  ['a connection cut before the answer', 'failed PROTO_CLOSED reachable', (s) => s.destroy()],
  [
    'reserved bits',
    'failed PROTO_GARBAGE accepting',
    (s, k) => s.write(Buffer.concat([Buffer.from(accept(k)), frame(0xf1, Buffer.from('x'))])),
  ],
  [
    'an opcode that does not exist',
    'failed PROTO_GARBAGE accepting',
    (s, k) => s.write(Buffer.concat([Buffer.from(accept(k)), frame(0x83, Buffer.from('x'))])),
  ],
  [
    'a masked frame of a server',
    'failed PROTO_GARBAGE accepting',
    (s, k) => s.write(Buffer.concat([Buffer.from(accept(k)), Buffer.from([0x81, 0x81, 1, 2, 3, 4, 0x60])])),
  ],
  [
    'text that is no UTF-8',
    'failed CHARSET accepting',
    (s, k) => s.write(Buffer.concat([Buffer.from(accept(k)), frame(0x81, Buffer.from([0xc3, 0x28, 0xff]))])),
  ],
  [
    'a length of 64 bits',
    'failed TOO_LARGE accepting',
    (s, k) =>
      s.write(
        Buffer.concat([Buffer.from(accept(k)), Buffer.from([0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255])]),
      ),
  ],
  [
    'a frame of 50 MB',
    'failed TOO_LARGE accepting',
    (s, k) => {
      s.write(Buffer.concat([Buffer.from(accept(k)), frame(0x81, FLOOD, 50_000_000)]));
      pour(s, FLOOD);
    },
  ],
  [
    'a deflate bomb of 50 MB in a compressed frame',
    'failed PROTO_GARBAGE accepting',
    (s, k) => s.write(Buffer.concat([Buffer.from(accept(k)), frame(0xc1, BOMB)])),
  ],
  [
    'fragments without end',
    'failed TOO_LARGE accepting',
    (s, k) => {
      s.write(Buffer.concat([Buffer.from(accept(k)), frame(0x01, Buffer.from('a'))]));
      pour(s, Buffer.concat(Array.from({ length: 5_000 }, () => frame(0x00, Buffer.alloc(0)))));
    },
  ],
  [
    'small messages without end',
    'failed TOO_LARGE accepting',
    (s, k) => {
      s.write(accept(k));
      pour(s, Buffer.concat(Array.from({ length: 500 }, () => text('{"type":"typing"}'))));
    },
  ],
  [
    'close code 1005 on the wire',
    'failed PROTO_GARBAGE accepting',
    (s, k) => s.write(Buffer.concat([Buffer.from(accept(k)), frame(0x88, Buffer.from([0x03, 0xed]))])),
  ],
  [
    'close code 65535',
    'failed PROTO_GARBAGE accepting',
    (s, k) => s.write(Buffer.concat([Buffer.from(accept(k)), frame(0x88, Buffer.from([0xff, 0xff]))])),
  ],
  ['close code 1000', 'failed PROTO_CLOSED accepting', closing(1000)],
  ['close code 1001', 'failed PROTO_CLOSED accepting', closing(1001)],
  ['close code 1012', 'failed PROTO_CLOSED accepting', closing(1012)],
  [
    'close code 1008',
    'failed REJECTED accepting',
    (s, k) => s.write(Buffer.concat([Buffer.from(accept(k)), frame(0x88, Buffer.from([0x03, 0xf0]))])),
  ],
  [
    'close code 1011',
    'failed SERVER_ERROR accepting',
    (s, k) => s.write(Buffer.concat([Buffer.from(accept(k)), frame(0x88, Buffer.from([0x03, 0xf3]))])),
  ],
  [
    'close code 1013',
    'failed OVERLOAD accepting',
    (s, k) => s.write(Buffer.concat([Buffer.from(accept(k)), frame(0x88, Buffer.from([0x03, 0xf5]))])),
  ],
  [
    'close code 4003',
    'failed PROTO_CLOSED accepting',
    (s, k) => s.write(Buffer.concat([Buffer.from(accept(k)), frame(0x88, Buffer.from([0x0f, 0xa3]))])),
  ],
  [
    'a connection cut in the middle',
    'failed PROTO_CLOSED accepting',
    (s, k) => {
      s.write(accept(k));
      setTimeout(() => s.destroy(), 300);
    },
  ],
  [
    'a reset in the middle (RST)',
    'failed PROTO_CLOSED accepting',
    (s, k) => {
      s.write(accept(k));
      s.once('data', () => s.resetAndDestroy());
    },
  ],
  ['a reset instead of an answer (RST)', 'failed TCP_RESET reachable', (s) => s.resetAndDestroy()],
  [
    'no pong: a connection that is dead and does not say so',
    'failed PROTO_CLOSED accepting',
    (s, k) => s.write(accept(k)),
  ],
  [
    'no pong, and yet an answer: whoever answers is alive',
    'ok answered',
    (s, k) => {
      s.write(accept(k));
      s.once('data', () => setTimeout(() => s.write(text('{"from":{"role":"bot"},"text":"Halo, ini asisten."}')), 500));
    },
  ],
  [
    'a server that speaks first, in the packet of its 101',
    'failed PROTO_CLOSED accepting',
    (s, k) => s.write(Buffer.concat([Buffer.from(accept(k)), text('{"from":{"role":"bot"},"text":"Selamat datang"}')])),
  ],
  [
    'a JSON message 100,000 levels deep',
    'failed NO_REPLY accepting',
    (s, k) => {
      s.write(accept(k));
      s.once('data', () => s.write(text('['.repeat(100_000))));
    },
  ],
];
