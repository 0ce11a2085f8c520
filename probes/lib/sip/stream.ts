/** One request over a connection that is open already (TCP or TLS). It knows no DNS, no certificate and no verdict. */
import type { Socket } from 'node:net';
import { fault } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import { authority } from '../address.ts';
import { faultOf } from '../connector.ts';
import { openEar } from './exchange.ts';
import type { Answer, Question } from './exchange.ts';
import { openFramer } from './framer.ts';
import type { Flaw } from './message.ts';
import type { Trace } from './trace.ts';

/** More than this before the answer is no dialogue. */
const MOST_BYTES = 262_144;

/** Sends once (a stream loses nothing, §17.1.2.2) and reads until the answer, the deadline or the end of the stream. */
export function askByStream(
  question: Question,
  transport: 'tcp' | 'tls',
  socket: Socket,
  signal: AbortSignal,
  trace: Trace,
): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const ear = openEar(question);
  const framer = openFramer();
  const there = authority(socket.remoteAddress ?? '', socket.remotePort ?? 0);
  const request = question.compose(transport, socket.localAddress ?? '', socket.localPort ?? 0);
  const startedAt = performance.now();
  let received = 0;

  const tally = () => ({ transmissions: 1, ignored: ear.ignored });
  const giveUp = (why: Fault) => {
    trace.note(why.message);
    resolve({ fault: why, rung: 'reachable', ...tally() });
  };
  const stop = () =>
    giveUp(
      ear.provisional === undefined
        ? fault('DEADLINE', `${there} accepted the connection and never answered`)
        : fault('DEADLINE', `${there} said that it is trying, and never answered`),
    );
  const hear = (chunk: Buffer): void => {
    received += chunk.length;
    trace.received(there, chunk);
    const { messages, flaw } = framer.push(chunk);
    for (const message of messages) {
      const response = ear.hear({ ok: true, message });
      if (response === undefined) continue;
      resolve({ response, ms: performance.now() - startedAt, from: there, ...tally() });
      return;
    }
    if (flaw !== undefined) giveUp(faultOfFlaw(there, flaw));
    else if (received > MOST_BYTES) giveUp(fault('TOO_LARGE', `${there} sent ${received} bytes and no answer`));
  };
  // The connector destroys the socket at the deadline, and over TLS its end is heard before the signal is.
  const end = () => {
    if (signal.aborted) stop();
    else giveUp(fault('PROTO_CLOSED', `${there} closed the connection instead of answering`));
  };
  const fail = (error: unknown) => giveUp(faultOf(error, 'talk', there));

  socket.on('data', hear);
  socket.once('end', end);
  socket.once('close', end);
  socket.on('error', fail);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  else {
    trace.sent(there, request);
    socket.write(request);
  }
  // The error listener stays: the socket may still fail while its owner closes it.
  return promise.finally(() => {
    socket.off('data', hear).off('end', end).off('close', end);
    signal.removeEventListener('abort', stop);
  });
}

export function faultOfFlaw(there: string, { problem, detail }: Flaw): Fault {
  switch (problem) {
    case 'not_sip':
      return fault('PROTO_GARBAGE', `${there} does not speak SIP: ${detail}`);
    case 'malformed':
      return fault('PROTO_GARBAGE', `${there} speaks broken SIP: ${detail}`);
    case 'too_large':
      return fault('TOO_LARGE', `${there} sent more than a SIP message may hold: ${detail}`);
  }
}
