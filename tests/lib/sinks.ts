/** Far sides for receivers: a mail server and an HTTP server that accept, refuse, hang or babble, and remember what came. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { onTestFinished } from 'vitest';

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came over the wire, header and body. */
  readonly raw: string;
}

export interface MailSink {
  readonly port: number;
  readonly mails: readonly Mail[];
}

/** A mail server on loopback; `options` are smtp-server's, so that it can refuse at any stage. */
export async function mailSink(options: SMTPServerOptions = {}): Promise<MailSink> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    onData: (stream, session, done) => {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? '' : mailFrom.address;
        mails.push({ from, to: rcptTo.map((each) => each.address), raw: Buffer.concat(parts).toString() });
        done(null, 'kept');
      });
    },
    ...options,
  });
  // A client that hangs up in the middle is the test's business.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise((resolve) => server.close(resolve)));
  return { port: (server.server.address() as AddressInfo).port, mails };
}

/** The header of a mail, unfolded; undefined when it is not there or stands there twice. */
export function headerOf(mail: Mail | undefined, name: string): string | undefined {
  const head = (mail?.raw ?? '').split('\r\n\r\n', 1)[0] ?? '';
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const found = lines.filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return found.length === 1 ? found[0]?.slice(name.length + 1).trim() : undefined;
}

export interface Hook {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HookSink {
  readonly port: number;
  readonly url: string;
  readonly hooks: readonly Hook[];
}

/** An HTTP server on loopback; `reply` answers after the body has arrived. */
export async function hookSink(
  reply: (response: ServerResponse, hook: Hook) => void = (response) => response.end('ok'),
): Promise<HookSink> {
  const hooks: Hook[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const hook = { method, path: url, headers, body: Buffer.concat(parts).toString() };
      hooks.push(hook);
      reply(response, hook);
    });
  });
  const port = await listen(server);
  onTestFinished(() => server.closeAllConnections());
  return { port, url: `http://127.0.0.1:${port}/hook`, hooks };
}

/** A bare TCP server on loopback: whatever no protocol allows. Sockets are destroyed when the test is over. */
export async function rawSink(talk: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcp((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    talk(socket);
  });
  const port = await listen(server);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  return port;
}

/** A port of loopback on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createTcp();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
