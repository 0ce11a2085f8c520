/** Memory under every hostile far side of mail, web and feeds, time and again: what a look took, it gives back. */
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import announcements from '../../probes/announcements.ts';
import http from '../../probes/http.ts';
import smtp from '../../probes/smtp.ts';
import tcp from '../../probes/tcp.ts';
import type { ProbeKind } from '../../src/core/probe.ts';
import { openMemory } from '../../src/core/recall.ts';
import { garbage, listening, MANNERS, openTcp } from '../lib/servers.ts';
import type { FarSide } from '../lib/servers.ts';

const MB = 1_048_576;
const LOOK_MS = 400;

/** Sends a piece over and over, as fast as it is taken. */
function pour(socket: Socket, piece: string): void {
  const lump = Buffer.from(piece.repeat(Math.ceil(32_768 / piece.length)), 'latin1');
  const more = (): void => {
    while (!socket.destroyed && socket.write(lump));
  };
  socket.on('drain', more);
  more();
}

const answer = (body: string | Buffer, ...headers: readonly string[]): Buffer =>
  Buffer.concat([
    Buffer.from(['HTTP/1.1 200 OK', ...headers, `content-length: ${body.length}`, '', ''].join('\r\n')),
    Buffer.from(body),
  ]);
const asked =
  (bytes: Buffer | string) =>
  (socket: Socket): void => {
    socket.once('data', () => socket.end(bytes));
  };
const pouring =
  (head: string, piece: string) =>
  (socket: Socket): void => {
    socket.once('data', () => {
      socket.write(head);
      pour(socket, piece);
    });
  };
const feed = (items: string): string => `<rss version="2.0"><channel><title>x</title>${items}</channel></rss>`;
const OK = 'HTTP/1.1 200 OK\r\n';

const WEB: Readonly<Record<string, (socket: Socket) => void>> = {
  'S-A5 a body without end': pouring(`${OK}\r\n`, 'x'),
  'S-A5 chunks without end': pouring(`${OK}transfer-encoding: chunked\r\n\r\n`, '1\r\nx\r\n'),
  'S-A6 a bomb': asked(answer(gzipSync(Buffer.alloc(100 * MB)), 'content-encoding: gzip')),
  'S-A6 fifty layers': asked(answer('x', `content-encoding: ${Array(50).fill('gzip').join(', ')}`)),
  'S-A7 headers without end': pouring(OK, 'x: yyyyyyyyyyyyyyyyyyyy\r\n'),
  'S-A7 one header without end': pouring(`${OK}x: `, 'y'),
  'S-A7 interim answers without end': pouring('', 'HTTP/1.1 103 Early Hints\r\n\r\n'),
  'S-A4 a redirect in a circle': asked('HTTP/1.1 302 Go\r\nlocation: /\r\ncontent-length: 0\r\n\r\n'),
  'MC-4 another protocol': (socket) => void socket.write('220 mail.example.id ESMTP\r\n'),
  'MC-4 a reset': (socket) => void socket.once('data', () => socket.resetAndDestroy()),
};
const FEEDS: Readonly<Record<string, (socket: Socket) => void>> = {
  'S-H1 laughs': asked(answer('<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + feed(''))),
  'S-H1 references': asked(answer(feed(`<item><title>${'&#65;'.repeat(45_000)}</title></item>`))),
  'S-H2 a page of 4 MB': asked(answer('<li>System maintenance 25 November 2026 01:00 - 02:00</li>'.repeat(70_000))),
  'S-H2 a million items': asked(answer(feed('<item/>'.repeat(600_000)))),
  'S-H2 a cut feed': asked(answer(feed('<item><title>x</title></item>'.repeat(50)).slice(0, 900))),
  'S-H4 dates to slow a pattern down': asked(answer(`<li>maintenance ${'12:'.repeat(900)}</li>`.repeat(20))),
  'MC-11 deep, below a thread': asked(answer(`${'<div>'.repeat(9_000)}<li>x</li>`)),
  'MC-11 deep, in a thread': asked(answer(`${'<div>'.repeat(40_000)}<li>x</li>`)),
  'MC-11 deep JSON': asked(answer(`{"items":${'['.repeat(200_000)}`)),
};
const MAIL: Readonly<Record<string, (socket: Socket) => void>> = {
  'S-F1 a banner of 1 MB': (socket) => void socket.write(`220 ${'x'.repeat(MB)}`),
  'S-F1 lines of 220- without end': (socket) => {
    pour(socket, '220-still here\r\n');
  },
  'S-F1 bytes without a line end': (socket) => {
    pour(socket, '\x00\xff~~');
  },
  'S-F1 220, then a reset': (socket) => {
    socket.write('220 hi\r\n');
    socket.once('data', () => socket.resetAndDestroy());
  },
  'S-F2 plain text behind STARTTLS': (socket) => {
    socket.write('220 hi\r\n');
    socket.on('data', (said: Buffer) => {
      const isHello = said.toString('latin1').startsWith('EHLO');
      socket.write(isHello ? '250-mx\r\n250 STARTTLS\r\n' : '220 go\r\n250 slipped in\r\n');
    });
  },
  'MC-14 garbage for TLS': (socket) => {
    socket.write('220 hi\r\n');
    socket.on('data', (said: Buffer) => {
      const text = said.toString('latin1');
      if (text.startsWith('EHLO')) socket.write('250-mx\r\n250 STARTTLS\r\n');
      else if (text.startsWith('STARTTLS')) socket.write('220 go\r\n');
      else socket.write(garbage(5_000));
    });
  },
};

interface Row {
  readonly kind: ProbeKind;
  readonly settings: (port: number) => Record<string, unknown>;
}
const web: Row = {
  kind: http,
  settings: (port) => ({ url: `http://127.0.0.1:${port}/`, follow: 3, decompress: true }),
};
const secure: Row = { kind: http, settings: (port) => ({ url: `https://127.0.0.1:${port}/` }) };
const news: Row = {
  kind: announcements,
  settings: (port) => ({ url: `http://127.0.0.1:${port}/`, select: { item: 'li' } }),
};
const mail: Row = { kind: smtp, settings: (port) => ({ host: '127.0.0.1', port, rcpt: 'support@example.id' }) };
const banner: Row = { kind: tcp, settings: (port) => ({ address: `127.0.0.1:${port}`, expect: 'never said' }) };

const collect = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

/** Bytes that are still held once everything that can be freed is. */
async function held(): Promise<number> {
  for (let turn = 0; turn < 4; turn += 1) {
    await pause(30);
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('memory', () => {
  const sides: { readonly far: FarSide; readonly row: Row }[] = [];
  beforeAll(async () => {
    const open = async (rows: Readonly<Record<string, (socket: Socket) => void>>, ...all: readonly Row[]) => {
      for (const serve of Object.values(rows)) {
        const far = await listening((socket) => {
          serve(socket);
          // Who does not read never hears that the other end has gone.
          socket.resume();
        });
        for (const row of all) sides.push({ far, row });
      }
    };
    await open(WEB, web, news);
    await open(FEEDS, news);
    await open(MAIL, mail, banner);
    for (const manner of MANNERS) {
      const far = await openTcp(manner);
      for (const row of [web, secure, news, mail, banner]) sides.push({ far, row });
    }
  });
  afterAll(async () => {
    for (const far of new Set(sides.map((each) => each.far))) await far.close();
  });

  /** Two dozen at a time: a look has its deadline, and not the machine. */
  async function round(): Promise<string[]> {
    const kinds: string[] = [];
    for (let at = 0; at < sides.length; at += 24) {
      const looks = sides.slice(at, at + 24).map(async ({ far, row: { kind, settings } }) => {
        const context = { startedAt: Date.now(), timeoutMs: LOOK_MS, runId: 'f'.repeat(32), timezone: 'Asia/Jakarta' };
        const parsed = kind.schema.parse({ allow_private: true, ...settings(far.port) });
        const all = { ...context, signal: AbortSignal.timeout(LOOK_MS), memory: openMemory(undefined) };
        return (await kind.look(parsed, all)).kind;
      });
      kinds.push(...(await Promise.all(looks)));
    }
    return kinds;
  }

  it('S-A5, S-A6, S-A7, S-F1, S-F2, S-H1, S-H2, S-H4, MC-1: stays flat however often hostile servers are looked at', async () => {
    const first = await round();
    expect(new Set(first)).toContain('failed');
    await round();
    const before = await held();
    for (let turn = 0; turn < 4; turn += 1) await round();
    const grown = (await held()) - before;
    // Measured: -1.3 to 0.5 MB; 30 MB when answers are not let go of.
    expect(grown / MB).toBeLessThan(4);
    await expect.poll(() => sides.reduce((open, { far }) => open + far.open(), 0), { timeout: 5_000 }).toBe(0);
  }, 180_000);
});
