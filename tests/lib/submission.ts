/** A mail server on loopback that takes mail for a test, with or without TLS and a login, and hands over what came. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerOptions } from 'smtp-server';
import type { Pem } from './mail.ts';

export interface Taken {
  readonly from: string;
  readonly to: string;
  readonly raw: string;
  /** The random part of a round trip's mail. */
  readonly token: string;
}

export interface Submission {
  readonly port: number;
  readonly taken: readonly Taken[];
  /** Passwords that clients gave, with the way they were given. */
  readonly passwords: readonly string[];
  close(): Promise<void>;
}

export interface Wish {
  readonly tls?: Pem;
  /** Ways to log in; none: nobody has to. */
  readonly login?: readonly string[];
  /** Answer to DATA's end instead of consent. */
  readonly refuse?: readonly [code: number, text: string];
  readonly onMail?: (mail: Taken) => void;
}

export async function openSubmission(wish: Wish = {}): Promise<Submission> {
  const taken: Taken[] = [];
  const passwords: string[] = [];
  const options: SMTPServerOptions = {
    ...wish.tls,
    disabledCommands: [...(wish.tls === undefined ? ['STARTTLS'] : []), ...(wish.login === undefined ? ['AUTH'] : [])],
    authMethods: [...(wish.login ?? [])],
    allowInsecureAuth: true,
    authOptional: wish.login === undefined,
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: false,
    logger: false,
    onAuth({ method, username, password }, _session, done) {
      passwords.push(`${method} ${username ?? ''} ${password ?? ''}`);
      done(null, { user: username ?? 'nobody' });
    },
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (wish.refuse !== undefined)
          return done(Object.assign(new Error(wish.refuse[1]), { responseCode: wish.refuse[0] }));
        const raw = Buffer.concat(chunks).toString('latin1');
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        const token = /rb-([0-9a-f]{32})/.exec(raw)?.[1] ?? '';
        const mail = { from, to: envelope.rcptTo[0]?.address ?? '', raw, token };
        taken.push(mail);
        done();
        wish.onMail?.(mail);
      });
    },
  };
  const smtp = new SMTPServer(options);
  smtp.on('error', () => undefined);
  const server = smtp.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    taken,
    passwords,
    close: () =>
      new Promise((resolve) => {
        smtp.close(resolve);
      }),
  };
}
