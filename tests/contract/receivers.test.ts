/** What every receiver owes the outbox: it never throws, ends when told, says `sent` only of what was accepted, and tells no secret. */
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Delivery, Receiver } from '../../src/core/receiver.ts';
import { Secret } from '../../src/core/secret.ts';
import email from '../../src/receivers/email.ts';
import webhook from '../../src/receivers/webhook.ts';
import { certificates, type Keypair } from '../lib/certs.ts';
import { messageOf } from '../lib/ledger.ts';
import { closedPort, hookSink, mailSink, rawSink } from '../lib/sinks.ts';

const SECRET = new Secret('hunter2-hunter2-hunter2', 'env:CONTRACT');
const DEADLINE_MS = 700;
/** From the signal to the answer. */
const GRACE_MS = 1_000;

/** How a kind is opened towards a port of loopback, and a far side that accepts from it. */
interface Candidate {
  readonly open: (port: number, isTls: boolean) => Receiver;
  readonly accepting: () => Promise<{ readonly port: number; readonly accepted: () => number }>;
  /** What a far side says that takes everything until the end and then refuses for good, repeating what it heard. */
  readonly gossip: (socket: Socket) => void;
}

const CANDIDATES: Readonly<Record<string, Candidate>> = {
  webhook: {
    open: (port, isTls) =>
      webhook.open(
        'hook',
        webhook.schema.parse({
          url: `${isTls ? 'https' : 'http'}://127.0.0.1:${port}/${SECRET.reveal()}`,
          secret: SECRET,
          headers: { Authorization: SECRET },
          allow_private: true,
        }),
      ),
    accepting: async () => {
      const sink = await hookSink();
      return { port: sink.port, accepted: () => sink.hooks.length };
    },
    gossip: (socket) => {
      socket.once('data', () =>
        socket.end(`HTTP/1.1 400 ${SECRET.reveal()}\r\nContent-Length: 23\r\n\r\n${SECRET.reveal()}`),
      );
    },
  },
  email: {
    open: (port, isTls) =>
      email.open(
        'ops-mail',
        email.schema.parse({
          to: ['ops@wallet.test'],
          from: 'ringback@wallet.test',
          smtp: `${isTls ? 'smtps' : 'smtp'}://127.0.0.1:${port}`,
          user: 'ring',
          password: SECRET,
          tls: 'opportunistic',
          allow_private: true,
        }),
      ),
    accepting: async () => {
      const sink = await mailSink({
        allowInsecureAuth: true,
        onAuth: ({ password }, _session, done) =>
          done(password === SECRET.reveal() ? null : new Error('no'), { user: 'ring' }),
      });
      return { port: sink.port, accepted: () => sink.mails.length };
    },
    gossip: (socket) => {
      socket.write('220 sink\r\n');
      socket.on('data', (heard) => {
        const text = heard.toString();
        if (text.startsWith('EHLO')) socket.write('250-sink\r\n250 AUTH PLAIN LOGIN\r\n');
        else if (text.startsWith('AUTH')) socket.write('235 fine\r\n');
        else socket.write(`550 5.7.1 ${SECRET.reveal()} ${Buffer.from(SECRET.reveal()).toString('base64')}\r\n`);
      });
    },
  },
};

const LINES = 'x'.repeat(998) + '\r\n';

/** Far sides that never accept anything. */
const HOSTILE: Readonly<Record<string, (socket: Socket) => void>> = {
  'is silent': () => undefined,
  'hangs up at once': (socket) => socket.destroy(),
  'resets after the first bytes': (socket) => socket.once('data', () => socket.resetAndDestroy()),
  'speaks nonsense': (socket) => socket.write('\0\u0001\u0002 nonsense\r\n\r\n'),
  'greets and hangs': (socket) => socket.write('220 sink\r\n'),
  'greets without end': (socket) => babble(socket, `220-${LINES}`),
  'answers a line without end': (socket) => babble(socket, LINES.trim()),
  'answers 200 and cuts in the header': (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nA: b')),
  drips: (socket) => {
    const drip = setInterval(() => socket.write('2'), 50);
    socket.on('close', () => clearInterval(drip));
  },
};

function babble(socket: Socket, text: string): void {
  const more = () => {
    while (!socket.destroyed && socket.write(text));
  };
  socket.on('drain', more);
  more();
}

async function deliver(receiver: Receiver, signal = AbortSignal.timeout(DEADLINE_MS)): Promise<Delivery | string> {
  const late = new Promise<string>((resolve) => setTimeout(() => resolve('did not end'), DEADLINE_MS + GRACE_MS));
  return Promise.race([receiver.send(messageOf('opened'), signal).catch(() => 'threw'), late]);
}

/** What is wrong with a delivery that cannot have been accepted. */
function wrongIn(delivery: Delivery | string, kinds: readonly Delivery['kind'][] = ['retry']): string | undefined {
  if (typeof delivery === 'string') return delivery;
  if (!kinds.includes(delivery.kind)) return `said ${delivery.kind}`;
  if (delivery.detail === '' || delivery.detail.length > 1_000) return 'gave no reason, or a book';
  const forms = [SECRET.reveal(), Buffer.from(SECRET.reveal()).toString('base64')];
  return forms.some((form) => delivery.detail.includes(form)) ? 'told a secret' : undefined;
}

async function tlsSink({ key, cert }: Keypair): Promise<{ port: number; heard: () => number }> {
  let heard = 0;
  const server = createTls({ key, cert }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => (heard += bytes.length));
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, heard: () => heard };
}

type Check = (candidate: Candidate) => Promise<string | undefined>;

const CHECKS: Readonly<Record<string, Check>> = {
  'says sent when the far side accepted, once': async ({ open, accepting }) => {
    const sink = await accepting();
    const delivery = await deliver(open(sink.port, false));
    if (sink.accepted() !== 1) return `delivered ${sink.accepted()} times`;
    return wrongIn(delivery, ['sent']);
  },
  'tries again when nobody listens': async ({ open }) => wrongIn(await deliver(open(await closedPort(), false))),
  'repeats no secret that a far side repeats': async ({ open, gossip }) =>
    wrongIn(await deliver(open(await rawSink(gossip), false)), ['rejected']),
  'ends when the signal fires, and when it has fired already': async ({ open }) => {
    const receiver = open(await rawSink(() => undefined), false);
    const begun = performance.now();
    for (const signal of [AbortSignal.timeout(100), AbortSignal.abort()]) {
      const wrong = wrongIn(await deliver(receiver, signal));
      if (wrong !== undefined) return wrong;
    }
    return performance.now() - begun > GRACE_MS ? 'ended late' : undefined;
  },
  ...Object.fromEntries(
    Object.entries(HOSTILE).map(([name, talk]): [string, Check] => [
      `S-E7: survives a far side that ${name}`,
      async ({ open }) => wrongIn(await deliver(open(await rawSink(talk), false))),
    ]),
  ),
  ...Object.fromEntries(
    (['expired', 'wrongName', 'selfSigned'] as const).map((bad): [string, Check] => [
      `S-A8: sends nothing to a certificate that is ${bad}`,
      async ({ open }) => {
        const sink = await tlsSink((await certificates())[bad]);
        const wrong = wrongIn(await deliver(open(sink.port, true)));
        return wrong ?? (sink.heard() > 0 ? 'spoke to it' : undefined);
      },
    ]),
  ),
};

for (const [kind, candidate] of Object.entries(CANDIDATES)) {
  describe(kind, () => {
    for (const [name, check] of Object.entries(CHECKS)) {
      it(name, async () => {
        expect(await check(candidate)).toBeUndefined();
      });
    }
  });
}

describe('webhook', () => {
  it('S-E7: takes a 200 for accepted and reads little of the 4 GB behind it', async () => {
    let written = 0;
    const port = await rawSink((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n');
        babble(socket, LINES);
        socket.on('close', () => (written = socket.bytesWritten));
      });
    });
    const before = process.memoryUsage.rss();
    expect(await deliver(CANDIDATES['webhook']!.open(port, false))).toMatchObject({ kind: 'sent' });
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20);
    await expect.poll(() => written).toBeGreaterThan(0);
    expect(written).toBeLessThan(32 * 2 ** 20);
  });
});

/** The suite is strict enough to fail: each of these breaks the contract in one way. */
describe('a rude receiver fails the contract:', () => {
  const rude: Readonly<Record<string, Receiver['send']>> = {
    'one that throws': () => Promise.reject(new Error('boom')),
    'one that says sent of everything': async () => ({ kind: 'sent', detail: 'sure' }),
    'one that never ends': () => new Promise(() => undefined),
    'one that tells its password': async () => ({ kind: 'retry', detail: `login with ${SECRET.reveal()} failed` }),
    'one that gives no reason': async () => ({ kind: 'retry', detail: '' }),
  };
  for (const [name, send] of Object.entries(rude)) {
    it(name, async () => {
      const candidate: Candidate = { ...CANDIDATES['webhook']!, open: () => ({ name: 'rude', send }) };
      expect(await CHECKS['tries again when nobody listens']!(candidate)).toBeTypeOf('string');
      expect(await CHECKS['says sent when the far side accepted, once']!(candidate)).toBeTypeOf('string');
    });
  }
});
