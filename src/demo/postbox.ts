/** A mailbox that takes mail by SMTP and keeps the newest: the on-call person of the demo and of the tests. It answers nobody. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerSession } from 'smtp-server';
import { readMail } from './letter.ts';
import type { Mail } from './letter.ts';

export interface Postbox {
  readonly host: string;
  readonly port: number;
  /** Oldest first, the newest 200. */
  readonly mails: readonly Mail[];
  /** Answers every recipient with this code (450 for later, 550 for never) until it is called without one. */
  refuse(code?: number): void;
  /** Waits so long before it takes a mail. */
  slow(ms: number): void;
  /** Resolves with the first mail, come or to come, that the test is true of; rejects when `signal` fires. */
  arrived(test: (mail: Mail) => boolean, signal: AbortSignal): Promise<Mail>;
  close(): Promise<void>;
}

export interface PostboxOptions {
  readonly host?: string;
  /** 0, the default, picks a free one. */
  readonly port?: number;
}

const MAILS_CAP = 200;
const SIZE_CAP = 1_048_576;

export async function openPostbox({ host = '127.0.0.1', port = 0 }: PostboxOptions = {}): Promise<Postbox> {
  const mails: Mail[] = [];
  const waiting = new Set<(mail: Mail) => void>();
  let refusal: number | undefined;
  let delayMs = 0;

  const smtp = new SMTPServer({
    // No certificate to trust on loopback, and nobody to log in.
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    size: SIZE_CAP,
    closeTimeout: 100,
    onRcptTo(_address, _session, done) {
      done(refusal === undefined ? null : refuse(refusal, 'the postbox refuses mail just now'));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => {
        // Past the cap nothing is kept, but all of it is read: otherwise the sender never hears why.
        if (stream.byteLength <= SIZE_CAP) chunks.push(chunk);
      });
      stream.on('end', () => {
        if (stream.sizeExceeded) done(refuse(552, 'too large'));
        else if (delayMs === 0) take(Buffer.concat(chunks), session, done);
        else setTimeout(take, delayMs, Buffer.concat(chunks), session, done);
      });
    },
  });
  // A client that drops the line is its own business.
  smtp.on('error', () => undefined);

  function take(raw: Buffer, session: SMTPServerSession, done: (error?: Error | null) => void): void {
    const mail = readMail(raw, envelopeOf(session), Date.now());
    mails.push(mail);
    mails.splice(0, mails.length - MAILS_CAP);
    for (const tell of waiting) tell(mail);
    done();
  }

  const server = smtp.listen(port, host);
  await once(server, 'listening');
  return {
    host,
    port: (server.address() as AddressInfo).port,
    mails,
    refuse: (code) => {
      refusal = code;
    },
    slow: (ms) => {
      delayMs = ms;
    },
    arrived: (test, signal) => awaitMail(mails, waiting, test, signal),
    close: () =>
      new Promise((resolve) => {
        smtp.close(resolve);
      }),
  };
}

function awaitMail(
  mails: readonly Mail[],
  waiting: Set<(mail: Mail) => void>,
  test: (mail: Mail) => boolean,
  signal: AbortSignal,
): Promise<Mail> {
  const { promise, resolve, reject } = Promise.withResolvers<Mail>();
  const tell = (mail: Mail): void => {
    if (test(mail)) resolve(mail);
  };
  const giveUp = (): void => {
    reject(new Error(`no such mail came; there are ${mails.length}: ${mails.map((mail) => mail.subject).join(' | ')}`));
  };
  mails.forEach(tell);
  waiting.add(tell);
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  return promise.finally(() => {
    waiting.delete(tell);
    signal.removeEventListener('abort', giveUp);
  });
}

/** What an SMTP server's hook answers with instead of consent. */
export function refuse(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

export function envelopeOf({ envelope }: SMTPServerSession): { from: string; to: readonly string[] } {
  return {
    from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
    to: envelope.rcptTo.map((each) => each.address),
  };
}
